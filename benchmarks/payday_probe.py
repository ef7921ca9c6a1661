"""What is measured beside a pay day while it goes on: waiting taps, the write lock, memory."""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.start import children
from sandbox.payday_crowd import CrowdDay

PAUSE = 0.25


@dataclass
class Probe:
    """Taps an old button again and again, asks for the write lock, weighs the processes.

    Args:
        day: whose run's card is tapped.
        database: the product's SQLite file.
    """

    day: CrowdDay
    database: Path
    server: int = 0
    taps: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._threads = [
            threading.Thread(target=self._repeat, args=(each,))
            for each in (self._tap, self._lock, self._weigh)
        ]

    def start(self, server: int) -> None:
        """Begin; ``server`` is the process id of ``chorus serve``."""
        self.server = server
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, look: object) -> None:
        while not self._stop.wait(PAUSE):
            try:
                look()  # type: ignore[operator]
            except (OSError, RuntimeError, ValueError, IndexError, sqlite3.Error):
                self.failed += 1  # somebody was just killed

    def _tap(self) -> None:
        """A button of an old card: decided, written and answered with the newest card, changing nothing."""
        value = {"a": "pay.sign", "id": f"{self.day.month}.1", "t": -1}
        began = time.perf_counter()
        self.day.office.control.post(
            "act/tap", open_id=self.day.hr["open_id"], message_id=self.day.run_message, forge={"value": value}
        )
        self.taps.append((time.perf_counter() - began) * 1000)

    def _lock(self) -> None:
        """How long somebody who wants to write waits."""
        conn = sqlite3.connect(self.database, timeout=30, isolation_level=None)
        try:
            began = time.perf_counter()
            conn.execute("BEGIN IMMEDIATE")
            self.waits.append((time.perf_counter() - began) * 1000)
            conn.execute("ROLLBACK")
        finally:
            conn.close()

    def _weigh(self) -> None:
        for pid in family(self.server):
            status = Path(f"/proc/{pid}/status").read_text("utf-8")
            name = status.split("\n", 1)[0].removeprefix("Name:").strip()
            if name.startswith("chorus-"):
                peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
                self.peaks[name] = max(peak, self.peaks.get(name, 0.0))


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found, waiting = [pid], [pid]
    while waiting:
        below = children(waiting.pop())
        found += below
        waiting += below
    return found


def quantiles(values: Sequence[float]) -> str:
    """``p50, p99, most`` of some milliseconds."""
    if not values:
        return "nothing measured"
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered):.0f} ms, p99 {p99:.0f} ms, most {ordered[-1]:.0f} ms"
