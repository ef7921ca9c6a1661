"""More than can be taken, through the real processes: what was acknowledged is handled, the rest is refused.

No time is asserted here; `benchmarks/flood.py` measures.
"""

from __future__ import annotations

import random
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.open_loop import FAILED, Result, evenly, fire
from benchmarks.traffic import Platform
from bot.acceptor import EVENTS
from sandbox.client import until
from sandbox.office import Office
from sandbox.stage import Stage
from tests.conftest import Installation
from tests.scenario import support_kill as support
from tests.scenario.ledger import Ledger, database
from tests.scenario.support_kill import NEVER

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

CALM = dict.fromkeys(("pull_ads", "pull_stock", "pull_shops", "check_rules", "reconcile"), NEVER)
USUAL, SECONDS = 300, 3
MORE = EVENTS + 500
"""Requests of one second while nothing can be written: more than may wait."""


class Flooded:
    """A company of three with the product, and who sends to it."""

    def __init__(self, stage: Stage) -> None:
        office = Office(stage.control)
        stage.control.post("events", drop=True)
        people = [str(person["open_id"]) for person in office.people]
        table = office.tables["商品库存"]
        self.platform = Platform(
            "127.0.0.1", stage.port, office.app_token, table, ["recNobody0001"], people, random.Random(3)
        )
        self.stage = stage
        self.ledger = Ledger(database(stage))

    def send(self, rate: float, count: int) -> Result:
        """So many requests of the usual mix at a rate."""
        return fire("127.0.0.1", self.stage.port, evenly(rate, self.platform.day(count)), patience=20)

    def handled(self) -> bool:
        """Whether every event was."""
        return self.ledger.count("SELECT count(*) FROM inbox WHERE state = 'new'") == 0

    def kept(self) -> set[str]:
        """Ids of what is stored and was not given up."""
        rows = self.ledger.rows(
            "SELECT event_id AS id FROM inbox WHERE state <> 'failed' UNION SELECT id FROM taps"
        )
        return {str(row["id"]) for row in rows}


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[Flooded]:
    """The product as `chorus serve` starts it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    stage = Stage(tmp_path_factory.mktemp("flood"), company="tiny", schedules=CALM, env=installation())
    try:
        stage.open()
        stage.setup()
        stage.serve()
        made = Flooded(stage)
        yield made
        made.ledger.close()
    finally:
        stage.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_usual_mix_at_three_hundred_a_second(flooded: Flooded) -> None:
    """Every request has an answer, every acknowledged one is stored and handled."""
    result = flooded.send(USUAL, USUAL * SECONDS)
    assert set(result.counts()) <= {200, 503}
    assert result.counts()[200] > 0
    until(flooded.handled, 60, "every event handled")
    assert result.acknowledged() - flooded.kept() == set()


def test_what_cannot_be_stored_is_refused_and_what_was_acknowledged_is_handled(flooded: Flooded) -> None:
    """Nothing can be written for a while and more come than may wait; no answer is a lie."""
    with flooded.ledger.nothing_can_be_written():
        found: list[Result] = []
        sending = threading.Thread(target=lambda: found.append(flooded.send(MORE, MORE)))
        sending.start()
        sending.join(60)
    [result] = found
    counts = result.counts()
    assert counts[FAILED] == 0
    assert set(counts) <= {200, 503}
    assert counts[503] >= MORE - EVENTS
    until(flooded.handled, 60, "every event handled")
    assert result.acknowledged() - flooded.kept() == set()
    until(lambda: flooded.send(20, 10).counts() == {200: 10}, 60, "all is as before")


def test_many_connections_may_be_open(flooded: Flooded) -> None:
    """The server raises its limit of open files as far as the machine lets it."""
    web = support.victim(flooded.stage.server.pid, "web-server")
    limits = Path(f"/proc/{web}/limits").read_text("utf-8")
    line = next(each for each in limits.splitlines() if each.startswith("Max open files"))
    assert line.split()[3] == line.split()[4]
