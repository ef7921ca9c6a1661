"""The PDF: encrypted with a password that is shown once, made for this session only, readable afterwards."""

import html
import io
import re
import tempfile
from pathlib import Path

import pikepdf
import pytest
from werkzeug.test import TestResponse

from payslip.pages_look import view
from payslip.pdf import ALPHABET, make_pdf, new_password
from runtime.db import Database
from sandbox.server import SandboxServer
from tests.payslip.pages_kit import Browser, House, slip

pytestmark = pytest.mark.db


@pytest.fixture
def house(database: Database, sandbox: SandboxServer) -> House:
    """Pages on a real database."""
    return House(database, sandbox)


@pytest.fixture
def browser(house: House) -> Browser:
    """The first person's browser."""
    return house.signed_in(house.people[0].open_id)


@pytest.fixture
def token(house: House) -> str:
    """The first person's payslip."""
    return house.add(slip(), str(house.people[0].open_id))


def asked(browser: Browser, token: str) -> tuple[str, str]:
    """Ask for a PDF; gives its password and its address."""
    page = browser.send(f"/pay/s/{token}", f"/pay/s/{token}/pdf")
    assert page.status_code == 200
    password = re.search(r'id="password">([^<]+)<', page.text)
    address = re.search(r'href="(/pay/s/[^"]+/pdf\?t=[^"]+)"', page.text)
    assert password is not None
    assert address is not None
    return password.group(1), html.unescape(address.group(1))


def opened(answer: TestResponse, password: str) -> pikepdf.Pdf:
    """The PDF of an answer."""
    return pikepdf.open(io.BytesIO(answer.data), password=password)


def text_of(pdf: pikepdf.Pdf) -> str:
    """The text of a PDF, through the embedded font's own table from glyph to character."""
    found = []
    for page in pdf.pages:
        fonts = {str(name): _unicode(font) for name, font in page.resources.Font.items()}
        current: dict[int, str] = {}
        for operands, operator in pikepdf.parse_content_stream(page):
            if str(operator) == "Tf":
                current = fonts[str(operands[0])]
            elif str(operator) in {"Tj", "TJ"}:
                parts = operands[0] if str(operator) == "TJ" else [operands[0]]
                for part in parts:
                    if isinstance(part, pikepdf.String):
                        raw = bytes(part)
                        glyphs = [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]
                        found.append("".join(current.get(glyph, "?") for glyph in glyphs))
            elif str(operator) == "ET":
                found.append("\n")
    return "".join(found)


def _unicode(font: pikepdf.Object) -> dict[int, str]:
    table = font.ToUnicode.read_bytes().decode("ascii")
    pairs = re.findall(r"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]{4,8})>\n", table)
    return {int(glyph, 16): bytes.fromhex(char).decode("utf-16-be") for glyph, char in pairs}


def test_it_opens_with_its_password_and_only_with_it(browser: Browser, token: str) -> None:
    """AES-256, revision 6, metadata encrypted too; not without a password, nor with another."""
    password, address = asked(browser, token)
    answer = browser.get(address)
    assert answer.mimetype == "application/pdf"
    for wrong in ("", "x", password.upper()):
        with pytest.raises(pikepdf.PasswordError):
            opened(answer, wrong)
    pdf = opened(answer, password)
    assert (pdf.encryption.R, pdf.encryption.bits) == (6, 256)
    assert str(pdf.encryption.stream_method).endswith("aesv3")
    assert pdf.user_password_matched
    assert not pdf.owner_password_matched
    assert not pdf.allow.modify_other
    assert b"9,176.35" not in answer.data


def test_the_text_is_there_and_its_font_is_inside(browser: Browser, token: str) -> None:
    """Everything the page says can be searched and copied; the Chinese font is embedded as a subset."""
    password, address = asked(browser, token)
    pdf = opened(browser.get(address), password)
    text = text_of(pdf)
    for said in (
        "2026 年 10 月工资条",
        "悦然服饰",
        "实发工资（元）",
        "9,176.35",
        "绩效工资",
        "−640.00",
        "尾号 0001",
    ):
        assert said in text, text
    fonts = [font for page in pdf.pages for font in page.resources.Font.values()]
    for font in fonts:
        inside = font.DescendantFonts[0]
        assert "MicroHei" in str(inside.BaseFont)
        assert len(inside.FontDescriptor.FontFile2.read_bytes()) < 200_000


def test_every_page_names_who_asked(browser: Browser, house: House, token: str) -> None:
    """Name, last four of the number, and the minute, at the foot."""
    password, address = asked(browser, token)
    pdf = opened(browser.get(address), password)
    assert text_of(pdf).count(f"{house.people[0].name} E001 2026-11-10 09:00") == len(pdf.pages)


def test_the_file_name_says_nothing(browser: Browser, token: str) -> None:
    """Neither whose it is nor what."""
    _, address = asked(browser, token)
    assert browser.get(address).headers["Content-Disposition"] == 'attachment; filename="chorus-2026-10.pdf"'


def test_a_password_is_random_and_long_enough() -> None:
    """At least eighty bits, and never the same."""
    made = {new_password() for _ in range(200)}
    assert len(made) == 200
    assert len(ALPHABET) ** len(next(iter(made)).replace("-", "")) >= 2**80


def test_the_address_carries_no_password_and_belongs_to_one_session(
    house: House, browser: Browser, token: str
) -> None:
    """In another session of the same person, for another payslip, or later, it makes no file."""
    password, address = asked(browser, token)
    assert password not in address
    assert password.replace("-", "") not in address
    second = house.browser()
    second.sign_in(house.people[0].open_id)
    second.give_pin()
    assert second.get(address).status_code == 410
    other = house.add(slip(run="2026-09.1"), str(house.people[0].open_id))
    assert browser.get(address.replace(token, other)).status_code == 410
    assert browser.get(f"/pay/s/{token}/pdf?t=invented").status_code == 410
    assert browser.get(address).status_code == 200
    house.clock.advance(601)
    assert browser.get(address).status_code != 200


def test_asking_again_gives_another_password(browser: Browser, token: str) -> None:
    """Nothing keeps the first one."""
    assert asked(browser, token)[0] != asked(browser, token)[0]


def test_both_steps_are_audited(house: House, browser: Browser, token: str) -> None:
    """Who asked and who downloaded; the password is nowhere."""
    password, address = asked(browser, token)
    browser.get(address)
    assert [row["reason"] for row in house.audits("pay.pdf_asked") + house.audits("pay.pdf_made")] == [
        "asked"
    ] * 2
    assert password not in str(house.audits())


def test_nothing_touches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a temporary directory that cannot be written a PDF is made all the same, and none is left."""
    blocked = tmp_path / "not-a-directory"
    blocked.write_text("")
    monkeypatch.setenv("TMPDIR", str(blocked))
    monkeypatch.setattr(tempfile, "tempdir", str(blocked))
    assert make_pdf(view(slip(), None), "王芳 E001", "secret-password").startswith(b"%PDF-")
    assert blocked.read_text() == ""
    assert list(tmp_path.iterdir()) == [blocked]
