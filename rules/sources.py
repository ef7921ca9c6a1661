"""What the platforms say → rows of the data tables. Pure.

Columns kept by people (负责人, 主管, 近7日销量 …) are never named, so a push leaves them as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from bitable_sync.cells import CellValue
from bitable_sync.mirror import Row
from bitable_sync.platforms.ads import AdPlan
from bitable_sync.platforms.erp import StockRow
from bitable_sync.platforms.shop import ShopSales
from rules.specs import GONE

Values = dict[str, CellValue]

_PLAN_STATES = {
    "DELIVERY_OK": "投放中",
    "DISABLE": "已暂停",
    "OFFLINE_BUDGET": "预算耗尽",
    "AUDIT": "审核中",
    "REAUDIT": "审核中",
    "TIME_DONE": "已结束",
    "DELETE": GONE,
}


def plan_state(plan: AdPlan) -> str:
    """How a plan stands, in the words of 计划日报."""
    return _PLAN_STATES.get(plan.status, "投放中" if plan.enabled else "已暂停")


def plan_rows(plans: Iterable[AdPlan], at: datetime) -> list[Values]:
    """Rows of 计划日报; ``at`` is when the platform was asked."""
    return [
        {
            "plan_id": plan.plan_id,
            "name": plan.name,
            "platform": "抖音",
            "shop": plan.shop,
            "status": plan_state(plan),
            "budget": plan.budget,
            "spend": plan.spend,
            "gmv": plan.gmv,
            "orders": Decimal(plan.orders),
            "synced_at": at,
        }
        for plan in plans
    ]


def lost_plans(known: Iterable[Row], plans: Sequence[AdPlan]) -> list[Values]:
    """Rows of plans that stand in the table but no longer on the platform, marked as such."""
    there = {plan.plan_id for plan in plans}
    lost: list[Values] = []
    for row in known:
        plan_id = row.values.get("plan_id")
        if isinstance(plan_id, str) and plan_id and plan_id not in there and row.values.get("status") != GONE:
            lost.append({"plan_id": plan_id, "status": GONE})
    return lost


def stock_rows(stock: Iterable[StockRow], at: datetime) -> list[Values]:
    """Rows of 商品库存. 锁定 is what the ERP holds back from the quantity.

    That is: locked and picked, less virtual stock.
    """
    return [
        {
            "sku": item.sku_id,
            "name": item.name,
            "qty": Decimal(item.qty),
            "locked": Decimal(item.qty - item.sellable),
            "on_way": Decimal(item.on_the_way),
            "safety": Decimal(item.safety),
            "most": Decimal(item.most),
            "synced_at": at,
        }
        for item in stock
    ]


def shop_rows(today: Iterable[ShopSales], yesterday: Iterable[ShopSales], at: datetime) -> list[Values]:
    """Rows of 店铺日报 from today's sales and those of yesterday up to the same hour.

    A shop that sold yesterday and nothing today is a row with zero sales: the platform lists shops with
    orders only, and silence of a shop is exactly what must be seen.
    """
    now = {shop.shop_id: shop for shop in today}
    base = {shop.shop_id: shop for shop in yesterday}
    rows: list[Values] = []
    for shop_id in sorted(now.keys() | base.keys()):
        shop, before = now.get(shop_id), base.get(shop_id)
        named = shop or before
        rows.append(
            {
                "shop_id": shop_id,
                "name": named.name if named else shop_id,
                "platform": "抖音",
                "gmv": shop.amount if shop else Decimal(0),
                "orders": Decimal(shop.orders if shop else 0),
                "gmv_base": before.amount if before else Decimal(0),
                "synced_at": at,
            }
        )
    return rows


def changed_rows(rows: Sequence[Values], known: Mapping[str, Row], id_key: str) -> list[Values]:
    """Rows whose numbers differ from the mirror; a new 数据时间 alone is not worth a write.

    Freshness is kept in our own table; writing the time into thousands of unchanged rows would cost a large
    part of the tenant's monthly calls.
    """
    changed = []
    for row in rows:
        old = known.get(str(row[id_key]))
        if old is None or any(
            old.values.get(key) != value for key, value in row.items() if key != "synced_at"
        ):
            changed.append(row)
    return changed
