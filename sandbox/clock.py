"""The sandbox's clock: real time plus an offset the control plane moves."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime


class SandboxClock:
    """Real time by default; ``advance`` jumps forward so hours of retries take milliseconds.

    Whoever sleeps on this clock registers with ``on_jump`` and looks again when called.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def offset(self) -> float:
        """Seconds by which the control plane has moved the clock."""
        return self._offset

    def time(self) -> float:
        """Seconds since the epoch, as the sandbox sees it."""
        return time.time() + self._offset

    def ms(self) -> int:
        """Milliseconds since the epoch, the unit of most Feishu times."""
        return int(self.time() * 1000)

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Jump ``seconds`` forward and wake everyone who waits for a time."""
        with self._lock:
            self._offset += seconds
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def reset(self) -> None:
        """Go back to real time."""
        self.advance(-self._offset)

    def on_jump(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after every jump."""
        with self._lock:
            self._listeners.append(listener)
