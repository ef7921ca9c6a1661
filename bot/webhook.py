"""The HTTP door of the platform: POST /webhook/event and /webhook/card, both accept everything.

Verify → make durable → answer. 200 for every verified event, also of types nobody handles; 401 with a short
fixed body for everything refused; 503 when it could not be made durable in time, so that the platform sends
it again.
"""

import json
import time
from typing import Any

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from bot.envelope import SIGNING_HEADERS, Keys, Refused, open_envelope
from bot.model import Challenge, Event, Tap
from bot.reception import Reception, refused_envelope
from bot.writer import Late, Overloaded
from runtime import metrics
from runtime.clock import Clock

_log = structlog.get_logger("bot.webhook")


def webhook_blueprint(reception: Reception, keys: Keys, clock: Clock) -> Blueprint:
    """Build the blueprint.

    Args:
        reception: Makes events durable and decides taps.
        keys: Encrypt key, verification token and app id.
        clock: Against which freshness is judged.
    """
    blueprint = Blueprint("webhook", __name__)

    @blueprint.post("/webhook/event")
    @blueprint.post("/webhook/card")
    def receive() -> Response:
        began = time.perf_counter()
        answer = _receive()
        metrics.observe("chorus_answer_seconds", time.perf_counter() - began, route=request.path)
        return answer

    def _receive() -> Response:
        try:
            raw = request.get_data(cache=False)
            signing = {name: request.headers.get(name, "") for name in SIGNING_HEADERS}
            return _json(200, _accept(open_envelope(raw, signing, keys, clock.now()), reception))
        except RequestEntityTooLarge:
            return _refuse("too_large", 413)
        except Refused as refused:
            return _refuse(refused.reason, 401)
        except (Overloaded, Late):
            return _busy("overloaded")
        except Exception:  # noqa: BLE001 - the platform gets 503 and sends it again
            _log.exception("webhook.failed", path=request.path)
            return _busy("error")

    return blueprint


def _accept(opened: Challenge | Event | Tap, reception: Reception) -> dict[str, Any]:
    if isinstance(opened, Challenge):
        return {"challenge": opened.challenge}
    if isinstance(opened, Event):
        reception.event(opened)
        return {}
    return reception.tap(opened)


def _refuse(reason: str, status: int) -> Response:
    refused_envelope(reason)
    _log.warning("webhook.refused", reason=reason, path=request.path, bytes=request.content_length)
    return _json(status, {"error": "refused"})


def _busy(why: str) -> Response:
    refused_envelope(why)
    _log.warning("webhook.not_stored", reason=why)
    return _json(503, {"error": "try again"})


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status=status, mimetype="application/json")
