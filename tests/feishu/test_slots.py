"""The arithmetic of pacing."""

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtime.feishu import slots
from runtime.feishu.endpoint import MESSAGES, PER_MINUTE_10, PER_SECOND_20, RECEIVER, Rate

START = 1_700_000_000.0


def within(moments: list[float], seconds: float) -> int:
    """The largest number of moments in any window of this length."""
    return max((sum(1 for other in moments if one <= other < one + seconds) for one in moments), default=0)


class Tardy(Random):
    """Every slot is used as late as it may be."""

    def uniform(self, a, b):
        """Take the end."""
        return b


class Alternating(Random):
    """One slot is used as late as it may be, the next ones at once: the densest a second can become."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = 0

    def uniform(self, a, b):
        """Take the end once, then the beginning."""
        self.turn += 1
        return b if self.turn == 1 else a


@settings(max_examples=150, deadline=None)
@example(rate=PER_MINUTE_10, chance=Tardy(), gaps=[(1.875, 1), (0.0625, 1), (1.0, 8), (0.0, 2)])
@example(rate=PER_SECOND_20, chance=Alternating(), gaps=[(0.0, 1)] * 60)
@example(rate=MESSAGES, chance=Alternating(), gaps=[(3.0, 12)] + [(0.0, 12)] * 20)
@given(
    rate=st.sampled_from(
        [MESSAGES, RECEIVER, PER_SECOND_20, PER_MINUTE_10, Rate(per_second=10), Rate(7, 20)]
    ),
    chance=st.randoms(use_true_random=False),
    gaps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 12)), min_size=1, max_size=60),
)
def test_no_window_ever_holds_more_than_allowed(
    rate: Rate, chance: Random, gaps: list[tuple[float, int]]
) -> None:
    """Whatever is asked for and when, no second and no minute gets more calls than the rate allows."""
    pace, now, taken = slots.Pace(), START, []
    for gap, wanted in gaps:
        now += gap
        at = slots.next_slot(pace, rate, now)
        grant = slots.reserve(pace, rate, at, wanted)
        pace = grant.pace
        # A slot is used at any moment of its life, but not before the moment it was asked for.
        taken += [chance.uniform(max(at, slot), slot + slots.LATE) for slot in grant.slots]
    if rate.per_second:
        assert within(taken, 1.0) <= rate.per_second
    if rate.per_minute:
        assert within(taken, 60.0) <= rate.per_minute


def test_an_idle_key_starts_at_once() -> None:
    """The first call after a pause never waits."""
    assert slots.next_slot(slots.Pace(free_at=START - 100), RECEIVER, START) <= START


@pytest.mark.parametrize("rate", [RECEIVER, PER_SECOND_20, Rate(per_second=50)])
def test_a_busy_key_gets_nearly_its_whole_rate(rate: Rate) -> None:
    """Pacing costs a twentieth: 200 calls one after another take at most 5.1 % longer than is allowed."""
    pace, now = slots.Pace(), START
    for _ in range(200):
        now = slots.next_slot(pace, rate, now)
        pace = slots.reserve(pace, rate, now, 1).pace
    assert now - START <= 200 / (rate.per_second or 1) * 1.051


def test_a_full_minute_waits_for_its_oldest_second() -> None:
    """The eleventh call of a minute waits until the first is a minute old."""
    pace = slots.Pace()
    for _ in range(10):
        pace = slots.reserve(pace, PER_MINUTE_10, START, 1).pace
    assert 60 <= slots.next_slot(pace, PER_MINUTE_10, START) - START <= 62
