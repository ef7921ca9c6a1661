"""A server of a few lines whose every answer the test decides, down to cutting the line."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[["Seen"], tuple[int, dict[str, str], bytes] | None]


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; ``port`` tells connections apart."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    port: int


@dataclass
class TinyServer:
    """Where it listens and what it saw."""

    url: str
    seen: list[Seen] = field(default_factory=list)


def answer_json(payload: Any, status: int = 200, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(payload).encode()


def token_or(script: Script) -> Script:
    """Answer token requests with a token and everything else by the script."""

    def choose(request: Seen) -> tuple[int, dict[str, str], bytes] | None:
        if request.target.endswith("/tenant_access_token/internal"):
            return answer_json({"code": 0, "msg": "ok", "tenant_access_token": "t-1", "expire": 7200})
        return script(request)

    return choose


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Cut lines are ordered here, not errors."""


@contextmanager
def tiny_server(script: Script, port: int = 0) -> Iterator[TinyServer]:
    """Run a server whose answers come from ``script``; None cuts the line after the request was read."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Seen(self.command, self.path, dict(self.headers), body, self.client_address[1])
            seen.append(request)
            given = script(request)
            if given is None:
                self.close_connection = True
                return
            status, headers, payload = given
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    server: socketserver.BaseServer = _QuietServer(("127.0.0.1", port), Handler)
    seen: list[Seen] = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield TinyServer(f"http://127.0.0.1:{server.server_address[1]}", seen)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
