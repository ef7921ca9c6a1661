"""``kill -9`` at random points of a busy day: nothing acknowledged is lost, nobody is told twice.

The seed decides the order of the victims and the moments; it is printed, and CHORUS_KILL_SEED repeats it.
CHORUS_TEST_SHARE plays a part of the day.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from sandbox.client import until
from sandbox.office import Office
from sandbox.stage import Stage, answers
from tests.conftest import Installation
from tests.scenario import support_kill as support
from tests.scenario.ledger import Ledger, database
from tests.scenario.support_kill import NEVER, Shelf
from tests.support.share import sized

pytestmark = [
    pytest.mark.process,
    pytest.mark.kill,
    pytest.mark.timeout(420),
]

EVENTS, ARTICLES, CARDS = sized(2000, 330, 500, least=0.2)
KILLS = 3
PACE = 80
"""Events a second: each part of the day takes eight seconds, so a kill meets work of every kind."""

SCHEDULES = {"pull_ads": NEVER, "pull_stock": NEVER, "pull_shops": NEVER, "check_rules": "every 5s"}
SLOW = 0.2
"""Seconds a send takes, as over the internet: a kill then finds some cards on their way."""


@dataclass
class Day:
    """A day that was interrupted three times, after it came to rest."""

    office: Office
    shelf: Shelf
    ledger: Ledger
    seed: int
    restarts: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[Day]:
    """Play the day with its kills once; the tests look at what is left."""
    seed = int(os.environ.get("CHORUS_KILL_SEED") or random.SystemRandom().randrange(10**6))
    support.tell(f"CHORUS_KILL_SEED={seed}")
    limits = {"single_cards": 100}  # so many cards are what is killed here
    folder = tmp_path_factory.mktemp("kill")
    stage = Stage(folder, company="demo", schedules=SCHEDULES, limits=limits, env=installation())
    try:
        stage.open()
        stage.setup()
        server = stage.serve()
        stage.subscribe()
        stage.control.post("limits", on=False)
        send = {"method": "POST", "path": "/open-apis/im/v1/messages"}
        stage.control.post("faults", match=send, kind="delay", seconds=SLOW, times=10**6)
        office = Office(stage.control)
        ledger = Ledger(database(stage))
        played = Day(office, Shelf(office, ARTICLES), ledger, seed)
        play(played, stage, server, random.Random(seed))
        come_to_rest(played)
        yield played
        ledger.close()
    finally:
        stage.stop()


def play(day: Day, stage: Stage, server: subprocess.Popen[bytes], draw: random.Random) -> None:
    """Let the day's events happen in three parts, with one kill at a random point of each."""
    acts = support.day(day.shelf, EVENTS, draw)
    roles = ["worker", draw.choice(["web", "web-server"]), "all"]
    draw.shuffle(roles)
    part = -(-len(acts) // KILLS)
    for number, role in enumerate(roles):
        happening = Happening(acts[number * part : (number + 1) * part])
        moment = draw.randrange(part)
        until(lambda: happening.done >= moment, 120, f"{moment} events of part {number}")  # noqa: B023
        killed = time.monotonic()
        dead = support.kill(support.victim(server.pid, role))
        until(lambda: support.gone(dead), 10, f"the end of {role} and all below it")  # noqa: B023
        if role == "all":
            server.wait()
            server = stage.serve()
        until(lambda: answers(stage.url + "/readyz"), 40, f"the server after the death of {role}")
        day.restarts.append(f"{role} after {moment} events: back in {time.monotonic() - killed:.1f} s")
        support.tell(day.restarts[-1])
        happening.join()
        support.deliver_all(day.office)


class Happening:
    """Things that happen in the background, one after the other, `PACE` a second.

    Args:
        acts: what happens.
    """

    def __init__(self, acts: Sequence[Callable[[], object]]) -> None:
        self.done = 0
        self._acts = acts
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            began = time.monotonic()
            for act in self._acts:
                due = began + self.done / PACE
                until(lambda: time.monotonic() >= due, 10, "the next event's moment")  # noqa: B023
                act()
                self.done += 1
        except Exception as error:  # noqa: BLE001 - raised again in join
            self._error = error

    def join(self) -> None:
        """Wait for the end; raises what went wrong."""
        self._thread.join(180)
        if self._error is not None:
            raise self._error


def come_to_rest(day: Day) -> None:
    """Wait until every event is delivered and handled, every notice told and every copy shows the newest."""
    began = time.monotonic()
    office, ledger = day.office, day.ledger
    until(lambda: support.deliver_all(office), 120, "every event delivered")
    new = "SELECT count(*) FROM inbox WHERE state = 'new'"
    until(lambda: ledger.count(new) == 0, 60, "every event handled")
    until(lambda: not support.judged(ledger, day.shelf), 60, "every alert judged")
    until(lambda: ledger.unsent() == 0, 120, "every notice sent")
    until(lambda: ledger.behind() == 0, 120, "every copy on the newest version")
    support.tell(f"at rest after {time.monotonic() - began:.1f} s")


def test_every_acknowledged_event_is_in_the_inbox_and_handled(day: Day) -> None:
    """An event that was answered with 200 stands in the inbox, and was handled in the end."""
    deliveries = day.office.control.get("deliveries")["deliveries"]
    acknowledged = {d["event_id"] for d in deliveries if any(a["status"] == 200 for a in d["attempts"])}
    repeated = sum(len(d["attempts"]) > 1 for d in deliveries)
    support.tell(f"{len(deliveries)} events, {len(acknowledged)} acknowledged, {repeated} tried again")
    assert len(acknowledged) >= EVENTS

    def open_ones() -> list[str]:
        """Those that are not stored, or not done yet: an echo of what was just written may have come now."""
        rows = day.ledger.rows("SELECT event_id, state FROM inbox")
        done = {row["event_id"] for row in rows if row["state"] in ("handled", "unhandled")}
        return sorted(acknowledged - done)

    until(lambda: not open_ones(), 30, "every acknowledged event is stored and handled")


def test_every_crossed_red_line_was_told_to_its_owners(day: Day) -> None:
    """Who is responsible for an article under its red line has its notice, whatever died meanwhile."""
    assert support.judged(day.ledger, day.shelf) == []
    assert support.told_wrongly(day.ledger, day.shelf) == []
    assert day.ledger.rows("SELECT id, error FROM parked") == []


def test_nobody_saw_a_card_twice(day: Day) -> None:
    """For each notice that was sent its receiver has exactly one message."""
    times = support.shown_times(day.ledger, day.office)
    asked = support.sends(day.office)
    support.tell(f"{len(times)} cards, {sum(asked.values()) - len(asked)} sends repeated under their uuid")
    assert len(times) >= CARDS
    assert {notice: count for notice, count in times.items() if count != 1} == {}
    cards = [card for who in day.office.people for card in day.office.cards(who["open_id"])]
    asked_once = [card for card in cards if card.title.startswith("规则已启用")]
    previews = day.ledger.rows("SELECT id FROM rule_previews WHERE message_id IS NOT NULL")
    assert len(asked_once) == len(previews)
    assert len(cards) - len(asked_once) == len(times)
    assert set(asked) == set(times) | {row["id"] for row in previews}


def test_every_copy_ends_on_the_newest_version(day: Day) -> None:
    """After the day no copy of a card shows an old state."""
    assert day.ledger.behind() == 0
    assert day.ledger.count("SELECT count(*) FROM alert_cards WHERE gone IS NOT NULL") == 0
    cards = [card for who in day.office.people for card in day.office.cards(who["open_id"])]
    shown = {card.message_id: card.text for card in cards}
    query = "SELECT c.message_id, a.object_id FROM alert_cards c JOIN alerts a ON a.id = c.alert_id "
    stock = {article.sku: article for article in day.shelf.articles}
    for row in day.ledger.rows(query + "WHERE a.state = 'firing'"):
        assert str(stock[row["object_id"]].qty) in shown[row["message_id"]]
