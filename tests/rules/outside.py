"""Platform, ERP, approvals and messenger with their own memory, which forget to answer as a seed says."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any, cast

from bitable_sync.platforms.facts import DOUYIN, AdPlan, PlanState, PurchaseItem, PurchaseOrder, StockRow
from rules.approving import WIDGETS
from rules.model import Action
from runtime.errors import TransientError, UnknownOutcome
from runtime.ids import ChatId, InstanceCode, MessageId, OpenId
from tests.rules.desk import Killed
from tests.rules.kit import texts

CODES = {Action.ADJUST: "APPROVAL-1", Action.RESTOCK: "APPROVAL-2"}
"""Which approval an action needs."""


@dataclass
class Outside:
    """The platform, the approvals and the messenger, with their own memory."""

    random: Random
    platform: str = DOUYIN
    budget: Decimal = Decimal(2000)
    enabled: bool = True
    spend: Decimal = Decimal(1000)
    on_way: int = 20
    bought: dict[str, int] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    trouble: int = 3
    meanwhile: Callable[[], None] = lambda: None

    def call(self, change: Callable[[], Any], *, writes: bool = False) -> Any:
        """One call: something else first, then the work, then perhaps no answer."""
        if self.random.random() < 0.4:
            self.meanwhile()
        fate = self.random.random() if self.trouble else 1.0
        if fate < 0.2:
            self.trouble -= 1
            done = change() if self.random.random() < 0.6 else None
            unknown = done is not None and writes
            lost = UnknownOutcome("没有回答") if unknown else TransientError("忙")
            raise self.random.choice([Killed(), lost])
        return change()

    # --- advertising ---

    def plan(self, plan_id: str) -> AdPlan:
        """The plan as it stands."""
        return cast("AdPlan", self.call(lambda: AdPlan(
            plan_id, "夏季新品", DOUYIN, "旗舰店", PlanState.LIVE if self.enabled else PlanState.PAUSED,
            self.budget, self.spend, Decimal(2000), 20, date(2026, 3, 2),
        )))  # fmt: skip

    def plans(self) -> list[AdPlan]:
        """Not asked for here."""
        return []

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """A change by us."""
        self.call(lambda: self._budget(plan_id, budget), writes=True)

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """A change by us."""
        self.call(lambda: self._enabled(plan_id, enabled), writes=True)

    def _budget(self, plan_id: str, budget: Decimal) -> bool:
        self.effects.append(f"{plan_id} budget {budget}")
        self.budget = budget
        return True

    def _enabled(self, plan_id: str, enabled: bool) -> bool:
        self.effects.append(f"{plan_id} enabled {enabled}")
        self.enabled = enabled
        return True

    # --- the ERP ---

    def stock(self, since: int = 0) -> list[StockRow]:
        """Not asked for here."""
        del since
        return []

    def sku(self, sku_id: str) -> StockRow:
        """The article as it stands."""
        return cast("StockRow", self.call(lambda: StockRow(
            sku_id, "st", "纯棉T恤", 40, 30, self.on_way, 100, sales_7d=70,
        )))  # fmt: skip

    def find_purchase(self, external_id: str) -> PurchaseOrder | None:
        """The order with our number."""
        there = self.call(lambda: external_id in self.bought)
        return PurchaseOrder("PO-1", external_id) if there else None

    def purchase(self, external_id: str, items: Sequence[PurchaseItem]) -> PurchaseOrder:
        """An order for every call, whether it has that number already or not."""
        self.call(lambda: self._bought(external_id, items[0]), writes=True)
        return PurchaseOrder("PO-1", external_id)

    def _bought(self, external_id: str, item: PurchaseItem) -> bool:
        self.effects.append(f"{item.sku_id} bought {item.qty}")
        self.bought[external_id] = item.qty
        self.on_way += item.qty
        return True

    # --- approvals ---

    def get_definition(self, code: str) -> dict[str, Any]:
        """A form with all widgets."""
        widgets = next(WIDGETS[action] for action, each in CODES.items() if each == code)
        numbers = ("after", "quantity")
        kinds = {key: "number" if key in numbers else "input" for key in (*widgets, "reason")}
        listed = [{"id": key, "custom_id": key, "type": kind} for key, kind in kinds.items()]
        return {"approval_name": code, "status": "ACTIVE", "form": json.dumps(listed)}

    def create_instance(self, code: str, open_id: OpenId, form: Any, *, uuid: str) -> InstanceCode:
        """One approval a uuid."""
        del code, open_id
        return cast("InstanceCode", self.call(lambda: self._instance(uuid, form), writes=True))

    def _instance(self, uuid: str, form: Any) -> str:
        self.instances.setdefault(uuid, {"status": "PENDING", "form": json.dumps(form)})
        return uuid

    def find(self, uuid: str) -> str | None:
        """The approval with this uuid."""
        return uuid if uuid in self.instances else None

    def get_instance(self, code: str) -> dict[str, Any]:
        """An approval as it stands."""
        return cast("dict[str, Any]", self.call(lambda: dict(self.instances[code])))

    def subscribe(self, code: str) -> None:
        """Events come."""

    # --- messages ---

    def send_card(self, receiver: str, card: Mapping[str, Any], *, uuid: str) -> Any:
        """One message a uuid."""
        return self.call(lambda: self._message(receiver, card, uuid), writes=True)

    def _message(self, receiver: str, card: Mapping[str, Any], uuid: str) -> Any:
        message = self.sent.setdefault(uuid, f"om_{uuid}")
        self.messages.setdefault(message, {"receiver": receiver, "card": dict(card)})

        class Sent:
            message_id, chat_id = MessageId(message), ChatId(f"oc_{receiver}")

        return Sent

    def update_card(self, message: str, card: Mapping[str, Any]) -> None:
        """Draw a message anew."""
        self.call(lambda: self.messages[message].update(card=dict(card)) or True)

    def find_sent(self, chat: str, marker: str, **_since: Any) -> Any:
        """A message of a chat that holds a text."""
        for message, each in self.messages.items():
            if f"oc_{each['receiver']}" == chat and marker in texts(each["card"]):
                return self._message(each["receiver"], each["card"], message.removeprefix("om_"))
        return None
