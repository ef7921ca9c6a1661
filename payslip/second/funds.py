"""Social insurance and housing fund: of a month, anew for past months, and what is free of tax (rule 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from payslip.second.exact import (
    Doc,
    SecondError,
    day,
    exact,
    index_of,
    month_index,
    number,
    optional,
    rounded,
    rows,
    table,
    word,
)

HOUSING = "公积金"
LOCAL_MONTHLY_WAGE = "当地社平月工资"
SIDES = (("employee", "个人"), ("employer", "单位"))

Shares = dict[tuple[str, str], Fraction]
"""(side, fund) → amount; side is ``employee`` or ``employer``."""


@dataclass(slots=True)
class Contributions:
    """A run's lines by side, what is deducted from taxable income, and what is added to it."""

    lines: dict[str, dict[str, Fraction]] = field(default_factory=lambda: {"employee": {}, "employer": {}})
    deductible: Fraction = Fraction(0)
    excess: Fraction = Fraction(0)


def contributions(books: Doc, person: Doc) -> Contributions:
    """This month's shares and the back-payments.

    Args:
        books: the run's books as plain JSON.
        person: the person's inputs as plain JSON.

    Raises:
        SecondError: two rules for one fund, a rule that cannot be read, a month paid back twice.
    """
    found = Contributions()
    shares = _shares(books, person, month_index(word(books, "month")))
    _enter(found, shares, "")
    for entry in rows(person, "backpay"):
        _enter(found, _difference(books, person, entry), f"补缴 {word(entry, 'month')} ")
    own, employers = (shares.get((side, HOUSING), Fraction(0)) for side, _ in SIDES)
    limit = _limit(books, word(person, "city"))
    found.deductible = sum(found.lines["employee"].values(), Fraction(0))
    if limit is not None:
        found.deductible -= max(Fraction(0), own - limit)
        found.excess = max(Fraction(0), employers - limit)
    return found


def _enter(found: Contributions, shares: Shares, prefix: str) -> None:
    for side, who in SIDES:
        for fund in sorted(fund for where, fund in shares if where == side):
            if shares[side, fund] == 0:
                continue
            code = prefix + ("住房公积金" if fund == HOUSING else f"{fund}保险") + f"（{who}）"
            if code in found.lines[side]:
                raise SecondError(f"“{code}”出现两次，请检查补缴月份")
            found.lines[side][code] = shares[side, fund]


def _difference(books: Doc, person: Doc, entry: Doc) -> Shares:
    """What today's rules ask for a past month, less what was charged then."""
    wanted = _shares(books, person, month_index(word(entry, "month")))
    for side, _ in SIDES:
        for fund, charged in table(entry, side).items():
            wanted[side, fund] = wanted.get((side, fund), Fraction(0)) - rounded(exact(charged, fund))
    return wanted


def _limit(books: Doc, city: str) -> Fraction | None:
    params = table(books, "city_params").get(city, {})
    if LOCAL_MONTHLY_WAGE not in params:
        return None
    return rounded(Fraction(12, 100) * 3 * number(params, LOCAL_MONTHLY_WAGE))


def _shares(books: Doc, person: Doc, month: int) -> Shares:
    found: Shares = {}
    if not _employed(person, month):
        return found
    for rule in _rules(books, word(person, "city"), month):
        fund = word(rule, "fund")
        if ("employee", fund) in found:
            raise SecondError(f"社保公积金方案里“{fund}”有两条同时生效，请改正生效日期")
        charged = _charged(person, optional(rule, "cutoff_day"), month)
        for side, _ in SIDES:
            found[side, fund] = _share(rule, person, side) if charged else Fraction(0)
    return found


def _rules(books: Doc, city: str, month: int) -> Iterator[Doc]:
    for rule in rows(books, "social"):
        if word(rule, "city") != city or month_index(word(rule, "start")) > month:
            continue
        if rule["end"] is None or month <= month_index(word(rule, "end")):
            yield rule


def _employed(person: Doc, month: int) -> bool:
    left = day(person, "leave")
    return index_of(joined_on(person)) <= month and (left is None or month <= index_of(left))


def _charged(person: Doc, cutoff: Fraction | None, month: int) -> bool:
    joined, left = joined_on(person), day(person, "leave")
    if cutoff is None:
        return True
    too_late = index_of(joined) == month and joined.day > cutoff
    too_early = left is not None and index_of(left) == month and left.day < cutoff
    return not too_late and not too_early


def _share(rule: Doc, person: Doc, side: str) -> Fraction:
    housing = word(rule, "fund") == HOUSING
    base = number(person, "fund_base" if housing else "social_base")
    floor, cap = optional(rule, "floor"), optional(rule, "cap")
    if floor is not None:
        base = max(base, floor)
    if cap is not None:
        base = min(base, cap)
    own_rate = optional(person, "fund_rate") if housing else None
    rate = number(rule, f"{side}_rate") if own_rate is None else own_rate
    return rounded(base * rate + number(rule, f"{side}_fixed"), number(rule, "unit"), word(rule, "rounding"))


def joined_on(person: Doc) -> date:
    """The day a person joined.

    Raises:
        SecondError: there is none.
    """
    joined = day(person, "join")
    if joined is None:
        raise SecondError("缺少入职日期，请在员工表补上")
    return joined
