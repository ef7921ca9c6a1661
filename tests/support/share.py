"""How much of a long test is played: all of it by `make test`, a part in CI."""

import os

SHARE = float(os.environ.get("CHORUS_TEST_SHARE") or 1)
"""0.25 plays a quarter of the events, people or orders."""


def sized(*whole: int) -> tuple[int, ...]:
    """Numbers of a whole test, cut to the share that is played."""
    return tuple(max(1, round(each * SHARE)) for each in whole)
