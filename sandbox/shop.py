"""The shop platform: 抖店 orders, signed calls, amounts in 分, pages from 0.

Wire facts: the vendor's Go SDK and guide as carried by zsmhub/doudian-sdk and minibear2021/doudian,
read 2026-11. One simplification: ``sandbox-shop-token`` is good for every shop of the company, where the
real platform gives one token a shop; ``sandbox-shop-token-<shop id>`` is such a token.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.kernel import ApiError, Reply, Request, Routes, World

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLAIM = "vendor guide via zsmhub/doudian-sdk 2023-06 and minibear2021/doudian, 2026-11"
CONTROL = "our own control plane, 2026-11"
APP_KEY = "sandbox-shop-key"
APP_SECRET = "sandbox-shop-secret"  # noqa: S105 - published, a make-believe shop
TOKEN = "sandbox-shop-token"  # noqa: S105 - published as well
REFRESH = "sandbox-shop-refresh"
TOLERANCE = 600
PAID_STATES = (105, 2, 101, 3, 5)
STATUS_WORDS = {
    1: "待支付",
    105: "已支付",
    2: "备货中",
    101: "部分发货",
    3: "已发货",
    4: "已取消",
    5: "已完成",
}


@dataclass(slots=True)
class Line:
    """One article of an order; ``code`` is the merchant's SKU id, ``pay`` in 分."""

    code: str
    name: str
    count: int
    pay: int


@dataclass(slots=True)
class Order:
    """An order; amounts in 分, times in unix seconds, 0 = not yet."""

    order_id: str
    shop_id: int
    status: int
    created: int
    paid: int
    updated: int
    discount: int
    postage: int
    lines: list[Line]

    @property
    def pay(self) -> int:
        """What the buyer pays: goods minus shop discount plus postage."""
        return sum(line.pay for line in self.lines) - self.discount + self.postage

    def row(self, shop_name: str) -> dict[str, Any]:
        """The order as order.searchList lists it."""
        return {
            "order_id": self.order_id,
            "shop_id": self.shop_id,
            "shop_name": shop_name,
            "order_status": self.status,
            "order_status_desc": STATUS_WORDS[self.status],
            "create_time": self.created,
            "pay_time": self.paid,
            "update_time": self.updated,
            "finish_time": self.updated if self.status == 5 else 0,
            "order_amount": sum(line.pay for line in self.lines) + self.postage,
            "pay_amount": self.pay,
            "post_amount": self.postage,
            "promotion_amount": self.discount,
            "promotion_shop_amount": self.discount,
            "promotion_platform_amount": 0,
            "modify_amount": 0,
            "sku_order_list": [self._line(n, line) for n, line in enumerate(self.lines, 1)],
        }

    def _line(self, number: int, line: Line) -> dict[str, Any]:
        return {
            "order_id": f"{self.order_id}{number:02d}",
            "parent_order_id": self.order_id,
            "code": line.code,
            "out_sku_id": 0,
            "product_name": line.name,
            "item_num": line.count,
            "pay_amount": line.pay,
            "after_sale_info": {"after_sale_status": 0, "after_sale_type": 0, "refund_status": 0},
        }


class ShopState:
    """Shops (id → name) and orders (id → order). Found as ``world.shop``.

    ``left`` calls until it asks to slow down, None = no limit.
    """

    left: int | None

    def __init__(self, world: World) -> None:
        self.world = world
        self.shops: dict[int, str] = {}
        self.orders: dict[str, Order] = {}
        self.token: str | None = TOKEN
        self.refresh, self.renewals, self.left = REFRESH, 0, None
        self._number = 0

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget shops and orders."""
        self.shops.clear()
        self.orders.clear()
        self.token = TOKEN
        self.refresh, self.renewals, self.left = REFRESH, 0, None
        self._number = 0

    def place(
        self,
        shop_id: int,
        lines: list[Line],
        *,
        at: float | None = None,
        status: int = 105,
        discount: int = 0,
    ) -> Order:
        """An order comes in; ``at`` in unix seconds, now when left out; status 1 is unpaid."""
        when = int(self.world.clock.time() if at is None else at)
        self._number += 1
        order_id = f"69{when:010d}{self._number % 10**7:07d}"
        paid = when + 40 if status in PAID_STATES else 0
        order = Order(order_id, shop_id, status, when, paid, max(when, paid), discount, 0, lines)
        self.orders[order_id] = order
        return order

    def midnight(self) -> int:
        """When today began in Shanghai, unix seconds."""
        here = self.world.clock.now().astimezone(SHANGHAI)
        return int(here.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())

    def sales(self, shop_id: int) -> dict[str, Any]:
        """Orders paid today and their sum in 分, to check a report against."""
        start = self.midnight()
        paid = [o for o in self.orders.values() if o.shop_id == shop_id and o.paid >= start]
        return {
            "shop_id": shop_id,
            "name": self.shops[shop_id],
            "orders": len(paid),
            "pay_amount": sum(order.pay for order in paid),
        }

    def visible(self, token: str) -> set[int]:
        """Shops a token is authorised for."""
        if token == self.token:
            return set(self.shops)
        return {shop for shop in self.shops if token == f"{self.token}-{shop}"}

    def admit(self, req: Request) -> dict[str, Any]:
        """Check key, time, token and signature as the platform does; returns the business parameters.

        Raises:
            ApiError: 40001/40003 with the platform's sub_code.
        """
        params = self.verified(req, "access_token")
        if self.token is None:
            raise refuse(40003, "非法的平台参数", "isv.access-token-expired", "access_token已过期")
        if not self.visible(req.query["access_token"]):
            raise refuse(40003, "非法的平台参数", "isv.access-token-no-existed", "access_token不存在")
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise refuse(60000, "请求被限流", "isv.rate-limited", "调用过于频繁")
        return params

    def renew(self, token: Any) -> dict[str, Any]:
        """Trade a refresh token in; it and the old access token are dead from here on."""
        if token != self.refresh:
            raise refuse(50001, "平台处理失败", "dop.token-generate-failed:4", "refresh_token无效")
        self.renewals += 1
        self.token, self.refresh = f"{TOKEN}-n{self.renewals}", f"{REFRESH}-n{self.renewals}"
        return {"access_token": self.token, "refresh_token": self.refresh, "expires_in": 604_800}

    def verified(self, req: Request, *needed: str) -> dict[str, Any]:
        """The business parameters of a call whose key, time and signature are right; errors as `admit`."""
        query = req.query
        for name in ("app_key", "method", *needed, "timestamp", "v", "sign"):
            if not query.get(name):
                raise refuse(40001, "缺少平台参数", f"isv.{name}-missing", name)
        if query["app_key"] != APP_KEY:
            raise refuse(40003, "非法的平台参数", "isv.app-key-invalid", "app_key不存在")
        if query["method"] != req.path.strip("/").replace("/", "."):
            raise refuse(40003, "非法的平台参数", "isv.method-invalid", "method与请求路径不一致")
        if not self._fresh(query["timestamp"]):
            raise refuse(
                40003, "非法的平台参数", "isv.timestamp-invalid", "timestamp与服务器时间相差超过10分钟"
            )
        if signature(query, req.raw.decode()) != query["sign"]:
            raise refuse(40003, "非法的平台参数", "isv.signature-invalid", "签名校验失败")
        try:
            params = json.loads(req.raw or b"{}")
        except ValueError as broken:
            raise refuse(40004, "非法的业务参数", "isv.parameter-invalid", "param_json不是JSON") from broken
        return params if isinstance(params, dict) else {}

    def _fresh(self, text: str) -> bool:
        try:
            if text.isdigit():
                sent = float(text)
            else:
                sent = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).timestamp()
        except ValueError:
            return False
        # A test that jumps the sandbox's clock leaves its caller on real time: either clock will do.
        clocks = (self.world.clock.time(), datetime.now(UTC).timestamp())
        return any(abs(now - sent) <= TOLERANCE for now in clocks)


def signature(query: dict[str, str], body: str, secret: str = APP_SECRET) -> str:
    """The sign the platform expects over the body exactly as sent: HMAC-SHA256, MD5 in the old way."""
    parts = {"app_key": query["app_key"], "method": query["method"], "param_json": body}
    parts |= {"timestamp": query["timestamp"], "v": query["v"]}
    text = secret + "".join(name + parts[name] for name in sorted(parts)) + secret
    if query.get("sign_method", "md5") == "md5":
        return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the platform's old way
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def refuse(code: int, msg: str, sub_code: str, sub_msg: str) -> ApiError:
    """A refusal in the platform's words."""
    return ApiError(code, msg, error={"sub_code": sub_code, "sub_msg": sub_msg})


def _error(error: ApiError, log_id: str) -> Reply:
    detail = {"sub_code": error.error.get("sub_code", ""), "sub_msg": error.error.get("sub_msg", "")}
    return Reply(
        {"code": error.code, "msg": error.msg, **detail, "log_id": log_id, "data": None}, error.status
    )


routes = Routes("shop", on_error=_error)


def _ok(world: World, data: dict[str, Any]) -> Reply:
    head = {"code": 10000, "msg": "success", "sub_code": "", "sub_msg": ""}
    return Reply({**head, "log_id": world.ids.hex(24), "data": data})


def _whole(params: dict[str, Any], name: str, default: int) -> int:
    value = params.get(name, default)
    if isinstance(value, bool) or not str(value).isdigit():
        raise refuse(40004, "非法的业务参数", "isv.parameter-invalid", f"{name}须为非负整数")
    return int(value)


@routes.add("POST", "/token/refresh", auth="none", claim=CLAIM)
def refresh_token(world: World, req: Request) -> Reply:
    """token.refresh: signed like any call, without an access token."""
    params = world.shop.verified(req)
    if params.get("grant_type") != "refresh_token":
        raise refuse(40004, "非法的业务参数", "isv.parameter-invalid", "grant_type")
    return _ok(world, world.shop.renew(params.get("refresh_token")))


@routes.add("POST", "/order/searchList", auth="none", claim=CLAIM)
def search_orders(world: World, req: Request) -> Reply:
    """order.searchList: by create or update time, page from 0, size ≤ 100, newest first unless order_asc."""
    params = world.shop.admit(req)
    page, size = _whole(params, "page", 0), _whole(params, "size", 10)
    if not 1 <= size <= 100:
        raise refuse(40004, "非法的业务参数", "isv.parameter-invalid", "size须在1到100之间")
    key = str(params.get("order_by", "create_time"))
    if key not in ("create_time", "update_time"):
        raise refuse(40004, "非法的业务参数", "isv.parameter-invalid", "order_by须为create_time或update_time")
    shops = world.shop.visible(req.query["access_token"])
    found = [o for o in world.shop.orders.values() if o.shop_id in shops and _within(o, params)]
    found.sort(
        key=lambda o: (o.created if key == "create_time" else o.updated, o.order_id),
        reverse=params.get("order_asc") is not True,
    )
    rows = [o.row(world.shop.shops[o.shop_id]) for o in found[page * size : (page + 1) * size]]
    return _ok(world, {"shop_order_list": rows, "page": page, "size": size, "total": len(found)})


def _within(order: Order, params: dict[str, Any]) -> bool:
    for name, value in (("create_time", order.created), ("update_time", order.updated)):
        if not _whole(params, f"{name}_start", 0) <= value <= _whole(params, f"{name}_end", 2**60):
            return False
    return True


@routes.add("POST", "/order/orderDetail", auth="none", claim=CLAIM)
def order_detail(world: World, req: Request) -> Reply:
    """order.orderDetail: one order by shop_order_id."""
    order = world.shop.orders.get(str(world.shop.admit(req).get("shop_order_id")))
    if order is None or order.shop_id not in world.shop.visible(req.query["access_token"]):
        raise refuse(50002, "业务处理失败", "isv.business-failed:order-not-found", "订单不存在")
    return _ok(world, {"shop_order_detail": order.row(world.shop.shops[order.shop_id])})


@routes.add("GET", "/_sandbox/world/shop/shops", auth="none", claim=CONTROL)
def show_shops(world: World, _req: Request) -> dict[str, Any]:
    """The shops with what was paid today (分)."""
    return {"shops": [world.shop.sales(shop_id) for shop_id in world.shop.shops]}


@routes.add("POST", "/_sandbox/world/shop/orders", auth="none", claim=CONTROL)
def place_order(world: World, req: Request) -> dict[str, Any]:
    """Let an order come in: {shop_id?, lines?: [{code, name, count, pay}], amount? (分), status?}."""
    body = req.json()
    shop_id = int(body.get("shop_id") or next(iter(world.shop.shops)))
    lines = body.get("lines") or [
        {"code": "SKU", "name": "商品", "count": 1, "pay": body.get("amount", 9900)}
    ]
    order = world.shop.place(shop_id, [Line(**line) for line in lines], status=int(body.get("status", 105)))
    return dict(order.row(world.shop.shops[shop_id]))
