"""The arithmetic and the words of the cockpit, as tables: one case a line."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from bitable_sync.cells import EMPTY, Person, Unreadable
from bot.pace import Pace
from rules.cockpit import figures, look
from rules.cockpit.charts import Chart, Line
from rules.cockpit.model import Episode, Fate, Health, ShopDay, Stock, StockDay, Sums
from tests.rules.cockpit_kit import START, TODAY
from tests.rules.kit import sku

D = Decimal
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def ended(after: timedelta | None = None, **changes: object) -> Episode:
    """An alert that fired at START and recovered after a while, untouched."""
    values = {"resolved_at": None if after is None else START + after, "reason": "recovered"}
    values |= {"acted": False, "touched_at": None, **changes}
    return Episode(START, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("episode", "fate"),
    [
        (ended(29 * MINUTE), Fate.FALSE),  # gone before anybody could look
        (ended(30 * MINUTE), Fate.SELF),  # half an hour is no false alarm any more
        (ended(), Fate.OPEN),
        (ended(5 * MINUTE, touched_at=START + MINUTE), Fate.SEEN),  # somebody looked: not false
        (ended(5 * MINUTE, acted=True), Fate.ACTED),
        (ended(acted=True, touched_at=START + MINUTE), Fate.ACTED),  # acting counts more than looking
        (ended(touched_at=START + MINUTE), Fate.SEEN),  # in somebody's hands is not untouched
        (ended(5 * MINUTE, reason="threshold_cleared"), Fate.MOVED),  # people changed the line
        (ended(5 * HOUR, reason="rule_deleted"), Fate.MOVED),
        (ended(5 * MINUTE, reason="left_scope"), Fate.MOVED),
    ],
)
def test_every_alert_has_one_fate(episode: Episode, fate: Fate) -> None:
    """What became of an alert is decided from who touched it, when and why it ended."""
    assert figures.fate(episode) is fate


def test_quality_counts_a_span_and_its_fates_add_up() -> None:
    """Each alert is counted once; older ones are not; the response is the median of those touched."""
    old = Episode(START - 8 * timedelta(days=1), START, "recovered", acted=False, touched_at=None)
    touched = [ended(HOUR, touched_at=START + wait * MINUTE) for wait in (2, 4, 60)]
    found = figures.quality([old, *touched, ended(MINUTE), ended()], START - timedelta(days=7))
    assert found.fired == 5 == sum(found.fates.values())
    assert (found.fates[Fate.SEEN], found.fates[Fate.FALSE], found.fates[Fate.OPEN]) == (3, 1, 1)
    assert (found.response, found.share(Fate.SEEN)) == (4 * MINUTE, 60)


def test_no_alerts_are_no_percentages() -> None:
    """Nothing divided by nothing is not 0 %."""
    empty = figures.quality([], START)
    assert (empty.fired, empty.response, empty.share(Fate.FALSE)) == (0, None, None)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, Stock.LOW),  # 30 sellable + 20 on the way < 100
        ({"qty": D(90)}, Stock.FINE),  # exactly 100 counts as enough
        ({"qty": D(89)}, Stock.LOW),
        ({"qty": D(10)}, Stock.OUT),  # all of it locked: goods on the way cannot be sold
        ({"qty": D(5), "on_way": D(900)}, Stock.OUT),
        ({"safety": EMPTY}, Stock.UNKNOWN),
        ({"on_way": EMPTY}, Stock.UNKNOWN),
        ({"qty": Unreadable("不是数字")}, Stock.UNKNOWN),
        ({"qty": D(10), "safety": EMPTY}, Stock.OUT),  # sold out is sold out without a safety stock
    ],
)
def test_a_sku_is_judged_and_doubt_is_never_fine(changes: dict[str, object], state: Stock) -> None:
    """A missing or unreadable cell makes a SKU unknown, with the sentence that says which."""
    found = figures.judge_sku(sku(**changes))  # type: ignore[arg-type]
    assert found.state is state
    if state is Stock.UNKNOWN:
        assert "“" in found.why


def test_short_list_has_the_worst_first_and_nothing_fine() -> None:
    """Sold out, then the emptiest against safety stock, then what nobody can tell."""
    rows = [
        sku("FINE", qty=D(500)), sku("HALF", qty=D(50)), sku("OUT", qty=D(0)), sku("NEAR", qty=D(80)),
        sku("WHAT", safety=EMPTY),
    ]  # fmt: skip
    found = [each.sku for each in figures.short_list(map(figures.judge_sku, rows))]
    assert found == ["OUT", "HALF", "NEAR", "WHAT"]


def test_stock_counts_are_by_shop_and_sold_out_is_low_too() -> None:
    """Each SKU counts in its shop's line; unknown is counted apart."""
    rows = [sku("1", shop="A", qty=D(0)), sku("2", shop="A"), sku("3", shop="B", safety=EMPTY)]
    assert figures.stock_days(map(figures.judge_sku, rows), TODAY) == [
        StockDay(TODAY, "A", 2, 2, 1, 0), StockDay(TODAY, "B", 1, 0, 0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("age", "error", "connected", "health"),
    [
        (MINUTE, "", True, Health.FRESH),
        (15 * MINUTE, "", True, Health.FRESH),
        (15 * MINUTE + timedelta(seconds=1), "", True, Health.STALE),
        (MINUTE, "平台繁忙", True, Health.TROUBLED),  # one failed try does not make numbers old
        (HOUR, "平台繁忙", True, Health.STALE),
        (None, "", True, Health.NEVER),
        (MINUTE, "", False, Health.OFF),  # a pull without a platform brought nothing
        (-MINUTE, "", True, Health.FRESH),  # another machine's clock is ahead
    ],
)
def test_health_of_a_source(age: timedelta | None, error: str, connected: bool, health: Health) -> None:
    """Age decides; only fresh and troubled numbers may be shown as what is."""
    pulled = None if age is None else START - age
    found = figures.source("plans", "广告", pulled, error, limit=15 * MINUTE, now=START, connected=connected)
    assert found.health is health
    assert found.good == (health in (Health.FRESH, Health.TROUBLED))


def test_sums_keep_unseen_apart_from_zero() -> None:
    """A shop without ad figures has no spend, not a spend of zero; no spend has no ROI."""
    shop, plans = Sums(gmv=D(100), base=D(80), orders=3), Sums(ad_gmv=D(50), spend=D(0))
    assert figures.add([shop, shop]).spend is None
    assert figures.add([shop, plans]) == Sums(D(100), D(80), 3, D(50), D(0))
    assert figures.add([plans]).roi is None
    assert Sums(ad_gmv=D(5), spend=D(2)).roi == D("2.5")
    assert figures.change(D(90), D(100)) == D("-0.1")
    assert figures.change(D(90), D(0)) is None


def test_a_day_without_rows_is_a_gap() -> None:
    """Nothing seen of a day is not a day with nothing sold."""
    span = figures.last_days(TODAY, 3)
    rows = [ShopDay(span[0], "抖音", "A", Sums(gmv=D(1))), ShopDay(span[2], "抖音", "B", Sums(gmv=D(2)))]
    assert [sums.gmv for _, sums in figures.by_day(rows, span)] == [D(1), None, D(2)]
    shops = figures.by_shop(rows, TODAY)
    assert [(line.shop, line.sums.gmv) for line in shops] == [("B", D(2)), ("A", None)]
    chart = Chart("k", "标题", "yuan", span, [Line("成交", "blue", [D(1), None, D(2)])])
    assert (chart.seen, [values for _, values in chart.rows]) == (2, [["¥2"], ["¥1"]])
    assert '"values": [1.0, null, 2.0]' in chart.data


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (look.yuan(None), "—"),
        (look.yuan(D("8240.49")), "¥8,240"),
        (look.yuan(D("12444")), "¥1.24万"),
        (look.yuan(D("123456")), "¥12.3万"),
        (look.yuan(D("132000000")), "¥1.32亿"),
        (look.yuan(D("-500")), "−¥500"),
        (look.count(9999), "9,999"),
        (look.count(D(12345)), "1.2万"),
        (look.ratio(D("2.345")), "2.35"),
        (look.percent(D("-0.04")), "−4.0%"),
        (look.percent(D("0.1234")), "+12.3%"),
        (look.percent(None), ""),
        (look.span(timedelta(seconds=40)), "不到 1 分钟"),
        (look.span(200 * MINUTE), "3 小时 20 分"),
        (look.span(120 * MINUTE), "2 小时"),
        (look.span(timedelta(days=2, hours=3)), "2 天"),
        (look.ago(None, START), "从未"),
        (look.ago(START - timedelta(seconds=10), START), "刚刚"),
        (look.ago(START - 5 * MINUTE, START), "5 分钟前"),
        (look.moment(START, START), "14:32"),
        (look.moment(START - 24 * HOUR, START), "11-27 14:32"),
        (look.day(date(2026, 11, 28)), "11-28 周六"),
    ],
)
def test_numbers_and_times_are_written_for_people(written: str, expected: str) -> None:
    """Units people think in, signs that align, a dash for what is not known."""
    assert written == expected


def test_pace_counts_a_minute_for_each_key() -> None:
    """The third request of a minute is refused, another key's is not, and the next minute begins anew."""
    pace = Pace(2)
    assert [pace.allows("a", START) for _ in range(3)] == [True, True, False]
    assert pace.allows("b", START)
    assert pace.allows("a", START + MINUTE)


def test_owners_of_a_sku_are_people_only() -> None:
    """Whatever else stands in the column is nobody."""
    assert figures.judge_sku(sku(owner=EMPTY)).owners == ()
    assert figures.judge_sku(sku()).owners == (Person("ou_chen", "陈静"),)
