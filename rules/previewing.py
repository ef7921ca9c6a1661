"""Jobs of previews: the card to who switched a rule on, once; and unticking 启用 when they say so."""

from collections.abc import Mapping
from typing import Any

from rules import told
from rules.commands import would
from rules.deps import Worker
from rules.dryrun import DryRuns, load_run
from rules.preview import Sight, asked_card
from rules.previews import Preview, change_preview, load_preview, show_work
from rules.replay import dry_lines
from rules.rulebook import Entry, load_entry
from rules.sending import REPEAT_WINDOW
from rules.specs import RULES
from runtime.errors import PermanentError
from runtime.ids import ChatId, MessageId
from runtime.jobrun import JobRun


class Previewing:
    """The jobs ``rules.preview`` and ``rules.switch_off``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def show(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Send the card of a preview once, or turn the one that is out to what is."""
        preview, entry = self._load(str(args["id"]))
        if preview is None or entry is None:
            return
        if preview.message_id is not None:
            message = MessageId(preview.message_id)
            run.attempt("update", lambda: self._update(message, preview, entry))
            return
        void = preview.answer is not None or not self._current(preview, entry)
        if void and not run.resumed:
            return
        with self.deps.db.read() as conn:
            made = load_run(conn, entry)[1]
        if not made:
            DryRuns(self.deps).run(run, {"rule_id": preview.rule_id})
        run.deliver(
            "send", lambda: self._send(preview, entry), lambda sent: self._sent(preview, sent),
            lookup=lambda: self._find(preview, void=void),
        )  # fmt: skip

    def switch_off(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Untick 启用, unless the row was edited since; then take the row over, which closes its alerts."""
        preview, entry = self._load(str(args["id"]))
        if preview is None or entry is None or not self._current(preview, entry):
            return
        run.attempt("write", lambda: self.deps.sync.pusher.write(RULES, preview.rule_id, {"enabled": False}))
        self.deps.reviewer.review()
        with self.deps.db.begin() as conn:
            change_preview(conn, preview.id, until=None)
            self.deps.queue.put(conn, show_work(preview, "off"))

    # --- inside ---

    def _load(self, preview_id: str) -> tuple[Preview | None, Entry | None]:
        with self.deps.db.read() as conn:
            preview = load_preview(conn, preview_id)
            entry = load_entry(conn, preview.rule_id, self.deps.sources.catalog) if preview else None
        return preview, entry

    @staticmethod
    def _current(preview: Preview, entry: Entry) -> bool:
        """Whether the rule is still as it was previewed, and on."""
        on = entry.rule is not None and entry.rule.enabled and not entry.deleted
        return on and entry.version == preview.version

    def _sight(self, entry: Entry, reader: str) -> Sight | None:
        if entry.rule is None:
            return None
        with self.deps.db.read() as conn:
            past, _ = load_run(conn, entry)
            findings, names = would(
                conn, self.deps.sources, self.deps.policy, entry.rule, reader, self.deps.clock.now()
            )
        return Sight(findings, names, dry_lines(past))

    def _send(self, preview: Preview, entry: Entry) -> dict[str, Any]:
        """Send it to the first who can be reached: who edited may have left, or be no person."""
        refused: PermanentError | None = None
        for number, reader in enumerate(preview.receivers):
            card = asked_card(preview, entry, self.deps.clock.now(), self._sight(entry, reader))
            uuid = preview.id if number == 0 else f"{preview.id}.{number}"
            try:
                sent = self.deps.im.send_card(reader, card.data, uuid=uuid)
            except PermanentError as error:
                refused = error
                continue
            return {"message_id": sent.message_id, "receiver": reader}
        assert refused is not None  # noqa: S101 - there is somebody to ask, or there is no preview
        raise refused

    def _find(self, preview: Preview, *, void: bool) -> dict[str, Any] | None:
        """After a doubt: within the hour the uuid makes a repeat harmless, later the chats are searched."""
        if not void and self.deps.clock.now() - preview.at <= REPEAT_WINDOW:
            return None
        for reader in preview.receivers:
            with self.deps.db.read() as conn:
                chat = told.chat_with(conn, reader)
            found = chat and self.deps.im.find_sent(ChatId(chat), told.code_of(preview.id), since=preview.at)
            if found:
                return {"message_id": found.message_id, "receiver": reader}
        return {"skipped": True} if void else None

    def _sent(self, preview: Preview, sent: Mapping[str, Any]) -> None:
        if sent.get("skipped"):
            return
        with self.deps.db.begin() as conn:
            change_preview(
                conn, preview.id, message_id=str(sent["message_id"]), receiver=str(sent["receiver"])
            )

    def _update(self, message: MessageId, preview: Preview, entry: Entry) -> bool:
        reader = preview.receiver or preview.receivers[0]
        sight = self._sight(entry, reader) if self._current(preview, entry) else None
        card = asked_card(preview, entry, self.deps.clock.now(), sight)
        try:
            self.deps.im.update_card(message, card.data)
        except PermanentError:  # recalled by the person: nothing is left to turn
            return False
        return True
