"""What the database was prepared with, kept in the database: so a start and `readyz` ask cheaply.

The *stamp* is a digest of everything that makes the schema: when it is ours, all is done, and a start is
spared the import of Alembic and of the engine's library (more than a second). *Revision* and *oldest* let
versions work side by side while one machine after the other is renewed: code of an older revision goes on
with a database that was only added to (docs/SCALING.md, "Changing the database while it is used").
"""

import hashlib
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from runtime import tables
from runtime.db import Database

VERSIONS = Path(__file__).parent / "versions"
FIRST = "0016_rolling"
"""Code before it knows nothing of revisions and wants the database to be exactly its own."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a database says of itself.

    Attributes:
        stamp: digest of migrations, engine and queue.
        revision: the newest migration that was applied; None before `FIRST`.
        oldest: the oldest revision whose code works with it.
    """

    stamp: str
    revision: str | None
    oldest: str | None

    def knows(self, ours: str) -> bool:
        """Whether code of a revision works with this database, though it may be newer."""
        return self.revision is not None and self.oldest is not None and self.oldest <= ours <= self.revision

    def is_newer(self, ours: str) -> bool:
        """Whether the database is of a revision that this code does not have."""
        return self.revision is not None and self.revision > ours


def revisions() -> list[str]:
    """Every migration of this code, the oldest first; a file is named as its revision."""
    return sorted(path.stem for path in VERSIONS.glob("0*.py"))


def head() -> str:
    """The newest migration of this code."""
    return revisions()[-1]


def oldest() -> str:
    """The oldest revision whose code works with the schema of this code: what the last contraction needs."""
    needs = FIRST
    for name in revisions():
        if name > FIRST:
            needs = getattr(import_module(f"runtime.migrations.versions.{name}"), "NEEDS", needs)
    return needs


def wanted_stamp() -> str:
    """Return the digest of the migrations, of the engine's version and of the queue's limits."""
    sources = [*(VERSIONS / f"{name}.py" for name in revisions()), VERSIONS.parent.parent / "lanes.py"]
    digest = hashlib.sha256(version("dbos").encode())
    for source in sources:
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:32]


def read_stamp(db: Database) -> Stamp | None:
    """Read what the database says of itself; None when it was never prepared, or before there were stamps.

    Of a database prepared before `FIRST` only the stamp is known.
    """
    table = tables.schema_stamp
    for columns in ((table.c.stamp, table.c.revision, table.c.oldest), (table.c.stamp,)):
        try:
            with db.read() as conn:
                row = conn.execute(sa.select(*columns)).one_or_none()
        except (sa.exc.OperationalError, sa.exc.ProgrammingError):
            # No such table or column yet. A database that cannot be reached says so at the next step.
            continue
        found = tuple(row) if row is not None else ()
        return Stamp(*found, *(None,) * (3 - len(found))) if found else None
    return None


def is_current(db: Database) -> bool:
    """Tell whether the database was prepared by this very code."""
    found = read_stamp(db)
    return found is not None and found.stamp == wanted_stamp()


def fits(db: Database) -> bool:
    """Tell whether this code works with the database: its own, or a newer one that was only added to."""
    found = read_stamp(db)
    return found is not None and (found.stamp == wanted_stamp() or found.knows(head()))


def write_stamp(db: Database, conn: Connection) -> None:
    """Remember that the database is as this code wants it."""
    values = {"stamp": wanted_stamp(), "revision": head(), "oldest": oldest()}
    statement = db.insert(tables.schema_stamp).values(id=1, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
