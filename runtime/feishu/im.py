"""Messages, cards and images."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from runtime.feishu.door import Door
from runtime.feishu.endpoint import MESSAGES, RECEIVER, Endpoint, Wanted
from runtime.feishu.keys import message_uuid
from runtime.feishu.transport import File
from runtime.ids import ChatId, MessageId

SEND = Endpoint("POST", "/open-apis/im/v1/messages", MESSAGES, writes=True)
REPLY = Endpoint("POST", "/open-apis/im/v1/messages/:message_id/reply", MESSAGES, writes=True)
UPDATE = Endpoint("PATCH", "/open-apis/im/v1/messages/:message_id", MESSAGES, writes=True)
GET = Endpoint("GET", "/open-apis/im/v1/messages/:message_id", MESSAGES)
LIST = Endpoint("GET", "/open-apis/im/v1/messages", MESSAGES)
UPLOAD_IMAGE = Endpoint("POST", "/open-apis/im/v1/images", MESSAGES, writes=True)
RESOURCE = Endpoint("GET", "/open-apis/im/v1/messages/:message_id/resources/:file_key", MESSAGES)

PAGE = 50
APART = timedelta(hours=3)
"""How far before a moment of ours a look into a chat begins: a clock at a wrong hour must hide nothing."""
LARGEST_IMAGE = 10 * 1024 * 1024
"""Bytes of a picture for messages; GIF up to 2,000 pixels a side, others up to 12,000 (234039)."""
LARGEST_RESOURCE = 20 * 1024 * 1024
"""Bytes of a file from a message that are read at most, unless asked otherwise; Feishu's limit is 100 MB."""
ORIGINAL_CARDS = "user_card_content"
"""Asks for cards as they were sent; without it a degraded form comes back."""

ReceiverType = Literal["open_id", "chat_id", "union_id", "user_id", "email"]


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that exists.

    Args:
        message_id: for updating and replying.
        chat_id: the chat it stands in, also for messages to a person.
    """

    message_id: MessageId
    chat_id: ChatId


class Im:
    """Messages of the bot. All limits per receiver, group and card are waited for here."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def send_card(
        self,
        receive_id: str,
        card: Mapping[str, Any],
        *,
        uuid: str,
        receive_id_type: ReceiverType = "open_id",
        under: Sequence[Wanted] = (),
    ) -> SentMessage:
        """Send a card.

        Args:
            receive_id: person or group.
            card: card JSON 2.0, at most 30 KB.
            uuid: idempotency key; the platform sends one message per key and hour (longer keys are hashed to
                50 characters). After `Ambiguous` repeat with the same key within 50 minutes
                (it is forgotten after an hour), later look with `find_sent` first.
            receive_id_type: what kind of id `receive_id` is.
            under: further limits it counts against, e.g. to spread thousands of cards evenly.

        Raises:
            Rejected: the card is wrong; `sub_code` and `path` say where.
            NotPermitted: the person or group cannot be reached.
            FeishuError: see `runtime.feishu.errors`.

        Source: docs im-v1/message/create.
        """
        return self._send(receive_id, "interactive", card, uuid, receive_id_type, under)

    def send_text(
        self, receive_id: str, text: str, *, uuid: str, receive_id_type: ReceiverType = "open_id"
    ) -> SentMessage:
        """Send plain text (at most 150 KB). Arguments and errors as `send_card`."""
        return self._send(receive_id, "text", {"text": text}, uuid, receive_id_type)

    def reply_text(self, message_id: MessageId, text: str, *, uuid: str) -> SentMessage:
        """Answer a message with text, quoting it. Errors as `send_card`. Source: docs im-v1/message/reply."""
        return self._reply(message_id, "text", {"text": text}, uuid)

    def reply_card(self, message_id: MessageId, card: Mapping[str, Any], *, uuid: str) -> SentMessage:
        """Answer a message with a card, quoting it. Errors as `send_card`."""
        return self._reply(message_id, "interactive", card, uuid)

    def update_card(self, message_id: MessageId, card: Mapping[str, Any]) -> None:
        """Replace a card for everyone who sees it.

        The last write wins, so after `Ambiguous` it may be sent again; keep updates of one card in one lane.

        Raises:
            Rejected: older than 14 days (230031), or the card is wrong.
            NotFound: the message was recalled.
            Busy: somebody is just tapping the card.

        Source: docs im-v1/message/patch (5 a second per card).
        """
        self._door.call(
            UPDATE,
            paths={"message_id": message_id},
            body={"content": _json(card)},
            under=((f"card:{message_id}", RECEIVER),),
        )

    def get_message(self, message_id: MessageId) -> dict[str, Any] | None:
        """Return one message with its card as it was sent; None when the platform shows none.

        Source: docs im-v1/message/get.
        """
        query = {"card_msg_content_type": ORIGINAL_CARDS, "user_id_type": "open_id"}
        items = self._door.call(GET, paths={"message_id": message_id}, query=query).get("items") or []
        return items[0] if items else None

    def list_messages(self, chat_id: ChatId, *, since: datetime) -> list[dict[str, Any]]:
        """Return the messages of a chat from a moment on, oldest first, all pages, cards as they were sent.

        Args:
            chat_id: also of a chat with one person (`SentMessage.chat_id`).
            since: aware; the platform compares whole seconds.

        Source: docs im-v1/message/list.
        """
        query = {
            "container_id_type": "chat",
            "container_id": chat_id,
            "start_time": str(int(since.timestamp())),
            "sort_type": "ByCreateTimeAsc",
            "page_size": PAGE,
            "card_msg_content_type": ORIGINAL_CARDS,
        }
        return list(self._door.pages(LIST, query=query))

    def find_sent(self, chat_id: ChatId, marker: str, *, since: datetime) -> SentMessage | None:
        """Look whether a message holding a marker was sent: settles an `Ambiguous` after 50 minutes.

        Args:
            chat_id: where it should be.
            marker: text only that message holds, e.g. the object's id in a button's value.
            since: when it was first tried.
        """
        for item in self.list_messages(chat_id, since=since - APART):
            content = (item.get("body") or {}).get("content")
            if marker in str(content or "") and not item.get("deleted"):
                return _sent(item, chat_id)
        return None

    def find_reply(self, message_id: MessageId, chat_id: ChatId, *, since: datetime) -> SentMessage | None:
        """Look whether the bot has answered a message: settles an `Ambiguous` reply at any time.

        Args:
            message_id: what was answered.
            chat_id: where it stands.
            since: when it was written.
        """
        for item in self.list_messages(chat_id, since=since - APART):
            by = item.get("sender") or {}
            if item.get("parent_id") == message_id and by.get("id") == self._door.app_id:
                return _sent(item, chat_id)
        return None

    def upload_image(self, name: str, data: bytes) -> str:
        """Upload an image for use in messages and return its key (valid for this app only).

        Args:
            name: file name with extension.
            data: JPG, PNG, WEBP, GIF, BMP, ICO or TIFF, 1 byte to 10 MB.

        Raises:
            ValueError: empty or too large; nothing was sent. Make a smaller preview.
            Rejected: not a picture (234011), or too many pixels (234039).

        Source: docs im-v1/image/create. Uploading twice makes two keys and does no harm.
        """
        if not 1 <= len(data) <= LARGEST_IMAGE:
            msg = f"A picture for a message has 1 to {LARGEST_IMAGE:,} bytes, not {len(data):,}; shrink it."
            raise ValueError(msg)
        form: dict[str, str | File] = {
            "image_type": "message",
            "image": (name, data, "application/octet-stream"),
        }
        return str(self._door.call(UPLOAD_IMAGE, form=form).get("image_key") or "")

    def get_resource(
        self,
        message_id: MessageId,
        file_key: str,
        *,
        most: int = LARGEST_RESOURCE,
    ) -> bytes:
        """Return a file that somebody sent in a chat the bot is in.

        Args:
            message_id: the message.
            file_key: from the message's content.
            most: bytes; a larger file is refused before it is read, at the latest after so many bytes.

        Raises:
            TooLarge: larger than `most`, or than the 100 MB Feishu hands out (234037).
            NotFound: the message was recalled, or has no such file (234003).
            NotPermitted: the bot is not in the chat, or may not see the message (234004, 234040).

        Source: docs im-v1/message-resource/get. Needs im:message or im:message:readonly.
        """
        paths = {"message_id": message_id, "file_key": file_key}
        return self._door.content(RESOURCE, paths=paths, query={"type": "file"}, most=most)

    def _send(
        self,
        receive_id: str,
        kind: str,
        content: Mapping[str, Any],
        uuid: str,
        receive_id_type: ReceiverType,
        under: Sequence[Wanted] = (),
    ) -> SentMessage:
        body = {
            "receive_id": receive_id,
            "msg_type": kind,
            "content": _json(content),
            "uuid": message_uuid(uuid),
        }
        data = self._door.call(
            SEND,
            query={"receive_id_type": receive_id_type},
            body=body,
            under=((f"receiver:{receive_id}", RECEIVER), *under),
        )
        return _sent(data, ChatId(""))

    def _reply(self, message_id: MessageId, kind: str, content: Mapping[str, Any], uuid: str) -> SentMessage:
        body = {"msg_type": kind, "content": _json(content), "uuid": message_uuid(uuid)}
        data = self._door.call(
            REPLY,
            paths={"message_id": message_id},
            body=body,
            under=((f"card:{message_id}", RECEIVER),),
        )
        return _sent(data, ChatId(""))


def _sent(item: Mapping[str, Any], chat_id: ChatId) -> SentMessage:
    return SentMessage(
        MessageId(str(item.get("message_id") or "")), ChatId(str(item.get("chat_id") or chat_id))
    )


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
