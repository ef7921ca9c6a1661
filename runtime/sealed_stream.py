"""A file sealed as it is written and opened as it is read, of any length, in a few megabytes of memory.

Pieces of a megabyte, each AES-256-GCM; the nonce holds the piece's number and whether it is the last one, so
a piece that was changed, moved, left out or cut off is refused (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015). A file's key is derived from the installation's and a salt of its own.
"""

from __future__ import annotations

import base64
import secrets
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.errors import ConfigError, PermanentError

MAGIC: Final = b"CHORUSB1"
PIECE: Final = 1 << 20
_TAG, _SALT, _PREFIX, _KEY = 16, 32, 7, 32


class CannotRead(PermanentError):  # noqa: N818 - the sentence a person needs
    """A sealed file is not one of ours, was damaged, or another key sealed it."""


def parse_key(text: str) -> bytes:
    """Read a key as `new_key` gives it.

    Raises:
        ConfigError: it is not 32 bytes in base64; the value is not shown.
    """
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY:
        raise ConfigError(
            "CHORUS_BACKUP_KEY: expected 32 random bytes in base64; `chorus backup --new-key` prints one."
        )
    return key


def new_key() -> str:
    """A fresh key for the environment."""
    return base64.b64encode(secrets.token_bytes(_KEY)).decode()


class Sealing:
    """Seals what is written to it; without `close` the file can be read by nobody.

    Args:
        to: where the sealed bytes go.
        key: of the installation.
    """

    def __init__(self, to: BinaryIO, key: bytes) -> None:
        self._to = to
        self._header = MAGIC + secrets.token_bytes(_SALT) + secrets.token_bytes(_PREFIX)
        self._pieces = _Pieces(key, self._header)
        self._waiting = bytearray()
        to.write(self._header)

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self._waiting += data
        while len(self._waiting) > PIECE:  # the last piece is known only at the end
            self._to.write(self._pieces.seal(bytes(self._waiting[:PIECE]), last=False))
            del self._waiting[:PIECE]
        return len(data)

    def close(self) -> None:
        """Write the last piece."""
        self._to.write(self._pieces.seal(bytes(self._waiting), last=True))


class Opening:
    """Reads what `Sealing` wrote; gives no byte that was not sealed just there.

    Args:
        source: the sealed bytes.
        key: of the installation.

    Raises:
        CannotRead: it is no such file.
    """

    def __init__(self, source: BinaryIO, key: bytes) -> None:
        header = source.read(len(MAGIC) + _SALT + _PREFIX)
        if not header.startswith(MAGIC) or len(header) < len(MAGIC) + _SALT + _PREFIX:
            raise CannotRead("This is no backup of Chorus.")
        self._source = source
        self._pieces = _Pieces(key, header)
        self._next = source.read(PIECE + _TAG)
        self._open = bytearray()
        self._over = False

    def read(self, size: int = -1) -> bytes:
        """Give some bytes, fewer only at the end.

        Raises:
            CannotRead: another key sealed it, or it was changed or cut off.
        """
        while not self._over and (size < 0 or len(self._open) < size):
            piece, self._next = self._next, self._source.read(PIECE + _TAG)
            self._over = not self._next
            self._open += self._pieces.open(piece, last=self._over)
        taken = bytes(self._open if size < 0 else self._open[:size])
        del self._open[: len(taken)]
        return taken


class _Pieces:
    def __init__(self, key: bytes, header: bytes) -> None:
        salt, self._prefix = header[len(MAGIC) : len(MAGIC) + _SALT], header[-_PREFIX:]
        self._cipher = AESGCM(HKDF(SHA256(), _KEY, salt=salt, info=b"chorus backup").derive(key))
        self._header = header
        self._number = 0

    def seal(self, plain: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last), plain, self._header)

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(last), sealed, self._header)
        except InvalidTag:
            raise CannotRead(
                "The backup cannot be read: CHORUS_BACKUP_KEY is not the key that sealed it, or the file was "
                "changed or cut off. Take another copy."
            ) from None

    def _nonce(self, last: bool) -> bytes:
        nonce = self._prefix + self._number.to_bytes(4, "big") + bytes([last])
        self._number += 1
        return nonce
