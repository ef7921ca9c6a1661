"""What a figure was at the same time of former days: yesterday, a week ago, the mean of seven days.

The pulls keep how far each hour's figures came (``rules/cockpit/days.py``). What stood there at exactly this
minute of that day is read between the two pulls around it, in a straight line. Where there are none within
`GAP`, nobody knows, and rules say so: a day without a sample is never zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rules.cockpit import tables as t
from rules.cockpit.days import PLAN, SHOP
from rules.metrics import SPANS, Span
from rules.specs import PLANS, SHOPS
from rules.store import chunks
from rules.tree import PAST
from runtime.clock import SHANGHAI, day_of, midnight

GAP: Final = timedelta(hours=2)
"""Pulls further apart than this say nothing about the time between them."""
FIRST: Final = 2
"""Until this hour the beginning of the day is near enough to draw a line from."""
KINDS = {PLANS: PLAN, SHOPS: SHOP}
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of a day as a pull saw it."""

    at: datetime
    value: Decimal


Points = dict[str, dict[str, dict[int, list[Point]]]]
"""Object id → field → days back → points in order of time."""


def load(
    conn: Connection, table: str, keys: Collection[str], now: datetime, objects: Collection[str]
) -> dict[str, dict[str, Decimal]]:
    """Figures of former days by object id.

    Args:
        conn: a read transaction.
        table: key of the data table.
        keys: which figures, as rules name them (``gmv@week``); others are passed over.
        now: the time of day that is compared.
        objects: of which objects.

    Returns:
        Object id → key → figure in yuan or pieces; what has no sample is not in it.
    """
    asked = wanted(keys)
    if not asked or not objects or table not in KINDS:
        return {}
    if table != SHOPS:
        return _compared(_points(conn, KINDS[table], asked, now, objects), asked, now)
    begun, last = _begun(conn, now), midnight(day_of(now)) - timedelta(microseconds=1)
    found: dict[str, dict[str, Decimal]] = {}
    for moment, today in ((now, True), (last, False)):
        points = _points(conn, SHOP, asked, moment, objects)
        some = {shop_id: fields for shop_id, fields in points.items() if (shop_id in begun) is today}
        found |= _compared(some, asked, moment)
    return found


def _compared(
    points: Points, asked: Iterable[tuple[str, Span]], now: datetime
) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = {}
    for object_id, by_field in points.items():
        for field, span in asked:
            value = over(span, by_field.get(field, {}), now)
            if value is not None:
                found.setdefault(object_id, {})[f"{field}{PAST}{span.key}"] = value
    return found


def _begun(conn: Connection, now: datetime) -> set[str]:
    """The shops that were pulled today; the row of another still shows yesterday, and is compared as such."""
    h = t.hours.c
    query = sa.select(h.object_id).distinct().where(h.kind == SHOP, h.day == day_of(now))
    return set(conn.execute(query).scalars())


def wanted(keys: Iterable[str]) -> list[tuple[str, Span]]:
    """Which figure of which stretch of days each key names; others are left out."""
    spans = {span.key: span for span in SPANS}
    parts = (key.partition(PAST) for key in sorted(keys))
    return [(field, spans[span]) for field, mark, span in parts if mark]


def hours_around(now: datetime) -> list[int]:
    """The hours of a day in which the pulls around this time of it may lie."""
    hour = now.astimezone(SHANGHAI).hour
    return [each for each in range(hour - 2, hour + 3) if 0 <= each < 24]


def over(span: Span, by_day: Mapping[int, Sequence[Point]], now: datetime) -> Decimal | None:
    """The mean over the days of a span at this time of day; None with fewer samples than it needs.

    Args:
        span: the stretch of days.
        by_day: how many days back → that day's points in order of time.
        now: aware time.
    """
    seen = [at_time(by_day.get(back, ()), now - timedelta(days=back)) for back in span.backs]
    known = [value for value in seen if value is not None]
    if len(known) < span.least:
        return None
    return (sum(known, Decimal(0)) / len(known)).quantize(_CENT, ROUND_HALF_EVEN)


def at_time(points: Sequence[Point], moment: datetime) -> Decimal | None:
    """A day's figure at a moment, between the pulls around it; None where they are too far away."""
    before = next((point for point in reversed(points) if point.at <= moment), None)
    after = next((point for point in points if point.at > moment), None)
    if before is None or moment - before.at > GAP:
        return None
    if after is None:
        return before.value
    whole = after.at - before.at
    if whole > GAP:
        return None
    first, step = _cents(before.value), _cents(after.value) - _cents(before.value)
    base = whole // timedelta(microseconds=1)
    moved, rest = divmod(step * ((moment - before.at) // timedelta(microseconds=1)), base)
    found = first + moved
    return Decimal(found + (2 * rest > base or (2 * rest == base and found % 2 == 1))).scaleb(-2)


def _cents(value: Decimal) -> int:
    return int(value.quantize(_CENT, ROUND_HALF_EVEN).scaleb(2))


def _points(
    conn: Connection,
    kind: str,
    asked: Sequence[tuple[str, Span]],
    now: datetime,
    objects: Collection[str],
) -> Points:
    fields, hour = sorted({field for field, _ in asked}), now.astimezone(SHANGHAI).hour
    backs = {day_of(now - timedelta(days=back)): back for _, span in asked for back in span.backs}
    h = t.hours.c
    columns = [h.object_id, h.day, h.seen_at, *(h[field] for field in fields)]
    query = sa.select(*columns).where(
        h.kind == kind, h.day.in_(sorted(backs)), h.hour.in_(hours_around(now))
    )  # each hour by itself: with a range of them the objects would not be looked up by the key
    found: Points = {}
    for chunk in chunks(sorted(objects)):
        some = query.where(h.object_id.in_(chunk))
        for row in conn.execute(some.order_by(h.day, h.hour)).mappings():
            for field in fields:
                if row[field] is not None:
                    days = found.setdefault(row["object_id"], {}).setdefault(field, {})
                    start = [Point(midnight(row["day"]), Decimal(0))]  # where every day's figures begin
                    point = Point(row["seen_at"], Decimal(row[field]))
                    days.setdefault(backs[row["day"]], start if hour <= FIRST else []).append(point)
    return found
