"""Statements to the tests' PostgreSQL server."""

import os
import shutil
from pathlib import Path

import sqlalchemy as sa

MEMORY = Path("/dev/shm")  # noqa: S108 - only a folder of a random name is made in it
ROOM = 4 * 1024**3
"""Bytes that must be free there: each test process has a server, each of some hundred megabytes."""


def quick_folder() -> Path | None:
    """Where a server's files belong: in memory, where copying a database takes a tenth; None without room."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        return MEMORY
    return None


def administer(url: sa.URL, *statements: str) -> None:
    """Run statements outside a transaction, as CREATE DATABASE and ALTER SYSTEM want it."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        for statement in statements:
            conn.execute(sa.text(statement))
    engine.dispose()
