"""Parked work waits for a person, who may try it again."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from runtime import tables
from runtime.db import Database
from runtime.errors import PermanentError
from runtime.ids import WorkId
from runtime.parked import Parked, list_parked, park, retry_parked
from runtime.work import Work, WorkQueue

pytestmark = pytest.mark.db
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def add(database: Database, work_id: str = "push:1") -> None:
    """Park one work."""
    row = Parked(WorkId(work_id), "rules.notify", "receiver:ou_1", {"n": 1}, "Refused.", NOW)
    with database.begin() as conn:
        park(database, conn, row)


def test_trying_again_puts_new_work_and_notes_who_asked(database: Database, queue: WorkQueue) -> None:
    """The work gets a new id, leaves the list, and the audit names the person."""
    add(database)
    with database.begin() as conn:
        new_id = retry_parked(conn, queue, WorkId("push:1"), actor="ou_admin", at=NOW)
    assert new_id == "push:1~2"
    assert queue.backlog() == 1
    assert list_parked(database) == []
    with database.read() as conn:
        row = conn.execute(sa.select(tables.audit)).one()
    assert (row.actor, row.action, row.subject, row.detail) == (
        "ou_admin",
        "work.retry",
        "work:push:1",
        {"as": "push:1~2"},
    )


def test_each_further_try_has_the_next_number(database: Database, queue: WorkQueue) -> None:
    """`push:1~2` that fails becomes `push:1~3`."""
    add(database, "push:1~2")
    with database.begin() as conn:
        assert retry_parked(conn, queue, WorkId("push:1~2"), actor="ou", at=NOW) == "push:1~3"


def test_what_is_not_parked_cannot_be_tried_again(database: Database, queue: WorkQueue) -> None:
    """Neither an unknown id nor one tried again already."""
    add(database)
    with database.begin() as conn:
        retry_parked(conn, queue, WorkId("push:1"), actor="ou", at=NOW)
    for work_id in ("push:1", "never"):
        with database.begin() as conn, pytest.raises(PermanentError, match="No parked work has the id"):
            retry_parked(conn, queue, WorkId(work_id), actor="ou", at=NOW)


def test_parking_twice_keeps_one_row_with_the_last_sentence(database: Database) -> None:
    """The id is the key."""
    add(database)
    with database.begin() as conn:
        park(database, conn, Parked(WorkId("push:1"), "rules.notify", "l", {}, "Refused again.", NOW))
    assert [row.error for row in list_parked(database)] == ["Refused again."]


def test_putting_work_that_is_not_json_is_refused(database: Database, queue: WorkQueue) -> None:
    """A Decimal or a date in the arguments is a mistake of the caller, told at once."""
    with database.begin() as conn, pytest.raises(TypeError):
        queue.put(conn, Work("note", "x", "l", {"at": NOW}))
