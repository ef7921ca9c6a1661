"""Feishu's attendance becomes rows of 考勤汇总: through the real client, and figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bitable_sync.cells import EMPTY
from bitable_sync.cells import Person as TablePerson
from payslip import specs
from payslip.attendance import Employed, Fetched, changes, fetch_attendance, to_rows, user_ids
from payslip.attendance_marks import Marks
from payslip.attendance_reading import ABSENT, DUE, GROUP, LATE, LEAVE, PAID_OVERTIME, leave_days
from payslip.documents import EmployeeNo, Month
from payslip.presence import Presence
from runtime.clock import SHANGHAI, SystemClock
from runtime.db import Database
from runtime.feishu import Feishu
from runtime.feishu.attendance import Approvals, Cell, Leave, MonthStats, Overtime, StatsRow
from runtime.feishu.errors import NotPermitted
from runtime.ids import OpenId, UserId
from runtime.vault import Keys, Vault
from sandbox.kernel import Person
from sandbox.server import SandboxServer
from tests.contract.kit import control
from tests.feishu.conftest import settings_for
from tests.payslip import rows_kit

MONTH = Month("2026-03")
AT = datetime(2026, 4, 1, 1, tzinfo=UTC)
ZEROS = {
    "off_days": 0, "absent_days": 0, "leave_days": 0, "sick_days": 0, "late": 0, "overtime_workday": 0,
    "overtime_restday": 0, "overtime_holiday": 0,
}  # fmt: skip


# --- through the real client ---


@pytest.fixture
def feishu(sandbox: SandboxServer, database: Database) -> Iterator[Feishu]:
    """Our client on the tiny company."""
    client = Feishu(settings_for(sandbox.url), db=database, clock=SystemClock())
    yield client
    client.close()


@pytest.fixture
def staff(sandbox: SandboxServer) -> list[Person]:
    """Everybody, with an ordinary March that nothing happened in."""
    people = list(sandbox.world.people.values())
    for person in people[:-1]:
        turn(sandbox, person, late=[], absent=[], leaves=[], overtime=[])
    return people


def turn(sandbox: SandboxServer, person: Person, **body: Any) -> None:
    """Set a person's March."""
    control(sandbox, "POST", f"world/attendance/{person.user_id}/2026-03", **body)


def employed(person: Person, **changes: Any) -> Employed:
    """A person of the company as an employee since 2024."""
    usual = Employed(EmployeeNo(person.employee_no), person.name, UserId(person.user_id), date(2024, 1, 1))
    return replace(usual, **changes)


def fetch(feishu: Feishu, people: list[Employed]) -> Fetched:
    """Ask for March, as the first of them."""
    operator = next(who.user_id for who in people if who.user_id is not None)
    return fetch_attendance(feishu.attendance, people, MONTH, operator=operator, at=AT)


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """The figures of a row."""
    return {key: value for key, value in row.items() if isinstance(value, Decimal)}


def test_a_month_of_the_company(feishu: Feishu, sandbox: SandboxServer, staff: list[Person]) -> None:
    """Lateness, leave, sickness, absence, overtime stand in the row; the last hire is missing, not zero."""
    turn(
        sandbox, staff[0], late=["2026-03-03", "2026-03-04"], absent=["2026-03-05"],
        leaves=[{"name": "事假", "first": "2026-03-09", "last": "2026-03-10"},
                {"name": "病假", "first": "2026-03-12", "half": True},
                {"name": "年假", "first": "2026-03-16"},
                {"name": "事假", "first": "2026-03-20", "status": 4}],
        overtime=[{"day": "2026-03-11", "hours": 1.5}, {"day": "2026-03-14", "hours": 8},
                  {"day": "2026-03-21", "hours": 8, "rule": 1}],
    )  # fmt: skip
    found = fetch(feishu, [employed(person) for person in staff])
    row = found.rows[EmployeeNo(staff[0].employee_no)]
    assert (row["name"], row["month"], row["source"], row["source_at"]) == (
        staff[0].name, "2026-03", "飞书考勤", AT,
    )  # fmt: skip
    assert figures(row) == {
        **ZEROS, "due_days": 22, "late": 2, "absent_days": 1, "leave_days": 2, "sick_days": Decimal("0.5"),
        "overtime_workday": Decimal("1.5"), "overtime_restday": 8,
    }  # fmt: skip
    assert figures(found.rows[EmployeeNo(staff[1].employee_no)]) == {**ZEROS, "due_days": 22}
    (missing,) = found.missing
    assert missing.no == staff[-1].employee_no
    assert missing.sentence == "不在任何考勤组，飞书没有这个月的统计，请人工填写"
    assert len(found.digests) == 2
    assert len(found.rows) + len(found.missing) == len(staff)


def test_who_joins_or_leaves_within_the_month(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person]
) -> None:
    """Their own due days are fewer than the group's: the rest was not employed."""
    turn(sandbox, staff[0], since="2026-03-16")
    turn(sandbox, staff[1], until="2026-03-06")
    people = [
        employed(staff[0], join=date(2026, 3, 16)),
        employed(staff[1], leave=date(2026, 3, 6)),
        employed(staff[2]),
    ]
    found = fetch(feishu, people)
    joined, left = (found.rows[who.no] for who in people[:2])
    assert (joined["due_days"], joined["off_days"]) == (22, 10)
    assert (left["due_days"], left["off_days"]) == (22, 17)
    alone = fetch(feishu, people[:1])
    assert "算不出未在职天数" in alone.missing[0].sentence


def test_every_reason_for_nothing_is_said(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person]
) -> None:
    """No Feishu account, out of range, a change of group."""
    control(sandbox, "POST", f"world/attendance-view/{staff[1].user_id}", unseen=True)
    turn(sandbox, staff[2], groups=["标准工时", "客服排班"])
    people = [employed(staff[0]), employed(staff[1]), employed(staff[2]), employed(staff[3], user_id=None)]
    found = fetch(feishu, people)
    assert list(found.rows) == [people[0].no]
    assert [missing.sentence[:7] for missing in found.missing] == [
        "飞书考勤不允许",
        "本月换过考勤组",
        "没有飞书账号，",
    ]


def test_a_column_switched_off_is_not_zero(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person]
) -> None:
    """The operator's report lacks lateness: nobody has a row, and the sentence says where to switch it on."""
    control(sandbox, "POST", f"world/attendance-view/{staff[0].user_id}", hidden=[LATE, LEAVE])
    found = fetch(feishu, [employed(person) for person in staff[:3]])
    assert found.rows == {}
    assert found.missing[0].sentence == (
        "考勤报表没有“迟到次数”这一列，请在飞书考勤的报表设置里勾选；考勤报表没有“请假时长”这一列，请在飞书考勤的报表设置里勾选"
    )


def test_nothing_is_asked_for_nobody_and_the_future_is_not_asked_for(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person]
) -> None:
    """Without accounts no call; in a running month approvals are asked for until tomorrow."""
    nobody = [employed(staff[0], user_id=None)]
    assert fetch_attendance(feishu.attendance, nobody, MONTH, operator=UserId("x"), at=AT).missing
    now = sandbox.world.clock.now()
    month = Month(f"{now.astimezone(SHANGHAI):%Y-%m}")
    people = [employed(staff[0])]
    found = fetch_attendance(feishu.attendance, people, month, operator=UserId(staff[0].user_id), at=now)
    assert len(found.rows) + len(found.missing) == 1
    asked = sandbox.world.control.recorder.calls(path="attendance")
    assert all(call["response"]["code"] == 0 for call in asked)
    tomorrow = now.astimezone(SHANGHAI).date() + timedelta(days=1)
    ends = [call["body"]["check_date_to"] for call in asked if "check_date_to" in call["body"]]
    assert max(ends) <= int(f"{tomorrow:%Y%m%d}")


def test_a_refusal_takes_nothing_over(feishu: Feishu, staff: list[Person]) -> None:
    """An operator nobody knows: the error comes through."""
    with pytest.raises(NotPermitted):
        fetch_attendance(feishu.attendance, [employed(staff[0])], MONTH, operator=UserId("nobody"), at=AT)


def test_people_of_the_table_are_joined_with_their_user_ids() -> None:
    """Who was not found has none."""
    open_ids = {EmployeeNo("E001"): OpenId("ou_1"), EmployeeNo("E002"): OpenId("ou_2")}
    assert user_ids(open_ids, {OpenId("ou_1"): UserId("u1")}) == {"E001": "u1"}


# --- figure by figure ---

WHO = Employed(EmployeeNo("E001"), "王芳", UserId("u1"), date(2024, 1, 1))


def stats(**texts: Any) -> MonthStats:
    """One row; values by column code, a tuple gives (text, durations)."""
    usual: dict[str, Any] = {DUE: "22", LATE: "0", ABSENT: "0", LEAVE: "0", PAID_OVERTIME: "0", GROUP: "标准"}
    cells = {}
    for code, value in {**usual, **{key[1:]: value for key, value in texts.items()}}.items():
        if value is not None:
            text, durations = value if isinstance(value, tuple) else (value, {})
            cells[code] = Cell(code, "", text, durations)
    return MonthStats((StatsRow(UserId("u1"), "王芳", cells),), (), (), "d")


def leave(kind: str, start: str, end: str, unit: int = 1) -> Leave:
    """An approved leave; times are local."""
    first, last = (datetime.fromisoformat(text).replace(tzinfo=SHANGHAI) for text in (start, end))
    return Leave(UserId("u1"), f"L{start}", kind, unit, first, last)


def overtime(
    hours: str, category: int = 1, rule: int = 2, unit: int = 2, day: str = "2026-03-11"
) -> Overtime:
    """Approved overtime from 18:00."""
    start = datetime.fromisoformat(f"{day} 18:00").replace(tzinfo=SHANGHAI)
    return Overtime(UserId("u1"), f"O{hours}{category}", Decimal(hours), unit, category, rule, start, start)


def result(found: MonthStats, leaves: Any = (), works: Any = ()) -> dict[str, Any] | str:
    """The figures, or the sentence."""
    fetched = to_rows([WHO], MONTH, found, Approvals(tuple(leaves), tuple(works), "a"), AT)
    assert len(fetched.rows) + len(fetched.missing) == 1
    return figures(fetched.rows[WHO.no]) if fetched.rows else fetched.missing[0].sentence


@pytest.mark.parametrize(
    ("value", "days"),
    [
        ("1天", 1), ("1 天", 1), ("0.5日", Decimal("0.5")), ("4 小时", Decimal("0.5")),
        ("240分钟", Decimal("0.5")), ("0", 0), (("8 小时", {"day": "1", "hour": "8"}), 1),
    ],
)  # fmt: skip
def test_lengths_are_read_with_their_unit(value: Any, days: Any) -> None:
    """The platform's own number of days first, then the text; zero needs no unit."""
    found = result(stats(c52207=value))
    assert isinstance(found, dict)
    assert found["absent_days"] == days


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({"c52207": "8"}, "考勤报表的“缺勤”没有单位，不知道是天还是小时，请人工填写"),
        ({"c52207": "-"}, "考勤报表的“缺勤”不是数字，请人工填写"),
        ({"c52101": ""}, "考勤报表的“应出勤天数”不是数字，请人工填写"),
        ({"c52201": "15 分钟"}, "考勤报表的“迟到次数”不是次数，请人工填写"),
        ({"c52101": None}, "考勤报表没有“应出勤天数”这一列，请在飞书考勤的报表设置里勾选"),
        ({"c52208": "1 天"}, "请假审批与考勤报表的“请假时长”对不上，请人工填写事假、病假"),
        ({"c52109": "2 小时"}, "加班审批与考勤报表的“加班时长（计加班费）”对不上，请人工填写加班小时"),
    ],
)
def test_what_cannot_be_understood_is_a_sentence(texts: dict[str, Any], told: str) -> None:
    """Never a zero."""
    assert result(stats(**texts)) == told


def test_one_kind_of_leave_is_what_the_report_says() -> None:
    """Nothing need be computed: hours, half days and holidays in between are the report's business."""
    found = result(stats(c52208="1.25 天"), [leave("事假", "2026-03-02 09:00", "2026-03-03 11:00", unit=2)])
    assert isinstance(found, dict)
    assert (found["leave_days"], found["sick_days"]) == (Decimal("1.25"), 0)
    paid = result(stats(c52208="5 天"), [leave("年假", "2026-03-02 09:00", "2026-03-06 18:00")])
    assert isinstance(paid, dict)
    assert (paid["leave_days"], paid["sick_days"]) == (0, 0)


def test_several_kinds_must_add_up() -> None:
    """Two and a half days in the report, two and a half in the approvals; or a person is asked."""
    leaves = [
        leave("事假", "2026-03-02 09:00", "2026-03-03 18:00"),
        leave("病假", "2026-03-05 13:00", "2026-03-05 18:00", unit=3),
    ]
    found = result(stats(c52208="2.5 天"), leaves)
    assert isinstance(found, dict)
    assert (found["leave_days"], found["sick_days"]) == (2, Decimal("0.5"))
    assert "对不上" in str(result(stats(c52208="3 天"), leaves))


def test_a_kind_of_leave_nobody_knows_is_asked_about() -> None:
    """It could be paid or not."""
    told = result(stats(c52208="1 天"), [leave("育苗假", "2026-03-02 09:00", "2026-03-02 18:00")])
    assert told == "请假类型“育苗假”不知道要不要扣薪，请人工填写"


@pytest.mark.parametrize(
    ("start", "end", "unit", "days"),
    [
        ("2026-03-02 09:00", "2026-03-02 18:00", 1, "1"),
        ("2026-03-06 09:00", "2026-03-09 18:00", 1, "2"),
        ("2026-02-26 09:00", "2026-03-03 18:00", 1, "2"),
        ("2026-03-31 09:00", "2026-04-03 18:00", 1, "1"),
        ("2026-03-02 09:00", "2026-03-02 12:00", 3, "0.5"),
        ("2026-03-02 13:00", "2026-03-03 18:00", 3, "1.5"),
        ("2026-03-02 09:00", "2026-03-02 13:00", 2, "0.375"),
        ("2026-03-02 14:00", "2026-03-02 18:00", 2, "0.5"),
        ("2026-03-02 00:00", "2026-03-02 23:59", 4, "1"),
        ("2026-03-07 09:00", "2026-03-08 18:00", 1, "0"),
    ],
)
def test_days_of_a_leave(start: str, end: str, unit: int, days: str) -> None:
    """Weekends and other months do not count; half days turn at noon; hours leave out lunch."""
    assert leave_days(leave("事假", start, end, unit), date(2026, 3, 1), date(2026, 3, 31)) == Decimal(days)


def test_overtime_by_kind_of_day() -> None:
    """What gives time off is not paid; February's evening is February's; one kind follows the report."""
    works = [
        overtime("2"), overtime("8", 2), overtime("8", 2, rule=1), overtime("3", day="2026-02-28"),
        overtime("1", 3, unit=1),
    ]  # fmt: skip
    found = result(stats(c52109="18 小时"), works=works)
    assert isinstance(found, dict)
    assert [found[f"overtime_{kind}"] for kind in ("workday", "restday", "holiday")] == [2, 8, 8]
    worked_less = result(stats(c52109="1.5 小时"), works=[overtime("2")])
    assert isinstance(worked_less, dict)
    assert worked_less["overtime_workday"] == Decimal("1.5")


@pytest.mark.parametrize(
    ("works", "told"),
    [
        ([overtime("2"), overtime("8", 2)], "加班审批与考勤报表的“加班时长（计加班费）”对不上"),
        ([overtime("1", unit=3)], "有加班以半天或半小时为单位"),
        ([overtime("8", 3, rule=1)], "节假日加班没有按加班费处理，依法应付三倍工资"),
    ],
)
def test_overtime_that_is_doubtful_is_asked_about(works: Any, told: str) -> None:
    """A sum that differs, an unclear unit, a public holiday without pay."""
    assert told in str(result(stats(c52109="2 小时"), works=works))


# --- what is pushed ---


def fetched() -> dict[EmployeeNo, dict[str, Any]]:
    """One row as fetched."""
    return to_rows([WHO], MONTH, stats(), Approvals((), (), "a"), AT).rows


def existing(**cells: Any) -> list[rows_kit.Row]:
    """The row that stands in the table, by default the same."""
    same = {
        "due_days": "22",
        "month": "2026-03",
        "source": "飞书考勤",
        "source_at": datetime(2026, 3, 31, tzinfo=UTC),
    }
    return [rows_kit.attendance(**{**same, **cells})]


def test_only_what_changed_is_pushed() -> None:
    """A new row, a changed figure; an unchanged row keeps even its time, for it may be signed."""
    assert changes(fetched(), [], MONTH) == [fetched()[WHO.no]]
    assert changes(fetched(), existing(), MONTH) == []
    (changed,) = changes(fetched(), existing(due_days="21"), MONTH)
    assert (changed["due_days"], changed["source_at"]) == (22, AT)
    (filled,) = changes(fetched(), existing(late=EMPTY), MONTH)
    assert filled["late"] == 0


@pytest.mark.parametrize("source", [EMPTY, "人工", "文件 考勤.xlsx"])
def test_rows_of_people_and_files_are_left_alone(source: Any) -> None:
    """Whatever Feishu says."""
    assert changes(fetched(), existing(due_days="1", source=source), MONTH) == []


def test_another_spelling_of_the_month_is_the_same_row() -> None:
    """The row is changed, not doubled; another month's row does not count."""
    (changed,) = changes(fetched(), existing(due_days="1", month="2026年3月"), MONTH)
    assert changed["month"] == "2026年3月"
    assert len(changes(fetched(), existing(month="2026-02"), MONTH)) == 1


def test_a_figure_that_a_person_changed_is_not_fetched_over(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person], database: Database
) -> None:
    """What we wrote is renewed; what HR mended in the grid stays, although 来源 still says 飞书考勤."""
    who = staff[0]
    presence = Presence(
        feishu.contact, feishu.attendance, OpenId(who.open_id), Marks(database, Vault(Keys({"k": b"1" * 32})))
    )
    base: dict[str, list[dict[str, Any]]] = {
        specs.EMPLOYEES: [rows_kit.employee(who.employee_no, who.name, person=(TablePerson(who.open_id),))],
        specs.ATTENDANCE: [],
    }

    def again() -> list[dict[str, Any]]:
        return presence.fetch(base, MONTH, AT).rows

    row = again()[0]
    base[specs.ATTENDANCE] = [dict(row)]
    assert again() == []
    turn(sandbox, who, late=["2026-03-03"], absent=[], leaves=[], overtime=[])
    (row,) = again()
    assert (row["late"], again()) == (1, [row])  # not written yet: asked again, the same
    base[specs.ATTENDANCE] = [row | {"sick_days": Decimal(1)}]
    assert again() == [{"no": who.employee_no, "month": MONTH, "source": "人工修改"}]
    base[specs.ATTENDANCE][0]["source"] = "人工修改"
    turn(sandbox, who, late=["2026-03-03", "2026-03-04"], absent=[], leaves=[], overtime=[])
    assert again() == []
