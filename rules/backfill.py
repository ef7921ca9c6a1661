"""Figures of former days: each platform is asked for them again, what it says is settled day by day.

Ads are asked by day. Shops are asked by when orders *changed*, so every order changed since the span began
is read, kept once in its newest state, and the days are summed up from those. A day that was read is noted in
the transaction of what was read, so a killed run goes on there; and all of it may be repeated.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.platforms.facts import Ads, Order, ShopSales
from bitable_sync.platforms.gateways import Gateways
from bitable_sync.platforms.orders import OrderBook, windows
from rules.cockpit import tables as t
from rules.cockpit.days import settle
from rules.dashboards import totals_work
from rules.sources import plan_rows, shop_rows
from rules.specs import PLANS, SHOPS
from rules.store import insert_new, upsert
from runtime.clock import Clock, day_of, midnight
from runtime.db import Database, Fen
from runtime.errors import ChorusError, TransientError
from runtime.retry import wait_before
from runtime.work import WorkQueue

T = TypeVar("T")
TRIES: Final = 6
ONE: Final = timedelta(days=1)
Progress = Callable[[str], None]
"""Told the name of a connection whenever a day of it is through."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days that are over, both ends included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    def until(self, end: date) -> Iterator[date]:
        """Every day from the first to another."""
        return (self.first + timedelta(days=n) for n in range((end - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one connection.

    Attributes:
        changed: how many figures of shops and plans became others.
        trouble: why it was not done, or not to the end.
        again: whether a further run would go on with it.
    """

    connection: str
    changed: int = 0
    trouble: str = ""
    again: bool = False


class Backfill:
    """One run.

    Args:
        db: durable database.
        queue: where the writing of totals is put.
        clock: the time.
        gateways: the platforms.
        pause: how to wait when a platform asks for it; tests give their own.
    """

    def __init__(
        self, db: Database, queue: WorkQueue, clock: Clock, gateways: Gateways,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.db = db
        self.queue = queue
        self.clock = clock
        self.gateways = gateways
        self.pause = pause

    def size(self, span: Span, names: Sequence[str]) -> int:
        """How many days are to be read of these connections; what `run` tells of, one by one."""
        ads, shops = (sum(name in own for name in names) for own in (self.gateways.ads, self.gateways.shops))
        until = span.until(day_of(self.clock.now()))
        return ads * len(list(span.until(span.last))) + shops * len(list(until))

    def run(self, span: Span, names: Sequence[str], progress: Progress) -> list[Report]:
        """Ask these connections for a span, one after another; one that fails takes no other along.

        Notes of what was done go when nothing is left to go on with, so the next run reads everything anew.
        """
        reports = [self._one(span, name, progress) for name in names]
        if not any(report.again for report in reports):
            with self.db.begin() as conn:
                for table in (t.backfill_done, t.backfill_orders):
                    ours = table.c.connection.in_([*names, *map(_of_ads, names)])
                    conn.execute(sa.delete(table).where(table.c.span == str(span), ours))
        return reports

    def _one(self, span: Span, name: str, progress: Progress) -> Report:
        changed = 0
        try:
            for more in self._days(span, name, progress):
                changed += more
        except ChorusError as error:
            # A day's quota used up in the middle is refused for good, and goes on tomorrow all the same.
            begun = self._done(name, span) | self._done(_of_ads(name), span)
            return Report(name, changed, str(error), again=bool(begun) or isinstance(error, TransientError))
        if name not in self.gateways.ads and name not in self.gateways.shops:
            return Report(name, 0, "只有现在的库存，没有往日的数")
        return Report(name, changed)

    def _days(self, span: Span, name: str, progress: Progress) -> Iterator[int]:
        """Settle day after day; how many figures of each became others."""
        if name in self.gateways.ads:
            yield from self._plans(span, name, self.gateways.ads[name], progress)
        if name in self.gateways.shops:
            yield from self._sales(span, name, self.gateways.shops[name], progress)

    def _plans(self, span: Span, name: str, ads: Ads, progress: Progress) -> Iterator[int]:
        done = self._done(_of_ads(name), span)
        for day in span.until(span.last):
            if day not in done:
                at = self.clock.now()
                found = self._patiently(partial(ads.plans, day))
                with self.db.begin() as conn:
                    changed = settle(conn, PLANS, plan_rows(found, at), day, at)
                    self._note(conn, _of_ads(name), span, day)
                    self.queue.put(conn, totals_work(at))
                yield changed
            progress(name)

    def _sales(self, span: Span, name: str, book: OrderBook, progress: Progress) -> Iterator[int]:
        done = self._done(name, span)
        for day in span.until(day_of(self.clock.now())):
            if day not in done:
                self._orders(span, name, book, day)
            progress(name)
        for day in span.until(span.last):
            at = self.clock.now()
            with self.db.begin() as conn:
                rows = shop_rows(_sold(conn, name, span, book.source.platform, day), (), at)
                changed = settle(conn, SHOPS, rows, day, at)
                self.queue.put(conn, totals_work(at))
            yield changed

    def _orders(self, span: Span, name: str, book: OrderBook, day: date) -> None:
        """Keep the orders last changed on a day; noted once no order of it can come late any more."""
        now = self.clock.now()
        begin, end = midnight(day), min(midnight(day + ONE), now)
        for window in windows(begin + book.reading.overlap, end, book.reading):
            found = self._patiently(partial(_asked, book, *window))
            with self.db.begin() as conn:
                _keep(conn, name, span, found)
        if midnight(day + ONE) + book.reading.overlap <= now:
            with self.db.begin() as conn:
                self._note(conn, name, span, day)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer, as slowly as the platform wants it."""
        for made in range(1, TRIES):
            try:
                return ask()
            except TransientError as error:
                self.pause(wait_before(made, error.wait, first=1.0, jitter=random.random))
        return ask()

    def _done(self, connection: str, span: Span) -> set[date]:
        d = t.backfill_done.c
        query = sa.select(d.day).where(d.connection == connection, d.span == str(span))
        with self.db.read() as conn:
            return set(conn.execute(query).scalars())

    def _note(self, conn: Connection, connection: str, span: Span, day: date) -> None:
        row = {"connection": connection, "span": str(span), "day": day, "at": self.clock.now()}
        insert_new(conn, t.backfill_done, row)


def _asked(book: OrderBook, begin: datetime, end: datetime) -> list[Order]:
    return list(book.source.orders(begin, end))


def _of_ads(name: str) -> str:
    """Under what the days of a connection's plans are noted: files and databases feed shops as well."""
    return f"{name}/{PLANS}"


def _keep(conn: Connection, connection: str, span: Span, orders: Sequence[Order]) -> None:
    """Keep the orders that count for the span, the newest state of each."""
    first, end = midnight(span.first), midnight(span.last + ONE)
    newest: dict[str, Order] = {}
    for order in sorted(orders, key=lambda each: each.modified):
        if order.paid is None or first <= order.paid < end:
            newest[order.order_id] = order
    upsert(conn, t.backfill_orders, [
        {"connection": connection, "span": str(span), "order_id": each.order_id, "shop_id": each.shop_id,
         "shop": each.shop, "amount": each.amount, "paid": each.paid, "modified": each.modified,
         "void": each.void}
        for each in newest.values()
    ], newest="modified")  # fmt: skip


def _sold(conn: Connection, connection: str, span: Span, platform: str, day: date) -> list[ShopSales]:
    """What each shop sold on a day by the orders kept; a shop without any that day is a zero."""
    o = t.backfill_orders.c
    ours = sa.and_(o.connection == connection, o.span == str(span))
    counts = sa.and_(sa.not_(o.void), o.paid >= midnight(day), o.paid < midnight(day + ONE))
    amount = sa.func.sum(sa.case((counts, o.amount), else_=0), type_=Fen())
    number = sa.func.sum(sa.case((counts, 1), else_=0))
    query = sa.select(o.shop_id, sa.func.max(o.shop), number, amount).where(ours).group_by(o.shop_id)
    return [
        ShopSales(shop_id, shop, platform, day, int(orders), sold)
        for shop_id, shop, orders, sold in conn.execute(query.order_by(o.shop_id))
    ]
