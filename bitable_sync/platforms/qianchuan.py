"""巨量千川: ad plans with today's spend and sales, budgets, pausing.

Wire facts: the vendor's SDK oceanengine/ad_open_sdk_go. No request signature, header ``Access-Token``;
objects in a GET query are JSON text; money is a number in 元; ``code`` 0 may carry errors inside
``data.errors``; a refresh rotates both tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.credentials import Pair
from bitable_sync.platforms.facts import DOUYIN, AdPlan, Can, PlanState
from bitable_sync.platforms.refusals import Why, refusal
from bitable_sync.platforms.tokens import Access, with_token
from bitable_sync.platforms.wire import Wire, found_after, number
from runtime.clock import Clock, day_of
from runtime.errors import ChorusError, PermanentError, UnknownOutcome

PREFIX = "/open_api/v1.0/qianchuan"
PAGE = 100
CODES = {
    **dict.fromkeys((40100, 40110, 50000, 50001, 50002), Why.BUSY),
    **dict.fromkeys((40102, 40103, 40104, 40105, 40107), Why.TOKEN),
    **dict.fromkeys((40002, 40118), Why.RIGHT),
}
"""code → what it means; anything else is a rule. 40103 and 40107 speak of the refresh token."""
STATES = {
    "DELIVERY_OK": PlanState.LIVE,
    "DISABLE": PlanState.PAUSED,
    "OFFLINE_BUDGET": PlanState.SPENT,
    "AUDIT": PlanState.REVIEW,
    "REAUDIT": PlanState.REVIEW,
    "TIME_DONE": PlanState.ENDED,
    "DELETE": PlanState.GONE,
}


class Account:
    """Calls in the name of one advertiser.

    Args:
        wire: the address.
        access: the token.
        advertiser_id: the advertiser.
        clock: the time.
        shop: the shop it advertises, as 店铺日报 calls it; "" = the 抖音号 of each plan, which is no shop.
    """

    platform = DOUYIN

    def __init__(
        self, wire: Wire, access: Access, *, advertiser_id: str, clock: Clock, shop: str = ""
    ) -> None:
        self.wire = wire
        self.access = access
        self.advertiser_id = advertiser_id
        self.clock = clock
        self.shop = shop

    def change(self, path: str, body: Mapping[str, Any], done: Callable[[], bool]) -> dict[str, Any]:
        """A change; a lost answer is settled by a look, or stays unknown."""
        whole = {"advertiser_id": int(self.advertiser_id), **body}
        try:
            return self._call("POST", path, writes=True, data=json.dumps(whole).encode())
        except UnknownOutcome as lost:
            if found_after(lost, done):
                return {}
            raise

    def pages(self, path: str, params: Mapping[str, Any], name: str = "list") -> list[dict[str, Any]]:
        """All rows of a list; parameters that are objects or lists go as JSON text."""
        query = {
            key: json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list) else str(value)
            for key, value in {"advertiser_id": self.advertiser_id, **params, "page_size": PAGE}.items()
        }
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            data = self._call("GET", path, params={**query, "page": str(page)})
            rows += data.get(name) or []
            if page >= int((data.get("page_info") or {}).get("total_page") or 0):
                return rows
            page += 1

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        def once(token: str) -> dict[str, Any]:
            headers = {"Access-Token": token, "Content-Type": "application/json"}
            return checked(self.wire.call(method, path, headers=headers, **request))

        return with_token(self.access, once)


class Qianchuan(Account):
    """Standard plans (标准推广)."""

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """All plans that are not deleted, with the figures of today or another day (Shanghai's).

        A plan without figures has zeros.
        """
        day = day or day_of(self.clock.now())
        return self._join(self._list({}), self._report(day, {"marketing_goal": "ALL"}), day)

    def plan(self, plan_id: str) -> AdPlan | None:
        """One plan, or None if the account has no such plan (any more)."""
        day = day_of(self.clock.now())
        rows = self._list({"ids": [int(plan_id)]})
        wanted = {"marketing_goal": "ALL", "ad_ids": [int(plan_id)]}
        found = self._join(rows, self._report(day, wanted) if rows else [], day)
        return found[0] if found else None

    def _join(
        self, rows: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]], day: date
    ) -> list[AdPlan]:
        by_id = {str(figure["ad_id"]): figure for figure in figures}
        unique = {str(row["ad_id"]): row for row in rows}  # rows may move between pages
        return [_plan(row, by_id.get(plan_id, {}), day, self.shop) for plan_id, row in unique.items()]

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Set a plan's day budget to this absolute value in 元.

        Platform rules (Chinese sentence in the error if broken): ≥ 300 元, a step of ≥ 100 元, ≥ 105 % of
        today's spend rounded up to a whole hundred, two decimals, 20 changes a plan and day.

        Raises:
            PermanentError: the platform refuses.
            TransientError: busy; nothing happened.
            UnknownOutcome: the answer was lost and the plan does not show the new budget (yet).
        """
        body = {"data": [{"ad_id": int(plan_id), "budget": plain(budget)}]}
        self._done(f"{PREFIX}/ad/budget/update/", body, lambda: self._budget_is(plan_id, budget))

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Resume or pause a plan; errors as for ``set_budget``."""
        status = "ENABLE" if enabled else "DISABLE"
        body = {"ad_ids": [int(plan_id)], "opt_status": status}

        def done() -> bool:
            plan = self.plan(plan_id)
            return plan is not None and (plan.state is not PlanState.PAUSED) is enabled

        self._done(f"{PREFIX}/ad/status/update/", body, done)

    # --- inside ---

    def _budget_is(self, plan_id: str, budget: Decimal) -> bool:
        plan = self.plan(plan_id)
        return plan is not None and plan.budget == budget

    def _done(self, path: str, body: Mapping[str, Any], done: Callable[[], bool]) -> None:
        for error in self.change(path, body, done).get("errors") or []:  # code 0 with the refusal inside
            raise PermanentError(f"巨量千川拒绝：{error.get('error_message') or '未说明原因'}")

    def _list(self, filtering: Mapping[str, Any]) -> list[dict[str, Any]]:
        params: dict[str, Any] = {"request_aweme_info": 1}
        if filtering:
            params["filtering"] = filtering
        return self.pages(f"{PREFIX}/ad/get/", params)

    def _report(self, day: date, filtering: Mapping[str, Any]) -> list[dict[str, Any]]:
        asked = day.isoformat()
        fields = ["stat_cost", "pay_order_amount", "pay_order_count"]
        return self.pages(
            f"{PREFIX}/report/ad/get/",
            {"start_date": asked, "end_date": asked, "fields": fields, "filtering": filtering},
        )


def refresh(wire: Wire, keys: Mapping[str, str], refresh_token: str) -> Pair:
    """Trade the refresh token in; it dies with this call. ``keys`` hold app_id and secret."""
    body = {
        "app_id": keys["app_id"],
        "secret": keys["secret"],
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    path = "/open_api/oauth2/refresh_token/"
    headers = {"Content-Type": "application/json"}
    data = checked(wire.call("POST", path, writes=True, data=json.dumps(body).encode(), headers=headers))
    return Pair(
        str(data["access_token"]),
        str(data["refresh_token"]),
        int(data["expires_in"]),
        int(data["refresh_token_expires_in"]),
    )


def checked(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The ``data`` of a good answer; raises what a refusal means."""
    code = int(answer.get("code") or 0)
    if code:
        raise _refusal(code, str(answer.get("message") or ""), str(answer.get("request_id") or ""))
    return dict(answer.get("data") or {})


def _plan(row: Mapping[str, Any], figures: Mapping[str, Any], day: date, shop: str) -> AdPlan:
    setting = row.get("delivery_setting") or {}
    people = row.get("aweme_info") or [{}]
    return AdPlan(
        plan_id=str(row["ad_id"]),
        name=str(row.get("name") or ""),
        platform=DOUYIN,
        shop=shop or str(people[0].get("aweme_name") or ""),
        state=state_of(row),
        budget=number(setting["budget"]) if setting.get("budget") else None,
        spend=number(figures.get("stat_cost") or 0),
        gmv=number(figures.get("pay_order_amount") or 0),
        orders=int(figures.get("pay_order_count") or 0),
        day=day,
        can=Can.ALL,
    )


def state_of(row: Mapping[str, Any]) -> PlanState:
    """How a plan stands; a status that is new to us falls back to whether it is switched on."""
    switched = PlanState.LIVE if row.get("opt_status") == "ENABLE" else PlanState.PAUSED
    return STATES.get(str(row.get("status") or ""), switched)


def plain(value: Decimal) -> int | float:
    """A budget as the JSON number the platform takes; two decimals are exact in a double."""
    return int(value) if value == int(value) else float(value)


def _refusal(code: int, message: str, request_id: str) -> ChorusError:
    said = f"巨量千川 {code} {message}".strip() + (f"（request_id {request_id}）" if request_id else "")
    why = CODES.get(code, Why.RULE)
    return refusal(said, why, wait=1.0 if why is Why.BUSY else None)
