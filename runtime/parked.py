"""Work that was given up: the list people look at, and the way to try one again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from runtime import audit, tables
from runtime.db import Database
from runtime.errors import PermanentError
from runtime.ids import WorkId
from runtime.work import Work, WorkQueue


@dataclass(frozen=True, slots=True)
class Parked:
    """One work that was given up."""

    id: WorkId
    job: str
    lane: str
    args: Mapping[str, Any]
    error: str
    at: datetime


def park(db: Database, conn: Connection, row: Parked) -> None:
    """Remember a work that was given up; parking the same id again replaces the sentence."""
    values = {"id": row.id, "job": row.job, "lane": row.lane, "args": dict(row.args), "at": row.at}
    values |= {"error": row.error, "state": "waiting"}
    statement = db.insert(tables.parked).values(values)
    conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def list_parked(db: Database, *, limit: int = 100) -> list[Parked]:
    """Return the works waiting for a person, newest first."""
    query = (
        sa.select(tables.parked)
        .where(tables.parked.c.state == "waiting")
        .order_by(tables.parked.c.at.desc())
        .limit(limit)
    )
    with db.read() as conn:
        rows = conn.execute(query).all()
    return [Parked(WorkId(r.id), r.job, r.lane, r.args, r.error, r.at) for r in rows]


def retry_parked(conn: Connection, queue: WorkQueue, work_id: WorkId, *, actor: str, at: datetime) -> WorkId:
    """Put a parked work into its lane again, under a new id, and note who asked.

    Args:
        conn: the caller's transaction.
        queue: the way in.
        work_id: id of the parked work.
        actor: open_id of the person, or `system:<part>`.
        at: now.

    Returns:
        The id of the new work, `<old id>~2` and so on.

    Raises:
        PermanentError: no such work is waiting.
    """
    query = tables.parked.update().where(tables.parked.c.id == work_id, tables.parked.c.state == "waiting")
    row = conn.execute(query.values(state="retried").returning(tables.parked)).one_or_none()
    if row is None:
        msg = f"No parked work has the id {work_id}; `chorus parked` lists those that wait."
        raise PermanentError(msg)
    base, _, number = str(work_id).partition("~")
    new_id = WorkId(f"{base}~{int(number or 1) + 1}")
    queue.put(conn, Work(row.job, new_id, row.lane, row.args))
    audit.record(
        conn,
        at=at,
        actor=actor,
        action="work.retry",
        subject=f"work:{work_id}",
        reason="a person asked",
        detail={"as": new_id},
    )
    return new_id
