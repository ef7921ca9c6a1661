"""The kinds of connection: what each needs, may be told, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from bitable_sync.platforms import doudian, jd, jushuitan, qianchuan, qianchuan_uni, taobao, wangdiantong
from bitable_sync.platforms.credentials import Pair
from bitable_sync.platforms.facts import DOUYIN, JINGDONG, TAOBAO, Ads, OrderSource, Purchases, Stock
from bitable_sync.platforms.folder import DropFolder
from bitable_sync.platforms.orders import Reading
from bitable_sync.platforms.sql import SqlSource
from bitable_sync.platforms.taobao_ads import EFFECT_DAYS, SCENES, TaobaoAds
from bitable_sync.platforms.tokens import Access
from bitable_sync.platforms.wire import Paces, Wire
from runtime.clock import Clock
from runtime.when import parse_age

ANYWHERE = Reading(longest=timedelta(days=7), overlap=timedelta(days=2))
"""Files and databases hold rows hours after they changed: yesterday and today are read whole each time."""


class WireOf(Protocol):
    """Makes a connection's wire."""

    def __call__(self, base: str, paces: Paces = ()) -> Wire:
        """Under this address, if the connection names no other."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """What a connection is built from.

    Attributes:
        name: of the connection; also the shop's id where the platform gives none.
        shop: as people call it; the connection's name if nobody says.
        given: the same, but "" if nobody says: then the platform's own name counts.
        keys: the credentials that were entered.
        option: gives an option, or its default.
        wire: gives the address under a kind's default; paced where the platform counts.
        access: the token.
        clock: the time.
    """

    name: str
    shop: str
    given: str
    keys: Mapping[str, str] = field(repr=False)
    option: Callable[[str, str], str]
    wire: WireOf
    access: Callable[[], Access]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Built:
    """What a connection serves; None where the platform does not have it."""

    ads: Ads | None = None
    orders: OrderSource | None = None
    stock: Stock | None = None
    purchases: Purchases | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of connection.

    Attributes:
        label: for people.
        platform: as the tables call it.
        needs: credentials to enter, in this order.
        build: makes its gateways.
        options: what may stand under ``options``; a list of values where only those are meant.
        refresh: trades a refresh token in (at the kind's ``auth`` address); None = it has no tokens.
        credentials: kinds whose credentials serve this one as well.
        auth: address for tokens, if another than for calls.
        reading: how orders are read.
    """

    label: str
    platform: str
    needs: tuple[str, ...]
    build: Callable[[Ask], Built]
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refresh: Callable[[Wire, Mapping[str, str], Clock, str], Pair] | None = None
    credentials: str = ""
    auth: str = ""
    reading: Reading = ANYWHERE


def _top(ask: Ask) -> taobao.Top:
    return taobao.Top(ask.wire(taobao.BASE), ask.access(), app=ask.keys, clock=ask.clock)


def _taobao(ask: Ask) -> Built:
    gmv = ask.option("gmv", taobao.GMV[0])
    shop = taobao.Taobao(_top(ask), shop_id=ask.name, shop=ask.shop, gmv=gmv)
    return Built(orders=shop, stock=shop)


def _taobao_ads(ask: Ask) -> Built:
    days, scene = ask.option("effect_days", "15"), ask.option("scene", SCENES[0])
    return Built(ads=TaobaoAds(_top(ask), shop=ask.shop, scene=scene, effect_days=days))


def _jos(ask: Ask) -> jd.Jos:
    return jd.Jos(ask.wire(jd.BASE), ask.access(), app=ask.keys, clock=ask.clock)


def _jd(ask: Ask) -> Built:
    shop = jd.Jd(_jos(ask), shop_id=ask.name, shop=ask.shop, gmv=ask.option("gmv", jd.GMV[0]))
    return Built(orders=shop, stock=shop)


def _jd_ads(ask: Ask) -> Built:
    campaigns = tuple(filter(None, ask.option("campaigns", "").replace(" ", "").split(",")))
    days, pin = int(ask.option("click_days", "15")), ask.option("pin", ask.name)
    return Built(ads=jd.JdAds(_jos(ask), pin=pin, shop=ask.shop, click_days=days, campaigns=campaigns))


def _doudian(ask: Ask) -> Built:
    wire, gmv = ask.wire("https://openapi-fxg.jinritemai.com"), ask.option("gmv", doudian.GMV[0])
    shop = doudian.Doudian(wire, ask.access(), app=ask.keys, clock=ask.clock, shop=ask.given, gmv=gmv)
    return Built(orders=shop, stock=shop)


def _qianchuan(ask: Ask) -> Built:
    wire = ask.wire("https://api.oceanengine.com")
    account = ask.keys["advertiser_id"]
    ads = qianchuan.Qianchuan(wire, ask.access(), advertiser_id=account, clock=ask.clock, shop=ask.given)
    return Built(ads=ads)


def _qianchuan_uni(ask: Ask) -> Built:
    wire, gmv = ask.wire("https://api.oceanengine.com"), ask.option("gmv", qianchuan_uni.GMV[0])
    account = ask.keys["advertiser_id"]
    uni = qianchuan_uni.QianchuanUni(
        wire, ask.access(), advertiser_id=account, clock=ask.clock, shop=ask.given, gmv=gmv
    )
    return Built(ads=uni)


def _jushuitan(ask: Ask) -> Built:
    wire = ask.wire("https://openapi.jushuitan.com", jushuitan.PACES)
    erp = jushuitan.Jushuitan(wire, ask.access(), app=ask.keys, clock=ask.clock)
    return Built(stock=erp, purchases=erp)


def _flagship(ask: Ask) -> Built:
    order = {key: ask.option(key, "") for key in ("provider_no", "warehouse_no", "purchaser_name")}
    wire = ask.wire(wangdiantong.FLAGSHIP)
    erp = wangdiantong.WdtFlagship(wire, app=ask.keys, clock=ask.clock, order=order)
    return Built(stock=erp, purchases=erp)


def _enterprise(ask: Ask) -> Built:
    wire = ask.wire(wangdiantong.ENTERPRISE)
    return Built(stock=wangdiantong.WdtEnterprise(wire, app=ask.keys, clock=ask.clock))


def _folder(ask: Ask) -> Built:
    found = DropFolder(
        Path(ask.option("path", f"drop/{ask.name}")), clock=ask.clock,
        platform=ask.option("platform", DOUYIN), fresh=parse_age(ask.option("fresh", "26h")),
    )  # fmt: skip
    return Built(found, found, found)


def _sql(ask: Ask) -> Built:
    queries = {kind: text for kind in ("orders", "plans", "stock") if (text := ask.option(kind, ""))}
    platform = ask.option("platform", DOUYIN)
    found = SqlSource(ask.keys["url"], queries=queries, clock=ask.clock, platform=platform)
    return Built(found, found, found)


APP = ("app_key", "app_secret")
ADVERTISER = ("app_id", "secret", "advertiser_id")
ADDRESSES: Mapping[str, tuple[str, ...]] = {"base_url": (), "auth_url": ()}
"""Options of everything on the network."""

KINDS: Mapping[str, Kind] = {
    "taobao": Kind(
        "淘宝/天猫", TAOBAO, APP, _taobao, {"gmv": taobao.GMV},
        lambda wire, keys, _, token: taobao.refresh(wire, keys, token), auth=taobao.AUTH,
        reading=taobao.READING,
    ),
    "taobao_ads": Kind(
        "万相台", TAOBAO, APP, _taobao_ads, {"effect_days": EFFECT_DAYS, "scene": SCENES},
        lambda wire, keys, _, token: taobao.refresh(wire, keys, token), "taobao", auth=taobao.AUTH,
    ),
    "jd": Kind(
        "京东", JINGDONG, APP, _jd, {"gmv": jd.GMV},
        lambda wire, keys, _, token: jd.refresh(wire, keys, token), auth=jd.AUTH, reading=jd.READING,
    ),
    "jd_ads": Kind(
        "京准通", JINGDONG, APP, _jd_ads,
        {"pin": (), "click_days": ("0", "1", "3", "7", "15"), "campaigns": ()},
        lambda wire, keys, _, token: jd.refresh(wire, keys, token), "jd", auth=jd.AUTH,
    ),
    "doudian": Kind(
        "抖店", DOUYIN, APP, _doudian, {"gmv": doudian.GMV}, doudian.refresh,
        auth="https://openapi-fxg.jinritemai.com", reading=doudian.READING,
    ),
    "qianchuan": Kind(
        "巨量千川", DOUYIN, ADVERTISER, _qianchuan, {},
        lambda wire, keys, _, token: qianchuan.refresh(wire, keys, token), auth="https://api.oceanengine.com",
    ),
    "qianchuan_uni": Kind(
        "巨量千川全域", DOUYIN, ADVERTISER, _qianchuan_uni, {"gmv": qianchuan_uni.GMV},
        lambda wire, keys, _, token: qianchuan.refresh(wire, keys, token), "qianchuan",
        auth="https://api.oceanengine.com",
    ),
    "jushuitan": Kind(
        "聚水潭", "", APP, _jushuitan, {}, jushuitan.refresh,
        auth="https://openapi.jushuitan.com",
    ),
    "wdt_flagship": Kind(
        "旺店通旗舰版", "", ("sid", "key", "app_secret"), _flagship,
        {"provider_no": (), "warehouse_no": (), "purchaser_name": ()},
    ),
    "wdt_enterprise": Kind("旺店通企业版", "", ("sid", "appkey", "app_secret"), _enterprise),
    "folder": Kind("表格文件夹", "", (), _folder, {"path": (), "platform": (), "fresh": ()}),
    "sql": Kind(
        "数据库", "", ("url",), _sql, {"platform": (), "orders": (), "plans": (), "stock": ()}
    ),
}  # fmt: skip
