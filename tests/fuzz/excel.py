"""Files that people send: workbooks and CSV, changed as bytes, as XML inside the archive, and as cells."""

from __future__ import annotations

import io
import zipfile
from datetime import date, time
from functools import cache
from random import Random
from typing import Any

from bitable_sync.cells import EMPTY
from bitable_sync.spec import FieldSpec, Kind
from payslip.imports import IMPORTABLE, plan_import, read_file
from payslip.sheets import SheetRefused
from tests.fuzz import mutating
from tests.fuzz.runner import Target
from tests.payslip.imports_kit import AT, ATTENDANCE, EMPLOYEES, KNOWN, MONTH, NEW, SCORES, xlsx

TEXTS = {"no": "E001", "name": "王芳", "month": "2026-10", "start": "2026-01", "end": "2026-12",
         "declared": "2026-10", "refers": "2026-09", "through": "2026-09", "base_from": "2026-07",
         "account": "6214830000000000001"}  # fmt: skip
VALUES = {
    Kind.NUMBER: (10, 0.5, 8000, "1,000.00", "3天", "¥5"), Kind.PERCENT: ("5%", 0.08, 1.1),
    Kind.DATE: (date(2026, 10, 1), "2026/10/8", "2026年3月5日", 46000),
    Kind.CHECKBOX: ("是", "否", True, "Y"),
}  # fmt: skip
UNTYPED = {Kind.USER, Kind.DATETIME}
"""Columns no file fills."""


def header(kind: str) -> list[FieldSpec]:
    """The columns of a table that a file may fill."""
    fields = IMPORTABLE[kind].fields
    return [each for each in fields if each.kind not in UNTYPED and each.key not in {"source", "row"}]


def filled(rng: Random, each: FieldSpec) -> Any:
    """Something a person would write into a column."""
    if each.kind is Kind.SELECT:
        return rng.choice(each.options)
    return rng.choice(VALUES.get(each.kind, (TEXTS.get(each.key, "甲"),)))


def rows_of(rng: Random, kind: str) -> list[list[Any]]:
    """A sheet as people fill it: all columns or, mostly, those of the examples."""
    if kind in ROWS and rng.random() < 0.5:
        return [list(row) for row in ROWS[kind]]
    fields = header(kind)
    people = (("E001", "王芳"), ("E002", "李伟"), ("E003", "赵六"))[: rng.choice((1, 2, 3))]
    named = [{"no": no, "name": name} for no, name in people]
    body = [[who.get(each.key, filled(rng, each)) for each in fields] for who in named]
    return [[each.name for each in fields], *body]


def there(rng: Random, kind: str) -> list[dict[str, Any]]:
    """Rows the table has already; half of the time none."""
    if rng.random() < 0.5:
        return []
    spec = IMPORTABLE[kind]
    row: dict[str, Any] = {each.key: EMPTY for each in spec.fields}
    row |= {
        key: text for key, text in TEXTS.items() if key in spec.by_key and spec.by_key[key].kind is Kind.TEXT
    }
    row |= {"row": "1"} if "row" in spec.by_key else {}
    return [row]


ROWS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "绩效评分": (SCORES, ("E001", "王芳", "2026-10", 1.1), ("E002", "李伟", "2026-10", "0.9")),
    "考勤汇总": (ATTENDANCE, ("E001", "王芳", 22, 0, 0, 1, 0.5, 2, 0, 0, 0)),
    "员工": (EMPLOYEES, NEW),
}
XML_WORDS = (
    "<row>", "</row>", '<c r="ZZ99999" t="s"><v>9</v></c>', '<c t="s"><v>-1</v></c>', 'hidden="1"',
    '<mergeCell ref="A1:B2"/>',
    '<!DOCTYPE x [<!ENTITY a "aaaa">]>', "&a;", "<f>1+1</f>", 't="inlineStr"', 'r="1048577"', 's="99"',
    "<v>1e400</v>",
    '<col min="1" max="99999" hidden="1"/>', 't="d"', "<v>2026-13-45</v>", "xml:space", "]]>",
    "<is><t>x</t></is>",
)  # fmt: skip
ODD_CELLS: tuple[Any, ...] = (
    None, "", " ", "=1+1", "@SUM(A1)", "+1", "-1", "\tx", 1e300, -1, 0, 10**20, 1.0000000000001, True,
    date(1900, 1, 1),
    date(9999, 12, 31), "９", "2026-10", "2026年13月", "E001", "e001 ", "王芳", "王\n芳", "６２１４",
    "1,000", "(5)", "NaN", "无", "x" * 3000,
)  # fmt: skip


@cache
def workbook(kind: str) -> bytes:
    """A valid workbook of a table."""
    return xlsx(rows_of(Random(kind), kind))


def dressed(rng: Random) -> Any:
    """What people do to a workbook besides filling cells."""

    def change(book: Any, sheet: Any) -> None:
        kind = rng.randrange(8)
        if kind == 0:
            sheet.row_dimensions[2].hidden = True
        elif kind == 1:
            sheet.column_dimensions["B"].hidden = True
        elif kind == 2:
            sheet.merge_cells("A2:B3")
        elif kind == 3:
            book.create_sheet("另一张").sheet_state = rng.choice(("visible", "hidden"))
        elif kind == 4:
            sheet["C2"] = rng.choice(("=1+1", time(9, 30), "#REF!"))

    return change


Given = tuple[str, str, bytes, list[dict[str, Any]]]


def make(rng: Random) -> Given:
    """Table, name and bytes of a file, and the rows that are there."""
    kind = rng.choice((*ROWS, *IMPORTABLE, *IMPORTABLE)) if rng.random() < 0.99 else "工资表"
    name, data = _file(rng, kind if kind in IMPORTABLE else next(iter(ROWS)))
    return kind, name, data, there(rng, kind) if kind in IMPORTABLE else []


def _file(rng: Random, kind: str) -> tuple[str, bytes]:
    where = rng.randrange(8)
    if where == 0:
        return "十月.xlsx", mutating.raw(rng, workbook(kind))
    if where == 1:
        return "十月.xlsx", _inside(rng, workbook(kind))
    rows = rows_of(rng, kind)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice((*ODD_CELLS, *mutating.ODD_TEXTS[:2]))
    if where == 2:
        try:
            return "十月.xlsx", xlsx(rows, dressed(rng))
        except (ValueError, OverflowError):  # openpyxl writes no such thing
            return "十月.xlsx", workbook(kind)
    lines = "\r\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows)
    lines = (
        mutating.text(rng, lines, (",", '"', "\n", "\t", ";", "=cmd|' /C calc'!A0")) if where > 4 else lines
    )
    data = lines.encode(rng.choice(("utf-8", "utf-8-sig", "gb18030", "utf-16")), "replace")
    return "十月.csv", mutating.raw(rng, data) if where == 7 else data


def _inside(rng: Random, data: bytes) -> bytes:
    """One part of the archive changed, and packed again so that it fits."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        chosen = rng.choice([name for name in old.namelist() if name.endswith(".xml")])
        chosen = rng.choice((chosen, "xl/worksheets/sheet1.xml"))
        for name in old.namelist():
            content = old.read(name)
            if name == chosen:
                content = _xml(rng, content.decode()).encode("utf-8", "replace")
            new.writestr(name, content)
    return out.getvalue()


def _xml(rng: Random, content: str) -> str:
    """A word between two tags, where a parser goes on; or a change anywhere, where mostly it cannot."""
    if rng.random() < 0.3:
        return mutating.text(rng, content, XML_WORDS)
    pieces = content.split("><")
    at = rng.randrange(len(pieces))
    kind, word = rng.randrange(3), rng.choice(XML_WORDS)
    if kind == 0 and not word.startswith("<"):
        pieces[at] = f"{pieces[at]} {word}"  # an attribute
    elif kind == 1:
        pieces[at : at + 1] = [pieces[at]] * rng.choice((2, 40))
    else:
        pieces.insert(at, word.strip("<>"))
    return "><".join(pieces)


def run(given: Given) -> str:
    """Read the file and plan its import; refused in sentences or planned."""
    kind, name, data, existing = given
    try:
        sheet = read_file(name, data)
    except SheetRefused as refused:
        return "refused" if refused.faults else _silent()
    try:
        plan = plan_import(sheet, kind, MONTH, KNOWN, existing)
    except SheetRefused as refused:
        return "no such table" if refused.faults else _silent()
    assert not (plan.errors and plan.rows), "rows beside errors"
    if plan.ok:
        assert len(plan.stamped(AT)) == len(plan.rows)
    return "planned" if plan.ok else "errors"


def _silent() -> str:
    raise AssertionError("refused without a sentence")


assert set(ROWS) <= set(IMPORTABLE)
EXCEL = Target("excel", make, run, 30)
