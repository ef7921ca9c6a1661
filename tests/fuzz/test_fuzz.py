"""The fuzzers in a small way, the same inputs in every run; `make fuzz` runs a million."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from runtime import log
from runtime.db import Database
from tests.fuzz.depth import FILES, depth
from tests.fuzz.runner import Target, fuzz
from tests.fuzz.targets import open_targets
from tests.support.share import sized

pytestmark = pytest.mark.db
NAMES = ("envelope", "webhook", "card", "formula", "expression", "excel")
(COUNT,) = sized(20_000, least=0.3)
LEAST = 0.6
"""Of the lines of a file; most files are far above it."""


@pytest.fixture
def targets(database: Database, tmp_path: Path) -> Iterator[dict[str, Target]]:
    """All targets by name."""
    with (tmp_path / "log").open("w") as quiet, open_targets(tmp_path, database) as made:
        log.configure("error", quiet)
        yield {target.name: target for target in made}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_crashes_or_hangs(targets: dict[str, Target], name: str) -> None:
    """No exception, no answer of 500 and above, no second of time; and inputs reach different answers."""
    assert set(targets) == set(NAMES)
    report = fuzz(targets[name], COUNT * targets[name].share // 1000, "ci")
    assert [str(finding) for finding in report.findings] == []
    assert len(report.said) >= 2, report.said


@pytest.mark.parametrize("name", NAMES)
def test_inputs_get_past_the_door(targets: dict[str, Target], name: str) -> None:
    """Most lines of what a target is for are run: inputs that all end at the first check prove nothing.

    What is left are faults of our own database, and options that no file or card can set.
    """
    shares = {each.file: each.share for each in depth(targets[name], 1500, "depth")}
    assert set(shares) == set(FILES[name])
    assert {file for file, share in shares.items() if share < LEAST} == set()


def test_the_runner_finds_what_it_looks_for() -> None:
    """A crash and a hang among a hundred inputs are told, and can be made again by their numbers."""

    def run(given: int) -> str:
        if given % 10 == 3:
            raise KeyError(given)
        if given == 50:
            began = time.perf_counter()
            while time.perf_counter() - began < 0.02:
                pass
        return "fine"

    places = iter(range(1000))
    found = fuzz(Target("planted", lambda _rng: next(places), run, 1), 40, "x")
    assert [finding.number for finding in found.findings] == [3, 13, 23, 33]
    assert found.said["fine"] == 36
    assert fuzz(Target("slow", lambda _rng: 50, run, 1), 1, "x").slowest >= 0.02


def test_a_number_makes_the_same_input_again(targets: dict[str, Target]) -> None:
    """Two makings of one place are one input, another place is another."""
    make = targets["expression"].make
    assert make(Random("a")) == make(Random("a"))
    assert make(Random("a")) != make(Random("b"))
