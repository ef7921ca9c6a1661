"""What an employee wrote about a line, for HR: the words are sealed and never pushed, so they are read here.

The answer itself is given in the card (`payslip.actions`); this page only shows.
"""

from __future__ import annotations

from flask import Blueprint, Response

from payslip import pages_look, pages_store
from payslip.pages_desk import PREFIX, Desk
from payslip.pages_slips import words
from payslip.pages_store import DisputeRow, SlipRow
from payslip.sessions import Session
from payslip.slip import Slip, open_slip
from runtime.vault import CannotOpen


def add_disputes(pages: Blueprint, desk: Desk) -> None:
    """Add the page of a dispute."""

    @pages.get("/d/<dispute_id>")
    def read_dispute(dispute_id: str) -> Response:
        return _read(desk, dispute_id)


def _read(desk: Desk, dispute_id: str) -> Response:
    session = desk.viewer(desk.flow.goal(f"{PREFIX}/d/{dispute_id}"))
    allowed = desk.deps.may_run(session.open_id)
    with desk.deps.db.begin() as conn:
        found = pages_store.dispute(conn, dispute_id) if allowed else None
        if found is not None and found[1].open_id == session.open_id:
            found = None  # who is concerned does not decide, and reads it in the own payslip
        reason = "read" if found else ("unknown" if allowed else "not_allowed")
        desk.note(conn, session.open_id, "pay.dispute_read", f"dispute:{dispute_id[:64]}", reason)
    if found is None:
        text = "异议不存在，或只有负责算薪的人事可以查看。"
        desk.say("没有可以查看的异议", text, status=404, link=PREFIX, label="我的工资条")
    return _page(desk, session, *found)


def _page(desk: Desk, session: Session, said: DisputeRow, row: SlipRow) -> Response:
    slip = _slip(desk, row)
    answer = words(desk, said.id, "answer", said.sealed_answer) if said.sealed_answer else ""
    return desk.page(
        "pay_dispute.html",
        session=session,
        said=said,
        row=row,
        month=pages_look.month_words(row.month),
        name=slip.name if slip else "",
        line=_line(slip, said),
        text=words(desk, said.id, "text", said.sealed_text),
        answer=answer,
        state=pages_look.DISPUTE_STATES.get(said.state, said.state),
    )


def _slip(desk: Desk, row: SlipRow) -> Slip | None:
    if row.sealed_slip is None:
        return None
    try:
        return open_slip(desk.vault, desk.deps.tenant, row.key, row.sealed_slip)
    except CannotOpen:
        return None  # the words can still be read


def _line(slip: Slip | None, said: DisputeRow) -> pages_look.LineView | None:
    """The disputed line as the employee sees it; None for the whole payslip or a recalled one."""
    found = pages_look.groups(slip) if slip else ()
    return next((line for group in found for line in group.lines if line.code == said.line), None)
