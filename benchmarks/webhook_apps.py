"""The servers that ``benchmarks.webhook`` compares, as WSGI factories for granian."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, Response, request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

APP_ID = "cli_bench"
ENCRYPT_KEY = "bench-encrypt-key"
TOKEN = "bench-token"
EVENT = "drive.file.bitable_record_changed_v1"


def ours() -> Flask:
    """The product's web app: verified and durable before the answer."""
    from bot.router import Router  # noqa: PLC0415 - each server pays only for itself
    from bot.web import create_app  # noqa: PLC0415
    from runtime.clock import SystemClock  # noqa: PLC0415
    from runtime.db import Database, migrate  # noqa: PLC0415
    from runtime.floor import Floor  # noqa: PLC0415
    from runtime.log import configure  # noqa: PLC0415
    from runtime.manifest import BaseManifest, Manifest  # noqa: PLC0415
    from runtime.settings import load_settings  # noqa: PLC0415
    from runtime.work import WorkQueue  # noqa: PLC0415

    configure("info", sys.stderr)
    settings = load_settings(
        feishu_app_id=APP_ID,
        feishu_app_secret="secret",
        feishu_encrypt_key=ENCRYPT_KEY,
        feishu_verification_token=TOKEN,
        var_dir=Path(os.environ["BENCH_DIR"]),
        database_url=os.environ["BENCH_DATABASE"],
    )
    migrate(settings.database_url)
    db = Database(settings.database_url)
    manifest = Manifest(name="bench", base=BaseManifest(name="bench"))
    floor = Floor(settings, manifest, SystemClock(), db, db, WorkQueue(db))
    return create_app(floor, Router(), {})


def sdk() -> Flask:
    """The SDK's own Flask adapter and dispatcher: verified, but nothing stored."""
    import lark_oapi  # noqa: PLC0415
    from lark_oapi.adapter.flask import parse_req, parse_resp  # noqa: PLC0415

    handler = (
        lark_oapi.EventDispatcherHandler.builder(ENCRYPT_KEY, TOKEN, lark_oapi.LogLevel.ERROR)
        .register_p2_drive_file_bitable_record_changed_v1(lambda _event: None)
        .build()
    )
    app = Flask("sdk")

    @app.post("/webhook/event")
    def receive() -> Response:
        answer: Response = parse_resp(handler.do(parse_req()))
        return answer

    return app


def bare() -> Flask:
    """The least a Flask POST can do: read the body, answer ``{}``."""
    app = Flask("bare")

    @app.post("/webhook/event")
    def receive() -> Response:
        request.get_data()
        return Response("{}", mimetype="application/json")

    return app


def read() -> "WSGIApplication":
    """Ours without looking: in front of Flask, the body is read and ``{}`` answered."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]

    return app


def opened() -> "WSGIApplication":
    """Ours without storing: verified, decrypted, parsed and counted, then forgotten."""
    from bot.envelope import Keys  # noqa: PLC0415
    from bot.webhook import Webhook  # noqa: PLC0415
    from runtime.clock import SystemClock  # noqa: PLC0415

    class Forgetful:
        def event(self, _event: object) -> None:
            """Store nothing."""

    keys = Keys(ENCRYPT_KEY, TOKEN, APP_ID)
    return Webhook(Flask("opened"), cast(Any, Forgetful()), keys, SystemClock())


def page() -> Flask:
    """A page of a given length and nothing else; the peer of ``benchmarks.payday``."""
    app, body = Flask("page"), "x" * int(os.environ["BENCH_PAGE_BYTES"])

    @app.get("/")
    def read() -> Response:
        return Response(body, mimetype="text/html")

    return app
