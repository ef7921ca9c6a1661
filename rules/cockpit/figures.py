"""The arithmetic of the cockpit. Pure: figures in, figures out, ``now`` given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, Final, TypeVar

from bitable_sync.cells import CellValue, Person
from bitable_sync.readers import text_of
from rules.cockpit.model import (
    Episode,
    Fate,
    Health,
    Quality,
    ShopDay,
    Sku,
    Source,
    Stock,
    StockDay,
    Sums,
)
from rules.metrics import NotKnown, number
from rules.model import Reason

FALSE_ALARM: Final = timedelta(minutes=30)
"""An alert that ended sooner, without anybody doing anything, was a false one."""

RULE_MOVED: Final = frozenset(
    {
        Reason.THRESHOLD_CLEARED, Reason.LEFT_SCOPE, Reason.RULE_DISABLED, Reason.RULE_DELETED,
        Reason.RULE_RETARGETED,
    }
)  # fmt: skip
"""Ends that say nothing about the object: people changed what is watched."""

N = TypeVar("N", int, Decimal)


# --- sums ---


def add(parts: Iterable[Sums]) -> Sums:
    """Add figures up. A part nobody has seen stays unseen; seen and unseen together give what was seen."""
    total = Sums()
    for part in parts:
        total = Sums(
            _plus(total.gmv, part.gmv), _plus(total.base, part.base), _plus(total.orders, part.orders),
            _plus(total.ad_gmv, part.ad_gmv), _plus(total.spend, part.spend),
        )  # fmt: skip
    return total


def _plus(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def change(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Relative change, 0.1 = 10 % more; None when there is nothing to compare with."""
    if now is None or not before:
        return None
    return (now - before) / before


def last_days(today: date, count: int) -> list[date]:
    """The days of a span, oldest first, today last."""
    return [today - timedelta(days=back) for back in reversed(range(count))]


def by_day(rows: Iterable[ShopDay], span: Sequence[date]) -> list[tuple[date, Sums]]:
    """The sums of each day of a span; a day without rows has nothing seen (a gap, never zero)."""
    found: dict[date, list[Sums]] = {}
    for row in rows:
        found.setdefault(row.day, []).append(row.sums)
    return [(day, add(found.get(day, ()))) for day in span]


def by_shop(rows: Iterable[ShopDay], today: date) -> list[ShopDay]:
    """Today's line of each shop of the span, the largest sales first; one not seen today has no figures."""
    shops: dict[tuple[str, str], list[Sums]] = {}
    for row in rows:
        known = shops.setdefault((row.platform, row.shop), [])
        if row.day == today:
            known.append(row.sums)
    lines = [ShopDay(today, platform, shop, add(sums)) for (platform, shop), sums in shops.items()]
    return sorted(lines, key=lambda line: (-_order(line.sums), line.shop))


def _order(sums: Sums) -> Decimal:
    return sums.gmv if sums.gmv is not None else sums.ad_gmv or Decimal(-1)


# --- stock ---

STOCK_ORDER: Final = (Stock.OUT, Stock.LOW, Stock.UNKNOWN, Stock.FINE)


def judge_sku(values: Mapping[str, CellValue]) -> Sku:
    """How one row of 商品库存 stands; what cannot be read is *unknown*, never fine."""
    read = {
        key: number(values, key, name)
        for key, name in (("qty", "库存"), ("locked", "锁定"), ("on_way", "在途"), ("safety", "安全库存"))
    }
    faults = [found.sentence for found in read.values() if isinstance(found, NotKnown)]
    numbers = {key: found if isinstance(found, Decimal) else None for key, found in read.items()}
    sellable = _minus(numbers["qty"], numbers["locked"])
    known = sellable is not None and numbers["on_way"] is not None
    available = _plus(sellable, numbers["on_way"]) if known else None
    owners = values.get("owner")
    return Sku(
        _text(values, "sku"), _text(values, "name"), _text(values, "shop"),
        _stock_state(sellable, available, numbers["safety"]), sellable, numbers["on_way"], available,
        numbers["safety"],
        tuple(who for who in owners if isinstance(who, Person)) if isinstance(owners, tuple) else (),
        faults[0] if faults else "",
    )  # fmt: skip


def plainly_fine(raw: Mapping[str, Any]) -> Sku | None:
    """A SKU of which four whole numbers say that it is fine, without owners and figures; None for any other.

    Nearly every row of a large table is one, and reading its cells as a person's would take most of the time.
    """
    found = [
        int(each)
        for each in map(raw.get, ("qty", "locked", "on_way", "safety"))
        if type(each) is int or (type(each) is float and each.is_integer())
    ]
    if len(found) < 4:
        return None
    qty, locked, on_way, safety = found
    if qty - locked <= 0 or qty - locked + on_way < safety:
        return None
    shop = text_of(raw.get("shop"))
    return Sku("", "", shop, Stock.FINE, None, None, None, None, ()) if shop else None


def _stock_state(sellable: Decimal | None, available: Decimal | None, safety: Decimal | None) -> Stock:
    if sellable is None:
        return Stock.UNKNOWN
    if sellable <= 0:
        return Stock.OUT
    if available is None or safety is None:
        return Stock.UNKNOWN
    return Stock.LOW if available < safety else Stock.FINE


def _minus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one - other


def _text(values: Mapping[str, CellValue], key: str) -> str:
    found = values.get(key)
    return found if isinstance(found, str) else ""


def stock_days(skus: Iterable[Sku], day: date) -> list[StockDay]:
    """Count the SKUs of each shop by how they stand. Sold out is under safety stock as well."""
    found: dict[str, StockDay] = {}
    for sku in skus:
        old = found.get(sku.shop, StockDay(day, sku.shop, 0, 0, 0, 0))
        found[sku.shop] = replace(
            old,
            skus=old.skus + 1,
            low=old.low + (sku.state in (Stock.LOW, Stock.OUT)),
            out=old.out + (sku.state is Stock.OUT),
            unknown=old.unknown + (sku.state is Stock.UNKNOWN),
        )
    return [found[shop] for shop in sorted(found)]


def stock_by_day(rows: Iterable[StockDay], span: Sequence[date]) -> list[tuple[date, StockDay | None]]:
    """All shops' counts of each day of a span; None for a day nothing was seen of."""
    found: dict[date, StockDay] = {}
    for row in rows:
        old = found.get(row.day, StockDay(row.day, "", 0, 0, 0, 0))
        found[row.day] = StockDay(
            row.day, "", old.skus + row.skus, old.low + row.low, old.out + row.out, old.unknown + row.unknown
        )
    return [(day, found.get(day)) for day in span]


def short_list(skus: Iterable[Sku]) -> list[Sku]:
    """The SKUs somebody must look at, the worst first: sold out, then the emptiest against safety stock."""
    wanted = [sku for sku in skus if sku.state is not Stock.FINE]
    return sorted(wanted, key=lambda sku: (STOCK_ORDER.index(sku.state), _fill(sku), sku.sku))


def _fill(sku: Sku) -> Decimal:
    if sku.available is None or not sku.safety:
        return Decimal(0)
    return sku.available / sku.safety


# --- sources ---


def source(
    key: str, name: str, pulled_at: datetime | None, error: str, *, limit: timedelta, now: datetime,
    connected: bool = True,
) -> Source:  # fmt: skip
    """How a source stands. Without a good pull nothing is known; a failed try alone makes nothing stale."""
    age = None if pulled_at is None else max(now - pulled_at, timedelta(0))
    if not connected:
        health = Health.OFF
    elif age is None:
        health = Health.NEVER
    elif age > limit:
        health = Health.STALE
    else:
        health = Health.TROUBLED if error else Health.FRESH
    return Source(key, name, health, pulled_at, age, limit, error)


# --- alerts ---


def fate(episode: Episode) -> Fate:
    """What became of one alert."""
    if episode.acted:
        return Fate.ACTED
    if episode.touched_at is not None:
        return Fate.SEEN
    if episode.resolved_at is None:
        return Fate.OPEN
    if episode.reason in RULE_MOVED:
        return Fate.MOVED
    return Fate.FALSE if episode.resolved_at - episode.fired_at < FALSE_ALARM else Fate.SELF


def quality(episodes: Sequence[Episode], since: datetime) -> Quality:
    """How good the alerts fired since a moment were; ``response`` is the median time to the first touch."""
    chosen = [episode for episode in episodes if episode.fired_at >= since]
    fates = dict.fromkeys(Fate, 0)
    for episode in chosen:
        fates[fate(episode)] += 1
    waits = [
        (episode.touched_at - episode.fired_at).total_seconds()
        for episode in chosen
        if episode.touched_at is not None
    ]
    return Quality(len(chosen), fates, timedelta(seconds=median(waits)) if waits else None)
