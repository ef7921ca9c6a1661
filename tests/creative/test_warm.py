"""What makes the first picture wait less, and the worker small: warm painters, large blocks given back."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from creative.painter import Painter
from creative.painting import get_ready

HELD = """
import threading
from runtime.process import give_back_large_blocks
{first}

kept = []

def work():
    for number in range(40):
        block = b"x" * (12_000_000 - number * 150_000)
        kept.append(bytes(100_000))  # what outlives the block and pins what lies around it
        del block

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

before = resident()
threads = [threading.Thread(target=work) for _ in range(6)]
[each.start() for each in threads]
[each.join() for each in threads]
print(resident() - before - sum(map(len, kept)))
"""
"""A program that makes and drops large blocks in threads, and prints how many bytes stay with it."""


def loaded() -> bool:
    """Whether this process has what paints."""
    return "creative.studio.compose" in sys.modules


def identity() -> int:
    """The id of the process that runs this."""
    return os.getpid()


def test_a_warmed_painter_has_loaded_what_paints_and_does_the_work() -> None:
    """The painter that was started by ``warm`` is the one that runs the first task."""
    painter = Painter(1)
    try:
        painter.warm(get_ready)
        assert painter.run(loaded)
        assert painter.run(identity) == painter.run(identity)
    finally:
        painter.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc and /proc")
def test_large_blocks_go_back_when_they_are_freed() -> None:
    """Hardly anything stays; a program that does not ask for it keeps many times as much."""
    asked, plain = held("assert give_back_large_blocks()"), held("")
    assert asked < 10_000_000
    assert plain > 3 * asked


def held(first: str) -> int:
    """Bytes that stay with the program, at least a megabyte."""
    code = HELD.format(first=first)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return max(1_000_000, int(done.stdout))
