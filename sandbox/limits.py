"""Counting calls in sliding windows, the way the gateway refuses too many."""

import math
import threading
from collections import deque
from collections.abc import Sequence

from sandbox.clock import SandboxClock


class Limiter:
    """Sliding windows per key; a refused call does not count."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, deque[float]] = {}

    def take(self, key: str, windows: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        """Count one call of ``key``.

        Args:
            key: whose calls are counted together.
            windows: pairs (calls allowed, seconds).

        Returns:
            None when the call may pass, else (calls allowed, whole seconds until one is allowed again).
        """
        now = self._clock.time()
        longest = max(seconds for _, seconds in windows)
        with self._lock:
            calls = self._calls.setdefault(key, deque())
            while calls and (calls[0] <= now - longest or calls[0] > now):
                calls.popleft()
            for allowed, seconds in windows:
                if len(calls) >= allowed and calls[-allowed] > now - seconds:
                    return allowed, max(1, math.ceil(calls[-allowed] + seconds - now))
            calls.append(now)
        return None

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()
