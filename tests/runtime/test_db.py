"""Both databases keep what they are given, exactly, and a transaction is all or nothing."""

import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from runtime import audit, tables
from runtime.clock import SHANGHAI
from runtime.db import Database, Json, Money, Utc, metadata, migrate, mirror_metadata, open_mirror
from runtime.migrations.stamp import is_current
from runtime.mirror import prepare

pytestmark = pytest.mark.db
NOW = datetime(2026, 11, 2, 9, 30, 0, 123456, tzinfo=SHANGHAI)
scratch = sa.Table(
    "scratch",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Utc),
    sa.Column("amount", Money),
    sa.Column("data", Json),
)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A database with one scratch table."""
    made = Database(database_url)
    with made.begin() as conn:
        scratch.create(conn)
    yield made
    made.close()


def test_moments_money_and_json_come_back_as_they_went_in(db: Database) -> None:
    """UTC to the microsecond, decimals with their zeros, Chinese text and nulls inside JSON."""
    data = {"名称": "计划一", "n": 1, "none": None, "list": [True, "x"]}
    with db.begin() as conn:
        conn.execute(scratch.insert().values(id=1, at=NOW, amount=Decimal("1234567890123.40"), data=data))
        conn.execute(scratch.insert().values(id=2, at=None, amount=None, data=None))
    with db.read() as conn:
        first, second = conn.execute(sa.select(scratch).order_by(scratch.c.id)).all()
        nulls = conn.execute(sa.select(scratch.c.id).where(scratch.c.data.is_(sa.null()))).scalars().all()
    assert first.at == NOW
    assert first.at.tzinfo is UTC
    assert str(first.amount) == "1234567890123.40"
    assert first.data == data
    assert tuple(second)[1:] == (None, None, None)
    assert nulls == [2]


def test_moments_can_be_compared_in_sql(db: Database) -> None:
    """The same instant is found whatever zone it is asked in."""
    with db.begin() as conn:
        conn.execute(scratch.insert().values(id=1, at=NOW))
        query = sa.select(scratch.c.id).where(scratch.c.at <= NOW.astimezone(UTC))
        assert conn.execute(query).scalars().all() == [1]


@pytest.mark.parametrize(
    "values",
    [{"at": datetime(2026, 1, 1)}, {"amount": 12.5}, {"amount": Decimal("NaN")}],  # noqa: DTZ001
    ids=["naive moment", "float money", "not a number"],
)
def test_inexact_values_are_refused_at_the_door(db: Database, values: dict[str, object]) -> None:
    """A naive time or a binary fraction never reaches a table."""
    with db.begin() as conn, pytest.raises(sa.exc.StatementError):
        conn.execute(scratch.insert().values(id=1, **values))


def test_a_failed_transaction_leaves_nothing(db: Database) -> None:
    """State, audit and work stand or fall together."""

    def fail() -> None:
        with db.begin() as conn:
            conn.execute(scratch.insert().values(id=1))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with db.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(scratch)).scalar_one() == 0


def test_insert_or_update_is_the_same_statement_on_both_databases(db: Database) -> None:
    """`db.insert` gives the conflict clauses of the database at hand."""
    with db.begin() as conn:
        for data in ({"n": 1}, {"n": 2}):
            statement = db.insert(scratch).values(id=1, data=data)
            conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"data": data}))
        conn.execute(db.insert(scratch).values(id=1, data={"n": 3}).on_conflict_do_nothing())
        assert conn.execute(sa.select(scratch.c.data)).scalars().all() == [{"n": 2}]


def test_two_writers_wait_for_each_other_and_neither_is_lost(db: Database) -> None:
    """A counter read and written by eight threads ends where it must; nobody fails with `locked`."""
    with db.begin() as conn:
        conn.execute(scratch.insert().values(id=1, data={"n": 0}))

    def add() -> None:
        for _ in range(5):
            with db.begin() as conn:
                query = sa.select(scratch.c.data).where(scratch.c.id == 1).with_for_update()
                n = conn.execute(query).scalar_one()["n"]
                conn.execute(scratch.update().values(data={"n": n + 1}))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as conn:
        assert conn.execute(sa.select(scratch.c.data)).scalar_one() == {"n": 40}


def test_a_reader_sees_one_consistent_state_while_another_writes(db: Database) -> None:
    """A write committed meanwhile is not seen by a transaction that has begun to read (SQLite snapshot)."""
    if db.dialect != "sqlite":
        pytest.skip("PostgreSQL's default isolation sees each statement's own moment")
    count = sa.select(sa.func.count()).select_from(scratch)
    with db.read() as reader:
        assert reader.execute(count).scalar_one() == 0
        with db.begin() as writer:
            writer.execute(scratch.insert().values(id=1))
        assert reader.execute(count).scalar_one() == 0


def test_migrated_schema_is_the_schema_the_code_defines(database: Database) -> None:
    """Every table, column, index and constraint of the packages is made by a migration, and no other."""
    for path in sorted(Path(__file__).parents[2].glob("[a-z]*/**/tables.py")):
        names = path.relative_to(Path(__file__).parents[2]).with_suffix("").parts
        if names[0] not in {"tests", "sandbox", "benchmarks"}:
            importlib.import_module(".".join(names))
    ours = set(metadata.tables)
    with database.read() as conn:
        context = MigrationContext.configure(
            conn,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _parents: kind != "table" or name in ours,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    """It is safe at every start."""
    with database.begin() as conn:
        audit.record(conn, at=NOW, actor="ou_1", action="a", subject="s", reason="r", detail={"n": 1})
    migrate(database.url)
    assert is_current(database)
    with database.read() as conn:
        row = conn.execute(sa.select(tables.audit)).one()
    assert tuple(row)[1:] == (NOW.astimezone(UTC), "ou_1", "a", "s", "r", {"n": 1})


def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    """Whoever comes second waits and finds it done."""
    root = Path(__file__).parents[2]
    code = "import sys; from runtime.db import migrate; migrate(sys.argv[1])"
    argv = [sys.executable, "-c", code, database_url]
    processes = [subprocess.Popen(argv, cwd=root, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(p.communicate()[1], p.returncode) for p in processes] == [("", 0)] * 3
    db = Database(database_url)
    assert is_current(db)
    db.close()


def test_a_database_that_was_never_migrated_is_not_current(database_url: str) -> None:
    """`readyz` can tell."""
    db = Database(database_url)
    assert not is_current(db)
    db.close()


def test_the_mirror_is_kept_until_its_shape_changes(database_url: str) -> None:
    """Rows survive a restart; code that expects another shape finds an empty mirror, not wrong columns."""
    table = sa.Table("mirror_scratch", mirror_metadata, sa.Column("id", sa.Integer, primary_key=True))
    try:
        mirror = open_mirror(database_url)
        with mirror.begin() as conn:
            conn.execute(table.insert().values(id=1))
        assert prepare(mirror) is False
        table.append_column(sa.Column("more", sa.Text))
        assert prepare(mirror) is True
        with mirror.read() as conn:
            assert conn.execute(sa.select(table)).all() == []
        mirror.close()
    finally:
        mirror_metadata.remove(table)


def test_a_process_that_knows_fewer_tables_leaves_the_mirror_alone(database_url: str) -> None:
    """The web process opens the floor before it imports any table of the mirror; the worker's rows stay."""
    table = sa.Table("mirror_scratch", mirror_metadata, sa.Column("id", sa.Integer, primary_key=True))
    try:
        worker = open_mirror(database_url)
        with worker.begin() as conn:
            conn.execute(table.insert().values(id=1))
        mirror_metadata.remove(table)
        web = open_mirror(database_url)
        web.close()
        table = table.to_metadata(mirror_metadata)
        assert prepare(worker) is False
        with worker.read() as conn:
            assert conn.execute(sa.select(table.c.id)).scalars().all() == [1]
        worker.close()
    finally:
        mirror_metadata.remove(table)
