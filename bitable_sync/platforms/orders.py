"""Orders as they change: windows, late arrivals, and what a shop sold by a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bitable_sync.platforms.facts import OrderSource, ShopSales
from bitable_sync.platforms.ledger import HourSales, Ledger, Stand
from bitable_sync.platforms.wire import whole
from runtime.clock import SHANGHAI, day_of, midnight

LATE: Final = timedelta(hours=3)
"""How far back a reading goes for orders that came later than the overlap allows."""
SWEEP: Final = timedelta(hours=1)
"""How often one does."""
ONE_DAY: Final = timedelta(days=1)


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


@dataclass(frozen=True, slots=True)
class Level:
    """How much a shop had sold since midnight when an hour of the day was over.

    Attributes:
        hour: 0 to 23; the level is that of its end.
        orders, amount: paid by then and not void now; in 元.
    """

    shop_id: str
    day: date
    hour: int
    orders: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Tally:
    """What was known of a connection when it was asked; every shop of it has figures, if only zeros.

    Attributes:
        platform: as the tables call it.
        at: when it was asked.
        shops: id → name.
        hours: what they sold, hour by hour, from yesterday's midnight on; "early" is before this time of
            yesterday.
    """

    platform: str
    at: datetime
    shops: Mapping[str, str]
    hours: Sequence[HourSales]

    @property
    def today(self) -> date:
        """The business day it was asked on."""
        return day_of(self.at)

    @property
    def yesterday(self) -> date:
        """The day before."""
        return self.today - ONE_DAY

    def of_day(self, day: date) -> list[ShopSales]:
        """A whole day: an order counts for the day it was *paid*, whenever it was placed."""
        own = [each for each in self.hours if each.hour.date() == day]
        return self._summed(day, [(each.shop_id, each.orders, each.amount) for each in own])

    def before(self) -> list[ShopSales]:
        """Yesterday up to this time of day."""
        own = [each for each in self.hours if each.hour.date() == self.yesterday]
        return self._summed(self.yesterday, [(each.shop_id, each.early, each.early_amount) for each in own])

    def levels(self) -> list[Level]:
        """How far each shop was at the end of every hour that is over, yesterday's and today's."""
        found: list[Level] = []
        for day, ended in ((self.yesterday, 24), (self.today, self.at.astimezone(SHANGHAI).hour)):
            sold = {(each.shop_id, each.hour.hour): each for each in self.hours if each.hour.date() == day}
            for shop_id in sorted(self.shops):
                orders, amount = 0, Decimal(0)
                for hour in range(ended):
                    each = sold.get((shop_id, hour))
                    if each is not None:
                        orders, amount = orders + each.orders, amount + each.amount
                    found.append(Level(shop_id, day, hour, orders, amount))
        return found

    def _summed(self, day: date, parts: Iterable[tuple[str, int, Decimal]]) -> list[ShopSales]:
        sums = {shop_id: (0, Decimal(0)) for shop_id in self.shops}
        for shop_id, orders, amount in parts:
            count, total = sums.get(shop_id, (0, Decimal(0)))
            sums[shop_id] = (count + orders, total + amount)
        return [
            ShopSales(shop_id, self.shops.get(shop_id, shop_id), self.platform, day, orders, amount)
            for shop_id, (orders, amount) in sorted(sums.items())
        ]


class OrderBook:
    """The orders of yesterday and today of one connection, kept up to date by what changed.

    ``tally`` is what the last reading found; None after one that failed.

    Each day begins with yesterday read whole again; each hour a reading goes back `LATE`, all others only
    the overlap. So an order that reaches the platform's query store late is counted by then.

    Args:
        source: the platform.
        reading: windows and overlap.
        ledger: where orders are kept.
    """

    def __init__(self, source: OrderSource, reading: Reading, ledger: Ledger) -> None:
        self.source = source
        self.reading = reading
        self.ledger = ledger
        self.tally: Tally | None = None

    def sales(self, now: datetime) -> tuple[list[ShopSales], list[ShopSales]]:
        """Sales of today, and of yesterday up to the same hour; a shop that sold nothing is a zero.

        Raises:
            ChorusError: the platform failed; what was read before stays, and the next reading goes on there.
        """
        self.tally = None
        self._refresh(now)
        since, then = midnight(day_of(now) - ONE_DAY), now - ONE_DAY
        tally = self.tally = Tally(
            self.source.platform, now, self.ledger.shops(self.source),
            self.ledger.hours(self.source, since, then),
        )  # fmt: skip
        return tally.of_day(tally.today), tally.before()

    def yesterday(self) -> list[ShopSales]:
        """The whole of yesterday with what changed since, by the last reading (`sales`) of today."""
        return [] if self.tally is None else self.tally.of_day(self.tally.yesterday)

    def _refresh(self, now: datetime) -> None:
        """Read what changed since, window by window; each is kept before the next is asked for."""
        stand = self.ledger.stand(self.source)
        today = day_of(now)
        first = midnight(today - ONE_DAY) + self.reading.overlap
        begin, swept = first, now
        if stand is not None and stand.day == today:
            begin, swept = stand.until, stand.swept
            if not timedelta(0) <= now - swept < SWEEP or begin > now:  # or a clock that was ahead
                begin, swept = min(begin, now) - LATE, now
        for start, end in windows(max(begin, first), now, self.reading):
            found = list(self.source.orders(start, end))
            if (
                stand is None
            ):  # not before it has answered: a connection that is set up wrongly forgets nothing
                self.ledger.forget()
            stand = Stand(today, end, swept)
            self.ledger.keep(self.source, found, stand, now)
