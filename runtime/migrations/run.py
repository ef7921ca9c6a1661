"""Run the migrations without an ini file: ours through Alembic, the engine's through its own door."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from runtime.db import Database
from runtime.lanes import prepare_database

LOCK = 4_604_602
"""Key of the PostgreSQL advisory lock under which only one process migrates."""


def upgrade(url: str) -> None:
    """Bring the database to the newest revision, then create or upgrade the engine's tables.

    Args:
        url: address with driver, as given by `normalise_url`.
    """
    db = Database(url)
    try:
        with db.begin() as conn:
            if db.dialect == "postgresql":
                conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            config = _config()
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
    finally:
        db.close()
    prepare_database(url)


def is_current(db: Database) -> bool:
    """Tell whether the database stands at the newest revision this code knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with db.read() as conn:
        return MigrationContext.configure(conn).get_current_revision() == head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config
