"""What a process says to the C library and to Python before it begins, and when it has begun.

Large blocks of memory go back to the system when they are freed: pictures come and go in the worker. The C
library keeps pools of memory, up to eight a core, and after the first large block is freed it serves such
blocks from the pools, where they leave holes. A worker that had made twenty pictures then held half a
gigabyte for good (measured 2026-11).

Threads hand over in short turns: an edit asks the database dozens of times, and after each answer it waits
until the thread that computes gives Python up, by default for 5 ms. A check of a large table beside twenty
edits a second then holds every edit up for seconds.

Python's collector looks for rings among objects again and again. While a process starts it finds only what
stays, about a sixth of what imports take; later a full look over 200,000 objects of modules holds all threads
up (0.2 s, once, on a slow machine). So it rests until a process has begun, and passes over what was there by
then.
"""

from __future__ import annotations

import ctypes
import gc
import sys

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""Names of options; glibc, malloc.h."""
LARGE = 1024 * 1024
"""Bytes from which a block is asked of the system and given back alone; setting it ends its adapting."""
POOLS = 2
TURN = 0.0005
"""Seconds a thread may compute while another waits."""


def begin() -> None:
    """Let the collector rest while the process starts; `begun` must follow."""
    gc.disable()


def prepare_worker() -> None:
    """Say all this, early in a worker's life; `begun` must follow."""
    begin()
    give_back_large_blocks()
    sys.setswitchinterval(TURN)


def begun() -> None:
    """Let the collector work from now on, on what comes from now on (`gc.freeze`)."""
    gc.freeze()
    gc.enable()


def give_back_large_blocks() -> bool:
    """Say so to the C library; False (and no change) where it is not glibc."""
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is None:
        return False
    return bool(change(M_MMAP_THRESHOLD, LARGE) and change(M_ARENA_MAX, POOLS))
