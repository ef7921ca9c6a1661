"""Who works when, who is on duty, who wants quiet: the table 值班与时段. Pure but for reading the mirror.

    工作时间   the hours in which an unanswered alert gets older; without such rows: outside 免打扰
    免打扰     only 严重 is told in these hours, the rest in the morning; 人员 empty = everybody
    值班       has no quiet hours, and is asked in the supervisor's place outside working hours
    经理       the last step of an escalation
    数据连接   is told when a connection brings no fresh numbers, or stopped listing many objects

A row whose hours cannot be used (missing, outside 0 to 24) holds all day for 值班, 经理 and 数据连接, and
never for 工作时间 and 免打扰: in doubt somebody is told.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bitable_sync.cells import EMPTY, CellValue, Person
from bitable_sync.mirror import Mirror
from rules.specs import DUTY, TABLE_KEYS, WEEKDAYS
from runtime.clock import SHANGHAI

DAY = timedelta(days=1)
LOOKED_BACK = 14
"""Days; an alert unanswered for longer is as old as it can get."""


class Role(StrEnum):
    """What a row is for; the values are the options of 用途."""

    HOURS = "工作时间"
    QUIET = "免打扰"
    ON_DUTY = "值班"
    MANAGER = "经理"
    SOURCE = "数据连接"


@dataclass(frozen=True, slots=True)
class Shift:
    """A row of 值班与时段.

    Attributes:
        role: what it is for.
        people: whom it is about; empty = everybody where that makes sense.
        days: weekdays on which it begins, Monday is 0; empty = all.
        start, end: hours of the day, 0 to 24; an end before the start lies on the next day; None = all day.
        table: key of the data table it is about; "" = all.
        connections: names of the connections it is about; empty = those nobody else is named for.
    """

    role: Role
    people: tuple[Person, ...] = ()
    days: frozenset[int] = frozenset()
    start: Decimal | None = None
    end: Decimal | None = None
    table: str = ""
    connections: frozenset[str] = frozenset()

    def spans(self, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
        """When it holds within a stretch of time, clipped to that."""
        first = since.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0) - DAY
        found = []
        for number in range((until - first).days + 1):
            midnight = first + DAY * number
            if self.days and midnight.weekday() not in self.days:
                continue
            begin, end = self._hours()
            begins, ends = midnight + timedelta(hours=begin), midnight + timedelta(hours=end)
            if begins < until and ends > since:
                found.append((max(begins, since), min(ends, until)))
        return found

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        return bool(self.spans(at, at + timedelta(microseconds=1)))

    def _hours(self) -> tuple[float, float]:
        if self.start is None or self.end is None:
            return 0.0, 24.0
        start, end = float(self.start), float(self.end)
        return start, end if end > start else end + 24


@dataclass(frozen=True, slots=True)
class Roster:
    """All rows, with what they say about a moment, a person or a table."""

    shifts: Sequence[Shift] = ()

    def quiet(self, open_id: str, at: datetime) -> bool:
        """Whether a person wants to hear of 严重 only."""
        if any(self._is(shift, open_id) and shift.holds(at) for shift in self._of(Role.ON_DUTY)):
            return False
        quiet = self._of(Role.QUIET)
        return any((not shift.people or self._is(shift, open_id)) and shift.holds(at) for shift in quiet)

    def at_work(self, at: datetime) -> bool:
        """Whether a moment lies in working hours."""
        return self.worked(at, at + timedelta(microseconds=1)) > timedelta(0)

    def worked(self, since: datetime, until: datetime) -> timedelta:
        """How much of a stretch of time lies in working hours."""
        since = max(since, until - DAY * LOOKED_BACK)
        if since >= until:
            return timedelta(0)
        hours = self._of(Role.HOURS)
        counted = hours or [shift for shift in self._of(Role.QUIET) if not shift.people]
        inside = _length(span for shift in counted for span in shift.spans(since, until))
        return inside if hours else until - since - inside

    def on_duty(self, table: str, at: datetime) -> tuple[Person, ...]:
        """Who is on duty for a table."""
        return self._people(Role.ON_DUTY, table, at)

    def managers(self, table: str, at: datetime) -> tuple[Person, ...]:
        """The last step of an escalation for a table."""
        return self._people(Role.MANAGER, table, at)

    def sources(self, tables: Collection[str], connection: str, at: datetime) -> tuple[Person, ...]:
        """Who looks after a connection that feeds some tables.

        Those who are named for it; else those who are named for no connection, by table or for all.
        """
        fitting = [
            shift
            for shift in self._of(Role.SOURCE)
            if shift.holds(at) and (not shift.table or shift.table in tables)
        ]
        named = [shift for shift in fitting if connection and connection in shift.connections]
        return _listed(named) or _listed([shift for shift in fitting if not shift.connections])

    def _of(self, role: Role) -> list[Shift]:
        return [shift for shift in self.shifts if shift.role is role]

    def _people(self, role: Role, table: str, at: datetime) -> tuple[Person, ...]:
        fitting = [shift for shift in self._of(role) if shift.table in ("", table) and shift.holds(at)]
        return _listed(fitting)

    @staticmethod
    def _is(shift: Shift, open_id: str) -> bool:
        return any(person.open_id == open_id for person in shift.people)


def _listed(shifts: Iterable[Shift]) -> tuple[Person, ...]:
    """The people of some rows, each once."""
    return tuple(dict.fromkeys(person for shift in shifts for person in shift.people))


def _length(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """Length of stretches of time that may overlap."""
    total, reached = timedelta(0), datetime.min.replace(tzinfo=UTC)
    for begin, end in sorted(spans):
        if end > reached:
            total, reached = total + (end - max(begin, reached)), end
    return total


def read_shift(values: Mapping[str, CellValue]) -> Shift | None:
    """A row as people filled it; None when it says nothing that can be used."""
    role = values.get("role", EMPTY)
    if role not in list(Role):
        return None
    people, days = values.get("people", EMPTY), values.get("days", EMPTY)
    start, end = (values.get(key, EMPTY) for key in ("start", "end"))
    whole_day = start is EMPTY and end is EMPTY
    usable = [value for value in (start, end) if isinstance(value, Decimal) and _is_hour(value)]
    if len(usable) < 2 and not whole_day and role in (Role.HOURS, Role.QUIET):
        return None
    first, last = usable if len(usable) == 2 and not whole_day else (None, None)
    return Shift(
        Role(str(role)),
        tuple(one for one in people if isinstance(one, Person)) if isinstance(people, tuple) else (),
        frozenset(WEEKDAYS.index(str(day)) for day in days if str(day) in WEEKDAYS)
        if isinstance(days, tuple)
        else frozenset(),
        first,
        last,
        TABLE_KEYS.get(str(values.get("table", EMPTY)), ""),
        names_in(values.get("connection", EMPTY)),
    )


def names_in(cell: CellValue) -> frozenset[str]:
    """The names somebody listed in a cell."""
    listed = re.split("[、，,;；\\s]+", cell) if isinstance(cell, str) else []
    return frozenset(filter(None, listed))


def _is_hour(value: Decimal) -> bool:
    return value.is_finite() and 0 <= value <= 24


def roster(mirror: Mirror) -> Roster:
    """The table as last seen."""
    read = (read_shift(row.values) for row in mirror.rows(DUTY))
    return Roster([shift for shift in read if shift is not None])
