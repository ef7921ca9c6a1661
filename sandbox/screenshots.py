"""``make screenshots``: plays the demo and takes the pictures of docs/TOUR.md from it.

Every picture is of the running product and sandbox. Chromium is what CHROMIUM names or PATH holds.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from playwright.sync_api import Browser, Page
from rich.console import Console

from sandbox.chromium import NoBrowserError, feishu, launched, picture, wait
from sandbox.client import until
from sandbox.demo import start
from sandbox.morning import Morning
from sandbox.office import Office
from sandbox.payday import CLOSED, PUSHED, PayDay
from sandbox.stage import HOME, Stage
from sandbox.studio_day import StudioDay

PICTURES = HOME / "docs" / "images" / "tour"
CALM = {
    "pull_ads": "every 5s", "pull_stock": "every 30s", "pull_shops": "every 30s", "check_rules": "every 5s",
}  # fmt: skip
"""Nobody waits for the next figures here, and a busy machine takes its pictures all the same."""

FALL = ("4.6", "4.5", "4.2", "4.3", "3.9", "3.6", "3.4", "2.7")
"""Returns on ad spend, one after the other."""

PARTS = ("gallery", "alerts", "images", "pay")
SEEN = "[...document.querySelectorAll({where!r})].some((e) => e.innerText.includes({words!r}))"
console = Console(width=100)


def shows(words: str, where: str = ".card") -> str:
    """JavaScript: some element of a kind has these words."""
    return SEEN.format(where=where, words=words)


@dataclass
class Tour:
    """The pictures, in the order in which the demo makes them possible.

    Args:
        stage: a running installation.
        office: its people.
        browser: takes the pictures.
    """

    stage: Stage
    office: Office
    browser: Browser

    def __post_init__(self) -> None:
        self.page: Page = feishu(self.browser).new_page()

    def open(self, url: str, ready: str, *, width: int = 1200, height: int = 800) -> None:
        """Go to a page and wait until ``ready`` (JavaScript) holds there; sizes in CSS pixels."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.goto(url)
        wait(self.page, ready)

    def take(self, name: str) -> None:
        """Take one picture."""
        size = picture(self.page, PICTURES / f"{name}.png")
        console.print(f"  {name}.png  [dim]{size / 1000:.0f} KB[/]")

    def person(self, open_id: object, query: str = "") -> str:
        """Somebody's page of the web client."""
        return f"{self.stage.sandbox_url}/people/{open_id}{query}"

    def alerts(self) -> None:
        """An alert, its form, what everybody sees afterwards; the table behind it."""
        morning = Morning(self.office)
        morning.prepare()
        self.falls(morning)
        owner = morning.owner["open_id"]
        self.open(f"{self.stage.sandbox_url}/", "document.querySelectorAll('.tile').length > 5")
        self.take("people")
        self.open(self.person(owner), shows("调整预算"))
        self.take("alert")
        card = self.office.card_about(owner, morning.plan["计划名称"])
        self.office.tap(owner, card.message_id, "调整预算")
        self.open(self.person(owner), shows("新的日预算"))
        self.take("form")
        self.office.tap(owner, card.message_id, "取消")
        morning.budget_changes()
        morning.copies_agree()
        self.open(self.person(owner), shows("已把日预算"))
        self.take("done")
        table = f"{self.office.app_token}/{self.office.tables['计划日报']}"
        page = self.person(morning.chief, f"?tab=bases&table={table}")
        self.open(page, shows("投放中", "main"))
        self.take("table")

    def falls(self, morning: Morning) -> None:
        """The plan earns less and less, until it crosses a red line of 1:3."""
        plan, rule = morning.plan, morning.roi_rule
        self.office.edit(morning.chief, "预警规则", rule, 阈值="1:3")
        for roi in FALL:
            gmv = Decimal(plan["消耗"]) * Decimal(roi)
            self.office.control.post(f"world/ads/plans/{plan['计划ID']}", gmv=float(gmv))
            until(partial(self._earned, str(plan["计划ID"]), gmv), 60, f"the table shows an ROI of {roi}")
        morning.card = self.office.card_about(morning.owner["open_id"], plan["计划名称"], 60)

    def _earned(self, plan: str, gmv: Decimal) -> bool:
        row = self.office.row("计划日报", "计划ID", plan)
        return abs(Decimal(row["成交金额"]) - gmv) < 1

    def pay(self) -> None:
        """A run for HR, an approval, a payslip."""
        payday = PayDay(self.office, command=self.stage.run, seed=self.stage.seed)
        for scene in (payday.defaults, payday.tables, payday.start, payday.mend):
            scene()
        self.open(self.person(payday.hr["open_id"]), shows("待处理异常"), height=1150)
        self.take("payrun")
        payday.settle()
        payday.tap_once_ready(payday.hr, "提交签批")
        signer = until(self._signer, 60, "an approval waits for somebody")
        self.open(self.person(signer, "?tab=tasks"), shows("同意", "button"))
        self.take("approval")
        payday.sign_all(f"{payday.month}.1")
        payday.reaches(PUSHED, CLOSED)
        link = payday.link(payday.reader)
        payday.enter(payday.reader, link)
        cookies = payday.browser(payday.reader).cookies
        self.page.context.add_cookies(
            [{"name": one.name, "value": one.value or "", "url": self.stage.url} for one in cookies]
        )
        self.open(link, shows("实发", "body"), width=420, height=860)
        self.take("payslip")

    def _signer(self) -> str | None:
        waiting = (
            person["open_id"]
            for person in self.office.people
            if self.office.control.get(f"approvals?open_id={person['open_id']}")["instances"]
        )
        return next(waiting, None)

    def images(self) -> None:
        """Variants to choose from, and the page of what was chosen."""
        studio = StudioDay(self.office)
        studio.brand()
        studio.ask_poster()
        operator = studio.operator["open_id"]
        self.open(self.person(operator), shows("定稿第 1 版"))
        self.take("review")
        studio.redo()
        studio.choose_poster()
        self.open(self.person(operator, "?tab=wiki"), "document.querySelectorAll('main img').length > 1")
        self.page.evaluate("document.querySelector('#messages').scrollTop = 0")
        self.take("wiki")

    def gallery(self) -> None:
        """The gallery of cards."""
        self.open(f"{self.stage.sandbox_url}/gallery", "document.querySelectorAll('article').length > 9")
        self.take("gallery")


def main() -> int:
    """Take all pictures, or those of the parts that were named; 0 when every one was taken."""
    parts = sys.argv[1:] or list(PARTS)
    if set(parts) - set(PARTS):
        console.print(f"[red]The parts are {', '.join(PARTS)}[/]")
        return 2
    os.environ.setdefault("SANDBOX_PATIENCE", "5")  # pictures may take their time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped
    stage = Stage(HOME / "var" / "screenshots", schedules=dict(CALM))
    try:
        with launched() as browser:
            tour = Tour(stage, start(stage), browser)
            return sum(not passed(getattr(tour, part)) for part in parts)
    except NoBrowserError as error:
        console.print(f"[red]{error}[/]")
        return 1
    finally:
        stage.stop()


def passed(part: Callable[[], None]) -> bool:
    """Take the pictures of one part; one that fails does not stop the others, and is told."""
    try:
        part()
    except (AssertionError, LookupError, OSError, RuntimeError, TimeoutError) as error:
        console.print(f"[red]{part.__name__}: {error}[/]")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
