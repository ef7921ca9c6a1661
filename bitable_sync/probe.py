"""Ask ourselves the way Feishu asks: a signed, encrypted request to the public address, from the outside in.

Three questions: does a genuine request get through all proxies with its headers and its body untouched, is a
forged one refused, and is a genuine event kept and handled? Wire: Feishu docs, "将事件发送至开发者服务器"
(url_verification, Encrypt Key).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import requests
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.model import SELF_CHECK

EVENT_PATH: Final = "/webhook/event"
TIMEOUT: Final = 3.0
"""Seconds; what Feishu allows."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Where we are reached and what the platform's console knows of us.

    Attributes:
        public_url: the address Feishu knows, without path.
        app_id: `cli_…`.
        encrypt_key: as in the console; None sends unencrypted.
        token: the verification token, if one is set.
    """

    public_url: str
    app_id: str
    encrypt_key: str | None
    token: str | None


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of a probe.

    HTTP status (0 = no answer), whether the challenge came back, seconds, or why not.
    """

    status: int
    echoed: bool
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of an event, and its id."""

    event_id: str
    reached: Reached


def ask(ours: Ours, path: str, now: datetime, *, forged: bool = False) -> Reached:
    """Send one url_verification to an address of ours.

    Args:
        ours: who and where we are.
        path: of the address.
        now: for the signature.
        forged: sign with another key, as a stranger would.
    """
    challenge = secrets.token_hex(8)
    body = {"challenge": challenge, "token": ours.token or "", "type": "url_verification"}
    if forged and ours.encrypt_key is None:
        body["token"] = f"not-{ours.token}"
    key = secrets.token_hex(16) if forged and ours.encrypt_key is not None else ours.encrypt_key
    return _post(ours.public_url, path, body, key, now, echo=challenge)


def tell(ours: Ours, now: datetime) -> Told:
    """Send one event of our own type, as genuine as the platform's.

    Args:
        ours: who and where we are.
        now: for the signature.
    """
    event_id = f"self-check-{secrets.token_hex(8)}"
    header = {"event_id": event_id, "event_type": SELF_CHECK, "create_time": str(int(now.timestamp() * 1000)),
              "token": ours.token or "", "app_id": ours.app_id}  # fmt: skip
    body = {"schema": "2.0", "header": header, "event": {}}
    return Told(event_id, _post(ours.public_url, EVENT_PATH, body, ours.encrypt_key, now))


def _post(
    public_url: str, path: str, content: Mapping[str, object], key: str | None, now: datetime, echo: str = ""
) -> Reached:
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if key is not None:
        body = json.dumps({"encrypt": encrypt(body, key)}).encode()
        headers |= sign(body, key, now)
    try:
        answer = requests.post(
            public_url.rstrip("/") + path, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
    except requests.exceptions.RequestException as error:
        return Reached(0, False, 0.0, type(error).__name__)
    return Reached(answer.status_code, echo in answer.text, answer.elapsed.total_seconds())


def encrypt(plain: bytes, key: str) -> str:
    """AES-256-CBC with SHA-256 of the key, PKCS7, the IV in front, base64."""
    pad = padding.PKCS7(128).padder()
    iv = secrets.token_bytes(16)
    sealer = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    padded = pad.update(plain) + pad.finalize()
    return base64.b64encode(iv + sealer.update(padded) + sealer.finalize()).decode()


def sign(body: bytes, key: str, now: datetime) -> dict[str, str]:
    """The signing headers of a request: SHA-256 over timestamp, nonce, key and the raw body."""
    timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(8)
    digest = hashlib.sha256(timestamp.encode() + nonce.encode() + key.encode() + body).hexdigest()
    return {
        "X-Lark-Request-Timestamp": timestamp,
        "X-Lark-Request-Nonce": nonce,
        "X-Lark-Signature": digest,
    }


def clock_skew(base_url: str, now: datetime) -> float | None:
    """Seconds by which our clock is ahead of the server's ``Date``; None if it does not say."""
    try:
        answer = requests.head(base_url, timeout=TIMEOUT, allow_redirects=False)
        said = parsedate_to_datetime(answer.headers["Date"])
    except (requests.exceptions.RequestException, KeyError, ValueError):
        return None
    return (now - said).total_seconds()
