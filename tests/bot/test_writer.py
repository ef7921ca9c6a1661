"""The group writer: durable before it returns, one submission's fault is its own, overload is said fast."""

import sqlite3
import threading
from collections.abc import Iterator
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.inbox import Inbox
from bot.model import Event
from bot.tables import inbox, taps
from bot.tickets import Late, Overloaded
from bot.writer import GroupWriter
from runtime.db import Database
from runtime.ids import EventId
from tests.bot.conftest import START
from tests.support.wait import until

pytestmark = pytest.mark.db


def row(identity: str) -> dict[str, object]:
    """A row of the table used here."""
    return {"id": identity, "at": START, "operator": "ou", "action": "a", "answer": {}}


def event_row(store: Inbox, identity: str) -> str:
    """A row of the inbox; the one called ``bad`` has no type and breaks a rule of the table."""
    kind = "a.b_v1" if identity != "bad" else None
    return store.row(Event(EventId(identity), kind, START, {}), START)  # type: ignore[arg-type]


def insert_tap(identity: str, conn: Connection) -> None:
    """Write one row as a tap handler would."""
    conn.execute(taps.insert(), row(identity))


def stored(db: Database) -> set[str]:
    """What another connection sees."""
    with db.read() as conn:
        return set(conn.execute(sa.select(taps.c.id).union(sa.select(inbox.c.event_id))).scalars())


@pytest.fixture
def writer(database: Database) -> Iterator[GroupWriter]:
    """A writer on the test's database."""
    made = GroupWriter(database, patience=30.0)  # a busy machine is not what these tests are about
    yield made
    made.close()


def test_sixteen_threads_lose_nothing_and_see_their_own_result(database: Database, writer: GroupWriter):
    """Each of 16 threads finds each of its rows durable when its call returns, with its own result."""
    store = Inbox(database)
    problems: list[str] = []

    def work(name: int) -> None:
        for n in range(25):
            mine = f"{name}-{n}"
            writer.append(store.bulk, event_row(store, mine))
            got = writer.submit(
                lambda conn, mine=mine: (conn.execute(taps.insert(), row(f"s{mine}")), mine)[1]
            )
            if got != mine or not {mine, f"s{mine}"} <= stored(database):
                problems.append(mine)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(stored(database)) == 16 * 25 * 2


def test_waiting_submissions_share_a_commit(database: Database, writer: GroupWriter):
    """What arrives while a commit is under way goes into the next one together."""
    commits: list[int] = []
    sa.event.listen(database.engine, "commit", lambda _conn: commits.append(1))
    entered, go = threading.Event(), threading.Event()

    def hold(_conn: Connection) -> None:
        entered.set()
        go.wait(5)

    threads = [threading.Thread(target=writer.submit, args=(hold,))]
    threads[0].start()
    assert entered.wait(5)
    threads += [
        threading.Thread(target=writer.submit, args=(partial(insert_tap, f"r{n}"),)) for n in range(10)
    ]
    for thread in threads[1:]:
        thread.start()
    until(lambda: writer._waiting.qsize() == 10)
    go.set()
    for thread in threads:
        thread.join()
    assert len(commits) == 2


def test_one_failing_submission_undoes_only_itself(database: Database, writer: GroupWriter):
    """An exception is raised in the thread that submitted it; its writes are gone, others' stay."""

    def broken(conn: Connection) -> None:
        conn.execute(taps.insert(), row("broken"))
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        writer.submit(broken)
    writer.submit(lambda conn: conn.execute(taps.insert(), row("good")) and None)
    assert stored(database) == {"good"}


def test_one_bad_row_does_not_spoil_its_group(database: Database, writer: GroupWriter):
    """A row the database refuses fails alone; rows of the same group are stored."""
    store = Inbox(database)
    entered, go = threading.Event(), threading.Event()
    blocker = threading.Thread(target=writer.submit, args=(lambda _conn: (entered.set(), go.wait(5)),))
    blocker.start()
    assert entered.wait(5)
    failures: list[str] = []

    def append(identity: str) -> None:
        try:
            writer.append(store.bulk, event_row(store, identity))
        except sa.exc.IntegrityError:
            failures.append(identity)

    threads = [threading.Thread(target=append, args=("bad" if n == 3 else f"r{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    until(lambda: writer._waiting.qsize() == 6)
    go.set()
    for thread in [blocker, *threads]:
        thread.join()
    assert failures == ["bad"]
    assert stored(database) == {"r0", "r1", "r2", "r4", "r5"}


def test_overload_is_refused_at_once_and_nothing_is_written(database: Database):
    """A full queue, or a writer stuck longer than the patience, refuses new submissions without waiting."""
    writer = GroupWriter(database, capacity=1, patience=0.2)
    entered, go = threading.Event(), threading.Event()
    outcomes: list[str] = []

    def slow(_conn: Connection) -> None:
        entered.set()
        go.wait(10)

    def submit(identity: str) -> None:
        try:
            writer.submit(lambda conn: conn.execute(taps.insert(), row(identity)) and None)
        except Overloaded:
            outcomes.append(identity)

    def first() -> None:
        with pytest.raises(Late):
            writer.submit(slow)
        outcomes.append("late")

    blocker = threading.Thread(target=first)
    blocker.start()
    assert entered.wait(5)
    waiting = threading.Thread(target=submit, args=("waits",))
    waiting.start()
    until(lambda: writer._waiting.qsize() == 1)
    submit("over capacity")
    waiting.join()
    blocker.join()
    submit("stuck")
    go.set()
    writer.close()
    assert sorted(outcomes) == ["late", "over capacity", "stuck", "waits"]
    assert stored(database) == set()


def test_a_commit_that_fails_is_heard_by_everybody(database: Database, writer: GroupWriter):
    """When the commit itself fails, no sender is told that its work is durable."""

    @sa.event.listens_for(database.engine, "commit")
    def fail(_conn: Connection) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        writer.submit(lambda conn: conn.execute(taps.insert(), row("lost")) and None)
    sa.event.remove(database.engine, "commit", fail)
    writer.submit(lambda conn: conn.execute(taps.insert(), row("kept")) and None)
    assert stored(database) == {"kept"}


def test_what_shares_a_transaction_that_the_database_undid_is_not_acknowledged(database: Database):
    """A full disk makes SQLite undo all of it, not only the tap that met it: nobody hears it was stored."""
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL undoes a savepoint and nothing else")
    with database.read() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
    full = partial(_bound_pages, pages + 4)
    database.engine.dispose()
    sa.event.listen(database.engine, "connect", full)
    writer, store = GroupWriter(database, patience=30.0), Inbox(database)
    begun, go_on, told = threading.Event(), threading.Event(), dict[str, bool]()

    def hold(_conn: Connection) -> None:
        begun.set()
        go_on.wait(30)

    def tap(conn: Connection) -> str:
        try:
            with conn.begin_nested():
                conn.execute(taps.insert(), {**row("large"), "answer": {"text": "x" * 200_000}})
        except sa.exc.SQLAlchemyError:
            return "sorry"
        return "stored"

    def tell(name: str, act: partial[object]) -> None:
        try:
            act()
            told[name] = True
        except sa.exc.SQLAlchemyError:
            told[name] = False

    acts = {
        "event": partial(writer.append, store.bulk, event_row(store, "event")),
        "tap": partial(writer.submit, tap),
    }
    threads = [threading.Thread(target=writer.submit, args=(hold,))]
    threads += [threading.Thread(target=tell, args=each) for each in acts.items()]
    threads[0].start()
    begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    until(lambda: writer._waiting.qsize() == 2, what="both wait for one transaction")
    go_on.set()
    for thread in threads:
        thread.join()
    writer.close()
    assert told == {"event": False, "tap": False}
    assert stored(database) == set()


def _bound_pages(most: int, connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA max_page_count = {most}")
