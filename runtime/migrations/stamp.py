"""A digest of everything that makes the schema, kept in the database: when it is ours, all is done.

It spares every start the import of Alembic and of the engine's library (more than a second), and lets
`readyz` ask cheaply whether the database fits the code.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from runtime import tables
from runtime.db import Database

HERE = Path(__file__).parent


def wanted_stamp() -> str:
    """Return the digest of the migrations, of the engine's version and of the queue's limits."""
    sources = [*sorted((HERE / "versions").glob("0*.py")), HERE.parent / "lanes.py"]
    digest = hashlib.sha256(version("dbos").encode())
    for source in sources:
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:32]


def is_current(db: Database) -> bool:
    """Tell whether the database was prepared by this very code."""
    query = sa.select(tables.schema_stamp.c.stamp)
    try:
        with db.read() as conn:
            return conn.execute(query).scalar_one_or_none() == wanted_stamp()
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):
        # No such table yet. A database that cannot be reached says so at the next step.
        return False


def write_stamp(db: Database, conn: Connection) -> None:
    """Remember that the database is as this code wants it."""
    stamp = wanted_stamp()
    statement = db.insert(tables.schema_stamp).values(id=1, stamp=stamp)
    conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"stamp": stamp}))
