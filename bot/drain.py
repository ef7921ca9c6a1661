"""Drain the inbox in a worker: claim by lease, hand all pending events of a type to its handlers, mark them.

Events are at least once: after a crash the lease runs out and the same events are handled again. One type's
failure or slowness never holds up another: each type is worked on by itself. An event that keeps failing is
parked with a sentence; a handler's :class:`TransientError` is no failure, the events just wait.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import structlog

from bot import sentences
from bot.inbox import LEASE, Claimed, Inbox
from bot.pace import Pace
from bot.router import EventHandler, Router
from runtime import metrics
from runtime.clock import Clock
from runtime.db import Database, is_away
from runtime.errors import ChorusError, TransientError
from runtime.ids import EventId
from runtime.log import bind

MAX_TRIES: Final = 5
POLL_SECONDS: Final = 0.05
TOLD_A_MINUTE: Final = 2
"""How often the log says that nobody handles a type; all are counted at /metrics."""
_log = structlog.get_logger("bot.drain")


class Drain:
    """The drain loop of one worker process.

    Args:
        db: The durable database.
        router: Whose handlers are called.
        clock: Judges leases and waiting times.
        instance: Name of this worker; leases left by an earlier life with the same name are freed at the
        start.
        threads: Types worked on at the same time.
    """

    def __init__(
        self, db: Database, router: Router, clock: Clock, instance: str, *, threads: int = 4
    ) -> None:
        self._inbox = Inbox(db)
        self._router = router
        self._clock = clock
        self._me = instance
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._busy: dict[str, Sequence[EventId]] = {}  # type → what its thread is working on
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="drain")
        self._thread: threading.Thread | None = None
        self._told = Pace(TOLD_A_MINUTE)

    def start(self) -> None:
        """Begin draining in the background."""
        self._inbox.release(self._me)
        self._thread = threading.Thread(target=self._loop, name="drain", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop claiming, let running handlers finish."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown(wait=True)

    def once(self) -> int:
        """Work through everything that waits now, in this thread; returns how many events were claimed."""
        return sum(self._work(event_type) for event_type in self._inbox.waiting(self._clock.now()))

    def _loop(self) -> None:
        renewed = time.monotonic()
        while not self._stop.wait(POLL_SECONDS):
            try:
                self._hand_out()
                if time.monotonic() - renewed > LEASE.total_seconds() / 3:
                    renewed = time.monotonic()
                    self._renew()
            except Exception:  # noqa: BLE001 - the loop outlives a locked or restarted database
                _log.exception("drain.round_failed")
                self._stop.wait(1.0)

    def _hand_out(self) -> None:
        for event_type in self._inbox.waiting(self._clock.now()):
            with self._lock:
                if event_type in self._busy:
                    continue
                self._busy[event_type] = ()
            self._pool.submit(self._work, event_type).add_done_callback(self._freed(event_type))

    def _freed(self, event_type: str) -> Callable[[Future[int]], None]:
        def done(future: Future[int]) -> None:
            with self._lock:
                self._busy.pop(event_type, None)
            if future.exception() is not None:
                _log.error("drain.batch_failed", type=event_type, exc_info=future.exception())

        return done

    def _renew(self) -> None:
        with self._lock:
            ids = [event_id for batch in self._busy.values() for event_id in batch]
        if ids:
            self._inbox.renew(ids, by=self._me, now=self._clock.now())

    def _work(self, event_type: str) -> int:
        """Claim a batch of a type and handle it; returns its size."""
        batch = self._inbox.claim(event_type, by=self._me, now=self._clock.now())
        ids = [claimed.event.id for claimed in batch]
        with self._lock:
            if event_type in self._busy:
                self._busy[event_type] = ids
        handlers = self._router.event_handlers(event_type)
        if not batch:
            return 0
        if not handlers:
            if self._told.allows(event_type, self._clock.now()):
                hint = sentences.no_event_handler(event_type)
                _log.warning("event.unhandled", type=event_type, count=len(batch), hint=hint)
            self._inbox.finish(ids, by=self._me, now=self._clock.now(), state="unhandled")
            metrics.count("chorus_events_total", by=len(batch), type=event_type, outcome="unhandled")
            return len(batch)
        self._handle(event_type, handlers, batch)
        return len(batch)

    def _handle(self, event_type: str, handlers: Sequence[EventHandler], batch: list[Claimed]) -> None:
        """Call the handlers with the whole batch; if that fails, event by event to find the bad one."""
        error = _call(handlers, batch)
        ids = [claimed.event.id for claimed in batch]
        if error is None:
            self._inbox.finish(ids, by=self._me, now=self._clock.now())
            metrics.count("chorus_events_total", by=len(batch), type=event_type, outcome="handled")
        elif isinstance(error, TransientError) or is_away(error):
            wait = (error.wait if isinstance(error, TransientError) else None) or 2.0
            _log.warning("event.waits", type=event_type, count=len(batch), seconds=wait, why=_why(error))
            self._inbox.delay(ids, by=self._me, until=self._clock.now() + timedelta(seconds=min(wait, 60.0)))
        elif len(batch) > 1:
            _log.warning("event.batch_split", type=event_type, count=len(batch), error=type(error).__name__)
            for claimed in batch:
                self._inbox.renew([claimed.event.id], by=self._me, now=self._clock.now())
                self._handle(event_type, handlers, [claimed])
        else:
            self._failed(batch[0], error)

    def _failed(self, claimed: Claimed, error: Exception) -> None:
        event, tries, now = claimed.event, claimed.tries + 1, self._clock.now()
        _log.error("event.failed", event_id=event.id, type=event.type, tries=tries, exc_info=error)
        if tries < MAX_TRIES:
            until = now + timedelta(seconds=2.0 ** (tries - 1))
            self._inbox.delay([event.id], by=self._me, until=until, tries=tries)
            return
        sentence = sentences.poison(event.type, event.id, tries, _why(error))
        self._inbox.park(event.id, by=self._me, now=now, tries=tries, error=sentence)
        metrics.count("chorus_events_total", type=event.type, outcome="parked")


def _why(error: Exception) -> str:
    """Only our own errors are sentences meant for reading; others may quote what they were handling."""
    return str(error) if isinstance(error, ChorusError) else type(error).__name__


def _call(handlers: Sequence[EventHandler], batch: Sequence[Claimed]) -> Exception | None:
    events = [claimed.event for claimed in batch]
    _log.info("event.taken", type=events[0].type, ids=[event.id for event in events])
    try:
        with bind(trace=events[0].id):
            for handler in handlers:
                handler(events)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises must not stop the loop
        return error
    return None
