"""The web process: the webhook and the health pages. It verifies, commits and answers, nothing else.

Neither lark_oapi nor a running workflow engine belongs here: both were measured to break the platform's 3 s.
"""

import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from flask import Flask, Response, abort, request

from bot.acceptor import Acceptor
from bot.envelope import MAX_BODY, Keys
from bot.inbox import Inbox
from bot.longconn import living
from bot.reception import Reception
from bot.router import Router
from bot.webhook import Webhook
from bot.writer import GroupWriter
from runtime.feishu.quota import Quota
from runtime.floor import Floor
from runtime.health import Check, health_blueprint, standard_checks
from runtime.metrics import Gauges
from runtime.settings import Settings

WRITER = "chorus.writer"
"""Key of the group writer in ``app.extensions``; close it when the app is no longer used."""
DOOR = "chorus.webhook"
"""Key of the :class:`Webhook`, which `accepting` also gives to the acceptor."""

ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" '
    'fill="#1456f0"/><path d="M22 11.5a7.5 7.5 0 1 0 0 9" fill="none" stroke="#fff" stroke-width="3.6" '
    'stroke-linecap="round"/></svg>'
)


def icon() -> Response:
    """The small picture in the tab of every page; browsers ask for it unasked."""
    return Response(ICON, mimetype="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})


def refuse_nul() -> None:
    """400 for an address with a NUL in it, which no text of PostgreSQL takes and nobody types."""
    if "\0" in request.path or "%00" in request.environ.get("QUERY_STRING", ""):
        abort(400)


def keys_of(settings: Settings) -> Keys:
    """Take the keys of envelopes from the settings."""
    encrypt, token = settings.feishu_encrypt_key, settings.feishu_verification_token
    return Keys(
        encrypt_key=encrypt.get_secret_value() if encrypt else None,
        verification_token=token.get_secret_value() if token else None,
        app_id=settings.feishu_app_id,
    )


def create_app(
    floor: Floor, router: Router, checks: Mapping[str, Check], gauges: Iterable[Gauges] = ()
) -> Flask:
    """Build the WSGI app of the web process and start its writer thread.

    Args:
        floor: Settings, clock and database.
        router: Tap handlers (event handlers are the worker's).
        checks: Health checks by name, shown at /readyz.
        gauges: Values of the moment, shown at /metrics.
    """
    app = Flask("chorus", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.before_request(refuse_nul)
    writer = GroupWriter(floor.db)
    app.extensions[WRITER] = writer
    reception = Reception(floor.db, router, floor.clock, writer)
    app.register_blueprint(health_blueprint(checks, gauges))
    app.add_url_rule("/favicon.ico", view_func=icon)
    door = Webhook(app.wsgi_app, reception, keys_of(floor.settings), floor.clock)
    app.extensions[DOOR] = door
    app.wsgi_app = door  # type: ignore[method-assign]  # Flask's documented place for a layer in front
    return app


def accepting(app: Flask, leaving: threading.Event) -> Acceptor:
    """Put the acceptor in front of an app that `create_app` made.

    Args:
        app: with its writer at work.
        leaving: see `Acceptor`.
    """
    return Acceptor(app, app.extensions[DOOR], leaving)


def house_checks(floor: Floor, leaving: threading.Event | None) -> dict[str, Check]:
    """Return what /readyz looks at: the floor's checks, and the long connection where events come that way.

    Args:
        floor: manifest, clock and database.
        leaving: set once this process was told that it will be stopped.
    """
    checks = standard_checks(floor.db, floor.clock, leaving)
    if floor.manifest.connection == "websocket":
        checks["line"] = partial(living, floor)
    return checks


def house_gauges(floor: Floor) -> Gauges:
    """Make visible at /metrics: events that wait or failed, and the month's use of the tenant's allowance."""
    allowance, quota, inbox = (
        floor.manifest.quota.monthly_calls,
        Quota(floor.db, floor.clock),
        Inbox(floor.db),
    )

    def read() -> Mapping[str, float | Mapping[str, float]]:
        with floor.db.read() as conn:
            counts = inbox.counts(conn)
        return {
            "inbox_waiting": counts.get("new", 0),
            "inbox_failed": counts.get("failed", 0),
            "feishu_calls_month": {name: float(made) for name, made in quota.usage().items()},
            "feishu_calls_allowance": allowance,
        }

    return read
