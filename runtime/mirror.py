"""The rebuildable database: created on open, dropped when the code expects another shape."""

import hashlib

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

from runtime.db import Database, mirror_metadata

stamp_table = sa.Table(
    "mirror_stamp",
    mirror_metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stamp", sa.Text, nullable=False),
)


def prepare(db: Database) -> bool:
    """Create the mirror's tables; when they were made by other code, drop them first.

    Returns:
        True when the mirror was (re)created and is empty.
    """
    wanted = schema_stamp(db)
    with db.begin() as conn:
        if db.dialect == "postgresql":
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(4604603)"))
        if _stored_stamp(conn) == wanted:
            return False
        # Tables of an older shape may have other names of constraints; dropping by table name is enough.
        mirror_metadata.drop_all(conn)
        mirror_metadata.create_all(conn)
        conn.execute(stamp_table.insert().values(id=1, stamp=wanted))
        return True


def schema_stamp(db: Database) -> str:
    """Return a digest of the mirror's schema as this code defines it."""
    text = "\n".join(str(CreateTable(table).compile(db.engine)) for table in mirror_metadata.sorted_tables)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _stored_stamp(conn: Connection) -> str | None:
    if not sa.inspect(conn).has_table(stamp_table.name):
        return None
    return conn.execute(sa.select(stamp_table.c.stamp)).scalar_one_or_none()
