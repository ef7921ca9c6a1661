"""Taps: decided, recorded and answered in one transaction; a person always gets a polite answer."""

import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.cards import card, markdown
from bot.model import Tap, TapAnswer, Toast
from bot.tables import inbox, taps
from runtime import audit
from runtime.tables import audit as audit_table
from tests.bot.conftest import START, Web
from tests.bot.platform import Sender

pytestmark = pytest.mark.db

DONE = Toast("success", "已处理", "Done")


def note(conn: Connection, tap: Tap) -> TapAnswer:
    """A handler that decides something: one audit row and a toast."""
    audit.record(conn, at=START, actor=tap.operator, action="test.tapped", subject="t", reason="asked")
    return TapAnswer(DONE)


def trail(web: Web) -> list[tuple[str, str]]:
    """Action and reason of every audit row."""
    return [(row["action"], row["reason"]) for row in web.rows(audit_table)]


def test_a_tap_is_decided_and_answered(web: Web, sender: Sender):
    """The handler's toast and card come back in the platform's shape, in both languages."""
    shown = card(None, [markdown("好")], summary="好")
    web.router.on_tap("go", lambda _conn, _tap: TapAnswer(DONE, shown.data))
    answer = sender.post(web.app, sender.tap({"a": "go"}))
    assert answer.status_code == 200
    assert answer.json == {
        "toast": {"type": "success", "content": "已处理", "i18n": {"zh_cn": "已处理", "en_us": "Done"}},
        "card": {"type": "raw", "data": shown.data},
    }
    (row,) = web.rows(taps)
    assert (row["id"], row["operator"], row["action"]) == ("ev-1", "ou_ann", "go")
    assert row["answer"]["zh"] == "已处理"


def test_a_handler_may_leave_everything_as_it_is(web: Web, sender: Sender):
    """An empty answer keeps the card and shows nothing."""
    web.router.on_tap("go", lambda _conn, _tap: TapAnswer())
    assert sender.post(web.app, sender.tap({"a": "go"})).json == {}


def test_a_replayed_tap_is_refused_and_changes_nothing(web: Web, sender: Sender):
    """The same tap again is 401; the decision stands once."""
    web.router.on_tap("go", note)
    envelope = sender.tap({"a": "go"})
    assert sender.post(web.app, envelope).status_code == 200
    assert sender.post(web.app, envelope).status_code == 401
    assert trail(web) == [("test.tapped", "asked")]
    assert len(web.rows(taps)) == 1


def test_an_old_tap_is_refused(web: Web, sender: Sender):
    """A tap older than five minutes is not an answer a person waits for."""
    web.router.on_tap("go", note)
    assert sender.post(web.app, sender.tap({"a": "go"}), age=timedelta(minutes=6)).status_code == 401
    assert trail(web) == []


def test_a_failing_handler_is_undone_and_excused(
    web: Web, sender: Sender, capsys: pytest.CaptureFixture[str]
):
    """An exception: polite toast with 200, the handler's writes are gone, the full error only in the log."""

    def broken(conn: Connection, tap: Tap) -> TapAnswer:
        note(conn, tap)
        raise RuntimeError("tuna sandwich")

    web.router.on_tap("go", broken)
    answer = sender.post(web.app, sender.tap({"a": "go"}))
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["toast"]["content"] == "出了点问题，已通知管理员，请稍后再试"
    assert "tuna" not in answer.text
    assert trail(web) == [("tap.go", "handler_failed")]
    written = capsys.readouterr()
    assert "tuna sandwich" in written.out + written.err


def test_a_handler_broken_by_sql_does_not_take_others_along(web: Web, sender: Sender):
    """A database error inside a handler is undone alone; the next tap works."""

    def broken(conn: Connection, _tap: Tap) -> TapAnswer:
        conn.execute(sa.text("INSERT INTO nowhere VALUES (1)"))
        return TapAnswer()

    web.router.on_tap("broken", broken)
    web.router.on_tap("go", note)
    assert sender.post(web.app, sender.tap({"a": "broken"})).status_code == 200
    assert sender.post(web.app, sender.tap({"a": "go"})).status_code == 200
    assert trail(web) == [("tap.broken", "handler_failed"), ("test.tapped", "asked")]


def test_a_failed_tap_cannot_be_replayed(web: Web, sender: Sender):
    """A tap that failed is recorded too: the same envelope later does not run the handler again."""
    calls: list[str] = []

    def broken(_conn: Connection, tap: Tap) -> TapAnswer:
        calls.append(tap.id)
        raise RuntimeError

    web.router.on_tap("go", broken)
    envelope = sender.tap({"a": "go"})
    assert [sender.post(web.app, envelope).status_code for _ in range(2)] == [200, 401]
    assert calls == ["ev-1"]


@pytest.mark.parametrize("value", [{"a": "gone"}, "gone", None, {}, []])
def test_an_unknown_action_is_explained(web: Web, sender: Sender, value: Any):
    """A button nobody handles (any more) gives a toast and an audit row, never an error."""
    answer = sender.post(web.app, sender.tap(value))
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["toast"]["type"] == "warning"
    assert [reason for _, reason in trail(web)] == ["unknown_action"]


def test_a_string_value_calls_its_handler(web: Web, sender: Sender):
    """A component that carries a bare string calls the handler of that name."""
    web.router.on_tap("go", note)
    answer = sender.post(web.app, sender.tap("go"))
    assert answer.json is not None
    assert answer.json["toast"]["content"] == "已处理"


def test_an_invalid_card_does_not_hide_the_decision(web: Web, sender: Sender):
    """A card the platform would refuse is left out; the toast still tells what was decided."""
    web.router.on_tap(
        "go", lambda _conn, _tap: TapAnswer(DONE, {"schema": "2.0", "body": {"elements": [{}]}})
    )
    answer = sender.post(web.app, sender.tap({"a": "go"}))
    assert answer.json is not None
    assert set(answer.json) == {"toast"}


def test_taps_are_not_events(web: Web, sender: Sender):
    """A tap is decided at once and never enters the inbox."""
    web.router.on_tap("go", note)
    sender.post(web.app, sender.tap({"a": "go"}))
    assert web.rows(inbox) == []


def test_taps_are_answered_quickly_while_events_pour_in(web: Web, sender: Sender):
    """p99 of 200 taps among 600 events stays under 500 ms (the platform waits 3 s)."""
    web.router.on_tap("go", note)
    seconds: list[float] = []
    for _ in range(200):
        for _ in range(3):
            sender.post(web.app, sender.event())
        envelope = sender.tap({"a": "go"})
        began = time.perf_counter()
        assert sender.post(web.app, envelope).status_code == 200
        seconds.append(time.perf_counter() - began)
    assert sorted(seconds)[int(len(seconds) * 0.99)] < 0.5
