"""The clock of an instance's machine: libfaketime between the process and the kernel, steered by a file.

Only the wall clock is moved, as a step of NTP or a person with root moves it; stopwatches go on.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

FRESH = 1
"""Seconds after which a process has noticed a step."""


def library() -> Path | None:
    """The library, if the package that brings it is installed and was built for this system."""
    spec = importlib.util.find_spec("libfaketime")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    return path if path.exists() else None


def environment(folder: Path) -> dict[str, str]:
    """What a process needs so that its clock can be moved; empty where it cannot."""
    path = library()
    if path is None:
        return {}
    return {
        "LD_PRELOAD": str(path),
        "FAKETIME_TIMESTAMP_FILE": str(_file(folder)),
        "FAKETIME_CACHE_DURATION": str(FRESH),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def step(folder: Path, seconds: int) -> None:
    """Let the clock of whoever was started with this folder differ from the machine's by so many seconds."""
    draft = folder.with_suffix(".new")
    draft.write_text(f"{seconds:+d}\n", "utf-8")
    draft.replace(_file(folder))


def _file(folder: Path) -> Path:
    """Beside the folder: the disk the folder is on may be full."""
    return folder.with_suffix(".clock")


def tidy() -> None:
    """Take away what the library of a killed process left in shared memory."""
    for path in Path("/dev/shm").glob("*faketime_s*_*"):  # noqa: S108 - the library's own place
        pid = path.name.rpartition("_")[2]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)
