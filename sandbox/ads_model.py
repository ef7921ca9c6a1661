"""Ad plans and what they did in a day."""

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any

METRICS = (
    "stat_cost", "show_cnt", "click_cnt", "ctr", "pay_order_count", "pay_order_amount",
    "prepay_and_pay_order_roi",
)  # fmt: skip


@dataclass(slots=True)
class Figures:
    """What a plan did in one day; money in 元."""

    spend: Decimal = Decimal(0)
    gmv: Decimal = Decimal(0)
    orders: int = 0
    shows: int = 0
    clicks: int = 0

    def plus(self, other: "Figures") -> "Figures":
        """The sum of two days."""
        return Figures(
            self.spend + other.spend,
            self.gmv + other.gmv,
            self.orders + other.orders,
            self.shows + other.shows,
            self.clicks + other.clicks,
        )

    def row(self) -> dict[str, Any]:
        """The figures under the platform's metric names; ROI of nothing spent is 0 there, not undefined."""
        return {
            "stat_cost": float(self.spend),
            "show_cnt": self.shows,
            "click_cnt": self.clicks,
            "ctr": round(self.clicks / self.shows * 100, 2) if self.shows else 0,
            "pay_order_count": self.orders,
            "pay_order_amount": float(self.gmv),
            "prepay_and_pay_order_roi": float(round(self.gmv / self.spend, 2)) if self.spend else 0,
        }


@dataclass(slots=True)
class Plan:
    """An ad plan. ``shop`` is the 抖音号 name it advertises; ``days`` holds figures by local date.

    ``owner`` is the open_id of the operator who runs it; the platform does not tell, the company knows.
    """

    plan_id: int
    name: str
    shop: str
    goal: str
    budget: Decimal
    created: str
    owner: str = ""
    modified: str = ""
    enabled: bool = True
    deleted: bool = False
    days: dict[str, Figures] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)

    def day(self, date: str) -> Figures:
        """Figures of a date, made when missing."""
        return self.days.setdefault(date, Figures())

    def status(self, date: str) -> str:
        """Delivery state as the platform names it."""
        if self.deleted:
            return "DELETE"
        if not self.enabled:
            return "DISABLE"
        return "OFFLINE_BUDGET" if self.day(date).spend >= self.budget else "DELIVERY_OK"


def least_budget(spend: Decimal) -> Decimal:
    """105 % of today's spend, up to the next whole hundred 元."""
    return (spend * Decimal("1.05") / 100).to_integral_value(ROUND_CEILING) * 100
