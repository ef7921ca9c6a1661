"""A plain one-sheet workbook as bytes: made in memory only, the same rows always give the same bytes.

The library's own `save` writes each sheet into a temporary file in the clear and dates the archive, and it
prints numbers as ``%.16g``, which makes 8.199999999999999 of 8.20 (ICBC refuses a hidden third decimal). So
the writer is given a buffer, and amounts are handed over as the very text that should stand in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

if TYPE_CHECKING:
    from _typeshed import SizedBuffer

TEXT, AMOUNT = "@", "0.00"
"""Number formats of text cells and of amounts (ECMA-376 part 1, 18.8.30)."""


def make(rows: Iterable[Sequence[str | Decimal | None]], *, sheet: str, made: date) -> bytes:
    """Write rows of text and amounts.

    Args:
        rows: text stays text whatever it looks like; a Decimal becomes a number with two decimals; None
            stays empty.
        sheet: name of the one sheet.
        made: stands in the file's properties.
    """
    book = Workbook()
    at = datetime(made.year, made.month, made.day)  # noqa: DTZ001 - the format has no time zone
    book.properties.creator, book.properties.created, book.properties.modified = "Chorus", at, at
    page = book.active
    assert isinstance(page, Worksheet)  # noqa: S101 - a new book has one sheet
    page.title = sheet
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            if value is not None:
                _fill(page.cell(number, column), value)
    buffer = BytesIO()
    with _Undated(buffer, "w", ZIP_DEFLATED) as archive:
        _InMemory(book, archive).write_data()
    return buffer.getvalue()


def _fill(cell: Any, value: str | Decimal) -> None:
    if isinstance(value, Decimal):
        cell.value, cell.data_type, cell.number_format = f"{value:.2f}", "n", AMOUNT
    else:
        # Whatever it begins with: the library would take "=…" for a formula.
        cell.value, cell.data_type, cell.number_format = value, "s", TEXT


class _InMemory(ExcelWriter):
    def __init__(self, workbook: Workbook, archive: ZipFile) -> None:
        super().__init__(workbook, archive)
        self._pages = archive

    def write_worksheet(self, ws: Worksheet) -> None:
        out = BytesIO()
        WorksheetWriter(ws, out).write()
        self._pages.writestr(ws.path[1:], out.getvalue())
        self.manifest.append(ws)


class _Undated(ZipFile):
    def writestr(
        self,
        zinfo_or_arcname: str | ZipInfo,
        data: SizedBuffer | str,
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        info = ZipInfo(str(zinfo_or_arcname))  # dated 1980-01-01, the format's zero
        info.compress_type = ZIP_DEFLATED
        super().writestr(info, data, compress_type, compresslevel)
