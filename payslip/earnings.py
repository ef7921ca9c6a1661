"""Components and one-off items (docs/PAY.md §2, §5): what a person earns before social insurance and tax."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from payslip.commission import COMMISSION, Commission
from payslip.documents import Books, Category, Component, Line, LineKind, OneOff, Person
from payslip.errors import CannotCompute, FormulaError
from payslip.formula import Lookup, Step, evaluate, explain, in_order
from payslip.money import ZERO, cents
from payslip.once import Same

GROSS: Final = "应发合计"
_KINDS: Final[Mapping[Category, LineKind]] = {"应发": "earning", "税前扣减": "pretax", "税后扣减": "aftertax"}
_ONE_OFFS: Final[Mapping[str, tuple[LineKind, str]]] = {
    "全年一次性奖金": ("earning", "全年一次性奖金"),
    "离职补偿": ("earning", "解除劳动关系的一次性补偿"),
    "补发": ("earning", "补发以前月份的工资"),
    "税前扣款": ("pretax", "从税前工资中扣除"),
    "法院扣划": ("aftertax", "按法院通知扣划"),
    "损失赔偿": ("aftertax", "赔偿损失"),
}


@dataclass(frozen=True, slots=True)
class Computed:
    """A component's value (rounded unless it is only 参考) and the line it makes, if any."""

    component: Component
    value: Decimal
    line: Line | None


@dataclass(frozen=True, slots=True)
class Item:
    """A one-off item with its amount in whole cents, and its line."""

    item: OneOff
    line: Line


def compute(books: Books, person: Person, earned: Commission) -> tuple[Computed, ...]:
    """Compute every component of the structure for one person.

    Returns:
        The components as the payslip shows them: by 顺序, then by name.

    Raises:
        CannotCompute: a formula or its inputs are wrong, or a component came out negative.
    """
    city = books.city_params.get(person.city, {})
    values: dict[str, Decimal] = {}

    def lookup(name: str) -> Decimal | None:
        if name in values:
            return values[name]
        if name in person.fields:
            return person.fields[name]
        if name == COMMISSION:
            return earned.amount
        return city[name] if name in city else books.params.get(name)

    computed: list[Computed] = []
    for step in _steps(Same(books.structure)):
        name = step.component.name
        try:
            exact = evaluate(step.expression, lookup)
            value = _value(step.component, exact)
            line = _line(step, value, _how(step, exact, value, lookup, earned))
        except FormulaError as fault:
            raise CannotCompute(name, str(fault)) from fault
        values[name] = value
        computed.append(Computed(step.component, value, line))
    return tuple(sorted(computed, key=lambda each: (each.component.order, each.component.name)))


@lru_cache(maxsize=16)
def _steps(structure: Same[tuple[Component, ...]]) -> tuple[Step, ...]:
    try:
        return in_order(structure.value)
    except FormulaError as fault:
        raise CannotCompute("薪资结构", str(fault)) from fault


def _value(component: Component, exact: Decimal) -> Decimal:
    if component.category == "参考":
        return exact
    value = cents(exact)
    if value < 0:
        raise FormulaError("结果为负数，请检查输入，或在公式里写 MAX(0, …)")
    return value


def _how(step: Step, exact: Decimal, value: Decimal, lookup: Lookup, earned: Commission) -> str:
    if step.component.category == "参考":
        return ""
    told = explain(step.expression, lookup)
    if exact != value:
        told += "，四舍五入到分"
    if earned.how and COMMISSION in step.expression.columns:
        told += f"（{earned.how}）"
    return told


def _line(step: Step, value: Decimal, how: str) -> Line | None:
    kind = _KINDS.get(step.component.category)
    return None if kind is None else Line(code=step.component.name, kind=kind, amount=value, how=how)


def one_offs(person: Person) -> tuple[Item, ...]:
    """The month's one-off items; a second of one kind is numbered 2.

    Raises:
        CannotCompute: an amount is negative.
    """
    seen: Counter[str] = Counter()
    items: list[Item] = []
    for item in person.one_off:
        if item.amount < 0:
            raise CannotCompute(item.kind, "金额为负数，请在一次性项目里填正数")
        seen[item.kind] += 1
        kind, words = _ONE_OFFS[item.kind]
        code = item.kind if seen[item.kind] == 1 else f"{item.kind} {seen[item.kind]}"
        line = Line(code=code, kind=kind, amount=cents(item.amount), how=item.note or words)
        items.append(Item(item, line))
    return tuple(items)


def of_kind(items: Iterable[Item], kind: str, *, separate: bool | None = None) -> list[Decimal]:
    """The amounts of one kind of item, if asked only those taxed apart or not apart."""
    return [
        each.line.amount
        for each in items
        if each.item.kind == kind and separate in {None, each.item.separate}
    ]


def total(lines: Iterable[Line]) -> Decimal:
    """The sum of lines."""
    return sum((line.amount for line in lines), ZERO)


@dataclass(frozen=True, slots=True)
class Gross:
    """Gross pay in yuan, what of it is free of tax, and what of it counts towards the minimum wage."""

    lines: tuple[Line, ...]
    amount: Decimal
    exempt: Decimal
    minimum_wage_base: Decimal


def gross(computed: Iterable[Computed], items: Iterable[Item]) -> Gross:
    """Add up gross pay.

    Raises:
        CannotCompute: the deductions before tax exceed what was earned.
    """
    parts = [each for each in computed if each.line is not None]
    lines = [each.line for each in parts if each.line] + [each.line for each in items]
    earning = tuple(line for line in lines if line.kind == "earning")
    pretax = tuple(line for line in lines if line.kind == "pretax")
    amount = total(earning) - total(pretax)
    if amount < 0:
        raise CannotCompute(GROSS, "税前扣减超过应发，请检查薪资结构和一次性项目")
    cut = _sum(parts, "税前扣减")
    exempt = _sum((each for each in parts if not each.component.taxable), "应发")
    counted = _sum((each for each in parts if each.component.minimum_wage), "应发")
    return Gross(earning + pretax, cents(amount), cents(exempt), cents(max(ZERO, counted - cut)))


def _sum(parts: Iterable[Computed], category: Literal["应发", "税前扣减"]) -> Decimal:
    return sum((each.value for each in parts if each.component.category == category), ZERO)
