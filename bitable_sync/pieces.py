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
    """
    spec, last = mirror.specs.table(table), ""
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
