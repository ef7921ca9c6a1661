"""How the platform seals and signs what it pushes to an application.

Written from the published description and its vectors alone, so that a misreading here cannot cancel out a
misreading on the receiving side. Source: Feishu docs, "Encrypt Key 加密配置案例", read 2026-11.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16


def encrypt(plain: bytes, encrypt_key: str, *, iv: bytes | None = None) -> str:
    """AES-256-CBC with the SHA-256 of the key text; the random start block travels in front.

    Args:
        plain: The bytes to hide.
        encrypt_key: The key text an application sets in its console.
        iv: The 16 byte start block; random when left out (given only to check vectors).

    Returns:
        base64(iv + cipher text).
    """
    start = os.urandom(BLOCK) if iv is None else iv
    missing = BLOCK - len(plain) % BLOCK
    cipher = Cipher(
        algorithms.AES(hashlib.sha256(encrypt_key.encode()).digest()), modes.CBC(start)
    ).encryptor()
    sealed = cipher.update(plain + bytes([missing]) * missing) + cipher.finalize()
    return base64.b64encode(start + sealed).decode()


def seal(body: Mapping[str, Any], encrypt_key: str | None, *, iv: bytes | None = None) -> bytes:
    """The bytes of an HTTP body as the platform sends it.

    Args:
        body: The envelope or challenge to send.
        encrypt_key: None or empty means the application has set no key: the body goes in clear.
        iv: See `encrypt`.

    Returns:
        `{"encrypt":"…"}` or the plain JSON, UTF-8.
    """
    plain = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    if not encrypt_key:
        return plain
    return b'{"encrypt":"' + encrypt(plain, encrypt_key, iv=iv).encode() + b'"}'


def sign(timestamp: str, nonce: str, encrypt_key: str, raw: bytes) -> str:
    """Value of X-Lark-Signature over the raw body, lower-case hex.

    Args:
        timestamp: X-Lark-Request-Timestamp, seconds as text.
        nonce: X-Lark-Request-Nonce.
        encrypt_key: The application's key text.
        raw: The exact bytes of the body, still sealed.

    Returns:
        The hex SHA-256 of timestamp + nonce + key + body.
    """
    digest = hashlib.sha256()
    for part in (timestamp.encode(), nonce.encode(), encrypt_key.encode(), raw):
        digest.update(part)
    return digest.hexdigest()
