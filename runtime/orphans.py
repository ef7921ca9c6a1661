"""Works that a living worker holds on paper only: their thread ended when the database failed under it.

The engine's library leaves such a work in the hands of its worker for ever, and its lane stays closed. It can
be put back into its queue: whoever takes it goes on from its last recorded step, as after a kill.

And works put aside for some seconds by a clock that was ahead: the library writes down until when, so they
would wait for as long as it was ahead. From what it writes beside it, when they were put, the delay is known.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
import structlog

from runtime.clock import FARTHEST
from runtime.db import Database
from runtime.work import QUEUE, status_table

ROUNDS = 3
"""Heartbeats for which a work must be nobody's: one that was just taken is not begun in the same moment."""

log = structlog.get_logger(__name__)


class Orphans:
    """Finds them and puts them back.

    Args:
        db: the durable database.
        instance: name of this worker.
        library: the launched engine's library object.
    """

    def __init__(self, db: Database, instance: str, library: Any) -> None:
        self._db = db
        self._instance = instance
        self._library = library
        self._missed: dict[str, int] = {}

    def reclaim(self) -> list[str]:
        """Look once; called with every heartbeat.

        Returns:
            Ids of the works that were put back.
        """
        held = self._held()
        # Asked afterwards: what ended meanwhile is seen as nobody's, but not for `ROUNDS` heartbeats.
        running = set(self._library._active_workflows_set.activeList())  # noqa: SLF001 - 3.4 has no public name
        self._missed = {work: self._missed.get(work, 0) + 1 for work in held if work not in running}
        found = [work for work, rounds in self._missed.items() if rounds >= ROUNDS]
        for work in found:
            database = self._library._sys_db  # noqa: SLF001 - as above
            if database.reenqueue_for_recovery(work, [self._instance], QUEUE):
                log.warning("engine.reclaimed", work_id=work)
            del self._missed[work]
        return found

    def _held(self) -> list[str]:
        """What the database says this worker is doing."""
        status = status_table(self._db)
        query = sa.select(status.c.workflow_uuid).where(
            status.c.status == "PENDING", status.c.executor_id == self._instance, status.c.queue_name == QUEUE
        )
        with self._db.read() as conn:
            return list(conn.execute(query).scalars())


def right_delays(db: Database) -> int:
    """Count the delay of works anew that were put by a clock which has been set back since.

    Args:
        db: the durable database.

    Returns:
        How many works.
    """
    status = status_table(db)
    now = int(time.time() * 1000)  # the library's clock is the machine's
    change = (
        sa.update(status)
        .where(status.c.status == "DELAYED", status.c.queue_name == QUEUE)
        .where(status.c.created_at > now + FARTHEST.total_seconds() * 1000)
        .values(
            delay_until_epoch_ms=status.c.delay_until_epoch_ms - (status.c.created_at - now), created_at=now
        )
    )
    with db.begin() as conn:
        righted = conn.execute(change).rowcount
    if righted:
        log.warning("engine.delays_righted", works=righted)
    return righted
