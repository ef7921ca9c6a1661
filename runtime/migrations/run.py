"""Run the migrations without an ini file: ours through Alembic, the engine's through its own door."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from runtime.db import Database
from runtime.lanes import prepare_database
from runtime.migrations.stamp import write_stamp

LOCK = 4_604_602
"""Key of the PostgreSQL advisory lock under which only one process migrates."""
PATIENCE = 3.0
"""Seconds a statement waits for a table; everybody else who wants it queues up behind the one who waits."""
TRIES = 40
NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that did not come in time."""


def upgrade(db: Database, revision: str = "head", *, patience: float = PATIENCE) -> None:
    """Bring the database to a revision, then create or upgrade the engine's tables.

    Args:
        db: the durable database.
        revision: the newest, or an older one that a backup is of.
        patience: on PostgreSQL, seconds to wait for a table before giving up and coming again.
    """
    tries = Retrying(
        retry=retry_if_exception(_lock_was_late), stop=stop_after_attempt(TRIES),
        wait=wait_random(0.2, 1.0), reraise=True,
    )  # fmt: skip
    tries(_migrate, db, revision, patience)
    prepare_database(db.url)
    if revision == "head":
        with db.begin() as conn:
            write_stamp(db, conn)


def _migrate(db: Database, revision: str, patience: float) -> None:
    """All migrations in one transaction, which gives up rather than make everybody wait for a table."""
    with db.begin() as conn:
        if db.dialect == "postgresql":
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            conn.execute(sa.text(f"SET LOCAL lock_timeout = {int(patience * 1000)}"))
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = conn
        command.upgrade(config, revision)


def _lock_was_late(error: BaseException) -> bool:
    return isinstance(error, sa.exc.OperationalError) and getattr(error.orig, "sqlstate", "") == NOT_AVAILABLE
