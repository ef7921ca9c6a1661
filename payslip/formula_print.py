"""A formula printed: for Bitable as a formula field, for the employee as figures."""

from __future__ import annotations

from collections.abc import Callable
from decimal import localcontext

from payslip.errors import FormulaError
from payslip.formula_tree import Call, Chain, Column, Comparison, Expression, Negative, Node, Number, Text
from payslip.formula_value import Lookup, digits, number, truth
from payslip.money import EXACT, ZERO, settle, spell

MAX_WORDS = 300
_LEVELS = {"comparison": 0, "sum": 1, "product": 2, "negative": 3, "atom": 4}
_SIGNS = {"+": " + ", "-": " − ", "*": " × ", "/": " ÷ "}


def _level(node: Node) -> int:
    match node:
        case Comparison():
            return _LEVELS["comparison"]
        case Chain():
            return _LEVELS["sum" if node.adds else "product"]
        case Negative():
            return _LEVELS["negative"]
        case _:
            return _LEVELS["atom"]


# --- for Bitable ---


def to_bitable(expression: Expression, refer: Callable[[str], str]) -> str:
    """Print a formula for a Bitable formula field.

    Args:
        expression: from `payslip.formula.parse`.
        refer: how Bitable names a column, e.g. ``bitable::$table[tblX].$field[fldY]``.

    Returns:
        The expression without rounding; the caller wraps ``ROUND(…,2)`` where the column is rounded.
        Bitable computes in doubles, so the result is compared with ours, never used.
    """
    return _bitable(expression.root, refer)


def _bitable(node: Node, refer: Callable[[str], str]) -> str:
    match node:
        case Number(value):
            return format(value, "f")
        case Text(value):
            return f'"{value}"'
        case Column(name):
            return refer(name)
        case Negative(operand):
            # A nested minus gets parentheses: "--1" is a comment in some readers of formulas.
            return f"-{_inner(operand, _LEVELS['atom'], refer)}"
        case Comparison(operator, left, right):
            return f"{_inner(left, 1, refer)}{operator}{_inner(right, 1, refer)}"
        case Call(function, arguments):
            return f"{function}({','.join(_bitable(each, refer) for each in arguments)})"
        case Chain(first, rest):
            level = _level(node)
            printed = [_inner(first, level, refer)]
            printed += [f"{operator}{_inner(part, level + 1, refer)}" for operator, part in rest]
            return "".join(printed)


def _inner(node: Node, level: int, refer: Callable[[str], str]) -> str:
    printed = _bitable(node, refer)
    return f"({printed})" if _level(node) < level else printed


# --- for people ---


def explain(expression: Expression, lookup: Lookup) -> str:
    """Say in figures how a formula got its value: ``绩效基数 2,000 × 绩效系数 1.1``.

    Of an IF only the branch taken is told; helper functions become words. At most `MAX_WORDS` characters.

    Raises:
        FormulaError: as `payslip.formula.evaluate`.
    """
    with localcontext(EXACT):
        words = _words(expression.root, lookup)
    return words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 1]}…"


def _words(node: Node, lookup: Lookup) -> str:
    match node:
        case Column(name):
            return f"{name} {spell(number(node, lookup))}"
        case Chain(first, rest):
            level = _level(node)
            told = [_part(first, level, lookup)]
            told += [f"{_SIGNS[operator]}{_part(part, level + 1, lookup)}" for operator, part in rest]
            return "".join(told)
        case Number(value):
            return spell(value)
        case Negative(operand):
            return f"−{_part(operand, _LEVELS['atom'], lookup)}"
        case Call():
            return _call(node, lookup)
        case _:
            raise FormulaError("这里需要数字")


def _part(node: Node, level: int, lookup: Lookup) -> str:
    words = _words(node, lookup)
    if isinstance(node, Column | Number):
        return words
    # A call in words may be a sum or a choice, so inside an operation it always stands in parentheses.
    simple = _level(node) >= level and not isinstance(node, Call)
    return words if simple else f"（{words}）"


def _call(node: Call, lookup: Lookup) -> str:
    match node.function:
        case "IF":
            held = truth(node.arguments[0], lookup)
            words = _words(node.arguments[1 if held else 2], lookup)
            return f"{'符合条件' if held else '不符合条件'}：{words}"
        case "MIN" | "MAX":
            return _choice(node, lookup)
        case "SUM":
            return " + ".join(_part(each, 2, lookup) for each in node.arguments)
        case "ABS":
            return f"{_part(node.arguments[0], 4, lookup)} 的绝对值"
        case _:
            return _rounded(node, lookup)


def _choice(node: Call, lookup: Lookup) -> str:
    """``MAX(0, x)`` is x as long as x is not negative; every other choice names all it chose from."""
    others = [each for each in node.arguments if each != Number(ZERO)]
    if node.function == "MAX" and len(others) == 1:
        words = _words(others[0], lookup)
        below = len(node.arguments) > 1 and settle(number(others[0], lookup)) < 0
        return f"{words}，低于 0 按 0" if below else words
    if len(node.arguments) == 1:
        return _words(node.arguments[0], lookup)
    word = "取小" if node.function == "MIN" else "取大"
    return f"{' 与 '.join(_part(each, 1, lookup) for each in node.arguments)} {word}"


def _rounded(node: Call, lookup: Lookup) -> str:
    words, count = _words(node.arguments[0], lookup), digits(number(node.arguments[1], lookup))
    if count == 2:
        return words
    how = "四舍五入到元" if count == 0 else f"四舍五入到 {count} 位小数"
    return f"{words}，{how if count >= 0 else f'四舍五入到 {10**-count} 的倍数'}"
