"""The doctor that keeps watching says what changed, and nothing else."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console

from bitable_sync.doctor import Check, Level
from bitable_sync.doctor_show import watch
from runtime.clock import ManualClock

CLOCK = ManualClock(datetime(2026, 11, 2, 1, tzinfo=UTC))
WELL = Check(Level.OK, "worker", "A worker is alive.")
GONE = Check(Level.FAIL, "worker", "No worker has been seen for 20 s.", "Look at its log [worker].")
OTHER = Check(Level.WARN, "quota", "80 % are used.")


def watched(*looks: list[Check]) -> tuple[int, str]:
    """What is printed over these looks, and the exit code; then somebody presses Ctrl-C."""
    screen = Console(file=io.StringIO(), width=140)
    left = iter(looks)
    pauses: Iterator[None] = iter([None] * (len(looks) - 1))

    def pause() -> None:
        try:
            next(pauses)
        except StopIteration:
            raise KeyboardInterrupt from None

    code = watch(lambda: next(left), CLOCK, screen, pause)
    assert isinstance(screen.file, io.StringIO)
    return code, screen.file.getvalue()


def test_everything_once_and_then_only_what_changed() -> None:
    """The failing worker is a line with its next step; what stays the same is not repeated."""
    code, said = watched([WELL, OTHER], [GONE, OTHER], [GONE, OTHER])
    assert code == 1
    assert said.count("80 % are used.") == 1
    assert said.count("No worker has been seen for 20 s. Look at its log [worker].") == 1
    assert "09:00:00  FAIL" in said


def test_what_is_well_again_or_gone_is_said_too() -> None:
    """And the exit code is that of the last look."""
    code, said = watched([GONE, OTHER], [WELL])
    assert code == 0
    assert "ok  worker: A worker is alive." in said
    assert "gone  quota" in said
