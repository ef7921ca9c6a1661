"""The floor's databases: durable state in one, rebuildable mirrors in another.

SQLite in WAL mode by default, PostgreSQL by address; the same SQLAlchemy Core statements run on both.
Packages define their tables in `<package>/tables.py` on `metadata` (durable, created by migrations) or on
`mirror_metadata` (rebuildable, created on open).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.types import TypeDecorator

from runtime import fastjson
from runtime.errors import ConfigError
from runtime.turns import BUSY_SECONDS, turn

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
"""Constraint names that are the same on both databases, so that migrations can name what they change."""

STATEMENTS = 64
"""Prepared statements a SQLite connection keeps; one with five hundred parameters holds some 40 KB."""

T = TypeVar("T")
_LAST = "chorus.before_commit"

metadata = sa.MetaData(naming_convention=NAMES)
"""All durable tables. Whoever adds one also adds it to a migration; a test compares the two."""

mirror_metadata = sa.MetaData(naming_convention=NAMES)
"""Tables that can be rebuilt from Feishu; they live in a file of their own and are never migrated."""


class Utc(TypeDecorator[datetime]):
    """An aware moment, stored in UTC. A naive datetime is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"{value!r} has no time zone; take times from a Clock or convert them with SHANGHAI."
            raise ValueError(msg)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware moment in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """An exact decimal, stored as text: no binary fraction touches an amount. Not for comparing in SQL."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Refuse anything but a finite Decimal and store its plain notation."""
        del dialect
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            msg = f"Money takes a finite Decimal, not {type(value).__name__}; convert it where it enters."
            raise TypeError(msg)
        return format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Give back the very Decimal that was stored."""
        del dialect
        return None if value is None else Decimal(value)


class Fen(TypeDecorator[Decimal]):
    """Yuan as `Decimal`, stored as whole fen, so that the database adds amounts up exactly.

    Unlike `Money` it rounds (half even) to the cent: ad platforms count in thousandths, and a sum
    over 400 days must not be computed row by row in Python.
    """

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Store whole fen; refuse what is no finite Decimal."""
        del dialect
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            msg = f"Fen takes a finite Decimal, not {type(value).__name__}; convert it where it enters."
            raise TypeError(msg)
        return int((value * 100).quantize(Decimal(1), ROUND_HALF_EVEN))

    def process_result_value(self, value: int | Decimal | None, dialect: Dialect) -> Decimal | None:
        """Give back yuan; a sum arrives as `Decimal` from PostgreSQL."""
        del dialect
        return None if value is None else Decimal(int(value)).scaleb(-2)


Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
"""Plain values only: str, int, bool, None, list, dict. Write amounts as strings."""


class Database:
    """One database and its two ways in: `begin` to write, `read` to look.

    Args:
        url: SQLAlchemy address, e.g. `sqlite:///var/chorus.db` or `postgresql://user@host/name`.
        durable: a commit survives power loss (SQLite `synchronous=FULL`); False only for rebuildable data.
    """

    def __init__(self, url: str, *, durable: bool = True) -> None:
        self.url = normalise_url(url)
        self.engine: Engine = _make_engine(self.url, durable=durable)
        self.dialect: Literal["sqlite", "postgresql"] = cast(Any, self.engine.dialect.name)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a write transaction; commits on leaving, rolls back on an error.

        On SQLite the write lock is taken at once (BEGIN IMMEDIATE), so a transaction never fails half way
        because somebody else wrote in between; keep it short, there is one writer.
        """
        with (
            turn(self.url),
            self.engine.connect().execution_options(chorus_write=True) as conn,
            conn.begin(),
        ):
            conn.info.pop(_LAST, None)  # what a transaction that failed had left on this connection
            yield conn
            for fn, items in conn.info.pop(_LAST, {}).items():
                fn(conn, items)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one consistent state and must not write."""
        with self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a transaction whose every statement sees one and the same state; for long reading."""
        options = {} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**options) as conn, conn.begin():
            yield conn

    def insert(self, table: sa.Table) -> postgresql.Insert:
        """Start an INSERT with `.on_conflict_do_nothing()` and `.on_conflict_do_update()`.

        Both kinds have the same methods for our use, so one static type (PostgreSQL's) stands for both.
        """
        if self.dialect == "sqlite":
            return cast(postgresql.Insert, sqlite.insert(table))
        return postgresql.insert(table)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def before_commit(conn: Connection, fn: Callable[[Connection, list[T]], None], item: T) -> None:
    """Have `fn` called once, with all its items, as the last thing a transaction of `Database.begin` does.

    A lock taken there is held for no longer than the commit itself, and its holder waits for nobody.

    Args:
        conn: the caller's transaction.
        fn: gets the transaction and the items in the order they were given.
        item: for `fn`; what it names may be gone when a savepoint was rolled back meanwhile.
    """
    conn.info.setdefault(_LAST, {}).setdefault(fn, []).append(item)


def is_away(error: BaseException) -> bool:
    """Tell whether an error says that our database could not be used now: busy, full, cut off, restarting.

    Its transaction was rolled back, or nobody knows whether it was committed; what was done in it may be
    done again.
    """
    away = sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, sa.exc.PendingRollbackError
    return isinstance(error, away)


def normalise_url(url: str) -> str:
    """Give a PostgreSQL address the driver we ship (psycopg 3); leave SQLite addresses alone."""
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def migrate(url: str, revision: str = "head") -> None:
    """Bring the durable database to the newest schema, and create the engine's own tables.

    Safe to call at every start and from several processes: what is there already stays. A database that a
    newer version has changed is left as it is, when that version says that this code works with it.

    Args:
        url: address of the durable database.
        revision: the newest, or an older one that a backup is of.

    Raises:
        ConfigError: a newer version has changed the database so that this code cannot work with it.
    """
    from runtime.migrations.stamp import head, is_current, read_stamp  # noqa: PLC0415 - it builds on this module

    db = Database(url)
    try:
        if is_current(db):
            return
        found = read_stamp(db) if revision == "head" else None
        if found is not None and found.is_newer(head()):
            if not found.knows(head()):
                msg = (
                    f"The database is of the newer version {found.revision}, which works with {found.oldest} "
                    f"or later; this code is {head()}. Start a newer version, or restore the backup made "
                    "before it."
                )
                raise ConfigError(msg)
            return
        from runtime.migrations.run import upgrade  # noqa: PLC0415 - only who migrates pays for Alembic

        upgrade(db, revision)
    finally:
        db.close()


def open_mirror(url: str) -> Database:
    """Open the rebuildable database; when its schema is not today's, drop it and create it empty.

    Args:
        url: address; on PostgreSQL it may be the durable database's.
    """
    from runtime.mirror import prepare  # noqa: PLC0415 - it builds on this module

    db = Database(url, durable=False)
    prepare(db)
    return db


def _make_engine(url: str, *, durable: bool) -> Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        # The connection used last is used next: each keeps what it prepared, so twenty in turn keep it all.
        options = {"timeout": BUSY_SECONDS, "cached_statements": STATEMENTS}
        engine = sa.create_engine(
            parsed,
            json_serializer=_dumps,
            json_deserializer=fastjson.loads,
            connect_args=options,
            pool_size=20,
            pool_use_lifo=True,
        )
        _tune_sqlite(engine, durable=durable)
        return engine
    return sa.create_engine(
        parsed,
        json_serializer=_dumps,
        json_deserializer=fastjson.loads,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
    )


def _tune_sqlite(engine: Engine, *, durable: bool) -> None:
    @event.listens_for(engine, "connect")
    def connected(dbapi: Any, _record: Any) -> None:
        # The driver would begin transactions by its own rules; None hands that to `began` below.
        dbapi.isolation_level = None
        cursor = dbapi.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        _use_wal(cursor)
        cursor.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "handle_error")
    def undone(context: ExceptionContext) -> None:
        # A full disk makes SQLite roll a whole transaction back, whatever savepoints it had. Who goes on
        # after such an error would write without a transaction, and the driver's commit of none succeeds:
        # the connection is taken away instead, so that everything until the end of the transaction fails.
        conn = context.connection
        if conn is None or context.statement is None or context.statement.startswith("BEGIN"):
            return
        if conn.in_transaction() and not cast(Any, conn.connection.driver_connection).in_transaction:
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False

    @event.listens_for(engine, "begin")
    def began(conn: Connection) -> None:
        write = conn.get_execution_options().get("chorus_write", False)
        conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _use_wal(cursor: Any) -> None:
    """Switch the file to WAL once; two processes that open a new file together must not fail over it.

    SQLite does not wait for the lock this switch needs, whatever the busy timeout says.
    """
    for _ in range(200):
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            time.sleep(0.02)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_JSON: Any = {"json_serializer": _dumps, "json_deserializer": fastjson.loads}
"""How JSON columns are written and read."""
