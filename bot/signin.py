"""Signing in on our pages with a Feishu account: start, callback, and what can go wrong between them.

A sign-in is bound three ways: to its *state* (random, once, ten minutes), to the *browser* that began it (a
cookie that is part of the state's key, so a callback address is worthless anywhere else) and to our server
(PKCE). A feature brings a table of its own and decides what a signed-in person gets.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from bot.pace import Pace
from bot.pages import drop_cookie, network_address, set_cookie
from runtime.clock import Clock
from runtime.db import Database
from runtime.errors import TransientError
from runtime.feishu.errors import FeishuError
from runtime.feishu.quota import Quota
from runtime.feishu.signin import Identity, SignIn, new_pkce
from runtime.settings import Settings

LIFE: Final = timedelta(minutes=10)
MOST: Final = 20_000
"""Sign-ins under way at most: whoever is not signed in can make a row, so there is an end to them."""
GOAL_LENGTH: Final = 300
_PLAIN: Final = re.compile(r"[A-Za-z0-9/_.~?=&%+-]+")

log = structlog.get_logger(__name__)


class Fault(StrEnum):
    """Why nobody is signed in."""

    DENIED = "denied"
    STALE = "stale"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    OFTEN = "often"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in under way.

    Attributes:
        verifier: PKCE verifier.
        goal: local path to go to afterwards.
        at: when it began.
    """

    verifier: str
    goal: str
    at: datetime


class Attempts:
    """Sign-ins under way, in a table of the feature whose pages they lead to.

    Args:
        db: durable database.
        clock: the time.
        table: with the columns ``state`` (key), ``verifier``, ``goal`` and ``at``.
    """

    def __init__(self, db: Database, clock: Clock, table: sa.Table) -> None:
        self._db = db
        self._clock = clock
        self._table = table

    def begin(self, key: str, attempt: Attempt) -> bool:
        """Keep one; old ones are swept out. False when too many are under way."""
        old = self._clock.now() - LIFE - timedelta(minutes=1)
        with self._db.begin() as conn:
            conn.execute(self._table.delete().where(self._table.c.at <= old))
            count = conn.execute(sa.select(sa.func.count()).select_from(self._table)).scalar_one()
            if count >= MOST:
                return False
            values = {"state": key, "verifier": attempt.verifier, "goal": attempt.goal, "at": attempt.at}
            conn.execute(self._table.insert().values(**values))
        return True

    def take(self, key: str) -> Attempt | None:
        """Give one back, once."""
        c = self._table.c
        gone = self._table.delete().where(c.state == key)
        with self._db.begin() as conn:
            row = conn.execute(gone.returning(c.verifier, c.goal, c.at)).first()
        return None if row is None else Attempt(*row)


Signed = Callable[[Identity, str], ResponseReturnValue]
"""Answers a person who signed in: identity and goal."""
Failed = Callable[[Fault], ResponseReturnValue]
"""Answers when nobody is signed in."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One feature's sign-in.

    Attributes:
        sign_in: the platform's side.
        attempts: the feature's store.
        clock: the time.
        origin: our own address, e.g. ``https://chorus.example.com``.
        prefix: path under which the feature's pages lie, e.g. ``/pay``; goals outside are not gone to.
        doors: how often one network address may begin or end a sign-in: whoever is not signed in can make
            rows, and must not take them from everybody else.
    """

    sign_in: SignIn
    attempts: Attempts
    clock: Clock
    origin: str
    prefix: str
    doors: Pace

    def too_often(self) -> bool:
        """Whether the asking address has done too much of this within the minute."""
        return not self.doors.allows(network_address() or "", self.clock.now())

    @property
    def callback(self) -> str:
        """The redirect address as it must stand in the Feishu console."""
        return f"{self.origin}{self.prefix}/callback"

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https."""
        return self.origin.startswith("https://")

    @property
    def cookie(self) -> str:
        """Name of the cookie that binds a sign-in to a browser."""
        return cookie_name("chorus_signin", secure=self.secure)

    def bind(self, answer: Response, browser: str) -> Response:
        """Give the cookie that binds a sign-in to a browser."""
        return set_cookie(answer, self.cookie, browser, LIFE, secure=self.secure)

    def ended(self, answer: Response) -> Response:
        """Take that cookie back."""
        return drop_cookie(answer, self.cookie, secure=self.secure)

    def goal(self, wanted: str | None) -> str:
        """The place to go to: the wanted one if it is a page of this feature, else the feature's first."""
        return wanted if wanted is not None and is_local(wanted, self.prefix) else self.prefix


def open_flow(
    settings: Settings, db: Database, clock: Clock, table: sa.Table, *, prefix: str, doors: int
) -> Flow:
    """The sign-in of a feature's pages.

    Args:
        settings: app, secret, address of Feishu, our own public address.
        db: durable database.
        clock: the time.
        table: of the feature, see `Attempts`.
        prefix: path of its pages.
        doors: sign-ins that one network address may begin or end a minute.
    """
    sign_in = SignIn(
        settings.feishu_base_url, settings.feishu_app_id, settings.feishu_app_secret.get_secret_value(),
        count=Quota(db, clock).count,
    )  # fmt: skip
    return Flow(sign_in, Attempts(db, clock, table), clock, settings.origin, prefix, Pace(doors))


def cookie_name(name: str, *, secure: bool) -> str:
    """``__Host-`` in front where browsers allow it: then no other host or path can set the cookie."""
    return f"__Host-{name}" if secure else name


def is_local(path: str, prefix: str) -> bool:
    """Whether text is a plain path of our own pages under ``prefix``, which no browser reads otherwise."""
    if len(path) > GOAL_LENGTH or not _PLAIN.fullmatch(path) or "//" in path or ".." in path:
        return False
    parts = urlsplit(path)
    inside = parts.path == prefix or parts.path.startswith(f"{prefix}/")
    return inside and not parts.scheme and not parts.netloc and "%" not in parts.path


def add_sign_in(pages: Blueprint, flow: Flow, signed: Signed, failed: Failed) -> None:
    """Add ``/sign-in`` and ``/callback`` to a feature's pages.

    Args:
        pages: the feature's blueprint, mounted at ``flow.prefix``.
        flow: how this feature signs people in.
        signed: makes the session and the answer.
        failed: makes the answer when it did not work.
    """

    @pages.get("/sign-in")
    def sign_in() -> ResponseReturnValue:
        return failed(Fault.OFTEN) if flow.too_often() else _start(flow, failed)

    @pages.get("/callback")
    def callback() -> ResponseReturnValue:
        outcome = Fault.OFTEN if flow.too_often() else _finish(flow)
        return failed(outcome) if isinstance(outcome, Fault) else signed(*outcome)


def _start(flow: Flow, failed: Failed) -> ResponseReturnValue:
    state, browser, pkce = secrets.token_urlsafe(32), secrets.token_urlsafe(32), new_pkce()
    attempt = Attempt(pkce.verifier, flow.goal(request.args.get("goal")), flow.clock.now())
    if not flow.attempts.begin(_key(state, browser), attempt):
        return failed(Fault.BUSY)
    answer: Response = redirect(flow.sign_in.authorize_url(flow.callback, state, pkce.challenge))  # type: ignore[assignment]  # Flask's redirect gives Flask's Response
    return flow.bind(answer, browser)


def _finish(flow: Flow) -> tuple[Identity, str] | Fault:
    state, browser = request.args.get("state", ""), request.cookies.get(flow.cookie, "")
    attempt = flow.attempts.take(_key(state, browser)) if state and browser else None
    if attempt is None or flow.clock.now() - attempt.at > LIFE:
        return Fault.STALE
    if "code" not in request.args:
        return Fault.DENIED
    try:
        who = flow.sign_in.person(request.args["code"], flow.callback, attempt.verifier)
    except TransientError as error:
        log.warning("signin.unavailable", error=str(error))
        return Fault.UNAVAILABLE
    except FeishuError as error:
        log.warning("signin.refused", error=str(error))
        return Fault.REFUSED
    return who, attempt.goal


def _key(state: str, browser: str) -> str:
    # Only this digest is stored: a dump of the database finishes no sign-in.
    return hashlib.sha256(f"{state}.{browser}".encode()).hexdigest()
