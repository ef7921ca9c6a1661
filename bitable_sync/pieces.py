"""A whole table of the mirror in pieces, for looking through large ones column by column."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from bitable_sync.mirror import ROWS, Mirror
from runtime import fastjson


def pieces(mirror: Mirror, table: str, size: int) -> Iterator[list[dict[str, Any]]]:
    """All rows in pieces of at most ``size``, as they are kept: read shape by field key.

    Each piece is a read of its own, so that no transaction stands open for long and no more than a piece is
    held; a row that changes meanwhile is seen as it was or as it is.

    The database joins the rows of a piece into one text: fetched one by one each row would give up the
    interpreter, and beside busy threads getting it back takes far longer than the reading.
    """
    spec, last = mirror.specs.table(table), ""
    if not spec.private:
        yield from _joined(mirror, table, size)
        return
    query = sa.select(ROWS.c.record_id, ROWS.c.data).where(ROWS.c.table_key == table)
    query = query.order_by(ROWS.c.record_id).limit(size)
    while True:
        with mirror.db.read() as conn:
            rows = conn.execute(query.where(ROWS.c.record_id > last)).all()
        if rows:
            last = rows[-1].record_id
            yield [fastjson.loads(mirror.seal.open(spec, rid, data)) for rid, data in rows]
        if len(rows) < size:
            return


def _joined(mirror: Mirror, table: str, size: int) -> Iterator[list[dict[str, Any]]]:
    last, more = "", True
    while more:
        part = (
            sa.select(ROWS.c.record_id, ROWS.c.data)
            .where(ROWS.c.table_key == table, ROWS.c.record_id > last)
            .order_by(ROWS.c.record_id)
            .limit(size)
            .subquery()
        )
        query = sa.select(sa.func.max(part.c.record_id), sa.func.aggregate_strings(part.c.data, ","))
        with mirror.db.read() as conn:
            end, joined = conn.execute(query).one()
        if end is None:
            return
        last, found = end, fastjson.loads(f"[{joined}]")
        yield found
        more = len(found) == size
