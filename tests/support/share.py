"""How much of a long test is played: all of it by `make test`, a part in CI."""

import os

SHARE = float(os.environ.get("CHORUS_TEST_SHARE") or 1)
"""0.25 plays a quarter of the events, people or orders."""


def sized(*whole: int, least: float = 0.0) -> tuple[int, ...]:
    """Numbers of a whole test, cut to the share that is played.

    Args:
        whole: the numbers.
        least: the smallest share that still shows something.
    """
    share = max(SHARE, least)
    return tuple(max(1, round(each * share)) for each in whole)
