"""Metadata in and out of JPEG, PNG and WebP files without touching a pixel. Pure.

Pillow would have to decode and encode the picture again to add a label; here only the file's boxes are moved.
Formats: JPEG, ITU-T T.81 annex B, with XMP in APP1 (XMP specification part 3, 2020); PNG, W3C 2025-06;
WebP, developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable

from PIL import Image

from creative.studio.sniff import Kind, sniff

XMP_MOST = 65_502
"""Bytes of a packet that fit into one JPEG segment (65,533 less the header's 29 and 2)."""

_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF_HEAD = b"Exif\0\0"
_XMP_WORD = b"XML:com.adobe.xmp"
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_MOST_TEXT = 1 << 20
"""Bytes a compressed text may have; what is larger is no packet but a bomb."""
_APP0, _APP1, _SOS, _EOI, _COM = 0xE0, 0xE1, 0xDA, 0xD9, 0xFE
_VP8X_XMP, _VP8X_ALPHA = 0x04, 0x10

Box = tuple[bytes, bytes]
"""Name and body of a PNG or RIFF chunk."""


class ContainerError(ValueError):
    """A file whose boxes cannot be followed; encode the picture anew."""


def get_xmp(data: bytes) -> bytes | None:
    """The XMP packet of a JPEG, PNG or WebP file, or None if it has none.

    Raises:
        ContainerError: it is none of the three, or its boxes are broken.
    """
    kind = _known(data)
    if kind is Kind.JPEG:
        found = [body for marker, body in _segments(data)[0] if _is_xmp(marker, body)]
        return found[0][len(_XMP_HEAD) :] if found else None
    if kind is Kind.PNG:
        texts = [_xmp_text(body) for name, body in _chunks(data) if name == b"iTXt"]
        return next((text for text in texts if text is not None), None)
    return next((body for name, body in _boxes(data) if name == b"XMP "), None)


def put_xmp(data: bytes, packet: bytes) -> bytes:
    """The file with this packet in the place of any it has.

    Args:
        data: a JPEG, PNG or WebP file.
        packet: UTF-8; at most `XMP_MOST` bytes.

    Raises:
        ContainerError: as `get_xmp`, or the packet is too long for JPEG.
    """
    if len(packet) > XMP_MOST:
        raise ContainerError(f"The XMP packet has {len(packet)} bytes; shorten it to {XMP_MOST}.")
    kind = _known(data)
    if kind is Kind.JPEG:
        return _jpeg_with(data, (_APP1, _XMP_HEAD + packet))
    if kind is Kind.PNG:
        return _png_with(data, (b"iTXt", _XMP_WORD + b"\0\0\0\0\0" + packet))
    kept = [box for box in _extended(data) if box[0] != b"XMP "]
    flags = kept[0][1][0] | _VP8X_XMP
    kept[0] = (b"VP8X", bytes([flags]) + kept[0][1][1:])
    return _riff([*kept, (b"XMP ", packet)])


def put_png_text(data: bytes, word: str, text: str) -> bytes:
    """A PNG file with one Latin-1 ``tEXt`` chunk of this keyword, in the place of any it has."""
    mark = word.encode("latin-1") + b"\0"
    kept = [box for box in _chunks(data) if not (box[0] == b"tEXt" and box[1].startswith(mark))]
    return _png([kept[0], (b"tEXt", mark + text.encode("latin-1")), *kept[1:]])


def pad(data: bytes, count: int) -> bytes:
    """The file, longer by at least ``count`` bytes of a comment that no program shows.

    Channels ask for a least size in order to refuse bad pictures; a flat picture is small at any quality.
    """
    if count <= 0:
        return data
    kind = _known(data)
    if kind is Kind.JPEG:
        segments, rest = _segments(data)
        sizes = [60_000] * (count // 60_000) + [count % 60_000]
        return _jpeg([*segments, *((_COM, b" " * size) for size in sizes)], rest)
    if kind is Kind.PNG:
        head, *others = _chunks(data)
        return _png([head, (b"tEXt", b"Comment\0" + b" " * count), *others])
    return _riff([*_extended(data), (b"PADD", b" " * count)])


def _known(data: bytes) -> Kind:
    kind = sniff(data)
    if kind not in (Kind.JPEG, Kind.PNG, Kind.WEBP):
        raise ContainerError(f"A {kind} file cannot carry a label here; make it a JPEG, PNG or WebP.")
    return kind


def _segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The JPEG's segments before its first scan (marker, body), and everything from the scan on."""
    found: list[tuple[int, bytes]] = []
    at = 2
    while data[at : at + 1] == b"\xff" and len(data) >= at + 4:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == _SOS:
            return found, data[at:]
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if size < 2 or at + 2 + size > len(data) or marker == _EOI:
            break
        found.append((marker, data[at + 4 : at + 2 + size]))
        at += 2 + size
    raise ContainerError("The JPEG file's segments are broken; encode the picture anew.")


def _jpeg(segments: Iterable[tuple[int, bytes]], rest: bytes) -> bytes:
    parts = [struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments]
    return b"\xff\xd8" + b"".join(parts) + rest


def _is_xmp(marker: int, body: bytes) -> bool:
    return marker == _APP1 and body.startswith(_XMP_HEAD)


def _jpeg_with(data: bytes, segment: tuple[int, bytes]) -> bytes:
    """XMP follows JFIF and Exif, which readers expect first."""
    segments, rest = _segments(data)
    kept = [one for one in segments if not _is_xmp(*one)]
    at = 0
    while at < len(kept) and (kept[at][0] == _APP0 or _is_exif(*kept[at])):
        at += 1
    return _jpeg([*kept[:at], segment, *kept[at:]], rest)


def _is_exif(marker: int, body: bytes) -> bool:
    return marker == _APP1 and body.startswith(_EXIF_HEAD)


def _chunks(data: bytes) -> list[Box]:
    found, at = [], len(_PNG_HEAD)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if len(data) < at + 12 + size:
            break
        found.append((name, body))
        at += 12 + size
        if name == b"IEND":
            return found
    raise ContainerError("The PNG file's chunks are broken; encode the picture anew.")


def _png(chunks: Iterable[Box]) -> bytes:
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    ]
    return _PNG_HEAD + b"".join(parts)


def _png_with(data: bytes, chunk: Box) -> bytes:
    """Right after the header, so that a reader that stops at the pixels has seen it."""
    head, *others = _chunks(data)
    kept = [one for one in others if not (one[0] == b"iTXt" and one[1].startswith(_XMP_WORD + b"\0"))]
    return _png([head, chunk, *kept])


def _xmp_text(body: bytes) -> bytes | None:
    """The text of an iTXt chunk, if it is XMP: keyword 0 compressed method language 0 translated 0 text."""
    word, _, rest = body.partition(b"\0")
    if word != _XMP_WORD or len(rest) < 4:
        return None
    text = rest[2:].split(b"\0", 2)[-1]
    if rest[0] == 0:
        return text
    try:
        return zlib.decompressobj().decompress(text, _MOST_TEXT)
    except zlib.error:
        return None


def _boxes(data: bytes) -> list[Box]:
    found, at = [], 12
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            raise ContainerError("The WebP file's chunks are broken; encode the picture anew.")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def _riff(boxes: Iterable[Box]) -> bytes:
    parts = [
        name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in boxes
    ]  # fmt: skip
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _extended(data: bytes) -> list[Box]:
    """The chunks with a ``VP8X`` header first; a simple file gets one, else it may carry no metadata."""
    boxes = _boxes(data)
    if boxes and boxes[0][0] == b"VP8X" and len(boxes[0][1]) == 10:
        return boxes
    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            (width, height), alpha = image.size, image.mode == "RGBA"
    except (OSError, ValueError) as error:
        raise ContainerError("The WebP file cannot be read; encode the picture anew.") from error
    flags = _VP8X_ALPHA if alpha else 0
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return [(b"VP8X", struct.pack("<I", flags) + size), *boxes]
