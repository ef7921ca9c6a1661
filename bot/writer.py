"""One thread that writes for all web threads, grouping what is waiting into one durable commit.

With many threads on one SQLite file the slowest answers are those waiting for the write lock; one writer has
nobody to wait for, and one flush to disk then serves every request that arrived during the last one.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.pool import PoolProxiedConnection

from runtime.db import Database
from runtime.turns import turn

T = TypeVar("T")
LAST_WAIT = 0.3
"""Seconds a sender waits on when its submission has begun and its patience is over."""
_log = structlog.get_logger("bot.writer")


class Overloaded(Exception):  # noqa: N818 - an outcome with a name
    """Nothing was written: the writer is too far behind to answer in time. Answer 503 or ask again."""


class Late(Exception):  # noqa: N818 - an outcome with a name
    """The writing had begun but did not finish in time; it may still become durable."""


@dataclass(frozen=True, slots=True, eq=False)
class Bulk:
    """A statement that stores any number of rows: its one parameter ``:rows`` is a JSON array of them."""

    statement: sa.TextClause

    def parameters(self, rows: Sequence[str]) -> dict[str, str]:
        """Join rows, each JSON text, into the parameter."""
        return {"rows": f"[{','.join(rows)}]"}


class Ticket(Generic[T]):
    """One submission: a function to run, or a row for a bulk function shared by many.

    Whoever submitted it waits for it: a thread with `wait`, a coroutine by awaiting `future`.

    Args:
        fn: what to run, if it is no row.
        bulk: what stores the row.
        row: JSON text.
        loop: where `future` belongs; None for a thread.
        patience: seconds after which the sender gives up.
    """

    __slots__ = (
        "_done",
        "_patience",
        "_timer",
        "bulk",
        "error",
        "fn",
        "future",
        "loop",
        "result",
        "row",
        "taken",
    )

    def __init__(
        self,
        fn: Callable[[Connection], T] | None,
        bulk: Bulk | None = None,
        row: str = "",
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        patience: float,
    ) -> None:
        self.fn = fn
        self.bulk = bulk
        self.row = row
        self.result: T | None = None
        self.error: BaseException | None = None
        self.taken = (
            threading.Lock()
        )  # whoever gets it owns the ticket: the writer runs it, or its sender gives up
        self.loop = loop
        self._patience = patience
        if loop is None:
            self._done = (
                threading.Lock()
            )  # held until finished; a bare lock is the cheapest thing to wait for
            self._done.acquire()
        else:
            self.future: asyncio.Future[T] = loop.create_future()
            self._timer = loop.call_later(patience, self._give_up)

    def wait(self) -> T:
        """Wait in a thread; raises what the function raised, `Overloaded` or `Late`."""
        if not self._done.acquire(timeout=self._patience):
            if self.taken.acquire(blocking=False):
                raise Overloaded
            if not self._done.acquire(timeout=LAST_WAIT):
                raise Late
        if self.error is not None:
            raise self.error
        return cast(T, self.result)  # set whenever there is no error

    def finish(self) -> None:
        """Wake the thread that waits; coroutines are woken together, see `_wake`."""
        self._done.release()

    def deliver(self) -> None:
        """Give the outcome to the coroutine that waits; called in its loop."""
        self._timer.cancel()
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(cast(T, self.result))

    def _give_up(self) -> None:
        if self.future.done():
            return
        if self.taken.acquire(blocking=False):
            self.future.set_exception(Overloaded())
            return
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        self._timer = loop.call_later(LAST_WAIT, self._too_late)

    def _too_late(self) -> None:
        if not self.future.done():
            self.future.set_exception(Late())


def _wake(tickets: Sequence[Ticket[Any]]) -> None:
    for ticket in tickets:
        ticket.deliver()


class GroupWriter:
    """Runs submissions of many threads in few transactions.

    Args:
        db: Where to write.
        capacity: Submissions that may wait; one more is refused with :class:`Overloaded`.
        group: Most submissions of one transaction.
        patience: Seconds a sender waits before it gives up (the platform waits 3 s in all).
    """

    def __init__(
        self, db: Database, *, capacity: int = 2000, group: int = 256, patience: float = 2.2
    ) -> None:
        self._db = db
        self._capacity = capacity
        self._group = group
        self._patience = patience
        self._waiting: queue.SimpleQueue[Ticket[Any] | None] = queue.SimpleQueue()
        self._busy_since: float | None = None
        self._closed = False
        self._direct: PoolProxiedConnection | None = None
        self._thread = threading.Thread(target=self._run, name="group-writer", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in a transaction and return its result once that is durable.

        An exception of ``fn`` undoes only its own writes (a savepoint) and is raised here.

        Raises:
            Overloaded: It was not started; nothing is written.
            Late: It was started and may still become durable.
        """
        return self._put(Ticket(fn, patience=self._patience)).wait()

    def append(self, bulk: Bulk, row: str) -> None:
        """Add one row (JSON text) and return once it is durable; rows of the same ``bulk`` go together.

        Raises:
            Overloaded: Nothing is written.
            Late: It may still become durable.
        """
        self._put(Ticket[None](None, bulk, row, patience=self._patience)).wait()

    async def submitted(self, fn: Callable[[Connection], T]) -> T:
        """Do as `submit` for a coroutine."""
        loop = asyncio.get_running_loop()
        return await self._put(Ticket(fn, loop=loop, patience=self._patience)).future

    async def appended(self, bulk: Bulk, row: str) -> None:
        """Do as `append` for a coroutine."""
        loop = asyncio.get_running_loop()
        await self._put(Ticket[None](None, bulk, row, loop=loop, patience=self._patience)).future

    def close(self) -> None:
        """Write what is waiting and stop the thread."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join()

    def _put(self, ticket: Ticket[T]) -> Ticket[T]:
        since = self._busy_since
        stuck = since is not None and time.monotonic() - since > self._patience
        if self._closed or stuck or self._waiting.qsize() >= self._capacity:
            raise Overloaded
        self._waiting.put(ticket)
        return ticket

    def _run(self) -> None:
        while True:
            first = self._waiting.get()
            items = [] if first is None else [first]
            while len(items) < self._group and not self._waiting.empty():
                found = self._waiting.get()
                if found is not None:
                    items.append(found)
            mine = [item for item in items if item.taken.acquire(blocking=False)]
            if mine:
                self._busy_since = time.monotonic()
                self._commit(mine)
                self._busy_since = None
            if self._closed and self._waiting.empty():
                if self._direct is not None:
                    self._direct.close()
                return

    def _commit(self, items: list[Ticket[Any]]) -> None:
        """One transaction for all; if the commit itself fails, nothing is durable and everybody hears it."""
        try:
            if self._in_one_call(items):
                self._finish(items)
                return
            with self._db.begin() as conn:
                self._append_all(conn, items)
                for item in items:
                    if item.fn is not None:
                        self._alone(conn, item, item.fn)
        except _BadRow:
            for item in items:
                self._commit([item])
            return
        except Exception as error:  # noqa: BLE001 - raised again in every thread that waits
            for item in items:
                item.error = error
            self._finish(items)
            _log.error("writer.commit_failed", submissions=len(items), exc_info=error)
            return
        self._finish(items)

    @staticmethod
    def _finish(items: Sequence[Ticket[Any]]) -> None:
        """Tell everybody; a loop is woken once for all of its coroutines."""
        waiting: dict[asyncio.AbstractEventLoop, list[Ticket[Any]]] = {}
        for item in items:
            if item.loop is None:
                item.finish()
            else:
                waiting.setdefault(item.loop, []).append(item)
        for loop, tickets in waiting.items():
            with suppress(RuntimeError):  # a loop that was closed has nobody left who waits
                loop.call_soon_threadsafe(_wake, tickets)

    def _append_all(self, conn: Connection, items: list[Ticket[Any]]) -> None:
        """Rows of one bulk statement in one go; if the database dislikes one, everything is begun anew."""
        for bulk, rows in _by_bulk(items).items():
            try:
                conn.execute(bulk.statement, bulk.parameters(rows))
            except sa.exc.OperationalError:
                raise
            except sa.exc.SQLAlchemyError as error:
                raise (_BadRow() if len(items) > 1 else error) from error

    def _in_one_call(self, items: list[Ticket[Any]]) -> bool:
        """On SQLite store rows with one call of the driver: a statement of its own is its own transaction.

        Every call gives up the interpreter's lock, and getting it back from busy web threads takes longer
        than the writing: one call instead of three (begin, insert, commit) gave a quarter more acks/s.

        Returns:
            False when nothing was stored and the ordinary way must be taken.
        """
        batches = _by_bulk(items)
        if self._db.dialect != "sqlite" or len(batches) != 1 or any(item.fn is not None for item in items):
            return False
        ((bulk, rows),) = batches.items()
        try:
            if self._direct is None:
                self._direct = self._db.engine.raw_connection()
            driver: Any = self._direct.driver_connection
            with turn(self._db.url):
                driver.execute(bulk.statement.text, bulk.parameters(rows))
        except Exception:  # noqa: BLE001 - the ordinary way meets the same fault and reports it
            if self._direct is not None:
                self._direct.invalidate()
                self._direct = None
            return False
        return True

    @staticmethod
    def _alone(conn: Connection, item: Ticket[Any], fn: Callable[[Connection], Any]) -> None:
        try:
            with conn.begin_nested():
                item.result = fn(conn)
        except Exception as error:  # noqa: BLE001 - handed to the thread that submitted it
            item.error = error


def _by_bulk(items: Sequence[Ticket[Any]]) -> dict[Bulk, list[str]]:
    batches: dict[Bulk, list[str]] = {}
    for item in items:
        if item.bulk is not None:
            batches.setdefault(item.bulk, []).append(item.row)
    return batches


class _BadRow(Exception):  # noqa: N818 - an outcome
    """The database refused one of several rows: each submission gets a transaction of its own."""
