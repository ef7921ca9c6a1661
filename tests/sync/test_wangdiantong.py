"""旺店通: 旗舰版 against the sandbox, which verifies its own way; 企业版 on the wire."""

import hashlib
import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
import responses

from bitable_sync.platforms.facts import PurchaseItem
from bitable_sync.platforms.wangdiantong import WdtEnterprise, WdtFlagship
from bitable_sync.platforms.wire import Wire
from runtime.clock import SHANGHAI, ManualClock
from runtime.errors import PermanentError, TransientError, UnknownOutcome
from sandbox.wdt import KEY, SALT, SECRET, SID, Shelf

APP = {"sid": SID, "key": KEY, "app_secret": f"{SECRET}:{SALT}"}
ORDER = {"provider_no": "P1", "warehouse_no": "W1", "purchaser_name": "采购小陈"}
OLD = "https://wdt.example.com"
NOON = (datetime.now(SHANGHAI) + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
"""The first reading of a day takes all, so the hour is not the machine's."""


@pytest.fixture
def erp(sandbox: Any) -> WdtFlagship:
    """The ERP of one company."""
    return WdtFlagship(Wire("旺店通", sandbox.url), app=APP, clock=ManualClock(NOON), order=ORDER)


@pytest.fixture
def world(sandbox: Any) -> Any:
    """The platform's side, at noon."""
    sandbox.world.clock.advance(NOON.timestamp() - sandbox.world.clock.time())
    return sandbox.world.wdt


def shelf(spec: str, warehouse: str = "W1", *, ago: float = 3600, **more: Any) -> Shelf:
    """An article in a warehouse, changed so many seconds ago."""
    facts = {"pieces": 10, "free": 8, "safety": 5, "most": 50, "coming": 2} | more
    return Shelf(spec, warehouse, changed=NOON.timestamp() - ago, **facts)


def test_stock_is_summed_over_warehouses_with_its_bounds(world: Any, erp: WdtFlagship) -> None:
    """A change in one warehouse brings the whole article; damaged goods are not for sale."""
    world.shelves = [
        shelf("A1"), shelf("A1", "W2", ago=80 * 86_400, pieces=100, free=90),
        shelf("A1", "W3", pieces=7, free=7, defect=True), shelf("B1", safety=None, most=None),
    ]  # fmt: skip
    found = {row.sku_id: row for row in erp.stock()}
    assert (found["A1"].qty, found["A1"].sellable, found["A1"].on_the_way) == (110, 98, 4)
    assert (found["A1"].safety, found["A1"].most) == (10, 100)
    assert (found["B1"].safety, found["B1"].most, found["B1"].name) == (None, None, "商品B1")
    assert (found["A1"].sales_7d, found["B1"].sales_7d) == (None, None)


def test_what_an_article_sold_in_seven_days_comes_with_it(world: Any, erp: WdtFlagship) -> None:
    """Summed over warehouses; zero is a figure, and what is not told is none."""
    world.shelves = [
        shelf("A1", sold=30), shelf("A1", "W2", sold=5), shelf("A1", "W3", sold=99, defect=True),
        shelf("B1", sold=0), shelf("C1"),
    ]  # fmt: skip
    found = {row.sku_id: row.sales_7d for row in erp.stock()}
    assert found == {"A1": 35, "B1": 0, "C1": None}


def test_the_first_reading_of_a_day_takes_all(world: Any, sandbox: Any) -> None:
    """Sales of seven days fall without a change of stock: a figure of yesterday would stay for good."""
    world.shelves = [shelf("A1", ago=40 * 86_400, sold=0), shelf("B1", ago=1, sold=7)]
    erp = WdtFlagship(Wire("旺店通", sandbox.url), app=APP, clock=ManualClock(NOON))
    yesterday = int((NOON - timedelta(days=1)).timestamp())
    assert {row.sku_id: row.sales_7d for row in erp.stock(yesterday)} == {"A1": 0, "B1": 7}
    assert [row.sku_id for row in erp.stock(int(NOON.timestamp()))] == ["B1"]


def test_one_article_is_asked_as_it_stands_now(world: Any, erp: WdtFlagship) -> None:
    """Whole over its warehouses, whenever it changed; none for an id the ERP does not have."""
    world.shelves = [shelf("A1", ago=40 * 86_400), shelf("A1", "W2", coming=500), shelf("B1")]
    row = erp.sku("A1")
    assert row is not None
    assert (row.sku_id, row.sellable, row.on_the_way) == ("A1", 16, 502)
    assert erp.sku("GHOST") is None


def test_only_what_changed_is_asked_afterwards(world: Any, erp: WdtFlagship) -> None:
    """The version is the time of the reading; the next one begins an overlap earlier."""
    world.shelves = [shelf("A1", ago=7200), shelf("B1", ago=300)]
    version = max(row.version for row in erp.stock())
    assert [row.sku_id for row in erp.stock(version - 1)] == ["B1"]
    assert [row.sku_id for row in erp.stock(version + 3600)] == []


def test_the_first_page_is_zero_and_every_page_is_read(world: Any, sandbox: Any, erp: WdtFlagship) -> None:
    """130 articles of an hour are two pages, counted once."""
    world.shelves = [shelf(f"S{n:03d}") for n in range(130)]
    assert len(erp.stock(int(NOON.timestamp()) - 7200)) == 130
    queries = [call["query"] for call in sandbox.world.control.recorder.calls(path="/openapi")]
    assert [(q["page_no"], q["calc_total"]) for q in queries[:2]] == [("0", "1"), ("1", "0")]


def test_windows_of_the_first_reading_are_never_over_thirty_days(
    world: Any, sandbox: Any, erp: WdtFlagship
) -> None:
    """The sandbox refuses longer ones; a year is read."""
    world.shelves = [shelf("A1", ago=350 * 86_400)]
    assert [row.sku_id for row in erp.stock()] == ["A1"]
    assert len(sandbox.world.control.recorder.calls(path="/openapi")) == 14


def test_another_secret_and_a_wrong_clock_are_refused(world: Any, sandbox: Any) -> None:
    """Both in words that say what to check."""
    wrong = {**APP, "app_secret": f"other:{SALT}"}
    with pytest.raises(PermanentError, match="签名不对"):
        WdtFlagship(Wire("旺店通", sandbox.url), app=wrong, clock=ManualClock(NOON)).find_purchase("A")
    late = ManualClock(NOON - timedelta(minutes=3))
    with pytest.raises(TransientError, match="NTP"):
        WdtFlagship(Wire("旺店通", sandbox.url), app=APP, clock=late).find_purchase("A")


def test_the_limit_that_is_told_in_words_is_a_limit(world: Any, erp: WdtFlagship) -> None:
    """Status 100 is also every business refusal; the text decides."""
    world.left = 0
    with pytest.raises(TransientError, match="频率") as error:
        erp.stock()
    assert error.value.wait == 60


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "html"])
def test_a_purchase_exists_once_whatever_happens_to_the_answer(
    sandbox: Any, world: Any, erp: WdtFlagship, kind: str
) -> None:
    """Our number is the ERP's; whoever asks again finds the order that is there."""
    world.shelves = [shelf("A1")]
    fault = {"kind": kind, "match": {"path": "/openapi"}, "times": 1, "skip": 1, "status": 502}
    sandbox.world.control.faults.order(fault)
    item = PurchaseItem("A1", 60, Decimal("30.50"))
    try:
        erp.purchase("A-1", [item])
    except UnknownOutcome:
        assert kind != "drop_after"  # done and cut is settled by the look
    made = erp.purchase("A-1", [item])
    assert (made.po_id, list(world.orders)) == ("A-1", ["A-1"])
    (line,) = world.orders["A-1"]["purchase_details"]
    assert (line, world.orders["A-1"]["status"]) == ({"spec_no": "A1", "num": 60, "price": "30.50"}, 40)


def test_an_order_that_is_not_approved_is_told(world: Any, erp: WdtFlagship) -> None:
    """``data.status`` 20 under status 0: it is there, and a person must look."""
    body = {"status": 0, "data": {"status": 20, "purchase_no": "A-1"}}
    erp.wire.base_url = OLD
    with responses.RequestsMock() as net:
        net.post(f"{OLD}/openapi", json={"status": 0, "data": {"order": [], "total_count": 0}})
        net.post(f"{OLD}/openapi", json=body)
        with pytest.raises(PermanentError, match="不要重复下单"):
            erp.purchase("A-1", [PurchaseItem("A1", 1)])


def test_what_every_order_needs_is_asked_for_before_anything_is_sent(sandbox: Any) -> None:
    """Supplier, warehouse and buyer stand in the manifest."""
    lacking = {"provider_no": "P1"}
    erp = WdtFlagship(Wire("旺店通", sandbox.url), app=APP, clock=ManualClock(NOON), order=lacking)
    with pytest.raises(PermanentError, match="warehouse_no、purchaser_name"):
        erp.purchase("A-1", [PurchaseItem("A1", 1)])


# --- 企业版 ---


def verified(request: Any) -> dict[str, str]:
    """The form, if its sign is what the vendor's own steps give: lengths in characters."""
    form = dict(parse_qsl(request.body, keep_blank_values=True))
    sign = form.pop("sign")
    parts = [f"{str(len(k)).zfill(2)}-{k}:{str(len(v)).zfill(4)}-{v}" for k, v in sorted(form.items())]
    assert hashlib.md5((";".join(parts) + "sec").encode()).hexdigest() == sign  # noqa: S324 - theirs
    return form


def test_the_older_product(sandbox: Any) -> None:
    """Windows, then each changed article whole; its bounds are not told, so they are left to people."""
    now = datetime(2026, 3, 1, 12, tzinfo=SHANGHAI)
    app = {"sid": "test2", "appkey": "test2-xx", "app_secret": "sec"}
    rows = [
        {"spec_no": "A1", "goods_name": "T恤", "stock_num": "10.0000", "avaliable_num": "8.0000"},
        {"spec_no": "A1", "goods_name": "T恤", "stock_num": "5.0000", "avaliable_num": "5.0000"},
    ]
    asked: list[dict[str, str]] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        form = verified(request)
        asked.append(form)
        shown = rows if form.get("spec_no") == "A1" else rows[:1]
        return 200, {}, json.dumps({"code": 0, "total_count": len(shown), "stocks": shown})

    with responses.RequestsMock() as net:
        net.add_callback(responses.POST, f"{OLD}/openapi2/stock_query.php", answer)
        erp = WdtEnterprise(Wire("旺店通企业版", OLD), app=app, clock=ManualClock(now))
        (row,) = erp.stock(int((now - timedelta(minutes=5)).timestamp()))
    assert (row.qty, row.sellable, row.safety, row.version) == (15, 13, None, int(now.timestamp()))
    assert (asked[0]["page_no"], asked[0]["start_time"]) == ("0", "2026-03-01 11:45:00")
    assert len(asked) == 2


def test_the_older_product_is_first_read_in_windows_only() -> None:
    """A year is thirteen windows, and no call for each article; a row that comes twice counts once."""
    now = datetime(2026, 3, 1, 12, tzinfo=SHANGHAI)
    app = {"sid": "test2", "appkey": "test2-xx", "app_secret": "sec"}
    rows = [{"spec_no": "A1", "warehouse_no": each, "stock_num": "4"} for each in ("W1", "W2")]
    with responses.RequestsMock() as net:
        net.post(f"{OLD}/openapi2/stock_query.php", json={"code": 0, "total_count": 2, "stocks": rows})
        (row,) = WdtEnterprise(Wire("旺店通企业版", OLD), app=app, clock=ManualClock(now)).stock()
        assert {"spec_no" in dict(parse_qsl(call.request.body)) for call in net.calls} == {False}
    assert row.qty == 8
