"""Long-connection mode (``connection: websocket``): the same inbox and taps, over a socket we opened.

Runs in a process of its own, because the SDK's client blocks for ever, keeps one event loop for the whole
process and has been seen to hang for days: its request for an address has no timeout, and a reconnect can
deadlock. A watchdog thread judges the connection from outside and ends the process; the supervisor starts
a new one.

Wire: Feishu docs "使用长连接接收事件". The platform answers the client's pings, so a living connection has a
frame at least every ping interval. Nothing runs inside a frame but the commit: handlers of events belong to
the worker.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from bot.envelope import Refused, open_trusted
from bot.model import Event
from bot.reception import Reception, refused_envelope
from bot.router import Router
from bot.writer import GroupWriter
from runtime import beats
from runtime.feishu.sdk import websocket_client
from runtime.floor import Floor

LINE: Final = "longconn"
"""Under this name the last frame is noted (`runtime.beats`)."""
LINE_SILENT: Final = timedelta(seconds=330)
"""Without a frame for so long the line is dead: what the guard allows, and the noting."""
NOTE_SECONDS: Final = 10.0
EXIT_DEAD: Final = 75  # "temporary failure; try again": the supervisor restarts the process
FIRST_FRAME_SECONDS: Final = 60.0  # from start to the first frame (the answer to the first ping)
RECONNECT_SECONDS: Final = 120.0  # the SDK waits up to 30 s at random before it tries again
MISSED_PINGS: Final = 2.5
_log = structlog.get_logger("bot.longconn")


@dataclass(slots=True)
class Pulse:
    """What is known about the connection's life, in seconds of ``time.monotonic``.

    Attributes:
        started: When the client was started.
        frame: When the last frame came; None before the first.
        lost: Since when the client tries to reconnect; None while connected.
    """

    started: float
    frame: float | None = None
    lost: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def beat(self) -> None:
        """A frame came."""
        with self.lock:
            self.frame = time.monotonic()
            self.lost = None

    def broke(self) -> None:
        """The client noticed that the connection is gone."""
        with self.lock:
            self.lost = time.monotonic()


def verdict(pulse: Pulse, now: float, ping_seconds: float) -> str | None:
    """Judge a connection: None while it lives, else a sentence saying why the process must be replaced.

    Args:
        pulse: What is known.
        now: ``time.monotonic()``.
        ping_seconds: How often the client pings (the platform sets it, 120 by default).
    """
    silence = max(MISSED_PINGS * ping_seconds, 10.0)
    if pulse.lost is not None and now - pulse.lost > RECONNECT_SECONDS:
        return f"no new connection within {RECONNECT_SECONDS:.0f} s after the last one broke"
    if pulse.frame is None:
        if now - pulse.started > FIRST_FRAME_SECONDS:
            return f"no frame within {FIRST_FRAME_SECONDS:.0f} s after the start"
        return None
    if pulse.lost is None and now - pulse.frame > silence:
        return f"no frame for {now - pulse.frame:.0f} s although pings go out every {ping_seconds:.0f} s"
    return None


class FrameHandler:
    """Stands where the SDK expects its dispatcher: bytes of an envelope in, the answer's JSON out."""

    def __init__(self, reception: Reception, app_id: str) -> None:
        self._reception = reception
        self._app_id = app_id

    def _do_without_validation(self, payload: bytes) -> Mapping[str, Any] | None:
        """Called by the SDK for every frame; on an exception it answers 500 and the platform repeats."""
        return self.receive(json.loads(payload))

    def receive(self, envelope: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Store an event or answer a tap; the second delivery of a tap keeps the card as it is."""
        try:
            opened = open_trusted(envelope, self._app_id)
            if isinstance(opened, Event):
                self._reception.event(opened)
                return None
            return self._reception.tap(opened)
        except Refused as refused:
            refused_envelope(refused.reason)
            _log.warning("longconn.refused", reason=refused.reason)
            if refused.reason == "replayed":  # a delivery repeated after a reconnect: it was answered already
                return {}
            raise


def run(floor: Floor, router: Router, *, end: Callable[[int], Any] = os._exit) -> None:
    """Hold the connection until the process ends; never returns by itself.

    Args:
        floor: Settings, clock and database.
        router: Tap handlers.
        end: Ends the process at once with a code (threads of the SDK cannot be stopped).
    """
    settings = floor.settings
    reception = Reception(floor.db, router, floor.clock, GroupWriter(floor.db))
    pulse = Pulse(time.monotonic())
    client = websocket_client(
        app_id=settings.feishu_app_id,
        app_secret=settings.feishu_app_secret.get_secret_value(),
        event_handler=FrameHandler(reception, settings.feishu_app_id),
        domain=settings.feishu_base_url,
    )
    watch(client, pulse)
    watching = (client, pulse, end, partial(note, floor))
    threading.Thread(target=guard, args=watching, name="longconn-guard", daemon=True).start()
    _log.info("longconn.starting", app_id=settings.feishu_app_id)
    try:
        client.start()
    except Exception as error:  # noqa: BLE001 - whatever ended the client, a new process is the cure
        _log.error("longconn.ended", error=type(error).__name__, why=str(error)[:200])
    end(EXIT_DEAD)


def watch(client: Any, pulse: Pulse) -> None:
    """Let every frame and every loss of the connection be noted; the SDK has a hook only for the latter."""
    handle = client._handle_message  # noqa: SLF001 - the one place all frames pass, pongs included

    async def noting(message: bytes) -> None:
        pulse.beat()
        await handle(message)

    client._handle_message = noting  # noqa: SLF001
    client.on_reconnecting = pulse.broke


def note(floor: Floor) -> None:
    """Let other processes know that a frame came; a database that is away is the worker's to tell."""
    try:
        beats.note(floor.db, LINE, floor.clock.now())
    except Exception as error:  # noqa: BLE001 - the line is judged all the same
        _log.warning("longconn.not_noted", error=type(error).__name__)


def living(floor: Floor) -> str | None:
    """Say what is wrong with the long connection, for /readyz; None while frames come."""
    seen = beats.heard(floor.db, LINE)
    if seen is None:
        return "The long connection has never been up: start `chorus serve` or its role websocket."
    silent = floor.clock.now() - seen
    if silent <= LINE_SILENT:
        return None
    return f"The long connection has been silent for {silent.total_seconds():.0f} s: look at its log."


def guard(
    client: Any,
    pulse: Pulse,
    end: Callable[[int], Any],
    known: Callable[[], None] = lambda: None,
    *,
    every: float = 1.0,
) -> None:
    """Look at the pulse again and again; end the process when the connection is dead.

    Args:
        client: the SDK's.
        pulse: what is known of the connection.
        end: ends the process with a code.
        known: called when a frame came since the last time, every `NOTE_SECONDS` at most.
        every: seconds between two looks.
    """
    pause, noted = threading.Event(), float("-inf")
    while True:
        if pulse.frame is not None and pulse.frame >= noted + NOTE_SECONDS:
            noted = pulse.frame
            known()
        why = verdict(pulse, time.monotonic(), float(getattr(client, "_ping_interval", 120)))
        if why is not None:
            _log.error("longconn.dead", why=why)
            end(EXIT_DEAD)
            return
        pause.wait(every)
