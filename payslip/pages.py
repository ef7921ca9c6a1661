"""The pages an employee opens inside Feishu, joined to the web app.

Order of every page: signed in with Feishu → personal PIN → whose is it → open. Without keys there is nothing
to open, and every page says so.
"""

from __future__ import annotations

import structlog
from flask import Blueprint, Flask, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from bot.pages import dress, policy, where
from payslip import pages_look
from payslip.pages_desk import ASSETS, FORM_BYTES, PREFIX, Desk, PageDeps, PayoutFile, open_desk
from payslip.pages_disputes import add_disputes
from payslip.pages_entry import add_entry
from payslip.pages_files import add_files
from payslip.pages_pdf import add_pdf
from payslip.pages_slips import add_slips

__all__ = ["PREFIX", "PageDeps", "PayoutFile", "register_pages"]

log = structlog.get_logger(__name__)


def register_pages(app: Flask, deps: PageDeps) -> None:
    """Add everything under ``/pay`` to the web app.

    Args:
        app: the web process's app.
        deps: see `PageDeps`; without a vault every page answers 503 with a sentence.
    """
    pages = Blueprint("pay", __name__, url_prefix=PREFIX, template_folder=str(ASSETS.folder))
    ASSETS.add(pages)
    secure = deps.settings.origin.startswith("https://")
    pages.after_request(lambda answer: dress(answer, pages, policy(), secure=secure))
    pages.register_error_handler(Exception, lambda error: _broken(deps, error))
    if deps.vault is None:
        _closed(pages, deps)
    else:
        _open(pages, open_desk(deps, deps.vault))
    app.register_blueprint(pages)


def _open(pages: Blueprint, desk: Desk) -> None:
    pages.before_request(_small)
    add_entry(pages, desk)
    add_slips(pages, desk)
    add_pdf(pages, desk)
    add_disputes(pages, desk)
    add_files(pages, desk)

    @pages.get("/<path:rest>")
    def nothing(rest: str) -> Response:
        del rest
        return desk.sentence(
            "没有这个页面",
            "请从工资条消息里打开，或查看我的工资条。",
            status=404,
            link=PREFIX,
            label="我的工资条",
        )


def _small() -> None:
    request.max_content_length = FORM_BYTES


def _closed(pages: Blueprint, deps: PageDeps) -> None:
    def closed(rest: str = "") -> Response:
        del rest
        text = "工资条功能还没有启用：服务器上没有配置薪酬密钥。请联系管理员。"
        return _sentence(deps, "工资条暂不可用", text, 503)

    for rule in ("", "/", "/<path:rest>"):
        pages.add_url_rule(rule, "closed", closed, methods=["GET", "POST"])


def _broken(deps: PageDeps, error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException):
        text = "请回到工资条重新操作。" if error.code != 413 else "提交的内容太长。"
        return error if error.code is None else _sentence(deps, "无法打开", text, error.code)
    log.error("pay.page_failed", kind=type(error).__name__, endpoint=request.endpoint, where=where(error))
    return _sentence(deps, "出了点问题", "页面暂时打不开，已经记录下来，请稍后再试。", 500)


def _sentence(deps: PageDeps, title: str, text: str, status: int) -> Response:
    body = render_template(
        "pay_sentence.html", company=deps.company, contact=deps.contact, session=None, look=pages_look,
        prefix=PREFIX, asset=ASSETS.version, now="", title=title, text=text, link="", label="", tone="warn",
    )  # fmt: skip
    return make_response(body, status)
