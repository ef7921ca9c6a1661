"""What the people of a pay day do and look at: the run's card, the approval centre, payslips, rows, files."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from openpyxl import load_workbook

from sandbox.client import until
from sandbox.office import Office, Seen, walk
from sandbox.payday_browser import Browser, Page, card_links
from sandbox.payday_data import last_month
from sandbox.scenes import check

PATIENCE = 120.0
PIN = "739164"
MONEY = ("应发合计", "社保公积金（个人）", "个人所得税", "实发工资", "单位成本")
Someone = Mapping[str, Any]


@dataclass
class Desk:
    """One month at one company.

    Args:
        office: the company at work.
    """

    office: Office
    browsers: dict[str, Browser] = field(default_factory=dict)
    run_message: str = ""

    def __post_init__(self) -> None:
        office = self.office
        self.hr_head, self.hr, self.hr_second = (office.person("人事部", place) for place in range(3))
        self.finance_head, self.cashier = (office.person("财务部", place) for place in range(2))
        self.reader = office.person("设计部", 2)
        self.objector = office.person("运营部/天猫组", 3)
        self.colleague = office.person("客服部", 1)
        self.month = last_month(office)
        self.words = f"{self.month[:4]} 年 {int(self.month[5:])} 月"

    # --- the run's card ---

    def card(self) -> Seen:
        """The run's card in HR's chat as it is now."""
        for card in self.office.cards(self.hr["open_id"]):
            if card.message_id == self.run_message:
                return card
        raise LookupError("there is no card of a run, so there is nothing to look at")

    def tap(self, who: Someone, text: str) -> dict[str, Any]:
        """A person taps a button of the run's card; what they are told must be good news."""
        sent = self.office.tap(who["open_id"], self.run_message, text)
        check((sent.get("toast") or {}).get("type") == "success", f"the answer was {sent}")
        return sent

    def tap_once_ready(self, who: Someone, text: str, patience: float = PATIENCE) -> None:
        """Tap until the answer is good news: something typed a moment ago may still be computed."""

        def look() -> bool:
            sent = self.office.tap(who["open_id"], self.run_message, text)
            return (sent.get("toast") or {}).get("type") == "success"

        until(look, patience, f"{text} is accepted")

    def reaches(self, *states: str, without: str = "") -> Seen:
        """Wait until the run's card is in one of these states and does not say ``without``."""

        def look() -> Seen | None:
            card = self.card()
            right = state_of(card) in states and not (without and without in card.text)
            return card if right else None

        return until(look, PATIENCE, f"the run is {' or '.join(states)}")

    # --- the approval centre ---

    def forms(self, run: str) -> dict[str, dict[str, Any]]:
        """What stands in the approvals of a run, by part; with ``instance`` as the platform has it."""
        found = {}
        for instance in self.office.control.get("approvals")["instances"]:
            if instance["status"] in ("PENDING", "APPROVED"):
                values = {w["id"].removeprefix("widget_"): w["value"] for w in json.loads(instance["form"])}
                if values.get("run") == run:
                    part = str(values["part"]).partition("（")[0]
                    found[part] = values | {"instance": instance}
        return found

    def sign_all(self, run: str) -> dict[str, dict[str, Any]]:
        """Everybody asked signs, one after the other as the platform asks them; the forms."""
        until(lambda: self._complete(self.forms(run)), PATIENCE, f"the approvals of {run} are started")
        while waiting := self._waiting(run):
            for open_id in waiting:
                self.office.sign(open_id, comment="同意")
        return self.forms(run)

    def _waiting(self, run: str) -> list[str]:
        tasks = [t for form in self.forms(run).values() for t in form["instance"]["task_list"]]
        return sorted({str(task["open_id"]) for task in tasks if task["status"] == "PENDING"})

    @staticmethod
    def _complete(forms: Mapping[str, Mapping[str, Any]]) -> bool:
        whole = forms.get("全公司")
        parts = sum(int(form["headcount"]) for part, form in forms.items() if part != "全公司")
        return whole is not None and parts == int(whole["headcount"])

    # --- payslips ---

    def slips(self) -> dict[str, list[Seen]]:
        """The cards about this month's payslip, by whose chat they stand in, oldest first."""
        found: dict[str, list[Seen]] = {}
        for person in self.office.people:
            cards = self.office.cards(str(person["open_id"]))
            mine = [card for card in cards if card.title == f"{self.words} 工资条"]
            if mine:
                found[str(person["open_id"])] = mine
        return found

    def link(self, who: Someone) -> str:
        """The address on the newest card."""
        cards = self.slips().get(str(who["open_id"]), [])
        if not cards:
            raise LookupError(f"{who['name']} has no card about a payslip")
        return opens(cards[-1])

    def browser(self, who: Someone) -> Browser:
        """The person's own browser."""
        return self.browsers.setdefault(str(who["open_id"]), Browser(str(who["open_id"])))

    def enter(self, who: Someone, url: str) -> Page:
        """Open an address of the pages of pay: sign in and give the PIN, or choose one, where asked."""
        browser = self.browser(who)
        page = browser.open(url)
        actions = [form.action for form in page.forms()]
        if any(action.endswith("/pin/new") for action in actions):
            return browser.submit(page, "/pin/new", pin=PIN, again=PIN)
        if any(action.endswith("/pin") for action in actions):
            return browser.submit(page, "/pin", pin=PIN)
        return page

    # --- rows ---

    def rows_of(self, table: str, **match: str) -> list[dict[str, Any]]:
        """The rows whose cells say so."""
        rows = self.office.rows(table)
        return [row for row in rows if all(row.get(name) == value for name, value in match.items())]

    def row_of(self, table: str, **match: str) -> dict[str, Any]:
        """The one row of this month whose cells say so."""
        found = [row for row in self.rows_of(table, **match) if row.get("月份") == self.month]
        check(len(found) == 1, f"{len(found)} rows of {table} fit {match}")
        return found[0]

    def results(self) -> list[dict[str, Any]]:
        """The month's rows of 薪资核算, which HR sees."""
        return self.rows_of("薪资核算", 月份=self.month)

    def result(self, who: Someone) -> dict[str, Any]:
        """One person's row of 薪资核算."""
        return self.row_of("薪资核算", 工号=str(who["employee_no"]))

    def net(self, who: Someone) -> str:
        """Somebody's net pay as HR sees it, in the spelling of the pages."""
        return f"{Decimal(self.result(who)['实发工资']):,.2f}"

    def slip_state(self, who: Someone, state: str) -> None:
        """Wait until HR reads this state in 工资条状态."""

        def look() -> bool:
            return any(
                row.get("状态") == state for row in self.rows_of("工资条状态", 工号=str(who["employee_no"]))
            )

        until(look, PATIENCE, f"工资条状态 of {who['name']} is {state}")


def opens(card: Seen) -> str:
    """The page a card opens; LookupError when it opens none."""
    for link in card_links(card.card):
        return link
    raise LookupError(f"the card {card.title} opens no page")


def state_of(card: Seen) -> str:
    """The state in the header of a run's card; empty while it is another card."""
    tags = card.card.get("header", {}).get("text_tag_list") or [{}]
    return str((tags[0].get("text") or {}).get("content", ""))


def questions(card: Seen, label: str) -> list[tuple[dict[str, Any], str]]:
    """Forms of a card whose button has this text: the value behind it, and the name of the first input."""
    found = []
    for form in walk(card.card):
        inside = list(walk(form.get("elements"))) if form.get("tag") == "form" else []
        names = [str(node["name"]) for node in inside if node.get("tag") == "input"]
        for node in inside:
            if node.get("tag") == "button" and (node.get("text") or {}).get("content") == label:
                told = [b["value"] for b in node.get("behaviors") or () if b.get("type") == "callback"]
                found += [(value, names[0]) for value in told]
    return found


def spellings(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every amount of pay in rows of 薪资核算, as people and programs write it; round ones left out.

    An amount below a hundred or without cents could stand anywhere by chance.
    """
    found = set()
    for row in rows:
        for name in MONEY:
            amount = Decimal(row.get(name) or 0)
            if amount >= 100 and amount % 1:
                found |= {f"{amount:.2f}", f"{amount:,.2f}", format(amount.normalize(), "f")}
    return found


def read_payout(raw: bytes) -> list[Decimal]:
    """The payments of a bank's workbook or of Alipay's text file, yuan."""
    if zipfile.is_zipfile(io.BytesIO(raw)):
        rows = list(load_workbook(io.BytesIO(raw)).worksheets[0].iter_rows(values_only=True))
        place = next(n for n, head in enumerate(rows[0]) if "金额" in str(head))
        return [Decimal(str(row[place])) for row in rows[1:]]
    lines = list(csv.reader(io.StringIO(raw.decode("gbk"))))
    head = next(n for n, line in enumerate(lines) if "商户流水号" in line)
    place = next(n for n, title in enumerate(lines[head]) if "付款金额" in title)
    return [Decimal(line[place]) for line in lines[head + 1 :]]
