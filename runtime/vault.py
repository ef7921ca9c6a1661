"""Sealing what nobody may read without the key: envelope encryption, one random key for every sealed thing.

A thing is sealed by a data key of its own (AES-256-GCM); the data key is wrapped by a key-encryption key that
never stands in the database (RFC 3394 key wrap). The *place* a thing belongs to is authenticated with it, so
a ciphertext moved to another row cannot be opened there. Rotation re-wraps data keys and touches no content;
forgetting a wrapped key makes its content unreadable for ever.

Sources: NIST SP 800-38D (GCM), RFC 3394 (key wrap), RFC 5869 (HKDF).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from runtime.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from runtime.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12


class CannotOpen(PermanentError):  # noqa: N818 - the sentence a person needs, not a programming error
    """A sealed thing cannot be opened: moved, damaged, or its key is not here. Never says what is inside."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed thing as it is stored: ciphertext and its wrapped key.

    Attributes:
        key_id: which key-encryption key wraps the data key.
        wrapped: the wrapped data key.
        nonce: 12 bytes, random.
        body: ciphertext with its tag.
    """

    key_id: str
    wrapped: bytes
    nonce: bytes
    body: bytes

    def to_text(self) -> str:
        """One line of text for a database column."""
        parts = (base64.b64encode(part).decode() for part in (self.wrapped, self.nonce, self.body))
        return ".".join(("1", self.key_id, *parts))

    @classmethod
    def from_text(cls, text: str) -> Sealed:
        """Read what `to_text` wrote.

        Raises:
            CannotOpen: it is nothing that was sealed here.
        """
        try:
            version, key_id, wrapped, nonce, body = text.split(".")
            if version != "1":
                raise ValueError(version)
            return cls(key_id, *(base64.b64decode(part, validate=True) for part in (wrapped, nonce, body)))
        except ValueError:
            raise CannotOpen("A sealed value is damaged; restore it from a backup.") from None


class KeyWrapper(Protocol):
    """Wraps data keys: the ring of `Keys`, or a key service of the company."""

    def wrap(self, key: bytes) -> tuple[str, bytes]:
        """Wrap a data key; gives the id of the key used and the wrapped key."""
        ...

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """Give the data key back; `CannotOpen` when that key is not here."""
        ...

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same for ever (not changed by rotation)."""
        ...


class Keys:
    """Key-encryption keys from the environment or a file: the first wraps, all unwrap.

    Args:
        keys: id → 32 bytes; the first is the present one.

    Derived keys (`derive`) come from the *last* key, which is the oldest: fingerprints and digests stay the
    same when a new key is put in front.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ConfigError("CHORUS_PAY_KEYS: every key must be 32 random bytes in base64.")
        self._keys = dict(keys)
        self._now = next(iter(self._keys))
        self._root = list(self._keys.values())[-1]

    def wrap(self, key: bytes) -> tuple[str, bytes]:
        """Wrap with the present key."""
        return self._now, aes_key_wrap(self._keys[self._now], key)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """Unwrap with the key that wrapped.

        Raises:
            CannotOpen: no key of that id is here, or it is another key.
        """
        if key_id not in self._keys:
            raise CannotOpen(f"The key {key_id} is not in CHORUS_PAY_KEYS; add it again to open this.")
        try:
            return aes_key_unwrap(self._keys[key_id], wrapped)
        except InvalidUnwrap:
            raise CannotOpen(f"The key called {key_id} is not the one that sealed this.") from None

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, from the oldest key."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(self._root)


class Vault:
    """Seals and opens. Safe to share between threads.

    Args:
        keys: wraps the data keys.
    """

    def __init__(self, keys: KeyWrapper) -> None:
        self._keys = keys

    def seal(self, content: bytes, place: Sequence[str]) -> Sealed:
        """Seal bytes under a new random key.

        Args:
            content: anything.
            place: what it belongs to, e.g. `("slip", tenant, run, employee, version)`; the same words are
                needed to open it.
        """
        key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES)
        key_id, wrapped = self._keys.wrap(key)
        return Sealed(key_id, wrapped, nonce, AESGCM(key).encrypt(nonce, content, _aad(place)))

    def open(self, sealed: Sealed, place: Sequence[str]) -> bytes:
        """Give back what was sealed for this very place.

        Raises:
            CannotOpen: another place, damaged, or the key is not here.
        """
        key = self._keys.unwrap(sealed.key_id, sealed.wrapped)
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.body, _aad(place))
        except InvalidTag:
            raise CannotOpen(
                "A sealed value does not belong here or was changed; nothing is shown."
            ) from None

    def rewrap(self, sealed: Sealed) -> Sealed:
        """The same content under the present key-encryption key; the content is not touched."""
        key_id, wrapped = self._keys.wrap(self._keys.unwrap(sealed.key_id, sealed.wrapped))
        return Sealed(key_id, wrapped, sealed.nonce, sealed.body)

    def seal_text(self, text: str, place: Sequence[str]) -> str:
        """Seal text for a database column."""
        return self.seal(text.encode(), place).to_text()

    def open_text(self, stored: str, place: Sequence[str]) -> str:
        """Open what `seal_text` gave; raises `CannotOpen`."""
        return self.open(Sealed.from_text(stored), place).decode()

    def digest(self, purpose: str, content: bytes) -> str:
        """Keyed digest in hex (HMAC-SHA256): equal content is recognised, nobody can try amounts on it."""
        return hmac.new(self._keys.derive(f"digest:{purpose}"), content, hashlib.sha256).hexdigest()

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, e.g. the pepper of PINs."""
        return self._keys.derive(purpose)


def open_vault(settings: Settings) -> Vault | None:
    """The vault of an installation, None when no key is set (pay is then off).

    ``CHORUS_PAY_KEYS`` is ``id:base64,id:base64`` with the present key first; ``CHORUS_PAY_KEYS_FILE`` names
    a file with the same text, one key a line, for secret stores that mount files. ``CHORUS_PAY_KMS`` is
    ``package.module:function`` of the company's own: called with the settings, it gives a `KeyWrapper` whose
    keys never leave the key service.

    Raises:
        ConfigError: the keys cannot be read; the sentence says what is expected, never the value.
    """
    if settings.pay_kms is not None:
        return Vault(_service(settings.pay_kms, settings))
    if settings.pay_keys is not None:
        return Vault(Keys(parse_keys(settings.pay_keys.get_secret_value())))
    if settings.pay_keys_file is not None:
        return Vault(Keys(parse_keys(_read(settings.pay_keys_file))))
    return None


def parse_keys(text: str) -> dict[str, bytes]:
    """Read ``id:base64`` pairs separated by commas or lines.

    Raises:
        ConfigError: a pair is malformed or a name stands twice.
    """
    keys: dict[str, bytes] = {}
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        key_id, _, value = part.strip().partition(":")
        try:
            raw = base64.b64decode(value, validate=True)
        except ValueError:
            raw = b""
        if not key_id.isalnum() or len(raw) != KEY_BYTES or key_id in keys:
            raise ConfigError(
                "CHORUS_PAY_KEYS: expected name:key pairs with different names (letters and digits), each "
                "key 32 random bytes in base64; make one with `chorus payroll new-key`."
            )
        keys[key_id] = raw
    return keys


def new_key(name: str) -> str:
    """A fresh ``name:base64`` pair for the environment."""
    return f"{name}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def _service(place: str, settings: Settings) -> KeyWrapper:
    module, _, name = place.partition(":")
    try:
        made: KeyWrapper = getattr(import_module(module), name)(settings)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"CHORUS_PAY_KMS: {place} cannot be loaded ({type(error).__name__}); expected "
            "package.module:function, on the path of the server."
        ) from None
    return made


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"CHORUS_PAY_KEYS_FILE: {path} cannot be read ({error.strerror}).") from None


def _aad(place: Sequence[str]) -> bytes:
    # JSON keeps the borders between the words: ("a", "bc") and ("ab", "c") are two places.
    return json.dumps(list(place), ensure_ascii=False, separators=(",", ":")).encode()
