"""What is worth keeping of a metric's changes for a month: steps one can see, and every crossing of a line.

Every change is kept for two days (``metric_points``). What gets older is thinned into ``metric_turns``: a
change of `STEP` or more since the last one kept, or one that passes a line an alert of the object knows. At
most `STEPS` and `MOST` of them a day, so that the table stays as small as its objects and days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rules import tables as t
from rules.store import HISTORY, chunks, upsert
from runtime.clock import day_of, midnight

KEEP: Final = timedelta(days=32)
"""The month that rules are replayed over, and a day to spare."""
STEP: Final = Decimal("0.05")
STEPS, MOST = 24, 48
"""So many steps, and with crossings so many points, of one object and metric are kept a day."""
AT_ONCE: Final = 20_000
"""Points thinned in one transaction; a check that finds more goes on with the next."""

Key = tuple[str, str, str]
"""Table, metric and object."""


@dataclass
class Last:
    """What was kept last of one metric of one object."""

    value: Decimal | None = None
    day: date | None = None
    count: int = 0
    lines: list[Decimal] = field(default_factory=list)

    def take(self, at: datetime, value: Decimal) -> bool:
        """Whether this change is kept; it is then the last one."""
        day = day_of(at)
        count = self.count if day == self.day else 0
        if not _turns(self.value, value, self.lines, count):
            return False
        self.value, self.day, self.count = value, day, count + 1
        return True


def _turns(last: Decimal | None, value: Decimal, lines: Iterable[Decimal], count: int) -> bool:
    """Whether a change is worth keeping (pure)."""
    if last is None:
        return True
    if count >= MOST or value == last:
        return False
    if any((last < line) != (value < line) or (last > line) != (value > line) for line in lines):
        return True
    return count < STEPS and abs(value - last) >= abs(last) * STEP


def thin(conn: Connection, now: datetime, metrics: Mapping[str, str]) -> int:
    """Take points that got older than two days over into the month, and drop what is older than that.

    Args:
        conn: a write transaction.
        now: aware time.
        metrics: rule id → key of its metric; their alerts know the lines.

    Returns:
        How many points were looked at; `AT_ONCE` when there may be more.
    """
    p = t.metric_points.c
    conn.execute(sa.delete(t.metric_turns).where(t.metric_turns.c.at < now - KEEP))
    old = sa.select(p.at).where(p.at < now - HISTORY).order_by(p.at)
    end = conn.execute(old.offset(AT_ONCE).limit(1)).scalar()
    due = p.at < now - HISTORY if end is None else p.at <= end
    points = conn.execute(sa.select(t.metric_points).where(due).order_by(p.at)).all()
    if not points:
        return 0
    last = _last(conn, {(row.table, row.metric, row.object_id) for row in points}, points[0].at, metrics)
    kept = [row for row in points if last[row.table, row.metric, row.object_id].take(row.at, row.value)]
    upsert(conn, t.metric_turns, [dict(_plain(row)) for row in kept])
    conn.execute(sa.delete(t.metric_points).where(due))
    return len(points)


def _plain(row: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(row, "_mapping")  # noqa: B009 - SQLAlchemy's public name
    return found


def _last(
    conn: Connection, keys: Iterable[Key], first: datetime, metrics: Mapping[str, str]
) -> dict[Key, Last]:
    """What was kept last of each, how many since the day of ``first`` began, and the lines alerts know."""
    found: dict[Key, Last] = {key: Last() for key in keys}
    for chunk in chunks(sorted({key[2] for key in found})):
        for row in conn.execute(_since(chunk, midnight(day_of(first)))):
            last = found.get((row.table, row.metric, row.object_id))
            if last is not None:
                last.count = last.count + 1 if day_of(row.at) == last.day else 1
                last.value, last.day = row.value, day_of(row.at)
        flat = sorted({key[2] for key, last in found.items() if last.value is None} & set(chunk))
        for row in conn.execute(_newest(flat)) if flat else ():
            last = found.get((row.table, row.metric, row.object_id))
            if last is not None and last.value is None:
                last.value, last.day, last.count = row.value, day_of(row.at), 1
        for row in conn.execute(_lines(chunk, sorted(metrics))):
            last = found.get((row.table, metrics[row.rule_id], row.object_id))
            if last is not None:
                last.lines += [line for line in (row.limit, row.recover_at) if line is not None]
    return found


def _newest(objects: Sequence[str]) -> sa.Select[Any]:
    """The last turn of each metric of some objects."""
    m = t.metric_turns
    newest = (
        sa.select(m.c.table, m.c.metric, m.c.object_id, sa.func.max(m.c.at).label("at"))
        .where(m.c.object_id.in_(objects))
        .group_by(m.c.table, m.c.metric, m.c.object_id)
        .subquery()
    )
    return sa.select(m).join(
        newest, sa.and_(*(m.c[name] == newest.c[name] for name in ("table", "metric", "object_id", "at")))
    )


def _since(objects: Sequence[str], begin: datetime) -> sa.Select[Any]:
    m = t.metric_turns.c
    return sa.select(t.metric_turns).where(m.object_id.in_(objects), m.at >= begin).order_by(m.at)


def _lines(objects: Sequence[str], rule_ids: Sequence[str]) -> sa.Select[Any]:
    a = t.alerts.c
    return sa.select(a.rule_id, a.object_id, a.table, a.limit, a.recover_at).where(
        a.object_id.in_(objects), a.rule_id.in_(rule_ids)
    )
