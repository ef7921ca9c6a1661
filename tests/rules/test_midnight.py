"""Sales of shops over midnight, from orders to the state of an alert; and hours as the orders are now."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bitable_sync.mirror import Row
from bitable_sync.platforms.gateways import Gateways
from bitable_sync.platforms.ledger import Ledger
from bitable_sync.platforms.orders import SWEEP, OrderBook, Reading
from rules.cockpit import tables as t
from rules.deps import Worker
from rules.jobs import Tables
from rules.model import State
from rules.parse import RuleText
from rules.specs import SHOPS
from rules.tables import alerts
from runtime.clock import SHANGHAI, day_of
from runtime.db import Database
from runtime.errors import TransientError
from tests.rules.kit import House, worker
from tests.support.shops import Store, order

pytestmark = pytest.mark.db
D, MINUTE, HOUR, DAY = Decimal, timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = datetime(2026, 3, 9, tzinfo=SHANGHAI)
RULE = RuleText(
    name="比上周少三成", table="店铺日报", metric="成交金额同比上周", comparison="低于", threshold="-30%",
    enabled=True,
)  # fmt: skip


class Base:
    """Where rows are written to: what a push to Bitable leaves in the mirror."""

    def __init__(self, house: House) -> None:
        self.house = house

    def upsert(self, table: str, rows: Sequence[Mapping[str, Any]], *, cause: str) -> None:
        """Write rows by their business key."""
        del cause
        self.house.put(table, {f"rec_{row['shop_id']}": row for row in rows})


class Desk:
    """A company with one shop, pulled by the job that pulls."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.store = Store()
        self._number = 0
        self.start()

    def start(self) -> None:
        """A worker begins: nothing of an earlier one is in memory."""
        book = OrderBook(self.store, Reading(DAY, 10 * MINUTE), Ledger(self.house.db, "tmall-a"))
        base: Any = SimpleNamespace(
            specs=self.house.mirror.specs, mirror=self.house.mirror, pusher=Base(self.house)
        )
        made: Worker = worker(self.house)
        self.tables = Tables(
            Worker(**{
                **{name: getattr(made, name) for name in Worker.__slots__},
                "sync": base, "gateways": Gateways(shops={"tmall-a": book}),
            })
        )  # fmt: skip

    def sell(self, at: datetime, amount: str = "100.00", **more: Any) -> str:
        """An order is paid; its number."""
        self._number += 1
        self.store.put(order(self._number, at, amount=amount, **more))
        return f"s1/T{self._number}"

    def pull(self, at: datetime) -> None:
        """The platform is asked, the row written, the table judged."""
        self.house.clock.set(at)
        self.tables.fetch(SHOPS, f"{at}")
        self.house.checker.scan(SHOPS)

    def look(self, at: datetime) -> None:
        """The regular check between two pulls."""
        self.house.clock.set(at)
        self.house.checker.scan(SHOPS)

    @property
    def row(self) -> Row:
        """The shop's row in 店铺日报."""
        found = self.house.mirror.get(SHOPS, "rec_s1")
        assert found is not None
        return found

    def gmv(self) -> Any:
        """今日成交金额 as it stands there."""
        return self.row.values["gmv"]

    def hours(self, day: datetime) -> dict[int, tuple[Decimal, int]]:
        """How far the shop was, by hour."""
        rows = self.house.rows(t.hours, kind="shop", day=day_of(day))
        return {row.hour: (row.gmv, row.orders) for row in rows}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """No order yet; a rule on last week's figures."""
    house = House(database, tmp_path)
    house.write_rule(RULE, "rec_week")
    yield Desk(house)
    house.close()


def week_before(desk: Desk) -> None:
    """The day a week ago of a shop that also sells at night, and the night after it."""
    for hour in range(26):
        desk.sell(TODAY - 7 * DAY + hour * HOUR)
    for minutes in (1, 31, 61, 91):
        desk.pull(TODAY - 6 * DAY + minutes * MINUTE)


def test_a_fall_is_not_over_because_midnight_came(desk: Desk) -> None:
    """Over the line at a minute to midnight; the new day begins with nothing sold, 100 元 a week ago.

    Between midnight and the first pull the row still shows the day before, which is not compared with 00:01.
    """
    week_before(desk)
    desk.sell(TODAY)
    for minutes in (60, 1):
        desk.pull(TODAY + DAY - minutes * MINUTE)
    fell = desk.house.alert("rec_week", "s1")
    assert fell.state is State.FIRING
    desk.look(TODAY + DAY + timedelta(seconds=20))
    assert desk.house.alert("rec_week", "s1").state is State.FIRING
    desk.pull(TODAY + DAY + MINUTE)
    after = desk.house.alert("rec_week", "s1")
    assert (after.state, after.episode, after.resolved_at) == (State.FIRING, fell.episode, None)
    assert (desk.gmv(), desk.row.values["gmv_base"]) == (0, 100)
    assert after.value == D(-1)


def test_a_shop_that_is_well_is_not_over_the_line_because_midnight_came(desk: Desk) -> None:
    """A day like last week's: no look around midnight finds anything."""
    week_before(desk)
    for hour in range(25):
        desk.sell(TODAY + hour * HOUR)
    for minutes in (-29, -1, 1, 31):
        desk.pull(TODAY + DAY + minutes * MINUTE)
        desk.look(TODAY + DAY + minutes * MINUTE + timedelta(seconds=80))
        assert desk.house.rows(alerts) == []
    assert desk.gmv() == 100


@pytest.mark.parametrize(
    "at", [TODAY + MINUTE, TODAY + 9 * HOUR, TODAY + DAY + MINUTE, TODAY + 2 * DAY + 9 * HOUR]
)
@pytest.mark.parametrize("restarted", [False, True])
def test_the_row_of_a_silent_shop_says_nothing_was_sold(desk: Desk, at: datetime, restarted: bool) -> None:
    """It sells from nine to ten at night: one minute after midnight, at nine, on the second and third day."""
    for hour in range(9, 22):
        desk.sell(TODAY - DAY + hour * HOUR)
    desk.pull(TODAY - MINUTE)
    assert desk.gmv() == 1300
    if restarted:
        desk.start()
    desk.pull(at)
    assert (desk.gmv(), desk.row.values["orders"], desk.row.values["gmv_base"]) == (0, 0, 0)
    assert desk.hours(at)[at.hour] == (0, 0)


def test_hours_are_those_of_the_orders_as_they_are_now(desk: Desk) -> None:
    """An order heard of late, one that is cancelled, an outage: each hour stands as the definition says."""
    first = desk.sell(TODAY + 5 * MINUTE)
    desk.pull(TODAY + 30 * MINUTE)
    assert desk.hours(TODAY) == {0: (100, 1)}
    desk.sell(TODAY + 40 * MINUTE, "7.00")
    desk.sell(TODAY + 70 * MINUTE, "30.00")
    desk.store.fails_at = TODAY + 3 * HOUR
    with pytest.raises(TransientError):
        desk.pull(TODAY + 3 * HOUR)
    desk.store.fails_at = None
    desk.pull(TODAY + 4 * HOUR + MINUTE)
    assert desk.hours(TODAY) == {0: (107, 2), 1: (137, 3), 2: (137, 3), 3: (137, 3), 4: (137, 3)}
    late = desk.sell(TODAY + 3 * HOUR, "3.00")
    was = desk.store.held[first]
    desk.store.put(order(1, was.paid, modified=TODAY + 5 * HOUR, void=True))
    desk.pull(TODAY + 5 * HOUR + MINUTE)
    assert late in desk.store.held
    assert desk.hours(TODAY) == {0: (7, 1), 1: (37, 2), 2: (37, 2), 3: (40, 3), 4: (40, 3), 5: (40, 3)}


def test_hours_of_yesterday_follow_its_orders(desk: Desk) -> None:
    """An order of last night that comes in the morning, over a restart; the totals are due again."""
    desk.sell(TODAY - HOUR)
    desk.pull(TODAY - MINUTE)
    turns = {row.day: row.turn for row in desk.house.rows(t.due)}
    desk.sell(TODAY - 30 * MINUTE, "5.00")
    desk.start()
    desk.pull(TODAY + SWEEP)
    assert desk.hours(TODAY - DAY)[23] == (105, 2)
    (day,) = desk.house.rows(t.days, day=day_of(TODAY - DAY))
    assert (day.gmv, day.orders) == (105, 2)
    after = {row.day: row.turn for row in desk.house.rows(t.due)}
    assert after[day_of(TODAY - DAY)] > turns[day_of(TODAY - DAY)]
