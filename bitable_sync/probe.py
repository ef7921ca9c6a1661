"""Ask ourselves the way Feishu asks: a signed, encrypted request to the public address, from the outside in.

Two questions: does a genuine request get through all proxies with its headers and its body untouched, and
is a forged one refused? Wire: Feishu docs, "将事件发送至开发者服务器" (url_verification, Encrypt Key).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import requests
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PATH = "/webhook/event"
TIMEOUT = 3.0  # seconds; what Feishu allows


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of a probe.

    HTTP status (0 = no answer), whether the challenge came back, seconds, or why not.
    """

    status: int
    echoed: bool
    seconds: float
    why: str = ""


def ask(
    public_url: str, *, encrypt_key: str | None, token: str | None, now: datetime, forged: bool = False
) -> Reached:
    """Send one url_verification to our own webhook.

    Args:
        public_url: the address Feishu knows, without path.
        encrypt_key: as in the console; None sends it unencrypted.
        token: the verification token, if one is set.
        now: for the signature.
        forged: sign with another key, as a stranger would.
    """
    challenge = secrets.token_hex(8)
    body = json.dumps({"challenge": challenge, "token": token or "", "type": "url_verification"}).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if encrypt_key is not None:
        key = secrets.token_hex(16) if forged else encrypt_key
        body = json.dumps({"encrypt": encrypt(body, key)}).encode()
        headers |= sign(body, key, now)
    elif forged:
        body = body.replace(b'"token": "', b'"token": "not-')
    try:
        answer = requests.post(
            public_url.rstrip("/") + PATH, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
    except requests.exceptions.RequestException as error:
        return Reached(0, False, 0.0, type(error).__name__)
    return Reached(answer.status_code, challenge in answer.text, answer.elapsed.total_seconds())


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
