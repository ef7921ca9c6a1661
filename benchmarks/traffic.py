"""What the platform sends in a day, as bytes: signed and sealed requests with ids of their own."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox import crypto

RECORD = "drive.file.bitable_record_changed_v1"
EDITED = "drive.file.edit_v1"
MESSAGE = "im.message.receive_v1"
APPROVAL = "approval_instance"
NOBODYS = (
    "contact.user.updated_v3",
    "im.chat.updated_v1",
    "im.message.message_read_v1",
    "calendar.changed_v4",
)
"""Types nobody handles: they are acknowledged all the same."""
MIX = {RECORD: 55, EDITED: 15, "nobody": 22, APPROVAL: 5, "tap": 2, MESSAGE: 1}
"""Of a hundred requests. One message a hundred: at 300/s their answers are 180 a minute of the 1,000 an app
may send."""


@dataclass
class Platform:
    """Makes requests as the platform does.

    Args:
        host: of the product, for the Host header.
        port: its port.
        base: token of the base whose rows change.
        table: id of the table.
        records: ids of its rows.
        people: open ids.
        draw: decides everything that is left to chance.
        taps: card values that people may send, e.g. ``{"a": "…", "id": "…", "v": 1}``, with who holds them.
        name: begins every id, so that two generators never share one.
        said: messages people wrote (who, chat, message id), to be told of; one that is not there cannot be
            answered, so without any of them nobody writes.
    """

    host: str
    port: int
    base: str
    table: str
    records: Sequence[str]
    people: Sequence[str]
    draw: random.Random
    taps: Sequence[tuple[str, dict[str, Any]]] = ()
    name: str = "flood"
    app_id: str = "cli_sandbox0000001"
    key: str = "sandbox-encrypt-key"
    token: str = "sandbox-verification-token"
    offset: float = 0.0
    said: deque[tuple[str, str, str]] = field(default_factory=deque)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def day(self, count: int) -> Iterator[tuple[str, str, bytes]]:
        """So many requests of the usual mix: (id, kind, bytes)."""
        kinds = self.draw.choices(list(MIX), weights=list(MIX.values()), k=count)
        for kind in kinds:
            yield self.request(kind)

    def request(self, kind: str) -> tuple[str, str, bytes]:
        """One request of a kind of `MIX`."""
        if kind == RECORD:
            return self.changed(self.draw.choice(self.records))
        if kind == EDITED:
            return self._v2(EDITED, {"file_type": "bitable", "file_token": self.base}, kind)
        if kind == APPROVAL:
            return self._approval()
        if kind == "tap":
            return self._tap()
        if kind == MESSAGE and self.said:
            return self._message(*self.said.popleft())
        return self._v2(
            self.draw.choice(NOBODYS), {"object": {"open_id": self.draw.choice(self.people)}}, kind
        )

    def changed(self, *records: str) -> tuple[str, str, bytes]:
        """Rows changed; the values in the event are not those in the rows, as nobody may believe them."""
        cells = [
            {"field_id": f"fld{n:07}", "field_value": json.dumps([{"text": f"第 {n} 格"}])} for n in range(12)
        ]
        actions = [
            {"record_id": each, "action": "record_edited", "before_value": cells, "after_value": cells}
            for each in records
        ]
        body = {"file_type": "bitable", "file_token": self.base, "table_id": self.table, "revision": 1}
        return self._v2(RECORD, {**body, "action_list": actions}, RECORD)

    def _message(self, who: str, chat: str, message_id: str) -> tuple[str, str, bytes]:
        message = {
            "message_id": message_id, "chat_id": chat, "chat_type": "p2p", "message_type": "text",
            "create_time": str(self._ms()), "content": json.dumps({"text": "帮助"}),
        }  # fmt: skip
        sender = {"sender_id": {"open_id": who}, "sender_type": "user"}
        return self._v2(MESSAGE, {"sender": sender, "message": message}, MESSAGE)

    def _tap(self) -> tuple[str, str, bytes]:
        nobody = (self.draw.choice(self.people), {"a": "flood.nobody"})
        who, value = self.draw.choice(self.taps) if self.taps else nobody
        body = {
            "operator": {"open_id": who, "tenant_key": "t"}, "token": f"c-{next(self._numbers)}",
            "action": {"value": value, "tag": "button"}, "host": "im_message",
            "context": {"open_message_id": "om_flood", "open_chat_id": "oc_flood"},
        }  # fmt: skip
        micro = str(int((time.time() + self.offset) * 1_000_000))
        return self._v2("card.action.trigger", body, "tap", create_time=micro)

    def _approval(self) -> tuple[str, str, bytes]:
        """An approval of somebody else's definition: version 1 of the envelope."""
        number = next(self._numbers)
        event = {
            "app_id": self.app_id, "tenant_key": "t", "type": APPROVAL, "approval_code": "SOMEBODY-ELSES",
            "instance_code": f"{self.name}-{number}", "status": "APPROVED",
            "operate_time": str(self._ms()), "uuid": f"{self.name}-{number}",
        }  # fmt: skip
        outer = {"uuid": f"{self.name}-v1-{number}", "token": self.token, "type": "event_callback"}
        raw = {**outer, "ts": f"{time.time() + self.offset:.7f}", "event": event}
        return outer["uuid"], APPROVAL, self._signed(raw)

    def _v2(self, kind: str, body: dict[str, Any], name: str, **header: str) -> tuple[str, str, bytes]:
        event_id = f"{self.name}-{next(self._numbers)}"
        head = {
            "event_id": event_id, "event_type": kind, "create_time": str(self._ms()), "token": self.token,
            "app_id": self.app_id, "tenant_key": "t", **header,
        }  # fmt: skip
        return event_id, name, self._signed({"schema": "2.0", "header": head, "event": body})

    def _signed(self, envelope: dict[str, Any]) -> bytes:
        body = crypto.seal(envelope, self.key)
        stamp, nonce = str(int(time.time() + self.offset)), "flood"
        head = (
            f"POST /webhook/event HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            f"Content-Type: application/json\r\nX-Lark-Request-Timestamp: {stamp}\r\n"
            f"X-Lark-Request-Nonce: {nonce}\r\n"
            f"X-Lark-Signature: {crypto.sign(stamp, nonce, self.key, body)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _ms(self) -> int:
        return int((time.time() + self.offset) * 1000)
