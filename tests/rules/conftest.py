"""Fixtures of the red lines' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.db import Database
from tests.rules.kit import House


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    """Red lines on a real database."""
    built = House(database, tmp_path)
    yield built
    built.close()
