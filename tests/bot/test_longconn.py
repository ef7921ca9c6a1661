"""Long-connection mode: the same inbox and taps, and a dead connection ends the process."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bot.envelope import Refused
from bot.longconn import EXIT_DEAD, FrameHandler, Pulse, guard, verdict, watch
from bot.model import TapAnswer, Toast
from bot.reception import Reception
from bot.tables import inbox, taps
from bot.writer import GroupWriter
from tests.bot.conftest import Web
from tests.bot.platform import APP_ID, Sender
from tests.support.wait import until


@pytest.fixture
def frames(web: Web) -> Iterator[FrameHandler]:
    """What the SDK calls for every frame, on the test's database and router."""
    writer = GroupWriter(web.db)
    reception = Reception(web.db, web.router, web.app.extensions["test.clock"], writer)
    yield FrameHandler(reception, APP_ID)
    writer.close()


def sent(envelope: dict[str, Any]) -> bytes:
    """A frame's payload: the plain envelope."""
    return json.dumps(envelope).encode()


@pytest.mark.db
def test_frames_feed_the_same_inbox(web: Web, frames: FrameHandler, sender: Sender):
    """An event over the long connection and the same one over the webhook is one row."""
    envelope = sender.event()
    assert frames._do_without_validation(sent(envelope)) is None
    assert sender.post(web.app, envelope).status_code == 200
    assert [row["event_id"] for row in web.rows(inbox)] == ["ev-1"]


@pytest.mark.db
def test_taps_are_answered_through_the_same_path(web: Web, frames: FrameHandler, sender: Sender):
    """A tap is decided once; delivered again after a reconnect it keeps the card and changes nothing."""
    web.router.on_tap("go", lambda _conn, _tap: TapAnswer(Toast("info", "好", "OK")))
    envelope = sender.tap({"a": "go"})
    answer = frames._do_without_validation(sent(envelope))
    assert answer is not None
    assert answer["toast"]["content"] == "好"
    assert frames._do_without_validation(sent(envelope)) == {}
    assert len(web.rows(taps)) == 1


@pytest.mark.db
def test_frames_for_another_app_are_refused(web: Web, frames: FrameHandler, sender: Sender):
    """The connection vouches for the sender, not for the app: a foreign one stores nothing."""
    with pytest.raises(Refused, match="app_id"):
        frames._do_without_validation(sent(sender.event(app_id="cli_another")))
    assert web.rows(inbox) == []


@pytest.mark.parametrize(
    ("pulse", "now", "dead"),
    [
        (Pulse(started=0), 59, None),
        (Pulse(started=0), 61, "after the start"),
        (Pulse(started=0, frame=50), 50 + 299, None),
        (Pulse(started=0, frame=50), 50 + 301, "no frame for 301 s"),
        (Pulse(started=0, frame=50, lost=100), 219, None),
        (Pulse(started=0, frame=50, lost=100), 221, "no new connection"),
    ],
)
def test_a_connection_is_judged_by_its_last_frame(pulse: Pulse, now: float, dead: str | None):
    """Alive within 2.5 pings, two minutes of reconnecting and one minute of starting; else dead."""
    said = verdict(pulse, now, 120)
    assert said is None if dead is None else dead in (said or "")


def test_a_dead_connection_ends_the_process():
    """The guard ends the process with the code that means: start me again."""
    ended: list[int] = []
    client = SimpleNamespace(_ping_interval=120)
    guard(client, Pulse(started=time.monotonic() - 100), ended.append, every=0.01)
    assert ended == [EXIT_DEAD]


def test_the_sandbox_delivers_over_a_real_connection(sandbox: Any, web: Web):
    """The official client connects to the sandbox; an event it sends is stored and the connection beats."""
    from runtime.feishu.sdk import websocket_client  # noqa: PLC0415 - it makes an event loop when imported

    app_id = "cli_sandbox0000001"
    writer = GroupWriter(web.db)
    reception = Reception(web.db, web.router, web.app.extensions["test.clock"], writer)
    client = websocket_client(
        app_id=app_id,
        app_secret="sandbox-secret",
        event_handler=FrameHandler(reception, app_id),
        domain=sandbox.url,
    )
    pulse = Pulse(time.monotonic())
    watch(client, pulse)
    run_quietly(client.start)
    until(lambda: pulse.frame is not None, what="the first frame, an answer to the first ping")

    def arrived() -> bool:
        sandbox.world.events.emit("im.chat.updated_v1", {"chat_id": "oc_1"}, app_id=app_id)
        return bool(web.rows(inbox))

    until(arrived, interval=0.2, what="the event in the inbox")
    assert web.rows(inbox)[0]["type"] == "im.chat.updated_v1"


def run_quietly(start: Callable[[], None]) -> None:
    """The SDK's client never stops; its thread ends with the process."""

    def run() -> None:
        try:
            start()
        except BaseException:  # noqa: BLE001 - the sandbox going away at the end of the test is no failure
            return

    threading.Thread(target=run, daemon=True).start()
