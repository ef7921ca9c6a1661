"""Reading a file that people send: Excel (.xlsx) or CSV, with everything refused that could be read wrongly.

A file is a plain list: one visible sheet, column names in the first row, one row a line, values and no
formulas. What is hidden, merged or computed is refused with its place, for nobody would notice what was taken
from it. Sizes are checked before anything is unpacked.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from runtime.archive import Trouble, trouble
from runtime.errors import PermanentError

LARGEST_FILE = 20 * 1024 * 1024
"""Bytes."""
MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_FAULTS = 200
LONGEST_HEADER = 100
"""Signs of a column's name; comparing names takes time that grows with the square of their length."""

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a file, and where.

    Attributes:
        sheet: name of the sheet, or of the file.
        row: number of the row as the spreadsheet shows it; None = not about one row.
        column: name of the column; empty = not about one column.
        sentence: what is wrong and what to do. Never repeats an amount or an account.
    """

    sheet: str
    row: int | None
    column: str
    sentence: str

    def __str__(self) -> str:
        place = f"“{self.sheet}”" if self.sheet else ""
        place += f"第 {self.row} 行" if self.row is not None else ""
        place += f"“{self.column}”" if self.column else ""
        return f"{place}：{self.sentence}" if place else self.sentence


class SheetRefused(PermanentError):  # noqa: N818 - it names what happened to the file
    """A file that is not read; ``faults`` says everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("；".join(str(fault) for fault in faults[:MOST_FAULTS]))
        self.faults = tuple(faults[:MOST_FAULTS])


@dataclass(frozen=True, slots=True)
class Bad:
    """A cell whose content is never used: a formula or an error value; ``sentence`` says what to do."""

    sentence: str


FORMULA = Bad("是公式，请选中后“粘贴为数值”再上传")
ERROR = Bad("是错误值（如 #N/A），请改正")

Value: TypeAlias = str | Decimal | datetime | date | bool | Bad | None
"""What stands in a cell; text as typed, numbers exact to the 15 digits a spreadsheet keeps."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row with at least one filled cell. ``number`` as the spreadsheet shows it."""

    number: int
    cells: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list as read.

    Attributes:
        file: the file's name.
        title: the sheet's name; the file's for CSV.
        headers: the column names as written.
        header_row: their row.
        rows: all filled rows below.
    """

    file: str
    title: str
    headers: tuple[str, ...]
    header_row: int
    rows: tuple[SheetRow, ...]


def read_file(name: str, data: bytes) -> Sheet:
    """Read a file.

    Args:
        name: as people call it; shown in sentences and kept as the source.
        data: its bytes.

    Raises:
        SheetRefused: everything that is wrong with it, with places. Nothing of it may be used.
    """
    if not data:
        raise refused(name, "是空文件，请重新导出")
    if len(data) > LARGEST_FILE:
        limit = LARGEST_FILE // 1024 // 1024
        raise refused(name, f"超过 {limit} MB，请只保留要导入的列和行，或分成几个文件")
    if data.startswith(OLE):
        raise refused(name, "是旧版 .xls，或加了密码；请去掉密码并另存为 .xlsx")
    if data.startswith(ZIP):
        from payslip.sheets_xlsx import read_xlsx  # noqa: PLC0415 - openpyxl takes long to import

        return read_xlsx(name, data)
    if name.lower().endswith((".xlsx", ".xlsm", ".xls")):
        raise refused(name, "已损坏，或不是 Excel 文件；请用 Excel 或 WPS 打开后另存为 .xlsx")
    return read_csv(name, data)


def refused(sheet: str, sentence: str, row: int | None = None, column: str = "") -> SheetRefused:
    """A refusal for one reason."""
    return SheetRefused([Fault(sheet, row, column, sentence)])


TROUBLES = {
    Trouble.LARGE: "解开后过大，不像一份名单；请把内容复制到新文件再上传",
    Trouble.SEALED: "加了密码，请去掉密码再上传",
    Trouble.MACROS: "含有宏，请另存为不含宏的 .xlsx",
}


def check_zip(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse an archive that would unpack to too much, is encrypted, or has macros.

    Raises:
        SheetRefused: see `runtime.archive.trouble`.
    """
    found = trouble(archive)
    if found is not None:
        raise refused(name, TROUBLES[found])


def assemble(name: str, title: str, rows: Iterator[tuple[int, Sequence[Value]]]) -> Sheet:
    """Take the first filled row as column names and the filled rows below.

    Raises:
        SheetRefused: no rows, no names, too many rows or columns, content beside the named columns.
    """
    header: SheetRow | None = None
    found: list[SheetRow] = []
    faults: list[Fault] = []
    for number, cells in rows:
        filled = trimmed(cells)
        if not filled:
            continue
        if header is None:
            header = SheetRow(number, filled)
            if len(filled) > MOST_COLUMNS:
                raise refused(title, f"有超过 {MOST_COLUMNS} 列，请只保留要导入的列")
            continue
        if len(filled) > len(header.cells):
            faults.append(Fault(title, number, "", "内容超出了有列名的范围，请补列名或删掉多余的单元格"))
        if len(found) >= MOST_ROWS:
            raise refused(title, f"超过 {MOST_ROWS:,} 行，请分成几个文件")
        found.append(SheetRow(number, (*filled, *[None] * (len(header.cells) - len(filled)))))
    if header is None:
        raise refused(title, "是空表，没有列名也没有数据")
    names = [cell if isinstance(cell, str) else "" for cell in header.cells]
    faults += [
        Fault(title, header.number, f"第 {place} 列", "列名是空的或不是文字；第一行应是列名")
        for place, text in enumerate(names, 1)
        if not text.strip()
    ]
    faults += [
        Fault(title, header.number, f"第 {place} 列", f"列名超过 {LONGEST_HEADER} 字，请改短")
        for place, text in enumerate(names, 1)
        if len(text) > LONGEST_HEADER
    ]
    if not found:
        faults.append(Fault(title, None, "", "只有列名，没有数据"))
    if faults:
        raise SheetRefused(faults)
    return Sheet(name, title, tuple(names), header.number, tuple(found))


def trimmed(cells: Sequence[Value]) -> tuple[Value, ...]:
    """The cells without the empty ones at the end; blanks alone are empty."""
    values = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
    while values and values[-1] is None:
        values.pop()
    return tuple(values)


def read_csv(name: str, data: bytes) -> Sheet:
    """A text file of commas, semicolons or tabs, in UTF-8, UTF-16 with a mark, or GBK; every cell is text.

    Raises:
        SheetRefused: not text, an unknown encoding, or see `assemble`.
    """
    text = decoded(name, data)
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)

    def rows() -> Iterator[tuple[int, Sequence[Value]]]:
        line = 1
        try:
            for cells in reader:
                yield line, cells
                line = reader.line_num + 1
        except csv.Error:
            raise refused(name, "引号没有成对，或一格太长，请检查这一行", line) from None

    return assemble(name, name, rows())


def decoded(name: str, data: bytes) -> str:
    """The text of a file.

    Raises:
        SheetRefused: it is not text in a known encoding.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in data:
        raise refused(name, "不是文本文件；请上传 .xlsx 或 .csv")
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refused(name, "编码认不出来；请另存为“CSV UTF-8”或 .xlsx")
