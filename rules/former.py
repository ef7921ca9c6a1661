"""Figures of former days as columns, for the pieces of a table that a scan looks at.

The same figures as ``history.py`` gives object by object, to the cent: both compute with whole hundredths,
and `tests/rules/test_former.py` compares them. Only a piece's figures are held, so memory does not grow with
the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from rules.cockpit import tables as t
from rules.history import FIRST, GAP, KINDS, hours_around, load, wanted
from rules.metrics import Span
from rules.scan import FormerColumn, given
from rules.specs import SHOPS
from rules.store import chunks
from rules.tree import PAST
from runtime.clock import SHANGHAI, day_of, midnight
from runtime.db import Database

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

MICRO: Final = timedelta(microseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REACH: Final = GAP // MICRO
_SAFE: Final = 2**62 // _REACH
"""Steps between two pulls up to this many hundredths fit into 64 bits when multiplied by a time."""
_EXACT: Final = 10**15
"""Hundredths below this are what their double is the shortest spelling of."""


@dataclass(frozen=True, slots=True)
class At:
    """A figure of some objects at a moment, in hundredths, and of which it is known."""

    values: Ints
    known: Flags


class Former:
    """Answers what some objects' figures were on former days at this time of day.

    Args:
        db: where the pulls' hours are kept.
        table: key of the data table.
        keys: which figures, as rules name them (``gmv@week``); others are passed over.
        now: the time of day that is compared.
    """

    def __init__(self, db: Database, table: str, keys: Sequence[str], now: datetime) -> None:
        self.db = db
        self.table = table
        self.kind = KINDS.get(table)
        self.keys = keys
        self.asked = wanted(keys) if self.kind else []
        self.now = now

    def __call__(self, ids: Sequence[str]) -> Mapping[str, FormerColumn]:
        """The columns of these objects, in this order, by key."""
        places = {key: place for place, key in enumerate(dict.fromkeys(ids))}
        if not self.asked or not places:
            return {}
        if self.table == SHOPS:  # some dozens, some of which are compared as of last night
            with self.db.read() as conn:
                return given(load(conn, self.table, self.keys, self.now, places))(ids)
        fields = sorted({field for field, _ in self.asked})
        days: dict[int, Mapping[str, At]] = {}
        with self.db.read() as conn:
            for back in sorted({back for _, span in self.asked for back in span.backs}):
                days[back] = self._day(conn, back, fields, places)
        order = np.array([places[key] for key in ids], np.intp)
        return {
            f"{field}{PAST}{span.key}": _column(_mean(span, field, days), order) for field, span in self.asked
        }

    def _day(
        self, conn: Connection, back: int, fields: Sequence[str], places: Mapping[str, int]
    ) -> dict[str, At]:
        """The figures of one day at this time of it."""
        h, moment = t.hours.c, self.now - timedelta(days=back)
        names = [sa.type_coerce(h[field], sa.BigInteger) for field in fields]
        query = sa.select(h.object_id, sa.type_coerce(h.seen_at, sa.Text), *names).where(
            h.kind == self.kind, h.day == day_of(moment), h.hour.in_(hours_around(self.now))
        )
        rows: list[Sequence[Any]] = []
        for chunk in chunks(sorted(places)):
            rows += conn.execute(query.where(h.object_id.in_(chunk)).order_by(h.hour)).all()
        if not rows:
            return {}
        columns = list(zip(*rows, strict=True))
        times = {raw: (_moment(raw) - EPOCH) // MICRO for raw in set(columns[1])}
        objects = np.array([places[key] for key in columns[0]], np.intp)
        seen = np.array([times[raw] for raw in columns[1]], np.int64)
        at = (moment - EPOCH) // MICRO
        early = self.now.astimezone(SHANGHAI).hour <= FIRST
        begin = (midnight(day_of(moment)) - EPOCH) // MICRO if early else None
        return {
            field: _between(objects, seen, _hundredths(field, column), (begin, at), len(places))
            for field, column in zip(fields, columns[2:], strict=True)
        }


def _moment(raw: Any) -> datetime:
    """A stored moment as the driver gives it: text without a zone on SQLite."""
    found = datetime.fromisoformat(raw) if isinstance(raw, str) else raw
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _hundredths(field: str, column: Sequence[int | None]) -> tuple[Ints, Flags]:
    there = np.array([value is not None for value in column], np.bool_)
    values: Ints = np.array([value or 0 for value in column], np.int64)
    return values * 100 if field == "orders" else values, there  # orders are counted in pieces


def _between(
    objects: NDArray[np.intp],
    seen: Ints,
    column: tuple[Ints, Flags],
    when: tuple[int | None, int],
    count: int,
) -> At:
    """Each object's figure between the pulls around a moment; the rows of an object are in order of time.

    ``when``: when the day began, at zero, where a line may be drawn from there; and the moment.
    """
    (values, there), (begin, at) = column, when
    early, late = np.flatnonzero(there & (seen <= at)), np.flatnonzero(there & (seen > at))[::-1]
    before, after = np.zeros((2, count), np.int64), np.zeros((2, count), np.int64)
    has, more = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    if begin is not None:
        before[1, objects[there]] = begin
        has[objects[there]] = True
    before[:, objects[early]] = values[early], seen[early]  # of several the last one stays
    after[:, objects[late]] = values[late], seen[late]
    has[objects[early]], more[objects[late]] = True, True
    whole = np.where(more, after[1] - before[1], 1)
    known = has & (at - before[1] <= _REACH) & (~more | (whole <= _REACH))
    here = known & more
    moved = _line(
        before[0], np.where(here, after[0] - before[0], 0), np.where(here, at - before[1], 0),
        np.where(here, whole, 1),
    )  # fmt: skip
    return At(moved, known)


def _line(first: Ints, step: Ints, part: Ints, whole: Ints) -> Ints:
    """``first + step * part / whole``, rounded half to even."""
    if int(np.abs(step).max(initial=0)) <= _SAFE:
        return _rounded(first, step * part, whole)
    return _rounded(first.astype(object), step.astype(object) * part.astype(object), whole.astype(object))


def _rounded(first: Any, top: Any, base: Any) -> Ints:
    whole, rest = top // base, top % base
    found = first + whole
    up = (2 * rest > base) | ((2 * rest == base) & (found % 2 == 1))
    return np.asarray(found + up.astype(np.int64), np.int64)


def _mean(span: Span, field: str, days: Mapping[int, Mapping[str, At]]) -> At | None:
    found = [days[back][field] for back in span.backs if days[back]]
    if not found:
        return None
    count = np.sum([day.known for day in found], axis=0, dtype=np.int64)
    total = np.sum([np.where(day.known, day.values, 0) for day in found], axis=0, dtype=np.int64)
    return At(_rounded(np.zeros_like(total), total, np.maximum(count, 1)), np.asarray(count >= span.least))


def _column(found: At | None, order: NDArray[np.intp]) -> FormerColumn:
    if found is None:
        return FormerColumn(np.full(len(order), np.nan), np.zeros(len(order), np.bool_))
    values = np.where(found.known, found.values / 100.0, np.nan)
    return FormerColumn(values[order], (found.known & (np.abs(found.values) >= _EXACT))[order])
