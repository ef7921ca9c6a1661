"""HTTP/1.1 over a socket, by hand: reading a request, writing an answer, cutting the line."""

import contextlib
import json
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO

from sandbox.kernel import Part, Reply

MAX_BODY = 64 * 1024 * 1024
PHRASES = {status.value: status.phrase for status in HTTPStatus}
NAME = re.compile(rb'[;\s]name="((?:[^"\\]|\\.)*)"')
FILENAME = re.compile(rb'[;\s]filename="((?:[^"\\]|\\.)*)"')
FILENAME_UTF8 = re.compile(rb"[;\s]filename\*=[Uu][Tt][Ff]-8''([^;\s]+)")


class BrokenRequestError(Exception):
    """The bytes on the line are not a request; the line is closed."""


@dataclass(slots=True)
class Incoming:
    """A request as it stood on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


def read_request(stream: IO[bytes], out: socket.socket) -> Incoming | None:
    """Read one request; None when the client has closed the line.

    Raises:
        BrokenRequestError: when it is not HTTP.
    """
    line = stream.readline(65_536)
    if not line:
        return None
    words = line.split()
    if len(words) != 3:
        raise BrokenRequestError(line[:80])
    headers: dict[str, str] = {}
    while True:
        line = stream.readline(65_536)
        if line in (b"\r\n", b"\n"):
            break
        name, colon, value = line.partition(b":")
        if not colon:
            raise BrokenRequestError(line[:80])
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    if headers.get("expect", "").lower() == "100-continue":
        out.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    close = headers.get("connection", "").lower() == "close" or words[2] == b"HTTP/1.0"
    body = read_body(stream, headers)
    return Incoming(words[0].decode("latin-1"), words[1].decode("latin-1"), headers, body, not close)


def read_body(stream: IO[bytes], headers: Mapping[str, str]) -> bytes:
    """The body, by Content-Length or in chunks."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(read_chunks(stream))
    length = int(headers.get("content-length", "0") or 0)
    if length > MAX_BODY:
        raise BrokenRequestError(f"body of {length} bytes")
    return stream.read(length) if length else b""


def read_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """The chunks of a chunked body, trailer swallowed."""
    while True:
        size = int(stream.readline(1024).split(b";")[0], 16)
        if size == 0:
            while stream.readline(65_536) not in (b"\r\n", b"\n", b""):
                pass
            return
        yield stream.read(size)
        stream.readline(16)


def read_multipart(content_type: str, body: bytes) -> dict[str, Part]:
    """The parts of a multipart body by name, the last of a name; a part may come without a file name."""
    return dict(read_parts(content_type, body))


def read_parts(content_type: str, body: bytes) -> list[tuple[str, Part]]:
    """The parts of a multipart body in their order, each with its name; names may repeat."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if found is None:
        return []
    parts: list[tuple[str, Part]] = []
    for chunk in body.split(b"--" + found[1].encode("latin-1"))[1:]:
        head, gap, data = chunk.partition(b"\r\n\r\n")
        name = NAME.search(head)
        if not gap or name is None:
            continue
        kind = re.search(rb"content-type:\s*([^\r\n]+)", head, re.IGNORECASE)
        part = Part(
            data=data.removesuffix(b"\r\n"),
            filename=part_filename(head),
            content_type=kind[1].decode("latin-1") if kind else "",
        )
        parts.append((name[1].decode(), part))
    return parts


def part_filename(head: bytes) -> str | None:
    """The file name of a part, plain or RFC 5987."""
    coded = FILENAME_UTF8.search(head)
    if coded is not None:
        from urllib.parse import unquote_to_bytes  # noqa: PLC0415 - rare

        return unquote_to_bytes(coded[1]).decode(errors="replace")
    plain = FILENAME.search(head)
    return plain[1].replace(b'\\"', b'"').decode(errors="replace") if plain else None


def encode(reply: Reply) -> tuple[bytes, str]:
    """The bytes of an answer that is not streamed, and its default content type."""
    if isinstance(reply.body, bytes):
        return reply.body, "application/octet-stream"
    if isinstance(reply.body, str):
        return reply.body.encode(), "text/html; charset=utf-8"
    if isinstance(reply.body, Mapping):
        return json.dumps(
            reply.body, ensure_ascii=False, separators=(",", ":"), default=str
        ).encode(), JSON_TYPE
    return b"", JSON_TYPE


JSON_TYPE = "application/json; charset=utf-8"


def write_reply(out: socket.socket, reply: Reply, payload: bytes, kind: str, *, keep_alive: bool) -> None:
    """Send an answer; an iterator body goes out in chunks as it comes."""
    headers = {"Content-Type": kind, **reply.headers}
    streamed = isinstance(reply.body, Iterator)
    if streamed:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(len(payload))
    if not keep_alive:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {reply.status} {PHRASES.get(reply.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    out.sendall(head + payload)
    if isinstance(reply.body, Iterator):
        for chunk in reply.body:
            out.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        out.sendall(b"0\r\n\r\n")


def cut(line: socket.socket) -> None:
    """Cut a line the hard way: the client sees a reset, not an end."""
    with contextlib.suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()
