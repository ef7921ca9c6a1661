"""聚水潭: stock with safety bounds, articles, purchase orders.

Wire facts: openweb.jushuitan.com. POST form, business parameters as JSON text in ``biz``; MD5 with the
secret in front only; ok is 0; 5 calls a second and 100 a minute; page by row version ``ts``, because paging
by time loses rows that change meanwhile; ``external_id`` makes a purchase order idempotent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.credentials import Pair
from bitable_sync.platforms.facts import PurchaseItem, PurchaseOrder, StockRow
from bitable_sync.platforms.refusals import Why, refusal
from bitable_sync.platforms.signing import jushuitan
from bitable_sync.platforms.tokens import Access, with_token
from bitable_sync.platforms.wire import Wire, found_after, number, whole
from runtime.clock import Clock
from runtime.errors import ChorusError, PermanentError, UnknownOutcome

PAGE = 100
BUSY = {199: 1.0, 200: 60.0}  # code → seconds until its window has passed
CODES = {
    **dict.fromkeys(BUSY, Why.BUSY),
    10: Why.SIGN,
    100: Why.TOKEN,
    110: Why.ADDRESS,
    140: Why.CLOCK,
    150: Why.TOKEN,  # this app may not refresh: a person must authorise
    190: Why.RIGHT,
}
PACES = ((4, 1.0), (95, 60.0))
"""Below 5 calls a second and 100 a minute: a long first reading must not be cut off at 10,000 articles."""


@dataclass(frozen=True, slots=True)
class Article:
    """Master data of one SKU; prices in 元."""

    sku_id: str
    name: str
    cost: Decimal
    price: Decimal
    supplier_id: int
    supplier: str


class Jushuitan:
    """The ERP of one company; ``app`` holds app_key and app_secret."""

    def __init__(self, wire: Wire, access: Access, *, app: Mapping[str, str], clock: Clock) -> None:
        self.wire = wire
        self.access = access
        self.clock = clock
        self._app = app

    def stock(self, since: int = 0) -> list[StockRow]:
        """SKUs whose stock row changed after version ``since`` (0 = all).

        Give the highest ``version`` next time.
        """
        return [_stock(row) for row in self._by_version("/open/inventory/query", "inventorys", since)]

    def sku(self, sku_id: str) -> StockRow | None:
        """How one article stands at this moment; None if the ERP has none of that id."""
        data = self.call("/open/inventory/query", {"sku_ids": sku_id, "page_index": 1, "page_size": PAGE})
        found = (_stock(row) for row in data.get("inventorys") or [])
        return next((row for row in found if row.sku_id == sku_id), None)

    def articles(self, sku_ids: Sequence[str]) -> dict[str, Article]:
        """Master data of these SKUs; unknown ones are left out."""
        found: dict[str, Article] = {}
        for start in range(0, len(sku_ids), PAGE):
            ids = ",".join(sku_ids[start : start + PAGE])
            data = self.call("/open/sku/query", {"sku_ids": ids, "page_index": 1, "page_size": PAGE})
            found.update((str(row["sku_id"]), _article(row)) for row in data.get("datas") or [])
        return found

    def purchase(self, external_id: str, items: Sequence[PurchaseItem]) -> PurchaseOrder:
        """Make a purchase order, approved at once. The same ``external_id`` never makes a second order.

        Args:
            external_id: our own number of this order (derive it from the alert and the decision).
            items: what to buy, from the one supplier all the articles have.

        Raises:
            PermanentError: refused, or the articles have several suppliers.
            TransientError: busy; nothing happened. UnknownOutcome: the answer was lost twice; call again.
        """
        biz: dict[str, Any] = {
            "external_id": external_id,
            "supplier_id": self._supplier([item.sku_id for item in items]),
            "is_confirm": True,
            "items": [_item(item) for item in items],
        }
        try:
            return self._upload(biz)
        except UnknownOutcome as lost:
            # Look before sending again; sending again is harmless by external_id, but a look is the surer
            # proof.
            return found_after(lost, lambda: self.find_purchase(external_id)) or self._upload(biz)

    def find_purchase(self, external_id: str) -> PurchaseOrder | None:
        """The purchase order with our number, if the ERP has it."""
        data = self.call(
            "/open/purchase/query", {"so_ids": [external_id], "page_index": 1, "page_size": PAGE}
        )
        for row in data.get("datas") or []:
            if str(row.get("external_id") or row.get("so_id")) == external_id:
                return PurchaseOrder(str(row["po_id"]), external_id)
        return None

    def call(self, path: str, biz: Mapping[str, Any], *, writes: bool = False) -> dict[str, Any]:
        """Call one API and give back its ``data``; errors as ``purchase``."""
        text = json.dumps(biz, ensure_ascii=False, separators=(",", ":"))
        return with_token(self.access, lambda token: self._once(path, text, token, writes=writes))

    def _once(self, path: str, biz: str, token: str, *, writes: bool) -> dict[str, Any]:
        form = {"access_token": token, "version": "2", "biz": biz}
        return send(self.wire, self._app, self.clock, path, form, writes=writes)

    def _upload(self, biz: Mapping[str, Any]) -> PurchaseOrder:
        data = self.call("/open/jushuitan/purchase/upload", biz, writes=True).get("data") or {}
        if not data.get("po_id"):
            raise UnknownOutcome("聚水潭 did not say which purchase order it made; look it up by external_id")
        return PurchaseOrder(str(data["po_id"]), str(data.get("external_id") or biz["external_id"]))

    def _supplier(self, sku_ids: Sequence[str]) -> int:
        articles = self.articles(sku_ids)
        unknown = [sku_id for sku_id in sku_ids if sku_id not in articles]
        if unknown:
            raise PermanentError(f"聚水潭没有商品编码 {'、'.join(unknown)}；请核对商品库存表")
        suppliers = {article.supplier_id for article in articles.values()}
        if len(suppliers) != 1:
            raise PermanentError("这些商品属于不同供应商，请分开下采购单")
        return suppliers.pop()

    def _by_version(self, path: str, name: str, since: int) -> Iterator[dict[str, Any]]:
        seen: dict[str, dict[str, Any]] = {}
        while True:
            biz = {"ts": since, "is_get_total": False, "page_index": 1, "page_size": PAGE}
            rows = self.call(path, biz).get(name) or []
            fresh = [row for row in rows if seen.get(str(row["sku_id"])) != row]
            seen.update((str(row["sku_id"]), row) for row in fresh)
            highest = max((int(row["ts"]) for row in rows), default=since)
            if len(rows) < PAGE or highest <= since:
                return iter(seen.values())
            since = highest


def send(
    wire: Wire, app: Mapping[str, str], clock: Clock, path: str, form: Mapping[str, str], *,
    writes: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """One signed form; gives the ``data`` of a good answer."""
    stamp = str(int(clock.now().timestamp()))
    full = {"app_key": app["app_key"], "timestamp": stamp, "charset": "utf-8", **form}
    signed = {**full, "sign": jushuitan(full, app["app_secret"])}
    answer = wire.call("POST", path, writes=writes, data=signed)
    code = int(answer.get("code") or 0)
    if code:
        raise _refusal(code, answer)
    return dict(answer.get("data") or {})


def refresh(wire: Wire, keys: Mapping[str, str], clock: Clock, refresh_token: str) -> Pair:
    """Trade the refresh token in; about 30 days. Apps of software vendors may not (code 150)."""
    form = {"grant_type": "refresh_token", "scope": "all", "refresh_token": refresh_token}
    data = send(wire, keys, clock, "/openWeb/auth/refreshToken", form, writes=True)
    return Pair(str(data["access_token"]), str(data["refresh_token"]), int(data["expires_in"]))


def _stock(row: Mapping[str, Any]) -> StockRow:
    qty = whole(row.get("qty"))
    held = whole(row.get("order_lock")) + whole(row.get("pick_lock"))
    return StockRow(
        sku_id=str(row["sku_id"]),
        style=str(row.get("i_id") or ""),
        name=str(row.get("name") or ""),
        qty=qty,
        sellable=qty - held + whole(row.get("virtual_qty")),
        on_the_way=whole(row.get("purchase_qty")),
        safety=whole(row.get("min_qty")),
        most=whole(row.get("max_qty")),
        version=whole(row.get("ts")),
    )


def _article(row: Mapping[str, Any]) -> Article:
    return Article(
        sku_id=str(row["sku_id"]),
        name=str(row.get("name") or ""),
        cost=number(row.get("cost_price") or 0),
        price=number(row.get("sale_price") or 0),
        supplier_id=whole(row.get("supplier_id")),
        supplier=str(row.get("supplier_name") or ""),
    )


def _item(item: PurchaseItem) -> dict[str, Any]:
    line: dict[str, Any] = {"sku_id": item.sku_id, "qty": item.qty}
    if item.price is not None:
        line["price"] = str(item.price)
    return line


def _refusal(code: int, answer: Mapping[str, Any]) -> ChorusError:
    said = f"聚水潭 {code} {answer.get('msg') or ''}".strip()
    if answer.get("requestId"):
        said += f"（requestId {answer['requestId']}）"
    return refusal(said, CODES.get(code, Why.RULE), wait=BUSY.get(code))
