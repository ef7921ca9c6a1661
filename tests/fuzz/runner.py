"""Runs a target on many inputs: nothing may crash, and nothing may take longer than a second.

An input is made from (seed, target, number), so every finding can be made again: `python -m tests.fuzz
--only NAME --seed SEED --number N`.
"""

from __future__ import annotations

import faulthandler
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HANG = 1.0
"""Seconds an input may take."""
STUCK = 120
"""Seconds after which a run that answers nothing shows where it stands, and ends."""


@dataclass(frozen=True)
class Target:
    """Something that reads what others write.

    Attributes:
        name: one word.
        make: makes an input.
        run: gives the input to the product and one word for what it said; whatever it raises is a crash.
        share: how many of a thousand inputs it gets.
    """

    name: str
    make: Callable[[random.Random], Any]
    run: Callable[[Any], str]
    share: int


@dataclass(frozen=True)
class Finding:
    """An input that must not do what it does."""

    number: int
    what: str
    given: Any

    def __str__(self) -> str:
        return f"#{self.number} {self.what}: {repr(self.given)[:600]}"


@dataclass
class Report:
    """What a target did."""

    name: str
    count: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_number: int = 0
    said: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def __str__(self) -> str:
        said = ", ".join(f"{word} {count:,}" for word, count in self.said.most_common(6))
        return (
            f"{self.name:<11}{self.count:>9,} inputs in {self.seconds:6.0f} s, slowest "
            f"{self.slowest * 1000:6.1f} ms (#{self.slowest_number}), {len(self.findings)} findings; {said}"
        )


def number(target: Target, seed: str, place: int) -> Any:
    """The input of a place."""
    return target.make(random.Random(f"{seed}:{target.name}:{place}"))


def fuzz(target: Target, count: int, seed: str, *, watch: bool = False) -> Report:
    """Give a target its inputs.

    Args:
        target: what is tried.
        count: how many inputs.
        seed: other words, other inputs.
        watch: end the process with a traceback when an input never comes back.
    """
    report, began = Report(target.name), time.perf_counter()
    for place in range(count):
        if watch and place % 200 == 0:
            faulthandler.dump_traceback_later(STUCK, exit=True)
        given = number(target, seed, place)
        took, said = _once(target, given)
        if took > HANG:  # a busy machine is no finding: the better of two counts
            took = min(took, _once(target, given)[0])
        if took > report.slowest:
            report.slowest, report.slowest_number = took, place
        if took > HANG:
            report.findings.append(Finding(place, f"{took:.1f} s", given))
        if isinstance(said, Exception):
            report.findings.append(Finding(place, f"{type(said).__name__}: {said}"[:300], given))
        else:
            report.said[said] += 1
    faulthandler.cancel_dump_traceback_later()
    report.count, report.seconds = count, time.perf_counter() - began
    return report


def _once(target: Target, given: Any) -> tuple[float, str | Exception]:
    began = time.perf_counter()
    try:
        said: str | Exception = target.run(given)
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        said = error
    return time.perf_counter() - began, said
