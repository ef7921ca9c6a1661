"""聚水潭: stock with safety bounds, articles, purchase orders.

Wire facts: openweb.jushuitan.com. POST form, business parameters as JSON text in ``biz``; MD5 with the
secret in front only; ok is 0; 5 calls a second and 100 a minute; page by row version ``ts``, because paging
by time loses rows that change meanwhile; ``external_id`` makes a purchase order idempotent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.wire import Wire, need, number
from runtime.clock import Clock
from runtime.errors import ChorusError, PermanentError, TransientError, UnknownOutcome
from runtime.settings import Settings

PAGE = 100
BUSY = {199: 1.0, 200: 60.0}  # code → seconds until its window has passed
INTERVAL = 0.25  # below 5 calls a second


@dataclass(frozen=True, slots=True)
class StockRow:
    """One SKU. ``sellable`` is what can still be sold; ``on_the_way`` is bought and not here yet."""

    sku_id: str
    style: str
    name: str
    qty: int
    sellable: int
    on_the_way: int
    safety: int  # min_qty: the safety stock kept in the ERP
    most: int
    version: int


@dataclass(frozen=True, slots=True)
class Article:
    """Master data of one SKU; prices in 元."""

    sku_id: str
    name: str
    cost: Decimal
    price: Decimal
    supplier_id: int
    supplier: str


@dataclass(frozen=True, slots=True)
class PurchaseItem:
    """One line of a purchase order; ``price`` in 元, None = the ERP's own."""

    sku_id: str
    qty: int
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """A purchase order that exists in the ERP."""

    po_id: str
    external_id: str


class ErpGateway:
    """The ERP of one company."""

    def __init__(self, wire: Wire, *, app_key: str, app_secret: str, token: str, clock: Clock) -> None:
        self.wire = wire
        self.app_key = app_key
        self.clock = clock
        self._secret = app_secret
        self._token = token

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> ErpGateway:
        """Build it from ``CHORUS_ERP_*``; ConfigError names what is missing."""
        key, secret, token = settings.erp_app_key, settings.erp_app_secret, settings.erp_access_token
        need({"CHORUS_ERP_APP_KEY": key, "CHORUS_ERP_APP_SECRET": secret, "CHORUS_ERP_ACCESS_TOKEN": token})
        return cls(
            Wire("聚水潭", settings.erp_base_url, interval=INTERVAL),
            app_key=key or "",
            app_secret=secret.get_secret_value() if secret else "",
            token=token.get_secret_value() if token else "",
            clock=clock,
        )

    def stock(self, since: int = 0) -> list[StockRow]:
        """SKUs whose stock row changed after version ``since`` (0 = all).

        Give the highest ``version`` next time.
        """
        return [_stock(row) for row in self._by_version("/open/inventory/query", "inventorys", since)]

    def stock_of(self, sku_id: str) -> StockRow | None:
        """One SKU, or None if the ERP has no such SKU."""
        data = self.call("/open/inventory/query", {"sku_ids": sku_id, "page_index": 1, "page_size": PAGE})
        rows = data.get("inventorys") or []
        return _stock(rows[0]) if rows else None

    def articles(self, sku_ids: Sequence[str]) -> dict[str, Article]:
        """Master data of these SKUs; unknown ones are left out."""
        found: dict[str, Article] = {}
        for start in range(0, len(sku_ids), PAGE):
            ids = ",".join(sku_ids[start : start + PAGE])
            data = self.call("/open/sku/query", {"sku_ids": ids, "page_index": 1, "page_size": PAGE})
            found.update((str(row["sku_id"]), _article(row)) for row in data.get("datas") or [])
        return found

    def purchase(
        self,
        external_id: str,
        items: Sequence[PurchaseItem],
        *,
        supplier_id: int | None = None,
        remark: str = "",
    ) -> PurchaseOrder:
        """Make a purchase order, approved at once. The same ``external_id`` never makes a second order.

        Args:
            external_id: our own number of this order (derive it from the alert and the decision).
            items: what to buy.
            supplier_id: from whom; None = the one supplier all the articles have.
            remark: shown in the ERP.

        Raises:
            PermanentError: refused, or the articles have several suppliers.
            TransientError: busy; nothing happened. UnknownOutcome: the answer was lost twice; call again.
        """
        biz: dict[str, Any] = {
            "external_id": external_id,
            "supplier_id": supplier_id or self._supplier([item.sku_id for item in items]),
            "is_confirm": True,
            "items": [_item(item) for item in items],
        }
        if remark:
            biz["remark"] = remark  # an optional key is left out, never sent empty
        try:
            return self._upload(biz)
        except UnknownOutcome:
            # Look before sending again; sending again is harmless by external_id, but a look is the surer
            # proof.
            return self.find_purchase(external_id) or self._upload(biz)

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
        form = {
            "app_key": self.app_key,
            "access_token": self._token,
            "timestamp": str(int(self.clock.now().timestamp())),
            "charset": "utf-8",
            "version": "2",
            "biz": json.dumps(biz, ensure_ascii=False, separators=(",", ":")),
        }
        answer = self.wire.call("POST", path, writes=writes, data={**form, "sign": sign(form, self._secret)})
        code = int(answer.get("code") or 0)
        if code:
            raise _refusal(code, answer)
        return dict(answer.get("data") or {})

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


def sign(form: Mapping[str, str], secret: str) -> str:
    """MD5 of the secret followed by the sorted non-empty parameters, lower hex (openweb.jushuitan.com)."""
    text = secret + "".join(key + form[key] for key in sorted(form) if key != "sign" and form[key])
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the platform's choice


def _whole(value: Any) -> int:
    return int(number(value or 0))


def _stock(row: Mapping[str, Any]) -> StockRow:
    qty = _whole(row.get("qty"))
    held = _whole(row.get("order_lock")) + _whole(row.get("pick_lock"))
    return StockRow(
        sku_id=str(row["sku_id"]),
        style=str(row.get("i_id") or ""),
        name=str(row.get("name") or ""),
        qty=qty,
        sellable=qty - held + _whole(row.get("virtual_qty")),
        on_the_way=_whole(row.get("purchase_qty")),
        safety=_whole(row.get("min_qty")),
        most=_whole(row.get("max_qty")),
        version=_whole(row.get("ts")),
    )


def _article(row: Mapping[str, Any]) -> Article:
    return Article(
        sku_id=str(row["sku_id"]),
        name=str(row.get("name") or ""),
        cost=number(row.get("cost_price") or 0),
        price=number(row.get("sale_price") or 0),
        supplier_id=_whole(row.get("supplier_id")),
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
    if code in BUSY:
        return TransientError(f"{said}；稍后自动重试", wait=BUSY[code])
    if code == 100:
        return PermanentError(f"{said}：请更新 CHORUS_ERP_ACCESS_TOKEN")
    return PermanentError(said)
