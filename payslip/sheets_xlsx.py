"""Reading .xlsx: first a look at the structure (hidden, merged, too long), then the values.

The structure is read as a stream with entities and document types forbidden; openpyxl, which uses defusedxml,
reads the values without keeping the sheet in memory.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Context, Decimal
from typing import Any
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

import openpyxl
from defusedxml.sax import parse
from openpyxl.utils import get_column_letter

from payslip.sheets import (
    ERROR,
    FORMULA,
    MOST_COLUMNS,
    MOST_ROWS,
    Bad,
    Fault,
    Sheet,
    SheetRefused,
    Value,
    assemble,
    check_zip,
    refused,
)

FIFTEEN = Context(prec=15)
"""A spreadsheet keeps 15 digits; what a binary fraction adds behind them nobody typed."""
SHOWN_AT_MOST = 10

_WORKSHEET = re.compile(r"xl/worksheets/[^/]+\.xml")


def read_xlsx(name: str, data: bytes) -> Sheet:
    """Read the one visible sheet of a workbook.

    Raises:
        SheetRefused: damaged, several or hidden sheets, hidden rows or columns, merged cells, too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_zip(name, archive)
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
            try:
                title = _only_sheet(name, book)
                faults = _structure(title, archive)
                if faults:
                    raise SheetRefused(faults)
                return assemble(name, title, _rows(book[title]))
            finally:
                book.close()
    except SheetRefused:
        raise
    except Exception:  # noqa: BLE001 - a damaged file fails in many ways, and none of them may show its content
        raise refused(name, "已损坏，打不开；请用 Excel 或 WPS 打开后另存为 .xlsx") from None


def _only_sheet(name: str, book: Any) -> str:
    hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]
    shown = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
    faults = [Fault(name, None, "", f"有隐藏的工作表“{title}”，请取消隐藏后删除") for title in hidden]
    if len(shown) > 1:
        listed = "、".join(f"“{title}”" for title in shown[:SHOWN_AT_MOST])
        faults.append(Fault(name, None, "", f"有 {len(shown)} 张工作表（{listed}），请只保留要导入的一张"))
    if not shown and not hidden:
        faults.append(Fault(name, None, "", "没有工作表"))
    if faults:
        raise SheetRefused(faults)
    return str(shown[0])


class _TooLongError(Exception):
    """The sheet has more rows or columns than are read."""


class _Structure(ContentHandler):
    """Notes what a list must not have."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_rows: list[int] = []
        self.hidden_columns: list[str] = []
        self.merged: list[str] = []
        self._row = 0
        self._cells = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the parser's name for it
        tag = name.rpartition(":")[2]
        if tag == "c":
            self._cells += 1
            if self._cells > MOST_COLUMNS * 10:
                raise _TooLongError
        elif tag == "row":
            self._row = int(attrs.get("r", str(self._row + 1)))
            self._cells = 0
            if self._row > MOST_ROWS * 2:
                raise _TooLongError
            if attrs.get("hidden") in {"1", "true"}:
                self.hidden_rows.append(self._row)
        elif tag == "col" and attrs.get("hidden") in {"1", "true"}:
            first, last = (get_column_letter(int(attrs[key])) for key in ("min", "max"))
            self.hidden_columns.append(first if first == last else f"{first}–{last}")
        elif tag == "mergeCell":
            self.merged.append(attrs.get("ref", ""))


def _structure(title: str, archive: zipfile.ZipFile) -> list[Fault]:
    """Everything in the worksheet that makes it more than a list."""
    parts = [part for part in archive.namelist() if _WORKSHEET.fullmatch(part)]
    seen = _Structure()
    for part in parts:
        with archive.open(part) as stream:
            try:
                parse(stream, seen, forbid_dtd=True)
            except _TooLongError:
                raise refused(
                    title, f"超过 {MOST_ROWS:,} 行或列过多，请删掉空白区域，或分成几个文件"
                ) from None
    faults = []
    if seen.hidden_rows:
        numbers = "、".join(str(number) for number in seen.hidden_rows[:SHOWN_AT_MOST])
        more = f"等 {len(seen.hidden_rows)} 行" if len(seen.hidden_rows) > SHOWN_AT_MOST else "行"
        faults.append(Fault(title, None, "", f"第 {numbers} {more}被隐藏或筛选掉，请取消隐藏和筛选"))
    if seen.hidden_columns:
        columns = "、".join(seen.hidden_columns[:SHOWN_AT_MOST])
        faults.append(Fault(title, None, "", f"{columns} 列被隐藏，请取消隐藏或删除"))
    faults += [
        Fault(title, None, "", f"{place} 是合并单元格，请取消合并并填满每一格")
        for place in sorted(seen.merged)[:SHOWN_AT_MOST]
    ]
    if len(seen.merged) > SHOWN_AT_MOST:
        faults.append(Fault(title, None, "", f"共有 {len(seen.merged)} 处合并单元格"))
    return faults


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[Value]]]:
    # The stated dimensions may be wrong; without them openpyxl reads what is there.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, [_value(cell) for cell in cells]


def _value(cell: Any) -> Value:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "f":
        return FORMULA
    if cell.data_type == "e":
        return ERROR
    if isinstance(value, bool | str | datetime | date):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, time):
        return Bad("是时间，请改成数字或文字")
    return Bad("内容看不懂，请改成文字、数字或日期")


def _decimal(value: float) -> Value:
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return ERROR
    if exact == exact.to_integral_value() and abs(exact) >= 10**15:
        return exact  # a long number, most likely an account: judged where the column is known
    return FIFTEEN.plus(exact).normalize(FIFTEEN)
