"""People signed in on our pages: a random cookie, of which only the digest is stored, and an end by itself.

Each feature has a table and a cookie of its own, so that a session of one opens nothing of another.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from runtime.db import Database
from runtime.ids import OpenId

TOUCH: Final = timedelta(seconds=20)
"""How exactly "last seen" is kept: a write for every request would be paid by everybody."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in viewer.

    Attributes:
        id: SHA-256 of the cookie.
        open_id: who.
        name: as Feishu gave it.
        csrf: what every form must bring along.
        created_at: signed in.
        seen_at: last request, to within `TOUCH`.
        agent: digest of the browser's name; a cookie in another browser is no session.
    """

    id: str
    open_id: OpenId
    name: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    agent: str

    def allows(self, token: str) -> bool:
        """Whether a form came from a page of this session; constant time."""
        return hmac.compare_digest(self.csrf.encode(), token.encode())


S = TypeVar("S", bound=Session)


class Sessions(Generic[S]):
    """The sessions of one feature; what takes a ``conn`` works in the caller's transaction.

    Args:
        table: with a column for each field of ``kind``.
        kind: what a session is made of.
        idle: ends a session without a request.
        longest: ends it whatever the viewer does.
    """

    def __init__(self, table: sa.Table, kind: type[S], *, idle: timedelta, longest: timedelta) -> None:
        self._table = table
        self._kind = kind
        self._idle = idle
        self.longest = longest

    def begin(self, conn: Connection, open_id: OpenId, name: str, agent: str, now: datetime) -> str:
        """Start a session and give its cookie; sessions that ended are swept out.

        Args:
            conn: a write transaction.
            open_id: as the platform vouched.
            name: as the platform gave it.
            agent: the User-Agent header.
            now: the moment.
        """
        cookie, c = secrets.token_urlsafe(32), self._table.c
        ended = sa.or_(c.created_at <= now - self.longest, c.seen_at <= now - self._idle)
        conn.execute(self._table.delete().where(ended))
        conn.execute(
            self._table.insert().values(
                id=stored_id(cookie), open_id=open_id, name=name, csrf=secrets.token_urlsafe(32),
                created_at=now, seen_at=now, agent=agent_digest(agent),
            )
        )  # fmt: skip
        return cookie

    def load(self, conn: Connection, cookie: str, agent: str, now: datetime) -> S | None:
        """The living session of a cookie in the browser it was given to."""
        query = sa.select(self._table).where(self._table.c.id == stored_id(cookie))
        row = conn.execute(query).mappings().first()
        if row is None:
            return None
        found = self._kind(**row)
        same = hmac.compare_digest(found.agent, agent_digest(agent))
        return found if same and self.alive(found, now) else None

    def current(self, db: Database, cookie: str, agent: str, now: datetime) -> S | None:
        """The living session of a request, noted as seen; arguments as for `load`."""
        if not cookie:
            return None
        with db.read() as conn:
            session = self.load(conn, cookie, agent, now)
        if session is not None and now - session.seen_at >= TOUCH:
            with db.begin() as conn:
                conn.execute(self._table.update().where(self._table.c.id == session.id).values(seen_at=now))
        return session

    def alive(self, session: Session, now: datetime) -> bool:
        """Neither idle nor old."""
        return now - session.seen_at < self._idle and now - session.created_at < self.longest

    def end(self, conn: Connection, cookie: str) -> None:
        """Sign out."""
        conn.execute(self._table.delete().where(self._table.c.id == stored_id(cookie)))

    def end_all(self, conn: Connection, open_id: OpenId) -> None:
        """End every session of a person."""
        conn.execute(self._table.delete().where(self._table.c.open_id == open_id))


def agent_digest(agent: str) -> str:
    """What is kept of a browser's name."""
    return hashlib.sha256(agent.encode()).hexdigest()[:16]


def stored_id(cookie: str) -> str:
    """What is kept of a cookie."""
    return hashlib.sha256(cookie.encode()).hexdigest()
