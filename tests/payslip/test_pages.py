"""The pages: what they show, what they decide, and what every answer leaves with."""

import re
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from jinja2 import Environment

from payslip import tables as t
from payslip.documents import RunId
from payslip.model import SlipState
from payslip.pages_desk import ASSETS
from payslip.slip import open_words, seal_words
from runtime.db import Database
from sandbox.server import SandboxServer
from tests.payslip import kit
from tests.payslip.pages_kit import PIN, START, TENANT, Browser, House, csrf, pay, slip

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


# --- the way to a payslip ---


def test_a_link_leads_through_sign_in_and_pin_to_the_payslip(house: House, me: str, mine: str) -> None:
    """The whole way, as a person goes it from the card."""
    browser = house.browser()
    first = browser.get(f"/pay/s/{mine}")
    assert first.headers["Location"] == f"/pay/sign-in?goal=/pay/s/{mine}"
    authorize = browser.get(first.headers["Location"]).headers["Location"]
    back = browser.get(browser.consent(authorize, me))
    assert back.headers["Location"] == f"/pay/s/{mine}"
    asked = browser.get(f"/pay/s/{mine}")
    assert asked.headers["Location"] == f"/pay/pin?goal=/pay/s/{mine}"
    page = browser.get(asked.headers["Location"])
    assert "设置你的 PIN" in page.text
    form = {"csrf": csrf(page), "goal": f"/pay/s/{mine}", "pin": PIN, "again": PIN}
    chosen = browser.post("/pay/pin/new", form)
    assert chosen.headers["Location"] == f"/pay/s/{mine}"
    assert "9,176.35" in browser.get(f"/pay/s/{mine}").text


def test_the_page_shows_every_line_and_how_it_came_about(browser: Browser, mine: str) -> None:
    """Amounts with their signs, the explanation of each, cumulative tax, attendance, whom to ask."""
    text = browser.get(f"/pay/s/{mine}").text
    for line in pay().lines:
        assert line.code in text
        assert f"{line.amount:,.2f}" in text
    for said in (
        "= 2,000 × 1.1 = 2,200.00",
        "店铺提成：57,760.00 × 1.5% = 866.40",
        "−640.00",
        "这是怎么算的",
    ):
        assert said in text
    for said in (
        "26,072.70",
        "659.20",
        "应出勤天数",
        "尾号 0001",
        "人事部 李敏",
        "第 1 版",
        "11 月 15 日 09:00",
    ):
        assert said in text


@dataclass(frozen=True)
class Shown:
    """A line as the page gets it."""

    code: str
    amount: str
    change: str = ""
    rose: bool = False
    before: str = ""
    how: tuple[str, ...] = ()


def test_lines_of_zero_are_folded_unless_they_changed() -> None:
    """Three or more are one line to open, each with its explanation; a loss against last month shows."""
    text = (ASSETS.folder / "pay_slip.html").read_text("utf-8")
    macros = text[text.index("{% macro group") : text.index("{% macro pairs")]
    group = Environment(autoescape=True).from_string(macros, {"view": SimpleNamespace(before_month="9 月")})
    base, lost = Shown("基本薪资", "7,000.00"), Shown("提成", "0.00", "少 500.00")
    idle = [Shown(f"加班费{n}", "0.00", "不变" if n else "") for n in range(3)]

    def drawn(*lines: Shown) -> tuple[str, str]:
        each = SimpleNamespace(title="应发项目", total="7,000.00", lines=lines)
        before, _, after = str(group.module.group(each)).partition('<details class="idle">')
        return before, after

    before, after = drawn(base, *idle, lost)
    assert [line.code in before for line in (base, lost, *idle)] == [True, True, False, False, False]
    assert "其余 3 项为 0.00" in after
    assert all(line.code in after for line in idle)
    assert after.count("这一行有异议") == 3
    before, after = drawn(base, *idle[:2])
    assert (after, all(line.code in before for line in idle[:2])) == ("", True)


def test_the_watermark_names_the_viewer(house: House, browser: Browser, mine: str) -> None:
    """Name as Feishu gave it, the last four of the number, the minute."""
    assert f"{house.people[0].name} E001 2026-11-10 09:00" in browser.get(f"/pay/s/{mine}").text


def test_months_are_compared(house: House, browser: Browser, me: str, mine: str) -> None:
    """Net and each line against the last payslip before; a line that is gone is named."""
    lines = [(line.code, line.kind, str(line.amount), "") for line in pay().lines]
    lines[0] = ("固定工资", "earning", "7800.00", "")
    house.add(
        slip(paid=pay(net="8962.10", lines=[*lines, ("高温津贴", "earning", "300.00", "")]), run="2026-09.1"),
        me,
    )
    text = browser.get(f"/pay/s/{mine}").text
    assert "比 2026 年 9 月多 214.25" in text
    assert "2026 年 9 月：7,800.00，本月 多 200.00" in text
    assert "2026 年 9 月有、本月没有" in text
    assert "高温津贴" in text


def test_the_first_opening_is_noted_once(house: House, browser: Browser, mine: str) -> None:
    """State, time, one work for the row in Bitable however often it is opened; every opening audited."""
    house.clock.advance(60)
    for _ in range(3):
        browser.get(f"/pay/s/{mine}")
    row = house.row(mine)
    assert (row["state"], row["read_at"]) == ("read", START + timedelta(seconds=60))
    assert house.works() == ["pay.slip_row:2026-10.1:E001:read"]
    assert [each["reason"] for each in house.audits("pay.slip_opened")] == ["first", "again", "again"]


def test_the_list_shows_what_was_sent(house: House, browser: Browser, me: str, mine: str) -> None:
    """By month, newest first; what is sealed but not sent, and what is others', is not there."""
    house.add(slip(run="2026-09.1"), me, state="confirmed")
    house.add(slip(run="2026-12.1"), me, state="sealed")
    house.add(slip(kit.person(no="E002"), run="2026-08.1"), str(house.people[1].open_id))
    text = browser.get("/pay").text
    assert re.findall(r"(\d{4} 年 \d+ 月)", text) == ["2026 年 10 月", "2026 年 9 月"]
    assert f"/pay/s/{mine}" in text
    assert "已确认" in text


def test_nobody_has_a_payslip_yet(browser: Browser) -> None:
    """An empty list says when something will come."""
    assert "还没有工资条" in browser.get("/pay").text


def test_a_replaced_payslip_leads_to_the_newer_one(house: House, browser: Browser, me: str) -> None:
    """Its content is not shown any more."""
    old = house.add(slip(), me, state="replaced")
    new = house.add(slip(paid=pay(net="9300.00"), run="2026-10.2", replaces=RunId("2026-10.1")), me)
    answer = browser.get(f"/pay/s/{old}")
    assert answer.status_code == 410
    assert f'href="/pay/s/{new}"' in answer.text
    assert "9,176.35" not in answer.text
    assert "更正了 2026-10.1" in browser.get(f"/pay/s/{new}").text


def test_a_recalled_payslip_is_gone(house: House, browser: Browser, me: str) -> None:
    """Its key is destroyed; the owner reads so, and nothing else."""
    token = house.add(slip(), me, state="recalled", sealed_slip=None)
    answer = browser.get(f"/pay/s/{token}")
    assert answer.status_code == 410
    assert "已被撤回" in answer.text


# --- confirming and disputing ---


def test_confirming_keeps_the_evidence(house: House, browser: Browser, me: str, mine: str) -> None:
    """Digest, version, account, time and browser; a second tap changes nothing."""
    page = browser.get(f"/pay/s/{mine}")
    digest = house.row(mine)["slip_digest"]
    form = {"csrf": csrf(page), "digest": digest}
    answer = browser.post(f"/pay/s/{mine}/confirm", form)
    assert "已确认。谢谢" in browser.get(answer.headers["Location"]).text
    row = house.row(mine)
    assert (row["state"], row["confirmed_at"]) == ("confirmed", START)
    kept = row["evidence"]
    assert (kept["digest"], kept["version"], kept["open_id"]) == (digest, 1, me)
    assert kept["at"] == START.isoformat()
    assert re.fullmatch(r"[0-9a-f]{16}", kept["agent"])
    house.clock.advance(60)
    browser.post(f"/pay/s/{mine}/confirm", form)
    assert house.row(mine)["confirmed_at"] == START
    assert [row["reason"] for row in house.audits("pay.slip_confirmed")] == ["confirmed", "kept"]
    assert len([each for each in house.works() if ":confirmed:" in each]) == 1


def test_what_was_not_seen_is_not_confirmed(house: House, browser: Browser, mine: str) -> None:
    """A form with another digest than the stored payslip's confirms nothing."""
    answer = browser.send(f"/pay/s/{mine}", f"/pay/s/{mine}/confirm", digest="0" * 64)
    assert "请重新核对" in browser.get(answer.headers["Location"]).text
    assert house.row(mine)["state"] == "read"


def test_a_dispute_reaches_hr_and_is_sealed(house: House, browser: Browser, mine: str) -> None:
    """The row is stored sealed, the work names only its id, the payslip waits for an answer."""
    words = "绩效应该是 2,500.00，我的评分是 125"
    answer = browser.send(f"/pay/s/{mine}", f"/pay/s/{mine}/dispute", line="绩效工资", text=words)
    page = browser.get(answer.headers["Location"]).text
    assert "已提交" in page
    assert words in page
    assert "确认无误" not in page
    with house.db.read() as conn:
        row = conn.execute(sa.select(t.disputes)).mappings().one()
    assert words not in str(dict(row))
    assert open_words(house.vault, TENANT, row["id"], "text", row["sealed_text"]) == words
    assert house.row(mine)["state"] == SlipState.DISPUTED.value
    assert f"pay.dispute:{row['id']}" in house.works()
    assert house.audits("pay.slip_disputed")[0]["detail"] == {"dispute": row["id"], "line": "绩效工资"}


def test_an_answered_dispute_is_shown_and_the_payslip_can_be_confirmed(
    house: House, browser: Browser, mine: str
) -> None:
    """HR's answer stands on the page; the buttons are back."""
    browser.send(f"/pay/s/{mine}", f"/pay/s/{mine}/dispute", line="提成", text="少了一单")
    with house.db.begin() as conn:
        dispute = conn.execute(sa.select(t.disputes.c.id)).scalar_one()
        sealed = seal_words(house.vault, TENANT, dispute, "answer", "那一单在 11 月结算")
        conn.execute(t.disputes.update().values(state="answered", sealed_answer=sealed, answered_at=START))
    page = browser.get(f"/pay/s/{mine}").text
    assert "那一单在 11 月结算" in page
    browser.send(f"/pay/s/{mine}", f"/pay/s/{mine}/confirm", digest=house.row(mine)["slip_digest"])
    assert house.row(mine)["state"] == "confirmed"


def test_what_was_disputed_before_a_correction_is_still_read_after_it(
    house: House, browser: Browser, me: str, mine: str
) -> None:
    """One line was corrected, the other answered later: both stand on the new version."""
    for line in ("提成", "绩效工资"):
        browser.send(f"/pay/s/{mine}", f"/pay/s/{mine}/dispute", line=line, text=f"{line}不对")
    d = t.disputes
    with house.db.begin() as conn:
        conn.execute(d.update().where(d.c.line == "绩效工资").values(state="corrected", answered_at=START))
        conn.execute(t.slips.update().where(t.slips.c.token == mine).values(state="replaced"))
    new = house.add(slip(paid=pay(net="9300.00"), run="2026-10.2", replaces=RunId("2026-10.1")), me)
    page = browser.get(f"/pay/s/{new}").text
    assert "已更正，这是第 2 版" in page
    assert "提成不对" in page
    assert "等待人事答复" in page
    assert "确认无误" not in page
    with house.db.begin() as conn:
        left = conn.execute(sa.select(d.c.id).where(d.c.line == "提成")).scalar_one()
        sealed = seal_words(house.vault, TENANT, left, "answer", "那一单在 11 月结算")
        conn.execute(d.update().where(d.c.id == left).values(state="answered", sealed_answer=sealed))
    page = browser.get(f"/pay/s/{new}").text
    assert "那一单在 11 月结算" in page
    assert "确认无误" in page


@pytest.mark.parametrize(
    ("line", "text"), [("没有的行", "x"), ("提成", "  "), ("提成", "长" * 501), ("", "x")]
)
def test_an_incomplete_dispute_changes_nothing(
    house: House, browser: Browser, mine: str, line: str, text: str
) -> None:
    """A line that is not on the payslip, no words, too many words."""
    answer = browser.send(f"/pay/s/{mine}", f"/pay/s/{mine}/dispute", line=line, text=text)
    assert answer.headers["Location"].endswith("?done=incomplete#dispute")
    with house.db.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.disputes)).scalar_one() == 0


def test_one_open_dispute_a_line(house: House, browser: Browser, mine: str) -> None:
    """The second about the same line waits for the first's answer."""
    for text in ("一", "二"):
        answer = browser.send(f"/pay/s/{mine}", f"/pay/s/{mine}/dispute", line="提成", text=text)
    assert "等待答复" in browser.get(answer.headers["Location"]).text
    assert [row["reason"] for row in house.audits("pay.slip_disputed")] == ["disputed", "again"]


def test_a_payslip_recalled_meanwhile_takes_no_decision(house: House, browser: Browser, mine: str) -> None:
    """Between showing and tapping it was recalled: the tap meets the sentence."""
    page = browser.get(f"/pay/s/{mine}")
    form = {"csrf": csrf(page), "digest": house.row(mine)["slip_digest"]}
    with house.db.begin() as conn:
        conn.execute(t.slips.update().values(state="recalled", sealed_slip=None))
    assert browser.post(f"/pay/s/{mine}/confirm", form).status_code == 410
    assert house.row(mine)["evidence"] is None


@pytest.mark.parametrize("path", ["/confirm", "/dispute", "/pdf"])
def test_a_form_from_elsewhere_does_nothing(house: House, browser: Browser, mine: str, path: str) -> None:
    """Without this session's CSRF token every decision is refused and audited."""
    browser.get(f"/pay/s/{mine}")
    for form in ({}, {"csrf": "x"}):
        answer = browser.post(f"/pay/s/{mine}{path}", {**form, "line": "提成", "text": "x", "digest": "x"})
        assert answer.status_code == 403
    assert house.row(mine)["state"] == "read"
    assert len(house.audits("pay.form_refused")) == 2


@pytest.mark.parametrize("path", ["/pay/s/{}/confirm", "/pay/s/{}/dispute", "/pay/sign-out", "/pay/pin/new"])
def test_nothing_changes_by_following_a_link(house: House, browser: Browser, mine: str, path: str) -> None:
    """Decisions are POST only."""
    assert browser.get(path.format(mine)).status_code in {404, 405}
    assert house.row(mine)["state"] == "sent"
