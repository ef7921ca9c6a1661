"""The HTTP door of the platform: POST /webhook/event and /webhook/card, both accept everything.

A thin WSGI layer in front of Flask: routing, request and response objects cost more than verifying,
decrypting and parsing an event together, and the interpreter does one at a time.

Verify → make durable → answer. 200 for every verified event, also of types nobody handles; 401 with a short
fixed body for everything refused; 503 when it could not be made durable in time, so that the platform sends
it again.
"""

import json
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from bot.envelope import MAX_BODY, SIGNING_HEADERS, Keys, Refused, open_envelope
from bot.model import Challenge, Event, Tap
from bot.pace import Pace
from bot.reception import Reception, refused_envelope
from bot.writer import Late, Overloaded
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
        status, body = self._receive(environ, path)
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace") if body else b"{}"
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "POST"))
        start_response(_STATUS[status], headers)
        metrics.observe("chorus_answer_seconds", time.perf_counter() - began, route=path)
        return [data]

    def _receive(self, environ: "WSGIEnvironment", path: str) -> Answer:
        if environ.get("REQUEST_METHOD") != "POST":
            return 405, {"error": "POST only"}
        try:
            raw = _body(environ)
            signing = {name: environ.get(key, "") for name, key in _SIGNING.items()}
            return 200, _accept(open_envelope(raw, signing, self._keys, self._clock.now()), self._reception)
        except RequestEntityTooLarge:
            return self._refuse("too_large", 413, path, environ)
        except Refused as refused:
            return self._refuse(refused.reason, 401, path, environ)
        except RecursionError:
            return self._refuse("too_deep", 401, path, environ)
        except (Overloaded, Late):
            return _busy("overloaded")
        except Exception:  # noqa: BLE001 - the platform gets 503 and sends it again
            _log.exception("webhook.failed", path=path)
            return _busy("error")

    def _refuse(self, reason: str, status: int, path: str, environ: "WSGIEnvironment") -> Answer:
        """Count a refusal; write it down only now and then, for anybody can cause as many as they like."""
        refused_envelope(reason)
        if self._told.allows(reason, self._clock.now()):
            _log.warning("webhook.refused", reason=reason, path=path, bytes=environ.get("CONTENT_LENGTH"))
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


def _busy(why: str) -> Answer:
    refused_envelope(why)
    _log.warning("webhook.not_stored", reason=why)
    return 503, {"error": "try again"}
