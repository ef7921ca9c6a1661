"""旺店通, its two products: 旗舰版 (stock with safety bounds, purchase orders) and 企业版 (stock).

Wire facts 旗舰版: open.wangdian.cn/qjb (wms.StockSpec.search2, purchase.PurchaseOrder.*). The body is a JSON
array of arguments, signed as ``body``; seconds count from 2012-01-01; pages from 0; the limit of calls is
told in words only. A SKU has a row for each warehouse, so what changed is asked first and then read whole.
企业版: form, every pair signed with its length in characters, pages from 0 of 40 to 100 rows; the fields of
its purchase order are not verified, so it makes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bitable_sync.platforms import signing
from bitable_sync.platforms.facts import PurchaseItem, PurchaseOrder, StockRow
from bitable_sync.platforms.orders import Reading, windows
from bitable_sync.platforms.refusals import Why, refusal
from bitable_sync.platforms.wire import Wire, found_after, number, pages, whole, written
from runtime.clock import SHANGHAI, Clock, day_of
from runtime.errors import ChorusError, PermanentError, UnknownOutcome

FLAGSHIP, ENTERPRISE = "http://wdt.wangdian.cn", "https://api.wangdian.cn"
EPOCH = 1325347200  # 2012-01-01 00:00 in Shanghai
PAGE = 100
SPECS = 50  # articles of one look
READING = Reading(longest=timedelta(days=30), overlap=timedelta(minutes=10))
BACK = timedelta(days=360)
"""How far the first reading goes back; an article that did not move for longer comes with its next change."""
TOO_OFTEN = "超过每分钟最大调用频率限制"
CANCELLED = 10
CODES = {1: Why.SIGN, 6: Why.ADDRESS, 7: Why.CLOCK}


class WdtFlagship:
    """The ERP of one company, 旗舰版.

    Args:
        wire: the address.
        app: sid, key, and app_secret in the console's form ``secret:salt``.
        clock: the time; the platform takes two minutes of difference.
        order: what every purchase order says: provider_no, warehouse_no, purchaser_name.
    """

    def __init__(
        self, wire: Wire, *, app: Mapping[str, str], clock: Clock, order: Mapping[str, str] | None = None
    ) -> None:
        self.wire = wire
        self.clock = clock
        self._app = app
        self._order = order or {}

    def stock(self, since: int = 0) -> list[StockRow]:
        """SKUs changed since that moment (unix seconds; 0 = all of the last year), over all warehouses.

        The first reading of a day (Shanghai) takes all: what an article sold in seven days falls without any
        change of its stock.
        """
        now = self.clock.now()
        begin = datetime.fromtimestamp(since, SHANGHAI)
        if day_of(begin) != day_of(now):
            begin = now - BACK
        changed: dict[str, None] = {}
        for start, end in windows(begin, now, READING):
            args = {"start_time": written(start), "end_time": written(end)}
            changed.update((str(row["spec_no"]), None) for row in self._pages(args))
        wanted, found = list(changed), []
        for at in range(0, len(wanted), SPECS):
            found += self._whole(wanted[at : at + SPECS], now)
        return found

    def sku(self, sku_id: str) -> StockRow | None:
        """How one article stands at this moment, over all warehouses; None if the ERP has none of that id."""
        return next(iter(self._whole([sku_id], self.clock.now())), None)

    def purchase(self, external_id: str, items: Sequence[PurchaseItem]) -> PurchaseOrder:
        """Make a purchase order under our own number, approved at once.

        Without a number of its own an order would be made twice by a repeat, so it is looked for first and
        after every lost answer.
        """
        lacking = [
            key for key in ("provider_no", "warehouse_no", "purchaser_name") if not self._order.get(key)
        ]
        if lacking:
            said = "、".join(lacking)
            raise PermanentError(f"采购单还缺少 {said}；写到 feishu_app.yaml 的 connections.options")
        made = self.find_purchase(external_id)
        if made is not None:
            return made
        try:
            return self._create(external_id, items)
        except UnknownOutcome as lost:
            made = found_after(lost, lambda: self.find_purchase(external_id))
            if made is None:
                raise
            return made

    def find_purchase(self, external_id: str) -> PurchaseOrder | None:
        """The purchase order with our number, if the ERP has it."""
        data = self._call("purchase.PurchaseOrder.queryWithDetail", [{"purchase_no": external_id}], page=0)
        for row in data.get("order") or []:
            if str(row.get("purchase_no")) == external_id and row.get("status") != CANCELLED:
                return PurchaseOrder(external_id, external_id)
        return None

    def _whole(self, spec_nos: Sequence[str], now: datetime) -> list[StockRow]:
        wanted = {"spec_nos": spec_nos, "need_alarm_info": 1}
        return _summed(self._pages(wanted), int(now.timestamp()))

    def _create(self, external_id: str, items: Sequence[PurchaseItem]) -> PurchaseOrder:
        warehouse = self._order["warehouse_no"]
        order = {
            "purchase_no": external_id, "provider_no": self._order["provider_no"],
            "receive_warehouse_nos": warehouse, "expect_warehouse_no": warehouse,
            "purchaser_name": self._order["purchaser_name"], "is_check": True,
            "purchase_details": [_line(item) for item in items],
        }  # fmt: skip
        data = self._call("purchase.PurchaseOrder.createOrder", [order], writes=True)
        if whole(data.get("status")) == 20:
            said = f"旺店通已建采购单 {external_id}，但自动审核没有通过；请到旺店通审核，不要重复下单"
            raise PermanentError(said)
        return PurchaseOrder(external_id, external_id)

    def _pages(self, args: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        def ask(page: int) -> tuple[list[dict[str, Any]] | None, Any]:
            data = self._call("wms.StockSpec.search2", [args], page=page)
            return data.get("detail_list"), data.get("total_count")

        return pages(ask, PAGE, first=0)

    def _call(
        self, method: str, args: Sequence[Mapping[str, Any]], *, page: int | None = None, writes: bool = False
    ) -> dict[str, Any]:
        secret, _, salt = self._app["app_secret"].partition(":")
        query = {
            "sid": self._app["sid"], "key": self._app["key"], "salt": salt, "method": method, "v": "1.0",
            "timestamp": str(int(self.clock.now().timestamp()) - EPOCH),
        }  # fmt: skip
        if page is not None:
            query |= {"page_no": str(page), "page_size": str(PAGE), "calc_total": str(int(page == 0))}
        body = signing.canonical(args)
        query["sign"] = signing.wdt_flagship(query, body, secret)
        headers = {"Content-Type": "application/json;charset=UTF-8"}
        answer = self.wire.call(
            "POST", "/openapi", writes=writes, params=query, data=body.encode(), headers=headers
        )
        status = int(answer.get("status") or 0)
        if status:
            raise _refusal("旺店通", status, str(answer.get("message") or ""))
        return dict(answer.get("data") or {})


class WdtEnterprise:
    """The ERP of one company, 企业版: stock. ``app`` holds sid, appkey and app_secret."""

    def __init__(self, wire: Wire, *, app: Mapping[str, str], clock: Clock) -> None:
        self.wire = wire
        self.clock = clock
        self._app = app

    def stock(self, since: int = 0) -> list[StockRow]:
        """SKUs changed since that moment (unix seconds; 0 = all of the last year), over all warehouses.

        A row of one warehouse says nothing of the others, so what changed is read again whole, one call an
        article; a first reading has all of them anyway.
        """
        now = self.clock.now()
        begin = datetime.fromtimestamp(since, SHANGHAI) if since else now - BACK
        shelves: dict[tuple[str, str], Mapping[str, Any]] = {}
        for start, end in windows(begin, now, READING):
            for row in self._pages({"start_time": written(start), "end_time": written(end)}):
                shelves[str(row["spec_no"]), str(row.get("warehouse_no"))] = row
        version = int(now.timestamp())
        if not since:
            return _summed(shelves.values(), version)
        found: list[StockRow] = []
        for spec in dict.fromkeys(spec for spec, _ in shelves):
            found += _summed(self._pages({"spec_no": spec}), version)
        return found

    def _pages(self, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        def ask(page: int) -> tuple[list[dict[str, Any]] | None, Any]:
            answer = self._call("stock_query", {**params, "page_no": str(page), "page_size": str(PAGE)})
            return answer.get("stocks"), answer.get("total_count")

        return pages(ask, PAGE, first=0)

    def _call(self, name: str, params: Mapping[str, str]) -> dict[str, Any]:
        stamp = str(int(self.clock.now().timestamp()))
        form = {"sid": self._app["sid"], "appkey": self._app["appkey"], "timestamp": stamp, **params}
        form["sign"] = signing.wdt_enterprise(form, self._app["app_secret"])
        answer = self.wire.call("POST", f"/openapi2/{name}.php", data=form)
        code = int(answer.get("code") or 0)
        if code:
            raise _refusal("旺店通企业版", code, str(answer.get("message") or ""))
        return answer


def _summed(rows: Iterable[Mapping[str, Any]], version: int) -> list[StockRow]:
    """Rows of warehouses as SKUs, without damaged goods; bounds are None where none is told."""
    by_spec: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if not row.get("defect"):
            by_spec.setdefault(str(row["spec_no"]), []).append(row)
    return [_stock(spec, some, version) for spec, some in by_spec.items()]


def _stock(spec: str, rows: Sequence[Mapping[str, Any]], version: int) -> StockRow:
    def total(*keys: str) -> int | None:
        """Pieces over all warehouses of the first of these fields that a row has."""
        said = [next((row[key] for key in keys if row.get(key) is not None), None) for row in rows]
        known = [number(value) for value in said if value is not None]
        return int(sum(known)) if known else None

    qty = total("stock_num") or 0
    free = total("available_send_stock", "avaliable_num")  # sic, 企业版
    return StockRow(
        sku_id=spec,
        style=str(rows[0].get("goods_no") or ""),
        name=str(rows[0].get("goods_name") or ""),
        qty=qty,
        sellable=qty if free is None else free,
        on_the_way=total("purchase_num"),
        safety=total("safe_stock"),
        most=total("safe_stock_upper"),
        version=version,
        sales_7d=total("num_7days"),
    )


def _line(item: PurchaseItem) -> dict[str, Any]:
    line: dict[str, Any] = {"spec_no": item.sku_id, "num": item.qty}
    if item.price is not None:
        line["price"] = str(item.price)
    return line


def _refusal(name: str, code: int, text: str) -> ChorusError:
    if TOO_OFTEN in text:
        return refusal(f"{name} {code} {text}", Why.BUSY, wait=60.0)
    return refusal(f"{name} {code} {text}", CODES.get(code, Why.RULE))
