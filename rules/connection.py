"""A connection that brings no fresh numbers, or stopped listing many objects: one card to who looks after it.

Only rows of that connection are *unknown* meanwhile, and one card is sent however many tables and alerts it
is about. The card turns green when numbers come again, or when somebody has confirmed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, Person
from bot.cards import Card
from rules import store, told
from rules import tables as t
from rules.deps import Worker
from rules.duty import Roster, roster
from rules.freshness import SourceState, load_missing, load_states, stale_objects, stale_sources
from rules.missing import Question, open_questions
from rules.outages import (
    MISSING,
    STALE,
    Outage,
    load_outage,
    missing_card,
    missing_shown,
    missing_subject,
    open_outages,
    outage_card,
    show_work,
)
from rules.sending import REPEAT_WINDOW
from rules.sources import source_of
from rules.specs import SOURCE
from runtime import audit
from runtime.errors import PermanentError
from runtime.ids import ChatId, MessageId
from runtime.jobrun import JobRun

DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is to be told of one subject now: see `Outage`; ``tables`` are the keys of its data tables."""

    subject: str
    connection: str
    tables: tuple[str, ...]
    since: datetime
    error: str
    shown: str


def stale_now(states: Iterable[SourceState], limits: Mapping[str, timedelta], now: datetime) -> list[Trouble]:
    """Connections whose numbers are too old, each once however many tables it feeds. Pure.

    Args:
        states: how every source stands.
        limits: a table key → how old its numbers may be.
        now: aware time.
    """
    by_subject: dict[str, list[SourceState]] = {}
    for each in stale_sources(states, limits, now):
        subject = f"{STALE}{each.connection}" if each.connection else each.table
        by_subject.setdefault(subject, []).append(each)
    return [
        Trouble(
            subject, some[0].connection, tables := tuple(sorted(each.table for each in some)),
            min(each.since for each in some if each.since is not None),
            next((each.error for each in some if each.error), ""), ",".join(tables),
        )
        for subject, some in by_subject.items()
    ]  # fmt: skip


def missing_now(questions: Iterable[Question]) -> list[Trouble]:
    """What is to be confirmed, as told."""
    return [
        Trouble(
            missing_subject(each.table, each.connection), each.connection, (each.table,), each.since, "",
            missing_shown(each),
        )
        for each in questions
    ]  # fmt: skip


class Connections:
    """The look at all connections, and the job ``rules.connection``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def look(self) -> None:
        """Decide which troubles begin, changed and end, with the work to tell it. Part of every check."""
        now = self.deps.clock.now()
        with self.deps.db.read() as conn:
            states, questions, known = load_states(conn), open_questions(conn), open_outages(conn)
        troubles = [*stale_now(states, self.deps.policy.max_age, now), *missing_now(questions)]
        if not troubles and not known:
            return
        people = roster(self.deps.sources.mirror)
        with self.deps.db.begin() as conn:
            known = open_outages(conn)
            for each in troubles:
                self._tell(conn, each, [one for one in known if one.table == each.subject], people, now)
            here = {each.subject for each in troubles}
            for outage in known:
                if outage.table not in here and (why := _over(outage, states)):
                    self._end(conn, outage, why, now)

    def _tell(
        self, conn: Connection, of: Trouble, known: Sequence[Outage], people: Roster, now: datetime
    ) -> None:
        who = people.sources(of.tables, of.connection, now) or self.deps.policy.fallback
        told_to = {outage.receiver for outage in known}
        self._begin(conn, of, [person for person in who if person.open_id not in told_to], now)
        c = t.connection_cards
        for outage in known:
            if outage.shown != of.shown:
                values = {"shown": of.shown, "error": of.error}
                conn.execute(sa.update(c).where(c.c.id == outage.id).values(**values))
                self.deps.queue.put(conn, show_work(outage, f"show:{now.timestamp():.0f}"))

    def _begin(self, conn: Connection, of: Trouble, who: Sequence[Person], now: datetime) -> None:
        for person in who:
            new = store.short_id("cn_", of.subject, person.open_id, of.since.isoformat())
            outage = Outage(new, of.subject, person.open_id, of.since, of.error, shown=of.shown)
            row = {
                "id": new, "table": of.subject, "receiver": person.open_id, "since": of.since,
                "error": of.error, "shown": of.shown,
            }  # fmt: skip
            if store.insert_new(conn, t.connection_cards, row):
                self._note(conn, outage, "missing" if of.subject.startswith(MISSING) else "stale", now)
                self.deps.queue.put(conn, show_work(outage, "begin"))

    def _end(self, conn: Connection, outage: Outage, why: str, now: datetime) -> None:
        c = t.connection_cards
        over = {"over_at": now, **({"shown": ""} if why == DISCONNECTED else {})}
        conn.execute(sa.update(c).where(c.c.id == outage.id).values(**over))
        self._note(conn, outage, why, now)
        self.deps.queue.put(conn, show_work(outage, "end"))

    @staticmethod
    def _note(conn: Connection, outage: Outage, reason: str, now: datetime) -> None:
        audit.record(
            conn, at=now, actor="system:rules", action="connection.tell", subject=_subject(outage),
            reason=reason, detail={"receiver": outage.receiver, "since": outage.since.isoformat()},
        )  # fmt: skip

    def tell(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Send the card of a trouble once, or turn the one that is out to what is. Over before: not sent."""
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
        with self.deps.db.read() as conn:
            return load_outage(conn, outage_id)

    def _card(self, outage: Outage) -> Card:
        names = [self.deps.sources.catalog.by_key(table).spec.name for table in outage.tables]
        if outage.table.startswith(MISSING):
            return missing_card(outage, names[0])
        return outage_card(outage, names, 0 if outage.over_at else self._unjudged(outage))

    def _unjudged(self, outage: Outage) -> int:
        """How many alerts cannot be judged because of it."""
        count, mirror = 0, self.deps.sources.mirror
        for table in outage.tables:
            with self.deps.db.read() as conn:
                objects, missing = stale_objects(conn, table), load_missing(conn, table)
            rows = mirror.by_keys(table, set(objects) - missing.keys())
            own = {
                key
                for key, found in rows.items()
                if not outage.connection
                or any(source_of(row.values.get(SOURCE, EMPTY)) == outage.connection for row in found)
            }
            count += sum(key in own for key in objects)
        return count

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
            self.deps.queue.put(conn, show_work(outage, "sent"))

    def _update(self, outage_id: str, message: str) -> bool:
        outage = self._load(outage_id)
        if outage is None:
            return False
        try:
            self.deps.im.update_card(MessageId(message), self._card(outage).data)
        except PermanentError:  # recalled by the person: nothing is left to turn
            return False
        return True


def _over(outage: Outage, states: Iterable[SourceState]) -> str:
    """Why a trouble that is told no more is over, as a named reason; "" while it is not.

    No numbers end only when the connection brought some, or is connected no longer.
    """
    if outage.table.startswith(MISSING):
        return "no_longer_missing"
    own = [each for each in states if each.table in outage.tables and each.connection == outage.connection]
    if not any(each.connected for each in own):
        return DISCONNECTED
    good = all(each.pulled_at is not None and each.pulled_at > outage.since for each in own if each.connected)
    return "fresh_again" if good else ""


def _subject(outage: Outage) -> str:
    """How the audit trail calls it."""
    return outage.table if ":" in outage.table else f"table:{outage.table}"
