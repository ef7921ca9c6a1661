"""One thread that writes for all web threads, grouping what is waiting into one durable commit.

With many threads on one SQLite file the slowest answers are those waiting for the write lock; one writer has
nobody to wait for, and one flush to disk then serves every request that arrived during the last one.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from runtime.db import Database

T = TypeVar("T")
_log = structlog.get_logger("bot.writer")


class Overloaded(Exception):  # noqa: N818 - an outcome with a name
    """Nothing was written: the writer is too far behind to answer in time. Answer 503 or ask again."""


class Late(Exception):  # noqa: N818 - an outcome with a name
    """The writing had begun but did not finish in time; it may still become durable."""


Bulk = Callable[[Connection, Sequence[str]], None]
"""Stores many rows (in a form of its own choosing) in one statement."""


class _Item(Generic[T]):
    """One submission: a function to run, or a row for a bulk function shared by many."""

    __slots__ = ("bulk", "done", "error", "fn", "result", "row", "taken")

    def __init__(self, fn: Callable[[Connection], T] | None, bulk: Bulk | None = None, row: str = "") -> None:
        self.fn = fn
        self.bulk = bulk
        self.row = row
        self.result: T | None = None
        self.error: BaseException | None = None
        self.done = threading.Lock()  # held until finished; a bare lock is the cheapest thing to wait for
        self.done.acquire()
        self.taken = (
            threading.Lock()
        )  # whoever gets it owns the item: the writer runs it, or its sender gives up


class GroupWriter:
    """Runs submissions of many threads in few transactions.

    Args:
        db: Where to write.
        capacity: Submissions that may wait; one more is refused with :class:`Overloaded`.
        group: Most submissions of one transaction.
        patience: Seconds a sender waits before it gives up (the platform waits 3 s in all).
    """

    def __init__(
        self, db: Database, *, capacity: int = 1000, group: int = 256, patience: float = 2.2
    ) -> None:
        self._db = db
        self._capacity = capacity
        self._group = group
        self._patience = patience
        self._waiting: queue.SimpleQueue[_Item[Any] | None] = queue.SimpleQueue()
        self._busy_since: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="group-writer", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in a transaction and return its result once that is durable.

        An exception of ``fn`` undoes only its own writes (a savepoint) and is raised here.

        Raises:
            Overloaded: It was not started; nothing is written.
            Late: It was started and may still become durable.
        """
        item: _Item[T] = _Item(fn)
        self._wait_for(item)
        return cast(T, item.result)  # set whenever there is no error

    def append(self, bulk: Bulk, row: str) -> None:
        """Add one row and return once it is durable; rows of the same ``bulk`` are handed to it together.

        One statement for many rows matters: each gives up the interpreter's lock once, and getting it back
        from busy web threads costs more than the writing.

        Raises:
            Overloaded: Nothing is written.
            Late: It may still become durable.
        """
        self._wait_for(_Item[None](None, bulk, row))

    def close(self) -> None:
        """Write what is waiting and stop the thread."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join()

    def _wait_for(self, item: _Item[Any]) -> None:
        since = self._busy_since
        stuck = since is not None and time.monotonic() - since > self._patience
        if self._closed or stuck or self._waiting.qsize() >= self._capacity:
            raise Overloaded
        self._waiting.put(item)
        if not item.done.acquire(timeout=self._patience):
            if item.taken.acquire(blocking=False):
                raise Overloaded
            if not item.done.acquire(timeout=0.3):
                raise Late
        if item.error is not None:
            raise item.error

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
                return

    def _commit(self, items: list[_Item[Any]]) -> None:
        """One transaction for all; if the commit itself fails, nothing is durable and everybody hears it."""
        try:
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
                item.done.release()
            _log.error("writer.commit_failed", submissions=len(items), exc_info=error)
            return
        for item in items:
            item.done.release()

    @staticmethod
    def _append_all(conn: Connection, items: list[_Item[Any]]) -> None:
        """Rows of one bulk function in one go; if the database dislikes one, everything is begun anew."""
        batches: dict[Bulk, list[str]] = {}
        for item in items:
            if item.bulk is not None:
                batches.setdefault(item.bulk, []).append(item.row)
        for bulk, rows in batches.items():
            try:
                bulk(conn, rows)
            except sa.exc.OperationalError:
                raise
            except sa.exc.SQLAlchemyError as error:
                raise (_BadRow() if len(items) > 1 else error) from error

    @staticmethod
    def _alone(conn: Connection, item: _Item[Any], fn: Callable[[Connection], Any]) -> None:
        try:
            with conn.begin_nested():
                item.result = fn(conn)
        except Exception as error:  # noqa: BLE001 - handed to the thread that submitted it
            item.error = error


class _BadRow(Exception):  # noqa: N818 - an outcome
    """The database refused one of several rows: each submission gets a transaction of its own."""
