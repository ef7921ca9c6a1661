"""The arithmetic of pacing."""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtime.feishu import slots
from runtime.feishu.endpoint import MESSAGES, PER_MINUTE_10, RECEIVER, Rate

START = 1_700_000_000.0


def within(moments: list[float], seconds: float) -> int:
    """The largest number of moments in any window of this length."""
    return max((sum(1 for other in moments if one <= other < one + seconds) for one in moments), default=0)


class Tardy(Random):
    """Every slot is used as late as it may be."""

    def choice(self, seq):
        """Take the last of the choices."""
        return seq[-1]


@settings(max_examples=60, deadline=None)
@example(rate=PER_MINUTE_10, chance=Tardy(), gaps=[(1.875, 1), (0.0625, 1), (1.0, 8), (0.0, 2)])
@given(
    rate=st.sampled_from([MESSAGES, RECEIVER, PER_MINUTE_10, Rate(per_second=10), Rate(7, 20)]),
    chance=st.randoms(use_true_random=False),
    gaps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 12)), min_size=1, max_size=60),
)
def test_no_window_ever_holds_more_than_allowed(
    rate: Rate, chance: Random, gaps: list[tuple[float, int]]
) -> None:
    """Whatever is asked for and when, no second and no minute gets more slots than the rate allows."""
    pace, now, taken = slots.Pace(), START, []
    for gap, wanted in gaps:
        now += gap
        grant = slots.reserve(pace, rate, now, wanted)
        pace = grant.pace
        # A slot in the past is used at once, any other a little late at most.
        taken += [max(now, moment + chance.choice([0.0, slots.LATE])) for moment in grant.slots]
    if rate.per_second:
        assert within(taken, 1.0) <= rate.per_second
    if rate.per_minute:
        assert within(taken, 60.0) <= rate.per_minute


def test_an_idle_key_starts_at_once() -> None:
    """The first call after a pause never waits."""
    assert slots.next_slot(slots.Pace(free_at=START - 100), RECEIVER, START) <= START


def test_a_busy_key_gets_nearly_its_whole_rate() -> None:
    """Pacing costs little: 50 a second gives at least 38 a second in the long run."""
    pace = slots.Pace()
    for _ in range(40):
        grant = slots.reserve(pace, Rate(per_second=50), START, 10)
        pace = grant.pace
    assert pace.free_at - START < 400 / 38


def test_a_full_minute_waits_for_its_oldest_second() -> None:
    """The eleventh call of a minute waits until the first is a minute old."""
    pace = slots.Pace()
    for _ in range(10):
        pace = slots.reserve(pace, PER_MINUTE_10, START, 1).pace
    assert 60 <= slots.next_slot(pace, PER_MINUTE_10, START) - START <= 62
