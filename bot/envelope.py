"""Open an envelope from the platform: check the signature, decrypt, parse, check token, app and age.

Pure: bytes, headers, keys and the time go in; a :class:`Challenge`, :class:`Event` or :class:`Tap` comes out,
or :class:`Refused` with a reason for the log (never the body). The steps are in the order they happen.

Wire: Feishu docs "步骤三：接收事件" (encryption, signature), "事件概述" (envelopes), "卡片回传交互回调".
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import pybase64
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.model import MESSAGE_TYPE, TAP_TYPE, Challenge, Event, Tap
from runtime import fastjson
from runtime.ids import ChatId, EventId, MessageId, OpenId

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of a body. 500 pasted rows of thirty columns make an encrypted event of 1.4 MB on the sandbox; the
platform names no limit."""
EVENT_MAX_AGE: Final = timedelta(
    hours=7, minutes=15
)  # the last of the platform's retries comes after 7 h 5 min
TAP_MAX_AGE: Final = timedelta(minutes=5)
MAX_AHEAD: Final = timedelta(minutes=5)
SIGNING_HEADERS: Final = ("X-Lark-Request-Timestamp", "X-Lark-Request-Nonce", "X-Lark-Signature")
_ID_LIMIT: Final = 128
_DEEPEST: Final = 8
"""Levels of what a card carries; ours have two."""


class Refused(Exception):  # noqa: N818 - an outcome with a name, not a fault of ours
    """The envelope is not accepted; answer 401 with a fixed body and store nothing.

    Attributes:
        reason: A fixed word for the counter and the log, e.g. ``signature``, ``stale``, ``app_id``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Keys:
    """What the platform's console and we both know.

    Attributes:
        encrypt_key: The Encrypt Key; None accepts plain bodies (only behind a settings flag).
        verification_token: The Verification Token; None skips that check.
        app_id: Our ``cli_…``; envelopes for other apps are refused.
    """

    encrypt_key: str | None
    verification_token: str | None
    app_id: str


def open_envelope(
    raw: bytes, headers: Mapping[str, str], keys: Keys, now: datetime
) -> Challenge | Event | Tap:
    """Verify and read one HTTP body of the platform.

    Args:
        raw: The body exactly as received.
        headers: The :data:`SIGNING_HEADERS` of the request; missing or empty where not sent.
        keys: Our side of the secrets.
        now: The present, aware.

    Returns:
        What the platform said.

    Raises:
        Refused: Anything wrong; ``reason`` says what.
    """
    if len(raw) > MAX_BODY:
        raise Refused("too_large")
    if keys.encrypt_key is None:
        return _open_plain(raw, keys, now)
    signed_at = _check_signature(raw, headers, keys.encrypt_key, now)
    envelope = _parse(_decrypt(_parse(raw), keys.encrypt_key))
    if envelope.get("type") == "url_verification":
        return _challenge(envelope, keys)
    if signed_at is None:
        raise Refused("signature_missing")
    return _admit(envelope, keys, now, signed_at)


def open_trusted(envelope: Mapping[str, Any], app_id: str) -> Event | Tap:
    """Read an envelope that came over our own authenticated long connection.

    The connection vouches for sender and age ("payload is plain, auth only at connect"); whose app it is for
    is still checked.

    Raises:
        Refused: Not an envelope, or for another app.
    """
    return _admit(envelope, Keys(None, None, app_id), None, None)


def _open_plain(raw: bytes, keys: Keys, now: datetime) -> Challenge | Event | Tap:
    """Read a body without encryption; its only proof is the token inside."""
    envelope = _parse(raw)
    if "encrypt" in envelope:
        raise Refused("encrypted_without_key")
    if envelope.get("type") == "url_verification":
        return _challenge(envelope, keys)
    return _admit(envelope, keys, now, None)


def _check_signature(
    raw: bytes, headers: Mapping[str, str], encrypt_key: str, now: datetime
) -> datetime | None:
    """Compare the signature over the raw bytes; None when none of the three headers is there."""
    timestamp, nonce, signature = (headers.get(name) or "" for name in SIGNING_HEADERS)
    if not (timestamp or nonce or signature):
        return None
    if not (timestamp and nonce and signature):
        raise Refused("signature_missing")
    digest = _sha256((timestamp + nonce + encrypt_key).encode("utf-8", "surrogatepass"), raw)
    if not hmac.compare_digest(digest.encode(), signature.encode("utf-8", "surrogatepass")):
        raise Refused("signature")
    signed_at = moment(timestamp)
    _check_age(signed_at, now, EVENT_MAX_AGE)
    return signed_at


def _sha256(prefix: bytes, raw: bytes) -> str:
    """Hash in pieces under 2 KB: above that hashlib lets go of the interpreter's lock for each update.

    Among busy threads getting it back costs far more than hashing the few kB of an event.
    """
    digest = hashlib.sha256(prefix)
    step = 2047 if len(raw) < 65536 else len(raw)
    for start in range(0, len(raw), step):
        digest.update(raw[start : start + step])
    return digest.hexdigest()


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        parsed = fastjson.loads(raw)
    except (ValueError, RecursionError):
        raise Refused("json") from None
    if not isinstance(parsed, dict):
        raise Refused("json")
    return parsed


def _decrypt(outer: Mapping[str, Any], encrypt_key: str) -> bytes:
    """AES-256-CBC with SHA256(key); the IV is the first 16 bytes (published vector in tests)."""
    sealed = outer.get("encrypt")
    if not isinstance(sealed, str):
        raise Refused("plain_body")
    try:
        data = pybase64.b64decode(sealed, validate=True)
    except ValueError:
        raise Refused("decrypt") from None
    if len(data) < 32 or len(data) % 16:
        raise Refused("decrypt")
    decryptor = Cipher(_aes(encrypt_key), modes.CBC(data[:16])).decryptor()
    padded = decryptor.update(data[16:]) + decryptor.finalize()
    pad = padded[-1]
    if not 1 <= pad <= 16 or padded[-pad:] != bytes([pad]) * pad:
        raise Refused("decrypt")
    return padded[:-pad]


@cache
def _aes(encrypt_key: str) -> algorithms.AES256:
    return algorithms.AES256(hashlib.sha256(encrypt_key.encode()).digest())


def _challenge(envelope: Mapping[str, Any], keys: Keys) -> Challenge:
    _check_token(envelope.get("token"), keys)
    challenge = envelope.get("challenge")
    if not isinstance(challenge, str) or len(challenge) > 1024:
        raise Refused("challenge")
    return Challenge(challenge)


def _admit(
    envelope: Mapping[str, Any], keys: Keys, now: datetime | None, signed_at: datetime | None
) -> Event | Tap:
    """Check token, app and age of a read envelope and turn it into our own value."""
    body = envelope.get("event")
    if not isinstance(body, dict):
        raise Refused("shape")
    v2 = "schema" in envelope
    header = envelope.get("header") if v2 else envelope
    if not isinstance(header, dict):
        raise Refused("shape")
    _check_token(header.get("token"), keys)
    app_id = header.get("app_id") if v2 else body.get("app_id")
    if app_id != keys.app_id:
        raise Refused("app_id")
    kind = header.get("event_type") if v2 else body.get("type")
    if not isinstance(kind, str) or not 0 < len(kind) <= _ID_LIMIT:
        raise Refused("shape")
    created = moment(header.get("create_time") if v2 else header.get("ts"), default=signed_at or now)
    if now is not None and (kind == TAP_TYPE or signed_at is None):
        limit = TAP_MAX_AGE if kind == TAP_TYPE else EVENT_MAX_AGE
        _check_age(created, now, limit)
        _check_age(signed_at or created, now, limit)
    if kind == TAP_TYPE and v2:
        return _tap(_identity(header.get("event_id")), body, created)
    return _event(header, kind, body, created, v2=v2)


def _event(
    header: Mapping[str, Any], kind: str, body: Mapping[str, Any], created: datetime, *, v2: bool
) -> Event:
    found = header.get("event_id") if v2 else header.get("uuid")
    if found is None:  # documented example of url.preview.get has no id: the content is the identity
        found = "sha256-" + hashlib.sha256(json.dumps([kind, body], sort_keys=True).encode()).hexdigest()
    event_id = _identity(found)
    key = f"event:{event_id}"
    if kind == MESSAGE_TYPE:  # its page: "use message_id, not event_id"
        message = body.get("message")
        key = f"message:{_identity(message.get('message_id') if isinstance(message, dict) else None)}"
    return Event(event_id, kind, created, body, 2 if v2 else 1, key)


def _tap(event_id: EventId, body: Mapping[str, Any], created: datetime) -> Tap:
    operator, action, context = (
        _mapping(_kept(body.get(name))) for name in ("operator", "action", "context")
    )
    value = action.get("value")
    if isinstance(value, str):
        value = _value_of_string(value)
    value = _mapping(value)
    options, checked = action.get("options"), action.get("checked")
    return Tap(
        id=event_id,
        operator=OpenId(_identity(operator.get("open_id"))),
        action=str(value.get("a") or "")[:_ID_LIMIT],
        value=value,
        form=_mapping(action.get("form_value")),
        option=_text(action.get("option")),
        message_id=MessageId(_text(context.get("open_message_id")) or ""),
        chat_id=ChatId(_text(context.get("open_chat_id")) or ""),
        token=_text(body.get("token")) or "",
        at=created,
        options=tuple(str(item) for item in options) if isinstance(options, list) else (),
        checked=checked if isinstance(checked, bool) else None,
        text=_text(action.get("input_value")),
        component=_text(action.get("name")) or "",
    )


def _value_of_string(value: str) -> dict[str, Any]:
    """A component may carry a string: JSON of an object, or just a word that then is the action."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    return _mapping(_kept(parsed)) if isinstance(parsed, dict) else {"a": value}


def _kept(value: Any, levels: int = _DEEPEST) -> Any:
    """What a card carried or somebody typed, as every database keeps it: no halves of pairs, no NUL.

    Raises:
        Refused: ``shape``: it is nested deeper than anything of ours.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if not isinstance(value, dict | list):
        return value
    if not levels:
        raise Refused("shape")
    if isinstance(value, list):
        return [_kept(each, levels - 1) for each in value]
    return {_kept(name): _kept(each, levels - 1) for name, each in value.items()}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _identity(value: object) -> EventId:
    """An id we can store and compare: printable ASCII, at most 128 characters."""
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= _ID_LIMIT
        or not (value.isascii() and value.isprintable())
    ):
        raise Refused("shape")
    return EventId(value)


def _check_token(token: object, keys: Keys) -> None:
    if keys.verification_token is None:
        return
    given = token if isinstance(token, str) else ""
    if not hmac.compare_digest(given.encode("utf-8", "replace"), keys.verification_token.encode()):
        raise Refused("token")


def _check_age(at: datetime, now: datetime, limit: timedelta) -> None:
    if at < now - limit:
        raise Refused("stale")
    if at > now + MAX_AHEAD:
        raise Refused("from_the_future")


def moment(value: object, *, default: datetime | None = None) -> datetime:
    """Read a platform time by its length: seconds (10 digits, also with a fraction), ms (13) or µs (16).

    Args:
        value: A string or number from the wire.
        default: Returned when ``value`` is missing.

    Raises:
        Refused: ``timestamp`` when it is not a time.
    """
    if value in (None, "") and default is not None:
        return default
    whole = str(value).partition(".")[0]
    if isinstance(value, bool) or not (whole.isascii() and whole.isdigit()) or not 9 <= len(whole) <= 17:
        raise Refused("timestamp")
    unit = 1 if len(whole) <= 11 else 1_000 if len(whole) <= 14 else 1_000_000
    return datetime.fromtimestamp(int(whole) / unit, UTC)
