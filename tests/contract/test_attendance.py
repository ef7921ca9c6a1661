"""Attendance through the official SDK: figures as text, silent cut-off, people without a row, limits."""

from datetime import date, timedelta
from typing import Any

import lark_oapi as lark
import pytest
from lark_oapi.api.attendance.v1 import (
    QueryUserApprovalRequest,
    QueryUserApprovalRequestBody,
    QueryUserStatsDataRequest,
    QueryUserStatsDataRequestBody,
)

from sandbox.kernel import Person
from sandbox.server import SandboxServer
from tests.contract.bitable_kit import lost
from tests.contract.kit import control, fresh_client, people


@pytest.fixture
def client(sandbox: SandboxServer) -> lark.Client:
    """The official typed client."""
    return fresh_client(sandbox)


@pytest.fixture
def month(sandbox: SandboxServer) -> tuple[date, date]:
    """First and last day of the last month that is over."""
    end = sandbox.world.clock.now().date().replace(day=1) - timedelta(days=1)
    return end.replace(day=1), end


def number(day: date) -> int:
    """A day as the wire has it."""
    return int(f"{day:%Y%m%d}")


def stats(client: lark.Client, users: list[str], period: tuple[date, date], **fields: Any) -> Any:
    """Ask for figures; the SDK's response."""
    body = (
        QueryUserStatsDataRequestBody.builder()
        .locale("zh")
        .stats_type(fields.pop("stats_type", "month"))
        .start_date(number(period[0]))
        .end_date(number(period[1]))
        .user_ids(users)
        .user_id(fields.pop("operator", users[0] if users else "x"))
        .need_history(fields.pop("need_history", True))
        .build()
    )
    for name, value in fields.items():
        setattr(body, name, value)
    request = QueryUserStatsDataRequest.builder().employee_type("employee_id").request_body(body).build()
    answer = client.attendance.v1.user_stats_data.query(request)
    assert lost(answer) == []
    return answer


def approvals(client: lark.Client, users: list[str], period: tuple[date, date], **fields: Any) -> Any:
    """Ask for approvals; the SDK's response."""
    body = (
        QueryUserApprovalRequestBody.builder()
        .user_ids(users)
        .check_date_from(number(period[0]))
        .check_date_to(number(period[1]))
        .build()
    )
    for name, value in fields.items():
        setattr(body, name, value)
    request = QueryUserApprovalRequest.builder().employee_type("employee_id").request_body(body).build()
    answer = client.attendance.v1.user_approval.query(request)
    assert lost(answer) == []
    return answer


def turn(sandbox: SandboxServer, person: Person, start: date, **body: Any) -> None:
    """Set a person's month."""
    control(sandbox, "POST", f"world/attendance/{person.user_id}/{start:%Y-%m}", **body)


def cells(row: Any) -> dict[str, Any]:
    """Cells of a row by title."""
    return {cell.title.strip(): cell for cell in row.datas}


def test_a_month_is_one_row_of_text_with_units(
    sandbox: SandboxServer, client: lark.Client, month: tuple[date, date]
) -> None:
    """Late twice, one day absent: the figures say it as text, lengths also in days and hours."""
    person, start = people(sandbox)[0], month[0]
    workdays = [start + timedelta(days=d) for d in range(12) if (start + timedelta(days=d)).weekday() < 5]
    turn(
        sandbox, person, start,
        late=[day.isoformat() for day in workdays[:2]], absent=[workdays[4].isoformat()],
        leaves=[], overtime=[],
    )  # fmt: skip
    answer = stats(client, [person.user_id], month)
    assert answer.success(), answer.msg
    (row,) = answer.data.user_datas
    found = cells(row)
    assert (row.user_id, row.name) == (person.user_id, person.name)
    assert found["工号"].value == person.employee_no
    assert found["迟到次数"].value == "2 次"
    assert found["缺勤"].value == "1 天"
    assert found["缺勤"].duration_num.hour == "8"
    due, present = (float(found[name].duration_num.day) for name in ("应出勤天数", "工作日出勤天数"))
    assert due - present == 1


def test_people_in_no_group_have_no_row_and_strangers_are_listed(
    sandbox: SandboxServer, client: lark.Client, month: tuple[date, date]
) -> None:
    """The last hire is in no group: no row, and not invalid either. Who does not exist is invalid."""
    everyone = people(sandbox)
    answer = stats(client, [*(p.user_id for p in everyone), "nobody"], month)
    assert [row.user_id for row in answer.data.user_datas] == [p.user_id for p in everyone[:-1]]
    assert answer.data.invalid_user_list == ["nobody"]


def test_a_change_of_group_gives_two_rows(
    sandbox: SandboxServer, client: lark.Client, month: tuple[date, date]
) -> None:
    """Unless only the present group is asked for."""
    person = people(sandbox)[0]
    turn(sandbox, person, month[0], groups=["标准工时", "客服排班"])
    both = stats(client, [person.user_id], month).data.user_datas
    assert [cells(row)["考勤组名称"].value for row in both] == ["标准工时", "客服排班"]
    (now,) = stats(client, [person.user_id], month, current_group_only=True).data.user_datas
    assert cells(now)["考勤组名称"].value == "客服排班"


def test_more_than_a_thousand_rows_are_cut_off_without_a_word(
    sandbox: SandboxServer, client: lark.Client, month: tuple[date, date]
) -> None:
    """Forty people for a month of days: 1,000 rows and code 0."""
    sandbox.world.reset("demo", seed=1)
    users = [p.user_id for p in people(sandbox)[:40]]
    answer = stats(client, users, month, stats_type="daily")
    assert answer.code == 0
    assert len(answer.data.user_datas) == 1000
    assert len({row.user_id for row in answer.data.user_datas}) < 40


def test_the_operators_report_decides_the_columns(
    sandbox: SandboxServer, client: lark.Client, month: tuple[date, date]
) -> None:
    """A column switched off in the operator's report is gone from the answer."""
    person, other = people(sandbox)[:2]
    control(sandbox, "POST", f"world/attendance-view/{person.user_id}", hidden=["52201"])
    (row,) = stats(client, [person.user_id], month).data.user_datas
    assert "迟到次数" not in cells(row)
    (row,) = stats(client, [person.user_id], month, operator=other.user_id).data.user_datas
    assert "迟到次数" in cells(row)


def test_people_who_left_are_given_only_with_history(
    sandbox: SandboxServer, client: lark.Client, month: tuple[date, date]
) -> None:
    """need_history decides."""
    person, gone = people(sandbox)[:2]
    gone.resigned = True
    asked = {"operator": person.user_id}
    assert stats(client, [gone.user_id], month, need_history=False, **asked).data.user_datas == []
    assert len(stats(client, [gone.user_id], month, **asked).data.user_datas) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"user_ids": []}, 1220001),
        ({"user_ids": ["u"] * 201}, 1220001),
        ({"user_id": ""}, 1220001),
        ({"user_id": "nobody"}, 1220004),
        ({"locale": "fr"}, 1220001),
        ({"end_date": 20261332}, 1220001),
    ],
)
def test_figures_are_refused(
    sandbox: SandboxServer, client: lark.Client, month: tuple[date, date], fields: dict[str, Any], code: int
) -> None:
    """No people, too many, no operator, an unknown one, another language, no date."""
    answer = stats(client, [people(sandbox)[0].user_id], month, **fields)
    assert (answer.code, answer.raw.status_code) == (code, 400)


def test_more_than_31_days_are_refused(sandbox: SandboxServer, client: lark.Client) -> None:
    """31 days pass, 32 do not."""
    users = [people(sandbox)[0].user_id]
    start = date(2026, 1, 1)
    assert stats(client, users, (start, start + timedelta(days=30))).success()
    assert stats(client, users, (start, start + timedelta(days=31))).code == 1220001


def test_approvals_come_by_the_day(
    sandbox: SandboxServer, client: lark.Client, month: tuple[date, date]
) -> None:
    """A leave of two days stands at both; overtime says category and rule; a reverted leave is gone."""
    person, start = people(sandbox)[0], month[0]
    monday = next(day for d in range(8, 16) if (day := start + timedelta(days=d)).weekday() == 0)
    tuesday, saturday = monday + timedelta(days=1), monday + timedelta(days=5)
    turn(
        sandbox, person, start,
        leaves=[
            {"name": "事假", "first": monday.isoformat(), "last": tuesday.isoformat()},
            {"name": "病假", "first": monday.isoformat(), "status": 4},
        ],
        overtime=[{"day": saturday.isoformat(), "hours": 8, "rule": 1}],
    )  # fmt: skip
    period = (start, start + timedelta(days=29))
    found = approvals(client, [person.user_id], period).data.user_approvals
    assert [item.date for item in found] == [f"{day:%Y%m%d}" for day in (monday, tuesday, saturday)]
    assert [leave.i18n_names.ch for item in found for leave in item.leaves] == ["事假", "事假"]
    (work,) = found[2].overtime_works
    assert (work.duration, work.unit, work.category, work.type) == (8, 2, 2, 1)
    (undone,) = approvals(client, [person.user_id], period, status=4).data.user_approvals
    assert [leave.i18n_names.ch for leave in undone.leaves] == ["病假"]


def test_approvals_are_refused_beyond_30_days_tomorrow_or_for_strangers(
    sandbox: SandboxServer, client: lark.Client
) -> None:
    """31 days, the day after tomorrow, an unknown person."""
    person = people(sandbox)[0].user_id
    start = date(2026, 1, 1)
    assert approvals(client, [person], (start, start + timedelta(days=29))).success()
    assert approvals(client, [person], (start, start + timedelta(days=30))).code == 1220001
    today = sandbox.world.clock.now().date()
    assert approvals(client, [person], (today, today + timedelta(days=3))).code == 1220001
    assert approvals(client, ["nobody"], (start, start)).code == 1220004
