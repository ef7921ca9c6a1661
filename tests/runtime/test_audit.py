"""The audit trail is only ever added to, chained in the order of the commits, and checked from outside."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import app
from runtime import audit, tables
from runtime.db import Database

pytestmark = pytest.mark.db
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def write(database: Database, count: int = 3, at: datetime = NOW, subject: str = "alert:1") -> None:
    """Some decisions, a transaction each."""
    for number in range(count):
        with database.begin() as conn:
            audit.record(
                conn, at=at, actor="ou_1", action="alert.close", subject=subject, reason="asked",
                detail={"n": number, "名称": "计划一"},
            )  # fmt: skip


def past_the_product(database: Database, *statements: str) -> None:
    """What somebody with the database's password does: guards off, statements, guards on."""
    triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    with database.begin() as conn:
        if database.dialect == "sqlite":
            guards = conn.exec_driver_sql(triggers).all()
            off = [f"DROP TRIGGER {name}" for name, _ in guards]
            on = [sql for _, sql in guards]
        else:
            off, on = ["SET LOCAL session_replication_role = replica"], []
        for statement in (*off, *statements, *on):
            conn.exec_driver_sql(statement)


def entries(database: Database) -> list[tuple[int, int]]:
    with database.read() as conn:
        query = sa.select(tables.audit_chain.c.seq, tables.audit_chain.c.audit_id)
        return [tuple(row) for row in conn.execute(query.order_by(tables.audit_chain.c.seq))]


def test_every_row_is_an_entry_and_the_chain_is_whole(database: Database) -> None:
    """Three decisions, three entries, nothing to complain about; the head changes with each."""
    write(database)
    first = audit.verify(database)
    write(database, 1)
    second = audit.verify(database)
    assert (first.entries, first.fault, second.entries, second.fault) == (3, None, 4, None)
    assert first.head != second.head
    assert audit.verify(database, known=str(first.head)).fault is None


def test_what_was_taken_back_leaves_no_gap(database: Database) -> None:
    """Neither a savepoint that was undone nor a transaction that failed stands in the chain."""
    with database.begin() as conn:
        inner = conn.begin_nested()
        audit.record(conn, at=NOW, actor="ou_1", action="a", subject="lost", reason="r")
        inner.rollback()
        audit.record(conn, at=NOW, actor="ou_1", action="a", subject="kept", reason="r")
    with contextlib.suppress(ZeroDivisionError), database.begin() as conn:
        audit.record(conn, at=NOW, actor="ou_1", action="a", subject="failed", reason="r")
        raise ZeroDivisionError
    write(database, 1)
    found = audit.verify(database)
    assert (found.entries, found.fault) == (2, None)


def test_many_writers_make_one_chain(database: Database) -> None:
    """Eight threads, each with transactions of its own that also wait for each other's rows."""

    def work() -> None:
        write(database, 20)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = audit.verify(database)
    assert (found.entries, found.fault) == (160, None)
    assert sorted(each for _, each in entries(database)) == list(range(1, 161))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'ou_2'",
        "DELETE FROM audit",
        "UPDATE audit_chain SET hash = 'x'",
        "DELETE FROM audit_chain",
    ],
)
def test_the_database_itself_refuses_changes(database: Database, statement: str) -> None:
    """Whoever asks, by a bug or by hand."""
    write(database, 1)
    with pytest.raises(sa.exc.DatabaseError, match="only ever added to"), database.begin() as conn:
        conn.exec_driver_sql(statement)
    assert audit.verify(database).entries == 1


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["UPDATE audit SET actor = 'ou_2' WHERE id = 2"], "Entry 2 of the chain does not fit: row 2"),
        (["DELETE FROM audit WHERE id = 2"], "Entry 2 of the chain has no row any more: row 2"),
        (
            ["DELETE FROM audit WHERE id = 2", "DELETE FROM audit_chain WHERE seq = 2"],
            "After entry 1 of the chain comes 3",
        ),
        (
            ["DELETE FROM audit WHERE id = 1", "DELETE FROM audit_chain WHERE seq = 1"],
            "The chain begins with entry 2, and no row says that it was cut there",
        ),
        (["DELETE FROM audit_chain WHERE seq = 3"], "Row 3 of the audit trail (alert.close) is not"),
    ],
)  # fmt: skip
def test_what_was_done_past_the_product_is_told(
    database: Database, statements: list[str], sentence: str
) -> None:
    """The first broken place, in a sentence."""
    write(database)
    past_the_product(database, *statements)
    fault = audit.verify(database).fault
    assert fault is not None
    assert sentence in fault


def test_a_chain_that_was_cut_short_is_found_by_a_head_somebody_knew(database: Database) -> None:
    """Whole in itself, but not the chain it was."""
    write(database)
    known = str(audit.verify(database).head)
    past_the_product(database, "DELETE FROM audit WHERE id = 3", "DELETE FROM audit_chain WHERE seq = 3")
    assert audit.verify(database).fault is None
    assert "the chain ends at 2" in (audit.verify(database, known).fault or "")
    write(database, 1)
    assert "known with another hash" in (audit.verify(database, known).fault or "")


def test_rows_go_after_their_keeping_time_and_the_chain_says_so(database: Database) -> None:
    """Old rows are cut and deleted, the rest verifies; nothing else can be deleted."""
    write(database, 4, at=NOW - timedelta(days=900))
    write(database, 2)
    assert audit.cut(database, NOW - timedelta(days=800), NOW) == 4
    assert audit.delete_cut(database) == 4
    assert audit.delete_cut(database) == 0
    assert audit.cut(database, NOW - timedelta(days=800), NOW) == 0
    found = audit.verify(database)
    assert (found.entries, found.fault) == (3, None)
    assert [seq for seq, _ in entries(database)] == [5, 6, 7]
    with pytest.raises(sa.exc.DatabaseError, match="only ever added to"), database.begin() as conn:
        conn.execute(tables.audit.delete())


def command(database: Database, *words: str) -> tuple[int, str]:
    env = {
        "FEISHU_APP_ID": "cli_x", "FEISHU_APP_SECRET": "made-up", "FEISHU_ENCRYPT_KEY": "made-up",
        "DATABASE_URL": database.url,
    }  # fmt: skip
    done = CliRunner().invoke(app.main, ["audit", *words], env=env)
    return done.exit_code, done.output


def test_the_command_says_whole_or_where_it_is_broken(database: Database) -> None:
    """Exit code 0 and the head to note down; exit code 1 and the sentence."""
    write(database)
    head = str(audit.verify(database).head)
    code, said = command(database, "verify")
    assert (code, "3 entries" in said, head in said) == (0, True, True)
    assert command(database, "verify", "--known", head)[0] == 0
    past_the_product(database, "UPDATE audit SET reason = 'other' WHERE id = 3")
    code, said = command(database, "verify")
    assert code == 1
    assert "Entry 3 of the chain does not fit" in said


def test_the_command_shows_what_happened_to_something(database: Database) -> None:
    """Only rows of the subject, newest last."""
    write(database, 1)
    write(database, 2, subject="alert:2")
    code, said = command(database, "show", "--subject", "alert:2")
    assert code == 0
    assert said.count("alert.close") == 2
    assert "alert:1" not in said
    assert "计划一" in said


def test_the_trail_that_was_there_before_is_chained_by_the_migration(database: Database) -> None:
    """As after an update: rows without entries are chained in the order of their ids."""
    write(database)
    past_the_product(database, "DELETE FROM audit_chain")
    with database.begin() as conn:
        audit.extend(conn, [1, 2, 3])
    found = audit.verify(database)
    assert (found.entries, found.fault) == (3, None)
