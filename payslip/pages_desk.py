"""What every page of pay shares: who is looking, what may be sent to a browser, and sentences.

A guard answers instead of the page (`flask.abort` with a response), so a page that runs has its viewer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import quote

from flask import Response, abort, make_response, render_template, request
from sqlalchemy.engine import Connection

from bot.pace import Pace
from bot.pages import FRAMES, HEADERS, network_address, see
from bot.signin import Flow, cookie_name
from bot.signin_store import SignIns
from payslip import pages_look, sessions
from payslip.pin import Pins
from payslip.sessions import PIN_FRESH, Session
from payslip.tables import sign_ins
from runtime import audit
from runtime.clock import Clock
from runtime.db import Database
from runtime.feishu.quota import Quota
from runtime.feishu.signin import SignIn
from runtime.ids import OpenId
from runtime.settings import Settings
from runtime.vault import Vault
from runtime.work import WorkQueue

PREFIX: Final = "/pay"
WEB: Final = Path(__file__).with_name("web")
FORM_BYTES: Final = 16 * 1024
A_MINUTE: Final = 120
"""Requests of one session a minute."""
DOORS: Final = 900
"""Sign-ins begun or ended by one network address a minute: a whole office behind one address on pay day, and
still too few for one address to take all places of `bot.signin_store.MOST`."""
POLICY: Final = "; ".join(
    (
        "default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'", "form-action 'self'",
        "base-uri 'none'", f"frame-ancestors {FRAMES}",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PayoutFile:
    """An opened payout file on its way to a person who may have it; ``subject`` names its run."""

    name: str
    content: bytes
    subject: str


def _nobody(_open_id: str) -> bool:
    return False


def _no_files(_conn: Connection, _file_id: str, _by: OpenId) -> PayoutFile | None:
    return None


@dataclass(frozen=True, slots=True)
class PageDeps:
    """What the pages need.

    Attributes:
        db: durable database.
        queue: durable work, put in the transaction of each decision.
        clock: the time.
        vault: opens payslips; None = no keys, and every page says so.
        settings: app, secret, address of Feishu, our own public address.
        tenant: part of every sealed place (`payslip.deps.Policy.tenant`).
        company: printed on top.
        contact: whom to ask, e.g. ``人事部 李敏``.
        may_download: whether a person may have payout files.
        payout: opens a payout file by its id for a person, None when there is none.
        may_run: whether a person may lead pay runs, and so read disputes.
    """

    db: Database
    queue: WorkQueue
    clock: Clock
    vault: Vault | None
    settings: Settings
    tenant: str
    company: str
    contact: str
    may_download: Callable[[str], bool]
    payout: Callable[[Connection, str, OpenId], PayoutFile | None] = field(default=_no_files)
    may_run: Callable[[str], bool] = field(default=_nobody)

    @property
    def origin(self) -> str:
        """Our address as browsers know it; never taken from a request."""
        mine = self.settings
        return mine.public_url or f"http://{mine.host}:{mine.port}"


@dataclass(frozen=True, slots=True)
class Desk:
    """The pages' tools, made once."""

    deps: PageDeps
    vault: Vault
    pins: Pins
    flow: Flow
    pace: Pace

    @property
    def cookie(self) -> str:
        """Name of the session's cookie."""
        return cookie_name("chorus_pay", secure=self.flow.secure)

    # --- who is looking ---

    def viewer(self, goal: str, *, pin: bool = True) -> Session:
        """The signed-in viewer; answers with the way to sign in, or to the PIN, when there is none.

        Args:
            goal: local path to come back to.
            pin: whether the PIN must have been given lately.
        """
        session = self._session()
        if session is None:
            abort(see(f"{PREFIX}/sign-in?goal={quote(goal, safe='/')}"))
        if not self.pace.allows(session.id, self.deps.clock.now()):
            self.say("请求太频繁", "请一分钟后再试。", status=429)
        if pin and not session.pin_fresh(self.deps.clock.now()):
            abort(see(f"{PREFIX}/pin?goal={quote(goal, safe='/')}"))
        return session

    def form(self, session: Session) -> None:
        """Refuse a form that did not come from a page of this session."""
        if not session.allows(request.form.get("csrf", "")):
            with self.deps.db.begin() as conn:
                self.note(conn, session.open_id, "pay.form_refused", f"page:{request.path}", "csrf")
            self.say("页面已过期", "这个页面是之前打开的，请回到工资条重新操作。", status=403)

    def _session(self) -> Session | None:
        cookie = request.cookies.get(self.cookie, "")
        if not cookie:
            return None
        now, db = self.deps.clock.now(), self.deps.db
        with db.read() as conn:
            session = sessions.load(conn, cookie, request.user_agent.string, now)
        if session is not None and sessions.needs_touch(session, now):
            with db.begin() as conn:
                sessions.touch(conn, session, now)
        return session

    def address(self) -> str | None:
        """The browser's network address."""
        return network_address()

    # --- what goes out ---

    def page(
        self, template: str, *, status: int = 200, session: Session | None = None, **values: Any
    ) -> Response:
        """Render a page; with a session whose PIN is fresh it leaves the screen when that ends."""
        now = self.deps.clock.now()
        answer = make_response(
            render_template(
                template, company=self.deps.company, contact=self.deps.contact, session=session,
                look=pages_look, prefix=PREFIX, asset=asset_version(), now=pages_look.local(now), **values,
            ),
            status,
        )  # fmt: skip
        if session is not None and session.pin_at is not None:
            left = max(session.pin_at + PIN_FRESH - now, timedelta(seconds=1))
            answer.headers["Refresh"] = f"{int(left.total_seconds()) + 1}; url={PREFIX}/ended"
        return answer

    def sentence(
        self, title: str, text: str, *, status: int = 200, link: str = "", label: str = "", tone: str = "info"
    ) -> Response:
        """A page that is one sentence, with at most one way on."""
        return self.page(
            "pay_sentence.html", status=status, title=title, text=text, link=link, label=label, tone=tone
        )

    def say(self, title: str, text: str, *, status: int, link: str = "", label: str = "") -> NoReturn:
        """Answer with a sentence instead of the page."""
        abort(self.sentence(title, text, status=status, link=link, label=label, tone="warn"))

    def set_cookie(self, answer: Response, value: str) -> Response:
        """Give the session's cookie to the browser."""
        answer.set_cookie(
            self.cookie, value, max_age=sessions.LONGEST, path="/", secure=self.flow.secure, httponly=True,
            samesite="Lax",
        )  # fmt: skip
        return answer

    def note(
        self, conn: Connection, actor: str, action: str, subject: str, reason: str, **detail: str | int
    ) -> None:
        """One audit row; details hold no amounts."""
        audit.record(
            conn, at=self.deps.clock.now(), actor=actor, action=action, subject=subject, reason=reason,
            detail=detail,
        )  # fmt: skip


def open_desk(deps: PageDeps, vault: Vault) -> Desk:
    """Make the tools from what the process has."""
    settings = deps.settings
    sign_in = SignIn(
        settings.feishu_base_url,
        settings.feishu_app_id,
        settings.feishu_app_secret.get_secret_value(),
        count=Quota(deps.db, deps.clock).count,
    )
    attempts = SignIns(deps.db, deps.clock, sign_ins)
    flow = Flow(sign_in, attempts, deps.clock, deps.origin, PREFIX, Pace(DOORS))
    return Desk(deps, vault, Pins(deps.db, deps.queue, deps.clock, vault), flow, Pace(A_MINUTE))


def dress(answer: Response, *, secure: bool) -> Response:
    """The headers every page of pay leaves with; assets may be kept, for they say nothing of anybody."""
    kept = answer.headers.get("Cache-Control") if request.endpoint == "pay.assets" else None
    for name, value in {"Content-Security-Policy": POLICY, **HEADERS}.items():
        answer.headers[name] = value
    if kept and answer.status_code in {200, 304}:
        answer.headers["Cache-Control"] = kept
    if secure:
        answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    return answer


_ASSET: dict[str, str] = {}


def asset_version() -> str:
    """Short digest of style and script, part of their addresses, so that browsers keep no old ones."""
    if "v" not in _ASSET:
        both = b"".join((WEB / name).read_bytes() for name in ("pay.css", "pay.js"))
        _ASSET["v"] = hashlib.sha256(both).hexdigest()[:10]
    return _ASSET["v"]
