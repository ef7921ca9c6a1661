"""The payslip as a PDF: made in memory, encrypted with AES-256 (PDF 2.0, revision 6), never written to disk.

The open password is random and shown once, in the viewer; the owner password is random and forgotten. Both
libraries are imported when the first PDF is asked for: the web process does not pay for them.
"""

from __future__ import annotations

import logging
import secrets
from io import BytesIO
from typing import TYPE_CHECKING, Final

from payslip.pages_look import Group, SlipView
from runtime.fonts import CJK

if TYPE_CHECKING:
    from fpdf import FPDF

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""31 characters nobody mistakes for another."""
GROUPS: Final = 5
GROUP: Final = 4
"""Twenty characters: 99 bit."""
FONT: Final = "cjk"
MARGIN: Final = 18.0
WIDTH: Final = 210.0 - 2 * MARGIN
LEAST: Final = 30.0
"""A heading needs room for some lines after it, in mm."""
GREY: Final = (100, 106, 115)
BLACK: Final = (31, 35, 41)
LINE: Final = (222, 224, 227)


def new_password() -> str:
    """A random password in groups of four, to be typed or pasted."""
    text = "".join(secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP))
    return "-".join(text[i : i + GROUP] for i in range(0, len(text), GROUP))


def make_pdf(view: SlipView, watermark: str, password: str) -> bytes:
    """An encrypted PDF of a payslip.

    Args:
        view: what the page shows.
        watermark: who asked for it and when; stands at the foot of each page.
        password: needed to open it.
    """
    return encrypt(_draw(view, watermark), password)


def encrypt(plain: bytes, password: str) -> bytes:
    """Encrypt a PDF: AES-256, metadata too; printing is allowed, changing is not."""
    import pikepdf  # noqa: PLC0415 - see the top of this module

    out = BytesIO()
    rules = pikepdf.Permissions(modify_annotation=False, modify_assembly=False, modify_other=False)
    with pikepdf.open(BytesIO(plain)) as pdf:
        pdf.save(
            out,
            encryption=pikepdf.Encryption(
                owner=secrets.token_urlsafe(32), user=password, R=6, allow=rules, aes=True, metadata=True
            ),
        )
    return out.getvalue()


def _draw(view: SlipView, watermark: str) -> bytes:
    from fpdf import FPDF  # noqa: PLC0415 - see the top of this module

    # Subsetting tells at length which glyphs it keeps; that is nobody's business.
    for noisy in ("fontTools", "fpdf"):
        logging.getLogger(noisy).setLevel(logging.ERROR)

    class Page(FPDF):
        def footer(self) -> None:
            self.set_y(-15)
            _font(self, 8, GREY)
            self.cell(WIDTH, 5, f"{watermark}    第 {self.page_no()} 页", align="C")

    pdf = Page(format="A4")
    pdf.set_margin(MARGIN)
    pdf.set_auto_page_break(True, margin=20)
    pdf.add_font(FONT, fname=str(CJK))
    pdf.set_title("工资条")
    pdf.set_creator("Chorus")
    pdf.add_page()
    _top(pdf, view)
    for group in view.groups:
        _group(pdf, group)
    if view.employer:
        _group(pdf, view.employer)
    _table(pdf, "考勤", view.attendance)
    _table(pdf, "个税计算（累计预扣）", view.trail)
    _table(pdf, f"{view.slip.year.year} 年累计", view.year)
    return bytes(pdf.output())


def _top(pdf: FPDF, view: SlipView) -> None:
    slip = view.slip
    _font(pdf, 18, BLACK)
    pdf.cell(WIDTH, 10, f"{view.month}工资条", new_x="LMARGIN", new_y="NEXT")
    _font(pdf, 10, GREY)
    version = f"第 {slip.version} 版" + (f"，更正 {slip.replaces}" if slip.replaces else "")
    for text in (
        slip.company,
        f"{slip.name}　{slip.no}　{slip.department}",
        f"发放日 {slip.pay_date:%Y-%m-%d}　{version}",
        f"收款账户 {slip.bank} 尾号 {slip.account_tail}" if slip.account_tail else "",
    ):
        if text:
            pdf.multi_cell(WIDTH, 6, text, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(3)
    for name, amount in view.sums:
        _row(pdf, name, amount)
    _font(pdf, 14, BLACK)
    pdf.cell(WIDTH - 60, 10, "实发工资（元）")
    pdf.cell(60, 10, view.net, align="R", new_x="LMARGIN", new_y="NEXT")


def _group(pdf: FPDF, group: Group) -> None:
    _heading(pdf, group.title, group.total)
    for line in group.lines:
        _row(pdf, line.code, line.amount)
        _font(pdf, 8, GREY)
        for how in line.how:
            pdf.multi_cell(WIDTH - 40, 4.5, how, new_x="LMARGIN", new_y="NEXT")


def _table(pdf: FPDF, title: str, rows: tuple[tuple[str, str], ...]) -> None:
    if not rows:
        return
    _heading(pdf, title, "")
    for name, value in rows:
        _row(pdf, name, value)


def _heading(pdf: FPDF, title: str, total: str) -> None:
    if pdf.will_page_break(LEAST):
        pdf.add_page()
    pdf.ln(3)
    _font(pdf, 11, BLACK)
    pdf.set_draw_color(*LINE)
    pdf.cell(WIDTH - 60, 8, title, border="B")
    pdf.cell(60, 8, total, border="B", align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(1)


def _row(pdf: FPDF, name: str, value: str) -> None:
    _font(pdf, 10, BLACK)
    pdf.cell(WIDTH - 60, 6.5, name)
    pdf.cell(60, 6.5, value, align="R", new_x="LMARGIN", new_y="NEXT")


def _font(pdf: FPDF, size: int, colour: tuple[int, int, int]) -> None:
    pdf.set_font(FONT, size=size)
    pdf.set_text_color(*colour)
