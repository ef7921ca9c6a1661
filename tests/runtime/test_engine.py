"""The engine performs what was put, in order, once, and is stopped by nothing a job does."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from runtime.db import Database
from runtime.engine import Engine
from runtime.errors import PermanentError, TransientError, UnknownOutcome
from runtime.jobrun import JobRun
from runtime.parked import list_parked
from runtime.work import Work, WorkQueue
from tests.support.wait import until

pytestmark = pytest.mark.db


def test_work_of_a_lane_runs_one_at_a_time_in_the_order_it_was_put(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """Works of one lane never overlap and start in the order they were put, in one transaction or more."""
    seen: list[int] = []
    inside: list[int] = []
    overlaps: list[int] = []

    def job(run: JobRun, args: Mapping[str, Any]) -> None:
        inside.append(1)
        if len(inside) > 1:
            overlaps.append(args["n"])
        run.step("work", lambda: None)
        seen.append(args["n"])
        inside.pop()

    engine.register("count", job)
    with database.begin() as conn:
        queue.put(conn, *[Work("count", f"w{n}", "lane", {"n": n}) for n in range(4)])
        queue.put(conn, Work("count", "w4", "lane", {"n": 4}))
    with database.begin() as conn:
        queue.put(conn, *[Work("count", f"w{n}", "lane", {"n": n}) for n in range(5, 8)])
    engine.launch()
    until(lambda: len(seen) == 8, what="all eight works")
    assert seen == list(range(8))
    assert overlaps == []


def test_lanes_do_not_wait_for_each_other(database: Database, queue: WorkQueue, engine: Engine) -> None:
    """A work that takes long holds up its own lane only."""
    release = threading.Event()
    done: list[str] = []

    def slow(_run: JobRun, _args: Mapping[str, Any]) -> None:
        release.wait(20)
        done.append("slow")

    def quick(_run: JobRun, args: Mapping[str, Any]) -> None:
        done.append(args["name"])

    engine.register("slow", slow)
    engine.register("quick", quick)
    engine.launch()
    with database.begin() as conn:
        queue.put(
            conn,
            Work("slow", "s", "a", {}),
            Work("quick", "behind", "a", {"name": "behind"}),
            Work("quick", "other", "b", {"name": "other"}),
        )
    until(lambda: done == ["other"], what="the other lane")
    release.set()
    until(lambda: done == ["other", "slow", "behind"], what="the rest of the lane, in order")


def test_work_exists_exactly_if_the_transaction_commits(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """Work put in a transaction that is rolled back never happens."""
    seen: list[str] = []
    engine.register("note", lambda _run, args: seen.append(args["n"]))

    def fail_after_putting() -> None:
        with database.begin() as conn:
            queue.put(conn, Work("note", "ghost", "l", {"n": "ghost"}))
            raise KeyError

    with pytest.raises(KeyError):
        fail_after_putting()
    with database.begin() as conn:
        queue.put(conn, Work("note", "real", "l", {"n": "real"}))
    engine.launch()
    until(lambda: seen, what="the committed work")
    until(lambda: queue.backlog() == 0, what="an empty backlog")
    assert seen == ["real"]


def test_an_id_is_performed_once_however_often_it_is_put(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """The id is the idempotency key: putting it again does nothing, also after it was performed."""
    seen: list[int] = []
    engine.register("note", lambda _run, args: seen.append(args["n"]))
    work = Work("note", "same", "l", {"n": 1})
    with database.begin() as conn:
        queue.put(conn, work, work)
    with database.begin() as conn:
        queue.put(conn, work)
    engine.launch()
    until(lambda: seen, what="the work")
    with database.begin() as conn:
        queue.put(conn, work, Work("note", "last", "l", {"n": 2}))
    until(lambda: 2 in seen, what="the last work")
    assert seen == [1, 2]


def test_delayed_work_waits_and_does_not_hold_up_its_lane(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """A delay is honoured, and later work of the lane goes first meanwhile."""
    seen: list[tuple[str, float]] = []
    engine.register("note", lambda _run, args: seen.append((args["n"], time.monotonic())))
    engine.launch()
    began = time.monotonic()
    with database.begin() as conn:
        queue.put(
            conn,
            Work("note", "late", "l", {"n": "late"}, delay=timedelta(seconds=1)),
            Work("note", "now", "l", {"n": "now"}),
        )
    until(lambda: len(seen) == 2, what="both works")
    assert [name for name, _ in seen] == ["now", "late"]
    assert seen[1][1] - began >= 1.0


def test_a_job_that_raises_is_parked_with_a_sentence_and_its_lane_goes_on(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """A failed work leaves a row a person can read; the next work of the lane runs."""
    seen: list[str] = []

    def fail(_run: JobRun, _args: Mapping[str, Any]) -> None:
        msg = "The plan p1 does not exist any more; remove the rule."
        raise PermanentError(msg)

    engine.register("fail", fail)
    engine.register("note", lambda _run, args: seen.append(args["n"]))
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, Work("fail", "bad", "l", {"plan": "p1"}), Work("note", "good", "l", {"n": "good"}))
    until(lambda: seen == ["good"], what="the work behind the failed one")
    (row,) = list_parked(database)
    assert (row.id, row.job, row.lane, row.args) == ("bad", "fail", "l", {"plan": "p1"})
    assert row.error == "The plan p1 does not exist any more; remove the rule."


def test_work_of_an_unknown_job_is_parked_not_left_to_block_its_lane(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """A work whose job this version does not have is parked with advice, and its lane goes on."""
    seen: list[str] = []
    engine.register("note", lambda _run, args: seen.append(args["n"]))
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, Work("gone", "x", "l", {}), Work("note", "y", "l", {"n": "y"}))
    until(lambda: seen == ["y"], what="the work behind")
    assert "No job is called 'gone'" in list_parked(database)[0].error


def test_a_bug_in_a_job_is_parked_without_its_secrets(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """An unexpected error is parked as a sentence in which tokens are hidden."""

    def bug(_run: JobRun, _args: Mapping[str, Any]) -> None:
        raise KeyError("Bearer abcdefghijklmnopqrstuvwxyz")

    engine.register("bug", bug)
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, Work("bug", "b", "l", {}))
    (row,) = until(lambda: list_parked(database), what="the parked work")
    assert row.error.startswith("Unexpected KeyError")
    assert "abcdefghij" not in row.error


def test_transient_errors_are_tried_again_with_their_own_wait(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """`attempt` repeats after a TransientError and waits at least as long as the other side asked."""
    calls: list[float] = []
    results: list[str] = []

    def call() -> str:
        calls.append(time.monotonic())
        if len(calls) < 3:
            msg = "Busy."
            raise TransientError(msg, wait=0.3 if len(calls) == 1 else None)
        return "ok"

    engine.register("call", lambda run, _args: results.append(run.attempt("call", call)))
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, Work("call", "c", "l", {}))
    until(lambda: results == ["ok"], what="the third try")
    assert len(calls) == 3
    assert calls[1] - calls[0] >= 0.3


def test_after_an_unknown_outcome_it_is_looked_up_before_it_is_sent_again(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """A purchase order whose answer was lost is found, not placed twice."""
    placed: list[str] = []
    results: list[str] = []

    def place() -> str:
        placed.append("po-1")
        msg = "No answer came."
        raise UnknownOutcome(msg)

    def job(run: JobRun, _args: Mapping[str, Any]) -> None:
        results.append(run.attempt("order", place, lookup=lambda: placed[0] if placed else None))

    engine.register("order", job)
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, Work("order", "o", "l", {}))
    until(lambda: results == ["po-1"], what="the order found")
    assert placed == ["po-1"]


def test_used_up_tries_park_the_work(database: Database, queue: WorkQueue, engine: Engine) -> None:
    """After the last try the work is parked with the last reason."""
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        msg = "The base is busy."
        raise TransientError(msg)

    engine.register("call", lambda run, _args: run.attempt("call", call, tries=3))
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, Work("call", "c", "l", {}))
    (row,) = until(lambda: list_parked(database), what="the parked work")
    assert row.error == "The base is busy."
    assert len(calls) == 3


def test_sleeping_jobs_do_not_keep_others_from_working(
    database: Database, queue: WorkQueue, engine: Engine
) -> None:
    """More sleepers than there are slots leave room for work, because a sleeper gives its slot away."""
    done: list[str] = []
    engine.register("sleep", lambda run, _args: run.sleep(60))
    engine.register("note", lambda _run, _args: done.append("x"))
    engine.launch()
    with database.begin() as conn:
        queue.put(conn, *[Work("sleep", f"s{n}", f"s{n}", {}) for n in range(20)])
    until(lambda: sleeping(database) == 20, what="twenty sleepers")
    with database.begin() as conn:
        queue.put(conn, Work("note", "n", "n", {}))
    until(lambda: done == ["x"], what="work beside twenty sleepers")


def test_a_sleeping_job_goes_on_after_a_restart_for_what_is_left(
    database: Database, queue: WorkQueue, new_engine: Callable[..., Engine]
) -> None:
    """Closing abandons a sleeper at once; the next start resumes it without doing its first step again."""
    firsts: list[int] = []
    finished: list[float] = []

    def job(run: JobRun, _args: Mapping[str, Any]) -> None:
        run.step("first", lambda: firsts.append(1))
        run.sleep(1.5)
        finished.append(time.monotonic())

    first = new_engine()
    first.register("nap", job)
    first.launch()
    began = time.monotonic()
    with database.begin() as conn:
        queue.put(conn, Work("nap", "n", "l", {}))
    until(lambda: sleeping(database) == 1, what="the sleeper")
    first.close(drain=5)
    assert finished == []
    second = new_engine()
    second.register("nap", job)
    second.launch()
    until(lambda: finished, what="the end of the sleep")
    assert firsts == [1]
    assert 1.4 <= finished[0] - began < 8
    assert list_parked(database) == []


def sleeping(database: Database) -> int:
    """Count sleep steps recorded by the engine."""
    schema = "" if database.dialect == "sqlite" else "dbos."
    with database.read() as conn:
        text = f"SELECT count(*) FROM {schema}operation_outputs WHERE function_name = 'sleep'"  # noqa: S608
        query = sa.text(text)
        return int(conn.execute(query).scalar_one())
