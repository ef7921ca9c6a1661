"""Attendance as Feishu counted it: the month's figures, and the approved leave and overtime behind them.

Reading only. Facts: docs attendance-v1/user_stats_data/query (2024-08) and attendance-v1/user_approval/query
(2025-08). Two traps shape this module: an answer of more than 1,000 rows is cut off without a word, and the
columns of the answer are those of the operator's saved report.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ValidationError

from runtime.clock import SHANGHAI
from runtime.feishu.door import Door, chunks
from runtime.feishu.endpoint import PER_SECOND_50, Endpoint
from runtime.feishu.errors import Unreachable
from runtime.ids import UserId

STATS = Endpoint("POST", "/open-apis/attendance/v1/user_stats_datas/query", PER_SECOND_50)
APPROVALS = Endpoint("POST", "/open-apis/attendance/v1/user_approvals/query", PER_SECOND_50)

USERS_PER_CALL = 200
ROWS_PER_ANSWER = 1000
"""More rows than this are cut off silently; 200 people of one month stay far below it."""
LONGEST_STATS = 31
APPROVAL_USERS_PER_CALL = 50
LONGEST_APPROVALS = 30
"""Days, the last one counted (whether the platform counts it is unconfirmed, so we do)."""
APPROVED, REVERTED = 2, 4
"""Statuses of a leave or overtime approval that the platform answers for."""


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of a report: its text as shown, and the length in several units where it is a length.

    ``durations``: by ``day``, ``half_day``, ``hour``, ``half_hour``, ``minute``, as the platform gives them.
    """

    code: str
    title: str
    value: str
    durations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StatsRow:
    """The month of one person in one attendance group; cells by column code."""

    user_id: UserId
    name: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class MonthStats:
    """What was answered for everybody asked about.

    Attributes:
        rows: at least one for each person who was in an attendance group; two after a change of group.
        missing: people for whom there is no row at all. Unknown, not zero.
        invalid: people the app may not see, or who do not exist.
        digest: SHA-256 of the answers, to be kept as evidence without keeping them.
    """

    rows: tuple[StatsRow, ...]
    missing: tuple[UserId, ...]
    invalid: tuple[UserId, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Leave:
    """An approved leave. ``unit``: 1 day, 2 hour, 3 half day, 4 half hour (the step it is taken in)."""

    user_id: UserId
    approval_id: str
    kind: str
    unit: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Overtime:
    """Approved overtime.

    Attributes:
        duration: in ``unit`` (1 day, 2 hour, 3 half day, 4 half hour).
        category: 1 workday, 2 rest day, 3 public holiday.
        rule: 0 no rule, 1 time off in lieu, 2 overtime pay, 3 a rule that gives neither.
    """

    user_id: UserId
    approval_id: str
    duration: Decimal
    unit: int
    category: int
    rule: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Approvals:
    """Leave and overtime of a period, each approval once; ``digest`` as in `MonthStats`."""

    leaves: tuple[Leave, ...]
    overtime: tuple[Overtime, ...]
    digest: str


class Attendance:
    """The attendance figures of the tenant. All ids are user_ids, which attendance calls employee_id."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def month_stats(self, users: Sequence[UserId], start: date, end: date, *, operator: UserId) -> MonthStats:
        """Ask for the month figures of people, people who left included.

        Args:
            users: whom to ask about, any number; asked in parts of 200.
            start: first day.
            end: last day, at most 31 days in all.
            operator: the administrator whose saved report decides the columns; a person nobody uses.

        Raises:
            Unreachable: the answer may have been cut off, or speaks of people nobody asked about.
            Rejected: the operator may not see the report, or a parameter is wrong.
            ValueError: more than 31 days.

        Source: docs attendance-v1/user_stats_data/query.
        """
        if not 0 <= (end - start).days < LONGEST_STATS:
            msg = f"Attendance is asked for at most {LONGEST_STATS} days at a time, not {start} to {end}."
            raise ValueError(msg)
        asked = list(dict.fromkeys(users))
        body = {
            "locale": "zh",
            "stats_type": "month",
            "start_date": _number(start),
            "end_date": _number(end),
            "need_history": True,  # people who left are paid as well
            "current_group_only": False,  # a change of group within the month must be seen, not lost
            "user_id": operator,
        }
        raws = [
            self._door.call(STATS, query=_EMPLOYEE_ID, body={**body, "user_ids": list(part)})
            for part in chunks(asked, USERS_PER_CALL)
        ]
        answers = [_read(_StatsAnswer, STATS, raw) for raw in raws]
        rows = tuple(_row(item) for answer in answers for item in _uncut(answer))
        _only(asked, (row.user_id for row in rows))
        invalid = tuple(UserId(who) for answer in answers for who in answer.invalid_user_list or ())
        seen = {row.user_id for row in rows} | set(invalid)
        missing = tuple(user for user in asked if user not in seen)
        return MonthStats(rows, missing, invalid, _digest(raws))

    def approvals(
        self, users: Sequence[UserId], start: date, end: date, *, status: int = APPROVED
    ) -> Approvals:
        """Ask for leave and overtime that take effect in a period.

        Args:
            users: whom to ask about, any number.
            start: first day.
            end: last day; not later than tomorrow, else the platform refuses.
            status: ``APPROVED``, or ``REVERTED`` to learn what was taken back.

        Raises:
            Unreachable: the answer does not have the documented shape.
            Rejected: a person is unknown or out of range, or the period lies in the future.

        Source: docs attendance-v1/user_approval/query; an approval of several days may come once for each
        day, and each approval is given here once.
        """
        asked = list(dict.fromkeys(users))
        raws = []
        for first, last in periods(start, end):
            for part in chunks(asked, APPROVAL_USERS_PER_CALL):
                body = {
                    "user_ids": list(part),
                    "check_date_from": _number(first),
                    "check_date_to": _number(last),
                    "check_date_type": "PeriodTime",
                    "status": status,
                }
                raws.append(self._door.call(APPROVALS, query=_EMPLOYEE_ID, body=body))
        items = [
            item for raw in raws for item in _read(_ApprovalsAnswer, APPROVALS, raw).user_approvals or ()
        ]
        _only(asked, (UserId(item.user_id) for item in items))
        leaves = {_key(leave): leave for item in items for leave in _leaves(item)}
        overtime = {_key(work): work for item in items for work in _overtime(item)}
        return Approvals(tuple(leaves.values()), tuple(overtime.values()), _digest(raws))


def periods(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Yield parts of a period of at most 30 days, both ends counted."""
    while start <= end:
        last = min(end, start + timedelta(days=LONGEST_APPROVALS - 1))
        yield start, last
        start = last + timedelta(days=1)


# --- the shapes on the wire ---


class _Wire(BaseModel):
    """What is not named here is ignored: the platform adds fields without notice."""


class _Cell(_Wire):
    code: str
    value: str
    title: str | None = None
    duration_num: dict[str, str | None] | None = None


class _Stats(_Wire):
    user_id: str
    name: str = ""
    datas: list[_Cell] | None = None


class _StatsAnswer(_Wire):
    user_datas: list[_Stats] | None = None
    invalid_user_list: list[str] | None = None


class _Names(_Wire):
    ch: str | None = None
    en: str | None = None


class _Leave(_Wire):
    approval_id: str | None = None
    unit: int
    start_time: str
    end_time: str
    i18n_names: _Names


class _Overtime(_Wire):
    approval_id: str | None = None
    duration: Annotated[Decimal, BeforeValidator(str)]  # a JSON float: its shortest text is what was meant
    unit: int
    category: int
    type: int
    start_time: str
    end_time: str


class _Approval(_Wire):
    user_id: str
    time_zone: str | None = None
    leaves: list[_Leave] | None = None
    overtime_works: list[_Overtime] | None = None


class _ApprovalsAnswer(_Wire):
    user_approvals: list[_Approval] | None = None


_EMPLOYEE_ID = {"employee_type": "employee_id"}


def _number(day: date) -> int:
    return int(f"{day:%Y%m%d}")


def _read(model: type[Model], endpoint: Endpoint, raw: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise Unreachable(
            f"Feishu's attendance answer is not as documented at {where}; nothing was taken from it.",
            endpoint=endpoint.name,
        ) from None


def _uncut(answer: _StatsAnswer) -> Iterable[_Stats]:
    """The rows of an answer that cannot have been cut off."""
    rows = answer.user_datas or []
    if len(rows) >= ROWS_PER_ANSWER:
        raise Unreachable(
            f"Feishu answered with {len(rows)} attendance rows, its limit; some may lack, none is used.",
            endpoint=STATS.name,
        )
    return rows


def _only(asked: Iterable[UserId], answered: Iterable[UserId]) -> None:
    """Refuse an answer about somebody nobody asked about: ids of another kind would be mixed up."""
    strangers = set(answered) - set(asked)
    if strangers:
        raise Unreachable(
            f"Feishu answered for {len(strangers)} people nobody asked about; nothing was taken from it.",
            endpoint=STATS.name,
        )


def _row(item: _Stats) -> StatsRow:
    cells = {
        cell.code: Cell(
            cell.code,
            (cell.title or "").strip(),  # some titles end in a line break or a tab
            cell.value,
            {unit: text for unit, text in (cell.duration_num or {}).items() if text is not None},
        )
        for cell in item.datas or ()
    }
    return StatsRow(UserId(item.user_id), item.name, cells)


def _leaves(item: _Approval) -> Iterator[Leave]:
    for leave in item.leaves or ():
        name = leave.i18n_names.ch or leave.i18n_names.en or ""
        start, end = (_moment(text, item.time_zone) for text in (leave.start_time, leave.end_time))
        yield Leave(UserId(item.user_id), leave.approval_id or "", name.strip(), leave.unit, start, end)


def _overtime(item: _Approval) -> Iterator[Overtime]:
    for work in item.overtime_works or ():
        start, end = (_moment(text, item.time_zone) for text in (work.start_time, work.end_time))
        yield Overtime(
            UserId(item.user_id), work.approval_id or "", work.duration, work.unit, work.category, work.type,
            start, end,
        )  # fmt: skip


def _key(approval: Leave | Overtime) -> tuple[str, str, datetime, datetime]:
    return approval.user_id, approval.approval_id, approval.start, approval.end


def _moment(text: str, zone: str | None) -> datetime:
    """A local time of the group; for people who left the platform writes UTC and says so in the zone."""
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the zone is set below
        place = ZoneInfo(zone) if zone else SHANGHAI
    except (ValueError, ZoneInfoNotFoundError):
        raise Unreachable(
            "Feishu gave an attendance approval a time that cannot be read; nothing was taken from it.",
            endpoint=APPROVALS.name,
        ) from None
    return local.replace(tzinfo=place).astimezone(UTC)


def _digest(raws: Sequence[Mapping[str, Any]]) -> str:
    canonical = json.dumps(raws, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
