"""Who may look at the cockpit: the administrator, named people, members of named departments.

Decided at every request from our own data. The worker reads the departments (`rules.cockpit.jobs`); a list
that is too old lets nobody in, because who left the department since cannot be known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rules.cockpit.tables import departments

LISTS_GOOD: Final = timedelta(days=2)
"""How old a department's list may be. It is read twice a day."""


class Right(Enum):
    """Whether a person may look."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"  # a department's list is missing or too old, so nobody can tell


@dataclass(frozen=True, slots=True)
class Viewers:
    """Who may look, as configured.

    Attributes:
        people: open_ids, the administrator's among them.
        departments: open_department_ids; whoever is in one, or in one below it.
    """

    people: frozenset[str] = frozenset()
    departments: tuple[str, ...] = ()

    def right(self, conn: Connection, open_id: str, now: datetime) -> Right:
        """Whether a person may look now."""
        if open_id in self.people:
            return Right.YES
        if not self.departments:
            return Right.NO
        lists = self._lists(conn, now)
        if any(open_id in people for people in lists.values()):
            return Right.YES
        return Right.NO if len(lists) == len(self.departments) else Right.UNSURE

    def _lists(self, conn: Connection, now: datetime) -> dict[str, Sequence[str]]:
        query = sa.select(departments.c.id, departments.c.people).where(
            departments.c.id.in_(self.departments), departments.c.read_at > now - LISTS_GOOD
        )
        return {row.id: row.people for row in conn.execute(query)}


def make_viewers(named: Sequence[str], admin: str | None) -> Viewers:
    """Viewers of the manifest's ``cockpit.viewers``; the administrator always may look."""
    people = {name for name in named if name.startswith("ou_")} | ({admin} if admin else set())
    units = tuple(dict.fromkeys(name for name in named if not name.startswith("ou_")))
    return Viewers(frozenset(people), units)
