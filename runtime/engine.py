"""The durable engine: performs work in the worker process, and takes over the work of workers that died.

DBOS is one object a process; that fact ends here. One `Engine` may be launched at a time in a process; after
`close` another may be made.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from dbos import DBOS
from sqlalchemy.engine import Connection

from runtime import metrics, tables
from runtime.clock import Clock, SystemClock
from runtime.db import Database, is_away
from runtime.errors import ChorusError, PermanentError
from runtime.ids import WorkId
from runtime.jobrun import JobRun, Slots, Stopped
from runtime.lanes import APPLICATION, JsonSerializer, look_first
from runtime.log import bind, mask_text
from runtime.orphans import Orphans, right_delays
from runtime.parked import Parked, park
from runtime.work import QUEUE, VERSION, WORKFLOW, status_table

Job = Callable[[JobRun, Mapping[str, Any]], None]
Hearer = Callable[[Connection, Parked], None]
"""Called in the transaction in which a work is parked."""

BUSY_AT_ONCE = 16
"""Jobs working at the same moment in one worker; a kill can make at most so many steps happen twice."""

HEARTBEAT = 3.0
SILENT_AFTER = 15.0
DEATHS = 20
"""A work whose worker died this often while performing it is parked: it probably is what kills it."""

PART = 500
"""Records of finished works deleted at one heartbeat."""
KEEP = timedelta(days=30)
KEEP_TICKS = timedelta(days=2)

log = structlog.get_logger(__name__)

_one_at_a_time = threading.Lock()
"""Held by the launched engine: the library keeps its state in the process, so there can be only one."""


class Engine:
    """Performs work of registered jobs.

    Args:
        db: the durable database, migrated.
        instance: name of this worker; two workers on one database need two names.
        clock: what tells the time.
        first_wait: first back-off of `JobRun.attempt` in seconds (tests make it short).
        silent_after: seconds without a heartbeat after which another worker's work is taken over.
    """

    def __init__(
        self,
        db: Database,
        *,
        instance: str,
        clock: Clock | None = None,
        first_wait: float = 0.5,
        silent_after: float = SILENT_AFTER,
    ) -> None:
        self._db = db
        self._instance = instance
        self._clock = clock or SystemClock()
        self._first_wait = first_wait
        self._silent_after = silent_after
        self._jobs: dict[str, Job] = {}
        self._hearers: list[Hearer] = []
        self._slots = Slots(BUSY_AT_ONCE)
        self._beat: Heartbeat | None = None
        self._launched = False
        self._abandoning = False

    def register(self, job: str, fn: Job) -> None:
        """Say what performs the works of a job; before `launch`.

        Raises:
            ValueError: the name is taken.
        """
        if job in self._jobs:
            msg = f"The job {job!r} is registered twice; give one of them another name."
            raise ValueError(msg)
        self._jobs[job] = fn

    def on_parked(self, hearer: Hearer) -> None:
        """Have somebody told, in the same transaction, when a work is parked; before `launch`."""
        self._hearers.append(hearer)

    def launch(self) -> None:
        """Start performing; first of all what this instance left unfinished.

        Raises:
            RuntimeError: another engine of this process was launched and not closed.
        """
        if not _one_at_a_time.acquire(blocking=False):
            msg = "An engine is launched in this process already; close it first, or start another process."
            raise RuntimeError(msg)
        self._launched = True
        _quiet_logs()
        library = DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._db.url,
                "application_version": VERSION,
                "executor_id": self._instance,
                "serializer": JsonSerializer(),
                "log_level": "WARNING",
                # Nobody waits for notifications here; polling by the listener looks at an empty list.
                "use_listen_notify": False,
                "notification_listener_polling_interval_sec": 0.5,
                "scheduler_polling_interval_sec": 3600.0,
                "run_migrations": False,
            }
        )
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=DEATHS)(self._workflow())
        DBOS.launch()
        look_first(library, self._db)
        self._beat = Heartbeat(self._db, self._instance, self._clock, silent_after=self._silent_after)
        self._beat.hearers = self._hearers
        self._beat.orphans = Orphans(self._db, self._instance, library)
        self._beat.start()
        log.info("engine.launched", instance=self._instance, jobs=sorted(self._jobs))

    def close(self, *, drain: float = 20.0) -> None:
        """Stop: nothing new begins, jobs at work may finish, sleeping ones go on after the next start.

        Args:
            drain: seconds to wait for jobs at work; one that takes longer is resumed after the next start.
                Its thread cannot be ended from here: a process that must go leaves with `os._exit`.
        """
        if not self._launched:
            return
        self._launched = False
        drained = self._slots.stop(drain)
        self._abandoning = True
        if self._beat is not None:
            self._beat.stop()
        DBOS.destroy(destroy_registry=True)
        _one_at_a_time.release()
        log.info("engine.closed", instance=self._instance, drained=drained)

    def _workflow(self) -> Callable[[str, str, dict[str, Any]], None]:
        def perform(job: str, lane: str, args: dict[str, Any]) -> None:
            work_id = WorkId(str(DBOS.workflow_id))
            trace = DBOS.authenticated_user or work_id
            with self._slots.use(), bind(work_id=work_id, trace=trace):
                self._perform(work_id, job, lane, args)

        return perform

    def _perform(self, work_id: WorkId, job: str, lane: str, args: dict[str, Any]) -> None:
        began = time.monotonic()
        try:
            self._find(job)(self._run(work_id), args)
        except Exception as error:  # whatever a job raises is parked; nothing else stops
            if self._abandoning:
                # Only because the engine was closed under it; the work goes on after the next start.
                raise Stopped from error
            if is_away(error):
                # No fault of the work: it goes on from its last step when the heartbeat reclaims it.
                log.warning("work.interrupted", job=job, lane=lane, error=type(error).__name__)
                raise Stopped from error
            sentence = _sentence(error)
            row = Parked(work_id, job, lane, args, sentence, self._clock.now())
            try:
                with self._db.begin() as conn:
                    _park(self._db, conn, row, self._hearers)
            except Exception as second:  # noqa: BLE001 - raised again
                raise (Stopped if is_away(second) else second) from error
            known = isinstance(error, ChorusError)
            log.error("work.parked", job=job, lane=lane, error=sentence, exc_info=None if known else error)
            metrics.count("chorus_jobs_total", job=job, outcome="parked")
        else:
            took = time.monotonic() - began
            log.debug("work.done", job=job, lane=lane, seconds=round(took, 3))
            metrics.count("chorus_jobs_total", job=job, outcome="done")
            metrics.observe("chorus_job_seconds", took, job=job)

    def _find(self, job: str) -> Job:
        try:
            return self._jobs[job]
        except KeyError:
            msg = (
                f"No job is called {job!r} in this version. Deploy a version that has it and retry the work."
            )
            raise PermanentError(msg) from None

    def _run(self, work_id: WorkId) -> JobRun:
        status = status_table(self._db)
        query = sa.select(status.c.recovery_attempts).where(status.c.workflow_uuid == work_id)
        with self._db.read() as conn:
            starts = conn.execute(query).scalar_one_or_none() or 1
        return JobRun(
            work_id,
            record=lambda name, fn: DBOS.run_step({"name": name}, fn),
            slots=self._slots,
            clock=self._clock,
            resumed=starts > 1,
            first_wait=self._first_wait,
        )


class Heartbeat:
    """Says that this worker lives, and adopts the work of those that say so no more.

    Silence is measured with this process's own stopwatch, from the moment a row was last seen to change, so
    clocks of machines need not agree.
    """

    def __init__(self, db: Database, instance: str, clock: Clock, *, silent_after: float) -> None:
        self._db = db
        self._instance = instance
        self._clock = clock
        self._silent_after = silent_after
        self._seen: dict[str, tuple[datetime, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="heartbeat", daemon=True)
        self._rounds = 0
        self._forgetting = False
        self.hearers: Sequence[Hearer] = ()
        self.orphans: Orphans | None = None

    def start(self) -> None:
        """Beat once, then go on in a thread."""
        self._say()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._stop.wait(min(HEARTBEAT, self._silent_after / 4)):
            try:
                self._say()
                self._adopt()
                if self.orphans is not None:
                    self.orphans.reclaim()
                right_delays(self._db)
                if self._rounds % 20 == 0:
                    park_abandoned(self._db, self._clock, self.hearers)
                if self._rounds % 1200 == 0 or self._forgetting:
                    # A part a beat: who deletes for a minute is silent so long, and is taken for dead.
                    self._forgetting = forget_old(self._db, self._clock) > 0
                self._rounds += 1
            except Exception:
                # The database may be away for a while; the next beat tries again.
                log.exception("engine.heartbeat_failed")

    def _say(self) -> None:
        now = self._clock.now()
        statement = self._db.insert(tables.executors).values(
            instance=self._instance, started_at=now, seen_at=now
        )
        with self._db.begin() as conn:
            conn.execute(statement.on_conflict_do_update(index_elements=["instance"], set_={"seen_at": now}))

    def _adopt(self) -> None:
        with self._db.read() as conn:
            rows = conn.execute(sa.select(tables.executors.c.instance, tables.executors.c.seen_at)).all()
        now = time.monotonic()
        for instance, seen_at in rows:
            if instance == self._instance:
                continue
            known = self._seen.get(instance)
            if known is None or known[0] != seen_at:
                self._seen[instance] = (seen_at, now)
            elif now - known[1] >= self._silent_after:
                self._take_over(instance, seen_at)

    def _take_over(self, instance: str, seen_at: datetime) -> None:
        # First the work, then the row: dying in between only repeats what is idempotent.
        adopted = DBOS._recover_pending_workflows([instance])  # noqa: SLF001 - 3.4 has no public name
        gone = tables.executors.delete().where(
            tables.executors.c.instance == instance, tables.executors.c.seen_at == seen_at
        )
        with self._db.begin() as conn:
            conn.execute(gone)
        self._seen.pop(instance, None)
        log.warning("engine.adopted", dead=instance, works=len(adopted))


def park_abandoned(db: Database, clock: Clock, hearers: Sequence[Hearer] = ()) -> int:
    """Park works the engine itself gave up (workers died of them, or parking failed); return how many."""
    status = status_table(db)
    query = (
        sa.select(status.c.workflow_uuid)
        .where(status.c.queue_name == QUEUE)
        .where(status.c.status.in_(["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]))
        .where(status.c.workflow_uuid.not_in(sa.select(tables.parked.c.id)))
        .limit(100)
    )
    with db.read() as conn:
        ids = list(conn.execute(query).scalars())
    for found in DBOS.list_workflows(workflow_ids=ids) if ids else []:
        job, lane, args = found.input["args"] if found.input else ("?", "?", {})
        sentence = (
            "The worker died or failed too often while performing it; look into the log, then retry it."
        )
        with db.begin() as conn:
            row = Parked(WorkId(found.workflow_id), job, lane, args, sentence, clock.now())
            _park(db, conn, row, hearers)
        log.error("work.parked", work_id=found.workflow_id, job=job, lane=lane, error=sentence)
    return len(ids)


def _park(db: Database, conn: Connection, row: Parked, hearers: Sequence[Hearer]) -> None:
    park(db, conn, row)
    for hear in hearers:
        hear(conn, row)


def forget_old(db: Database, clock: Clock) -> int:
    """Delete records of finished work past their keeping time, at most `PART` of a kind. Returns how many."""
    status = status_table(db)
    forgotten = 0
    for keep, ticks in ((KEEP_TICKS, True), (KEEP, False)):
        before = int((clock.now() - keep).timestamp() * 1000)
        query = (
            sa.select(status.c.workflow_uuid)
            .where(status.c.queue_name == QUEUE, status.c.created_at < before)
            .where(status.c.status.in_(["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]))
            .limit(PART)
        )
        if ticks:
            query = query.where(status.c.queue_partition_key.like("tick:%"))
        with db.read() as conn:
            ids = list(conn.execute(query).scalars())
        if ids:
            DBOS.delete_workflows(ids)
        forgotten += len(ids)
    return forgotten


def _sentence(error: Exception) -> str:
    if isinstance(error, ChorusError):
        return mask_text(str(error)) or type(error).__name__
    text = mask_text(str(error))[:300]
    return (
        f"Unexpected {type(error).__name__}: {text} (a bug or an unforeseen answer; the log has the details)."
    )


def _quiet_logs() -> None:
    """Let the engine's own lines go through our log and nowhere else."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.addHandler(logging.NullHandler())
    logger.propagate = True
