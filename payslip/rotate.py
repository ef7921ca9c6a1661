"""Key rotation: every data key wrapped anew by the present key-encryption key; no content is touched.

The columns are found by name (``sealed*`` in durable tables: pay, credentials of platforms), so a new table
is rotated without anybody remembering it. Rows of private Bitable tables in the mirror use a derived key,
which rotation leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bitable_sync.platforms import tables as platform_tables
from payslip import tables as pay_tables
from runtime.db import Database, metadata
from runtime.vault import CannotOpen, Sealed

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from runtime.vault import Vault

BATCH = 200
PREFIX = "sealed"

Progress = Callable[[int, int], None]
"""Told the values done and the values found at the beginning."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of sealed text."""

    table: sa.Table
    name: str

    @property
    def label(self) -> str:
        """``table.column``."""
        return f"{self.table.name}.{self.name}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did.

    Attributes:
        rotated: values wrapped anew by column.
        unreadable: where values stand that no key here opens, e.g. ``pay_slips 2026-10.1 E001``.
    """

    rotated: Mapping[str, int]
    unreadable: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True when the old keys are needed no longer."""
        return not self.unreadable


@dataclass(slots=True)
class _Tally:
    total: int
    progress: Progress | None
    rotated: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, None] = field(default_factory=dict)
    done: int = 0

    def step(self, column: Column, changed: int, seen: int) -> None:
        self.rotated[column.label] = self.rotated.get(column.label, 0) + changed
        self.done += seen
        if self.progress is not None:
            self.progress(min(self.done, self.total), self.total)


def columns() -> list[Column]:
    """Every sealed column of the durable tables."""
    for known in (pay_tables.runs, platform_tables.credentials):
        assert known.metadata is metadata  # noqa: S101 - importing them is what fills the metadata
    return [
        Column(table, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.startswith(PREFIX)
    ]


def rotate(db: Database, vault: Vault, *, batch: int = BATCH, progress: Progress | None = None) -> Rotation:
    """Wrap every data key that an older key wraps with the present one.

    Safe to stop and to run again: what is done is skipped. Values written meanwhile under an old key (by a
    process that still has the old ring) are found by another pass, until a pass finds nothing to do. The
    database is locked only while a batch is written.

    Args:
        db: the durable database.
        vault: its ring has the present key first, and the older ones.
        batch: rows a transaction.
        progress: told after each batch.

    Returns:
        Counts, and the places of values that cannot be opened; those stay as they are.
    """
    # The ring does not tell its present key; what it seals does.
    present = vault.seal(b"", ("rotate",)).key_id
    found = columns()
    with db.read() as conn:
        tally = _Tally(sum(_count(conn, column, present) for column in found), progress)
    while sum(_pass(db, vault, column, present, batch, tally) for column in found):
        pass
    return Rotation(tally.rotated, tuple(tally.unreadable))


def _pass(db: Database, vault: Vault, column: Column, present: str, batch: int, tally: _Tally) -> int:
    changed_in_all = 0
    for rows in _batches(db, column, present, batch):
        fresh = [(row, text) for row in rows if (text := _rewrapped(vault, column, row, tally)) is not None]
        with db.begin() as conn:
            changed = sum(_put(conn, column, row, text) for row, text in fresh)
        changed_in_all += changed
        tally.step(column, changed, len(rows))
    return changed_in_all


def _batches(db: Database, column: Column, present: str, size: int) -> Iterator[Sequence[Any]]:
    """Rows under other keys in the order of their primary key, each at most once a pass."""
    keys = list(column.table.primary_key)
    query = sa.select(*keys, column.table.c[column.name].label("sealed")).where(*_old(column, present))
    after: tuple[Any, ...] | None = None
    while True:
        part = query if after is None else query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, after)))
        with db.read() as conn:
            rows = conn.execute(part.order_by(*keys).limit(size)).all()
        if not rows:
            return
        yield rows
        after = tuple(rows[-1])[:-1]


def _rewrapped(vault: Vault, column: Column, row: Any, tally: _Tally) -> str | None:
    try:
        return vault.rewrap(Sealed.from_text(row.sealed)).to_text()
    except CannotOpen:
        tally.unreadable[" ".join([column.table.name, *map(str, tuple(row)[:-1])])] = None
        return None


def _put(conn: Connection, column: Column, row: Any, text: str) -> int:
    """Write it where the value is still the one read: a newer value, or a destroyed one, stays."""
    stored = column.table.c[column.name]
    same = [key == value for key, value in zip(column.table.primary_key, tuple(row)[:-1], strict=True)]
    done = conn.execute(column.table.update().where(*same, stored == row.sealed).values({column.name: text}))
    return done.rowcount


def _old(column: Column, present: str) -> tuple[sa.ColumnElement[bool], ...]:
    stored = column.table.c[column.name]
    # Key names are letters and digits, so none of them means anything to LIKE.
    return stored.is_not(None), stored != "", stored.not_like(f"1.{present}.%")


def _count(conn: Connection, column: Column, present: str) -> int:
    query = sa.select(sa.func.count()).select_from(column.table).where(*_old(column, present))
    return int(conn.execute(query).scalar_one())
