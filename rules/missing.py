"""Objects that their platform stops listing: a few are deleted, many at once are a doubt about the source.

The doubt is about these objects alone, which are *unknown* meanwhile; the others of the table are judged. It
ends for each of them when it is listed again, or when a person has confirmed that it is gone (the button on
the card of ``outages.py``, or ``chorus doctor --accept-deletes plans/<connection>``); the next pull then
marks its row 平台已删除. An object in doubt never becomes a fact by itself, however few are left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rules import store
from rules import tables as t
from runtime import audit


@dataclass(frozen=True, slots=True)
class Doubted:
    """An object in doubt: the connection that stopped listing it, and whether a person has confirmed it."""

    connection: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a pull makes of what it did not see.

    Attributes:
        gone: objects whose rows are to be marked.
        doubted: objects newly in doubt → their connection.
        over: objects that are no longer in doubt.
    """

    gone: frozenset[str] = frozenset()
    doubted: Mapping[str, str] = field(default_factory=dict)
    over: frozenset[str] = frozenset()


def sort_out(
    lost: Mapping[str, str], there: Collection[str], known: Mapping[str, Doubted], limit: int
) -> Sorted:
    """Decide what to believe. Pure.

    Args:
        lost: objects of connections that answered and did not list them → the connection their row names.
        there: objects that may stand in doubt at all: their rows exist, are not marked, and were not listed.
        known: objects in doubt so far.
        limit: so many may vanish at once.
    """
    open_ones = {key for key, each in known.items() if not each.confirmed and key in there}
    confirmed = {key for key, each in known.items() if each.confirmed and key in lost}
    new = {key: connection for key, connection in lost.items() if key not in known}
    over = frozenset(known.keys() - there)
    if len(new) + len(open_ones) > limit:
        return Sorted(frozenset(confirmed), new, over)
    return Sorted(frozenset(confirmed | new.keys()), {}, over)


def load_doubted(conn: Connection, table: str) -> dict[str, Doubted]:
    """All objects of a table in doubt."""
    m = t.missing_objects.c
    query = sa.select(m.object_id, m.connection, m.confirmed_at).where(m.table == table)
    return {
        row.object_id: Doubted(row.connection, row.confirmed_at is not None) for row in conn.execute(query)
    }


def keep_doubted(conn: Connection, table: str, found: Sorted, at: datetime) -> None:
    """Write down what a pull made of it, after the rows were marked."""
    m = t.missing_objects
    for chunk in store.chunks(sorted(found.over | found.gone)):
        conn.execute(sa.delete(m).where(m.c.table == table, m.c.object_id.in_(chunk)))
    rows = [
        {"table": table, "object_id": key, "connection": connection, "since": at}
        for key, connection in sorted(found.doubted.items())
    ]
    store.insert_many(conn, m, rows)


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked to confirm: objects of a connection missing since a moment.

    ``digest`` names exactly these objects, so that nobody confirms more than they were shown.
    """

    table: str
    connection: str
    count: int
    since: datetime
    digest: str


def open_questions(conn: Connection) -> list[Question]:
    """What is to be confirmed now, a table and connection at a time."""
    m = t.missing_objects.c
    query = sa.select(m.table, m.connection, m.object_id, m.since).where(m.confirmed_at.is_(None))
    found: dict[tuple[str, str], list[tuple[str, datetime]]] = {}
    for row in conn.execute(query.order_by(m.table, m.connection, m.object_id)):
        found.setdefault((row.table, row.connection), []).append((row.object_id, row.since))
    return [
        Question(
            table, connection, len(some), min(since for _, since in some),
            store.short_id("", *(key for key, _ in some)),
        )
        for (table, connection), some in found.items()
    ]  # fmt: skip


def confirm(conn: Connection, asked: Question, by: str, now: datetime) -> int:
    """A person has looked: these objects are meant to be gone. The next pull marks their rows.

    Args:
        conn: a write transaction.
        asked: the question as it stands now.
        by: who says so (open_id, or ``command line``), for the audit trail.
        now: aware time.

    Returns:
        How many objects.
    """
    m = t.missing_objects.c
    done = conn.execute(
        sa.update(t.missing_objects)
        .where(m.table == asked.table, m.connection == asked.connection, m.confirmed_at.is_(None))
        .values(confirmed_at=now)
        .returning(m.object_id)
    ).all()
    audit.record(
        conn, at=now, actor=by, action="missing.confirm", subject=f"missing:{asked.table}/{asked.connection}",
        reason="a person confirmed it", detail={"objects": len(done)},
    )  # fmt: skip
    return len(done)
