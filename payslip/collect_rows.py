"""Sorting the rows of all input tables to the people they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bitable_sync.spec import TableSpec
from payslip.collect_books import Rows, Tables
from payslip.collect_cells import Cells, plain_name
from payslip.documents import EmployeeNo, Month
from payslip.specs import (
    ATTENDANCE_TABLE,
    COMMISSION_TABLE,
    DEDUCTIONS_TABLE,
    EMPLOYEES_TABLE,
    ONE_OFFS_TABLE,
    OPENING_TABLE,
    SCORES_TABLE,
)

PERSONAL: tuple[TableSpec, ...] = (
    ATTENDANCE_TABLE, SCORES_TABLE, COMMISSION_TABLE, DEDUCTIONS_TABLE, ONE_OFFS_TABLE, OPENING_TABLE,
)  # fmt: skip
UNSURE = frozenset({COMMISSION_TABLE.key, ONE_OFFS_TABLE.key})
"""Where a row whose month cannot be read may be money of this month: the person is not computed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend that stops nobody by itself; no number and name when it is about no one."""

    no: str
    name: str
    sentence: str


@dataclass(slots=True)
class Own:
    """One employee's rows that concern the run, by table key; ``blocked``: why nothing can be computed."""

    rows: dict[str, list[Cells]] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)

    def of(self, spec: TableSpec) -> list[Cells]:
        """The rows of one table."""
        return self.rows.get(spec.key, [])


@dataclass(slots=True)
class Sorted:
    """All rows, sorted.

    Attributes:
        employees: rows of 员工 by number; more than one is a conflict.
        own: everybody's rows in the other tables.
        strays: rows of 提成数据 that belong to no known employee; they disturb a team pool.
        problems: what nobody could be blamed for, or what only needs a look.
    """

    employees: dict[EmployeeNo, list[Cells]] = field(default_factory=dict)
    own: dict[EmployeeNo, Own] = field(default_factory=dict)
    strays: list[Cells] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def sort_rows(tables: Tables, month: Month) -> Sorted:
    """Give every row to its employee; rows of other months are left aside."""
    found = Sorted()
    for cells, no in _numbered(EMPLOYEES_TABLE, tables.get(EMPLOYEES_TABLE.key, ()), found):
        found.employees.setdefault(no, []).append(cells)
    names = {no: rows[0].text("name") for no, rows in found.employees.items()}
    for spec in PERSONAL:
        for cells, no in _numbered(spec, tables.get(spec.key, ()), found):
            _assign(cells, no, month, names, found)
    return found


def _numbered(spec: TableSpec, rows: Rows, found: Sorted) -> Iterator[tuple[Cells, EmployeeNo]]:
    for values in rows:
        cells = Cells(spec, values)
        no = cells.no()
        if no is None:
            name = cells.text("name")
            found.problems.append(Problem("", name, f"{spec.name}有一行没有可用的工号，没有采用"))
            if spec is COMMISSION_TABLE:
                found.strays.append(cells)
            continue
        yield cells, no


def _assign(
    cells: Cells, no: EmployeeNo, month: Month, names: Mapping[EmployeeNo, str], found: Sorted
) -> None:
    spec, own = cells.spec, found.own.setdefault(no, Own())
    if "month" in spec.by_key:
        when = cells.month("month", required=True)
        if when is None:
            sentence = f"{cells.faults[-1]}，这一行没有采用"
            found.problems.append(Problem(no, names.get(no, ""), sentence))
            if spec.key in UNSURE:
                own.blocked.append(cells.faults[-1])
            return
        if when != month:
            return
    if no not in names:
        found.problems.append(Problem(no, cells.text("name"), f"{spec.name}里的工号在员工表中没有，没有采用"))
        if spec is COMMISSION_TABLE:
            found.strays.append(cells)
        return
    written = cells.text("name")
    if written and plain_name(written) != plain_name(names[no]):
        found.problems.append(
            Problem(
                no, names[no], f"{spec.name}里这个工号写的是“{written}”，与员工表不同，请核对是不是同一个人"
            )
        )
    own.rows.setdefault(spec.key, []).append(cells)
