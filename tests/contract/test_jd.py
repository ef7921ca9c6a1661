"""JD answers, signs and refuses like the platform, and renews a token once for each refresh token."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from sandbox import jd, wdt_enterprise
from sandbox.server import SandboxServer

SEARCH = "jingdong.pop.order.enSearch"
NOW = datetime.now(jd.SHANGHAI)
WINDOW = {
    "start_date": f"{NOW - timedelta(hours=1):%F %T}", "end_date": f"{NOW:%F %T}", "dateType": 0,
    "order_state": "FINISHED_L,TRADE_CANCELED,WAIT_SELLER_STOCK_OUT", "page": 1, "page_size": 100,
    "optional_fields": "orderId,orderPayment,paymentConfirmTime",
}  # fmt: skip


def call(sandbox: SandboxServer, method: str, params: dict[str, Any], **change: str) -> dict[str, Any]:
    """One call, signed by the rule: every field but the sign, by name, between two secrets."""
    form = {
        "method": method, "app_key": jd.APP_KEY, "access_token": jd.TOKEN, "v": "2.0",
        "timestamp": f"{datetime.now(jd.SHANGHAI):%F %T}", "360buy_param_json": json.dumps(params),
    } | {key: value for key, value in change.items() if key != "sign"}  # fmt: skip
    text = jd.APP_SECRET + "".join(key + form[key] for key in sorted(form)) + jd.APP_SECRET
    form["sign"] = change.get("sign", hashlib.md5(text.encode()).hexdigest().upper())  # noqa: S324 - theirs
    answer: dict[str, Any] = requests.post(f"{sandbox.url}/routerjson", data=form, timeout=5).json()
    return answer


def test_the_sandbox_signs_like_the_published_vector() -> None:
    """Of an SDK's own test."""
    form = {
        "v": "2.0", "method": "jingdong.innovation.product.write.createSkus", "app_key": "yourappkey",
        "access_token": "yourtoken", "timestamp": "2019-06-27 15:41:49",
        "360buy_param_json": '{"paramStrin":"abc"}',
    }  # fmt: skip
    assert jd.signature(form, "yourappSecret") == "E79CD3D49918172CA907A4CB493D9361"


def test_the_older_erp_signs_like_the_published_vector() -> None:
    """旺店通 企业版: lengths in characters."""
    form = {"sid": "test2", "appkey": "test2-xx", "page_no": "0", "end_time": "2016-08-01 13:00:00",
            "start_time": "2016-08-01 12:00:00", "page_size": "40", "timestamp": "1470042310"}  # fmt: skip
    assert wdt_enterprise.signature(form, "12345") == "ad4e6fe037ea6e3ba4768317be9d1309"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": "0" * 32}, "12"),
        ({"sign": ""}, "11"),
        ({"app_key": "nobody"}, "20"),
        ({"access_token": "old"}, "19"),
        ({"v": "1.0"}, "15"),
        ({"timestamp": f"{NOW - timedelta(minutes=8):%F %T}"}, "8"),
    ],
)
def test_refusals_have_a_code(sandbox: SandboxServer, change: dict[str, str], code: str) -> None:
    """A text, beside no data."""
    answer = call(sandbox, SEARCH, WINDOW, **change)
    assert list(answer) == ["error_response"]
    assert answer["error_response"]["code"] == code


def test_orders_are_texts_with_the_fields_asked_for(sandbox: SandboxServer) -> None:
    """An unpaid one has the year 1; the key is spelled as JD does; a wrong page is refused inside."""
    for number, paid in (("1", f"{NOW - timedelta(minutes=5):%F %T}"), ("2", "")):
        sandbox.world.jd.place(number, "99.90", paid=paid, changed=f"{NOW - timedelta(minutes=5):%F %T}")
    inner = call(sandbox, SEARCH, WINDOW)["jingdong_pop_order_enSearch_responce"]
    assert inner["code"] == "0"
    result = inner["searchorderinfo_result"]
    assert (result["apiResult"]["success"], result["orderTotal"]) == (True, 2)
    assert [set(row) for row in result["orderInfoList"]] == [
        {"orderId", "orderPayment", "paymentConfirmTime"}
    ] * 2
    assert {row["paymentConfirmTime"][:4] for row in result["orderInfoList"]} == {"0001", f"{NOW:%Y}"}
    wrong = call(sandbox, SEARCH, WINDOW | {"page_size": 101})["jingdong_pop_order_enSearch_responce"]
    assert wrong["searchorderinfo_result"]["apiResult"]["success"] is False


def test_a_refresh_token_works_once(sandbox: SandboxServer) -> None:
    """The old access token is dead with it."""
    query = {
        "app_key": jd.APP_KEY, "app_secret": jd.APP_SECRET, "grant_type": "refresh_token",
        "refresh_token": jd.REFRESH,
    }  # fmt: skip
    first, second = (
        requests.get(f"{sandbox.url}/oauth2/refresh_token", params=query, timeout=5).json() for _ in range(2)
    )
    assert (first["access_token"], second["code"]) == (sandbox.world.jd.token, 402)
    assert call(sandbox, SEARCH, WINDOW)["error_response"]["code"] == "19"
