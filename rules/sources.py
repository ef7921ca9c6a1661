"""What the platforms say → rows of the data tables. Pure.

Columns kept by people (负责人, 主管) are never named, so a push leaves them as they are; neither are those
columns of a SKU that its source does not tell (近7日销量, 到货天数, 箱规 …).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.mirror import Row
from bitable_sync.platforms.facts import AdPlan, ShopSales, StockRow
from rules.specs import GONE, SOURCE

Values = dict[str, CellValue]


def plan_rows(plans: Iterable[AdPlan], at: datetime) -> list[Values]:
    """Rows of 计划日报; ``at`` is when the platform was asked."""
    return [
        {
            "plan_id": plan.plan_id,
            "name": plan.name,
            "platform": plan.platform,
            "shop": plan.shop,
            "status": plan.state.value,
            "budget": EMPTY if plan.budget is None else plan.budget,
            "spend": plan.spend,
            "gmv": plan.gmv,
            "orders": Decimal(plan.orders),
            "can": plan.can.value,
            "synced_at": at,
        }
        for plan in plans
    ]


def unlisted_plans(known: Iterable[Row], plans: Iterable[AdPlan]) -> dict[str, Row]:
    """Plans that stand in the table, are not marked as deleted, and were listed by nobody; with their row."""
    there = {plan.plan_id for plan in plans}
    return {
        plan_id: row
        for row in known
        if isinstance(plan_id := row.values.get("plan_id"), str)
        and plan_id
        and plan_id not in there
        and row.values.get("status") != GONE
    }


def lost_plans(
    unlisted: Mapping[str, Row],
    answered: Collection[str],
    silent: Collection[str],
    platforms: Collection[str],
) -> dict[str, str]:
    """Plans no longer on their platform → the connection their row names.

    Silence of a connection, or a plan nobody is connected to, proves nothing.

    Args:
        unlisted: plans that nobody listed.
        answered: connections that answered.
        silent: connections that did not.
        platforms: those of which every connection answered; they count for rows that name no connection.
    """
    lost: dict[str, str] = {}
    for plan_id, row in unlisted.items():
        source = source_of(row.values.get(SOURCE, EMPTY))
        known = source in answered or source in silent
        if source in answered or (not known and row.values.get("platform") in platforms):
            lost[plan_id] = source
    return lost


def stock_rows(stock: Iterable[StockRow], at: datetime) -> list[Values]:
    """Rows of 商品库存. 锁定 is what the ERP holds back from the quantity.

    That is: locked and picked, less virtual stock. What the platform does not tell is left to people: an ERP
    knows no 店铺, stock of a shop does.
    """
    return [
        {
            "sku": item.sku_id,
            "name": item.name,
            **({"shop": item.shop} if item.shop else {}),
            "qty": Decimal(item.qty),
            "locked": Decimal(item.qty - item.sellable),
            "synced_at": at,
            **{key: Decimal(said) for key, said in _told(item).items() if said is not None},
        }
        for item in stock
    ]


def _told(item: StockRow) -> dict[str, int | None]:
    return {
        "on_way": item.on_the_way, "safety": item.safety, "most": item.most, "sales_7d": item.sales_7d,
        "lead_days": item.lead_days, "pack": item.pack,
    }  # fmt: skip


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
        named = shop or base[shop_id]
        rows.append(
            {
                "shop_id": shop_id,
                "name": named.name,
                "platform": named.platform,
                "gmv": shop.amount if shop else Decimal(0),
                "orders": Decimal(shop.orders if shop else 0),
                "gmv_base": before.amount if before else Decimal(0),
                "synced_at": at,
            }
        )
    return rows


def named(rows: Iterable[Values], connection: str) -> list[Values]:
    """Rows with the connection they came from."""
    return [{**row, SOURCE: connection} for row in rows]


def source_of(cell: CellValue) -> str:
    """The connection a cell of 数据来源 names; "" for none, and for a cell nobody can read."""
    return cell.strip() if isinstance(cell, str) else ""


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
