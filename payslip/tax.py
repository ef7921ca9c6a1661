"""Tax on wages (docs/PAY.md §7): cumulative withholding, the yearly bonus by itself, severance.

Sources: STA announcements 2018 No. 61 (cumulative withholding), 2020 No. 13 (first job) and No. 19 (low
income), 财税〔2018〕164号 (bonus, severance). Every amount of law comes from the books.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from payslip import months
from payslip.documents import Books, Line, Month, PaidMonth, Person, TaxBracket, TaxTrail
from payslip.errors import CannotCompute
from payslip.money import ZERO, cents, percent, plain, spell

TAX: Final = "个人所得税"
BONUS, SEVERANCE = "全年一次性奖金", "离职补偿"
BONUS_TAX, SEVERANCE_TAX = "全年一次性奖金个税", "离职补偿个税"
MONTHLY_BASIC, YEARLY_BASIC = "减除费用", "年度减除费用"
LOCAL_YEAR_WAGE: Final = "当地社平年工资"


@dataclass(frozen=True, slots=True)
class Taxed:
    """What one run adds to a tax year, in yuan: income, exempt income, deductible social shares."""

    income: Decimal
    exempt: Decimal
    special: Decimal


@dataclass(frozen=True, slots=True)
class Withholding:
    """The tax withheld now, the figures behind it, and what later months must know."""

    line: Line
    trail: TaxTrail
    paid: PaidMonth


def withhold(books: Books, person: Person, own: Taxed) -> Withholding:
    """Withhold by the cumulative method.

    Args:
        books: tax table, parameters, the date of payment, which decides tax month and year.
        person: history of this tax year, declarations, first job and low income.
        own: this run's figures.

    Raises:
        CannotCompute: a parameter or a row of the table is missing, or the history holds another year.
    """
    trail = _trail(books, person, own)
    withheld = cents(max(ZERO, trail.due - trail.withheld_before))
    paid = PaidMonth(
        paid=months.month_of(books.pay_date),
        income=plain(own.income),
        exempt=plain(own.exempt),
        special=plain(own.special),
        withheld=withheld,
    )
    return Withholding(Line(code=TAX, kind="tax", amount=withheld, how=_told(trail)), trail, paid)


def _trail(books: Books, person: Person, own: Taxed) -> TaxTrail:
    tax_year = books.pay_date.year
    if any(months.year(each.paid) != tax_year for each in person.history):
        raise CannotCompute(TAX, "本年已发工资里有别的年度的记录，请重新归集数据")
    _need_complete(books)
    income = own.income + sum((each.income for each in person.history), ZERO)
    exempt = own.exempt + sum((each.exempt for each in person.history), ZERO)
    special = own.special + sum((each.special for each in person.history), ZERO)
    before = sum((each.withheld for each in person.history), ZERO)
    counted = _months(books, person)
    basic = _basic(books, person, counted)
    additional = _additional(books, person)
    taxable = max(ZERO, income - exempt - basic - special - additional)
    row = bracket(books.annual_table, taxable)
    due = cents(taxable * row.rate - row.quick)
    return TaxTrail(
        months=counted,
        income=plain(income),
        exempt=plain(exempt),
        basic=plain(basic),
        special=plain(special),
        additional=plain(additional),
        taxable=plain(taxable),
        rate=row.rate,
        quick=row.quick,
        due=due,
        withheld_before=plain(before),
        carried=cents(min(ZERO, due - before)),
    )


def _need_complete(books: Books) -> None:
    """The monthly table may have ended with the separate taxing of bonuses; then nobody else needs it."""
    for name, table in (("年度", books.annual_table), ("按月换算", books.monthly_table)):
        if (table and table[-1].upto is not None) or (not table and name == "年度"):
            raise CannotCompute(TAX, f"{name}税率表没有最高一档，请补上一行级距上限为空的税率")


def _told(trail: TaxTrail) -> str:
    figures = f"累计应纳税所得额 {spell(trail.taxable)} × {percent(trail.rate)}"
    figures += f" − 速算扣除数 {spell(trail.quick)} − 本年已预扣 {spell(trail.withheld_before)}"
    if trail.carried:
        return f"{figures}；本年已预扣的超过应纳税额，本月不扣，多扣的由以后月份抵减或在年度汇算时退还"
    return figures


def _first_month(books: Books, person: Person) -> Month:
    """The first month that counts in this tax year."""
    joined = person.join.year == books.pay_date.year and not person.first_job
    return Month(f"{books.pay_date.year}-{person.join.month if joined else 1:02d}")


def _last_month(books: Books, person: Person) -> Month:
    """The month of payment; for who left, the one in which the last month worked is paid."""
    now = months.month_of(books.pay_date)
    if person.leave is None:
        return now
    later = months.apart(books.month, now)
    return min(now, months.add(months.month_of(person.leave), later))


def _months(books: Books, person: Person) -> int:
    return months.count(_first_month(books, person), _last_month(books, person))


def _basic(books: Books, person: Person, counted: int) -> Decimal:
    if person.low_income:
        return _param(books, YEARLY_BASIC)
    return _param(books, MONTHLY_BASIC) * counted


def _param(books: Books, name: str) -> Decimal:
    value = books.params.get(name)
    if value is None:
        raise CannotCompute(TAX, f"薪酬参数里没有“{name}”，请补上")
    return value


def _additional(books: Books, person: Person) -> Decimal:
    tax_month = months.month_of(books.pay_date)
    first, last = _first_month(books, person), _last_month(books, person)
    total = ZERO
    for each in person.additional:
        if each.declared <= tax_month:
            end = last if each.end is None else min(each.end, last)
            total += each.monthly * months.count(max(each.start, first), end)
    return total


def bracket(table: Sequence[TaxBracket], amount: Decimal) -> TaxBracket:
    """The row an amount belongs to; a limit belongs to the lower row.

    Raises:
        CannotCompute: the table ends below the amount.
    """
    for row in table:
        if row.upto is None or amount <= row.upto:
            return row
    raise CannotCompute(TAX, "税率表没有最高一档，请补上一行级距上限为空的税率")


# --- the yearly bonus and severance, each taxed by itself ---


def bonus_tax(books: Books, bonus: Decimal) -> Decimal:
    """The tax on a yearly bonus by itself: a twelfth picks the row, the quick deduction counts once."""
    row = _bonus_row(books, bonus)
    return cents(bonus * row.rate - row.quick)


def _bonus_row(books: Books, bonus: Decimal) -> TaxBracket:
    if not books.monthly_table:
        raise CannotCompute(BONUS_TAX, "没有生效的按月换算税率表，全年一次性奖金不能单独计税，请并入当月")
    for row in books.monthly_table:
        # Compared by multiplying: a twelfth has no exact decimal fraction.
        if row.upto is None or bonus <= row.upto * 12:
            return row
    raise CannotCompute(BONUS_TAX, "按月换算税率表没有最高一档，请补上一行级距上限为空的税率")


def bonus_line(books: Books, bonus: Decimal) -> Line:
    """The payslip line of a yearly bonus taxed by itself."""
    row = _bonus_row(books, bonus)
    how = f"奖金 {spell(bonus)} ÷ 12 定税率：{spell(bonus)} × {percent(row.rate)} − {spell(row.quick)}"
    return Line(code=BONUS_TAX, kind="tax", amount=bonus_tax(books, bonus), how=how)


def in_cliff(books: Books, bonus: Decimal) -> bool:
    """Whether the bonus lies just above a limit of the table, so that a smaller one would net more."""
    nets = bonus - bonus_tax(books, bonus)
    limits = [row.upto * 12 for row in books.monthly_table if row.upto is not None]
    return any(limit - bonus_tax(books, limit) > nets for limit in limits if limit < bonus)


def merging_saves(books: Books, person: Person, own: Taxed, bonus: Decimal) -> Decimal:
    """How much less is withheld up to this month when a bonus is part of income instead of taxed by itself.

    Args:
        books: as for `withhold`.
        person: as for `withhold`.
        own: this run's figures without the bonus.
        bonus: yuan.

    Returns:
        Yuan; negative when taxing it by itself is cheaper.
    """
    apart = withhold(books, person, own).line.amount + bonus_tax(books, bonus)
    together = withhold(books, person, Taxed(own.income + bonus, own.exempt, own.special)).line.amount
    return apart - together


def severance_line(books: Books, person: Person, severance: Decimal) -> Line | None:
    """The tax on severance above three local yearly wages, by the annual table; None when nothing is above.

    Raises:
        CannotCompute: the city has no yearly wage.
    """
    wage = books.city_params.get(person.city, {}).get(LOCAL_YEAR_WAGE)
    if wage is None:
        raise CannotCompute(SEVERANCE_TAX, f"薪酬参数里没有{person.city}的“{LOCAL_YEAR_WAGE}”，请补上")
    excess = severance - 3 * wage
    if excess <= 0:
        return None
    row = bracket(books.annual_table, excess)
    how = f"超过当地上年平均工资三倍的 {spell(excess)} × {percent(row.rate)} − {spell(row.quick)}"
    return Line(code=SEVERANCE_TAX, kind="tax", amount=cents(excess * row.rate - row.quick), how=how)
