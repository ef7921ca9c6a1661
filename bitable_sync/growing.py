"""Columns added to tables at run time, because people define them (薪资结构): durable, bound as others are.

The spec in code says which tables grow; the further columns stand in ``bitable_columns`` and are read with
every look at the table's spec, so that every process sees a new column at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.spec import FieldSpec, Kind
from bitable_sync.tables import COLUMNS
from runtime.db import Database


class Grown:
    """The further columns of the tables of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[str, tuple[Sequence[sa.Row[Any]], tuple[FieldSpec, ...]]] = {}

    def fields(self, table_key: str) -> tuple[FieldSpec, ...]:
        """The further columns of a table, in the order they were given."""
        with self._db.read() as conn:
            return self.fields_in(conn, table_key)

    def fields_in(self, conn: Connection, table_key: str) -> tuple[FieldSpec, ...]:
        """The same as `fields`, as the caller's transaction sees them; the same object while none changes."""
        query = sa.select(COLUMNS).where(COLUMNS.c.table_key == table_key).order_by(COLUMNS.c.position)
        rows, known = conn.execute(query).all(), self._known.get(table_key)
        if known is None or known[0] != rows:
            known = self._known[table_key] = rows, tuple(map(_field, rows))
        return known[1]

    def replace(self, conn: Connection, table_key: str, fields: Sequence[FieldSpec]) -> None:
        """Let these be the further columns of a table.

        A column that is left out stays in Feishu with its cells, and bound; it is only no longer looked at.

        Args:
            conn: the caller's transaction.
            table_key: a table whose spec says that it grows.
            fields: keys and names must be free in that table; what a formula refers to comes before it.
        """
        conn.execute(sa.delete(COLUMNS).where(COLUMNS.c.table_key == table_key))
        rows = [
            {"table_key": table_key, "field_key": f.key, "name": f.name, "kind": f.kind.value, "position": at,
             "formatter": f.formatter, "formula": f.formula, "description": f.description}
            for at, f in enumerate(fields)
        ]  # fmt: skip
        if rows:
            conn.execute(sa.insert(COLUMNS), rows)


def _field(row: sa.Row[Any]) -> FieldSpec:
    return FieldSpec(
        row.field_key, row.name, Kind(row.kind), formatter=row.formatter, formula=row.formula,
        description=row.description,
    )  # fmt: skip
