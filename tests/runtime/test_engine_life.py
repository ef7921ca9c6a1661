"""The engine's own life: one at a time, ends without losing work, forgets, parks what it gave up."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from runtime import tables
from runtime.clock import ManualClock, SystemClock
from runtime.db import Database
from runtime.engine import PART, Engine, forget_old, park_abandoned
from runtime.jobrun import JobRun
from runtime.parked import list_parked
from runtime.work import Work, WorkQueue, status_table
from tests.support.wait import until

pytestmark = pytest.mark.db


def test_work_that_outlasts_the_closing_is_resumed_not_parked(
    database: Database, queue: WorkQueue, new_engine: Callable[..., Engine]
) -> None:
    """A job still busy when the drain time is over goes on after the next start, from its last step."""
    begun, release, firsts, ends = threading.Event(), threading.Event(), [], []

    def job(run: JobRun, _args: Mapping[str, Any]) -> None:
        run.step("first", lambda: firsts.append(1))
        begun.set()
        release.wait(20)
        run.step("last", lambda: ends.append(1))

    first = new_engine()
    first.register("long", job)
    first.launch()
    with database.begin() as conn:
        queue.put(conn, Work("long", "x", "l", {}))
    assert begun.wait(10)
    first.close(drain=0.1)
    release.set()
    second = new_engine()
    second.register("long", job)
    second.launch()
    until(lambda: queue.backlog() == 0, what="the end of the work")
    assert (firsts, ends) == ([1], [1])
    assert list_parked(database) == []


def test_a_second_engine_in_one_process_is_refused(database: Database, engine: Engine) -> None:
    """The library keeps one state a process; the mistake is told instead of half working."""
    engine.launch()
    with pytest.raises(RuntimeError, match="launched in this process already"):
        Engine(database, instance="other").launch()


def test_a_job_name_is_registered_once(engine: Engine) -> None:
    """Otherwise the later one would silently win."""
    engine.register("a", lambda _run, _args: None)
    with pytest.raises(ValueError, match="registered twice"):
        engine.register("a", lambda _run, _args: None)


def test_closing_an_engine_that_was_never_launched_does_nothing(database: Database) -> None:
    """A start that failed early can always be cleaned up."""
    Engine(database, instance="never").close()


def test_a_launched_engine_says_that_it_lives(database: Database, engine: Engine) -> None:
    """`readyz` and the other workers look at this row."""
    engine.launch()
    with database.read() as conn:
        row = conn.execute(sa.select(tables.executors)).one()
    assert row.instance == "test-1"
    assert SystemClock().now() - row.seen_at < timedelta(seconds=15)


def test_old_records_are_forgotten_ticks_sooner_than_the_rest(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """After three days finished ticks are gone, after a month everything finished; what waits stays."""
    done: list[str] = []
    engine.register("note", lambda _run, args: done.append(args["n"]))
    engine.launch()
    with database.begin() as conn:
        queue.put(
            conn,
            Work("note", "tick:a@1", "tick:a", {"n": "tick"}),
            Work("note", "push:1", "l", {"n": "push"}),
            Work("note", "later", "tick:b", {"n": "later"}, delay=timedelta(hours=1)),
        )
    until(lambda: len(done) == 2 and queue.backlog() == 1, what="two works")
    clock = ManualClock(SystemClock().now())
    assert forget_old(database, clock) == 0
    clock.advance(timedelta(days=3))
    assert forget_old(database, clock) == 1
    assert ids(database) == ["later", "push:1"]
    clock.advance(timedelta(days=30))
    forget_old(database, clock)
    assert ids(database) == ["later"]


def test_work_the_engine_gave_up_is_parked_once(database: Database, queue: WorkQueue, engine: Engine) -> None:
    """A work whose workers kept dying is shown to people with its arguments."""
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, Work("crash", "killer", "l", {"n": 7}, delay=timedelta(hours=1)))
        status = status_table(database)
        conn.execute(status.update().values(status="MAX_RECOVERY_ATTEMPTS_EXCEEDED"))
    assert park_abandoned(database, SystemClock()) == 1
    assert park_abandoned(database, SystemClock()) == 0
    (row,) = list_parked(database)
    assert (row.id, row.job, row.lane, row.args) == ("killer", "crash", "l", {"n": 7})


@pytest.mark.parametrize("inside", [False, True], ids=["between steps", "in a step"])
def test_work_whose_database_failed_goes_on_from_its_last_step(
    database: Database, queue: WorkQueue, new_engine: Callable[..., Engine], *, inside: bool
) -> None:
    """A full disk is no fault of a work: it is not given up, and its lane is not closed for ever."""
    firsts, tries, resumed = [], [], []

    def job(run: JobRun, _args: Mapping[str, Any]) -> None:
        run.step("first", lambda: firsts.append(1))
        tries.append(1)
        resumed.append(run.resumed)
        run.step("second", write) if inside else write()

    def write() -> None:
        if len(tries) < 3:
            raise sa.exc.OperationalError("INSERT", {}, Exception("database or disk is full"))

    engine = new_engine(silent_after=0.2)
    engine.register("write", job)
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, Work("write", "x", "l", {}), Work("write", "after", "l", {}))
    until(lambda: queue.backlog() == 0, timeout=30, what="both works of the lane done")
    assert (len(firsts), len(tries)) == (2, 4)
    assert resumed == [False, True, True, False]
    assert list_parked(database) == []


REFUSE = {
    "sqlite": (
        (
            "CREATE TRIGGER full BEFORE UPDATE ON workflow_status WHEN NEW.status = 'SUCCESS' "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF NEW.status = 'SUCCESS' THEN RAISE EXCEPTION 'no room'; END IF; RETURN NEW; END $$"
        ),
        (
            'CREATE TRIGGER "full" BEFORE UPDATE ON dbos.workflow_status '
            "FOR EACH ROW EXECUTE FUNCTION full_disk()"
        ),
    ),
}
ALLOW = {"sqlite": "DROP TRIGGER full", "postgresql": 'DROP TRIGGER "full" ON dbos.workflow_status'}


def test_work_whose_end_could_not_be_written_does_not_close_its_lane(
    database: Database, queue: WorkQueue, new_engine: Callable[..., Engine]
) -> None:
    """Its thread ended with the error, and the database says that this worker is still at it."""
    done: list[str] = []
    refused: list[str] = []

    def hear(context: sa.engine.ExceptionContext) -> None:
        refused.append(str(context.original_exception))

    sa.event.listen(sa.Engine, "handle_error", hear)
    engine = new_engine(silent_after=0.2)
    engine.register("note", lambda run, _args: run.step("note", lambda: done.append(str(run.id))))
    engine.launch()
    with database.begin() as conn:
        for statement in REFUSE[database.dialect]:
            conn.exec_driver_sql(statement)
        queue.put(conn, Work("note", "x", "l", {}), Work("note", "after", "l", {}))
    try:
        until(lambda: any("no room" in each for each in refused), what="the work's end refused")
    finally:
        sa.event.remove(sa.Engine, "handle_error", hear)
    with database.begin() as conn:
        conn.exec_driver_sql(ALLOW[database.dialect])
    until(lambda: queue.backlog() == 0, timeout=30, what="both works of the lane done")
    assert done == ["x", "after"]
    assert list_parked(database) == []


def ids(database: Database) -> list[str]:
    """Ids of the works the engine still remembers."""
    table = status_table(database)
    with database.read() as conn:
        return list(conn.execute(sa.select(table.c.workflow_uuid).order_by(table.c.workflow_uuid)).scalars())


def test_more_old_records_than_one_part_are_forgotten_beat_after_beat(
    database: Database, queue: WorkQueue, new_engine: Callable[..., Engine]
) -> None:
    """A busy month leaves more than one part a beat; all of it goes, without an hour between the parts."""
    works = [Work("note", f"old:{n}", f"l{n}", {}, delay=timedelta(hours=1)) for n in range(PART + 20)]
    with database.begin() as conn:
        queue.put(conn, *works)
        conn.execute(status_table(database).update().values(status="SUCCESS"))
    engine = new_engine(clock=ManualClock(SystemClock().now() + timedelta(days=31)), silent_after=1.0)
    engine.launch()
    until(lambda: ids(database) == [], timeout=60, what="every old record gone")


def test_a_delay_counted_by_a_clock_that_was_ahead_is_counted_anew(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """What was to wait a second does not wait for the hour the clock was ahead; other delays stay."""
    done: list[str] = []
    engine.register("note", lambda run, _args: done.append(run.id))
    with database.begin() as conn:
        queue.put(conn, Work("note", "soon", "a", {}, delay=timedelta(seconds=1)))
        queue.put(conn, Work("note", "later", "b", {}, delay=timedelta(hours=1)))
        status, hour = status_table(database), 3_600_000
        wrong = sa.update(status).where(status.c.workflow_uuid.like("%soon%"))
        conn.execute(
            wrong.values(
                created_at=status.c.created_at + hour,
                delay_until_epoch_ms=status.c.delay_until_epoch_ms + hour,
            )
        )
    engine.launch()
    until(lambda: done, what="the work that was to wait a second")
    assert [each for each in done if "later" in each] == []
