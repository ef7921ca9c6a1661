"""Rows that only the tax needs: what was paid before Chorus, declarations, the low-income deduction."""

from __future__ import annotations

from datetime import date

from payslip import months
from payslip.collect_cells import Cells
from payslip.collect_frame import Draft, Frame, Past, only
from payslip.collect_rows import Own
from payslip.documents import Declaration, Month, PaidMonth
from payslip.specs import DEDUCTIONS_TABLE, OPENING_TABLE


def declarations(own: Own, frame: Frame, draft: Draft) -> list[Declaration]:
    """What a person declared that counts in this tax year, sorted; faults stop the person."""
    january = Month(f"{months.year(frame.tax_month)}-01")
    made = []
    for original in own.of(DEDUCTIONS_TABLE):
        cells = Cells(original.spec, original.values)
        item, monthly = cells.text("item", required=True), cells.number("monthly", required=True)
        start, declared = cells.month("start", required=True), cells.month("declared", required=True)
        end = cells.month("end")
        if start and end and end < start:
            cells.say("end", "早于扣除起月，请改正")
        draft.faults += cells.faults
        if cells.faults or monthly is None or start is None or declared is None:
            continue
        if end is None:  # a declaration holds until December; for the next year it is confirmed anew
            end = Month(f"{months.year(start)}-12")
            if end < january and declared <= frame.tax_month:
                draft.notes.append(f"专项附加扣除“{item}”没有填止月，按 {end} 止处理；今年继续扣除请补填止月")
        if start <= frame.tax_month and end >= january and declared <= frame.tax_month:
            made.append(Declaration(item=item, monthly=monthly, start=start, end=end, declared=declared))
    return sorted(made, key=lambda each: (each.item, each.start, each.declared, each.monthly))


def opening(own: Own, past: Past | None, frame: Frame, draft: Draft) -> tuple[PaidMonth, bool] | None:
    """What was paid this tax year before Chorus paid, as one entry; and whether the bonus was used."""
    cells = only(own.of(OPENING_TABLE), "", draft)
    if cells is None:
        return None
    through = cells.month("through", required=True)
    income, exempt, special, withheld = (
        cells.number(key, required=True) for key in ("income", "exempt", "special", "withheld")
    )
    used = cells.flag("bonus_used")
    if through is not None and months.year(through) == months.year(frame.tax_month):
        if through >= frame.tax_month:
            cells.say("through", f"应早于发放月 {frame.tax_month}，请改正")
        if past is not None and any(paid.paid <= through for paid in past.paid):
            cells.say("through", "与 Chorus 已发放的月份重叠，会重复计算，请改正")
        if not (past and past.paid) and months.add(through, 1) < frame.tax_month:
            draft.notes.append(
                f"期初累计截至 {through}，本次 {frame.tax_month} 发放；中间月份发过的工资请补进期初累计"
            )
    draft.faults += cells.faults
    if cells.faults or through is None or None in (income, exempt, special, withheld):
        return None
    if months.year(through) != months.year(frame.tax_month):
        return None
    draft.sources["期初累计"] = cells.source()
    figures = {"income": income, "exempt": exempt, "special": special, "withheld": withheld}
    return PaidMonth.model_validate({"paid": through, **figures}), used


def check_low_income(row: Cells, frame: Frame, draft: Draft) -> None:
    """The whole year's deduction from January on is for who worked here all of last year (2020 No. 19)."""
    cells = Cells(row.spec, row.values)
    joined, last_year = cells.day("join"), months.year(frame.tax_month) - 1
    if not cells.flag("low_income"):
        return
    if joined is not None and joined > date(last_year, 1, 31):
        draft.notes.append(
            f"勾选了“上年收入不超6万”，但 {last_year} 年 1 月还没有入职，不符合条件，请取消勾选"
        )
    elif months.number(frame.tax_month) == 1:
        draft.notes.append(f"勾选了“上年收入不超6万”，请按 {last_year} 年的收入重新确认，超过的取消勾选")
