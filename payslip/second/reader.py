"""The formula language of docs/PAY.md (rule 2), read by precedence climbing over plain characters.

A formula is evaluated while it is read. A part that must not be evaluated (the branch `IF` does not take) is
read all the same and its kinds are checked, only its value is none: a stand-in of the right kind. So no tree
is built, and the depth of Python's stack is bounded by the nesting the language allows.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from payslip.second.exact import SecondError, rounded

Value = Fraction | bool | str
Column = Callable[[str], Fraction]

MAX_LENGTH = 2000
MAX_NESTING = 50
MAX_PLACES = 10
_TOO_LARGE = 10**31
_MAX_BITS = 4096  # nor may denominators grow without bound in a chain of helpers
_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FULL_WIDTH = {"（": "(", "）": ")", "，": ","}
_LEVEL = {
    "=": 1, "<>": 1, "!=": 1, "<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3,
}  # fmt: skip
_ARGUMENTS = {"NOT": 1, "ABS": 1, "ROUND": 2, "MIN": None, "MAX": None, "SUM": None}  # None: one or more
_NOTHING = Fraction(0)  # what an unevaluated number yields; only its kind is looked at


def mentions(formula: str) -> frozenset[str]:
    """The column names a formula mentions anywhere, in branches never taken as well.

    Raises:
        SecondError: the formula cannot be read.
    """
    _Reading(formula, None).whole()
    return frozenset(word for kind, word in _tokens(formula) if kind == "column")


def evaluate(formula: str, column: Column) -> Fraction:
    """The exact value of a formula.

    Args:
        formula: in the language of docs/PAY.md.
        column: gives a column's value by name, or raises `SecondError`.

    Raises:
        SecondError: the formula cannot be read, or has no number as its value here.
    """
    return _as_number(_Reading(formula, column).whole())


@lru_cache(maxsize=2048)
def _tokens(formula: str) -> tuple[tuple[str, str], ...]:
    """Pairs of kind (number, text, column, name, sign, end) and text."""
    if len(formula) > MAX_LENGTH:
        raise SecondError(f"公式超过 {MAX_LENGTH} 个字符，请拆成几个组件")
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(formula):
        if formula[at].isspace():
            at += 1
            continue
        kind, text, at = _next_token(formula, at)
        found.append((kind, text))
    return (*found, ("end", "结尾"))


def _next_token(formula: str, at: int) -> tuple[str, str, int]:
    """Kind, text and where the next one starts."""
    sign = _FULL_WIDTH.get(formula[at], formula[at])
    if sign in _DIGITS:
        return _number_token(formula, at)
    if sign in _LETTERS:
        end = at
        while end < len(formula) and formula[end] in _LETTERS:
            end += 1
        return "name", formula[at:end].upper(), end
    if sign in '["':
        close = formula.find("]" if sign == "[" else '"', at + 1)
        inside = formula[at + 1 : close]
        if close < 0 or "\n" in inside or (sign == "[" and ("[" in inside or not inside)):
            raise SecondError("公式里的方括号或引号没有成对，或列名是空的")
        return ("column" if sign == "[" else "text"), inside, close + 1
    if formula[at : at + 2] in _LEVEL:
        return "sign", formula[at : at + 2], at + 2
    if sign in _LEVEL or sign in "(),":
        return "sign", sign, at + 1
    raise SecondError(f"公式里有不认识的字符“{sign}”")


def _number_token(formula: str, at: int) -> tuple[str, str, int]:
    """``12`` or ``0.5``."""
    end = at
    while end < len(formula) and formula[end] in _DIGITS:
        end += 1
    if formula[end : end + 1] == ".":
        start = end = end + 1
        while end < len(formula) and formula[end] in _DIGITS:
            end += 1
        if start == end:
            raise SecondError("公式里小数点后面没有数字")
    return "number", formula[at:end], end


@lru_cache(maxsize=2048)
def _literal(text: str) -> Fraction:
    return Fraction(text)


class _Reading:
    """One pass over one formula. ``column`` None: only read, nothing is evaluated."""

    def __init__(self, formula: str, column: Column | None) -> None:
        self._tokens = _tokens(formula)
        self._at = 0
        self._depth = 0
        self._live = column is not None
        self._column = column

    def whole(self) -> Value:
        """The value of the whole formula."""
        value = self._climb(1, live=self._live)
        if self._tokens[self._at][0] != "end":
            self._wrong()
        return value

    def _wrong(self) -> None:
        raise SecondError(f"公式在“{self._tokens[self._at][1]}”处写法有误")

    def _take(self, sign: str) -> bool:
        if self._tokens[self._at] != ("sign", sign):
            return False
        self._at += 1
        return True

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            self._wrong()

    def _climb(self, level: int, *, live: bool) -> Value:
        """Everything that binds at least as tightly as ``level``."""
        left = self._operand(live=live)
        while True:
            kind, sign = self._tokens[self._at]
            mine = _LEVEL.get(sign, 0) if kind == "sign" else 0
            if mine < level or mine == 0:
                return left
            self._at += 1
            right = self._climb(mine + 1, live=live)
            join = _compare if mine == 1 else _combine
            left = join(sign, left, right, live=live)
            if mine == 1:
                level = 2  # a < b < c is no comparison: the rest is refused by whoever reads on

    def _operand(self, *, live: bool) -> Value:
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return _literal(text)
        if kind == "text":
            return text
        if kind == "column":
            return self._column(text) if live and self._column else _NOTHING
        return self._nested(kind, text, live=live)

    def _nested(self, kind: str, text: str, *, live: bool) -> Value:
        """Parentheses, a call or a sign: what can stand inside itself."""
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise SecondError(f"公式嵌套超过 {MAX_NESTING} 层，请拆成几个组件")
        value: Value = _NOTHING
        if (kind, text) == ("sign", "-"):
            value = -_as_number(self._operand(live=live))
        elif (kind, text) == ("sign", "("):
            value = self._climb(1, live=live)
            self._need(")")
        elif kind == "name":
            self._need("(")
            value = self._call(text, live=live)
            self._need(")")
        else:
            self._at -= 1
            self._wrong()
        self._depth -= 1
        return value

    def _call(self, name: str, *, live: bool) -> Value:
        if name == "IF":
            return self._if(live=live)
        if name in {"AND", "OR"}:
            return self._connective(stop=name == "OR", live=live)
        if name not in _ARGUMENTS:
            raise SecondError(f"没有函数 {name}")
        arguments = [self._climb(1, live=live)]
        while self._take(","):
            arguments.append(self._climb(1, live=live))
        if _ARGUMENTS[name] not in {None, len(arguments)}:
            raise SecondError(f"函数 {name} 的参数个数不对")
        return _apply(name, arguments, live=live)

    def _if(self, *, live: bool) -> Value:
        condition = _as_condition(self._climb(1, live=live))
        holds = live and condition
        self._need(",")
        first = self._climb(1, live=holds)
        self._need(",")
        second = self._climb(1, live=live and not holds)
        if isinstance(first, bool) or type(first) is not type(second):
            raise SecondError("IF 的两个结果要都是数字或都是文本")
        return first if holds else second

    def _connective(self, *, stop: bool, live: bool) -> Value:
        """``AND`` stops at the first false, ``OR`` at the first true; what follows is not evaluated."""
        open_, outcome = live, not stop
        while True:
            value = _as_condition(self._climb(1, live=open_))
            if open_ and value is stop:
                open_, outcome = False, stop
            if not self._take(","):
                return outcome


def _as_number(value: Value) -> Fraction:
    if isinstance(value, bool):
        raise SecondError("条件不能当作数字")
    if isinstance(value, str):
        raise SecondError("需要数字的地方是文本")
    return value


def _as_condition(value: Value) -> bool:
    if not isinstance(value, bool):
        raise SecondError("需要条件的地方不是条件，请用比较")
    return value


def _bounded(value: Fraction) -> Fraction:
    if abs(value) >= _TOO_LARGE or value.denominator.bit_length() > _MAX_BITS:
        raise SecondError("数值过大")
    return value


def _combine(sign: str, left: Value, right: Value, *, live: bool) -> Fraction:
    a, b = _as_number(left), _as_number(right)
    if not live:
        return _NOTHING
    if sign == "+":
        return _bounded(a + b)
    if sign == "-":
        return _bounded(a - b)
    if sign == "*":
        return _bounded(a * b)
    if b == 0:
        raise SecondError("除数为零")
    return _bounded(a / b)


def _compare(sign: str, left: Value, right: Value, *, live: bool) -> bool:
    if isinstance(left, str) and isinstance(right, str) and sign in {"=", "<>", "!="}:
        return (left == right) is (sign == "=")
    a, b = _as_number(left), _as_number(right)
    if not live:
        return False
    if sign in {"=", "<>", "!="}:
        return (a == b) is (sign == "=")
    if "=" in sign and a == b:
        return True
    return a < b if sign[0] == "<" else a > b


def _apply(name: str, arguments: list[Value], *, live: bool) -> Value:
    if name == "NOT":
        return not _as_condition(arguments[0])
    numbers = [_as_number(value) for value in arguments]
    if not live:
        return _NOTHING
    if name == "ROUND":
        return _round(numbers[0], numbers[1])
    if name == "ABS":
        return abs(numbers[0])
    if name == "SUM":
        return _bounded(sum(numbers, Fraction(0)))
    return min(numbers) if name == "MIN" else max(numbers)


def _round(value: Fraction, places: Fraction) -> Fraction:
    if places.denominator != 1 or abs(places) > MAX_PLACES:
        raise SecondError(f"ROUND 的位数要是 -{MAX_PLACES} 到 {MAX_PLACES} 的整数")
    return rounded(value, Fraction(10) ** -places.numerator)
