"""The advertising platform: 巨量千川 plans, their figures of the day, budgets and pausing.

Wire facts: 巨量千川 docs as carried by the vendor's Go SDK (ad_open_sdk_go, 2026-08) and the doc comments of
bububa/oceanengine, read 2026-11. The texts inside ``data.errors`` are our own, the rules the platform's.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.ads_model import METRICS, Figures, Plan, least_budget
from sandbox.kernel import ApiError, Reply, Request, Routes, World

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLAIM = "vendor SDK oceanengine/ad_open_sdk_go 2026-08 and its doc comments, 2026-11"
CONTROL = "our own control plane, 2026-11"
ADVERTISER_ID = 1712345678901234
TOKEN = "sandbox-ads-token"  # noqa: S105 - the published token of a make-believe account
APP_ID, SECRET, REFRESH = "1800000000000001", "sandbox-ads-secret", "sandbox-ads-refresh"
PREFIX = "/open_api/v1.0/qianchuan"
MIN_BUDGET = Decimal(300)
MIN_STEP = Decimal(100)
CHANGES_A_DAY = 20
BATCH = 10
GOALS = ("VIDEO_PROM_GOODS", "LIVE_PROM_GOODS")


class AdsState:
    """Plans by id. Found as ``world.ads``; ``token`` None means every token is refused as expired.

    ``uni`` are the rows of 全域 plans by goal and way of bidding.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.advertiser_id = ADVERTISER_ID
        self.plans: dict[int, Plan] = {}
        self.token: str | None = TOKEN
        self.refresh, self.renewals = REFRESH, 0
        self.uni: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.calls_per_second: int | None = 20
        self._calls: deque[float] = deque()

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget all plans."""
        self.plans.clear()
        self.token = TOKEN
        self.refresh, self.renewals = REFRESH, 0
        self.uni.clear()
        self.calls_per_second = 20
        self._calls.clear()

    def today(self) -> str:
        """The date in Shanghai, the platform's calendar day."""
        return self.world.clock.now().astimezone(SHANGHAI).date().isoformat()

    def now(self) -> str:
        """Local time as the platform writes it."""
        return f"{self.world.clock.now().astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"

    def admit(self, req: Request, advertiser: Any) -> None:
        """Check the Access-Token header, the frequency and the account.

        Raises:
            ApiError: 40104 no token, 40105 wrong, 40102 expired, 40100 too often, 40002 other account.
        """
        given = req.headers.get("access-token", "")
        if not given:
            raise ApiError(40104, "access_token为空")
        if self.token is None and given == TOKEN:
            raise ApiError(40102, "access_token已过期")
        if given != self.token:
            raise ApiError(40105, "access_token错误")
        self._pace()
        if str(advertiser) != str(self.advertiser_id):
            raise ApiError(40002, f"no permission to operate advertiser {advertiser}")

    def _pace(self) -> None:
        if self.calls_per_second is None or not self.world.limits_on:
            return
        now = self.world.clock.time()
        while self._calls and not now - 1 < self._calls[0] <= now:
            self._calls.popleft()
        if len(self._calls) >= self.calls_per_second:
            raise ApiError(40100, "接口请求频率超限，请稍后重试")
        self._calls.append(now)

    def renew(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Trade the refresh token in; both tokens are new, both old ones dead."""
        if (body.get("app_id"), body.get("secret"), body.get("grant_type")) != (
            APP_ID, SECRET, "refresh_token",
        ):  # fmt: skip
            raise ApiError(40000, "app_id, secret or grant_type is wrong")
        if body.get("refresh_token") != self.refresh:
            raise ApiError(40107, "refresh_token无效")
        self.renewals += 1
        self.token, self.refresh = f"{TOKEN}-{self.renewals}", f"{REFRESH}-{self.renewals}"
        return {
            "access_token": self.token, "refresh_token": self.refresh, "expires_in": 86_399,
            "refresh_token_expires_in": 2_591_999,
        }  # fmt: skip

    def set_budget(self, plan_id: int, wanted: Any) -> str:
        """Change a budget by the platform's rules; returns the refusal, or "" when done."""
        plan = self.plans.get(plan_id)
        if plan is None or plan.deleted:
            return "计划不存在或已删除"
        try:
            budget = Decimal(str(wanted))
        except InvalidOperation:
            return "预算不是数字"
        refusal = self._refuse_budget(plan, budget)
        if not refusal:
            today = self.today()
            plan.budget, plan.modified = budget, self.now()
            plan.changes[today] = plan.changes.get(today, 0) + 1
        return refusal

    def _refuse_budget(self, plan: Plan, budget: Decimal) -> str:
        today = self.today()
        if not budget.is_finite() or budget != round(budget, 2):
            return "预算最多两位小数"
        if budget < MIN_BUDGET:
            return f"日预算不得低于{MIN_BUDGET}元"
        if abs(budget - plan.budget) < MIN_STEP:
            return f"单次预算修改幅度不得低于{MIN_STEP}元"
        floor = least_budget(plan.day(today).spend)
        if budget < floor:
            return f"预算不得低于当前已消耗的105%（向上取整到百元），即{floor}元"
        if plan.changes.get(today, 0) >= CHANGES_A_DAY:
            return f"每个计划每天最多修改{CHANGES_A_DAY}次预算"
        return ""


def _error(error: ApiError, log_id: str) -> Reply:
    return Reply({"code": error.code, "message": error.msg, "request_id": log_id, "data": {}}, error.status)


routes = Routes("ads", on_error=_error)


@routes.add("POST", "/open_api/oauth2/refresh_token/", auth="none", claim=CLAIM)
def refresh_token(world: World, req: Request) -> Reply:
    """刷新 Access Token: rotates both."""
    return _ok(world, world.ads.renew(req.json()))


@routes.add("GET", f"{PREFIX}/uni_promotion/list/", auth="none", claim=CLAIM)
def list_uni(world: World, req: Request) -> Reply:
    """全域推广列表: one goal and one way of bidding at a time, at most 100 rows a page."""
    world.ads.admit(req, req.query.get("advertiser_id"))
    bid = _parse(req, "filtering", {}).get("smart_bid_type", "SMART_BID_CUSTOM")
    shown, info = _page(req, world.ads.uni.get((req.query.get("marketing_goal", ""), bid), []), 10)
    return _ok(world, {"ad_list": shown, "page_info": info})


def _ok(world: World, data: dict[str, Any]) -> Reply:
    return Reply({"code": 0, "message": "OK", "request_id": world.ids.hex(22).upper(), "data": data})


def _parse(req: Request, name: str, default: Any) -> Any:
    """A GET parameter that carries JSON text."""
    text = req.query.get(name)
    if not text:
        return default
    try:
        return json.loads(text)
    except ValueError as broken:
        raise ApiError(40000, f"{name}: invalid JSON") from broken


def _number(req: Request, name: str, default: int, top: int) -> int:
    try:
        value = int(req.query.get(name) or default)
    except ValueError as broken:
        raise ApiError(40000, f"{name}: not a number") from broken
    if not 1 <= value <= top:
        raise ApiError(40000, f"{name}: must be between 1 and {top}")
    return value


def _page(req: Request, rows: list[Any], default: int) -> tuple[list[Any], dict[str, int]]:
    page, size = _number(req, "page", 1, 99999), _number(req, "page_size", default, 1000)
    info = {"page": page, "page_size": size, "total_number": len(rows), "total_page": -(-len(rows) // size)}
    return rows[(page - 1) * size : page * size], info


def _plan_row(plan: Plan, today: str) -> dict[str, Any]:
    return {
        "ad_id": plan.plan_id,
        "campaign_id": plan.plan_id - 7,
        "name": plan.name,
        "marketing_goal": plan.goal,
        "marketing_scene": "FEED",
        "campaign_scene": "DAILY_SALE",
        "lab_ad_type": "NOT_LAB_AD",
        "status": plan.status(today),
        "opt_status": "DELETE" if plan.deleted else "ENABLE" if plan.enabled else "DISABLE",
        "ad_create_time": plan.created,
        "ad_modify_time": plan.modified or plan.created,
        "aweme_info": [{"aweme_id": 70000000000 + len(plan.shop), "aweme_name": plan.shop}],
        "product_info": [],
        "delivery_setting": {
            "smart_bid_type": "SMART_BID_CUSTOM",
            "budget": float(plan.budget),
            "budget_mode": "BUDGET_MODE_DAY",
        },
    }


@routes.add("GET", f"{PREFIX}/ad/get/", auth="none", claim=CLAIM)
def list_plans(world: World, req: Request) -> Reply:
    """获取账户下计划列表: page_size ≤ 1000 (10), filtering {ids, ad_name, marketing_goal, status}."""
    world.ads.admit(req, req.query.get("advertiser_id"))
    wanted = _parse(req, "filtering", {})
    today = world.ads.today()
    rows = []
    for plan in world.ads.plans.values():
        row = _plan_row(plan, today)
        if "ids" in wanted and plan.plan_id not in {int(i) for i in wanted["ids"]}:
            continue
        if wanted.get("ad_name") and wanted["ad_name"] not in plan.name:
            continue
        if wanted.get("marketing_goal") not in (None, "", "ALL", plan.goal):
            continue
        status = wanted.get("status")
        if (plan.deleted and status not in ("DELETE", "ALL_INCLUDE_DELETED")) or (
            status not in (None, "", "ALL", "ALL_INCLUDE_DELETED", row["status"])
        ):
            continue
        if req.query.get("request_aweme_info") != "1":
            row.pop("aweme_info")
        rows.append(row)
    shown, info = _page(req, rows, 10)
    return _ok(world, {"list": shown, "fail_list": [], "page_info": info})


@routes.add("GET", f"{PREFIX}/report/ad/get/", auth="none", claim=CLAIM)
def report(world: World, req: Request) -> Reply:
    """广告计划数据: sums from start_date to end_date, or one row a day; marketing_goal is required."""
    world.ads.admit(req, req.query.get("advertiser_id"))
    wanted = _parse(req, "filtering", {})
    fields = _parse(req, "fields", None)
    start, end = req.query.get("start_date", ""), req.query.get("end_date", "")
    goal, step = wanted.get("marketing_goal"), req.query.get("time_granularity", "")
    if len(start) != 10 or len(end) != 10 or start > end:
        raise ApiError(40000, "start_date, end_date: expected YYYY-MM-DD, start before end")
    if goal not in (*GOALS, "ALL"):
        raise ApiError(40000, "filtering.marketing_goal: required, one of ALL, " + ", ".join(GOALS))
    if step not in ("", "TIME_GRANULARITY_DAILY"):
        raise ApiError(40000, "time_granularity: the sandbox knows only TIME_GRANULARITY_DAILY")
    if fields is not None and (unknown := sorted(set(fields) - set(METRICS))):
        raise ApiError(40000, f"fields: unknown {', '.join(unknown)}")
    ids = {int(i) for i in wanted.get("ad_ids") or ()}
    if len(ids) > 100:
        raise ApiError(40000, "filtering.ad_ids: at most 100")
    rows = []
    for plan in world.ads.plans.values():
        if (goal in ("ALL", plan.goal)) and (not ids or plan.plan_id in ids):
            rows += _stat_rows(world.ads, plan, start, end, by_day=bool(step))
    keep = set(fields or METRICS) | {"advertiser_id", "ad_id", "stat_datetime"}
    shown, info = _page(req, [{k: v for k, v in row.items() if k in keep} for row in rows], 20)
    return _ok(world, {"list": shown, "page_info": info})


def _stat_rows(state: AdsState, plan: Plan, start: str, end: str, *, by_day: bool) -> list[dict[str, Any]]:
    days = {date: figures for date, figures in plan.days.items() if start <= date <= end}
    head = {"advertiser_id": state.advertiser_id, "ad_id": plan.plan_id}
    if by_day:
        return [head | {"stat_datetime": f"{d} 00:00:00"} | days[d].row() for d in sorted(days)]
    total = Figures()
    for figures in days.values():
        total = total.plus(figures)
    return [head | {"stat_datetime": f"{start} 00:00:00"} | total.row()] if days else []


def _each(world: World, ids: list[Any], act: Callable[[Any], str]) -> Reply:
    """Do something to up to ten plans: ``code`` 0 with the errors inside."""
    if not 1 <= len(ids) <= BATCH:
        raise ApiError(40000, f"between 1 and {BATCH} plans a call")
    done, errors = [], []
    for plan_id in ids:
        refusal = act(plan_id)
        if refusal:
            errors.append(
                {"ad_id": plan_id, "object_id": plan_id, "object_type": "AD", "opt_type": "UPDATE",
                 "error_code": 40001, "error_message": refusal}
            )  # fmt: skip
        else:
            done.append(plan_id)
    return _ok(world, {"ad_ids": done, "errors": errors})


@routes.add("POST", f"{PREFIX}/ad/budget/update/", auth="none", claim=CLAIM)
def update_budget(world: World, req: Request) -> Reply:
    """更新计划预算: {advertiser_id, data: [{ad_id, budget}]}, at most ten plans."""
    body = req.json()
    world.ads.admit(req, body.get("advertiser_id"))
    data = body.get("data")
    if not isinstance(data, list) or any("ad_id" not in row or "budget" not in row for row in data):
        raise ApiError(40000, "data: expected [{ad_id, budget}]")
    wanted = {int(row["ad_id"]): row["budget"] for row in data}
    return _each(world, list(wanted), lambda plan_id: str(world.ads.set_budget(plan_id, wanted[plan_id])))


@routes.add("POST", f"{PREFIX}/ad/status/update/", auth="none", claim=CLAIM)
def update_status(world: World, req: Request) -> Reply:
    """更新计划状态: {advertiser_id, ad_ids, opt_status ENABLE|DISABLE|DELETE}; deleted stays deleted."""
    body = req.json()
    world.ads.admit(req, body.get("advertiser_id"))
    status = body.get("opt_status")
    if status not in ("ENABLE", "DISABLE", "DELETE"):
        raise ApiError(40000, "opt_status: one of ENABLE, DISABLE, DELETE")

    def turn(plan_id: Any) -> str:
        plan = world.ads.plans.get(int(plan_id))
        if plan is None or plan.deleted:
            return "计划不存在或已删除"
        plan.enabled, plan.deleted, plan.modified = status == "ENABLE", status == "DELETE", world.ads.now()
        return ""

    return _each(world, list(body.get("ad_ids") or []), turn)


def _view(plan: Plan, today: str) -> dict[str, Any]:
    figures = plan.day(today)
    return {
        "ad_id": plan.plan_id,
        "name": plan.name,
        "shop": plan.shop,
        "owner": plan.owner,
        "goal": plan.goal,
        "budget": str(plan.budget),
        "status": plan.status(today),
        "enabled": plan.enabled,
        "spend": str(figures.spend),
        "gmv": str(figures.gmv),
        "orders": figures.orders,
        "budget_changes_today": plan.changes.get(today, 0),
    }


@routes.add("GET", "/_sandbox/world/ads/plans", auth="none", claim=CONTROL)
def show_plans(world: World, _req: Request) -> dict[str, Any]:
    """All plans with today's figures."""
    return {"plans": [_view(plan, world.ads.today()) for plan in world.ads.plans.values()]}


@routes.add("GET", "/_sandbox/world/ads/plans/:plan_id", auth="none", claim=CONTROL)
def show_plan(world: World, req: Request) -> dict[str, Any]:
    """One plan with today's figures."""
    return _view(_wanted(world, req), world.ads.today())


@routes.add("POST", "/_sandbox/world/ads/plans/:plan_id", auth="none", claim=CONTROL)
def turn_plan(world: World, req: Request) -> dict[str, Any]:
    """Set any of spend, gmv, orders (today), budget, name, enabled, deleted, without the platform's rules."""
    plan, body = _wanted(world, req), req.json()
    figures = plan.day(world.ads.today())
    for name, value in body.items():
        if name in ("spend", "gmv"):
            setattr(figures, name, Decimal(str(value)))
        elif name == "orders":
            figures.orders = int(value)
        elif name == "budget":
            plan.budget = Decimal(str(value))
        elif name in ("name", "enabled", "deleted"):
            setattr(plan, name, value)
        else:
            raise ApiError(40000, f"{name}: no such knob on a plan")
    return _view(plan, world.ads.today())


@routes.add("DELETE", "/_sandbox/world/ads/plans/:plan_id", auth="none", claim=CONTROL)
def lose_plan(world: World, req: Request) -> dict[str, Any]:
    """Make a plan vanish from every answer, as if it had never been."""
    return {"vanished": world.ads.plans.pop(_wanted(world, req).plan_id).plan_id}


def _wanted(world: World, req: Request) -> Plan:
    plan: Plan | None = world.ads.plans.get(int(req.params["plan_id"]))
    if plan is None:
        raise ApiError(40000, f"no plan {req.params['plan_id']}")
    return plan
