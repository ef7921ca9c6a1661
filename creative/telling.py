"""Cards about requests: sent once to each receiver, and brought to what is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from creative import store
from creative.cards import request_card
from creative.deps import Art
from creative.effects import refresh_work
from creative.views import load_view
from runtime.errors import PermanentError
from runtime.ids import ChatId, MessageId
from runtime.jobrun import JobRun

REPEAT_WINDOW = timedelta(minutes=50)
"""So long a send may be repeated under its uuid; the platform remembers it for an hour."""


class Telling:
    """The jobs ``art.card`` and ``art.refresh``."""

    def __init__(self, deps: Art) -> None:
        self.deps = deps

    def card(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Upload the previews once, then send the card once."""
        card_id = str(args["card"])
        with self.deps.db.read() as conn:
            card = store.load_card(conn, card_id)
        if card is None or card["message_id"]:
            return
        version = f"{card['request_id']}:{card['version']}"
        with self.deps.db.read() as conn:
            missing = [
                each for each in store.variants_of(conn, version) if each.preview and not each.image_key
            ]
        for each in missing:
            upload = partial(self._upload, str(each.preview))
            run.deliver(f"preview {each.variant}", upload, partial(self._keep_key, version, each.variant))
        run.deliver(
            "send", partial(self._send, card), partial(self._sent, card_id), lookup=partial(self._doubt, card)
        )

    def refresh(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Bring one receiver's cards of a request to what is; those that show it are left alone."""
        request_id, receiver = str(args["request"]), str(args["receiver"])
        with self.deps.db.read() as conn:
            request = store.load_request(conn, request_id)
            cards = [each for each in store.cards_of(conn, request_id) if each["receiver"] == receiver]
        for each in cards:
            if request is None or not each["message_id"] or each["shown_turn"] >= request.turn:
                continue
            run.deliver(
                f"update {each['message_id']}", partial(self._update, each), partial(self._shown, each)
            )

    def _upload(self, blob: str) -> str:
        return self.deps.feishu.im.upload_image("preview.jpg", self.deps.blobs.get(blob))

    def _keep_key(self, version: str, variant: int, key: str) -> None:
        with self.deps.db.begin() as conn:
            store.note_preview(conn, version, variant, key)

    def _send(self, card: Mapping[str, Any]) -> dict[str, Any]:
        with self.deps.db.read() as conn:
            request = store.load_request(conn, str(card["request_id"]))
            view = load_view(conn, request, card["version"]) if request else None
        if request is None or view is None or view.old:
            return {"skipped": True}
        message = self.deps.feishu.im.send_card(
            str(card["receiver"]), request_card(view).data, uuid=str(card["id"])
        )
        return {"message": message.message_id, "chat": message.chat_id, "turn": request.turn}

    def _doubt(self, card: Mapping[str, Any]) -> dict[str, Any] | None:
        """Within the hour the uuid makes a repeat harmless; it shows what came first, so it is refreshed.

        Later the chat with the person, known from an earlier card, is searched for it.
        """
        at: datetime = card["at"]
        if self.deps.clock.now() - at <= REPEAT_WINDOW:
            again = self._send(card)
            return again if again.get("skipped") else {**again, "turn": -1}
        with self.deps.db.read() as conn:
            chat = store.chat_with(conn, str(card["receiver"]))
        found = (
            self.deps.feishu.im.find_sent(ChatId(chat), str(card["request_id"]), since=at) if chat else None
        )
        return {"message": found.message_id, "chat": found.chat_id, "turn": -1} if found else None

    def _sent(self, card_id: str, sent: Mapping[str, Any]) -> None:
        if sent.get("skipped"):
            return
        with self.deps.db.begin() as conn:
            message = (str(sent["message"]), str(sent["chat"]))
            store.note_card(conn, card_id, turn=int(sent["turn"]), message=message)
            card = store.load_card(conn, card_id)
            receiver = str(card["receiver"]) if card else ""
            request = store.load_request(conn, str(card["request_id"])) if card else None
            if request is not None and request.turn > int(sent["turn"]):
                # It moved while the card was on its way; its refresh did not know this copy yet.
                self.deps.queue.put(conn, refresh_work(request, receiver, suffix=f":{message[0]}"))

    def _update(self, card: Mapping[str, Any]) -> int:
        with self.deps.db.read() as conn:
            request = store.load_request(conn, str(card["request_id"]))
            view = load_view(conn, request, card["version"]) if request else None
        if request is None or view is None:
            return -1
        try:
            self.deps.feishu.im.update_card(MessageId(str(card["message_id"])), request_card(view).data)
        except PermanentError:  # recalled, or older than 14 days: this copy is lost, others go on
            return 2**31 - 1
        return request.turn

    def _shown(self, card: Mapping[str, Any], turn: int) -> None:
        with self.deps.db.begin() as conn:
            store.note_card(conn, str(card["id"]), turn=turn)
