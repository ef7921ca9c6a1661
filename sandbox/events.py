"""The event pusher: seals, signs and delivers events, and tries again as long as the platform does.

Behaviour from the docs "事件概述", "将事件发送至开发者服务器" and the events FAQ (read 2026-11): HTTP 200
within 3 s (2 s of it to connect) is the only success; else the same event comes again after 15 s, 5 min, 1 h
and 6 h, at most four times; it may come again even after a success; order is kept only per approval instance.
"""

import json
import secrets
import threading
import time
from dataclasses import asdict
from typing import Any

from sandbox import crypto
from sandbox.kernel import ApiError, App, Rate, Request, Routes, World
from sandbox.lines import ANSWER_LIMIT, Lines
from sandbox.outbox import Attempt, Delivery, Outbox, Switches

CHALLENGE_LIMIT = 1.0
SENDERS = 8

CONTROL = "our own control plane, 2026-11"

routes = Routes("events")


class EventsState:
    """Senders, switches and the delivery log. Found as ``world.events``."""

    transient = ("_threads",)

    def __init__(self, world: World) -> None:
        self.world = world
        self._threads: list[threading.Thread] = []
        self._outbox = Outbox(world.clock, self._start)

    @property
    def switches(self) -> Switches:
        """Duplicates, disorder, loss; settable from the control plane, back to kind at reset."""
        return self._outbox.switches

    # -- what other areas and the control plane call -------------------------------------------------

    def emit(
        self,
        event_type: str,
        body: dict[str, Any],
        *,
        app_id: str | None = None,
        v1: bool = False,
        lane: str | None = None,
    ) -> str:
        """Queue an event; returns at once.

        Args:
            event_type: e.g. ``im.message.receive_v1`` or, with ``v1``, ``approval_instance``.
            body: the object under ``event`` (v1: without type, app_id and tenant_key, which are added).
            app_id: receiver; the default app when left out.
            v1: use the old envelope.
            lane: events of one lane are delivered in order, the next only after the one before is done.

        Returns:
            The event id (v1: the outer uuid).
        """
        app = self.world.apps[app_id] if app_id else self.world.default_app
        event_id = self.world.ids.event()
        envelope = self._old_envelope(app, event_id, event_type, body) if v1 else None
        envelope = envelope or self.envelope(event_type, body, app=app, event_id=event_id)
        self._outbox.put(Delivery(app.app_id, event_id, event_type, envelope, lane))
        return event_id

    def envelope(
        self,
        event_type: str,
        body: dict[str, Any],
        *,
        app: App,
        event_id: str | None = None,
        micro: bool | None = None,
    ) -> dict[str, Any]:
        """A v2 envelope; ``create_time`` in ms, or in µs (``micro``) as callbacks have it."""
        ms = self.world.clock.ms()
        in_micro = self.switches.microseconds if micro is None else micro
        return {
            "schema": "2.0",
            "header": {
                "event_id": event_id or self.world.ids.event(),
                "event_type": event_type,
                "create_time": str(ms * 1000 if in_micro else ms),
                "token": app.verification_token,
                "app_id": app.app_id,
                "tenant_key": self.world.tenant_key,
            },
            "event": body,
        }

    def seal(self, app: App, envelope: dict[str, Any], *, stamp: str = "") -> tuple[bytes, dict[str, str]]:
        """Body and headers of a push; without an encrypt key neither sealed nor signed."""
        raw = crypto.seal(envelope, app.encrypt_key)
        headers = {"Content-Type": "application/json;charset=utf-8"}
        if app.encrypt_key:
            timestamp = stamp or self.timestamp()
            nonce = secrets.token_hex(8)
            headers["X-Lark-Request-Timestamp"] = timestamp
            headers["X-Lark-Request-Nonce"] = nonce
            headers["X-Lark-Signature"] = crypto.sign(timestamp, nonce, app.encrypt_key, raw)
        return raw, headers

    def timestamp(self) -> str:
        """Seconds for a signature, see ``Switches.clock``."""
        return str(int(time.time() if self.switches.clock == "wall" else self.world.clock.time()))

    def subscribe(
        self,
        url: str,
        *,
        encrypt_key: str | None = None,
        verification_token: str | None = None,
        callback_url: str | None = None,
        app_id: str | None = None,
    ) -> None:
        """Save a request URL as the developer console does: only if it answers the challenge within 1 s.

        Args:
            url: where events go, and card callbacks too unless ``callback_url`` is given.
            encrypt_key: None keeps the app's key, "" removes it.
            verification_token: None keeps the app's token.
            callback_url: where callbacks go.
            app_id: the default app when left out.

        Raises:
            ApiError: the receiver did not answer the challenge; the old URL stays in force.
        """
        app = self.world.apps[app_id] if app_id else self.world.default_app
        key = app.encrypt_key if encrypt_key is None else (encrypt_key or None)
        token = app.verification_token if verification_token is None else verification_token
        for target in dict.fromkeys((url, callback_url or url)):
            self._challenge(target, key, token)
        app.encrypt_key, app.verification_token = key, token
        app.event_url, app.callback_url = url, callback_url or url

    def log(self) -> list[dict[str, Any]]:
        """Every delivery since the last reset with its attempts, oldest first."""
        return self._outbox.log()

    def newest(self, most: int) -> list[dict[str, Any]]:
        """Up to ``most`` deliveries, newest first."""
        return self._outbox.newest(most)

    def delivery(self, number: int) -> dict[str, Any] | None:
        """The delivery with this number; None when there is none."""
        return self._outbox.delivery(number)

    def hasten(self) -> None:
        """Let what waits for a retry wait no longer than the switches say now."""
        self._outbox.hasten()

    def pending(self) -> int:
        """Deliveries not yet delivered, given up or dropped."""
        return self._outbox.pending()

    def reset(self, _world: World, _company: str, seed: int) -> None:
        """Forget everything queued and logged."""
        self._outbox.reset(seed)

    def awake(self) -> None:
        """Go on with the queue of a kept state."""
        self._outbox.awake()

    def rest(self) -> None:
        """Stop the senders; the queue of another state is served by new ones."""
        self.close()
        self._threads = []

    def close(self) -> None:
        """Stop the senders."""
        self._outbox.close()
        for thread in self._threads:
            thread.join(2 * ANSWER_LIMIT)

    # -- the senders ---------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._threads:
            return
        names = [f"event-sender-{n}" for n in range(SENDERS)]
        self._threads = [threading.Thread(target=self._send_forever, name=n, daemon=True) for n in names]
        for thread in self._threads:
            thread.start()

    def _send_forever(self) -> None:
        lines = Lines()
        while (job := self._outbox.take()) is not None:
            delivery, mark = job
            self._outbox.record(delivery, mark, self._attempt(delivery, lines))
            self.world.pulse.touch("calls")
        lines.close()

    def _attempt(self, delivery: Delivery, lines: Lines) -> Attempt | None:
        app = self.world.apps.get(delivery.app_id)
        if app is None:
            return None
        at, started = self.world.clock.time(), time.monotonic()
        if app.event_url:
            status, error = self._post(app, app.event_url, delivery, lines)
        elif self.world.longconn.uses(app.app_id):
            status, error = self.world.longconn.push(app.app_id, delivery.envelope, ANSWER_LIMIT)
        else:
            return None
        took = time.monotonic() - started
        if took > ANSWER_LIMIT and not error:
            error = f"answered after {took:.1f} s, the limit is {ANSWER_LIMIT:g} s"
        return Attempt(at, status, error, took * 1000)

    def _post(self, app: App, url: str, delivery: Delivery, lines: Lines) -> tuple[int | None, str]:
        if not delivery.stamp or self.switches.retry_stamp == "fresh":
            delivery.stamp = self.timestamp()
        raw, headers = self.seal(app, delivery.envelope, stamp=delivery.stamp)
        status, _, problem = lines.post(url, raw, headers)
        return status, problem or ("" if status == 200 else f"HTTP {status}")

    # -- envelopes and the challenge -----------------------------------------------------------------

    def _old_envelope(self, app: App, event_id: str, event_type: str, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "ts": f"{self.world.clock.time():.6f}",
            "uuid": event_id,
            "token": app.verification_token,
            "type": "event_callback",
            "event": {"app_id": app.app_id, "tenant_key": self.world.tenant_key, "type": event_type, **body},
        }

    def _challenge(self, url: str, key: str | None, token: str) -> None:
        challenge = secrets.token_hex(16)
        body = {"challenge": challenge, "token": token, "type": "url_verification"}
        headers = {"Content-Type": "application/json;charset=utf-8"}
        lines = Lines()
        status, answer, problem = lines.post(url, crypto.seal(body, key), headers, CHALLENGE_LIMIT)
        lines.close()
        try:
            echoed = json.loads(answer).get("challenge") if status == 200 else None
        except (ValueError, AttributeError):
            echoed = None
        if echoed != challenge:
            raise _refuse(url, problem or f"HTTP {status}, the challenge did not come back")


@routes.add("POST", "/_sandbox/subscription", auth="none", claim=CONTROL, locked=False)
def save_subscription(world: World, req: Request) -> dict[str, Any]:
    """Save URLs as the console does: {url, encrypt_key?, verification_token?, callback_url?, app_id?}."""
    body = req.json()
    req.need(body, "url")
    world.events.subscribe(
        str(body["url"]),
        encrypt_key=body.get("encrypt_key"),
        verification_token=body.get("verification_token"),
        callback_url=body.get("callback_url"),
        app_id=body.get("app_id"),
    )
    return {"url": body["url"]}


@routes.add("GET", "/_sandbox/deliveries", auth="none", claim=CONTROL, locked=False)
def deliveries(world: World, req: Request) -> dict[str, Any]:
    """The delivery log: ?since=<n>&type=<event type>, and how many still wait."""
    since, wanted = int(req.query.get("since", "0")), req.query.get("type", "")
    rows = [d for d in world.events.log() if d["n"] > since and wanted in ("", d["event_type"])]
    return {"deliveries": rows, "pending": world.events.pending()}


@routes.add("POST", "/_sandbox/events", auth="none", claim=CONTROL, locked=False)
def turn_switches(world: World, req: Request) -> dict[str, Any]:
    """Turn switches: duplicate, shuffle, drop, microseconds (bool), retry_stamp, clock, retry_after."""
    for name, value in req.json().items():
        if name not in Switches.__slots__:
            raise ApiError(400, f"no such switch: {name}; there are {', '.join(Switches.__slots__)}", 400)
        setattr(world.events.switches, name, value)
    world.events.hasten()
    return asdict(world.events.switches)


@routes.add("POST", "/_sandbox/emit", auth="none", claim=CONTROL)
def emit_event(world: World, req: Request) -> dict[str, Any]:
    """Push any event: {type, event, v1?, lane?, app_id?}."""
    body = req.json()
    req.need(body, "type")
    event_id = world.events.emit(
        str(body["type"]),
        body.get("event") or {},
        app_id=body.get("app_id"),
        v1=bool(body.get("v1")),
        lane=body.get("lane"),
    )
    return {"event_id": event_id}


def _refuse(url: str, why: str) -> ApiError:
    return ApiError(
        10500, f"Challenge code 没有返回 ({why}). Is the server listening at {url}, with the same keys?", 400
    )


@routes.add(
    "GET",
    "/open-apis/event/v1/outbound_ip",
    claim="docs event-v1/outbound_ip/list, 2026-11",
    rate=Rate(per_minute=1000, per_second=50),
)
def outbound_ip(_world: World, _req: Request) -> dict[str, Any]:
    """Addresses events come from."""
    return {"ip_list": ["127.0.0.1"], "page_token": "", "has_more": False}


@routes.add(
    "GET",
    "/open-apis/event/v1/connection",
    claim="official SDK model event/v1/connection (no doc page found), 2026-11",
    rate=Rate(per_minute=1000, per_second=50),
)
def connection(world: World, req: Request) -> dict[str, Any]:
    """How many long connections the calling app holds."""
    return {"online_instance_cnt": world.longconn.online(req.app.app_id)}
