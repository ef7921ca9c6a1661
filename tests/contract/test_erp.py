"""The ERP answers, signs, paces and refuses like 聚水潭."""

import hashlib
import json
import time
from typing import Any

import pytest
import requests

from sandbox import erp
from sandbox.erp import APP_KEY, APP_SECRET, TOKEN
from sandbox.server import SandboxServer
from tests.contract.kit import control

STOCK, BUY, ORDERS = "open/inventory/query", "open/jushuitan/purchase/upload", "open/purchase/query"


def call(sandbox: SandboxServer, path: str, biz: Any, /, **change: str) -> dict[str, Any]:
    """A signed form."""
    form = {
        "app_key": APP_KEY,
        "access_token": TOKEN,
        "timestamp": str(int(time.time())),
        "charset": "utf-8",
        "version": "2",
        "biz": json.dumps(biz, ensure_ascii=False),
    }
    form |= {k: v for k, v in change.items() if k != "sign"}
    text = APP_SECRET + "".join(k + form[k] for k in sorted(form) if form[k])
    form["sign"] = change.get("sign", hashlib.md5(text.encode()).hexdigest())  # noqa: S324 - theirs
    parsed: dict[str, Any] = requests.post(f"{sandbox.url}/{path}", data=form, timeout=5).json()
    return parsed


@pytest.fixture
def calm(sandbox: SandboxServer) -> SandboxServer:
    """The sandbox without frequency limits."""
    sandbox.world.limits_on = False
    return sandbox


def first_sku(sandbox: SandboxServer) -> str:
    """The first article: 100 in stock, safety stock 30."""
    return next(iter(sandbox.world.erp.skus))


def purchase(sandbox: SandboxServer, **change: Any) -> dict[str, Any]:
    """Send one purchase order."""
    biz = {
        "external_id": "chorus-1",
        "supplier_id": 8101,
        "is_confirm": True,
        "items": [{"sku_id": first_sku(sandbox), "qty": 60, "price": 30.5}],
    }
    return call(sandbox, BUY, biz | change)


def test_the_sandbox_signs_like_the_published_vector() -> None:
    """The secret stands in front only."""
    form = {
        "app_key": "5b53060f23d84ddf9703056e84fa5a2d",
        "charset": "utf-8",
        "code": "123456",
        "grant_type": "authorization_code",
        "timestamp": "1639128407",
        "empty": "",
    }
    assert erp.signature(form, "e9c5ca33fecb404b8e6cdbd0ef4a6d25") == "05e3a51e19e0883afd1882ccd309e0b9"


def test_stock_by_article_and_in_pages(calm: SandboxServer) -> None:
    """Rows carry stock, goods on the way and safety bounds; pages count from 1 and tell of more."""
    row = call(calm, STOCK, {"sku_ids": first_sku(calm)})["data"]["inventorys"][0]
    assert (row["qty"], row["min_qty"], row["purchase_qty"]) == (100, 30, 0)
    got: list[str] = []
    for page, more in ((1, True), (2, True), (3, False)):
        data = call(calm, STOCK, {"ts": 0, "page_index": page, "page_size": 4})["data"]
        assert (data["has_next"], data["data_count"], data["page_count"]) == (more, 10, 3)
        got += [r["sku_id"] for r in data["inventorys"]]
    assert got == list(calm.world.erp.skus)


def test_changed_articles_by_row_version(calm: SandboxServer) -> None:
    """Reading on from the last ts gives only what changed since."""
    last = max(sku.ts for sku in calm.world.erp.skus.values())
    assert call(calm, STOCK, {"ts": last})["data"]["inventorys"] == []
    control(calm, "POST", f"world/erp/skus/{first_sku(calm)}", qty=12)
    (row,) = call(calm, STOCK, {"ts": last})["data"]["inventorys"]
    assert (row["sku_id"], row["qty"]) == (first_sku(calm), 12)


def test_a_query_needs_a_condition(calm: SandboxServer) -> None:
    """No condition, a page too large, more than 100 ids: all refused."""
    assert call(calm, STOCK, {})["code"] == 130
    assert call(calm, STOCK, {"ts": 0, "page_size": 101})["code"] == 130
    assert call(calm, STOCK, {"sku_ids": ",".join("x" * 101)})["code"] == 130


def test_articles_have_names_and_suppliers(calm: SandboxServer) -> None:
    """sku/query tells what stock rows do not."""
    row = call(calm, "open/sku/query", {"sku_ids": first_sku(calm)})["data"]["datas"][0]
    assert row["name"] == calm.world.erp.skus[first_sku(calm)].name
    assert row["supplier_id"] == 8101


def test_a_purchase_puts_goods_on_the_way(calm: SandboxServer) -> None:
    """A confirmed order raises purchase_qty and can be found by our own number."""
    answer = purchase(calm)["data"]["data"]
    assert answer["external_id"] == "chorus-1"
    row = call(calm, STOCK, {"sku_ids": first_sku(calm)})["data"]["inventorys"][0]
    assert (row["qty"], row["purchase_qty"]) == (100, 60)
    (order,) = call(calm, ORDERS, {"so_ids": ["chorus-1"]})["data"]["datas"]
    assert (order["po_id"], order["status"], order["items"][0]["qty"]) == (answer["po_id"], "Confirmed", 60)


def test_the_same_external_id_makes_one_order(calm: SandboxServer) -> None:
    """A repeat, even with other quantities, answers the first order and buys nothing."""
    first = purchase(calm)["data"]["data"]["po_id"]
    items = [{"sku_id": first_sku(calm), "qty": 999}]
    assert purchase(calm, items=items)["data"]["data"]["po_id"] == first
    assert len(control(calm, "GET", "world/erp/purchases")["data"]["purchases"]) == 1
    assert calm.world.erp.skus[first_sku(calm)].coming == 60


def test_an_unconfirmed_purchase_waits(calm: SandboxServer) -> None:
    """Without is_confirm nothing is on the way yet."""
    purchase(calm, is_confirm=False)
    assert calm.world.erp.skus[first_sku(calm)].coming == 0
    assert call(calm, ORDERS, {"so_ids": ["chorus-1"]})["data"]["datas"][0]["status"] == "WaitConfirm"


@pytest.mark.parametrize(
    "change",
    [{"external_id": ""}, {"supplier_id": None}, {"items": []}, {"items": [{"sku_id": "NOPE", "qty": 1}]},
     {"items": [{"sku_id": "YR1001-BK-M", "qty": 0}]}, {"items": [{"sku_id": "YR1001-BK-M", "qty": -5}]}],
)  # fmt: skip
def test_a_wrong_purchase_is_refused(calm: SandboxServer, change: dict[str, Any]) -> None:
    """A missing number, supplier or article, an unknown article, no real quantity: nothing is bought."""
    assert purchase(calm, **change)["code"] == 130
    assert calm.world.erp.purchases == {}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": "0" * 32}, 10),
        ({"app_key": "other"}, 10),
        ({"timestamp": "1"}, 140),
        ({"access_token": "other"}, 100),
        ({"biz": "{"}, 130),
    ],
)
def test_a_wrong_form_is_refused(calm: SandboxServer, change: dict[str, str], code: int) -> None:
    """Signature, key, time, token and business text each have their code."""
    refused = call(calm, STOCK, {"ts": 0}, **change)
    assert (refused["code"], refused["issuccess"], refused["data"]) == (code, False, None)


def test_the_sign_is_over_the_text_as_sent(calm: SandboxServer) -> None:
    """Escaped and plain Chinese have different signatures; either is right when it is what was sent."""
    assert call(calm, STOCK, {"ts": 0, "note": "老板"})["code"] == 0
    assert call(calm, STOCK, None, biz='{"ts": 0, "note": "\\u8001\\u677f"}')["code"] == 0


def test_five_a_second_and_a_hundred_a_minute(sandbox: SandboxServer) -> None:
    """The sixth call within a second is 199, the 101st within a minute 200."""
    codes = []
    for number in range(101):
        codes.append(call(sandbox, STOCK, {"sku_ids": "x"})["code"])
        if number >= 5:
            sandbox.world.clock.advance(0.25)
    assert codes[5] == 199
    while codes[-1] == 0:
        sandbox.world.clock.advance(0.25)
        codes.append(call(sandbox, STOCK, {"sku_ids": "x"})["code"])
    assert codes[-1] == 200
    assert codes.count(0) == 100
