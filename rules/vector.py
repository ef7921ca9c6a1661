"""Rules over whole columns at once: which rows are over a line, cannot be judged, or are close to it.

Doubles are fast and not exact, so each number carries a bound of how far it may be from the Decimal that
``compiled.py`` would compute. Where that bound could change an answer the row's code is `CLOSE`, and the
caller has it judged exactly. Every other code is what the exact judgement says (hypothesis test in
``tests/rules/test_agree.py``). Bounds, not samples: for products and quotients they are a share known
beforehand, for sums a number known from the largest values of the columns; comparing a column with a constant
is exact, because shortest decimal numbers and doubles are in the same order.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, reduce
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bitable_sync.cells import CellValue
from rules.compiled import Program
from rules.metrics import NotKnown
from rules.scope import holds
from rules.specs import GONE
from rules.tree import (
    All,
    Arith,
    Column,
    Compare,
    Condition,
    Const,
    Either,
    Extreme,
    Is,
    Number,
    Operator,
    Ratio,
    Truth,
)

FINE, BREACH, UNKNOWN, OUT, CLOSE, HELD = range(6)
"""What a code says of a row: not over the line (clear or between), over it, cannot be judged, out of scope,
too
close to be decided in doubles, under a floor."""

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Codes: TypeAlias = NDArray[np.int8]

ULP: Final = 2.0**-52
"""Twice the largest share by which one operation on doubles is off."""
SLACK: Final = 4.0
"""Bounds are computed in doubles too, and left out terms of second order; both are far below this factor."""
EXACT: Final = 2.0**53
"""Whole numbers below this are exact doubles."""
SMALLEST: Final = 1e-15


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: each row's place in the list of different cells."""

    places: NDArray[np.intp]
    cells: Sequence[CellValue]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers; where ``bad`` the cell is none, and a one stands there instead.

    Build it with `numbers`.
    """

    values: Floats
    bad: Flags | None
    whole: bool
    most: float


def numbers(values: Floats, bad: Flags) -> Numbers:
    """A column for computing, with what is known of all its numbers."""
    values = np.where(bad, 1.0, values)
    most = float(np.abs(values).max(initial=1.0))
    return Numbers(values, bad if bad.any() else None, bool((np.rint(values) == values).all()), most)


@dataclass
class Block:
    """Some rows of a table as columns. What several rules ask for is computed once.

    Attributes:
        size: number of rows.
        numbers: by field key; keys of former days (``gmv@week``) too.
        words: by field key.
        odd: rows with a number that a double does not hold as it is written; they are always judged exactly.
    """

    size: int
    numbers: Mapping[str, Numbers]
    words: Mapping[str, Words]
    odd: Flags | None = None
    _masks: dict[Truth, Logic] = field(default_factory=dict, repr=False)
    _made: dict[Number, _Num] = field(default_factory=dict, repr=False)

    def meets(self, condition: Truth) -> Logic:
        """A condition of the rows, computed when first asked for."""
        if condition not in self._masks:
            self._masks[condition] = _truth(condition, self)
        return self._masks[condition]

    def number(self, tree: Number) -> _Num:
        """A number of the rows, computed when first asked for."""
        if tree not in self._made:
            self._made[tree] = _number(tree, self)
        return self._made[tree]

    @cached_property
    def gone(self) -> Flags | None:
        """Rows of objects that the platform no longer knows."""
        status = self.words.get("status")
        if status is None or GONE not in status.cells:
            return None
        return _of_cells(status, [cell == GONE for cell in status.cells])

    def unreadable(self, keys: Sequence[str], words: Sequence[Is]) -> Flags | None:
        """Rows in which one of these columns holds no number, or one of these conditions cannot be read."""
        return _any(
            *(self.numbers[key].bad for key in keys), *(self.meets(condition).unknown for condition in words)
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rule says about the rows of a block. ``values``: the metric, where there is one."""

    codes: Codes
    values: Floats | None


def judge(made: Program, block: Block) -> Judged:
    """Apply a rule to a block."""
    with np.errstate(all="ignore"):
        if made.condition is None:
            value = block.number(made.breach.left)
            held = _compared(made.breach.op, value, block.number(made.breach.right))
            ending = (block.numbers[key].bad for key in made.ending)
            unknown, values = _any(held.unknown, *ending), _spread(value, block)
        else:
            held, values = block.meets(made.condition), None
            unknown = held.unknown
        codes = _spread_flags(held.true, block).astype(np.int8)  # FINE or BREACH
        _set(codes, unknown, UNKNOWN)
        _set(codes, held.close, CLOSE)
        _gates(made, block, codes)
    return Judged(codes, values)


def _gates(made: Program, block: Block, codes: Codes) -> None:
    """What is asked before the comparison, the first question last, so that it wins."""
    for column, least in reversed(made.floors):
        found = _compared("<", block.number(column), _const(least))
        _set(codes, found.true, HELD)
        _set(codes, found.unknown, UNKNOWN)
        _set(codes, found.close, CLOSE)
    if made.scope is not None:
        inside = block.meets(made.scope)
        _set(codes, inside.unknown, UNKNOWN)
        outside = ~inside.true if inside.unknown is None else ~(inside.true | inside.unknown)
        _set(codes, outside, OUT)
        _set(codes, inside.close, CLOSE)
    if made.may_be_gone:
        _set(codes, block.gone, UNKNOWN)
    _set(codes, block.odd, CLOSE)


def _set(codes: Codes, where: Flags | None, code: int) -> None:
    if where is not None:
        np.copyto(codes, code, where=where, casting="unsafe")


def _any(*flags: Flags | None) -> Flags | None:
    known = [flag for flag in flags if flag is not None]
    return reduce(operator.or_, known) if known else None


def _spread(number: _Num, block: Block) -> Floats:
    return np.broadcast_to(np.asarray(number.values, np.float64), (block.size,))


def _spread_flags(flags: Any, block: Block) -> Flags:
    return np.broadcast_to(np.asarray(flags, np.bool_), (block.size,))


# --- numbers with bounds ---


@dataclass(frozen=True, slots=True)
class _Num:
    """Numbers, and how far from the exact ones: at most ``share`` of the number plus ``off``.

    Attributes:
        values: one for each row, or one for all.
        bad: rows in which it is unknown.
        most: no number here is larger, sign aside.
        whole: whole numbers without any error.
        ordered: ordered exactly as the Decimals they stand for.
    """

    values: Any
    bad: Flags | None
    share: float
    off: Any
    most: float
    whole: bool
    ordered: bool

    @property
    def size(self) -> Any:
        """How large the numbers are: one bound for all where there is one, else each for itself."""
        return self.most if math.isfinite(self.most) else np.abs(self.values)

    @property
    def error(self) -> Any:
        """How far the numbers may be off, as a number."""
        return self.off if self.share == 0 else self.off + self.share * self.size

    @property
    def without_off(self) -> bool:
        """Whether the bound is a mere share, so that zero is zero."""
        return isinstance(self.off, float) and self.off == 0


def _number(tree: Number, block: Block) -> _Num:
    match tree:
        case Const(value):
            return _const(value)
        case Column():
            return _column(tree, block)
        case Arith("*", left, right):
            return _product(block.number(left), block.number(right))
        case Arith(op, left, right):
            return _sum(op, block.number(left), block.number(right))
        case Ratio(left, right, _):
            return _quotient(block.number(left), block.number(right))
        case Extreme(most, parts):
            return _extreme(most, [block.number(part) for part in parts])


def _const(value: Decimal) -> _Num:
    near = float(value)
    same = math.isfinite(near) and Decimal(near) == value
    written = math.isfinite(near) and Decimal(repr(near)) == value
    whole = same and near.is_integer() and abs(near) < EXACT
    return _Num(near, None, 0.0 if same else ULP, 0.0, abs(near), whole, written)


def _column(column: Column, block: Block) -> _Num:
    found = block.numbers[column.key]
    return _Num(
        found.values, found.bad, 0.0 if found.whole else ULP, 0.0, found.most, found.whole, ordered=True
    )


def _sum(op: str, one: _Num, other: _Num) -> _Num:
    values = one.values + other.values if op == "+" else one.values - other.values
    bad, most = _any(one.bad, other.bad), one.most + other.most
    if one.whole and other.whole and most < EXACT:
        return _Num(values, bad, 0.0, 0.0, most, whole=True, ordered=True)
    return _Num(values, bad, ULP, one.error + other.error, most, whole=False, ordered=False)


def _product(one: _Num, other: _Num) -> _Num:
    values, bad, most = one.values * other.values, _any(one.bad, other.bad), one.most * other.most
    if one.whole and other.whole and most < EXACT:
        return _Num(values, bad, 0.0, 0.0, most, whole=True, ordered=True)
    off = 0.0
    if not (one.without_off and other.without_off):
        off = one.off * other.size + other.off * one.size + one.off * other.off
    return _Num(values, bad, one.share + other.share + ULP, off, most, whole=False, ordered=False)


def _quotient(top: _Num, base: _Num) -> _Num:
    values, bad = top.values / base.values, _any(top.bad, base.bad)
    off: Any = 0.0
    size = np.abs(base.values)
    if base.without_off:
        bad = _any(bad, np.asarray(base.values == 0)) if np.ndim(base.values) else bad
        if not top.without_off:
            off = top.off / size
    else:
        sure = size * (1 - base.share) - base.off
        off = np.where(sure > 0, (top.off + np.abs(values) * base.off) / sure, np.inf)
    share = top.share + base.share + ULP
    return _Num(values, bad, share, off, math.inf, whole=False, ordered=False)


def _extreme(most: bool, parts: Sequence[_Num]) -> _Num:
    values = reduce(np.maximum if most else np.minimum, [part.values for part in parts])
    whole = all(part.whole for part in parts)
    return _Num(
        values, _any(*(part.bad for part in parts)), max(part.share for part in parts),
        reduce(operator.add, [part.off for part in parts]), max(part.most for part in parts), whole,
        all(part.ordered for part in parts),
    )  # fmt: skip


# --- conditions ---


@dataclass(frozen=True, slots=True)
class Logic:
    """Where a condition holds, where it is unknown, and where doubles are too coarse to tell."""

    true: Flags
    unknown: Flags | None
    close: Flags | None


_APPLY: Mapping[Operator, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def _truth(tree: Truth, block: Block) -> Logic:
    match tree:
        case Compare(op, left, right):
            found = _compared(op, block.number(left), block.number(right))
            return replace(found, true=_spread_flags(found.true, block))
        case Is(condition, _):
            return _word(tree, condition, block)
        case All(parts):
            return _joined([block.meets(part) for part in parts], decides=False)
        case Either(parts):
            return _joined([block.meets(part) for part in parts], decides=True)


def _compared(op: Operator, one: _Num, other: _Num) -> Logic:
    unknown = _any(one.bad, other.bad)
    if one.ordered and other.ordered:
        true, close = _APPLY[op](one.values, other.values), None
    else:
        true, close = _roughly(op, one, other)
    if unknown is not None:
        true = true & ~unknown
        close = None if close is None else close & ~unknown
    return Logic(true, unknown, close)


def _roughly(op: Operator, one: _Num, other: _Num) -> tuple[Flags, Flags]:
    """Where a comparison surely holds, and where the two are closer than they may be off.

    With d the distance found and s the shares: the true distance has the same sign if d exceeds the errors of
    both. The error of ``one`` is at most s·(|other| + d), hence only |other| is needed, and a factor.
    """
    size = np.abs(other.values)
    reach = SLACK * ((one.share + other.share) * size + one.off + other.off)
    less, more = one.values < other.values - reach, one.values > other.values + reach
    apart = less | more
    close = ~apart  # also where something is not a number
    if op in {"<", "<="}:
        return less, close
    if op in {">", ">="}:
        return more, close
    return (apart if op == "!=" else apart & close), close


def _word(tree: Is, condition: Condition, block: Block) -> Logic:
    """Each different cell is asked once, by the very function that judges one row."""
    column = block.words[condition.key]
    held = [holds(tree, cell) for cell in column.cells]
    doubt = [isinstance(each, NotKnown) for each in held]
    true = _of_cells(column, [each is True for each in held])
    return Logic(true, _of_cells(column, doubt) if any(doubt) else None, None)


def _of_cells(column: Words, flags: Sequence[bool]) -> Flags:
    """What is true of each row's cell."""
    return np.asarray(np.array(flags, np.bool_)[column.places])


def _joined(parts: Sequence[Logic], *, decides: bool) -> Logic:
    close, unknown = _any(*(part.close for part in parts)), _any(*(part.unknown for part in parts))
    true = reduce(operator.or_ if decides else operator.and_, [part.true for part in parts])
    if unknown is None:
        return Logic(true, None, close)
    if decides:
        return Logic(true, unknown & ~true, close)
    false = [~part.true if part.unknown is None else ~(part.true | part.unknown) for part in parts]
    return Logic(true, unknown & ~reduce(operator.or_, false), close)
