"""Durable work: written in the caller's transaction, performed by the worker process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, EnqueueOptions
from sqlalchemy.engine import Connection

from runtime.db import Database

QUEUE = "lanes"
"""The one queue. A lane is its partition key."""

VERSION = "chorus"
"""Fixed application version: a deploy strands no work. A job whose shape changes gets a new name."""

JOB_PREFIX = "job:"


@dataclass(frozen=True, slots=True)
class Work:
    """One thing to be done later.

    Args:
        job: registered name, e.g. `rules.notify`.
        id: idempotency key; the same id is performed once however often it is put.
        lane: works of one lane run one at a time, in the order they were put.
        args: plain JSON values handed to the job. No secrets.
        delay: wait at least this long before the first start.
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
        self._client = DBOSClient(system_database_engine=db.engine, lazy=True)

    def put(self, conn: Connection, *works: Work) -> None:
        """Add work in the caller's transaction; an id already known is ignored.

        Args:
            conn: a transaction of the same database (`db.begin()`).
            works: what to do; in one lane they run in this order.
        """
        for work in works:
            options: EnqueueOptions = {
                "workflow_name": JOB_PREFIX + work.job,
                "queue_name": QUEUE,
                "workflow_id": work.id,
                "queue_partition_key": work.lane,
                "app_version": VERSION,
            }
            if work.delay > timedelta(0):
                options["delay_seconds"] = work.delay.total_seconds()
            self._client.enqueue_in_transaction(conn, options, dict(work.args))

    def backlog(self) -> int:
        """Return how many works wait or run, delayed ones included."""
        schema = "" if self._db.dialect == "sqlite" else "dbos."
        query = sa.text(
            f"SELECT count(*) FROM {schema}workflow_status "  # noqa: S608 - a constant
            "WHERE queue_name = :queue AND status IN ('ENQUEUED', 'PENDING', 'DELAYED')"
        )
        with self._db.read() as conn:
            return int(conn.execute(query, {"queue": QUEUE}).scalar_one())


def prepare_database(url: str) -> None:
    """Create or upgrade the engine's own tables; part of `runtime.db.migrate`.

    Args:
        url: address with driver, as given by `normalise_url`.
    """
    DBOS.migrate(url)
