"""What the pages show, as plain values: groups of lines, months compared, the way to the tax. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from payslip.documents import Line, LineKind, TaxTrail
from payslip.model import SlipState
from payslip.slip import ATTENDANCE, Slip
from runtime.clock import SHANGHAI

GROUPS: Final[tuple[tuple[str, tuple[LineKind, ...], str], ...]] = (
    ("应发项目", ("earning",), ""),
    ("税前扣减", ("pretax",), "−"),
    ("社保与公积金", ("social",), "−"),
    ("个人所得税", ("tax",), "−"),
    ("税后扣款", ("aftertax",), "−"),
    ("结转", ("carry",), ""),
    ("说明", ("info",), ""),
)
"""Title, kinds of lines, and the sign they count with."""

EMPLOYER: Final = "单位另外承担"
WHOLE: Final = "整张工资条"
"""What a dispute is about when it is about no single line."""

STATES: Final[Mapping[SlipState, tuple[str, str]]] = {
    SlipState.SEALED: ("待查看", "new"),
    SlipState.SENT: ("待查看", "new"),
    SlipState.FAILED: ("待查看", "new"),
    SlipState.READ: ("待确认", "open"),
    SlipState.CONFIRMED: ("已确认", "done"),
    SlipState.DISPUTED: ("有异议", "warn"),
    SlipState.RECALLED: ("已撤回", "gone"),
    SlipState.REPLACED: ("已更正", "gone"),
}
"""Word and look of a state."""

DISPUTE_STATES: Final = {
    "open": "等待人事答复",
    "answered": "已答复",
    "corrected": "人事正在更正，新版本会再发给你",
}


@dataclass(frozen=True, slots=True)
class LineView:
    """One line with its explanation and last month's figure; empty text where there is none."""

    code: str
    amount: str
    how: tuple[str, ...]
    before: str
    change: str
    rose: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of a kind with their sum."""

    title: str
    total: str
    lines: tuple[LineView, ...]


@dataclass(frozen=True, slots=True)
class SlipView:
    """Everything the page of a payslip shows."""

    slip: Slip
    month: str
    before_month: str
    net: str
    net_change: str
    net_rose: bool
    sums: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]
    employer: Group | None
    trail: tuple[tuple[str, str], ...]
    year: tuple[tuple[str, str], ...]
    attendance: tuple[tuple[str, str], ...]
    idle: bool
    missing: tuple[tuple[str, str], ...]


def money(value: Decimal, sign: str = "") -> str:
    """An amount as people read it: grouped, two decimals, a real minus."""
    shown = f"{abs(value):,.2f}"
    negative = (value < 0) != (sign == "−") and value != 0
    return f"−{shown}" if negative else shown


def month_words(month: str) -> str:
    """``2026-10`` as people say it."""
    return f"{month[:4]} 年 {int(month[5:])} 月"


def local(moment: datetime | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """A moment in the time people read; empty for none."""
    return moment.astimezone(SHANGHAI).strftime(form) if moment else ""


def number(value: Decimal) -> str:
    """A count without needless zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def view(slip: Slip, before: Slip | None) -> SlipView:
    """The page of a payslip beside the one of an earlier month."""
    earlier = {line.code: line for line in before.lines} if before else {}
    totals = slip.totals
    counted = [each for each in slip.attendance if each.value or each.name == ATTENDANCE[0][0]]
    net_change = _change(totals.net, before.totals.net) if before else ""
    return SlipView(
        slip=slip,
        month=month_words(slip.month),
        before_month=month_words(before.month) if before else "",
        net=money(totals.net),
        net_change=net_change,
        net_rose=before is not None and totals.net > before.totals.net,
        sums=_sums(slip),
        groups=groups(slip, earlier),
        employer=_group(EMPLOYER, ("employer",), "", slip, earlier),
        trail=trail_rows(slip.trail),
        year=(
            ("累计收入", money(slip.year.income)),
            ("累计专项扣除（社保公积金）", money(slip.year.special)),
            ("累计已预缴个税", money(slip.year.withheld)),
        ),
        attendance=tuple((each.name, f"{number(each.value)} {each.unit}") for each in counted),
        idle=len(counted) < len(slip.attendance),
        missing=_missing(slip, before),
    )


def groups(slip: Slip, earlier: Mapping[str, Line] | None = None) -> tuple[Group, ...]:
    """The lines that make up net pay, by kind; ``earlier`` has those of an earlier month by code."""
    found = (_group(title, kinds, sign, slip, earlier or {}) for title, kinds, sign in GROUPS)
    return tuple(group for group in found if group is not None)


def trail_rows(trail: TaxTrail) -> tuple[tuple[str, str], ...]:
    """The cumulative figures behind this month's tax, in the order one computes them."""
    rows = (
        ("累计收入", money(trail.income)),
        ("减：累计免税收入", money(trail.exempt)),
        (f"减：累计减除费用（{trail.months} 个月）", money(trail.basic)),
        ("减：累计专项扣除", money(trail.special)),
        ("减：累计专项附加扣除", money(trail.additional)),
        ("累计应纳税所得额", money(trail.taxable)),
        ("税率 / 速算扣除数", f"{number(trail.rate * 100)}% / {money(trail.quick)}"),
        ("累计应纳税额", money(trail.due)),
        ("减：已预缴税额", money(trail.withheld_before)),
    )
    if trail.carried < 0:
        return (*rows, ("多缴部分，留到以后月份抵减", money(abs(trail.carried))))
    return rows


def mask_no(no: str) -> str:
    """The last four of an employee number, for the watermark."""
    return no[-4:]


def _sums(slip: Slip) -> tuple[tuple[str, str], ...]:
    totals = slip.totals
    carry = sum((line.amount for line in slip.lines if line.kind == "carry"), Decimal(0))
    rows = [
        ("应发合计", money(totals.gross)),
        ("社保公积金", money(totals.social, "−")),
        ("个人所得税", money(totals.tax, "−")),
    ]
    if totals.aftertax:
        rows.append(("税后扣款", money(totals.aftertax, "−")))
    if carry:
        rows.append(("结转下期", money(carry)))
    return tuple(rows)


def _group(
    title: str, kinds: tuple[LineKind, ...], sign: str, slip: Slip, earlier: Mapping[str, Line]
) -> Group | None:
    lines = [line for line in slip.lines if line.kind in kinds]
    if not lines:
        return None
    total = sum((line.amount for line in lines), Decimal(0))
    return Group(
        title, money(total, sign), tuple(_line(line, sign, earlier.get(line.code)) for line in lines)
    )


def _line(line: Line, sign: str, before: Line | None) -> LineView:
    how = tuple(part.strip() for part in line.how.splitlines() if part.strip())
    return LineView(
        code=line.code,
        amount=money(line.amount, sign),
        how=how,
        before=money(before.amount, sign) if before else "",
        change=_change(line.amount, before.amount) if before else "",
        rose=before is not None and line.amount > before.amount,
    )


def _change(now: Decimal, before: Decimal) -> str:
    difference = now - before
    if difference == 0:
        return "不变"
    return f"{'多' if difference > 0 else '少'} {abs(difference):,.2f}"


def _missing(slip: Slip, before: Slip | None) -> tuple[tuple[str, str], ...]:
    here = {line.code for line in slip.lines}
    gone = [line for line in before.lines if line.code not in here and line.amount] if before else []
    return tuple((line.code, money(line.amount)) for line in gone if line.kind not in {"employer", "info"})
