"""Income tax by slices of the brackets (docs/PAY.md, rule 7)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from payslip.second.exact import (
    Doc,
    SecondError,
    day,
    flag,
    index_of,
    month_index,
    number,
    optional,
    rounded,
    rows,
    table,
    word,
)
from payslip.second.funds import joined_on

LOCAL_YEARLY_WAGE = "当地社平年工资"


@dataclass(frozen=True, slots=True)
class Slice:
    """Income above ``lower`` up to and including ``upper`` (None = all) is taxed at ``rate``."""

    lower: Fraction
    upper: Fraction | None
    rate: Fraction
    below: Fraction
    """The tax on everything up to ``lower``."""


@dataclass(frozen=True, slots=True)
class Month:
    """This month's own part of the cumulative figures."""

    income: Fraction
    exempt: Fraction
    special: Fraction


def slices(books: Doc, key: str) -> tuple[Slice, ...]:
    """A tax table as slices, its quick deductions proved by them.

    Args:
        books: the run's books as plain JSON.
        key: ``annual_table`` or ``monthly_table``.

    Raises:
        SecondError: limits not ascending, no last row without limit, or quick deductions that do not follow
            from the rates.
    """
    read = [(optional(row, "upto"), number(row, "rate"), number(row, "quick")) for row in rows(books, key)]
    return _proved(tuple(read))


@lru_cache(maxsize=32)
def _proved(table_rows: tuple[tuple[Fraction | None, Fraction, Fraction], ...]) -> tuple[Slice, ...]:
    found: list[Slice] = []
    lower, below = Fraction(0), Fraction(0)
    for upper, rate, quick in table_rows:
        if (found and found[-1].upper is None) or (upper is not None and upper <= lower):
            raise SecondError("税率表的级距没有按从低到高排列，请改正")
        if lower * rate - quick != below:
            raise SecondError("税率表的速算扣除数与税率不符")
        found.append(Slice(lower, upper, rate, below))
        if upper is not None:
            below += (upper - lower) * rate
            lower = upper
    if not found or found[-1].upper is not None:
        raise SecondError("税率表没有最高一档，请补上一行级距上限为空的税率")
    return tuple(found)


def slice_of(where: tuple[Slice, ...], amount: Fraction) -> Slice:
    """The slice an amount ends in; limits belong to the lower slice."""
    return next(each for each in where if each.upper is None or amount <= each.upper)


def tax_on(where: tuple[Slice, ...], amount: Fraction) -> Fraction:
    """Σ slice × rate, exact."""
    last = slice_of(where, amount)
    return last.below + (amount - last.lower) * last.rate


def withheld_now(books: Doc, person: Doc, month: Month) -> Fraction:
    """This month's 个人所得税: cumulative tax less what was withheld, not below 0.

    Args:
        books: the run's books as plain JSON.
        person: the person's inputs as plain JSON.
        month: this month's own income, exempt income and deductible shares.

    Raises:
        SecondError: a parameter is missing, a tax table contradicts itself, the history is of another year.
    """
    history = rows(person, "history")
    paid = tax_month(books)
    if any(_january(month_index(word(row, "paid"))) != _january(paid) for row in history):
        raise SecondError("本年已发工资里有别的年度的记录，请重新收集数据")
    income = month.income + sum(number(row, "income") for row in history)
    free = month.exempt + sum(number(row, "exempt") for row in history)
    free += month.special + sum(number(row, "special") for row in history)
    free += _basic(books, person, paid) + _additional(books, person, paid)
    annual = slices(books, "annual_table")
    if rows(books, "monthly_table"):  # proved, used or not; none when bonuses are no longer taxed alone
        slices(books, "monthly_table")
    due = rounded(tax_on(annual, max(Fraction(0), income - free)))
    return max(Fraction(0), rounded(due - sum(number(row, "withheld") for row in history)))


def tax_month(books: Doc) -> int:
    """The month money goes out, as year × 12 + month.

    Raises:
        SecondError: the books have no pay date.
    """
    paid = day(books, "pay_date")
    if paid is None:
        raise SecondError("缺少发薪日期")
    return index_of(paid)


def _january(month: int) -> int:
    return (month - 1) // 12 * 12 + 1


def _first_month(person: Doc, paid: int) -> int:
    """The first month that counts this year."""
    joined = index_of(joined_on(person))
    same_year = _january(joined) == _january(paid)
    return joined if same_year and not flag(person, "first_job") else _january(paid)


def _end(books: Doc, person: Doc, paid: int) -> int:
    """The last month that counts: of payment, or of the pay for the month somebody left in."""
    left = day(person, "leave")
    if left is None:
        return paid
    return min(paid, index_of(left) + paid - month_index(word(books, "month")))


def _basic(books: Doc, person: Doc, paid: int) -> Fraction:
    name = "年度减除费用" if flag(person, "low_income") else "减除费用"
    params = table(books, "params")
    if name not in params:
        raise SecondError(f"薪酬参数缺少“{name}”")
    times = (
        1
        if flag(person, "low_income")
        else max(0, _end(books, person, paid) - _first_month(person, paid) + 1)
    )
    return number(params, name) * times


def _additional(books: Doc, person: Doc, paid: int) -> Fraction:
    total = Fraction(0)
    first, last = _first_month(person, paid), _end(books, person, paid)
    for row in rows(person, "additional"):
        if month_index(word(row, "declared")) > paid:
            continue
        start = max(month_index(word(row, "start")), first)
        end = last if row["end"] is None else min(last, month_index(word(row, "end")))
        total += number(row, "monthly") * max(0, end - start + 1)
    return total


def bonus_tax(books: Doc, bonus: Fraction) -> Fraction:
    """Tax on a yearly bonus by itself: the row by a twelfth of it, its quick deduction taken once.

    Raises:
        SecondError: the monthly table contradicts itself.
    """
    row = slice_of(slices(books, "monthly_table"), bonus / 12)
    return rounded(bonus * row.rate - (row.lower * row.rate - row.below))


def severance_tax(books: Doc, city: str, severance: Fraction) -> Fraction | None:
    """Tax on severance above three local yearly wages; None when all of it is exempt.

    Raises:
        SecondError: the city's yearly wage is missing.
    """
    params = table(books, "city_params").get(city, {})
    if LOCAL_YEARLY_WAGE not in params:
        raise SecondError(f"{city}缺少参数“{LOCAL_YEARLY_WAGE}”，无法计算离职补偿")
    excess = severance - 3 * number(params, LOCAL_YEARLY_WAGE)
    return rounded(tax_on(slices(books, "annual_table"), excess)) if excess > 0 else None
