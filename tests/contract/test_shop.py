"""The shop platform answers, signs and refuses like 抖店."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

import pytest
import requests

from sandbox import shop
from sandbox.server import SandboxServer
from sandbox.shop import APP_KEY, APP_SECRET, SHANGHAI, TOKEN
from tests.contract.kit import control


def sign(fields: dict[str, str], body: str, secret: str = APP_SECRET) -> str:
    """Our own reading of the vendor's rule."""
    text = f"{secret}app_key{fields['app_key']}method{fields['method']}param_json{body}"
    text += f"timestamp{fields['timestamp']}v{fields['v']}{secret}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def call(
    sandbox: SandboxServer, params: dict[str, Any], path: str = "order/searchList", **change: str
) -> dict[str, Any]:
    """A signed call."""
    body = json.dumps(params, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    query = {
        "app_key": APP_KEY,
        "method": path.replace("/", "."),
        "access_token": TOKEN,
        "timestamp": f"{datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        "v": "2",
        "sign_method": "hmac-sha256",
    }
    query |= {k: v for k, v in change.items() if k != "sign"}
    query["sign"] = change.get("sign") or sign(query, body)
    answer = requests.post(f"{sandbox.url}/{path}", params=query, data=body.encode(), timeout=5)
    assert answer.status_code == 200
    parsed: dict[str, Any] = answer.json()
    return parsed


def test_the_sandbox_signs_like_the_known_vectors() -> None:
    """HMAC-SHA256 and the old MD5 over the same call."""
    secret = "7d1a0b5c-0000-4000-8000-0123456789ab"
    body = (
        '{"create_time_end":1772380799,"create_time_start":1772294400,"order_asc":false,'
        '"order_by":"create_time","page":0,"size":100}'
    )
    query = {
        "app_key": "3409409348479354011",
        "method": "order.searchList",
        "timestamp": "2026-03-01 09:30:00",
        "v": "2",
    }
    assert shop.signature(query, body, secret) == "b3c03647217469ddbf206aaba8538d53"
    query["sign_method"] = "hmac-sha256"
    expected = "93af290ead3c53be52c84a0b9b4df7bce1480a9d74ac2f323548c93ad9f899c9"
    assert shop.signature(query, body, secret) == expected


def test_pages_count_from_zero_and_amounts_are_in_fen(sandbox: SandboxServer) -> None:
    """Five orders in pages of two: 2, 2, 1; the sum of pay_amount is what was sold today."""
    rows: list[dict[str, Any]] = []
    for page, expected in enumerate((2, 2, 1, 0)):
        answer = call(sandbox, {"page": page, "size": 2, "order_by": "create_time", "order_asc": True})
        assert answer["code"] == 10000
        assert len(answer["data"]["shop_order_list"]) == expected
        rows += answer["data"]["shop_order_list"]
    assert answer["data"]["total"] == 5
    assert [row["create_time"] for row in rows] == sorted(row["create_time"] for row in rows)
    assert all(isinstance(row["pay_amount"], int) for row in rows)
    (today,) = control(sandbox, "GET", "world/shop/shops")["data"]["shops"]
    assert sum(row["pay_amount"] for row in rows) == today["pay_amount"]
    assert {row["shop_name"] for row in rows} == {today["name"]}


def test_a_new_order_is_found_by_time(sandbox: SandboxServer) -> None:
    """Windows in unix seconds bound the answer; the newest comes first by default."""
    row = control(sandbox, "POST", "world/shop/orders", amount=12345)["data"]
    newest = call(sandbox, {"page": 0, "size": 1})["data"]["shop_order_list"][0]
    assert (newest["order_id"], newest["pay_amount"], newest["order_status"]) == (row["order_id"], 12345, 105)
    later = call(sandbox, {"page": 0, "size": 10, "create_time_start": row["create_time"] + 1})
    assert later["data"]["total"] == 0
    detail = call(sandbox, {"shop_order_id": row["order_id"]}, "order/orderDetail")
    assert detail["data"]["shop_order_detail"]["pay_amount"] == 12345


def test_an_unpaid_order_has_no_pay_time(sandbox: SandboxServer) -> None:
    """Status 1 counts for nothing in today's sales."""
    before = control(sandbox, "GET", "world/shop/shops")["data"]["shops"]
    row = control(sandbox, "POST", "world/shop/orders", amount=500, status=1)["data"]
    assert row["pay_time"] == 0
    assert control(sandbox, "GET", "world/shop/shops")["data"]["shops"] == before


@pytest.mark.parametrize(
    ("change", "code", "sub_code"),
    [
        ({"sign": "0" * 64}, 40003, "isv.signature-invalid"),
        ({"timestamp": "2020-01-01 00:00:00"}, 40003, "isv.timestamp-invalid"),
        ({"access_token": "other"}, 40003, "isv.access-token-no-existed"),
        ({"app_key": "other"}, 40003, "isv.app-key-invalid"),
        ({"method": "order.other"}, 40003, "isv.method-invalid"),
        ({"v": ""}, 40001, "isv.v-missing"),
    ],
)
def test_a_wrong_platform_parameter(
    sandbox: SandboxServer, change: dict[str, str], code: int, sub_code: str
) -> None:
    """Each has the platform's code and sub_code, and no data."""
    refused = call(sandbox, {"page": 0, "size": 10}, **change)
    assert (refused["code"], refused["sub_code"], refused["data"]) == (code, sub_code, None)


def test_the_sign_covers_the_body_as_sent(sandbox: SandboxServer) -> None:
    """Signing another rendering of the same parameters is refused."""
    other = sign(
        {"app_key": APP_KEY, "method": "order.searchList", "timestamp": "0", "v": "2"},
        '{"page": 0, "size": 10}',
    )
    assert call(sandbox, {"page": 0, "size": 10}, sign=other)["sub_code"] == "isv.signature-invalid"


def test_an_expired_token_and_a_large_page(sandbox: SandboxServer) -> None:
    """The vendor's sub_code tells the expiry; more than 100 a page is a business parameter error."""
    assert call(sandbox, {"page": 0, "size": 101})["code"] == 40004
    sandbox.world.shop.token = None
    assert call(sandbox, {"page": 0, "size": 10})["sub_code"] == "isv.access-token-expired"


def test_a_token_of_one_shop_sees_that_shop(sandbox: SandboxServer) -> None:
    """Orders of the other shops stay hidden."""
    sandbox.world.reset("demo", 1)
    shop_id = next(iter(sandbox.world.shop.shops))
    rows = call(sandbox, {"page": 0, "size": 100}, access_token=f"{TOKEN}-{shop_id}")["data"][
        "shop_order_list"
    ]
    assert {row["shop_id"] for row in rows} == {shop_id}
