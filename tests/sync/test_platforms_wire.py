"""The gateways on the wire: published signatures, units, odd answers."""

import json
import traceback
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import requests
import responses

from bitable_sync.platforms.connect import environment
from bitable_sync.platforms.doudian import READING, Doudian
from bitable_sync.platforms.facts import PlanState, PurchaseItem, ShopSales
from bitable_sync.platforms.jushuitan import Jushuitan
from bitable_sync.platforms.ledger import Ledger
from bitable_sync.platforms.orders import OrderBook
from bitable_sync.platforms.qianchuan import Qianchuan
from bitable_sync.platforms.signing import doudian
from bitable_sync.platforms.tokens import FixedToken
from bitable_sync.platforms.wire import Wire
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.errors import ConfigError, PermanentError, TransientError, UnknownOutcome
from runtime.settings import load_settings

ADS, SHOP, ERP = "https://ads.example.com", "https://shop.example.com", "https://erp.example.com"
TOKEN, APP = FixedToken("t", "CHORUS_ADS_ACCESS_TOKEN"), {"app_key": "k", "app_secret": "s"}
CLOCK = ManualClock(datetime(2026, 3, 1, 1, 30, tzinfo=UTC))
BUDGET = f"{ADS}/open_api/v1.0/qianchuan/ad/budget/update/"
LIST = f"{ADS}/open_api/v1.0/qianchuan/ad/get/"
REPORT = f"{ADS}/open_api/v1.0/qianchuan/report/ad/get/"
PLAN_ID = "1790000000000001"


@pytest.fixture
def net():
    """No request leaves; every answer is prepared by the test."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def ads() -> Qianchuan:
    """The ads gateway on the prepared net."""
    return Qianchuan(Wire("巨量千川", ADS), TOKEN, advertiser_id="1712345678901234", clock=CLOCK)


@pytest.fixture
def shop() -> Doudian:
    """The shop gateway on the prepared net."""
    return Doudian(Wire("抖店", SHOP), TOKEN, app=APP, clock=CLOCK)


@pytest.fixture
def erp() -> Jushuitan:
    """The ERP gateway on the prepared net."""
    return Jushuitan(Wire("聚水潭", ERP), TOKEN, app=APP, clock=CLOCK)


def page(rows: list, number: int = 1, total: int = 1) -> dict:
    """A page of the ads platform."""
    info = {"page": number, "total_page": total}
    return {"code": 0, "message": "OK", "data": {"list": rows, "page_info": info}}


def row(budget: object = 500.0) -> dict:
    """A plan as the ads platform lists it."""
    return {
        "ad_id": int(PLAN_ID),
        "name": "计划",
        "status": "DELIVERY_OK",
        "opt_status": "ENABLE",
        "aweme_info": [{"aweme_name": "旗舰店"}],
        "delivery_setting": {"budget": budget},
    }


def test_the_body_signed_is_the_body_sent(net, shop: Doudian) -> None:
    """Chinese and nested keys: the sign covers exactly the bytes on the wire."""
    net.post(f"{SHOP}/a/b", json={"code": 10000, "data": {}})
    shop.call("a.b", {"z": "老板", "a": {"d": 1, "c": "<&>"}})
    request = net.calls[0].request
    assert request.body.decode() == '{"a":{"c":"<&>","d":1},"z":"老板"}'
    query = request.params
    assert query["sign"] == doudian("k", "s", "a.b", query["timestamp"], request.body.decode())
    assert query["timestamp"] == "2026-03-01 09:30:00"


# --- ads ---


def test_plans_join_figures_exactly(net, ads: Qianchuan) -> None:
    """Money is Decimal to the last cent, ids are text, a plan without figures has zeros and no ROI."""
    other = row() | {"ad_id": 1790000000000002}
    net.get(LIST, body=json.dumps(page([row(0.1 + 0.2)], 1, 2)))
    net.get(LIST, body=json.dumps(page([other, row()], 2, 2)))
    net.get(
        REPORT,
        json=page(
            [{"ad_id": int(PLAN_ID), "stat_cost": 100.1, "pay_order_amount": "250.25", "pay_order_count": 3}]
        ),
    )
    first, second = ads.plans()
    assert (first.plan_id, first.shop, first.day) == (PLAN_ID, "旗舰店", date(2026, 3, 1))
    assert (first.spend, first.gmv, first.orders, first.roi) == (
        Decimal("100.1"),
        Decimal("250.25"),
        3,
        Decimal("2.5"),
    )
    assert (second.spend, second.roi) == (Decimal(0), None)
    assert net.calls[0].request.headers["Access-Token"] == "t"


def test_refusal_inside_code_zero(net, ads: Qianchuan) -> None:
    """``code`` 0 with an error inside is a refusal, in the platform's words."""
    errors = [{"ad_id": 1, "error_message": "单次预算修改幅度不得低于100元"}]
    net.post(BUDGET, json={"code": 0, "data": {"ad_ids": [], "errors": errors}})
    with pytest.raises(PermanentError, match="不得低于100元"):
        ads.set_budget(PLAN_ID, Decimal(550))
    assert json.loads(net.calls[0].request.body)["data"] == [{"ad_id": int(PLAN_ID), "budget": 550}]


@pytest.mark.parametrize("code", [40100, 40110, 50000, 50001, 50002])
def test_busy_codes_are_transient(net, ads: Qianchuan, code: int) -> None:
    """Rate limits and platform trouble may be tried again; nothing happened."""
    net.post(BUDGET, json={"code": code, "message": "busy"})
    with pytest.raises(TransientError):
        ads.set_budget(PLAN_ID, Decimal(600))


def test_expired_token_says_what_to_renew(net, ads: Qianchuan) -> None:
    """A dead token names the setting to renew and not the token."""
    net.get(LIST, json={"code": 40102, "message": "access_token已过期"})
    with pytest.raises(PermanentError, match="CHORUS_ADS_ACCESS_TOKEN"):
        ads.plans()


@pytest.mark.parametrize(
    "lost",
    [
        {"status": 502, "body": "<html>"},
        {"body": "<html>"},
        {"body": "[1]"},
        {"body": requests.exceptions.ReadTimeout("x")},
        {"body": requests.exceptions.ConnectionError("reset")},
    ],
)
def test_lost_answer_of_a_change_is_looked_up(net, ads: Qianchuan, lost: dict) -> None:
    """The answer was lost: the plan shows the new budget = done; it shows the old one = outcome unknown."""
    net.post(BUDGET, **lost)
    net.get(REPORT, json=page([]))
    net.get(LIST, json=page([row(600)]))
    ads.set_budget(PLAN_ID, Decimal(600))
    with pytest.raises(UnknownOutcome):
        ads.set_budget(PLAN_ID, Decimal(700))


def test_lost_answer_of_a_read_is_transient(net, ads: Qianchuan) -> None:
    """A read can simply be repeated."""
    net.get(LIST, status=503)
    with pytest.raises(TransientError):
        ads.plans()


def test_refused_connection_did_not_happen() -> None:
    """Nobody listens there: certainly nothing happened, even for a change."""
    gateway = Qianchuan(Wire("巨量千川", "http://127.0.0.1:9"), TOKEN, advertiser_id="1", clock=CLOCK)
    with pytest.raises(TransientError):
        gateway.set_budget(PLAN_ID, Decimal(600))


def test_429_carries_the_wait(net, ads: Qianchuan) -> None:
    """A limiter in front of the platform names the seconds."""
    net.get(LIST, status=429, headers={"Retry-After": "7"})
    with pytest.raises(TransientError) as error:
        ads.plans()
    assert error.value.wait == 7


@pytest.mark.parametrize(
    ("status", "enabled", "state"),
    [("OFFLINE_BUDGET", "ENABLE", PlanState.SPENT), ("NEW", "ENABLE", PlanState.LIVE),
     ("NEW", "DISABLE", PlanState.PAUSED)],
)  # fmt: skip
def test_states_are_common_words(net, ads: Qianchuan, status: str, enabled: str, state: PlanState) -> None:
    """A status that is new to us falls back to whether the plan is switched on."""
    net.get(LIST, json=page([row() | {"status": status, "opt_status": enabled}]))
    net.get(REPORT, json=page([]))
    assert [plan.state for plan in ads.plans()] == [state]


def test_a_plan_without_a_budget_has_none(net, ads: Qianchuan) -> None:
    """BUDGET_MODE_INFINITE sends no amount: that is no limit, not zero."""
    net.get(LIST, json=page([row(None)]))
    net.get(REPORT, json=page([]))
    assert [plan.budget for plan in ads.plans()] == [None]


def test_vanished_plan_is_none(net, ads: Qianchuan) -> None:
    """A plan the account no longer has is None, not zeros."""
    net.get(LIST, json=page([]))
    assert ads.plan(PLAN_ID) is None


# --- shop ---


def order(number: int, cents: object = 9990, **more: object) -> dict:
    """An order of today, amounts in 分."""
    base = {
        "order_id": str(number),
        "shop_id": 1,
        "shop_name": "店",
        "order_status": 105,
        "pay_time": 1772326800,
    }
    return {**base, "pay_amount": cents, **more}


def orders(rows: list, total: int | None = None) -> dict:
    """A page of orders."""
    return {"code": 10000, "data": {"shop_order_list": rows, "total": len(rows) if total is None else total}}


def sold(shop: Doudian, database: Database) -> list[ShopSales]:
    """Sales of today."""
    return OrderBook(shop, READING, Ledger(database, "shop")).sales(CLOCK.now())[0]


def test_sales_count_paid_orders_in_yuan(net, shop: Doudian, database: Database) -> None:
    """分 become 元 exactly; unpaid, cancelled and yesterday's orders are left out."""
    rows = [
        order(1),
        order(2, 1),
        order(3, pay_time=0),
        order(4, order_status=4),
        order(5, pay_time=1772280000),
    ]
    net.post(f"{SHOP}/order/searchList", json=orders(rows))
    (sales,) = sold(shop, database)
    assert (sales.orders, sales.amount, sales.name) == (2, Decimal("99.91"), "店")


def test_pages_start_at_zero_and_are_read_again_when_rows_move(net, shop: Doudian) -> None:
    """The first page is 0; when the total changes while paging, the scan is repeated and rows count once."""
    first = [order(n) for n in range(100)]
    for answer in (
        orders(first, 101),
        orders([order(101)], 102),
        orders(first, 102),
        orders([order(100), order(101)], 102),
    ):
        net.post(f"{SHOP}/order/searchList", json=answer)
    found = list(shop.orders(CLOCK.now() - timedelta(hours=9), CLOCK.now()))
    assert len({order.order_id for order in found}) == len(found) == 102
    assert [json.loads(call.request.body)["page"] for call in net.calls] == [0, 1, 0, 1]


def test_amount_that_is_no_integer_is_refused(net, shop: Doudian, database: Database) -> None:
    """An amount in an unexpected unit stops the run instead of being a hundred times wrong."""
    net.post(f"{SHOP}/order/searchList", json=orders([order(1, "99.90")]))
    with pytest.raises(PermanentError, match="以分计"):
        sold(shop, database)


@pytest.mark.parametrize(
    ("code", "sub", "kind"),
    [
        (60000, "", TransientError),
        (20000, "isp.service-error", TransientError),
        (50002, "isp.timeout", TransientError),
        (40003, "isv.access-token-expired", PermanentError),
        (30001, "isv.app-permissions-insufficient", PermanentError),
    ],
)
def test_shop_errors(
    net, shop: Doudian, database: Database, code: int, sub: str, kind: type[Exception]
) -> None:
    """Each code says whether repeating can help."""
    net.post(f"{SHOP}/order/searchList", json={"code": code, "msg": "x", "sub_code": sub, "sub_msg": "y"})
    with pytest.raises(kind):
        sold(shop, database)


# --- ERP ---


def ok(data: object) -> dict:
    """A good answer of the ERP."""
    return {"code": 0, "msg": "执行成功", "data": data}


def test_stock_is_paged_by_version(net, erp: Jushuitan) -> None:
    """The next page is asked by the highest row version, so rows that change meanwhile are not lost."""
    rows = [
        {
            "sku_id": f"S{n}",
            "qty": "10",
            "order_lock": 3,
            "pick_lock": 1,
            "virtual_qty": 2,
            "purchase_qty": 7,
            "min_qty": 20,
            "max_qty": 90,
            "ts": n + 1,
        }
        for n in range(101)
    ]
    net.post(f"{ERP}/open/inventory/query", json=ok({"inventorys": rows[:100]}))
    net.post(f"{ERP}/open/inventory/query", json=ok({"inventorys": rows[100:]}))
    found = erp.stock()
    assert len(found) == 101
    assert (found[0].sellable, found[0].on_the_way, found[0].safety, found[-1].version) == (8, 7, 20, 101)
    asked = [dict(p.split("=") for p in call.request.body.split("&"))["biz"] for call in net.calls]
    assert ["%22ts%22%3A0" in asked[0], "%22ts%22%3A100" in asked[1]] == [True, True]


def test_purchase_after_a_lost_answer(net, erp: Jushuitan) -> None:
    """The answer was lost: the order is looked up by our number, and only sent again if it is not there."""
    upload = f"{ERP}/open/jushuitan/purchase/upload"
    net.post(f"{ERP}/open/sku/query", json=ok({"datas": [{"sku_id": "S1", "supplier_id": 3}]}))
    net.post(upload, body=requests.exceptions.ReadTimeout("x"))
    net.post(f"{ERP}/open/purchase/query", json=ok({"datas": [{"po_id": 9, "external_id": "A-1"}]}))
    made = erp.purchase("A-1", [PurchaseItem("S1", 5)])
    assert made.po_id == "9"
    assert sum(call.request.url == upload for call in net.calls) == 1


def test_articles_of_two_suppliers_are_two_orders(net, erp: Jushuitan) -> None:
    """One order has one supplier; a mixed one is refused in words before anything is sent."""
    rows = [{"sku_id": "S1", "supplier_id": 1}, {"sku_id": "S2", "supplier_id": 2}]
    net.post(f"{ERP}/open/sku/query", json=ok({"datas": rows}))
    with pytest.raises(PermanentError, match="不同供应商"):
        erp.purchase("A-1", [PurchaseItem("S1", 5), PurchaseItem("S2", 5)])


@pytest.mark.parametrize(("code", "wait"), [(199, 1.0), (200, 60.0)])
def test_erp_rate_limits_name_their_window(net, erp: Jushuitan, code: int, wait: float) -> None:
    """Over 5 a second waits a second, over 100 a minute a minute."""
    net.post(f"{ERP}/open/inventory/query", json={"code": code, "msg": "x", "data": None})
    with pytest.raises(TransientError) as error:
        erp.stock()
    assert error.value.wait == wait


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"ads_access_token": "t"}, "CHORUS_ADS_ADVERTISER_ID"),
        ({"shop_access_token": "t", "shop_app_key": "k"}, "CHORUS_SHOP_APP_SECRET"),
        ({"erp_access_token": "t", "erp_app_secret": "s"}, "CHORUS_ERP_APP_KEY"),
    ],
)
def test_missing_credentials_are_named(database: Database, given: dict, lacking: str) -> None:
    """A token without what belongs to it names the variable to set."""
    settings = load_settings(feishu_app_id="a", feishu_app_secret="b", feishu_encrypt_key="c", **given)
    with pytest.raises(ConfigError, match=lacking):
        environment(settings, CLOCK, database)


def test_without_tokens_nothing_is_connected(database: Database) -> None:
    """No platform in the environment is no platform, not an error."""
    settings = load_settings(feishu_app_id="a", feishu_app_secret="b", feishu_encrypt_key="c")
    gateways = environment(settings, CLOCK, database)
    assert (gateways.ads, gateways.shops, gateways.stock, gateways.purchases) == ({}, {}, {}, None)


def test_doudian_stock_by_the_merchants_own_code(net, shop: Doudian) -> None:
    """Stock that an order already holds is part of what is there; a SKU without a code is left out."""
    net.post(f"{SHOP}/product/listV2", json={
        "code": 10000, "data": {"total": 1, "data": [{"product_id": 7, "name": "T恤"}]},
    })  # fmt: skip
    skus = [{"code": "A1", "stock_num": 8, "prehold_stock_num": 2}, {"code": "", "stock_num": 5}]
    net.post(f"{SHOP}/sku/list", json={"code": 10000, "data": {"list": skus}})
    (row,) = shop.stock()
    assert (row.sku_id, row.qty, row.sellable, row.safety, row.name) == ("A1", 10, 8, None, "T恤")


def test_nothing_secret_stands_in_an_error(net, database: Database) -> None:
    """A broken connection's own text holds the address with token and sign; ours does not, nor its cause."""
    net.post(
        f"{SHOP}/order/searchList", body=requests.exceptions.ConnectionError(f"{SHOP}/?access_token=tok-9")
    )
    gateway = Doudian(Wire("抖店", SHOP), FixedToken("tok-9", "X"), app=APP, clock=CLOCK)
    with pytest.raises(TransientError) as error:
        sold(gateway, database)
    assert "tok-9" not in "".join(traceback.format_exception(error.value))
