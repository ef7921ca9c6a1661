"""The ads platform answers, limits and refuses like 巨量千川."""

import json
from decimal import Decimal
from typing import Any

import pytest
import requests

from sandbox.ads import ADVERTISER_ID, TOKEN
from sandbox.ads_model import Plan, least_budget
from sandbox.server import SandboxServer
from tests.contract.kit import control

BASE = "/open_api/v1.0/qianchuan"


def read(sandbox: SandboxServer, path: str, token: str | None = TOKEN, **query: Any) -> dict[str, Any]:
    """A GET with JSON in the query, as the platform wants it."""
    asked = {"advertiser_id": ADVERTISER_ID, **query}
    asked = {k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in asked.items()}
    headers = {"Access-Token": token} if token else {}
    body: dict[str, Any] = requests.get(
        sandbox.url + BASE + path, params=asked, headers=headers, timeout=5
    ).json()
    return body


def write(sandbox: SandboxServer, path: str, **body: Any) -> dict[str, Any]:
    """A POST as the default account."""
    answer = requests.post(
        sandbox.url + BASE + path,
        json={"advertiser_id": ADVERTISER_ID, **body},
        headers={"Access-Token": TOKEN},
        timeout=5,
    )
    assert answer.status_code == 200
    parsed: dict[str, Any] = answer.json()
    return parsed


def first(sandbox: SandboxServer) -> Plan:
    """The first plan of the tiny company: budget 2000, spent 800, earned 3200."""
    plan: Plan = next(iter(sandbox.world.ads.plans.values()))
    return plan


def set_budget(sandbox: SandboxServer, plan: Plan, budget: Any) -> str:
    """Ask for a budget; the refusal inside code 0, or ""."""
    data = [{"ad_id": plan.plan_id, "budget": budget}]
    answer = write(sandbox, "/ad/budget/update/", data=data)
    assert answer["code"] == 0
    errors = answer["data"]["errors"]
    assert answer["data"]["ad_ids"] == ([] if errors else [plan.plan_id])
    return str(errors[0]["error_message"]) if errors else ""


def test_plans_are_listed_in_pages(sandbox: SandboxServer) -> None:
    """Pages count from 1; a row carries ids, states, budget and, when asked, the 抖音号."""
    answer = read(sandbox, "/ad/get/", page=1, page_size=2, request_aweme_info=1)
    assert answer["data"]["page_info"] == {"page": 1, "page_size": 2, "total_number": 3, "total_page": 2}
    row = answer["data"]["list"][0]
    assert (row["ad_id"], row["delivery_setting"]["budget"]) == (first(sandbox).plan_id, 2000.0)
    assert (row["status"], row["opt_status"]) == ("DELIVERY_OK", "ENABLE")
    assert row["aweme_info"][0]["aweme_name"] == first(sandbox).shop
    assert len(read(sandbox, "/ad/get/", page=2, page_size=2)["data"]["list"]) == 1
    named = read(sandbox, "/ad/get/", filtering={"ids": [first(sandbox).plan_id]})
    assert len(named["data"]["list"]) == 1


def test_the_report_gives_spend_gmv_and_roi(sandbox: SandboxServer) -> None:
    """Money in 元; only the asked metrics come; today's ROI is gmv over spend."""
    today = sandbox.world.ads.today()
    answer = read(
        sandbox,
        "/report/ad/get/",
        start_date=today,
        end_date=today,
        fields=["stat_cost", "pay_order_amount", "prepay_and_pay_order_roi"],
        filtering={"marketing_goal": "ALL", "ad_ids": [first(sandbox).plan_id]},
    )
    (row,) = answer["data"]["list"]
    assert (row["stat_cost"], row["pay_order_amount"], row["prepay_and_pay_order_roi"]) == (
        800.0,
        3200.0,
        4.0,
    )
    assert "show_cnt" not in row


def test_the_report_by_day_and_summed(sandbox: SandboxServer) -> None:
    """A week by day has eight rows for a plan, without granularity their sum."""
    plan = first(sandbox)
    days = sorted(plan.days)
    wanted = {"filtering": {"marketing_goal": "ALL", "ad_ids": [plan.plan_id]}, "page_size": 100}
    span = {"start_date": days[0], "end_date": days[-1]}
    daily = read(sandbox, "/report/ad/get/", time_granularity="TIME_GRANULARITY_DAILY", **span, **wanted)
    rows = daily["data"]["list"]
    assert [row["stat_datetime"][:10] for row in rows] == days
    (total,) = read(sandbox, "/report/ad/get/", **span, **wanted)["data"]["list"]
    assert total["stat_cost"] == pytest.approx(sum(row["stat_cost"] for row in rows))


def test_the_report_needs_a_marketing_goal(sandbox: SandboxServer) -> None:
    """Without filtering.marketing_goal the request is not understood; live plans hide from the video goal."""
    today = sandbox.world.ads.today()
    assert read(sandbox, "/report/ad/get/", start_date=today, end_date=today)["code"] == 40000
    sandbox.world.ads.plans[first(sandbox).plan_id].goal = "LIVE_PROM_GOODS"
    span = {"start_date": today, "end_date": today}
    video = read(sandbox, "/report/ad/get/", filtering={"marketing_goal": "VIDEO_PROM_GOODS"}, **span)
    assert first(sandbox).plan_id not in [row["ad_id"] for row in video["data"]["list"]]


def test_tokens_and_accounts(sandbox: SandboxServer) -> None:
    """40104 without a token, 40105 with a wrong one, 40102 expired, 40002 for somebody else's account."""
    assert read(sandbox, "/ad/get/", token=None)["code"] == 40104
    assert read(sandbox, "/ad/get/", token="other")["code"] == 40105
    assert read(sandbox, "/ad/get/", advertiser_id=1)["code"] == 40002
    sandbox.world.ads.token = None
    refused = read(sandbox, "/ad/get/")
    assert (refused["code"], set(refused)) == (40102, {"code", "message", "request_id", "data"})


def test_too_many_calls_a_second(sandbox: SandboxServer) -> None:
    """40100 above the account's rhythm, and fine again a second later."""
    sandbox.world.ads.calls_per_second = 2
    codes = [read(sandbox, "/ad/get/")["code"] for _ in range(4)]
    assert codes[:2] == [0, 0]
    assert 40100 in codes
    sandbox.world.clock.advance(1.5)
    assert read(sandbox, "/ad/get/")["code"] == 0


def test_a_budget_is_changed(sandbox: SandboxServer) -> None:
    """A right change shows in the next listing and in the control plane."""
    plan = first(sandbox)
    assert set_budget(sandbox, plan, 2500) == ""
    (row,) = read(sandbox, "/ad/get/", filtering={"ids": [plan.plan_id]})["data"]["list"]
    assert row["delivery_setting"]["budget"] == 2500.0
    seen = control(sandbox, "GET", f"world/ads/plans/{plan.plan_id}")["data"]
    assert (seen["budget"], seen["budget_changes_today"]) == ("2500", 1)


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (299, "不得低于300元"),
        (2050, "不得低于100元"),
        (2500.123, "两位小数"),
        (800, "105%"),
        ("NaN", "两位小数"),
    ],
)
def test_a_budget_against_the_rules_is_refused_inside_code_0(
    sandbox: SandboxServer, budget: Any, words: str
) -> None:
    """Minimum, step, decimals and 105 % of today's spend: the answer is 0, the refusal inside it."""
    assert words in set_budget(sandbox, first(sandbox), budget)
    assert first(sandbox).budget == 2000


def test_the_floor_is_105_percent_up_to_a_whole_hundred() -> None:
    """800 → 840 → 900; exactly 1,000 stays 1,000."""
    assert least_budget(Decimal(800)) == 900
    assert least_budget(Decimal("952.38")) == 1000
    assert least_budget(Decimal("952.39")) == 1100
    assert least_budget(Decimal(0)) == 0


def test_twenty_changes_a_day(sandbox: SandboxServer) -> None:
    """The 21st change of a plan on one calendar day is refused; the next day it works."""
    plan = first(sandbox)
    for number in range(20):
        assert set_budget(sandbox, plan, 3000 if number % 2 == 0 else 4000) == ""
        sandbox.world.clock.advance(1)
    assert "20次" in set_budget(sandbox, plan, 5000)
    sandbox.world.clock.advance(86400)
    assert set_budget(sandbox, plan, 5000) == ""


def test_one_bad_plan_does_not_stop_the_others(sandbox: SandboxServer) -> None:
    """In a batch each plan succeeds or fails by itself; more than ten are not understood."""
    good, other = list(sandbox.world.ads.plans.values())[:2]
    data = [{"ad_id": good.plan_id, "budget": 2600}, {"ad_id": other.plan_id, "budget": 1}]
    answer = write(sandbox, "/ad/budget/update/", data=[*data, {"ad_id": 5, "budget": 500}])
    assert answer["data"]["ad_ids"] == [good.plan_id]
    assert [e["ad_id"] for e in answer["data"]["errors"]] == [other.plan_id, 5]
    many = [{"ad_id": n, "budget": 500} for n in range(11)]
    assert write(sandbox, "/ad/budget/update/", data=many)["code"] == 40000


def test_a_plan_is_paused_and_deleted(sandbox: SandboxServer) -> None:
    """Paused shows as DISABLE and can be resumed; deleted is gone from the list and stays so."""
    plan = first(sandbox)

    def turn(status: str) -> dict[str, Any]:
        return write(sandbox, "/ad/status/update/", ad_ids=[plan.plan_id], opt_status=status)["data"]

    assert turn("DISABLE")["ad_ids"] == [plan.plan_id]
    (row,) = read(sandbox, "/ad/get/", filtering={"ids": [plan.plan_id]})["data"]["list"]
    assert (row["status"], row["opt_status"]) == ("DISABLE", "DISABLE")
    assert turn("ENABLE")["ad_ids"] == [plan.plan_id]
    assert turn("DELETE")["ad_ids"] == [plan.plan_id]
    assert read(sandbox, "/ad/get/")["data"]["page_info"]["total_number"] == 2
    assert turn("ENABLE")["errors"][0]["ad_id"] == plan.plan_id


def test_knobs_change_what_the_platform_reports(sandbox: SandboxServer) -> None:
    """Spend over budget stops delivery; a vanished plan is in no answer."""
    plan = first(sandbox)
    seen = control(sandbox, "POST", f"world/ads/plans/{plan.plan_id}", spend=2000, gmv="4000.50")["data"]
    assert (seen["status"], seen["gmv"]) == ("OFFLINE_BUDGET", "4000.50")
    control(sandbox, "DELETE", f"world/ads/plans/{plan.plan_id}")
    assert read(sandbox, "/ad/get/")["data"]["page_info"]["total_number"] == 2
