"""TOP: a Taobao shop's trades and its 万相台 campaigns, signed forms, tokens whose refresh token dies on use.

Wire facts: article 101617 of the open platform ("API调用方法详解"), the method catalogue as carried by
bububa/opentaobao (2026-04) and the vendor's PHP SDK of 2024-01, read 2026-11. Not confirmed: how long tokens
live, and the words of `info.message`.
"""

import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from sandbox.kernel import ApiError, Reply, Request, Routes, World

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLAIM = "TOP article 101617 and bububa/opentaobao 2026-04, 2026-11"
APP_KEY, APP_SECRET = "12000001", "sandbox-top-secret"
SESSION, REFRESH = "sandbox-top-session", "sandbox-top-refresh"
TOLERANCE = 600
LIFE = 86_400
COMMON = ("method", "app_key", "timestamp", "v", "sign", "sign_method", "session", "format")
Form = dict[str, str]


@dataclass(slots=True)
class Trade:
    """A trade; amounts are texts in 元, times local without an offset."""

    tid: str
    payment: str
    status: str
    created: str
    modified: str
    pay_time: str = ""
    total_fee: str = ""

    def row(self, fields: set[str]) -> dict[str, Any]:
        """The trade with the fields that were asked for; what is empty is left out."""
        everything = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in everything.items() if name in fields and value}


@dataclass(slots=True)
class Campaign:
    """A 万相台 campaign; ``budget`` "" = no limit."""

    campaign_id: int
    name: str
    budget: str
    charge: str = "0"
    sold: str = "0"
    orders: str = "0"
    status: str = "start"
    changes: list[str] = field(default_factory=list)


class TaobaoState:
    """Found as ``world.taobao``. ``session`` is the token in force, ``calls_per_second`` None = no limit."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._calls: deque[float] = deque()
        self.reset(world, "", 0)

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget everything."""
        self.trades: dict[str, Trade] = {}
        self.campaigns: dict[int, Campaign] = {}
        self.skus: list[dict[str, Any]] = []
        self.session, self.refresh, self.renewals = SESSION, REFRESH, 0
        self.calls_per_second: int | None = None
        self._calls.clear()

    def place(self, tid: str, payment: str, *, paid: str = "", status: str = "", changed: str = "") -> Trade:
        """A trade comes in, paid at a local time or not yet; ``changed`` is the time it says it changed."""
        created = paid or changed
        state = status or ("WAIT_SELLER_SEND_GOODS" if paid else "WAIT_BUYER_PAY")
        self.trades[tid] = Trade(tid, payment, state, created, changed or paid, paid, payment)
        return self.trades[tid]

    def admit(self, req: Request) -> Form:
        """Check parameters, time, signature, session and frequency, in the platform's order.

        Raises:
            ApiError: 40, 28, 31, 25, 26, 27, 7 as the platform numbers them.
        """
        form = dict(parse_qsl(req.raw.decode(), keep_blank_values=True))
        for name in COMMON[:5]:
            if not form.get(name):
                raise ApiError(40, f"Missing required arguments:{name}")
        if form["app_key"] != APP_KEY:
            raise ApiError(29, "Invalid app Key")
        if not self._fresh(form["timestamp"]):
            raise ApiError(31, "Invalid timestamp")
        if signature(form) != form["sign"]:
            raise ApiError(25, "Invalid signature")
        if not form.get("session"):
            raise ApiError(26, "Missing session")
        if form["session"] != self.session:
            raise ApiError(27, "Invalid session", error={"sub_code": "invalid-sessionkey"})
        self._pace()
        return form

    def renew(self, token: str) -> dict[str, Any]:
        """Trade a refresh token in; it and the old session are dead from here on."""
        if token != self.refresh:
            raise ApiError(400, "refresh token is invalid", status=400)
        self.renewals += 1
        self.session, self.refresh = f"{SESSION}-{self.renewals}", f"{REFRESH}-{self.renewals}"
        return {
            "access_token": self.session, "refresh_token": self.refresh, "token_type": "Bearer",
            "expires_in": LIFE, "re_expires_in": LIFE * 30, "taobao_user_nick": "悦然旗舰店",
        }  # fmt: skip

    def _fresh(self, text: str) -> bool:
        try:
            sent = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).timestamp()
        except ValueError:
            return False
        clocks = (self.world.clock.time(), datetime.now(UTC).timestamp())
        return any(abs(now - sent) <= TOLERANCE for now in clocks)

    def _pace(self) -> None:
        if self.calls_per_second is None:
            return
        now = time.monotonic()
        while self._calls and self._calls[0] <= now - 1:
            self._calls.popleft()
        if len(self._calls) >= self.calls_per_second:
            said = "This ban will last for 1 more seconds"
            raise ApiError(7, "App Call Limited", error={
                "sub_code": "accesscontrol.limited-by-api-access-count", "sub_msg": said,
            })  # fmt: skip
        self._calls.append(now)


def signature(form: Form, secret: str = APP_SECRET) -> str:
    """What the platform computes over the form as it arrived."""
    names = sorted(name for name in form if name != "sign" and name and form[name] != "")
    base = b"".join((name + form[name]).encode("utf-8") for name in names)
    key = secret.encode()
    if form.get("sign_method") == "hmac-sha256":
        made = hmac.digest(key, base, "sha256")
    elif form.get("sign_method") == "hmac":
        made = hmac.digest(key, base, "md5")
    else:
        made = hashlib.md5(key + base + key).digest()  # noqa: S324 - the platform's old way
    return made.hex().upper()


def _error(error: ApiError, log_id: str) -> Reply:
    body = {"code": error.code, "msg": error.msg, **error.error, "request_id": log_id}
    return Reply({"error_response": body})


routes = Routes("taobao", on_error=_error)


@routes.add("POST", "/token", auth="none", claim=CLAIM)
def token(world: World, req: Request) -> Reply:
    """The OAuth address: grant_type refresh_token."""
    form = dict(parse_qsl(req.raw.decode()))
    good = form.get("client_id") == APP_KEY and form.get("client_secret") == APP_SECRET
    if not good or form.get("grant_type") != "refresh_token":
        return Reply({"error": "invalid_client", "error_description": "client is invalid"}, 400)
    try:
        return Reply(world.taobao.renew(form.get("refresh_token", "")))
    except ApiError as refused:
        return Reply({"error": "invalid_grant", "error_description": refused.msg}, refused.status)


@routes.add("POST", "/router/rest", auth="none", claim=CLAIM)
def call(world: World, req: Request) -> Reply:
    """Every method of the platform, told by the parameter ``method``."""
    form = world.taobao.admit(req)
    method = METHODS.get(form["method"])
    if method is None:
        raise ApiError(22, "Invalid method")
    key = form["method"].removeprefix("taobao.").replace(".", "_") + "_response"
    return Reply({key: {**method(world.taobao, form), "request_id": world.ids.hex(12)}})


def _whole(form: Form, name: str, default: int, top: int) -> int:
    text = form.get(name) or str(default)
    if not text.isdigit() or not 1 <= int(text) <= top:
        raise ApiError(41, f"Invalid arguments:{name}")
    return int(text)


def _json(form: Form, name: str) -> dict[str, Any]:
    try:
        found = json.loads(form.get(name) or "")
    except ValueError as broken:
        raise ApiError(41, f"Invalid arguments:{name}") from broken
    if not isinstance(found, dict):
        raise ApiError(41, f"Invalid arguments:{name}")
    return found


def _increment(state: TaobaoState, form: Form) -> dict[str, Any]:
    """trades.sold.increment.get: at most a day, by time of change, newest first."""
    start, end = form.get("start_modified", ""), form.get("end_modified", "")
    try:
        span = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    except ValueError as broken:
        raise ApiError(41, "Invalid arguments:start_modified,end_modified") from broken
    if not form.get("fields"):
        raise ApiError(40, "Missing required arguments:fields")
    if not 0 <= span.total_seconds() <= 86_400:
        raise ApiError(15, "Remote service error", error={
            "sub_code": "isv.invalid-parameter", "sub_msg": "start_modified与end_modified最多间隔1天",
        })  # fmt: skip
    page, size = _whole(form, "page_no", 1, 10**6), _whole(form, "page_size", 40, 100)
    found = [trade for trade in state.trades.values() if start <= trade.modified <= end]
    found.sort(key=lambda trade: (trade.modified, trade.tid), reverse=True)
    some = found[(page - 1) * size : page * size]
    rows = (
        {"trades": {"trade": [trade.row(set(form["fields"].split(","))) for trade in some]}} if some else {}
    )
    if form.get("use_has_next") == "true":
        return {**rows, "has_next": page * size < len(found)}
    return {**rows, "total_results": len(found)}


def _onsale(state: TaobaoState, form: Form) -> dict[str, Any]:
    """items.onsale.get."""
    items = {str(sku["num_iid"]): sku for sku in state.skus}
    page, size = _whole(form, "page_no", 1, 10**6), _whole(form, "page_size", 40, 200)
    rows = [
        {"num_iid": int(num_iid), "title": sku["title"], "num": sku["quantity"], "outer_id": sku["outer_id"]}
        for num_iid, sku in list(items.items())[(page - 1) * size : page * size]
    ]
    return {"items": {"item": rows}, "total_results": len(items)}


def _skus(state: TaobaoState, form: Form) -> dict[str, Any]:
    """item.skus.get: at most 40 items; an item without variants has none."""
    ids = form.get("num_iids", "").split(",")
    if len(ids) > 40:
        raise ApiError(41, "Invalid arguments:num_iids")
    rows = [sku for sku in state.skus if str(sku["num_iid"]) in ids and sku.get("sku_id")]
    return {"skus": {"sku": rows}} if rows else {}


def _campaigns(state: TaobaoState, form: Form) -> dict[str, Any]:
    """universalbp.new.campaign.findpage."""
    query = _scene(form, "campaign_query_v_o")
    wanted = {int(each) for each in query.get("campaign_id_list") or state.campaigns}
    found = [each for each in state.campaigns.values() if each.campaign_id in wanted]
    rows = [
        {"campaign_id": each.campaign_id, "campaign_name": each.name, "display_status": each.status,
         "dmc_type": "normal" if each.budget else "unlimit", "day_budget": each.budget}
        for each in _part(found, query)
    ]  # fmt: skip
    return _done(campaign_v_o_top_bulk_data={"count": len(found), "campaign_v_o_list": rows})


def _report(state: TaobaoState, form: Form) -> dict[str, Any]:
    """universalbp.new.report.query.campaign: every metric a text."""
    query = _scene(form, "top_campaign_report_query_v_o")
    if query.get("effect_equal") not in ("1", "3", "7", "15", "30"):
        return _refused("effect_equal应为1、3、7、15、30之一")
    rows = [
        {"campaign_id": each.campaign_id, "report_index": {
            "charge": each.charge, "alipay_inshop_amt": each.sold, "alipay_inshop_num": each.orders,
        }}
        for each in _part([each for each in state.campaigns.values() if each.charge != "0"], query)
    ]  # fmt: skip
    return _done(top_report_v_o_list=rows)


def _budget(state: TaobaoState, form: Form) -> dict[str, Any]:
    """universalbp.new.campaign.budget.batchupdate: an empty budget lifts the cap."""
    for change in _scene(form, "campaign_budget_list_v_o").get("budget_list") or []:
        campaign = state.campaigns.get(int(change["campaign_id"]))
        if campaign is None:
            return _refused("计划不存在")
        wanted = str(change.get("day_budget") or "")
        if wanted and (not wanted.isdigit() or int(wanted) < 30):
            return _refused("日预算不能低于30元")
        campaign.budget = wanted
        campaign.changes.append(wanted)
    return _done()


def _oneclick(state: TaobaoState, form: Form) -> dict[str, Any]:
    """universalbp.new.campaign.oneclick: the campaigns stand still; all of them or none."""
    return _turn(state, form, "pause")


def _onerecover(state: TaobaoState, form: Form) -> dict[str, Any]:
    """universalbp.new.campaign.onerecover: they run again."""
    return _turn(state, form, "start")


def _turn(state: TaobaoState, form: Form, status: str) -> dict[str, Any]:
    wanted = _scene(form, "one_click_v_o").get("campaign_id_list")
    if not isinstance(wanted, list) or not wanted:
        return _refused("campaign_id_list不能为空")
    found = [state.campaigns.get(int(each)) for each in wanted]
    if any(campaign is None or campaign.status == "end" for campaign in found):
        return _refused("计划不存在或已结束")
    for campaign in found:
        if campaign is not None:
            campaign.status = status
            campaign.changes.append(status)
    return _done()


def _scene(form: Form, name: str) -> dict[str, Any]:
    if not str(_json(form, "top_service_context").get("biz_code", "")).startswith("onebp"):
        raise ApiError(41, "Invalid arguments:top_service_context")
    return _json(form, name)


def _part(rows: list[Any], query: dict[str, Any]) -> list[Any]:
    offset, size = int(query.get("offset") or 0), int(query.get("page_size") or 20)
    return rows[offset : offset + size]


def _done(**data: Any) -> dict[str, Any]:
    return {"top_result": {"info": {"ok": True, "message": "", "error_code": ""}, **data}}


def _refused(message: str) -> dict[str, Any]:
    return {"top_result": {"info": {"ok": False, "message": message, "error_code": "ILLEGAL_ARGUMENT"}}}


METHODS: dict[str, Callable[[TaobaoState, Form], dict[str, Any]]] = {
    "taobao.trades.sold.increment.get": _increment,
    "taobao.items.onsale.get": _onsale,
    "taobao.item.skus.get": _skus,
    "taobao.universalbp.new.campaign.findpage": _campaigns,
    "taobao.universalbp.new.report.query.campaign": _report,
    "taobao.universalbp.new.campaign.budget.batchupdate": _budget,
    "taobao.universalbp.new.campaign.oneclick": _oneclick,
    "taobao.universalbp.new.campaign.onerecover": _onerecover,
}
