"""The arithmetic of pacing: when may the next calls of a key happen? Pure, tested by properties.

Two windows hold at once. The second is spread evenly: a slot may be used from its moment on, until `LATE`
seconds after it. Calls made within one second therefore come from slots within 1 s + `LATE`, and slots are so
far apart that no such span holds more than a second may. That is the whole proof; it costs 5 % of the rate,
and a key left alone catches up with what still may be used. The minute is counted: slots given away in each
of the seconds that may still count.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runtime.feishu.endpoint import Rate

LATE = 0.05
"""A slot may be used this many seconds after its moment; then it is lost."""

CATCH_UP = LATE / 2
"""How old a slot may be when it is given away: the other half is for getting round to using it."""

ROUNDING = 1e-6
"""More than adding seconds since 1970 in floating point loses."""

MINUTE = 61.0 + LATE
"""One second more than a minute, because seconds are counted whole, and what a slot may be used late."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known about a key.

    Args:
        free_at: when its next slot begins; seconds since 1970.
        recent: slots given away, by whole second.
    """

    free_at: float = 0.0
    recent: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """Slots: each may be used from its moment on, `LATE` seconds long; and the key's pace after them."""

    slots: tuple[float, ...]
    pace: Pace


def step(rate: Rate) -> float:
    """Return the seconds between two slots; 0 when only the minute is limited."""
    return (1.0 + LATE) / rate.per_second + ROUNDING if rate.per_second else 0.0


def within(rate: Rate, seconds: float) -> int:
    """Return how many slots reach over so many seconds, and one more; a second's at most."""
    return 1 + min(rate.per_second or 0, math.ceil(seconds / step(rate)) if seconds and step(rate) else 0)


def next_slot(pace: Pace, rate: Rate, at: float) -> float:
    """Return when a call may be made that is wanted at a moment, without taking the slot."""
    return max(at, _start(pace, rate, at)[0])


def reserve(pace: Pace, rate: Rate, at: float, wanted: int) -> Grant:
    """Take up to ``wanted`` slots, one at least.

    Args:
        pace: what is known about the key.
        rate: its limits.
        at: when the first is to be used; seconds since 1970.
        wanted: how many slots at most.
    """
    start, room = _start(pace, rate, at)
    spacing = step(rate)
    count = max(1, min(wanted, room))
    slots = tuple(start + index * spacing for index in range(count))
    recent: dict[int, int] = {}
    if rate.per_minute is not None:
        # What is wanted at a later moment must not make an earlier one forget what still counts.
        recent = {second: taken for second, taken in pace.recent.items() if second > at - 2 * MINUTE}
        for slot in slots:
            recent[math.floor(slot)] = recent.get(math.floor(slot), 0) + 1
    return Grant(slots, Pace(start + count * spacing, recent))


def unused(pace: Pace, lost: Iterable[float]) -> Pace:
    """Return the pace without slots that nobody used: they are gone, but no call of the minute.

    Args:
        pace: what is known about the key.
        lost: moments of the slots; seconds since 1970.
    """
    recent = dict(pace.recent)
    for slot in lost:
        second = math.floor(slot)
        if second in recent:
            recent[second] = max(0, recent[second] - 1)
    return Pace(pace.free_at, {second: taken for second, taken in recent.items() if taken})


def _start(pace: Pace, rate: Rate, at: float) -> tuple[float, int]:
    """Return when the next slot begins and how many there are from then on, as far as the minute goes."""
    start, room = _minute(pace.recent, rate.per_minute, at)
    if rate.per_second:
        start = max(pace.free_at, start - CATCH_UP)
    return start, room


def _minute(recent: Mapping[int, int], per_minute: int | None, at: float) -> tuple[float, int]:
    if per_minute is None:
        return at, 1_000_000
    live = {second: taken for second, taken in recent.items() if second > at - MINUTE}
    room = per_minute - sum(live.values())
    start = at
    for second in sorted(live):
        if room > 0:
            break
        room += live[second]
        start = max(at, second + MINUTE)
    return start, room
