"""When to try again."""

import pytest

from runtime.retry import LONGEST, wait_before


@pytest.mark.parametrize(
    ("made", "asked", "jitter", "expected"),
    [
        # The first wait is as configured, at most.
        (1, None, 1.0, 0.5),
        # It doubles with each failure.
        (2, None, 1.0, 1.0),
        (5, None, 1.0, 8.0),
        # It never exceeds a minute, however often it failed.
        (30, None, 1.0, LONGEST),
        # Jitter takes away up to half.
        (2, None, 0.0, 0.5),
        # What the other side asks for is obeyed, never shortened.
        (1, 7.0, 0.0, 7.0),
        (9, 300.0, 0.0, 300.0),
    ],
)
def test_waits(made: int, asked: float | None, jitter: float, expected: float) -> None:
    """Our own back-off doubles up to a minute; a wait asked for is obeyed."""
    assert wait_before(made, asked, first=0.5, jitter=lambda: jitter) == pytest.approx(expected)


def test_a_wait_asked_for_is_spread_a_little_later() -> None:
    """A hundred works refused together do not all come back in the same instant."""
    assert 7.0 < wait_before(1, 7.0, first=0.5, jitter=lambda: 1.0) < 7.5
