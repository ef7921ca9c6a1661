"""What the tests of images share: one painter for the session, image models, a stage for each file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from creative.painter import Painter
from creative.providers.model import ImageModel, Kind
from creative.providers.profiles import ARK, QWEN
from runtime.db import Database
from sandbox.server import SandboxServer
from tests.conftest import fresh_database
from tests.creative.models_kit import QUICK, opened_on
from tests.creative.stage import Studio, open_studio


@pytest.fixture(scope="session")
def painter() -> Iterator[Painter]:
    """One painter process for all tests: starting one takes a second of imports."""
    made = Painter(1)
    yield made
    made.close()


@pytest.fixture(scope="session")
def models(sandbox_server: SandboxServer) -> Iterator[tuple[ImageModel, ...]]:
    """Ark, and Qwen as the next in line; small pictures."""
    for opening in opened_on(sandbox_server):
        yield opening(ARK, **QUICK[Kind.ARK]), opening(QWEN, **QUICK[Kind.QWEN], timeout=5.0)


@pytest.fixture(scope="module")
def studio(
    request: pytest.FixtureRequest, sandbox_server: SandboxServer, template: Path | str,
    tmp_path_factory: pytest.TempPathFactory, painter: Painter, models: tuple[ImageModel, ...],
) -> Iterator[Studio]:  # fmt: skip
    """The whole of images, once for a file; its tests use requests of their own."""
    folder = tmp_path_factory.mktemp("studio")
    sandbox_server.world.reset("tiny", seed=1)
    options: dict[str, Any] = getattr(request.module, "STAGE", {})
    with fresh_database(request, folder, template) as url:
        database = Database(url)
        with open_studio(sandbox_server, database, folder, painter, models, **options) as made:
            yield made
        database.close()


@pytest.fixture
def calm(studio: Studio) -> Studio:
    """The stage without faults left over by another test."""
    studio.calm()
    return studio
