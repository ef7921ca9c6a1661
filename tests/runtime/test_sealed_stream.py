"""A sealed file gives back exactly what went in, or nothing."""

import io
import secrets

import pytest

from runtime.errors import ConfigError
from runtime.sealed_stream import PIECE, CannotRead, Opening, Sealing, new_key, parse_key

KEY = secrets.token_bytes(32)
HEADER = 8 + 32 + 7


def sealed(content: bytes, key: bytes = KEY) -> bytes:
    to = io.BytesIO()
    sealing = Sealing(to, key)
    for at in range(0, len(content), 300_000):
        sealing.write(content[at : at + 300_000])
    sealing.close()
    return to.getvalue()


def opened(data: bytes, key: bytes = KEY, size: int = 77_777) -> bytes:
    opening, found = Opening(io.BytesIO(data), key), b""
    while part := opening.read(size):
        found += part
    return found


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 5])
def test_what_went_in_comes_out(length: int) -> None:
    """Whatever its length, read in pieces or at once, and never readable without the key."""
    content = secrets.token_bytes(length)
    data = sealed(content)
    assert opened(data) == Opening(io.BytesIO(data), KEY).read() == content
    assert length < 16 or content[:16] not in data


@pytest.mark.parametrize("at", [8, 45, HEADER, HEADER + PIECE + 3, -1])
def test_a_changed_byte_is_refused(at: int) -> None:
    """In the salt, the nonce, the content, the second piece and the last tag."""
    data = bytearray(sealed(secrets.token_bytes(PIECE + 100)))
    data[at] ^= 1
    with pytest.raises(CannotRead, match="cannot be read"):
        opened(bytes(data))


def test_pieces_cut_off_added_or_changed_about_are_refused() -> None:
    """Each piece is good for its place only, and the last one must be there."""
    data = sealed(secrets.token_bytes(3 * PIECE))
    step = PIECE + 16
    head, first, second, third = (
        data[:HEADER], data[HEADER : HEADER + step], data[HEADER + step : HEADER + 2 * step],
        data[HEADER + 2 * step :],
    )  # fmt: skip
    for pieces in ((first, second), (second, first, third), (first, third), (first, second, third, third)):
        with pytest.raises(CannotRead):
            opened(head + b"".join(pieces))


def test_another_key_opens_nothing_and_another_file_is_named_so() -> None:
    """In sentences."""
    with pytest.raises(CannotRead, match="CHORUS_BACKUP_KEY is not the key"):
        opened(sealed(b"x"), secrets.token_bytes(32))
    for other in (b"", b"SQLite format 3\x00", b"CHORUSB1"):
        with pytest.raises(CannotRead, match="no backup of Chorus"):
            opened(other)


def test_a_key_is_32_bytes_in_base64() -> None:
    """What `new_key` prints is one; anything else is refused without being shown."""
    assert len(parse_key(new_key())) == 32
    for wrong in ("secret-words", "c2hvcnQ="):
        with pytest.raises(ConfigError, match="CHORUS_BACKUP_KEY") as told:
            parse_key(wrong)
        assert wrong not in str(told.value)
