"""A file becomes rows of an input table: a plan that says everything that is wrong, then all or nothing.

Planning changes nothing, so it is the dry run as well. A plan with any error has no rows. The caller pushes
``plan.stamped(at)``; what stands in the table already and is the same is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.codecs import same
from bitable_sync.spec import FieldSpec, TableSpec
from payslip.collect_cells import BY_HAND, Cells, plain_name, read_month
from payslip.documents import EmployeeNo, Month
from payslip.imports_columns import (
    IMPORTABLE,
    KEYS,
    NEW_EMPLOYEE,
    REQUIRED,
    Columns,
    fields,
    find_columns,
)
from payslip.imports_values import Doubt, Wrong, read
from payslip.sheets import MOST_FAULTS, Fault, Sheet, SheetRefused, SheetRow, read_file
from payslip.specs import (
    COMMISSION_TABLE,
    DEDUCTIONS_TABLE,
    EMPLOYEES_TABLE,
)

__all__ = ["IMPORTABLE", "Change", "Fault", "ImportPlan", "Sheet", "SheetRefused", "plan_import", "read_file"]

Row = dict[str, CellValue]
Key = tuple[str, ...]
PRIVATE_FIGURES = ("base", "spend", "target", "pool", "coefficient", "clawback")
ACCOUNT = ("bank", "account", "holder")


@dataclass(frozen=True, slots=True)
class Change:
    """What a row of the file does to the table, without values. ``columns``: names of those that differ."""

    row: int
    no: EmployeeNo
    name: str
    new: bool
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do.

    Attributes:
        spec: the table.
        file: the file's name; becomes the source of the rows.
        rows: what is to be pushed; empty when there is any error.
        errors: everything that is wrong, by row.
        warnings: what somebody should read before applying.
        changes: what each row does.
        unchanged: rows of the file that stand in the table already.
        faults: how many errors there are, those that are not listed included.
    """

    spec: TableSpec
    file: str
    rows: tuple[Row, ...]
    errors: tuple[Fault, ...]
    warnings: tuple[str, ...]
    changes: tuple[Change, ...]
    unchanged: int
    faults: int

    @property
    def ok(self) -> bool:
        """Whether it may be applied."""
        return not self.errors

    @property
    def source(self) -> str:
        """What stands in 来源 afterwards."""
        return f"文件 {self.file}"

    def stamped(self, at: datetime) -> list[Row]:
        """The rows with source and time, ready to be pushed by their business key.

        Args:
            at: the moment of applying.

        Raises:
            SheetRefused: the plan has errors; nothing of it may be applied.
        """
        if self.errors:
            raise SheetRefused(self.errors)
        return [{**row, "source": self.source, "source_at": at} for row in self.rows]


def plan_import(
    sheet: Sheet,
    kind: str,
    month: Month,
    known: Mapping[EmployeeNo, str],
    existing: Iterable[Mapping[str, CellValue]],
    mapping: Mapping[str, str] | None = None,
) -> ImportPlan:
    """Plan an import; nothing is changed.

    Args:
        sheet: the file as read by `read_file`.
        kind: name of the table as people know it, one of `IMPORTABLE`.
        month: the month worked the file is for; a file that names another month is refused.
        known: every employee's name by number.
        existing: the rows of the table.
        mapping: by column key, what the file calls it, where names are not recognised.

    Raises:
        SheetRefused: no such table.
    """
    spec = IMPORTABLE.get(kind)
    if spec is None:
        sentence = f"不能导入“{kind}”，可以导入：{'、'.join(IMPORTABLE)}"
        raise SheetRefused([Fault("", None, "", sentence)])
    columns = find_columns(sheet, spec, mapping)
    if columns.faults:
        return _plan(sheet, spec, _Reading(sheet, spec, columns, month, known), [], [])
    reading = _Reading(sheet, spec, columns, month, known)
    read_rows = [found for row in sheet.rows if (found := reading.row(row)) is not None]
    reading.doubles(read_rows)
    table = _Existing(spec, existing)
    for number, row in read_rows:
        reading.complete(number, row, table)
    return _plan(sheet, spec, reading, *_compare(read_rows, table, reading))


def _plan(
    sheet: Sheet, spec: TableSpec, reading: _Reading, rows: list[Row], changes: list[Change]
) -> ImportPlan:
    errors = sorted([*reading.columns.faults, *reading.faults], key=lambda fault: fault.row or 0)
    count = len(errors)
    if count > MOST_FAULTS:
        rest = Fault(sheet.title, None, "", f"还有 {count - MOST_FAULTS} 处错误没有列出")
        errors = [*errors[:MOST_FAULTS], rest]
    warnings = [*reading.columns.warnings, *reading.warnings]
    return ImportPlan(
        spec,
        sheet.file,
        () if errors else tuple(rows),
        tuple(errors),
        tuple(dict.fromkeys(warnings)),
        tuple(changes),
        0 if errors else len(sheet.rows) - len(rows),
        count,
    )


@dataclass(slots=True)
class _Reading:
    """Rows of the file, read one after the other; faults and warnings grow."""

    sheet: Sheet
    spec: TableSpec
    columns: Columns
    month: Month
    known: Mapping[EmployeeNo, str]
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def say(self, row: int, key: str, sentence: str) -> None:
        """Note a fault in a cell, under the name the file has for the column."""
        column = self.columns.headers.get(key) or self.spec.by_key[key].name
        self.faults.append(Fault(self.sheet.title, row, column, sentence))

    def row(self, row: SheetRow) -> tuple[int, Row] | None:
        """One row's values by column key; None when something in it is wrong."""
        before = len(self.faults)
        values: Row = {}
        for each in fields(self.spec):
            value = self._cell(row, each) if each.key in self.columns.at else None
            if value is not None:
                values[each.key] = value
        for key in REQUIRED[self.spec.key]:
            if values.get(key) is EMPTY:
                self.say(row.number, key, "是空的，请填写")
        self._month(row.number, values)
        self._person(row.number, values)
        if self.spec is COMMISSION_TABLE and not any(
            values.get(key, EMPTY) is not EMPTY for key in PRIVATE_FIGURES
        ):
            self.say(row.number, "plan", "这一行没有任何数字，请填写或删除")
        return (row.number, values) if len(self.faults) == before else None

    def _cell(self, row: SheetRow, each: FieldSpec) -> CellValue | None:
        """The value of a cell; None when it is refused, which is noted."""
        found = read(row.cells[self.columns.at[each.key]], each)
        if isinstance(found, Wrong):
            self.say(row.number, each.key, found.sentence)
            return None
        if isinstance(found, Doubt):
            fault = Fault(self.sheet.title, row.number, self.columns.headers[each.key], found.sentence)
            self.warnings.append(str(fault))
            return found.value
        return found

    def _month(self, number: int, values: Row) -> None:
        """The month of the run: taken when the file has none, compared when it has one."""
        if "month" not in self.spec.by_key:
            return
        typed = values.get("month", EMPTY)
        if typed is EMPTY:
            values["month"] = self.month
        elif isinstance(typed, str) and typed != self.month:
            self.say(number, "month", f"是 {typed}，这次导入的是 {self.month}")

    def _person(self, number: int, values: Row) -> None:
        """Number and name must be somebody of 员工, and the same one."""
        no, name = values.get("no"), values.get("name", EMPTY)
        if not isinstance(no, str):
            return
        known = self.known.get(EmployeeNo(no))
        if known is None:
            if self.spec is not EMPLOYEES_TABLE:
                self.say(number, "no", f"{no} 在员工表中没有{self._hint(name)}")
            return
        if isinstance(name, str) and plain_name(name) != plain_name(known):
            self.say(number, "name", f"工号 {no} 在员工表中是{known}，不是{name}")
        if not isinstance(name, str):
            values["name"] = known

    def _hint(self, name: CellValue) -> str:
        if not isinstance(name, str):
            return ""
        same_name = sorted(no for no, known in self.known.items() if plain_name(known) == plain_name(name))
        return f"；{name}的工号是 {'、'.join(same_name)}" if same_name else ""

    def doubles(self, rows: Sequence[tuple[int, Row]]) -> None:
        """Two rows about the same thing: nobody can tell which is right."""
        seen: dict[Key, int] = {}
        for number, row in rows:
            key = _key(self.spec, row)
            if key in seen:
                self.say(number, "no", f"与第 {seen[key]} 行重复，请只留一行")
            else:
                seen[key] = number

    def complete(self, number: int, row: Row, table: _Existing) -> None:
        """What only a new row needs: an employee's basics, the month a declaration is known from."""
        new = table.find(row) is None
        if self.spec is EMPLOYEES_TABLE and new:
            for key in NEW_EMPLOYEE:
                if row.get(key, EMPTY) is EMPTY:
                    self.say(number, key, f"是空的，{row['no']} 是新员工，必须填写")
        if self.spec is DEDUCTIONS_TABLE:
            if new and row.get("declared", EMPTY) is EMPTY:
                row["declared"] = self.month
            start, end = row["start"], row.get("end", EMPTY)
            if isinstance(end, str) and isinstance(start, str) and end < start:
                self.say(number, "end", "早于扣除起月")


class _Existing:
    """The rows of the table by what identifies them, whatever way a month is spelled there."""

    def __init__(self, spec: TableSpec, rows: Iterable[Mapping[str, CellValue]]) -> None:
        self.spec = spec
        self._rows: dict[Key, Mapping[str, CellValue]] = {}
        self.numbers: set[str] = set()
        for values in rows:
            self._rows.setdefault(_key(spec, values), values)
            if isinstance(number := values.get("row"), str):
                self.numbers.add(number)

    def find(self, row: Mapping[str, CellValue]) -> Mapping[str, CellValue] | None:
        """The row of the table that a row of the file is about."""
        return self._rows.get(_key(self.spec, row))


def _key(spec: TableSpec, values: Mapping[str, CellValue]) -> Key:
    return tuple(_canonical(values.get(key, EMPTY)) for key in KEYS[spec.key])


def _canonical(value: CellValue) -> str:
    if not isinstance(value, str):
        return ""
    return read_month(value) or plain_name(value)


def _compare(
    rows: Sequence[tuple[int, Row]], table: _Existing, reading: _Reading
) -> tuple[list[Row], list[Change]]:
    wanted: list[Row] = []
    changes: list[Change] = []
    covered: dict[str, int] = {}
    accounts = 0
    for number, row in rows:
        old = table.find(row)
        # A column left empty in the file leaves the cell as it is: a file can add and change, not wipe.
        filled = {key: value for key, value in row.items() if value is not EMPTY}
        differing = [key for key, value in filled.items() if not _same(key, value, old)]
        if not differing:
            continue
        wanted.append({**filled, **_identity(table, row, old)})
        names = tuple(reading.spec.by_key[key].name for key in differing)
        no, name = EmployeeNo(str(row["no"])), str(row.get("name", ""))
        changes.append(Change(number, no, name, old is None, names))
        if old is not None:
            source = Cells(reading.spec, old).source().source if "source" in reading.spec.by_key else BY_HAND
            covered[source] = covered.get(source, 0) + 1
            accounts += any(key in ACCOUNT for key in differing)
    own = f"文件 {reading.sheet.file}"
    reading.warnings += [
        f"会改动 {count} 行来源为“{source}”的数据"
        for source, count in sorted(covered.items())
        if source != own
    ]
    if accounts:
        reading.warnings.append(f"{accounts} 人的收款账号有变化，发放前需要另一位财务确认")
    return wanted, changes


def _same(key: str, value: CellValue, old: Mapping[str, CellValue] | None) -> bool:
    if old is None:
        return False
    there = old.get(key, EMPTY)
    if isinstance(value, str) and isinstance(there, str):
        return _canonical(value) == _canonical(there) if key in {"month", "name"} else value == there.strip()
    return same(value, there)


def _identity(table: _Existing, row: Row, old: Mapping[str, CellValue] | None) -> dict[str, Any]:
    """The business key as it stands in the table, so that its row is changed; a new row gets a number."""
    if old is not None:
        return {key: old[key] for key in table.spec.business_key}
    if table.spec.business_key != ("row",):
        return {}
    parts = [_canonical(row.get(key, EMPTY)) for key in KEYS[table.spec.key]]
    stem = "-".join(part for part in (parts if table.spec is DEDUCTIONS_TABLE else parts[:3]) if part)
    number, count = stem, 1
    while number in table.numbers:
        count += 1
        number = f"{stem}-{count}"
    table.numbers.add(number)
    return {"row": number}
