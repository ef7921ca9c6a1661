"""What somebody tries against our pages in a real browser: no door, foreign frames, forged forms, markup."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.client import until
from sandbox.office import Office
from sandbox.payday import PayDay
from tests.scenario.house import House
from tests.support.browser import Seat

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

EVIL_HOST = "http://evil.test"
NEIGHBOUR = "http://127.0.0.1:9"
"""Another port of the same host: browsers call that the same site, and send cookies along."""
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


def lures(seat: Seat, host: str, html: str) -> Page:
    """The victim opens a page of the attacker's on a host; nothing is really sent there."""
    seat.context.route(f"{host}/**", lambda route: route.fulfill(content_type="text/html", body=html))
    seat.page.goto(f"{host}/win")
    return seat.page


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


def test_a_payslip_link_is_a_door_without_sign_in(
    played: PayDay, chromium: Browser, seat: Seat, victim: dict[str, Any]
) -> None:
    """The link of the card alone shows neither amount nor name."""
    page = seat.page
    answer = page.request.get(played.link(victim), max_redirects=0)
    assert (answer.status, answer.headers["location"].startswith(f"{seat.url}/open-apis/authen/")) == (
        302,
        True,
    )
    outside = chromium.new_page()
    outside.goto(played.link(victim))
    expect(outside.get_by_role("link", name="用飞书账号登录")).to_be_visible()
    assert victim["name"] not in outside.content()
    assert played.net(victim) not in outside.content()
    outside.close()


@pytest.mark.parametrize("where", ["pay", "cockpit", "client"])
def test_no_foreign_page_may_frame_ours(demo_house: House, seat: Seat, where: str) -> None:
    """The browser refuses to draw our page inside another one, and says which rule forbids it."""
    stage = demo_house.stage
    url = {"pay": f"{stage.url}/pay", "cockpit": f"{stage.url}/cockpit", "client": f"{stage.sandbox_url}/"}[
        where
    ]
    with seat.page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page = lures(seat, NEIGHBOUR, f'<iframe src="{url}" width=800 height=600></iframe>')
    assert [frame.url for frame in page.frames[1:] if not frame.url.startswith("chrome-error:")] == []


@pytest.mark.parametrize("host", [EVIL_HOST, NEIGHBOUR])
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
        lures(seat, host, html).get_by_role("button", name="领奖").click()
        seat.page.wait_for_url(lambda url: not url.startswith(host))
        seat.context.unroute_all()
    states = demo_house.sql(
        "SELECT state FROM pay_slips WHERE open_id = ? AND state <> 'replaced'", victim["open_id"]
    )
    assert [row["state"] for row in states] == ["read"]
    assert "伪造的异议" not in played.browser(victim).look(link).text


@pytest.mark.parametrize("prefix", ["/pay", "/cockpit"])
@pytest.mark.parametrize(
    "goal",
    ["https://evil.test/", "//evil.test/", "/\\evil.test", "/pay/..//evil.test", "javascript:alert(1)"],
)
def test_a_sign_in_leads_nowhere_else(demo_house: House, seat: Seat, prefix: str, goal: str) -> None:
    """Whatever goal stands in the address, one ends on our own page."""
    seat.context.route(f"{EVIL_HOST}/**", lambda route: route.fulfill(body="caught"))
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
        until(lambda: page.reload() and page.get_by_text(evil).count(), 60, "the plan has its new name")
        assert page.locator("img[onerror]").count() == 0
        assert (page.title() == "1", taken.errors) == (False, [])
    office.control.post(f"world/ads/plans/{row['计划ID']}", name=str(row["计划名称"]))
