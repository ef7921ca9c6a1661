"""Jobs that tell people: send a card once, refresh every copy. Each in its receiver's lane."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from rules import store, told
from rules.cards import alert_card
from rules.deps import Worker
from rules.effects import refresh_work
from rules.model import Alert
from rules.notices import Kind
from rules.silence import surroundings, withheld
from rules.told import Copy, Told
from rules.views import View, load_view
from runtime import audit
from runtime.errors import PermanentError
from runtime.ids import ChatId, MessageId
from runtime.jobrun import JobRun

FORM_PATIENCE = timedelta(minutes=3)
"""A form somebody opened is not drawn over by mere numbers for this long."""

REPEAT_WINDOW = timedelta(minutes=50)
"""So long a send may be repeated with its uuid (the platform remembers it for an hour).

Later it is looked up.
"""

SKIPPED_REASON, HELD_REASON = "over_before_told", "silenced_before_told"


class Sending:
    """The jobs ``rules.notify`` and ``rules.refresh``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def notify(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Send one notice as a card, exactly once, showing the alert as it is at that moment."""
        notice_id = str(args["notice_id"])
        with self.deps.db.read() as conn:
            notice = told.load_notice(conn, notice_id)
        if notice is None or notice.state != told.QUEUED:
            return
        run.deliver(
            "send",
            lambda: self._send(notice),
            lambda sent: self._record(notice, sent),
            lookup=lambda: self._doubt(notice),
        )

    def _doubt(self, notice: Told) -> dict[str, Any] | None:
        """The card may be out already: it must not come twice, nor be forgotten and show old news.

        Within the hour the send is repeated with its uuid. The platform then shows what came first, so the
        copy counts as older than anything and is refreshed. What is over or silenced meanwhile is not sent
        late but looked for, except where the chat is not known and nothing can be looked up.
        """
        with self.deps.db.read() as conn:
            chat = told.chat_with(conn, notice.receiver)
            view, idle = self._view(conn, notice)
        if self._repeatable(notice) and view is not None and (chat is None or not idle):
            return {**self._deliver(view, notice), "version": 0, "turn": 0}
        return (self._found(chat, notice.code, notice) if chat else None) or idle or None

    def _repeatable(self, notice: Told) -> bool:
        return self.deps.clock.now() - notice.created_at <= REPEAT_WINDOW

    def _send(self, notice: Told) -> dict[str, Any]:
        """Send it, or say why it is not to be told now; the answer has what the message shows."""
        with self.deps.db.read() as conn:
            view, idle = self._view(conn, notice)
        return idle if view is None or idle else self._deliver(view, notice)

    def _view(self, conn: Connection, notice: Told) -> tuple[View | None, dict[str, Any]]:
        """What the card shows, and whether the decision still holds: it may be over, or silenced since."""
        alert = store.load_alert(conn, notice.alert_id)
        if alert is None:
            return None, {"skipped": True}
        view = load_view(conn, self.deps.sources, alert, notice.code)
        if _over(alert, notice):
            return view, {"skipped": True}
        if notice.kind == Kind.SHOWN or view.rule is None:
            return view, {}
        now, sources = self.deps.clock.now(), self.deps.sources
        around = surroundings(conn, sources.mirror, sources.catalog, now)
        why = withheld(alert, view.rule, notice.receiver, around, now)
        return view, {"held": why.value} if why else {}

    def _deliver(self, view: View, notice: Told) -> dict[str, Any]:
        message = self.deps.im.send_card(notice.receiver, alert_card(view).data, uuid=notice.id)
        return {
            "message_id": message.message_id,
            "chat_id": message.chat_id,
            "version": view.alert.version,
            "turn": view.alert.turn,
        }

    def _found(self, chat: str, code: str, notice: Told) -> dict[str, Any] | None:
        """The message with this code, in whatever version it stands."""
        found = self.deps.im.find_sent(ChatId(chat), code, since=notice.created_at)
        if not found:
            return None
        return {"message_id": found.message_id, "chat_id": found.chat_id, "version": 0, "turn": 0}

    def _record(self, notice: Told, sent: Mapping[str, Any]) -> None:
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            if sent.get("skipped"):
                told.mark_notices(conn, [notice.id], told.SKIPPED, at=now)
                _note(conn, now, notice, SKIPPED_REASON)
                return
            if sent.get("held"):  # the next check decides anew
                told.hold(conn, [notice.id])
                _note(conn, now, notice, HELD_REASON)
                return
            # Held: whoever changes the alert now sees this copy or is seen here; one of both draws it anew.
            alert = store.load_alert(conn, notice.alert_id, lock=True)
            if alert is None:
                return
            message_id, chat_id = str(sent["message_id"]), str(sent["chat_id"])
            told.mark_notices(conn, [notice.id], told.SENT, at=now, message_id=message_id)
            told.add_copy(
                conn,
                notice,
                message_id,
                chat_id,
                version=int(sent["version"]),
                turn=int(sent["turn"]),
                at=now,
            )
            _note(conn, now, notice, "sent")
            if alert.version > int(sent["version"]):
                # It moved while the card was on its way; its refresh did not know this copy yet.
                self.deps.queue.put(conn, refresh_work(alert, notice.receiver, suffix=f":{message_id}"))

    def refresh(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Bring one receiver's copies of an alert's card to the newest version; skip those that show it.

        A copy with an open form is left alone while somebody may be typing, and drawn afterwards.
        """
        alert_id, receiver, anew = str(args["alert_id"]), str(args["receiver"]), bool(args.get("anew"))
        with self.deps.db.read() as conn:
            alert = store.load_alert(conn, alert_id)
            copies = told.copies(conn, alert_id, receiver)
        if alert is None:
            return
        behind = [copy for copy in copies if anew or copy.shown_version < alert.version]
        busy = [copy.form_at for copy in behind if copy.form_at and self._busy(copy, alert)]
        if busy:
            later = refresh_work(alert, receiver, suffix=f":form:{max(busy):%H%M%S%f}", anew=anew)
            with self.deps.db.begin() as conn:
                self.deps.queue.put(conn, replace(later, delay=FORM_PATIENCE))
        for copy in behind:
            if not self._busy(copy, alert):
                run.deliver(f"update:{copy.message_id}", self._updater(copy), self._recorder(copy))

    def _busy(self, copy: Copy, alert: Alert) -> bool:
        """Whether somebody types in a form of this copy, and only numbers changed since."""
        recent = copy.form is not None and _recent(copy.form_at, self.deps.clock.now())
        return recent and copy.shown_turn >= alert.turn

    def _updater(self, copy: Copy) -> Callable[[], dict[str, Any]]:
        def update() -> dict[str, Any]:
            with self.deps.db.read() as conn:
                alert = store.load_alert(conn, copy.alert_id)
                if alert is None:
                    return {}
                view = load_view(conn, self.deps.sources, alert, told.code_of(copy.notice_id))
            try:
                self.deps.im.update_card(MessageId(copy.message_id), alert_card(view).data)
            except PermanentError as error:  # recalled, older than 14 days: this copy is lost, others go on
                return {"lost": str(error)}
            return {"version": alert.version, "turn": alert.turn}

        return update

    def _recorder(self, copy: Copy) -> Callable[[Mapping[str, Any]], None]:
        def record(result: Mapping[str, Any]) -> None:
            with self.deps.db.begin() as conn:
                if "lost" in result:
                    told.lost(conn, copy.message_id, str(result["lost"]))
                elif result:
                    told.shown(
                        conn, copy.message_id, version=int(result["version"]), turn=int(result["turn"])
                    )

        return record


def _recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at < FORM_PATIENCE


def _over(alert: Alert, notice: Told) -> bool:
    """Whether the news is no news any more. What a person asked to see is always shown."""
    if notice.kind == Kind.SHOWN:
        return False
    if notice.kind == Kind.UNKNOWN:
        return alert.state.value != "unknown"
    return not alert.open or alert.episode != notice.episode


def _note(conn: Any, now: datetime, notice: Told, reason: str) -> None:
    audit.record(
        conn,
        at=now,
        actor="system:rules",
        action="notice.send",
        subject=f"alert:{notice.alert_id}",
        reason=reason,
        detail={"notice": notice.id, "receiver": notice.receiver, "kind": notice.kind},
    )
