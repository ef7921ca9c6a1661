"""The clock of a machine that is moved under a process moves nothing else and stands in for nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos import machine_clock

ASK = """
import ctypes, time
print(time.time(), time.monotonic())
libraries = ctypes.CDLL(None)
for name in ("pthread_cond_init", "pthread_cond_timedwait"):
    address = ctypes.cast(getattr(libraries, name), ctypes.c_void_p).value
    for line in open("/proc/self/maps"):
        low, high = (int(end, 16) for end in line.split()[0].split("-"))
        if low <= address < high:
            print(line.split()[-1])
"""


@pytest.mark.skipif(machine_clock.library() is None, reason="libfaketime was not built for this system")
def test_a_process_sees_the_moved_clock_and_waits_with_the_c_library(tmp_path: Path) -> None:
    folder = tmp_path / "chorus-a"
    env = machine_clock.environment(folder)
    machine_clock.step(folder, 3600)
    said = subprocess.run(
        [sys.executable, "-c", ASK], env=os.environ | env, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    wall, stopwatch = (float(each) for each in said[0].split())
    assert 3590 < wall - time.time() < 3610
    assert abs(stopwatch - time.monotonic()) < 60
    assert [Path(each).name.partition(".")[0] for each in said[1:]] == ["libc", "libc"], said
