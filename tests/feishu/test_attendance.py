"""Attendance through our client: everybody accounted for, nothing cut off, each approval once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from runtime.feishu import Feishu
from runtime.feishu.attendance import REVERTED, periods
from runtime.feishu.errors import NotPermitted, Unreachable
from runtime.ids import OpenId, UserId
from sandbox.attendance import COLUMNS
from sandbox.kernel import Person
from sandbox.server import SandboxServer
from tests.contract.kit import control
from tests.feishu.conftest import Order

Calls = Callable[[str], list[dict[str, Any]]]
START, END = date(2026, 3, 1), date(2026, 3, 31)


@pytest.fixture
def staff(sandbox: SandboxServer) -> list[Person]:
    """Everybody."""
    return list(sandbox.world.people.values())


def ids(people: list[Person]) -> list[UserId]:
    """What attendance calls them."""
    return [UserId(person.user_id) for person in people]


def turn(sandbox: SandboxServer, person: Person, **body: Any) -> None:
    """Set the person's March."""
    control(sandbox, "POST", f"world/attendance/{person.user_id}/2026-03", **body)


def test_everybody_is_a_row_missing_or_invalid(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person], calls: Calls
) -> None:
    """The last hire has no row, a stranger is invalid; the request asks for people who left as well."""
    asked = [*ids(staff), UserId("nobody")]
    found = feishu.attendance.month_stats(asked, START, END, operator=asked[0])
    assert [row.user_id for row in found.rows] == ids(staff)[:-1]
    assert found.missing == (ids(staff)[-1],)
    assert found.invalid == (UserId("nobody"),)
    (call,) = calls("user_stats_datas")
    assert call["query"] == {"employee_type": "employee_id"}
    assert call["body"] == {
        "locale": "zh", "stats_type": "month", "start_date": 20260301, "end_date": 20260331,
        "need_history": True, "current_group_only": False, "user_id": asked[0], "user_ids": asked,
    }  # fmt: skip


def test_figures_keep_their_text_and_lengths(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person]
) -> None:
    """Titles lose stray line breaks; lengths come in days and hours; the digest follows the content."""
    turn(sandbox, staff[0], leaves=[{"name": "事假", "first": "2026-03-03", "half": True}], overtime=[])
    users = ids(staff[:1])
    before = feishu.attendance.month_stats(users, START, END, operator=users[0])
    cells = before.rows[0].cells
    assert (cells["52208"].value, cells["52208"].durations["day"]) == ("0.5 天", "0.5")
    assert cells["52109"].title == "加班时长(计加班费)"
    again = feishu.attendance.month_stats(users, START, END, operator=users[0])
    assert again.digest == before.digest
    turn(sandbox, staff[0], leaves=[])
    assert feishu.attendance.month_stats(users, START, END, operator=users[0]).digest != before.digest


def test_more_than_200_people_are_asked_in_parts(feishu: Feishu, staff: list[Person], calls: Calls) -> None:
    """450 people: three calls, none of which can reach the cut-off; nobody is forgotten."""
    asked = [*ids(staff), *(UserId(f"u{number}") for number in range(450 - len(staff)))]
    found = feishu.attendance.month_stats(asked, START, END, operator=asked[0])
    assert [len(call["body"]["user_ids"]) for call in calls("user_stats_datas")] == [200, 200, 50]
    assert len(found.rows) + len(found.missing) + len(found.invalid) == 450


def test_an_answer_at_the_limit_is_not_believed(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person]
) -> None:
    """1,000 rows may have been more: none is used."""
    turn(sandbox, staff[0], groups=[f"组{number}" for number in range(1200)])
    users = ids(staff[:2])
    narrow = [code for code in COLUMNS if code != "50101"]  # so that the answer comes in time
    control(sandbox, "POST", f"world/attendance-view/{users[1]}", hidden=narrow)
    with pytest.raises(Unreachable, match="1000 attendance rows"):
        feishu.attendance.month_stats(users, START, END, operator=users[1])


def test_more_than_31_days_never_leave_the_house(feishu: Feishu, staff: list[Person], calls: Calls) -> None:
    """The mistake is ours and is raised before a call."""
    users = ids(staff[:1])
    with pytest.raises(ValueError, match="31 days"):
        feishu.attendance.month_stats(users, START, END + timedelta(days=1), operator=users[0])
    assert calls("user_stats_datas") == []


def test_an_operator_nobody_knows_is_not_permitted(feishu: Feishu, staff: list[Person]) -> None:
    """The sentence says where to look."""
    with pytest.raises(NotPermitted, match="data range"):
        feishu.attendance.month_stats(ids(staff[:1]), START, END, operator=UserId("nobody"))


def test_each_approval_comes_once(
    feishu: Feishu, sandbox: SandboxServer, staff: list[Person], calls: Calls
) -> None:
    """A leave over both halves of the month's periods stands in several days of the answer and once here."""
    turn(
        sandbox, staff[0],
        leaves=[{"name": "病假", "first": "2026-03-27", "last": "2026-03-31"},
                {"name": "事假", "first": "2026-03-02", "status": 4}],
        overtime=[{"day": "2026-03-14", "hours": 7.5}],
    )  # fmt: skip
    found = feishu.attendance.approvals(ids(staff[:1]), START, END)
    (leave,) = found.leaves
    assert (leave.kind, leave.unit) == ("病假", 1)
    assert leave.start == datetime(2026, 3, 27, 1, tzinfo=UTC)
    assert leave.end == datetime(2026, 3, 31, 10, tzinfo=UTC)
    (work,) = found.overtime
    assert (work.duration, work.unit, work.category, work.rule) == (Decimal("7.5"), 2, 2, 2)
    asked = [(c["body"]["check_date_from"], c["body"]["check_date_to"]) for c in calls("user_approvals")]
    assert asked == [(20260301, 20260330), (20260331, 20260331)]
    undone = feishu.attendance.approvals(ids(staff[:1]), START, END, status=REVERTED)
    assert [item.kind for item in undone.leaves] == ["事假"]


def test_a_lost_answer_changes_nothing(feishu: Feishu, staff: list[Person], fault: Order) -> None:
    """It only read; it may be asked again."""
    fault("drop_after", path="*/user_stats_datas/query")
    users = ids(staff[:1])
    with pytest.raises(Unreachable):
        feishu.attendance.month_stats(users, START, END, operator=users[0])
    assert feishu.attendance.month_stats(users, START, END, operator=users[0]).rows


def test_user_ids_are_looked_up_fifty_at_a_time(feishu: Feishu, staff: list[Person], calls: Calls) -> None:
    """Attendance speaks of user_ids, tables of open_ids; who is unknown is left out."""
    strangers = [OpenId(f"ou_nobody{number}") for number in range(60)]
    found = feishu.contact.user_ids([*strangers, *(OpenId(person.open_id) for person in staff)])
    assert found == {person.open_id: person.user_id for person in staff}
    assert len(calls("users/batch")) == 2


@pytest.mark.parametrize(
    ("start", "end", "lengths"),
    [
        (date(2026, 2, 1), date(2026, 2, 28), [28]),
        (date(2026, 4, 1), date(2026, 4, 30), [30]),
        (START, END, [30, 1]),
        (START, START, [1]),
        (END, START, []),
    ],
)
def test_periods_never_exceed_thirty_days(start: date, end: date, lengths: list[int]) -> None:
    """Without gap or overlap."""
    parts = list(periods(start, end))
    assert [(last - first).days + 1 for first, last in parts] == lengths
    assert all(b[0] - a[1] == timedelta(days=1) for a, b in pairwise(parts))
