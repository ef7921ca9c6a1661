"""The gateways against the sandbox's platforms: real flows over real HTTP."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests

from bitable_sync.platforms.connect import environment
from bitable_sync.platforms.facts import PlanState, PurchaseItem, ShopSales
from bitable_sync.platforms.gateways import Gateways
from bitable_sync.platforms.jushuitan import Jushuitan
from bitable_sync.platforms.qianchuan import Qianchuan
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.errors import PermanentError
from runtime.settings import Settings, load_settings
from sandbox.shop import Line


@pytest.fixture
def settings(sandbox: Any) -> Settings:
    """Credentials of the sandbox's make-believe platforms."""
    sandbox.world.limits_on = False
    return load_settings(
        feishu_app_id="a", feishu_app_secret="b", feishu_encrypt_key="c",
        ads_base_url=sandbox.url, ads_access_token="sandbox-ads-token", ads_advertiser_id="1712345678901234",
        shop_base_url=sandbox.url, shop_app_key="sandbox-shop-key", shop_app_secret="sandbox-shop-secret",
        shop_access_token="sandbox-shop-token", erp_base_url=sandbox.url, erp_app_key="sandbox-erp-key",
        erp_app_secret="sandbox-erp-secret", erp_access_token="sandbox-erp-token",
    )  # fmt: skip


@pytest.fixture
def gateways(settings: Settings, database: Database) -> Gateways:
    """The three of the environment."""
    return environment(settings, SystemClock(), database)


@pytest.fixture
def ads(gateways: Gateways) -> Qianchuan:
    """The advertising account."""
    found = gateways.ads["ads"]
    assert isinstance(found, Qianchuan)
    return found


@pytest.fixture
def erp(gateways: Gateways) -> Jushuitan:
    """The ERP."""
    found = gateways.purchases
    assert isinstance(found, Jushuitan)
    return found


def fault(sandbox: Any, path: str, **order: Any) -> None:
    """Order a fault of the sandbox."""
    requests.post(f"{sandbox.url}/_sandbox/faults", json={"match": {"path": path}, **order}, timeout=10)


def now_sold(gateways: Gateways) -> dict[str, ShopSales]:
    """Today's sales by shop."""
    today, _ = gateways.all_sales(SystemClock().now()).rows["shop"]
    return {sales.shop_id: sales for sales in today}


def test_budget_really_changes(sandbox: Any, ads: Qianchuan) -> None:
    """A new budget stands on the platform and in the next reading; figures are the platform's own."""
    plan = ads.plans()[0]
    live = sandbox.world.ads.plans[int(plan.plan_id)]
    figures = live.day(sandbox.world.ads.today())
    assert (plan.name, plan.shop, plan.spend, plan.gmv) == (live.name, live.shop, figures.spend, figures.gmv)
    wanted = plan.budget + 5000
    ads.set_budget(plan.plan_id, wanted)
    assert live.budget == wanted
    again = ads.plan(plan.plan_id)
    assert again is not None
    assert again.budget == wanted


def test_budget_rules_are_told(sandbox: Any, ads: Qianchuan) -> None:
    """A step under 100 元 is refused with the platform's sentence and changes nothing."""
    plan = ads.plans()[0]
    with pytest.raises(PermanentError, match="100元"):
        ads.set_budget(plan.plan_id, plan.budget + 50)
    assert sandbox.world.ads.plans[int(plan.plan_id)].budget == plan.budget


def test_budget_with_lost_answer_counts_one_change(sandbox: Any, ads: Qianchuan) -> None:
    """The work was done and the answer cut: the look-up settles it with one change of the day's twenty."""
    plan = ads.plans()[0]
    fault(sandbox, "*/ad/budget/update/", kind="drop_after", times=1)
    ads.set_budget(plan.plan_id, plan.budget + 5000)
    live = sandbox.world.ads.plans[int(plan.plan_id)]
    assert (live.budget, live.changes[sandbox.world.ads.today()]) == (plan.budget + 5000, 1)


def test_pausing_a_plan(sandbox: Any, ads: Qianchuan) -> None:
    """Pause and resume are seen in the next reading."""
    plan = ads.plans()[0]
    live = plan.state is PlanState.LIVE
    ads.set_enabled(plan.plan_id, enabled=not live)
    again = ads.plan(plan.plan_id)
    assert again is not None
    assert (again.state is PlanState.LIVE) is not live


def test_sales_of_today(sandbox: Any, gateways: Gateways) -> None:
    """Two more paid orders are two more orders and exactly their sum in 元; an unpaid one is none."""
    shop = sandbox.world.shop
    shop_id, name = next(iter(shop.shops.items()))
    before = now_sold(gateways).get(str(shop_id))
    at = sandbox.world.clock.time() - 60
    for pay, status in ((9990, 105), (12345, 105), (500, 1)):
        shop.place(shop_id, [Line("S1", "商品", 1, pay)], at=at, status=status)
    after = now_sold(gateways)[str(shop_id)]
    assert after.name == name
    assert after.orders - (before.orders if before else 0) == 2
    assert after.amount - (before.amount if before else 0) == Decimal("223.35")


def test_all_stock_and_what_changed(sandbox: Any, erp: Jushuitan) -> None:
    """Every SKU is read once; a change shows in the next reading since the last version."""
    stock = erp.stock()
    assert {row.sku_id for row in stock} == set(sandbox.world.erp.skus)
    latest, one = max(row.version for row in stock), stock[0]
    requests.post(
        f"{sandbox.url}/_sandbox/world/erp/skus/{one.sku_id}", json={"qty": 1, "locked": 0}, timeout=10
    )
    (changed,) = erp.stock(since=latest)
    assert (changed.sku_id, changed.sellable) == (one.sku_id, 1)


def test_one_article_is_asked_as_it_stands_now(sandbox: Any, erp: Jushuitan) -> None:
    """The row of that id and no other; none for an id the ERP does not have."""
    sku = list(sandbox.world.erp.skus.values())[1]
    sku.coming += 77
    row = erp.sku(sku.sku_id)
    assert row is not None
    assert (row.sku_id, row.qty, row.on_the_way) == (sku.sku_id, sku.qty, sku.coming)
    assert erp.sku("GHOST") is None


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "html"])
def test_purchase_exists_exactly_once(sandbox: Any, erp: Jushuitan, kind: str) -> None:
    """Whatever happens to the answer, and however often it is asked, there is one purchase order."""
    sku = next(iter(sandbox.world.erp.skus.values()))
    fault(sandbox, "*/purchase/upload", kind=kind, times=1)
    number = f"A-{datetime.now(UTC):%H%M%S}"
    made = erp.purchase(number, [PurchaseItem(sku.sku_id, 5)])
    again = erp.purchase(number, [PurchaseItem(sku.sku_id, 5)])
    assert made == again
    assert [p.external_id for p in sandbox.world.erp.purchases.values()] == [number]
    assert erp.find_purchase("other") is None


def test_unknown_sku_is_refused(sandbox: Any, erp: Jushuitan) -> None:
    """A SKU the ERP does not know is named before anything is ordered."""
    with pytest.raises(PermanentError, match="GHOST"):
        erp.purchase("A-9", [PurchaseItem("GHOST", 5)])
