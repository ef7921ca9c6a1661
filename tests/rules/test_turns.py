"""A month of dry run: steps and crossings of a metric, and what a rule really did, whatever it asks for."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from rules import store, tables
from rules.dryrun import DryRuns, said_of
from rules.past import series
from rules.replay import Grain, Real, Replay, dry_lines, dry_sentence, replay
from rules.specs import STOCK
from rules.store import HISTORY
from rules.turns import KEEP, MOST, STEPS, Last, thin
from tests.rules.kit import ROI_RULE, START, STOCK_RULE, House, rule, sku, worker
from tests.rules.test_dryrun import BARE, said

D, MINUTE, HOUR, DAY = Decimal, timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("values", "lines", "kept"),
    [
        (["100", "104", "96", "94", "94"], [], ["100", "94"]),  # five in a hundred
        (["100", "96", "92"], [], ["100", "92"]),  # small steps add up
        (["100", "99", "101"], ["100"], ["100", "99", "101"]),  # on the line, under it, over it
        (["101", "100.5"], ["100"], ["101"]),
        (["0", "1", "0"], [], ["0", "1", "0"]),
    ],
)
def test_steps_and_crossings_are_kept(values: list[str], lines: list[str], kept: list[str]) -> None:
    """What one can see in a month, and whatever passed a line."""
    last = Last(lines=[D(line) for line in lines])
    taken = [value for n, value in enumerate(values) if last.take(START + MINUTE * n, D(value))]
    assert taken == kept


def test_a_restless_metric_is_bounded() -> None:
    """So many steps a day; crossings go on a little longer; the next day begins anew."""
    flapping = [START + MINUTE * n for n in range(200)]
    steps, crossings = Last(), Last(lines=[D(3)])
    assert sum(steps.take(at, D(10 + n % 2)) for n, at in enumerate(flapping)) == STEPS
    assert sum(crossings.take(at, D(2 + 2 * (n % 2))) for n, at in enumerate(flapping)) == MOST
    assert steps.take(START + DAY, D(10))


def points(house: House, values: Sequence[tuple[timedelta, str]], key: str = "SKU-1") -> None:
    """Changes of a SKU's stock, each so long before now."""
    with house.db.begin() as conn:
        for back, value in values:
            store.keep_points(conn, STOCK, "available", {key: D(value)}, house.clock.now() - back)


def thinned(house: House) -> list[tuple[timedelta, Decimal]]:
    """Let time do its work; how long ago each turn was, and its value."""
    with house.db.begin() as conn:
        thin(conn, house.clock.now(), {"rec_stock": "available"})
    return [(house.clock.now() - row.at, row.value) for row in house.rows(tables.metric_turns)]


@pytest.mark.db
def test_two_days_later_the_turns_remain_and_a_month_later_nothing(house: House) -> None:
    """Old points are thinned once; recent ones stay whole; the month ends."""
    points(house, [(60 * HOUR, "300"), (59 * HOUR, "299"), (58 * HOUR, "90"), (3 * HOUR, "91")])
    turns = [(60 * HOUR, D(300)), (58 * HOUR, D(90))]
    assert thinned(house) == turns
    assert thinned(house) == turns
    assert [row.value for row in house.rows(tables.metric_points)] == [D(91)]
    house.advance(HISTORY)
    assert thinned(house) == [(back + HISTORY, value) for back, value in turns], "91 is no step from 90"
    assert house.rows(tables.metric_points) == []
    house.advance(KEEP)
    assert thinned(house) == []


@pytest.mark.db
def test_the_lines_of_an_alert_are_crossings_of_its_object(house: House) -> None:
    """1,010 to 990 is a small step, and passes the safety stock of 1,000 that an alert knows."""
    house.write_rule(STOCK_RULE, "rec_stock")
    house.put(STOCK, {"rec_SKU-1": sku(safety=D(1000))})
    house.checker.scan()
    with house.db.begin() as conn:
        conn.execute(tables.metric_points.delete())
    values = [(60 * HOUR, "1010"), (59 * HOUR, "990"), (58 * HOUR, "1010")]
    points(house, values)
    points(house, values, "SKU-2")
    assert len(thinned(house)) == 3 + 1


@pytest.mark.db
def test_the_month_of_a_sku_is_said_with_lengths(house: House) -> None:
    """Under the line twice in three weeks, once for twenty minutes: both are known, and how coarse it is."""
    house.put(STOCK, {"rec_SKU-1": sku()})
    points(house, [
        (21 * DAY, "300"), (20 * DAY, "60"), (20 * DAY - 20 * MINUTE, "300"), (9 * DAY, "50"),
        (8 * DAY, "300"), (HOUR, "290"),
    ])  # fmt: skip
    thinned(house)
    of, now = rule(STOCK_RULE, "rec_stock"), house.clock.now()
    ground = house.checker.ground(of.table, [of], ())
    with house.db.read() as conn:
        past = replay(of, series(conn, house.sources, of, ground, now), now)
    assert past is not None
    assert (past.fired, past.timed, past.short, list(past.begins)) == (2, 2, 1, [Grain.STEP, Grain.CHANGE])
    assert dry_sentence(past) == "02-09 以来本会触发 2 次，其中 1 次不到 30 分钟"
    assert "03-02 前只留 5% 以上的变化" in dry_lines(past)[1].zh


@pytest.mark.db
def test_a_rule_with_a_floor_says_what_it_really_did(house: House) -> None:
    """No change of ROI says what was spent; the rule's own alerts do, with how long each lasted."""
    house.write_rule(ROI_RULE, floor=D(500), sample=D(5))
    for minutes in (10, 40):
        house.advance(DAY)
        house.write_plan()
        house.advance(MINUTE * minutes)
        house.write_plan(gmv=D(9000))
    house.advance(DAY)
    DryRuns(worker(house)).run(cast("Any", None), {"rule_id": "rec_roi"})
    with house.db.read() as conn:
        words = said_of(conn, "rec_roi", "有效", 1)
    assert words == "有效；03-02 以来实际触发 2 次，其中 1 次不到 30 分钟"


@pytest.mark.db
def test_what_a_former_version_did_is_not_this_ones(house: House) -> None:
    """Edited: what it really did counts from the edit on; one that is off has nothing real."""
    house.write_rule()
    house.write_plan()
    house.advance(2 * DAY)
    house.write_rule(floor=D(10))
    house.advance(2 * DAY)
    DryRuns(worker(house)).run(cast("Any", None), {"rule_id": "rec_roi"})
    with house.db.read() as conn:
        assert said_of(conn, "rec_roi", "有效", 2) == "有效；03-04 以来实际触发 0 次"
    house.write_rule(floor=D(10), enabled=False)
    house.advance(2 * DAY)
    DryRuns(worker(house)).run(cast("Any", None), {"rule_id": "rec_roi"})
    with house.db.read() as conn:
        assert said_of(conn, "rec_roi", "有效", 3) == "有效"


def test_what_really_was_takes_over_from_the_replay() -> None:
    """Replayed until the rule came into force; an alert that was open then is not counted twice."""
    of, since = rule(BARE), START + 5 * HOUR
    replayed = said(of, [(HOUR, "2"), (2 * HOUR, "4"), (3 * HOUR, "2"), (9 * HOUR, "4")], Grain.CHANGE)
    real = Real(since, {
        "1001": [(since + MINUTE, 10 * MINUTE), (since + DAY, 3 * HOUR)], "1002": [(since + DAY, None)],
    })  # fmt: skip
    past = replay(of, [replayed], START + 9 * DAY, real)
    assert past == Replay(START + HOUR, 4, 2, 4, 0, {Grain.CHANGE: START + HOUR, Grain.REAL: since})
    assert dry_lines(past)[1].zh == "按现在的规则估算：03-02 起按实际发生的算"
