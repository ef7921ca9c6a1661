"""Taobao and Tmall over TOP: trades and SKU stock; the signed call that 万相台 shares.

Wire facts: article 101617 of the open platform ("API调用方法详解") and the method catalogue in
bububa/opentaobao. POST form, UTF-8; HTTP 200 also for failures; amounts are strings in 元; times are
Shanghai without an offset; a JSON list is wrapped once more (``trades.trade``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from bitable_sync.platforms import signing
from bitable_sync.platforms.credentials import Pair
from bitable_sync.platforms.facts import TAOBAO, Order, StockRow
from bitable_sync.platforms.orders import Reading, last_page_first
from bitable_sync.platforms.refusals import Why, refusal
from bitable_sync.platforms.tokens import Access, with_token
from bitable_sync.platforms.wire import Wire, moment, number, pages, whole, written
from runtime.clock import Clock
from runtime.errors import ChorusError, PermanentError, UnknownOutcome

BASE, AUTH = "https://eco.taobao.com", "https://oauth.taobao.com"
PATH = "/router/rest"
PAGE = 100
ITEMS = 40  # num_iids of one item.skus.get
READING = Reading(longest=timedelta(minutes=30), overlap=timedelta(minutes=10))
GMV = ("payment", "total_fee")
"""What may count as sales: what buyers pay (postage in, all discounts out), or goods at their price."""
VOID = {"TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO"}
FIELDS = "tid,status,payment,total_fee,created,pay_time,modified"
CODES = {
    11: Why.RIGHT, 12: Why.RIGHT, 13: Why.RIGHT, 25: Why.SIGN, 26: Why.TOKEN, 27: Why.TOKEN, 31: Why.CLOCK,
}  # fmt: skip
DAILY = "accesscontrol.limited-by-app-access-count"
_SECONDS = re.compile(r"(\d+)\s*(?:more\s+)?seconds?", re.IGNORECASE)


class Top:
    """Signed calls in the name of one shop.

    Args:
        wire: the address.
        access: the token (``session``).
        app: app_key and app_secret.
        clock: the time; the platform takes ten minutes of difference.
    """

    def __init__(self, wire: Wire, access: Access, *, app: Mapping[str, str], clock: Clock) -> None:
        self.wire = wire
        self.access = access
        self.clock = clock
        self._app = app

    def call(self, method: str, params: Mapping[str, Any], *, writes: bool = False) -> dict[str, Any]:
        """Call a method and give back what its ``…_response`` holds.

        Args:
            method: e.g. ``taobao.trades.sold.increment.get``.
            params: business parameters; mappings and lists go as JSON text, None is left out.
            writes: it changes something.

        Raises:
            TransientError: busy. UnknownOutcome: a change that may be made. PermanentError: refused.
        """
        return with_token(self.access, lambda token: self._once(method, params, token, writes=writes))

    def _once(self, method: str, params: Mapping[str, Any], token: str, *, writes: bool) -> dict[str, Any]:
        form = {
            "method": method, "app_key": self._app["app_key"], "session": token, "format": "json", "v": "2.0",
            "timestamp": written(self.clock.now()), "sign_method": "hmac-sha256",
            **{key: _text(value) for key, value in params.items() if value is not None},
        }  # fmt: skip
        form["sign"] = signing.top(form, self._app["app_secret"], method="hmac-sha256")
        answer = self.wire.call("POST", PATH, writes=writes, data=form)
        if "error_response" in answer:
            raise _refusal(method, answer["error_response"], writes=writes)
        for key, value in answer.items():
            if key.endswith("_response") and isinstance(value, dict):
                return value
        raise PermanentError(f"淘宝 {method} 的回答里没有 *_response，请把这句话告诉 Chorus 的维护者")


class Taobao:
    """One shop: what it sold, and what it has.

    Args:
        top: signed calls.
        shop_id: how the tables know it.
        shop: its name.
        gmv: the amount that counts, one of `GMV`.
    """

    platform = TAOBAO

    def __init__(self, top: Top, *, shop_id: str, shop: str, gmv: str = GMV[0]) -> None:
        self.top = top
        self.shop_id = shop_id
        self.shop = shop
        self.shops: Mapping[str, str] = {shop_id: shop}
        self.counts = gmv

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Trades modified in the window."""

        def ask(page: int) -> dict[str, Any]:
            return self.top.call("taobao.trades.sold.increment.get", {
                "fields": FIELDS, "start_modified": written(begin), "end_modified": written(end),
                "page_size": PAGE, "page_no": page, "use_has_next": True if page > 1 else None,
            })  # fmt: skip

        for found in last_page_first(ask, "total_results", PAGE):
            yield from self._read(found)

    def stock(self, since: int = 0) -> list[StockRow]:
        """Every SKU on sale; the platform cannot be asked for changes, so ``since`` is not used."""
        del since
        items = {str(item["num_iid"]): item for item in pages(self._items, PAGE)}
        found: dict[str, StockRow] = {}
        ids = list(items)
        for start in range(0, len(ids), ITEMS):
            some = ids[start : start + ITEMS]
            skus = self._skus(some)
            for sku in skus:
                row = _stock(sku, items[str(sku["num_iid"])], "quantity", self.shop)
                found[row.sku_id] = row
            for num_iid in set(some) - {str(sku["num_iid"]) for sku in skus}:  # sold without variants
                row = _stock(items[num_iid], items[num_iid], "num", self.shop)
                found[row.sku_id] = row
        return list(found.values())

    def _read(self, data: Mapping[str, Any]) -> Iterator[Order]:
        for row in (data.get("trades") or {}).get("trade") or []:
            changed = moment(row.get("modified")) or moment(row.get("created"))
            if changed is None:
                raise PermanentError(f"淘宝订单 {row.get('tid')} 没有修改时间；这次不更新店铺日报")
            yield Order(
                order_id=str(row["tid"]),
                shop_id=self.shop_id,
                shop=self.shop,
                amount=number(row.get(self.counts) or 0),
                paid=moment(row.get("pay_time")),
                modified=changed,
                void=str(row.get("status")) in VOID,
                status=str(row.get("status") or ""),
            )

    def _items(self, page: int) -> tuple[list[dict[str, Any]] | None, Any]:
        data = self.top.call("taobao.items.onsale.get", {
            "fields": "num_iid,title,num,outer_id", "page_no": page, "page_size": PAGE,
        })  # fmt: skip
        return (data.get("items") or {}).get("item"), data.get("total_results")

    def _skus(self, ids: list[str]) -> list[dict[str, Any]]:
        fields = "sku_id,num_iid,outer_id,quantity"
        data = self.top.call("taobao.item.skus.get", {"num_iids": ",".join(ids), "fields": fields})
        return list((data.get("skus") or {}).get("sku") or [])


def refresh(wire: Wire, keys: Mapping[str, str], refresh_token: str) -> Pair:
    """Trade the refresh token in at `AUTH`; how long tokens live stands in the reply."""
    form = {
        "grant_type": "refresh_token", "client_id": keys["app_key"], "client_secret": keys["app_secret"],
        "refresh_token": refresh_token,
    }  # fmt: skip
    answer = wire.call("POST", "/token", writes=True, data=form)
    if not answer.get("access_token"):
        said = f"淘宝授权 {answer.get('error') or ''} {answer.get('error_description') or ''}".strip()
        raise refusal(said, Why.TOKEN)
    return Pair(
        str(answer["access_token"]),
        str(answer.get("refresh_token") or refresh_token),
        whole(answer.get("expires_in")) or None,
        whole(answer.get("re_expires_in")) or None,
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return signing.canonical(value) if isinstance(value, dict) else str(value)


def _stock(row: Mapping[str, Any], item: Mapping[str, Any], count: str, shop: str) -> StockRow:
    pieces = whole(row.get(count))
    return StockRow(
        sku_id=str(row.get("outer_id") or row.get("sku_id") or item["num_iid"]),
        style=str(item["num_iid"]),
        name=str(item.get("title") or ""),
        qty=pieces,
        sellable=pieces,
        shop=shop,
    )


def _refusal(method: str, error: Mapping[str, Any], *, writes: bool) -> ChorusError:
    code, sub = whole(error.get("code")), str(error.get("sub_code") or "")
    text = str(error.get("sub_msg") or error.get("msg") or "")
    said = f"淘宝 {method} {code} {sub} {text}".strip() + f"（request_id {error.get('request_id') or '无'}）"
    if sub.startswith("isp."):
        if writes:  # their inner call broke: it may have been made
            return UnknownOutcome(f"{said}: look up whether the change was made")
        return refusal(said, Why.BUSY)
    if code == 7:
        if sub == DAILY:
            return refusal(said, Why.QUOTA)
        asked = _SECONDS.search(text)
        return refusal(said, Why.BUSY, wait=float(asked[1]) if asked else None)
    return refusal(said, CODES.get(code, Why.RULE))
