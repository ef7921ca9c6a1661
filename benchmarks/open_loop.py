"""Requests at fixed moments, whatever became of those before: latency counts from the moment it was due.

A loop that waits for an answer before it sends the next request slows down with the server and hides how long
people would have waited (coordinated omission). Here a request whose moment has come is sent over a
connection that is free, or over a new one.
"""

from __future__ import annotations

import heapq
import re
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bot import sentences

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
NOT_TAKEN = (sentences.BUSY.zh, sentences.LATE.zh)
"""What a person reads on a tap that was not, or perhaps not, stored."""
FAILED = 0
"""Status of a request that got no answer: refused, reset, or still open when patience ended."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One request.

    Attributes:
        due: seconds after the beginning.
        key: what it is known by, e.g. the event's id.
        raw: the bytes of the request.
        kind: for figures by kind.
    """

    due: float
    key: str
    raw: bytes
    kind: str = ""


@dataclass(slots=True)
class Result:
    """What became of the requests.

    Attributes:
        status: key → HTTP status, or `FAILED`.
        seconds: key → from the due moment to the whole answer.
        kinds: key → kind.
        said: key → body of the answer, of taps: a person reads there what became of it.
        late: seconds between due and sent, the worst; more than some ms means the generator was too slow.
        connections: how many were opened.
    """

    status: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    late: float = 0.0
    connections: int = 0

    def acknowledged(self) -> set[str]:
        """Keys answered with 200, without the taps whose answer is that they were not taken."""
        return {
            key for key, status in self.status.items()
            if status == 200 and not any(words in self.said.get(key, "") for words in NOT_TAKEN)
        }  # fmt: skip

    def counts(self) -> Counter[int]:
        """How many answers of each status."""
        return Counter(self.status.values())

    def quantile(self, share: float, *, status: int | None = None, kind: str | None = None) -> float:
        """Milliseconds within which a share of the answers came; of one status or kind if given."""
        found = sorted(
            waited for key, waited in self.seconds.items()
            if (status is None or self.status[key] == status) and (kind is None or self.kinds[key] == kind)
        )  # fmt: skip
        return found[min(len(found) - 1, int(len(found) * share))] * 1000 if found else float("nan")


class _Wire:
    """A keep-alive connection with at most one request under way."""

    __slots__ = ("got", "key", "shot", "socket")

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""
        self.shot: Shot | None = None

    def send(self, shot: Shot) -> None:
        self.shot, self.got = shot, b""
        self.socket.sendall(shot.raw)

    def receive(self) -> int | None:
        """Take what arrived; the status once the answer is whole, `FAILED` when the server hung up."""
        piece = self.socket.recv(65536)
        self.got += piece
        head, found, body = self.got.partition(b"\r\n\r\n")
        if not found:
            return None if piece else FAILED
        length = LENGTH.search(head)
        if length is not None and len(body) < int(length.group(1)):
            return None if piece else FAILED
        return int(head.split(b" ", 2)[1])


def fire(host: str, port: int, shots: Sequence[Shot], *, patience: float = 10.0) -> Result:
    """Send every request at its moment and wait for the answers.

    Args:
        host: address of the server.
        port: its port.
        shots: in the order of their moments.
        patience: seconds after the last request in which answers count.
    """
    selector, idle, result = selectors.DefaultSelector(), deque[_Wire](), Result()
    begun, sent, open_now = time.perf_counter(), 0, 0
    result.kinds = {shot.key: shot.kind for shot in shots}

    def end(wire: _Wire, status: int) -> None:
        shot = wire.shot
        assert shot is not None
        result.status[shot.key] = status
        result.seconds[shot.key] = time.perf_counter() - begun - shot.due
        if shot.kind == "tap":
            result.said[shot.key] = wire.got.decode("utf-8", "replace")
        wire.shot = None
        if status == FAILED:
            selector.unregister(wire.socket)
            wire.socket.close()
        else:
            idle.append(wire)

    while sent < len(shots) or open_now:
        now = time.perf_counter() - begun
        if sent == len(shots) and now > shots[-1].due + patience:
            break
        while sent < len(shots) and shots[sent].due <= now:
            open_now += _shoot(host, port, shots[sent], selector, idle, result, now)
            sent += 1
        wait = shots[sent].due - (time.perf_counter() - begun) if sent < len(shots) else 0.5
        for ready, _ in selector.select(max(0.0, min(wait, 0.5))):
            wire: _Wire = ready.data
            try:
                status = wire.receive()
            except OSError:
                status = FAILED
            if status is None:
                continue
            if wire.shot is None:  # an idle connection the server closed
                idle.remove(wire)
                selector.unregister(wire.socket)
                wire.socket.close()
                continue
            end(wire, status)
            open_now -= 1
    _close(selector, result, begun)
    return result


def _shoot(
    host: str, port: int, shot: Shot, selector: selectors.BaseSelector, idle: deque[_Wire], result: Result,
    now: float,
) -> int:  # fmt: skip
    """Send one request; 1 when an answer is to be waited for."""
    result.late = max(result.late, now - shot.due)
    while True:
        fresh = not idle
        try:
            if fresh:
                wire = _Wire(host, port)
                result.connections += 1
                selector.register(wire.socket, selectors.EVENT_READ, wire)
            else:
                wire = idle.pop()
            wire.send(shot)
        except OSError:
            if not fresh:
                selector.unregister(wire.socket)
                wire.socket.close()
                continue  # the server had closed it meanwhile: take another
            result.status[shot.key], result.seconds[shot.key] = FAILED, time.perf_counter()
            return 0
        return 1


def _close(selector: selectors.BaseSelector, result: Result, begun: float) -> None:
    """Note what never came, and close everything."""
    for key in list(selector.get_map().values()):
        wire: _Wire = key.data
        if wire.shot is not None:
            result.status[wire.shot.key] = FAILED
            result.seconds[wire.shot.key] = time.perf_counter() - begun - wire.shot.due
        wire.socket.close()
    selector.close()


def evenly(rate: float, made: Iterable[tuple[str, str, bytes]]) -> list[Shot]:
    """Give requests (key, kind, bytes) their moments, `rate` a second."""
    return [Shot(number / rate, key, raw, kind) for number, (key, kind, raw) in enumerate(made)]


def merged(*parts: Sequence[Shot]) -> list[Shot]:
    """Join streams of requests in the order of their moments."""
    by_due: Callable[[Shot], float] = lambda shot: shot.due  # noqa: E731
    return list(heapq.merge(*parts, key=by_due))
