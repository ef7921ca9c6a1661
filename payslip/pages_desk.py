"""What every page of pay shares: who is looking, what may be sent to a browser, and sentences.

A guard answers instead of the page (`flask.abort` with a response), so a page that runs has its viewer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import quote

from flask import Response, abort, make_response, render_template, request
from sqlalchemy.engine import Connection

from bot.pace import Pace
from bot.pages import Assets, see, set_cookie
from bot.signin import Flow, cookie_name, open_flow
from payslip import pages_look, sessions
from payslip.pin import Pins
from payslip.sessions import PIN_FRESH, Session
from payslip.tables import sign_ins
from runtime import audit
from runtime.clock import Clock
from runtime.db import Database
from runtime.ids import OpenId
from runtime.settings import Settings
from runtime.vault import Vault
from runtime.work import WorkQueue

PREFIX: Final = "/pay"
ASSETS: Final = Assets(Path(__file__).with_name("web"), ("pay.css", "pay.js"))
FORM_BYTES: Final = 16 * 1024
A_MINUTE: Final = 120
"""Requests of one session a minute."""
DOORS: Final = 900
"""Sign-ins begun or ended by one network address a minute: a whole office behind one address on pay day, and
still too few for one address to take all places of `bot.signin.MOST`."""


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
        cookie, agent = request.cookies.get(self.cookie, ""), request.user_agent.string
        return sessions.current(self.deps.db, cookie, agent, self.deps.clock.now())

    # --- what goes out ---

    def page(
        self, template: str, *, status: int = 200, session: Session | None = None, **values: Any
    ) -> Response:
        """Render a page; with a session whose PIN is fresh it leaves the screen when that ends."""
        now = self.deps.clock.now()
        answer = make_response(
            render_template(
                template, company=self.deps.company, contact=self.deps.contact, session=session,
                look=pages_look, prefix=PREFIX, asset=ASSETS.version, now=pages_look.local(now), **values,
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

    def keep(self, answer: Response, cookie: str) -> Response:
        """Give the session's cookie to the browser."""
        return set_cookie(answer, self.cookie, cookie, sessions.LONGEST, secure=self.flow.secure)

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
    flow = open_flow(deps.settings, deps.db, deps.clock, sign_ins, prefix=PREFIX, doors=DOORS)
    return Desk(deps, vault, Pins(deps.db, deps.queue, deps.clock, vault), flow, Pace(A_MINUTE))
