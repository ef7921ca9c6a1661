"""Files that people send: workbooks and CSV, changed as bytes, as XML inside the archive, and as cells."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from functools import cache
from random import Random
from typing import Any

from payslip.imports import IMPORTABLE, plan_import, read_file
from payslip.sheets import SheetRefused
from tests.fuzz import mutating
from tests.fuzz.runner import Target
from tests.payslip.imports_kit import ATTENDANCE, EMPLOYEES, KNOWN, MONTH, NEW, SCORES, xlsx

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
    return xlsx(ROWS[kind])


def make(rng: Random) -> tuple[str, str, bytes]:
    """Table, name and bytes of a file."""
    kind = rng.choice(list(ROWS))
    where = rng.randrange(8)
    if where == 0:
        return kind, "十月.xlsx", mutating.raw(rng, workbook(kind))
    if where == 1:
        return kind, "十月.xlsx", _inside(rng, workbook(kind))
    rows = [list(row) for row in ROWS[kind]]
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice((*ODD_CELLS, *mutating.ODD_TEXTS[:2]))
    if where == 2:
        try:
            return kind, "十月.xlsx", xlsx(rows)
        except (ValueError, OverflowError):  # openpyxl writes no such thing
            return kind, "十月.xlsx", workbook(kind)
    lines = "\r\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows)
    lines = (
        mutating.text(rng, lines, (",", '"', "\n", "\t", ";", "=cmd|' /C calc'!A0")) if where > 4 else lines
    )
    data = lines.encode(rng.choice(("utf-8", "utf-8-sig", "gb18030", "utf-16")), "replace")
    return kind, "十月.csv", mutating.raw(rng, data) if where == 7 else data


def _inside(rng: Random, data: bytes) -> bytes:
    """One part of the archive changed, and packed again so that it fits."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        chosen = rng.choice([name for name in old.namelist() if name.endswith(".xml")])
        chosen = rng.choice((chosen, "xl/worksheets/sheet1.xml"))
        for name in old.namelist():
            content = old.read(name)
            if name == chosen:
                content = mutating.text(rng, content.decode(), XML_WORDS).encode("utf-8", "replace")
            new.writestr(name, content)
    return out.getvalue()


def run(given: tuple[str, str, bytes]) -> str:
    """Read the file and plan its import; refused in sentences or planned."""
    kind, name, data = given
    try:
        sheet = read_file(name, data)
    except SheetRefused as refused:
        return "refused" if refused.faults else _silent()
    plan = plan_import(sheet, kind, MONTH, KNOWN, ())
    assert not (plan.errors and plan.rows), "rows beside errors"
    return "planned" if plan.ok else "errors"


def _silent() -> str:
    raise AssertionError("refused without a sentence")


assert set(ROWS) <= set(IMPORTABLE)
EXCEL = Target("excel", make, run, 30)
