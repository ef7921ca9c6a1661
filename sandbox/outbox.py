"""The queue of outgoing events: what is due, what waits its turn, what comes again, and the log of it all.

Retry steps and the order per lane: docs "事件概述" and the approval FAQ, read 2026-11.
"""

import heapq
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.clock import SandboxClock

RETRY_AFTER = (15.0, 300.0, 3600.0, 21600.0)
SHUFFLE_WINDOW = 0.2


@dataclass(slots=True)
class Switches:
    """How unkind delivery is.

    ``retry_stamp``: is a retry signed anew, or does it keep the first timestamp (the docs leave it open).
    ``clock``: signatures carry wall time, so that a receiver on real time accepts them after a jump.
    ``retry_after``: seconds before each retry; shorter ones let a compressed day have its retries in time.
    """

    duplicate: bool = False
    shuffle: bool = False
    drop: bool = False
    microseconds: bool = False
    retry_stamp: Literal["fresh", "first"] = "fresh"
    clock: Literal["wall", "sandbox"] = "wall"
    retry_after: Sequence[float] = RETRY_AFTER


@dataclass(slots=True)
class Attempt:
    """One try: when (sandbox seconds), HTTP status or None, why it failed, milliseconds it took."""

    at: float
    status: int | None
    error: str
    ms: float


@dataclass(slots=True)
class Delivery:
    """One event on its way to one app. State: queued, delivered, failed, dropped or unsubscribed."""

    app_id: str
    event_id: str
    event_type: str
    envelope: dict[str, Any]
    lane: str | None = None
    copy: bool = False
    number: int = 0
    due: float = 0.0
    state: str = "queued"
    stamp: str = ""
    attempts: list[Attempt] = field(default_factory=list)

    def view(self) -> dict[str, Any]:
        """The delivery as the control plane shows it."""
        return {
            "n": self.number,
            "app_id": self.app_id,
            "event_id": self.event_id,
            "event_type": self.event_type,
            "state": self.state,
            "copy": self.copy,
            "lane": self.lane,
            "due": self.due,
            "event": self.envelope.get("event", {}),
            "attempts": [
                {"at": a.at, "status": a.status, "error": a.error, "ms": round(a.ms, 1)}
                for a in self.attempts
            ],
        }


class Outbox:
    """Deliveries in the order they are due on the sandbox clock; ``start`` is called before one waits."""

    def __init__(self, clock: SandboxClock, start: Callable[[], None]) -> None:
        self.switches = Switches()
        self._clock = clock
        self._start = start
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Delivery]] = []
        self._lanes: dict[str, deque[Delivery]] = {}
        self._log: list[Delivery] = []
        self._random = random.Random(1)  # noqa: S311 - repeatable disorder, not a secret
        self._closed = False
        self._epoch = 0
        self._turn = 0
        clock.on_jump(self.hasten)

    def put(self, delivery: Delivery) -> None:
        """Queue a new event; with the duplicate switch a copy goes out beside it (not in an ordered lane)."""
        with self._changed:
            self._add(delivery)
            if self.switches.duplicate and delivery.lane is None:
                self._add(self._copy(delivery))

    def take(self) -> tuple[Delivery, int] | None:
        """Wait for the next due delivery; the mark beside it goes back to ``record``. None = closed."""
        with self._changed:
            while not self._closed:
                now = self._clock.time()
                if self._heap and self._heap[0][0] <= now:
                    return heapq.heappop(self._heap)[2], self._epoch
                self._changed.wait(min(self._heap[0][0] - now, 60.0) if self._heap else None)
        return None

    def record(self, delivery: Delivery, mark: int, attempt: Attempt | None) -> None:
        """Note what came of a try (None: nobody subscribed) and plan what follows from it."""
        with self._changed:
            if mark != self._epoch:
                return
            if attempt is None:
                self._finish(delivery, "unsubscribed")
                return
            delivery.attempts.append(attempt)
            if attempt.status == 200 and not attempt.error:
                self._finish(delivery, "delivered")
            elif len(delivery.attempts) > len(waits := self.switches.retry_after):
                self._finish(delivery, "failed")
            else:
                self._schedule(delivery, self._clock.time() + waits[len(delivery.attempts) - 1])

    def log(self) -> list[dict[str, Any]]:
        """Every delivery since the last reset, oldest first."""
        with self._changed:
            return [delivery.view() for delivery in self._log]

    def newest(self, most: int) -> list[dict[str, Any]]:
        """Up to ``most`` deliveries, newest first."""
        with self._changed:
            return [delivery.view() for delivery in self._log[-most:][::-1]]

    def delivery(self, number: int) -> dict[str, Any] | None:
        """The delivery with this number (from 1); None when there is none."""
        with self._changed:
            return self._log[number - 1].view() if 0 < number <= len(self._log) else None

    def pending(self) -> int:
        """Deliveries not yet delivered, given up or dropped."""
        with self._changed:
            return sum(delivery.state == "queued" for delivery in self._log)

    def reset(self, seed: int) -> None:
        """Forget everything queued and logged; a push under way is not tried again."""
        with self._changed:
            self._epoch += 1
            self._heap.clear()
            self._lanes.clear()
            self._log.clear()
            self.switches = Switches()
            self._random.seed(seed)

    def close(self) -> None:
        """Let every ``take`` return None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __getstate__(self) -> dict[str, Any]:
        """The queue as it is between two changes, for a kept state."""
        with self._changed:
            lanes = {name: deque(queue) for name, queue in self._lanes.items()}
            copies = {"_heap": list(self._heap), "_lanes": lanes, "_log": list(self._log), "_closed": False}
            return vars(self) | copies

    def awake(self) -> None:
        """Go on from a kept state: what was being pushed when it was written is due at once."""
        self._clock.on_jump(self.hasten)
        with self._changed:
            planned = {entry[2].number for entry in self._heap}
            for delivery in self._log:
                queue = self._lanes.get(delivery.lane or "")
                behind = queue is not None and queue[0] is not delivery
                if delivery.state == "queued" and delivery.number not in planned and not behind:
                    self._schedule(delivery, self._clock.time())
            if self._heap:
                self._start()

    def hasten(self) -> None:
        """Look again after a jump or with new switches: nothing waits longer than a retry does."""
        with self._changed:
            latest = self._clock.time() + max(self.switches.retry_after, default=0.0)
            if any(due > latest for due, _, _ in self._heap):
                for due, _, delivery in self._heap:
                    delivery.due = min(due, latest)
                self._heap = [(delivery.due, turn, delivery) for _, turn, delivery in self._heap]
                heapq.heapify(self._heap)
            self._changed.notify_all()

    # Below: callers hold self._changed.

    def _add(self, delivery: Delivery) -> None:
        self._log.append(delivery)
        delivery.number = len(self._log)
        due = self._clock.time()
        if self.switches.drop:
            delivery.state = "dropped"
            return
        if delivery.lane is not None:
            queue = self._lanes.setdefault(delivery.lane, deque())
            queue.append(delivery)
            if queue[0] is not delivery:
                return
        elif self.switches.shuffle:
            due += self._random.uniform(0, SHUFFLE_WINDOW)
        self._schedule(delivery, due)

    def _schedule(self, delivery: Delivery, due: float) -> None:
        delivery.due = due
        self._turn += 1
        heapq.heappush(self._heap, (due, self._turn, delivery))
        self._start()
        self._changed.notify()

    def _finish(self, delivery: Delivery, state: str) -> None:
        delivery.state = state
        queue = self._lanes.get(delivery.lane or "")
        if queue and queue[0] is delivery:
            queue.popleft()
            if queue:
                self._schedule(queue[0], self._clock.time())
            else:
                del self._lanes[delivery.lane or ""]
        if state == "delivered" and self.switches.duplicate and not delivery.copy:
            self._add(self._copy(delivery))

    def _copy(self, delivery: Delivery) -> Delivery:
        return Delivery(
            delivery.app_id, delivery.event_id, delivery.event_type, delivery.envelope, lane=None, copy=True
        )
