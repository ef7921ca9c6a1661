"""SIGTERM in the middle of things: not ready first, everything that came is answered, then a clean end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from bot.serving import LAST_SECONDS
from sandbox.client import until
from sandbox.office import Office
from sandbox.stage import Stage
from tests.bot.platform import Sender
from tests.conftest import Installation
from tests.scenario import support_kill as support
from tests.scenario.ledger import Ledger, database
from tests.scenario.support_kill import NEVER, Shelf
from tests.support.balancer import checks

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

LEAVE = 3.0
SCHEDULES = {"pull_ads": NEVER, "pull_stock": NEVER, "pull_shops": NEVER, "check_rules": "every 5s"}
SLOW = 0.5
"""Seconds a send takes, so that SIGTERM finds some on their way."""
GRACE = 25.0
"""Of the supervisor; see `runtime.supervise`."""


@dataclass
class Line:
    """A sender that never pauses: events and taps in turn, until the health check says to go elsewhere."""

    url: str
    stopped: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def run(self, name: str) -> None:
        """Send one after the other over a keep-alive connection, as a proxy does."""
        number = 0
        with requests.Session() as session:
            while not self.stopped.is_set():
                number += 1
                sender = Sender(
                    datetime.now(UTC), key="sandbox-encrypt-key", token="sandbox-verification-token",
                    app_id="cli_sandbox0000001", count=number,
                )  # fmt: skip
                envelope = sender.tap({"a": "nobody"}) if number % 3 == 0 else sender.event()
                envelope["header"]["event_id"] = event_id = f"{name}-{number}"
                body, headers = sender.request(envelope)
                try:
                    status = session.post(
                        f"{self.url}/webhook/event", body, headers=headers, timeout=10
                    ).status_code
                except requests.RequestException as error:
                    self.wrong.append(f"{event_id}: {type(error).__name__}")
                    return
                if status == 200:
                    self.acknowledged.append(event_id)
                elif status != 503:  # a starved machine may say "again"; it may not say nothing
                    self.wrong.append(f"{event_id}: {status}")


@pytest.fixture
def stage(tmp_path: Path, installation: Installation) -> Iterator[Stage]:
    """A company of three with the product beside it."""
    env = {**installation(), "CHORUS_LEAVE_SECONDS": str(LEAVE)}
    built = Stage(tmp_path / "stage", company="tiny", schedules=SCHEDULES, env=env)
    try:
        built.open()
        built.setup()
        yield built
    finally:
        built.stop()


def test_a_server_that_leaves_says_so_first_and_loses_nothing(stage: Stage) -> None:
    """Four senders at full speed; SIGTERM; not ready; they go elsewhere; every request had its answer."""
    server = stage.serve()
    line = Line(stage.url)
    senders = [threading.Thread(target=line.run, args=(f"s{n}",)) for n in range(4)]
    for sender in senders:
        sender.start()
    until(lambda: len(line.acknowledged) >= 200, 60, "two hundred acknowledged")
    server.send_signal(signal.SIGTERM)
    told = time.monotonic()
    until(lambda: "being stopped" in checks(stage.port).get("stays", ""), LEAVE, "not ready")
    after = len(line.acknowledged)
    until(lambda: len(line.acknowledged) >= after + 20, LEAVE, "answered while not ready")
    line.stopped.set()
    for sender in senders:
        sender.join()
    assert server.wait(LEAVE + LAST_SECONDS + GRACE) == 0
    assert time.monotonic() - told >= LEAVE
    assert line.wrong == []
    ledger = Ledger(database(stage))
    kept = {row["id"] for row in ledger.rows("SELECT event_id AS id FROM inbox UNION SELECT id FROM taps")}
    ledger.close()
    assert set(line.acknowledged) <= kept


def test_works_under_way_are_finished_or_go_on_after_the_next_start(stage: Stage) -> None:
    """SIGTERM with sends on their way: nobody had to be killed, told twice or forgotten."""
    stage.env["CHORUS_LEAVE_SECONDS"] = "0"
    server = stage.serve()
    stage.subscribe()
    stage.control.post("limits", on=False)
    send = {"method": "POST", "path": "/open-apis/im/v1/messages"}
    stage.control.post("faults", match=send, kind="delay", seconds=SLOW, times=10**6)
    office = Office(stage.control)
    shelf, ledger = Shelf(office, 40), Ledger(database(stage))
    for article in shelf.articles:
        shelf.set(article, 10)
    until(lambda: support.sends(office), 60, "the first card sent")
    server.send_signal(signal.SIGTERM)
    assert server.wait(GRACE + LAST_SECONDS) == 0
    assert support.family(server.pid) == {}
    waiting = ledger.unsent()
    stage.serve(name="again")
    until(lambda: support.deliver_all(office), 60, "every event delivered")
    until(lambda: not support.judged(ledger, shelf), 60, "every alert judged")
    until(lambda: ledger.unsent() == 0, 120, "every notice sent")
    assert support.told_wrongly(ledger, shelf) == []
    assert {notice: n for notice, n in support.shown_times(ledger, office).items() if n != 1} == {}
    assert ledger.rows("SELECT id, error FROM parked") == []
    ledger.close()
    support.tell(f"{waiting} notices were handed over")
