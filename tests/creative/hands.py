"""The worker's works done by hand, one after another: a test may stop anywhere, crash, and go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from runtime.clock import Clock
from runtime.db import Database
from runtime.ids import WorkId
from runtime.jobrun import JobRun, Slots
from runtime.work import Work, WorkQueue


class Hands(WorkQueue):
    """Queue and engine in one; what is put waits until `perform` is called.

    Args:
        db: the durable database.
        clock: the time of the stage.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self.clock = clock
        self.jobs: dict[str, Callable[[JobRun, Mapping[str, Any]], None]] = {}
        self.waiting_works: list[Work] = []
        self.given_up: list[tuple[Work, Exception]] = []
        self._seen: set[str] = set()

    def put(self, conn: Connection, *works: Work) -> None:
        """Add work; an id already known is ignored."""
        for work in works:
            if work.id not in self._seen:
                self._seen.add(work.id)
                self.waiting_works.append(work)

    def register(self, job: str, fn: Callable[[JobRun, Mapping[str, Any]], None]) -> None:
        """Say what performs the works of a job."""
        self.jobs[job] = fn

    def launch(self) -> None:
        """Nothing begins by itself."""

    def close(self, *, drain: float = 0) -> None:
        """Nothing runs."""

    def take(self, job: str) -> list[Work]:
        """Take away the waiting works of a job."""
        taken = [work for work in self.waiting_works if work.job == job]
        self.waiting_works = [work for work in self.waiting_works if work.job != job]
        return taken

    def perform(self, until: str = "") -> None:
        """Do everything that waits, and what follows; stop before the first work of the job ``until``."""
        while self.waiting_works and self.waiting_works[0].job != until:
            self.do(self.waiting_works.pop(0))

    def do(self, work: Work, *, resumed: bool = False) -> None:
        """One work; one that gives up is kept like a parked one. ``resumed``: its worker died before."""
        run = JobRun(
            WorkId(work.id), record=lambda _name, fn: fn(), slots=Slots(1), clock=self.clock, resumed=resumed,
            first_wait=0.005,
        )  # fmt: skip
        try:
            self.jobs[work.job](run, work.args)
        except Exception as error:  # noqa: BLE001 - as the engine, which parks whatever a job raises
            self.given_up.append((work, error))
