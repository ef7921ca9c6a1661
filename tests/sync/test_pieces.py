"""A table of the mirror in pieces: every row once, also when there is exactly a piece of them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bitable_sync.mirror import Mirror
from bitable_sync.pieces import pieces
from bitable_sync.spec import FieldSpec, Kind, Specs, TableSpec
from runtime.clock import SystemClock
from runtime.db import open_mirror

TABLE = TableSpec(
    "t", "表", (FieldSpec("sku", "编码", Kind.TEXT), FieldSpec("qty", "库存", Kind.NUMBER)), ("sku",)
)
OTHER = TableSpec("u", "别的表", TABLE.fields, ("sku",))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 7])
def test_every_row_comes_once_in_pieces_of_the_size(tmp_path: Path, count: int) -> None:
    """Rows of another table stay out; the pieces are full but for the last."""
    db = open_mirror(f"sqlite:///{tmp_path / 'mirror.db'}")
    mirror = Mirror(db, Specs((TABLE, OTHER)), clock=SystemClock())
    for table in ("t", "u"):
        rows = {f"rec{n}": {"sku": f"{table}{n}", "qty": Decimal(n)} for n in range(count)}
        mirror.put(table, rows, seen_at=datetime(2026, 3, 2, tzinfo=UTC))
    found = list(pieces(mirror, "t", 3))
    assert [raw for piece in found for raw in piece] == [{"sku": f"t{n}", "qty": n} for n in range(count)]
    assert all(len(piece) == 3 for piece in found[:-1])
    db.close()
