"""Spreadsheets people drop and databases people keep, as facts: exact, fresh, named when they are wrong."""

import os
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa

from bitable_sync.platforms.facts import DOUYIN, TAOBAO, PlanState
from bitable_sync.platforms.folder import DropFolder
from bitable_sync.platforms.kinds import ANYWHERE
from bitable_sync.platforms.ledger import Ledger
from bitable_sync.platforms.orders import OrderBook
from bitable_sync.platforms.sql import SqlSource
from runtime.clock import SHANGHAI, ManualClock
from runtime.db import Database
from runtime.errors import ConfigError, PermanentError, TransientError

NOON = datetime(2026, 3, 2, 12, tzinfo=SHANGHAI)
PLAN = ["计划ID", "计划名称", "平台", "店铺", "状态", "日预算", "消耗", "成交金额", "成交订单数", "日期"]
ORDER = ["订单编号", "店铺ID", "店铺", "支付金额", "付款时间", "更新时间", "订单状态"]


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    """A folder at noon of 2 March."""
    clock = ManualClock(NOON)
    return DropFolder(tmp_path, clock=clock, platform=TAOBAO, fresh=timedelta(hours=26))


def age(path: Path, back: timedelta = timedelta(minutes=5)) -> None:
    """Let a file have been changed some time before noon."""
    at = (NOON - back).timestamp()
    os.utime(path, (at, at))


def sheet(path: Path, *rows: list, back: timedelta = timedelta(minutes=5)) -> None:
    """A workbook with these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    age(path, back)


def text(path: Path, *rows: str, encoding: str = "utf-8-sig", back: timedelta = timedelta(minutes=5)) -> None:
    """A file with commas."""
    path.write_bytes("\r\n".join(rows).encode(encoding))
    age(path, back)


def test_plans_of_a_workbook(folder: DropFolder) -> None:
    """Money to the cent, ids as text, an empty budget is none; rows of another day are passed over."""
    sheet(
        folder.folder / "plans-0302.xlsx", PLAN,
        ["1790000000000001", "夏季", "抖音", "旗舰店", "投放中", "¥1,500.00", 100.1, "250.25", 3,
         date(2026, 3, 2)],
        ["1790000000000002", "冬季", None, None, "已暂停", None, 0, 0, None, None],
        ["1790000000000003", "昨天", None, None, None, None, 1, 1, 1, datetime(2026, 3, 1)],  # noqa: DTZ001
    )  # fmt: skip
    first, second = folder.plans()
    assert (first.plan_id, first.budget, first.spend, first.gmv, first.roi) == (
        "1790000000000001", Decimal("1500.00"), Decimal("100.10"), Decimal("250.25"), Decimal("2.5000"),
    )  # fmt: skip
    assert (first.platform, second.platform, second.budget, second.state) == (
        DOUYIN, TAOBAO, None, PlanState.PAUSED,
    )  # fmt: skip
    with pytest.raises(PermanentError, match="改不了预算"):
        folder.set_budget(first.plan_id, Decimal(500))


def test_an_id_that_lost_digits_is_refused(folder: DropFolder) -> None:
    """A spreadsheet keeps 15 digits: a 19-digit id as a number is another id."""
    row = [6920000000000000001.0, "夏季", None, None, None, None, 1, 1, 1, None]
    sheet(folder.folder / "plans.xlsx", PLAN, row)
    with pytest.raises(PermanentError, match=r"plans.xlsx 第 2 行.*存成文本"):
        folder.plans()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_stock_of_a_file_in_either_encoding(folder: DropFolder, encoding: str) -> None:
    """What is not told stays untold; a later file counts over an earlier one."""
    rows = ("SKU编码,商品名称,库存,锁定,在途,安全库存", "A1,连帽卫衣,40,10,,20", "B1,T恤,7,,3,")
    text(folder.folder / "stock-1.csv", *rows, encoding=encoding)
    text(folder.folder / "stock-2.csv", "SKU编码,库存", "A1,35", back=timedelta(minutes=1))
    found = {row.sku_id: row for row in folder.stock()}
    assert (found["A1"].qty, found["A1"].sellable, found["A1"].safety) == (35, 35, None)
    assert (found["B1"].qty, found["B1"].on_the_way, found["B1"].name) == (7, 3, "T恤")


def test_sales_delivery_and_box_of_a_file(folder: DropFolder, bi: str) -> None:
    """A file and a query carry what the ERP does not tell; an empty cell says nothing, zero is a figure."""
    text(folder.folder / "stock.csv", "SKU编码,库存,近7日销量,到货天数,箱规", "A1,40,70,9,24", "B1,7,0,,")
    query = "SELECT 'A1' AS SKU编码, 40 AS 库存, 70 AS 近7日销量, 9 AS 到货天数, 24 AS 箱规"
    for found in (folder.stock(), source(bi, stock=query).stock()):
        assert (found[0].sales_7d, found[0].lead_days, found[0].pack) == (70, 9, 24)
    last = folder.stock()[1]
    assert (last.sales_7d, last.lead_days, last.pack) == (0, None, None)


@pytest.mark.db
def test_orders_of_a_file_are_sales_of_a_day(folder: DropFolder, database: Database) -> None:
    """Paid in Shanghai's day, void ones left out, yesterday's file still counts."""
    text(
        folder.folder / "orders-0301.csv", ",".join(ORDER),
        "T0,s1,旗舰店,10.00,2026-03-01 11:00:00,,已发货", back=timedelta(hours=30),
    )  # fmt: skip
    text(
        folder.folder / "orders-0302.csv", ",".join(ORDER),
        "T1,s1,旗舰店,99.90,2026/03/02 00:00:00,,已发货",
        "T2,s1,旗舰店,50.00,2026-03-01 23:59:59,,已发货",
        "T3,s1,旗舰店,20.00,2026-03-02 09:00:00,2026-03-02 10:00:00,已取消",
        "T4,s1,旗舰店,20.00,,,待付款",
    )  # fmt: skip
    today, before = OrderBook(folder, ANYWHERE, Ledger(database, "files")).sales(NOON)
    assert [(each.orders, each.amount, each.platform) for each in today] == [(1, Decimal("99.90"), "淘宝")]
    assert [(each.orders, each.amount) for each in before] == [(1, Decimal("10.00"))]


@pytest.mark.db
def test_an_export_that_is_dropped_hours_later_counts(folder: DropFolder, database: Database) -> None:
    """Its orders changed long before the last reading; a file is no stream of changes."""
    head = ",".join(ORDER)
    text(folder.folder / "orders-1.csv", head, "T1,s1,旗舰店,10.00,2026-03-02 08:00:00,,已发货")
    book = OrderBook(folder, ANYWHERE, Ledger(database, "files"))
    assert [each.orders for each in book.sales(NOON)[0]] == [1]
    text(folder.folder / "orders-2.csv", head, "T2,s1,旗舰店,20.00,2026-03-02 07:00:00,,已发货")
    assert [each.orders for each in book.sales(NOON + timedelta(minutes=10))[0]] == [2]


def test_old_files_are_missing_data(folder: DropFolder) -> None:
    """Last week's export must not look like a day on which nothing changed."""
    text(folder.folder / "stock.csv", "SKU编码,库存", "A1,35", back=timedelta(hours=50))
    with pytest.raises(PermanentError, match="50 小时前"):
        folder.stock()
    text(folder.folder / "stock-new.csv", "SKU编码,库存", "B1,7")
    assert [row.sku_id for row in folder.stock()] == ["B1"]


def test_an_empty_folder_a_half_written_and_a_broken_file(folder: DropFolder) -> None:
    """Each in words; the half-written one is read later."""
    with pytest.raises(PermanentError, match=r"stock\*.xlsx"):
        folder.stock()
    text(folder.folder / "stock.csv", "SKU编码,库存", "A1,35", back=timedelta(seconds=1))
    with pytest.raises(TransientError, match="还在写入"):
        folder.stock()
    (folder.folder / "stock.csv").unlink()
    (folder.folder / "stock.xlsx").write_bytes(b"no workbook")
    age(folder.folder / "stock.xlsx")
    with pytest.raises(PermanentError, match="打不开"):
        folder.stock()


def test_a_bomb_in_the_folder_is_not_unpacked(folder: DropFolder) -> None:
    """Fifty megabytes of blanks in fifty kilobytes, and a sheet that says it has a million rows."""
    path = folder.folder / "stock.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 50 * 1024 * 1024)
    age(path)
    with pytest.raises(PermanentError, match="解开后过大"):
        folder.stock()
    sheet(path, ["SKU编码", "库存"], ["A1", 35])
    with zipfile.ZipFile(path) as archive:
        plain = {name: archive.read(name) for name in archive.namelist()}
    said = b'<dimension ref="A1:B2"'
    assert said in plain["xl/worksheets/sheet1.xml"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in plain.items():
            archive.writestr(name, content.replace(said, b'<dimension ref="A1:XFD1048576"'))
    age(path)
    assert [row.sku_id for row in folder.stock()] == ["A1"]


def test_only_files_of_the_folder_are_read(
    folder: DropFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A link to somewhere else, a pipe, a folder: none is opened, and what is really there is read."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    text(elsewhere, "SKU编码,库存", "SECRET,1")
    (folder.folder / "stock-link.csv").symlink_to(elsewhere)
    (folder.folder / "stock-folder.csv").mkdir()
    os.mkfifo(folder.folder / "stock-pipe.csv")
    with pytest.raises(PermanentError, match="里没有"):
        folder.stock()
    text(folder.folder / "stock.csv", "SKU编码,库存", "A1,35")
    assert [row.sku_id for row in folder.stock()] == ["A1"]


@pytest.mark.parametrize(
    ("row", "said"),
    [("A1,很多", "“库存”写的是“很多”"), (",7", "缺少“SKU编码”"), ("A1,7.5", "应为整数")],
)
def test_a_wrong_cell_is_named_with_its_place(folder: DropFolder, row: str, said: str) -> None:
    """File, row and column, and what is expected."""
    text(folder.folder / "stock.csv", "SKU编码,库存", "B1,7", row)
    with pytest.raises(PermanentError, match=rf"stock.csv 第 3 行.*{said}"):
        folder.stock()


# --- databases ---


@pytest.fixture
def bi(tmp_path: Path) -> str:
    """A BI database with a view of orders and one of plans."""
    url = f"sqlite:///{tmp_path / 'bi.db'}"
    with sa.create_engine(url).begin() as conn:
        conn.exec_driver_sql("CREATE TABLE o (id TEXT, pay NUMERIC, at TEXT, state TEXT)")
        rows = [("T1", "99.90", "2026-03-02 00:00:00", "ok"), ("T2", "50.00", "2026-03-01 23:59:59", "ok")]
        for row in rows:
            conn.exec_driver_sql("INSERT INTO o VALUES (?, ?, ?, ?)", row)
        conn.exec_driver_sql("CREATE TABLE p (id TEXT, d TEXT, cost NUMERIC, gmv NUMERIC)")
        conn.exec_driver_sql("INSERT INTO p VALUES ('1', '2026-03-02', 12.5, 40), ('1', '2026-03-01', 1, 1)")
    return url


ORDERS_SQL = (
    "SELECT id AS 订单编号, 's1' AS 店铺ID, '旗舰店' AS 店铺, pay AS 支付金额, at AS 付款时间 "
    "FROM o WHERE at >= :since"
)
PLANS_SQL = "SELECT id AS 计划ID, cost AS 消耗, gmv AS 成交金额 FROM p WHERE d = :day"


def source(url: str, **queries: str) -> SqlSource:
    """That database at noon."""
    return SqlSource(url, queries=queries, clock=ManualClock(NOON), platform=TAOBAO)


@pytest.mark.db
def test_queries_are_facts(bi: str, database: Database) -> None:
    """Columns by their Chinese names; the window and the day are given to the query."""
    found = source(bi, orders=ORDERS_SQL, plans=PLANS_SQL)
    today, before = OrderBook(found, ANYWHERE, Ledger(database, "bi")).sales(NOON)
    assert [(each.orders, each.amount) for each in today] == [(1, Decimal("99.90"))]
    assert [each.orders for each in before] == [0]
    (plan,) = found.plans()
    assert (plan.spend, plan.gmv, plan.platform, plan.day) == (
        Decimal("12.50"), Decimal("40.00"), "淘宝", date(2026, 3, 2),
    )  # fmt: skip


def test_former_days_are_had_only_where_the_query_asks_by_day(bi: str) -> None:
    """A query or a file that always speaks of today says so, instead of giving today's numbers for then."""
    then = date(2026, 2, 20)
    assert source(bi, plans=PLANS_SQL).plans(then) == []
    assert [each.day for each in source(bi, plans=PLANS_SQL).plans(NOON.date())] == [NOON.date()]
    always = source(bi, plans="SELECT id AS 计划ID, cost AS 消耗, gmv AS 成交金额 FROM p")
    assert len(always.plans()) == 2
    with pytest.raises(PermanentError, match=":day"):
        always.plans(then)
    early = NOON - timedelta(days=9)
    assert list(source(bi, orders=ORDERS_SQL).orders(early, NOON))
    with pytest.raises(PermanentError, match=":since"):
        source(bi, orders=ORDERS_SQL.replace("WHERE at >= :since", "")).orders(early, NOON)


@pytest.mark.parametrize(
    "text", ["DELETE FROM o", "SELECT 1; DELETE FROM o", "UPDATE o SET pay = 0", "PRAGMA writable_schema=1"]
)
def test_only_a_query_may_run(bi: str, text: str) -> None:
    """Anything else is refused before it is sent."""
    with pytest.raises(ConfigError, match="SELECT"):
        source(bi, orders=text)


def test_a_query_changes_nothing_even_if_it_could(bi: str) -> None:
    """A WITH that writes passes for a query; the session is read-only, so it fails and nothing is gone."""
    text = "WITH x AS (SELECT 1) DELETE FROM o RETURNING id AS SKU编码, 1 AS 库存"
    with pytest.raises(PermanentError, match="执行失败"):
        source(bi, stock=text).stock()
    assert len(source(bi, stock="SELECT id AS SKU编码, 1 AS 库存 FROM o").stock()) == 2


def test_what_is_wrong_with_a_database_is_told_without_its_address(bi: str) -> None:
    """A wrong column, no server, no driver, no query: sentences, and never the password."""
    with pytest.raises(PermanentError, match="列名") as error:
        source(bi, stock="SELECT nothing FROM o").stock()
    assert "bi.db" not in str(error.value)
    with pytest.raises(TransientError) as lost:
        source("postgresql://u:pass-word@127.0.0.1:9/x", stock="SELECT 1").stock()
    assert "pass-word" not in str(lost.value)
    with pytest.raises(ConfigError, match="pymysql"):
        source("mysql+pymysql://u:p@h/x", stock="SELECT 1")
    with pytest.raises(ConfigError, match="没有配置 stock"):
        source(bi, orders=ORDERS_SQL).stock()


def test_times_of_a_database_are_shanghais(bi: str) -> None:
    """A column with a time zone is converted, one without is Shanghai's."""
    found = source(bi, orders=ORDERS_SQL.replace("WHERE at >= :since", ""))
    assert {each.paid for each in found.orders(NOON, NOON)} == {
        datetime(2026, 3, 2, tzinfo=SHANGHAI), datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC),
    }  # fmt: skip


@pytest.mark.db
def test_postgres_sessions_are_read_only_too(database: Database) -> None:
    """On whichever database the tests run: a query that writes is refused by the database itself."""
    with database.begin() as conn:
        conn.execute(sa.text("CREATE TABLE bi_o (id TEXT)"))
        conn.execute(sa.text("INSERT INTO bi_o VALUES ('T1')"))
    writes = "WITH gone AS (DELETE FROM bi_o RETURNING id) SELECT id AS SKU编码, 1 AS 库存 FROM gone"
    with pytest.raises(PermanentError, match="执行失败"):
        source(database.url, stock=writes).stock()
    assert len(source(database.url, stock="SELECT id AS SKU编码, 1 AS 库存 FROM bi_o").stock()) == 1
