"""A condition as a tree: what a rule computes and compares. Types only.

Every rule, written in single cells or as an expression, becomes these few shapes; ``compiled.py`` computes
them exactly for one row, ``vector.py`` for whole columns at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

PAST = "@"
"""Stands in the key of a figure of former days, as in ``gmv@week`` (see ``history.py``)."""

LARGEST = 15
"""Digits before the point that a number may have: above that, columns of doubles cannot hold its cents."""


@dataclass(frozen=True, slots=True)
class Const:
    """A number in the rule itself."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Column:
    """A number in the row. ``name`` is the column's as the rule knows it."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Arith:
    """Sum, difference or product."""

    op: Literal["+", "-", "*"]
    left: Number
    right: Number


@dataclass(frozen=True, slots=True)
class Ratio:
    """A quotient; nothing can be said when ``right`` is zero, which ``sentence`` says in Chinese."""

    left: Number
    right: Number
    sentence: str


@dataclass(frozen=True, slots=True)
class Extreme:
    """The largest (``most``) or the smallest of several numbers."""

    most: bool
    parts: tuple[Number, ...]


Number: TypeAlias = Const | Column | Arith | Ratio | Extreme

Operator: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a scope: column, operator (``= ≠ > ≥ < ≤ 包含``) and the accepted values."""

    key: str
    name: str
    operator: str
    values: tuple[str, ...]
    number: Decimal | None


@dataclass(frozen=True, slots=True)
class Compare:
    """Two numbers compared."""

    op: Operator
    left: Number
    right: Number


@dataclass(frozen=True, slots=True)
class Is:
    """A column of words compared. ``strict``: an empty cell is unknown; else it is none of the words."""

    condition: Condition
    strict: bool


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds. One part that certainly does not decides, whatever is unknown beside it (Kleene)."""

    parts: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Some part holds. One part that certainly does decides, whatever is unknown beside it (Kleene)."""

    parts: tuple[Truth, ...]


Truth: TypeAlias = Compare | Is | All | Either

Tree: TypeAlias = Number | Truth


def size_of(number: Number) -> Number:
    """The absolute value of a number."""
    return folded(Extreme(True, (number, folded(Arith("-", Const(Decimal(0)), number)))))


def below(tree: Tree) -> tuple[Tree, ...]:
    """The parts of a tree, from left to right."""
    match tree:
        case Arith() | Ratio() | Compare():
            return tree.left, tree.right
        case Extreme() | All() | Either():
            return tree.parts
        case _:
            return ()


def columns(*trees: Tree | None) -> list[str]:
    """Keys of the number columns in some trees, each once, in the order they are met."""
    found: dict[str, None] = {}
    for tree in trees:
        if isinstance(tree, Column):
            found.setdefault(tree.key)
        if tree is not None:
            found.update(dict.fromkeys(columns(*below(tree))))
    return list(found)


def degree(number: Number) -> int:
    """How many columns are multiplied or divided in a row at most; bounds the size of what can come out."""
    match number:
        case Arith("*", left, right) | Ratio(left, right, _):
            return degree(left) + degree(right)
        case Arith(_, left, right):
            return max(degree(left), degree(right))
        case Extreme(_, parts):
            return max(degree(part) for part in parts)
        case _:
            return 1


def folded(number: Number) -> Number:
    """The same number; arithmetic between constants is done at once."""
    match number:
        case Arith("+", Const(one), Const(other)):
            return Const(one + other)
        case Arith("-", Const(one), Const(other)):
            return Const(one - other)
        case Arith("*", Const(one), Const(other)):
            return Const(one * other)
        case Ratio(Const(one), Const(other), _):
            return Const(one / other)
        case Extreme(_, (Const(one), Const(other))):
            return Const(max(one, other) if number.most else min(one, other))
    return number
