"""When to try again: one pure policy for every outside call made by a job."""

from collections.abc import Callable

LONGEST = 60.0
"""Seconds; our own back-off never waits longer. A wait the other side asks for is obeyed as it is."""


def wait_before(tries_made: int, asked: float | None, *, first: float, jitter: Callable[[], float]) -> float:
    """Return how many seconds to wait before the next try.

    Args:
        tries_made: how many tries have failed, at least 1.
        asked: seconds the other side asked for, or None.
        first: our own first wait in seconds; it doubles with every failure up to `LONGEST`.
        jitter: gives a number from 0 to 1; spreads works that failed together.
    """
    if asked is not None:
        # Never earlier than asked, a little later so that not all come back in the same instant.
        return asked + 0.25 * first * jitter()
    return float(min(LONGEST, first * 2 ** (tries_made - 1)) * (0.5 + 0.5 * jitter()))
