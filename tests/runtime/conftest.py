"""Fixtures of the floor's tests."""

from collections.abc import Callable, Iterator

import pytest

from runtime.db import Database
from runtime.engine import Engine
from runtime.work import WorkQueue


@pytest.fixture
def queue(database: Database) -> WorkQueue:
    """The way in for work."""
    return WorkQueue(database)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """An engine that is closed after the test; the test registers jobs and launches it."""
    made = Engine(database, instance="test-1", first_wait=0.02)
    yield made
    made.close(drain=5)


@pytest.fixture
def new_engine(database: Database) -> Iterator[Callable[..., Engine]]:
    """Make engines one after the other; the last one is closed after the test."""
    made: list[Engine] = []

    def make(**options: object) -> Engine:
        made.append(Engine(database, **{"instance": "test-1", "first_wait": 0.02, **options}))
        return made[-1]

    yield make
    made[-1].close(drain=5)
