"""What a job sees of its own run: steps that happen once, attempts that are repeated, sleeps that survive."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Condition
from typing import Any, TypeVar, cast

from runtime.clock import Clock
from runtime.db import is_away
from runtime.errors import ChorusError, PermanentError, TransientError, UnknownOutcome
from runtime.ids import WorkId
from runtime.retry import wait_before

T = TypeVar("T")
Recorder = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]
"""Runs a function once and for ever: `(name, fn) -> result`, the recorded one if the step ran before."""


class Stopped(BaseException):
    """The worker is closing: the run is abandoned where it stands and goes on after the next start.

    Not an `Exception`, so that neither a job nor the engine takes it for a failure.
    """


class _Failed(BaseException):
    """Carries an unexpected error past the recorder, so that a bug is not recorded as a result."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Slots:
    """Bounds how many jobs are busy at once; a job that sleeps gives its slot to another.

    The bound keeps small what a kill can make happen twice; sleepers do not count, so an outage of one
    platform cannot fill the worker with jobs that only wait.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._busy = 0
        self._changed = Condition()
        self.stopping = False

    @contextmanager
    def use(self) -> Iterator[None]:
        """Hold a slot; raises `Stopped` when the worker closes first."""
        self._take()
        try:
            yield
        finally:
            self._give()

    def rest(self, seconds: float) -> None:
        """Give the slot away, wait, and take one again; raises `Stopped` when the worker closes meanwhile."""
        self._give()
        try:
            with self._changed:
                self._changed.wait_for(lambda: self.stopping, timeout=seconds)
        finally:
            self._take(even_when_stopping=True)
        if self.stopping:
            raise Stopped

    def stop(self, seconds: float) -> bool:
        """Let nobody in any more; wait up to `seconds` for the busy ones and tell whether all have gone."""
        with self._changed:
            self.stopping = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._busy == 0, timeout=seconds)

    def _take(self, *, even_when_stopping: bool = False) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or self.stopping)
            if self.stopping and not even_when_stopping:
                raise Stopped
            self._free -= 1
            self._busy += 1

    def _give(self) -> None:
        with self._changed:
            self._free += 1
            self._busy -= 1
            self._changed.notify_all()


class JobRun:
    """One run of one work. A job calls everything with a lasting effect through it.

    Steps are replayed by their order: a job must call the same steps in the same order when it runs again
    with the same results, so it decides from arguments and step results, not from time or chance.

    Attributes:
        resumed: the work was begun before and its worker died; what it kept in memory is lost.

    Args:
        work_id: the work's id; derive idempotency keys from it.
        record: the engine's recorder.
        slots: shared bound on busy jobs.
        clock: what tells the time.
        resumed: the work was begun before and its worker died; the first step that really runs may repeat
            one that already took effect.
        first_wait: first back-off of `attempt` in seconds.
    """

    def __init__(
        self,
        work_id: WorkId,
        *,
        record: Recorder,
        slots: Slots,
        clock: Clock,
        resumed: bool,
        first_wait: float,
    ) -> None:
        self.id = work_id
        self._record = record
        self._slots = slots
        self._clock = clock
        self.resumed = resumed
        self._doubtful = resumed
        self._first_wait = first_wait

    def step(self, name: str, fn: Callable[[], T]) -> T:
        """Run `fn` once and record what it gives; a run that is resumed gets the recorded result.

        Args:
            name: stable name of the step.
            fn: gives a plain JSON value. After a kill in the middle it runs again, so it must be idempotent.

        Raises:
            ChorusError: what `fn` raised; it is recorded and raised again on a resumed run.
            OperationalError and its like: our database could not be used. Let it pass: nothing is recorded,
                the work is no failure, and goes on with this step as soon as the database is there again.
        """
        return cast(T, _open(self._once(name, _not_recording_absence(fn), None, self._record)))

    def attempt(
        self,
        name: str,
        fn: Callable[[], T],
        *,
        lookup: Callable[[], T | None] | None = None,
        tries: int = 8,
    ) -> T:
        """Make an outside call until it succeeds, waiting between tries.

        A `TransientError` is tried again after its own wait or our back-off. After an `UnknownOutcome`, or
        when the worker died in the middle of the call, `lookup` is asked first whether it took effect.

        Args:
            name: stable name of the step.
            fn: the call; gives a plain JSON value.
            lookup: finds the result of an earlier try, or None. Without it `fn` is simply sent again, which
                is right only when the call carries an idempotency key.
            tries: how often at most.

        Raises:
            PermanentError: the other side refused for good.
            TransientError, UnknownOutcome: the last one, when the tries are used up; the work is then parked.
        """
        return self._until_done(name, fn, lookup, tries, self._record)

    def deliver(
        self,
        name: str,
        fn: Callable[[], T],
        note: Callable[[T], None],
        *,
        lookup: Callable[[], T | None] | None = None,
        tries: int = 8,
    ) -> None:
        """Make an outside call until it succeeds and note so in the job's own tables, recording no step.

        As `attempt` with a `step` after it, for a third of the price: the engine's records of both are left
        out. For jobs that begin by looking whether their own tables say it is done. What is not noted when
        the worker dies is in doubt after the next start, and looked up or repeated as in `attempt`.

        Args:
            name: for the log.
            fn: the call.
            note: commits, in one transaction, what `fn` gave; doing so twice changes nothing.
            lookup: see `attempt`.
            tries: see `attempt`.

        Raises:
            ChorusError: see `attempt`.
        """
        result = self._until_done(name, fn, lookup, tries, _unrecorded)
        self._until_done(name, lambda: note(result), None, tries, _unrecorded)

    def _until_done(
        self,
        name: str,
        fn: Callable[[], T],
        lookup: Callable[[], T | None] | None,
        tries: int,
        record: Recorder,
    ) -> T:
        unknown = False
        for made in range(1, tries + 1):
            outcome = self._once(name, _first_looking(fn, lookup) if unknown else fn, lookup, record)
            try:
                return cast(T, _open(outcome))
            except (TransientError, UnknownOutcome) as error:
                # A refused look-up leaves the first doubt standing.
                unknown = unknown or isinstance(error, UnknownOutcome)
                if made == tries:
                    raise
                asked = error.wait if isinstance(error, TransientError) else None
                self.sleep(wait_before(made, asked, first=self._first_wait, jitter=random.random))
        msg = f"{name!r} needs at least one try."
        raise ValueError(msg)

    def sleep(self, seconds: float) -> None:
        """Wait; after a restart, only for what is left. The lane stays closed, the slot is given away.

        For seconds and minutes. Waiting for a person takes a row of state, not a sleeping work.
        """
        moment = self._clock.now().timestamp() + seconds
        until = self._record("sleep", lambda: {"until": moment})["until"]
        # Recorded by a clock that has been set back since, it would be hours away.
        left = min(until - self._clock.now().timestamp(), seconds)
        if left > 0:
            self._slots.rest(left)

    def _once(
        self, name: str, fn: Callable[[], T], lookup: Callable[[], T | None] | None, record: Recorder
    ) -> dict[str, Any]:
        def run() -> dict[str, Any]:
            doubtful, self._doubtful = self._doubtful, False
            if not (doubtful and lookup):
                return _outcome(fn)
            outcome = _outcome(_first_looking(fn, lookup))
            self._doubtful = "error" in outcome  # a refused look-up leaves the doubt standing
            return outcome

        try:
            return record(name, run)
        except _Failed as failed:
            raise failed.cause from None


def _unrecorded(_name: str, fn: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return fn()


def _not_recording_absence(fn: Callable[[], T]) -> Callable[[], T]:
    def call() -> T:
        try:
            return fn()
        except Exception as error:
            if is_away(error):
                raise _Failed(error) from error
            raise

    return call


def _first_looking(fn: Callable[[], T], lookup: Callable[[], T | None] | None) -> Callable[[], T]:
    def call() -> T:
        found = lookup() if lookup else None
        return fn() if found is None else found

    return call


def _outcome(fn: Callable[[], Any]) -> dict[str, Any]:
    """Run and turn what happened into plain JSON, so that a resumed run takes the very same path."""
    try:
        value = fn()
        return {"value": json.loads(json.dumps(value, allow_nan=False))}
    except ChorusError as error:
        return {"error": _pack(error)}
    except Exception as error:
        if is_away(error):
            cause = getattr(error, "orig", None) or error
            return {
                "error": _pack(TransientError(f"The database could not be used ({type(cause).__name__})."))
            }
        raise _Failed(error) from error


def _open(outcome: Mapping[str, Any]) -> Any:
    if "error" in outcome:
        raise _unpack(outcome["error"])
    return outcome["value"]


def _pack(error: ChorusError) -> dict[str, Any]:
    state = {
        key: value
        for key, value in vars(error).items()
        if isinstance(value, str | int | float | bool | None) and not key.startswith("_")
    }
    kind = type(error)
    return {"class": f"{kind.__module__}.{kind.__qualname__}", "message": str(error), "state": state}


def _unpack(packed: Mapping[str, Any]) -> ChorusError:
    kind = _known_errors().get(packed["class"], PermanentError)
    error = kind.__new__(kind, packed["message"])
    error.args = (packed["message"],)
    vars(error).update(packed["state"])
    if isinstance(error, TransientError) and "wait" not in packed["state"]:
        error.wait = None
    return error


def _known_errors() -> dict[str, type[ChorusError]]:
    found: dict[str, type[ChorusError]] = {}
    waiting: list[type[ChorusError]] = [ChorusError]
    while waiting:
        kind = waiting.pop()
        found[f"{kind.__module__}.{kind.__qualname__}"] = kind
        waiting.extend(kind.__subclasses__())
    return found
