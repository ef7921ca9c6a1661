"""The other side of every kind of connection, as far as the table of `test_gateway_table` asks for it.

An aspect is a method of the side that plays it, or a sentence that says why there is nothing to play.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bitable_sync.platforms.connect import Connector
from bitable_sync.platforms.credentials import Credentials, Pair
from bitable_sync.platforms.facts import Ads, Order, ShopSales, Stock
from bitable_sync.platforms.kinds import KINDS, Built
from bitable_sync.platforms.ledger import Ledger
from bitable_sync.platforms.orders import SWEEP, OrderBook
from runtime.clock import SHANGHAI
from runtime.db import Database
from runtime.errors import TransientError
from runtime.manifest_model import ConnectionManifest
from runtime.vault import Keys, Vault

ASPECTS = (
    "happy", "paging", "refresh_race", "rate_limit", "partial_failure", "units", "midnight", "late_order",
)  # fmt: skip
"""What issue 6 asks of each gateway."""

MIDNIGHT = datetime(2026, 3, 2, tzinfo=SHANGHAI)
MINUTE, HOUR, SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1)
MANY, THREADS = 230, 20
D = Decimal


def local(at: datetime) -> str:
    """As most platforms write a moment."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


class SandboxTime:
    """The sandbox's clock, for the side that calls it."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox

    def now(self) -> datetime:
        """The same moment as there, without the part of a second that platforms do not write."""
        now: datetime = self.sandbox.world.clock.now()
        return now.replace(microsecond=0)

    def set(self, moment: datetime) -> None:
        """Jump there."""
        clock = self.sandbox.world.clock
        clock.advance(moment.timestamp() - clock.time())


class Side:
    """One kind of connection and the platform it talks to.

    Attributes:
        kind: of connection.
        path: where its calls go.
        wait: seconds it asks us to wait for when it is called too often.
    """

    kind: ClassVar[str]
    path: ClassVar[str] = ""
    wait: ClassVar[float | None] = None
    keys: ClassVar[Mapping[str, str]] = {}
    tokens: ClassVar[tuple[str, str]] = ("", "")
    options: ClassVar[Mapping[str, str]] = {}
    feeds: ClassVar[tuple[Any, ...]] = ()

    def __init__(self, sandbox: Any, database: Database, folder: Path) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.database = database
        self.folder = folder
        self.clock = SandboxTime(sandbox)
        self.clock.set(MIDNIGHT + 30 * MINUTE)
        self.store = Credentials(database, Vault(Keys({"k1": b"1" * 32})), self.clock)
        self.empty()

    def empty(self) -> None:
        """Let the platform have nothing."""

    def entered(self) -> Mapping[str, str]:
        """The credentials."""
        return self.keys

    def chosen(self) -> Mapping[str, str]:
        """The options."""
        return {"base_url": self.sandbox.url, "auth_url": self.sandbox.url, **self.options}

    def build(self, token: str = "") -> Built:
        """The gateways as an installation has them: of the manifest, with sealed credentials."""
        kind = KINDS[self.kind]
        if kind.needs:
            pair = Pair(token or self.tokens[0], self.tokens[1]) if kind.refresh else None
            self.store.enter("c", kind.credentials or self.kind, self.entered(), pair)
        each = ConnectionManifest(
            name="c", kind=self.kind, shop="悦然旗舰店", options=dict(self.chosen()),  # type: ignore[arg-type]
            feeds=self.feeds,
        )  # fmt: skip
        return Connector(self.store, self.clock).build(each)

    def asked(self) -> list[dict[str, Any]]:
        """What arrived on its path."""
        found: list[dict[str, Any]] = self.world.control.recorder.calls(path=self.path)
        return found

    def fault(self, **order: Any) -> None:
        """Let calls go wrong."""
        self.world.control.faults.order({"match": {"path": self.path}, "times": 1, **order})

    def listed(self, built: Built) -> list[str]:
        """Ids of everything it brings."""
        raise NotImplementedError

    def fill(self, count: int) -> None:
        """Put so many things there."""
        raise NotImplementedError

    def slow(self) -> None:
        """Refuse from now on because of too many calls."""
        raise NotImplementedError

    def renewals(self) -> int:
        """How often a refresh token was traded in."""
        raise NotImplementedError

    def now_valid(self) -> str:
        """The access token in force there."""
        raise NotImplementedError


class Pages(Side):
    """What is listed in pages."""

    def paging(self) -> None:
        """Three pages are read, each thing once."""
        self.fill(MANY)
        found = self.listed(self.build())
        assert (len(found), len(set(found))) == (MANY, MANY)
        assert len(self.asked()) >= 3

    def partial_failure(self) -> None:
        """The second page is cut off: an error, never a part for the whole; the next reading has all."""
        self.fill(MANY)
        self.broken_then_whole(MANY)

    def broken_then_whole(self, count: int) -> None:
        """The second call is cut off; then none."""
        built = self.build()
        self.fault(kind="drop_before", skip=1)
        with pytest.raises(TransientError):
            self.listed(built)
        assert len(set(self.listed(built))) == count


class Paced(Side):
    """What is limited."""

    def rate_limit(self) -> None:
        """Too often: to be tried again, after as long as it says."""
        self.fill(1)
        built = self.build()
        self.slow()
        with pytest.raises(TransientError) as error:
            self.listed(built)
        assert error.value.wait == self.wait


class Renewed(Side):
    """What has tokens that are renewed."""

    def refresh_race(self) -> None:
        """Twenty threads find the token dead at once: one trades it in, all get their answer."""
        self.fill(1)
        built = self.build("dead")
        gate = threading.Barrier(THREADS)

        def ask(_: int) -> list[str]:
            gate.wait()
            return self.listed(built)

        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(ask, range(THREADS)))
        assert (self.renewals(), {len(each) for each in found}) == (1, {1})
        assert self.store.held("c").access == self.now_valid() != self.tokens[0]


class Shop(Side):
    """Where orders come from.

    Attributes:
        at_once: whether an order that comes later than the overlap is read by the very next reading.
    """

    at_once: ClassVar[bool] = False

    def place(
        self, number: str, yuan: str, *, paid: datetime | None, changed: datetime | None = None,
        void: bool = False,
    ) -> None:  # fmt: skip
        """Put an order there, or its next state."""
        raise NotImplementedError

    def fill(self, count: int) -> None:
        """Orders of the last seconds of yesterday."""
        for n in range(count):
            self.place(f"T{n:03d}", "1.00", paid=MIDNIGHT - (n + 1) * SECOND)

    def listed(self, built: Built) -> list[str]:
        """Numbers of the orders changed in the last half hour of yesterday."""
        return [each.order_id for each in self.orders(built)]

    def orders(self, built: Built) -> list[Order]:
        """The orders changed around midnight."""
        assert built.orders is not None
        found = {each.order_id: each for each in built.orders.orders(MIDNIGHT - 29 * MINUTE, MIDNIGHT)}
        return list(found.values())

    def book(self) -> OrderBook:
        """The book of this connection."""
        source = self.build().orders
        assert source is not None
        return OrderBook(source, KINDS[self.kind].reading, Ledger(self.database, "c"))

    def happy(self) -> None:
        """An order with all it says."""
        self.place("T1", "12.00", paid=MIDNIGHT - MINUTE, changed=MIDNIGHT - SECOND)
        self.place("T2", "13.00", paid=None, changed=MIDNIGHT - SECOND)
        self.place("T3", "14.00", paid=MIDNIGHT - MINUTE, changed=MIDNIGHT - SECOND, void=True)
        built = self.build()
        found = {each.order_id: each for each in self.orders(built)}
        one = found["T1"]
        assert (one.amount, one.paid, one.modified, one.void) == (
            D(12), MIDNIGHT - MINUTE, MIDNIGHT - SECOND, False,
        )  # fmt: skip
        assert (found["T2"].paid, found["T3"].void) == (None, True)
        assert one.status != found["T3"].status
        assert one.shop == "悦然旗舰店"

    def units(self) -> None:
        """元 to the cent, whatever the wire counts in."""
        for number, yuan in (("T1", "99.90"), ("T2", "0.01"), ("T3", "12345678.99")):
            self.place(number, yuan, paid=MIDNIGHT - MINUTE)
        found = {each.order_id: each.amount for each in self.orders(self.build())}
        assert found == {"T1": D("99.90"), "T2": D("0.01"), "T3": D("12345678.99")}

    def midnight(self) -> None:
        """Paid in the last second of yesterday, and in the first of today."""
        self.place("T1", "10.00", paid=MIDNIGHT - SECOND)
        self.place("T2", "20.00", paid=MIDNIGHT)
        book = self.book()
        today, before = book.sales(self.clock.now())
        assert (total(today), total(before), total(book.yesterday())) == (D(20), D(0), D(10))

    def late_order(self) -> None:
        """It reaches the query store after its time was read: by minutes, by hours; another is cancelled."""
        noon = MIDNIGHT + 12 * HOUR
        self.clock.set(noon)
        self.place("T1", "10.00", paid=noon - HOUR)
        book = self.book()
        assert total(book.sales(noon)[0]) == D(10)
        self.place("T2", "20.00", paid=noon - 8 * MINUTE)
        self.place("T3", "40.00", paid=noon - 2 * HOUR)
        self.clock.set(noon + 5 * MINUTE)
        assert total(book.sales(noon + 5 * MINUTE)[0]) == D(70 if self.at_once else 30)
        self.place("T1", "10.00", paid=noon - HOUR, changed=noon + 50 * MINUTE, void=True)
        self.clock.set(noon + SWEEP + MINUTE)
        assert total(self.book().sales(noon + SWEEP + MINUTE)[0]) == D(60), "also by a new process"


def total(sales: list[ShopSales]) -> Decimal:
    """Of all shops."""
    return sum((each.amount for each in sales), D(0))


ADS_LATE = (
    "orders are counted by the platform, which adds late ones to the day of their click; asking that day "
    "again (plans(day)) brings them, as `chorus metrics backfill` does"
)


class Account(Side):
    """An advertising account."""

    late_order: ClassVar[str | Callable[[], None]] = ADS_LATE

    def place(self, number: int, spend: str, gmv: str, orders: int) -> None:
        """A plan and its figures of today (2 March)."""
        raise NotImplementedError

    def ads(self, built: Built) -> Ads:
        """The gateway."""
        assert built.ads is not None
        return built.ads

    def fill(self, count: int) -> None:
        """Plans that did something."""
        for n in range(1, count + 1):
            self.place(n, "1.00", "3.00", 1)

    def listed(self, built: Built) -> list[str]:
        """Ids of the plans."""
        return [each.plan_id for each in self.ads(built).plans()]

    def happy(self) -> None:
        """A plan with its figures, alone and in the list."""
        self.place(7, "100.10", "250.25", 3)
        ads = self.ads(self.build())
        (plan,) = ads.plans()
        assert (plan.spend, plan.gmv, plan.orders, plan.roi) == (D("100.10"), D("250.25"), 3, D("2.5"))
        assert ads.plan(plan.plan_id) == plan
        assert ads.plan("999999") is None

    def units(self) -> None:
        """元 to the cent; nothing spent is no ROI."""
        self.place(7, "0.01", "12345678.99", 2)
        self.place(8, "0", "0", 0)
        found = {int(each.plan_id[-1]): each for each in self.ads(self.build()).plans()}
        assert (found[7].spend, found[7].gmv) == (D("0.01"), D("12345678.99"))
        assert (found[8].spend, found[8].roi) == (D(0), None)

    def midnight(self) -> None:
        """Half past midnight is the new day: it is asked for, and the figures say so."""
        self.place(7, "1.00", "3.00", 1)
        ads = self.ads(self.build())
        assert {each.day for each in ads.plans()} == {MIDNIGHT.date()}
        assert set(self.days()) == {"2026-03-02"}
        self.clock.set(MIDNIGHT - SECOND)
        assert {each.day for each in ads.plans()} == {(MIDNIGHT - SECOND).date()}
        assert set(self.days()) == {"2026-03-02", "2026-03-01"}

    def days(self) -> list[str]:
        """The days whose figures were asked for."""
        raise NotImplementedError


STOCK_DAY = "stock is how much there is now; it belongs to no day, so nothing changes at midnight"


class Store(Side):
    """Where stock stands."""

    midnight: ClassVar[str] = STOCK_DAY

    def place(self, sku: str, pieces: int, free: int) -> None:
        """An article, changed a minute ago."""
        raise NotImplementedError

    def stock(self, built: Built) -> Stock:
        """The gateway."""
        assert built.stock is not None
        return built.stock

    def fill(self, count: int) -> None:
        """Articles."""
        for n in range(count):
            self.place(f"S{n:03d}", 10, 8)

    def listed(self, built: Built) -> list[str]:
        """Their codes."""
        return [each.sku_id for each in self.stock(built).stock()]

    def happy(self) -> None:
        """What is there, what of it can be sold."""
        self.place("A1", 40, 33)
        (row,) = self.stock(self.build()).stock()
        assert (row.sku_id, row.qty, row.sellable) == ("A1", 40, 33)
        assert row.version > 0

    def units(self) -> None:
        """Whole pieces, as numbers or as texts."""
        self.place("A1", 100_000, 99_999)
        (row,) = self.stock(self.build()).stock()
        assert (row.qty, row.sellable, type(row.qty), type(row.sellable)) == (100_000, 99_999, int, int)
