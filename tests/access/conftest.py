"""The company that access is tried at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.db import Database
from tests.access.world import World, open_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """One thing of everything, nobody signed in."""
    made = open_world(database, tmp_path)
    yield made
    made.close()
