"""The web client in a real browser: what HTTP alone cannot show."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.kernel import Person
from sandbox.server import SandboxServer
from tests.support.browser import Seat

EVIL = '<img src=x onerror="document.title=1">'


@pytest.fixture
def person(sandbox: SandboxServer) -> Person:
    """Somebody of the company."""
    return next(iter(sandbox.world.people.values()))


@pytest.fixture
def seat(sandbox: SandboxServer, chromium: Browser, person: Person) -> Iterator[Seat]:
    """That person's window; whatever happens there, no script fails and nothing is refused."""
    told = {"name": person.name, "open_id": person.open_id}
    with Seat.taken(chromium, sandbox.url, told) as taken:
        yield taken
        assert (taken.page.title() == "1", taken.errors) == (False, [])


def sheet(sandbox: SandboxServer, count: int) -> tuple[str, Any]:
    """A table whose cells try to be markup: its key in the client, and the table."""
    number = {"field_name": "数量", "type": 2, "property": {"formatter": "0"}}
    fields: list[dict[str, Any]] = [{"field_name": "名称", "type": 1}, number]
    base = sandbox.world.bitable.create_base("经营数据")
    rows = [{"名称": f"{EVIL} {n}", "数量": n} for n in range(count)]
    table = sandbox.world.bitable.seed_table(base.token, "台账", fields, rows)
    return f"{base.token}/{table.id}", table


def test_a_cell_is_edited_by_keyboard_and_a_wrong_number_stays_open(
    sandbox: SandboxServer, seat: Seat
) -> None:
    """Enter edits, saves and moves down, typing replaces; a wrong number is said there, Esc gives up."""
    key, table = sheet(sandbox, 3)
    page = seat.opens("bases", table=key)
    expect(page.locator("#c2-1")).to_have_text("2")
    expect(page.locator("#c0-0")).to_have_text(f"{EVIL} 0")
    page.locator(".g").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("新品")
    page.keyboard.press("Enter")
    expect(page.locator("#c0-0")).to_have_text("新品")
    first = next(iter(table.live()))
    assert first.cells[table.primary.id] == "新品"
    expect(page.locator(".g")).to_have_attribute("aria-activedescendant", "c1-0")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("12a")
    page.keyboard.press("Enter")
    expect(page.locator(".g-edit .fault")).to_contain_text("数字")
    page.keyboard.press("Escape")
    expect(page.locator(".g-edit")).to_have_count(0)
    assert [record.cells[table.field_named("数量").id] for record in table.live()] == [0, 1, 2]


def test_an_ime_begins_the_edit_with_its_first_letter(sandbox: SandboxServer, seat: Seat) -> None:
    """What is composed at a chosen cell stands over it and becomes the edit; nothing is lost or left raw."""
    key, table = sheet(sandbox, 2)
    page = seat.opens("bases", table=key)
    expect(page.locator("#c1-1")).to_have_text("1")
    page.locator(".g").focus()
    page.keyboard.press("ArrowDown")
    hand = page.context.new_cdp_session(page)
    for letters in ("x", "xi", "xin"):
        hand.send("Input.imeSetComposition", {"text": letters, "selectionStart": 3, "selectionEnd": 3})
    expect(page.locator(".g-ear.on")).to_have_value("xin")
    hand.send("Input.insertText", {"text": "新"})
    expect(page.locator(".g-edit textarea")).to_have_value("新")
    hand.send("Input.insertText", {"text": "品"})
    page.keyboard.press("Enter")
    expect(page.locator("#c1-0")).to_have_text("新品")
    assert [record.cells[table.primary.id] for record in table.live()] == [f"{EVIL} 0", "新品"]


def test_signing_in_proposes_whose_feishu_it_is(sandbox: SandboxServer, seat: Seat, person: Person) -> None:
    """As in Feishu, who opens a page of an app is known; one tap consents, and another can be chosen."""
    page = seat.opens()
    back = f"{sandbox.url}/gallery"
    asked = urlencode({"client_id": sandbox.world.default_app.app_id, "redirect_uri": back})
    page.goto(f"{sandbox.url}/open-apis/authen/v1/authorize?{asked}")
    other = list(sandbox.world.people.values())[1]
    expect(page.get_by_role("button", name=other.name)).to_be_hidden()
    page.get_by_text("换一个人").click()
    expect(page.get_by_role("button", name=other.name)).to_be_visible()
    page.get_by_role("button", name="同意并登录").click()
    page.wait_for_url(f"{back}?code=*")
    code = parse_qs(urlsplit(page.url).query)["code"][0]
    assert sandbox.world.oauth.codes[code].open_id == person.open_id


def test_ten_thousand_rows_are_a_screenful_of_elements(sandbox: SandboxServer, seat: Seat) -> None:
    """Any place of a long table is drawn with few elements; an edit by somebody else appears by itself."""
    key, table = sheet(sandbox, 10_000)
    page = seat.opens("bases", table=key)
    expect(page.locator("#c0-1")).to_have_text("0")
    page.locator(".g").evaluate("grid => { grid.scrollTop = 1e9; }")
    expect(page.locator("#c9999-1")).to_have_text("9999")
    assert page.locator(".g-row").count() < 60
    last = list(table.live())[-1]
    base = next(b for b in sandbox.world.bitable.bases.values() if table.id in b.tables)
    sandbox.world.bitable.edit_as(seat.open_id, base.token, table.id, last.id, {"数量": 7})
    expect(page.locator("#c9999-1")).to_have_text("7")


def form_card() -> str:
    """A card with a form whose words try to be markup."""
    ok = {
        "tag": "button",
        "name": "ok",
        "text": {"tag": "plain_text", "content": EVIL},
        "form_action_type": "submit",
    }
    form = {"tag": "form", "name": "f", "elements": [{"tag": "input", "name": "amount"}, ok]}
    return json.dumps({"schema": "2.0", "body": {"elements": [form]}})


def test_a_long_chat_keeps_few_messages_and_what_was_typed(
    sandbox: SandboxServer, seat: Seat, person: Person
) -> None:
    """Older messages come, newer ones go; a half-filled form is still filled when one returns to it."""
    app = sandbox.world.default_app
    with sandbox.world.lock:
        chat = sandbox.world.im.p2p(app, person)
        for _ in range(1000):
            sandbox.world.im.add(chat, "interactive", form_card(), app.app_id, "app")
    said = sandbox.world.im.by_chat[chat.chat_id]
    page = seat.opens()
    field = page.locator(f"#{said[-1].message_id} [name=amount]")
    field.fill("800")
    while page.locator(f"#{said[-130].message_id}").count() == 0:
        page.locator("#messages").evaluate("box => { box.scrollTop -= 2000; }")
        page.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.locator(".msg").count() <= 120
    assert page.locator(f"#{said[-1].message_id}").count() == 0
    page.locator("#newest").click()
    expect(field).to_have_value("800")


def broken_out(page: Page) -> bool:
    """Whether any of the words became an element."""
    return bool(page.locator("img[onerror], script:not([src])").count())


@pytest.mark.parametrize("tab", ["chats", "tasks", "wiki"])
def test_words_of_others_are_never_markup(
    sandbox: SandboxServer, seat: Seat, person: Person, tab: str
) -> None:
    """Names, chats, texts, card markdown, links and file names of a hostile colleague stay words."""
    app, world = sandbox.world.default_app, sandbox.world
    person.name = EVIL
    link = {"tag": "markdown", "content": f"[点这里](javascript:document.title=1) {EVIL} <script>1</script>"}
    card = {
        "schema": "2.0",
        "header": {"title": {"tag": "plain_text", "content": EVIL}},
        "body": {"elements": [link]},
    }
    with world.lock:
        chat = world.im.p2p(app, person)
        chat.name = EVIL
        world.im.add(chat, "text", json.dumps({"text": EVIL}), app.app_id, "app")
        world.im.add(chat, "interactive", json.dumps(card), app.app_id, "app")
    page = seat.opens(tab)
    expect(page.locator("aside.side header")).to_contain_text(EVIL)
    if tab == "chats":
        expect(seat.card("点这里")).to_be_visible()
        assert page.locator('a[href^="javascript:"]').count() == 0
    assert not broken_out(page)
    page.goto(sandbox.url)
    expect(page.get_by_text(EVIL).first).to_be_visible()
    assert not broken_out(page)
