"""The clock of an instance's machine: libfaketime between the process and the kernel, steered by a file.

Only the wall clock is moved, as a step of NTP or a person with root moves it; stopwatches go on.

The library also stands in for `pthread_cond_timedwait`, which moves nothing here and is what Python's threads
wait for each other with: it computes while it holds the lock they all need. Twelve threads then took eight
times the processor time, half of a day's (measured 2026-11). Processes get a copy that does not offer it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

WAITS = (b"pthread_cond_init", b"pthread_cond_destroy", b"pthread_cond_timedwait")
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
        "LD_PRELOAD": str(_without_waits(path, folder.with_suffix(".so"))),
        "FAKETIME_TIMESTAMP_FILE": str(_file(folder)),
        "FAKETIME_CACHE_DURATION": str(FRESH),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _without_waits(library_file: Path, copy: Path) -> Path:
    """Write a copy that exports no function of `WAITS`; the linker then takes those of the C library.

    The first place of a name is the table of exported names, which is near the beginning of an ELF file.
    """
    if copy.exists():  # it may be in use
        return copy
    image = library_file.read_bytes()
    for name in WAITS:
        image = image.replace(b"\0" + name + b"\0", b"\0_" + name[1:] + b"\0", 1)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(image)
    return copy


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
