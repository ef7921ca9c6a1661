"""The way in: signed in with Feishu, then the personal PIN; and the way out."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from bot.pages import drop_cookie, network_address, see
from bot.signin import Fault, add_sign_in
from payslip import pages_store, sessions
from payslip.pages_desk import PREFIX, Desk
from payslip.pages_look import local
from payslip.pin import Outcome, Verdict, weakness
from payslip.sessions import Session
from runtime.feishu.signin import Identity

AGAIN = f"{PREFIX}/sign-in"
FAULTS: dict[Fault, tuple[str, str, int]] = {
    Fault.DENIED: ("没有登录", "你取消了授权。需要用你的飞书账号登录，才能查看自己的工资条。", 403),
    Fault.STALE: ("登录已失效", "这次登录已经用过、超时，或不是在这个浏览器里开始的，请重新登录。", 400),
    Fault.REFUSED: ("登录没有成功", "飞书没有接受这次登录，请重新登录；如果一直这样，请联系管理员。", 403),
    Fault.UNAVAILABLE: ("暂时无法登录", "现在连不上飞书，请稍后重试。", 503),
    Fault.BUSY: ("登录的人太多", "同时登录的人太多，请过几分钟再试。", 503),
    Fault.OFTEN: ("请求太频繁", "这个网络上登录的次数太多，请一分钟后再试。", 429),
}


def add_entry(pages: Blueprint, desk: Desk) -> None:
    """Add sign-in, sign-out and PIN pages."""

    def signed(who: Identity, goal: str) -> ResponseReturnValue:
        return _signed(desk, who, goal)

    add_sign_in(pages, desk.flow, signed, lambda fault: _failed(desk, fault))

    @pages.get("/ended")
    def ended() -> Response:
        return desk.sentence(
            "页面已自动关闭", "为了保护隐私，打开十分钟后页面会自动关闭。", link=PREFIX, label="重新打开"
        )

    @pages.get("/bye")
    def bye() -> Response:
        return desk.page("pay_signin.html", goal=PREFIX)

    @pages.post("/sign-out")
    def sign_out() -> Response:
        session = desk.viewer(PREFIX, pin=False)
        desk.form(session)
        with desk.deps.db.begin() as conn:
            sessions.end(conn, request.cookies.get(desk.cookie, ""))
            desk.note(conn, session.open_id, "pay.signed_out", f"person:{session.open_id}", "asked")
        return drop_cookie(see(f"{PREFIX}/bye"), desk.cookie, secure=desk.flow.secure)

    _add_pin(pages, desk)


def _add_pin(pages: Blueprint, desk: Desk) -> None:
    @pages.get("/pin")
    def pin() -> Response:
        return _ask(desk, desk.viewer(_goal(desk), pin=False))

    @pages.post("/pin")
    def give_pin() -> Response:
        session = desk.viewer(_goal(desk), pin=False)
        desk.form(session)
        return _give(desk, session)

    @pages.post("/pin/new")
    def new_pin() -> Response:
        session = desk.viewer(_goal(desk), pin=False)
        desk.form(session)
        return _choose(desk, session, change=False)

    @pages.get("/pin/change")
    def show_change() -> Response:
        session = desk.viewer(f"{PREFIX}/pin/change")
        return _page(desk, session, "change")

    @pages.post("/pin/change")
    def change_pin() -> Response:
        session = desk.viewer(f"{PREFIX}/pin/change")
        desk.form(session)
        return _choose(desk, session, change=True)


def _goal(desk: Desk) -> str:
    return desk.flow.goal(request.values.get("goal"))


def _signed(desk: Desk, who: Identity, goal: str) -> Response:
    now = desk.deps.clock.now()
    with desk.deps.db.begin() as conn:
        sessions.end(conn, request.cookies.get(desk.cookie, ""))
        cookie = sessions.begin(conn, who.open_id, who.name, request.user_agent.string, now)
        desk.note(conn, who.open_id, "pay.signed_in", f"person:{who.open_id}", "feishu")
    return desk.flow.ended(desk.keep(see(goal), cookie))


def _failed(desk: Desk, fault: Fault) -> Response:
    if fault is not Fault.OFTEN:  # it costs whoever asks nothing, so it must not cost us a row
        with desk.deps.db.begin() as conn:
            desk.note(conn, "nobody", "pay.sign_in_failed", "sign_in", fault.value)
    title, text, status = FAULTS[fault]
    return desk.sentence(title, text, status=status, link=AGAIN, label="重新登录", tone="warn")


# --- PIN ---


def _ask(desk: Desk, session: Session) -> Response:
    with desk.deps.db.read() as conn:
        status = desk.pins.status(conn, session.open_id)
    if not status.chosen:
        return _page(desk, session, "new")
    if status.locked(desk.deps.clock.now()):
        outcome = Outcome.RESET_NEEDED if status.until is None else Outcome.LOCKED
        return _locked(desk, Verdict(outcome, until=status.until))
    return _page(desk, session, "give")


def _give(desk: Desk, session: Session) -> Response:
    verdict = desk.pins.check(session.open_id, request.form.get("pin", ""), network_address())
    if verdict.outcome is Outcome.RIGHT:
        return _opened(desk, session)
    if verdict.outcome is Outcome.NOT_SET:
        return _page(desk, session, "new")
    if verdict.outcome is Outcome.WRONG:
        fault = f"PIN 不对，还可以再试 {verdict.left} 次。"
        return _page(desk, session, "give", fault=fault, status=403)
    return _locked(desk, verdict)


def _choose(desk: Desk, session: Session, *, change: bool) -> Response:
    pin, again = request.form.get("pin", ""), request.form.get("again", "")
    with desk.deps.db.read() as conn:
        no = pages_store.employee_no(conn, session.open_id)
    fault = weakness(pin, no) or ("" if pin == again else "两次输入的不一样，请重新输入。")
    if fault:
        return _page(desk, session, "change" if change else "new", fault=fault, status=400)
    if not desk.pins.choose(session.open_id, pin, change=change):
        return _page(desk, session, "give", fault="已经设置过 PIN，请输入它。", status=409)
    return _opened(desk, session)


def _opened(desk: Desk, session: Session) -> Response:
    with desk.deps.db.begin() as conn:
        cookie = sessions.pin_given(conn, session, desk.deps.clock.now())
    return desk.keep(see(_goal(desk)), cookie)


def _page(desk: Desk, session: Session, kind: str, *, fault: str = "", status: int = 200) -> Response:
    return desk.page(
        "pay_pin.html", status=status, kind=kind, fault=fault, goal=_goal(desk), csrf=session.csrf,
        name=session.name,
    )  # fmt: skip


def _locked(desk: Desk, verdict: Verdict) -> Response:
    contact = desk.deps.contact or "人事"
    if verdict.outcome is Outcome.RESET_NEEDED:
        text = f"PIN 输错次数太多，已经停用。请联系{contact}核实身份后重置，重置时你会收到通知。"
        return desk.sentence("PIN 已停用", text, status=429, tone="warn")
    if verdict.outcome is Outcome.ADDRESS:
        text = "这个网络上输错 PIN 的次数太多，请十五分钟后再试，或换到手机网络。"
        return desk.sentence("请稍后再试", text, status=429, tone="warn")
    text = f"PIN 连续输错五次，{local(verdict.until, '%H:%M')} 之后可以再试。忘记了可以联系{contact}重置。"
    return desk.sentence("PIN 已暂时锁定", text, status=429, tone="warn")
