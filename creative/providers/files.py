"""From what a provider sends to the bytes of a picture: base64, an address, and what the bytes really are."""

from __future__ import annotations

import base64
import binascii
import io
import ipaddress
import time
from urllib.parse import urlsplit

import requests
from PIL import Image

MOST_BYTES = 40 * 1024 * 1024
"""A 4K PNG has about 25 MB."""
MOST_PIXELS = 40_000_000
CONNECT, READ, WHOLE = 5.0, 30.0, 120.0
"""Seconds to connect, between two pieces, and for a file; the providers' stores answer at once."""
TRIES = 2
MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


class Unusable(Exception):  # noqa: N818 - it names the answer; the caller makes the error of it
    """What came is no picture; the message says why, for the log."""


def from_base64(text: str) -> bytes:
    """Decode a picture in base64, with or without a ``data:`` prefix.

    Raises:
        Unusable: not base64, or more than `MOST_BYTES`.
    """
    text = text.split(",", 1)[1] if text.startswith("data:") and "," in text[:100] else text
    if len(text) > MOST_BYTES * 4 // 3 + 4:
        raise Unusable(f"{len(text)} characters of base64 are more than a picture has")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as broken:
        raise Unusable(f"broken base64: {broken}") from broken


def download(url: str, base_url: str) -> bytes:
    """Fetch a picture the provider made; at most `MOST_BYTES`, without key, cookies or redirects.

    The picture is paid for already and fetching it is free, so a failed fetch is tried once more.

    Args:
        url: as it stands in the provider's answer.
        base_url: the provider's own address; only one on loopback may send us to loopback or to plain http.

    Raises:
        Unusable: the address may not be fetched, or it did not give the bytes.
    """
    check_address(url, base_url)
    for left in reversed(range(TRIES)):
        try:
            return _fetch(url)
        except requests.RequestException as problem:
            if not left:
                raise Unusable(f"download failed: {type(problem).__name__}") from problem
    raise AssertionError("the last try returns or raises")


def check_address(url: str, base_url: str) -> None:
    """Refuse addresses that would lead into our own network.

    Raises:
        Unusable: not https (or http on loopback for a provider on loopback), or a private address.
    """
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
    except ValueError as broken:
        raise Unusable("the answer names an address that is none") from broken
    if is_loopback(host) and is_loopback(urlsplit(base_url).hostname or ""):
        return
    if scheme != "https" or not host or is_loopback(host):
        raise Unusable(f"the answer names an address that is not fetched: {scheme}://{host}")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return  # a name
    if not address.is_global:
        raise Unusable(f"the answer names an address in a private network: {host}")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _fetch(url: str) -> bytes:
    with requests.get(url, timeout=(CONNECT, READ), stream=True, allow_redirects=False) as answer:
        if answer.status_code != 200:
            raise requests.HTTPError(f"status {answer.status_code}")
        data = bytearray()
        end = time.monotonic() + WHOLE
        for piece in answer.iter_content(65_536):
            data += piece
            if len(data) > MOST_BYTES:
                raise Unusable(f"more than {MOST_BYTES} bytes")
            if time.monotonic() > end:
                raise Unusable(f"not here after {WHOLE:g} s")
        return bytes(data)


def examine(data: bytes) -> tuple[str, int, int]:
    """What a file is, by its own bytes. Reads headers, never pixels: those are for the painter process.

    Returns:
        (mime, width, height in pixels).

    Raises:
        Unusable: not PNG, JPEG or WebP, cut off, or larger than `MOST_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=tuple(MIMES)) as picture:
            kind, (width, height) = str(picture.format), picture.size
            if kind == "PNG":
                picture.verify()  # reads to the last chunk and compares checksums
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as broken:
        raise Unusable(f"{len(data)} bytes that are no picture") from broken
    if width * height > MOST_PIXELS:
        raise Unusable(f"{width}x{height} pixels")
    if kind == "JPEG" and b"\xff\xd9" not in data[-1024:]:
        raise Unusable("a JPEG without an end")
    if kind == "WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise Unusable("a WebP without an end")
    return MIMES[kind], width, height
