"""A load balancer as small as one can be: asks for health, spreads requests, repeats none."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHECK_SECONDS = 0.2


class Balancer:
    """Listens on loopback and passes what comes to one of several servers.

    Args:
        ports: of the servers.

    Attributes:
        failed: requests that got no answer, each as (port, what happened).
        answered: how many requests each server answered.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.failed: list[tuple[int, str]] = []
        self.answered: Counter[int] = Counter()
        self._ports = list(ports)
        self._ready = dict.fromkeys(ports, False)
        self._turn = itertools.count()
        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.05,)),
            threading.Thread(target=self._watch),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def ready(self, port: int) -> bool:
        """Whether a server passed its last health check."""
        return self._ready[port]

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(CHECK_SECONDS):
            for port in self._ports:
                self._ready[port] = ask(port, "GET", "/readyz")[0] == 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        balancer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = balancer.pass_on(self.path, body, dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        return Handler

    def pass_on(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Send a request to a server that is ready; 502 when it does not answer, 503 when none is ready."""
        ready = [port for port in self._ports if self._ready[port]]
        if not ready:
            self.failed.append((0, "no server is ready"))
            return 503, b"{}"
        port = ready[next(self._turn) % len(ready)]
        status, answer = ask(port, "POST", path, body, headers)
        if status == 0:
            self.failed.append((port, answer.decode()))
            return 502, b"{}"
        self.answered[port] += 1
        return status, answer


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """One request over a connection of its own: (status, answer), or (0, what went wrong)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        found = connection.getresponse()
        return found.status, found.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()
    finally:
        connection.close()


def checks(port: int) -> dict[str, str]:
    """What /readyz says of each check; empty when nobody answers."""
    status, answer = ask(port, "GET", "/readyz")
    return dict(json.loads(answer)["checks"]) if status in (200, 503) else {}
