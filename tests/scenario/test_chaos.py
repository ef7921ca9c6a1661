"""A seed of the fault campaign on each database.

`make chaos` plays fifty of each. CHORUS_CHAOS_SEED repeats one here; CHORUS_TEST_SHARE shortens the day.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.campaign import SHORT, Form, Verdict, play
from tests.chaos.ground import SETTINGS, Ground
from tests.scenario import support_kill as support
from tests.support.share import SHARE

pytestmark = [
    pytest.mark.process,
    pytest.mark.kill,
    pytest.mark.timeout(600),
]

WHOLE = min(SHARE, 1)
FORM = Form(max(5.0, SHORT.length * WHOLE), max(4, round(SHORT.count * WHOLE)))
PLAYED = tuple(SETTINGS) if WHOLE == 1 else ("sqlite",)
"""Where time is short, two instances on PostgreSQL are left to `make test` and `make chaos`."""


@pytest.fixture(scope="module", params=PLAYED)
def verdict(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verdict]:
    """A day on SQLite with one instance, and one on PostgreSQL with two, of a seed that is printed."""
    setting = str(request.param)
    seed = int(os.environ.get("CHORUS_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    support.tell(f"CHORUS_CHAOS_SEED={seed} on {setting}")
    ground = Ground(Path(tmp_path_factory.mktemp("chaos")) / setting, setting)
    try:
        ground.open()
        yield play(ground, seed, FORM)
    finally:
        ground.close()


def test_nothing_is_lost_double_or_wrong_after_a_day_of_faults(verdict: Verdict) -> None:
    """Whatever was killed, cut, refused, stalled or set wrong: the evening is what the model says."""
    for line in verdict.schedule.lines():
        support.tell(f"  {line}")
    assert verdict.findings == []
    assert verdict.struck
