"""The arithmetic of pacing: when may the next calls of a key happen? Pure, tested by examples.

Two windows hold at once. The second is spread: after a small burst, slots follow each other evenly, so that
no second ever holds more than allowed. The minute is counted: slots given away in each of the seconds
that may still count.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.feishu.endpoint import Rate

BURST_SHARE = 0.1
LATE = 0.1
"""A slot may be used this many seconds after its moment; then it is lost."""

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
    """Moments at which calls may be made, and what is known about the key after them."""

    slots: tuple[float, ...]
    pace: Pace


def burst(rate: Rate) -> int:
    """Return how many calls may be made at once."""
    return max(1, int((rate.per_second or 0) * BURST_SHARE))


def step(rate: Rate) -> float:
    """Return the seconds between two slots; 0 when only the minute is limited."""
    if not rate.per_second:
        return 0.0
    # In any second fall the burst, the slots of that second, and those used late from just before it.
    return (1.0 + LATE) / max(1, rate.per_second - burst(rate))


def next_slot(pace: Pace, rate: Rate, at: float) -> float:
    """Return when a call may be made that is wanted at a moment, without taking the slot."""
    return _start(pace, rate, at)[0]


def reserve(pace: Pace, rate: Rate, at: float, wanted: int) -> Grant:
    """Take up to ``wanted`` slots, one at least.

    Args:
        pace: what is known about the key.
        rate: its limits.
        at: earliest moment; seconds since 1970.
        wanted: how many slots at most.
    """
    start, room = _start(pace, rate, at)
    spacing = step(rate)
    count = max(1, min(wanted, room))
    # The slots of a burst lie in the past: they are used from now on.
    slots = tuple(max(at, start + index * spacing) for index in range(count))
    recent: dict[int, int] = {}
    if rate.per_minute is not None:
        recent = {second: taken for second, taken in pace.recent.items() if second > at - MINUTE}
        for slot in slots:
            recent[math.floor(slot)] = recent.get(math.floor(slot), 0) + 1
    return Grant(slots, Pace(start + count * spacing, recent))


def _start(pace: Pace, rate: Rate, at: float) -> tuple[float, int]:
    """Return when the next slot begins and how many there are from then on, as far as the minute goes."""
    start, room = _minute(pace.recent, rate.per_minute, at)
    if rate.per_second:
        # A key left alone may catch up by a burst, not by all the slots it let pass.
        start = max(pace.free_at, start - (burst(rate) - 1) * step(rate))
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
