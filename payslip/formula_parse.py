"""Reading a formula (docs/PAY.md §2): text → parts, kinds checked; nothing is ever run as code.

The grammar is LALR(1) and its parts are built while reading, so neither length nor nesting costs stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken

from payslip.errors import FormulaError
from payslip.formula_tree import (
    MAX_LENGTH,
    MAX_NESTING,
    Call,
    Chain,
    Column,
    Comparison,
    Expression,
    Kind,
    Negative,
    Node,
    Number,
    Text,
    columns,
)

_GRAMMAR = r"""
?start: comparison
?comparison: sum [COMPARE sum]
?sum: product ((PLUS | MINUS) product)*
?product: unary ((TIMES | OVER) unary)*
?unary: MINUS unary                                -> negative
      | atom
?atom: NUMBER                                      -> number
     | TEXT                                        -> text
     | COLUMN                                      -> column
     | NAME OPEN [comparison (COMMA comparison)*] CLOSE  -> call
     | OPEN comparison CLOSE                       -> group

COMPARE: /<=|>=|<>|!=|=|<|>/
PLUS: "+"
MINUS: "-"
TIMES: "*"
OVER: "/"
OPEN: /[(（]/
CLOSE: /[)）]/
COMMA: /[,，]/
NUMBER: /[0-9]+(\.[0-9]+)?/
TEXT: /"[^"\n]*"/
COLUMN: /\[[^\[\]\n]+\]/
NAME: /[^\W\d]\w*/
%ignore /\s+/
"""
_NUMBER, _TEXT, _CONDITION = Kind.NUMBER, Kind.TEXT, Kind.CONDITION
_ARGUMENTS: dict[str, tuple[int, int | None, Kind]] = {
    "AND": (1, None, _CONDITION),
    "OR": (1, None, _CONDITION),
    "NOT": (1, 1, _CONDITION),
    "MIN": (1, None, _NUMBER),
    "MAX": (1, None, _NUMBER),
    "SUM": (1, None, _NUMBER),
    "ABS": (1, 1, _NUMBER),
    "ROUND": (2, 2, _NUMBER),
}
"""Least and most arguments of each function but IF, and what they must be."""

FUNCTIONS = ("IF", *_ARGUMENTS)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part while it is being built: what it is, how deep it nests, where it begins (from 1)."""

    node: Node
    kind: Kind
    depth: int
    at: int


def _need(part: _Part, kind: Kind) -> None:
    if part.kind is not kind:
        hint = "，条件要用比较写，如 [迟到次数]>0" if kind is Kind.CONDITION else ""
        raise FormulaError(f"这里需要{kind}，却是{part.kind}{hint}", part.at)


def _deeper(parts: list[_Part], at: int) -> int:
    depth = 1 + max(part.depth for part in parts)
    if depth > MAX_NESTING:
        raise FormulaError(f"嵌套超过 {MAX_NESTING} 层，请拆成几个组件", at)
    return depth


def _at(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _chain(children: list[Any]) -> _Part:
    for part in children[::2]:
        _need(part, Kind.NUMBER)
    rest = tuple((str(op), part.node) for op, part in zip(children[1::2], children[2::2], strict=True))
    depth = max(part.depth for part in children[::2])
    return _Part(Chain(children[0].node, rest), Kind.NUMBER, depth, children[0].at)


def _arity(name: str, count: int, at: int) -> None:
    least, most, _ = (3, 3, None) if name == "IF" else _ARGUMENTS[name]
    if count < least or (most is not None and count > most):
        wanted = f" {least} 个" if least == most else f"至少 {least} 个"
        raise FormulaError(f"{name} 需要{wanted}参数，写了 {count} 个", at)


def _kind_of_call(name: str, arguments: list[_Part]) -> Kind:
    if name != "IF":
        kind = _ARGUMENTS[name][2]
        for part in arguments:
            _need(part, kind)
        return kind
    condition, yes, no = arguments
    _need(condition, Kind.CONDITION)
    if yes.kind is Kind.CONDITION:
        raise FormulaError("IF 的结果不能是条件", yes.at)
    _need(no, yes.kind)
    return yes.kind


class _Builder(Transformer[Token, _Part]):
    """Called by the parser at each reduction; every method gets the finished parts in order."""

    def number(self, children: list[Token]) -> _Part:
        return _Part(Number(Decimal(children[0])), Kind.NUMBER, 0, _at(children[0]))

    def text(self, children: list[Token]) -> _Part:
        return _Part(Text(children[0][1:-1]), Kind.TEXT, 0, _at(children[0]))

    def column(self, children: list[Token]) -> _Part:
        return _Part(Column(children[0][1:-1]), Kind.NUMBER, 0, _at(children[0]))

    def group(self, children: list[Any]) -> _Part:
        at = _at(children[0])
        return _Part(children[1].node, children[1].kind, _deeper([children[1]], at), at)

    def negative(self, children: list[Any]) -> _Part:
        at = _at(children[0])
        _need(children[1], Kind.NUMBER)
        return _Part(Negative(children[1].node), Kind.NUMBER, _deeper([children[1]], at), at)

    def sum(self, children: list[Any]) -> _Part:
        return _chain(children)

    def product(self, children: list[Any]) -> _Part:
        return _chain(children)

    def comparison(self, children: list[Any]) -> _Part:
        left, operator, right = children
        if operator is None:
            return left  # type: ignore[no-any-return]
        sign = "!=" if operator == "<>" else str(operator)
        if left.kind is Kind.CONDITION:
            raise FormulaError("条件不能再拿来比较", left.at)
        if left.kind is Kind.TEXT and sign not in {"=", "!="}:
            raise FormulaError("文字只能用 = 或 <> 比较", _at(operator))
        _need(right, left.kind)
        depth = max(left.depth, right.depth)
        return _Part(Comparison(sign, left.node, right.node), Kind.CONDITION, depth, left.at)

    def call(self, children: list[Any]) -> _Part:
        at, name = _at(children[0]), children[0].upper()
        if name not in FUNCTIONS:
            raise FormulaError(f"没有函数 {children[0]}；可以用 {'、'.join(FUNCTIONS)}", at)
        arguments = [child for child in children if isinstance(child, _Part)]
        _arity(name, len(arguments), at)
        kind = _kind_of_call(name, arguments)
        node = Call(name, tuple(part.node for part in arguments))
        return _Part(node, kind, _deeper(arguments, at), at)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    # The basic lexer, because its faults do not depend on what was expected.
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=_Builder(), maybe_placeholders=True)


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Read a formula whose value is a number.

    Args:
        text: as written in 薪资结构.公式.

    Raises:
        FormulaError: it cannot be read, is too long or too deep, or a part has the wrong kind; says where.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"公式超过 {MAX_LENGTH} 个字符，请拆成几个组件")
    if not text.strip():
        raise FormulaError("公式是空的")
    try:
        part: Any = _parser().parse(text)
    except UnexpectedCharacters as fault:
        raise _unknown_character(text, fault.pos_in_stream or 0) from None
    except UnexpectedToken as fault:
        raise _unexpected(text, fault.token) from None
    _need(part, Kind.NUMBER)
    return Expression(part.node, tuple(dict.fromkeys(columns(part.node))))


def _unknown_character(text: str, at: int) -> FormulaError:
    character = text[at]
    if character == "[":
        return FormulaError("列名要写成 [列名]，缺少右方括号或列名是空的", at + 1)
    if character == '"':
        return FormulaError("文字缺少右引号", at + 1)
    if character in "“”＂":
        return FormulaError('引号要用英文的 "', at + 1)
    return FormulaError(f"看不懂“{character}”", at + 1)


def _unexpected(text: str, token: Token) -> FormulaError:
    opened = _opened(text, token)
    if token.type == "$END":
        at = len(text.rstrip())
        if _bare_name(text[:at]):
            return FormulaError("列名要写在方括号里，如 [基本工资]", at)
        unfinished = text[at - 1] in "+-*/<>=,，(（"
        return FormulaError("缺少右括号" if opened and not unfinished else "公式没有写完", at)
    at = _at(token)
    if token.type == "CLOSE" and opened <= 0:
        return FormulaError("多了一个右括号", at)
    if token.type != "OPEN" and _bare_name(text[: at - 1]):
        return FormulaError("列名要写在方括号里，如 [基本工资]", at)
    if token.type == "COMPARE":
        return FormulaError("比较不能连着写，请用 AND", at)
    return FormulaError(f"这里不该有“{token}”", at)


def _bare_name(before: str) -> bool:
    last = _tokens(before)[-1:]
    return bool(last) and last[0].type == "NAME"


def _opened(text: str, until: Token) -> int:
    end = len(text) if until.type == "$END" else until.start_pos
    read = _tokens(text[:end])
    return sum((token.type == "OPEN") - (token.type == "CLOSE") for token in read)


def _tokens(text: str) -> list[Token]:
    return list(_parser().lex(text))
