"""Durable work: written in the caller's transaction, performed by the worker process.

A lane is a partition of the engine's one queue, `QUEUE`. The engine's library costs 0.7 s to import, so it is
imported by the first `put` (or by `warm`), not by this module: a web process listens before that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from runtime.db import Database
from runtime.log import bound

if TYPE_CHECKING:
    from dbos import DBOSClient, EnqueueOptions

QUEUE = "lanes"
WORKFLOW = "chorus.work"
"""The engine's one workflow, `(job, lane, args)`; we look up the job, so an unknown one can be parked."""

VERSION = "chorus"
"""Fixed application version: a deploy strands no work. A job whose steps change gets a new name."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """One thing to be done later.

    Args:
        job: registered name, e.g. `rules.notify`.
        id: idempotency key; the same id is performed once however often it is put.
        lane: works of one lane run one at a time, in the order they were put.
        args: plain JSON values handed to the job. No secrets.
        delay: wait at least this long before the first start (looked at once a second).
    """

    job: str
    id: str
    lane: str
    args: Mapping[str, Any]
    delay: timedelta = timedelta(0)


class WorkQueue:
    """The way in for work; usable from the web and the worker process.

    Args:
        db: the durable database, already migrated.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._status = status_table(db)
        self._lock = threading.Lock()
        self._client: DBOSClient | None = None

    def warm(self) -> None:
        """Import and prepare what `put` needs; a web process does so in a thread once it listens."""
        self._way_in()

    def put(self, conn: Connection, *works: Work) -> None:
        """Add work in the caller's transaction; an id already known is ignored.

        Args:
            conn: a write transaction of the same database (`db.begin()`).
            works: what to do; in one lane they run in this order, after everything put there before.

        Raises:
            TypeError: the arguments are not plain JSON values; nothing was added.
        """
        if not works:
            return
        known = self._known(conn, {work.id for work in works})
        last = self._last_in(conn, {work.lane for work in works})
        for work in works:
            if work.id in known:
                continue
            known.add(work.id)
            self._enqueue(conn, work)
            last[work.lane] = self._keep_order(conn, work, last.get(work.lane))

    def waiting(self, conn: Connection, lane: str) -> int:
        """Return how many works of a lane have not begun yet."""
        table = self._status
        query = (
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.c.queue_name == QUEUE, table.c.queue_partition_key == lane)
            .where(table.c.status.in_(["ENQUEUED", "DELAYED"]))
        )
        return int(conn.execute(query).scalar_one())

    def any_waiting(self, conn: Connection, lane: str, prefix: str, *, or_begun: bool = False) -> bool:
        """Whether a work whose id begins so waits in a lane and has not begun: it will see what is now.

        Args:
            conn: any transaction of the same database.
            lane: where it waits.
            prefix: how its id begins.
            or_begun: also one that is being performed.
        """
        table, states = self._status, ["ENQUEUED", *(["PENDING"] if or_begun else [])]
        query = (
            sa.select(table.c.workflow_uuid)
            .where(table.c.queue_name == QUEUE, table.c.queue_partition_key == lane)
            .where(table.c.status.in_(states), table.c.workflow_uuid.startswith(prefix, autoescape=True))
        )
        return conn.execute(query.limit(1)).first() is not None

    def backlog(self) -> int:
        """Return how many works wait or run, delayed ones included."""
        query = (
            sa.select(sa.func.count())
            .select_from(self._status)
            .where(self._status.c.queue_name == QUEUE)
            .where(self._status.c.status.in_(["ENQUEUED", "PENDING", "DELAYED"]))
        )
        with self._db.read() as conn:
            return int(conn.execute(query).scalar_one())

    def _enqueue(self, conn: Connection, work: Work) -> None:
        client = self._way_in()
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": work.id,
            "queue_partition_key": work.lane,
            "app_version": VERSION,
        }
        trace = bound("trace")
        if trace is not None:
            # The engine keeps a user beside every work and never looks at it; ours is what began it all.
            options["authenticated_user"] = trace
        log.debug("work.put", job=work.job, put=work.id, lane=work.lane)
        if work.delay > timedelta(0):
            options["delay_seconds"] = work.delay.total_seconds()
        client.enqueue_in_transaction(conn, options, work.job, work.lane, dict(work.args))

    def _way_in(self) -> DBOSClient:
        with self._lock:
            if self._client is None:
                from runtime.lanes import make_client  # noqa: PLC0415 - see the top of this module

                self._client = make_client(self._db)
            return self._client

    def _keep_order(self, conn: Connection, work: Work, last: int | None) -> int:
        """Give a work a later stamp than the one before it in its lane.

        The engine starts a lane's works by creation time in milliseconds (on PostgreSQL the start of the
        transaction), so two works of one moment would have no order.
        """
        now = time.time_ns() // 1_000_000
        if last is None:
            return now
        stamp = max(now, last + 1)
        table = self._status
        conn.execute(table.update().where(table.c.workflow_uuid == work.id).values(created_at=stamp))
        return stamp

    def _known(self, conn: Connection, ids: set[str]) -> set[str]:
        query = sa.select(self._status.c.workflow_uuid).where(self._status.c.workflow_uuid.in_(ids))
        return set(conn.execute(query).scalars())

    def _last_in(self, conn: Connection, lanes: Iterable[str]) -> dict[str, int]:
        table = self._status
        query = (
            sa.select(table.c.queue_partition_key, sa.func.max(table.c.created_at))
            .where(table.c.queue_name == QUEUE, table.c.queue_partition_key.in_(list(lanes)))
            .where(table.c.status.in_(["ENQUEUED", "PENDING"]))
            .group_by(table.c.queue_partition_key)
        )
        return {lane: int(stamp) for lane, stamp in conn.execute(query)}


def status_table(db: Database) -> sa.TableClause:
    """Describe the few columns we use of the engine's table of works (dbos 3.4, `workflow_status`)."""
    names = (
        "workflow_uuid",
        "status",
        "queue_name",
        "queue_partition_key",
        "created_at",
        "delay_until_epoch_ms",
        "recovery_attempts",
        "executor_id",
    )
    schema = None if db.dialect == "sqlite" else "dbos"
    return sa.table("workflow_status", *(sa.column(name) for name in names), schema=schema)
