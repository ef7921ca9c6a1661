"""Run the migrations without an ini file: ours through Alembic, the engine's through its own door."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from runtime.db import Database
from runtime.lanes import prepare_database
from runtime.migrations.stamp import write_stamp

LOCK = 4_604_602
"""Key of the PostgreSQL advisory lock under which only one process migrates."""


def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the database to a revision, then create or upgrade the engine's tables.

    Args:
        db: the durable database.
        revision: the newest, or an older one that a backup is of.
    """
    with db.begin() as conn:
        if db.dialect == "postgresql":
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
    prepare_database(db.url)
    if revision == "head":
        with db.begin() as conn:
            write_stamp(db, conn)
