"""Taobao and 万相台 against the sandbox's TOP, which verifies signatures its own way."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
import responses

from bitable_sync.platforms import taobao
from bitable_sync.platforms.credentials import Credentials, Pair
from bitable_sync.platforms.facts import Can, PlanState
from bitable_sync.platforms.ledger import Ledger
from bitable_sync.platforms.orders import OrderBook
from bitable_sync.platforms.taobao import Taobao, Top
from bitable_sync.platforms.taobao_ads import TaobaoAds
from bitable_sync.platforms.tokens import FixedToken, Tokens
from bitable_sync.platforms.wire import Wire
from runtime.clock import SHANGHAI, ManualClock, SystemClock
from runtime.db import Database
from runtime.errors import PermanentError, TransientError, UnknownOutcome
from runtime.vault import Keys, Vault
from sandbox.taobao import APP_KEY, APP_SECRET, REFRESH, SESSION, Campaign

APP = {"app_key": APP_KEY, "app_secret": APP_SECRET}
NOW = datetime.now(SHANGHAI).replace(microsecond=0)
TODAY = NOW.replace(hour=0, minute=0, second=0)
CLOSED = "https://top.example.com"


def at(moment: datetime) -> str:
    """As the platform writes it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def top(sandbox: Any) -> Top:
    """Signed calls to the sandbox."""
    token = FixedToken(SESSION, "X")
    return Top(Wire("淘宝", sandbox.url), token, app=APP, clock=SystemClock())


@pytest.fixture
def shop(top: Top) -> Taobao:
    """One shop."""
    return Taobao(top, shop_id="tmall-a", shop="悦然旗舰店")


@pytest.fixture
def ads(top: Top) -> TaobaoAds:
    """Its advertising account."""
    return TaobaoAds(top, shop="悦然旗舰店")


@pytest.fixture
def world(sandbox: Any) -> Any:
    """The platform's side."""
    return sandbox.world.taobao


# --- orders ---


def test_trades_become_orders_with_exact_money(world: Any, shop: Taobao) -> None:
    """元 with two decimals, Shanghai's times, unpaid and closed ones told apart."""
    world.place("2600000000000000001", "99.90", paid=at(NOW - timedelta(minutes=3)))
    world.place("2600000000000000002", "50.00", changed=at(NOW - timedelta(minutes=2)))
    world.place("2600000000000000003", "70.01", paid=at(NOW - timedelta(minutes=1)), status="TRADE_CLOSED")
    found = {each.order_id[-1]: each for each in shop.orders(NOW - timedelta(minutes=10), NOW)}
    assert (found["1"].amount, found["1"].paid, found["1"].void) == (
        Decimal("99.90"), NOW - timedelta(minutes=3), False,
    )  # fmt: skip
    assert (found["2"].paid, found["3"].void) == (None, True)
    assert {each.shop_id for each in found.values()} == {"tmall-a"}


def test_pages_are_read_from_the_last_to_the_first(sandbox: Any, world: Any, shop: Taobao) -> None:
    """A trade that changes while we page leaves the window and moves others forward: none is missed."""
    for number in range(250):
        world.place(f"T{number:03d}", "1.00", paid=at(NOW - timedelta(seconds=number + 60)))
    found: dict[str, str] = {}
    for order in shop.orders(NOW - timedelta(minutes=20), NOW):
        if len(found) == 20:  # in the middle of the last page, the newest of all changes again
            world.trades["T000"].modified = at(NOW + timedelta(hours=1))
        found[order.order_id] = order.shop
    assert set(found) == {f"T{number:03d}" for number in range(1, 250)}
    forms = [
        dict(parse_qsl(call["body"])) for call in sandbox.world.control.recorder.calls(path="/router/rest")
    ]
    assert [form["page_no"] for form in forms] == ["1", "3", "2", "1"]
    assert {form["page_size"] for form in forms} == {"100"}


@pytest.mark.db
def test_a_day_is_read_in_windows_the_platform_takes(
    world: Any, sandbox: Any, shop: Taobao, database: Database
) -> None:
    """Half an hour at a time; what was paid before midnight is yesterday's."""
    world.place("T1", "10.00", paid=at(TODAY - timedelta(seconds=1)))
    world.place("T2", "20.00", paid=at(TODAY))
    book = OrderBook(shop, taobao.READING, Ledger(database, "tmall-a"))
    today, before = book.sales(TODAY + timedelta(hours=23, minutes=59))
    assert [(each.orders, each.amount) for each in today] == [(1, Decimal("20.00"))]
    assert [(each.orders, each.amount) for each in before] == [(0, Decimal(0))], "not yet at that time"
    assert [(each.orders, each.amount) for each in book.yesterday()] == [(1, Decimal("10.00"))]
    for call in sandbox.world.control.recorder.calls(path="/router/rest"):
        form = dict(parse_qsl(call["body"]))
        span = datetime.fromisoformat(form["end_modified"]) - datetime.fromisoformat(form["start_modified"])
        assert span <= timedelta(minutes=30)


# --- signature, limits, tokens ---


def test_another_secret_is_a_wrong_signature(sandbox: Any) -> None:
    """The sandbox verifies: with another secret nothing is answered, in words that say what to check."""
    wrong = {**APP, "app_secret": "other"}
    top = Top(Wire("淘宝", sandbox.url), FixedToken(SESSION, "X"), app=wrong, clock=SystemClock())
    with pytest.raises(PermanentError, match=r"25.*签名不对"):
        top.call("taobao.items.onsale.get", {"fields": "num_iid"})


def test_a_wrong_clock_is_told(sandbox: Any) -> None:
    """More than ten minutes off."""
    clock = ManualClock(datetime.now(SHANGHAI) - timedelta(minutes=11))
    top = Top(Wire("淘宝", sandbox.url), FixedToken(SESSION, "X"), app=APP, clock=clock)
    with pytest.raises(TransientError, match=r"31.*NTP"):
        top.call("taobao.items.onsale.get", {"fields": "num_iid"})


def test_chinese_and_nested_parameters_are_signed_as_sent(world: Any, top: Top) -> None:
    """The sandbox recomputes the sign over the bytes that arrived."""
    world.campaigns[7] = Campaign(7, "夏季新品", "500")
    query = {"campaign_name": "夏季<&>", "offset": 0}
    answer = top.call("taobao.universalbp.new.campaign.findpage", {
        "campaign_query_v_o": query, "top_service_context": {"biz_code": "onebpSearch"}, "left_out": None,
    })  # fmt: skip
    assert answer["top_result"]["campaign_v_o_top_bulk_data"]["count"] == 1


def test_the_platforms_ban_is_obeyed(world: Any, top: Top) -> None:
    """How long it lasts stands in the text."""
    world.calls_per_second = 1
    top.call("taobao.items.onsale.get", {"fields": "num_iid"})
    with pytest.raises(TransientError, match="稍后自动重试") as error:
        top.call("taobao.items.onsale.get", {"fields": "num_iid"})
    assert error.value.wait == 1


def test_a_dead_session_is_renewed_and_the_call_repeated(
    world: Any, sandbox: Any, database: Database
) -> None:
    """The refresh token dies on use; the new pair is kept, and the next process calls with it."""
    clock = SystemClock()
    store = Credentials(database, Vault(Keys({"k1": b"1" * 32})), clock)
    store.enter("tmall-a", "taobao", APP, Pair("dead", REFRESH))
    auth = Wire("淘宝", sandbox.url)
    tokens = Tokens(store, "tmall-a", lambda token: taobao.refresh(auth, APP, token))
    top = Top(Wire("淘宝", sandbox.url), tokens, app=APP, clock=clock)
    assert top.call("taobao.items.onsale.get", {"fields": "num_iid"})["total_results"] == 0
    assert (world.renewals, store.held("tmall-a").access) == (1, world.session)
    world.session = "revoked by the shop's owner"
    world.refresh = "unknown to us"
    with pytest.raises(PermanentError, match="重新授权"):
        top.call("taobao.items.onsale.get", {"fields": "num_iid"})
    assert world.renewals == 1


@pytest.mark.parametrize(
    ("code", "sub", "kind", "said"),
    [
        (7, "accesscontrol.limited-by-app-access-count", PermanentError, "额度"),
        (11, "isv.permission-api-package-limit", PermanentError, "权限"),
        (15, "isp.top-remote-connection-timeout", TransientError, "重试"),
        (15, "isv.trade-not-exist", PermanentError, "业务规则"),
        (27, "invalid-sessionkey", PermanentError, "CHORUS_X"),
        (41, "", PermanentError, "业务规则"),
    ],
)
def test_refusals_say_what_to_do(code: int, sub: str, kind: type[Exception], said: str) -> None:
    """HTTP 200 with ``error_response``: code and sub_code decide."""
    top = Top(Wire("淘宝", CLOSED), FixedToken("s", "CHORUS_X"), app=APP, clock=SystemClock())
    error = {"code": code, "msg": "Remote service error", "sub_code": sub, "sub_msg": "x", "request_id": "r1"}
    with responses.RequestsMock() as net:
        net.post(f"{CLOSED}/router/rest", json={"error_response": error})
        with pytest.raises(kind, match=said):
            top.call("taobao.items.onsale.get", {})


# --- stock ---


def test_stock_by_the_merchants_own_code(world: Any, shop: Taobao) -> None:
    """Variants have rows, an item without variants has one; more than forty items are asked in parts."""
    world.skus = [
        {"num_iid": 1000 + n, "sku_id": 5000 + n, "outer_id": f"A{n}", "quantity": n, "title": "T恤"}
        for n in range(45)
    ]
    world.skus.append({"num_iid": 2000, "outer_id": "B1", "quantity": 9, "title": "帽子"})
    found = {row.sku_id: row for row in shop.stock()}
    assert (len(found), found["A44"].sellable, found["B1"].qty) == (46, 44, 9)
    assert (found["A1"].safety, found["A1"].on_the_way, found["A1"].name) == (None, None, "T恤")
    assert {row.shop for row in found.values()} == {"悦然旗舰店"}


# --- ads ---


def test_campaigns_with_figures_of_today(world: Any, ads: TaobaoAds) -> None:
    """Texts become Decimal; no limit is no budget; a campaign without figures has zeros."""
    world.campaigns = {
        n: Campaign(n, f"计划{n}", "500", charge=f"{n}.10", sold="30.30", orders="2") for n in range(1, 151)
    }
    world.campaigns[151] = Campaign(151, "不限", "", status="pause")
    found = {plan.plan_id: plan for plan in ads.plans()}
    assert len(found) == 151
    first, last = found["1"], found["151"]
    assert (first.budget, first.spend, first.gmv, first.orders, first.roi) == (
        Decimal(500), Decimal("1.10"), Decimal("30.30"), 2, Decimal("27.5455"),
    )  # fmt: skip
    assert (last.budget, last.spend, last.roi, last.state) == (None, Decimal(0), None, PlanState.PAUSED)
    assert (first.platform, first.shop) == ("淘宝", "悦然旗舰店")


def test_campaigns_with_figures_of_another_day(sandbox: Any, world: Any, ads: TaobaoAds) -> None:
    """The report is asked for that day, and the figures say so."""
    world.campaigns = {7: Campaign(7, "计划7", "500", charge="7.10")}
    then = date(2026, 2, 20)
    assert [plan.day for plan in ads.plans(then)] == [then]
    bodies = [
        dict(parse_qsl(call["body"])) for call in sandbox.world.control.recorder.calls(path="/router/rest")
    ]
    asked = [json.loads(found) for body in bodies if (found := body.get("top_campaign_report_query_v_o"))]
    assert {(each["start_time"], each["end_time"]) for each in asked} == {("2026-02-20", "2026-02-20")}


def test_a_budget_is_set_and_never_sent_empty(world: Any, ads: TaobaoAds) -> None:
    """It stands on the platform; fractions and a plan without a limit are refused before anything is sent."""
    world.campaigns = {7: Campaign(7, "计划", "500"), 8: Campaign(8, "不限", "")}
    ads.set_budget("7", Decimal("800.00"))
    assert (world.campaigns[7].budget, ads.plan("7").budget) == ("800", Decimal(800))
    for plan_id, amount, said in (("7", Decimal("800.50"), "整数"), ("8", Decimal(800), "不限")):
        with pytest.raises(PermanentError, match=said):
            ads.set_budget(plan_id, amount)
    with pytest.raises(PermanentError, match="没有这个计划"):
        ads.set_budget("9", Decimal(800))
    assert (world.campaigns[7].changes, world.campaigns[8].changes) == (["800"], [])


def test_ok_with_a_refusal_inside_is_a_refusal(world: Any, ads: TaobaoAds) -> None:
    """``info.ok`` false under HTTP 200 without ``error_response``."""
    world.campaigns = {7: Campaign(7, "计划", "500")}
    with pytest.raises(PermanentError, match="30元"):
        ads.set_budget("7", Decimal(20))
    assert world.campaigns[7].budget == "500"


def test_a_budget_with_a_lost_answer_is_looked_up(sandbox: Any, world: Any, ads: TaobaoAds) -> None:
    """Done and cut: settled by a look. Never heard of: nobody knows."""
    world.campaigns = {7: Campaign(7, "计划", "500")}
    faults = sandbox.world.control.faults
    ads.plan("7")
    calls = len(sandbox.world.control.recorder.calls(path="/router/rest"))
    assert calls == 2
    faults.order({"kind": "drop_after", "match": {"path": "/router/rest"}, "times": 1, "skip": 2})
    ads.set_budget("7", Decimal(800))
    assert world.campaigns[7].changes == ["800"]


def test_a_campaign_is_paused_and_resumed(world: Any, ads: TaobaoAds) -> None:
    """The sandbox verifies the sign and turns the campaign; what is wanted stands there already: no harm."""
    world.campaigns = {7: Campaign(7, "计划", "500"), 8: Campaign(8, "别的", "500")}
    assert ads.plan("7").can is Can.ALL
    ads.set_enabled("7", enabled=False)
    assert (ads.plan("7").state, ads.plan("8").state) == (PlanState.PAUSED, PlanState.LIVE)
    ads.set_enabled("7", enabled=True)
    assert ads.plan("7").state is PlanState.LIVE
    assert (world.campaigns[7].changes, world.campaigns[8].changes) == (["pause", "start"], [])
    with pytest.raises(PermanentError, match="不存在或已结束"):
        ads.set_enabled("9", enabled=False)


def test_a_pause_with_a_lost_answer_is_looked_up(sandbox: Any, world: Any, ads: TaobaoAds) -> None:
    """Done and cut: settled by a look, sent once. Cut before it was done: nobody is told that it was."""
    world.campaigns = {7: Campaign(7, "计划", "500")}
    faults = sandbox.world.control.faults
    faults.order({"kind": "drop_after", "match": {"path": "/router/rest"}, "times": 1})
    ads.set_enabled("7", enabled=False)
    assert world.campaigns[7].changes == ["pause"]
    faults.order({"kind": "drop_before", "match": {"path": "/router/rest"}, "times": 1})
    with pytest.raises(UnknownOutcome):
        ads.set_enabled("7", enabled=True)
    assert world.campaigns[7].changes == ["pause"]


def test_an_inner_timeout_of_a_change_is_an_unknown_outcome() -> None:
    """isp.* on a write: their side broke after we sent it."""
    top = Top(Wire("淘宝", CLOSED), FixedToken("s", "X"), app=APP, clock=SystemClock())
    error = {"code": 15, "msg": "x", "sub_code": "isp.top-remote-service-unavailable", "request_id": "r"}
    with responses.RequestsMock() as net:
        net.post(f"{CLOSED}/router/rest", json={"error_response": error})
        with pytest.raises(UnknownOutcome):
            top.call("taobao.universalbp.new.campaign.budget.batchupdate", {}, writes=True)
