"""The exact value of a formula for one person (docs/PAY.md §2)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from operator import eq, ge, gt, le, lt, ne
from typing import Final

from payslip.errors import FormulaError
from payslip.formula_tree import Call, Chain, Column, Comparison, Expression, Negative, Node, Number, Text
from payslip.money import EXACT, ZERO, places, settle

Lookup = Callable[[str], Decimal | None]
"""The value of a column for this person; None: there is none, and none is not zero."""

MOST_PLACES: Final = 10
_COMPARE: Final = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def evaluate(expression: Expression, lookup: Lookup) -> Decimal:
    """Compute a formula.

    Args:
        expression: from `payslip.formula.parse`.
        lookup: asked only for the columns whose value is needed.

    Returns:
        The value before any rounding; round it with `payslip.money.cents`, which knows about its last digits.

    Raises:
        FormulaError: a column has no value, a division by zero, a figure beyond 10³¹, a wrong ROUND.
    """
    try:
        with localcontext(EXACT):
            value = number(expression.root, lookup)
            settle(value)
            return value
    except (Overflow, InvalidOperation, DivisionByZero) as fault:
        raise FormulaError("数值大得无法计算，请检查公式和输入") from fault


def number(node: Node, lookup: Lookup) -> Decimal:
    """The value of a part of kind number; runs in `EXACT`."""
    match node:
        case Column(name):
            value = lookup(name)
            if value is None:
                raise FormulaError(f"没有“{name}”的值，请检查列名或补齐数据")
            return value
        case Number(value):
            return value
        case Chain():
            return _sum(node, lookup) if node.adds else _product(node, lookup)
        case Call():
            return _call(node, lookup)
        case Negative(operand):
            return -number(operand, lookup)
        case _:  # the kinds were checked when the formula was read
            raise FormulaError("这里需要数字")


def _sum(node: Chain, lookup: Lookup) -> Decimal:
    total = number(node.first, lookup)
    for operator, part in node.rest:
        value = number(part, lookup)
        total = total + value if operator == "+" else total - value
    return total


def _product(node: Chain, lookup: Lookup) -> Decimal:
    total = number(node.first, lookup)
    for operator, part in node.rest:
        value = number(part, lookup)
        if operator == "*":
            total *= value
        elif settle(value) == 0:  # 1/3*3-1 is zero, whatever tail a truncated third has left
            raise FormulaError("除数为零")
        else:
            total /= value
    return total


def _call(node: Call, lookup: Lookup) -> Decimal:
    if node.function == "IF":
        condition, yes, no = node.arguments
        return number(yes if truth(condition, lookup) else no, lookup)
    values = [number(each, lookup) for each in node.arguments]
    match node.function:
        case "MIN":
            return min(values)
        case "MAX":
            return max(values)
        case "SUM":
            return sum(values, ZERO)
        case "ABS":
            return abs(values[0])
        case _:
            return places(values[0], digits(values[1]))


def digits(value: Decimal) -> int:
    """The second argument of ROUND as a whole number."""
    settled = settle(value)
    if settled != settled.to_integral_value() or abs(settled) > MOST_PLACES:
        raise FormulaError(f"ROUND 的位数要是 −{MOST_PLACES} 到 {MOST_PLACES} 的整数")
    return int(settled)


def truth(node: Node, lookup: Lookup) -> bool:
    """Whether a part of kind condition holds; runs in `EXACT`."""
    match node:
        case Comparison(operator, left, right):
            return _compare(operator, left, right, lookup)
        case Call("AND", arguments):
            return all(truth(each, lookup) for each in arguments)
        case Call("OR", arguments):
            return any(truth(each, lookup) for each in arguments)
        case Call("NOT", arguments):
            return not truth(arguments[0], lookup)
        case _:
            raise FormulaError("这里需要条件")


def _compare(operator: str, left: Node, right: Node, lookup: Lookup) -> bool:
    if _is_text(left):
        return bool(_COMPARE[operator](_text(left, lookup), _text(right, lookup)))
    return bool(_COMPARE[operator](settle(number(left, lookup) - number(right, lookup)), ZERO))


def _is_text(node: Node) -> bool:
    while isinstance(node, Call) and node.function == "IF":
        node = node.arguments[1]
    return isinstance(node, Text)


def _text(node: Node, lookup: Lookup) -> str:
    while isinstance(node, Call):
        node = node.arguments[1 if truth(node.arguments[0], lookup) else 2]
    return node.value if isinstance(node, Text) else ""
