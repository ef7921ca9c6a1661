"""What every page of the cockpit shares: who is looking, whether they may, headers, sentences.

A guard answers instead of the page (`flask.abort` with a response), so a page that runs has its viewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlsplit

from flask import Response, abort, make_response, render_template, request
from sqlalchemy.engine import Connection

from bot.pace import Pace
from bot.pages import Assets, see, set_cookie
from bot.sessions import Session, Sessions
from bot.signin import Flow, cookie_name, open_flow
from rules.cockpit import look, tables
from rules.cockpit.access import Right, Viewers
from rules.cockpit.board import Boards
from runtime import audit
from runtime.clock import Clock
from runtime.db import Database
from runtime.settings import Settings

PREFIX: Final = "/cockpit"
ASSETS: Final = Assets(
    Path(__file__).with_name("web"), ("cockpit.css", "cockpit.js", "uplot.css", "uplot.js")
)
IDLE: Final = timedelta(hours=2)
LONGEST: Final = timedelta(hours=12)
A_MINUTE: Final = 120
"""Requests of one session a minute; an open page makes four. Sign-ins of one address a minute: a quarter."""

CHATS: Final = {"open.feishu.cn": "applink.feishu.cn", "open.larksuite.com": "applink.larksuite.com"}
"""Where a link opens a chat with a person, by the host of the API (Feishu docs: AppLink, open a chat)."""


@dataclass(frozen=True, slots=True)
class PageDeps:
    """What the pages need.

    Attributes:
        db: durable database.
        clock: the time.
        settings: app, secret, address of Feishu, our own public address.
        viewers: who may look.
        boards: makes what is shown.
        company: printed on top.
    """

    db: Database
    clock: Clock
    settings: Settings
    viewers: Viewers
    boards: Boards
    company: str


@dataclass(frozen=True, slots=True)
class Desk:
    """The pages' tools, made once."""

    deps: PageDeps
    flow: Flow
    sessions: Sessions[Session]
    pace: Pace

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; that of pay is another."""
        return cookie_name("chorus_cockpit", secure=self.flow.secure)

    # --- who is looking ---

    def viewer(self) -> Session:
        """The signed-in viewer who may look now; answers with the way to sign in, or a refusal, otherwise."""
        session = self.session()
        if session is None:
            abort(see(f"{PREFIX}/sign-in?goal={quote(self.flow.goal(_here()), safe='')}"))
        if not self.pace.allows(session.id, self.deps.clock.now()):
            abort(self.sentence("请求太频繁", "请一分钟后再试。", status=429))
        right = self.right(session)
        if right is not Right.YES:
            self.refuse(session.name, right)
        return session

    def session(self) -> Session | None:
        """The living session of the request's cookie."""
        cookie, agent = request.cookies.get(self.cookie, ""), request.user_agent.string
        return self.sessions.current(self.deps.db, cookie, agent, self.deps.clock.now())

    def right(self, session: Session) -> Right:
        """Whether a session's person may look now."""
        with self.deps.db.read() as conn:
            return self.deps.viewers.right(conn, session.open_id, self.deps.clock.now())

    def refuse(self, name: str, right: Right) -> NoReturn:
        """Answer 没有权限, with what to do about it."""
        abort(self.refusal(name, right))

    def refusal(self, name: str, right: Right) -> Response:
        """The page 没有权限."""
        if right is Right.UNSURE:
            text = "可以查看的部门名单还没有读到，或超过两天没有更新，请稍后再试，或联系管理员。"
            return self.sentence("暂时不能确认权限", text, status=403)
        text = f"{name or '你'}不在可以查看经营指挥舱的人员里。需要查看时，请联系管理员添加。"
        return self.sentence("没有权限", text, status=403)

    # --- what goes out ---

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Render a page."""
        return make_response(render_template(template, **self.words(), **values), status)

    def words(self) -> dict[str, Any]:
        """What every template may use."""
        return {
            "company": self.deps.company, "look": look, "prefix": PREFIX, "asset": ASSETS.version,
            "chat": self.chat,
        }  # fmt: skip

    def chat(self, open_id: str) -> str:
        """Address that opens a chat with a person; "" where the installation has none we know."""
        host = CHATS.get(urlsplit(self.deps.settings.feishu_base_url).hostname or "")
        return f"https://{host}/client/chat/open?openId={quote(open_id, safe='')}" if host else ""

    def sentence(
        self, title: str, text: str, *, status: int, link: str = PREFIX, label: str = ""
    ) -> Response:
        """A page that is one sentence, with at most one way on (none without a label)."""
        return self.page(
            "cockpit_sentence.html", status=status, title=title, text=text, link=link, label=label
        )

    def keep(self, answer: Response, cookie: str) -> Response:
        """Give the session's cookie to the browser."""
        return set_cookie(answer, self.cookie, cookie, LONGEST, secure=self.flow.secure)

    def note(self, conn: Connection, actor: str, action: str, reason: str) -> None:
        """One audit row."""
        audit.record(
            conn, at=self.deps.clock.now(), actor=actor, action=action, subject="cockpit", reason=reason,
            detail={},
        )  # fmt: skip


def open_desk(deps: PageDeps) -> Desk:
    """Make the tools from what the process has."""
    flow = open_flow(deps.settings, deps.db, deps.clock, tables.sign_ins, prefix=PREFIX, doors=A_MINUTE // 4)
    store = Sessions(tables.sessions, Session, idle=IDLE, longest=LONGEST)
    return Desk(deps, flow, store, Pace(A_MINUTE))


def _here() -> str:
    """The asked page, as it may be come back to; the live data of a page is not one."""
    query = request.query_string.decode("ascii", "replace")
    return f"{request.path}?{query}" if query and request.endpoint != "cockpit.live" else request.path
