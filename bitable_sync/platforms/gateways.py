"""All connections of a company behind one door; one that fails takes no other along."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from bitable_sync.platforms.facts import AdPlan, Ads, Purchases, ShopSales, Stock, StockRow
from bitable_sync.platforms.orders import OrderBook
from runtime.errors import ChorusError, PermanentError

T = TypeVar("T")
G = TypeVar("G")


@dataclass(frozen=True, slots=True)
class Gathered(Generic[T]):
    """What the connections said.

    Attributes:
        rows: of those that answered, by connection.
        troubles: why the others did not.
    """

    rows: Mapping[str, T]
    troubles: Mapping[str, ChorusError]

    @property
    def sentence(self) -> str:
        """The troubles for people; empty when there are none."""
        return "；".join(f"{name}：{error}" for name, error in self.troubles.items())

    def heard(self) -> None:
        """Raise the first trouble when no connection answered."""
        if self.troubles and not self.rows:
            raise next(iter(self.troubles.values()))


@dataclass(frozen=True, slots=True)
class Gateways:
    """The platforms, each by the name of its connection; empty where the company has connected none.

    Attributes:
        ads: advertising accounts.
        shops: what shops sell.
        stock: where stock stands.
        purchases: the ERP that takes purchase orders.
    """

    ads: Mapping[str, Ads] = field(default_factory=dict)
    shops: Mapping[str, OrderBook] = field(default_factory=dict)
    stock: Mapping[str, Stock] = field(default_factory=dict)
    purchases: Purchases | None = None

    @property
    def names(self) -> frozenset[str]:
        """Every connection that numbers come from."""
        return frozenset({*self.ads, *self.shops, *self.stock})

    def all_plans(self) -> Gathered[list[AdPlan]]:
        """Every plan with today's figures."""
        return _gather(self.ads, lambda _, ads: ads.plans())

    def answered(self, found: Gathered[list[AdPlan]]) -> set[str]:
        """Platforms of which every connection answered: a plan missing there is really gone."""
        silent = {self.ads[name].platform for name in found.troubles}
        return {ads.platform for ads in self.ads.values()} - silent

    def all_sales(self, now: datetime) -> Gathered[tuple[list[ShopSales], list[ShopSales]]]:
        """Sales of today, and of yesterday up to the same hour."""
        return _gather(self.shops, lambda _, book: book.sales(now))

    def all_stock(self, since: Mapping[str, int]) -> Gathered[list[StockRow]]:
        """SKUs changed since each connection's version."""
        return _gather(self.stock, lambda name, stock: stock.stock(since.get(name, 0)))

    def plan(self, plan_id: str) -> AdPlan | None:
        """One plan, wherever it runs; None if no account has it."""
        found = self._home(plan_id)
        return None if found is None else found[1]

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Set the budget where the plan runs; errors as `Ads.set_budget`."""
        self._account(plan_id).set_budget(plan_id, budget)

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Resume or pause the plan where it runs; errors as `Ads.set_budget`."""
        self._account(plan_id).set_enabled(plan_id, enabled=enabled)

    def sku(self, sku_id: str) -> StockRow | None:
        """How an article stands now, asked of the ERP that buys; None if it does not also tell the stock.

        Figures of another source are no measure for those the decision was made by. Errors as `Stock`.
        """
        erp, sources = self.purchases, set(map(id, self.stock.values()))
        return erp.sku(sku_id) if erp is not None and id(erp) in sources else None

    def _account(self, plan_id: str) -> Ads:
        found = self._home(plan_id)
        if found is None:
            raise PermanentError("没有一个已接入的广告账户里有这个计划，请核对计划日报")
        return found[0]

    def _home(self, plan_id: str) -> tuple[Ads, AdPlan] | None:
        trouble: ChorusError | None = None
        for ads in self.ads.values():
            try:
                plan = ads.plan(plan_id)
            except ChorusError as error:
                trouble = trouble or error  # another account may have it
                continue
            if plan is not None:
                return ads, plan
        if trouble is not None:
            raise trouble
        return None


def newest_of(rows: Iterable[StockRow]) -> int:
    """The version to read on from."""
    return max((row.version for row in rows), default=0)


def _gather(members: Mapping[str, G], ask: Callable[[str, G], T]) -> Gathered[T]:
    rows: dict[str, T] = {}
    troubles: dict[str, ChorusError] = {}
    for name, member in members.items():
        try:
            rows[name] = ask(name, member)
        except ChorusError as error:
            troubles[name] = error
    return Gathered(rows, troubles)
