"""A table of the mirror in pieces: every row once, also when there is exactly a piece of them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bitable_sync import pieces as module
from bitable_sync.mirror import Mirror
from bitable_sync.pieces import pieces
from bitable_sync.spec import FieldSpec, Kind, Specs, TableSpec
from runtime.clock import SystemClock
from runtime.db import open_mirror

TABLE = TableSpec(
    "t",
    "表",
    (
        FieldSpec("sku", "编码", Kind.TEXT),
        FieldSpec("qty", "库存", Kind.NUMBER),
        FieldSpec("name", "名称", Kind.TEXT),
    ),
    ("sku",),
)
OTHER = TableSpec("u", "别的表", TABLE.fields, ("sku",))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 7])
def test_every_row_comes_once_in_pieces_of_the_size(database_url: str, count: int) -> None:
    """Rows of another table stay out; the pieces are full but for the last."""
    db = open_mirror(database_url)
    mirror = Mirror(db, Specs((TABLE, OTHER)), clock=SystemClock())
    for table in ("t", "u"):
        rows = {f"rec{n}": {"sku": f"{table}{n}", "qty": Decimal(n)} for n in range(count)}
        mirror.put(table, rows, seen_at=datetime(2026, 3, 2, tzinfo=UTC))
    found = list(pieces(mirror, "t", 3))
    assert [raw for piece in found for raw in piece] == [{"sku": f"t{n}", "qty": n} for n in range(count)]
    assert all(len(piece) == 3 for piece in found[:-1])
    db.close()


def test_a_piece_is_made_of_as_many_reads_as_it_takes(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts of two rows, pieces of five: every row once and in order."""
    monkeypatch.setattr(module, "AT_ONCE", 2)
    db = open_mirror(database_url)
    mirror = Mirror(db, Specs((TABLE, OTHER)), clock=SystemClock())
    rows = {f"rec{n:02}": {"sku": f"t{n}", "qty": Decimal(n)} for n in range(13)}
    mirror.put("t", rows, seen_at=datetime(2026, 3, 2, tzinfo=UTC))
    found = list(pieces(mirror, "t", 5, ["qty"]))
    assert [len(piece) for piece in found] == [5, 5, 3]
    assert [raw["qty"] for piece in found for raw in piece] == list(range(13))
    db.close()


@pytest.mark.parametrize("keys", [["name"], ["qty", "name"], ["sku", "qty", "sku"], ["qty", "none"]])
def test_the_cells_asked_for_come_as_they_are_kept(database_url: str, keys: list[str]) -> None:
    """Any text, numbers as they were written, and nothing for a cell that is empty or of no column."""
    db = open_mirror(database_url)
    mirror = Mirror(db, Specs((TABLE, OTHER)), clock=SystemClock())
    texts = ['"引号" \\ 和\n换行', "零\x00字符", "半个\ud83d", "，[{", ""]
    numbers = [Decimal("1.10"), Decimal("-0.003"), Decimal("12345678901234.5"), Decimal(0), Decimal(7)]
    rows = {
        f"rec{n}": {"sku": f"t{n}", "name": text, "qty": number}
        for n, (text, number) in enumerate(zip(texts, numbers, strict=True))
    }
    mirror.put("t", rows, seen_at=datetime(2026, 3, 2, tzinfo=UTC))
    (whole,) = pieces(mirror, "t", 9)
    (some,) = pieces(mirror, "t", 9, keys)
    assert [{key: raw.get(key) for key in keys} for raw in some] == [
        {key: raw.get(key) for key in keys} for raw in whole
    ]
    assert database_url.startswith("postgresql") or set(some[0]) == set(keys), "no more than that is read"
    db.close()


def test_a_key_that_no_database_takes_is_kept_readable(database_url: str) -> None:
    """A zero character or a cut emoji in a SKU does not keep the whole table out of the mirror."""
    db = open_mirror(database_url)
    mirror = Mirror(db, Specs((TABLE, OTHER)), clock=SystemClock())
    raw = {"rec1": {"sku": [{"type": "text", "text": "A\x001"}], "qty": 5}, "rec2": {"sku": "B\ud83d"}}
    mirror.put_raw("t", raw, seen_at=datetime(2026, 3, 2, tzinfo=UTC))
    assert set(mirror.by_keys("t", ["A\ufffd1", "B\ufffd"])) == {"A\ufffd1", "B\ufffd"}
    db.close()
