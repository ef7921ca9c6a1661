"""Time that nobody saw counts for nothing: downtime, and an outage before it was noticed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from rules import freshness, store
from rules.check import LOOK_GAP, Policy
from rules.lifecycle import Known, step
from rules.model import Alert, Doubt, Finding, Severity, State, Verdict
from rules.specs import PLANS
from rules.store import new_alert
from runtime.db import Database
from runtime.ids import RecordId, RuleId
from tests.rules.kit import ROI_RULE, START, ZHAO, House, rule

MINUTE = timedelta(minutes=1)
OLD = 15 * MINUTE
WAITS = replace(ROI_RULE, hold_for="10分钟", keep_for="10分钟")
OF = rule(WAITS)


def at(minutes: int) -> datetime:
    """So many minutes after the beginning."""
    return START + MINUTE * minutes


def found(verdict: Verdict, doubt: Doubt | None = None) -> Finding:
    """What the rule says."""
    value = None if doubt else Decimal(4 if verdict is Verdict.CLEAR else 2)
    return Finding("1001", RecordId("rec_1"), verdict, value, Decimal(3), Decimal("3.3"), doubt)


def pending() -> Alert:
    """Over the line since the beginning."""
    fresh = new_alert(RuleId("r"), "1001", PLANS, Severity.WARNING)
    return step(fresh, found(Verdict.BREACH), OF, START, Known(START, START, OLD)).alert


@pytest.mark.parametrize(
    ("looks", "fires"),
    [
        ([(0, 5), (5, 10)], True),  # every five minutes
        ([(0, 10)], True),  # as far apart as data may be old
        ([(0, 15)], True),
        ([(0, 60)], False),  # an hour nobody saw
        ([(0, 60), (60, 65)], False),  # five minutes of it are known
        ([(0, 5), (5, 60), (60, 64)], False),
        ([(0, 5), (5, 60), (60, 65)], True),
        ([(-90, 60)], False),  # the last look was before it began
    ],
)
def test_only_what_was_seen_counts_towards_the_clock(looks: list[tuple[int, int]], *, fires: bool) -> None:
    """(Data of the look before, data now): ten known minutes fire, gaps between them are left out."""
    alert = pending()
    for before, now in looks:
        alert = step(alert, found(Verdict.BREACH), OF, at(now), Known(at(now), at(before), OLD)).alert
    assert alert.state is (State.FIRING if fires else State.PENDING)


def test_an_outage_counts_from_the_last_data_and_not_from_when_it_was_noticed() -> None:
    """Data of minute 2 is called too old at minute 18 and is back at 60: two minutes are known."""
    stale = found(Verdict.UNKNOWN, Doubt.STALE)
    alert = step(pending(), stale, OF, at(18), Known(at(2), at(2), OLD)).alert
    assert alert.state is State.UNKNOWN
    alert = step(alert, found(Verdict.BREACH), OF, at(60), Known(at(60), at(2), OLD)).alert
    assert (alert.state, at(60) - alert.pending_since) == (State.PENDING, 2 * MINUTE)  # type: ignore[operator]
    for now, state in ((67, State.PENDING), (68, State.FIRING)):
        seen = step(alert, found(Verdict.BREACH), OF, at(now), Known(at(now), at(60), OLD))
        assert seen.alert.state is state


def test_a_recovery_that_nobody_watched_begins_anew() -> None:
    """Well at minute 20, nobody looks for an hour: only ten minutes that were seen end it."""
    alert = pending()
    for before, now in ((0, 10), (10, 20)):
        verdict = Verdict.BREACH if now == 10 else Verdict.CLEAR
        alert = step(alert, found(verdict), OF, at(now), Known(at(now), at(before), OLD)).alert
    assert alert.recovering
    alert = step(alert, found(Verdict.CLEAR), OF, at(80), Known(at(80), at(20), OLD)).alert
    assert (alert.recovering, alert.clear_since) == (True, at(80))
    alert = step(alert, found(Verdict.CLEAR), OF, at(90), Known(at(90), at(80), OLD)).alert
    assert alert.state is State.RESOLVED


def test_an_edit_between_two_looks_is_no_second_gap() -> None:
    """The gap was left out when an edit was judged; the check a minute later leaves nothing out again."""
    alert = step(pending(), found(Verdict.BREACH), OF, at(8), Known(at(8), at(7), OLD)).alert
    edited = step(alert, found(Verdict.BREACH), OF, at(60), Known(at(60), at(8), OLD)).alert
    assert at(60) - edited.pending_since == 8 * MINUTE  # type: ignore[operator]
    alert = step(edited, found(Verdict.BREACH), OF, at(62), Known(at(62), at(8), OLD)).alert
    assert alert.state is State.FIRING


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    """Plans come from a platform and may be a quarter of an hour old."""
    built = House(database, tmp_path, policy=Policy(fallback=(ZHAO,), max_age={PLANS: OLD}))
    built.write_rule(WAITS)
    yield built
    built.close()


def pulled(house: House) -> None:
    """The platform answers, and the table is looked through."""
    with house.db.begin() as conn:
        store.note_pull(conn, PLANS, house.clock.now())
    house.checker.scan()


@pytest.mark.db
def test_a_worker_that_was_down_does_not_fire_when_it_comes_back(house: House) -> None:
    """Over the line, an hour without a check, over the line: it waits until ten minutes were seen."""
    pulled(house)
    house.write_plan()
    pulled(house)
    house.advance(60 * MINUTE)
    pulled(house)
    assert house.alert().state is State.PENDING
    for _ in range(9):
        house.advance(MINUTE)
        pulled(house)
    assert house.alert().state is State.PENDING
    house.advance(MINUTE)
    pulled(house)
    assert house.alert().state is State.FIRING


@pytest.mark.db
def test_checks_that_go_on_during_an_outage_prove_nothing(house: House) -> None:
    """The platform is silent for an hour, the check looks every minute: that counts for nothing."""
    house.write_rule(replace(WAITS, hold_for="30分钟"))
    pulled(house)
    house.write_plan()
    pulled(house)
    for _ in range(60):
        house.advance(MINUTE)
        house.reviewer.tick()
    assert house.alert().state is State.UNKNOWN
    pulled(house)
    assert house.alert().state is State.PENDING
    for _ in range(29):
        house.advance(MINUTE)
        pulled(house)
    assert house.alert().state is State.PENDING
    house.advance(MINUTE)
    pulled(house)
    assert house.alert().state is State.FIRING


@pytest.mark.db
def test_a_table_that_people_fill_is_known_while_it_is_looked_at(database: Database, tmp_path: Path) -> None:
    """No platform: every look counts, and looks further apart than `LOOK_GAP` leave the time between out."""
    house = House(database, tmp_path, policy=Policy(fallback=(ZHAO,)))
    house.write_rule(WAITS)
    house.reviewer.tick()
    house.write_plan()
    house.advance(LOOK_GAP)
    house.reviewer.tick()
    house.advance(LOOK_GAP + MINUTE)
    house.reviewer.tick()
    assert house.alert().state is State.PENDING
    house.advance(LOOK_GAP)
    house.reviewer.tick()
    assert house.alert().state is State.FIRING
    house.close()


@pytest.mark.db
def test_the_answers_of_another_connection_prove_nothing(house: House) -> None:
    """千川 is silent for 20 minutes, 京准通 answers: its plan waits for thirty minutes that were seen."""

    def pulls(*names: str) -> None:
        now = house.clock.now()
        with house.db.begin() as conn:
            for name in ("qc", "jd"):
                store.note_pull(conn, f"{PLANS}/{name}", now, error="" if name in names else "没有回答")
            freshness.note_table(conn, PLANS, ("qc", "jd"), now, "")
        house.checker.scan()

    house.write_rule(replace(WAITS, hold_for="30分钟"))
    pulls("qc", "jd")
    house.write_plan(source="qc")
    pulls("qc", "jd")
    for _ in range(8):
        house.advance(MINUTE)
        pulls("qc", "jd")
    for _ in range(20):
        house.advance(MINUTE)
        pulls("jd")
    assert house.alert().state is State.UNKNOWN
    for _ in range(22):
        house.advance(MINUTE)
        pulls("qc", "jd")
        assert house.alert().state is State.PENDING, "less than thirty minutes were seen"
    house.advance(MINUTE)
    pulls("qc", "jd")
    assert house.alert().state is State.FIRING
