"""Reading one person's month report: figures with their units, leave by kind, overtime by kind of day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from payslip import months
from payslip.documents import Month
from runtime.clock import SHANGHAI

if TYPE_CHECKING:
    from runtime.feishu.attendance import Leave, Overtime, StatsRow

DUE, LATE, ABSENT, LEAVE, PAID_OVERTIME, GROUP = "52101", "52201", "52207", "52208", "52109", "52108"
TITLES = {
    DUE: "应出勤天数", LATE: "迟到次数", ABSENT: "缺勤", LEAVE: "请假时长",
    PAID_OVERTIME: "加班时长（计加班费）",
}  # fmt: skip
HOURS_PER_DAY = Decimal(8)
LUNCH = (time(12), time(13))
OVERTIME_COLUMNS = {1: "overtime_workday", 2: "overtime_restday", 3: "overtime_holiday"}
HOLIDAY = 3
NOT_PAID = frozenset({1, 3})
"""Overtime rules that give no pay: time off in lieu, or neither."""
LEAVE_COLUMNS = {"事假": "leave_days", "病假": "sick_days"}
PAID_LEAVE = frozenset(
    (
        "年假", "年休假", "带薪年假", "调休", "调休假", "婚假", "产假", "产检假", "陪产假", "护理假",
        "育儿假", "哺乳假", "丧假", "工伤假", "探亲假", "公假", "全薪病假", "带薪病假", "独生子女陪护假",
    )
)  # fmt: skip
"""Kinds of leave that take nothing from the wage. A kind that is in neither list is asked about."""

_VALUE = re.compile(r"(\d+(?:\.\d+)?)\s*(天|日|小时|分钟|次)?")
_PER_DAY = {"天": Decimal(1), "日": Decimal(1), "小时": HOURS_PER_DAY, "分钟": HOURS_PER_DAY * 60}


class Reading:
    """One person's month.

    ``figures`` are complete when ``faults`` is empty. Sentences name columns and people's next step.
    """

    def __init__(self, month: Month) -> None:
        self.first, self.last = months.first_day(month), months.last_day(month)
        self.figures: dict[str, Decimal] = {}
        self.faults: list[str] = []

    def employment(self, row: StatsRow, usual: Decimal | None, *, partly: bool) -> None:
        """Due days, and those before joining or after leaving: the usual ones less the person's own."""
        due = self._days(row, DUE, plain=True)
        if due is None:
            return
        if not partly:
            self.figures |= {"due_days": due, "off_days": Decimal(0)}
        elif usual is None or due > usual:
            self.faults.append("月中入职或离职，同考勤组没有整月在职的人可比，算不出未在职天数，请人工填写")
        else:
            self.figures |= {"due_days": usual, "off_days": usual - due}

    def presence(self, row: StatsRow) -> None:
        """Days absent and times late."""
        absent = self._days(row, ABSENT)
        if absent is not None:
            self.figures["absent_days"] = absent
        late = self._matched(row, LATE)
        if late is not None and late[1] in {"", "次"}:
            self.figures["late"] = late[0]
        elif late is not None:
            self.faults.append(f"考勤报表的“{TITLES[LATE]}”不是次数，请人工填写")

    def leave(self, row: StatsRow, leaves: Sequence[Leave]) -> None:
        """Days of unpaid and of sick leave. One kind alone is the report's sum; several must add up to it."""
        total = self._days(row, LEAVE)
        if total is None:
            return
        unknown = sorted({leave.kind for leave in leaves} - set(LEAVE_COLUMNS) - PAID_LEAVE)
        if unknown:
            self.faults.append(f"请假类型“{'、'.join(unknown)}”不知道要不要扣薪，请人工填写")
            return
        days: dict[str, Decimal] = {}
        for leave in leaves:
            days[leave.kind] = days.get(leave.kind, Decimal(0)) + leave_days(leave, self.first, self.last)
        if len(days) == 1:
            days = dict.fromkeys(days, total)
        if sum(days.values(), Decimal(0)) != total:
            self.faults.append(f"请假审批与考勤报表的“{TITLES[LEAVE]}”对不上，请人工填写事假、病假")
            return
        for kind, column in LEAVE_COLUMNS.items():
            self.figures[column] = days.get(kind, Decimal(0))

    def overtime(self, row: StatsRow, works: Sequence[Overtime]) -> None:
        """Hours of paid overtime by kind of day. One kind alone is the report's sum; several must add up."""
        total = self._hours(row, PAID_OVERTIME)
        if total is None:
            return
        hours: dict[int, Decimal] = {}
        for work in works:
            if not self.first <= _local(work.start).date() <= self.last:
                continue
            if work.rule in NOT_PAID:
                if work.category == HOLIDAY:
                    self.faults.append("节假日加班没有按加班费处理，依法应付三倍工资，请人工确认并填写")
                continue
            known = {1: HOURS_PER_DAY, 2: Decimal(1)}.get(work.unit)
            if known is None or work.category not in OVERTIME_COLUMNS:
                self.faults.append("有加班以半天或半小时为单位，口径不明，请人工填写加班小时")
                return
            hours[work.category] = hours.get(work.category, Decimal(0)) + work.duration * known
        if len(hours) == 1:
            hours = dict.fromkeys(hours, total)
        if sum(hours.values(), Decimal(0)) != total:
            self.faults.append(f"加班审批与考勤报表的“{TITLES[PAID_OVERTIME]}”对不上，请人工填写加班小时")
            return
        for category, column in OVERTIME_COLUMNS.items():
            self.figures[column] = hours.get(category, Decimal(0))

    def _days(self, row: StatsRow, code: str, *, plain: bool = False) -> Decimal | None:
        """A length in days. ``plain``: the column counts days, a number needs no unit."""
        exact = self._exact(row, code, "day")
        if exact is not None:
            return exact
        found = self._matched(row, code)
        if found is None:
            return None
        number, unit = found
        if unit in _PER_DAY:
            return number / _PER_DAY[unit]
        if number == 0 or (plain and unit == ""):
            return number
        self.faults.append(f"考勤报表的“{TITLES[code]}”没有单位，不知道是天还是小时，请人工填写")
        return None

    def _hours(self, row: StatsRow, code: str) -> Decimal | None:
        exact = self._exact(row, code, "hour")
        if exact is not None:
            return exact
        days = self._days(row, code)
        return None if days is None else days * HOURS_PER_DAY

    def _exact(self, row: StatsRow, code: str, unit: str) -> Decimal | None:
        cell = row.cells.get(code)
        text = cell.durations.get(unit, "") if cell else ""
        found = _VALUE.fullmatch(text)
        return Decimal(found[1]) if found and not found[2] else None

    def _matched(self, row: StatsRow, code: str) -> tuple[Decimal, str] | None:
        cell = row.cells.get(code)
        if cell is None:
            self.faults.append(f"考勤报表没有“{TITLES[code]}”这一列，请在飞书考勤的报表设置里勾选")
            return None
        found = _VALUE.fullmatch(cell.value.strip())
        if found is None:
            self.faults.append(f"考勤报表的“{TITLES[code]}”不是数字，请人工填写")
            return None
        return Decimal(found[1]), found[2] or ""


def leave_days(leave: Leave, first: date, last: date) -> Decimal:
    """Days from Monday to Friday of a leave inside a period; public holidays are not known here.

    Leave in days or half days ends and begins at noon; leave in hours is what lies between its times less the
    lunch hour, eight hours a day at most.
    """
    start, end = _local(leave.start), _local(leave.end)
    total, day = Decimal(0), max(start.date(), first)
    while day <= min(end.date(), last):
        if day.weekday() < 5:
            total += _share(
                leave.unit, start if day == start.date() else None, end if day == end.date() else None
            )
        day += timedelta(days=1)
    return total


def _share(unit: int, start: datetime | None, end: datetime | None) -> Decimal:
    """The share of one day; None = from the morning, until the evening."""
    if unit in {1, 3}:
        after, before = (
            start is not None and start.time() >= LUNCH[0],
            end is not None and end.time() <= LUNCH[1],
        )
        return Decimal("0.5") if unit == 3 and (after or before) else Decimal(1)
    begin = start.time() if start else time(9)
    finish = end.time() if end else time(18)
    minutes = _minutes(finish) - _minutes(begin)
    if begin <= LUNCH[0] and finish >= LUNCH[1]:
        minutes -= 60
    return min(Decimal(1), Decimal(max(0, minutes)) / (HOURS_PER_DAY * 60))


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _local(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI)
