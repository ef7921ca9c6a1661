"""The way in: what the platform sends is answered in the server's loop, pages by threads, too much by 503."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from flask import request
from sqlalchemy.engine import Connection

from bot import acceptor
from bot.acceptor import BEHIND, EVENTS, PAGES, SMALL, Acceptor
from bot.inbox import Inbox
from bot.model import Event, Tap, TapAnswer, Toast
from bot.tables import inbox, taps
from bot.tickets import Late, Overloaded
from bot.web import DOOR, accepting
from bot.writer import GroupWriter
from runtime.db import Database
from runtime.ids import EventId
from tests.bot.conftest import START, Web
from tests.bot.platform import Sender

pytestmark = pytest.mark.db


class Headers(dict[str, str]):
    """Headers as the server gives them; one name may come twice."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(reversed(pairs))
        self._pairs = pairs

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Every header, in order."""
        return self._pairs


@dataclass
class Call:
    """One request and what was answered: scope and exchange of RSGI in one."""

    method: str = "POST"
    path: str = "/webhook/event"
    body: bytes = b""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    query_string: str = ""
    told: bool = True
    status: int = 0
    answer: bytes = b""
    http_version: str = "1.1"
    server: str = "127.0.0.1:8460"
    client: str = "10.1.2.3:40000"
    scheme: str = "http"
    authority: str | None = None

    @property
    def headers(self) -> Headers:
        """With the length of the body, unless it comes in chunks."""
        length = ("content-length", str(len(self.body))) if self.told else ("transfer-encoding", "chunked")
        return Headers(
            [(name.lower(), value) for name, value in self.pairs] + ([length] if self.body else [])
        )

    async def __call__(self) -> bytes:
        """The whole body."""
        return self.body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces."""
        for start in range(0, len(self.body), 60_000):
            yield self.body[start : start + 60_000]

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Keep the answer; there must be one only."""
        assert not self.status
        self.status, self.answer = status, body
        self.pairs = headers

    def json(self) -> Any:
        """The answer, read."""
        return json.loads(self.answer)


def signed(sender: Sender, envelope: dict[str, Any], **options: Any) -> Call:
    """A request of the platform."""
    body, headers = sender.request(envelope)
    return Call(body=body, pairs=list(headers.items()), **options)


def ask(web: Web | Acceptor, *calls: Call) -> list[Call]:
    """Have them all answered at the same time."""
    app = web if isinstance(web, Acceptor) else accepting(web.app, threading.Event())

    async def together() -> None:
        app.__rsgi_init__(asyncio.get_running_loop())
        await asyncio.gather(*(app.__rsgi__(call, call) for call in calls))  # type: ignore[arg-type]

    asyncio.run(together())
    return list(calls)


def test_many_events_at_once_are_all_durable_when_they_are_answered(web: Web, sender: Sender) -> None:
    """Three hundred together: each answered with 200 stands in the inbox.

    A busy machine may say 503, which the platform takes as "again"; so do we, a few times.
    """
    left, acknowledged = [sender.event() for _ in range(300)], 0
    for _ in range(5):
        calls = ask(web, *(signed(sender, event) for event in left))
        assert {call.status for call in calls} <= {200, 503}
        acknowledged += sum(call.status == 200 for call in calls)
        assert len(web.rows(inbox)) >= acknowledged
        left = [event for event, call in zip(left, calls, strict=True) if call.status == 503]
    assert (left, acknowledged, len(web.rows(inbox))) == ([], 300, 300)


def test_a_tap_is_decided_once_and_its_replay_refused(web: Web, sender: Sender) -> None:
    """The decision is in the database, the toast in the answer; the same tap again is 401."""

    def take(_conn: Connection, tap: Tap) -> TapAnswer:
        return TapAnswer(Toast("success", f"好的 {tap.operator}", "ok"))

    web.router.on_tap("ok", take)
    envelope = sender.tap({"a": "ok"})
    [first] = ask(web, signed(sender, envelope, path="/webhook/card"))
    assert (first.status, first.json()["toast"]["content"]) == (200, "好的 ou_ann")
    [again] = ask(web, signed(sender, envelope, path="/webhook/card"))
    assert (again.status, again.json()) == (401, {"error": "refused"})
    assert len(web.rows(taps)) == 1


def test_a_tap_whose_handler_fails_is_answered_politely(web: Web, sender: Sender) -> None:
    """A person always gets an answer."""

    def fail(_conn: Connection, _tap: Tap) -> TapAnswer:
        raise ZeroDivisionError

    web.router.on_tap("no", fail)
    [call] = ask(web, signed(sender, sender.tap({"a": "no"})))
    assert (call.status, call.json()["toast"]["type"]) == (200, "error")


@pytest.mark.parametrize("told", [True, False], ids=["length", "chunked"])
def test_a_large_event_goes_through_a_thread(web: Web, sender: Sender, told: bool) -> None:
    """It would hold up the loop; with or without its length told beforehand it is stored as it came."""
    text = "x" * (3 * SMALL)
    [call] = ask(web, signed(sender, sender.event("im.chat.updated_v1", {"text": text}), told=told))
    assert call.status == 200
    [row] = web.rows(inbox)
    assert json.loads(row["body"])["text"] == text


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (Call(method="GET"), 405),
        (Call(body=b"{}"), 401),
        (Call(body=b"[" * 30_000), 401),
        (Call(path="/nothing", method="GET"), 404),
        (Call(path="/a\0b", method="GET"), 400),
    ],
)
def test_what_is_no_request_of_the_platform(web: Web, call: Call, status: int) -> None:
    """Refused, and nothing is stored."""
    ask(web, call)
    assert call.status == status
    assert web.rows(inbox) == []


def test_a_page_sees_the_request_as_it_was_sent(web: Web) -> None:
    """Path, query, form, cookies and the forwarded address arrive as any WSGI server gives them."""
    seen: dict[str, Any] = {}

    def page(name: str) -> str:
        seen.update(
            name=name, word=request.args["w"], field=request.form["f"], cookies=dict(request.cookies),
            peer=request.remote_addr, forwarded=request.headers["X-Forwarded-For"], host=request.host,
        )  # fmt: skip
        return "看"

    web.app.add_url_rule("/p/<name>", view_func=page, methods=["POST"])
    pairs = [
        ("Host", "chorus.example.com"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Forwarded-For", "1.1.1.1"),
        ("X-Forwarded-For", "2.2.2.2"), ("Content-Type", "application/x-www-form-urlencoded"),
    ]  # fmt: skip
    call = Call(path="/p/名", query_string="w=%E8%AF%8D", body=b"f=1", pairs=pairs)
    ask(web, call)
    assert (call.status, call.answer.decode()) == (200, "看")
    assert seen == {
        "name": "名", "word": "词", "field": "1", "cookies": {"a": "1", "b": "2"}, "peer": "10.1.2.3",
        "forwarded": "1.1.1.1,2.2.2.2", "host": "chorus.example.com",
    }  # fmt: skip


def test_a_page_that_fails_is_a_500_and_the_next_is_answered(web: Web) -> None:
    """Nothing an app raises goes past the door."""
    app = Acceptor(lambda _environ, _begin: 1 / 0, web.app.extensions["chorus.webhook"], threading.Event())  # type: ignore[arg-type,return-value]
    first, second = ask(app, Call(path="/a", method="GET"), Call(path="/b", method="GET"))
    assert (first.status, second.status) == (500, 500)


def test_what_an_app_writes_comes_before_the_body_it_returns(web: Web) -> None:
    """The older of the two ways of PEP 3333 to answer works as well."""

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("201 Created", [("content-type", "text/plain")])
        write(b"first, ")
        return [b"then ", b"last"]

    acceptor = Acceptor(app, web.app.extensions[DOOR], threading.Event())
    (call,) = ask(acceptor, Call(method="GET", path="/somewhere"))
    assert (call.status, call.answer) == (201, b"first, then last")


def test_pages_that_all_wait_do_not_keep_the_platform_waiting(web: Web, sender: Sender) -> None:
    """All threads of pages are busy and as many requests wait as may: pages get 503, a tap its answer."""
    release, began = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        assert release.wait(30)
        return "done"

    web.app.add_url_rule("/slow", view_func=slow)
    app = accepting(web.app, threading.Event())

    async def crowd() -> tuple[list[Call], Call, Call]:
        calls = [Call(path="/slow", method="GET") for _ in range(PAGES)]
        waiting = [asyncio.ensure_future(app.__rsgi__(call, call)) for call in calls]  # type: ignore[arg-type]
        await asyncio.to_thread(began.wait, 10)
        shed, event = Call(path="/slow", method="GET"), signed(sender, sender.event())
        await app.__rsgi__(shed, shed)  # type: ignore[arg-type]
        await app.__rsgi__(event, event)  # type: ignore[arg-type]
        release.set()
        await asyncio.gather(*waiting)
        return calls, shed, event

    calls, shed, event = asyncio.run(crowd())
    assert (shed.status, event.status) == (503, 200)
    assert {call.status for call in calls} == {200}


def test_events_beyond_what_may_wait_are_refused_at_once_and_none_is_lost(
    web: Web, sender: Sender, database: Database
) -> None:
    """The database is held by somebody: so many wait, the rest hears 503 at once; a 200 is stored."""
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL has no one writer to hold")
    app = accepting(web.app, threading.Event())
    calls = [signed(sender, sender.event()) for _ in range(EVENTS + 200)]

    async def flood() -> None:
        with database.begin():
            waiting = [asyncio.ensure_future(app.__rsgi__(call, call)) for call in calls]  # type: ignore[arg-type]
            for _, early in zip(range(200), asyncio.as_completed(waiting), strict=False):
                await early
            assert {call.status for call in calls} == {0, 503}
        await asyncio.gather(*waiting)

    asyncio.run(flood())
    refused = [call for call in calls if call.status == 503]
    assert len(refused) >= 200
    assert len(web.rows(inbox)) == len(calls) - len(refused) == sum(call.status == 200 for call in calls)


def test_a_loop_that_is_far_behind_refuses_before_it_reads(web: Web, sender: Sender) -> None:
    """Whoever comes while callbacks wait too long for their turn would be answered too late."""
    app = accepting(web.app, threading.Event())

    async def answered_with(status: int, *, within: int = 300) -> None:
        for _ in range(within):
            call = signed(sender, sender.event())
            await app.__rsgi__(call, call)  # type: ignore[arg-type]
            if call.status == status:
                return
            await asyncio.sleep(0)  # a refusal waits for nothing, so others have their turn here
        pytest.fail(f"no request was answered with {status}")

    async def behind() -> None:
        loop = asyncio.get_running_loop()
        app.__rsgi_init__(loop)
        await answered_with(200)
        loop.call_soon(_busy, BEHIND + acceptor.LOOK_SECONDS * 2)
        await answered_with(503)
        await answered_with(200, within=1_000_000)  # refusals take no time: the loop looks again in a moment

    asyncio.run(behind())


def _busy(seconds: float) -> None:
    """Keep the thread for so long, as a flood of requests does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def test_a_coroutine_gives_up_like_a_thread_does(database: Database) -> None:
    """Not begun: nothing is written. Begun and not finished: it may still become durable."""
    writer = GroupWriter(database, patience=0.2)
    begun, release = threading.Event(), threading.Event()
    store = Inbox(database)

    def hold(_conn: Connection) -> None:
        begun.set()
        release.wait(20)

    async def both() -> list[BaseException | None]:
        first = asyncio.ensure_future(writer.submitted(hold))
        await asyncio.to_thread(begun.wait, 10)
        row = store.row(Event(EventId("never"), "a.b_v1", START, {}), START)
        second = asyncio.ensure_future(writer.appended(store.bulk, row))
        found = await asyncio.gather(first, second, return_exceptions=True)
        release.set()
        return [each if isinstance(each, BaseException) else None for each in found]

    first, second = asyncio.run(both())
    assert isinstance(first, Late)
    assert isinstance(second, Overloaded)
    writer.close()
    with database.read() as conn:
        assert conn.execute(sa.select(inbox.c.event_id)).all() == []
