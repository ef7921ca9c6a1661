"""Ticks: a schedule only *triggers*; what it triggers is durable work with an id made of name and time.

Fire times are aligned to the wall clock, so two processes and a restarted one compute the same ids. The last
fire of each name is remembered in the database; what was missed while nothing ran is caught up once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.engine import Connection

from runtime import tables
from runtime.clock import SHANGHAI, Clock
from runtime.db import Database
from runtime.when import Every, parse_when
from runtime.work import Work, WorkQueue

EPOCH = datetime(2000, 1, 1, tzinfo=SHANGHAI)
"""Intervals are counted from here: midnight in Shanghai, so that `every 1d` fires at midnight there."""

LOOK_BACK = (
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=8),
    timedelta(days=32),
    timedelta(days=367),
)

DRIFT = timedelta(minutes=1)
"""A clock that differs by more was set; clocks of machines and of one machine may differ by less."""
WATCH_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Trigger(Protocol):
    """The part of APScheduler's triggers we use."""

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the first fire time at or after now."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    trigger: Trigger
    work: Callable[[datetime], Work]
    at_once: bool


class Scheduler:
    """Turns the passing of time into durable work.

    Args:
        db: the durable database.
        queue: where ticks go.
        clock: what tells the time.
    """

    def __init__(self, db: Database, queue: WorkQueue, clock: Clock) -> None:
        self._db = db
        self._queue = queue
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._library = BackgroundScheduler(timezone=SHANGHAI)
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="clock-watcher", daemon=True)

    def every(self, name: str, when: str, work: Callable[[datetime], Work]) -> None:
        """Add a schedule; before `start`.

        Args:
            name: stable name; the work's id becomes `tick:<name>@<time>` and its lane `tick:<name>`.
            when: `every 5m`, or a cron line in Asia/Shanghai.
            work: makes the work for a fire time (UTC); its own id and lane are replaced.

        Raises:
            ValueError: the name is taken, or `when` cannot be read.
        """
        if name in self._entries:
            msg = f"The schedule {name!r} exists already; give one of them another name."
            raise ValueError(msg)
        parsed = parse_when(when)
        # An interval means "keep this fresh": it starts at once. A cron line means "then": it waits for then.
        self._entries[name] = _Entry(make_trigger(when), work, at_once=isinstance(parsed, Every))

    def start(self) -> None:
        """Catch up what was missed and go on ticking in a thread."""
        for name, entry in self._entries.items():
            self._library.add_job(
                self.tick, entry.trigger, args=[name], id=name, coalesce=True, misfire_grace_time=None
            )
        self._library.start()
        for name in self._entries:
            self.tick(name)
        self._watcher.start()

    def stop(self) -> None:
        """Stop ticking; a tick being written is finished."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        if self._library.running:
            self._library.shutdown(wait=True)

    def look_at_the_clock(self) -> bool:
        """Plan anew what the library waits for too long: times that a clock which was ahead had planned.

        Looking at what is planned notices what comparing the clock with itself would miss: a clock that was
        ahead between two looks.

        Returns:
            True when something was planned anew.
        """
        now = datetime.now(SHANGHAI)  # the library's clock is the machine's
        late = [job for job in self._library.get_jobs() if self._too_far(job, now)]
        if late:
            log.warning("schedule.planned_anew", now=now.isoformat(), names=[job.id for job in late])
        for job in late:
            job.reschedule(self._entries[job.id].trigger)
        return bool(late)

    def _too_far(self, job: Any, now: datetime) -> bool:
        due = self._entries[job.id].trigger.get_next_fire_time(None, now)
        return due is not None and job.next_run_time is not None and job.next_run_time > due + DRIFT

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            self.look_at_the_clock()

    def tick(self, name: str) -> bool:
        """Put the work of the latest fire time unless it was put before; safe to call at any time.

        When the tick before has not begun yet, none is added: one waiting tick will see all that happened.

        Returns:
            True when work was put.
        """
        entry = self._entries[name]
        now = self._clock.now()
        fire = latest_fire(entry.trigger, now)
        if fire is None:
            return False
        with self._db.begin() as conn:
            last = conn.execute(sa.select(tables.fires.c.at).where(tables.fires.c.name == name)).scalar()
            # What lies far ahead was written by a clock that was wrong; ids keep ticks single.
            if last is not None and fire <= last <= now + DRIFT:
                return False
            self._remember(conn, name, fire)
            if last is None and not entry.at_once:
                return False
            lane = f"tick:{name}"
            if self._queue.waiting(conn, lane):
                log.info("schedule.coalesced", name=name, at=fire.isoformat())
                return False
            work = replace(entry.work(fire), id=tick_id(name, fire), lane=lane)
            self._queue.put(conn, work)
        return True

    def _remember(self, conn: Connection, name: str, fire: datetime) -> None:
        statement = self._db.insert(tables.fires).values(name=name, at=fire)
        conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": fire}))


def tick_id(name: str, fire: datetime) -> str:
    """Return the id of a tick, e.g. `tick:pull_ads@2026-11-23T01:00:00+00:00`."""
    return f"tick:{name}@{fire.astimezone(UTC).isoformat(timespec='seconds')}"


def make_trigger(when: str) -> Trigger:
    """Build the library's trigger for a schedule text, aligned to the wall clock of Asia/Shanghai."""
    parsed = parse_when(when)
    if isinstance(parsed, Every):
        trigger: Trigger = IntervalTrigger(
            seconds=int(parsed.interval.total_seconds()), start_date=EPOCH, timezone=SHANGHAI
        )
        return trigger
    cron: Trigger = CronTrigger(
        minute=parsed.minute,
        hour=parsed.hour,
        day=parsed.day,
        month=parsed.month,
        day_of_week=parsed.weekday,
        timezone=SHANGHAI,
    )
    return cron


def latest_fire(trigger: Trigger, now: datetime) -> datetime | None:
    """Return the last fire time at or before now (UTC), or None when there was none in the past year."""
    local = now.astimezone(SHANGHAI)
    for span in LOOK_BACK:
        found: datetime | None = None
        fire = trigger.get_next_fire_time(None, local - span)
        while fire is not None and fire <= local:
            found = fire
            fire = trigger.get_next_fire_time(fire, fire + timedelta(microseconds=1))
        if found is not None:
            return found.astimezone(UTC)
    return None
