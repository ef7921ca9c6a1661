"""Does the web client freeze? A table of 10,000 rows and a chat of 1,000 cards, opened and scrolled through.

``python -m benchmarks.client_page [--rows 10000] [--cards 1000]``

The peer is the same content drawn whole, as a page without windowing would: one HTML table of all rows, all
cards one under the other. Both run in the same Chromium. A frame is what a person waits for the page to move;
target: no frame over 200 ms in ours.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks.webhook import free_port
from sandbox.chromium import feishu, launched, wait
from sandbox.kernel import Person
from sandbox.server import SandboxServer

LONGEST = 200.0
STEPS = 60

SCROLL = """([selector, steps]) => new Promise((done) => {
  const box = document.querySelector(selector), whole = box.scrollHeight - box.clientHeight;
  let step = 0, before = performance.now(), longest = 0;
  const frame = () => {
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
    step += 1;
    box.scrollTop = whole * (step <= steps ? step : 2 * steps - step) / steps;
    if (step < 2 * steps) requestAnimationFrame(frame); else done(longest);
  };
  requestAnimationFrame(frame);
})"""
"""To the end and back; the longest time between two frames, ms."""

TABLE = """(rows) => new Promise((done) => {
  const began = performance.now(), box = document.createElement("div");
  box.id = "peer";
  box.style = "height:700px;overflow:auto";
  const lines = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  box.innerHTML = `<table>${lines.join("")}</table>`;
  document.body.replaceChildren(box);
  box.scrollHeight;
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""

CARDS = """(cards) => new Promise((done) => {
  const began = performance.now(), box = document.querySelector("#messages");
  box.innerHTML = cards.join("");
  box.scrollHeight;
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person waits for, ms: until there is something to read, and the longest frame in scrolling."""

    opened: float
    longest: float
    elements: int

    def line(self, name: str) -> str:
        """One line of the table."""
        return f"{name:<34}{self.opened:>10.0f}{self.longest:>14.0f}{self.elements:>12}"


def company(rows: int, cards: int) -> tuple[SandboxServer, Person, str, list[list[str]]]:
    """A sandbox with one long table and one long chat."""
    server = SandboxServer(port=free_port())
    server.start()
    world = server.world
    person = next(iter(world.people.values()))
    names = ("计划名称", "店铺", "状态", "负责组")
    fields: list[dict[str, Any]] = [{"field_name": name, "type": 1} for name in names]
    fields += [
        {"field_name": name, "type": 2, "property": {"formatter": "0.00"}} for name in ("消耗", "成交")
    ]
    cells = [
        {"计划名称": f"计划 {n}", "店铺": "悦然旗舰店", "状态": "投放中", "负责组": "抖音组", "消耗": n / 7,
         "成交": n / 2}
        for n in range(rows)
    ]  # fmt: skip
    base = world.bitable.create_base("经营数据")
    table = world.bitable.seed_table(base.token, "计划日报", fields, cells)
    card = json.dumps(long_card())
    with world.lock:
        chat = world.im.p2p(world.default_app, person)
        for _ in range(cards):
            world.im.add(chat, "interactive", card, world.default_app.app_id, "app")
    return server, person, f"{base.token}/{table.id}", [[str(v) for v in row.values()] for row in cells]


def long_card() -> dict[str, Any]:
    """A card as long as an alert: words, two columns, a table, buttons."""
    words = {"tag": "markdown", "content": "**抖音-引流-07** 的 ROI 是 **2.31**，红线 3.00\n消耗 ¥1,280.50"}
    table = {
        "tag": "table",
        "columns": [{"name": "day", "display_name": "日期"}, {"name": "roi", "display_name": "ROI"}],
        "rows": [{"day": f"11-{day:02}", "roi": "2.31"} for day in range(1, 8)],
    }
    buttons = [
        {"tag": "button", "text": {"tag": "plain_text", "content": name},
         "behaviors": [{"type": "callback", "value": {}}]}
        for name in ("调整预算", "知道了")
    ]  # fmt: skip
    title = {"tag": "plain_text", "content": "ROI 跌破红线"}
    return {
        "schema": "2.0",
        "header": {"title": title, "template": "red"},
        "body": {"elements": [words, table, *buttons]},
    }


def opened(page: Page, url: str, ready: str) -> float:
    """Milliseconds from asking for an address until there is something to read."""
    page.goto(url, wait_until="commit")
    wait(page, ready)
    return float(page.evaluate("performance.now()"))


def ours(browser: Browser, url: str, ready: str, selector: str) -> Seen:
    """The client as it is."""
    page = feishu(browser).new_page()
    took = opened(page, url, ready)
    longest = float(page.evaluate(SCROLL, [selector, STEPS]))
    elements = int(page.evaluate("document.querySelectorAll('*').length"))
    page.context.close()
    return Seen(took, longest, elements)


def whole(browser: Browser, url: str, draw: str, given: Any, selector: str) -> Seen:
    """The peer: everything drawn at once in a page that is already open."""
    page = feishu(browser).new_page()
    page.goto(url)
    page.wait_for_selector("#messages")
    took = float(page.evaluate(draw, given))
    longest = float(page.evaluate(SCROLL, [selector, STEPS]))
    elements = int(page.evaluate("document.querySelectorAll('*').length"))
    page.context.close()
    return Seen(took, longest, elements)


def drawn_cards(browser: Browser, home: str, count: int) -> list[str]:
    """So many cards as the sandbox draws them."""
    page = feishu(browser).new_page()
    page.goto(home)
    html: list[str] = page.evaluate(
        """async () => {
          const answer = await fetch(`${location.pathname}/live?chat=&from=0&count=200`);
          return (await answer.json()).messages.map((message) => message.html);
        }"""
    )
    page.context.close()
    return (html * (count // len(html) + 1))[:count]


def main() -> int:
    """Measure, print the table, say whether anything froze."""
    parser = argparse.ArgumentParser(description="the web client with long tables and chats")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--cards", type=int, default=1_000)
    options = parser.parse_args()
    server, person, key, cells = company(options.rows, options.cards)
    home = f"{server.url}/people/{person.open_id}"
    try:
        with launched() as browser:
            grid = ours(browser, f"{home}?tab=bases&table={key}", "!!document.querySelector('#c0-0')", ".g")
            page = feishu(browser).new_page()
            page.goto(home)
            asked = f"/people/{person.open_id}/live?chat=&from=0&count=200"
            html = page.evaluate(
                "async (url) => (await (await fetch(url)).json()).messages.map((m) => m.html)", asked
            )
            page.context.close()
            cards = (html * (options.cards // len(html) + 1))[: options.cards]
            chat = ours(browser, home, "!!document.querySelector('.msg .card')", "#messages")
            table = whole(browser, home, TABLE, cells, "#peer")
            all_cards = whole(browser, home, CARDS, cards, "#messages")
    finally:
        server.stop()
    print(f"{'':<34}{'opened ms':>10}{'longest frame':>14}{'elements':>12}")
    for name, seen in (
        (f"table of {options.rows:,} rows", grid), ("  peer: drawn whole", table),
        (f"chat of {options.cards:,} cards", chat), ("  peer: drawn whole", all_cards),
    ):  # fmt: skip
        print(seen.line(name))
    longest = max(grid.longest, chat.longest)
    met = longest <= LONGEST
    print(f"longest frame {longest:.0f} ms (target <= {LONGEST:.0f}): {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
