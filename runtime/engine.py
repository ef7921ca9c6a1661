"""The durable engine (worker process). Being built; the names are the contract's."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from runtime.db import Database
from runtime.ids import WorkId

T = TypeVar("T")


class JobRun:
    """One run of a job."""

    id: WorkId

    def step(self, name: str, fn: Callable[[], T]) -> T:
        """Run once and record the result."""
        raise NotImplementedError

    def attempt(
        self, name: str, fn: Callable[[], T], *, lookup: Callable[[], T | None] | None = None, tries: int = 8
    ) -> T:
        """Run with retries."""
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        """Sleep durably."""
        raise NotImplementedError


class Engine:
    """Performs work."""

    def __init__(self, db: Database, *, instance: str) -> None:
        raise NotImplementedError

    def register(self, job: str, fn: Callable[[JobRun, Mapping[str, Any]], None]) -> None:
        """Register a job."""

    def launch(self) -> None:
        """Start."""

    def close(self) -> None:
        """Stop."""
