"""A person's own payslips: the list, one payslip, confirming, disputing a line, the PDF.

Whose payslip it is decides before anything is opened, and every answer that is not the payslip is the same
sentence, so that a link tells nobody anything. What a person decides is committed with its audit row and the
work that follows, in one transaction.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NoReturn

from flask import Blueprint, Response, request
from sqlalchemy.engine import Connection

from bot.pages import see
from bot.sessions import agent_digest
from payslip import pages_look, pages_store
from payslip.model import SlipState
from payslip.opening import dispute_work
from payslip.pages_desk import PREFIX, Desk
from payslip.pages_look import WHOLE
from payslip.pages_store import DisputeRow, SlipRow
from payslip.sessions import Session
from payslip.slip import Slip, open_slip, open_words, seal_words
from runtime.ids import OpenId
from runtime.vault import CannotOpen
from runtime.work import Work

ROW_JOB = "pay.slip_row"
TEXT_LENGTH = 500
OPEN_DISPUTES = 5


class Opening(StrEnum):
    """What a link opens for a viewer; the named reason of its audit row."""

    OPEN = "open"
    UNKNOWN = "unknown"
    NOT_OWNER = "not_owner"
    RECALLED = "recalled"
    REPLACED = "replaced"


def opening(row: SlipRow | None, viewer: OpenId) -> Opening:
    """Decide what a viewer gets to see. Only the owner ever learns that there is a payslip."""
    if row is None:
        return Opening.UNKNOWN
    if row.open_id != viewer:
        return Opening.NOT_OWNER
    if row.state is SlipState.REPLACED:
        return Opening.REPLACED
    if row.state is SlipState.RECALLED or row.sealed_slip is None:
        return Opening.RECALLED
    return Opening.OPEN


@dataclass(frozen=True, slots=True)
class Opened:
    """A payslip that its owner may see."""

    session: Session
    row: SlipRow
    slip: Slip


def add_slips(pages: Blueprint, desk: Desk) -> None:
    """Add the pages of payslips."""

    @pages.get("/")
    @pages.get("")
    def mine() -> Response:
        return _list(desk)

    @pages.get("/s/<token>")
    def slip(token: str) -> Response:
        return _show(desk, open_link(desk, token))

    @pages.post("/s/<token>/confirm")
    def confirm(token: str) -> Response:
        return _confirm(desk, open_link(desk, token, form=True))

    @pages.post("/s/<token>/dispute")
    def dispute(token: str) -> Response:
        return _dispute(desk, open_link(desk, token, form=True))


def link(row: SlipRow) -> str:
    """The path of a payslip."""
    return f"{PREFIX}/s/{row.token}"


def open_link(desk: Desk, token: str, *, form: bool = False) -> Opened:
    """Open what a link names for whoever is looking, or answer with a sentence.

    Args:
        desk: the pages' tools.
        token: from the address; proves nothing.
        form: the request must come from a form of this session.
    """
    goal = desk.flow.goal(f"{PREFIX}/s/{token}")
    session = desk.viewer(goal)
    if form:
        desk.form(session)
    with desk.deps.db.read() as conn:
        row = pages_store.by_token(conn, token)
    what = opening(row, session.open_id)
    if row is None or row.sealed_slip is None or what is not Opening.OPEN:
        _refuse(desk, session, token, row, what)
    try:
        return Opened(session, row, _opened(desk, row, row.sealed_slip, session.open_id))
    except CannotOpen:
        with desk.deps.db.begin() as conn:
            desk.note(conn, session.open_id, "pay.slip_unreadable", row.subject, "cannot_open")
        text = f"这张工资条现在打不开，已经记录下来，请联系{desk.deps.contact or '人事'}。"
        desk.say("暂时打不开", text, status=500, link=PREFIX, label="我的工资条")


def _opened(desk: Desk, row: SlipRow, sealed: str, viewer: OpenId | None) -> Slip:
    """Open a payslip for who looks at it; the row says whose it is, and what was sealed must say the same."""
    return open_slip(desk.vault, desk.deps.tenant, row.key, sealed, reader=viewer)


def _refuse(desk: Desk, session: Session, token: str, row: SlipRow | None, what: Opening) -> NoReturn:
    subject = row.subject if row else pages_store.unknown_subject(token)
    with desk.deps.db.begin() as conn:
        desk.note(conn, session.open_id, "pay.slip_refused", subject, what.value)
        newer = pages_store.newer(conn, row) if row and what in {Opening.RECALLED, Opening.REPLACED} else None
    if what is Opening.REPLACED or newer is not None:
        text = "这张工资条已被新的版本更正，以新版本为准。" + ("" if newer else "新版本发出后你会收到通知。")
        target, label = (link(newer), "查看新版本") if newer else (PREFIX, "我的工资条")
        desk.say("工资条已更正", text, status=410, link=target, label=label)
    if what is Opening.RECALLED:
        text = "这张工资条已被撤回，内容已经销毁。如有更正，新版本发出后你会收到通知。"
        desk.say("工资条已撤回", text, status=410, link=PREFIX, label="我的工资条")
    text = "链接不存在，或不是发给你的。每个人只能查看自己的工资条。"
    desk.say("没有可以查看的工资条", text, status=404, link=PREFIX, label="我的工资条")


# --- looking ---


def _list(desk: Desk) -> Response:
    session = desk.viewer(PREFIX)
    with desk.deps.db.begin() as conn:
        rows = pages_store.of_person(conn, session.open_id)
        desk.note(conn, session.open_id, "pay.list_opened", f"person:{session.open_id}", "asked")
    entries = [
        {
            "month": pages_look.month_words(row.month), "version": row.version, "net": _net(desk, row),
            "state": pages_look.STATES[row.state], "link": link(row), "gone": row.state in pages_store.GONE,
        }
        for row in rows
    ]  # fmt: skip
    return desk.page("pay_list.html", session=session, entries=entries)


def _net(desk: Desk, row: SlipRow) -> str:
    if row.sealed_slip is None or row.state in pages_store.GONE:
        return ""
    try:
        return pages_look.money(_opened(desk, row, row.sealed_slip, row.open_id).totals.net)
    except CannotOpen:
        return ""


def _show(desk: Desk, opened: Opened) -> Response:
    now, row, session = desk.deps.clock.now(), opened.row, opened.session
    with desk.deps.db.begin() as conn:
        first = pages_store.mark_read(conn, row, now)
        desk.note(
            conn, session.open_id, "pay.slip_opened", row.subject, "first" if first else "again",
            version=row.version,
        )  # fmt: skip
        if first:
            desk.deps.queue.put(conn, row_work(row, "read"))
        before_row = pages_store.month_before(conn, row)
        said = pages_store.disputes_of(conn, row)
        shown = pages_store.by_token(conn, row.token) or row
    return desk.page(
        "pay_slip.html", session=session, row=shown, link=link(row), view=pages_look.view(
            opened.slip, _before(desk, before_row)
        ),
        state=pages_look.STATES[shown.state], whole=WHOLE, disputes=[_said(desk, row, each) for each in said],
        waiting=any(each.state == "open" for each in said), text_length=TEXT_LENGTH,
        confirmable=confirmable(shown, said), watermark=_watermark(session, opened.slip, desk),
        done=request.args.get("done", ""),
    )  # fmt: skip


def row_work(row: SlipRow, what: str) -> Work:
    """The row of 工资条状态 shows a change of a payslip; performed by the worker."""
    work_id = f"pay.slip_row:{row.run_id}:{row.employee_no}:{what}"
    return Work(ROW_JOB, work_id, row.lane, {"run": row.run_id, "no": row.employee_no})


def _before(desk: Desk, row: SlipRow | None) -> Slip | None:
    if row is None or row.sealed_slip is None:
        return None
    try:
        return _opened(desk, row, row.sealed_slip, row.open_id)
    except CannotOpen:
        return None  # this month is shown; only the comparison is missing


def _said(desk: Desk, shown: SlipRow, row: DisputeRow) -> dict[str, str]:
    state = pages_look.DISPUTE_STATES.get(row.state, row.state)
    done = row.state == "corrected" and row.run_id != shown.run_id
    return {
        "line": row.line,
        "state": f"已更正，这是第 {shown.version} 版" if done else state,
        "at": pages_look.local(row.at),
        "answered_at": pages_look.local(row.answered_at),
        "text": words(desk, row.id, "text", row.sealed_text),
        "answer": words(desk, row.id, "answer", row.sealed_answer) if row.sealed_answer else "",
    }


def words(desk: Desk, dispute: str, part: Literal["text", "answer"], stored: str) -> str:
    """What was written, or that it cannot be shown; a page does not fail over it."""
    try:
        return open_words(desk.vault, desk.deps.tenant, dispute, part, stored)
    except CannotOpen:
        return "（现在无法显示）"


def _watermark(session: Session, slip: Slip, desk: Desk) -> str:
    return f"{session.name} {slip.no[-4:]} {pages_look.local(desk.deps.clock.now())}"


# --- deciding ---


def confirmable(row: SlipRow, said: list[DisputeRow]) -> bool:
    """Whether the payslip waits for its owner's word; not while a dispute is open."""
    if row.state in pages_store.GONE or row.state in {SlipState.SEALED, SlipState.CONFIRMED}:
        return False  # sealed: the card is out but not on record yet, a matter of a moment
    return not any(each.state == "open" for each in said)


def _locked_row(conn: Connection, opened: Opened) -> SlipRow | None:
    """The row as it is now, held; None when it was recalled or replaced since the page was shown."""
    row = pages_store.by_token(conn, opened.row.token, lock=True)
    return row if row and opening(row, opened.session.open_id) is Opening.OPEN else None


def _confirm(desk: Desk, opened: Opened) -> Response:
    now, session = desk.deps.clock.now(), opened.session
    done = "stale"
    with desk.deps.db.begin() as conn:
        row = _locked_row(conn, opened)
        # The digest in the form is of the page the person saw; a confirmation is of that and nothing else.
        if row is not None and request.form.get("digest") == row.slip_digest:
            done = "kept"
            if confirmable(row, pages_store.disputes_of(conn, row)):
                pages_store.mark_confirmed(conn, row, evidence(row, session, now.isoformat()), now)
                desk.deps.queue.put(conn, row_work(row, f"confirmed:{_moment(now)}"))
                done = "confirmed"
        desk.note(
            conn, session.open_id, "pay.slip_confirmed", opened.row.subject, done, version=opened.row.version
        )
    return see(f"{link(opened.row)}?done={done}")


def _moment(now: datetime) -> str:
    return str(int(now.timestamp()))


def evidence(row: SlipRow, session: Session, at: str) -> dict[str, str | int]:
    """What proves a confirmation later: which bytes, who, when, with what."""
    return {
        "digest": row.slip_digest,
        "version": row.version,
        "at": at,
        "open_id": session.open_id,
        "agent": agent_digest(request.user_agent.string),
    }


def _dispute(desk: Desk, opened: Opened) -> Response:
    line, text = request.form.get("line", ""), request.form.get("text", "").strip()
    known = {each.code for each in opened.slip.lines} | {WHOLE}
    if line not in known or not 1 <= len(text) <= TEXT_LENGTH:
        return see(f"{link(opened.row)}?done=incomplete#dispute")
    dispute_id = uuid.uuid4().hex
    sealed = seal_words(desk.vault, desk.deps.tenant, dispute_id, "text", text)
    now = desk.deps.clock.now()
    new = DisputeRow(dispute_id, line, "open", sealed, None, now, None, opened.row.run_id)
    with desk.deps.db.begin() as conn:
        row = _locked_row(conn, opened)
        done = _disputable(row, new, pages_store.disputes_of(conn, opened.row))
        if row is not None and done == "disputed":
            pages_store.add_dispute(conn, row, new)
            pages_store.mark_disputed(conn, row)
            told = dispute_work(dispute_id, row.lane)
            desk.deps.queue.put(conn, told, row_work(row, f"disputed:{dispute_id}"))
        detail = {"dispute": dispute_id, "line": line} if done == "disputed" else {"line": line}
        desk.note(conn, opened.session.open_id, "pay.slip_disputed", opened.row.subject, done, **detail)
    return see(f"{link(opened.row)}?done={done}")


def _disputable(row: SlipRow | None, new: DisputeRow, said: list[DisputeRow]) -> str:
    """The named reason: ``disputed``, or why there is no new dispute."""
    if row is None or row.state is SlipState.SEALED:
        return "stale"
    waiting = [each for each in said if each.state == "open"]
    if any(each.line == new.line for each in waiting):
        return "again"
    return "many" if len(waiting) >= OPEN_DISPUTES else "disputed"
