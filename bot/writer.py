"""One thread that writes for all web threads, grouping what is waiting into one durable commit.

With many threads on one SQLite file the slowest answers are those waiting for the write lock; one writer has
nobody to wait for, and one flush to disk then serves every request that arrived during the last one.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.pool import PoolProxiedConnection

from bot.tickets import Bulk, Counter, LoopTicket, Overloaded, ThreadTicket, Ticket
from runtime.db import Database
from runtime.turns import turn

T = TypeVar("T")
_log = structlog.get_logger("bot.writer")


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
        self._counter: Counter | None = None
        self._thread = threading.Thread(target=self._run, name="group-writer", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in a transaction and return its result once that is durable.

        An exception of ``fn`` undoes only its own writes (a savepoint) and is raised here.

        Raises:
            Overloaded: It was not started; nothing is written.
            Late: It was started and may still become durable.
        """
        ticket = ThreadTicket(fn)
        self._put(ticket)
        return ticket.wait(self._patience)

    def append(self, bulk: Bulk, row: str) -> None:
        """Add one row (JSON text) and return once it is durable; rows of the same ``bulk`` go together.

        Raises:
            Overloaded: Nothing is written.
            Late: It may still become durable.
        """
        ticket: ThreadTicket[None] = ThreadTicket(None, bulk, row)
        self._put(ticket)
        ticket.wait(self._patience)

    async def submitted(self, fn: Callable[[Connection], T]) -> T:
        """Do as `submit` for a coroutine."""
        counter = self._here()
        return await counter.ask(LoopTicket(counter, fn))

    async def appended(self, bulk: Bulk, row: str) -> None:
        """Do as `append` for a coroutine."""
        counter = self._here()
        await counter.ask(LoopTicket(counter, None, bulk, row))

    def close(self) -> None:
        """Write what is waiting and stop the thread."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join()

    def _here(self) -> Counter:
        """The counter of the running loop; a process has one loop."""
        loop = asyncio.get_running_loop()
        if self._counter is None or self._counter.loop is not loop:
            self._counter = Counter(loop, self._put, self._patience)
        return self._counter

    def _put(self, ticket: Ticket[Any]) -> None:
        since = self._busy_since
        stuck = since is not None and time.monotonic() - since > self._patience
        if self._closed or stuck or self._waiting.qsize() >= self._capacity:
            raise Overloaded
        self._waiting.put(ticket)

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
        waiting: dict[Counter, list[LoopTicket[Any]]] = {}
        for item in items:
            if isinstance(item, ThreadTicket):
                item.finish()
            elif isinstance(item, LoopTicket):
                waiting.setdefault(item.counter, []).append(item)
        for counter, tickets in waiting.items():
            counter.wake(tickets)

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
