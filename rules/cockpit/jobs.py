"""The cockpit's own work in the background: who is in the departments that may look, and old days dropped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Protocol

import sqlalchemy as sa
import structlog

from rules.cockpit import days
from rules.cockpit.access import Viewers
from rules.cockpit.tables import departments
from rules.store import upsert
from runtime.clock import Clock
from runtime.db import Database
from runtime.errors import ChorusError
from runtime.jobrun import JobRun

JOB: Final = "rules.cockpit"
SCHEDULE: Final = "keep_cockpit"
"""Name in the manifest's ``schedules``."""
EVERY: Final = "every 30m"
"""How often when the manifest says nothing; Feishu is asked only when a list is due."""
DUE: Final = timedelta(hours=12)
AGAIN: Final = timedelta(hours=1)
"""After a failed try."""

log = structlog.get_logger(__name__)


class AddressBook(Protocol):
    """The part of Feishu's address book that is needed."""

    def list_department_users(self, department_id: str = ...) -> list[dict[str, Any]]:
        """Direct members of a department."""
        ...

    def list_departments(self, parent: str = ...) -> list[dict[str, Any]]:
        """All departments below one."""
        ...


class Keeping:
    """The job ``rules.cockpit``.

    Args:
        db: durable database.
        clock: the time.
        book: the address book.
        viewers: whose departments are read.
    """

    def __init__(self, db: Database, clock: Clock, book: AddressBook, viewers: Viewers) -> None:
        self.db = db
        self.clock = clock
        self.book = book
        self.viewers = viewers

    def keep(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Read the departments that are due, forget those no longer named, drop old days."""
        del args
        for department in self._due():
            self._read(run, department)
        with self.db.begin() as conn:
            conn.execute(sa.delete(departments).where(departments.c.id.not_in(self.viewers.departments)))
            days.forget(conn, self.clock.now())

    def _due(self) -> list[str]:
        now = self.clock.now()
        recent = sa.or_(departments.c.read_at > now - DUE, departments.c.tried_at > now - AGAIN)
        with self.db.read() as conn:
            done = set(conn.execute(sa.select(departments.c.id).where(recent)).scalars())
        return [each for each in self.viewers.departments if each not in done]

    def _read(self, run: JobRun, department: str) -> None:
        try:
            people = run.attempt(f"read:{department}", lambda: self.members(department), tries=3)
        except ChorusError as error:
            log.warning("cockpit.department_not_read", department=department, error=str(error))
            self._failed(department, str(error)[:300])
            return
        now = self.clock.now()
        row = {"id": department, "people": people, "read_at": now, "tried_at": now, "error": ""}
        with self.db.begin() as conn:
            upsert(conn, departments, [row])

    def _failed(self, department: str, error: str) -> None:
        now = self.clock.now()
        new = self.db.insert(departments).values(id=department, people=[], tried_at=now, error=error)
        told = {"tried_at": now, "error": error}  # the last good list stays, with its age
        with self.db.begin() as conn:
            conn.execute(new.on_conflict_do_update(index_elements=["id"], set_=told))

    def members(self, department: str) -> list[str]:
        """The open_ids in a department and in all below it."""
        below = [str(each["open_department_id"]) for each in self.book.list_departments(department)]
        found: set[str] = set()
        for each in (department, *below):
            found.update(str(user["open_id"]) for user in self.book.list_department_users(each))
        return sorted(found)
