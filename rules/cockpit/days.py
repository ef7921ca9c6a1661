"""Keeping the figures of days: written with each pull, dropped after 400 days. In the caller's transaction.

The mirror holds today only. A day's row is overwritten by every pull of that day that found other numbers, so
what remains is the day as its last pull saw it, and what was settled since. Figures are levels and not steps:
the same pull twice is one row, and one that asked earlier than what stands there changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from bitable_sync.mirror import Cells, Mirror
from bitable_sync.pieces import pieces
from bitable_sync.platforms.orders import Level
from rules.cockpit import tables as t
from rules.cockpit.figures import judge_sku, plainly_fine
from rules.cockpit.model import Sku, StockDay
from rules.sources import Values
from rules.specs import PLANS, SHOPS, STOCK
from rules.store import upsert
from runtime.clock import SHANGHAI, day_of, midnight

PIECE: Final = 2000
"""Rows of the mirror read at a time."""

KEEP: Final = timedelta(days=400)
"""A year to compare with, and a month to spare."""
KEEP_HOURS: Final = timedelta(days=9)
"""The week that rules compare with, and a day to spare."""
PLAN, SHOP = "plan", "shop"
_SKIPPED = {"kind", "day", "object_id", "seen_at"}
_OF_ITS_TIME = {"status", "budget", "base"}
_HOURLY = ("object_id", "gmv", "spend", "orders")


def one_day(started: datetime, ended: datetime) -> date | None:
    """The day a pull's figures belong to; None for a pull over midnight, which nobody can tell."""
    return day_of(started) if day_of(started) == day_of(ended) else None


def keep(conn: Connection, table: str, rows: Sequence[Values], day: date, at: datetime) -> int:
    """Keep what a pull brought of a day; returns how many rows were written.

    Args:
        conn: a write transaction.
        table: key of the data table that was pulled; others than plans and shops are ignored.
        rows: the rows as they go into the table (`rules.sources`).
        day: the day they are about.
        at: when the platform was asked.
    """
    if table == PLANS:
        found = [_plan(row) for row in rows if "spend" in row]
    elif table == SHOPS:
        found = [_shop(row) for row in rows]
    else:
        return 0
    kind = PLAN if table == PLANS else SHOP
    written = _write(conn, kind, found, day, at)
    if _keep_hour(conn, kind, found, day, at) or written:
        now_due(conn, day)
    return written


def settle(conn: Connection, table: str, rows: Sequence[Values], day: date, at: datetime) -> int:
    """Take over what platforms say of a day that is over; returns how many rows of it were other.

    What only its own time knew stays: budget, status, the comparison with the day before.

    Args:
        conn: a write transaction.
        table: key of the data table, plans or shops.
        rows: as for `keep`, with whole-day figures; of two about one object the first counts.
        day: the day they are about.
        at: when the platform was asked.
    """
    kind, make = (PLAN, _plan) if table == PLANS else (SHOP, _shop)
    made = [{key: value for key, value in make(row).items() if key not in _OF_ITS_TIME} for row in rows]
    found = {row["object_id"]: row for row in reversed(made)}
    written = _write(conn, kind, list(found.values()), day, at)
    if written:
        now_due(conn, day)
    return written


def _write(conn: Connection, kind: str, found: Sequence[Mapping[str, Any]], day: date, at: datetime) -> int:
    known = _known(conn, kind, day) if found else {}
    new = [
        {"kind": kind, "day": day, "seen_at": at, **row}
        for row in found
        if _differs(row, known.get(row["object_id"]))
    ]
    upsert(conn, t.days, new, newest="seen_at")
    return len(new)


def now_due(conn: Connection, day: date) -> None:
    """Let the tables of totals show this day anew."""
    insert = sqlite.insert(t.due) if conn.dialect.name == "sqlite" else postgresql.insert(t.due)
    again = {"turn": t.due.c.turn + 1}
    conn.execute(insert.values(day=day, turn=1).on_conflict_do_update(index_elements=["day"], set_=again))


def _keep_hour(
    conn: Connection, kind: str, found: Sequence[Mapping[str, Any]], day: date, at: datetime
) -> bool:
    """Keep how far the figures were in this hour; what the hour's last pull saw remains. Tells of news."""
    h, hour = t.hours.c, at.astimezone(SHANGHAI).hour
    query = sa.select(t.hours).where(h.kind == kind, h.day == day, h.hour == hour)
    known = {row["object_id"]: dict(row) for row in conn.execute(query).mappings()}
    new = [
        {"kind": kind, "day": day, "hour": hour, "seen_at": at, **{key: row[key] for key in _HOURLY}}
        for row in found
        if _moved(row, known.get(row["object_id"]))
    ]
    upsert(conn, t.hours, new, newest="seen_at")
    return bool(new)


def settle_hours(conn: Connection, levels: Sequence[Level]) -> int:
    """Take over how far shops were at the end of hours that are over; returns how many were other.

    By the orders as they are now: late ones and those cancelled since are in, hours nobody pulled in as well.

    Args:
        conn: a write transaction.
        levels: of two about one shop and hour the first counts.
    """
    h, written = t.hours.c, 0
    for day in sorted({each.day for each in levels}):
        query = sa.select(t.hours).where(h.kind == SHOP, h.day == day)
        known = {(row["hour"], row["object_id"]): dict(row) for row in conn.execute(query).mappings()}
        found = {(each.hour, each.shop_id): each for each in reversed(levels) if each.day == day}
        new = [
            {"kind": SHOP, "day": day, "hour": hour, "object_id": shop_id, "gmv": each.amount, "spend": None,
             "orders": each.orders, "seen_at": midnight(day) + timedelta(hours=hour + 1)}
            for (hour, shop_id), each in sorted(found.items())
        ]  # fmt: skip
        new = [row for row in new if known.get((row["hour"], row["object_id"])) != row]
        upsert(conn, t.hours, new, newest="seen_at")
        if any(_moved(row, known.get((row["hour"], row["object_id"]))) for row in new):
            now_due(conn, day)
        written += len(new)
    return written


def _moved(row: Mapping[str, Any], known: Mapping[str, Any] | None) -> bool:
    if known is None:
        return _differs(row, None)
    return any(known[key] != row[key] for key in _HOURLY)


def _plan(row: Values) -> dict[str, Any]:
    return {
        "object_id": str(row["plan_id"]), "platform": _text(row, "platform"), "shop": _text(row, "shop"),
        "name": _text(row, "name"), "status": _text(row, "status"), "gmv": _yuan(row, "gmv"),
        "spend": _yuan(row, "spend"), "budget": _yuan(row, "budget"), "base": None,
        "orders": _whole(row, "orders"),
    }  # fmt: skip


def _shop(row: Values) -> dict[str, Any]:
    return {
        "object_id": str(row["shop_id"]), "platform": _text(row, "platform"), "shop": _text(row, "name"),
        "name": _text(row, "name"), "status": "", "gmv": _yuan(row, "gmv"), "spend": None, "budget": None,
        "base": _yuan(row, "gmv_base"), "orders": _whole(row, "orders"),
    }  # fmt: skip


def _text(row: Values, key: str) -> str:
    found = row.get(key)
    return found if isinstance(found, str) else ""


def _yuan(row: Values, key: str) -> Decimal:
    found = row.get(key)
    return found.quantize(Decimal("0.01")) if isinstance(found, Decimal) else Decimal("0.00")


def _whole(row: Values, key: str) -> int:
    found = row.get(key)
    return int(found) if isinstance(found, Decimal) else 0


def _known(conn: Connection, kind: str, day: date) -> dict[str, Mapping[str, Any]]:
    query = sa.select(t.days).where(t.days.c.kind == kind, t.days.c.day == day)
    return {row["object_id"]: dict(row) for row in conn.execute(query).mappings()}


def _differs(row: Mapping[str, Any], known: Mapping[str, Any] | None) -> bool:
    """A plan that did nothing on a day leaves no row; everything else is kept when it changed."""
    if known is None:
        return row["spend"] is None or bool(row["gmv"] or row["spend"])
    return any(known[key] != value for key, value in row.items() if key not in _SKIPPED)


def stock_now(mirror: Mirror) -> list[Sku]:
    """All SKUs as the mirror has them, judged; of a fine one only what is counted."""
    spec = mirror.specs.table(STOCK)
    return [
        plainly_fine(raw) or judge_sku(Cells(raw, spec))
        for piece in pieces(mirror, STOCK, PIECE)
        for raw in piece
    ]


def keep_stock(conn: Connection, counts: Iterable[StockDay], at: datetime) -> None:
    """Keep the counts of a day (`figures.stock_days`)."""
    counts = list(counts)
    days, s = {each.day for each in counts}, t.stock_days.c
    query = sa.select(s.day, s.shop, s.skus, s.low, s.out, s.unknown).where(s.day.in_(days))
    known = {StockDay(*row) for row in conn.execute(query)}
    for day in {each.day for each in counts if each not in known}:
        now_due(conn, day)
    rows = [
        {"day": each.day, "shop": each.shop, "skus": each.skus, "low": each.low, "out": each.out,
         "unknown": each.unknown, "seen_at": at}
        for each in counts
    ]  # fmt: skip
    upsert(conn, t.stock_days, rows)


def forget(conn: Connection, now: datetime) -> int:
    """Drop days older than `KEEP`, and hours sooner; returns how many rows of days went."""
    oldest, gone = day_of(now) - KEEP, 0
    conn.execute(sa.delete(t.hours).where(t.hours.c.day < day_of(now) - KEEP_HOURS))
    conn.execute(sa.delete(t.due).where(t.due.c.day < oldest))
    for table in (t.days, t.stock_days):
        dropped = conn.execute(sa.delete(table).where(table.c.day < oldest).returning(table.c.day))
        gone += len(dropped.all())
    return gone
