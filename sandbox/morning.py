"""One business morning, played by the company's people.

Every scene asserts on what the other side received: cards in chats, budgets on the ad platform, purchase
orders in the ERP, rows in the base. Nothing here looks into the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.client import until
from sandbox.office import Office, Seen, Watch
from sandbox.scenes import Script, check

SHORTEST = 40
"""So many articles have a buyer when a visitor comes: those that fall under their safety stock first."""


@dataclass
class Morning(Script):
    """The script and what it remembers from scene to scene.

    Args:
        office: the company at work.
        told: see `Script`.
    """

    office: Office
    plan: dict[str, Any] = field(default_factory=dict)
    card: Seen | None = None

    def __post_init__(self) -> None:
        self.boss = self.office.person("总经办")["open_id"]
        self.chief = self.office.person("运营部")["open_id"]
        self.owner = self.office.person("运营部/抖音组", 1)
        self.supervisor = self.office.person("运营部/抖音组", 0)
        self.buyer = self.office.person("采购部", 1)
        self.watcher = self.office.person("财务部")

    def prepare(self) -> None:
        """What an operator does before the first day: wait for data, enter owners and rules."""
        self.data_arrives()
        self.rules_are_written()

    def open_house(self) -> Seen:
        """What a visitor finds: plans have owners, one rule watches them all, and a plan has just fallen.

        Returns:
            The card of its owner.
        """
        control, skus = self.office.control, self.office.control.get("world/erp/skus")["skus"]
        short = sorted(skus, key=lambda sku: int(sku["qty"]) - int(sku["min_qty"]))[:SHORTEST]
        plans = control.get("world/ads/plans")["plans"]
        self._own("计划日报", "计划ID", {str(plan["ad_id"]): str(plan["owner"]) for plan in plans})
        self._own("商品库存", "SKU编码", {str(sku["sku_id"]): str(sku["buyer"]) for sku in short})
        self.office.edit(self.chief, "预警规则", self.roi_rule, 规则名称="计划 ROI 过低", 阈值="1:3", 范围="")
        self._wait_valid(self.roi_rule)
        control.post("simulator/sink", plan_id=self.plan["计划ID"])
        return until(self._fallen, 60, "the plan's owner has an alert")

    def play(self) -> bool:
        """Play the morning; True when all passed."""
        return self.perform((
            ("shop, ad and ERP data arrive in Bitable", self.data_arrives),
            ("an operator writes rules; each is checked in its row", self.rules_are_written),
            ("a wrong threshold is explained in the row", self.wrong_threshold),
            ("a threshold edit crosses a red line: card", self.threshold_edit),
            ("somebody else taps: refused with the owner's name", self.stranger_taps),
            ("调整预算: form, submit, the ad platform changes", self.budget_changes),
            ("every copy of the card shows it", self.copies_agree),
            ("a larger budget waits for the supervisor's approval", self.large_budget),
            ("the number recovers: the alert resolves", self.number_recovers),
            ("a SKU falls under safety stock: card to the buyer", self.stock_falls),
            ("紧急补货: the purchase order exists in the ERP", self.restock),
        ))  # fmt: skip

    def data_arrives(self) -> tuple[str, float]:
        """The gateways' rows stand in the base."""
        control = self.office.control
        plans = len(control.get("world/ads/plans")["plans"])
        skus = len(control.get("world/erp/skus")["skus"])
        shops = len(control.get("world/shop/shops")["shops"])
        watch = Watch()
        for table, count in (("计划日报", plans), ("商品库存", skus), ("店铺日报", shops)):
            self._wait_rows(table, count)
        return f"{plans} plans, {skus} SKUs, {shops} shops", watch.ms

    def rules_are_written(self) -> tuple[str, float]:
        """Owners are entered in the data tables, rules in the rule table."""
        office = self.office
        self.plan = self._healthy_plan()
        office.edit(
            self.chief, "计划日报", self.plan["record_id"],
            负责人=[{"id": self.owner["open_id"]}], 主管=[{"id": self.supervisor["open_id"]}],
        )  # fmt: skip
        self.allowance = (
            max(self._budget(), Decimal(str(self._ad_plan()["spend"])) * 2).quantize(Decimal(1)) + 5000
        )
        office.add(
            self.boss, "审批额度", 说明="投放", 人员=[{"id": self.owner["open_id"]}],
            日预算上限=float(self.allowance),
        )  # fmt: skip
        common = {"启用": True, "抄送": [{"id": p["open_id"]} for p in (self.supervisor, self.watcher)]}
        self.roi_rule = office.add(
            self.chief, "预警规则", 规则名称="抖音计划 ROI 过低", 数据表="计划日报", 指标="ROI", 比较="低于",
            阈值="1:0.1", 范围=f"计划ID={self.plan['计划ID']}", 严重程度="警告",
            动作=["调整预算", "知道了"], **common,
        )  # fmt: skip
        self.stock_rule = office.add(
            self.chief, "预警规则", 规则名称="库存低于安全线", 数据表="商品库存", 指标="可用库存",
            比较="低于", 阈值="安全库存", 严重程度="严重", 动作=["紧急补货", "知道了"], **common,
        )  # fmt: skip
        watch = Watch()
        for record in (self.roi_rule, self.stock_rule):
            self._wait_valid(record)
        return self._verdict(self.stock_rule), watch.ms

    def wrong_threshold(self) -> tuple[str, float]:
        """Nonsense in a threshold cell is answered in the row, and mended."""
        self.office.edit(self.chief, "预警规则", self.stock_rule, 阈值="差不多就行")
        watch = Watch()
        until(lambda: self._verdict(self.stock_rule).startswith("无效"), 20, "the row says what is wrong")
        said, ms = self._verdict(self.stock_rule), watch.ms
        self.office.edit(self.chief, "预警规则", self.stock_rule, 阈值="安全库存")
        self._wait_valid(self.stock_rule)
        return said, ms

    def threshold_edit(self) -> tuple[str, float]:
        """The plan's ROI is fine for the old threshold and low for the new one."""
        roi = Decimal(self.plan["成交金额"]) / Decimal(self.plan["消耗"])
        wanted = f"1:{(roi * 2).quantize(Decimal('0.1'))}"
        watch = Watch()
        self.office.edit(self.chief, "预警规则", self.roi_rule, 阈值=wanted)
        self.card = self.office.card_about(self.owner["open_id"], self.plan["计划名称"])
        ms = watch.ms
        check("调整预算" in self.card.buttons(), f"the card offers {self.card.buttons()}")
        return f"ROI {roi:.2f}, threshold now {wanted}; card to {self.owner['name']}", ms

    def stranger_taps(self) -> tuple[str, float]:
        """A colleague in 抄送 sees the card but cannot act on it."""
        other = self.watcher["open_id"]
        card = self.office.card_about(other, self.plan["计划名称"])
        watch = Watch()
        answer = self.office.tap(other, card.message_id, "调整预算")
        ms = watch.ms
        said = str(answer["toast"]["content"])
        check(self.owner["name"] in said, f"the toast says {said!r}")
        return said, ms

    def budget_changes(self) -> tuple[str, float]:
        """Two taps and a number; the budget on the platform is the proof."""
        card, owner = self._card(), self.owner["open_id"]
        before = self._budget()
        spend = Decimal(str(self._ad_plan()["spend"]))
        wanted = max(before, spend * 2).quantize(Decimal(1)) + 500
        watch = Watch()
        opened = self.office.tap(owner, card.message_id, "调整预算")
        check(opened["client_code"] == 0, f"the form did not open: {opened}")
        sent = self.office.tap(owner, card.message_id, "提交", form={"amount": str(wanted)})
        tap_ms = watch.ms
        check(sent["client_code"] == 0 and sent["toast"]["type"] == "success", f"the answer was {sent}")
        until(lambda: self._budget() == wanted, 20, f"budget {wanted} on the platform")
        return f"{before} → {wanted} yuan on the platform; both taps answered in {tap_ms:.0f} ms", watch.ms

    def copies_agree(self) -> tuple[str, float]:
        """The supervisor's copy names who did it; the task stands in the task table."""
        watch, name = Watch(), self.plan["计划名称"]
        for person in (self.owner, self.supervisor, self.watcher):
            self._wait_card(person, name, "已把日预算")
        until(
            lambda: any(r.get("状态") == "已完成" for r in self.office.rows("处理任务")),
            20,
            "the task row is done",
        )
        return f"{self.owner['name']} and both others see it; task row done", watch.ms

    def large_budget(self) -> tuple[str, float]:
        """Beyond the allowance nothing happens until the applicant's supervisor agrees in Feishu."""
        owner, name, budget = self.owner["open_id"], self.plan["计划名称"], self._budget()
        wanted = max(budget, self.allowance) + 20_000
        watch = Watch()
        card = until(lambda: self._offering(owner, name), 30, "the card offers 调整预算 again")
        self.office.tap(owner, card.message_id, "调整预算")
        sent = self.office.tap(owner, card.message_id, "提交", form={"amount": str(wanted)})
        check("审批" in str(sent["toast"]["content"]), f"the toast says {sent['toast']}")
        signer = until(self._asked, 30, "an approval of this plan waits for somebody")
        self._wait_card(self.watcher, name, "等待审批")
        check(self._budget() == budget, "the budget changed before anybody agreed")
        self.office.sign(signer["open_id"], comment="同意")
        until(lambda: self._budget() == wanted, 30, f"budget {wanted} on the platform")
        return f"{signer['name']} agreed; {budget} → {wanted} yuan on the platform", watch.ms

    def number_recovers(self) -> tuple[str, float]:
        """Orders come in; ROI rises over the recovery threshold."""
        plan = self._ad_plan()
        watch = Watch()
        self.office.control.post(f"world/ads/plans/{self.plan['计划ID']}", gmv=float(plan["spend"]) * 60)
        self._wait_card(self.owner, self.plan["计划名称"], "已恢复")
        return "the card turned green", watch.ms

    def stock_falls(self) -> tuple[str, float]:
        """A SKU sells out."""
        skus = self.office.control.get("world/erp/skus")["skus"]
        self.sku = next(s for s in skus if s["min_qty"] > 0 and not s["purchase_qty"])
        row = self.office.row("商品库存", "SKU编码", self.sku["sku_id"])
        self.office.edit(self.chief, "商品库存", row["record_id"], 负责人=[{"id": self.buyer["open_id"]}])
        watch = Watch()
        self.office.control.post(f"world/erp/skus/{self.sku['sku_id']}", qty=3)
        self.stock_card = self.office.card_about(self.buyer["open_id"], str(row["商品名称"]), 40)
        return (
            f"{row['商品名称']}: 3 left, safety {self.sku['min_qty']}; card to {self.buyer['name']}",
            watch.ms,
        )

    def restock(self) -> tuple[str, float]:
        """The proposed quantity is taken; the ERP has one order for it."""
        buyer, message = self.buyer["open_id"], self.stock_card.message_id
        watch = Watch()
        self.office.tap(buyer, message, "紧急补货")
        sent = self.office.tap(buyer, message, "提交", form={"amount": "120"})
        check(sent["toast"]["type"] == "success", f"the answer was {sent['toast']}")
        order = until(self._purchase, 20, "a purchase order in the ERP")
        return f"purchase order {order}: 120 pieces", watch.ms

    def _fallen(self) -> Seen | None:
        card = self.office.card_about(self.owner["open_id"], str(self.plan["计划名称"]), 60)
        # The plan may fall before the rule's new threshold is read; then the card shows it a moment later.
        return card if "告警中" in card.text and "低于 1:3" in card.text else None

    def _own(self, table: str, key: str, owners: Mapping[str, str]) -> None:
        """Enter who is responsible for rows that have nobody, and who leads them."""
        people = {str(person["open_id"]): person for person in self.office.people}
        for row in self.office.rows(table):
            owner = people.get(owners.get(str(row[key]), ""))
            if owner is not None and not row.get("负责人"):
                leader = [{"id": owner["leader_open_id"]}] if owner["leader_open_id"] else []
                who = {"负责人": [{"id": owner["open_id"]}], "主管": leader}
                self.office.edit(self.chief, table, str(row["record_id"]), **who)

    # --- looking ---

    def _wait_rows(self, table: str, count: int) -> None:
        until(lambda: len(self.office.rows(table)) == count, 60, f"{count} rows in {table}")

    def _wait_valid(self, record_id: str) -> None:
        until(lambda: self._verdict(record_id).startswith("有效"), 60, "the rule is called valid in its row")

    def _wait_card(self, person: dict[str, Any], about: str, words: str) -> None:
        def look() -> bool:
            return words in self.office.card_about(person["open_id"], about).text

        until(look, 30, f"{person['name']}'s card says {words}")

    def _purchase(self) -> str:
        orders = [
            order
            for order in self.office.control.get("world/erp/purchases")["purchases"]
            if any(item["sku_id"] == self.sku["sku_id"] for item in order["items"])
        ]
        check(len(orders) <= 1, f"{len(orders)} purchase orders for one tap")
        return str(orders[0]["po_id"]) if orders else ""

    def _offering(self, person: str, about: str) -> Seen | None:
        card = self.office.card_about(person, about)
        return card if "调整预算" in card.buttons() else None

    def _asked(self) -> dict[str, Any] | None:
        """Who is asked to approve a budget of the plan."""
        for person in self.office.people:
            waiting = self.office.control.get(f"approvals?open_id={person['open_id']}")["instances"]
            if any(self.plan["计划名称"] in str(each["form"]) for each in waiting):
                return person
        return None

    def _budget(self) -> Decimal:
        return Decimal(str(self._ad_plan()["budget"]))

    def _healthy_plan(self) -> dict[str, Any]:
        rows = [r for r in self.office.rows("计划日报") if Decimal(r.get("消耗") or 0) > 100]
        return max(rows, key=lambda r: Decimal(r.get("成交金额") or 0) / Decimal(r["消耗"]))

    def _verdict(self, record_id: str) -> str:
        rows = {r["record_id"]: r for r in self.office.rows("预警规则")}
        return str(rows[record_id].get("校验结果") or "")

    def _ad_plan(self) -> dict[str, Any]:
        return self.office.control.get(f"world/ads/plans/{self.plan['计划ID']}")

    def _card(self) -> Seen:
        if self.card is None:
            raise LookupError("no card came, so there is nothing to tap")
        return self.card
