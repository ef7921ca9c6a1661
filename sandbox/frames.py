"""Frames of the long connection: protobuf2 package pbbp2, by hand (nine fields, two messages).

Layout from the generated code of the official Python SDK 1.7.5 (``lark_oapi/ws/pb``), read 2026-11:
SeqID=1, LogID=2, service=3, method=4 (0 control, 1 data), headers=5 {key=1, value=2}, payload_encoding=6,
payload_type=7, payload=8, LogIDNew=9.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

CONTROL, DATA = 0, 1
VARINT, BYTES = 0, 2
SKIP = {1: 8, 5: 4}


class BrokenFrameError(ValueError):
    """The bytes are not a frame."""


@dataclass(slots=True)
class Frame:
    """One frame; ``headers`` in the order they stand."""

    method: int
    service: int
    headers: dict[str, str] = field(default_factory=dict)
    payload: bytes = b""
    seq_id: int = 0
    log_id: int = 0

    def encode(self) -> bytes:
        """The frame on the wire."""
        out = _number(1, self.seq_id) + _number(2, self.log_id)
        out += _number(3, self.service) + _number(4, self.method)
        for key, value in self.headers.items():
            out += _text(5, _text(1, key.encode()) + _text(2, value.encode()))
        return out + _text(8, self.payload)


def decode(raw: bytes) -> Frame:
    """Read a frame.

    Raises:
        BrokenFrameError: cut off, or a wire type that cannot be.
    """
    frame = Frame(method=DATA, service=0)
    for number, value in _fields(raw):
        if isinstance(value, int):
            if number == 1:
                frame.seq_id = value
            elif number == 2:
                frame.log_id = value
            elif number == 3:
                frame.service = value
            elif number == 4:
                frame.method = value
        elif number == 5:
            pair = {key: text for key, text in _fields(value) if isinstance(text, bytes)}
            frame.headers[pair.get(1, b"").decode()] = pair.get(2, b"").decode()
        elif number == 8:
            frame.payload = value
    return frame


def _varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | VARINT) + _varint(value)


def _text(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _varint(len(value)) + value


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(raw):
        tag, place = _read(raw, place)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = _read(raw, place)
            yield number, value
        elif kind == BYTES:
            length, place = _read(raw, place)
            if place + length > len(raw):
                raise BrokenFrameError("a field is longer than the frame")
            yield number, raw[place : place + length]
            place += length
        elif kind in SKIP:
            place += SKIP[kind]
        else:
            raise BrokenFrameError(f"wire type {kind}")


def _read(raw: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(raw) and shift < 70:
        byte = raw[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise BrokenFrameError("a number has no end")
