"""Large blocks of memory go back to the system when they are freed: pictures come and go in the worker.

The C library keeps pools of memory, up to eight a core, and after the first large block is freed it serves
such blocks from the pools, where they leave holes. A worker that had made twenty pictures then held half a
gigabyte for good (measured 2026-11).
"""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""Names of options; glibc, malloc.h."""
LARGE = 1024 * 1024
"""Bytes from which a block is asked of the system and given back alone; setting it ends its adapting."""
POOLS = 2


def give_back_large_blocks() -> bool:
    """Say so to the C library, early in a process's life; False (and no change) where it is not glibc."""
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is None:
        return False
    return bool(change(M_MMAP_THRESHOLD, LARGE) and change(M_ARENA_MAX, POOLS))
