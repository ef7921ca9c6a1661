"""Attendance of a month fetched from Feishu for the people of 员工; ready to be written to 考勤汇总."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bitable_sync.cells import CellValue, Person
from payslip import months
from payslip.attendance import Employed, changes, fetch_attendance, user_ids
from payslip.attendance_marks import Marks
from payslip.documents import EmployeeNo, Month
from payslip.specs import ATTENDANCE, EMPLOYEES
from runtime.errors import ConfigError
from runtime.feishu.attendance import Attendance
from runtime.feishu.contact import Contact
from runtime.ids import OpenId, UserId

Tables = Mapping[str, Sequence[Mapping[str, CellValue]]]


@dataclass(frozen=True, slots=True)
class Found:
    """Rows to write, and a sentence for each employee number without usable attendance."""

    rows: list[dict[str, CellValue]]
    missing: dict[str, str]


class Presence:
    """Feishu attendance as pay uses it.

    Args:
        contact: turns open_ids into the user_ids attendance speaks of.
        attendance: the client.
        operator: the administrator whose saved report decides the columns.
        marks: what was written before.
    """

    def __init__(self, contact: Contact, attendance: Attendance, operator: OpenId, marks: Marks) -> None:
        self._contact = contact
        self._attendance = attendance
        self._operator = operator
        self._marks = marks

    def fetch(self, tables: Tables, month: Month, at: datetime) -> Found:
        """The rows of 考勤汇总 that are new or differ, and why somebody has none.

        Rows typed, imported or changed by people stay as they are.

        Raises:
            ConfigError: the operator's user_id cannot be read.
            FeishuError: see `runtime.feishu.errors`; nothing was taken over.
        """
        people = _people(tables)
        found = self._contact.user_ids([self._operator, *people.values()])
        operator = found.get(self._operator)
        if operator is None:
            raise ConfigError(
                "The user_id of payroll.attendance_operator cannot be read: check the open_id in the "
                "manifest and grant contact:user.employee_id:readonly."
            )
        users = user_ids(people, found)
        employees = [each for each in _employed(tables, users) if _works_in(each, month)]
        fetched = fetch_attendance(self._attendance, employees, month, operator=operator, at=at)
        missing = {str(each.no): each.sentence for each in fetched.missing}
        wanted = changes(fetched.rows, tables[ATTENDANCE], month)
        return Found(self._marks.take(wanted, tables[ATTENDANCE], month, at), missing)


def _people(tables: Tables) -> dict[EmployeeNo, OpenId]:
    found: dict[EmployeeNo, OpenId] = {}
    for values in tables[EMPLOYEES]:
        no, who = values.get("no"), values.get("person")
        if isinstance(no, str) and isinstance(who, tuple) and who and isinstance(who[0], Person):
            found[EmployeeNo(no.strip())] = OpenId(who[0].open_id)
    return found


def _employed(tables: Tables, users: Mapping[EmployeeNo, UserId]) -> list[Employed]:
    found = []
    for values in tables[EMPLOYEES]:
        no, name, join, leave = (values.get(key) for key in ("no", "name", "join", "leave"))
        if not isinstance(no, str) or not isinstance(join, date):
            continue  # collecting says what is wrong with the row
        key = EmployeeNo(no.strip())
        found.append(
            Employed(key, str(name), users.get(key), join, leave if isinstance(leave, date) else None)
        )
    return found


def _works_in(who: Employed, month: Month) -> bool:
    return who.join <= months.last_day(month) and (who.leave is None or who.leave >= months.first_day(month))
