"""Migrations while the database is used: code of the version before goes on with the schema of the next."""

import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa

from runtime import tables
from runtime.clock import SystemClock
from runtime.db import Database, migrate
from runtime.errors import ConfigError
from runtime.health import standard_checks
from runtime.migrations import run, stamp
from tests.support.schema import look, narrowed
from tests.support.wait import until

pytestmark = pytest.mark.db

BASELINE = stamp.FIRST
"""From here on a migration only adds, or says why it does not and which code it needs."""


@pytest.fixture
def step(database_url: str) -> Iterator[Database]:
    """An empty database."""
    db = Database(database_url)
    yield db
    db.close()


def module(revision: str) -> Any:
    """The code of a migration."""
    return import_module(f"runtime.migrations.versions.{revision}")


def test_a_file_is_named_as_its_revision_and_they_make_one_line() -> None:
    """`stamp` compares revisions by their names, so names must grow and nothing may branch."""
    names = stamp.revisions()
    assert [module(name).revision for name in names] == names
    assert [module(name).down_revision for name in names] == [None, *names[:-1]]


def test_migrations_only_add_or_say_why_not(step: Database) -> None:
    """Expand → migrate → contract: what narrows stands alone, with `CONTRACT` and `NEEDS`."""
    run.upgrade(step, BASELINE)
    for before, revision in zip(stamp.revisions(), stamp.revisions()[1:], strict=False):
        if before < BASELINE:
            continue
        with step.read() as conn:
            old = look(conn)
        run.upgrade(step, revision)
        with step.read() as conn:
            lost = narrowed(old, look(conn))
        reason, needs = getattr(module(revision), "CONTRACT", ""), getattr(module(revision), "NEEDS", "")
        assert not lost or (reason and BASELINE <= needs <= before), (revision, lost)
        assert not needs or reason, f"{revision} needs {needs} and does not say why"


def test_the_baseline_itself_only_adds(step: Database) -> None:
    """The first migration under the rule keeps it."""
    run.upgrade(step, module(BASELINE).down_revision)
    with step.read() as conn:
        old = look(conn)
    run.upgrade(step, BASELINE)
    with step.read() as conn:
        assert narrowed(old, look(conn)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TABLE t", ["t is gone"]),
        ("ALTER TABLE t DROP COLUMN a", ["t.a is gone"]),
        ("ALTER TABLE t RENAME COLUMN a TO c", ["t.a is gone"]),
        ("ALTER TABLE t RENAME TO s", ["t is gone"]),
        ("CREATE UNIQUE INDEX u ON t (a)", ["t wants ('a',) once"]),
        ("ALTER TABLE t ADD COLUMN c INTEGER NOT NULL DEFAULT 0", []),
        ("ALTER TABLE t ADD COLUMN c INTEGER", []),
        ("CREATE INDEX i ON t (a)", []),
        ("CREATE TABLE s (id INTEGER PRIMARY KEY)", []),
    ],
)
def test_the_rule_sees_what_narrows(step: Database, change: str, said: list[str]) -> None:
    """A migration that took something away would be named; one that adds passes."""
    with step.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT NOT NULL)")
    with step.begin() as conn:
        old = look(conn)
        conn.exec_driver_sql(change)
    with step.read() as conn:
        assert narrowed(old, look(conn)) == said


def test_the_rule_sees_a_type_and_a_must() -> None:
    """What SQLite cannot alter in place is compared all the same."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER NOT NULL DEFAULT 0)")
        old = look(conn)
        conn.exec_driver_sql("DROP TABLE t")
        conn.exec_driver_sql(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER NOT NULL CHECK (a > 0), "
            "b INTEGER NOT NULL, c TEXT NOT NULL)"
        )
        found = narrowed(old, look(conn))
    engine.dispose()
    assert found == [
        "t.a is INTEGER, was TEXT", "t.a must be given", "t.b has no default any more", "t.c must be given",
        "t checks a > 0",
    ]  # fmt: skip


def pretend(database: Database, revision: str, oldest: str) -> None:
    """A newer version has been here."""
    with database.begin() as conn:
        values = {"stamp": "somebody else's", "revision": revision, "oldest": oldest}
        conn.execute(tables.schema_stamp.update().values(values))


def test_a_newer_database_that_was_only_added_to_is_worked_with_and_left_alone(database: Database) -> None:
    """While one machine after the other is renewed, the old ones stay ready and may even be started again."""
    pretend(database, "9999_future", stamp.head())
    assert standard_checks(database, SystemClock())["migrations"]() is None
    migrate(database.url)
    found = stamp.read_stamp(database)
    assert found is not None
    assert (found.stamp, found.revision) == ("somebody else's", "9999_future")


def test_a_database_this_code_is_too_old_for_is_not_touched(database: Database) -> None:
    """After a contraction old code is not ready, and starting it says what to do."""
    pretend(database, "9999_future", "9000_expanded")
    said = standard_checks(database, SystemClock())["migrations"]()
    assert said is not None
    assert "two versions" in said
    with pytest.raises(
        ConfigError, match=r"newer version 9999_future, which works with 9000_expanded or later"
    ):
        migrate(database.url)
    found = stamp.read_stamp(database)
    assert found is not None
    assert found.revision == "9999_future"


def test_a_database_from_before_revisions_were_noted_is_brought_up(step: Database) -> None:
    """Code that came before knows nothing of it; this code migrates as ever."""
    run.upgrade(step, module(BASELINE).down_revision)
    with step.begin() as conn:
        conn.exec_driver_sql("INSERT INTO schema_stamp (id, stamp) VALUES (1, 'old')")
    assert not stamp.fits(step)
    migrate(step.url)
    assert stamp.is_current(step)
    found = stamp.read_stamp(step)
    assert found is not None
    assert (found.revision, found.oldest) == (stamp.head(), stamp.oldest())


def test_a_migration_waits_for_a_busy_table_without_making_others_queue(step: Database) -> None:
    """On PostgreSQL who waits for a table blocks all who come after; so it gives up and comes again."""
    if step.dialect != "postgresql":
        pytest.skip("SQLite has one writer, who waits for his turn")
    run.upgrade(step, module(BASELINE).down_revision)
    holding, release = threading.Event(), threading.Event()

    def reads_long() -> None:
        with step.read() as conn:
            conn.execute(sa.text("SELECT count(*) FROM inbox"))
            holding.set()
            release.wait(30)

    reader = threading.Thread(target=reads_long)
    reader.start()
    assert holding.wait(10)
    other = Database(step.url)
    migrating = threading.Thread(target=run.upgrade, args=(step,), kwargs={"patience": 0.1})
    migrating.start()
    for _ in range(20):  # whoever only reads is held up for no longer than one try
        with other.read() as conn:
            conn.execute(sa.text("SELECT count(*) FROM inbox"))
    assert migrating.is_alive()
    release.set()
    reader.join()
    until(lambda: stamp.is_current(other), timeout=30, what="the migration came through")
    migrating.join()
    other.close()
