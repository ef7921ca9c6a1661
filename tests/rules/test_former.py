"""Figures of former days as columns are the figures that a single object gets, and only a piece is held."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitable_sync.pieces import pieces
from rules import history
from rules.cockpit import tables as t
from rules.cockpit.days import PLAN
from rules.compiled import program
from rules.former import Former
from rules.metrics import SPANS
from rules.parse import RuleText
from rules.scan import FormerColumn, scan
from rules.specs import PLANS, PLANS_TABLE
from rules.tree import PAST
from runtime.clock import SHANGHAI, day_of
from tests.rules.kit import START, House, plan, rule

KEYS = [f"{field}{PAST}{span.key}" for field in ("gmv", "spend", "orders") for span in SPANS]
CENTS = st.one_of(st.integers(0, 10_000), st.integers(0, 10**13))
"""Ordinary amounts, and steps between two pulls whose product with a time needs more than 64 bits."""
PULLS = st.lists(
    st.tuples(
        st.integers(0, 3),  # object
        st.integers(1, 8),  # days back
        st.integers(0, 4),  # hour of five
        st.integers(0, 3_599_999_999),  # microsecond of the hour
        CENTS,
        st.none() | CENTS,
        st.integers(0, 500),
    ),
    max_size=40,
    unique_by=lambda pull: pull[:3],
)


def hours(pulls: list[tuple[Any, ...]], now: datetime) -> list[dict[str, Any]]:
    """Rows of the hours' table."""
    found = []
    for number, back, place, offset, gmv, spend, orders in pulls:
        day = day_of(now) - timedelta(days=back)
        hour = now.astimezone(SHANGHAI).hour - 2 + place
        if not 0 <= hour < 24:
            continue
        at = datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI) + timedelta(microseconds=offset)
        found.append({
            "kind": PLAN, "day": day, "hour": hour, "object_id": f"p{number}", "seen_at": at,
            "gmv": Decimal(gmv).scaleb(-2), "spend": None if spend is None else Decimal(spend).scaleb(-2),
            "orders": orders,
        })  # fmt: skip
    return found


def as_decimals(former: Former, ids: list[str]) -> dict[str, dict[str, float]]:
    """What the columns say, by object."""
    found: dict[str, dict[str, float]] = {}
    for key, column in former(ids).items():
        for each, value in zip(ids, column.values, strict=True):
            if not np.isnan(value):
                found.setdefault(each, {})[key] = float(value)
    return found


@pytest.mark.db
@settings(suppress_health_check=list(HealthCheck), max_examples=60, deadline=None)
@given(pulls=PULLS, minutes=st.integers(0, 1439))
def test_columns_say_what_one_object_is_told(
    house: House, pulls: list[tuple[Any, ...]], minutes: int
) -> None:
    """Whatever was pulled, at any time of day: the same number, or nobody knows, for each object and key."""
    now = START + timedelta(minutes=minutes)
    rows = hours(pulls, now)
    ids = ["p0", "p3", "p1", "p0", "p9", "p2"]  # two rows of one object, one object without any pull
    with house.db.begin() as conn:
        conn.execute(t.hours.delete())
        if rows:
            conn.execute(t.hours.insert(), rows)
        exact = history.load(conn, PLANS, KEYS, now, set(ids))
    wanted: Mapping[str, Mapping[str, float]] = {
        each: {key: float(value) for key, value in found.items()} for each, found in exact.items()
    }
    assert as_decimals(Former(house.db, PLANS, KEYS, now), ids) == wanted


@pytest.mark.db
def test_a_number_that_a_double_does_not_hold_is_judged_exactly(house: House) -> None:
    """More than fifteen digits: marked, so that the scan leaves it to the exact judgement."""
    day = day_of(START) - timedelta(days=1)
    amounts = {"p0": Decimal("12345678901234.57"), "p1": Decimal("12.34")}
    with house.db.begin() as conn:
        conn.execute(t.hours.insert(), [
            {"kind": PLAN, "day": day, "hour": 10, "object_id": key, "gmv": value, "spend": None, "orders": 1,
             "seen_at": START - timedelta(days=1)}
            for key, value in amounts.items()
        ])  # fmt: skip
    column = Former(house.db, PLANS, ["gmv@day"], START)(["p0", "p1"])["gmv@day"]
    assert column.odd.tolist() == [True, False]


@pytest.mark.db
def test_a_scan_asks_for_the_figures_of_a_piece_at_a_time(house: House) -> None:
    """Three pieces of a table, and never more objects at once than a piece has."""
    asked: list[int] = []
    former = Former(house.db, PLANS, ["gmv@day"], house.clock.now())

    def counted(ids: Sequence[str]) -> Mapping[str, FormerColumn]:
        asked.append(len(ids))
        return former(ids)

    house.put(PLANS, {f"rec_{n}": plan(f"{n}") for n in range(2 * 100 + 3)})
    text = RuleText(name="环比", table="计划日报", metric="成交金额环比", comparison="低于", threshold="-30%")
    of = rule(text, enabled=True)
    scan(pieces(house.mirror, PLANS, 100), PLANS_TABLE, [program(of)], [set()], counted)
    assert asked == [100, 100, 3]
