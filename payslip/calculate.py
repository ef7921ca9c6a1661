"""The first computation of pay: books and person in, pay out; pure, exact, to the rules of docs/PAY.md.

`payslip.second` computes the same from the same page on its own; a run is signed only where both agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, Overflow, localcontext
from typing import Final

from payslip import tax
from payslip.commission import Commission, commission
from payslip.documents import Books, Carry, Line, Pay, Person, Totals
from payslip.earnings import Computed, Gross, Item, compute, gross, of_kind, one_offs, total
from payslip.errors import CannotCompute
from payslip.money import EXACT, ZERO, cents, spell
from payslip.social import Social, contributions

MINIMUM_WAGE: Final = "最低工资"
DAMAGES, RECOVERED, OWED = "损失赔偿", "上期结转扣回", "结转下期（员工应付）"
DAMAGES_SHARE: Final = Decimal("0.2")
"""Of a month's pay, 工资支付暂行规定 art. 16."""

__all__ = ["CannotCompute", "calculate"]


def calculate(books: Books, person: Person) -> Pay:
    """Compute one person's pay of one run.

    Args:
        books: the company's tables as effective for the run.
        person: the person's frozen inputs; carries and history come from earlier runs' `Pay`.

    Returns:
        Lines with their explanations, totals, the tax year's figures, and what later runs need (``paid``
        into the history of this tax year, ``carry``, ``charged``). `Pay.warnings` holds no amounts.

    Raises:
        CannotCompute: an input or a rule is missing or wrong; a sentence without amounts says which. The
            person stays 无法核算 until it is mended and collected again.
    """
    try:
        with localcontext(EXACT):
            return _calculate(books, person)
    except (Overflow, InvalidOperation) as fault:
        raise CannotCompute("工资", "有数值大得无法计算，请检查输入") from fault


def _calculate(books: Books, person: Person) -> Pay:
    earned = commission(person, books.plans)
    computed = compute(books, person, earned)
    items = one_offs(person)
    before = gross(computed, items)
    social = contributions(books, person)
    taxes = _taxes(books, person, before, social, items)
    left = before.amount - social.total("employee") - total(taxes.lines)
    after = _after_tax(books, person, before.amount, left, computed, items)
    return _pay(person, earned, before, social, taxes, after)


# --- tax ---


@dataclass(frozen=True, slots=True)
class _Taxes:
    lines: tuple[Line, ...]
    withholding: tax.Withholding
    warnings: tuple[str, ...]


def _taxes(books: Books, person: Person, before: Gross, social: Social, items: Sequence[Item]) -> _Taxes:
    apart = of_kind(items, tax.BONUS, separate=True)
    if len(apart) > 1 or (apart and person.bonus_used):
        raise CannotCompute(tax.BONUS, "全年一次性奖金一年只能单独计税一次，请取消其中的“单独计税”")
    severance = of_kind(items, tax.SEVERANCE)
    own = tax.Taxed(
        income=before.amount - sum(apart, ZERO) - sum(severance, ZERO) + social.excess,
        exempt=before.exempt,
        special=social.deductible,
    )
    withholding = tax.withhold(books, person, own)
    lines = [withholding.line]
    lines += [tax.bonus_line(books, bonus) for bonus in apart]
    if severance:
        line = tax.severance_line(books, person, sum(severance, ZERO))
        lines += [line] if line else []
    merged = of_kind(items, tax.BONUS, separate=False)
    return _Taxes(tuple(lines), withholding, _advice(books, person, own, apart, merged))


def _advice(
    books: Books, person: Person, own: tax.Taxed, apart: Sequence[Decimal], merged: Sequence[Decimal]
) -> tuple[str, ...]:
    """What to ask the employee about the yearly bonus before anybody signs; no amounts."""
    found: list[str] = []
    for bonus in apart:
        if tax.in_cliff(books, bonus):
            found.append(
                "全年一次性奖金刚超过一档税率，少发一些税后反而更多，请与员工商量后调整金额或计税方式"
            )
        if tax.merging_saves(books, person, own, bonus) > 0:
            found.append("全年一次性奖金并入可少缴个税（按截至本月的累计收入比较），请与员工确认计税方式")
    if len(merged) == 1 and not apart and not person.bonus_used and books.monthly_table:
        without = tax.Taxed(own.income - merged[0], own.exempt, own.special)
        if tax.merging_saves(books, person, without, merged[0]) < 0:
            found.append("全年一次性奖金单独计税可少缴个税（按截至本月的累计收入比较），请与员工确认计税方式")
    return tuple(found)


# --- after tax ---


@dataclass(frozen=True, slots=True)
class _After:
    lines: tuple[Line, ...]
    damages_left: Decimal


def _after_tax(
    books: Books,
    person: Person,
    gross_pay: Decimal,
    left: Decimal,
    computed: Iterable[Computed],
    items: Sequence[Item],
) -> _After:
    lines = [each.line for each in computed if each.line and each.line.kind == "aftertax"]
    lines += [each.line for each in items if each.line.kind == "aftertax" and each.item.kind != DAMAGES]
    wanted = sum(of_kind(items, DAMAGES), ZERO) + person.carry.damages
    most = cents(gross_pay * DAMAGES_SHARE)
    minimum = books.city_params.get(person.city, {}).get(MINIMUM_WAGE)
    if minimum is not None:
        most = min(most, left - total(lines) - minimum)
    taken = cents(max(ZERO, min(wanted, most)))
    how = f"应赔偿 {spell(wanted)}，每月不超过应发的 20%，扣后不低于最低工资"
    how += "；未扣完的转下期" if taken < wanted else ""
    lines.append(Line(code=DAMAGES, kind="aftertax", amount=taken, how=how))
    owed = cents(person.carry.receivable)
    lines.append(
        Line(code=RECOVERED, kind="aftertax", amount=owed, how="上期多发的部分，或上期应发不足以扣除的部分")
    )
    return _After(tuple(line for line in lines if line.amount), cents(wanted - taken))


# --- the whole ---


def _pay(
    person: Person, earned: Commission, before: Gross, social: Social, taxes: _Taxes, after: _After
) -> Pay:
    employee, employer = social.total("employee"), social.total("employer")
    taxed, deducted = total(taxes.lines), total(after.lines)
    rest = before.amount - employee - taxed - deducted
    carried: tuple[Line, ...] = ()
    if rest < 0:
        how = "本期应发不足以扣除社保公积金、个税和扣款，差额下期扣回"
        carried = (Line(code=OWED, kind="carry", amount=-rest, how=how),)
    lines = (
        *before.lines,
        *(line for line in social.lines if line.kind == "social"),
        *taxes.lines,
        *after.lines,
        *carried,
        *(line for line in social.lines if line.kind == "employer"),
    )
    _distinct(lines)
    return Pay(
        no=person.no,
        lines=lines,
        totals=Totals(
            gross=before.amount,
            social=cents(employee),
            tax=cents(taxed),
            aftertax=cents(deducted),
            net=cents(max(ZERO, rest)),
            employer=cents(employer),
        ),
        trail=taxes.withholding.trail,
        paid=taxes.withholding.paid,
        charged=social.charged,
        carry=Carry(receivable=cents(max(ZERO, -rest)), clawback=earned.carry, damages=after.damages_left),
        minimum_wage_base=before.minimum_wage_base,
        warnings=(*social.warnings, *taxes.warnings),
    )


def _distinct(lines: Iterable[Line]) -> None:
    for code, count in Counter(line.code for line in lines).items():
        if count > 1:
            raise CannotCompute(code, "工资条上有两行同名，请给薪资结构里的组件改名")
