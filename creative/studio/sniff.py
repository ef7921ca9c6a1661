"""What a file really is, by its first bytes; its name is only what somebody called it. Pure."""

from __future__ import annotations

import struct
import zlib
from enum import StrEnum


class Kind(StrEnum):
    """What a file is: `PICTURES` can be opened, each of the others has a sentence of its own in `photo`."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    BMP = "bmp"
    TIFF = "tiff"
    AVIF = "avif"
    HEIC = "heic"
    RAW = "raw"
    PSD = "psd"
    SVG = "svg"
    PDF = "pdf"
    VIDEO = "video"
    AUDIO = "audio"
    ARCHIVE = "archive"
    HTML = "html"
    LINK = "link"
    TEXT = "text"
    UNKNOWN = "unknown"


PICTURES = frozenset({Kind.JPEG, Kind.PNG, Kind.WEBP, Kind.GIF, Kind.BMP, Kind.TIFF, Kind.AVIF})
"""Kinds that `photo.open_photo` opens."""

ENDINGS = {
    Kind.JPEG: ("jpg", "jpeg", "jfif", "jpe"),
    Kind.PNG: ("png", "apng"),
    Kind.WEBP: ("webp",),
    Kind.GIF: ("gif",),
    Kind.BMP: ("bmp", "dib"),
    Kind.TIFF: ("tif", "tiff"),
    Kind.AVIF: ("avif",),
}
"""Endings of names that fit a kind."""

DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError, struct.error,
    zlib.error, MemoryError, NotImplementedError, AttributeError, RuntimeError,
)  # fmt: skip
"""What Pillow's decoders raise for broken files; found by fuzzing in tests/creative/test_photo.py."""

_HEAD = 1024
"""Bytes looked at; PDF readers allow as much before ``%PDF-``."""

# Order matters: the longer, more particular beginnings stand first.
_MAGIC = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II*\x00\x10\x00\x00\x00CR", Kind.RAW),
    (b"FUJIFILMCCD-RAW", Kind.RAW),
    (b"II*\x00", Kind.TIFF),
    (b"MM\x00*", Kind.TIFF),
    (b"8BPS", Kind.PSD),
    (b"\x1aE\xdf\xa3", Kind.VIDEO),
    (b"FLV\x01", Kind.VIDEO),
    (b"\x00\x00\x01\xba", Kind.VIDEO),
    (b"ID3", Kind.AUDIO),
    (b"OggS", Kind.AUDIO),
    (b"PK\x03\x04", Kind.ARCHIVE),
    (b"Rar!", Kind.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
    (b"\x1f\x8b", Kind.ARCHIVE),
    (b"\xd0\xcf\x11\xe0", Kind.ARCHIVE),
)
_RIFF = {b"WEBP": Kind.WEBP, b"AVI ": Kind.VIDEO, b"WAVE": Kind.AUDIO}
# Brands of the ISO container, https://mp4ra.org/registered-types/brands (2026-11); all others are videos.
_BRANDS = {
    b"avif": Kind.AVIF, b"avis": Kind.AVIF, b"heic": Kind.HEIC, b"heix": Kind.HEIC, b"hevc": Kind.HEIC,
    b"heim": Kind.HEIC, b"heis": Kind.HEIC, b"mif1": Kind.HEIC, b"msf1": Kind.HEIC, b"crx ": Kind.RAW,
    b"M4A ": Kind.AUDIO,
}  # fmt: skip


def sniff(data: bytes) -> Kind:
    """The kind of a file.

    Args:
        data: the file, or at least its first 1024 bytes.

    Returns:
        The kind its first bytes claim; whether the rest keeps the promise is found out by opening it.
    """
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], Kind.UNKNOWN)
    if data[4:8] == b"ftyp":
        return _container(data)
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return Kind.BMP
    head = data[:_HEAD]
    return Kind.PDF if b"%PDF-" in head else _text(head)


def _container(data: bytes) -> Kind:
    """``mif1`` says only "some still picture": then the compatible brands tell AVIF from HEIC."""
    brand = data[8:12]
    if brand in (b"mif1", b"msf1"):
        size = min(int.from_bytes(data[:4], "big"), _HEAD)
        return Kind.AVIF if b"avif" in data[16:size] else Kind.HEIC
    return _BRANDS.get(brand, Kind.VIDEO)


def _text(head: bytes) -> Kind:
    text = _decoded(head)
    if text is None:
        return Kind.UNKNOWN
    lower = text.lstrip().lower()
    if "<svg" in lower:
        return Kind.SVG
    if lower.startswith(("<!doctype html", "<html", "<head", "<body")):
        return Kind.HTML
    return Kind.LINK if lower.startswith(("http://", "https://", "[internetshortcut]")) else Kind.TEXT


def _decoded(head: bytes) -> str | None:
    """The text of the beginning, or None if it is not text. A character cut by the end does not count."""
    encodings = ("utf-16",) if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        for cut in range(4):
            try:
                text = head[: len(head) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
            return text if text and all(sign.isprintable() or sign.isspace() for sign in text) else None
    return None
