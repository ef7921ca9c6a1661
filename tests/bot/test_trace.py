"""One id leads through the log: from the request of the platform to the card that follows from it."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy.engine import Connection

from bot.drain import Drain
from bot.model import Event, Tap, TapAnswer, Toast
from runtime.engine import Engine
from runtime.floor import Floor
from runtime.jobrun import JobRun
from runtime.log import configure
from runtime.work import Work
from tests.bot.conftest import Web
from tests.bot.platform import Sender
from tests.support.wait import until

pytestmark = pytest.mark.db


class Performer:
    """A worker whose first job leads to a second one, which would send a card."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.sent = 0
        self.engine = Engine(floor.db, instance="trace-test", first_wait=0.02)
        self.engine.register("judge", self.judge)
        self.engine.register("send", self.send)

    def judge(self, run: JobRun, _args: Mapping[str, Any]) -> None:
        """What a change leads to leads to a card."""
        with self.floor.db.begin() as conn:
            self.floor.queue.put(conn, Work("send", f"send:{run.id}", "receiver:ou_1", {}))

    def send(self, run: JobRun, _args: Mapping[str, Any]) -> None:
        """The card."""
        run.attempt("send", lambda: structlog.get_logger("test").info("card.sent"))
        self.sent += 1

    def perform(self) -> None:
        """Do what waits."""
        self.engine.launch()
        try:
            until(lambda: self.sent, what="the card is sent")
            until(lambda: self.floor.queue.backlog() == 0, what="nothing waits")
        finally:
            self.engine.close(drain=5)


def traced(stream: io.StringIO) -> dict[str, set[str]]:
    """Words of the log by trace."""
    found: dict[str, set[str]] = {}
    for line in map(json.loads, stream.getvalue().splitlines()):
        found.setdefault(line.get("trace", ""), set()).add(line["event"])
    return found


def test_an_event_can_be_followed_to_its_card(web: Web, sender: Sender, floor: Floor) -> None:
    """Received, taken, put as work, performed, and the work that follows from that work."""
    stream, performer = io.StringIO(), Performer(floor)
    configure("debug", stream)

    def changed(events: Sequence[Event]) -> None:
        with floor.db.begin() as conn:
            floor.queue.put(conn, Work("judge", f"judge:{events[0].id}", "check", {}))

    web.router.on_event("a.b_v1", changed)
    assert sender.post(web.app, sender.event("a.b_v1", event_id="ev-traced")).status_code == 200
    until(lambda: "ev-traced" in stream.getvalue(), timeout=5, what="the event is received")
    Drain(floor.db, web.router, floor.clock, "trace-test").once()
    performer.perform()
    assert traced(stream)["ev-traced"] >= {"event.received", "work.put", "card.sent", "work.done"}
    taken = [
        line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == "event.taken"
    ]
    assert [line["ids"] for line in taken] == [["ev-traced"]]


def test_a_tap_can_be_followed_to_its_card(web: Web, sender: Sender, floor: Floor) -> None:
    """The same for what a person does."""
    stream, performer = io.StringIO(), Performer(floor)
    configure("debug", stream)

    def tapped(conn: Connection, tap: Tap) -> TapAnswer:
        floor.queue.put(conn, Work("judge", f"judge:{tap.id}", "check", {}, timedelta(0)))
        return TapAnswer(Toast("success", "好", "Done"))

    web.router.on_tap("go", tapped)
    envelope = sender.tap({"a": "go"})
    assert sender.post(web.app, envelope).status_code == 200
    performer.perform()
    assert traced(stream)[envelope["header"]["event_id"]] >= {"work.put", "card.sent", "work.done"}


def test_what_nothing_began_is_traced_by_its_own_id(floor: Floor) -> None:
    """A tick has no event; its work's id is the trace of all that follows."""
    stream, performer = io.StringIO(), Performer(floor)
    configure("debug", stream)
    with floor.db.begin() as conn:
        floor.queue.put(conn, Work("judge", "tick:check@1", "tick:check", {}))
    performer.perform()
    assert "card.sent" in traced(stream)["tick:check@1"]
