"""A whole table of the mirror in pieces, for looking through large ones column by column."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from bitable_sync.mirror import ROWS, Mirror
from runtime import fastjson

T = TypeVar("T")
AT_ONCE = 256
"""Rows joined into one text: a millisecond or less to read."""


def pieces(
    mirror: Mirror, table: str, size: int, keys: Sequence[str] | None = None, *, share: float = 1.0
) -> Iterator[list[dict[str, Any]]]:
    """All rows in pieces of at most ``size``, as they are kept: read shape by field key.

    Pieces are read bit by bit, so that no transaction stands open for long and no more than a piece is held;
    a row that changes meanwhile is seen as it was or as it is.

    The database picks the cells and joins rows into one text: fetched one by one each row would give up the
    interpreter, and beside busy threads getting it back takes far longer than the reading. `AT_ONCE` of them,
    not all of a piece: reading a text keeps all other threads from running, and edits wait meanwhile.

    Args:
        mirror: where the rows are.
        table: key of the table.
        size: rows of a piece, the last one's excepted.
        keys: the cells that are needed; others may come as well.
        share: how much of a processor the caller's thread takes with reading and with what it makes of it;
            less than 1 leaves the interpreter to threads for which somebody waits.
    """
    if mirror.specs.table(table).private:
        parts = _sealed(mirror, table)
    elif keys is None or mirror.db.dialect != "sqlite":
        parts = _joined(mirror, table, None)  # PostgreSQL refuses to look into a text with a cut emoji
    else:
        parts = _joined(mirror, table, _several(keys))
    piece = list[dict[str, Any]]()
    for part in _leisurely(parts, share):
        piece += part
        while len(piece) >= size:
            yield piece[:size]
            piece = piece[size:]
    if piece:
        yield piece


def _leisurely(parts: Iterator[T], share: float) -> Iterator[T]:
    """Rest after each part, so long that the thread computes for this share of the time."""
    before = time.thread_time()
    for part in parts:
        yield part
        time.sleep((time.thread_time() - before) * (1 / share - 1))
        before = time.thread_time()


def _several(keys: Sequence[str]) -> list[str]:
    """Each key once, but two at least: of a single one SQLite gives the value instead of an array."""
    once = list(dict.fromkeys(keys))
    return once if len(once) > 1 else once * 2


def _sealed(mirror: Mirror, table: str) -> Iterator[list[dict[str, Any]]]:
    spec, last = mirror.specs.table(table), ""
    query = sa.select(ROWS.c.record_id, ROWS.c.data).where(ROWS.c.table_key == table)
    query = query.order_by(ROWS.c.record_id).limit(AT_ONCE)
    more = True
    while more:
        with mirror.db.read() as conn:
            rows = conn.execute(query.where(ROWS.c.record_id > last)).all()
        yield [fastjson.loads(mirror.seal.open(spec, rid, data)) for rid, data in rows]
        last, more = rows[-1].record_id if rows else last, len(rows) == AT_ONCE


def _joined(mirror: Mirror, table: str, keys: list[str] | None) -> Iterator[list[dict[str, Any]]]:
    cells: sa.ColumnElement[str] = ROWS.c.data
    if keys is not None:
        cells = sa.func.json_extract(ROWS.c.data, *(f'$."{key}"' for key in keys))
    last, more = "", True
    while more:
        part = (
            sa.select(ROWS.c.record_id, cells.label("cells"))
            .where(ROWS.c.table_key == table, ROWS.c.record_id > last)
            .order_by(ROWS.c.record_id)
            .limit(AT_ONCE)
            .subquery()
        )
        query = sa.select(sa.func.max(part.c.record_id), sa.func.aggregate_strings(part.c.cells, ","))
        with mirror.db.read() as conn:
            end, joined = conn.execute(query).one()
        found = [] if end is None else fastjson.loads(f"[{joined}]")
        yield found if keys is None else [dict(zip(keys, row, strict=True)) for row in found]
        last, more = end, len(found) == AT_ONCE
