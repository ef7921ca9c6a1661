"""Signed-in viewers of pay: `bot.sessions` with an end that comes soon, and a PIN besides.

A session says who somebody is; what they may see needs a fresh PIN besides (`Session.pin_fresh`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.engine import Connection

from bot import sessions as shared
from payslip.tables import sessions

IDLE: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(minutes=60)
PIN_FRESH: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Session(shared.Session):
    """A signed-in viewer of pay.

    Attributes:
        pin_at: PIN last given; None = not yet.
    """

    pin_at: datetime | None = None

    def pin_fresh(self, now: datetime) -> bool:
        """Whether the PIN was given lately."""
        return self.pin_at is not None and now - self.pin_at < PIN_FRESH


_STORE: Final = shared.Sessions(sessions, Session, idle=IDLE, longest=LONGEST)
begin = _STORE.begin
load = _STORE.load
current = _STORE.current
end = _STORE.end
end_all = _STORE.end_all


def pin_given(conn: Connection, session: Session, now: datetime) -> str:
    """The viewer gave the right PIN just now; gives the session's new cookie.

    The old cookie is worth nothing from here on: who copied it before the PIN was given has gained nothing.
    """
    cookie = secrets.token_urlsafe(32)
    conn.execute(
        sessions.update()
        .where(sessions.c.id == session.id)
        .values(id=shared.stored_id(cookie), csrf=secrets.token_urlsafe(32), pin_at=now, seen_at=now)
    )
    return cookie
