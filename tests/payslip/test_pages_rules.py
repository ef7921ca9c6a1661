"""The pages: sessions, what every answer leaves with, payout files, what HR reads."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from payslip import tables as t
from payslip.documents import EmployeeNo
from payslip.pages import PayoutFile
from payslip.sessions import IDLE, LONGEST, PIN_FRESH
from runtime.db import Database
from sandbox.server import SandboxServer
from tests.payslip import kit
from tests.payslip.pages_kit import PIN, START, Browser, House, csrf, slip

pytestmark = pytest.mark.db


@pytest.fixture
def house(database: Database, sandbox: SandboxServer) -> House:
    """Pages on a real database."""
    return House(database, sandbox)


@pytest.fixture
def me(house: House) -> str:
    """The first person's open_id."""
    return str(house.people[0].open_id)


@pytest.fixture
def mine(house: House, me: str) -> str:
    """The token of the first person's payslip."""
    return house.add(slip(), me)


@pytest.fixture
def browser(house: House, me: str) -> Browser:
    """The first person's browser, PIN given."""
    return house.signed_in(me)


# --- sessions ---


@pytest.mark.parametrize("wait", [PIN_FRESH, IDLE])
def test_the_pin_is_asked_for_again(house: House, browser: Browser, mine: str, wait: timedelta) -> None:
    """After ten minutes nothing is shown without it, nor is anything decided."""
    digest = house.row(mine)["slip_digest"]
    token = csrf(browser.get(f"/pay/s/{mine}"))
    house.clock.advance(wait / 2)
    assert browser.get(f"/pay/s/{mine}").status_code == 200
    house.clock.advance(wait / 2)
    assert browser.get(f"/pay/s/{mine}").headers["Location"].startswith("/pay/pin?")
    answer = browser.post(f"/pay/s/{mine}/confirm", {"csrf": token, "digest": digest})
    assert answer.headers["Location"].startswith("/pay/pin?")
    assert house.row(mine)["state"] == "read"


def test_an_idle_session_ends_and_a_busy_one_after_an_hour(house: House, browser: Browser) -> None:
    """Ten minutes without a request; an hour whatever one does."""
    for _ in range(6):
        house.clock.advance(timedelta(minutes=9))
        assert browser.give_pin().status_code == 303
        assert browser.get("/pay").status_code == 200
    house.clock.advance(LONGEST - timedelta(minutes=54))
    assert browser.get("/pay").headers["Location"].startswith("/pay/sign-in")
    fresh = house.signed_in(house.people[1].open_id)
    house.clock.advance(IDLE)
    assert fresh.get("/pay").headers["Location"].startswith("/pay/sign-in")


def test_signing_out_ends_the_session_on_the_server(house: House, browser: Browser) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    cookie = browser.cookie()
    answer = browser.send("/pay", "/pay/sign-out")
    assert answer.headers["Location"] == "/pay/bye"
    copy = house.browser()
    copy.client.set_cookie("chorus_pay", cookie)
    assert copy.get("/pay").headers["Location"].startswith("/pay/sign-in")


def test_a_page_with_pay_leaves_the_screen_by_itself(house: House, browser: Browser, mine: str) -> None:
    """The browser is told to go away when the PIN is no longer fresh."""
    house.clock.advance(240)
    assert browser.get(f"/pay/s/{mine}").headers["Refresh"] == "361; url=/pay/ended"
    assert "自动关闭" in browser.get("/pay/ended").text


def test_changing_the_pin_needs_the_old_one(house: House, browser: Browser) -> None:
    """With a fresh PIN it can be changed; without, the old one is asked for first."""
    browser.send("/pay/pin/change", "/pay/pin/change", pin="739164", again="739164")
    house.clock.advance(PIN_FRESH)
    assert browser.get("/pay/pin/change").headers["Location"].startswith("/pay")
    other = house.browser()
    other.sign_in(house.people[0].open_id)
    assert other.give_pin(PIN).status_code == 403
    assert other.give_pin("739164").status_code == 303


def test_choosing_a_pin_is_checked(house: House) -> None:
    """Too easy, or typed differently twice: the form comes back with the reason, nothing is stored."""
    browser = house.browser()
    browser.sign_in(house.people[0].open_id)
    easy = browser.send("/pay/pin", "/pay/pin/new", pin="123456", again="123456")
    assert (easy.status_code, "太容易猜" in easy.text) == (400, True)
    differs = browser.send("/pay/pin", "/pay/pin/new", pin=PIN, again="739164")
    assert "两次输入的不一样" in differs.text
    with house.db.read() as conn:
        assert conn.execute(sa.select(t.pins)).first() is None


# --- what every answer leaves with ---


@pytest.mark.parametrize(
    "path", ["/pay", "/pay/s/{}", "/pay/s/unknown", "/pay/pin", "/pay/bye", "/pay/nothing", "/pay/callback"]
)
def test_headers_of_every_page(browser: Browser, mine: str, path: str) -> None:
    """Not kept, not framed elsewhere, no script or style but our own files, nothing told to other sites."""
    answer = browser.get(path.format(mine))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"frame-ancestors (https://\*\.[a-z.]+ ?)+$", policy)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_needs_what_the_policy_forbids(browser: Browser, mine: str) -> None:
    """No inline script, style or handler, no address outside; no amount in the title."""
    for path in ("/pay", f"/pay/s/{mine}", "/pay/pin/change"):
        text = browser.get(path).text
        assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|https?://", text) == []
        assert re.findall(r"<title>([^<]*)</title>", text) == ["工资条"]


def test_names_cannot_break_out_of_the_page(house: House, browser: Browser, me: str) -> None:
    """Whatever stands in a table is text."""
    who = kit.person(name="<script>alert(1)</script>", department='"><img src=x>')
    text = browser.get(f"/pay/s/{house.add(slip(who), me)}").text
    assert "<script>alert" not in text
    assert "<img" not in text


def test_style_and_script_may_be_kept_and_nothing_else_is_served(browser: Browser) -> None:
    """Two files; no template, no path out of the folder."""
    page = browser.get("/pay/bye").text
    for address in re.findall(r'(?:href|src)="(/pay/assets/[^"]+)"', page):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "max-age=86400" in answer.headers["Cache-Control"]
        answer.close()
    for name in ("pay_slip.html", "..%2fslip.py", "nothing.css"):
        assert browser.get(f"/pay/assets/{name}").status_code == 404


def test_without_keys_every_page_is_a_sentence(database: Database, sandbox: SandboxServer) -> None:
    """503, whatever the address; nothing is asked of Feishu."""
    browser = House(database, sandbox, without_keys=True).browser()
    for path in ("/pay", "/pay/", "/pay/s/x", "/pay/sign-in", "/pay/files/1"):
        answer = browser.get(path)
        assert answer.status_code == 503
        assert "没有配置薪酬密钥" in answer.text
    assert browser.post("/pay/pin", {}).status_code == 503


def test_a_form_that_is_too_long_is_refused(browser: Browser, mine: str) -> None:
    """Sixteen kilobytes are enough for every form."""
    answer = browser.post(f"/pay/s/{mine}/dispute", {"text": "x" * 20_000})
    assert answer.status_code == 413
    assert "太长" in answer.text


# --- payout files ---


def test_finance_downloads_and_nobody_else(database: Database, sandbox: SandboxServer) -> None:
    """After the PIN, as an attachment, audited; others and unknown files get one and the same sentence."""
    finance = list(sandbox.world.people)[3]
    house = House(database, sandbox, may_download=lambda open_id: open_id == finance)
    house.files["p1"] = PayoutFile("2026-10 代发.xlsx", b"PK\x03\x04 content", "run:2026-10.1")
    browser = house.signed_in(str(finance))
    answer = browser.get("/pay/files/p1")
    assert answer.data == b"PK\x03\x04 content"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''2026-10%20")
    assert answer.headers["Cache-Control"] == "no-store"
    unknown = browser.get("/pay/files/p2")
    other = house.signed_in(house.people[0].open_id).get("/pay/files/p1")
    assert (unknown.status_code, other.status_code) == (404, 404)
    assert unknown.text == other.text
    assert [(row["action"], row["reason"]) for row in house.audits() if "file" in row["action"]] == [
        ("pay.file_downloaded", "sent"),
        ("pay.file_refused", "unknown"),
        ("pay.file_refused", "not_allowed"),
    ]
    assert house.audits("pay.file_downloaded")[0]["detail"] == {"of": "run:2026-10.1"}
    assert house.browser().get("/pay/files/p1").headers["Location"].startswith("/pay/sign-in")


def test_a_payslip_whose_place_was_changed_is_told_and_not_shown(
    house: House, browser: Browser, me: str, mine: str
) -> None:
    """A row somebody copied in the database does not open; the page says whom to ask."""
    foreign = house.row(house.add(slip(kit.person(no="E002")), "ou_other"))
    with house.db.begin() as conn:
        conn.execute(
            t.slips.update().where(t.slips.c.token == mine).values(sealed_slip=foreign["sealed_slip"])
        )
    answer = browser.get(f"/pay/s/{mine}")
    assert answer.status_code == 500
    assert "打不开" in answer.text
    assert house.audits("pay.slip_unreadable")[0]["actor"] == me
    assert EmployeeNo("E002") not in answer.text


def test_a_payslip_opened_before_its_sending_is_on_record(house: House, browser: Browser, me: str) -> None:
    """The card is out, the worker has not written so: shown, the time kept, the state left to the worker."""
    token = house.add(slip(), me, state="sealed", sent_at=None)
    page = browser.get(f"/pay/s/{token}")
    assert "9,176.35" in page.text
    assert "确认无误" not in page.text
    assert (house.row(token)["state"], house.row(token)["read_at"]) == ("sealed", START)
    browser.post(f"/pay/s/{token}/dispute", {"csrf": csrf(page), "line": "提成", "text": "x"})
    assert house.row(token)["state"] == "sealed"
    with house.db.begin() as conn:
        conn.execute(t.slips.update().values(state="sent"))
    house.clock.advance(30)
    browser.get(f"/pay/s/{token}")
    assert (house.row(token)["state"], house.row(token)["read_at"]) == ("read", START)
    assert house.works() == ["pay.slip_row:2026-10.1:E001:read"]


# --- what HR reads ---


def test_hr_reads_what_was_written_and_nobody_else(database: Database, sandbox: SandboxServer) -> None:
    """Words and the line's calculation, after the PIN, audited; others get the sentence of an unknown one."""
    hr = list(sandbox.world.people)[3]
    house = House(database, sandbox, may_run=lambda open_id: open_id == hr)
    token = house.add(slip(), str(house.people[0].open_id))
    owner = house.signed_in(house.people[0].open_id)
    owner.send(f"/pay/s/{token}", f"/pay/s/{token}/dispute", line="提成", text="少了一单")
    with house.db.read() as conn:
        path = f"/pay/d/{conn.execute(sa.select(t.disputes.c.id)).scalar_one()}"
    reader = house.signed_in(str(hr))
    page = reader.get(path).text
    for said in ("少了一单", "店铺提成：57,760.00 × 1.5% = 866.40", "王芳 E001", "等待人事答复"):
        assert said in page
    unknown = reader.get("/pay/d/nothing")
    for other in (owner, house.signed_in(house.people[1].open_id)):
        answer = other.get(path)
        assert (answer.status_code, answer.text) == (404, unknown.text)
    assert [row["reason"] for row in house.audits("pay.dispute_read")] == [
        "read", "unknown", "not_allowed", "not_allowed",
    ]  # fmt: skip
    assert house.browser().get(path).headers["Location"].startswith("/pay/sign-in")


def test_hr_does_not_handle_the_own_dispute(database: Database, sandbox: SandboxServer) -> None:
    """Who is concerned gets the sentence, though otherwise allowed."""
    hr = list(sandbox.world.people)[3]
    house = House(database, sandbox, may_run=lambda open_id: open_id == hr)
    token = house.add(slip(), str(hr))
    owner = house.signed_in(str(hr))
    owner.send(f"/pay/s/{token}", f"/pay/s/{token}/dispute", line="提成", text="少了一单")
    with house.db.read() as conn:
        dispute = conn.execute(sa.select(t.disputes.c.id)).scalar_one()
    assert owner.get(f"/pay/d/{dispute}").status_code == 404
