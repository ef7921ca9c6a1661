"""Clocks tell aware UTC; the manual one moves only when told to."""

from datetime import UTC, datetime, timedelta

import pytest

from runtime.clock import SHANGHAI, ManualClock, SystemClock


def test_the_system_clock_is_aware_utc() -> None:
    """Nobody downstream has to guess a zone."""
    assert SystemClock().now().tzinfo is UTC


def test_the_manual_clock_stands_still_until_it_is_moved() -> None:
    """Tests decide what time it is, in seconds, in steps or by jumping."""
    clock = ManualClock(datetime(2026, 1, 1, 9, tzinfo=SHANGHAI))
    assert clock.now() == clock.now() == datetime(2026, 1, 1, 1, tzinfo=UTC)
    assert clock.advance(90) == datetime(2026, 1, 1, 1, 1, 30, tzinfo=UTC)
    assert clock.advance(timedelta(hours=1)).hour == 2
    clock.set(datetime(2025, 6, 1, tzinfo=SHANGHAI))
    assert clock.now() == datetime(2025, 5, 31, 16, tzinfo=UTC)


def test_a_naive_moment_is_refused_with_advice() -> None:
    """A datetime without a zone would silently be off by eight hours."""
    with pytest.raises(ValueError, match="has no time zone; pass an aware one"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
