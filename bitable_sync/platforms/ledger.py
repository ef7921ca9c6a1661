"""The orders of each connection, kept for some days: once each, in their newest state, nothing of the buyer.

Everything may be repeated: the same order twice is one row, an older state changes nothing. Written in short
transactions and only where something is other than before, so reading the same hours again writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.platforms import tables as t
from bitable_sync.platforms.facts import Order, OrderSource
from runtime.clock import SHANGHAI, day_of, midnight
from runtime.db import Database, Fen
from runtime.keeping import Kept

KEEP: Final = timedelta(days=3)
"""Orders that did not change for so many whole days go: yesterday is the oldest day that is summed up."""
KNOWN: Final = timedelta(days=400)
"""A shop without an order for longer is no longer counted as selling nothing."""
PIECE: Final = 500
"""Orders of one transaction."""
HOUR: Final = 3600
CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Stand:
    """How far the orders of a connection were read.

    Attributes:
        day: the day (Shanghai) whose first reading began at the midnight before it.
        until: the end of the last window.
        swept: when a reading last went back further than its overlap.
    """

    day: date
    until: datetime
    swept: datetime


@dataclass(frozen=True, slots=True)
class HourSales:
    """What one shop sold in one hour, void orders left out.

    Attributes:
        hour: when it begins.
        orders, amount: those paid in it; in 元.
        early, early_amount: those of them paid before the moment that was asked about.
    """

    shop_id: str
    hour: datetime
    orders: int
    amount: Decimal
    early: int
    early_amount: Decimal


class Ledger:
    """The orders of one connection.

    Args:
        db: durable database.
        connection: its name.
    """

    def __init__(self, db: Database, connection: str) -> None:
        self.db = db
        self.connection = connection

    def stand(self, source: OrderSource) -> Stand | None:
        """How far it was read; None if never, or for another platform or amount than this source has."""
        r = t.readings.c
        with self.db.read() as conn:
            row = conn.execute(sa.select(t.readings).where(r.connection == self.connection)).first()
        if row is None or (row.platform, row.counts) != (source.platform, source.counts):
            return None
        return Stand(row.day, row.until, row.swept_at)

    def forget(self) -> None:
        """Delete the orders that are kept: they are of another platform or amount."""
        o = t.orders.c
        some = sa.select(o.order_id).where(o.connection == self.connection).limit(PIECE)
        gone = 1
        while gone:
            with self.db.begin() as conn:
                ours = sa.and_(o.connection == self.connection, o.order_id.in_(some))
                gone = conn.execute(sa.delete(t.orders).where(ours)).rowcount

    def keep(self, source: OrderSource, found: Iterable[Order], stand: Stand, at: datetime) -> None:
        """Take over what a window brought, and that it was read.

        Args:
            source: where it is from.
            found: orders; an older state than what is kept changes nothing, of two equally old the later.
            stand: how far this connection is read with it.
            at: now.
        """
        latest: dict[tuple[str, str], Order] = {}
        for order in found:
            key = (order.order_id, order.shop_id)
            if key not in latest or order.modified >= latest[key].modified:
                latest[key] = order
        rows = self._news(source, [latest[key] for key in sorted(latest)])
        shops = self._new_shops(source, latest.values(), at)
        read = {
            "connection": self.connection, "platform": source.platform, "counts": source.counts,
            "day": stand.day, "until": stand.until, "swept_at": stand.swept,
        }  # fmt: skip
        while len(rows) > PIECE:
            with self.db.begin() as conn:
                self._upsert(conn, t.orders, rows[:PIECE], newest="modified")
            rows = rows[PIECE:]
        with self.db.begin() as conn:
            self._upsert(conn, t.orders, rows, newest="modified")
            self._upsert(conn, t.shops, shops)
            self._upsert(conn, t.readings, [read])

    def shops(self, source: OrderSource) -> dict[str, str]:
        """The shops of a connection, id → name: those it is for, and those it ever brought orders of."""
        s = t.shops.c
        query = sa.select(s.shop_id, s.name).where(
            s.connection == self.connection, s.platform == source.platform
        )
        with self.db.read() as conn:
            return {row.shop_id: row.name for row in conn.execute(query)} | dict(source.shops)

    def hours(self, source: OrderSource, since: datetime, then: datetime) -> list[HourSales]:
        """What was sold hour by hour, by the orders as they are now.

        Args:
            source: whose orders.
            since: from this hour on.
            then: what was paid before that moment is told apart (`HourSales.early`).
        """
        o = t.orders.c
        ours = sa.and_(
            o.connection == self.connection, o.platform == source.platform, o.hour >= _hour(since),
            sa.not_(o.void),
        )  # fmt: skip
        before = o.paid < then
        query = (
            sa.select(
                o.shop_id, o.hour, sa.func.count(), sa.func.sum(o.amount, type_=Fen()),
                sa.func.sum(sa.case((before, 1), else_=0)),
                sa.func.sum(sa.case((before, o.amount), else_=0), type_=Fen()),
            )
            .where(ours)
            .group_by(o.shop_id, o.hour)
            .order_by(o.shop_id, o.hour)
        )  # fmt: skip
        with self.db.read() as conn:
            return [
                HourSales(
                    shop_id, datetime.fromtimestamp(hour * HOUR, SHANGHAI), count, amount, int(early), some
                )
                for shop_id, hour, count, amount, early, some in conn.execute(query)
            ]  # fmt: skip

    def _news(self, source: OrderSource, latest: Sequence[Order]) -> list[dict[str, Any]]:
        """Rows of the orders that are new or other than what is kept."""
        rows = [self._row(source, order) for order in latest]
        o = t.orders.c
        news: list[dict[str, Any]] = []
        for start in range(0, len(rows), PIECE):
            some = rows[start : start + PIECE]
            query = sa.select(t.orders).where(
                o.connection == self.connection, o.platform == source.platform,
                o.order_id.in_([row["order_id"] for row in some]),
            )  # fmt: skip
            with self.db.read() as conn:
                kept = {
                    (row["order_id"], row["shop_id"]): dict(row) for row in conn.execute(query).mappings()
                }
            news += [row for row in some if _is_news(row, kept.get((row["order_id"], row["shop_id"])))]
        return news

    def _row(self, source: OrderSource, order: Order) -> dict[str, Any]:
        return {
            "connection": self.connection, "platform": source.platform, "order_id": order.order_id,
            "shop_id": order.shop_id, "amount": order.amount.quantize(CENT, ROUND_HALF_EVEN),
            "paid": order.paid, "hour": None if order.paid is None else _hour(order.paid),
            "modified": order.modified, "status": order.status, "void": order.void,
        }  # fmt: skip

    def _new_shops(self, source: OrderSource, found: Collection[Order], at: datetime) -> list[dict[str, Any]]:
        """Rows of shops that are new, renamed, or not noted as seen today."""
        named = {order.shop_id: order.shop for order in sorted(found, key=lambda each: each.modified)}
        named |= source.shops
        if not named:
            return []
        s = t.shops.c
        query = sa.select(s.shop_id, s.name, s.seen_at).where(
            s.connection == self.connection, s.platform == source.platform
        )
        with self.db.read() as conn:
            known = {row.shop_id: (row.name, day_of(row.seen_at)) for row in conn.execute(query)}
        rows = []
        for shop_id, told in sorted(named.items()):
            name = told or known.get(shop_id, ("", None))[0]
            if known.get(shop_id) != (name, day_of(at)):
                rows.append({
                    "connection": self.connection, "platform": source.platform, "shop_id": shop_id,
                    "name": name, "seen_at": at,
                })  # fmt: skip
        return rows

    def _upsert(
        self, conn: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, newest: str = ""
    ) -> None:
        """Insert rows or overwrite them; ``newest``: only where that column does not become smaller."""
        if not rows:
            return
        keys = [column.name for column in table.primary_key]
        insert = self.db.insert(table)
        changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
        where = insert.excluded[newest] >= table.c[newest] if newest else None
        conn.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed, where=where), list(rows))


def kept() -> list[Kept]:
    """Orders and shops with an end, for the nightly deleting."""
    return [
        Kept(t.orders, lambda now: t.orders.c.modified < midnight(day_of(now)) - KEEP),
        Kept(t.shops, lambda now: t.shops.c.seen_at < now - KNOWN),
        Kept(t.readings, lambda now: t.readings.c.until < now - KNOWN),
    ]


def _hour(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp()) // HOUR


def _is_news(row: Mapping[str, Any], kept: Mapping[str, Any] | None) -> bool:
    if kept is None or row["modified"] > kept["modified"]:
        return True
    return row["modified"] == kept["modified"] and any(kept[key] != value for key, value in row.items())
