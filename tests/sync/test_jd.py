"""JD on the wire: what is signed is what is sent, odd spellings, the year 1, and refusals inside."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
import responses

from bitable_sync.platforms import jd
from bitable_sync.platforms.jd import Jd, JdAds, Jos
from bitable_sync.platforms.ledger import Ledger
from bitable_sync.platforms.orders import OrderBook
from bitable_sync.platforms.refusals import TokenRefused
from bitable_sync.platforms.tokens import FixedToken
from bitable_sync.platforms.wire import Wire
from runtime.clock import SHANGHAI, ManualClock
from runtime.db import Database
from runtime.errors import PermanentError, TransientError

BASE = "https://jd.example.com"
APP = {"app_key": "k", "app_secret": "s3cret"}
CLOCK = ManualClock(datetime(2026, 3, 1, 16, 30, tzinfo=UTC))  # half past midnight of 2 March in Shanghai
NOW = CLOCK.now().astimezone(SHANGHAI)


class Platform:
    """Answers methods and verifies the sign over every field that arrived, as JD does."""

    def __init__(self, net: responses.RequestsMock) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}
        net.add_callback(responses.POST, f"{BASE}/routerjson", self._answer)

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        form = dict(parse_qsl(request.body, keep_blank_values=True))
        text = "".join(key + form[key] for key in sorted(form) if key != "sign")
        made = hashlib.md5(f"s3cret{text}s3cret".encode()).hexdigest().upper()  # noqa: S324 - theirs
        method, params = form["method"], json.loads(form["360buy_param_json"])
        self.asked.append((method, params))
        if made != form["sign"]:
            body: Any = {"error_response": {"code": "12", "zh_desc": "签名错误"}}
        else:
            answer = self.answers[method]
            body = answer(params) if callable(answer) else answer
            if "error_response" not in body:
                body = {method.replace(".", "_") + "_responce": {"code": "0", **body}}
        return 200, {}, json.dumps(body)


@pytest.fixture
def net():
    """No request leaves."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def platform(net: responses.RequestsMock) -> Platform:
    """JD's side."""
    return Platform(net)


@pytest.fixture
def jos() -> Jos:
    """Signed calls."""
    return Jos(Wire("京东", BASE), FixedToken("t", "CHORUS_X"), app=APP, clock=CLOCK)


@pytest.fixture
def shop(jos: Jos) -> Jd:
    """One store."""
    return Jd(jos, shop_id="jd-a", shop="悦然京东自营旗舰店")


def order(
    number: int, paid: str = "2026-03-02 00:10:00", state: str = "FINISHED_L", **more: str
) -> dict[str, Any]:
    """An order; everything is a text."""
    row = {
        "orderId": str(number), "orderState": state, "modified": "2026-03-02 00:20:00",
        "orderStartTime": "2026-03-01 23:50:00", "paymentConfirmTime": paid, "orderPayment": "99.90",
        "orderSellerPrice": "89.90",
    }  # fmt: skip
    return row | more


def found(rows: list[dict[str, Any]], total: int | None = None) -> dict[str, Any]:
    """A page of orders."""
    count = len(rows) if total is None else total
    result = {"apiResult": {"success": True}, "orderTotal": count, "orderInfoList": rows}
    return {"searchorderinfo_result": result}


SEARCH = "jingdong.pop.order.enSearch"


@pytest.mark.db
def test_sales_of_a_day_that_began_half_an_hour_ago(platform: Platform, shop: Jd, database: Database) -> None:
    """Paid before midnight is yesterday; the year 1 is not paid; cancelled counts for no day."""
    platform.answers[SEARCH] = found([
        order(1), order(2, "2026-03-01 23:59:59"), order(3, "0001-01-01 00:00:00"),
        order(4, state="TRADE_CANCELED"),
    ])  # fmt: skip
    today, before = OrderBook(shop, jd.READING, Ledger(database, "jd-a")).sales(NOW)
    assert [(each.orders, each.amount, each.platform) for each in today] == [(1, Decimal("99.90"), "京东")]
    assert [each.orders for each in before] == [0]  # yesterday counts up to half past midnight only
    assert platform.asked[0][1]["start_date"] == "2026-03-01 00:00:00"


def test_the_amount_that_counts_is_a_setting(platform: Platform, jos: Jos) -> None:
    """What the buyer pays, or goods after discounts."""
    platform.answers[SEARCH] = found([order(1)])
    goods = Jd(jos, shop_id="a", shop="a", gmv="orderSellerPrice")
    assert [each.amount for each in goods.orders(NOW - timedelta(hours=1), NOW)] == [Decimal("89.90")]


def test_pages_are_read_from_the_last_to_the_first(platform: Platform, shop: Jd) -> None:
    """250 orders are three pages; the first is asked again at the end, because it may have moved."""
    platform.answers[SEARCH] = lambda params: found(
        [order(n) for n in range((params["page"] - 1) * 100, min(params["page"] * 100, 250))], 250
    )
    ids = {each.order_id for each in shop.orders(NOW - timedelta(hours=1), NOW)}
    assert len(ids) == 250
    assert [params["page"] for _, params in platform.asked] == [1, 3, 2, 1]


def test_a_refusal_inside_is_heard(platform: Platform, shop: Jd) -> None:
    """``code`` "0" with ``apiResult.success`` false is no empty day."""
    result = {"apiResult": {"success": False, "chineseErrCode": "时间跨度过大"}}
    platform.answers[SEARCH] = {"searchorderinfo_result": result}
    with pytest.raises(PermanentError, match="时间跨度过大"):
        list(shop.orders(NOW - timedelta(hours=1), NOW))


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [("2", TransientError, "重试"), ("8", TransientError, "NTP"), ("19", PermanentError, "CHORUS_X"),
     ("24", PermanentError, "权限"), ("14", PermanentError, "业务规则")],
)  # fmt: skip
def test_refusals_say_what_to_do(
    platform: Platform, shop: Jd, code: str, kind: type[Exception], said: str
) -> None:
    """Codes are texts."""
    platform.answers[SEARCH] = {"error_response": {"code": code, "zh_desc": "x"}}
    with pytest.raises(kind, match=said):
        list(shop.orders(NOW - timedelta(hours=1), NOW))


def test_another_secret_is_a_wrong_signature(platform: Platform) -> None:
    """The other side recomputes the sign; Chinese in the parameters included."""
    platform.answers["a.b"] = {}
    good, bad = (
        Jos(Wire("京东", BASE), FixedToken("t", "X"), app={**APP, "app_secret": secret}, clock=CLOCK)
        for secret in ("s3cret", "other")
    )
    good.call("a.b", {"name": "老板"})
    with pytest.raises(PermanentError, match="签名不对"):
        bad.call("a.b", {"name": "老板"})


def test_both_spellings_of_the_answer_are_taken(net: responses.RequestsMock, jos: Jos) -> None:
    """``_responce`` and ``_response``."""
    net.post(f"{BASE}/routerjson", json={"a_b_response": {"code": "0", "x": 1}})
    assert jos.call("a.b", {})["x"] == 1


def test_stock_is_the_sum_of_warehouses(platform: Platform, shop: Jd) -> None:
    """By the merchant's own code; a SKU without one is left out."""
    platform.answers["jingdong.sku.read.searchSkuList"] = {"page": {"totalItem": 2, "data": [
        {"skuId": 1, "outerId": "A1", "skuName": "T恤", "wareId": 9}, {"skuId": 2, "outerId": ""},
    ]}}  # fmt: skip
    platform.answers["jingdong.stock.read.findSkuStock"] = {
        "skuStocks": [{"stockNum": "7"}, {"stockNum": "5"}]
    }
    (row,) = shop.stock()
    assert (row.sku_id, row.qty, row.safety, row.shop) == ("A1", 12, None, "悦然京东自营旗舰店")


def test_the_advertising_report(platform: Platform, jos: Jos) -> None:
    """The account as a plan, and each campaign that is named; budgets are not changed."""
    platform.answers["jingdong.dsp.report.queryAccountReport"] = {
        "datas": [{"cost": "12.30", "totalOrderSum": "45.60", "totalOrderCnt": "3"}]
    }
    platform.answers["jingdong.dsp.report.queryCampDailySum"] = {
        "value": [{"figureData": {"cost": "2.30", "totalOrderSum": "5.60", "totalOrderCnt": "1"}}]
    }
    ads = JdAds(jos, pin="yueran", shop="京东店", click_days=15, campaigns=("77",))
    account, campaign = ads.plans()
    assert (account.plan_id, account.spend, account.gmv, account.orders) == (
        "yueran", Decimal("12.30"), Decimal("45.60"), 3,
    )  # fmt: skip
    assert (campaign.plan_id, campaign.spend, campaign.budget) == ("77", Decimal("2.30"), None)
    assert {params["startDay"] for _, params in platform.asked} == {"2026-03-02"}
    platform.asked.clear()
    assert {plan.day for plan in ads.plans(date(2026, 2, 20))} == {date(2026, 2, 20)}
    assert {(params["startDay"], params["endDay"]) for _, params in platform.asked} == {
        ("2026-02-20", "2026-02-20")
    }
    with pytest.raises(PermanentError, match="京准通后台"):
        ads.set_budget("77", Decimal(500))


def test_a_report_of_another_shape_is_no_zero(platform: Platform, jos: Jos) -> None:
    """Spend that cannot be found is not spend 0."""
    platform.answers["jingdong.dsp.report.queryAccountReport"] = {"something": []}
    with pytest.raises(PermanentError, match="datas"):
        JdAds(jos, pin="yueran", shop="京东店").plans()


def test_the_refresh_of_a_token(net: responses.RequestsMock) -> None:
    """How long it lives stands in the reply; a dead refresh token is told apart from a busy server."""
    wire = Wire("京东", BASE)
    net.get(
        f"{BASE}/oauth2/refresh_token", json={"access_token": "a1", "refresh_token": "r1", "expires_in": 7200}
    )
    pair = jd.refresh(wire, APP, "r0")
    assert (pair.access, pair.refresh, pair.seconds) == ("a1", "r1", 7200)
    assert net.calls[0].request.params["refresh_token"] == "r0"
    net.replace("GET", f"{BASE}/oauth2/refresh_token", json={"code": 402, "msg": "refresh_token过期"})
    with pytest.raises(TokenRefused, match="重新授权"):
        jd.refresh(wire, APP, "r0")
