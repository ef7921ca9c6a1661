"""Who may open the cockpit: viewer, department, stranger, nobody, cookies of elsewhere."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from payslip import tables as pay
from payslip.pages import PageDeps as PayDeps
from payslip.pages import register_pages as register_pay
from rules.cockpit import tables as t
from rules.cockpit.access import LISTS_GOOD, Right, make_viewers
from rules.cockpit.desk import A_MINUTE, IDLE, LONGEST
from runtime.db import Database
from runtime.vault import Keys, Vault
from sandbox.server import SandboxServer
from tests.rules.cockpit_kit import START, UNIT, Browser, House

pytestmark = pytest.mark.db
PAGES = ("/cockpit", "/cockpit/stock", "/cockpit/shop?shop=x")


@pytest.fixture
def people(sandbox: SandboxServer) -> list[str]:
    """open_ids of the company."""
    return [str(open_id) for open_id in sandbox.world.people]


@pytest.fixture
def house(database: Database, sandbox: SandboxServer, tmp_path: Path, people: list[str]) -> House:
    """The first person and a department may look; the second person is the administrator."""
    return House(database, sandbox, tmp_path, viewers=[people[0], UNIT], admin=people[1])


def refused(browser: Browser) -> bool:
    """Whether every page and the live data are kept from a browser."""
    pages = [browser.get(path) for path in PAGES]
    live = browser.get("/cockpit/live/home")
    return all(page.status_code in {303, 403} and "今日成交" not in page.text for page in pages) and (
        live.status_code in {401, 403} and "parts" not in live.get_json()
    )


def test_named_people_and_the_administrator_may(house: House, people: list[str]) -> None:
    """Signed in, they see it."""
    for who in people[:2]:
        assert "今日成交" in house.signed_in(who).get("/cockpit").text


def test_members_of_a_department_may_and_others_read_why_not(house: House, people: list[str]) -> None:
    """The worker's list decides; a stranger gets no session, a clear page, and an audit row."""
    house.listed(people[2])
    assert "今日成交" in house.signed_in(people[2]).get("/cockpit").text
    browser = house.browser()
    answer = browser.sign_in(people[3])
    assert answer.status_code == 403
    assert "没有权限" in answer.text
    assert browser.cookie() == ""
    assert refused(browser)
    assert [row.actor for row in house.audits("cockpit.refused")] == [people[3]]


def test_a_list_nobody_read_or_an_old_one_lets_nobody_in(house: House, people: list[str]) -> None:
    """Who belongs to a department is then unknown, and the page says so."""
    assert "暂时不能确认权限" in house.browser().sign_in(people[2]).text
    house.listed(people[2], at=START - LISTS_GOOD)
    assert "暂时不能确认权限" in house.browser().sign_in(people[2]).text
    house.listed(people[2], at=START - LISTS_GOOD + timedelta(seconds=1))
    assert house.browser().sign_in(people[2]).status_code == 303


def test_the_right_is_read_at_every_request(house: House, people: list[str]) -> None:
    """Who leaves the department is out with the next list, in the middle of a session."""
    house.listed(people[2])
    browser = house.signed_in(people[2])
    assert browser.get("/cockpit").status_code == 200
    house.listed(people[4])
    assert browser.get("/cockpit").status_code == 403
    assert browser.get("/cockpit/live/home").status_code == 403


def test_without_a_session_there_is_only_the_way_in(house: House) -> None:
    """Pages lead to the sign-in and back; live data is a plain no."""
    browser = house.browser()
    assert refused(browser)
    assert browser.get("/cockpit/stock").headers["Location"] == "/cockpit/sign-in?goal=%2Fcockpit%2Fstock"


def test_a_session_ends_idle_and_at_last(house: House, people: list[str]) -> None:
    """Two hours without a request; twelve hours whatever one does."""
    browser = house.signed_in(people[0])
    house.clock.advance(IDLE)
    assert refused(browser)
    busy = house.signed_in(people[0])
    for _ in range(7):
        house.clock.advance(IDLE - timedelta(minutes=10))
        house.listed(people[2])
        alive = busy.get("/cockpit").status_code == 200
    assert (alive, LONGEST) == (False, timedelta(hours=12))


def test_a_cookie_in_another_browser_is_no_session(house: House, people: list[str]) -> None:
    """A stolen cookie is bound to the browser it was given to, and a made-up one opens nothing."""
    cookie = house.signed_in(people[0]).cookie()
    thief = Browser(house.app.test_client(), agent="curl/8")
    thief.client.set_cookie("chorus_cockpit", cookie)
    assert refused(thief)
    thief.client.set_cookie("chorus_cockpit", "x" * 43)
    assert refused(thief)


def test_sessions_of_pay_and_cockpit_open_nothing_of_each_other(house: House, people: list[str]) -> None:
    """Whichever name a cookie is put under: the two keep their sessions apart."""
    vault = Vault(Keys({"k1": bytes(range(32))}))
    floor = house.floor
    register_pay(
        house.app,
        PayDeps(
            house.db, floor.queue, house.clock, vault, floor.settings, "t", "悦然", "", lambda _who: False
        ),
    )
    browser = house.browser()
    authorize = browser.get("/pay/sign-in", query_string={"goal": "/pay"}).headers["Location"]
    browser.get(browser.consent(authorize, people[0]))
    with house.db.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(pay.sessions)).scalar_one() == 1
    paid = browser.cookie("chorus_pay")
    assert paid
    assert refused(browser)
    browser.client.set_cookie("chorus_cockpit", paid)
    assert refused(browser)
    mine = house.signed_in(people[0])
    mine.client.set_cookie("chorus_pay", mine.cookie())
    assert mine.get("/cockpit").status_code == 200
    assert mine.get("/pay").headers["Location"].startswith("/pay/sign-in")


def test_a_callback_of_pay_is_no_callback_of_the_cockpit(house: House, people: list[str]) -> None:
    """A state is taken by the pages that gave it, once, in the browser that began."""
    browser = house.browser()
    callback = browser.consent(browser.begin(), people[0])
    stranger = house.browser()
    assert stranger.get(callback).status_code == 400
    assert browser.get(callback).status_code == 303
    assert browser.get(callback).status_code == 400


@pytest.mark.parametrize(
    "goal",
    ["https://evil.example", "//evil.example", "/cockpit/../pay", "/pay", "\\evil", "/cockpitx",
     "javascript:1", "/cockpit//evil.example"],
)  # fmt: skip
def test_nobody_is_led_elsewhere(house: House, people: list[str], goal: str) -> None:
    """A goal outside the cockpit is not gone to."""
    assert house.browser().sign_in(people[0], goal).headers["Location"] == "/cockpit"


def test_a_goal_inside_is_gone_to(house: House, people: list[str]) -> None:
    """A link to a shop is where one arrives, Chinese name and all."""
    goal = "/cockpit/shop?shop=%E6%97%97%E8%88%B0%E5%BA%97&days=7"
    browser = house.browser()
    asked = browser.get(goal).headers["Location"]
    assert browser.sign_in(people[0], goal).headers["Location"] == goal
    assert asked.endswith("days%3D7")


def test_cookies_are_kept_from_scripts_and_other_sites(
    database: Database, sandbox: SandboxServer, tmp_path: Path, people: list[str]
) -> None:
    """HttpOnly, SameSite, and with https Secure and bound to our host."""
    safe = House(database, sandbox, tmp_path, viewers=[people[0]], public_url="https://chorus.example.com")
    sandbox.world.oauth.redirect_uris.add("https://chorus.example.com/cockpit/callback")
    browser = Browser(safe.app.test_client())
    started = browser.client.get("/cockpit/sign-in", base_url="https://chorus.example.com")
    assert "HttpOnly" in started.headers["Set-Cookie"]
    callback = browser.consent(started.headers["Location"], people[0])
    answer = browser.client.get(callback, base_url="https://chorus.example.com")
    cookie = next(each for each in answer.headers.getlist("Set-Cookie") if "chorus_cockpit" in each)
    assert cookie.startswith("__Host-chorus_cockpit=")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_signing_out_needs_the_page_and_ends_the_session(house: House, people: list[str]) -> None:
    """A form from elsewhere signs nobody out; afterwards a copy of the cookie is worth nothing."""
    browser = house.signed_in(people[0])
    cookie = browser.cookie()
    assert browser.post("/cockpit/sign-out", {"csrf": "guess"}).status_code == 403
    assert browser.get("/cockpit").status_code == 200
    with house.db.read() as conn:
        csrf = conn.execute(sa.select(t.sessions.c.csrf)).scalar_one()
    assert browser.post("/cockpit/sign-out", {"csrf": csrf}).headers["Location"] == "/cockpit/bye"
    copy = house.browser()
    copy.client.set_cookie("chorus_cockpit", cookie)
    assert refused(copy)


def test_who_asks_too_often_is_told_to_wait(house: House, people: list[str]) -> None:
    """A session has two requests a second on the average of a minute; an address half a sign-in."""
    browser = house.signed_in(people[0])
    for _ in range(A_MINUTE):
        browser.get("/cockpit/live/what")
    assert browser.get("/cockpit/live/home").status_code == 429
    assert browser.get("/cockpit").status_code == 429
    house.clock.advance(60)
    assert browser.get("/cockpit").status_code == 200
    door = [house.browser().get("/cockpit/sign-in").status_code for _ in range(A_MINUTE // 4 + 1)]
    assert (door[0], door[-1]) == (302, 429)


def test_a_dump_of_the_database_opens_no_session(house: House, people: list[str]) -> None:
    """Only the cookie's digest is stored."""
    cookie = house.signed_in(people[0]).cookie()
    with house.db.read() as conn:
        row = conn.execute(sa.select(t.sessions)).mappings().one()
    assert cookie not in [str(value) for value in row.values()]
    thief = house.browser()
    thief.client.set_cookie("chorus_cockpit", row["id"])
    assert refused(thief)


def test_rights_are_a_table(database: Database) -> None:
    """Nobody named, nobody may; the administrator always; a department only with a list."""
    with database.read() as conn:
        assert make_viewers((), None).right(conn, "ou_a", START) is Right.NO
        assert make_viewers((), "ou_a").right(conn, "ou_a", START) is Right.YES
        assert make_viewers(("ou_b",), "ou_a").right(conn, "ou_c", START) is Right.NO
        assert make_viewers(("ou_b", UNIT), None).right(conn, "ou_b", START) is Right.YES
        assert make_viewers((UNIT,), None).right(conn, "ou_b", START) is Right.UNSURE
