"""Signed-in viewers: a random cookie, of which only the digest is stored, and an end that comes by itself.

A session says who somebody is; what they may see needs a fresh PIN besides (`Session.pin_fresh`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from payslip.tables import sessions
from runtime.ids import OpenId

IDLE: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(minutes=60)
PIN_FRESH: Final = timedelta(minutes=10)
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
        pin_at: PIN last given; None = not yet.
        agent: digest of the browser's name; a cookie in another browser is no session.
    """

    id: str
    open_id: OpenId
    name: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    pin_at: datetime | None
    agent: str

    def alive(self, now: datetime) -> bool:
        """Neither idle nor old."""
        return now - self.seen_at < IDLE and now - self.created_at < LONGEST

    def pin_fresh(self, now: datetime) -> bool:
        """Whether the PIN was given lately."""
        return self.pin_at is not None and now - self.pin_at < PIN_FRESH

    def allows(self, token: str) -> bool:
        """Whether a form came from a page of this session; constant time."""
        return hmac.compare_digest(self.csrf.encode(), token.encode())


def agent_digest(agent: str) -> str:
    """What is kept of a browser's name."""
    return hashlib.sha256(agent.encode()).hexdigest()[:16]


def begin(conn: Connection, open_id: OpenId, name: str, agent: str, now: datetime) -> str:
    """Start a session and give its cookie; sessions that ended are swept out.

    Args:
        conn: a write transaction.
        open_id: as the platform vouched.
        name: for the watermark.
        agent: the User-Agent header.
        now: the moment.
    """
    cookie = secrets.token_urlsafe(32)
    ended = sa.or_(sessions.c.created_at <= now - LONGEST, sessions.c.seen_at <= now - IDLE)
    conn.execute(sessions.delete().where(ended))
    conn.execute(
        sessions.insert().values(
            id=_id(cookie), open_id=open_id, name=name, csrf=secrets.token_urlsafe(32), created_at=now,
            seen_at=now, pin_at=None, agent=agent_digest(agent),
        )
    )  # fmt: skip
    return cookie


def load(conn: Connection, cookie: str, agent: str, now: datetime) -> Session | None:
    """The living session of a cookie in the browser it was given to."""
    row = conn.execute(sa.select(sessions).where(sessions.c.id == _id(cookie))).mappings().first()
    if row is None:
        return None
    found = Session(**row)
    same = hmac.compare_digest(found.agent, agent_digest(agent))
    return found if same and found.alive(now) else None


def touch(conn: Connection, session: Session, now: datetime) -> None:
    """Note that the viewer is there."""
    conn.execute(sessions.update().where(sessions.c.id == session.id).values(seen_at=now))


def needs_touch(session: Session, now: datetime) -> bool:
    """Whether `touch` is due."""
    return now - session.seen_at >= TOUCH


def pin_given(conn: Connection, session: Session, now: datetime) -> str:
    """The viewer gave the right PIN just now; gives the session's new cookie.

    The old cookie is worth nothing from here on: who copied it before the PIN was given has gained nothing.
    """
    cookie = secrets.token_urlsafe(32)
    conn.execute(
        sessions.update()
        .where(sessions.c.id == session.id)
        .values(id=_id(cookie), csrf=secrets.token_urlsafe(32), pin_at=now, seen_at=now)
    )
    return cookie


def end(conn: Connection, cookie: str) -> None:
    """Sign out."""
    conn.execute(sessions.delete().where(sessions.c.id == _id(cookie)))


def end_all(conn: Connection, open_id: OpenId) -> None:
    """End every session of a person, e.g. when the PIN is reset."""
    conn.execute(sessions.delete().where(sessions.c.open_id == open_id))


def _id(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
