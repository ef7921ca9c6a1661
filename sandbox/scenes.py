"""A day in scenes, as the company's people play it: what happened, how long did it take, did it pass?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sandbox.office import Watch

Scene = Callable[[], str | tuple[str, float]]
"""Says what happened, perhaps with the milliseconds people waited; raises when it went wrong."""
GONE_WRONG = (AssertionError, AttributeError, LookupError, TimeoutError, RuntimeError, OSError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of a day's report; ``ms`` is the time people waited."""

    scene: str
    happened: str
    ms: float
    passed: bool


def _silent(_outcome: Outcome) -> None:
    return


@dataclass(kw_only=True)
class Script:
    """What every played day does with its scenes.

    Args:
        told: called with each outcome as it comes.
    """

    told: Callable[[Outcome], None] = _silent
    outcomes: list[Outcome] = field(default_factory=list, init=False)

    def perform(self, scenes: Iterable[tuple[str, Scene]]) -> bool:
        """Play scenes in order; a failed one does not stop the day. True when all passed."""
        for title, scene in scenes:
            watch = Watch()
            try:
                said = scene()
                happened, ms = said if isinstance(said, tuple) else (said, watch.ms)
                outcome = Outcome(title, happened, ms, passed=True)
            except GONE_WRONG as error:
                outcome = Outcome(title, f"{type(error).__name__}: {error}", watch.ms, passed=False)
            self.outcomes.append(outcome)
            self.told(outcome)
        return all(outcome.passed for outcome in self.outcomes)


def check(right: bool, otherwise: str) -> None:
    """Fail a scene with a sentence."""
    if not right:
        raise AssertionError(otherwise)
