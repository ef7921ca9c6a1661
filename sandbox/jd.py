"""JOS: orders and SKU stock of a POP store, the 京准通 report; signed forms, a refresh token for tokens.

Wire facts: XiBao/jos, PsKs/jd-sdk, kfx2007's SDK, read 2026-11. Not confirmed: which ``dateType`` means the
time of change (0 here), shapes of searchSkuList and findSkuStock, the wrapper of the report, life of tokens.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from sandbox.kernel import ApiError, Reply, Request, Routes, World

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLAIM = "XiBao/jos, PsKs/jd-sdk and kfx2007's SDK, 2026-11"
APP_KEY, APP_SECRET = "sandbox-jd-key", "sandbox-jd-secret"
TOKEN, REFRESH = "sandbox-jd-token", "sandbox-jd-refresh"
UNPAID = "0001-01-01 00:00:00"
TOLERANCE = 360
PAGE = 100
Params = dict[str, Any]


@dataclass(slots=True)
class Order:
    """An order; amounts are texts in 元, times local without an offset, unpaid in the year 1."""

    order_id: str
    payment: str
    paid: str
    modified: str
    state: str = "WAIT_SELLER_STOCK_OUT"

    def row(self, fields: set[str]) -> Params:
        """The order with the fields that were asked for."""
        everything = {
            "orderId": self.order_id, "orderState": self.state, "modified": self.modified,
            "orderStartTime": self.modified, "paymentConfirmTime": self.paid, "orderPayment": self.payment,
            "orderSellerPrice": self.payment,
        }  # fmt: skip
        return {name: value for name, value in everything.items() if name in fields}


class JdState:
    """Found as ``world.jd``; ``left`` calls until it asks to slow down, None = no limit.

    ``days`` are the figures of the advertising account by day, ``camps`` those of campaigns by id and day.
    """

    left: int | None

    def __init__(self, world: World) -> None:
        self.world = world
        self.reset(world, "", 0)

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget everything."""
        self.orders: dict[str, Order] = {}
        self.skus: list[Params] = []
        self.days: dict[str, list[Params]] = {}
        self.camps: dict[tuple[str, str], Params] = {}
        self.token, self.refresh, self.renewals, self.left = TOKEN, REFRESH, 0, None

    def place(
        self, order_id: str, payment: str, *, paid: str = "", changed: str = "", state: str = ""
    ) -> Order:
        """An order comes in, paid at a local time or not yet; ``changed`` is when it says it changed."""
        order = Order(order_id, payment, paid or UNPAID, changed or paid)
        order.state = state or order.state
        self.orders[order_id] = order
        return order

    def admit(self, req: Request) -> tuple[str, Params]:
        """Check sign, time, token and frequency; gives the method and its parameters.

        Raises:
            ApiError: 11, 12, 8, 20, 19, 2 as the platform numbers them.
        """
        form = dict(parse_qsl(req.raw.decode(), keep_blank_values=True))
        if form.get("app_key") != APP_KEY:
            raise ApiError(20, "无效app_key")
        if not form.get("sign"):
            raise ApiError(11, "缺少签名参数")
        if signature(form) != form["sign"]:
            raise ApiError(12, "无效签名")
        if not self._fresh(form.get("timestamp", "")):
            raise ApiError(8, "时间戳超出范围")
        if form.get("v") != "2.0":
            raise ApiError(15, "无效的方法名")
        if form.get("access_token") != self.token:
            raise ApiError(19, "token无效或已过期")
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise ApiError(2, "应用调用次数超限")
        return form["method"], json.loads(form["360buy_param_json"])

    def renew(self, token: str | None) -> Params:
        """Trade a refresh token in."""
        if token != self.refresh:
            return {"code": 402, "msg": "refresh_token过期"}
        self.renewals += 1
        self.token, self.refresh = f"{TOKEN}-{self.renewals}", f"{REFRESH}-{self.renewals}"
        return {
            "access_token": self.token, "refresh_token": self.refresh, "expires_in": 86_400, "code": 0,
            "token_type": "bearer", "uid": "1",
        }  # fmt: skip

    def _fresh(self, text: str) -> bool:
        try:
            sent = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).timestamp()
        except ValueError:
            return False
        clocks = (self.world.clock.time(), datetime.now(UTC).timestamp())
        return any(abs(now - sent) <= TOLERANCE for now in clocks)


def signature(form: dict[str, str], secret: str = APP_SECRET) -> str:
    """Every field that arrived but the sign, by name, between two secrets."""
    text = "".join(name + form[name] for name in sorted(form) if name != "sign")
    return hashlib.md5(f"{secret}{text}{secret}".encode()).hexdigest().upper()  # noqa: S324 - theirs


def _error(error: ApiError, _log_id: str) -> Reply:
    return Reply({"error_response": {"code": str(error.code), "zh_desc": error.msg, "en_desc": ""}})


routes = Routes("jd", on_error=_error)


@routes.add("GET", "/oauth2/refresh_token", auth="none", claim=CLAIM)
def refresh_token(world: World, req: Request) -> Reply:
    """The OAuth address: key and secret in the query."""
    asked = (req.query.get("app_key"), req.query.get("app_secret"), req.query.get("grant_type"))
    if asked != (APP_KEY, APP_SECRET, "refresh_token"):
        return Reply({"code": 401, "msg": "app_key或app_secret错误"})
    return Reply(world.jd.renew(req.query.get("refresh_token")))


@routes.add("POST", "/routerjson", auth="none", claim=CLAIM)
def call(world: World, req: Request) -> Reply:
    """Every method, told by the form; the answer's key ends as JD spells it."""
    name, params = world.jd.admit(req)
    method = METHODS.get(name)
    if method is None:
        raise ApiError(15, "无效的方法名")
    return Reply({name.replace(".", "_") + "_responce": {"code": "0", **method(world.jd, params)}})


def _search(state: JdState, params: Params) -> Params:
    """pop.order.enSearch: pages from 1; a refusal stands inside."""
    page, size = int(params.get("page") or 1), int(params.get("page_size") or 20)
    wanted = set(str(params.get("order_state", "")).split(","))
    if not 1 <= size <= PAGE or not params.get("start_date") or params.get("dateType") != 0:
        result = {"success": False, "numberCode": "10100001", "chineseErrCode": "参数错误"}
        return {"searchorderinfo_result": {"apiResult": result}}
    found = [
        each for each in state.orders.values()
        if params["start_date"] <= each.modified <= params["end_date"] and each.state in wanted
    ]  # fmt: skip
    found.sort(key=lambda each: (each.modified, each.order_id), reverse=True)
    fields = set(str(params.get("optional_fields", "")).split(","))
    rows = [each.row(fields) for each in found[(page - 1) * size : page * size]]
    return {
        "searchorderinfo_result": {
            "apiResult": {"success": True}, "orderTotal": len(found), "orderInfoList": rows,
        }
    }  # fmt: skip


def _skus(state: JdState, params: Params) -> Params:
    """sku.read.searchSkuList."""
    page, size = int(params.get("pageNo") or 1), int(params.get("page_size") or 20)
    return {"page": {"totalItem": len(state.skus), "data": state.skus[(page - 1) * size : page * size]}}


def _stock(state: JdState, params: Params) -> Params:
    """stock.read.findSkuStock: a row a warehouse, counts as texts."""
    stocks = [each.get("stocks", ()) for each in state.skus if str(each["skuId"]) == params.get("skuId")]
    return {"skuStocks": [{"stockNum": str(pieces)} for some in stocks for pieces in some]}


def _account(state: JdState, params: Params) -> Params:
    """dsp.report.queryAccountReport: rows of the days asked for, every metric a text."""
    rows = [
        row
        for day, some in state.days.items()
        if params["startDay"] <= day <= params["endDay"]
        for row in some
    ]
    return {"returnType": {"datas": rows}}


def _campaign(state: JdState, params: Params) -> Params:
    """dsp.report.queryCampDailySum."""
    figures = state.camps.get((str(params["campaignId"]), params["startDay"]))
    return {"returnType": {"value": [{"figureData": figures}] if figures else []}}


METHODS: dict[str, Callable[[JdState, Params], Params]] = {
    "jingdong.pop.order.enSearch": _search,
    "jingdong.sku.read.searchSkuList": _skus,
    "jingdong.stock.read.findSkuStock": _stock,
    "jingdong.dsp.report.queryAccountReport": _account,
    "jingdong.dsp.report.queryCampDailySum": _campaign,
}
