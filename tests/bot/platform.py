"""The platform's side of the wire for these tests: envelopes, encryption and signature written a second time.

Uses another cipher library than the product, so that one misreading cannot cancel itself out.
"""

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from Crypto.Cipher import AES
from flask import Flask
from werkzeug.test import TestResponse

APP_ID = "cli_test0000000001"
ENCRYPT_KEY = "test key"
TOKEN = "vtok"


def encrypt(plain: bytes, key: str = ENCRYPT_KEY, iv: bytes | None = None) -> str:
    """AES-256-CBC as the platform does it: SHA-256 of the key, PKCS7, IV in front, base64."""
    iv = iv or os.urandom(16)
    pad = 16 - len(plain) % 16
    cipher = AES.new(hashlib.sha256(key.encode()).digest(), AES.MODE_CBC, iv)
    return base64.b64encode(iv + cipher.encrypt(plain + bytes([pad]) * pad)).decode()


def signature(timestamp: str, nonce: str, key: str, body: bytes) -> str:
    """Hex SHA-256 over timestamp, nonce, key and the raw body."""
    return hashlib.sha256(timestamp.encode() + nonce.encode() + key.encode() + body).hexdigest()


@dataclass
class Sender:
    """Sends what the platform would send, at its own idea of the time."""

    now: datetime
    key: str | None = ENCRYPT_KEY
    token: str = TOKEN
    app_id: str = APP_ID
    count: int = 0
    ascii: bool = False

    def event(
        self, kind: str = "im.chat.updated_v1", body: dict[str, Any] | None = None, **header: Any
    ) -> dict:
        """A v2 envelope; keyword arguments override fields of the header."""
        self.count += 1
        head = {
            "event_id": f"ev-{self.count}",
            "event_type": kind,
            "token": self.token,
            "app_id": self.app_id,
        }
        head |= {"create_time": str(int(self.now.timestamp() * 1000)), "tenant_key": "t"} | header
        return {"schema": "2.0", "header": head, "event": body if body is not None else {"n": self.count}}

    def event_v1(self, kind: str = "p2p_chat_create", **fields: Any) -> dict:
        """A v1 envelope."""
        self.count += 1
        body = {"type": kind, "app_id": self.app_id, "tenant_key": "t", "chat_id": "oc_1"}
        outer = {"ts": f"{self.now.timestamp():.7f}", "uuid": f"u-{self.count}", "token": self.token}
        return {**outer, "type": "event_callback", "event": body, **fields}

    def tap(
        self, value: Any, operator: str = "ou_ann", header: dict[str, Any] | None = None, **action: Any
    ) -> dict:
        """A card.action.trigger envelope; its create_time has microseconds."""
        body = {
            "operator": {"open_id": operator, "tenant_key": "t"},
            "token": "c-1",
            "action": {"value": value, "tag": "button", **action},
            "host": "im_message",
            "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
        }
        head = {"create_time": str(int(self.now.timestamp() * 1_000_000)), **(header or {})}
        return self.event("card.action.trigger", body, **head)

    def message(self, text: str, sender: str = "ou_ann", message_id: str = "om_1", **fields: Any) -> dict:
        """A chat message to the bot."""
        message = {"message_id": message_id, "chat_id": "oc_1", "chat_type": "p2p", "message_type": "text"}
        message |= {
            "create_time": str(int(self.now.timestamp() * 1000)),
            "content": json.dumps({"text": text}),
        }
        sent_by = {"sender_id": {"open_id": sender}, "sender_type": "user"}
        return self.event("im.message.receive_v1", {"sender": sent_by, "message": message | fields})

    def request(
        self, envelope: dict[str, Any], age: timedelta = timedelta(0)
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers as they travel; ``age`` is how long ago it was signed."""
        plain = json.dumps(envelope, ensure_ascii=self.ascii).encode()
        if self.key is None:
            return plain, {}
        body = json.dumps({"encrypt": encrypt(plain, self.key)}).encode()
        timestamp = str(int((self.now - age).timestamp()))
        headers = {"X-Lark-Request-Timestamp": timestamp, "X-Lark-Request-Nonce": "abc123"}
        return body, headers | {"X-Lark-Signature": signature(timestamp, "abc123", self.key, body)}

    def post(self, app: Flask, envelope: dict[str, Any], **options: Any) -> TestResponse:
        """Send it and give back the answer."""
        body, headers = self.request(envelope, **options)
        return post(app, body, headers)


def post(app: Flask, body: bytes, headers: dict[str, str], path: str = "/webhook/event") -> TestResponse:
    """POST raw bytes."""
    return app.test_client().post(path, data=body, headers=headers, content_type="application/json")
