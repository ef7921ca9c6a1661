"""One employee's rows become one frozen `Person`, or a sentence that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import cast, get_args

from payslip import months
from payslip.collect_cells import Cells
from payslip.collect_commission import entries
from payslip.collect_frame import Draft, Frame, Past, only
from payslip.collect_rows import Own
from payslip.collect_tax import check_low_income, declarations, opening
from payslip.documents import (
    Account,
    Carry,
    Charged,
    EmployeeNo,
    Month,
    OneOff,
    OneOffKind,
    Person,
    Source,
)
from payslip.specs import (
    ATTENDANCE_TABLE,
    COMMISSION_TABLE,
    DEDUCTIONS_TABLE,
    FIELD_COLUMNS,
    ONE_OFFS_TABLE,
    SCORES_TABLE,
)
from runtime.ids import OpenId

COLUMN = dict(FIELD_COLUMNS)
WAGES = ("base_wage", "post_wage", "merit_base")
ATTENDANCE = tuple(key for key, _ in FIELD_COLUMNS if key in ATTENDANCE_TABLE.by_key)
BONUS, SEVERANCE = "全年一次性奖金", "离职补偿"


@dataclass(frozen=True, slots=True)
class CollectedPerson:
    """One employee of a run.

    Attributes:
        no: employee number.
        name: as in 员工.
        department: as in 员工; part of the approval.
        open_id: who gets the payslip; None when the table names nobody.
        supervisor: who signs for the department.
        person: the frozen inputs, None when they are not complete.
        problem: then why, in words without amounts.
        attendance_present: there is attendance for the month, or none is needed.
    """

    no: EmployeeNo
    name: str
    department: str
    open_id: OpenId | None
    supervisor: OpenId | None
    person: Person | None
    problem: str = ""
    attendance_present: bool = True


def collect(
    row: Cells, own: Own, past: Past | None, frame: Frame
) -> tuple[CollectedPerson, list[str]] | None:
    """Put one employee together.

    Returns:
        The employee and what needs a look; None when the run does not concern them: not employed in the month
        and no one-off item.
    """
    cells = Cells(row.spec, row.values)
    join, leave = cells.day("join", required=True), cells.day("leave")
    gone = leave is not None and leave < frame.first
    if not cells.faults and (
        (join is not None and join > frame.last) or (gone and not own.of(ONE_OFFS_TABLE))
    ):
        return None
    draft = Draft(faults=[*own.blocked])
    no, name, city = (
        EmployeeNo(cells.text("no")),
        cells.text("name", required=True),
        cells.text("city", required=True),
    )
    draft.faults += frame.blocks.of(city)
    made = _person(cells, own, past, frame, draft, gone=gone)
    draft.faults = [*cells.faults, *draft.faults]
    problem = "；".join(dict.fromkeys(draft.faults))
    who = Cells(row.spec, row.values)
    return (
        CollectedPerson(
            no,
            name,
            cells.text("department"),
            who.someone("person"),
            who.someone("supervisor"),
            None if problem else Person(no=no, name=name, city=city, join=join, leave=leave, **made),
            problem,
            draft.attendance,
        ),
        list(dict.fromkeys([*draft.notes, *who.faults])),
    )


def _person(
    cells: Cells, own: Own, past: Past | None, frame: Frame, draft: Draft, *, gone: bool
) -> dict[str, object]:
    """Every part of the document but who it is about; faults go into the draft and the cells."""
    figures = _gone_fields(frame) if gone else _fields(cells, own, frame, draft)
    made, faults = entries(
        () if gone else own.of(COMMISSION_TABLE), EmployeeNo(cells.text("no")),
        {plan.name: plan for plan in frame.books.plans}, frame.pools,
    )  # fmt: skip
    draft.faults += faults
    if gone and own.of(COMMISSION_TABLE):
        draft.notes.append("已离职，本月提成数据没有采用；要补发请填一次性项目")
    before = opening(own, past, frame, draft)
    check_low_income(cells, frame, draft)
    base = cells.number("social_base", required=True)
    fund = cells.number("fund_base", required=True)
    draft.sources |= {name: cells.source() for name in ("社保基数", "公积金基数", "收款账号")}
    for name, spec in (
        ("提成金额", COMMISSION_TABLE),
        ("专项附加扣除", DEDUCTIONS_TABLE),
        ("一次性项目", ONE_OFFS_TABLE),
    ):
        if own.of(spec):
            draft.sources[name] = _joined([each.source() for each in own.of(spec)])
    return {
        "department": cells.text("department"),
        "first_job": cells.flag("first_job"),
        "low_income": cells.flag("low_income"),
        "fields": figures,
        "commission": tuple(made),
        "additional": tuple(declarations(own, frame, draft)),
        "one_off": tuple(_one_offs(own, past, frame, draft)),
        "social_base": base,
        "fund_base": fund,
        "fund_rate": cells.share("fund_rate"),
        "history": (*([before[0]] if before else []), *(past.paid if past else [])),
        "bonus_used": (past is not None and past.bonus_used) or (before is not None and before[1]),
        "backpay": _backpay(cells, past, frame),
        "carry": past.carry if past else Carry(),
        "account": _account(cells, draft),
        "sources": draft.sources,
    }


def _fields(cells: Cells, own: Own, frame: Frame, draft: Draft) -> dict[str, Decimal]:
    """The columns formulas may use. One that is not known is left out: the computation says who needs it."""
    found: dict[str, Decimal] = {}
    _take(Cells(cells.spec, cells.values), WAGES, found, draft)
    score = only(own.of(SCORES_TABLE), f"没有 {frame.month} 的绩效评分", draft)
    if score is not None:
        _take(score, ("factor",), found, draft)
    attendance = only(own.of(ATTENDANCE_TABLE), "", draft)
    draft.attendance = attendance is not None
    if attendance is not None:
        _take(attendance, ATTENDANCE, found, draft)
        _check_attendance(Cells(cells.spec, cells.values), found, frame, draft)
    return found


def _take(cells: Cells, keys: tuple[str, ...], found: dict[str, Decimal], draft: Draft) -> None:
    for key in keys:
        value = cells.number(key, required=True)
        if value is not None:
            found[COLUMN[key]] = value
            draft.sources[COLUMN[key]] = cells.source()
    draft.notes += cells.faults


def _check_attendance(row: Cells, found: Mapping[str, Decimal], frame: Frame, draft: Draft) -> None:
    due = found.get("应出勤天数")
    away = [found.get(name) for name in ("未在职天数", "缺勤天数", "事假天数", "病假天数")]
    if due is not None and sum(days for days in away if days is not None) > due:
        draft.notes.append("考勤汇总里未在职、缺勤、事假、病假合计超过应出勤天数，请核对")
    partly = _weekdays_off(row.day("join"), row.day("leave"), frame)
    if found.get("未在职天数") is not None and partly != bool(found["未在职天数"]):
        said = "月中入职或离职，但未在职天数是 0" if partly else "整月在职，但有未在职天数"
        draft.notes.append(f"{said}，请核对考勤汇总")


def _weekdays_off(join: date | None, leave: date | None, frame: Frame) -> bool:
    """Whether a day from Monday to Friday of the month lies before joining or after leaving."""
    first, last = frame.first, frame.last
    if (join is None or join <= first) and (leave is None or leave >= last):
        return False
    days = [first + timedelta(days=step) for step in range((last - first).days + 1)]
    outside = [day for day in days if (join and day < join) or (leave and day > leave)]
    return any(day.weekday() < 5 for day in outside)


def _gone_fields(frame: Frame) -> dict[str, Decimal]:
    """Somebody who left before the month: no wage, no attendance, only one-off items.

    The month counts as wholly not employed rather than as zero days, so that formulas can divide by it.
    """
    found = {COLUMN[key]: Decimal(0) for key in (*WAGES, "factor", *ATTENDANCE)}
    return found | {"应出勤天数": frame.workdays, "未在职天数": frame.workdays}


def _one_offs(own: Own, past: Past | None, frame: Frame, draft: Draft) -> list[OneOff]:
    made = []
    for original in own.of(ONE_OFFS_TABLE):
        cells = Cells(original.spec, original.values)
        kind, amount = cells.text("kind", required=True), cells.number("amount", required=True)
        separate, note = cells.flag("separate"), cells.text("note")
        if kind and kind not in get_args(OneOffKind):
            cells.say("kind", "请从选项里选")
        if separate and kind == BONUS and not frame.books.monthly_table:
            cells.say("separate", f"不能用：{frame.tax_month} 没有生效的按月换算税率表")
        draft.faults += cells.faults
        if cells.faults or amount is None:
            continue
        if separate and kind != BONUS:
            draft.notes.append(f"一次性项目“{kind}”勾选了单独计税，只有{BONUS}可以，没有采用这个勾选")
        if kind == SEVERANCE and past is not None and past.severance:
            draft.notes.append(
                "以前已发过离职补偿，免税限额只有一份，这次仍按全额限额计税；请与税务核对应补的个税"
            )
        kept = separate and kind == BONUS
        made.append(OneOff(kind=cast("OneOffKind", kind), amount=amount, separate=kept, note=note))
    return sorted(made, key=lambda each: (each.kind, each.note, each.amount, each.separate))


def _backpay(cells: Cells, past: Past | None, frame: Frame) -> tuple[Charged, ...]:
    """The months of this year that are computed anew, with what was charged for them in total.

    All of them, for a month whose shares are as they were charged makes no line. But only as far back as
    today's base, rate and city hold (基数起月): an older month was charged by others.
    """
    since = cells.month("base_from") or Month(f"{months.year(frame.month)}-01")
    if since > frame.month:
        cells.say("base_from", f"晚于 {frame.month}，本月用哪个基数未知，请改正")
    charged = past.charged.items() if past else ()
    same_year = f"{months.year(frame.month)}-"
    return tuple(
        each
        for month, each in sorted(charged)
        if since <= month < frame.month and month.startswith(same_year)
    )


def _account(cells: Cells, draft: Draft) -> Account | None:
    who = Cells(cells.spec, cells.values)
    bank, number, holder = (who.text(key) for key in ("bank", "account", "holder"))
    draft.notes += who.faults
    if bank and number and holder:
        return Account(bank=bank, number=number, holder=holder)
    if bank or number or holder:
        draft.notes.append("开户行、收款账号、户名没有填全，不能发放")
    return None


def _joined(sources: list[Source]) -> Source:
    """Several rows' sources as one: every name once, the newest time."""
    names = dict.fromkeys(source.source for source in sources)
    return Source(source="、".join(sorted(names)), at=max(source.at for source in sources))
