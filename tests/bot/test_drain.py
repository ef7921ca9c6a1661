"""Draining the inbox: at least once, in batches, nobody held up, poison set aside with a sentence."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

from bot.care import kept_here
from bot.drain import MAX_TRIES, Drain
from bot.inbox import LEASE, Inbox
from bot.model import Event
from bot.router import Router
from bot.tables import inbox, taps
from runtime.clock import ManualClock, SystemClock
from runtime.db import Database
from runtime.errors import PermanentError, TransientError
from runtime.ids import EventId
from runtime.keeping import prune
from tests.bot.conftest import START
from tests.support.wait import until

pytestmark = pytest.mark.db


def put(db: Database, *ids: str, kind: str = "a.b_v1", at: Any = START) -> None:
    """Store events as the webhook does."""
    store = Inbox(db)
    with db.begin() as conn:
        for identity in ids:
            store.store(conn, Event(EventId(identity), kind, at, {"id": identity}), at)


def rows(db: Database) -> dict[str, dict[str, Any]]:
    """Inbox rows by event id."""
    with db.read() as conn:
        return {row["event_id"]: dict(row) for row in conn.execute(sa.select(inbox)).mappings()}


def states(db: Database) -> dict[str, str]:
    """State by event id."""
    return {identity: row["state"] for identity, row in rows(db).items()}


@pytest.fixture
def router() -> Router:
    """An empty router."""
    return Router()


@pytest.fixture
def drain(database: Database, router: Router, clock: ManualClock) -> Drain:
    """A drain that only works when told to."""
    return Drain(database, router, clock, "w1")


def test_a_batch_is_handed_over_at_once_and_in_order(
    database: Database, router: Router, drain: Drain, clock: ManualClock
):
    """All pending events of a type come in one call, oldest first, and are marked handled with the time."""
    got: list[list[str]] = []
    router.on_event("a.b_v1", lambda events: got.append([event.body["id"] for event in events]))
    put(database, "2", at=START + timedelta(seconds=2))
    put(database, "1", at=START + timedelta(seconds=1))
    clock.advance(5)
    assert drain.once() == 2
    assert got == [["1", "2"]]
    assert states(database) == {"1": "handled", "2": "handled"}
    assert rows(database)["1"]["handled_at"] == START + timedelta(seconds=5)
    assert drain.once() == 0


def test_unhandled_types_are_marked_and_the_missing_line_is_shown(
    database: Database, drain: Drain, capsys: pytest.CaptureFixture[str]
):
    """An event nobody handles is marked, and the log shows the line to write with the right name."""
    put(database, "1", kind="im.chat.member.bot.added_v1")
    drain.once()
    assert states(database) == {"1": "unhandled"}
    written = capsys.readouterr()
    line = 'router.on_event("im.chat.member.bot.added_v1", handle_im_chat_member_bot_added)'
    assert line in (written.out + written.err).replace('\\"', '"')


def test_a_crash_between_claim_and_mark_repeats_the_events(
    database: Database, router: Router, drain: Drain, clock: ManualClock
):
    """Events of a worker that died are handled by another one when the lease is over, and not before."""
    got: list[str] = []
    router.on_event("a.b_v1", lambda events: got.extend(event.id for event in events))
    put(database, "1")
    dead = Inbox(database)
    assert len(dead.claim("a.b_v1", by="dead", now=clock.now())) == 1
    assert drain.once() == 0
    clock.advance(LEASE + timedelta(seconds=1))
    assert drain.once() == 1
    assert got == ["1"]
    dead.park(EventId("1"), by="dead", now=clock.now(), tries=5, error="too late")
    assert states(database) == {"1": "handled"}


def test_an_event_is_done_only_after_its_handler(
    database: Database, router: Router, drain: Drain, clock: ManualClock
):
    """A worker that dies in the middle of a handler leaves the event to the next one."""
    got: list[str] = []

    def dies_once(events: Sequence[Event]) -> None:
        got.extend(event.id for event in events)
        if len(got) == 1:
            raise SystemExit  # nothing catches it, as nothing catches a kill

    router.on_event("a.b_v1", dies_once)
    put(database, "1")
    with pytest.raises(SystemExit):
        drain.once()
    assert states(database) == {"1": "new"}
    clock.advance(LEASE + timedelta(seconds=1))
    assert drain.once() == 1
    assert (got, states(database)) == (["1", "1"], {"1": "handled"})


def test_a_restarted_worker_takes_its_own_events_back_at_once(database: Database, clock: ManualClock):
    """The same instance name starting again does not wait for its old lease."""
    put(database, "1")
    store = Inbox(database)
    store.claim("a.b_v1", by="w1", now=clock.now())
    store.release("w1")
    assert len(store.claim("a.b_v1", by="w1", now=clock.now())) == 1


def test_events_a_worker_with_a_wrong_clock_died_with_are_free_at_once(
    database: Database, clock: ManualClock
):
    """Its claim ends an hour from now; no claim is that long."""
    put(database, "1")
    right = clock.now()
    clock.advance(3600)
    assert len(Inbox(database).claim("a.b_v1", by="w1", now=clock.now())) == 1
    clock.set(right)
    assert len(Inbox(database).claim("a.b_v1", by="w2", now=clock.now())) == 1
    assert Inbox(database).claim("a.b_v1", by="w3", now=clock.now()) == []


def test_two_workers_never_get_the_same_event(database: Database, clock: ManualClock):
    """Claims made at the same time by several workers share nothing and together get everything."""
    put(database, *(f"e{n}" for n in range(120)))
    got: dict[str, list[str]] = {}
    together = threading.Barrier(4)

    def take(name: str) -> None:
        together.wait()
        mine = got.setdefault(name, [])
        while batch := Inbox(database).claim("a.b_v1", by=name, now=clock.now(), limit=10):
            mine.extend(claimed.event.id for claimed in batch)

    threads = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [event_id for mine in got.values() for event_id in mine]
    assert len(everything) == 120
    assert set(everything) == set(states(database))


def test_poison_is_parked_after_five_tries_and_the_rest_goes_on(
    database: Database, router: Router, drain: Drain, clock: ManualClock
):
    """One bad event among good ones: the good are handled at once, the bad one is parked with a sentence."""
    calls: list[str] = []

    def handle(events: Sequence[Event]) -> None:
        for event in events:
            calls.append(event.id)
            if event.id == "bad":
                raise ValueError("tuna sandwich")

    router.on_event("a.b_v1", handle)
    put(database, "bad", "good1", "good2")
    drain.once()
    assert states(database) == {"bad": "new", "good1": "handled", "good2": "handled"}
    for _ in range(20):
        clock.advance(60)
        drain.once()
    row = rows(database)["bad"]
    assert (row["state"], row["tries"]) == ("failed", MAX_TRIES)
    assert "ValueError" in row["error"]
    assert "chorus replay bad" in row["error"]
    assert "tuna" not in row["error"]
    assert calls.count("bad") == MAX_TRIES + 1  # once in the batch, then five counted tries


def test_tries_are_spaced_out(database: Database, router: Router, drain: Drain, clock: ManualClock):
    """A failed event is left alone for 1, 2, 4, 8 s before its next try."""
    tried: list[float] = []

    def handle(_events: Sequence[Event]) -> None:
        tried.append((clock.now() - START).total_seconds())
        raise ValueError

    router.on_event("a.b_v1", handle)
    put(database, "1")
    for _ in range(80):
        drain.once()
        clock.advance(0.25)
    gaps = [after - before for before, after in pairwise(tried)]
    assert gaps == [1.25, 2.25, 4.25, 8.25]


def test_our_own_errors_are_quoted_in_the_row(
    database: Database, router: Router, drain: Drain, clock: ManualClock
):
    """An error of ours is a sentence for people, so the row repeats it."""

    def handle(_events: Sequence[Event]) -> None:
        raise PermanentError("字段“负责人”不见了，请在表格里恢复它")

    router.on_event("a.b_v1", handle)
    put(database, "1")
    for _ in range(MAX_TRIES):
        drain.once()
        clock.advance(60)
    assert "字段“负责人”不见了" in rows(database)["1"]["error"]


def test_waiting_for_the_platform_is_no_failure(
    database: Database, router: Router, drain: Drain, clock: ManualClock
):
    """A TransientError delays the batch by the time asked for and never counts as a try."""
    broken = [True]
    got: list[str] = []

    def handle(events: Sequence[Event]) -> None:
        if broken[0]:
            raise TransientError("busy", wait=7)
        got.extend(event.id for event in events)

    router.on_event("a.b_v1", handle)
    put(database, "1", "2")
    for _ in range(10):
        assert drain.once() == 2
        clock.advance(6)
        assert drain.once() == 0
        clock.advance(2)
    broken[0] = False
    drain.once()
    assert got == ["1", "2"]
    assert {row["tries"] for row in rows(database).values()} == {0}


def test_a_failing_or_slow_type_does_not_hold_up_others(database: Database, router: Router):
    """While one type hangs and another always fails, a third is drained; after release all is handled."""
    go, reached = threading.Event(), threading.Event()
    done: list[str] = []

    def fail(_events: Sequence[Event]) -> None:
        raise ValueError

    def hang(_events: Sequence[Event]) -> None:
        reached.set()
        go.wait(20)

    router.on_event("slow_v1", hang)
    router.on_event("bad_v1", fail)
    router.on_event("good_v1", lambda events: done.extend(event.id for event in events))
    drain = Drain(database, router, SystemClock(), "w1")
    drain.start()
    put(database, "s", kind="slow_v1")
    assert reached.wait(10)
    put(database, "b", kind="bad_v1")
    put(database, "g", kind="good_v1")
    until(lambda: done == ["g"], what="the good type to be drained")
    assert states(database)["s"] == "new"
    go.set()
    until(lambda: states(database)["s"] == "handled")
    drain.stop()


def test_several_handlers_of_a_type_all_see_the_events(database: Database, router: Router, drain: Drain):
    """Two features may listen to the same type."""
    got: list[str] = []
    router.on_event("a.b_v1", lambda events: got.append(f"first {len(events)}"))
    router.on_event("a.b_v1", lambda events: got.append(f"second {len(events)}"))
    put(database, "1", "2")
    drain.once()
    assert got == ["first 2", "second 2"]


def test_replaying_puts_failed_events_back(database: Database, router: Router, drain: Drain):
    """After a repair, failed and unhandled events can be run again by id."""
    put(database, "1")
    drain.once()
    assert states(database) == {"1": "unhandled"}
    got: list[str] = []
    router.on_event("a.b_v1", lambda events: got.extend(event.id for event in events))
    with database.begin() as conn:
        assert Inbox(database).again(conn, ["1", "nobody"]) == 1
    drain.once()
    assert got == ["1"]
    assert states(database) == {"1": "handled"}


def test_pruning_keeps_what_a_person_must_still_see(database: Database, router: Router, drain: Drain):
    """Old events that are done and taps are deleted; failed and young ones stay, and what still waits."""
    router.on_event("a.b_v1", lambda _events: None)
    put(database, "old")
    put(database, "young", at=START + timedelta(days=20))
    put(database, "nobody's", kind="x.y_v1")
    with database.begin() as conn:
        row = {"id": "t", "at": START, "operator": "ou", "action": "a", "answer": {}}
        conn.execute(taps.insert(), row)
    drain.once()
    put(database, "failed")
    put(database, "waits")
    with database.begin() as conn:
        conn.execute(sa.update(inbox).where(inbox.c.event_id == "failed").values(state="failed"))
    assert [prune(database, each, START + timedelta(days=28)) for each in kept_here(14)] == [2, 1]
    assert set(states(database)) == {"young", "failed", "waits"}
    with database.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(taps)).scalar_one() == 0


def test_types_that_wait_are_found_without_looking_at_every_event(database: Database) -> None:
    """However many events wait or were handled: one jump a type, in the index of new ones."""
    for number in range(30):
        put(database, f"a{number}", kind=f"type.{number % 3}")
    later = START + timedelta(seconds=30)
    with database.begin() as conn:
        conn.execute(sa.update(inbox).where(inbox.c.type == "type.1").values(claimed_until=later))
    assert Inbox(database).waiting(START) == ("type.0", "type.2")
    assert Inbox(database).waiting(later + timedelta(seconds=1)) == ("type.0", "type.1", "type.2")
    if database.dialect == "sqlite":
        plans: list[str] = []
        with database.engine.connect() as conn:
            conn.connection.driver_connection.set_trace_callback(plans.append)
        Inbox(database).waiting(START)
        with database.read() as conn:
            asked = next(line for line in plans if "RECURSIVE" in line)
            plan = " ".join(str(row[3]) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}"))
        assert "ix_inbox_new" in plan
        assert "SCAN inbox" not in plan


def test_batches_of_any_size_make_few_statements(database: Database) -> None:
    """A connection keeps each statement it has seen; one a size would be memory that grows for days."""
    said: set[str] = set()
    sa.event.listen(
        database.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_rest: said.add(statement)
    )
    store = Inbox(database)
    for size in range(1, 65):
        ids = [EventId(f"{size}-{n}") for n in range(size)]
        put(database, *ids)
        store.claim("a.b_v1", by="me", now=START)
        store.finish(ids, by="me", now=START)
    assert {row["state"] for row in rows(database).values()} == {"handled"}
    assert len([each for each in said if each.startswith("UPDATE inbox SET state")]) <= 7
