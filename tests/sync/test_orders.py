"""Windows, late orders, midnight: what a shop sold by a moment, whatever order facts arrive in."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitable_sync.platforms import tables as t
from bitable_sync.platforms.connect import Broken
from bitable_sync.platforms.facts import TAOBAO, ShopSales
from bitable_sync.platforms.ledger import KEEP, PIECE, Ledger, Stand, kept
from bitable_sync.platforms.orders import LATE, SWEEP, OrderBook, Reading, windows
from runtime.clock import SHANGHAI, day_of
from runtime.db import Database
from runtime.errors import ConfigError, TransientError
from runtime.keeping import prune
from tests.support.shops import NOON, Store, order

MIDNIGHT = datetime(2026, 3, 2, tzinfo=SHANGHAI)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
READING = Reading(longest=timedelta(minutes=30), overlap=timedelta(minutes=10))
TEN = Decimal("10.00")


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return Store()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """Where the orders of one connection are kept."""
    return Ledger(database, "tmall-a")


@pytest.fixture
def book(store: Store, ledger: Ledger) -> OrderBook:
    """The book of that store."""
    return OrderBook(store, READING, ledger)


def again(book: OrderBook) -> OrderBook:
    """The book of a process that has just begun."""
    return OrderBook(book.source, book.reading, Ledger(book.ledger.db, book.ledger.connection))


def sums(found: Iterable[ShopSales]) -> dict[str, tuple[int, Decimal]]:
    """Orders and amount by shop."""
    return {each.shop_id: (each.orders, each.amount) for each in found}


def sold(book: OrderBook, now: datetime) -> tuple[int, Decimal]:
    """Orders and amount of today."""
    return sums(book.sales(now)[0]).get("s1", (0, Decimal(0)))


def rows(database: Database, table: sa.Table) -> list[Any]:
    """All there is in a table."""
    with database.read() as conn:
        return list(conn.execute(sa.select(table)).all())


@given(st.integers(0, 5000), st.integers(1, 3000), st.integers(0, 600))
def test_windows_leave_no_gap_and_are_never_too_long(minutes: int, longest: int, overlap: int) -> None:
    """They touch, begin one overlap early, end exactly at the end."""
    reading = Reading(timedelta(minutes=longest), timedelta(minutes=overlap))
    until = NOON + timedelta(minutes=minutes)
    found = windows(NOON, until, reading)
    assert all(end - begin <= reading.longest for begin, end in found)
    assert [end for _, end in found[:-1]] == [begin for begin, _ in found[1:]]
    if found:
        assert (found[0][0], found[-1][1]) == (NOON - reading.overlap, until)
    else:
        assert minutes == overlap == 0


# --- the day ---


@pytest.mark.db
def test_a_day_is_shanghais_and_counts_by_payment(store: Store, book: OrderBook) -> None:
    """One second before midnight is yesterday, midnight is today; when it was placed does not matter."""
    store.put(
        order(1, MIDNIGHT - timedelta(seconds=1), modified=MIDNIGHT + HOUR),
        order(2, MIDNIGHT),
        order(3, MIDNIGHT + DAY - timedelta(seconds=1)),
        order(4, None, modified=MIDNIGHT + HOUR),
        order(5, MIDNIGHT, void=True),
    )
    last = MIDNIGHT + DAY - timedelta(seconds=1)
    (today,), _ = book.sales(last)
    assert (today.orders, today.amount, today.platform, today.day) == (
        2, Decimal("20.00"), "淘宝", date(2026, 3, 2),
    )  # fmt: skip
    assert sums(book.yesterday()) == {"s1": (1, TEN)}
    (today,), (before,) = book.sales(MIDNIGHT + DAY)
    assert (today.orders, today.amount, before.orders) == (0, 0, 0)
    assert sums(book.yesterday()) == {"s1": (2, Decimal("20.00"))}


@pytest.mark.db
def test_yesterday_counts_up_to_the_same_hour(store: Store, book: OrderBook) -> None:
    """What was paid yesterday afternoon is no comparison at noon; the very second is not before it."""
    store.put(order(1, NOON - 25 * HOUR), order(2, NOON - 23 * HOUR), order(3, NOON - DAY))
    today, before = book.sales(NOON)
    assert (sums(today), sums(before)) == ({"s1": (0, Decimal(0))}, {"s1": (1, TEN)})


@pytest.mark.db
@pytest.mark.parametrize(
    "now",
    [MIDNIGHT, MIDNIGHT + MINUTE, MIDNIGHT + 9 * HOUR, MIDNIGHT + DAY, MIDNIGHT + 2 * DAY + 15 * HOUR,
     MIDNIGHT + 40 * DAY],
)  # fmt: skip
@pytest.mark.parametrize("restarted", [False, True])
def test_a_shop_that_has_sold_nothing_yet_is_a_zero(
    store: Store, book: OrderBook, now: datetime, restarted: bool
) -> None:
    """Orders from nine to ten at night only: after midnight, at nine, and from the second silent day on.

    Yesterday's total must not stand for today's, or alerts would be called over.
    """
    store.put(*(order(n, MIDNIGHT - 15 * HOUR + n * HOUR) for n in range(14)))
    assert sold(book, MIDNIGHT - MINUTE) == (14, Decimal("140.00"))
    today, before = (again(book) if restarted else book).sales(now)
    assert sums(today) == {"s1": (0, Decimal(0))}
    assert [(each.name, each.platform, each.day) for each in today] == [("旗舰店", TAOBAO, day_of(now))]
    assert set(sums(before)) == {"s1"}


@pytest.mark.db
def test_a_shop_is_known_from_its_first_order_on(store: Store, book: OrderBook) -> None:
    """A brand new one is nothing before, its order at once, and a zero the next morning."""
    store.put(order(1, NOON - 20 * HOUR))
    assert set(sums(book.sales(NOON)[0])) == {"s1"}
    store.put(order(1, NOON + MINUTE, shop="s2", name="新店"))
    today, before = book.sales(NOON + 2 * MINUTE)
    assert (sums(today)["s2"], sums(before)["s2"]) == ((1, TEN), (0, Decimal(0)))
    assert sums(book.sales(MIDNIGHT + DAY + MINUTE)[0])["s2"] == (0, Decimal(0))


@pytest.mark.db
def test_a_shop_the_connection_is_for_is_known_before_any_order(store: Store, book: OrderBook) -> None:
    """Its row stands there from the first pull on."""
    store.shops = {"tmall-a": "悦然旗舰店"}
    today, before = book.sales(NOON)
    assert [(each.shop_id, each.name, each.orders) for each in (*today, *before)] == [
        ("tmall-a", "悦然旗舰店", 0), ("tmall-a", "悦然旗舰店", 0),
    ]  # fmt: skip


@pytest.mark.db
def test_shops_of_another_connection_are_not_ours(store: Store, book: OrderBook, database: Database) -> None:
    """Each connection answers for its own."""
    store.put(order(1, NOON - HOUR))
    book.sales(NOON)
    other = OrderBook(Store(), READING, Ledger(database, "tmall-b"))
    assert other.sales(NOON) == ([], [])


@pytest.mark.db
def test_levels_say_how_far_each_hour_came(store: Store, book: OrderBook) -> None:
    """Every hour that is over, a silent one as well; the hour under way is none."""
    store.put(
        order(1, MIDNIGHT - 30 * MINUTE), order(2, MIDNIGHT), order(3, MIDNIGHT + 119 * MINUTE, amount="1.50")
    )
    book.sales(MIDNIGHT + 3 * HOUR + MINUTE)
    assert book.tally is not None
    found = {(each.day.day, each.hour): (each.orders, each.amount) for each in book.tally.levels()}
    assert len(found) == 24 + 3
    assert (found[1, 22], found[1, 23]) == ((0, Decimal(0)), (1, TEN))
    assert [found[2, hour] for hour in range(3)] == [(1, TEN), (2, Decimal("11.50")), (2, Decimal("11.50"))]


# --- what is read ---


@pytest.mark.db
def test_only_what_changed_is_asked_the_second_time(store: Store, book: OrderBook) -> None:
    """The first reading begins yesterday at midnight; the next one an overlap before where it ended."""
    store.put(order(1, NOON - HOUR))
    assert sold(book, NOON) == (1, TEN)
    assert store.asked[0][0] == MIDNIGHT - DAY
    store.asked.clear()
    later = NOON + 10 * MINUTE
    store.put(order(2, NOON + 5 * MINUTE))
    assert sold(book, later) == (2, Decimal("20.00"))
    assert store.asked == [(NOON - READING.overlap, later)]


@pytest.mark.db
def test_a_restart_reads_on_and_knows_what_was_known(store: Store, book: OrderBook) -> None:
    """One window instead of fifty, and the same sums."""
    store.put(order(1, NOON - HOUR), order(2, NOON - 26 * HOUR))
    was = book.sales(NOON)
    store.asked.clear()
    after = again(book)
    assert after.sales(NOON + MINUTE)[0] == was[0]
    assert sums(after.yesterday()) == {"s1": (1, TEN)}
    assert store.asked == [(NOON - READING.overlap, NOON + MINUTE)]


@pytest.mark.db
def test_an_order_that_reaches_the_store_late_is_counted(store: Store, book: OrderBook) -> None:
    """It says it changed before the last reading ended, and was not there then."""
    assert sold(book, NOON) == (0, Decimal(0))
    store.put(order(1, NOON - 8 * MINUTE))
    assert sold(book, NOON + 10 * MINUTE) == (1, TEN)


@pytest.mark.db
def test_an_order_later_than_the_overlap_is_found_within_the_hour(store: Store, book: OrderBook) -> None:
    """Once an hour a reading goes back further, also over a restart."""
    book.sales(NOON)
    store.put(order(1, NOON - 2 * HOUR))
    assert sold(book, NOON + 10 * MINUTE) == (0, Decimal(0))
    store.asked.clear()
    assert sold(again(book), NOON + SWEEP) == (1, TEN)
    assert store.asked[0][0] == NOON + 10 * MINUTE - LATE - READING.overlap
    store.asked.clear()
    book.sales(NOON + SWEEP + MINUTE)
    assert len(store.asked) == 1, "and then not again for an hour"


@pytest.mark.db
def test_an_order_later_than_that_is_found_at_the_next_day(store: Store, book: OrderBook) -> None:
    """The day begins with yesterday read whole: nothing stays lost."""
    book.sales(NOON)
    store.put(order(1, NOON - 9 * HOUR))
    assert sold(book, NOON + 2 * HOUR) == (0, Decimal(0))
    book.sales(MIDNIGHT + DAY + MINUTE)
    assert sums(book.yesterday()) == {"s1": (1, TEN)}


@pytest.mark.db
def test_an_order_cancelled_after_it_counted_counts_no_more(store: Store, book: OrderBook) -> None:
    """Its new state comes with a later time of change; of yesterday too, over midnight and a restart."""
    paid = NOON - HOUR
    store.put(order(1, paid), order(2, paid))
    assert sold(book, NOON)[0] == 2
    store.put(order(1, paid, modified=NOON + MINUTE, void=True))
    assert sold(book, NOON + 2 * MINUTE)[0] == 1
    store.put(order(2, paid, modified=MIDNIGHT + 25 * HOUR, void=True))
    after = again(book)
    assert sold(after, MIDNIGHT + 26 * HOUR) == (0, Decimal(0))
    assert sums(after.yesterday()) == {"s1": (0, Decimal(0))}


@pytest.mark.db
def test_after_a_failure_it_goes_on_where_it_stopped(store: Store, book: OrderBook) -> None:
    """Windows that were read stay read, also for the next process; the failed one is asked again."""
    store.put(order(1, NOON - 20 * HOUR), order(2, NOON - 5 * MINUTE))
    store.fails_at = NOON - timedelta(hours=1, minutes=10)
    with pytest.raises(TransientError):
        book.sales(NOON)
    asked = len(store.asked)
    store.fails_at = None
    after = again(book)
    assert sums(after.sales(NOON)[0]) == {"s1": (1, TEN)}
    assert sums(after.yesterday()) == {"s1": (1, TEN)}
    assert len(store.asked) - asked <= 5
    assert store.asked[asked][0] >= NOON - 2 * HOUR


@pytest.mark.db
@pytest.mark.parametrize("ahead", [HOUR, 30 * HOUR])
def test_a_clock_that_was_ahead_loses_nothing(store: Store, book: OrderBook, ahead: timedelta) -> None:
    """What it said it had read is not believed: the moments between were not yet there to be read."""
    book.sales(NOON + ahead)
    store.put(order(1, NOON + MINUTE), order(2, NOON + 19 * MINUTE))
    assert sold(book, NOON + 20 * MINUTE) == (2, Decimal("20.00"))


@pytest.mark.db
def test_another_amount_reads_everything_anew(store: Store, book: OrderBook) -> None:
    """A connection whose `gmv` was changed must not add up two kinds of amounts."""
    store.put(*(order(n, NOON - HOUR) for n in range(PIECE + 1)))
    assert sold(book, NOON) == (PIECE + 1, TEN * (PIECE + 1))
    store.counts = "total_fee"
    store.held = {key: order(n, NOON - HOUR, amount="12.00") for n, key in enumerate(store.held) if n}
    store.asked.clear()
    assert sold(again(book), NOON + MINUTE) == (PIECE, 12 * Decimal(PIECE))
    assert store.asked[0][0] == MIDNIGHT - DAY


@pytest.mark.db
def test_a_connection_that_is_set_up_wrongly_forgets_nothing(
    store: Store, book: OrderBook, database: Database
) -> None:
    """A key that is missing after a restart: what was read before is there when it is found again."""
    store.put(order(1, NOON - HOUR))
    was = book.sales(NOON)
    broken = OrderBook(Broken(TAOBAO, ConfigError("没有密钥")), READING, Ledger(database, "tmall-a"))
    with pytest.raises(ConfigError):
        broken.sales(NOON)
    store.asked.clear()
    assert again(book).sales(NOON) == was
    assert len(store.asked) == 1


# --- what is kept ---


def stand(now: datetime) -> Stand:
    """Read up to now."""
    return Stand(day_of(now), now, now)


@pytest.mark.db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=st.permutations([(n, m) for n in range(3) for m in range(3)]), cut=st.integers(0, 9))
def test_the_newest_state_wins_in_whatever_order_facts_come(
    database: Database, facts: list[tuple[int, int]], cut: int
) -> None:
    """An order read twice, out of turn, in one reading or in two, is one order in its last state."""
    store, ledger = Store(), Ledger(database, f"{facts}{cut}")
    found = [order(n, NOON, modified=NOON + m * MINUTE, amount=f"{m}.00") for n, m in facts]
    for part in (found[:cut], found[cut:], found[:cut]):
        ledger.keep(store, part, stand(NOON), NOON)
    (hour,) = ledger.hours(store, MIDNIGHT, NOON)
    assert (hour.hour, hour.orders, hour.amount) == (NOON, 3, Decimal("6.00"))


@pytest.mark.db
def test_an_order_is_its_shops_and_nothing_of_the_buyer_is_kept(
    store: Store, ledger: Ledger, database: Database
) -> None:
    """Two shops may use one number; what is kept is what sums need."""
    ledger.keep(store, [order(1, NOON), order(1, NOON, shop="s2")], stand(NOON), NOON)
    found = rows(database, t.orders)
    assert {(row.shop_id, row.order_id) for row in found} == {("s1", "T1"), ("s2", "T1")}
    assert set(found[0]._fields) == {
        "connection", "platform", "order_id", "shop_id", "amount", "paid", "hour", "modified", "status",
        "void",
    }  # fmt: skip
    assert (found[0].status, found[0].amount, found[0].paid) == ("PAID", TEN, NOON)


class Counted:
    """How many transactions wrote, and the most rows one of them wrote."""

    def __init__(self, database: Database) -> None:
        self.sizes: list[int] = []
        sa.event.listen(database.engine, "after_cursor_execute", self._ran)

    def _ran(self, _conn: Any, _cursor: Any, text: str, given: Any, _context: Any, many: bool) -> None:
        if "INTO platform_orders" in text:
            self.sizes.append(len(given) if many else 1)


@pytest.mark.db
def test_thousands_of_orders_are_written_in_pieces_and_once(
    store: Store, book: OrderBook, database: Database
) -> None:
    """No transaction is long, and reading the same hours again writes no order."""
    store.put(*(order(n, NOON - 5 * MINUTE) for n in range(4 * PIECE + 7)))
    counted = Counted(database)
    assert sold(book, NOON)[0] == 4 * PIECE + 7
    assert counted.sizes == [PIECE] * 4 + [7]
    counted.sizes.clear()
    store.put(order(3, NOON - 5 * MINUTE, modified=NOON + MINUTE, void=True))
    assert sold(book, NOON + SWEEP)[0] == 4 * PIECE + 6
    assert counted.sizes == [1]


@pytest.mark.db
def test_orders_go_after_some_days_and_shops_stay(store: Store, book: OrderBook, database: Database) -> None:
    """What today and yesterday are made of stays; what is older goes with the nightly deleting."""
    for back in range(6):
        store.put(order(back, NOON - back * DAY))
        book.ledger.keep(store, store.held.values(), stand(NOON), NOON)
    for each in kept():
        prune(database, each, NOON)
    days = {day_of(row.modified) for row in rows(database, t.orders)}
    assert min(days) == day_of(NOON - KEEP)
    assert len(days) == 4
    assert sums(book.sales(NOON)[0]) == {"s1": (1, TEN)}
    assert [row.shop_id for row in rows(database, t.shops)] == ["s1"]
    for each in kept():
        prune(database, each, NOON + 500 * DAY)
    assert [rows(database, table) for table in (t.orders, t.shops, t.readings)] == [[], [], []]
