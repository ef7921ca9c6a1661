"""A run takes the same path again when it is resumed: results, errors and waits are recorded."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from runtime.clock import ManualClock
from runtime.errors import PermanentError, TransientError, UnknownOutcome
from runtime.ids import WorkId
from runtime.jobrun import JobRun, Slots, Stopped


class NotThere(PermanentError):  # noqa: N818 - named as our own errors are
    """A package's own error, with something a handler wants to know."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class Notebook:
    """Records steps by their order, as the engine does, in JSON."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.position = 0

    def __call__(self, name: str, fn: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Give what is written at this position, or write it."""
        if self.position < len(self.lines):
            recorded, text = self.lines[self.position]
            assert recorded == name
        else:
            text = json.dumps(fn())
            self.lines.append((name, text))
        self.position += 1
        found: dict[str, Any] = json.loads(text)
        return found


def make_run(notebook: Notebook, *, resumed: bool = False) -> JobRun:
    """A run that records into a notebook, from its first line."""
    notebook.position = 0
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    return JobRun(
        WorkId("w"), record=notebook, slots=OpenSlots(), clock=clock, resumed=resumed, first_wait=0.001
    )


class OpenSlots(Slots):
    """Slots for a run that is not inside an engine."""

    def __init__(self) -> None:
        super().__init__(1)

    def rest(self, seconds: float) -> None:
        """Do not wait."""


def test_a_resumed_run_gets_the_recorded_result() -> None:
    """The step's function is not called again."""
    notebook, calls = Notebook(), []
    assert make_run(notebook).step("s", lambda: calls.append(1) or {"n": 1}) == {"n": 1}
    assert make_run(notebook, resumed=True).step("s", lambda: calls.append(1) or {"n": 2}) == {"n": 1}
    assert calls == [1]


def test_the_first_run_sees_results_as_a_resumed_one_would() -> None:
    """A tuple comes back as a list at once, so that no job works only until its first restart."""
    assert make_run(Notebook()).step("s", lambda: (1, 2)) == [1, 2]


def test_a_recorded_refusal_is_raised_again_as_the_same_error() -> None:
    """A job that handles `NotThere` takes the same branch when it is resumed, with the error's facts."""
    notebook, calls = Notebook(), []

    def call() -> None:
        calls.append(1)
        msg = "No such plan."
        raise NotThere(msg, code=404)

    for resumed in (False, True):
        with pytest.raises(NotThere, match="No such plan") as caught:
            make_run(notebook, resumed=resumed).attempt("call", call)
        assert caught.value.code == 404
    assert calls == [1]


def test_a_bug_is_not_recorded_as_a_result() -> None:
    """After the fix is deployed the step runs, instead of replaying the bug."""
    notebook = Notebook()

    def bug() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        make_run(notebook).step("s", bug)
    assert notebook.lines == []
    assert make_run(notebook).step("s", lambda: "fixed") == "fixed"


def test_a_busy_database_is_a_transient_error() -> None:
    """A lock that could not be had in time is tried again, not parked."""
    outcomes = [OperationalError("s", {}, Exception("database is locked")), None]

    def call() -> str:
        error = outcomes.pop(0)
        if error:
            raise error
        return "ok"

    assert make_run(Notebook()).attempt("call", call) == "ok"


def test_a_step_whose_database_was_away_is_done_when_it_is_back() -> None:
    """Nothing is recorded: the work would be given up for a disk that was full for a moment."""
    notebook, failures = Notebook(), [OperationalError("INSERT", {}, Exception("disk is full"))]

    def write() -> str:
        if failures:
            raise failures.pop()
        return "written"

    with pytest.raises(OperationalError):
        make_run(notebook).step("s", write)
    assert notebook.lines == []
    assert make_run(notebook, resumed=True).step("s", write) == "written"


def test_a_resumed_run_looks_up_before_its_first_new_call() -> None:
    """The worker died, so the call may have happened without being recorded."""
    calls: list[str] = []
    run = make_run(Notebook(), resumed=True)
    found = run.attempt("order", lambda: calls.append("call") or "new", lookup=lambda: "old")
    assert (found, calls) == ("old", [])
    assert run.attempt("next", lambda: calls.append("call") or "new", lookup=lambda: "old") == "new"


def test_a_fresh_run_does_not_look_up() -> None:
    """The look-up costs a call; without doubt there is none."""
    assert make_run(Notebook()).attempt("order", lambda: "new", lookup=lambda: pytest.fail("asked")) == "new"


def test_doubt_stays_while_the_look_up_is_refused() -> None:
    """When the look-up itself is busy, the next try looks up again instead of sending."""
    sent: list[str] = []
    answers: list[str | None] = [None, "found"]

    def send() -> str:
        sent.append("x")
        msg = "No answer."
        raise UnknownOutcome(msg)

    def look() -> str | None:
        answer = answers.pop(0)
        if answer is None:
            msg = "Busy."
            raise TransientError(msg)
        return answer

    assert make_run(Notebook()).attempt("order", send, lookup=look) == "found"
    assert sent == ["x"]


def test_the_last_try_raises_its_own_error() -> None:
    """The sentence people read is the last refusal, not `tries used up`."""

    def call() -> None:
        msg = "The base is busy."
        raise TransientError(msg, wait=0.0)

    with pytest.raises(TransientError, match="The base is busy"):
        make_run(Notebook()).attempt("call", call, tries=2)


def test_a_sleep_that_a_wrong_clock_recorded_is_no_longer_than_it_was_meant() -> None:
    """Its end was written an hour ahead; resumed with the clock right, it lasts its two seconds."""
    notebook, slots = Notebook(), CountingSlots()
    for hour in (2, 1):
        notebook.position = 0
        clock = ManualClock(datetime(2026, 1, 1, hour, tzinfo=UTC))
        JobRun(
            WorkId("w"), record=notebook, slots=slots, clock=clock, resumed=hour == 1, first_wait=0.001
        ).sleep(2.0)
    assert slots.rested == [2.0, 2.0]


class CountingSlots(Slots):
    """Slots that note how long somebody would rest."""

    def __init__(self) -> None:
        super().__init__(1)
        self.rested: list[float] = []

    def rest(self, seconds: float) -> None:
        """Note it."""
        self.rested.append(seconds)


def test_nobody_enters_and_sleepers_leave_when_the_worker_stops() -> None:
    """Stopping raises `Stopped`, which no job takes for a failure."""
    slots = Slots(1)
    slots.stop(0)

    def enter() -> None:
        with slots.use():
            pytest.fail("entered")

    with pytest.raises(Stopped):
        enter()
    assert not issubclass(Stopped, Exception)


class Outbox:
    """A job's own tables: what was noted, and a platform that may fail."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.calls: list[str] = []
        self.noted: list[object] = []

    def send(self) -> object:
        """Give the next answer, or raise it."""
        self.calls.append("send")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def find(self) -> object:
        """Nothing was sent before."""
        self.calls.append("find")


def test_a_delivery_is_noted_by_the_job_and_not_by_the_engine() -> None:
    """The engine records only waits; a failed try is made again, a doubt looked up first."""
    box, notebook = Outbox(TransientError("busy", wait=0.0), UnknownOutcome("?"), {"id": 7}), Notebook()
    make_run(notebook).deliver("send", box.send, box.noted.append, lookup=box.find)
    assert box.noted == [{"id": 7}]
    assert box.calls == ["send", "send", "find", "send"]
    assert {name for name, _ in notebook.lines} == {"sleep"}


def test_a_delivery_that_was_not_noted_when_the_worker_died_is_looked_up() -> None:
    """After the next start what may have happened is asked for first."""
    box = Outbox({"id": 7})
    make_run(Notebook(), resumed=True).deliver("send", box.send, box.noted.append, lookup=lambda: {"id": 1})
    assert (box.calls, box.noted) == ([], [{"id": 1}])


def test_a_note_that_meets_a_busy_database_is_made_again_and_nothing_is_sent_twice() -> None:
    """Our own database's trouble never repeats the call."""
    box, failures = Outbox({"id": 7}), [OperationalError("UPDATE", {}, Exception("locked"))]

    def note(result: object) -> None:
        if failures:
            raise failures.pop()
        box.noted.append(result)

    make_run(Notebook()).deliver("send", box.send, note)
    assert (box.calls, box.noted) == (["send"], [{"id": 7}])
