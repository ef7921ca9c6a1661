"""When a part of ours was last heard of, for whoever judges from another process whether it lives."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from runtime.db import Database
from runtime.tables import beats


def note(db: Database, name: str, at: datetime) -> None:
    """Remember that a part was heard of.

    Args:
        db: the durable database.
        name: of the part.
        at: when.
    """
    insert = db.insert(beats)
    with db.begin() as conn:
        conn.execute(
            insert.values(name=name, at=at).on_conflict_do_update(
                index_elements=["name"], set_={"at": insert.excluded.at}
            )
        )


def heard(db: Database, name: str) -> datetime | None:
    """When a part was last heard of; None if it never was."""
    with db.read() as conn:
        found: datetime | None = conn.execute(sa.select(beats.c.at).where(beats.c.name == name)).scalar()
    return found
