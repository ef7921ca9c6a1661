"""A payslip as an encrypted PDF: one page shows its password once, one download makes the file for it.

Nothing is kept between the two: the browser carries the password sealed, bound to this session and payslip,
and it is worth nothing without both. The file exists only in the answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, Response, request, url_for

from payslip import pages_look
from payslip.pages_desk import Desk
from payslip.pages_slips import Opened, link, open_link
from runtime.vault import CannotOpen

LIFE = timedelta(minutes=10)


def add_pdf(pages: Blueprint, desk: Desk) -> None:
    """Add the password page and the download."""

    @pages.post("/s/<token>/pdf")
    def pdf_password(token: str) -> Response:
        return _password(desk, open_link(desk, token, form=True))

    @pages.get("/s/<token>/pdf")
    def pdf_file(token: str) -> Response:
        return _file(desk, open_link(desk, token))


def _place(desk: Desk, opened: Opened) -> tuple[str, ...]:
    key = opened.row.key
    return ("pdf", desk.deps.tenant, key.run, key.no, str(key.version), opened.session.id)


def _password(desk: Desk, opened: Opened) -> Response:
    from payslip.pdf import new_password  # noqa: PLC0415 - only who asks for a PDF pays for it

    password, now = new_password(), desk.deps.clock.now()
    ticket = desk.vault.seal_text(f"{now.isoformat()} {password}", _place(desk, opened))
    with desk.deps.db.begin() as conn:
        desk.note(conn, opened.session.open_id, "pay.pdf_asked", opened.row.subject, "asked")
    return desk.page(
        "pay_pdf.html", session=opened.session, password=password, back=link(opened.row),
        month=pages_look.month_words(opened.row.month),
        file=url_for("pay.pdf_file", token=opened.row.token, t=ticket),
    )  # fmt: skip


def _file(desk: Desk, opened: Opened) -> Response:
    from payslip.pdf import make_pdf  # noqa: PLC0415 - only who asks for a PDF pays for it

    password = _ticket(desk, opened)
    if password is None:
        desk.say(
            "下载链接已失效",
            "请回到工资条重新点“下载 PDF”。",
            status=410,
            link=link(opened.row),
            label="回到工资条",
        )
    now = desk.deps.clock.now()
    with desk.deps.db.begin() as conn:
        desk.note(conn, opened.session.open_id, "pay.pdf_made", opened.row.subject, "asked")
    mark = f"{opened.session.name} {pages_look.mask_no(opened.slip.no)} {pages_look.local(now)}"
    answer = Response(
        make_pdf(pages_look.view(opened.slip, None), mark, password), mimetype="application/pdf"
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="chorus-{opened.row.month}.pdf"'
    return answer


def _ticket(desk: Desk, opened: Opened) -> str | None:
    try:
        at, password = desk.vault.open_text(request.args.get("t", ""), _place(desk, opened)).split(" ")
    except CannotOpen:
        return None
    return password if desk.deps.clock.now() - datetime.fromisoformat(at) < LIFE else None
