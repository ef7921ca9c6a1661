"""What somebody tries against our pages in a real browser: no door, foreign frames, forged forms, markup."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.client import until
from sandbox.office import Office
from sandbox.payday import PayDay
from tests.feishu.tiny_server import tiny_server
from tests.scenario.house import House
from tests.support.browser import Seat

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

NEIGHBOUR, STRANGER = "127.0.0.1", "localhost"
"""Another port of our host, which browsers call the same site and send cookies along; and another site."""
HTML = {"Content-Type": "text/html; charset=utf-8"}
PIN = "264907"
GOALS = (
    "https://evil.test/",
    "//evil.test/",
    "/\\evil.test",
    "/pay/..//evil.test",
    "javascript:alert(1)",
)


@pytest.fixture(scope="module")
def victim(played: PayDay) -> dict[str, Any]:
    """An employee whose payslip nobody else of these tests looks at."""
    return played.office.person("采购部", 2)


@pytest.fixture
def seat(demo_house: House, chromium: Browser, victim: dict[str, Any]) -> Iterator[Seat]:
    """The victim's window."""
    with Seat.taken(chromium, demo_house.stage.sandbox_url, victim) as taken:
        yield taken


@contextmanager
def lured(seat: Seat, host: str, html: str) -> Iterator[Page]:
    """The victim has opened a page of the attacker's, who has a server of their own."""
    with tiny_server(lambda _asked: (200, HTML, html.encode())) as server:
        seat.page.goto(server.url.replace("127.0.0.1", host))
        yield seat.page


def reads(seat: Seat, link: str) -> Page:
    """The victim opens the payslip: signs in, chooses a PIN or gives it."""
    page = seat.page
    page.goto(link)
    page.get_by_role("button", name=seat.name).click()
    page.locator("#pin").fill(PIN)
    if page.locator("#again").count():
        page.locator("#again").fill(PIN)
        page.get_by_role("button", name="保存").click()
    expect(page.locator(".hero strong.amount")).to_be_visible()
    return page


@pytest.mark.parametrize(
    "path", ["/pay", "/pay/pin/change", "/pay/files/AAAA", "/pay/d/AAAA", "/cockpit", "/cockpit/stock"]
)
def test_no_page_opens_without_sign_in(demo_house: House, seat: Seat, path: str) -> None:
    """A stranger is asked by Feishu who they are, whatever they ask for."""
    page = seat.page
    page.goto(f"{demo_house.stage.url}{path}")
    expect(page.get_by_role("button", name=seat.name)).to_be_visible()
    assert page.locator(".hero, .kpi, .line").count() == 0


def test_a_payslip_link_is_a_door_without_sign_in(played: PayDay, seat: Seat, victim: dict[str, Any]) -> None:
    """The link of the card alone leads to the sign-in and tells neither amount nor name."""
    answer = seat.page.request.get(played.link(victim), max_redirects=0)
    assert (answer.status, answer.headers["location"].partition("?")[0]) == (303, "/pay/sign-in")
    assert victim["name"] not in answer.text()
    assert played.net(victim) not in answer.text()


@pytest.mark.parametrize("where", ["pay", "cockpit", "client", "consent"])
def test_no_foreign_page_may_frame_ours(
    played: PayDay, demo_house: House, seat: Seat, victim: dict[str, Any], where: str
) -> None:
    """The browser refuses to draw our page inside another one, beside one of ours that may be framed."""
    stage, link = demo_house.stage, played.link(victim)
    if where == "pay":
        reads(seat, link)
    pages = {"cockpit": f"{stage.url}/cockpit/bye", "client": seat.url, "consent": f"{stage.url}/cockpit"}
    url = pages.get(where, link)
    allowed = f"{stage.url}/healthz"
    framed = "".join(f'<iframe src="{each}" width=800 height=300></iframe>' for each in (url, allowed))
    with lured(seat, NEIGHBOUR, framed) as page:
        shown = [frame.url for frame in page.frames[1:]]
    assert sorted(shown) == ["chrome-error://chromewebdata/", allowed]


@pytest.mark.parametrize("host", [STRANGER, NEIGHBOUR])
def test_a_forged_form_changes_nothing(
    played: PayDay, demo_house: House, seat: Seat, victim: dict[str, Any], host: str
) -> None:
    """Confirming and disputing need the token of the page; a foreign form has none, cookies or not."""
    link = played.link(victim)
    page = reads(seat, link)
    digest = page.locator('input[name="digest"]').input_value()
    for path, fields in (
        ("confirm", {"digest": digest}),
        ("dispute", {"line": "整张工资条", "text": "伪造的异议"}),
    ):
        inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
        html = f'<form method="post" action="{link}/{path}">{inputs}<button>领奖</button></form>'
        with lured(seat, host, html) as page:
            page.get_by_role("button", name="领奖").click()
            page.wait_for_url(lambda url: "/pay/" in url or "/authen/" in url)
    query = "SELECT state FROM pay_slips WHERE open_id = :open_id AND state <> 'replaced'"
    states = demo_house.ledger.rows(query, open_id=victim["open_id"])
    assert [row["state"] for row in states] == ["read"]
    assert "伪造的异议" not in played.browser(victim).look(link).text


@pytest.mark.parametrize("prefix", ["/pay", "/cockpit"])
@pytest.mark.parametrize(
    "goal",
    ["https://evil.test/", "//evil.test/", "/\\evil.test", "/pay/..//evil.test", "javascript:alert(1)"],
)
def test_a_sign_in_leads_nowhere_else(demo_house: House, seat: Seat, prefix: str, goal: str) -> None:
    """Whatever goal stands in the address, one ends on our own page."""
    page = seat.page
    page.goto(f"{demo_house.stage.url}{prefix}/sign-in?goal={goal}")
    page.get_by_role("button", name=seat.name).click()
    page.wait_for_url(f"{demo_house.stage.url}{prefix}**")


def test_the_names_on_the_cockpit_are_words(demo_house: House, chromium: Browser) -> None:
    """A plan called like an element is a word on the page that everybody looks at."""
    office, evil = Office(demo_house.control), '<img src=x onerror="document.title=1">计划'
    boss = office.person("总经办")
    row = next(row for row in office.rows("计划日报") if float(row.get("消耗") or 0) > 0)
    office.control.post(f"world/ads/plans/{row['计划ID']}", name=evil)
    shown = demo_house.stage.url
    with Seat.taken(chromium, demo_house.stage.sandbox_url, boss) as taken:
        page = taken.page
        page.goto(f"{shown}/cockpit/shop?shop={row['店铺']}")
        page.get_by_role("button", name=taken.name).click()
        page.wait_for_url(f"{shown}/cockpit/**")
        until(lambda: page.reload() and page.get_by_text(evil).count(), 60, "the plan has its new name")
        assert page.locator("img[onerror]").count() == 0
        assert (page.title() == "1", taken.errors) == (False, [])
    office.control.post(f"world/ads/plans/{row['计划ID']}", name=str(row["计划名称"]))
