"""全域推广: four lists are one account, the sales that count are a setting, refusals stand inside."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses

from bitable_sync.platforms.facts import PlanState
from bitable_sync.platforms.qianchuan_uni import GMV, QianchuanUni
from bitable_sync.platforms.tokens import FixedToken
from bitable_sync.platforms.wire import Wire
from runtime.clock import ManualClock
from runtime.errors import PermanentError, UnknownOutcome

BASE = "https://ads.example.com"
LIST = f"{BASE}/open_api/v1.0/qianchuan/uni_promotion/list/"
BUDGET = f"{BASE}/open_api/v1.0/qianchuan/uni_promotion/ad/budget/update/"
CLOCK = ManualClock(datetime(2026, 3, 1, 16, 5, tzinfo=UTC))  # five past midnight of 2 March in Shanghai


class Platform:
    """Lists plans by goal and bid, as asked."""

    def __init__(self, net: responses.RequestsMock) -> None:
        self.plans: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.asked: list[dict[str, str]] = []
        net.add_callback(responses.GET, LIST, self._list)

    def _list(self, request: Any) -> tuple[int, dict[str, str], str]:
        asked = dict(request.params)
        self.asked.append(asked)
        rows = self.plans.get((asked["marketing_goal"], json.loads(asked["filtering"])["smart_bid_type"]), [])
        size, page = int(asked["page_size"]), int(asked["page"])
        info = {"page": page, "total_page": -(-len(rows) // size)}
        data = {"ad_list": rows[(page - 1) * size : page * size], "page_info": info}
        return 200, {}, json.dumps({"code": 0, "data": data})


@pytest.fixture
def net():
    """No request leaves."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def platform(net: responses.RequestsMock) -> Platform:
    """千川's side."""
    return Platform(net)


def account(gmv: str = GMV[0]) -> QianchuanUni:
    """One advertiser."""
    wire = Wire("巨量千川", BASE)
    return QianchuanUni(wire, FixedToken("t", "X"), advertiser_id="1712345678901234", clock=CLOCK, gmv=gmv)


def plan(number: int, **info: Any) -> dict[str, Any]:
    """A plan as the list has it."""
    facts = {"id": 1790000000000000 + number, "opt_status": "ENABLE", "status": "DELIVERY_OK", "budget": 500}
    stats = {"stat_cost": 100.1, GMV[0]: 250.25, GMV[1]: 300, "total_pay_order_count_for_roi2": 3}
    return {"ad_info": facts | info, "stats_info": stats, "room_info": [{"anchor_name": "悦然直播间"}]}


def test_every_goal_and_bid_is_asked_for_today(platform: Platform) -> None:
    """Four lists, every page; just after midnight today is the new day."""
    platform.plans["LIVE_PROM_GOODS", "SMART_BID_CUSTOM"] = [plan(n) for n in range(150)]
    platform.plans["VIDEO_PROM_GOODS", "SMART_BID_CONSERVATIVE"] = [plan(900, status="DISABLE", budget=0)]
    found = {each.plan_id: each for each in account().plans()}
    first, last = found["1790000000000000"], found["1790000000000900"]
    assert len(found) == 151
    assert (first.spend, first.gmv, first.orders, first.budget, first.shop, first.day) == (
        Decimal("100.1"), Decimal("250.25"), 3, Decimal(500), "悦然直播间", date(2026, 3, 2),
    )  # fmt: skip
    assert (last.state, last.budget) == (PlanState.PAUSED, None)
    assert {asked["start_time"] for asked in platform.asked} == {"2026-03-02 00:00:00"}
    assert len(platform.asked) == 5
    platform.asked.clear()
    assert {each.day for each in account().plans(date(2026, 2, 20))} == {date(2026, 2, 20)}
    assert {(asked["start_time"], asked["end_time"]) for asked in platform.asked} == {
        ("2026-02-20 00:00:00", "2026-02-20 23:59:59")
    }


def test_sales_with_coupons_are_a_setting(platform: Platform) -> None:
    """Two ROI exist; the connection names which one counts."""
    platform.plans["LIVE_PROM_GOODS", "SMART_BID_CUSTOM"] = [plan(1)]
    assert [each.gmv for each in account(GMV[1]).plans()] == [Decimal(300)]
    assert GMV[1] in json.loads(platform.asked[0]["fields"])


def test_a_refusal_inside_is_a_refusal(net: responses.RequestsMock) -> None:
    """``code`` 0 with FAILED."""
    results = [{"ad_id": 1, "status": "FAILED", "error_message": "预算不得低于300元"}]
    net.post(BUDGET, json={"code": 0, "data": {"results": results}})
    with pytest.raises(PermanentError, match="不得低于300元"):
        account().set_budget("1", Decimal(200))
    sent = json.loads(net.calls[0].request.body)
    assert sent["update_budget_infos"] == [{"ad_id": 1, "budget": 200}]


def test_a_lost_answer_is_looked_up(net: responses.RequestsMock, platform: Platform) -> None:
    """The list shows the new budget: done. It shows the old one: nobody knows."""
    platform.plans["LIVE_PROM_GOODS", "SMART_BID_CUSTOM"] = [plan(1, budget=800)]
    net.post(BUDGET, body=requests.exceptions.ReadTimeout("x"))
    account().set_budget("1790000000000001", Decimal(800))
    with pytest.raises(UnknownOutcome):
        account().set_budget("1790000000000001", Decimal(900))
