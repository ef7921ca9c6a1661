"""Time as an argument: the product asks a clock, never the machine, so that tests decide what time it is."""

from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""The time zone people read; everything inside is UTC."""

FARTHEST = timedelta(minutes=2)
"""What we stored of a moment further ahead than this was written by a clock that was wrong: not believed.

A machine whose clock is set right after an hour ahead would otherwise be deaf for that hour.
"""


class Clock(Protocol):
    """Anything that can tell the time."""

    def now(self) -> datetime:
        """Return the present moment as an aware datetime in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present moment as an aware datetime in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to; safe to share between threads.

    Args:
        start: the first moment it shows; must be aware.
    """

    def __init__(self, start: datetime) -> None:
        self._lock = Lock()
        self._now = _utc(start)

    def now(self) -> datetime:
        """Return the moment last set, in UTC."""
        with self._lock:
            return self._now

    def advance(self, step: timedelta | float) -> datetime:
        """Move forward by a timedelta, or by a number of seconds, and return the new moment."""
        delta = step if isinstance(step, timedelta) else timedelta(seconds=step)
        with self._lock:
            self._now += delta
            return self._now

    def set(self, moment: datetime) -> None:
        """Jump to an aware moment, forward or back."""
        with self._lock:
            self._now = _utc(moment)


def day_of(at: datetime) -> date:
    """The calendar day of a moment, in Shanghai."""
    return at.astimezone(SHANGHAI).date()


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = (
            f"{moment!r} has no time zone; pass an aware one, e.g. datetime(2026, 1, 5, 9, tzinfo=SHANGHAI)."
        )
        raise ValueError(msg)
    return moment.astimezone(UTC)


def midnight(day: date) -> datetime:
    """When a calendar day of Shanghai begins."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def to_us(value: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_us(value: int) -> datetime:
    """The aware UTC time of microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
