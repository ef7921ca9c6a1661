"""The pages of the cockpit: the overview, a shop with its plans, the SKUs in need, and their live data.

Everybody who may look sees the same. A page is whole without a script; the script asks every 15 s for the
parts of the page and puts those in that changed.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import structlog
from flask import Blueprint, Flask, Response, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from bot.pages import dress, drop_cookie, policy, see, where
from bot.signin import Fault, add_sign_in
from rules.cockpit.access import Right
from rules.cockpit.board import ALERTS, SKUS, SPANS
from rules.cockpit.charts import charts
from rules.cockpit.desk import ASSETS, PREFIX, Desk, PageDeps, open_desk
from rules.cockpit.model import Fate, Health, Scope, Stock
from runtime.feishu.signin import Identity

COLUMNS: Final = {
    "home": (
        ("state", "kpis", "trend"),
        ("shops", "stock", "quality", "sources"),
        ("alerts", "deeds", "art"),
    ),
    "shop": (("state", "kpis", "trend", "plans", "stock"),),
    "stock": (("state", "skus"),),
}
"""The parts of each page (``cockpit_<part>.html``): across the page, then its left and right column."""
PARTS: Final = {view: sum(columns, ()) for view, columns in COLUMNS.items()}
BODY: Final = 4096
AGAIN: Final = f"{PREFIX}/sign-in"
FAULTS: Final[dict[Fault, tuple[str, str, int]]] = {
    Fault.DENIED: ("没有登录", "你取消了授权。需要用你的飞书账号登录，才能打开经营指挥舱。", 403),
    Fault.STALE: ("登录已失效", "这次登录已经用过、超时，或不是在这个浏览器里开始的，请重新登录。", 400),
    Fault.REFUSED: ("登录没有成功", "飞书没有接受这次登录，请重新登录；如果一直这样，请联系管理员。", 403),
    Fault.UNAVAILABLE: ("暂时无法登录", "现在连不上飞书，请稍后重试。", 503),
    Fault.BUSY: ("登录的人太多", "同时登录的人太多，请过几分钟再试。", 503),
    Fault.OFTEN: ("请求太频繁", "登录次数太多，请一分钟后再试。", 429),
}

log = structlog.get_logger(__name__)


def register_pages(app: Flask, deps: PageDeps) -> None:
    """Add everything under ``/cockpit`` to the web app."""
    pages = Blueprint("cockpit", __name__, url_prefix=PREFIX, template_folder=str(ASSETS.folder))
    desk = open_desk(deps)
    content = policy("connect-src 'self'")
    pages.after_request(lambda answer: dress(answer, pages, content, secure=desk.flow.secure))
    pages.register_error_handler(Exception, lambda error: _broken(desk, error))
    pages.before_request(_small)
    ASSETS.add(pages)
    _add_entry(pages, desk)
    _add_boards(pages, desk)
    app.register_blueprint(pages)


def _small() -> None:
    request.max_content_length = BODY


# --- in and out ---


def _add_entry(pages: Blueprint, desk: Desk) -> None:
    def signed(who: Identity, goal: str) -> ResponseReturnValue:
        return _signed(desk, who, goal)

    add_sign_in(pages, desk.flow, signed, lambda fault: _failed(desk, fault))

    @pages.get("/bye")
    def bye() -> Response:
        return desk.sentence("已退出", "需要时可以再次登录。", status=200, label="重新登录")

    @pages.post("/sign-out")
    def sign_out() -> Response:
        session = desk.session()
        if session is None or not session.allows(request.form.get("csrf", "")):
            return desk.sentence("页面已过期", "请回到指挥舱重新操作。", status=403, label="指挥舱")
        with desk.deps.db.begin() as conn:
            desk.sessions.end(conn, request.cookies.get(desk.cookie, ""))
            desk.note(conn, session.open_id, "cockpit.signed_out", "asked")
        return drop_cookie(see(f"{PREFIX}/bye"), desk.cookie, secure=desk.flow.secure)


def _signed(desk: Desk, who: Identity, goal: str) -> Response:
    now = desk.deps.clock.now()
    with desk.deps.db.begin() as conn:
        desk.sessions.end(conn, request.cookies.get(desk.cookie, ""))
        right = desk.deps.viewers.right(conn, who.open_id, now)
        if right is Right.YES:
            cookie = desk.sessions.begin(conn, who.open_id, who.name, request.user_agent.string, now)
            answer = desk.keep(see(goal), cookie)
            desk.note(conn, who.open_id, "cockpit.signed_in", "feishu")
        else:
            answer = desk.refusal(who.name, right)
            desk.note(conn, who.open_id, "cockpit.refused", right.value)
    return desk.flow.ended(answer)


def _failed(desk: Desk, fault: Fault) -> Response:
    if fault is not Fault.OFTEN:  # it costs whoever asks nothing, so it must not cost us a row
        with desk.deps.db.begin() as conn:
            desk.note(conn, "nobody", "cockpit.sign_in_failed", fault.value)
    title, text, status = FAULTS[fault]
    return desk.sentence(title, text, status=status, link=AGAIN, label="重新登录")


# --- boards ---


def _add_boards(pages: Blueprint, desk: Desk) -> None:
    @pages.get("")
    def home() -> Response:
        return _show(desk, "home")

    @pages.get("/shop")
    def shop() -> Response:
        return _show(desk, "shop")

    @pages.get("/stock")
    def stock() -> Response:
        return _show(desk, "stock")

    @pages.get("/live/<view>")
    def live(view: str) -> Response:
        return _live(desk, view)

    @pages.get("/<path:rest>")
    def nothing(rest: str) -> Response:
        del rest
        return desk.sentence("没有这个页面", "请从指挥舱首页进入。", status=404, label="经营指挥舱")


def _scope(view: str) -> Scope:
    """What the address asks for; what it cannot ask for is left out."""
    asked = request.args
    days = asked.get("days", "")
    wanted = int(days) if days in {str(span) for span in SPANS} else 30
    platform, shop = asked.get("platform", "")[:60], asked.get("shop", "")[:120]
    return Scope(wanted, platform if view != "stock" else "", shop if view != "home" else "")


def _values(desk: Desk, view: str) -> dict[str, Any]:
    scope = _scope(view)
    board = desk.deps.boards.board(scope)
    return {
        "view": view, "board": board, "scope": scope, "now": board.at, "spans": SPANS,
        "columns": COLUMNS[view], "charts": charts(board), "Stock": Stock, "Health": Health, "Fate": Fate,
        "most": {"skus": SKUS, "alerts": ALERTS},
    }  # fmt: skip


def _show(desk: Desk, view: str) -> Response:
    session = desk.viewer()
    values = _values(desk, view)
    if view == "shop" and not (values["scope"].shop and values["board"].known):
        return desk.sentence("没有这个店铺", "这段时间里没有它的数据。", status=404, label="经营指挥舱")
    return desk.page("cockpit_page.html", session=session, **values)


def _live(desk: Desk, view: str) -> Response:
    session = desk.session()
    if session is None:
        return make_response(jsonify(error="signed_out"), 401)
    if not desk.pace.allows(session.id, desk.deps.clock.now()):
        return make_response(jsonify(error="too_many"), 429)
    if desk.right(session) is not Right.YES:
        return make_response(jsonify(error="forbidden"), 403)
    if view not in PARTS:
        return make_response(jsonify(error="unknown"), 404)
    values = {**desk.words(), **_values(desk, view)}
    parts = {part: render_template(f"cockpit_{part}.html", **values) for part in PARTS[view]}
    answer = make_response(jsonify(parts=parts))
    # Bound to the session: what one viewer's browser holds tells nothing to another's.
    answer.set_etag(hashlib.sha256(session.id.encode() + answer.get_data()).hexdigest()[:32])
    answer.make_conditional(request)
    return answer


def _broken(desk: Desk, error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException):
        if error.code is None:
            return error
        return desk.sentence("无法打开", "请回到指挥舱重新操作。", status=error.code, label="指挥舱")
    log.error("cockpit.page_failed", kind=type(error).__name__, endpoint=request.endpoint, where=where(error))
    return desk.sentence("出了点问题", "页面暂时打不开，已经记录下来，请稍后再试。", status=500)
