"""Attendance: the month as an administrator's report shows it, and approved leave and overtime.

Facts: docs attendance-v1/user_stats_data/query and user_stats_view/query (2024-08), user_approval/query
(2025-08). Not confirmed: how values with units are spelled (``22 天``, ``2 次``, ``1.5 小时``), the codes
of the daily report (a day's row carries its date here), whether an approval of several days comes once for
each day (it does here), and whether the 30th day of a period still counts (it does, the 31st is refused).
"""

from datetime import date, datetime, timedelta
from typing import Any

from sandbox import attendance_control
from sandbox.ads import SHANGHAI
from sandbox.attendance_state import (
    Absence,
    AttendanceState,
    ExtraWork,
    Sheet,
    between,
)
from sandbox.kernel import ApiError, Person, Rate, Request, Routes, World

__all__ = ["AttendanceState", "routes"]

READ = ("attendance:task", "attendance:task:readonly")
PER_SECOND = Rate(per_second=50)
MOST_ROWS = 1000
MOST_USERS = 200
ID_TYPES = {"employee_id": "user_id", "employee_no": "employee_no", "open_id": "open_id"}

COLUMNS = {
    "50101": "姓名",
    "50103": "工号",
    "52108": "考勤组名称",
    "52101": "应出勤天数",
    "52102": "工作日出勤天数",
    "52104": "应出勤时长",
    "52105": "实际出勤时长",
    "52107": "加班工作时长",
    "52109": "加班时长(计加班费)\n",
    "52110": "加班时长(计为调休)\n",
    "52201": "迟到次数",
    "52203": "早退次数",
    "52207": "缺勤",
    "52208": "请假时长",
}
"""Columns of the month report that this company's administrator switched on; line breaks as in the docs."""

LEAVE_IDS = {"事假": "6852582717813440527", "病假": "6852582717813440528", "年假": "6852582717813440529"}

routes = Routes("attendance")
routes.include(attendance_control.routes)


def bad(what: str, code: int = 1220001) -> ApiError:
    """A refusal of attendance."""
    return ApiError(code, what, status=400)


def asked_people(world: World, req: Request, most: int | None) -> list[tuple[str, Person | None]]:
    """The ids of the body with whom they stand for.

    Raises:
        ApiError: 1220001 for a wrong id type, no ids, or too many.
    """
    kind = ID_TYPES.get(req.query.get("employee_type", ""))
    if kind is None:
        raise bad("employee_type invalid")
    ids = req.json().get("user_ids")
    if not isinstance(ids, list) or not ids:
        raise bad("user_ids is required")
    if most is not None and len(ids) > most:
        raise bad(f"user_ids length exceeds {most}")
    return [(str(value), world.find_person(str(value), kind)) for value in ids]


def period(body: dict[str, Any], first: str, last: str, longest: int) -> tuple[date, date]:
    """The period of a body, given as numbers like 20261001.

    Raises:
        ApiError: 1220001 when it is no date, turned round or too long.
    """
    try:
        start, end = (datetime.strptime(str(body.get(name)), "%Y%m%d").date() for name in (first, last))  # noqa: DTZ007 - a day
    except ValueError as wrong:
        raise bad("time is invalid") from wrong
    if not isinstance(body[first], int) or not isinstance(body[last], int):
        raise bad(f"{first} must be int")
    if not 0 <= (end - start).days < longest:
        raise bad(f"time interval exceeds {longest} days")
    return start, end


@routes.add(
    "POST",
    "/open-apis/attendance/v1/user_stats_datas/query",
    rate=PER_SECOND,
    scopes=READ,
    claim="docs attendance-v1/user_stats_data/query, page of 2024-08, read 2026-11",
)
def query_stats(world: World, req: Request) -> dict[str, Any]:
    """Month or daily figures in the columns of the operator's report; beyond 1,000 rows silently cut off."""
    body = req.json()
    if body.get("locale") not in ("zh", "en", "ja") or body.get("stats_type") not in ("month", "daily"):
        raise bad("locale or stats_type invalid")
    start, end = period(body, "start_date", "end_date", 31)
    people = asked_people(world, req, MOST_USERS)
    kind = ID_TYPES[req.query["employee_type"]]
    operator = world.find_person(str(body.get("user_id") or ""), kind)
    if not body.get("user_id"):
        raise bad("user_id is required")
    if operator is None:
        raise bad("user_id is not exist or does not have permission", 1220004)
    state = world.attendance
    columns = [code for code in COLUMNS if code not in state.hidden.get(operator.open_id, ())]
    rows, invalid = [], []
    for value, person in people:
        if person is None or person.open_id in state.unseen:
            invalid.append(value)
        elif not person.resigned or body.get("need_history"):
            rows += person_rows(state, value, person, body, (start, end), columns)
    return {"user_datas": rows[:MOST_ROWS], "invalid_user_list": invalid}


def person_rows(
    state: AttendanceState,
    value: str,
    person: Person,
    body: dict[str, Any],
    asked: tuple[date, date],
    columns: list[str],
) -> list[dict[str, Any]]:
    """The rows of one person: one a group and month, or one a day; none for somebody in no group."""
    start, end = asked
    sheet = state.sheet(person, f"{start:%Y-%m}")
    groups = sheet.groups[-1:] if body.get("current_group_only") else sheet.groups
    head = {"name": person.name, "user_id": value}
    if body["stats_type"] == "daily":
        return [
            head | {"datas": [cell("50101", person.name), cell("date", day.isoformat())]}
            for day in between(start, end)
            if groups
        ]
    return [
        head | {"datas": [shown(person, sheet, group, code, start, end) for code in columns]}
        for group in groups
    ]


def cell(code: str, value: str, **durations: float) -> dict[str, Any]:
    """One cell of a row."""
    made: dict[str, Any] = {
        "code": code,
        "value": value,
        "features": [{"key": "Abnormal", "value": "false"}],
        "title": COLUMNS.get(code, "日期"),
    }
    if durations:
        made["duration_num"] = {unit: f"{length:g}" for unit, length in durations.items()}
    return made


def days_cell(code: str, days: float) -> dict[str, Any]:
    """A length in days, with the same length in hours of an eight-hour day."""
    return cell(code, f"{days:g} 天", day=days, half_day=days * 2, hour=days * 8, minute=days * 480)


def hours_cell(code: str, hours: float) -> dict[str, Any]:
    """A length in hours, with the same length in days of eight hours."""
    return cell(code, f"{hours:g} 小时", day=hours / 8, hour=hours, half_hour=hours * 2, minute=hours * 60)


def shown(person: Person, sheet: Sheet, group: str, code: str, start: date, end: date) -> dict[str, Any]:
    """One figure of the month report; what the control plane wrote over it comes first."""
    if code in sheet.values:
        return cell(code, sheet.values[code])
    text = {"50101": person.name, "50103": person.employee_no, "52108": group}
    if code in text:
        return cell(code, text[code])
    due = sheet.due(start, end)
    absent = sum(start <= day <= end for day in sheet.absent)
    away = sum(leave.days(start, end) for leave in sheet.leaves if leave.status == 2)
    extra = [work for work in sheet.overtime if start <= work.day <= end and work.status == 2]
    counts = {"52201": sum(start <= day <= end for day in sheet.late), "52203": 0}
    if code in counts:
        return cell(code, f"{counts[code]} 次")
    days = {"52101": due, "52102": due - absent - away, "52207": absent, "52208": away}
    if code in days:
        return days_cell(code, days[code])
    hours = {
        "52104": due * 8,
        "52105": (due - absent - away) * 8,
        "52107": sum(work.hours for work in extra),
        "52109": sum(work.hours for work in extra if work.rule == 2),
        "52110": sum(work.hours for work in extra if work.rule == 1),
    }
    return hours_cell(code, hours[code])


@routes.add(
    "POST",
    "/open-apis/attendance/v1/user_approvals/query",
    rate=PER_SECOND,
    scopes=READ,
    claim="docs attendance-v1/user_approval/query, page of 2025-08, read 2026-11",
)
def query_approvals(world: World, req: Request) -> dict[str, Any]:
    """Leave and overtime by the days they take effect; approved ones unless another status is asked for."""
    body = req.json()
    start, end = period(body, "check_date_from", "check_date_to", 30)
    if end > world.clock.now().astimezone(SHANGHAI).date() + timedelta(days=1):
        raise bad("check_date_to is after tomorrow")
    status = body.get("status", 2)
    if status not in (0, 1, 2, 3, 4) or body.get("check_date_type", "PeriodTime") != "PeriodTime":
        raise bad("status or check_date_type invalid")
    found = []
    for value, person in asked_people(world, req, None):
        if person is None:
            raise bad("user_id is not exist or does not have permission", 1220004)
        for day in between(start, end):
            sheet = world.attendance.sheet(person, f"{day:%Y-%m}")
            leaves = [leave_view(x) for x in sheet.leaves if x.covers(day) and x.status == status]
            extra = [overtime_view(x) for x in sheet.overtime if x.day == day and x.status == status]
            if leaves or extra:
                found.append(
                    {
                        "user_id": value,
                        "date": f"{day:%Y%m%d}",
                        "leaves": leaves,
                        "overtime_works": extra,
                        "outs": [],
                        "trips": [],
                        "time_zone": "Asia/Shanghai",
                    }
                )
    return {"user_approvals": found}


def leave_view(leave: Absence) -> dict[str, Any]:
    """A leave on the wire; its length is not given by the platform yet."""
    return {
        "approval_id": leave.approval_id,
        "uniq_id": LEAVE_IDS.get(leave.name, "6852582717813440530"),
        "unit": 3 if leave.half else 1,
        "interval": 0,
        "start_time": f"{leave.first} {'14:00:00' if leave.half else '09:00:00'}",
        "end_time": f"{leave.last} 18:00:00",
        "i18n_names": {"ch": leave.name, "en": leave.name, "ja": leave.name},
        "default_locale": "ch",
        "reason": "",
        "approve_pass_time": f"{leave.first - timedelta(days=1)} 12:00:00",
        "approve_apply_time": f"{leave.first - timedelta(days=1)} 11:00:00",
        "idempotent_id": leave.approval_id,
    }


def overtime_view(work: ExtraWork) -> dict[str, Any]:
    """Overtime on the wire, in hours."""
    begin = datetime(
        work.day.year, work.day.month, work.day.day, 18 if work.category == 1 else 9, tzinfo=SHANGHAI
    )
    end = begin + timedelta(hours=work.hours)
    return {
        "approval_id": work.approval_id,
        "duration": work.hours,
        "unit": 2,
        "category": work.category,
        "type": work.rule,
        "start_time": f"{begin:%Y-%m-%d %H:%M:%S}",
        "end_time": f"{end:%Y-%m-%d %H:%M:%S}",
        "reason": "",
        "idempotent_id": work.approval_id,
    }
