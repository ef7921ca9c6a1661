"""The ERP: 聚水潭 stock and purchase orders, signed forms, few calls a second.

Wire facts: openweb.jushuitan.com as carried by ieu/jst-java, zmoyi/jushuitan and public integration
notes, read 2026-11. Not confirmed: which code says that a business parameter is wrong (130 here), and whether
stock rows carry the article's name (they do here).
"""

import hashlib
import json
import time
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from sandbox.kernel import ApiError, Reply, Request, Routes, World

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLAIM = "openweb.jushuitan.com docs via ieu/jst-java 2025-01 and zmoyi/jushuitan, 2026-11"
CONTROL = "our own control plane, 2026-11"
APP_KEY = "sandbox-erp-key"
APP_SECRET = "sandbox-erp-secret"  # noqa: S105 - published, a make-believe warehouse
TOKEN = "sandbox-erp-token"  # noqa: S105 - published as well
REFRESH = "sandbox-erp-refresh"
TOLERANCE = 900
BAD_PARAMETER = 130


@dataclass(slots=True)
class Sku:
    """An article in stock; ``coming`` is bought but not yet here, ``least`` the safety stock.

    ``buyer`` is the open_id of who buys it; the ERP's wire does not tell, the company knows.
    """

    sku_id: str
    style: str
    name: str
    qty: int
    least: int
    most: int
    cost: Decimal
    price: Decimal
    supplier_id: int
    supplier: str
    shop_id: int = 0
    buyer: str = ""
    locked: int = 0
    coming: int = 0
    modified: str = ""
    ts: int = 0

    def row(self) -> dict[str, Any]:
        """The article as inventory/query lists it."""
        return {
            "sku_id": self.sku_id,
            "i_id": self.style,
            "name": self.name,
            "qty": self.qty,
            "order_lock": self.locked,
            "pick_lock": 0,
            "virtual_qty": 0,
            "purchase_qty": self.coming,
            "return_qty": 0,
            "in_qty": 0,
            "defective_qty": 0,
            "min_qty": self.least,
            "max_qty": self.most,
            "lock_qty": 0,
            "modified": self.modified,
            "ts": self.ts,
        }

    def article(self) -> dict[str, Any]:
        """The article as sku/query lists it."""
        return {
            "sku_id": self.sku_id,
            "i_id": self.style,
            "name": self.name,
            "sale_price": float(self.price),
            "cost_price": float(self.cost),
            "supplier_id": self.supplier_id,
            "supplier_name": self.supplier,
            "enabled": 1,
            "modified": self.modified,
        }


@dataclass(slots=True)
class Purchase:
    """A purchase order; ``external_id`` is the caller's own number and the key against doubles."""

    po_id: int
    external_id: str
    supplier_id: int
    confirmed: bool
    remark: str
    items: list[dict[str, Any]]
    created: str

    def row(self) -> dict[str, Any]:
        """The order as purchase/query lists it."""
        return {
            "po_id": self.po_id,
            "external_id": self.external_id,
            "so_id": self.external_id,
            "supplier_id": self.supplier_id,
            "status": "Confirmed" if self.confirmed else "WaitConfirm",
            "receive_status": "Not_Received",
            "remark": self.remark,
            "po_date": self.created,
            "modified": self.created,
            "items": self.items,
        }


class ErpState:
    """Articles and purchase orders. Found as ``world.erp``."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.skus: dict[str, Sku] = {}
        self.purchases: dict[str, Purchase] = {}
        self.token: str | None = TOKEN
        self.refresh, self.renewals = REFRESH, 0
        self._ts = 0
        self._calls: deque[float] = deque()

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget articles and purchases."""
        self.skus.clear()
        self.purchases.clear()
        self.token = TOKEN
        self.refresh, self.renewals = REFRESH, 0
        self._ts = 0
        self._calls.clear()

    def now(self) -> str:
        """Local time as the ERP writes it."""
        return f"{self.world.clock.now().astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"

    def touch(self, sku: Sku) -> None:
        """Note that an article changed: new row version and time."""
        self._ts += 1
        sku.ts, sku.modified = self._ts, self.now()

    def buy(self, body: dict[str, Any]) -> Purchase:
        """Take a purchase order; the same external_id gives the order that is already there.

        Raises:
            ApiError: 130 for an unknown article or a quantity that is not positive.
        """
        external_id = str(body["external_id"])
        if external_id in self.purchases:
            return self.purchases[external_id]
        items = body["items"]
        for item in items:
            if str(item.get("sku_id")) not in self.skus:
                raise ApiError(BAD_PARAMETER, f"商品编码不存在:{item.get('sku_id')}")
            if not str(item.get("qty", "")).isdigit() or int(item["qty"]) <= 0:
                raise ApiError(BAD_PARAMETER, "采购数量必须大于0")
        purchase = Purchase(
            900_000 + len(self.purchases) + 1,
            external_id,
            int(body["supplier_id"]),
            body.get("is_confirm") is True,
            str(body.get("remark", "")),
            [dict(item) for item in items],
            self.now(),
        )
        self.purchases[external_id] = purchase
        if purchase.confirmed:
            for item in items:
                sku = self.skus[str(item["sku_id"])]
                sku.coming += int(item["qty"])
                self.touch(sku)
        return purchase

    def admit(self, req: Request) -> dict[str, Any]:
        """Check form, signature, time, token and frequency; returns the parsed ``biz``.

        Raises:
            ApiError: 10 signature, 140 time, 100 token, 199/200 too often, 130 parameter.
        """
        form = self.verified(req)
        if self.token is None or form.get("access_token") != self.token:
            raise ApiError(100, "无效的access_token或已过期")
        self._pace()
        try:
            biz = json.loads(form.get("biz") or "{}")
        except ValueError as broken:
            raise ApiError(BAD_PARAMETER, "biz不是合法的JSON") from broken
        if not isinstance(biz, (dict, list)):
            raise ApiError(BAD_PARAMETER, "biz须为JSON对象")
        return biz if isinstance(biz, dict) else {"list": biz}

    def renew(self, token: Any) -> dict[str, Any]:
        """Trade a refresh token in; the old access token is dead from here on."""
        if token != self.refresh:
            raise ApiError(100, "refresh_token无效")
        self.renewals += 1
        self.token, self.refresh = f"{TOKEN}-{self.renewals}", f"{REFRESH}-{self.renewals}"
        return {"access_token": self.token, "refresh_token": self.refresh, "expires_in": 2_592_000}

    def verified(self, req: Request) -> dict[str, str]:
        """The form, if key, signature and time are right; errors as `admit`."""
        form = dict(parse_qsl(req.raw.decode(), keep_blank_values=True))
        if form.get("app_key") != APP_KEY or signature(form) != form.get("sign"):
            raise ApiError(10, "签名验证失败")
        stamp = form.get("timestamp", "")
        clocks = (self.world.clock.time(), time.time())
        if not stamp.isdigit() or all(abs(now - int(stamp)) > TOLERANCE for now in clocks):
            raise ApiError(140, "时间戳超出有效范围")
        return form

    def _pace(self) -> None:
        if not self.world.limits_on:
            return
        now = self.world.clock.time()
        while self._calls and not now - 60 < self._calls[0] <= now:
            self._calls.popleft()
        if sum(1 for at in self._calls if at > now - 1) >= 5:
            raise ApiError(199, "接口调用超过每秒5次的限制")
        if len(self._calls) >= 100:
            raise ApiError(200, "接口调用超过每分钟100次的限制")
        self._calls.append(now)


def signature(form: dict[str, str], secret: str = APP_SECRET) -> str:
    """MD5 with the secret in front only; empty values and the sign itself are left out."""
    pairs = sorted((name, value) for name, value in form.items() if name != "sign" and value)
    text = secret + "".join(name + value for name, value in pairs)
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the platform's choice


def _error(error: ApiError, log_id: str) -> Reply:
    return Reply(
        {"code": error.code, "msg": error.msg, "issuccess": False, "data": None, "requestId": log_id},
        error.status,
    )


routes = Routes("erp", on_error=_error)


def _ok(world: World, data: dict[str, Any]) -> Reply:
    head = {"code": 0, "msg": "执行成功", "issuccess": True}
    return Reply({**head, "data": data, "requestId": world.ids.hex(32)})


def _paged(biz: dict[str, Any], rows: list[Any], name: str) -> dict[str, Any]:
    index, size = int(biz.get("page_index") or 1), int(biz.get("page_size") or 30)
    if index < 1 or not 1 <= size <= 100:
        raise ApiError(BAD_PARAMETER, "page_index从1开始，page_size最大100")
    pages = -(-len(rows) // size)
    return {
        "page_index": index,
        "page_size": size,
        "data_count": len(rows),
        "page_count": pages,
        "has_next": index < pages,
        name: rows[(index - 1) * size : index * size],
    }


def _chosen(world: World, biz: dict[str, Any]) -> list[Sku]:
    """Articles by sku_ids, by modified time (≤ 7 days) or by row version; one of them is required."""
    skus: dict[str, Sku] = world.erp.skus
    if biz.get("sku_ids"):
        ids = str(biz["sku_ids"]).split(",")
        if len(ids) > 100:
            raise ApiError(BAD_PARAMETER, "sku_ids最多100个")
        return [skus[i] for i in ids if i in skus]
    if biz.get("ts") is not None:
        return sorted((s for s in skus.values() if s.ts > int(biz["ts"])), key=lambda s: s.ts)
    start, end = str(biz.get("modified_begin", "")), str(biz.get("modified_end", ""))
    if not start or not end:
        raise ApiError(BAD_PARAMETER, "sku_ids、modified_begin/modified_end、ts须传其一")
    return sorted((s for s in skus.values() if start <= s.modified <= end), key=lambda s: s.ts)


@routes.add("POST", "/openWeb/auth/refreshToken", auth="none", claim=CLAIM)
def refresh_token(world: World, req: Request) -> Reply:
    """刷新 access_token: signed like any call."""
    form = world.erp.verified(req)
    if (form.get("grant_type"), form.get("scope")) != ("refresh_token", "all"):
        raise ApiError(BAD_PARAMETER, "grant_type或scope不正确")
    return _ok(world, world.erp.renew(form.get("refresh_token")))


@routes.add("POST", "/open/inventory/query", auth="none", claim=CLAIM)
def query_stock(world: World, req: Request) -> Reply:
    """商品库存查询: qty, locks, purchase_qty on the way, min_qty/max_qty as safety bounds."""
    biz = world.erp.admit(req)
    return _ok(world, _paged(biz, [sku.row() for sku in _chosen(world, biz)], "inventorys"))


@routes.add("POST", "/open/sku/query", auth="none", claim=CLAIM)
def query_articles(world: World, req: Request) -> Reply:
    """普通商品资料查询: names, prices and suppliers."""
    biz = world.erp.admit(req)
    return _ok(world, _paged(biz, [sku.article() for sku in _chosen(world, biz)], "datas"))


@routes.add("POST", "/open/jushuitan/purchase/upload", auth="none", claim=CLAIM)
def upload_purchase(world: World, req: Request) -> Reply:
    """采购单上传: the same external_id never makes a second order."""
    biz = world.erp.admit(req)
    for name in ("external_id", "supplier_id", "items"):
        if not biz.get(name):
            raise ApiError(BAD_PARAMETER, f"{name}不能为空")
    purchase = world.erp.buy(biz)
    return _ok(world, {"data": {"po_id": purchase.po_id, "external_id": purchase.external_id}})


@routes.add("POST", "/open/purchase/query", auth="none", claim=CLAIM)
def query_purchases(world: World, req: Request) -> Reply:
    """采购单查询: by po_ids, so_ids (our external_id), or modified time."""
    biz = world.erp.admit(req)
    numbers = {int(i) for i in biz.get("po_ids") or ()}
    names = {str(i) for i in (biz.get("so_ids") or biz.get("external_ids") or ())}
    start, end = str(biz.get("modified_begin", "")), str(biz.get("modified_end", "9999"))
    rows = [
        purchase.row()
        for purchase in world.erp.purchases.values()
        if (not numbers or purchase.po_id in numbers)
        and (not names or purchase.external_id in names)
        and start <= purchase.created <= end
    ]
    return _ok(world, _paged(biz, rows, "datas"))


@routes.add("GET", "/_sandbox/world/erp/skus/:sku_id", auth="none", claim=CONTROL)
def show_sku(world: World, req: Request) -> dict[str, Any]:
    """One article as the ERP knows it."""
    return _wanted(world, req).row()


@routes.add("POST", "/_sandbox/world/erp/skus/:sku_id", auth="none", claim=CONTROL)
def turn_sku(world: World, req: Request) -> dict[str, Any]:
    """Set any of qty, least, most, locked, coming, name of an article."""
    sku = _wanted(world, req)
    for name, value in req.json().items():
        if name not in ("qty", "least", "most", "locked", "coming", "name"):
            raise ApiError(BAD_PARAMETER, f"{name}: no such knob on an article")
        setattr(sku, name, value if name == "name" else int(value))
    world.erp.touch(sku)
    return sku.row()


@routes.add("GET", "/_sandbox/world/erp/skus", auth="none", claim=CONTROL)
def show_skus(world: World, _req: Request) -> dict[str, Any]:
    """All articles, each with its shop and buyer."""
    return {
        "skus": [sku.row() | {"shop_id": sku.shop_id, "buyer": sku.buyer} for sku in world.erp.skus.values()]
    }


@routes.add("GET", "/_sandbox/world/erp/purchases", auth="none", claim=CONTROL)
def show_purchases(world: World, _req: Request) -> dict[str, Any]:
    """All purchase orders."""
    return {"purchases": [purchase.row() for purchase in world.erp.purchases.values()]}


def _wanted(world: World, req: Request) -> Sku:
    sku: Sku | None = world.erp.skus.get(req.params["sku_id"])
    if sku is None:
        raise ApiError(BAD_PARAMETER, f"no article {req.params['sku_id']}")
    return sku
