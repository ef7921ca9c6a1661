"""Ticks become durable work: aligned, once, and caught up once after an absence."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from runtime.clock import SHANGHAI, ManualClock
from runtime.db import Database
from runtime.schedule import Scheduler, latest_fire, make_trigger, tick_id
from runtime.work import Work, WorkQueue, status_table
from tests.support.wait import until

START = datetime(2026, 11, 2, 9, 2, 30, tzinfo=SHANGHAI)


@pytest.fixture
def clock() -> ManualClock:
    """Monday, 9:02:30 in Shanghai."""
    return ManualClock(START)


@pytest.fixture
def scheduler(database: Database, queue: WorkQueue, clock: ManualClock) -> Iterator[Scheduler]:
    """A scheduler that is stopped after the test."""
    made = Scheduler(database, queue, clock)
    yield made
    made.stop()


def pull(at: datetime) -> Work:
    """The work of a tick."""
    return Work("pull", "any", "any", {"at": at.isoformat()})


def put_ids(database: Database) -> list[str]:
    """Ids of all works ever put, in order."""
    table = status_table(database)
    with database.read() as conn:
        return list(conn.execute(sa.select(table.c.workflow_uuid).order_by(table.c.workflow_uuid)).scalars())


def finish_all(database: Database) -> None:
    """Let the waiting works be done, as a worker would."""
    table = status_table(database)
    with database.begin() as conn:
        conn.execute(table.update().values(status="SUCCESS"))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("every 5m", "2026-11-02T09:00:00+08:00"),
        ("every 1h", "2026-11-02T09:00:00+08:00"),
        ("every 1d", "2026-11-02T00:00:00+08:00"),
        ("every 30s", "2026-11-02T09:02:30+08:00"),
        ("0 9 * * *", "2026-11-02T09:00:00+08:00"),
        # 10:00 is still to come, so the last one was yesterday.
        ("0 10 * * *", "2026-11-01T10:00:00+08:00"),
        # Weekday numbers count from Sunday: 1 is this very Monday.
        ("0 9 * * 1", "2026-11-02T09:00:00+08:00"),
        ("0 9 * * 0", "2026-11-01T09:00:00+08:00"),
        ("0 9 10 * *", "2026-10-10T09:00:00+08:00"),
        ("0 0 1 1 *", "2026-01-01T00:00:00+08:00"),
    ],
)
def test_the_latest_fire_time_is_aligned_to_the_wall_clock_in_shanghai(when: str, expected: str) -> None:
    """Two processes that ask anywhere between two fires get the same answer."""
    assert latest_fire(make_trigger(when), START.astimezone(UTC)) == datetime.fromisoformat(expected)


def test_ids_are_made_of_name_and_time() -> None:
    """The same fire has the same id everywhere."""
    assert tick_id("pull_ads", START) == "tick:pull_ads@2026-11-02T01:02:30+00:00"


@pytest.mark.db
def test_a_tick_is_put_once_however_many_ask(
    database: Database, queue: WorkQueue, clock: ManualClock, scheduler: Scheduler
) -> None:
    """Two schedulers on one database, several calls: one work for one fire."""
    other = Scheduler(database, queue, clock)
    for one in (scheduler, other):
        one.every("pull", "every 5m", pull)
    assert [scheduler.tick("pull"), other.tick("pull"), scheduler.tick("pull")] == [True, False, False]
    assert put_ids(database) == ["tick:pull@2026-11-02T01:00:00+00:00"]


@pytest.mark.db
def test_a_clock_set_back_stops_no_schedule(
    database: Database, queue: WorkQueue, clock: ManualClock, scheduler: Scheduler
) -> None:
    """A tick of an hour ahead was remembered: the next one comes at its time."""
    scheduler.every("pull", "every 5m", pull)
    clock.advance(timedelta(hours=1))
    assert scheduler.tick("pull")
    finish_all(database)
    clock.set(START)
    assert scheduler.tick("pull")
    assert not scheduler.tick("pull")
    ids = ["tick:pull@2026-11-02T01:00:00+00:00", "tick:pull@2026-11-02T02:00:00+00:00"]
    assert put_ids(database) == ids


def test_a_running_scheduler_ticks_on_after_its_clock_was_set_back(
    database: Database, queue: WorkQueue, clock: ManualClock, scheduler: Scheduler
) -> None:
    """The library had planned its next time an hour ahead, and would have slept until then."""
    scheduler.every("pull", "every 1d", pull)
    scheduler.start()
    job = scheduler._library.get_job("pull")
    planned = job.next_run_time
    assert not scheduler.look_at_the_clock()
    job.modify(next_run_time=planned + timedelta(days=7))  # as a clock a week ahead would have planned
    until(lambda: scheduler._library.get_job("pull").next_run_time == planned, what="planned anew")


@pytest.mark.db
def test_what_was_missed_is_caught_up_once(
    database: Database, clock: ManualClock, scheduler: Scheduler
) -> None:
    """After three hours of absence there is one tick, the latest, and not thirty-six."""
    scheduler.every("pull", "every 5m", pull)
    scheduler.tick("pull")
    finish_all(database)
    clock.advance(timedelta(hours=3))
    assert scheduler.tick("pull") is True
    assert put_ids(database)[1:] == ["tick:pull@2026-11-02T04:00:00+00:00"]


@pytest.mark.db
def test_a_cron_schedule_seen_for_the_first_time_waits_for_its_next_time(
    database: Database, clock: ManualClock, scheduler: Scheduler
) -> None:
    """Installing at ten does not send the report of nine; a restart after a missed nine does."""
    scheduler.every("report", "0 9 * * *", pull)
    assert scheduler.tick("report") is False
    clock.advance(timedelta(days=1))
    assert scheduler.tick("report") is True
    assert put_ids(database) == ["tick:report@2026-11-03T01:00:00+00:00"]


@pytest.mark.db
def test_ticks_do_not_pile_up_behind_one_that_has_not_begun(
    database: Database, clock: ManualClock, scheduler: Scheduler
) -> None:
    """While the worker is busy or away, one waiting tick stands for all that are due."""
    scheduler.every("pull", "every 1m", pull)
    for _ in range(5):
        scheduler.tick("pull")
        clock.advance(60)
    assert len(put_ids(database)) == 1
    finish_all(database)
    assert scheduler.tick("pull") is True


@pytest.mark.db
def test_a_running_scheduler_catches_up_at_once_and_ticks_by_itself(
    database: Database, queue: WorkQueue, clock: ManualClock, scheduler: Scheduler
) -> None:
    """`start` puts what is due; the library's thread asks again when time passes."""
    scheduler.every("pull", "every 1s", pull)
    scheduler.start()
    assert len(put_ids(database)) == 1
    finish_all(database)
    clock.advance(1)
    until(lambda: len(put_ids(database)) == 2, timeout=5, what="the next tick")


@pytest.mark.db
def test_a_name_can_be_scheduled_once_only(scheduler: Scheduler) -> None:
    """Two schedules of one name would share their memory."""
    scheduler.every("pull", "every 1m", pull)
    with pytest.raises(ValueError, match="exists already"):
        scheduler.every("pull", "every 2m", pull)
    with pytest.raises(ValueError, match="expected"):
        scheduler.every("other", "sometimes", pull)
