"""The parts a formula is made of, once it has been read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

MAX_LENGTH = 2_000
MAX_NESTING = 50


class Kind(StrEnum):
    """What a part is, known without values."""

    NUMBER = "数字"
    TEXT = "文字"
    CONDITION = "条件"


@dataclass(frozen=True, slots=True)
class Number:
    """``12`` or ``0.5``."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Text:
    """``"…"``; only ever compared."""

    value: str


@dataclass(frozen=True, slots=True)
class Column:
    """``[name]``."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    """``-x``."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Chain:
    """``a + b - c`` or ``a * b / c``: one level, however long, so that length never becomes depth."""

    first: Node
    rest: tuple[tuple[str, Node], ...]

    @property
    def adds(self) -> bool:
        """True for sums, False for products."""
        return self.rest[0][0] in "+-"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``a <= b``; the operator is one of ``= != < <= > >=``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """``MAX(a, b)``; the name in upper case."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Text | Column | Negative | Chain | Comparison | Call


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A formula that reads well and has the kind number.

    Attributes:
        root: its outermost part.
        columns: every column it names, each once, in order of appearance.
    """

    root: Node
    columns: tuple[str, ...]


def parts(node: Node) -> Iterator[Node]:
    """The parts directly inside a part, from left to right."""
    match node:
        case Negative(operand):
            yield operand
        case Chain(first, rest):
            yield first
            yield from (each for _, each in rest)
        case Comparison(_, left, right):
            yield left
            yield right
        case Call(_, arguments):
            yield from arguments


def columns(node: Node) -> Iterator[str]:
    """Every column named in a part, with repetitions, from left to right."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Column):
            yield each.name
        waiting.extend(reversed(list(parts(each))))
