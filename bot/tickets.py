"""A submission to the writer and who waits for it: a thread, or a coroutine of the server's loop.

Coroutines are cheap and many, so what they need is done for all together: their submissions are handed over
once a turn of the loop, their outcomes are given once a commit, and one timer counts their patience.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

T = TypeVar("T")
LAST_WAIT: Final = 0.3
"""Seconds a sender waits on when its submission has begun and its patience is over."""
LOOK_SECONDS: Final = 0.05
"""How exactly the patience of coroutines is counted."""


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

    Args:
        fn: what to run, if it is no row.
        bulk: what stores the row.
        row: JSON text.
    """

    __slots__ = ("bulk", "error", "fn", "result", "row", "taken")

    def __init__(self, fn: Callable[[Connection], T] | None, bulk: Bulk | None = None, row: str = "") -> None:
        self.fn = fn
        self.bulk = bulk
        self.row = row
        self.result: T | None = None
        self.error: BaseException | None = None
        self.taken = threading.Lock()
        """Whoever gets it owns the ticket: the writer runs it, or its sender gives up."""


class ThreadTicket(Ticket[T]):
    """The submission of a thread."""

    __slots__ = ("_done",)

    def __init__(self, fn: Callable[[Connection], T] | None, bulk: Bulk | None = None, row: str = "") -> None:
        super().__init__(fn, bulk, row)
        self._done = threading.Lock()  # held until finished; a bare lock is the cheapest thing to wait for
        self._done.acquire()

    def wait(self, patience: float) -> T:
        """Wait for so many seconds; raises what the function raised, `Overloaded` or `Late`."""
        if not self._done.acquire(timeout=patience):
            if self.taken.acquire(blocking=False):
                raise Overloaded
            if not self._done.acquire(timeout=LAST_WAIT):
                raise Late
        if self.error is not None:
            raise self.error
        return cast(T, self.result)  # set whenever there is no error

    def finish(self) -> None:
        """Wake the thread."""
        self._done.release()


class LoopTicket(Ticket[T]):
    """The submission of a coroutine, which awaits `future`."""

    __slots__ = ("counter", "due", "future")

    def __init__(
        self, counter: Counter, fn: Callable[[Connection], T] | None, bulk: Bulk | None = None, row: str = ""
    ) -> None:
        super().__init__(fn, bulk, row)
        self.counter = counter
        self.future: asyncio.Future[T] = counter.loop.create_future()
        self.due = 0.0

    def deliver(self) -> None:
        """Give the outcome to the coroutine; called in its loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(cast(T, self.result))

    def fail(self, outcome: Exception) -> None:
        """Tell the coroutine that it need not wait any longer, if it still does."""
        if not self.future.done():
            self.future.set_exception(outcome)


class Counter:
    """Where the coroutines of one loop hand in their tickets and wait for them.

    Args:
        loop: theirs; every method but `wake` is called in it.
        put: hands a ticket to the writer, or raises `Overloaded`.
        patience: seconds after which a coroutine gives up.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, put: Callable[[Ticket[Any]], object], patience: float
    ) -> None:
        self.loop = loop
        self._put = put
        self._patience = patience
        self._fresh: list[LoopTicket[Any]] = []
        self._waiting: deque[LoopTicket[Any]] = deque()
        self._looking = False

    def ask(self, ticket: LoopTicket[T]) -> asyncio.Future[T]:
        """Take a ticket; the writer gets it together with all others of this turn of the loop.

        One at a time, the writer would begin with the first while the loop is about to bring more, and every
        commit costs the same whatever is in it.
        """
        ticket.due = self.loop.time() + self._patience
        if not self._fresh:
            self.loop.call_soon(self._hand_over)
        self._fresh.append(ticket)
        self._waiting.append(ticket)
        if not self._looking:
            self._looking = True
            self.loop.call_later(LOOK_SECONDS, self._look)
        return ticket.future

    def wake(self, tickets: Sequence[LoopTicket[Any]]) -> None:
        """Give outcomes to those who wait; called by the writer's thread."""
        with suppress(RuntimeError):  # a loop that was closed has nobody left who waits
            self.loop.call_soon_threadsafe(_deliver, tickets)

    def _hand_over(self) -> None:
        fresh, self._fresh = self._fresh, []
        for ticket in fresh:
            try:
                self._put(ticket)
            except Overloaded as full:
                ticket.fail(full)

    def _look(self) -> None:
        """Let those give up whose patience is over; all have the same patience, so the oldest are first."""
        now, waiting = self.loop.time(), self._waiting
        while waiting and (waiting[0].future.done() or waiting[0].due <= now):
            ticket = waiting.popleft()
            if ticket.future.done():
                continue
            if ticket.taken.acquire(blocking=False):
                ticket.fail(Overloaded())
            else:
                self.loop.call_later(LAST_WAIT, ticket.fail, Late())
        self._looking = bool(waiting)
        if waiting:
            self.loop.call_later(LOOK_SECONDS, self._look)


def _deliver(tickets: Sequence[LoopTicket[Any]]) -> None:
    for ticket in tickets:
        ticket.deliver()
