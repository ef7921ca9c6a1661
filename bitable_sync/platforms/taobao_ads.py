"""万相台无界 (``universalbp.new``): campaigns with today's spend and sales, day budgets, pausing.

Same gateway, signature and session as `taobao`. Every metric is a string in 元. The platform credits sales
by a window of days after the click; which one a connection uses is its setting, because ROI depends on it.
Wire facts: the vendor's PHP SDK of 2024 (request fields), the catalogue in bububa/opentaobao.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.facts import TAOBAO, AdPlan, Can, PlanState
from bitable_sync.platforms.taobao import Top
from bitable_sync.platforms.wire import found_after, number, whole
from runtime.clock import day_of
from runtime.errors import PermanentError, UnknownOutcome

PREFIX = "taobao.universalbp.new"
PAGE = 100
SCENES = ("onebpSearch", "onebpDisplay", "onebpSite")
"""关键词, 人群, 全站: ``biz_code`` of the scenes an account may use."""
EFFECT_DAYS = ("1", "3", "7", "15", "30")
METRICS = ["charge", "alipayInshopAmt", "alipayInshopNum"]
STATES = {
    "start": PlanState.LIVE,
    "pause": PlanState.PAUSED,
    "wait": PlanState.PAUSED,
    "end": PlanState.ENDED,
}
NO_LIMIT = "unlimit"


class TaobaoAds:
    """One advertising account.

    Args:
        top: signed calls.
        shop: name of the shop.
        scene: one of `SCENES`.
        effect_days: how many days after the click a sale counts for the plan.
    """

    platform = TAOBAO

    def __init__(self, top: Top, *, shop: str, scene: str = SCENES[0], effect_days: str = "15") -> None:
        self.top = top
        self.shop = shop
        self.scene = scene
        self.effect_days = effect_days

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """All campaigns with the figures of today or another day."""
        return self._join(list(self._campaigns({})), {}, day)

    def plan(self, plan_id: str) -> AdPlan | None:
        """One campaign; None if there is none of that id."""
        wanted = {"campaign_id_list": [int(plan_id)]}
        rows = [row for row in self._campaigns(wanted) if str(row["campaign_id"]) == plan_id]
        found = self._join(rows, wanted) if rows else []
        return found[0] if found else None

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Set a day budget (whole 元).

        The budget is never sent empty: at this platform that lifts the cap. A plan without a day budget is
        refused here, because setting one would be another kind of decision.
        """
        if budget != budget.to_integral_value() or budget <= 0:
            raise PermanentError("万相台的日预算只能是大于 0 的整数元；请改成整数再提交")
        plan = self.plan(plan_id)
        if plan is None:
            raise PermanentError("万相台没有这个计划（可能已删除），请核对计划日报")
        if plan.budget is None:
            raise PermanentError("这个计划没有按日的预算（不限或按周期），请在万相台后台调整")
        change = {"campaign_id": int(plan_id), "dmc_type": "normal", "day_budget": str(int(budget))}
        try:
            self._call("campaign.budget.batchupdate", writes=True, campaign_budget_list_v_o={
                "budget_list": [change],
            })  # fmt: skip
        except UnknownOutcome as lost:
            now = found_after(lost, lambda: self.plan(plan_id))
            if now is None or now.budget != budget:
                raise

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Resume or pause a campaign (``onerecover``, ``oneclick``); errors as for ``set_budget``."""
        method = "onerecover" if enabled else "oneclick"
        try:
            self._call(f"campaign.{method}", writes=True, one_click_v_o={"campaign_id_list": [int(plan_id)]})
        except UnknownOutcome as lost:
            now = found_after(lost, lambda: self.plan(plan_id))
            if now is None or (now.state is not PlanState.PAUSED) is not enabled:
                raise

    def _join(
        self, rows: list[dict[str, Any]], wanted: Mapping[str, Any], day: date | None = None
    ) -> list[AdPlan]:
        day = day or day_of(self.top.clock.now())
        figures = {
            str(each["campaign_id"]): each.get("report_index") or {} for each in self._report(day, wanted)
        }
        unique = {str(row["campaign_id"]): row for row in rows}
        return [self._plan(row, figures.get(plan_id, {}), day) for plan_id, row in unique.items()]

    def _plan(self, row: Mapping[str, Any], figures: Mapping[str, Any], day: date) -> AdPlan:
        capped = row.get("day_budget") and row.get("dmc_type") != NO_LIMIT
        return AdPlan(
            plan_id=str(row["campaign_id"]),
            name=str(row.get("campaign_name") or ""),
            platform=TAOBAO,
            shop=self.shop,
            state=STATES.get(str(row.get("display_status") or row.get("online_status")), PlanState.PAUSED),
            budget=number(row["day_budget"]) if capped else None,
            spend=number(figures.get("charge") or 0),
            gmv=number(figures.get("alipay_inshop_amt") or 0),
            orders=whole(figures.get("alipay_inshop_num")),
            day=day,
            can=Can.ALL,
        )

    def _campaigns(self, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            query = {**wanted, "offset": offset, "page_size": PAGE}
            result = self._call("campaign.findpage", campaign_query_v_o=query)
            data = result.get("campaign_v_o_top_bulk_data") or {}
            rows = _listed(data.get("campaign_v_o_list"))
            yield from rows
            offset += PAGE
            if offset >= whole(data.get("count")) or not rows:
                return

    def _report(self, day: date, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            query = {
                **wanted, "start_time": day.isoformat(), "end_time": day.isoformat(), "split_type": "sum",
                "unify_type": "zhai", "effect_equal": self.effect_days, "query_domains": ["campaign"],
                "query_field_in_list": METRICS, "offset": offset, "page_size": PAGE,
            }  # fmt: skip
            result = self._call("report.query.campaign", top_campaign_report_query_v_o=query)
            rows = _listed(result.get("top_report_v_o_list"))
            yield from rows
            offset += PAGE
            if len(rows) < PAGE:
                return

    def _call(self, method: str, *, writes: bool = False, **params: Any) -> dict[str, Any]:
        """A call whose answer says inside ``info`` whether it was done."""
        context = {"biz_code": self.scene}
        answer = self.top.call(
            f"{PREFIX}.{method}", {"top_service_context": context, **params}, writes=writes
        )
        result = answer.get("top_result") or answer.get("result") or {}
        info = result.get("info") or {}
        if str(info.get("ok")).lower() != "true":
            said = f"{info.get('error_code') or ''} {info.get('message') or ''}".strip() or "未说明原因"
            raise PermanentError(f"万相台拒绝：{said}")
        found: dict[str, Any] = result
        return found


def _listed(value: Any) -> list[dict[str, Any]]:
    """A list, with or without the wrapper that TOP puts around one in JSON."""
    if isinstance(value, dict):
        value = next(iter(value.values()), [])
    return list(value or [])
