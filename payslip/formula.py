"""The formula language of 薪资结构 (docs/PAY.md §2): read, compute, order, print.

    expression = parse("ROUND([绩效基数]*[绩效系数],2)")
    evaluate(expression, {"绩效基数": Decimal(2000), "绩效系数": Decimal("1.1")}.get)

Reading is in `payslip.formula_parse`, computing in `formula_value`, printing in `formula_print`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from payslip.documents import Component
from payslip.errors import FormulaError
from payslip.formula_parse import FUNCTIONS, parse
from payslip.formula_print import explain, to_bitable
from payslip.formula_tree import Expression
from payslip.formula_value import Lookup, evaluate

__all__ = [
    "FUNCTIONS", "Expression", "FormulaError", "Lookup", "Step", "evaluate", "explain", "in_order", "parse",
    "to_bitable",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """A component with its formula read; `in_order` puts it behind everything it uses."""

    component: Component
    expression: Expression


def in_order(components: Iterable[Component]) -> tuple[Step, ...]:
    """Read the formulas of a structure and order them so that each comes after the components it uses.

    The result depends on the rows' content only, not on the order they come in.

    Raises:
        FormulaError: a formula cannot be read, two components have one name, or components use each other
            in a circle (甲 → 乙 → 甲, read "uses"); the component is named.
    """
    steps: dict[str, Step] = {}
    for component in sorted(components, key=lambda each: (each.order, each.name)):
        if component.name in steps:
            raise FormulaError(f"薪资结构里有两个“{component.name}”，请改名或停用一个")
        steps[component.name] = Step(component, _read(component))
    uses = {
        name: [column for column in step.expression.columns if column in steps]
        for name, step in steps.items()
    }
    try:
        order = tuple(TopologicalSorter(uses).static_order())
    except CycleError as fault:
        raise FormulaError(f"组件互相引用，无法核算：{_circle(fault.args[1], list(steps))}") from None
    return tuple(steps[name] for name in order)


def _circle(users: list[str], order: list[str]) -> str:
    """A circle as graphlib reports it (used before user, first = last), told from its first row on."""
    names = users[:0:-1]
    start = names.index(min(names, key=order.index))
    return " → ".join([*names[start:], *names[:start], names[start]])


def _read(component: Component) -> Expression:
    try:
        return parse(component.formula)
    except FormulaError as fault:
        raise FormulaError(f"“{component.name}”的公式有误：{fault}") from fault
