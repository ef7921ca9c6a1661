"""巨量千川: ad plans with today's spend and sales, budgets, pausing.

Wire facts: the vendor's SDK oceanengine/ad_open_sdk_go. No request signature, header ``Access-Token``;
objects in a GET query are JSON text; money is a number in 元; ``code`` 0 may carry errors inside
``data.errors``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bitable_sync.platforms.wire import Wire, need, number
from runtime.clock import SHANGHAI, Clock
from runtime.errors import ChorusError, PermanentError, TransientError, UnknownOutcome
from runtime.settings import Settings

PREFIX = "/open_api/v1.0/qianchuan"
PAGE = 100
REPORT_IDS = 100  # plans one report call may name
BUSY = {40100, 40110, 50000, 50001, 50002}
TOKEN = {40102, 40104, 40105, 40107}


@dataclass(frozen=True, slots=True)
class AdPlan:
    """A plan and its figures of one day. Money in 元; ``plan_id`` is text because it exceeds a double."""

    plan_id: str
    name: str
    shop: str
    status: str  # DELIVERY_OK, DISABLE, DELETE, … as the platform names it
    enabled: bool
    budget: Decimal
    spend: Decimal
    gmv: Decimal
    orders: int
    day: date

    @property
    def roi(self) -> Decimal | None:
        """Paid sales per 元 spent; None while nothing is spent (undefined is not "below the threshold")."""
        return (self.gmv / self.spend).quantize(Decimal("0.0001"), ROUND_HALF_UP) if self.spend else None


class AdsGateway:
    """The advertising platform of one advertiser."""

    def __init__(self, wire: Wire, *, token: str, advertiser_id: str, clock: Clock) -> None:
        self.wire = wire
        self.advertiser_id = advertiser_id
        self.clock = clock
        self._headers = {"Access-Token": token}

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> AdsGateway:
        """Build it from ``CHORUS_ADS_*``; ConfigError names what is missing."""
        token, advertiser = settings.ads_access_token, settings.ads_advertiser_id
        need({"CHORUS_ADS_ACCESS_TOKEN": token, "CHORUS_ADS_ADVERTISER_ID": advertiser})
        secret = token.get_secret_value() if token else ""
        wire = Wire("巨量千川", settings.ads_base_url)
        return cls(wire, token=secret, advertiser_id=advertiser or "", clock=clock)

    def plans(self) -> list[AdPlan]:
        """All plans that are not deleted, with today's figures (Shanghai's day).

        A plan without figures has zeros.
        """
        return self._join(self._list({}), self._report({"marketing_goal": "ALL"}))

    def plan(self, plan_id: str) -> AdPlan | None:
        """One plan, or None if the account has no such plan (any more)."""
        rows = self._list({"ids": [int(plan_id)]})
        found = self._join(
            rows, self._report({"marketing_goal": "ALL", "ad_ids": [int(plan_id)]}) if rows else []
        )
        return found[0] if found else None

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Set a plan's day budget to this absolute value in 元.

        Platform rules (Chinese sentence in the error if broken): ≥ 300 元, a step of ≥ 100 元, ≥ 105 % of
        today's spend rounded up to a whole hundred, two decimals, 20 changes a plan and day.

        Raises:
            PermanentError: the platform refuses.
            TransientError: busy; nothing happened.
            UnknownOutcome: the answer was lost and the plan does not show the new budget (yet).
        """
        body = {
            "advertiser_id": int(self.advertiser_id),
            "data": [{"ad_id": int(plan_id), "budget": _plain(budget)}],
        }
        self._change(f"{PREFIX}/ad/budget/update/", body, lambda: self._budget_is(plan_id, budget))

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Resume or pause a plan; errors as for ``set_budget``."""
        status = "ENABLE" if enabled else "DISABLE"
        body = {"advertiser_id": int(self.advertiser_id), "ad_ids": [int(plan_id)], "opt_status": status}

        def done() -> bool:
            plan = self.plan(plan_id)
            return plan is not None and plan.enabled is enabled

        self._change(f"{PREFIX}/ad/status/update/", body, done)

    # --- inside ---

    def _budget_is(self, plan_id: str, budget: Decimal) -> bool:
        plan = self.plan(plan_id)
        return plan is not None and plan.budget == budget

    def _change(self, path: str, body: Mapping[str, Any], done: Callable[[], bool]) -> None:
        try:
            answer = self.wire.call(
                "POST",
                path,
                writes=True,
                data=json.dumps(body).encode(),
                headers={**self._headers, "Content-Type": "application/json"},
            )
        except UnknownOutcome:
            if done():
                return
            raise
        data = self._data(answer)
        for error in data.get("errors") or []:  # code 0 with the refusal inside
            raise PermanentError(f"巨量千川拒绝：{error.get('error_message') or '未说明原因'}")

    def _get(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        query = {
            key: json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list) else str(value)
            for key, value in {"advertiser_id": self.advertiser_id, **params}.items()
        }
        return self._data(self.wire.call("GET", path, params=query, headers=self._headers))

    def _pages(self, path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            data = self._get(path, {**params, "page": page, "page_size": PAGE})
            rows += data.get("list") or []
            if page >= int((data.get("page_info") or {}).get("total_page") or 0):
                return rows
            page += 1

    def _list(self, filtering: Mapping[str, Any]) -> list[dict[str, Any]]:
        params: dict[str, Any] = {"request_aweme_info": 1}
        if filtering:
            params["filtering"] = filtering
        return self._pages(f"{PREFIX}/ad/get/", params)

    def _report(self, filtering: Mapping[str, Any]) -> list[dict[str, Any]]:
        today = self._today().isoformat()
        fields = ["stat_cost", "pay_order_amount", "pay_order_count"]
        return self._pages(
            f"{PREFIX}/report/ad/get/",
            {"start_date": today, "end_date": today, "fields": fields, "filtering": filtering},
        )

    def _today(self) -> date:
        return self.clock.now().astimezone(SHANGHAI).date()

    def _join(self, rows: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]]) -> list[AdPlan]:
        by_id = {str(figure["ad_id"]): figure for figure in figures}
        today = self._today()
        unique = {str(row["ad_id"]): row for row in rows}  # rows may move between pages
        return [_plan(row, by_id.get(plan_id, {}), today) for plan_id, row in unique.items()]

    def _data(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        code = int(answer.get("code") or 0)
        if code:
            raise _refusal(code, str(answer.get("message") or ""), str(answer.get("request_id") or ""))
        return dict(answer.get("data") or {})


def _plan(row: Mapping[str, Any], figures: Mapping[str, Any], day: date) -> AdPlan:
    setting = row.get("delivery_setting") or {}
    people = row.get("aweme_info") or [{}]
    return AdPlan(
        plan_id=str(row["ad_id"]),
        name=str(row.get("name") or ""),
        shop=str(people[0].get("aweme_name") or ""),
        status=str(row.get("status") or ""),
        enabled=row.get("opt_status") == "ENABLE",
        budget=number(setting.get("budget") or 0),
        spend=number(figures.get("stat_cost") or 0),
        gmv=number(figures.get("pay_order_amount") or 0),
        orders=int(figures.get("pay_order_count") or 0),
        day=day,
    )


def _plain(value: Decimal) -> int | float:
    """A budget as the JSON number the platform takes; two decimals are exact in a double."""
    return int(value) if value == int(value) else float(value)


def _refusal(code: int, message: str, request_id: str) -> ChorusError:
    said = f"巨量千川 {code} {message}".strip() + (f"（request_id {request_id}）" if request_id else "")
    if code in BUSY:
        return TransientError(f"{said}；稍后自动重试", wait=1.0)
    if code in TOKEN:
        return PermanentError(f"{said}：请更新 CHORUS_ADS_ACCESS_TOKEN")
    return PermanentError(said)
