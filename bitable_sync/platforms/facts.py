"""What gateways bring and take: the same frozen types from every platform.

Money is `Decimal` in 元, moments are aware (Asia/Shanghai), ids are text because many exceed a double. None
means that the platform does not say; it is never written as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import Protocol

DOUYIN, TAOBAO, JINGDONG = "抖音", "淘宝", "京东"
"""Platforms as the tables call them."""


class PlanState(Enum):
    """How an ad plan stands, whatever its platform calls it."""

    LIVE = "投放中"
    PAUSED = "已暂停"
    SPENT = "预算耗尽"
    REVIEW = "审核中"
    ENDED = "已结束"
    GONE = "平台已删除"


class Can(Enum):
    """What we can change of an ad plan; the values are the options of 可操作 in 计划日报."""

    ALL = "改预算、暂停"
    BUDGET = "改预算"
    NOTHING = "只能看"


@dataclass(frozen=True, slots=True)
class AdPlan:
    """A plan and its figures of one day; ``budget`` None = no limit, or not told.

    ``can``: what its gateway is able to change of it, whatever the platform's own rules say to a change.
    """

    plan_id: str
    name: str
    platform: str
    shop: str
    state: PlanState
    budget: Decimal | None
    spend: Decimal
    gmv: Decimal
    orders: int
    day: date
    can: Can = Can.NOTHING

    @property
    def roi(self) -> Decimal | None:
        """Paid sales per 元 spent; None while nothing is spent (undefined is not "below the threshold")."""
        return (self.gmv / self.spend).quantize(Decimal("0.0001"), ROUND_HALF_UP) if self.spend else None


@dataclass(frozen=True, slots=True)
class Order:
    """What counts of an order; nothing about the buyer.

    Attributes:
        amount: what counts as sales, by the connection's definition (`docs/GATEWAYS.md`).
        paid: when it was paid; None = not yet.
        modified: the platform's time of the last change; the newer fact wins.
        void: cancelled or closed; it counts for no day.
        status: as the platform calls it.
    """

    order_id: str
    shop_id: str
    shop: str
    amount: Decimal
    paid: datetime | None
    modified: datetime
    void: bool
    status: str = ""


@dataclass(frozen=True, slots=True)
class ShopSales:
    """One shop and one day (Shanghai): orders paid that day and not void."""

    shop_id: str
    name: str
    platform: str
    day: date
    orders: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class StockRow:
    """One SKU.

    Attributes:
        sellable: what can still be sold.
        on_the_way: bought and not here yet.
        safety, most: the safety stock and the upper bound kept in the ERP.
        sales_7d: pieces sold in the last seven days.
        lead_days: days from an order to the shelf.
        pack: pieces of a box.
        version: what to read on from: the ERP's row version, or the time of the change in unix seconds; 0
            where the platform cannot be asked for changes.
        shop: whose it is, as 店铺日报 calls it; "" where several shops may sell it, or nobody says.
    """

    sku_id: str
    style: str
    name: str
    qty: int
    sellable: int
    on_the_way: int | None = None
    safety: int | None = None
    most: int | None = None
    version: int = 0
    sales_7d: int | None = None
    lead_days: int | None = None
    pack: int | None = None
    shop: str = ""


@dataclass(frozen=True, slots=True)
class PurchaseItem:
    """One line of a purchase order; ``price`` in 元, None = the ERP's own."""

    sku_id: str
    qty: int
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """A purchase order that exists in the ERP."""

    po_id: str
    external_id: str


class Ads(Protocol):
    """An advertising account."""

    platform: str

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """All plans that are not deleted, with the figures of a day (Shanghai; today if none is given).

        Raises:
            PermanentError: there are no figures of former days here; the sentence says why.
        """
        ...

    def plan(self, plan_id: str) -> AdPlan | None:
        """One plan; None if the account has none of that id (any more)."""
        ...

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Set a day budget (元) to this absolute value.

        Raises:
            PermanentError: refused. TransientError: busy; nothing happened.
            UnknownOutcome: the answer was lost; look before repeating.
        """
        ...

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Resume or pause a plan. Errors as `set_budget`."""
        ...


class OrderSource(Protocol):
    """A shop platform.

    Attributes:
        platform: as the tables call it.
        counts: which amount of an order it brings, where there is a choice; orders kept with another are of
            no use.
        shops: the shops it is for, id → name, before any order tells; empty where only orders tell.
    """

    platform: str
    counts: str
    shops: Mapping[str, str]

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Orders last changed between two moments, both included; an order may come twice.

        Raises:
            PermanentError: orders of that time cannot be had here; the sentence says why.
        """
        ...


class Stock(Protocol):
    """Where stock stands."""

    def stock(self, since: int = 0) -> list[StockRow]:
        """SKUs changed after ``since`` (0 = all); give the highest ``version`` next time."""
        ...


class Purchases(Protocol):
    """An ERP that takes purchase orders."""

    def purchase(self, external_id: str, items: Sequence[PurchaseItem]) -> PurchaseOrder:
        """Make a purchase order; the same ``external_id`` never makes a second one. Errors as `Ads`."""
        ...

    def sku(self, sku_id: str) -> StockRow | None:
        """How one article stands at this moment; None if the ERP has none of that id."""
        ...

    def find_purchase(self, external_id: str) -> PurchaseOrder | None:
        """The purchase order with our number, if the ERP has it."""
        ...
