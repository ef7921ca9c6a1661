"""SQL of groups: alerts told together in one summary card. In the caller's transaction."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from rules import store, told
from rules import tables as t
from rules.model import Alert, State
from rules.notices import Kind


@dataclass(frozen=True, slots=True)
class Group:
    """One summary for one person. ``code`` is written on the card to find its message again."""

    id: str
    receiver: str
    opened_at: datetime
    until: datetime
    page: int = 0
    sends: int = 0
    message_id: str | None = None
    chat_id: str | None = None
    shown: str = ""
    over_at: datetime | None = None

    @property
    def uuid(self) -> str:
        """The idempotency key of its present message."""
        return f"{self.id}.{self.sends}"

    @property
    def code(self) -> str:
        """Eight characters people can read out and a look-up can search for."""
        return told.code_of(self.id)


@dataclass(frozen=True, slots=True)
class Member:
    """An alert of a group, with what of it still waits to be shown.

    Attributes:
        alert: as it is now.
        over: it ended, or it is another episode than the one that was told.
        waiting: ids of notices that no message shows yet.
    """

    alert: Alert
    over: bool
    waiting: tuple[str, ...]


def new_group(receiver: str, at: datetime, until: datetime) -> Group:
    """The group that begins now."""
    return Group(store.short_id("dg_", receiver, at.isoformat()), receiver, at, until)


def save_group(conn: Connection, group: Group) -> None:
    """Write a group as it is now."""
    store.upsert(conn, t.alert_groups, [asdict(group)])


def change_group(conn: Connection, group_id: str, **values: Any) -> None:
    """Change some columns of a group."""
    conn.execute(sa.update(t.alert_groups).where(t.alert_groups.c.id == group_id).values(**values))


def load_group(conn: Connection, group_id: str) -> Group | None:
    """One group."""
    row = conn.execute(sa.select(t.alert_groups).where(t.alert_groups.c.id == group_id)).first()
    return None if row is None else _group(row)


def joinable(conn: Connection, receivers: Collection[str], now: datetime) -> dict[str, Group]:
    """Receiver → the summary that still takes in news."""
    g, found = t.alert_groups, dict[str, Group]()
    for chunk in store.chunks(sorted(receivers)):
        query = sa.select(g).where(g.c.receiver.in_(chunk), g.c.until > now, g.c.over_at.is_(None))
        found |= {row.receiver: _group(row) for row in conn.execute(query.order_by(g.c.opened_at))}
    return found


def singles_since(conn: Connection, receivers: Collection[str], since: datetime) -> dict[str, int]:
    """Receiver → how many cards of their own they were sent since a moment, asked-for ones left out."""
    n, found = t.alert_notices, dict[str, int]()
    for chunk in store.chunks(sorted(receivers)):
        query = sa.select(n.c.receiver, sa.func.count().label("number")).where(
            n.c.receiver.in_(chunk), n.c.created_at > since, n.c.digest_id.is_(None), n.c.kind != Kind.SHOWN,
            n.c.state != told.HELD,
        )  # fmt: skip
        found |= {row.receiver: row.number for row in conn.execute(query.group_by(n.c.receiver))}
    return found


def groups_of(conn: Connection, alert_ids: Iterable[str]) -> list[Group]:
    """The summaries that hold one of these alerts and are not over."""
    n, g, found = t.alert_notices, t.alert_groups, dict[str, Group]()
    for chunk in store.chunks(sorted(set(alert_ids))):
        query = sa.select(g).where(
            g.c.over_at.is_(None),
            g.c.id.in_(sa.select(n.c.digest_id).where(n.c.alert_id.in_(chunk), n.c.digest_id.is_not(None))),
        )
        found |= {row.id: _group(row) for row in conn.execute(query)}
    return sorted(found.values(), key=lambda group: group.id)


def members(conn: Connection, group_id: str) -> list[Member]:
    """The alerts of a group, each once: open ones first and the worst of them on top."""
    n = t.alert_notices
    query = sa.select(n.c.id, n.c.alert_id, n.c.episode, n.c.state).where(n.c.digest_id == group_id)
    episodes, waiting = dict[str, int](), dict[str, list[str]]()
    for row in conn.execute(query.order_by(n.c.id)):
        episodes[row.alert_id] = max(row.episode, episodes.get(row.alert_id, 0))
        waiting.setdefault(row.alert_id, []).extend([row.id] if row.state == told.QUEUED else [])
    found = []
    for alert in store.load_many(conn, episodes):
        ended = not alert.open and alert.state is not State.UNKNOWN
        over = ended or alert.episode != episodes[alert.id]
        found.append(Member(alert, over, tuple(waiting[alert.id])))
    return sorted(found, key=lambda member: (member.over, *store.urgency(member.alert)))


def _group(row: Row[Any]) -> Group:
    values: Mapping[str, Any] = getattr(row, "_mapping")  # noqa: B009 - SQLAlchemy's public name
    return Group(**values)
