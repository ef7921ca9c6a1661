"""Rows of 提成数据 as entries of people: what each kind of plan needs, and team pools across people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from payslip.collect_cells import Cells
from payslip.documents import CommissionEntry, CommissionKind, CommissionPlan, EmployeeNo
from payslip.specs import COMMISSION_TABLE

POOL: CommissionKind = "团队池"
NEEDED: Mapping[CommissionKind, tuple[str, ...]] = {
    "固定比例": ("base",),
    "分段阶梯": ("base",),
    "全额阶梯": ("base",),
    "ROI分成": ("base", "spend", "target"),
    POOL: ("coefficient",),
}
FIGURES = ("base", "spend", "target", "pool", "coefficient")


@dataclass(frozen=True, slots=True)
class Pool:
    """A team pool of the month: the whole amount in yuan, all coefficients, or why it cannot be split."""

    amount: Decimal
    coefficients: Mapping[EmployeeNo, Decimal]
    wrong: str = ""


def pools(
    rows: Iterable[tuple[EmployeeNo | None, Cells]], plans: Mapping[str, CommissionPlan]
) -> dict[str, Pool]:
    """Join the rows of each team pool.

    Args:
        rows: every row of the month with its employee, None when nobody has the number: a member nobody knows
            changes what the others get, so the pool is not split.
        plans: plans in force, by name.
    """
    found: dict[str, list[tuple[EmployeeNo | None, Cells]]] = {}
    for no, cells in rows:
        name = Cells(cells.spec, cells.values).text("plan")
        if name in plans and plans[name].kind == POOL and not _only_clawback(cells):
            found.setdefault(name, []).append((no, cells))
    return {name: _pool(name, members) for name, members in found.items()}


def _pool(name: str, members: list[tuple[EmployeeNo | None, Cells]]) -> Pool:
    amounts: set[Decimal] = set()
    coefficients: dict[EmployeeNo, Decimal] = {}
    wrong = ""
    for no, original in members:
        cells = Cells(original.spec, original.values)
        amount, coefficient = cells.number("pool"), cells.number("coefficient", required=True)
        if amount is not None:
            amounts.add(amount)
        if cells.faults:
            wrong = f"有成员的{cells.faults[0]}"
        elif no is None:
            wrong = "有一行的工号在员工表中没有"
        elif no in coefficients:
            wrong = f"工号 {no} 有两行"
        elif coefficient is not None:
            coefficients[no] = coefficient
    if not wrong and len(amounts) != 1:
        wrong = "各行的团队池金额不一致" if amounts else "没有一行写了团队池金额"
    shown = f"{COMMISSION_TABLE.name}的团队池“{name}”不能分配：{wrong}" if wrong else ""
    return Pool(min(amounts, default=Decimal(0)), dict(sorted(coefficients.items())), shown)


def entries(
    rows: Iterable[Cells], no: EmployeeNo, plans: Mapping[str, CommissionPlan], pool_of: Mapping[str, Pool]
) -> tuple[list[CommissionEntry], list[str]]:
    """One person's entries, sorted by plan, and what is wrong with them."""
    made: list[CommissionEntry] = []
    faults: list[str] = []
    seen: set[str] = set()
    for original in rows:
        cells = Cells(original.spec, original.values)
        name = cells.text("plan", required=True)
        if name in seen:
            cells.say("plan", f"“{name}”同月有两行，请合并")
        seen.add(name)
        made.append(_entry(cells, name, no, plans.get(name), pool_of.get(name)))
        faults += cells.faults
    return sorted(made, key=lambda entry: entry.plan), faults


def _only_clawback(cells: Cells) -> bool:
    return cells.filled("clawback") and not any(cells.filled(key) for key in FIGURES)


def _entry(
    cells: Cells, name: str, no: EmployeeNo, plan: CommissionPlan | None, pool: Pool | None
) -> CommissionEntry:
    clawback = cells.number("clawback") or Decimal(0)
    if plan is None:  # the computation says that there is no such plan
        return CommissionEntry(plan=name, clawback=clawback)
    if _only_clawback(cells):
        # A share of nothing, in figures every kind of plan accepts: a refund needs no ad spend of its own.
        nothing: dict[str, Decimal] = {no: Decimal(1)} if plan.kind == POOL else {}
        return CommissionEntry(plan=name, spend=Decimal(1), coefficients=nothing, clawback=clawback)
    for key in NEEDED[plan.kind]:
        cells.number(key, required=True)
    if plan.kind == POOL:
        if pool is None or pool.wrong:
            cells.faults.append(pool.wrong if pool else f"团队池“{name}”没有可用的行")
            return CommissionEntry(plan=name)
        return CommissionEntry(
            plan=name, pool=pool.amount, coefficients=dict(pool.coefficients), clawback=clawback
        )
    figures = {key: _figure(cells, key) for key in NEEDED[plan.kind]}
    return CommissionEntry(plan=name, clawback=clawback, **figures)


def _figure(cells: Cells, key: str) -> Decimal:
    """A figure whose faults are noted already."""
    return Cells(cells.spec, cells.values).number(key) or Decimal(0)
