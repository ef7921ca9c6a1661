"""A data table that gets no fresh numbers: one card to who looks after the connection, not one an alert.

The rules of that table are *unknown* meanwhile. The card turns green when numbers come again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import Person
from bot.cards import Card, Element, card, facts, header, markdown, note, text
from bot.words import safe
from rules import store, told
from rules import tables as t
from rules.deps import Worker
from rules.duty import roster
from rules.sending import REPEAT_WINDOW
from rules.wording import clock_time
from runtime import audit
from runtime.errors import PermanentError
from runtime.ids import ChatId, MessageId
from runtime.jobrun import JobRun
from runtime.work import Work


@dataclass(frozen=True, slots=True)
class Outage:
    """What one person was or is to be told of one outage.

    Attributes:
        id: also the uuid of its message.
        table: key of the data table.
        since: the last good pull before it.
        error: what the platform said since; "" when it said nothing.
        over_at: when numbers came again.
    """

    id: str
    table: str
    receiver: str
    since: datetime
    error: str
    message_id: str | None = None
    over_at: datetime | None = None


def outage_card(outage: Outage, name: str, unjudged: int) -> Card:
    """The card of an outage.

    Args:
        outage: which.
        name: the data table's Chinese name.
        unjudged: how many open alerts cannot be judged because of it.
    """
    since, over = clock_time(outage.since), outage.over_at
    title = text(f"{safe(name)}没有新数据", f"No fresh numbers: {safe(name)}")
    elements: list[Element] = [
        facts([
            (text("最后一次数据", "Last numbers"), since),
            (text("暂不判断的预警", "Alerts in doubt"), str(unjudged)),
        ])
    ]  # fmt: skip
    if over is not None:
        title = text(f"{safe(name)}恢复更新", f"Numbers are back: {safe(name)}")
        elements = [
            markdown(text(f"{since} 到 {clock_time(over)} 没有数据", f"From {since} to {clock_time(over)}"))
        ]
    elif outage.error:
        elements.append(markdown(text(safe(outage.error), safe(outage.error))))
    if over is None:
        zh = "这张表的规则暂停判断，已有的预警显示“无法判断”。请检查平台授权和网络，或运行 chorus doctor"
        elements.append(
            markdown(text(zh, "Its rules do not judge meanwhile; check the connection (chorus doctor)"))
        )
    elements.append(note(text(f"编号 {told.code_of(outage.id)}", f"code {told.code_of(outage.id)}")))
    return card(header(title, severity="resolved" if over else "unknown"), elements, summary=title)


def stale_now(
    tables: Mapping[str, tuple[datetime | None, str]], limits: Mapping[str, Any], now: datetime
) -> dict[str, tuple[datetime, str]]:
    """Which tables have numbers that are too old: key → (last good pull, error). Pure."""
    return {
        table: (pulled, tables[table][1])
        for table, limit in limits.items()
        if (pulled := tables.get(table, (None, ""))[0]) is not None and now - pulled > limit
    }


class Connections:
    """The look at all connections, and the job ``rules.connection``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def look(self) -> None:
        """Decide which outages begin and which end, with the work to tell it. Part of the regular check."""
        now, limits = self.deps.clock.now(), self.deps.policy.max_age
        with self.deps.db.read() as conn:
            states = {table: store.source_state(conn, table) for table in limits}
            stale, known = stale_now(states, limits, now), self._open(conn)
        if not stale and not known:
            return
        people = roster(self.deps.sources.mirror)
        with self.deps.db.begin() as conn:
            for table, (since, error) in stale.items():
                who = people.sources(table, now) or self.deps.policy.fallback
                self._begin(conn, table, who, since, error, now)
            for outage in self._open(conn):
                pulled = states.get(outage.table, (None, ""))[0]
                if outage.table not in stale and pulled is not None and pulled > outage.since:
                    self._end(conn, outage, now)

    def _begin(
        self, conn: Connection, table: str, who: Sequence[Person], since: datetime, error: str, now: datetime
    ) -> None:
        for person in who:
            new = store.short_id("cn_", table, person.open_id, since.isoformat())
            row = {"id": new, "table": table, "receiver": person.open_id, "since": since, "error": error}
            if store.insert_new(conn, t.connection_cards, row):
                self._note(conn, Outage(new, table, person.open_id, since, error), "stale", now)
                self.deps.queue.put(conn, _work(new, person.open_id, "begin"))

    def _open(self, conn: Connection) -> list[Outage]:
        c = t.connection_cards
        rows = conn.execute(sa.select(c).where(c.c.over_at.is_(None)).order_by(c.c.id))
        return [Outage(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name

    def _end(self, conn: Connection, outage: Outage, now: datetime) -> None:
        c = t.connection_cards
        conn.execute(sa.update(c).where(c.c.id == outage.id).values(over_at=now))
        self._note(conn, outage, "fresh_again", now)
        self.deps.queue.put(conn, _work(outage.id, outage.receiver, "end"))

    @staticmethod
    def _note(conn: Connection, outage: Outage, reason: str, now: datetime) -> None:
        audit.record(
            conn, at=now, actor="system:rules", action="connection.tell", subject=f"table:{outage.table}",
            reason=reason, detail={"receiver": outage.receiver, "since": outage.since.isoformat()},
        )  # fmt: skip

    def tell(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Send the card of an outage once, or turn the one that is out to what is. Over before: not sent."""
        outage = self._load(str(args["id"]))
        if outage is None:
            return
        if outage.message_id is not None:
            run.attempt("update", lambda: self._update(outage.id, str(outage.message_id)))
        elif outage.over_at is None or run.resumed:
            run.deliver(
                "send", lambda: self._send(outage), lambda sent: self._sent(outage, sent),
                lookup=lambda: self._find(outage),
            )  # fmt: skip

    def _load(self, outage_id: str) -> Outage | None:
        c = t.connection_cards
        with self.deps.db.read() as conn:
            row = conn.execute(sa.select(c).where(c.c.id == outage_id)).first()
        return None if row is None else Outage(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name

    def _card(self, outage: Outage) -> Card:
        with self.deps.db.read() as conn:
            unjudged = store.stale_alerts(conn, outage.table)
        return outage_card(outage, self.deps.sources.catalog.by_key(outage.table).spec.name, unjudged)

    def _send(self, outage: Outage) -> dict[str, Any]:
        sent = self.deps.im.send_card(outage.receiver, self._card(outage).data, uuid=outage.id)
        return {"message_id": sent.message_id}

    def _find(self, outage: Outage) -> dict[str, Any] | None:
        """After a doubt: within the hour the uuid makes a repeat harmless, later the chat is searched."""
        if self.deps.clock.now() - outage.since <= REPEAT_WINDOW:
            return None
        with self.deps.db.read() as conn:
            chat = told.chat_with(conn, outage.receiver)
        code = told.code_of(outage.id)
        found = self.deps.im.find_sent(ChatId(chat), code, since=outage.since) if chat else None
        return None if found is None else {"message_id": found.message_id}

    def _sent(self, outage: Outage, sent: Mapping[str, Any]) -> None:
        c = t.connection_cards
        with self.deps.db.begin() as conn:
            conn.execute(sa.update(c).where(c.c.id == outage.id).values(message_id=str(sent["message_id"])))
            self.deps.queue.put(conn, _work(outage.id, outage.receiver, "sent"))

    def _update(self, outage_id: str, message: str) -> bool:
        outage = self._load(outage_id)
        if outage is None:
            return False
        try:
            self.deps.im.update_card(MessageId(message), self._card(outage).data)
        except PermanentError:  # recalled by the person: nothing is left to turn
            return False
        return True


def _work(outage_id: str, receiver: str, why: str) -> Work:
    return Work(
        "rules.connection", f"connection:{outage_id}:{why}", f"receiver:{receiver}", {"id": outage_id}
    )
