"""An app's side of the wire: keeps what the sandbox pushes and opens it with the official SDK's cipher."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lark_oapi.core.utils.decryptor import AESCipher

KEY = "sandbox-encrypt-key"
Answer = tuple[int, bytes]


class Pushed:
    """One request as it arrived."""

    def __init__(self, headers: dict[str, str], raw: bytes) -> None:
        self.headers = headers
        self.raw = raw
        body = json.loads(raw)
        self.sealed = "encrypt" in body
        self.body: dict[str, Any] = (
            json.loads(AESCipher(KEY).decrypt_str(body["encrypt"])) if self.sealed else body
        )

    @property
    def event_id(self) -> str:
        """Id of the event in either envelope."""
        return self.body["header"]["event_id"] if "header" in self.body else self.body["uuid"]


class Receiver:
    """Answers challenges; other pushes get what ``answer`` says (200 by default)."""

    def __init__(self) -> None:
        self.pushed: list[Pushed] = []
        self.lines: list[socket.socket] = []
        self.challenges: list[Pushed] = []
        self.answer: Callable[[Pushed], Answer] = lambda _push: (200, b'{"msg":"success"}')
        self.echo: Callable[[str], Answer] = lambda text: (200, json.dumps({"challenge": text}).encode())
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer

            def setup(self) -> None:
                super().setup()
                receiver.lines.append(self.connection)

            def do_POST(self) -> None:
                status, body = receiver.take(self)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/webhook/event"

    def take(self, handler: BaseHTTPRequestHandler) -> Answer:
        """Keep a request and decide its answer."""
        raw = handler.rfile.read(int(handler.headers["Content-Length"]))
        push = Pushed(dict(handler.headers), raw)
        if push.body.get("type") == "url_verification":
            self.challenges.append(push)
            return self.echo(push.body["challenge"])
        answer = self.answer(push)
        self.pushed.append(push)
        return answer

    def stop(self) -> None:
        """Close the port and every line kept open."""
        self._server.shutdown()
        self._server.server_close()
        for line in self.lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
