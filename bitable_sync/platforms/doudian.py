"""抖店: orders and stock.

Wire facts: the vendor's guide ("API调用指南", "签名算法"). POST with the business parameters as JSON body;
the sign covers exactly that body; pages from 0; amounts are integers in 分; times unix seconds; ok is 10000;
a refresh makes the old refresh token invalid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bitable_sync.platforms.credentials import Pair
from bitable_sync.platforms.facts import DOUYIN, Order, StockRow
from bitable_sync.platforms.orders import Reading
from bitable_sync.platforms.refusals import Why, refusal
from bitable_sync.platforms.signing import canonical, doudian
from bitable_sync.platforms.tokens import Access, with_token
from bitable_sync.platforms.wire import Wire, cents, pages, whole, written
from runtime.clock import SHANGHAI, Clock
from runtime.errors import ChorusError

OK = 10000
PAGE = 100
CANCELLED = 4
RESCANS = 3  # orders change while we page; a scan during which the total changed is read again
READING = Reading(longest=timedelta(days=1), overlap=timedelta(minutes=10))
GMV = ("pay_amount", "order_amount")
"""What may count as sales: what buyers pay (postage in, platform coupons out), or before coupons."""


class Doudian:
    """The shop platform of one authorisation.

    Args:
        wire: the address.
        access: the token.
        app: app_key and app_secret.
        clock: the time.
        shop: its name in our tables; "" = the platform's, which stands in orders and not in stock.
        gmv: the amount that counts, one of `GMV`.
    """

    platform = DOUYIN

    def __init__(
        self, wire: Wire, access: Access, *, app: Mapping[str, str], clock: Clock, shop: str = "",
        gmv: str = GMV[0],
    ) -> None:  # fmt: skip
        self.wire = wire
        self.access = access
        self.clock = clock
        self.shop = shop
        self.counts = gmv
        self.shops: Mapping[str, str] = {}  # one authorisation may be for several; orders tell
        self._app = app

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Orders updated in the window; scanned again if the platform's total changed while paging."""
        found: dict[str, Order] = {}
        for _ in range(RESCANS):
            totals: set[int] = set()
            page = 0
            while True:
                data = self.call("order.searchList", {
                    "update_time_start": int(begin.timestamp()), "update_time_end": int(end.timestamp()),
                    "order_by": "update_time", "order_asc": True, "page": page, "size": PAGE,
                })  # fmt: skip
                rows = data.get("shop_order_list") or []
                found.update((str(row["order_id"]), self._order(row)) for row in rows)
                totals.add(int(data.get("total") or 0))
                page += 1
                if page * PAGE >= max(totals) or not rows:
                    break
            if len(totals) == 1:
                break
        return found.values()

    def stock(self, since: int = 0) -> list[StockRow]:
        """Every SKU that is for sale; the platform cannot be asked for changes, so ``since`` is not used."""
        del since
        found: dict[str, StockRow] = {}
        for product in pages(self._products, PAGE):
            skus = self.call("sku.list", {"product_id": str(product["product_id"])})
            rows = skus.get("list") or skus.get("data") or []
            found.update((row.sku_id, row) for each in rows if (row := _stock(each, product, self.shop)))
        return list(found.values())

    def call(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call e.g. ``order.searchList`` (a read) and give back its ``data``.

        Raises:
            TransientError: busy or rate-limited. PermanentError: refused; the sentence carries sub_code and
            text.
        """
        return with_token(self.access, lambda token: self._once(method, params, token))

    def _products(self, page: int) -> tuple[list[dict[str, Any]] | None, Any]:
        """From page 1, though orders count from 0."""
        data = self.call("product.listV2", {"page": page, "size": PAGE, "status": 0})
        return data.get("data"), data.get("total")

    def _once(self, method: str, params: Mapping[str, Any], token: str) -> dict[str, Any]:
        return send(self.wire, self._app, self.clock, method, params, token=token)

    def _order(self, row: Mapping[str, Any]) -> Order:
        paid = int(row.get("pay_time") or 0)
        return Order(
            order_id=str(row["order_id"]),
            shop_id=str(row["shop_id"]),
            shop=self.shop or str(row.get("shop_name") or ""),
            amount=cents(row.get(self.counts)),
            paid=_at(paid) if paid else None,
            modified=_at(int(row.get("update_time") or 0)),
            void=row.get("order_status") == CANCELLED,
            status=str(row.get("order_status") or ""),
        )


def send(
    wire: Wire, app: Mapping[str, str], clock: Clock, method: str, params: Mapping[str, Any], *,
    token: str = "", writes: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """One signed call; the body signed is the body sent."""
    body, timestamp = canonical(params), written(clock.now())
    query = {
        "app_key": app["app_key"],
        "method": method,
        "access_token": token,
        "timestamp": timestamp,
        "v": "2",
        "sign_method": "hmac-sha256",
        "sign": doudian(app["app_key"], app["app_secret"], method, timestamp, body),
    }
    headers = {"Content-Type": "application/json;charset=UTF-8"}
    path = "/" + method.replace(".", "/")
    answer = wire.call("POST", path, writes=writes, params=query, data=body.encode(), headers=headers)
    code = int(answer.get("code") or 0)
    if code != OK:
        raise _refusal(code, answer)
    return dict(answer.get("data") or {})


def refresh(wire: Wire, keys: Mapping[str, str], clock: Clock, refresh_token: str) -> Pair:
    """Trade the refresh token in; 7 days for the access token, 14 for the next refresh token."""
    params = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    data = send(wire, keys, clock, "token.refresh", params, writes=True)
    return Pair(str(data["access_token"]), str(data["refresh_token"]), int(data["expires_in"]), 14 * 86400)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, SHANGHAI)


def _stock(row: Mapping[str, Any], product: Mapping[str, Any], shop: str) -> StockRow | None:
    code = str(row.get("code") or "")
    if not code:
        return None  # without the merchant's own code nobody can tell which article it is
    held, free = whole(row.get("prehold_stock_num")), whole(row.get("stock_num"))
    return StockRow(
        sku_id=code,
        style=str(product["product_id"]),
        name=str(product.get("name") or ""),
        qty=free + held,
        sellable=free,
        shop=shop,
    )


def _refusal(code: int, answer: Mapping[str, Any]) -> ChorusError:
    sub_code, sub_msg = str(answer.get("sub_code") or ""), str(answer.get("sub_msg") or "")
    said = f"抖店 {code} {answer.get('msg') or ''} {sub_code} {sub_msg}".strip()
    if answer.get("log_id"):
        said += f"（log_id {answer['log_id']}）"
    return refusal(said, _why(code, sub_code), wait=1.0 if code == 60000 else None)


def _why(code: int, sub_code: str) -> Why:
    if code in (20000, 20001, 60000) or sub_code.startswith("isp."):
        return Why.BUSY
    if "access-token" in sub_code or "refresh-token" in sub_code or "token-generate-failed" in sub_code:
        return Why.TOKEN
    by_sub = {"isv.signature-invalid": Why.SIGN, "isv.timestamp-invalid": Why.CLOCK}
    by_code = {30001: Why.RIGHT, 30002: Why.ADDRESS}
    return by_sub.get(sub_code) or by_code.get(code, Why.RULE)
