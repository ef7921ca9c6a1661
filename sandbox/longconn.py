"""The long connection: where an app asks for an address, and the websocket server behind it.

Facts: docs "使用长连接接收事件/回调" and the official Python SDK 1.7.5 (``lark_oapi/ws/client.py``), read
2026-11: every message goes to one random client of the app, at most 50 clients, payloads are plain, an answer
within 3 s.
"""

import base64
import contextlib
import json
import random
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Handshake
from websockets.http11 import Response
from websockets.sync.server import Server, ServerConnection, serve

from sandbox.frames import CONTROL, DATA, BrokenFrameError, Frame, decode
from sandbox.kernel import Reply, Request, Routes, World

MAX_CLIENTS = 50
AUTH_FAILED = 514
SYSTEM_BUSY = 1
NO_CREDENTIAL = 1000040344
TOO_MANY = 1000040350
FRAGMENT = 256 * 1024
SERVICE_ID = 33554678

routes = Routes("longconn")


class NoClientError(Exception):
    """The app holds no long connection."""


@dataclass(slots=True)
class Client:
    """One connected client of an app; ``pings`` counts what keeps it alive."""

    app_id: str
    device_id: str
    line: ServerConnection
    pings: int = 0


@dataclass(slots=True)
class Waiting:
    """A message sent and not yet acknowledged."""

    done: threading.Event = field(default_factory=threading.Event)
    payload: bytes | None = None


class LongconnState:
    """Connected clients and the server. Found as ``world.longconn``."""

    transient = ("_lock", "_clients", "_tickets", "_waiting", "_server")

    def __init__(self, world: World) -> None:
        self.world = world
        self.busy = False
        self.config: dict[str, int] = {}
        self._lock = threading.Lock()
        self._clients: dict[str, Client] = {}
        self._tickets: dict[str, str] = {}
        self._waiting: dict[str, Waiting] = {}
        self._used: set[str] = set()
        self._server: Server | None = None
        self._random = random.Random(1)  # noqa: S311 - which client gets a message, repeatable

    def reset(self, _world: World, _company: str, seed: int) -> None:
        """Drop every client; nobody uses long connections any more."""
        self.kill()
        with self._lock:
            self._used.clear()
            self._tickets.clear()
            self._random.seed(seed)
        self.busy = False
        self.config = {
            "ReconnectCount": -1,
            "ReconnectInterval": 120,
            "ReconnectNonce": 30,
            "PingInterval": 120,
        }

    def close(self) -> None:
        """Stop the server."""
        self.kill()
        if self._server is not None:
            self._server.shutdown()

    def uses(self, app_id: str) -> bool:
        """Whether the app has ever connected, i.e. chose this way in the console."""
        return app_id in self._used

    def online(self, app_id: str) -> int:
        """How many clients of the app are connected."""
        with self._lock:
            return sum(client.app_id == app_id for client in self._clients.values())

    def clients(self) -> list[dict[str, Any]]:
        """The connected clients, for the control plane."""
        with self._lock:
            return [
                {"app_id": c.app_id, "device_id": c.device_id, "pings": c.pings}
                for c in self._clients.values()
            ]

    def kill(self, app_id: str | None = None) -> int:
        """Cut the lines (of one app) without a goodbye; returns how many."""
        with self._lock:
            chosen = [c for c in self._clients.values() if app_id in (None, c.app_id)]
            for client in chosen:
                del self._clients[client.device_id]
        for client in chosen:
            with contextlib.suppress(OSError):
                client.line.socket.shutdown(2)
        return len(chosen)

    def push(self, app_id: str, envelope: Mapping[str, Any], timeout: float) -> tuple[int | None, str]:
        """Send an event to one random client; returns (status, problem) like an HTTP try."""
        try:
            answer = self._exchange(app_id, envelope, timeout)
        except (NoClientError, TimeoutError, ConnectionClosed) as problem:
            return None, str(problem) or type(problem).__name__
        code = int(answer.get("code", 0))
        return code, "" if code == 200 else f"the client answered {code}"

    def request(self, envelope: Mapping[str, Any], *, app_id: str | None = None, timeout: float = 3.0) -> Any:
        """Send a callback and wait for what the client answers.

        Args:
            envelope: the v2 envelope of the callback.
            app_id: the default app when left out.
            timeout: seconds to wait.

        Returns:
            (status, body): 200 and the JSON value the handler returned (``{}`` when it returned
            nothing), or the status of a failed handler and None.

        Raises:
            NoClientError: nobody is connected.
            TimeoutError: no answer in time, or the line broke.
        """
        try:
            answer = self._exchange(app_id or self.world.default_app.app_id, envelope, timeout)
        except ConnectionClosed as gone:
            raise TimeoutError("the line broke before an answer came") from gone
        code, data = int(answer.get("code", 0)), answer.get("data")
        if code != 200:
            return code, None
        return code, json.loads(base64.b64decode(data)) if data else {}

    def address(self, app_id: str) -> str:
        """A fresh address with a ticket for one connection; starts the server when it does not run yet."""
        with self._lock:
            if self._server is None:
                self._server = serve(
                    self._talk, "127.0.0.1", 0, process_request=self._shake_hands, max_size=2**24
                )
                threading.Thread(target=self._server.serve_forever, name="longconn", daemon=True).start()
            port = self._server.socket.getsockname()[1]
            ticket = secrets.token_hex(16)
            self._tickets[ticket] = app_id
        device = secrets.randbelow(9 * 10**18) + 10**18
        return (
            f"ws://127.0.0.1:{port}/ws/v2?aid=552564&device_id={device}&fpid=493&service_id={SERVICE_ID}"
            f"&access_key={secrets.token_hex(8)}&ticket={ticket}"
        )

    # -- the websocket side --------------------------------------------------------------------------

    def _shake_hands(self, line: ServerConnection, request: Handshake) -> Response | None:
        query = parse_qs(urlsplit(request.path).query)
        with self._lock:
            app_id = self._tickets.pop(query.get("ticket", [""])[0], None)
            connected = sum(client.app_id == app_id for client in self._clients.values())
        if app_id is None:
            return _refuse(line, AUTH_FAILED, "ticket invalid or used", 1000040343)
        if connected >= MAX_CLIENTS:
            return _refuse(line, AUTH_FAILED, f"the app already has {MAX_CLIENTS} connections", TOO_MANY)
        line.app_id = app_id  # type: ignore[attr-defined]
        return None

    def _talk(self, line: ServerConnection) -> None:
        assert line.request is not None  # noqa: S101 - the handshake is over
        query = parse_qs(urlsplit(line.request.path).query)
        client = Client(line.app_id, query["device_id"][0], line)  # type: ignore[attr-defined]
        with self._lock:
            self._clients[client.device_id] = client
            self._used.add(client.app_id)
        try:
            for raw in line:
                with contextlib.suppress(BrokenFrameError, UnicodeDecodeError):
                    self._hear(client, decode(raw if isinstance(raw, bytes) else raw.encode()))
        except (ConnectionClosed, OSError):
            pass
        finally:
            with self._lock:
                self._clients.pop(client.device_id, None)

    def _hear(self, client: Client, frame: Frame) -> None:
        if frame.method == CONTROL:
            if frame.headers.get("type") == "ping":
                client.pings += 1
                config = json.dumps(self.config).encode()
                client.line.send(Frame(CONTROL, frame.service, {"type": "pong"}, config).encode())
            return
        waiting = self._waiting.get(frame.headers.get("message_id", ""))
        if waiting is not None:
            waiting.payload = frame.payload
            waiting.done.set()

    def _exchange(self, app_id: str, envelope: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        with self._lock:
            mine = [c for c in self._clients.values() if c.app_id == app_id]
            if not mine:
                raise NoClientError("no client of the app holds a long connection")
            client = self._random.choice(mine)
            message_id = secrets.token_hex(16)
            waiting = self._waiting[message_id] = Waiting()
        try:
            raw = json.dumps(envelope, ensure_ascii=False).encode()
            parts = [raw[i : i + FRAGMENT] for i in range(0, len(raw), FRAGMENT)]
            for number, part in enumerate(parts):
                headers = {
                    "type": "event",
                    "message_id": message_id,
                    "trace_id": secrets.token_hex(16),
                    "sum": str(len(parts)),
                    "seq": str(number),
                }
                client.line.send(Frame(DATA, SERVICE_ID, headers, part).encode())
            if not waiting.done.wait(timeout):
                raise TimeoutError(f"no acknowledgement within {timeout:g} s")
            answer = json.loads(waiting.payload or b"{}")
        except ValueError:
            return {"code": 500}
        finally:
            with self._lock:
                self._waiting.pop(message_id, None)
        return answer if isinstance(answer, dict) else {"code": 500}


def _refuse(line: ServerConnection, status: int, why: str, code: int) -> Response:
    response = line.respond(HTTPStatus.FORBIDDEN, why)
    response.headers["Handshake-Status"] = str(status)
    response.headers["Handshake-Msg"] = why
    response.headers["Handshake-Autherrcode"] = str(code)
    return response


@routes.add(
    "POST", "/callback/ws/endpoint", auth="none", claim="official Python SDK 1.7.5 ws/client.py, 2026-11"
)
def endpoint(world: World, req: Request) -> Reply:
    """{AppID, AppSecret} → the address to connect to and how to keep the line."""
    body = req.json()
    app = world.apps.get(str(body.get("AppID", "")))
    if world.longconn.busy:
        return Reply({"code": SYSTEM_BUSY, "msg": "system busy"})
    if not body.get("AppID") or not body.get("AppSecret"):
        return Reply({"code": NO_CREDENTIAL, "msg": "app_id or app_secret is empty"})
    if app is None or app.secret != body["AppSecret"]:
        return Reply({"code": AUTH_FAILED, "msg": "app_id or app_secret is wrong"})
    if world.longconn.online(app.app_id) >= MAX_CLIENTS:
        return Reply({"code": TOO_MANY, "msg": "the number of connections exceeded the limit"})
    data = {"URL": world.longconn.address(app.app_id), "ClientConfig": dict(world.longconn.config)}
    return Reply({"code": 0, "msg": "", "data": data})


@routes.add("GET", "/_sandbox/longconn", auth="none", claim="our own control plane, 2026-11")
def show_clients(world: World, _req: Request) -> dict[str, Any]:
    """Who is connected."""
    return {"clients": world.longconn.clients()}


@routes.add("POST", "/_sandbox/longconn", auth="none", claim="our own control plane, 2026-11")
def turn_longconn(world: World, req: Request) -> dict[str, Any]:
    """{kill: true | app_id} cuts lines; {busy: bool} refuses new ones; {config: {PingInterval: …}}."""
    body = req.json()
    killed = 0
    if body.get("kill"):
        killed = world.longconn.kill(None if body["kill"] is True else str(body["kill"]))
    if "busy" in body:
        world.longconn.busy = bool(body["busy"])
    world.longconn.config.update(body.get("config") or {})
    return {"killed": killed}
