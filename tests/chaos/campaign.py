"""One seed from morning to verdict."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.evening import Evening, gather
from tests.chaos.faults import Faults
from tests.chaos.ground import Ground
from tests.chaos.oracle import judge
from tests.chaos.schedule import Schedule, draw
from tests.chaos.story import PARTS, Day
from tests.chaos.world import World

BUSY = float(os.environ.get("SANDBOX_PATIENCE", "1"))
"""How many times as long everybody waits on a busy machine, as in ``sandbox.client.until``."""
PATIENCE = 150.0 * BUSY
"""Seconds anybody waits for anything, while things fail and afterwards."""
REST = 120.0 * BUSY
"""Seconds after the day within which all must be well."""
QUIET = 6.0
"""Seconds for which it must stay well: two rounds of every pull and check."""


@dataclass(frozen=True)
class Form:
    """How long a day is.

    Attributes:
        length: seconds over which things happen and faults begin.
        count: how many faults.
        parts: what goes on; see ``story.Day.parts``.
    """

    length: float
    count: int
    parts: tuple[str, ...] = PARTS


SHORT = Form(14.0, 10)
LONG = Form(90.0, 60)


@dataclass
class Verdict:
    """What came of a seed."""

    seed: int
    schedule: Schedule
    findings: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    took: dict[str, float] = field(default_factory=dict)
    starts: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def play(
    ground: Ground,
    seed: int,
    form: Form,
    *,
    faults: bool = True,
    look: Callable[[Evening], None] | None = None,
) -> Verdict:
    """Play a seed's day and judge it.

    Args:
        ground: opened.
        seed: of faults, moments and amounts.
        form: how long.
        faults: False plays the same day with nothing going wrong.
        look: called with the last evening the oracle saw.
    """
    count = form.count if faults else 0
    schedule = draw(seed, ground.setting, ground.instances, length=form.length, count=max(count, 2))
    if not faults:
        schedule = Schedule(seed, ground.setting, (), duplicate=False, shuffle=False)
    verdict = Verdict(seed, schedule)
    world = World(ground, ground.folder / f"seed-{seed}", f"seed_{seed}_{time.time_ns()}")
    clock = time.monotonic()

    def lap(what: str) -> None:
        nonlocal clock
        now = time.monotonic()
        verdict.took[what], clock = now - clock, now

    with world.running():
        lap("start")
        first = next(iter(world.init.stages.values()))
        day = Day(
            world.hands,
            ground.facts,
            first.run,
            f"{ground.setting}/{seed}",
            length=form.length,
            patience=PATIENCE,
        )
        trouble = Faults(world, schedule)
        trouble.start()
        try:
            failed = day.play(form.parts)
            lap("day")
            trouble.join()
        finally:
            day.waits.over.set()
            trouble.mend()
        verdict.struck, verdict.missed = trouble.struck, trouble.missed
        verdict.findings = _rest(world, day, look)
        verdict.findings = [f"stuck: {name}: {why}" for name, why in failed.items()] + verdict.findings
        verdict.findings += [f"campaign: {sentence}" for sentence in trouble.broken]
        verdict.starts = world.init.starts
        lap("rest")
    lap("end")
    return verdict


def _rest(world: World, day: Day, look: Callable[[Evening], None] | None) -> list[str]:
    """Judge until there is nothing to say for a while, or until the patience is over."""
    deadline = time.monotonic() + REST
    well: float | None = None
    names = {str(person["open_id"]): str(person["name"]) for person in day.office.people}
    keys = next(iter(world.init.stages.values())).pay_keys()
    address = world.ground.address(world.folder, world.name)
    while True:
        evening = gather(day.office, world.ledger, address, keys, world.logs(), names)
        found = judge(day.expected, evening)
        now = time.monotonic()
        if found:
            well = None
        elif well is None:
            well = now
        if (well is not None and now - well >= QUIET) or now > deadline:
            if look is not None:
                look(evening)
            return found
        threading.Event().wait(1.0)
