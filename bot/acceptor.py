"""The way in of the web process: reads a request whole, and only then gives it a thread.

The server's loop can wait for thousands of clients; threads cannot. So a body that is announced and sent
slowly, or never, costs a socket and is cut off after `BODY_SECONDS`. What the platform sends is answered in
the loop itself (`bot.webhook`), pages by threads; each kind has a bound on how much may wait: past it the
answer is 503 at once, which is sooner than the platform gives up and tells it to send the same thing again.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, cast
from urllib.parse import urlsplit

import structlog

from bot.envelope import MAX_BODY, SIGNING_HEADERS
from bot.reception import refused_envelope
from bot.webhook import PATHS, Webhook

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from granian.rsgi import Scope

BODY_SECONDS: Final = 10.0
"""A whole body must arrive in so many seconds; eight megabytes take two at 4 MB/s."""
SMALL: Final = 64 * 1024
"""A body up to here is read in one go; larger ones in pieces, whose bytes are counted against `ROOM`."""
ROOM: Final = 128 * 1024 * 1024
"""Bytes of large bodies that may be under way together."""
LARGE_THREADS: Final = 2
PAGE_THREADS: Final = 8
EVENTS: Final = 1500
"""Of the platform's requests so many may wait for the one writer; it is the writer's patience in numbers."""
PAGES: Final = 200
BEHIND: Final = 0.5
"""Seconds the loop's callbacks may wait for their turn before requests are refused: a request takes its turn
three times until it is answered, and the platform waits 3 s."""
LOOK_SECONDS: Final = 0.05
LEAVE: Final = signal.SIGUSR1
"""Tells the process that it will be stopped: it answers on, but calls itself not ready."""

_SIGNING: Final = tuple((name, name.lower()) for name in SIGNING_HEADERS)

log = structlog.get_logger("bot.acceptor")


class Exchange(Protocol):
    """What we use of the server's object for one request (RSGI 1.6)."""

    def __call__(self) -> Any: ...  # noqa: D102 - the body, awaited
    def __aiter__(self) -> Any: ...
    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...  # noqa: D102


class BodyFault(Exception):  # noqa: N818 - an outcome with a name
    """The body is not taken; `status` is what to answer."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(slots=True)
class _Desk:
    """Threads for one kind of request."""

    pool: ThreadPoolExecutor
    limit: int
    under_way: int = field(default=0)


class Acceptor:
    """An RSGI app in front of a WSGI one.

    Args:
        app: answers pages, and what the platform sends when it is large; called in one of our threads.
        door: answers what the platform sends, in the loop.
        leaving: set when the process was told that it will be stopped.
    """

    def __init__(self, app: WSGIApplication, door: Webhook, leaving: threading.Event) -> None:
        self._app = app
        self._door = door
        self._leaving = leaving
        self._events = _Desk(ThreadPoolExecutor(LARGE_THREADS, "large-event"), EVENTS)
        self._pages = _Desk(ThreadPoolExecutor(PAGE_THREADS, "page"), PAGES)
        self._room = ROOM
        self._behind = 0.0
        self._reading: dict[asyncio.Task[Any], float] = {}  # until when its body may come, the oldest first
        self._common = _common_environ()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by the server before it takes connections."""
        loop.add_signal_handler(LEAVE, self._leaving.set)
        loop.call_soon(self._look, loop.time())

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Called by the server when every request was answered."""
        self._events.pool.shutdown()
        self._pages.pool.shutdown()

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer one request."""
        path = scope.path
        desk = self._events if path in PATHS else self._pages
        if desk.under_way >= desk.limit or self._behind > BEHIND:
            _refuse(exchange, 503, "overloaded")
            return
        try:
            body = await self._body(scope, exchange)
        except BodyFault as fault:
            _refuse(exchange, fault.status, fault.why)
            return
        desk.under_way += 1
        try:
            if desk is self._events and len(body) <= SMALL:
                get = scope.headers.get
                signing = {name: get(key, "") for name, key in _SIGNING}
                exchange.response_bytes(*await self._door.answer(scope.method, path, body, signing))
            else:
                loop = asyncio.get_running_loop()
                environ = self._environ(scope, path, body)
                await loop.run_in_executor(desk.pool, self._answer, environ, exchange)
        finally:
            desk.under_way -= 1

    def _look(self, due: float) -> None:
        """Note how long the loop's callbacks wait for their turn, as a request does; end what reads too long.

        One look at all is cheaper than a timer for each body.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._behind = now - due
        while self._reading:
            task, until = next(iter(self._reading.items()))
            if until > now:
                break
            del self._reading[task]  # by which it knows who cancelled it
            task.cancel()
        loop.call_later(LOOK_SECONDS, self._look, now + LOOK_SECONDS)

    async def _body(self, scope: Scope, exchange: Exchange) -> bytes:
        """Read the body; nothing is read of a request that announces none.

        Raises:
            BodyFault: it is too long, too slow, or there is no room for it now.
        """
        told = scope.headers.get("content-length")
        if told is None and "transfer-encoding" not in scope.headers:
            return b""
        length = int(told) if told is not None else MAX_BODY + 1
        if told is not None and length > MAX_BODY:
            raise BodyFault(413, "too_large")
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._reading[task] = asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            if length <= SMALL:
                whole: bytes = await exchange()
                return whole
            return await self._in_pieces(exchange)
        except asyncio.CancelledError:
            if task in self._reading:
                raise
            task.uncancel()
            raise BodyFault(408, "slow_body") from None
        except RuntimeError:  # the client hung up
            raise BodyFault(400, "broken_body") from None
        finally:
            self._reading.pop(task, None)

    async def _in_pieces(self, exchange: Exchange) -> bytes:
        found = bytearray()
        try:
            async for piece in exchange:
                found += piece
                self._room -= len(piece)
                if len(found) > MAX_BODY:
                    raise BodyFault(413, "too_large")
                if self._room < 0:
                    raise BodyFault(503, "no_room")
            return bytes(found)
        finally:
            self._room += len(found)

    def _environ(self, scope: Scope, path: str, body: bytes) -> dict[str, Any]:
        """Describe the request as PEP 3333 wants it."""
        client, server = urlsplit(f"//{scope.client}"), urlsplit(f"//{scope.server}")
        environ = self._common | {
            "REQUEST_METHOD": scope.method,
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": scope.query_string,
            "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
            "SERVER_NAME": server.hostname or "",
            "SERVER_PORT": str(server.port or ""),
            "REMOTE_ADDR": client.hostname or "",
            "wsgi.url_scheme": scope.scheme,
            "wsgi.input": io.BytesIO(body),
        }
        for name, value in scope.headers.items():
            key = f"HTTP_{name.upper().replace('-', '_')}"
            between = ";" if name == "cookie" else ","
            environ[key] = f"{environ[key]}{between}{value}" if key in environ else value
        environ.pop("HTTP_CONTENT_LENGTH", None)
        environ["CONTENT_LENGTH"] = str(len(body))
        if "HTTP_CONTENT_TYPE" in environ:
            environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
        environ.setdefault("HTTP_HOST", scope.authority or "")
        return environ

    def _answer(self, environ: dict[str, Any], exchange: Exchange) -> None:
        """Have the app answer, in a thread, and hand the answer to the server."""
        begun = _Begun()
        found: Iterable[bytes] = ()
        try:
            found = self._app(environ, begun)
            body = b"".join((begun.written, *found))
            exchange.response_bytes(begun.status, begun.headers, body)
        except Exception:
            log.exception("acceptor.app_failed", path=environ["PATH_INFO"])
            exchange.response_bytes(500, [("content-type", "text/plain")], b"internal error\n")
        finally:
            close: Callable[[], None] | None = getattr(found, "close", None)
            if close is not None:
                close()


class _Begun:
    """The ``start_response`` of one request."""

    __slots__ = ("headers", "status", "written")

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[tuple[str, str]] = []
        self.written = bytearray()  # by the callable that PEP 3333 has besides the body that is returned

    def __call__(
        self, status: str, headers: list[tuple[str, str]], _error: object = None
    ) -> Callable[[bytes], object]:
        self.status = int(status.split(" ", 1)[0])
        self.headers = headers
        return self.written.extend


def _refuse(exchange: Exchange, status: int, why: str) -> None:
    """Answer in a fixed word, and count it."""
    refused_envelope(why)
    headers = [("content-type", "application/json")]
    if status in (408, 413):
        headers.append(("connection", "close"))  # the rest of the body is not waited for
    exchange.response_bytes(
        status, headers, b'{"error": "try again"}' if status == 503 else b'{"error": "refused"}'
    )


def _common_environ() -> dict[str, Any]:
    return dict(os.environ) | {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": "chorus",
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multiprocess": False,
        "wsgi.multithread": True,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
    }
