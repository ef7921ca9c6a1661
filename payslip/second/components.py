"""The components of the structure (docs/PAY.md, rule 2): in which order, from which columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from payslip.second import reader
from payslip.second.exact import Doc, SecondError, exact, flag, rounded, rows, table, word

COMMISSION = "提成金额"
EARNING, PRETAX, AFTERTAX, HELPER = "应发", "税前扣减", "税后扣减", "参考"


@dataclass(frozen=True, slots=True)
class Piece:
    """A component's value for one person; ``amount`` is in whole cents unless the category is 参考."""

    name: str
    category: str
    amount: Fraction
    taxable: bool


def pieces(books: Doc, person: Doc, commission: Fraction) -> list[Piece]:
    """Every component's value for one person, in the order of the structure's rows.

    Args:
        books: the run's books as plain JSON.
        person: the person's inputs as plain JSON.
        commission: the month's 提成金额.

    Raises:
        SecondError: a formula that cannot be read or has no value here, a cycle, a negative value.
    """
    structure = {word(row, "name"): row for row in rows(books, "structure")}
    if len(structure) != len(rows(books, "structure")):
        raise SecondError("薪资结构里有同名组件，请改名")
    columns = _columns(books, person, commission)
    values: dict[str, Fraction] = {}
    for name in _order(tuple((name, word(row, "formula")) for name, row in structure.items())):
        values[name] = _value(name, structure[name], values, columns)
    return [
        Piece(name, word(row, "category"), values[name], flag(row, "taxable"))
        for name, row in structure.items()
    ]


def _columns(books: Doc, person: Doc, commission: Fraction) -> dict[str, Fraction]:
    """What a name in brackets can mean besides a component; the later layers go before the earlier."""
    city = table(books, "city_params").get(word(person, "city"), {})
    layers: tuple[Mapping[str, object], ...] = (table(books, "params"), city)
    found = {name: exact(value, name) for layer in layers for name, value in layer.items()}
    found[COMMISSION] = commission
    found.update({name: exact(value, name) for name, value in table(person, "fields").items()})
    return found


def _value(name: str, row: Doc, values: Mapping[str, Fraction], columns: Mapping[str, Fraction]) -> Fraction:
    def column(wanted: str) -> Fraction:
        if wanted in values:
            return values[wanted]
        if wanted not in columns:
            raise SecondError(f"“{wanted}”没有值")
        return columns[wanted]

    try:
        value = reader.evaluate(word(row, "formula"), column)
    except SecondError as error:
        raise SecondError(f"组件“{name}”：{error}") from None
    category = word(row, "category")
    if category not in {EARNING, PRETAX, AFTERTAX, HELPER}:
        raise SecondError(f"组件“{name}”的类别无效")
    if category == HELPER:
        return value
    if rounded(value) < 0:
        raise SecondError(f"组件“{name}”为负数，请在公式里写 MAX(0, …)")
    return rounded(value)


@lru_cache(maxsize=64)
def _order(formulas: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Names so that each comes after those its formula mentions.

    Raises:
        SecondError: a formula that cannot be read, or a cycle (named).
    """
    names = {name for name, _ in formulas}
    waiting: dict[str, frozenset[str]] = {}
    for name, formula in formulas:
        try:
            waiting[name] = reader.mentions(formula) & names
        except SecondError as error:
            raise SecondError(f"组件“{name}”：{error}") from None
    done: list[str] = []
    while waiting:
        ready = [name for name, needs in waiting.items() if needs.isdisjoint(waiting)]
        if not ready:
            raise SecondError(f"组件互相引用成环：{_cycle(waiting)}")
        done += ready
        for name in ready:
            del waiting[name]
    return tuple(done)


def _cycle(waiting: Mapping[str, frozenset[str]]) -> str:
    """One of the cycles among components that wait for each other."""
    path = [min(waiting)]
    while True:
        following = min(waiting[path[-1]] & waiting.keys())
        if following in path:
            return " → ".join([*path[path.index(following) :], following])
        path.append(following)
