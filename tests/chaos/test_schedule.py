"""A seed is a day: the same one again, another one otherwise, and over many seeds every kind of fault."""

from collections import Counter

import pytest

from tests.chaos.faults import Faults
from tests.chaos.ground import SETTINGS
from tests.chaos.schedule import Schedule, draw

ONLY = {"sqlite": {"disk_slow"}, "postgres": {"postgres_restart"}}


def drawn(seed: int, setting: str) -> Schedule:
    return draw(seed, setting, SETTINGS[setting], length=14.0, count=10)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_same_seed_draws_the_same_day(setting: str) -> None:
    """And a hundred seeds draw a hundred days, each with a kill and a cut, in order, within the day."""
    days = [drawn(seed, setting) for seed in range(100)]
    assert days == [drawn(seed, setting) for seed in range(100)]
    assert len({day.faults for day in days}) == 100
    for day in days:
        kinds = Counter(fault.kind for fault in day.faults)
        assert kinds["kill"] >= 1
        assert kinds["cut"] >= 1
        moments = [fault.at for fault in day.faults]
        assert moments == sorted(moments)
        assert 0 < moments[0] <= moments[-1] <= 14.0


@pytest.mark.parametrize("setting", SETTINGS)
def test_fifty_seeds_draw_every_kind_and_every_line(setting: str) -> None:
    """What the campaign can break is broken in it; every kind can be carried out and said."""
    faults = [fault for seed in range(1, 51) for fault in drawn(seed, setting).faults]
    other = next(name for name in SETTINGS if name != setting)
    kinds = {
        "kill", "stall", "cut", "refuse", "platform_clock", "clock_step", "disk_full", "disk_slow",
        "sandbox_restart", "postgres_restart",
    }  # fmt: skip
    assert {fault.kind for fault in faults} == kinds - ONLY[other]
    lines = {"feishu", "ads", "shop", "erp", "images", "inbound"} | (
        {"database"} if setting == "postgres" else set()
    )
    assert {fault.target for fault in faults if fault.kind == "cut"} == lines
    assert {fault.how for fault in faults if fault.kind == "kill"} == {
        "worker",
        "web",
        "web-server",
        "painter",
        "all",
    }
    assert {fault.target for fault in faults if fault.kind == "kill"} == set(SETTINGS[setting])
    assert all(callable(getattr(Faults, kind)) for kind in kinds)
    assert all(str(fault).strip() for fault in faults)
