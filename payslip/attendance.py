"""Feishu's attendance as rows of 考勤汇总.

The mapping is pure and strict: a person without a row, a figure in an unknown unit, leave that does not add
up to what the report says become sentences, never zeros. Rows that people typed or imported are left alone.

Where the figures come from:

- 应出勤天数, 缺勤, 迟到次数 are columns of the month report (codes 52101, 52207, 52201).
- 未在职天数: the platform counts due days only while a person is in a group, so for who joins or leaves
  within the month it is the usual due days of the group less their own; 应出勤天数 is the usual one.
- 事假 and 病假 come from the approvals, because the report gives one sum for all kinds of leave (52208); the
  days of all kinds must add up to that sum, else nobody can tell which is right.
- Overtime comes from the approvals, by kind of day; time off in lieu is not paid. The paid hours must add up
  to the report's 加班时长(计加班费) (52109).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.codecs import same
from payslip import months
from payslip.attendance_reading import GROUP, Reading
from payslip.collect_cells import Cells
from payslip.documents import EmployeeNo, Month
from payslip.specs import ATTENDANCE_TABLE
from runtime.clock import day_of
from runtime.ids import OpenId, UserId

if TYPE_CHECKING:
    from runtime.feishu.attendance import Approvals, Attendance, Leave, MonthStats, Overtime, StatsRow

SOURCE = "飞书考勤"
FIGURES = (
    "due_days", "off_days", "absent_days", "leave_days", "sick_days", "late", "overtime_workday",
    "overtime_restday", "overtime_holiday",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Employed:
    """Somebody whose attendance is wanted.

    ``user_id`` is None when the employee has no Feishu account, or the app may not see them.
    """

    no: EmployeeNo
    name: str
    user_id: UserId | None
    join: date
    leave: date | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody without usable attendance, and why, in words for HR."""

    no: EmployeeNo
    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The month as Feishu has it.

    Attributes:
        rows: rows of 考勤汇总 by employee, complete.
        missing: everybody else who was asked about. ``rows`` and ``missing`` together are all of them.
        digests: of the platform's answers, as evidence.
    """

    rows: dict[EmployeeNo, dict[str, CellValue]]
    missing: tuple[Missing, ...]
    digests: tuple[str, ...]


def fetch_attendance(
    attendance: Attendance,
    employees: Sequence[Employed],
    month: Month,
    *,
    operator: UserId,
    at: datetime,
) -> Fetched:
    """Ask Feishu for a month and turn the answers into rows. Reads only; safe to repeat.

    Args:
        attendance: the client.
        employees: everybody employed in the month.
        month: the month worked.
        operator: the administrator whose saved report decides the columns; give it a user of its own.
        at: the present moment; becomes 采集时间, and bounds what may be asked.

    Raises:
        FeishuError: see `runtime.feishu.errors`; nothing was taken over.
    """
    known = [who.user_id for who in employees if who.user_id is not None]
    first, last = months.first_day(month), months.last_day(month)
    if not known:
        return to_rows(employees, month, None, None, at)
    stats = attendance.month_stats(known, first, last, operator=operator)
    seen = list(dict.fromkeys(row.user_id for row in stats.rows))
    until = min(last, day_of(at) + timedelta(days=1))  # later days are refused
    approvals = attendance.approvals(seen, first, until) if seen and first <= until else None
    return to_rows(employees, month, stats, approvals, at)


def to_rows(
    employees: Sequence[Employed],
    month: Month,
    stats: MonthStats | None,
    approvals: Approvals | None,
    at: datetime,
) -> Fetched:
    """Turn answers into rows of 考勤汇总. Pure.

    Returns:
        Everybody is either in ``rows`` or in ``missing``.
    """
    answers = _Answers(stats, approvals)
    usual = _usual_days(employees, month, answers)
    rows: dict[EmployeeNo, dict[str, CellValue]] = {}
    missing: list[Missing] = []
    for who in employees:
        reading = _read(who, month, answers, usual)
        if isinstance(reading, str) or reading.faults:
            why = reading if isinstance(reading, str) else "；".join(dict.fromkeys(reading.faults))
            missing.append(Missing(who.no, who.name, why))
            continue
        head: dict[str, CellValue] = {"no": who.no, "name": who.name, "month": month}
        rows[who.no] = {**head, **reading.figures, "source": SOURCE, "source_at": at}
    digests = tuple(answer.digest for answer in (stats, approvals) if answer is not None)
    return Fetched(rows, tuple(missing), digests)


def changes(
    fetched: Mapping[EmployeeNo, Mapping[str, CellValue]],
    existing: Iterable[Mapping[str, CellValue]],
    month: Month,
) -> list[dict[str, CellValue]]:
    """The rows to push: new ones, and those of Feishu whose figures changed.

    A row with another source (typed, imported) stays as it is. A row whose figures are the same is not
    touched either, not even its time: it is part of what was signed.

    Args:
        fetched: rows by employee.
        existing: the rows of 考勤汇总.
        month: the month worked; other spellings of it count.
    """
    there: dict[EmployeeNo, list[Cells]] = {}
    for values in existing:
        cells = Cells(ATTENDANCE_TABLE, values)
        no = cells.no()
        if no is not None and cells.month("month") == month:
            there.setdefault(no, []).append(cells)
    wanted = []
    for no, row in sorted(fetched.items()):
        found = there.get(no, [])
        if any(cells.source().source != SOURCE for cells in found):
            continue
        if any(_equal(cells.values, row) for cells in found):
            continue
        # The spelling that stands there keeps the business key, so that the row is changed and not doubled.
        spelled = found[0].values["month"] if found else row["month"]
        wanted.append({**row, "month": spelled})
    return wanted


def user_ids(
    open_ids: Mapping[EmployeeNo, OpenId], found: Mapping[OpenId, UserId]
) -> dict[EmployeeNo, UserId]:
    """Join the table's people with what `Contact.user_ids` found."""
    return {no: found[who] for no, who in open_ids.items() if who in found}


def _equal(values: Mapping[str, CellValue], row: Mapping[str, CellValue]) -> bool:
    return all(same(values.get(key, EMPTY), row[key]) for key in ("name", *FIGURES))


class _Answers:
    """The platform's answers by user."""

    def __init__(self, stats: MonthStats | None, approvals: Approvals | None) -> None:
        self.rows: dict[UserId, list[StatsRow]] = defaultdict(list)
        self.leaves: dict[UserId, list[Leave]] = defaultdict(list)
        self.overtime: dict[UserId, list[Overtime]] = defaultdict(list)
        self.invalid = frozenset(stats.invalid if stats else ())
        for row in stats.rows if stats else ():
            self.rows[row.user_id].append(row)
        for leave in approvals.leaves if approvals else ():
            self.leaves[leave.user_id].append(leave)
        for work in approvals.overtime if approvals else ():
            self.overtime[work.user_id].append(work)


def _read(who: Employed, month: Month, answers: _Answers, usual: Mapping[str, Decimal]) -> Reading | str:
    """One person's figures, or the sentence why there are none."""
    if who.user_id is None:
        return "没有飞书账号，或不在应用的可见范围，取不到考勤，请人工填写"
    if who.user_id in answers.invalid:
        return "飞书考勤不允许应用查看这个人，请在考勤后台扩大数据范围，或人工填写"
    rows = answers.rows.get(who.user_id, [])
    if not rows:
        return "不在任何考勤组，飞书没有这个月的统计，请人工填写"
    if len(rows) > 1:
        return f"本月换过考勤组，飞书给了 {len(rows)} 行统计，请人工合并填写"
    reading = Reading(month)
    partly = who.join > reading.first or (who.leave is not None and who.leave < reading.last)
    reading.employment(rows[0], usual.get(_group(rows[0]), usual.get("")), partly=partly)
    reading.presence(rows[0])
    reading.leave(rows[0], answers.leaves.get(who.user_id, ()))
    reading.overtime(rows[0], answers.overtime.get(who.user_id, ()))
    return reading


def _group(row: StatsRow) -> str:
    cell = row.cells.get(GROUP)
    return cell.value if cell else ""


def _usual_days(employees: Sequence[Employed], month: Month, answers: _Answers) -> dict[str, Decimal]:
    """The commonest due days of whole months, by attendance group and (under "") of all."""
    found: dict[str, Counter[Decimal]] = defaultdict(Counter)
    for who in employees:
        rows = answers.rows.get(who.user_id, []) if who.user_id else []
        reading = Reading(month)
        whole = who.join <= reading.first and (who.leave is None or who.leave >= reading.last)
        if not whole or len(rows) != 1:
            continue
        reading.employment(rows[0], None, partly=False)
        if "due_days" in reading.figures:
            for group in {_group(rows[0]), ""}:
                found[group][reading.figures["due_days"]] += 1
    return {group: max(days, key=lambda each: (days[each], each)) for group, days in found.items()}
