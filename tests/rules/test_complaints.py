"""What people complain about in other alerting systems, row by row: we do not.

Each row names where the complaint stands in public; the check plays it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bitable_sync.cells import EMPTY, CellValue
from rules import tables, told
from rules.groups import Group, members
from rules.lifecycle import ACK_LEASE
from rules.model import State, TaskState
from rules.overview import summarize
from rules.sending import Sending
from rules.specs import STOCK
from runtime.db import Database
from runtime.ids import WorkId
from runtime.jobrun import JobRun, Slots
from tests.rules.kit import ROI_RULE, STOCK_RULE, WANG, House, sku, worker
from tests.rules.test_actions import tap

MINUTE = timedelta(minutes=1)
WELL, GAP = {"gmv": Decimal(9000)}, {"gmv": EMPTY}


@dataclass
class Play:
    """One house that can be restarted, and a second one beside it."""

    db: Database
    folder: Path
    house: House

    def restart(self) -> House:
        """The process dies; only the databases stay."""
        after = self.beside()
        self.house.close()
        self.house = after
        return after

    def beside(self) -> House:
        """Another instance on the same databases."""
        other = House(self.db, self.folder)
        other.clock.set(self.house.clock.now())
        other.count_on(self.house)
        return other

    def firing(self, **rule: Any) -> House:
        """A plan over the line, with its card out."""
        self.house.write_rule(replace(ROI_RULE, **rule))
        self.write()
        return self.house

    def write(self, **cells: CellValue) -> None:
        """Edit the plan."""
        self.house.write_plan(**cells)

    def told(self) -> list[str]:
        """Kinds of what was decided to tell."""
        return sorted(notice.kind for notice in self.house.notices())

    def card_is_out(self) -> None:
        """The owner's card was sent."""
        row = self.house.notices()[0]
        with self.db.begin() as conn:
            notice = told.load_notice(conn, row.id)
            assert notice is not None
            told.add_copy(conn, notice, "om_1", "oc_1", version=1, turn=1, at=self.house.clock.now())


def duplicates_of_two_instances(play: Play) -> None:
    """One writer a key, and a log of what was told."""
    first = play.firing()
    second = play.beside()
    for house in (first, second, first, second):
        house.checker.scan()
    assert play.told() == ["fired"]
    second.close()


def gone_after_a_restart(play: Play) -> None:
    """State is in the database."""
    play.firing()
    play.restart()
    assert play.house.alert().state is State.FIRING


def a_restart_fires_again_or_loses_the_end(play: Play) -> None:
    """Compared with what was told before telling; the end is found by the first look."""
    play.firing()
    play.card_is_out()
    play.restart().checker.scan()
    assert play.told() == ["fired"]
    play.write(**WELL)
    play.restart()
    assert play.house.alert().state is State.RESOLVED
    assert len(play.house.works("refresh:al_")) == 1


def missing_data_fires_at_once(play: Play) -> None:
    """Missing data has a slower clock of its own."""
    play.house.write_rule(replace(ROI_RULE, hold_for="5分钟"))
    play.write(**GAP)
    play.house.advance(9 * MINUTE)
    play.house.checker.scan()
    assert play.told() == []
    play.house.advance(MINUTE)
    play.house.checker.scan()
    assert play.told() == ["unknown"]


def gaps_flap(play: Play) -> None:
    """The last state is held over short gaps."""
    play.firing()
    for _ in range(5):
        play.write(**GAP)
        play.house.advance(MINUTE)
        play.write()
    assert (play.told(), play.house.alert().episode) == (["fired"], 1)


def no_acknowledgement(play: Play) -> None:
    """It belongs into the core, and it ends."""
    house = play.firing()
    tap(house, WANG, "alert.ack")
    house.advance(ACK_LEASE - MINUTE)
    house.checker.scan()
    assert play.told() == ["fired"]
    house.advance(MINUTE)
    house.checker.scan()
    assert "reminder" in play.told()


def a_gap_counts_as_recovery(play: Play) -> None:
    """Absence is not recovery: counters and episode go on."""
    house = play.firing()
    tap(house, WANG, "alert.ack")
    play.write(**GAP)
    house.drop_row("plans", "rec_1001")
    house.advance(MINUTE)
    play.write()
    assert (house.alert().state, house.alert().ack_count, house.alert().episode) == (State.ACKED, 1, 1)


def a_restart_ends_silent_alerts(play: Play) -> None:
    """Silence is about notices, not about state."""
    house = play.firing()
    with house.db.begin() as conn:
        house.actions.mute(conn, house.tap(WANG, "mute.set", house.alert(), "4h"))
    play.restart().checker.scan()
    assert (play.house.alert().state, play.told()) == (State.FIRING, ["fired"])


def the_end_is_lost(play: Play) -> None:
    """State and the work to show it stand in one transaction."""
    house = play.firing()
    play.card_is_out()
    play.write(**WELL)
    assert house.alert().state is State.RESOLVED
    assert [work.split(":")[2] for work in house.works("refresh:al_")] == [str(house.alert().version)]


def without_a_wait_it_never_ends(play: Play) -> None:
    """Every combination of the two clocks ends, also across a restart."""
    for hold, keep in (("", "5分钟"), ("5分钟", ""), ("5分钟", "5分钟"), ("", "")):
        play.house.write_rule(replace(ROI_RULE, hold_for=hold, keep_for=keep))
        play.write()
        play.house.advance(5 * MINUTE)
        play.restart().checker.scan()
        assert play.house.alert().state is State.FIRING, (hold, keep)
        play.write(**WELL)
        play.house.advance(5 * MINUTE)
        play.restart().checker.scan()
        assert play.house.alert().state is State.RESOLVED, (hold, keep)


def several_ends_of_one_thing(play: Play) -> None:
    """One alert with a severity, not an alert a severity."""
    house = play.firing()
    house.write_rule(replace(ROI_RULE, severity="严重"))
    play.write(**WELL)
    assert (play.told(), len(house.rows(tables.alerts))) == (["fired", "raised"], 1)
    assert len(house.rows(tables.alert_episodes)) == 1


def the_repair_runs_again(play: Play) -> None:
    """Actions follow from a person's decision, never from an event that came."""
    house = play.firing()
    tap(house, WANG, "adjust.submit", amount="1400")
    with house.db.begin() as conn:
        conn.execute(tables.alert_tasks.update().values(state=TaskState.DONE))
    for cells in (WELL, {}, GAP, WELL, {}):
        play.write(**cells)
        house.checker.scan()
    assert (len(house.rows(tables.alert_tasks)), len(house.works("act:"))) == (1, 1)


def what_was_archived_still_alerts(play: Play) -> None:
    """A silence holds for what was decided and not yet sent, and for the next episode as well."""
    house = play.firing()
    with house.db.begin() as conn:
        house.actions.mute(conn, house.tap(WANG, "mute.set", house.alert(), "4h"))
    run = JobRun(
        WorkId("notify"), record=lambda _name, fn: fn(), slots=Slots(1), clock=house.clock, resumed=False,
        first_wait=0.0,
    )  # fmt: skip
    Sending(worker(house)).notify(run, {"notice_id": house.notices()[0].id})  # no messenger is there to ask
    assert [notice.state for notice in house.notices()] == ["held"]
    play.write(**WELL)
    play.write()
    assert (house.alert().episode, play.told()) == (2, ["fired"])


def the_fuse_is_silence(play: Play) -> None:
    """A storm is told as one, whole and with the doubt; what cannot be judged is itself shown."""
    house = play.house
    house.write_rule(STOCK_RULE, "rec_stock")
    house.put(STOCK, {f"rec_{n}": sku(f"S{n}", locked=EMPTY if n > 90 else Decimal(0)) for n in range(100)})
    house.checker.scan()
    group = Group(**house.rows(tables.alert_groups)[0]._mapping)
    with house.db.read() as conn:
        shown = summarize(conn, house.sources, group, members(conn, group.id))
    assert (len(shown.alerts), [(storm.over, storm.of) for storm in shown.storms]) == (91, [(91, 100)])
    assert len([alert for alert in house.open() if alert.state is State.UNKNOWN]) == 9
    house.write_rule(replace(STOCK_RULE, threshold="很低"), "rec_stock")
    assert "上一个有效版本继续生效" in house.say("rec_stock")
    assert len(house.open()) == 100


COMPLAINTS: list[tuple[str, Callable[[Play], None]]] = [
    ("alertmanager #2447, #4008", duplicates_of_two_instances),
    ("alertmanager #2370", gone_after_a_restart),
    ("grafana #67344, #68162", a_restart_fires_again_or_loses_the_end),
    ("grafana #16290", missing_data_fires_at_once),
    ("grafana #36376, #77800, #82585", gaps_flap),
    ("grafana #13364, #18193; alertmanager #1860", no_acknowledgement),
    ("n9e #1761", a_gap_counts_as_recovery),
    ("n9e #1131", a_restart_ends_silent_alerts),
    ("n9e #714, #2573", the_end_is_lost),
    ("n9e #2999", without_a_wait_it_never_ends),
    ("n9e #3000", several_ends_of_one_thing),
    ("n9e #2291", the_repair_runs_again),
    ("sentry #67920", what_was_archived_still_alerts),
    ("prometheus limit", the_fuse_is_silence),
]


@pytest.mark.db
@pytest.mark.parametrize(("source", "check"), COMPLAINTS, ids=[check.__name__ for _, check in COMPLAINTS])
def test_we_do_not(source: str, check: Callable[[Play], None], database: Database, tmp_path: Path) -> None:
    """Played as it was complained about; the docstring of each check is the lesson."""
    assert source
    play = Play(database, tmp_path, House(database, tmp_path))
    check(play)
    play.house.close()
