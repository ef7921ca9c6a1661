"""紧急补货 is held against how the SKU stands when it is done: bought once, or not at all and said why."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from bitable_sync.cells import EMPTY
from bitable_sync.platforms.facts import PurchaseItem, PurchaseOrder, StockRow
from bitable_sync.platforms.gateways import Gateways
from bitable_sync.platforms.refusals import Why, refusal
from rules import tables
from rules.acting import Acting
from rules.model import State, TaskState
from rules.specs import STOCK
from runtime.db import Database
from tests.rules.desk import Desk, Killed, work_off
from tests.rules.kit import CHEN, STOCK_RULE, House, sku, worker

pytestmark = pytest.mark.db

STOOD = StockRow("SKU-1", "st", "纯棉T恤", 40, 30, 20, 100, sales_7d=70)


class Erp:
    """An ERP with one article and its orders; ``dies`` names the call after which the worker is killed.

    ``refuses``: why, and how many purchases it refuses before it makes one.
    """

    def __init__(self) -> None:
        self.article: StockRow | None = STOOD
        self.orders: dict[str, int] = {}
        self.asked = 0
        self.dies = ""
        self.refuses: list[Why] = []

    def stock(self, since: int = 0) -> list[StockRow]:
        """Not asked for here."""
        del since
        return []

    def sku(self, sku_id: str) -> StockRow | None:
        """The article as it stands."""
        assert sku_id == "SKU-1"
        self.asked += 1
        return self.article

    def find_purchase(self, external_id: str) -> PurchaseOrder | None:
        """The order of that number."""
        return PurchaseOrder("PO-1", external_id) if external_id in self.orders else None

    def purchase(self, external_id: str, items: list[PurchaseItem]) -> PurchaseOrder:
        """Goods come on the way at once."""
        (item,) = items
        if self.refuses:
            raise refusal("聚水潭 140 时间戳超出有效范围", self.refuses.pop())
        self.orders[external_id] = item.qty
        if self.article is not None:
            self.article = replace(self.article, on_the_way=(self.article.on_the_way or 0) + item.qty)
        if self.dies == "purchase":
            self.dies = ""
            raise Killed
        return PurchaseOrder("PO-1", external_id)


class Stage:
    """A SKU of which 170 pieces were asked for; the task waits for the worker."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.house, self.desk, self.erp = House(database, folder), Desk(database), Erp()
        self.house.queue = self.desk
        self.house.checker.queue = self.house.actions.queue = self.desk
        self.house.write_rule(STOCK_RULE, "rec_stock")
        self.house.put(STOCK, {"rec_s": sku()})
        self.house.checker.scan()

    def ask(self) -> None:
        """The buyer submits."""
        alert = self.house.alert("rec_stock", "SKU-1")
        with self.house.db.begin() as conn:
            self.house.actions.submit(conn, self.house.tap(CHEN, "restock.submit", alert, amount="170"))

    def work(self, *, feeds: bool = True, begun: set[str] | None = None) -> bool:
        """The worker does what waits; ``feeds``: the ERP tells the stock too. False when it died."""
        erp = cast("Any", self.erp)
        gateways = Gateways(stock={"erp": erp} if feeds else {}, purchases=erp)
        acting = Acting(replace(worker(self.house), queue=self.desk, gateways=gateways))
        jobs = {"rules.act": acting.act}
        return work_off(self.desk, jobs, self.house.clock, begun if begun is not None else set())

    def task(self) -> Any:
        """The one task."""
        (found,) = self.house.rows(tables.alert_tasks)
        return found


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Iterator[Stage]:
    """The SKU, before anybody asked for anything."""
    built = Stage(database, tmp_path)
    yield built
    built.house.close()


def test_nothing_moved_is_one_order(stage: Stage) -> None:
    """How it stood is kept with the task, the ERP is asked once, and the order is made."""
    stage.ask()
    assert stage.task().detail == {
        "sellable": "30", "on_way": "20", "safety": "100", "sales_7d": "70", "lead_days": "5", "pack": "1",
    }  # fmt: skip
    stage.house.advance(timedelta(hours=20))
    assert stage.work()
    assert (stage.task().state, list(stage.erp.orders.values()), stage.erp.asked) == (
        TaskState.DONE,
        [170],
        1,
    )


@pytest.mark.parametrize(
    ("moves", "said"),
    [
        ({"on_the_way": 520}, "在途 20 → 520"),
        ({"qty": 240, "sellable": 230}, "可售 30 → 230"),
        ({"sales_7d": 7}, "近 7 日销量 70 → 7"),
        ({"safety": 10}, "安全库存 100 → 10"),
        ({"qty": 30, "sellable": 20, "sales_7d": 210}, ""),
        ({"sales_7d": None, "safety": None}, ""),
    ],
)
def test_what_the_erp_says_now_decides(stage: Stage, moves: dict[str, Any], said: str) -> None:
    """Less is needed: not bought, and the sentence says what moved. More is needed, or nothing new: bought.

    What the ERP does not tell is taken from the row.
    """
    stage.ask()
    stage.erp.article = replace(STOOD, **moves)
    assert stage.work()
    done = stage.task()
    if said:
        assert (done.state, said in done.result, stage.erp.orders) == (TaskState.FAILED, True, {})
        assert "没有采购" in done.result
    else:
        assert (done.state, len(stage.erp.orders)) == (TaskState.DONE, 1)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({}, ""),
        ({"qty": Decimal(35)}, ""),
        ({"on_way": Decimal(70)}, "在途 20 → 70"),
        ({"on_way": Decimal(10), "sales_7d": Decimal(7)}, "近 7 日销量 70 → 7"),
        ({"qty": EMPTY}, "读不到这个 SKU 的库存"),
        ({"safety": Decimal(20)}, "预警已经结束"),
    ],
)
def test_where_stock_comes_from_elsewhere_the_table_decides(
    stage: Stage, cells: dict[str, Any], said: str
) -> None:
    """The ERP that buys counts otherwise than the source of the table: it is not asked how much there is."""
    stage.ask()
    stage.house.put(STOCK, {"rec_s": sku(**cells)})
    stage.house.checker.scan()
    assert stage.work(feeds=False)
    done = stage.task()
    assert (said in done.result, stage.erp.asked) == (True, 0)
    assert (done.state, len(stage.erp.orders)) == ((TaskState.FAILED, 0) if said else (TaskState.DONE, 1))


def test_a_deleted_row_is_not_bought_for(stage: Stage) -> None:
    """Nobody knows how it stands; with an ERP that knows, it is asked and decides."""
    stage.ask()
    stage.house.drop_row(STOCK, "rec_s")
    assert stage.house.alert("rec_stock", "SKU-1").state is State.UNKNOWN
    assert stage.work(feeds=False)
    assert "读不到这个 SKU 的库存" in stage.task().result
    assert stage.erp.orders == {}


def test_our_own_order_is_no_move(stage: Stage) -> None:
    """The worker dies after the purchase; then the alert ends by what is on the way: still one, and done."""
    stage.ask()
    stage.erp.dies = "purchase"
    begun: set[str] = set()
    assert not stage.work(begun=begun)
    stage.house.put(STOCK, {"rec_s": sku(on_way=Decimal(190))})
    stage.house.checker.scan()
    assert stage.house.alert("rec_stock", "SKU-1").state is State.RESOLVED
    assert stage.work(begun=begun)
    done = stage.task()
    assert (done.state, done.result, len(stage.erp.orders)) == (TaskState.DONE, "采购单 PO-1", 1)


def test_a_purchase_nobody_could_measure_is_made(stage: Stage) -> None:
    """How it stood was not kept (unreadable then, or before an update): there is nothing to compare."""
    stage.ask()
    with stage.house.db.begin() as conn:
        conn.execute(tables.alert_tasks.update().values(detail=None))
    stage.erp.article = replace(STOOD, on_the_way=520)
    assert stage.work()
    assert (stage.task().state, len(stage.erp.orders)) == (TaskState.DONE, 1)


@pytest.mark.parametrize(
    ("refusals", "state", "said"),
    [
        ([Why.CLOCK] * 3, TaskState.DONE, "采购单 PO-1"),
        ([Why.CLOCK] * 99, TaskState.FAILED, "NTP"),
        ([Why.RULE], TaskState.FAILED, "140"),
    ],
)
def test_a_clock_that_is_soon_right_again_costs_no_purchase(
    stage: Stage, refusals: list[Why], state: TaskState, said: str
) -> None:
    """Refused for the machine's clock, it is asked for again; what the ERP refuses for good is not."""
    stage.ask()
    stage.erp.refuses = refusals
    assert stage.work()
    done = stage.task()
    assert (done.state, len(stage.erp.orders)) == (state, int(state is TaskState.DONE))
    assert said in done.result
    assert len(refusals) in (0, 99 - 8)
