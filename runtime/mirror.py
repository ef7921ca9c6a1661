"""The rebuildable database: created on open, dropped when the code expects another shape.

A process knows the tables of the modules it has imported, and not every process imports them all. So each
table has its own stamp, and tables this process does not know are left alone.
"""

import hashlib

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

from runtime.db import Database, mirror_metadata

stamps = sa.Table(
    "mirror_stamps",
    mirror_metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("stamp", sa.Text, nullable=False),
)
"""One row a table: the digest of the shape it was made with."""


def prepare(db: Database) -> bool:
    """Create the mirror's tables that this process knows; when one has another shape, drop the mirror first.

    May be called again after more modules with tables were imported.

    Returns:
        True when tables were made; they are empty.
    """
    wanted = schema_stamps(db)
    with db.begin() as conn:
        if db.dialect == "postgresql":
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(4604603)"))
        stored, there = _stored(conn), set(sa.inspect(conn).get_table_names())
        if wanted.items() <= stored.items():
            return False
        if any(name in there and stored.get(name) != stamp for name, stamp in wanted.items()):
            # All of it: a row of one table says what is known of another.
            _drop(conn, there & (wanted.keys() | stored.keys() | {stamps.name}))
            stored = {}
        mirror_metadata.create_all(conn)
        new = [{"name": name, "stamp": stamp} for name, stamp in wanted.items() if name not in stored]
        conn.execute(stamps.insert(), new)
        return True


def schema_stamps(db: Database) -> dict[str, str]:
    """Return a digest of the shape of each table of the mirror that this process knows."""
    shapes = {
        table.name: str(CreateTable(table).compile(db.engine)) for table in mirror_metadata.sorted_tables
    }
    return {name: hashlib.sha256(shape.encode()).hexdigest()[:16] for name, shape in shapes.items()}


def _stored(conn: Connection) -> dict[str, str]:
    if not sa.inspect(conn).has_table(stamps.name):
        return {}
    return {row.name: row.stamp for row in conn.execute(sa.select(stamps))}


def _drop(conn: Connection, names: set[str]) -> None:
    quote = conn.dialect.identifier_preparer.quote
    for name in sorted(names):
        conn.execute(sa.text(f"DROP TABLE {quote(name)}"))
