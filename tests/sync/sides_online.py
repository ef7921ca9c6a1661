"""The sides that are on the network, each before the sandbox's platform, which verifies its own way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from bitable_sync.platforms.facts import StockRow
from bitable_sync.platforms.jushuitan import Jushuitan
from bitable_sync.platforms.kinds import Built
from bitable_sync.platforms.qianchuan_uni import GMV, ORDERS
from sandbox import ads, erp, jd, shop, taobao, wdt, wdt_enterprise
from sandbox.ads_model import Figures, Plan
from tests.sync.sides import (
    MINUTE,
    Account,
    Paced,
    Pages,
    Renewed,
    Shop,
    Store,
    local,
)


class Taobao(Pages, Paced, Renewed, Shop):
    """TOP: trades."""

    kind, path, wait = "taobao", "/router/rest", 1
    keys: ClassVar[Mapping[str, str]] = {"app_key": taobao.APP_KEY, "app_secret": taobao.APP_SECRET}
    tokens = (taobao.SESSION, taobao.REFRESH)

    def place(
        self, number: str, yuan: str, *, paid: datetime | None, changed: datetime | None = None,
        void: bool = False,
    ) -> None:  # fmt: skip
        """A trade."""
        self.world.taobao.place(
            number, yuan, paid=local(paid) if paid else "", changed=local(changed) if changed else "",
            status="TRADE_CLOSED" if void else "",
        )  # fmt: skip

    def slow(self) -> None:
        """Every call is one too many."""
        self.world.taobao.calls_per_second = 0

    def renewals(self) -> int:
        """As the platform counted."""
        return int(self.world.taobao.renewals)

    def now_valid(self) -> str:
        """The session."""
        return str(self.world.taobao.session)


class TaobaoAds(Pages, Paced, Renewed, Account):
    """TOP: 万相台."""

    kind, path, wait = "taobao_ads", "/router/rest", 1
    keys, tokens = Taobao.keys, Taobao.tokens
    slow, renewals, now_valid = Taobao.slow, Taobao.renewals, Taobao.now_valid

    def place(self, number: int, spend: str, gmv: str, orders: int) -> None:
        """A campaign."""
        self.world.taobao.campaigns[number] = taobao.Campaign(
            number, f"计划{number}", "500", charge=spend, sold=gmv, orders=str(orders)
        )

    def days(self) -> list[str]:
        """Of the reports."""
        bodies = [dict(parse_qsl(call["body"])) for call in self.asked()]
        queries = [each.get("top_campaign_report_query_v_o") for each in bodies]
        return [json.loads(each)["start_time"] for each in queries if each]


class Jd(Pages, Paced, Renewed, Shop):
    """JOS: orders."""

    kind, path, wait = "jd", "/routerjson", 60
    keys: ClassVar[Mapping[str, str]] = {"app_key": jd.APP_KEY, "app_secret": jd.APP_SECRET}
    tokens = (jd.TOKEN, jd.REFRESH)

    def place(
        self, number: str, yuan: str, *, paid: datetime | None, changed: datetime | None = None,
        void: bool = False,
    ) -> None:  # fmt: skip
        """An order."""
        self.world.jd.place(
            number, yuan, paid=local(paid) if paid else "", changed=local(changed) if changed else "",
            state="TRADE_CANCELED" if void else "",
        )  # fmt: skip

    def slow(self) -> None:
        """No call is left."""
        self.world.jd.left = 0

    def renewals(self) -> int:
        """As the platform counted."""
        return int(self.world.jd.renewals)

    def now_valid(self) -> str:
        """The token."""
        return str(self.world.jd.token)


class JdAds(Pages, Paced, Renewed, Account):
    """JOS: 京准通, an account and campaigns that are named."""

    kind, path, wait = "jd_ads", "/routerjson", 60
    keys, tokens = Jd.keys, Jd.tokens
    slow, renewals, now_valid = Jd.slow, Jd.renewals, Jd.now_valid
    paging: ClassVar[Any] = "the account's report of a day is one row, and campaigns are asked for one by one"

    def chosen(self) -> Mapping[str, str]:
        """The account's pin stands for plan 7."""
        return {**super().chosen(), "pin": "pin7"}

    def place(self, number: int, spend: str, gmv: str, orders: int) -> None:
        """Figures of the account; others are campaigns."""
        figures = {"cost": spend, "totalOrderSum": gmv, "totalOrderCnt": str(orders)}
        if number == 8:
            self.named, self.world.jd.camps["8", "2026-03-02"] = "8", figures
        else:
            self.world.jd.days["2026-03-02"] = [figures]

    def fill(self, count: int) -> None:
        """The account."""
        self.place(7, "1.00", "3.00", 1)

    def units(self) -> None:
        """As everywhere, with a campaign that is named."""
        self.options = {"campaigns": "8"}  # type: ignore[misc]
        super().units()

    def partial_failure(self) -> None:
        """The report of one campaign is cut off: an error, no account without it."""
        self.options = {"campaigns": "8,9"}  # type: ignore[misc]
        self.fill(1)
        self.broken_then_whole(3)

    def days(self) -> list[str]:
        """Of the reports."""
        return [
            json.loads(dict(parse_qsl(call["body"]))["360buy_param_json"])["startDay"]
            for call in self.asked()
        ]


class Doudian(Pages, Paced, Renewed, Shop):
    """抖店: orders, in 分 and unix seconds."""

    kind, path, wait = "doudian", "/order/searchList", 1
    keys: ClassVar[Mapping[str, str]] = {"app_key": shop.APP_KEY, "app_secret": shop.APP_SECRET}
    tokens = (shop.TOKEN, shop.REFRESH)

    def empty(self) -> None:
        """One shop without orders."""
        self.world.shop.orders.clear()
        self.world.shop.shops = {1: "悦然旗舰店"}

    def place(
        self, number: str, yuan: str, *, paid: datetime | None, changed: datetime | None = None,
        void: bool = False,
    ) -> None:  # fmt: skip
        """An order."""
        at = int(paid.timestamp()) if paid else 0
        updated = int(changed.timestamp()) if changed else at
        status = 4 if void else 105 if paid else 1
        line = shop.Line("A1", "T恤", 1, int(Decimal(yuan) * 100))
        self.world.shop.orders[number] = shop.Order(
            number, 1, status, at or updated, at, updated, 0, 0, [line]
        )

    def slow(self) -> None:
        """No call is left."""
        self.world.shop.left = 0

    def renewals(self) -> int:
        """As the platform counted."""
        return int(self.world.shop.renewals)

    def now_valid(self) -> str:
        """The token."""
        return str(self.world.shop.token)


class Qianchuan(Pages, Paced, Renewed, Account):
    """千川, standard plans: a list and a report, both in pages."""

    kind, path, wait = "qianchuan", f"{ads.PREFIX}/*", 1
    keys: ClassVar[Mapping[str, str]] = {
        "app_id": ads.APP_ID, "secret": ads.SECRET, "advertiser_id": str(ads.ADVERTISER_ID),
    }  # fmt: skip
    tokens = (ads.TOKEN, ads.REFRESH)

    def empty(self) -> None:
        """No plan."""
        self.world.ads.plans.clear()
        self.world.ads.calls_per_second = None

    def place(self, number: int, spend: str, gmv: str, orders: int) -> None:
        """A plan with figures of today; yesterday it did something else."""
        plan = Plan(number, f"计划{number}", "悦然旗舰店", ads.GOALS[0], Decimal(500), "2026-02-01 00:00:00")
        plan.days = {
            "2026-03-02": Figures(Decimal(spend), Decimal(gmv), orders),
            "2026-03-01": Figures(Decimal(77), Decimal(77), 7),
        }
        self.world.ads.plans[number] = plan

    def asked(self) -> list[dict[str, Any]]:
        """All calls of the account."""
        found: list[dict[str, Any]] = self.world.control.recorder.calls(path=ads.PREFIX)
        return found

    def slow(self) -> None:
        """Every call is one too many."""
        self.world.ads.calls_per_second = 0

    def renewals(self) -> int:
        """As the platform counted."""
        return int(self.world.ads.renewals)

    def now_valid(self) -> str:
        """The token."""
        return str(self.world.ads.token)

    def days(self) -> list[str]:
        """Of the reports."""
        return [call["query"]["start_date"] for call in self.asked() if "start_date" in call["query"]]


class QianchuanUni(Qianchuan):
    """千川 全域: four lists that bring their figures."""

    kind = "qianchuan_uni"

    def place(self, number: int, spend: str, gmv: str, orders: int) -> None:
        """A plan of one goal and bid."""
        stats = {"stat_cost": float(spend), GMV[0]: float(gmv), ORDERS: orders}
        info = {"id": number, "name": f"全域{number}", "opt_status": "ENABLE", "status": "DELIVERY_OK"}
        row = {
            "ad_info": info | {"budget": 500},
            "stats_info": stats,
            "room_info": [{"anchor_name": "直播间"}],
        }
        self.world.ads.uni.setdefault(("LIVE_PROM_GOODS", "SMART_BID_CUSTOM"), []).append(row)

    def days(self) -> list[str]:
        """Of the lists."""
        return [call["query"]["start_time"][:10] for call in self.asked()]


class JushuitanSide(Pages, Paced, Renewed, Store):
    """聚水潭: stock by row version."""

    kind, path, wait = "jushuitan", "/open/inventory/query", 1
    keys: ClassVar[Mapping[str, str]] = {"app_key": erp.APP_KEY, "app_secret": erp.APP_SECRET}
    tokens = (erp.TOKEN, erp.REFRESH)
    late_order = (
        "rows are asked for by a version that only grows, so none can come behind what was read; "
        "rows that change while pages are read are in tests/sync/test_platforms_wire.py"
    )

    def empty(self) -> None:
        """Nothing in stock; the platform's own limit is played in `slow`."""
        self.world.erp.skus.clear()
        self.world.limits_on = False

    def build(self, token: str = "") -> Built:
        """Without our own pace: twenty threads would take ten seconds."""
        built = super().build(token)
        assert isinstance(built.stock, Jushuitan)
        built.stock.wire.pause = lambda _: None
        return built

    def place(self, sku: str, pieces: int, free: int) -> None:
        """An article."""
        made = erp.Sku(
            sku, "K1", "T恤", pieces, 5, 50, Decimal(10), Decimal(20), 1, "供应商", locked=pieces - free
        )
        self.world.erp.skus[sku] = made
        self.world.erp.touch(made)

    def slow(self) -> None:
        """The next call is one too many."""
        body = {"code": 199, "msg": "接口调用超过每秒5次的限制", "issuccess": False, "data": None}
        self.fault(kind="answer", body=body)

    def renewals(self) -> int:
        """As the platform counted."""
        return int(self.world.erp.renewals)

    def now_valid(self) -> str:
        """The token."""
        return str(self.world.erp.token)


class WdtFlagship(Pages, Paced, Store):
    """旺店通 旗舰版: windows by time of change."""

    kind, path, wait = "wdt_flagship", "/openapi", 60
    keys: ClassVar[Mapping[str, str]] = {
        "sid": wdt.SID, "key": wdt.KEY, "app_secret": f"{wdt.SECRET}:{wdt.SALT}",
    }  # fmt: skip
    refresh_race = "every call is signed with a secret that does not end; there is no token to renew"

    def place(self, sku: str, pieces: int, free: int) -> None:
        """An article in one warehouse."""
        changed = (self.clock.now() - MINUTE).timestamp()
        self.world.wdt.shelves.append(wdt.Shelf(sku, "W1", pieces, free, changed=changed))

    def slow(self) -> None:
        """No call is left."""
        self.world.wdt.left = 0

    def late_order(self) -> None:
        """A change that reaches the query store after its time was read comes with the next reading."""
        self.place("A1", 10, 8)
        gateway = self.stock(self.build())
        (first,) = gateway.stock()
        self.world.wdt.shelves[0].changed -= 8 * 60
        self.world.wdt.shelves[0].pieces = 4
        again: list[StockRow] = gateway.stock(first.version)
        assert [each.qty for each in again] == [4]


class WdtEnterprise(WdtFlagship):
    """旺店通 企业版: the same by another wire."""

    kind, path = "wdt_enterprise", "/openapi2/stock_query.php"
    keys: ClassVar[Mapping[str, str]] = {
        "sid": wdt_enterprise.SID, "appkey": wdt_enterprise.APPKEY, "app_secret": wdt_enterprise.SECRET,
    }  # fmt: skip
