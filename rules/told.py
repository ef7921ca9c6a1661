"""SQL of what people were told: notices and the copies of cards. In the caller's transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from rules import tables as t
from rules.model import Alert
from rules.notices import Notice
from rules.store import chunks, insert_many, insert_new, short_id

QUEUED, SENT, SKIPPED, HELD, FAILED = "queued", "sent", "skipped", "held", "failed"


@dataclass(frozen=True, slots=True)
class Told:
    """One notice to one receiver.

    ``id`` is the uuid of the send; ``code`` is written on the card to find it again.
    """

    id: str
    alert_id: str
    receiver: str
    episode: int
    kind: str
    state: str
    digest_id: str | None
    created_at: datetime
    message_id: str | None

    @property
    def code(self) -> str:
        """Eight characters people can read out and a look-up can search for."""
        return code_of(self.id)


@dataclass(frozen=True, slots=True)
class Copy:
    """One message that shows the alert."""

    message_id: str
    alert_id: str
    receiver: str
    notice_id: str
    shown_version: int
    shown_turn: int
    form: str | None
    form_at: datetime | None


def code_of(notice: str) -> str:
    """The code written on the card of a notice."""
    return notice[3:11].upper()


def notice_id(alert: Alert, receiver: str, key: str) -> str:
    """The id of the notice with this key to this receiver in the alert's present episode."""
    return short_id("nt_", alert.id, receiver, alert.episode, key)


def add_notices(
    conn: Connection,
    items: Iterable[tuple[Alert, Notice]],
    receiver: str,
    at: datetime,
    digest_id: str | None = None,
) -> dict[str, int]:
    """Decide to tell; the notices to send: id → how often it was held back before.

    What was decided already is left out. What was held back at its sending is decided anew.
    """
    rows = [
        {
            "id": notice_id(alert, receiver, notice.key),
            "alert_id": alert.id,
            "receiver": receiver,
            "episode": alert.episode,
            "key": notice.key,
            "kind": notice.kind.value,
            "reason": notice.reason,
            "state": QUEUED,
            "digest_id": digest_id,
            "created_at": at,
        }
        for alert, notice in items
    ]
    new, n = insert_many(conn, t.alert_notices, rows), t.alert_notices
    found = {str(row["id"]): 0 for row in rows if row["id"] in new}
    for chunk in chunks([str(row["id"]) for row in rows if row["id"] not in new]):
        again = sa.update(n).where(n.c.id.in_(chunk), n.c.state == HELD)
        values = {"state": QUEUED, "created_at": at, "digest_id": digest_id}
        found |= {key: int(times) for key, times in conn.execute(
            again.values(values).returning(n.c.id, n.c.holds)
        )}  # fmt: skip
    return found


def hold(conn: Connection, ids: Sequence[str]) -> None:
    """Take notices back that were silenced before they were sent; when that ends they are decided anew."""
    n = t.alert_notices
    for chunk in chunks(ids):
        waiting = sa.update(n).where(n.c.id.in_(chunk), n.c.state == QUEUED)
        conn.execute(waiting.values(state=HELD, digest_id=None, holds=n.c.holds + 1))


def told_keys(conn: Connection, alert_ids: Collection[str]) -> dict[tuple[str, int, str], set[str]]:
    """(alert, episode, receiver) → keys of what was told or is about to be; not what was held back."""
    n, found = t.alert_notices, dict[tuple[str, int, str], set[str]]()
    wanted = sorted(alert_ids)
    for start in range(0, len(wanted), 400):
        query = sa.select(n.c.alert_id, n.c.episode, n.c.receiver, n.c.key)
        for alert, episode, receiver, key in conn.execute(
            query.where(n.c.alert_id.in_(wanted[start : start + 400]), n.c.state != HELD)
        ):
            found.setdefault((alert, episode, receiver), set()).add(key)
    return found


def singles_of(conn: Connection, alert_ids: Collection[str]) -> set[tuple[str, str]]:
    """(alert, receiver) of every card of its own that stands somewhere or is about to."""
    n, c, found = t.alert_notices, t.alert_cards, set[tuple[str, str]]()
    for chunk in chunks(sorted(alert_ids)):
        coming = sa.select(n.c.alert_id, n.c.receiver).where(
            n.c.alert_id.in_(chunk), n.c.digest_id.is_(None), n.c.state == QUEUED
        )
        there = sa.select(c.c.alert_id, c.c.receiver).where(c.c.alert_id.in_(chunk), c.c.gone.is_(None))
        found |= {(row.alert_id, row.receiver) for row in conn.execute(coming.union(there))}
    return found


def load_notice(conn: Connection, notice: str) -> Told | None:
    """One notice."""
    row = conn.execute(sa.select(t.alert_notices).where(t.alert_notices.c.id == notice)).first()
    return None if row is None else _told(row)


def _told(row: Row[Any]) -> Told:
    return Told(
        row.id, row.alert_id, row.receiver, row.episode, row.kind, row.state, row.digest_id, row.created_at,
        row.message_id,
    )  # fmt: skip


def mark_notices(
    conn: Connection,
    ids: Sequence[str],
    state: str,
    *,
    at: datetime | None = None,
    message_id: str | None = None,
) -> None:
    """Record what became of notices."""
    n = t.alert_notices
    for chunk in chunks(ids):
        what = sa.update(n).where(n.c.id.in_(chunk))
        conn.execute(what.values(state=state, sent_at=at, message_id=message_id))


def add_copy(
    conn: Connection, told: Told, message_id: str, chat_id: str, *, version: int, turn: int, at: datetime
) -> None:
    """Remember a message that shows this version of the alert."""
    row = {
        "message_id": message_id, "alert_id": told.alert_id, "receiver": told.receiver, "chat_id": chat_id,
        "notice_id": told.id, "shown_version": version, "shown_turn": turn, "sent_at": at,
    }  # fmt: skip
    insert_new(conn, t.alert_cards, row)


def copies(conn: Connection, alert_id: str, receiver: str | None = None) -> list[Copy]:
    """The living copies of an alert's card, of one receiver if given."""
    c = t.alert_cards
    query = sa.select(c).where(c.c.alert_id == alert_id, c.c.gone.is_(None)).order_by(c.c.sent_at)
    if receiver is not None:
        query = query.where(c.c.receiver == receiver)
    return [_copy(row) for row in conn.execute(query)]


def load_copy(conn: Connection, message_id: str) -> Copy | None:
    """The copy that stands in this message, if it is one of ours."""
    c = t.alert_cards
    r = conn.execute(sa.select(c).where(c.c.message_id == message_id)).first()
    return None if r is None else _copy(r)


def _copy(r: Row[Any]) -> Copy:
    return Copy(
        r.message_id, r.alert_id, r.receiver, r.notice_id, r.shown_version, r.shown_turn, r.form, r.form_at
    )


def receivers_of(conn: Connection, alert_ids: Iterable[str]) -> dict[str, set[str]]:
    """Alert id → receivers who hold a copy of its card."""
    c, found = t.alert_cards, dict[str, set[str]]()
    wanted = sorted(set(alert_ids))
    for start in range(0, len(wanted), 400):
        query = sa.select(c.c.alert_id, c.c.receiver).where(c.c.gone.is_(None)).distinct()
        for alert, receiver in conn.execute(query.where(c.c.alert_id.in_(wanted[start : start + 400]))):
            found.setdefault(alert, set()).add(receiver)
    return found


def shown(conn: Connection, message_id: str, *, version: int, turn: int) -> None:
    """A copy now shows this version; never goes back."""
    c = t.alert_cards
    conn.execute(
        sa.update(c)
        .where(c.c.message_id == message_id, c.c.shown_version <= version)
        .values(shown_version=version, shown_turn=turn, form=None, form_at=None)
    )


def opened(conn: Connection, message_id: str, form: str | None, at: datetime, *, turn: int = 0) -> None:
    """Somebody opened (or with None closed) a form in this copy, which was drawn at this turn.

    What is only answered to a tap does not count as shown: the answer may get lost, and an older picture that
    was on its way may arrive after it. The refresh that follows in the receiver's lane settles both.
    """
    c = t.alert_cards
    seen = {"shown_turn": sa.case((c.c.shown_turn < turn, turn), else_=c.c.shown_turn)} if form else {}
    conn.execute(
        sa.update(c)
        .where(c.c.message_id == message_id)
        .values(form=form, form_at=at if form else None, **seen)
    )


def lost(conn: Connection, message_id: str, why: str) -> None:
    """A copy can no longer be refreshed (recalled, too old)."""
    c = t.alert_cards
    conn.execute(sa.update(c).where(c.c.message_id == message_id).values(gone=why[:300]))


def chat_with(conn: Connection, receiver: str) -> str | None:
    """The private chat with a person, known from an earlier message."""
    for c, at in ((t.alert_cards, t.alert_cards.c.sent_at), (t.alert_groups, t.alert_groups.c.opened_at)):
        query = sa.select(c.c.chat_id).where(c.c.receiver == receiver, c.c.chat_id.is_not(None))
        found: str | None = conn.execute(query.order_by(at.desc()).limit(1)).scalar_one_or_none()
        if found is not None:
            return found
    return None
