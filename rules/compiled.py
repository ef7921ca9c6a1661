"""A rule made ready: its trees in one place, and the exact judgement of one row.

`Program` is what the scan of whole columns (``vector.py``) computes too. Here every number is a Decimal,
``None`` stands for *unknown*, and a row is read once for all rules: no cell is decoded twice, no rule parsed
again.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from bitable_sync.cells import CellValue
from rules.metrics import SAMPLE, NotKnown, number, usable
from rules.model import Comparison, Doubt, Fixed, Limit, OfField, Rule, Verdict
from rules.scope import holds, scope_tree
from rules.specs import GONE, PLANS
from rules.tree import (
    PAST,
    All,
    Arith,
    Column,
    Compare,
    Const,
    Either,
    Extreme,
    Is,
    Number,
    Operator,
    Ratio,
    Tree,
    Truth,
    below,
    columns,
    folded,
    size_of,
)

GONE_SENTENCE = "平台上已经没有这个计划。如果确实已下线，请点“确认已下线”"
DEFAULT_MARGIN = Decimal("0.1")
_OPERATORS: Mapping[Comparison, Operator] = {
    Comparison.BELOW: "<", Comparison.AT_MOST: "<=", Comparison.ABOVE: ">", Comparison.AT_LEAST: ">=",
}  # fmt: skip
_ARITH: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul,
}  # fmt: skip
_COMPARE: Mapping[Operator, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class Reading(dict[str, Decimal | None]):
    """One row as rules compute with it: numbers by key, None for what is no usable number.

    Read when first asked for. ``cells`` are the row's; ``past`` the object's figures of former days.
    """

    __slots__ = ("_gone", "cells", "past")

    def __init__(self, cells: Mapping[str, CellValue], past: Mapping[str, Decimal]) -> None:
        super().__init__()
        self.cells = cells
        self.past = past
        self._gone: bool | None = None

    @property
    def gone(self) -> bool:
        """Whether the platform no longer knows the object."""
        if self._gone is None:
            self._gone = self.cells["status"] == GONE
        return self._gone

    def __missing__(self, key: str) -> Decimal | None:
        found = self.past.get(key) if PAST in key else usable(self.cells[key])
        self[key] = found
        return found


@dataclass(frozen=True, slots=True)
class Program:
    """A rule as trees. Either ``condition`` decides, or ``breach``, which compares value and limit.

    Attributes:
        scope: which rows it is about; None for all.
        floors: columns with the number under which nothing is decided, in the order they are asked.
        recover: the value from which an alert counts as over.
        ending: columns that nothing but ``recover`` needs.
    """

    rule: Rule
    scope: Truth | None
    floors: tuple[tuple[Column, Decimal], ...]
    condition: Truth | None
    breach: Compare
    recover: Number
    ending: tuple[str, ...]

    @property
    def may_be_gone(self) -> bool:
        """Whether the table tells of objects that the platform no longer knows."""
        return self.rule.table == PLANS


@lru_cache(maxsize=1024)
def program(rule: Rule) -> Program:
    """The trees of a rule; made once for each version of it."""
    limit = _bound(rule.limit)
    downwards = rule.comparison.downwards
    if rule.recover is None:
        margin = folded(Arith("*", size_of(limit), Const(DEFAULT_MARGIN)))
        recover = folded(Arith("+" if downwards else "-", limit, margin))
    else:
        # A recovery threshold that (through columns) falls on the wrong side is pulled to the fire threshold,
        # so that no value can be a breach and a recovery at once.
        recover = folded(Extreme(downwards, (_bound(rule.recover), limit)))
    floors = []
    if rule.floor is not None:
        floors.append((Column("spend", "消耗"), rule.floor))
    if rule.sample is not None:
        floors.append((Column(*SAMPLE[rule.table]), rule.sample))
    breach = Compare(_OPERATORS[rule.comparison], rule.metric.value, limit)
    ending = tuple(key for key in columns(recover) if key not in columns(breach))
    return Program(rule, scope_tree(rule.scope), tuple(floors), rule.condition, breach, recover, ending)


def _bound(limit: Limit) -> Number:
    if isinstance(limit, Fixed):
        return Const(limit.value)
    if isinstance(limit, OfField):
        column = Column(limit.key, limit.name)
        return column if limit.factor == 1 else Arith("*", column, Const(limit.factor))
    return limit.value


# --- computing one row ---

Numeric: TypeAlias = Callable[[Reading], Decimal | None]
Logic: TypeAlias = Callable[[Reading], bool | None]


def numeric(tree: Number) -> Numeric:
    """A function that computes a number of one row; None when it is unknown."""
    match tree:
        case Const(value):
            return lambda _row: value
        case Column(key, _):
            return operator.itemgetter(key)
        case Arith(op, left, right):
            return _arith(_ARITH[op], numeric(left), numeric(right))
        case Ratio(left, right, _):
            return _ratio(numeric(left), numeric(right))
        case Extreme(most, parts):
            return _extreme(max if most else min, [numeric(part) for part in parts])


def _arith(apply: Callable[[Decimal, Decimal], Decimal], left: Numeric, right: Numeric) -> Numeric:
    def compute(row: Reading) -> Decimal | None:
        one, other = left(row), right(row)
        return None if one is None or other is None else apply(one, other)

    return compute


def _ratio(left: Numeric, right: Numeric) -> Numeric:
    def compute(row: Reading) -> Decimal | None:
        top, base = left(row), right(row)
        return top / base if top is not None and base else None

    return compute


def _extreme(choose: Callable[[list[Decimal]], Decimal], parts: list[Numeric]) -> Numeric:
    def compute(row: Reading) -> Decimal | None:
        found = [part(row) for part in parts]
        known = [value for value in found if value is not None]
        return choose(known) if len(known) == len(found) else None

    return compute


def logic(tree: Truth) -> Logic:
    """A function that says whether a row meets a condition; None when unknown (Kleene's three values)."""
    match tree:
        case Compare(op, left, right):
            return _compare(_COMPARE[op], numeric(left), numeric(right))
        case Is():
            return _is(tree)
        case All(parts):
            return _joined([logic(part) for part in parts], decides=False)
        case Either(parts):
            return _joined([logic(part) for part in parts], decides=True)


def _compare(holds_for: Callable[[Decimal, Decimal], bool], left: Numeric, right: Numeric) -> Logic:
    def compute(row: Reading) -> bool | None:
        one, other = left(row), right(row)
        return None if one is None or other is None else holds_for(one, other)

    return compute


def _is(tree: Is) -> Logic:
    key = tree.condition.key

    def compute(row: Reading) -> bool | None:
        held = holds(tree, row.cells[key])
        return None if isinstance(held, NotKnown) else held

    return compute


def _joined(parts: list[Logic], *, decides: bool) -> Logic:
    def compute(row: Reading) -> bool | None:
        answer: bool | None = not decides
        for part in parts:
            held = part(row)
            if held is decides:
                return decides
            if held is None:
                answer = None
        return answer

    return compute


def why(tree: Tree, row: Reading, names: Mapping[str, str]) -> NotKnown | None:
    """Why a tree cannot be computed for a row: its first unknown part; None when it can.

    Args:
        tree: what should have been computed.
        row: the row.
        names: what people call the columns now, by field key.
    """
    if isinstance(tree, Column):
        return None if row[tree.key] is not None else _missing(tree, row, names)
    if isinstance(tree, Is):
        held = holds(tree, row.cells[tree.condition.key])
        return held if isinstance(held, NotKnown) else None
    for part in below(tree):
        found = why(part, row, names)
        if found is not None:
            return found
    if isinstance(tree, Ratio) and not numeric(tree.right)(row):
        return NotKnown(Doubt.ZERO_BASE, tree.sentence)
    return None


def _missing(column: Column, row: Reading, names: Mapping[str, str]) -> NotKnown:
    if PAST in column.key:
        return NotKnown(Doubt.NO_SAMPLE, f"还没有{column.name}，无法比较")
    found = number(row.cells, column.key, names.get(column.key, column.name))
    return found if isinstance(found, NotKnown) else NotKnown(Doubt.NOT_A_NUMBER, f"“{column.name}”读不出来")


# --- judging one row ---

Answer: TypeAlias = tuple[Verdict, Decimal | None, Decimal | None, Decimal | None]
"""Verdict, value, limit, and where the alert would be over."""

Judge: TypeAlias = Callable[[Reading, Mapping[str, str]], Answer | NotKnown]

_OUT: Answer = (Verdict.OUT, None, None, None)
_HOLD: Answer = (Verdict.HOLD, None, None, None)
_BREACH: Answer = (Verdict.BREACH, None, None, None)
_CLEAR: Answer = (Verdict.CLEAR, None, None, None)


@lru_cache(maxsize=1024)
def compiled(rule: Rule) -> Judge:
    """A function that judges one row exactly, from ``(row, names of the columns)``."""
    made = program(rule)
    scope = logic(made.scope) if made.scope else None
    decide = _by_condition(made.condition) if made.condition else _by_limit(made)
    may_be_gone, floors = made.may_be_gone, made.floors

    def judge(row: Reading, names: Mapping[str, str]) -> Answer | NotKnown:
        if may_be_gone and row.gone:
            return NotKnown(Doubt.VANISHED, GONE_SENTENCE)
        inside = scope(row) if scope else True
        if inside is False:
            return _OUT
        if inside is None and made.scope:
            found = why(made.scope, row, names)
            return NotKnown(Doubt.SCOPE, f"范围条件无法判断：{found.sentence if found else ''}")
        for column, least in floors:
            spent = row[column.key]
            if spent is None:
                return _missing(column, row, names)
            if spent < least:
                return _HOLD
        return decide(row, names)

    return judge


def _by_condition(condition: Truth) -> Judge:
    compute = logic(condition)

    def decide(row: Reading, names: Mapping[str, str]) -> Answer | NotKnown:
        held = compute(row)
        if held is None:
            return _reason(names, row, condition)
        return _BREACH if held else _CLEAR

    return decide


def _by_limit(made: Program) -> Judge:
    measure, bound, end = numeric(made.breach.left), numeric(made.breach.right), numeric(made.recover)
    crossed = _COMPARE[made.breach.op]
    over = operator.ge if made.rule.comparison.downwards else operator.le

    def decide(row: Reading, names: Mapping[str, str]) -> Answer | NotKnown:
        value, limit, recover_at = measure(row), bound(row), end(row)
        if value is None or limit is None or recover_at is None:
            return _reason(names, row, made.breach, made.recover)
        if crossed(value, limit):
            return Verdict.BREACH, value, limit, recover_at
        return (Verdict.CLEAR if over(value, recover_at) else Verdict.HOLD), value, limit, recover_at

    return decide


def _reason(names: Mapping[str, str], row: Reading, *trees: Tree) -> NotKnown:
    found = (why(tree, row, names) for tree in trees)
    return next(filter(None, found), NotKnown(Doubt.NOT_A_NUMBER, "这一行算不出来"))
