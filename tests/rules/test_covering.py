"""合并同店预警 on what platforms really say: plans and SKUs name their shop as 店铺日报 does."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import responses

from bitable_sync.cells import CellValue
from bitable_sync.platforms.connect import connect
from bitable_sync.platforms.credentials import Credentials, Pair
from bitable_sync.platforms.facts import StockRow
from bitable_sync.platforms.gateways import Gateways
from rules.parse import RuleText
from rules.sources import plan_rows, shop_rows, stock_rows
from rules.specs import PLANS, SHOPS, STOCK
from runtime.clock import ManualClock
from runtime.db import Database, open_mirror
from runtime.floor import Floor
from runtime.manifest import BaseManifest, Manifest
from runtime.manifest_model import ConnectionManifest
from runtime.settings import load_settings
from runtime.vault import Keys, Vault
from runtime.work import WorkQueue
from tests.rules.kit import CHEN, LI, ROI_RULE, START, STOCK_RULE, WANG, House

pytestmark = pytest.mark.db
ADS, SHOP, NAME = "https://ads.example.com", "https://shop.example.com", "悦然旗舰店"
APP = {"app_key": "k", "app_secret": "s"}
ADVERTISER = {"app_id": "i", "secret": "s", "advertiser_id": "1712345678901234"}
CONNECTIONS: list[dict[str, Any]] = [
    {
        "name": "dd",
        "kind": "doudian",
        "shop": NAME,
        "feeds": ["shops", "stock"],
        "options": {"base_url": SHOP},
    },
    {"name": "qc", "kind": "qianchuan", "shop": NAME, "options": {"base_url": ADS}},
    {"name": "uni", "kind": "qianchuan_uni", "credential": "qc", "shop": NAME, "options": {"base_url": ADS}},
]  # fmt: skip
COVERS = RuleText(
    name="店铺停摆", table="店铺日报", metric="成交跌幅", comparison="高于", threshold="80%", severity="严重",
    actions=("知道了",), covers=True, enabled=True,
)  # fmt: skip


def gateways(database: Database, folder: Path, connections: list[dict[str, Any]]) -> Gateways:
    """The gateways of a manifest with these connections."""
    settings = load_settings(
        feishu_app_id="a", feishu_app_secret="b", feishu_encrypt_key="c", var_dir=folder,
        database_url=database.url, mirror_url=f"sqlite:///{folder / 'other.db'}",
    )  # fmt: skip
    found = tuple(ConnectionManifest(**each) for each in connections)
    manifest = Manifest(name="测试", base=BaseManifest(name="经营数据"), connections=found)
    clock, vault = ManualClock(START), Vault(Keys({"k1": b"1" * 32}))
    mirror = open_mirror(settings.mirror_url)
    store = Credentials(database, vault, clock)
    store.enter("dd", "doudian", APP, Pair("t", "r", 604_800))
    store.enter("qc", "qianchuan", ADVERTISER, Pair("t", "r", 86_400))
    made = connect(Floor(settings, manifest, clock, database, mirror, WorkQueue(database)), vault)
    mirror.close()
    return made


@pytest.fixture
def platforms() -> Iterator[responses.RequestsMock]:
    """A shop that sold yesterday and nothing today; the ad platform speaks of 抖音号, not of shops."""
    begun = int(datetime(2026, 3, 1, 1, 0, tzinfo=UTC).timestamp())
    order = {
        "order_id": "1", "shop_id": 7, "shop_name": "悦然（抖音）", "pay_amount": 90000, "pay_time": begun,
        "update_time": begun, "order_status": 5,
    }  # fmt: skip
    products = {"total": 1, "data": [{"product_id": 7, "name": "T恤"}]}
    info = {"page": 1, "total_page": 1}
    standard = {
        "ad_id": 1001, "name": "夏季", "status": "DELIVERY_OK", "opt_status": "ENABLE",
        "aweme_info": [{"aweme_name": "悦然官方号"}], "delivery_setting": {"budget": 500},
    }  # fmt: skip
    figures = {"ad_id": 1001, "stat_cost": 100, "pay_order_amount": 200, "pay_order_count": 2}
    uni = {
        "ad_info": {"id": 1002, "opt_status": "ENABLE", "status": "DELIVERY_OK", "budget": 500},
        "stats_info": {"stat_cost": 100, "total_pay_order_gmv_for_roi2": 200},
        "room_info": [{"anchor_name": "悦然直播间"}],
    }  # fmt: skip
    prefix = f"{ADS}/open_api/v1.0/qianchuan"
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:

        def said(data: Mapping[str, Any], code: int = 10000) -> dict[str, Any]:
            return {"code": code, "data": data}

        net.post(f"{SHOP}/order/searchList", json=said({"total": 1, "shop_order_list": [order]}))
        net.post(f"{SHOP}/product/listV2", json=said(products))
        net.post(f"{SHOP}/sku/list", json=said({"list": [{"code": "A1", "stock_num": 8}]}))
        net.get(f"{prefix}/ad/get/", json=said({"list": [standard], "page_info": info}, 0))
        net.get(f"{prefix}/report/ad/get/", json=said({"list": [figures], "page_info": info}, 0))
        net.get(f"{prefix}/uni_promotion/list/", json=said({"ad_list": [uni], "page_info": info}, 0))
        yield net


def put(house: House, table: str, rows: list[dict[str, CellValue]], **people: CellValue) -> None:
    """Rows as a pull writes them, with what people keep in them."""
    key = house.mirror.specs.table(table).business_key[0]
    house.put(table, {f"rec_{row[key]}": {**row, **people} for row in rows})


def fill(house: House, found: Gateways) -> None:
    """What a pull of every table writes."""
    sold = found.all_sales(START).rows.values()
    put(house, SHOPS, [row for today, before in sold for row in shop_rows(today, before, START)], owner=(LI,))
    plans = [plan for some in found.all_plans().rows.values() for plan in some]
    put(house, PLANS, plan_rows(plans, START), owner=(WANG,))
    stock = [row for some in found.all_stock({}).rows.values() for row in some]
    erp = StockRow("E1", "", "帽子", 3, 3)
    put(house, STOCK, stock_rows([*stock, erp], START), owner=(CHEN,), safety=Decimal(100), on_way=Decimal(0))


@pytest.mark.usefixtures("platforms")
def test_a_shop_that_is_down_hides_its_plans_and_its_skus(
    house: House, database: Database, tmp_path: Path
) -> None:
    """千川, 全域 and the shop's own stock speak of one shop; stock of an ERP is nobody's and is told."""
    fill(house, gateways(database, tmp_path, CONNECTIONS))
    house.write_rule(COVERS, "rec_shop")
    house.write_rule(ROI_RULE)
    house.write_rule(STOCK_RULE, "rec_stock")
    shops = {row.object_id: row.shop for row in map(house.alert, *zip(*FIRING, strict=True))}
    assert shops == {"7": NAME, "1001": NAME, "1002": NAME, "A1": NAME, "E1": ""}
    told = {notice.alert_id for notice in house.notices()}
    assert told == {house.alert("rec_shop", "7").id, house.alert("rec_stock", "E1").id}


FIRING = (
    ("rec_shop", "7"), ("rec_roi", "1001"), ("rec_roi", "1002"), ("rec_stock", "A1"), ("rec_stock", "E1"),
)  # fmt: skip


@pytest.mark.usefixtures("platforms")
def test_without_a_name_in_the_manifest_the_platforms_own_words_stand(
    house: House, database: Database, tmp_path: Path
) -> None:
    """Nothing is made up: the 抖音号 in plans, the platform's name in 店铺日报, no shop in stock."""
    nameless = [{key: value for key, value in each.items() if key != "shop"} for each in CONNECTIONS]
    fill(house, gateways(database, tmp_path, nameless))
    found = {row.values["shop"] for row in house.mirror.rows(PLANS)}
    assert found == {"悦然官方号", "悦然直播间"}
    assert [row.values["name"] for row in house.mirror.rows(SHOPS)] == ["悦然（抖音）"]
    assert all(not isinstance(row.values["shop"], str) for row in house.mirror.rows(STOCK))
