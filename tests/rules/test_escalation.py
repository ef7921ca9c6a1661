"""Working hours, duty, and who is brought in when nobody answers."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import CellValue, Person
from rules.duty import Role, Roster, Shift, read_shift
from rules.escalation import next_people, overdue
from rules.lifecycle import ACK_LEASE, mute
from rules.model import Alert, Reason, Severity, State
from rules.silence import Around
from rules.specs import DUTY
from runtime.clock import SHANGHAI
from tests.rules.kit import CHEN, LI, ROI_RULE, WANG, ZHAO, House, rule
from tests.rules.test_actions import tap
from tests.rules.test_notices import alert

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MONDAY = datetime(2026, 3, 2, tzinfo=SHANGHAI)
OFFICE = Shift(Role.HOURS, (), frozenset(range(5)), Decimal(9), Decimal(18))
NIGHT = Shift(Role.QUIET, (), frozenset(), Decimal(22), Decimal(8))
GUARD = Shift(Role.ON_DUTY, (CHEN,), frozenset(), Decimal(18), Decimal(9))
BOSS = Shift(Role.MANAGER, (ZHAO,))


def at(day: int, hour: float) -> datetime:
    """An hour of a day after Monday."""
    return MONDAY + timedelta(days=day, hours=hour)


@pytest.mark.parametrize(
    ("shifts", "since", "until", "hours"),
    [
        ([], at(0, 3), at(0, 5), 2),
        ([OFFICE], at(0, 8), at(0, 10), 1),
        ([OFFICE], at(0, 17), at(1, 10), 2),
        ([OFFICE], at(4, 17), at(7, 10), 2),  # over a weekend
        ([OFFICE, replace(OFFICE, start=Decimal(8), end=Decimal(12))], at(0, 7), at(0, 19), 10),
        ([NIGHT], at(0, 21), at(1, 9), 2),
        ([replace(NIGHT, people=(LI,))], at(0, 21), at(1, 9), 12),  # one person's night stops no clock
        ([OFFICE, NIGHT], at(0, 8), at(0, 10), 1),
        ([OFFICE], at(0, 12), at(0, 12), 0),
        ([OFFICE], at(0, 12), at(0, 11), 0),
    ],
)
def test_the_clock_of_an_unanswered_alert(
    shifts: list[Shift], since: datetime, until: datetime, hours: float
) -> None:
    """Only working hours count; without any, whatever is not everybody's night."""
    assert Roster(shifts).worked(since, until) == HOUR * hours


moments = st.integers(0, 20 * 24 * 60).map(lambda minutes: MONDAY + MINUTE * minutes)


@given(moments, moments, moments)
def test_time_worked_adds_up(first: datetime, second: datetime, third: datetime) -> None:
    """Property: of three moments, the parts make the whole, and no part is longer than the time itself."""
    a, b, c = sorted((first, second, third))
    people = Roster([OFFICE, replace(OFFICE, days=frozenset({5}), end=Decimal(12))])
    if c - a < timedelta(days=14):
        assert people.worked(a, b) + people.worked(b, c) == people.worked(a, c)
    assert timedelta(0) <= people.worked(a, b) <= b - a


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        ({}, None),
        ({"role": "打杂"}, None),
        ({"role": "值班", "people": (CHEN,)}, Shift(Role.ON_DUTY, (CHEN,))),
        ({"role": "免打扰", "start": Decimal(22)}, None),
        ({"role": "免打扰", "start": Decimal(22), "end": Decimal(25)}, None),
        ({"role": "工作时间", "start": Decimal("NaN"), "end": Decimal(8)}, None),
        (
            {"role": "值班", "people": (CHEN,), "start": Decimal(99), "end": Decimal(8)},
            Shift(Role.ON_DUTY, (CHEN,)),
        ),
        (
            {
                "role": "免打扰",
                "start": Decimal("22.5"),
                "end": Decimal(8),
                "days": ("周一", "周日"),
                "table": "商品库存",
            },
            Shift(Role.QUIET, (), frozenset({0, 6}), Decimal("22.5"), Decimal(8), "stock"),
        ),
    ],
)
def test_hours_that_cannot_be_used_leave_nobody_untold(
    cells: dict[str, CellValue], read: Shift | None
) -> None:
    """In doubt there is no night, and who is on duty is so all day."""
    assert read_shift(cells) == read


def test_a_night_belongs_to_the_day_it_begins_on() -> None:
    """22 to 8 on Mondays: Tuesday at seven is in it, Monday at seven is not."""
    people = Roster([replace(NIGHT, days=frozenset({0}))])
    assert [people.quiet("ou_x", at(day, 7)) for day in (0, 1, 2)] == [False, True, False]


def firing(**changes: Any) -> Alert:
    """A plan over the line since Monday ten o'clock."""
    return alert(**{"owners": (WANG,), "supervisors": (LI,), "fired_at": at(0, 10), **changes})


@pytest.mark.parametrize(
    ("shown", "shifts", "now", "late"),
    [
        (firing(), [], at(0, 11.9), False),
        (firing(), [], at(0, 12), True),
        (firing(severity=Severity.NOTICE), [], at(3, 0), False),
        (firing(severity=Severity.CRITICAL), [], at(0, 10.5), True),
        (firing(fired_at=at(0, 17)), [OFFICE], at(0, 23), False),
        (firing(fired_at=at(0, 17)), [OFFICE], at(1, 10), True),
        (firing(fired_at=at(0, 20), severity=Severity.CRITICAL), [OFFICE], at(0, 20.5), True),
        (firing(state=State.ACKED), [], at(3, 0), False),
        (firing(state=State.UNKNOWN, held=State.FIRING), [], at(3, 0), False),
        (firing(clear_since=at(0, 11)), [], at(3, 0), False),
        (firing(muted_until=at(4, 0)), [], at(3, 0), False),
        (firing(level=1, level_at=at(0, 12)), [], at(0, 13), False),
        (firing(level=1, level_at=at(0, 12)), [], at(0, 14), True),
    ],
)
def test_when_an_alert_has_waited_too_long(
    shown: Alert, shifts: list[Shift], now: datetime, *, late: bool
) -> None:
    """Two hours for 警告, half an hour for 严重, never for 提醒; only while it fires unsilenced."""
    assert overdue(shown, Around(roster=Roster(shifts)), now) is late


@pytest.mark.parametrize(
    ("shown", "shifts", "now", "expected"),
    [
        (firing(), [BOSS], at(0, 12), (1, (LI,))),
        (firing(level=1), [BOSS], at(0, 12), (2, (ZHAO,))),
        (firing(level=2), [BOSS], at(0, 12), None),
        (firing(), [], at(0, 12), (1, (LI,))),
        (firing(level=1, helpers=(LI,)), [], at(0, 12), None),
        (firing(supervisors=()), [BOSS], at(0, 12), (2, (ZHAO,))),
        (firing(supervisors=(WANG,)), [BOSS], at(0, 12), (2, (ZHAO,))),
        (firing(), [BOSS, OFFICE, GUARD], at(0, 20), (1, (CHEN,))),
        (firing(), [BOSS, OFFICE], at(0, 20), (1, (LI,))),
        (firing(level=1), [replace(BOSS, table="stock")], at(0, 12), None),
    ],
)
def test_who_is_asked_next(
    shown: Alert, shifts: list[Shift], now: datetime, expected: tuple[int, tuple[Person, ...]] | None
) -> None:
    """Supervisor, then manager; at night who is on duty; nobody who knows already."""
    assert next_people(shown, rule(), Around(roster=Roster(shifts)), now) == expected


@pytest.mark.db
def test_an_alert_nobody_answers_climbs_and_stops_at_the_top(house: House) -> None:
    """Responsible at once, supervisor after two hours, manager after four, each told once and able to act."""
    house.put(DUTY, {"rec_m": {"name": "经理", "role": "经理", "people": (ZHAO,)}})
    house.write_rule()
    house.write_plan()
    told = []
    for _ in range(7):
        house.checker.scan()
        told.append([notice.receiver for notice in house.notices()])
        house.advance(HOUR)
    assert [len(seen) for seen in told] == [1, 1, 2, 2, 3, 3, 3]
    assert set(told[-1]) == {"ou_wang", "ou_li", "ou_zhao"}
    assert tap(house, ZHAO, "alert.ack").toast.kind == "success"  # type: ignore[union-attr]
    assert house.alert().acked_by == ZHAO


@pytest.mark.db
def test_an_acknowledgement_that_runs_out_reminds_and_escalates(house: House) -> None:
    """Eight hours after 知道了 the responsible person is reminded, and the supervisor learns of it."""
    house.write_rule()
    house.write_plan()
    tap(house, WANG, "alert.ack")
    house.advance(ACK_LEASE - MINUTE)
    house.checker.scan()
    assert len(house.notices()) == 1
    house.advance(MINUTE)
    for _ in range(3):
        house.checker.scan()
    assert sorted((notice.receiver, notice.kind) for notice in house.notices()) == [
        ("ou_li", "fired"), ("ou_wang", "fired"), ("ou_wang", "reminder"),
    ]  # fmt: skip
    assert (house.alert().level, house.alert().reason) == (1, Reason.ESCALATED)


@pytest.mark.db
def test_a_new_episode_begins_at_the_bottom(house: House) -> None:
    """Who was brought in last time is not told of the next breach at once."""
    house.write_rule()
    house.write_plan()
    house.advance(2 * HOUR)
    house.checker.scan()
    assert house.alert().helpers == (LI,)
    house.write_plan(gmv=Decimal(9000))
    house.write_plan()
    assert (house.alert().helpers, house.alert().level) == ((), 0)
    assert [n.receiver for n in house.notices() if n.episode == 2] == ["ou_wang"]


def test_a_silenced_alert_waits() -> None:
    """Silence on the card also stops the climb."""
    quiet = mute(firing(), at(0, 20), WANG).alert
    assert not overdue(quiet, Around(), at(0, 19))
    assert overdue(quiet, Around(), at(0, 20))


@pytest.mark.db
def test_a_severe_alert_at_night_goes_to_who_is_on_duty(house: House) -> None:
    """Outside working hours the supervisor sleeps: CHEN is on duty."""
    rows = {"rec_o": OFFICE, "rec_g": GUARD}
    house.put(DUTY, {key: {"name": key, "role": each.role.value, "people": each.people, "start": each.start,
                           "end": each.end} for key, each in rows.items()})  # fmt: skip
    house.clock.set(at(0, 23))
    house.write_rule(replace(ROI_RULE, severity="严重"))
    house.write_plan()
    house.advance(30 * MINUTE)
    house.checker.scan()
    assert sorted(notice.receiver for notice in house.notices()) == ["ou_chen", "ou_wang"]
