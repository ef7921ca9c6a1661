"""All durable tables as lines of JSON and back, the same way on both databases.

Tables are taken as the database describes them, the engine's own among them, so a backup needs neither the
database's tools nor a list of tables kept by hand. What `migrate` makes by itself is left out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from runtime.db import mirror_metadata

MADE: Final = frozenset({"alembic_version", "schema_stamp", "dbos_migrations"})
"""Written by `migrate`, which runs before rows are put in."""

ENGINE_SCHEMA: Final = "dbos"
PART: Final = 1 << 20
"""About so many bytes of lines are one part."""


def durable_tables(conn: Connection) -> list[sa.Table]:
    """The tables of the product and its engine, referred ones first, typed so that values survive."""
    found = sa.MetaData()
    sqlite = conn.dialect.name == "sqlite"
    for schema in (None,) if sqlite else (None, ENGINE_SCHEMA):
        found.reflect(conn, schema=schema)
    left_out = MADE | set(mirror_metadata.tables)
    tables = [table for table in found.sorted_tables if table.name not in left_out]
    for column in (column for table in tables for column in table.columns):
        if sqlite:
            column.type = sa.types.NullType()  # as it lies in the file
        elif isinstance(column.type, JSONB | sa.JSON):
            column.type = JSONB(none_as_null=True)
    return tables


def lines_of(conn: Connection, table: sa.Table) -> Iterator[tuple[bytes, int]]:
    """A table in parts, each with its number of rows; a part begins with the line of column names."""
    head = _line([column.name for column in table.columns])
    json_at = {at for at, column in enumerate(table.columns) if isinstance(column.type, JSONB)}
    part, rows = [head], 0
    size = 0
    for row in conn.execute(sa.select(table).execution_options(yield_per=1000)):
        line = _line([_plain(value, at in json_at) for at, value in enumerate(row)])
        part.append(line)
        rows, size = rows + 1, size + len(line)
        if size >= PART:
            yield b"".join(part), rows
            part, rows, size = [head], 0, 0
    if rows:
        yield b"".join(part), rows


def put_lines(conn: Connection, table: sa.Table, part: bytes) -> int:
    """Put the rows of a part into a table; how many."""
    names, *rows = (json.loads(line) for line in part.splitlines())
    values = [dict(zip(names, map(_value, row), strict=True)) for row in rows]
    if values:
        conn.execute(table.insert(), values)
    return len(values)


def set_counters(conn: Connection, tables: Sequence[sa.Table]) -> None:
    """Let numbers given by the database go on after the highest; SQLite does so by itself."""
    if conn.dialect.name == "sqlite":
        return
    for table in tables:
        for column in table.primary_key.columns:
            name = sa.func.pg_get_serial_sequence(table.fullname, column.name)
            if conn.execute(sa.select(name)).scalar() is not None:
                highest = sa.select(sa.func.max(column)).scalar_subquery()
                conn.execute(sa.select(sa.func.setval(name, sa.func.coalesce(highest, 1))))


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any, is_json: bool) -> Any:
    """A value as JSON; what JSON has no word for is an object that names its type."""
    if value is None or (isinstance(value, str | int | float) and not is_json):
        return value
    if is_json:
        return {"json": value}
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"number": str(value)}
    return {"bytes": base64.b64encode(bytes(value)).decode()}


def _value(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return plain
    ((kind, value),) = plain.items()
    return _READ[kind](value)


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "json": lambda value: value,
    "moment": datetime.fromisoformat,
    "date": date.fromisoformat,
    "number": Decimal,
    "bytes": base64.b64decode,
}
