"""巨量千川 全域推广: plans with today's spend and sales, budgets. They stand in no list of standard plans.

Same wire as `qianchuan`. The list answers one goal and one way of bidding at a time. Sales come with or
without platform coupons; which ones count is the connection's setting. Wire facts: vendor SDK
oceanengine/ad_open_sdk_go and bububa/oceanengine (``model/qianchuan/uni_promotion``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.facts import DOUYIN, AdPlan, Can
from bitable_sync.platforms.qianchuan import PREFIX, Account, plain, state_of
from bitable_sync.platforms.refusals import cannot_pause
from bitable_sync.platforms.tokens import Access
from bitable_sync.platforms.wire import Wire, number, whole
from runtime.clock import Clock, day_of
from runtime.errors import PermanentError

GOALS = ("VIDEO_PROM_GOODS", "LIVE_PROM_GOODS")
BIDS = ("SMART_BID_CUSTOM", "SMART_BID_CONSERVATIVE")  # without one the platform shows the first kind only
GMV = ("total_pay_order_gmv_for_roi2", "total_pay_order_gmv_include_coupon_for_roi2")
"""Sales without and with the platform's coupons."""
ORDERS = "total_pay_order_count_for_roi2"


class QianchuanUni(Account):
    """全域 plans of one advertiser; ``gmv`` is one of `GMV`."""

    def __init__(
        self,
        wire: Wire,
        access: Access,
        *,
        advertiser_id: str,
        clock: Clock,
        shop: str = "",
        gmv: str = GMV[0],
    ) -> None:
        super().__init__(wire, access, advertiser_id=advertiser_id, clock=clock, shop=shop)
        self.gmv = gmv

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """All plans with the figures of today or another day (Shanghai's)."""
        found = {plan.plan_id: plan for plan in self._read(day or day_of(self.clock.now()))}
        return list(found.values())

    def plan(self, plan_id: str) -> AdPlan | None:
        """One plan, or None; the platform cannot be asked for a single one with its figures."""
        return next((plan for plan in self.plans() if plan.plan_id == plan_id), None)

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Set a plan's day budget (元); errors as `qianchuan.Qianchuan.set_budget`."""
        body = {"update_budget_infos": [{"ad_id": int(plan_id), "budget": plain(budget)}]}

        def done() -> bool:
            plan = self.plan(plan_id)
            return plan is not None and plan.budget == budget

        answer = self.change(f"{PREFIX}/uni_promotion/ad/budget/update/", body, done)
        for result in answer.get("results") or []:  # code 0 with the refusal inside
            if result.get("status") != "SUCCESS":
                raise PermanentError(f"巨量千川拒绝：{result.get('error_message') or '未说明原因'}")

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Always refused."""
        del plan_id, enabled
        raise cannot_pause("千川全域推广")

    def _read(self, day: date) -> Iterator[AdPlan]:
        for goal in GOALS:
            for bid in BIDS:
                query = {
                    "start_time": f"{day} 00:00:00", "end_time": f"{day} 23:59:59", "marketing_goal": goal,
                    "fields": ["stat_cost", self.gmv, ORDERS], "filtering": {"smart_bid_type": bid},
                }  # fmt: skip
                for row in self.pages(f"{PREFIX}/uni_promotion/list/", query, "ad_list"):
                    yield self._plan(row, day)

    def _plan(self, row: Mapping[str, Any], day: date) -> AdPlan:
        info, figures = row.get("ad_info") or {}, row.get("stats_info") or {}
        room = (row.get("room_info") or [{}])[0]
        plan_id = str(info["id"])
        return AdPlan(
            plan_id=plan_id,
            name=str(info.get("name") or room.get("anchor_name") or f"全域计划 {plan_id}"),
            platform=DOUYIN,
            shop=self.shop or str(room.get("anchor_name") or ""),
            state=state_of(info),
            budget=number(info["budget"]) if info.get("budget") else None,
            spend=number(figures.get("stat_cost") or 0),
            gmv=number(figures.get(self.gmv) or 0),
            orders=whole(figures.get(ORDERS)),
            day=day,
            can=Can.BUDGET,
        )
