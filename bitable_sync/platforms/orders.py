"""Orders as they change: windows, late arrivals, and what a shop sold by a moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.facts import Order, OrderSource, ShopSales
from bitable_sync.platforms.wire import whole
from runtime.clock import SHANGHAI


@dataclass(frozen=True, slots=True)
class Reading:
    """How a platform is read.

    Attributes:
        longest: the longest window one query may have.
        overlap: how far behind the last reading the next one begins, for orders that reach the platform's
            query store late.
    """

    longest: timedelta
    overlap: timedelta


def midnight(day: date) -> datetime:
    """When a business day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def windows(since: datetime, until: datetime, reading: Reading) -> list[tuple[datetime, datetime]]:
    """The windows to ask for, oldest first: from ``since`` less the overlap to ``until``, without gaps.

    Neighbours share their border, because platforms differ in which end they include; facts are kept by id.
    """
    begin, found = since - reading.overlap, []
    while begin < until:
        end = min(begin + reading.longest, until)
        found.append((begin, end))
        begin = end
    return found


def last_page_first(
    ask: Callable[[int], Mapping[str, Any]], total: str, size: int
) -> Iterator[Mapping[str, Any]]:
    """Answers of a search whose rows may leave it while it is read: then later ones move forward only.

    Args:
        ask: number of a page, from 1, → its answer.
        total: where the first answer tells how many rows there are in all.
        size: rows of a full page.
    """
    first = ask(1)
    last = -(-whole(first.get(total)) // size)
    for page in range(last, 1, -1):
        yield ask(page)
    yield first if last < 2 else ask(1)


def newest(known: dict[str, Order], found: Iterable[Order]) -> None:
    """Take orders over into ``known`` by id; an older state never replaces a newer one."""
    for order in found:
        old = known.get(order.order_id)
        if old is None or order.modified >= old.modified:
            known[order.order_id] = order


def sales(
    orders: Iterable[Order], platform: str, day: date, before: datetime | None = None
) -> list[ShopSales]:
    """Sales a shop of a day; a shop without orders is not listed.

    Args:
        orders: facts, each order once.
        platform: as the tables call it.
        day: the business day; an order counts for the day it was *paid*, whenever it was placed.
        before: only what was paid earlier than that moment.
    """
    begin = midnight(day)
    until = min(begin + timedelta(days=1), before or datetime.max.replace(tzinfo=SHANGHAI))
    sums: dict[str, tuple[str, int, Decimal]] = {}
    for order in orders:
        if order.void or order.paid is None or not begin <= order.paid < until:
            continue
        _, count, amount = sums.get(order.shop_id, ("", 0, Decimal(0)))
        sums[order.shop_id] = (order.shop, count + 1, amount + order.amount)
    return [
        ShopSales(shop_id, name, platform, day, count, amount)
        for shop_id, (name, count, amount) in sorted(sums.items())
    ]


def whole_day(orders: Collection[Order], platform: str, day: date) -> list[ShopSales]:
    """Sales of a day that is over, of every shop there is an order of: one that sold nothing is a zero."""
    found = {each.shop_id: each for each in sales(orders, platform, day)}
    for order in orders:
        if order.shop_id not in found:
            found[order.shop_id] = ShopSales(order.shop_id, order.shop, platform, day, 0, Decimal(0))
    return list(found.values())


class OrderBook:
    """The orders of yesterday and today of one connection, kept up to date by what changed.

    Kept in memory: after a restart, and at the beginning of each day, it is read anew from yesterday's
    midnight, so an order that came later than the overlap allows is found by then.

    Args:
        source: the platform.
        reading: windows and overlap.
    """

    def __init__(self, source: OrderSource, reading: Reading) -> None:
        self.source = source
        self.reading = reading
        self._orders: dict[str, Order] = {}
        self._day: date | None = None
        self._read = datetime.min.replace(tzinfo=SHANGHAI)

    def sales(self, now: datetime) -> tuple[list[ShopSales], list[ShopSales]]:
        """Sales of today, and of yesterday up to the same hour.

        Raises:
            ChorusError: the platform failed; what was read before stays, and the next reading goes on there.
        """
        now = now.astimezone(SHANGHAI)
        self._refresh(now)
        orders, platform = self._orders.values(), self.source.platform
        then = now - timedelta(days=1)
        return sales(orders, platform, now.date()), sales(orders, platform, then.date(), then)

    def yesterday(self) -> list[ShopSales]:
        """The whole of yesterday with what changed since, by the last reading (`sales`) of today."""
        if self._day is None:
            return []
        return whole_day(self._orders.values(), self.source.platform, self._day - timedelta(days=1))

    def _refresh(self, now: datetime) -> None:
        first = midnight(now.date() - timedelta(days=1))
        if self._day != now.date():
            self._day, self._read = now.date(), first + self.reading.overlap
            self._orders = {key: each for key, each in self._orders.items() if each.modified >= first}
        for begin, end in windows(self._read, now, self.reading):
            newest(self._orders, self.source.orders(begin, end))
            self._read = end
