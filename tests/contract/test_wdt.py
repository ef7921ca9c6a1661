"""旺店通 旗舰版 answers, signs and refuses like the platform."""

import hashlib
import json
import time
from typing import Any

import pytest
import requests

from sandbox import wdt
from sandbox.server import SandboxServer
from sandbox.wdt import KEY, SALT, SECRET, SID, Shelf

STOCK, CREATE, FIND = (
    "wms.StockSpec.search2", "purchase.PurchaseOrder.createOrder", "purchase.PurchaseOrder.queryWithDetail",
)  # fmt: skip
YEAR_2012 = 1325347200


def call(sandbox: SandboxServer, method: str, args: dict[str, Any], **change: str) -> dict[str, Any]:
    """One call, signed by the rule: secret, sorted pairs with the body among them, secret."""
    body = json.dumps([args], ensure_ascii=False)
    query = {
        "sid": SID, "key": KEY, "salt": SALT, "method": method, "v": "1.0",
        "timestamp": str(int(time.time()) - YEAR_2012), "page_no": "0", "page_size": "100", "calc_total": "1",
    } | {key: value for key, value in change.items() if key != "sign"}  # fmt: skip
    pairs = query | {"body": body}
    text = SECRET + "".join(key + pairs[key] for key in sorted(pairs)) + SECRET
    query["sign"] = change.get("sign", hashlib.md5(text.encode()).hexdigest())  # noqa: S324 - theirs
    answer = requests.post(f"{sandbox.url}/openapi", params=query, data=body.encode(), timeout=5)
    parsed: dict[str, Any] = answer.json()
    return parsed


def test_the_sandbox_signs_like_the_derived_vector() -> None:
    """Two implementations agree on it."""
    query = {
        "sid": "wdtapi3", "key": "demo-ot", "salt": "5f6c1a2b", "method": STOCK, "v": "1.0",
        "timestamp": "446981400", "page_no": "0", "page_size": "100", "calc_total": "1",
    }  # fmt: skip
    body = b'[{"start_time":"2026-03-01 09:00:00","end_time":"2026-03-01 09:30:00"}]'
    assert wdt.signature(query, body, "e1d2c3b4a5") == "8ef808a68313fb29394f38010b1e0390"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"sign": "0" * 32}, 1),
        ({"salt": "other"}, 1),
        ({"sid": "nobody"}, 1),
        ({"timestamp": "446981400"}, 7),
    ],
)
def test_refusals_have_a_status(sandbox: SandboxServer, change: dict[str, str], status: int) -> None:
    """Never data."""
    answer = call(sandbox, FIND, {"purchase_no": "A"}, **change)
    assert (answer["status"], "data" in answer) == (status, False)


def test_stock_in_pages_from_zero_with_bounds_on_request(sandbox: SandboxServer) -> None:
    """The total comes on the first page only."""
    now = time.time()
    sandbox.world.wdt.shelves = [Shelf(f"S{n}", "W1", 10, 8, safety=5, changed=now) for n in range(3)]
    asked = {"spec_nos": ["S0", "S1", "S2"], "need_alarm_info": 1}
    first = call(sandbox, STOCK, asked, page_size="2")["data"]
    assert ([row["spec_no"] for row in first["detail_list"]], first["total_count"]) == (["S0", "S1"], 3)
    assert first["detail_list"][0]["safe_stock"] == 5
    second = call(
        sandbox, STOCK, {"spec_nos": ["S0", "S1", "S2"]}, page_size="2", page_no="1", calc_total="0"
    )
    assert "total_count" not in second["data"]
    assert ["safe_stock" in row for row in second["data"]["detail_list"]] == [False]


def test_a_window_over_thirty_days_is_refused(sandbox: SandboxServer) -> None:
    """Business refusals are 100."""
    asked = {"start_time": "2026-01-01 00:00:00", "end_time": "2026-02-01 00:00:01"}
    assert call(sandbox, STOCK, asked)["status"] == 100


def test_without_our_number_every_call_makes_an_order(sandbox: SandboxServer) -> None:
    """With it a repeat is refused, and the order can be found by it."""
    sandbox.world.wdt.shelves = [Shelf("S0", "W1", 1, 1)]
    order = {
        "provider_no": "P", "expect_warehouse_no": "W1", "purchaser_name": "陈", "is_check": True,
        "purchase_details": [{"spec_no": "S0", "num": 5}],
    }  # fmt: skip
    numbers = {call(sandbox, CREATE, order)["data"]["purchase_no"] for _ in range(2)}
    assert len(numbers) == 2
    ours = order | {"purchase_no": "A-1"}
    assert call(sandbox, CREATE, ours)["status"] == 0
    assert call(sandbox, CREATE, ours)["status"] == 100
    (found,) = call(sandbox, FIND, {"purchase_no": "A-1"})["data"]["order"]
    assert (found["purchase_no"], found["status"]) == ("A-1", 40)
