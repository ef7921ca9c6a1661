"""The day: what people and the market do, each in a thread of its own, and what must come of it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.client import Control, until
from sandbox.office import Office
from sandbox.payday import PUSHED
from sandbox.payday_crowd import CrowdDay
from sandbox.studio_crowd import StudioCrowd, title
from tests.chaos.people import Patience, PatientDay, Person

PARTS = ("red lines", "shelf", "pay day", "images", "talk")
PLANS, STOCK, RULES = "计划日报", "商品库存", "预警规则"
SIZES = ("抖音推荐素材 600×800",)
SHELF, LINE, HEALTHY = 10, 50, 100
"""Hand-kept articles, their red line, and their stock in the beginning."""
TWIST = "1:9"
"""The edited threshold: a plan that earns four times its cost is under it."""
CALM = "1:3"
SETUP = 90.0
WORDS = ("帮助", "help")


# --- what stands there in the morning ---


def prepare(control: Control, run: Callable[..., str]) -> dict[str, Any]:
    """Owners, rules, hand-kept articles, a brand and the tables of pay; what a day must know of them.

    Args:
        control: of the sandbox; the product is serving.
        run: a command of the product.
    """
    office = Office(control)
    office.join_roles()
    control.post("world/images", sketches=True, latency=0)
    pay = CrowdDay(office, command=run)
    pay.defaults()
    pay.tables()
    StudioCrowd(office).brand()
    facts = _red_lines(office)
    until(lambda: _all_valid(office), SETUP, "every rule is called valid")
    return facts


def cast(office: Office) -> dict[str, dict[str, Any]]:
    """Who plays what."""
    return {
        "chief": office.person("运营部"),
        "supervisor": office.person("运营部/抖音组", 0),
        "owner": office.person("运营部/抖音组", 1),
        "buyer": office.person("采购部", 1),
        "keeper": office.person("仓储部", 0),
        "second": office.person("仓储部", 1),
        "talker": office.person("客服部", 2),
        "reader": office.person("客服部", 1),
    }


def _red_lines(office: Office) -> dict[str, Any]:
    people = cast(office)
    chief = people["chief"]["open_id"]
    until(lambda: len(_filled(office)) == 3, SETUP, "three plans")
    until(lambda: len(office.rows(STOCK)) == 10, SETUP, "ten articles")
    plans = _filled(office)
    owners = {
        "负责人": [{"id": people["owner"]["open_id"]}],
        "主管": [{"id": people["supervisor"]["open_id"]}],
    }
    for plan in plans:
        office.edit(chief, PLANS, plan["record_id"], **owners)
    article = min(office.rows(STOCK), key=lambda row: str(row["SKU编码"]))
    buyer = [{"id": people["buyer"]["open_id"]}]
    office.edit(chief, STOCK, article["record_id"], 负责人=buyer)
    common = {"启用": True, "比较": "低于"}
    cc = [{"id": people["supervisor"]["open_id"]}]
    roi = {**common, "抄送": cc, "数据表": PLANS, "指标": "ROI", "阈值": CALM, "动作": ["调整预算", "知道了"]}
    rules = [
        office.add(chief, RULES, 规则名称=f"ROI {n}", 范围=f"计划ID={plan['计划ID']}", **roi)
        for n, plan in enumerate(plans)
    ]
    office.add(
        chief, RULES, **common, 规则名称="安全库存", 数据表=STOCK, 指标="可用库存", 阈值="安全库存",
        范围=f"SKU编码={article['SKU编码']}", 动作=["紧急补货", "知道了"],
    )  # fmt: skip
    office.add(
        chief, RULES, **common, 规则名称="手工库存", 数据表=STOCK, 指标="库存", 阈值=str(LINE),
        范围="店铺=手工", 动作=["知道了"],
    )  # fmt: skip
    return {
        "plans": [
            {"id": str(plan["计划ID"]), "name": plan["计划名称"], "rule": rule}
            for plan, rule in zip(plans, rules, strict=True)
        ],
        "sku": article["SKU编码"],
        "shelf": {f"HAND-{n:02}": _article(office, chief, n, people) for n in range(SHELF)},
    }  # fmt: skip


def _article(office: Office, chief: str, number: int, people: Mapping[str, Any]) -> str:
    owner = people["keeper" if number % 2 else "second"]["open_id"]
    return office.add(
        chief, STOCK, SKU编码=f"HAND-{number:02}", 商品名称=f"手工商品{number:02}", 店铺="手工", 库存=HEALTHY,
        锁定=0, 在途=0, 安全库存=1, 负责人=[{"id": owner}],
    )  # fmt: skip


def _filled(office: Office) -> list[dict[str, Any]]:
    rows = [row for row in office.rows(PLANS) if row.get("计划ID") and row.get("消耗")]
    return sorted(rows, key=lambda row: str(row["计划ID"]))


def _all_valid(office: Office) -> bool:
    return all(str(row.get("校验结果") or "").startswith("有效") for row in office.rows(RULES))


# --- the day ---


@dataclass
class Expected:
    """The independent model: what must stand there in the evening, from what was done and nothing else.

    Attributes:
        budgets: plan → (budget, how often it was changed).
        orders: article → pieces of its one purchase order.
        told: (who, what about) → how many cards of alerts.
        shelf: hand-kept article → its stock.
        crossed: hand-kept article → how often its stock went under the line.
        asked: who → how often they asked something, each to be answered once.
        requests: rows of image requests, in order; the first is archived.
        paid: everybody who gets a payslip.
        confirmed: employee numbers of who confirmed theirs.
    """

    budgets: dict[str, tuple[Decimal, int]] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    told: dict[tuple[str, str], int] = field(default_factory=dict)
    shelf: dict[str, int] = field(default_factory=dict)
    crossed: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    receivers: dict[str, tuple[str, str]] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)


class Day:
    """Everything that happens in a day.

    Args:
        control: the control plane, through the gate.
        facts: what `prepare` gave.
        run: a command of the product.
        seed: of this day; decides moments and amounts.
        length: seconds over which small things are spread.
        patience: seconds anybody waits for anything.
    """

    def __init__(
        self, control: Control, facts: Mapping[str, Any], run: Callable[..., str], seed: str, *,
        length: float, patience: float,
    ) -> None:  # fmt: skip
        self.office = Office(control)
        self.facts, self.length = facts, length
        self.waits = Patience(patience)
        self.expected = Expected()
        self._seed = seed
        self._run = run
        self.people = {name: Person(self.office, who, self.waits) for name, who in cast(self.office).items()}

    def parts(self) -> dict[str, Callable[[], None]]:
        """What may go on at the same time, by name."""
        acts = (self.red_lines, self.shelf, self.pay_day, self.images, self.talk)
        return dict(zip(PARTS, acts, strict=True))

    def red_lines(self) -> None:
        """A threshold is edited, numbers fall, people act, numbers recover."""
        draw, control = self._draw("red"), self.office.control
        edited, sunk, calm = self.facts["plans"]
        sku = self.facts["sku"]
        owner, supervisor, buyer = (self.people[name] for name in ("owner", "supervisor", "buyer"))
        budget, pieces = draw.randrange(23, 40) * 100, draw.randrange(60, 200)
        chief = self.people["chief"].open_id
        self.office.edit(chief, RULES, edited["rule"], 阈值=TWIST)
        control.post(f"world/ads/plans/{sunk['id']}", gmv=1600)
        control.post(f"world/erp/skus/{sku}", qty=3)
        owner.submit(edited["name"], "调整预算", ("正在执行", "已把日预算"), amount=str(budget))
        supervisor.tap(sunk["name"], "知道了")
        buyer.submit(sku, "紧急补货", ("正在执行", "已补货"), amount=str(pieces))
        for who in (owner, supervisor):
            who.reads(edited["name"], "已把日预算")
            who.reads(sunk["name"], "知道了，正在处理")
        buyer.reads(sku, "已补货")
        self.office.edit(chief, RULES, edited["rule"], 阈值=CALM)
        control.post(f"world/ads/plans/{sunk['id']}", gmv=3200)
        for plan in (edited, sunk):
            for who in (owner, supervisor):
                who.reads(plan["name"], "已恢复")
                self.expected.told[who.open_id, plan["name"]] = 1
        self.expected.told[buyer.open_id, sku] = 1
        self.expected.budgets = {
            edited["id"]: (Decimal(budget), 1), sunk["id"]: (Decimal(2000), 0), calm["id"]: (Decimal(2000), 0)
        }  # fmt: skip
        self.expected.orders = {sku: pieces}

    def shelf(self) -> None:
        """Stocks of hand-kept articles are typed all day long; some go under their line and back."""
        draw = self._draw("shelf")
        stock = dict.fromkeys(self.facts["shelf"], HEALTHY)
        crossed = dict.fromkeys(stock, 0)
        count = round(4 * len(stock))
        for moment in sorted(draw.uniform(0, self.length) for _ in range(count)):
            self._wait(moment)
            sku = draw.choice(sorted(stock))
            qty = draw.choice((HEALTHY, draw.randrange(5, LINE - 5)))
            crossed[sku] += qty < LINE <= stock[sku]
            stock[sku] = qty
            self.office.edit(self.people["chief"].open_id, STOCK, self.facts["shelf"][sku], 库存=qty)
        self.expected.shelf, self.expected.crossed = stock, crossed

    def talk(self) -> None:
        """Somebody asks the bot, again and again."""
        draw, talker = self._draw("talk"), self.people["talker"]
        for moment in sorted(draw.uniform(0, self.length) for _ in range(8)):
            self._wait(moment)
            self.office.say(talker.open_id, draw.choice(WORDS))
            self.expected.asked[talker.open_id] = self.expected.asked.get(talker.open_id, 0) + 1

    def pay_day(self) -> None:
        """From HR's message to the last payslip, and three people who confirm theirs."""
        day = PatientDay(self.office, command=self._run, patience=self.waits.seconds, waits=self.waits)
        day.ask()
        day.computed()
        day.complete()
        day.settle_all()
        day.submit()
        day.reaches(PUSHED)
        self.expected.paid = {str(person["open_id"]) for person in self.office.people}
        for name in ("reader", "keeper"):
            who = self.people[name].who
            day.confirm(who)
            self.expected.confirmed.add(str(who["employee_no"]))

    def images(self) -> None:
        """Two requests are pasted; the first is chosen and archived."""
        crowd = StudioCrowd(self.office)
        crowd.paste(2, SIZES)
        self.expected.requests = list(crowd.records)
        self.expected.receivers = {r: crowd.receivers(n) for n, r in enumerate(crowd.records)}
        self.waits.until(lambda: crowd.states() == {"待审": 2}, "both requests wait for a decision")
        by_id = {str(person["open_id"]): person for person in self.office.people}
        asker = Person(self.office, by_id[crowd.receivers(0)[0]], self.waits)
        asker.tap(title(0), "定稿第 1 版")
        self.waits.until(lambda: crowd.states() == {"待审": 1, "已归档": 1}, "the first is archived")

    def _draw(self, part: str) -> random.Random:
        return random.Random(f"{self._seed}/{part}")

    def _wait(self, moment: float) -> None:
        """Wait until so many seconds of the day are over."""
        left = self._began + moment - time.monotonic()
        if left > 0:
            self.waits.over.wait(left)

    def play(self, names: Collection[str] = PARTS) -> dict[str, str]:
        """Play these parts; what each of those that failed says."""
        self._began = time.monotonic()
        failed: dict[str, str] = {}

        def part(name: str, act: Callable[[], None]) -> None:
            try:
                act()
            except Exception as error:  # noqa: BLE001 - said in the verdict
                failed[name] = f"{type(error).__name__}: {error}"

        threads = [
            threading.Thread(target=part, args=(name, act), name=f"day-{name}")
            for name, act in self.parts().items()
            if name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return failed
