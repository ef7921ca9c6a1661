"""The product with a clock that somebody else sets: `chorus serve` for `benchmarks.long_day`.

The clock runs like the machine's and jumps when the benchmark writes an offset, so a day passes as fast as
its events can be handled. Everything else is the composition of `app.py`.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import app
from runtime.clock import Clock, SystemClock

if TYPE_CHECKING:
    from bot.acceptor import Acceptor

VARIABLE = "LONG_DAY_CLOCK"
OFFSET = struct.Struct("d")


class JumpingClock:
    """The machine's time plus an offset (seconds) that stands in a file.

    Args:
        file: eight bytes; made with offset 0 if it is not there.
    """

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(OFFSET.pack(0.0))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), OFFSET.size)

    @property
    def offset(self) -> float:
        """Seconds added to the machine's time."""
        return float(OFFSET.unpack(self._map[:])[0])

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def jump(self, seconds: float) -> None:
        """Move on for everybody who reads the file."""
        self._map[:] = OFFSET.pack(self.offset + seconds)


def clock() -> Clock:
    """The clock of this process."""
    file = os.environ.get(VARIABLE)
    return JumpingClock(Path(file)) if file else SystemClock()


def web() -> Acceptor:
    """The web process's app."""
    return app.web(clock())


def main() -> int:
    """Supervise web and worker as `chorus serve` does."""
    from bot.serving import serve  # noqa: PLC0415 - as in app.py
    from runtime import metrics  # noqa: PLC0415
    from runtime.cli import settings_with_log  # noqa: PLC0415
    from runtime.db import migrate  # noqa: PLC0415
    from runtime.supervise import Child, Supervisor  # noqa: PLC0415

    settings = settings_with_log()
    metrics.prepare(settings.var_dir / "metrics")
    migrate(settings.database_url)
    children = [
        Child("web", partial(serve, "benchmarks.long_day_house:web", settings, app.HOME)),
        Child("worker", lambda: app.run_worker(settings, clock())),
    ]
    assert threading.active_count() == 1
    return Supervisor(children).run()


if __name__ == "__main__":
    sys.exit(main())
