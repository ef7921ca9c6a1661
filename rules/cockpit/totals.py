"""Rows of 经营日汇总 and 经营时段 from what the pulls kept. Pure but for the two queries at the end.

A figure nobody has seen is an empty cell, never zero: a dashboard leaves a gap there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, CellValue
from rules.cockpit import tables as t
from rules.cockpit.days import PLAN, SHOP
from rules.cockpit.model import ShopDay, StockDay, Sums
from rules.sources import Values
from rules.specs import PLANS, SHOPS, STOCK
from runtime.clock import midnight

NO_SHOP, OTHER, STORE = "（未填店铺）", "其他", "库存"
CENT: Final = Decimal("0.01")
SOURCES: Final = {PLAN: PLANS, SHOP: SHOPS}

Moments = Mapping[tuple[str, str], datetime]
"""(platform, `OTHER` or `STORE`; shop) → 数据时间."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How far one shop or plan had come when an hour's last pull looked."""

    kind: str
    platform: str
    object_id: str
    hour: int
    gmv: Decimal
    spend: Decimal
    orders: int
    seen_at: datetime


# --- days ---


def day_rows(
    day: date, shops: Iterable[ShopDay], stock: Iterable[StockDay], moments: Moments
) -> list[Values]:
    """Rows of 经营日汇总 of one day.

    Stock belongs to no platform, so its count stands in a row of its own: a sum over rows stays right.

    Args:
        day: the day, in Shanghai.
        shops: the day's figures of each platform and shop.
        stock: the day's counts of each shop.
        moments: 数据时间 of the rows.
    """

    def row(label: str, platform: str, shop: str, sums: Sums, low: CellValue) -> Values:
        return {
            "id": f"{day} {label} {shop or NO_SHOP}", "day": day, "platform": platform or EMPTY,
            "shop": shop or NO_SHOP, "low": low, **_figures(sums),
            "synced_at": moments.get((label, shop), EMPTY),
        }  # fmt: skip

    rows = [row(each.platform or OTHER, each.platform, each.shop, each.sums, EMPTY) for each in shops]
    return rows + [row(STORE, "", each.shop, Sums(), Decimal(each.low)) for each in stock]


def _figures(sums: Sums) -> Values:
    return {
        "gmv": _cell(sums.gmv),
        "orders": EMPTY if sums.orders is None else Decimal(sums.orders),
        "spend": _cell(sums.spend),
        "ad_gmv": _cell(sums.ad_gmv),
        "roi": EMPTY if sums.roi is None else sums.roi.quantize(CENT, ROUND_HALF_UP),
    }


def _cell(value: Decimal | None) -> CellValue:
    return EMPTY if value is None else value


# --- hours ---


class Tally(NamedTuple):
    """How far a platform's shops or plans had come in a day, and when that was seen."""

    gmv: Decimal
    spend: Decimal
    orders: int
    seen_at: datetime


Tallies = Mapping[tuple[str, str, int], Tally]
"""(platform, kind, hour) → how far it had come."""


def hour_rows(day: date, samples: Iterable[Sample]) -> list[Values]:
    """Rows of 经营时段 of one day: how far each platform had come in each hour in which somebody looked.

    What an hour brought is known only when the hour before was seen too.
    """
    tallies = _tallies(samples)
    hours = sorted({(hour, platform) for platform, _, hour in tallies})
    return [_hour_row(day, hour, platform, tallies) for hour, platform in hours]


def _tallies(samples: Iterable[Sample]) -> Tallies:
    """(platform, kind, hour) → the sums; an object not seen in an hour stands where it was seen last."""
    latest: dict[tuple[str, str], dict[str, Sample]] = {}
    found: dict[tuple[str, str, int], Tally] = {}
    in_order = sorted(samples, key=lambda each: (each.hour, each.platform, each.kind))
    for (hour, platform, kind), some in groupby(in_order, lambda each: (each.hour, each.platform, each.kind)):
        known = latest.setdefault((platform, kind), {})
        new = {each.object_id: each for each in some}
        known.update(new)
        found[platform, kind, hour] = Tally(
            sum((each.gmv for each in known.values()), Decimal(0)),
            sum((each.spend for each in known.values()), Decimal(0)),
            sum(each.orders for each in known.values()),
            max(each.seen_at for each in new.values()),
        )
    return found


def _hour_row(day: date, hour: int, platform: str, tallies: Tallies) -> Values:
    shop, ads = (tallies.get((platform, kind, hour)) for kind in (SHOP, PLAN))
    shop_before, ads_before = (tallies.get((platform, kind, hour - 1)) for kind in (SHOP, PLAN))
    sums = Sums(
        gmv=shop and shop.gmv, orders=shop and shop.orders, ad_gmv=ads and ads.gmv, spend=ads and ads.spend
    )
    return {
        "id": f"{day} {hour:02}:00 {platform or OTHER}",
        "at": midnight(day) + timedelta(hours=hour),
        "platform": platform or EMPTY,
        **_figures(sums),
        "gmv_hour": _grown(hour, shop and shop.gmv, shop_before and shop_before.gmv),
        "spend_hour": _grown(hour, ads and ads.spend, ads_before and ads_before.spend),
        "synced_at": max(each.seen_at for each in (shop, ads) if each),
    }


def _grown(hour: int, now: Decimal | None, before: Decimal | None) -> CellValue:
    if hour == 0:
        before = Decimal(0)
    return EMPTY if now is None or before is None else now - before


# --- reading ---


def moments(conn: Connection, day: date, pulled: Mapping[str, datetime | None] | None = None) -> Moments:
    """数据时间 of a day's rows.

    Args:
        conn: any transaction.
        day: the day, in Shanghai.
        pulled: for today, when each source was last read well: then the oldest of a row's sources counts.
            None for a day that is over: then it is when the row's figures changed last.
    """
    d, s, found = t.days.c, t.stock_days.c, dict[tuple[str, str], datetime]()
    newest = sa.func.max(d.seen_at)
    days = sa.select(d.kind, d.platform, d.shop, newest).where(d.day == day)
    for kind, platform, shop, seen in conn.execute(days.group_by(d.kind, d.platform, d.shop)):
        key = (platform or OTHER, shop)
        at = (pulled or {}).get(SOURCES[kind]) or seen
        old = found.get(key, at)
        found[key] = max(old, at) if pulled is None else min(old, at)
    for shop, seen in conn.execute(sa.select(s.shop, s.seen_at).where(s.day == day)):
        found[STORE, shop] = (pulled or {}).get(STOCK) or seen
    return found


def samples(conn: Connection, day: date) -> list[Sample]:
    """Everything the hours of a day hold; what has no row in the day's figures is passed over."""
    h, d = t.hours.c, t.days.c
    same = sa.and_(h.kind == d.kind, h.day == d.day, h.object_id == d.object_id)
    query = sa.select(
        h.kind, d.platform, h.object_id, h.hour, h.gmv, h.spend, h.orders, h.seen_at
    ).select_from(t.hours.join(t.days, same))
    return [
        Sample(kind, platform, object_id, hour, gmv, spend or Decimal(0), orders, at)
        for kind, platform, object_id, hour, gmv, spend, orders, at in conn.execute(query.where(h.day == day))
    ]
