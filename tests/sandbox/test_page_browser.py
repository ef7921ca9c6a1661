"""The web client in a real browser: what HTTP alone cannot show. Skipped where there is no Chromium."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.kernel import Person
from sandbox.server import SandboxServer
from tests.support.browser import CHROMIUM, Browser

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium here; name one with CHROMIUM")
EVIL = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of the file."""
    with Browser(tmp_path_factory.mktemp("chromium")) as made:
        yield made


def sheet(sandbox: SandboxServer, count: int) -> tuple[str, Any]:
    """A table whose cells try to be markup; the address of its grid, and the table."""
    number = {"field_name": "数量", "type": 2, "property": {"formatter": "0"}}
    fields: list[dict[str, Any]] = [{"field_name": "名称", "type": 1}, number]
    base = sandbox.world.bitable.create_base("经营数据")
    rows = [{"名称": f"{EVIL} {n}", "数量": n} for n in range(count)]
    table = sandbox.world.bitable.seed_table(base.token, "台账", fields, rows)
    person: Person = next(iter(sandbox.world.people.values()))
    return f"{sandbox.url}/people/{person.open_id}?tab=bases&table={base.token}/{table.id}", table


def cell(row: int, column: int) -> str:
    """The text of a cell, as an expression."""
    return f'document.querySelector("#c{row}-{column}")?.textContent'


def test_a_cell_is_edited_by_keyboard_and_a_wrong_number_stays_open(
    sandbox: SandboxServer, browser: Browser
) -> None:
    """Typing replaces, Enter saves and moves down; what is no number is said there, Esc gives up."""
    browser.errors.clear()
    url, table = sheet(sandbox, 3)
    browser.open(url, cell(2, 1))
    assert browser.js(cell(0, 0)) == f"{EVIL} 0"
    browser.js('document.querySelector(".g").focus()')
    browser.write("新品")
    browser.press("Enter")
    browser.wait(f'{cell(0, 0)} === "新品"')
    first = next(iter(table.live()))
    assert first.cells[table.primary.id] == "新品"
    assert browser.js('document.querySelector(".g").getAttribute("aria-activedescendant")') == "c1-0"
    browser.press("ArrowRight")
    browser.write("12a")
    browser.press("Enter")
    browser.wait('document.querySelector(".g-edit .fault").textContent.includes("数字")')
    browser.press("Escape")
    browser.wait('!document.querySelector(".g-edit")')
    assert [record.cells[table.field_named("数量").id] for record in table.live()] == [0, 1, 2]
    assert (browser.js("document.title") == "1", browser.errors) == (False, [])


def test_ten_thousand_rows_are_a_screenful_of_elements(sandbox: SandboxServer, browser: Browser) -> None:
    """Any place of a long table is drawn with few elements; an edit by somebody else appears by itself."""
    url, table = sheet(sandbox, 10_000)
    browser.open(url, cell(0, 1))
    browser.js('document.querySelector(".g").scrollTop = 1e9')
    browser.wait(f'{cell(9_999, 1)} === "9999"')
    assert browser.js('document.querySelectorAll(".g-row").length') < 60
    last = list(table.live())[-1]
    place = table.id, last.id, {"数量": 7}
    base = next(b for b in sandbox.world.bitable.bases.values() if table.id in b.tables)
    sandbox.world.bitable.edit_as(next(iter(sandbox.world.people)), base.token, *place)
    browser.wait(f'{cell(9_999, 1)} === "7"')


def test_a_long_chat_keeps_few_messages_and_what_was_typed(sandbox: SandboxServer, browser: Browser) -> None:
    """Older messages come, newer ones go; a half-filled form is still filled when one returns to it."""
    browser.errors.clear()
    person = next(iter(sandbox.world.people.values()))
    ok = {
        "tag": "button",
        "name": "ok",
        "text": {"tag": "plain_text", "content": EVIL},
        "form_action_type": "submit",
    }
    form = {"tag": "form", "name": "f", "elements": [{"tag": "input", "name": "amount"}, ok]}
    card = json.dumps({"schema": "2.0", "body": {"elements": [form]}})
    app = sandbox.world.default_app
    with sandbox.world.lock:
        chat = sandbox.world.im.p2p(app, person)
        for _ in range(300):
            sandbox.world.im.add(chat, "interactive", card, app.app_id, "app")
    said = sandbox.world.im.by_chat[chat.chat_id]
    browser.open(
        f"{sandbox.url}/people/{person.open_id}", f'document.getElementById("{said[-1].message_id}")'
    )
    browser.js(f"""document.querySelector("#{said[-1].message_id} [name=amount]").value = "800" """)
    up = '(() => { document.querySelector("#messages").scrollTop -= 2000; })()'
    browser.wait(f'({up}, document.getElementById("{said[0].message_id}"))')
    assert browser.js('document.querySelectorAll(".msg").length') <= 120
    assert browser.js(f'document.getElementById("{said[-1].message_id}")') is None
    browser.js('document.querySelector("#newest").click()')
    browser.wait(f'document.getElementById("{said[-1].message_id}")')
    assert browser.js(f'document.querySelector("#{said[-1].message_id} [name=amount]").value') == "800"
    assert (browser.js("document.title") == "1", browser.errors) == (False, [])
