"""Deleting what nobody needs any more: in small transactions, so that no person waits for it."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from runtime.clock import SHANGHAI
from runtime.db import Database

PART = 500
"""Rows deleted in one transaction."""

Condition = Callable[[datetime], sa.ColumnElement[bool]]
"""Which rows are too old at a moment."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows with an end.

    Attributes:
        table: where they stand.
        over: which of them are too old.
    """

    table: sa.Table
    over: Condition


def prune(db: Database, kept: Kept, now: datetime) -> int:
    """Delete all rows that are too old, `PART` at a time; how many."""
    keys = list(kept.table.primary_key.columns)
    old = sa.select(*keys).where(kept.over(now)).limit(PART)
    chosen = keys[0].in_(old) if len(keys) == 1 else sa.tuple_(*keys).in_(old)
    total, gone = 0, PART
    while gone == PART:
        with db.begin() as conn:
            gone = conn.execute(kept.table.delete().where(chosen)).rowcount
        total += gone
    return total


def months_before(now: datetime, months: int) -> datetime:
    """The moment so many months ago in Shanghai; the last day of a shorter month."""
    local = now.astimezone(SHANGHAI)
    year, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day)
