"""How often one session or address may ask: a count for each minute, in this process's memory."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(minutes=1)
MOST_KEYS: Final = 10_000


class Pace:
    """Counts requests by key. Safe to use from several threads.

    Args:
        limit: requests a key may make within a minute.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[str, tuple[datetime, int]] = {}
        self._lock = threading.Lock()

    def allows(self, key: str, now: datetime) -> bool:
        """Count a request; False when the key made too many within its minute."""
        with self._lock:
            begun, count = self._counts.get(key, (now, 0))
            if now - begun >= WINDOW:
                begun, count = now, 0
            if key not in self._counts and len(self._counts) >= MOST_KEYS:
                self._sweep(now)
            self._counts[key] = (begun, count + 1)
            return count < self._limit

    def _sweep(self, now: datetime) -> None:
        fresh = {key: item for key, item in self._counts.items() if now - item[0] < WINDOW}
        self._counts = fresh if len(fresh) < MOST_KEYS else {}
