"""One short business day, the same every time, and what stands where when it is over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.client import until
from sandbox.office import walk
from tests.scenario.house import STOCK, House

PLANS, BOARD, TASKS = "计划日报", "预警看板", "处理任务"
PATIENCE = 90.0
TIMES = re.compile(r"\d\d-\d\d \d\d:\d\d|\d\d:\d\d")
PAST = re.compile(r"；\d\d-\d\d 以来本会触发.*")
"""What a replay found depends on how many pulls there were before it."""
CODE = re.compile(r"(?:编号|code) ([0-9A-F]{8})")


class Day:
    """The script, in four scenes, and the state it leaves.

    Args:
        house: the tiny company, freshly set up.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.rules: list[str] = []

    def rules_are_written(self) -> None:
        """Owners are entered, three rules written; one of them is nonsense."""
        house, cc = self.house, [{"id": self.house.supervisor["open_id"]}]
        self.plans = [house.plan(place) for place in range(3)]
        for plan in self.plans[:2]:
            house.give(PLANS, plan["record_id"], house.owner, 主管=cc)
        until(lambda: len(house.office.rows(STOCK)) == 10, PATIENCE, "ten articles")
        self.sku = min(row["SKU编码"] for row in house.office.rows(STOCK))
        house.give(STOCK, house.office.row(STOCK, "SKU编码", self.sku)["record_id"], house.buyer)
        roi = {
            "数据表": PLANS,
            "指标": "ROI",
            "比较": "低于",
            "阈值": "1:3",
            "动作": ["调整预算", "知道了"],
            "抄送": cc,
        }
        stock = {
            "数据表": STOCK,
            "指标": "可用库存",
            "比较": "低于",
            "阈值": "安全库存",
            "动作": ["紧急补货", "知道了"],
        }
        self.rules = [house.rule(wait=False, **each)[1] for each in (roi, stock, {**roi, "阈值": "看情况"})]
        words = ["有效", "有效", "无效"]
        until(
            lambda: [house.verdict(rule_id)[:2] for rule_id in self.rules] == words,
            PATIENCE,
            "three verdicts",
        )
        house.checked("plans")

    def numbers_fall(self) -> None:
        """Two plans sink under 1:3, an article sells out: five cards go to three people."""
        house = self.house
        for plan in self.plans[:2]:
            house.control.post(f"world/ads/plans/{plan['计划ID']}", gmv=1600)
        house.control.post(f"world/erp/skus/{self.sku}", qty=3)
        for plan in self.plans[:2]:
            for who in (house.owner, house.supervisor):
                self._says(who, plan["计划名称"], "ROI")
        until(lambda: house.cards(house.buyer, self.sku), PATIENCE, "a card about the article")

    def people_act(self) -> None:
        """The owner changes a budget, the buyer restocks, the supervisor takes the other plan."""
        house = self.house
        plan, other = self.plans[:2]
        card = house.cards(house.owner, plan["计划名称"])[-1]
        house.tap(house.owner, card, "调整预算")
        sent = house.tap(house.owner, card, "提交", amount="2500")
        assert sent["toast"]["type"] == "success", sent
        card = house.cards(house.buyer, self.sku)[-1]
        house.tap(house.buyer, card, "紧急补货")
        sent = house.tap(house.buyer, card, "提交", amount="120")
        assert sent["toast"]["type"] == "success", sent
        sent = house.tap(house.supervisor, house.cards(house.supervisor, other["计划名称"])[-1], "知道了")
        assert sent["toast"]["type"] == "success", sent
        for who in (house.owner, house.supervisor):
            self._says(who, plan["计划名称"], "已把日预算")
            self._says(who, other["计划名称"], "知道了，正在处理")
        self._says(house.buyer, self.sku, "已补货")

    def numbers_recover(self) -> None:
        """Both plans earn again; the cards turn green."""
        house = self.house
        for plan in self.plans[:2]:
            house.control.post(f"world/ads/plans/{plan['计划ID']}", gmv=3200)
        for plan in self.plans[:2]:
            for who in (house.owner, house.supervisor):
                self._says(who, plan["计划名称"], "已恢复")
        until(lambda: len(self._rows(TASKS, "状态")) == 2, PATIENCE, "two tasks in 处理任务")

    def _says(self, who: Mapping[str, Any], about: str, words: str) -> None:
        def look() -> bool:
            found = self.house.cards(dict(who), about)
            return bool(found) and words in found[-1].text

        until(look, PATIENCE, f"{who['name']}'s card about {about} says {words}")

    # --- what is left ---

    def state(self) -> dict[str, Any]:
        """Everything people and platforms see in the end, without times and generated ids."""
        house = self.house
        plans = house.control.get("world/ads/plans")["plans"]
        orders = house.control.get("world/erp/purchases")["purchases"]
        return {
            "cards": {who["name"]: self._cards(who) for who in house.people_all()},
            "budgets": [(str(p["ad_id"]), Decimal(p["budget"]), p["budget_changes_today"]) for p in plans],
            "orders": [[(i["sku_id"], i["qty"]) for i in order["items"]] for order in orders],
            "board": self._rows(
                BOARD,
                "对象",
                "规则",
                "状态",
                "严重程度",
                "当前值",
                "阈值",
                "说明",
                "负责人",
                "处理人",
                "第几次",
            ),
            "tasks": self._rows(
                TASKS, "动作", "对象", "状态", "提交值", "执行前", "执行后", "提交人", "结果"
            ),
            "verdicts": [PAST.sub("", house.verdict(rule_id)) for rule_id in self.rules],
            "plans": self._rows(
                PLANS, "计划ID", "状态", "日预算", "消耗", "成交金额", "负责人", "主管", "同步问题"
            ),
            "stock": self._rows(STOCK, "SKU编码", "库存", "在途", "负责人", "同步问题"),
            "notices": house.ledger.rows(
                "SELECT kind, state, count(*) AS n FROM alert_notices GROUP BY kind, state"
            ),
            "parked": house.parked(),
        }

    def codes(self) -> list[str]:
        """The codes on all cards, in Chinese footers."""
        texts = [card.text for who in self.house.people_all() for card in self.house.cards(dict(who), "")]
        return [found[1] for text in texts if (found := CODE.search(text))]

    def _cards(self, who: Mapping[str, Any]) -> list[str]:
        cards = self.house.cards(dict(who), "")
        return sorted(" | ".join([card.title, *_words(card.card), *card.buttons()]) for card in cards)

    def _rows(self, table: str, *columns: str) -> list[tuple[str, ...]]:
        rows = self.house.office.rows(table)
        return sorted(tuple(TIMES.sub("HH:MM", str(row.get(c) or "")) for c in columns) for row in rows)


def _words(card: Mapping[str, Any]) -> list[str]:
    """The texts of a card without charts, times and codes."""
    found = []
    for node in walk(card.get("body", {})):
        if node.get("tag") in ("markdown", "plain_text", "lark_md"):
            text = CODE.sub("编号", str(node.get("content", "")))
            found.append(TIMES.sub("HH:MM", text))
    return found
