"""A payslip's card whose sending nobody noted: is it out?

Before cards leave, their payslips are marked as tried; after each, what became of it is noted. Where a worker
dies in between, the mark stays alone. For an hour the platform suppresses a repeat by its uuid and gives the
message; later the card is looked for in the person's chat, by the token in its link. The platform tells a
chat only by a message in it, so an earlier payslip of the same person must be known. Where there is none, a
card that was opened is out; any other is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from payslip import tables as t
from payslip.deps import Payroll
from payslip.documents import Month, RunId
from payslip.model import SlipState
from runtime.db import Database
from runtime.errors import PermanentError
from runtime.feishu.im import SentMessage
from runtime.feishu.keys import safe_to_repeat
from runtime.ids import ChatId, MessageId
from runtime.work import Work


def intend(db: Database, tokens: Sequence[str], now: datetime) -> None:
    """Mark payslips whose cards leave now; an older mark stays, for the doubt is as old as it."""
    s = t.slips.c
    with db.begin() as conn:
        conn.execute(t.slips.update().where(s.token.in_(tokens), s.tried_at.is_(None)).values(tried_at=now))


def found(deps: Payroll, token: str) -> str | None:
    """The card of a payslip that was tried so long ago that sending it again could show it twice.

    Returns:
        Its message, "" when it is out and the message is not known; None when it may be sent: the try is
        fresh, the card is not in the chat, or nobody can tell.

    Raises:
        ChorusError: the chat could not be looked at; nothing may be sent until it was.
    """
    s, now = t.slips.c, deps.clock.now()
    with deps.db.read() as conn:
        row = conn.execute(sa.select(s.open_id, s.tried_at, s.read_at).where(s.token == token)).one()
    if row.tried_at is None or safe_to_repeat(row.tried_at, now):
        return None
    sent = card_of(deps, row.open_id, token, row.tried_at)
    if sent is not None:
        return str(sent.message_id)
    if row.read_at is not None:
        return ""
    with deps.db.begin() as conn:  # not out: this try is the first that counts
        conn.execute(t.slips.update().where(s.token == token).values(tried_at=now))
    return None


def card_of(deps: Payroll, open_id: str, token: str, since: datetime) -> SentMessage | None:
    """The card with this token in a person's chat, if the chat is known and the card in it."""
    s = t.slips.c
    told = sa.select(s.message_id).where(s.open_id == open_id, s.message_id.is_not(None))
    with deps.db.read() as conn:
        known = conn.execute(told.order_by(s.sent_at.desc()).limit(1)).scalar()
    try:
        message = None if known is None else deps.im.get_message(MessageId(known))
    except PermanentError:  # taken back, or the person left the bot: it tells no chat any more
        message = None
    chat = str((message or {}).get("chat_id") or "")
    return deps.im.find_sent(ChatId(chat), token, since=since) if chat else None


def take_back_work(open_id: str | None, month: Month, message: str) -> Work:
    """Draw over a card that left in the moment its payslip was voided; no slip knows of it."""
    args = {"message": message, "month": month}
    return Work("payroll.take_back", f"payroll.take_back:{message}", f"receiver:{open_id}", args)


def unsent_of(conn: Connection, run_id: RunId) -> list[Work]:
    """Works that draw over cards of payslips about to be destroyed, where one may be out unnoted."""
    s = t.slips.c
    tried = sa.select(s.open_id, s.token, s.month, s.tried_at).where(
        s.run_id == run_id, s.state == SlipState.SEALED.value, s.tried_at.is_not(None)
    )
    return [_look_work(row) for row in conn.execute(tried)]


def _look_work(row: Any) -> Work:
    args = {
        "open_id": row.open_id, "token": row.token, "month": row.month, "since": row.tried_at.isoformat(),
    }  # fmt: skip
    return Work("payroll.take_back", f"payroll.take_back:{row.token}", f"receiver:{row.open_id}", args)


def message_of(deps: Payroll, args: dict[str, Any]) -> str:
    """The message a ``payroll.take_back`` is about; "" when no card of that payslip is out."""
    if "message" in args:
        return str(args["message"])
    since = datetime.fromisoformat(args["since"])
    sent = card_of(deps, args["open_id"], args["token"], since)
    return "" if sent is None else str(sent.message_id)
