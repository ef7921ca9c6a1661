"""薪资结构: the rows people edit become components; the last good version of a row stays in force.

From the same components come the columns of 薪资核算 that compute the same figures in Bitable (`columns`)
and the comparison of the two (`compare`). `payslip.columns` installs the columns and answers in the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, CellValue, Unreadable
from bitable_sync.mirror import Row
from bitable_sync.spec import FieldSpec, Kind
from payslip import tables as t
from payslip.documents import Books, Component, Pay, Person
from payslip.errors import FormulaError
from payslip.formula import Expression, in_order, parse, to_bitable
from payslip.specs import CATEGORIES, FIELD_COLUMNS, FUNDS, ONE_OFF_KINDS, PAYROLL_TABLE

CENT = Decimal("0.01")
CALC, REF, PARAM = "calc:", "ref:", "param:"
"""How the keys of the columns begin: a component with an amount, a helper component (参考), a parameter."""

ROUNDED = "ROUND(ROUND(({})*100,6),0)/100"
"""To the cent, for doubles: 2000.10 × 0.85 is 1700.085, of which a double falls short, so that a plain
``ROUND(…,2)`` loses the cent once in some 300 products; rounding the cents to 6 places first mends that."""

INPUTS: Mapping[str, str] = {name: key for key, name in FIELD_COLUMNS}
"""What formulas may name beside components and parameters: name → key of the column of 薪资核算."""

MAX_COMPONENTS = 80  # a table holds 100 formula columns (docs: 多维表格使用限制)
MAX_NAME = 40
RESERVED = frozenset(
    {field.name for field in PAYROLL_TABLE.fields}
    | set(ONE_OFF_KINDS)
    | {f"{kind}个税" for kind in ONE_OFF_KINDS}
    | {f"{fund}{word}（{side}）" for fund in FUNDS for word in ("", "保险") for side in ("个人", "单位")}
    | {"住房公积金（个人）", "住房公积金（单位）", "上期结转扣回", "结转下期（员工应付）"}
)
"""Names that a column or another line of the payslip has."""

_NAME = re.compile(rf"[^\[\]{{}}\n]{{1,{MAX_NAME}}}")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one row of 薪资结构.

    Attributes:
        record_id: the row.
        name: as the row says it now.
        component: the last good version; None = there never was one.
        enabled: in force, if there is a good version.
        problem: what is wrong with the row as it stands, in words; empty = nothing.
    """

    record_id: str
    name: str
    component: Component | None
    enabled: bool
    problem: str = ""

    @property
    def in_force(self) -> bool:
        """Whether pay is computed with it."""
        return self.enabled and self.component is not None

    @property
    def verdict(self) -> str:
        """The sentence for 校验结果."""
        if not self.problem:
            return "有效，已启用" if self.enabled else "有效，未启用"
        if not self.enabled:
            return f"{self.problem}（未启用）"
        kept = "在改正之前仍按上一个有效版本核算" if self.component else "改正之前这个组件不生效"
        return f"{self.problem}；{kept}"


# --- reading rows ---


def read_row(row: Row) -> Component | str:
    """One row as a component, or the sentence that says what is wrong with it."""
    cells = row.values
    for key in ("name", "category", "formula", "order", "taxable", "minimum_wage", "enabled"):
        cell = cells[key]
        if isinstance(cell, Unreadable):
            return cell.reason
    name, category, formula = (
        "" if cells[key] is EMPTY else str(cells[key]) for key in ("name", "category", "formula")
    )
    problem = _name_problem(name.strip()) or _formula_problem(formula)
    if category not in CATEGORIES:
        problem = problem or f"请选择“类别”：{'、'.join(CATEGORIES)}"
    if problem:
        return problem
    order = cells["order"]
    return Component(
        name=name.strip(), category=category, formula=formula.strip(),
        order=int(order) if isinstance(order, Decimal) else 0,
        taxable=cells["taxable"] is True, minimum_wage=cells["minimum_wage"] is True,
    )  # fmt: skip


def blank(row: Row) -> bool:
    """A line nobody has begun to fill."""
    return row.values["name"] is EMPTY and row.values["formula"] is EMPTY


def _name_problem(name: str) -> str:
    if not name:
        return "请填写“组件”"
    if not _NAME.fullmatch(name):
        return f"组件名最多 {MAX_NAME} 个字，不能有方括号、花括号和换行"
    if name in RESERVED:
        return f"“{name}”是「{PAYROLL_TABLE.name}」已有的列或工资条上已有的项目，请换一个名字"
    return ""


def _formula_problem(formula: str) -> str:
    if not formula.strip():
        return "请填写“公式”，例如 [绩效基数]*[绩效系数]"
    if "{" in formula or "}" in formula:
        return "公式里不能有花括号"
    try:
        parse(formula.strip())
    except FormulaError as fault:
        return f"公式有误：{fault}"
    return ""


@lru_cache(maxsize=1024)
def _expression(formula: str) -> Expression:
    return parse(formula)


# --- judging them together ---


def judge(
    rows: Sequence[Row], known: Mapping[str, Known], parameters: frozenset[str] | None
) -> dict[str, Known]:
    """Judge the whole table: what each row is now, and which version of it is in force.

    A row that is wrong, by itself or beside the others, keeps its last good version. Where an edit spoils a
    row that was not touched (a component it uses is gone), that row stays in force and says so: the run then
    stops at it instead of leaving an earning out.

    Args:
        rows: all rows of 薪资结构.
        known: what was known, by record id.
        parameters: names that stand in 薪酬参数; None = not read yet, so any name may be one.
    """
    read = {row.record_id: (row, read_row(row)) for row in rows if not blank(row)}
    fresh = {str(rid): found for rid, (_row, found) in read.items() if isinstance(found, Component)}
    states = {str(rid): _begin(row, found, known.get(rid)) for rid, (row, found) in read.items()}
    while True:
        wrong = _together([state for state in states.values() if state.in_force], parameters)
        edited = {rid: why for rid, why in wrong.items() if _is_edit(states[rid], fresh.get(rid), known)}
        if not edited:
            return {
                rid: replace(state, problem=state.problem or wrong.get(rid, ""))
                for rid, state in states.items()
            }
        for rid, why in edited.items():
            old = known.get(rid)
            states[rid] = replace(states[rid], component=old.component if old else None, problem=why)


def _begin(row: Row, found: Component | str, old: Known | None) -> Known:
    name = "" if isinstance(row.values["name"], Unreadable) else str(row.values["name"] or "").strip()
    enabled = row.values["enabled"]
    on = enabled if isinstance(enabled, bool) else bool(old and old.enabled)
    if isinstance(found, Component):
        return Known(row.record_id, name, found, on)
    return Known(row.record_id, name, old.component if old else None, on, found)


def _is_edit(state: Known, fresh: Component | None, known: Mapping[str, Known]) -> bool:
    """Whether the version in force is one that was never in force before."""
    old = known.get(state.record_id)
    return state.component is fresh and (old is None or old.component != fresh or not old.enabled)


def _together(states: Sequence[Known], parameters: frozenset[str] | None) -> dict[str, str]:
    """What is wrong with rows beside each other: record id → sentence."""
    named = [(state, state.component) for state in states if state.component is not None]
    count = Counter(component.name for _state, component in named)
    wrong = {s.record_id: f"有两个组件叫“{c.name}”，请改名或停用一个" for s, c in named if count[c.name] > 1}
    for state, component in named:
        unknown = [
            column for column in _expression(component.formula).columns
            if column not in count and not _is_input(column, parameters)
        ]  # fmt: skip
        if unknown:
            wrong.setdefault(
                state.record_id,
                f"找不到 {'、'.join(f'[{name}]' for name in unknown)}：不是组件、不是「薪资核算」的输入列，"
                "「薪酬参数」里也没有",
            )
    circle = _circle([component for _state, component in named])
    for state, component in named:
        if component.name in circle:
            wrong.setdefault(state.record_id, f"组件互相引用，无法核算：{' → '.join(circle)}")
    last = sorted(named, key=lambda pair: (pair[1].order, pair[1].name))[MAX_COMPONENTS:]
    for state, _component in last:
        wrong.setdefault(state.record_id, f"启用的组件超过 {MAX_COMPONENTS} 个，请停用不用的组件")
    return wrong


def _circle(found: Sequence[Component]) -> list[str]:
    names = {component.name for component in found}
    uses = {c.name: [col for col in _expression(c.formula).columns if col in names] for c in found}
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as fault:
        return list(reversed(fault.args[1]))
    return []


def _is_input(name: str, parameters: frozenset[str] | None) -> bool:
    return name in INPUTS or parameters is None or name in parameters


# --- keeping what is known ---


def load_known(conn: Connection) -> dict[str, Known]:
    """What is known of every row, by record id."""
    return {
        row.record_id: Known(
            row.record_id,
            row.name,
            None if row.component is None else Component.model_validate(row.component),
            row.enabled,
            row.problem,
        )
        for row in conn.execute(sa.select(t.structure_rows))
    }


def save_known(conn: Connection, states: Sequence[Known], at: datetime) -> None:
    """Make this what is known; rows that are gone are forgotten."""
    conn.execute(sa.delete(t.structure_rows))
    rows = [
        {"record_id": s.record_id, "name": s.name, "enabled": s.enabled, "problem": s.problem,
         "component": None if s.component is None else s.component.model_dump(mode="json"),
         "verdict": s.verdict, "at": at}
        for s in states
    ]  # fmt: skip
    if rows:
        conn.execute(sa.insert(t.structure_rows), rows)


def components(conn: Connection) -> tuple[Component, ...]:
    """The components in force, in the order of the table: what a run's books carry."""
    found = [state.component for state in load_known(conn).values() if state.in_force and state.component]
    return tuple(sorted(found, key=lambda each: (each.order, each.name)))


def problems(conn: Connection) -> dict[str, str]:
    """Enabled rows that are not valid as they stand: name → sentence. A run should show them."""
    return {s.name: s.verdict for s in load_known(conn).values() if s.problem and s.enabled}


# --- columns of 薪资核算 ---


def component_key(component: Component) -> str:
    """The key of a component's column."""
    return (REF if component.category == "参考" else CALC) + component.name


def columns(found: Sequence[Component], parameters: frozenset[str] | None) -> tuple[FieldSpec, ...]:
    """The further columns of 薪资核算: one number column a parameter, then one formula column a component.

    A component that names something unknown gets none (and so do those that use it): Bitable would take the
    unknown for zero. Rounded to the cent as docs/PAY.md §2 says, but for 参考.
    """
    keys = {component.name: component_key(component) for component in found}
    usable: list[FieldSpec] = []
    made: set[str] = set()
    wanted: set[str] = set()
    for step in in_order(found):
        used = step.expression.columns
        if not all(name in made if name in keys else _is_input(name, parameters) for name in used):
            continue
        made.add(step.component.name)
        wanted |= {name for name in used if name not in keys and name not in INPUTS}
        usable.append(_formula_column(step.component, step.expression, keys))
    numbers = [
        FieldSpec(PARAM + name, name, Kind.NUMBER, formatter="0.0000", description="由 Chorus 填写：薪酬参数")
        for name in sorted(wanted)
    ]
    return (*numbers, *usable)


def _formula_column(component: Component, expression: Expression, keys: Mapping[str, str]) -> FieldSpec:
    text = to_bitable(expression, lambda name: f"{{{keys.get(name) or INPUTS.get(name) or PARAM + name}}}")
    formula = text if component.category == "参考" else ROUNDED.format(text)
    told = f"由 Chorus 维护，公式在「薪资结构」里改：{component.category}"
    return FieldSpec(
        component_key(component), component.name, Kind.FORMULA, formatter="0.00", formula=formula,
        description=told,
    )  # fmt: skip


def parameter_values(books: Books, person: Person) -> dict[str, CellValue]:
    """What a person's row of 薪资核算 needs of 薪酬参数: column key → value, EMPTY where there is none."""
    names = {component.name for component in books.structure}
    city = books.city_params.get(person.city, {})
    used = {name for each in books.structure for name in _expression(each.formula).columns}
    return {
        PARAM + name: city.get(name, books.params.get(name, EMPTY))
        for name in sorted(used - names)
        if name not in INPUTS
    }


# --- comparing ---


def compare(row_values: Mapping[str, CellValue], pay: Pay) -> list[str]:
    """Names of components where Bitable's figure is not ours: a cent or more apart, missing or unreadable.

    Args:
        row_values: the person's row of 薪资核算, read from Bitable after the inputs were written.
        pay: what was computed here. A component without a line (税后扣减 of zero) counts as 0.

    Returns:
        Names in the order of the columns; the amounts of neither side.
    """
    ours = {line.code: line.amount for line in pay.lines if line.kind in ("earning", "pretax", "aftertax")}
    there = {key.removeprefix(CALC): row_values[key] for key in row_values if key.startswith(CALC)}
    return [name for name, value in there.items() if not _agrees(value, ours.get(name, Decimal(0)))]


def _agrees(theirs: CellValue, ours: Decimal) -> bool:
    return isinstance(theirs, Decimal) and abs(theirs - ours) < CENT
