"""From a request on the wire to an answer: route, faults, token, limits, handler, envelope, recording."""

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.kernel import ApiError, Reply, Request, Route, World
from sandbox.wire import Incoming, encode, read_multipart

CONTROL = "/_sandbox/"
PAGES = ("/", "/favicon.ico", "/backoffice", "/developer", "/gallery")
TROUBLESHOOTER = "排查建议查看(Troubleshooting suggestions): https://open.feishu.cn/search?log_id="


class CutLineError(Exception):
    """The answer is not to be sent: the line is to be cut."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back on the wire."""

    reply: Reply
    payload: bytes
    kind: str


class RouteTable:
    """Finds the route of a path; fixed paths first, then paths with parameters, the most fixed first."""

    def __init__(self, routes: list[Route]) -> None:
        self._fixed: dict[tuple[str, str], Route] = {}
        self._open: dict[tuple[str, int], list[tuple[list[str], Route]]] = {}
        for route in routes:
            parts = route.pattern.rstrip("/").split("/")
            if any(part.startswith(":") for part in parts):
                self._open.setdefault((route.method, len(parts)), []).append((parts, route))
            else:
                self._fixed[route.method, route.pattern.rstrip("/")] = route
        for entries in self._open.values():
            entries.sort(key=lambda entry: [part.startswith(":") for part in entry[0]])

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a call and its path parameters."""
        path = path.rstrip("/")
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed, {}
        got = path.split("/")
        for parts, route in self._open.get((method, len(got)), ()):
            if all(want == have or (want[:1] == ":" and have) for want, have in zip(parts, got, strict=True)):
                params = {w[1:]: unquote(h) for w, h in zip(parts, got, strict=True) if w[:1] == ":"}
                return route, params
        return None


class Dispatcher:
    """Answers requests for one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.table = RouteTable(world.routes)
        self._log_numbers = itertools.count(1)

    def handle(self, incoming: Incoming) -> Answer:
        """Answer one request.

        Raises:
            CutLineError: when a fault says that the client gets no answer.
        """
        url = urlsplit(incoming.target)
        query_all = parse_qs(url.query, keep_blank_values=True) if url.query else {}
        path = unquote(url.path) if "%" in url.path else url.path
        request = Request(
            method=incoming.method,
            path=path,
            params={},
            query={name: values[-1] for name, values in query_all.items()},
            query_all=query_all,
            headers=incoming.headers,
            raw=incoming.body,
            files={},
            form={},
            app=self.world.default_app,
        )
        log_id = self._log_id()
        if path.startswith(CONTROL) or not is_api(path):
            if foreign(request):
                return self._answer(Reply({"code": 403, "msg": "another site may not act here"}, 403), log_id)
            return self._answer(self._run(request, log_id), log_id)
        return self._observed(request, log_id)

    def _log_id(self) -> str:
        """The support id of a call: time and a running number."""
        return f"{self.world.clock.now():%Y%m%d%H%M%S}{next(self._log_numbers):018X}"

    def _observed(self, request: Request, log_id: str) -> Answer:
        """A platform call: faults may spoil it, and it is recorded whatever happens."""
        started = time.perf_counter()
        fault = self.world.control.faults.pick(request.method, request.path)
        kind = fault.kind if fault else ""
        answer: Answer | None = None
        try:
            if fault is not None and kind == "delay":
                time.sleep(fault.seconds)
            elif kind == "revoke_tokens":
                with self.world.lock:
                    self.world.auth.revoke()
            if kind == "drop_before":
                raise CutLineError
            if fault is not None and kind in ("code", "status"):
                answer = self._answer(render_error(fault.error(), log_id), log_id)
            elif fault is not None and kind == "html":
                answer = self._answer(gateway_page(fault.status), log_id)
            elif fault is not None and kind == "answer":
                if fault.done:
                    self._run(request, log_id)
                answer = self._answer(Reply(fault.body, fault.status, fault.headers), log_id)
            else:
                answer = self._answer(self._run(request, log_id), log_id)
            if fault is not None and kind == "late":
                time.sleep(fault.seconds)
            if kind == "drop_after":
                raise CutLineError
            return half(answer) if kind == "drop_mid" else answer
        finally:
            self._record(
                request, answer, cut=kind.startswith("drop"), ms=(time.perf_counter() - started) * 1000
            )

    def _record(self, request: Request, answer: Answer | None, *, cut: bool, ms: float) -> None:
        self.world.control.recorder.keep(
            at=self.world.clock.time(),
            method=request.method,
            path=request.path,
            route=request.route.pattern if request.route else "",
            query=request.query,
            headers=request.headers,
            raw=request.raw,
            files=request.files,
            app_id=request.app.app_id,
            status=0 if cut or answer is None else answer.reply.status,
            response=b"" if answer is None or answer.reply.bulky else answer.payload,
            ms=ms,
        )
        self.world.pulse.touch("calls")

    def _run(self, request: Request, log_id: str) -> Reply:
        """Route, check and handle; errors become the platform's envelope."""
        route: Route | None = None
        try:
            found = self.table.find(request.method, request.path)
            if found is None:
                raise self._unknown(request)
            route, request.params = found
            request.route = route
            content_type = request.headers.get("content-type", "")
            if content_type.startswith("multipart/form-data"):
                request.files = read_multipart(content_type, request.raw)
                request.form = {
                    name: part.data.decode(errors="replace")
                    for name, part in request.files.items()
                    if part.filename is None
                }
            return self._checked(route, request)
        except ApiError as error:
            if route is not None and route.on_error is not None:
                return route.on_error(error, log_id)
            return render_error(error, log_id)

    def _checked(self, route: Route, request: Request) -> Reply:
        """Token, scopes and limits, then the handler."""
        world = self.world
        if route.auth != "none":
            with world.lock:
                world.auth.admit(request, route)
        if route.rate is not None and world.limits_on:
            over = world.control.limiter.take(
                f"{request.app.app_id} {route.method} {route.pattern}", route.rate.windows()
            )
            if over is not None:
                raise too_often(over, route.limit_status)
        if route.locked:
            with world.lock:
                result = route.handler(world, request)
        else:
            result = route.handler(world, request)
        return result if isinstance(result, Reply) else Reply({"code": 0, "msg": "success", "data": result})

    def _unknown(self, request: Request) -> ApiError:
        """Never a silent 200: an unknown path or a wrong method is refused."""
        others = [m for m in ("GET", "POST", "PUT", "PATCH", "DELETE") if self.table.find(m, request.path)]
        if others:
            return ApiError(99991301, f"method not allowed, expected {', '.join(others)}", status=405)
        return ApiError(99991201, f"404 page not found: {request.method} {request.path}", status=404)

    def _answer(self, reply: Reply, log_id: str) -> Answer:
        payload, kind = encode(reply)
        reply.headers = {"X-Tt-Logid": log_id, "X-Request-Id": log_id, **reply.headers}
        return Answer(reply, b"" if isinstance(reply.body, Iterator) else payload, kind)


def is_api(path: str) -> bool:
    """Whether a path belongs to a platform; pages for people are neither spoilt nor recorded."""
    return path not in PAGES and not path.startswith(("/people/", "/web/"))


def foreign(request: Request) -> bool:
    """Whether a page of another site makes the reader's browser act here; scripts send no Origin."""
    origin = request.headers.get("origin", "")
    return (
        request.method != "GET"
        and origin != ""
        and urlsplit(origin).netloc != request.headers.get("host", "")
    )


def too_often(over: tuple[int, int], status: int) -> ApiError:
    """99991400 with the headers that say how long to wait. Source: Feishu docs "频控策略", read 2026-11."""
    return ApiError(
        99991400,
        "request trigger frequency limit",
        status=status,
        headers={"x-ogw-ratelimit-limit": str(over[0]), "x-ogw-ratelimit-reset": str(over[1])},
    )


def render_error(error: ApiError, log_id: str) -> Reply:
    """The platform's error envelope. Source: Feishu docs "通用错误码", Aug 2025."""
    detail: dict[str, Any] = {"log_id": log_id, "troubleshooter": TROUBLESHOOTER + log_id, **error.error}
    body: Mapping[str, Any] = {"code": error.code, "msg": error.msg, "error": detail}
    return Reply(body, status=error.status, headers=error.headers)


def gateway_page(status: int) -> Reply:
    """What a proxy in front of the platform says when nobody is home."""
    page = (
        f"<html><head><title>{status} Bad Gateway</title></head><body><center><h1>{status} Bad Gateway</h1>"
    )
    return Reply(
        page + "</center><hr><center>Tengine</center></body></html>",
        status=status,
        headers={"Content-Type": "text/html; charset=utf-8"},
    )


def half(answer: Answer) -> Answer:
    """An answer whose line is cut in the middle of the body."""

    def pieces() -> Iterator[bytes]:
        yield answer.payload[: len(answer.payload) // 2 or 1]
        raise CutLineError

    return replace(answer, reply=replace(answer.reply, body=pieces()))


def run_after(reply: Reply) -> None:
    """Start what must happen once the answer is out."""
    if reply.after is not None:
        threading.Thread(target=reply.after, name="sandbox-after", daemon=True).start()
