"""Who was there, late, on leave or at work after hours: the sheets behind the attendance reports."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from sandbox.kernel import Person, World

FIXED_HOLIDAYS = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
MOVING_HOLIDAYS = ("2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-04-05", "2026-06-19",
                   "2026-09-25")  # fmt: skip


@dataclass(slots=True)
class Absence:
    """An approved leave; ``half`` when it is the afternoon of one day. ``status`` 2 approved, 4 reverted."""

    approval_id: str
    name: str
    first: date
    last: date
    half: bool = False
    status: int = 2

    def days(self, start: date, end: date) -> float:
        """Working days of the leave inside a period."""
        return sum(0.5 if self.half else 1.0 for day in between(start, end) if self.covers(day))

    def covers(self, day: date) -> bool:
        """Whether this is a working day of the leave."""
        return self.first <= day <= self.last and is_workday(day)


@dataclass(slots=True)
class ExtraWork:
    """Approved overtime of one evening or day; ``rule`` 1 time off in lieu, 2 paid."""

    approval_id: str
    day: date
    hours: float
    rule: int = 2
    status: int = 2

    @property
    def category(self) -> int:
        """1 workday, 2 rest day, 3 public holiday."""
        return 3 if is_holiday(self.day) else 1 if self.day.weekday() < 5 else 2


@dataclass(slots=True)
class Sheet:
    """One person's month.

    ``groups``: attendance groups they were in; none = no row at all. ``since``, ``until``: the days of the
    month in a group, for who joined or left within it.
    """

    groups: list[str] = field(default_factory=lambda: ["标准工时"])
    late: set[date] = field(default_factory=set)
    absent: set[date] = field(default_factory=set)
    leaves: list[Absence] = field(default_factory=list)
    overtime: list[ExtraWork] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None

    def due(self, start: date, end: date) -> int:
        """Working days of a period on which the person was in a group."""
        first, last = max(start, self.since or start), min(end, self.until or end)
        return sum(is_workday(day) for day in between(first, last)) if first <= last else 0


class AttendanceState:
    """Sheets by person and month, made when first looked at; the same seed gives the same sheets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sheets: dict[tuple[str, str], Sheet] = {}
        self.hidden: dict[str, set[str]] = {}
        self.unseen: set[str] = set()
        self._seed = 1

    def reset(self, _world: World, _company: str, seed: int) -> None:
        """Forget every sheet and view."""
        self.sheets.clear()
        self.hidden.clear()
        self.unseen.clear()
        self._seed = seed

    def sheet(self, person: Person, month: str) -> Sheet:
        """The month of a person; the company's last hire is in no attendance group yet."""
        key = (person.open_id, month)
        if key not in self.sheets:
            last = next(reversed(self.world.people))
            dice = random.Random(f"attendance/{self._seed}/{person.employee_no}/{month}")  # noqa: S311 - repeatable
            made = make_sheet(person, month, dice)
            if person.open_id == last:
                made.groups = []
            self.sheets[key] = made
        return self.sheets[key]


def make_sheet(person: Person, month: str, dice: random.Random) -> Sheet:
    """An ordinary month: some are late, some take a day off, some stay on in the evening."""
    start = date.fromisoformat(f"{month}-01")
    end = (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    workdays = [day for day in between(start, end) if is_workday(day)]
    weekend = [day for day in between(start, end) if day.weekday() >= 5]
    number = f"{person.employee_no}{month.replace('-', '')}"
    sheet = Sheet()
    if dice.random() < 0.3:
        sheet.late = set(dice.sample(workdays, dice.choice((1, 1, 2, 3))))
    if dice.random() < 0.25:
        first = dice.choice(workdays[:-3])
        name = dice.choice(("事假", "病假", "年假"))
        half = dice.random() < 0.3
        last = first if half else first + timedelta(days=dice.choice((0, 0, 1)))
        sheet.leaves.append(Absence(f"L{number}1", name, first, last, half=half))
    if dice.random() < 0.3:
        hours = dice.choice((1.5, 2.0, 3.0))
        sheet.overtime.append(ExtraWork(f"O{number}1", dice.choice(workdays), hours))
    if dice.random() < 0.15:
        rule = dice.choice((1, 2))
        sheet.overtime.append(ExtraWork(f"O{number}2", dice.choice(weekend), 8.0, rule=rule))
    return sheet


def between(start: date, end: date) -> list[date]:
    """Every day of a period, both ends counted."""
    return [start + timedelta(days=step) for step in range((end - start).days + 1)]


def is_holiday(day: date) -> bool:
    """Whether the law gives this day off with pay."""
    return (day.month, day.day) in FIXED_HOLIDAYS or day.isoformat() in MOVING_HOLIDAYS


def is_workday(day: date) -> bool:
    """Monday to Friday without public holidays; moved weekends are not modelled."""
    return day.weekday() < 5 and not is_holiday(day)
