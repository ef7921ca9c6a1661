"""The words of the cockpit: figures of days, stock, sources, alerts and what was done. Types only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy.engine import Connection

from bitable_sync.cells import Person


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: how many days back (today included), and which platform and shop ("" = all)."""

    days: int = 30
    platform: str = ""
    shop: str = ""


@dataclass(frozen=True, slots=True)
class Sums:
    """Figures of one shop (or all) and day (or more), in yuan.

    Each part is None when nothing was seen of it, which is not the same as zero.

    Attributes:
        gmv: sales of the shops.
        base: sales of the day before up to the same hour.
        orders: orders of the shops.
        ad_gmv: sales that the ad platform ascribes to plans.
        spend: what the plans spent.
    """

    gmv: Decimal | None = None
    base: Decimal | None = None
    orders: int | None = None
    ad_gmv: Decimal | None = None
    spend: Decimal | None = None

    @property
    def roi(self) -> Decimal | None:
        """Ad sales for a yuan spent; None without spend."""
        if self.ad_gmv is None or not self.spend:
            return None
        return self.ad_gmv / self.spend


@dataclass(frozen=True, slots=True)
class ShopDay:
    """The figures of a shop on a day."""

    day: date
    platform: str
    shop: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class PlanDay:
    """A plan's figures of one day, as last seen."""

    plan_id: str
    name: str
    platform: str
    shop: str
    status: str
    budget: Decimal | None
    sums: Sums
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class StockDay:
    """How the SKUs of a shop stood at the end of a day (today: now)."""

    day: date
    shop: str
    skus: int
    low: int
    out: int
    unknown: int


class Stock(StrEnum):
    """How a SKU stands; the values are what people read."""

    OUT = "缺货"
    LOW = "低于安全库存"
    UNKNOWN = "无法判断"
    FINE = "正常"


@dataclass(frozen=True, slots=True)
class Sku:
    """A SKU in pieces. ``available`` counts goods on the way; None where a cell cannot be read.

    ``why`` is the sentence for `Stock.UNKNOWN`.
    """

    sku: str
    name: str
    shop: str
    state: Stock
    sellable: Decimal | None
    on_way: Decimal | None
    available: Decimal | None
    safety: Decimal | None
    owners: tuple[Person, ...]
    why: str = ""


class Health(StrEnum):
    """How a source stands."""

    FRESH = "fresh"
    TROUBLED = "troubled"  # fresh enough still, but the last try failed
    STALE = "stale"
    NEVER = "never"
    OFF = "off"  # no platform is connected


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers come from, and how old they are."""

    key: str
    name: str
    health: Health
    pulled_at: datetime | None
    age: timedelta | None
    limit: timedelta
    error: str

    @property
    def good(self) -> bool:
        """Whether numbers of this source may be shown as what is."""
        return self.health in (Health.FRESH, Health.TROUBLED)


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert from firing to its end, as far as quality is concerned.

    Attributes:
        acted: a person submitted an action.
        touched_at: when a person first did anything about it.
        reason: why it ended.
    """

    fired_at: datetime
    resolved_at: datetime | None
    reason: str
    acted: bool
    touched_at: datetime | None


class Fate(StrEnum):
    """What became of an alert; every alert has exactly one."""

    ACTED = "acted"
    SEEN = "seen"  # somebody took it in hand, without an action in the platform
    SELF = "self"
    FALSE = "false"
    MOVED = "moved"  # ended because the rule or its scope was changed
    OPEN = "open"  # nobody did anything yet


@dataclass(frozen=True, slots=True)
class Quality:
    """How good alerts were in a span: how many there were, and what became of them."""

    fired: int
    fates: Mapping[Fate, int]
    response: timedelta | None

    def share(self, fate: Fate) -> int | None:
        """Percent of all, rounded; None when there were none."""
        return None if not self.fired else round(100 * self.fates[fate] / self.fired)


@dataclass(frozen=True, slots=True)
class Deed:
    """An action that was taken, with the metric of its alert before and after.

    ``settled``: the alert is over, so ``after`` is the value at its end; else it is the value now.
    ``effect``: what became of it some hours later, in words; empty until then.
    """

    kind: str
    title: str
    who: Person
    at: datetime
    state: str
    change: str
    metric: str
    before: str
    after: str
    settled: bool
    result: str
    effect: str = ""


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An open alert as a line of text."""

    title: str
    rule: str
    state: str
    severity: str
    number: str
    since: datetime | None
    owners: tuple[Person, ...]
    holder: Person | None
    sentence: str


@dataclass(frozen=True, slots=True)
class ArtDay:
    """Images made on a day, and what the models cost in yuan."""

    day: date
    images: int
    cost: Decimal


ArtDays = Callable[[Connection, date], Sequence[ArtDay]]
"""Gives the image days since a day; another feature's, handed in by the composition root."""
