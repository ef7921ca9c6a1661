"""旺店通 旗舰版: stock by warehouse and purchase orders, a JSON array signed as ``body``.

Wire facts: open.wangdian.cn/qjb pages of wms.StockSpec.search2, purchase.PurchaseOrder.createOrder and
queryWithDetail as carried in public copies, read 2026-11. Not confirmed: which status says that the sign is
wrong (1 here), and what a purchase_no that is there already is answered with (100 here).
"""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox import wdt_enterprise
from sandbox.kernel import ApiError, Reply, Request, Routes, World

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLAIM = "open.wangdian.cn/qjb via public copies, 2026-11"
SID, KEY = "wdtapi3", "sandbox-ot"
SECRET, SALT = "sandbox-wdt-secret", "5f6c1a2b"
BEGIN_2012 = 1325347200
TOLERANCE = 120
NEEDED = ("sid", "key", "salt", "method", "v", "timestamp", "sign")


@dataclass(slots=True)
class Shelf:
    """An article in one warehouse; ``changed`` in unix seconds."""

    spec: str
    warehouse: str
    pieces: int
    free: int
    safety: int | None = None
    most: int | None = None
    coming: int = 0
    sold: int | None = None
    defect: bool = False
    changed: float = 0.0

    def row(self, *, alarm: bool) -> dict[str, Any]:
        """The row as search2 lists it; the bounds only when they are asked for."""
        alarms = {"safe_stock": self.safety, "safe_stock_upper": self.most, "num_7days": self.sold}
        bounds = alarms if alarm else {}
        return {
            "spec_no": self.spec, "goods_no": self.spec[:3], "goods_name": f"商品{self.spec}",
            "warehouse_no": self.warehouse, "stock_num": self.pieces, "available_send_stock": self.free,
            "purchase_num": self.coming, "defect": self.defect, "modified": int(self.changed * 1000),
            **bounds,
        }  # fmt: skip


class WdtState:
    """Shelves and purchase orders. Found as ``world.wdt``; ``left`` calls until it asks to slow down."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shelves: list[Shelf] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.left: int | None = None

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget them."""
        self.shelves, self.orders, self.left = [], {}, None

    def admit(self, req: Request) -> list[Any]:
        """Check parameters, time and signature; gives the call's arguments.

        Raises:
            ApiError: status 1 parameter or sign, 7 time, 100 too often.
        """
        query = dict(req.query)
        if any(not query.get(name) for name in NEEDED) or (query["sid"], query["key"]) != (SID, KEY):
            raise ApiError(1, "请求参数不完整或账号不存在")
        sent = int(query["timestamp"]) + BEGIN_2012
        if all(abs(now - sent) > TOLERANCE for now in (self.world.clock.time(), time.time())):
            raise ApiError(7, "时间戳与服务器时间相差超过120秒")
        if signature(query, req.raw) != query["sign"] or query["salt"] != SALT:
            raise ApiError(1, "签名错误")
        self.pace()
        found = json.loads(req.raw)
        if not isinstance(found, list):
            raise ApiError(1, "请求体须为数组")
        return found

    def pace(self) -> None:
        """Count a call; ApiError 100 when none is left."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise ApiError(100, "超过每分钟最大调用频率限制，请稍后重试")


def signature(query: dict[str, str], body: bytes, secret: str = SECRET) -> str:
    """Secret, sorted pairs with the raw body among them, secret."""
    digest = hashlib.md5(secret.encode())  # noqa: S324 - the platform's choice
    pairs = {name: value.encode() for name, value in query.items() if name != "sign"} | {"body": body}
    for name in sorted(pairs):
        digest.update(name.encode() + pairs[name])
    digest.update(secret.encode())
    return digest.hexdigest()


def _error(error: ApiError, _log_id: str) -> Reply:
    return Reply({"status": error.code, "message": error.msg})


routes = Routes("wdt", on_error=_error)
routes.include(wdt_enterprise.routes)


@routes.add("POST", "/openapi", auth="none", claim=CLAIM)
def call(world: World, req: Request) -> Reply:
    """Every method, told by the query."""
    (args,) = world.wdt.admit(req)
    known = {
        "wms.StockSpec.search2": _stock,
        "purchase.PurchaseOrder.createOrder": _create,
        "purchase.PurchaseOrder.queryWithDetail": _find,
    }
    method = known.get(req.query["method"])
    if method is None:
        raise ApiError(1, "接口不存在")
    return Reply({"status": 0, "data": method(world.wdt, args, req.query)})


def _stock(state: WdtState, args: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """At most 30 days unless articles are named; pages from 0."""
    names = args.get("spec_nos") or []
    if names:
        found = [each for each in state.shelves if each.spec in names]
    else:
        start, end = _at(args.get("start_time")), _at(args.get("end_time"))
        if end - start > 30 * 86_400:
            raise ApiError(100, "时间跨度最大为30天")
        found = [each for each in state.shelves if start <= each.changed <= end]
    page, size = int(query.get("page_no") or 0), int(query.get("page_size") or 20)
    if not 1 <= size <= 1000:
        raise ApiError(100, "分页大小最大不超1000")
    rows = [
        each.row(alarm=args.get("need_alarm_info") == 1) for each in found[page * size : (page + 1) * size]
    ]
    total = {"total_count": len(found)} if query.get("calc_total") == "1" else {}
    return {"detail_list": rows, **total}


def _create(state: WdtState, args: dict[str, Any], _query: dict[str, str]) -> dict[str, Any]:
    """Without a purchase_no every call makes an order."""
    for name in ("provider_no", "expect_warehouse_no", "purchaser_name", "purchase_details"):
        if not args.get(name):
            raise ApiError(100, f"{name}不能为空")
    number = str(args.get("purchase_no") or f"CG{len(state.orders) + 1:06d}")
    if number in state.orders:
        raise ApiError(100, f"采购单号{number}已存在")
    known = {each.spec for each in state.shelves}
    for line in args["purchase_details"]:
        if line["spec_no"] not in known:
            raise ApiError(100, f"商家编码不存在: {line['spec_no']}")
    state.orders[number] = {**args, "purchase_no": number, "status": 40 if args.get("is_check") else 30}
    return {"status": 0, "purchase_no": number}


def _find(state: WdtState, args: dict[str, Any], _query: dict[str, str]) -> dict[str, Any]:
    """By purchase_no only, exactly."""
    number = args.get("purchase_no")
    if not number:
        raise ApiError(100, "参数中必须包含起止时间")
    found = [order for order in state.orders.values() if order["purchase_no"] == number]
    return {"total_count": len(found), "order": found}


def _at(text: Any) -> float:
    try:
        return (
            datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S")
            .replace(tzinfo=SHANGHAI)
            .astimezone(UTC)
            .timestamp()
        )
    except ValueError as broken:
        raise ApiError(100, "参数中必须包含起止时间") from broken
