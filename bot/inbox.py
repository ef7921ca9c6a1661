"""The inbox: what was verified waits here until a worker has handled it.

Rows are claimed by lease, so that several workers share the work and a dead one loses nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.model import ROW_TYPE, Event
from bot.tables import NEW, inbox
from bot.tickets import Bulk
from runtime import fastjson
from runtime.clock import FARTHEST
from runtime.db import Database
from runtime.ids import EventId

LEASE: Final = timedelta(seconds=10)
_STORE: Final = {
    "sqlite": (
        "INSERT INTO inbox (event_id, type, version, dedupe_key, created_at, received_at, body) "
        "SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->6 "
        "FROM json_each(:rows) WHERE true ON CONFLICT DO NOTHING"
    ),
    "postgresql": (
        "INSERT INTO inbox (event_id, type, version, dedupe_key, created_at, received_at, body) "
        "SELECT v->>0, v->>1, (v->>2)::int, v->>3, (v->>4)::timestamp AT TIME ZONE 'UTC', "
        "(v->>5)::timestamp AT TIME ZONE 'UTC', v->>6 "
        "FROM json_array_elements(CAST(:rows AS json)) AS v ON CONFLICT DO NOTHING"
    ),
}
"""One parameter for any number of rows: a statement a row costs more than the rows do (see bot/writer.py)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed row: the event and how often handling it has failed."""

    event: Event
    tries: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An event that was given up, for the person who looks after it."""

    id: EventId
    type: str
    at: datetime
    error: str


class Inbox:
    """The inbox table of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.bulk = Bulk(sa.text(_STORE[db.dialect]))
        """Stores :meth:`row` values; an event that is there already (by id or dedupe key) is left alone."""

    def row(self, event: Event, received_at: datetime) -> str:
        """Write an event as JSON for its bulk statement; web threads do this, not the one that writes."""
        key = event.dedupe_key or f"event:{event.id}"
        created, received = _stamp(event.created_at), _stamp(received_at)
        body = _hint(event.body) if event.type == ROW_TYPE else event.body
        # PostgreSQL looks into nested JSON and refuses \\u0000 there; inside a string it is only text.
        kept = body if self._db.dialect == "sqlite" else json.dumps(body, allow_nan=False)
        return fastjson.dumps([event.id, event.type, event.version, key, created, received, kept])

    def store(self, conn: Connection, event: Event, received_at: datetime) -> None:
        """Store one event in the caller's transaction."""
        conn.execute(self.bulk.statement, self.bulk.parameters([self.row(event, received_at)]))

    def waiting(self, now: datetime) -> tuple[str, ...]:
        """Return the types with events that could be claimed; reads only, so it can be asked often.

        It jumps from type to type in the index of new events: with a hundred thousand of them waiting,
        looking at each twenty times a second would be all a worker does.
        """
        with self._db.read() as conn:
            return tuple(conn.execute(_WAITING, {"now": now, "farthest": now + FARTHEST}).scalars())

    def claim(self, event_type: str, *, by: str, now: datetime, limit: int = 500) -> list[Claimed]:
        """Take the oldest free events of a type until ``now + LEASE``; nobody else gets them meanwhile."""
        oldest = (
            sa.select(inbox.c.event_id)
            .where(inbox.c.type == event_type, *_free(now, now + FARTHEST))
            .order_by(inbox.c.received_at, inbox.c.event_id)
            .limit(limit)
        )
        if self._db.dialect == "postgresql":
            oldest = oldest.with_for_update(skip_locked=True)
        claim = (
            sa.update(inbox)
            .where(inbox.c.event_id.in_(oldest))
            .values(claimed_by=by, claimed_until=now + LEASE)
            .returning(*inbox.c)
        )
        with self._db.begin() as conn:
            rows = conn.execute(claim).mappings().all()
        rows = sorted(rows, key=lambda row: (row["received_at"], row["event_id"]))
        return [Claimed(_event(row), row["tries"]) for row in rows]

    def renew(self, ids: Sequence[EventId], *, by: str, now: datetime) -> None:
        """Keep claimed events for another lease, for handlers that take long."""
        self._change(ids, by, {"claimed_until": now + LEASE})

    def finish(self, ids: Sequence[EventId], *, by: str, now: datetime, state: str = "handled") -> None:
        """Mark events as done."""
        self._change(ids, by, {"state": state, "handled_at": now, "claimed_by": None, "claimed_until": None})

    def delay(self, ids: Sequence[EventId], *, by: str, until: datetime, tries: int | None = None) -> None:
        """Give events back, out of reach until a moment; with ``tries`` also note a failure."""
        values: dict[str, Any] = {"claimed_by": None, "claimed_until": until}
        if tries is not None:
            values["tries"] = tries
        self._change(ids, by, values)

    def park(self, event_id: EventId, *, by: str, now: datetime, tries: int, error: str) -> None:
        """Set an event aside with the sentence that says why; nothing tries it again by itself."""
        values = {"state": "failed", "handled_at": now, "tries": tries, "error": error, "claimed_by": None}
        self._change([event_id], by, {**values, "claimed_until": None})

    def release(self, by: str) -> None:
        """Free what an earlier life of this worker had claimed."""
        with self._db.begin() as conn:
            conn.execute(
                sa.update(inbox)
                .where(inbox.c.claimed_by == by, inbox.c.state == "new")
                .values(claimed_by=None, claimed_until=None)
            )

    def again(self, conn: Connection, event_ids: Sequence[str] | None = None) -> int:
        """Put failed and unhandled events back (all failed ones without ids); returns how many.

        Used by ``chorus replay`` after the cause was repaired.
        """
        chosen = inbox.c.state == "failed"
        if event_ids is not None:
            chosen = sa.and_(inbox.c.event_id.in_(event_ids), inbox.c.state.in_(("failed", "unhandled")))
        values = {"state": "new", "tries": 0, "error": None, "handled_at": None, "claimed_until": None}
        return conn.execute(sa.update(inbox).where(chosen).values(values)).rowcount

    def failed(self, conn: Connection) -> list[Failed]:
        """List the events that were given up, the oldest first."""
        query = sa.select(inbox.c.event_id, inbox.c.type, inbox.c.received_at, inbox.c.error)
        rows = conn.execute(query.where(inbox.c.state == "failed").order_by(inbox.c.received_at))
        return [Failed(EventId(row.event_id), row.type, row.received_at, row.error or "") for row in rows]

    def counts(self, conn: Connection) -> dict[str, int]:
        """Count events that wait (new) and that were given up (failed); handled ones are millions."""
        open_ones = inbox.c.state.in_(("new", "failed"))
        rows = conn.execute(
            sa.select(inbox.c.state, sa.func.count()).where(open_ones).group_by(inbox.c.state)
        )
        return {row[0]: row[1] for row in rows}

    def _change(self, ids: Sequence[EventId], by: str, values: Mapping[str, Any]) -> None:
        """Change rows only while they are ours: who lost the lease must not overrule the next worker."""
        with self._db.begin() as conn:
            for start in range(0, len(ids), 500):
                mine = (inbox.c.event_id.in_(_padded(ids[start : start + 500])), inbox.c.claimed_by == by)
                conn.execute(sa.update(inbox).where(*mine).values(**values))


Moment = datetime | sa.BindParameter[datetime]


def _free(now: Moment, farthest: Moment) -> tuple[sa.ColumnElement[bool], ...]:
    until = inbox.c.claimed_until
    return (NEW, sa.or_(until.is_(None), until < now, until > farthest))


def _waiting() -> sa.Select[str]:
    first = sa.select(sa.func.min(inbox.c.type).label("type")).where(NEW).cte("types", recursive=True)
    following = sa.select(sa.func.min(inbox.c.type)).where(NEW, inbox.c.type > first.c.type)
    types = first.union_all(sa.select(following.scalar_subquery()).where(first.c.type.is_not(None)))
    free = _free(sa.bindparam("now"), sa.bindparam("farthest"))
    return sa.select(types.c.type).where(sa.exists().where(inbox.c.type == types.c.type, *free))


_WAITING: Final = _waiting()
"""Made once: it is asked twenty times a second (D89)."""


def _padded(ids: Sequence[EventId]) -> list[EventId]:
    """Repeat the last id until there are 1, 2, 4, 8 … of them.

    A statement of another length is another statement, and every connection keeps those it has seen.
    """
    return [*ids, *[ids[-1]] * ((1 << (len(ids) - 1).bit_length()) - len(ids))]


def _event(row: Mapping[Any, Any]) -> Event:
    return Event(
        id=row["event_id"],
        type=row["type"],
        created_at=row["created_at"],
        body=fastjson.loads(row["body"]),
        version=row["version"],
        dedupe_key=row["dedupe_key"],
    )


def _hint(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event of changed rows without their cells.

    It only says where to look; what stood in the cells may be somebody's pay and must not lie with us.
    """
    actions = body.get("action_list")
    kept = [
        {name: action[name] for name in ("record_id", "action") if name in action}
        for action in (actions if isinstance(actions, list) else ())
        if isinstance(action, Mapping)
    ]
    return {**body, "action_list": kept}


def _stamp(moment: datetime) -> str:
    """Write a moment as the column type writes it: UTC, microseconds, no zone."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(" ", "microseconds").removesuffix("+00:00")
