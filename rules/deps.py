"""What the jobs of the worker need, handed down explicitly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from bitable_sync.context import Sync
from bitable_sync.platforms.ads import AdPlan, AdsGateway
from bitable_sync.platforms.erp import ErpGateway, PurchaseItem, PurchaseOrder, StockRow
from bitable_sync.platforms.shop import ShopGateway, ShopSales
from rules.check import Checker, Policy
from rules.review import Reviewer
from rules.views import Sources
from runtime.clock import Clock
from runtime.db import Database
from runtime.feishu.approval import Approval
from runtime.feishu.im import Im
from runtime.settings import Settings
from runtime.work import WorkQueue


class Ads(Protocol):
    """The part of the advertising platform that red lines use."""

    def plans(self) -> list[AdPlan]:
        """All plans with today's figures."""
        ...

    def plan(self, plan_id: str) -> AdPlan | None:
        """One plan."""
        ...

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Set a day budget in yuan."""
        ...

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Resume or pause a plan."""
        ...


class Shop(Protocol):
    """The part of the shop platform that red lines use."""

    def daily_sales(self, day: date | None = None, *, before: datetime | None = None) -> list[ShopSales]:
        """Sales of a day a shop."""
        ...


class Erp(Protocol):
    """The part of the ERP that red lines use."""

    def stock(self, since: int = 0) -> list[StockRow]:
        """SKUs changed after a row version."""
        ...

    def purchase(self, external_id: str, items: Sequence[PurchaseItem]) -> PurchaseOrder:
        """Make a purchase order; the same external id never makes a second."""
        ...

    def find_purchase(self, external_id: str) -> PurchaseOrder | None:
        """The purchase order with our number."""
        ...


@dataclass(frozen=True, slots=True)
class Gateways:
    """The platforms; None where the company has not connected one."""

    ads: Ads | None = None
    shop: Shop | None = None
    erp: Erp | None = None

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> Gateways:
        """Make a client for each platform that has credentials in the environment.

        Raises:
            ConfigError: credentials are there but incomplete; the sentence names what is missing.
        """
        return cls(
            ads=AdsGateway.from_settings(settings, clock) if settings.ads_access_token else None,
            shop=ShopGateway.from_settings(settings, clock) if settings.shop_access_token else None,
            erp=ErpGateway.from_settings(settings, clock) if settings.erp_access_token else None,
        )


@dataclass(frozen=True, slots=True)
class Worker:
    """The worker's side of red lines.

    Attributes:
        db: durable database.
        queue: durable work.
        clock: the time.
        sync: the tables.
        im: messages.
        gateways: the platforms.
        sources: the mirror and the words rules use.
        policy: what the configuration decides.
        checker: applies rules.
        reviewer: takes over edits of rules.
        approval: approvals, for changes beyond somebody's allowance.
        mass_delete: more plans than this missing at once are a doubt about the source, not a fact.
    """

    db: Database
    queue: WorkQueue
    clock: Clock
    sync: Sync
    im: Im
    gateways: Gateways
    sources: Sources
    policy: Policy
    checker: Checker
    reviewer: Reviewer
    approval: Approval
    mass_delete: int = 10
