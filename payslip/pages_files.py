"""Payout files for finance: opened for one download, every download an audit row."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response

from payslip.pages_desk import PREFIX, Desk


def add_files(pages: Blueprint, desk: Desk) -> None:
    """Add the download of a payout file."""

    @pages.get("/files/<file_id>")
    def payout_file(file_id: str) -> Response:
        return _download(desk, file_id)


def _download(desk: Desk, file_id: str) -> Response:
    session = desk.viewer(f"{PREFIX}/files/{file_id}")
    allowed = desk.deps.may_download(session.open_id)
    with desk.deps.db.begin() as conn:
        found = desk.deps.payout(conn, file_id, session.open_id) if allowed else None
        reason = "sent" if found else ("unknown" if allowed else "not_allowed")
        action = "pay.file_downloaded" if found else "pay.file_refused"
        detail = {"of": found.subject} if found else {}
        desk.note(conn, session.open_id, action, f"payout:{file_id[:64]}", reason, **detail)
    if found is None:
        # The same answer for both, so that nobody learns which files there are.
        desk.say("没有可以下载的文件", "文件不存在，或只有财务可以下载。", status=404)
    answer = Response(found.content, mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
    return answer
