"""Figures of former days: kept by the pulls hour by hour, read at the same time of day, never guessed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bitable_sync.cells import CellValue
from rules import history
from rules.cockpit import tables as t
from rules.cockpit.days import forget, keep
from rules.evaluate import evaluate
from rules.metrics import SPANS
from rules.model import Doubt, State, Verdict
from rules.parse import RuleText
from rules.specs import PLANS, SHOPS
from runtime.clock import day_of
from tests.rules.kit import CATALOG, START, House, plan, row, rule

D, HOUR, DAY = Decimal, timedelta(hours=1), timedelta(days=1)
WEEK_RULE = RuleText(
    name="比上周少三成", table="计划日报", metric="成交金额同比上周", comparison="低于", threshold="-30%",
    enabled=True,
)  # fmt: skip


def pulled(house: House, back: timedelta, table: str = PLANS, **figures: Decimal) -> None:
    """A pull of one plan at some time before now."""
    at = house.clock.now() - back
    values: Mapping[str, CellValue] = plan(**figures)
    if table == SHOPS:
        values = {"shop_id": "s1", "name": "旗舰店", "platform": "抖音", "gmv_base": D(1), **figures}
    with house.db.begin() as conn:
        keep(conn, table, [dict(values)], day_of(at), at)


def known(house: House, *keys: str, table: str = PLANS) -> dict[str, dict[str, Decimal]]:
    """What history says now."""
    with house.db.read() as conn:
        return history.load(conn, table, keys, house.clock.now(), {"1001", "s1"})


@pytest.mark.db
def test_the_same_minute_is_read_between_two_pulls(house: House) -> None:
    """Half past ten lies between the pulls of ten and eleven; the line between them is straight."""
    house.advance(HOUR / 2)  # 10:30 in Shanghai
    pulled(house, DAY + HOUR / 2, gmv=D(1000), spend=D(100), orders=D(10))
    pulled(house, DAY - HOUR / 2, gmv=D(1600), spend=D(101), orders=D(13))
    assert known(house, "gmv@day", "spend@day", "orders@day", "gmv@week") == {
        "1001": {"gmv@day": D(1300), "spend@day": D("100.5"), "orders@day": D("11.5")}
    }


@pytest.mark.db
def test_the_last_pull_of_an_hour_counts_and_each_hour_has_one(house: House) -> None:
    """Within the hour a later pull overwrites; an unchanged figure is noted once an hour all the same."""
    for minutes in (50, 40, 20):
        pulled(house, DAY + timedelta(minutes=minutes), gmv=D(1000 - minutes), spend=D(1))
    pulled(house, DAY, gmv=D(980), spend=D(1))
    with house.db.read() as conn:
        found = conn.execute(t.hours.select()).all()
    assert [(each.hour, each.gmv) for each in found] == [(9, D(980)), (10, D(980))]


@pytest.mark.db
def test_a_day_without_a_sample_is_not_zero(house: House) -> None:
    """No pull within two hours, none of that day, or none before this time: nothing is known."""
    pulled(house, DAY + 3 * HOUR, gmv=D(900))
    assert known(house, "gmv@day") == {}
    pulled(house, DAY - HOUR, gmv=D(1000))
    assert known(house, "gmv@day") == {}
    pulled(house, DAY + HOUR, gmv=D(950))
    assert known(house, "gmv@day") == {"1001": {"gmv@day": D(975)}}


@pytest.mark.db
def test_the_mean_needs_three_days(house: House) -> None:
    """Days without a sample are left out of the mean, and two days are no mean."""
    for back in (1, 5):
        pulled(house, back * DAY, gmv=D(100 * back))
    assert known(house, "gmv@mean7") == {}
    pulled(house, 7 * DAY, gmv=D(301))
    assert known(house, "gmv@mean7") == {"1001": {"gmv@mean7": D("300.33")}}


@pytest.mark.db
def test_shops_have_their_own_and_stock_has_none(house: House) -> None:
    """Yesterday's sales of a shop come from the platform; its orders from our hours."""
    for back in (1, 0):
        pulled(house, back * DAY, SHOPS, gmv=D(5), orders=D(7))
    assert known(house, "gmv_base", "orders@day", table=SHOPS) == {"s1": {"orders@day": D(7)}}
    assert known(house, "qty@day", table="stock") == {}


@pytest.mark.db
def test_hours_are_kept_for_the_week_and_a_day_to_spare(house: House) -> None:
    """Older ones go with the cockpit's tidying, days stay."""
    for back in (8, 9, 10):
        pulled(house, back * DAY, gmv=D(1))
    with house.db.begin() as conn:
        forget(conn, house.clock.now())
        assert len(conn.execute(t.hours.select()).all()) == 2
        assert len(conn.execute(t.days.select()).all()) == 3


@pytest.mark.db
def test_a_plan_is_compared_with_last_week_on_both_paths(house: House) -> None:
    """Without a sample nothing is opened; with one the scan and an edit find the same number."""
    house.write_rule(WEEK_RULE, "rec_week")
    house.write_plan(gmv=D(600))
    assert house.rows(t.hours) == []
    assert house.open() == []
    pulled(house, 7 * DAY, gmv=D(1000))
    house.checker.scan()
    alert = house.alert("rec_week")
    assert (alert.state, alert.value, alert.limit) == (State.FIRING, D("-0.4"), D("-0.3"))
    house.advance(timedelta(minutes=1))
    house.write_plan(gmv=D(900))
    assert house.alert("rec_week").state is State.RESOLVED


@pytest.mark.db
def test_no_sample_is_said_in_the_row_of_the_rule(house: House) -> None:
    """The preview counts what cannot be compared and names one."""
    house.put(PLANS, {f"rec_{n}": plan(str(n)) for n in range(3)})
    house.write_rule(WEEK_RULE, "rec_week")
    assert house.say("rec_week") == (
        "有效，当前会触发 0 个对象；3 个无法判断，例如 0：还没有上周同日同时段的成交金额，无法比较"
    )


@pytest.mark.parametrize(
    ("metric", "past", "value"),
    [
        ("成交金额环比", "gmv@day", "0.25"),
        ("消耗同比上周", "spend@week", "-0.375"),
        ("成交订单数7日均值比", "orders@mean7", "0.5"),
    ],
)
def test_change_and_share_read_as_people_say_them(metric: str, past: str, value: str) -> None:
    """环比 and 同比 are the change, 均值比 is the share; a base of zero cannot be compared with."""
    base = {"gmv@day": D(1600), "spend@week": D(1600), "orders@mean7": D(40)}
    of, words = rule(metric=metric, threshold="0", scope=""), CATALOG.by_key(PLANS)
    judged = [
        evaluate(of, [row(plan())], words, past={"1001": {past: amount}})[0] for amount in (base[past], D(0))
    ]
    assert judged[0].value == D(value)
    assert (judged[1].verdict, judged[1].doubt) == (Verdict.UNKNOWN, Doubt.ZERO_BASE)


def test_spans_say_what_they_need() -> None:
    """A week ago is one day, seven days before; the mean takes seven and is content with three."""
    needs = {span.key: (span.backs, span.least) for span in SPANS}
    assert needs == {"day": ((1,), 1), "week": ((7,), 1), "mean7": ((1, 2, 3, 4, 5, 6, 7), 3)}


def test_a_point_far_away_says_nothing() -> None:
    """Two hours are the limit on either side; after the last pull of a day its figure stands."""
    points = [history.Point(START, D(10)), history.Point(START + 2 * HOUR, D(30))]
    assert history.at_time(points, START + HOUR) == D(20)
    assert history.at_time(points, START - HOUR) is None
    assert history.at_time(points, START + 3 * HOUR) == D(30)
    assert history.at_time(points, START + 5 * HOUR) is None
    far = [points[0], replace(points[1], at=START + 3 * HOUR)]
    assert history.at_time(far, START + HOUR) is None
