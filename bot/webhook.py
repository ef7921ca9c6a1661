"""The HTTP door of the platform: POST /webhook/event and /webhook/card, both accept everything.

A thin layer in front of Flask: routing, request and response objects cost more than verifying, decrypting
and parsing an event together, and the interpreter does one at a time. `bot.acceptor` calls it in the server's
loop, where nothing waits in a thread; a body that is large, and tests, come through WSGI.

Verify → make durable → answer. 200 for every verified event, also of types nobody handles; 401 with a short
fixed body for everything refused; 503 when it could not be made durable in time, so that the platform sends
it again.
"""

import json
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from bot.envelope import MAX_BODY, SIGNING_HEADERS, Keys, Refused, open_envelope
from bot.model import Challenge, Event, Tap
from bot.pace import Pace
from bot.reception import Reception, refused_envelope
from bot.tickets import Late, Overloaded
from runtime import metrics
from runtime.clock import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = structlog.get_logger("bot.webhook")

PATHS: Final = frozenset({"/webhook/event", "/webhook/card"})
TOLD_A_MINUTE: Final = 10
"""Refusals of one reason that are written into the log within a minute; all are counted at /metrics."""
_STATUS: Final = {code: f"{code} {HTTPStatus(code).phrase}" for code in (200, 401, 405, 413, 503)}
_SIGNING: Final = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in SIGNING_HEADERS}

Answer = tuple[int, dict[str, Any]]
"""Status and JSON body."""


class Webhook:
    """Answers the platform's requests itself and hands every other one to the app behind it.

    Args:
        app: The WSGI app behind, for all other addresses.
        reception: Makes events durable and decides taps.
        keys: Encrypt key, verification token and app id.
        clock: Against which freshness is judged.
    """

    def __init__(self, app: "WSGIApplication", reception: Reception, keys: Keys, clock: Clock) -> None:
        self._app = app
        self._reception = reception
        self._keys = keys
        self._clock = clock
        self._told = Pace(TOLD_A_MINUTE)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        path = environ.get("PATH_INFO", "")
        if path not in PATHS:
            return self._app(environ, start_response)
        began = time.perf_counter()
        status, headers, data = _written(self._receive(environ, path), path, began)
        start_response(_STATUS[status], headers)
        return [data]

    async def answer(
        self, method: str, path: str, raw: bytes, signing: Mapping[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Answer one request without a thread that waits: status, headers and body.

        Args:
            method: of HTTP.
            path: one of `PATHS`.
            raw: the body, whole.
            signing: the signing headers.
        """
        began = time.perf_counter()
        if method != "POST":
            return _written((405, {"error": "POST only"}), path, began)
        try:
            opened = open_envelope(raw, signing, self._keys, self._clock.now())
            found: Answer = (200, await _accept_arrived(opened, self._reception))
        except Exception as error:  # noqa: BLE001 - see `_fault`
            found = self._fault(error, path, len(raw))
        return _written(found, path, began)

    def _receive(self, environ: "WSGIEnvironment", path: str) -> Answer:
        if environ.get("REQUEST_METHOD") != "POST":
            return 405, {"error": "POST only"}
        try:
            raw = _body(environ)
            signing = {name: environ.get(key, "") for name, key in _SIGNING.items()}
            return 200, _accept(open_envelope(raw, signing, self._keys, self._clock.now()), self._reception)
        except Exception as error:  # noqa: BLE001 - see `_fault`
            return self._fault(error, path, environ.get("CONTENT_LENGTH"))

    def _fault(self, error: Exception, path: str, length: object) -> Answer:
        """What is answered instead of 200; of a fault of ours the platform gets 503 and sends it again."""
        if isinstance(error, RequestEntityTooLarge):
            return self._refuse("too_large", 413, path, length)
        if isinstance(error, Refused):
            return self._refuse(error.reason, 401, path, length)
        if isinstance(error, RecursionError):
            return self._refuse("too_deep", 401, path, length)
        if isinstance(error, Overloaded | Late):
            return _busy("overloaded")
        _log.error("webhook.failed", path=path, exc_info=error)
        return _busy("error")

    def _refuse(self, reason: str, status: int, path: str, length: object) -> Answer:
        """Count a refusal; write it down only now and then, for anybody can cause as many as they like."""
        refused_envelope(reason)
        if self._told.allows(reason, self._clock.now()):
            _log.warning("webhook.refused", reason=reason, path=path, bytes=length)
        return status, {"error": "refused"}


def _body(environ: "WSGIEnvironment") -> bytes:
    """Read the body; where its length is told in one go, else (chunked) until the limit.

    Raises:
        RequestEntityTooLarge: it is longer than `MAX_BODY`.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit()) or len(length) > 10:
        return get_input_stream(environ, max_content_length=MAX_BODY).read()
    if int(length) > MAX_BODY:
        raise RequestEntityTooLarge
    raw: bytes = environ["wsgi.input"].read(int(length))
    return raw


def _accept(opened: Challenge | Event | Tap, reception: Reception) -> dict[str, Any]:
    if isinstance(opened, Challenge):
        return {"challenge": opened.challenge}
    if isinstance(opened, Event):
        reception.event(opened)
        return {}
    return reception.tap(opened)


async def _accept_arrived(opened: Challenge | Event | Tap, reception: Reception) -> dict[str, Any]:
    if isinstance(opened, Event):
        await reception.event_arrived(opened)
        return {}
    if isinstance(opened, Tap):
        return await reception.tap_arrived(opened)
    return {"challenge": opened.challenge}


def _written(answer: Answer, path: str, began: float) -> tuple[int, list[tuple[str, str]], bytes]:
    """Write an answer down, and how long it took."""
    status, body = answer
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace") if body else b"{}"
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", "POST"))
    metrics.observe("chorus_answer_seconds", time.perf_counter() - began, route=path)
    return status, headers, data


def _busy(why: str) -> Answer:
    refused_envelope(why)
    _log.warning("webhook.not_stored", reason=why)
    return 503, {"error": "try again"}
