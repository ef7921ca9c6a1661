"""Windows, late orders, midnight: what a shop sold by a moment, whatever order facts arrive in."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.platforms.facts import TAOBAO, Order
from bitable_sync.platforms.orders import OrderBook, Reading, newest, sales, windows
from runtime.clock import SHANGHAI
from runtime.errors import TransientError

NOON = datetime(2026, 3, 2, 12, tzinfo=SHANGHAI)
READING = Reading(longest=timedelta(minutes=30), overlap=timedelta(minutes=10))


def order(number: int, paid: datetime | None, *, modified: datetime | None = None, void: bool = False,
          amount: str = "10.00") -> Order:  # fmt: skip
    """An order of one shop."""
    changed = modified or paid or NOON
    return Order(f"T{number}", "s1", "旗舰店", Decimal(amount), paid, changed, void)


class Store:
    """A platform's query store: what it holds, and which windows were asked."""

    platform = TAOBAO

    def __init__(self) -> None:
        self.held: dict[str, Order] = {}
        self.asked: list[tuple[datetime, datetime]] = []
        self.fails_at: datetime | None = None

    def put(self, *found: Order) -> None:
        """These orders are there from now on."""
        self.held.update((each.order_id, each) for each in found)

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Both ends included, as TOP does."""
        self.asked.append((begin, end))
        if self.fails_at is not None and begin <= self.fails_at <= end:
            raise TransientError("busy")
        return [each for each in self.held.values() if begin <= each.modified <= end]


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return Store()


@pytest.fixture
def book(store: Store) -> OrderBook:
    """The book of that store."""
    return OrderBook(store, READING)


def sold(book: OrderBook, now: datetime) -> tuple[int, Decimal]:
    """Orders and amount of today."""
    today, _ = book.sales(now)
    return (today[0].orders, today[0].amount) if today else (0, Decimal(0))


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


@given(st.permutations([(n, m) for n in range(3) for m in range(3)]))
def test_the_newest_state_wins_in_whatever_order_facts_come(facts: list[tuple[int, int]]) -> None:
    """An order read twice, out of turn, is one order in its last state."""
    known: dict[str, Order] = {}
    for number, minute in facts:
        at = NOON + timedelta(minutes=minute)
        newest(known, [order(number, NOON, modified=at, amount=f"{minute}.00")])
    assert {each.amount for each in known.values()} == {Decimal("2.00")}
    assert len(known) == 3


def test_a_day_is_shanghais_and_counts_by_payment() -> None:
    """One second before midnight is yesterday, midnight is today; when it was placed does not matter."""
    midnight = datetime(2026, 3, 2, tzinfo=SHANGHAI)
    facts = [
        order(1, midnight - timedelta(seconds=1), modified=midnight + timedelta(hours=1)),
        order(2, midnight),
        order(3, midnight + timedelta(days=1) - timedelta(seconds=1)),
        order(4, midnight + timedelta(days=1)),
        order(5, None),
        order(6, midnight, void=True),
    ]
    (today,) = sales(facts, TAOBAO, date(2026, 3, 2))
    assert (today.orders, today.amount, today.platform) == (2, Decimal("20.00"), "淘宝")
    (before,) = sales(facts, TAOBAO, date(2026, 3, 1))
    assert before.orders == 1


def test_yesterday_counts_up_to_the_same_hour(store: Store, book: OrderBook) -> None:
    """What was paid yesterday afternoon is no comparison at noon."""
    store.put(order(1, NOON - timedelta(hours=25)), order(2, NOON - timedelta(hours=23)))
    today, before = book.sales(NOON)
    assert (today, [each.orders for each in before]) == ([], [1])


def test_only_what_changed_is_asked_the_second_time(store: Store, book: OrderBook) -> None:
    """The first reading begins yesterday at midnight; the next one an overlap before where it ended."""
    store.put(order(1, NOON - timedelta(hours=1)))
    assert sold(book, NOON) == (1, Decimal("10.00"))
    assert store.asked[0][0] == datetime(2026, 3, 1, tzinfo=SHANGHAI)
    store.asked.clear()
    later = NOON + timedelta(minutes=10)
    store.put(order(2, NOON + timedelta(minutes=5)))
    assert sold(book, later) == (2, Decimal("20.00"))
    assert store.asked == [(NOON - READING.overlap, later)]


def test_an_order_that_reaches_the_store_late_is_counted(store: Store, book: OrderBook) -> None:
    """It says it changed before the last reading ended, and was not there then."""
    assert sold(book, NOON) == (0, Decimal(0))
    store.put(order(1, NOON - timedelta(minutes=8)))
    assert sold(book, NOON + timedelta(minutes=10)) == (1, Decimal("10.00"))


def test_an_order_later_than_the_overlap_is_found_at_the_next_day(store: Store, book: OrderBook) -> None:
    """The day begins with yesterday read whole: nothing stays lost."""
    book.sales(NOON)
    store.put(order(1, NOON - timedelta(hours=2)))
    assert sold(book, NOON + timedelta(minutes=10)) == (0, Decimal(0))
    _, before = book.sales(NOON + timedelta(days=1))
    assert [each.orders for each in before] == [1]


def test_an_order_cancelled_after_it_counted_counts_no_more(store: Store, book: OrderBook) -> None:
    """Its new state comes with a later time of change."""
    paid = NOON - timedelta(hours=1)
    store.put(order(1, paid), order(2, paid))
    assert sold(book, NOON)[0] == 2
    store.put(order(1, paid, modified=NOON + timedelta(minutes=1), void=True))
    assert sold(book, NOON + timedelta(minutes=2))[0] == 1


def test_after_a_failure_it_goes_on_where_it_stopped(store: Store, book: OrderBook) -> None:
    """Windows that were read stay read; the failed one is asked again, and nothing is missing."""
    store.put(order(1, NOON - timedelta(hours=20)), order(2, NOON - timedelta(minutes=5)))
    store.fails_at = NOON - timedelta(hours=1, minutes=10)
    with pytest.raises(TransientError):
        book.sales(NOON)
    asked = len(store.asked)
    store.fails_at = None
    today, before = book.sales(NOON)
    assert [each.orders for each in (*today, *before)] == [1]
    assert sum(each.orders for each in today) == 1
    assert len(store.asked) - asked <= 5
    assert store.asked[asked][0] >= NOON - timedelta(hours=2)
