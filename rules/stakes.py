"""What is at stake, as one sentence with the numbers of the row. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from bitable_sync.cells import CellValue
from rules.limits import yuan
from rules.model import Alert, Rule
from rules.specs import PLANS, SHOPS, STOCK

Pair = tuple[str, str]


def numbers(values: Mapping[str, CellValue]) -> dict[str, Decimal]:
    """The readable numbers of a row by field key."""
    return {key: value for key, value in values.items() if isinstance(value, Decimal) and value.is_finite()}


def stake(rule: Rule, alert: Alert, values: Mapping[str, CellValue]) -> Pair | None:
    """What the breach costs or will cost; None where the row does not say.

    Args:
        rule: the rule in force.
        alert: for its threshold.
        values: the object's row.
    """
    read = numbers(values)
    if rule.table == PLANS and rule.metric.key == "roi":
        return _missing_sales(alert, read)
    if rule.table == STOCK:
        return _days_left(read)
    if rule.table == SHOPS:
        return _lost_sales(read)
    return None


def _missing_sales(alert: Alert, read: Mapping[str, Decimal]) -> Pair | None:
    spend, gmv = read.get("spend"), read.get("gmv")
    if spend is None or gmv is None or alert.limit is None or spend * alert.limit <= gmv:
        return None
    due = spend * alert.limit
    return (
        f"已消耗 {yuan(spend)}，按红线应成交 {yuan(due)}，实际 {yuan(gmv)}，少 **{yuan(due - gmv)}**",
        f"{yuan(spend)} spent should have brought {yuan(due)}, not {yuan(gmv)}: **{yuan(due - gmv)} short**",
    )


def _days_left(read: Mapping[str, Decimal]) -> Pair | None:
    qty, locked, sales = read.get("qty"), read.get("locked", Decimal(0)), read.get("sales_7d")
    if qty is None or not sales or sales <= 0:
        return None
    daily = sales / 7
    days = max(Decimal(0), (qty - locked) / daily)
    lead = read.get("lead_days")
    zh = f"日均销 {daily:.1f} 件，可售只够 **{days:.1f} 天**"
    en = f"{daily:.1f} sold a day: stock for **{days:.1f} days**"
    if lead is not None and lead > days:
        zh += f"，而到货要 {lead:f} 天，会断货约 {lead - days:.1f} 天"
        en += f", delivery takes {lead:f}: about {lead - days:.1f} days without stock"
    return zh, en


def _lost_sales(read: Mapping[str, Decimal]) -> Pair | None:
    today, base = read.get("gmv"), read.get("gmv_base")
    if today is None or base is None or today >= base:
        return None
    return (
        f"今日成交 {yuan(today)}，昨日同时段 {yuan(base)}，少 **{yuan(base - today)}**",
        f"{yuan(today)} today, {yuan(base)} yesterday at this hour: **{yuan(base - today)} less**",
    )
