"""Jobs that tell many alerts at once: send a group's summary once, keep it true, say when all is over."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from bot.cards import Card
from rules import groups, told
from rules.deps import Worker
from rules.duty import roster
from rules.grouping import group_work, send_work
from rules.groups import Group, Member
from rules.model import Rule
from rules.overview import print_of, summarize
from rules.rulebook import load_entry
from rules.sending import REPEAT_WINDOW
from rules.silence import surroundings, withheld
from rules.summary import over_card, summary_card
from runtime import audit
from runtime.errors import PermanentError
from runtime.ids import ChatId, MessageId
from runtime.jobrun import JobRun


class GroupSending:
    """The jobs ``rules.notify_digest`` and ``rules.refresh_digest``, in the receiver's lane."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def send(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Send a group's summary as one card, exactly once, showing what is at that moment."""
        with self.deps.db.read() as conn:
            group = groups.load_group(conn, str(args["digest_id"]))
        if group is None or group.message_id is not None or group.over_at is not None:
            return
        run.deliver(
            "send",
            lambda: self._send(group),
            lambda sent: self._sent(group, sent),
            lookup=lambda: self._doubt(group),
        )

    def refresh(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Bring a group's card to what is; when all of it is over, say so in one message."""
        group, found = self._load(str(args["digest_id"]))
        if group is None or group.message_id is None or group.over_at is not None:
            return
        message, shown = group.message_id, group.shown
        if print_of(self._card(group, found)) != shown or any(member.waiting for member in found):
            run.deliver(
                "update", lambda: self._update(group.id, message), lambda new: self._shown(group, new)
            )
        if found and all(member.over for member in found):
            count = len(found)
            run.deliver(
                "over",
                lambda: self._say_over(group, count),
                lambda _sent: self._over(group),
                lookup=lambda: self._find(group, _marker(group)),
            )

    # --- inside ---

    def _load(self, group_id: str) -> tuple[Group | None, list[Member]]:
        with self.deps.db.read() as conn:
            return groups.load_group(conn, group_id), groups.members(conn, group_id)

    def _card(self, group: Group, found: list[Member]) -> Card:
        with self.deps.db.read() as conn:
            return summary_card(summarize(conn, self.deps.sources, group, found))

    def _send(self, group: Group, *, even_if_over: bool = False) -> dict[str, Any]:
        """Send it, or say that it is over; the answer has what the message shows."""
        if not even_if_over:
            self._hold(group)
        _, found = self._load(group.id)
        if all(member.over for member in found) and not even_if_over:
            return {"skipped": True}
        card = self._card(group, found)
        message = self.deps.im.send_card(group.receiver, card.data, uuid=group.uuid)
        return _message(message.message_id, message.chat_id) | {
            "shown": print_of(card),
            "ids": _waiting(found),
        }

    def _hold(self, group: Group) -> None:
        """What was silenced since it was decided leaves the group before it is told, to be decided anew."""
        now, sources = self.deps.clock.now(), self.deps.sources
        held, rules = list[str](), dict[str, Rule | None]()
        with self.deps.db.read() as conn:
            around = surroundings(conn, sources.mirror, sources.catalog, now)
            for member in groups.members(conn, group.id):
                rule_id = member.alert.rule_id
                if rule_id not in rules:
                    entry = load_entry(conn, rule_id, sources.catalog)
                    rules[rule_id] = entry.rule if entry else None
                rule = rules[rule_id]
                if rule and not member.over and withheld(member.alert, rule, group.receiver, around, now):
                    held += member.waiting
        if held:
            with self.deps.db.begin() as conn:
                told.hold(conn, held)
                _note(conn, now, group, "silenced_before_told", len(held))

    def _doubt(self, group: Group) -> dict[str, Any] | None:
        """The card may be out already; see ``Sending._doubt``. What it shows is then not known to be new."""
        _, found = self._load(group.id)
        over = all(member.over for member in found)
        with self.deps.db.read() as conn:
            chat = told.chat_with(conn, group.receiver)
        if self.deps.clock.now() - group.opened_at <= REPEAT_WINDOW and (chat is None or not over):
            return {**self._send(group, even_if_over=True), "shown": "", "ids": []}
        return self._find(group, group.code) or ({"skipped": True} if over else None)

    def _find(self, group: Group, marker: str) -> dict[str, Any] | None:
        with self.deps.db.read() as conn:
            chat = told.chat_with(conn, group.receiver)
        found = self.deps.im.find_sent(ChatId(chat), marker, since=group.opened_at) if chat else None
        if found is None:
            return None
        return _message(found.message_id, found.chat_id) | {"shown": "", "ids": []}

    def _sent(self, group: Group, sent: Mapping[str, Any]) -> None:
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            if sent.get("skipped"):
                self._skipped(conn, group, now)
                return
            message, ids = str(sent["message_id"]), list(sent["ids"])
            groups.change_group(
                conn, group.id, message_id=message, chat_id=str(sent["chat_id"]), shown=str(sent["shown"])
            )
            told.mark_notices(conn, ids, told.SENT, at=now, message_id=message)
            _note(conn, now, group, "sent", len(ids))
            # What moved while it was on its way found no message to draw anew.
            self.deps.queue.put(conn, group_work(group, now))

    def _skipped(self, conn: Connection, group: Group, now: datetime) -> None:
        """All of it was over when it would have been sent; what joined since then is sent after all."""
        found = groups.members(conn, group.id)
        if not all(member.over for member in found):
            self._again(conn, group)
            return
        told.mark_notices(conn, _waiting(found), told.SKIPPED, at=now)
        groups.change_group(conn, group.id, over_at=now)
        _note(conn, now, group, "over_before_told", len(found))

    def _again(self, conn: Connection, group: Group) -> None:
        """Send it as a new message."""
        anew = replace(group, sends=group.sends + 1, message_id=None, shown="")
        groups.change_group(conn, group.id, sends=anew.sends, message_id=None, shown="")
        self.deps.queue.put(conn, send_work(anew))

    def _update(self, group_id: str, message: str) -> dict[str, Any]:
        group, found = self._load(group_id)
        if group is None:
            return {}
        card = self._card(group, found)
        try:
            self.deps.im.update_card(MessageId(message), card.data)
        except PermanentError as error:  # recalled by a person, or too old
            return {"lost": str(error)}
        return {"shown": print_of(card), "ids": _waiting(found)}

    def _shown(self, group: Group, result: Mapping[str, Any]) -> None:
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            if "lost" not in result:
                groups.change_group(conn, group.id, shown=str(result.get("shown", "")))
                ids = list(result.get("ids", ()))
                told.mark_notices(conn, ids, told.SENT, at=now, message_id=group.message_id)
                return
            _note(conn, now, group, "card_lost", 0)
            if any(member.waiting for member in groups.members(conn, group.id)):
                self._again(conn, group)
            else:
                groups.change_group(conn, group.id, over_at=now)

    def _say_over(self, group: Group, count: int) -> dict[str, Any]:
        """Tell the end, unless the person wants quiet now: then the green card is enough."""
        now = self.deps.clock.now()
        if roster(self.deps.sources.mirror).quiet(group.receiver, now):
            return {"quiet": True}
        _, found = self._load(group.id)
        with self.deps.db.read() as conn:
            card = over_card(summarize(conn, self.deps.sources, group, found), _marker(group))
        sent = self.deps.im.send_card(group.receiver, card.data, uuid=f"{group.id}.over{count}")
        return _message(sent.message_id, sent.chat_id)

    def _over(self, group: Group) -> None:
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            found = groups.members(conn, group.id)
            if all(member.over for member in found):
                groups.change_group(conn, group.id, over_at=now)
                _note(conn, now, group, "all_over", len(found))


def _marker(group: Group) -> str:
    return f"{group.code}-END"


def _message(message_id: str, chat_id: str) -> dict[str, Any]:
    return {"message_id": message_id, "chat_id": chat_id}


def _waiting(found: list[Member]) -> list[str]:
    return [notice for member in found for notice in member.waiting]


def _note(conn: Connection, now: datetime, group: Group, reason: str, count: int) -> None:
    audit.record(
        conn, at=now, actor="system:rules", action="group.send", subject=f"group:{group.id}", reason=reason,
        detail={"receiver": group.receiver, "alerts": count},
    )  # fmt: skip
