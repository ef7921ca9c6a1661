"""A supervisor that is told to end at each line it comes by, one after the other: `python struck.py`."""

import signal
import sys
import time
from types import FrameType
from typing import Any

from runtime.log import configure
from runtime.supervise import Supervisor

QUIET = 0.3
"""Seconds without a new line after which every line was seen."""


def run(seen: set[tuple[str, int]]) -> bool:
    """Run one until a signal strikes it at the first line not seen yet; False when there is none."""
    supervisor, began = Supervisor([]), time.monotonic()
    end = supervisor.stop
    struck = told = False

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal struck, told
        place = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and not (struck or told) and signal.getsignal(signal.SIGTERM) == end:
            if place not in seen:
                seen.add(place)
                struck = True
                signal.raise_signal(signal.SIGTERM)
            elif time.monotonic() - began > QUIET:
                told = True
                supervisor.stop()
        return trace

    sys.settrace(trace)
    supervisor.run()
    sys.settrace(None)
    return struck


def main() -> None:
    """Strike until no line is left; a supervisor that does not end holds this up for good."""
    configure("error", sys.stderr)
    seen: set[tuple[str, int]] = set()
    while run(seen):
        pass
    sys.stdout.write(f"{len(seen)}\n")


if __name__ == "__main__":
    main()
