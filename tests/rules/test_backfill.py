"""Former days asked for again: right sums, resumable after a kill, as slow as platforms want."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

import app
from bitable_sync.platforms.facts import AdPlan, Order, PlanState
from bitable_sync.platforms.folder import DropFolder
from bitable_sync.platforms.gateways import Gateways
from bitable_sync.platforms.ledger import Ledger
from bitable_sync.platforms.orders import OrderBook, Reading
from rules.backfill import TRIES, Backfill, Report, Span
from rules.cockpit import days
from rules.cockpit import tables as t
from rules.specs import PLANS, SHOPS
from runtime.clock import SHANGHAI, ManualClock, day_of, midnight
from runtime.db import Database
from runtime.errors import PermanentError, TransientError
from runtime.tables import audit
from runtime.work import WorkQueue, status_table
from sandbox.ads import ADVERTISER_ID
from tests.rules.cockpit_kit import plan_row, shop_row

pytestmark = pytest.mark.db
D = Decimal
NOW = datetime(2026, 11, 28, 10, 0, tzinfo=SHANGHAI)
FIRST, LAST = date(2026, 11, 24), date(2026, 11, 27)
SPAN = Span(FIRST, LAST)
DAY = timedelta(days=1)


class Killed(BaseException):
    """The process dies here."""


@dataclass
class FakeAds:
    """An account that spent the day of the month, and counts how often it is asked."""

    platform: str = "抖音"
    asked: list[date | None] = field(default_factory=list)
    faults: list[BaseException | None] = field(default_factory=list)

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """One plan."""
        self.asked.append(day)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        assert day is not None
        return [
            AdPlan("1", "夏季", "抖音", "旗舰店", PlanState.LIVE, D(9), D(day.day), D(day.day * 3), 2, day),
            AdPlan("idle", "睡着", "抖音", "旗舰店", PlanState.PAUSED, None, D(0), D(0), 0, day),
        ]

    plan = set_budget = set_enabled = None  # type: ignore[assignment]


@dataclass
class FakeShop:
    """A shop whose orders are found by when they changed."""

    orders_of: list[Order]
    platform: str = "抖音"
    counts: str = ""
    shops: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    faults: list[BaseException | None] = field(default_factory=list)

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Those changed in the window, both ends included."""
        self.asked.append((begin, end))
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        return [each for each in self.orders_of if begin <= each.modified <= end]


def order(number: int, paid: datetime | None, amount: str, **more: Any) -> Order:
    """An order of the shop."""
    changed = more.pop("modified", paid)
    assert changed is not None
    values = {"shop_id": "s-旗舰店", "shop": "旗舰店", "void": False, **more}
    return Order(order_id=f"o{number}", amount=D(amount), paid=paid, modified=changed, **values)


def at(day: int, hour: int = 12) -> datetime:
    """A moment of November in Shanghai."""
    return datetime(2026, 11, day, hour, tzinfo=SHANGHAI)


@dataclass
class Desk:
    """One installation and its platforms."""

    db: Database
    ads: FakeAds = field(default_factory=FakeAds)
    shop: FakeShop = field(default_factory=lambda: FakeShop([]))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    waits: list[float] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def run(self, *names: str, span: Span = SPAN, **more: Any) -> list[Report]:
        """One run of the command."""
        book = OrderBook(self.shop, Reading(DAY, timedelta(minutes=10)), Ledger(self.db, "shop"))
        found = {"ads": {"ads": self.ads}, "shops": {"shop": book}, "stock": {"erp": None}, **more}
        gateways = Gateways(**found)  # type: ignore[arg-type]
        job = Backfill(self.db, WorkQueue(self.db), self.clock, gateways, self.waits.append)
        chosen = names or tuple(name for part in found.values() for name in part)
        self.seen = []
        reports = job.run(span, chosen, self.seen.append)
        assert len(self.seen) <= job.size(span, chosen)
        return reports

    def kept(self) -> dict[tuple[str, int], Any]:
        """(kind, day of the month) → the row of the plan or shop."""
        with self.db.read() as conn:
            return {(row.kind, row.day.day): row for row in conn.execute(sa.select(t.days))}

    def count(self, table: sa.Table) -> int:
        """How many rows a table has."""
        with self.db.read() as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


@pytest.fixture
def desk(database: Database) -> Desk:
    """An installation that has kept nothing yet."""
    return Desk(database)


def test_each_day_of_ads_is_asked_once_and_settled(desk: Desk) -> None:
    """Four days, a figure each; a plan that did nothing leaves no row; a second run changes nothing."""
    (report,) = desk.run("ads")
    assert report == Report("ads", 4)
    assert desk.ads.asked == list(SPAN.until(LAST))
    assert {key: row.spend for key, row in desk.kept().items()} == {
        ("plan", day): D(day) for day in (24, 25, 26, 27)
    }
    assert desk.run("ads") == [Report("ads", 0)]
    assert len(desk.ads.asked) == 8, "nothing was left of the first run's notes"
    status = status_table(desk.db)
    with desk.db.read() as conn:
        works = set(conn.execute(sa.select(status.c.workflow_uuid)).scalars())
    assert any(work.startswith("totals:") for work in works)
    with desk.db.read() as conn:
        assert {row.day for row in conn.execute(sa.select(t.due))} == set(SPAN.until(LAST))


def test_a_killed_run_goes_on_where_it_was(desk: Desk) -> None:
    """Killed in the third day: the next run asks the third and the fourth only."""
    desk.ads.faults = [None, None, Killed()]
    with pytest.raises(Killed):
        desk.run("ads")
    desk.ads.asked.clear()
    assert desk.run("ads") == [Report("ads", 2)]
    assert [day.day for day in desk.ads.asked if day] == [26, 27]
    assert len(desk.kept()) == 4
    assert desk.count(t.backfill_done) == 0


def test_another_span_has_notes_of_its_own(desk: Desk) -> None:
    """What was read for these days says nothing about a run that asks for more."""
    desk.ads.faults = [None, Killed()]
    with pytest.raises(Killed):
        desk.run("ads")
    desk.ads.asked.clear()
    desk.run("ads", span=Span(FIRST - DAY, LAST))
    assert [day.day for day in desk.ads.asked if day] == [23, 24, 25, 26, 27]


def test_orders_count_for_the_day_they_were_paid_in_their_newest_state(desk: Desk) -> None:
    """Shipped days later, refunded today, paid at midnight, never paid, of another span."""
    desk.shop.orders_of = [
        order(1, at(24), "100.00", modified=at(26)),
        order(2, at(24, 13), "50.50", modified=at(28, 9), void=True),
        order(3, midnight(date(2026, 11, 25)), "7.00"),
        order(4, None, "999.00", modified=at(25)),
        order(5, at(20), "999.00", modified=at(25)),
        order(6, at(28, 8), "999.00"),
    ]
    assert desk.run("shop")[0].trouble == ""
    found = {day: (row.gmv, row.orders) for (_, day), row in desk.kept().items()}
    assert found == {24: (D(100), 1), 25: (D(7), 1), 26: (D(0), 0), 27: (D(0), 0)}
    assert desk.run("shop") == [Report("shop", 0)]
    assert desk.count(t.backfill_orders) == 0, "orders stay no longer than they are needed"


def test_a_killed_run_of_orders_takes_the_newer_state_of_what_it_has(desk: Desk) -> None:
    """An order read before the kill is cancelled after it: it was read already, and is not counted."""
    desk.shop.orders_of = [order(1, at(24), "100"), order(2, at(24, 13), "50")]
    desk.shop.faults = [None, None, Killed()]
    with pytest.raises(Killed):
        desk.run("shop")
    read = list(desk.shop.asked)
    desk.shop.orders_of[1] = replace(desk.shop.orders_of[1], modified=at(28, 9), void=True)
    desk.shop.asked.clear()
    desk.run("shop")
    assert desk.shop.asked[0][0] == read[2][0], "the first two days are not asked again"
    assert (desk.kept()["shop", 24].gmv, desk.kept()["shop", 24].orders) == (D(100), 1)


def test_what_only_the_day_itself_knew_stays(desk: Desk) -> None:
    """The pull of that day kept budget, status and the comparison; late facts bring sums only."""
    with desk.db.begin() as conn:
        then = at(24, 20)
        days.keep(conn, PLANS, [plan_row("1", spend=D(1))], FIRST, then)
        days.keep(conn, SHOPS, [shop_row(gmv=D(90), gmv_base=D(80))], FIRST, then)
    desk.shop.orders_of = [order(1, at(24), "100")]
    desk.run("ads", "shop")
    plan, shop = desk.kept()["plan", 24], desk.kept()["shop", 24]
    assert (plan.spend, plan.budget, plan.status) == (D(24), D(2000), "投放中")
    assert (shop.gmv, shop.base) == (D(100), D(80))


def test_a_busy_platform_is_waited_for_as_long_as_it_asks(desk: Desk) -> None:
    """Its seconds, not ours; then it goes on. One that stays busy is left for the next run, others go on."""
    desk.ads.faults = [TransientError("千川繁忙", wait=7.0), None]
    assert desk.run("ads")[0].changed == 4
    assert len(desk.waits) == 1
    assert 7.0 <= desk.waits[0] < 8.0
    desk.ads.faults = [None] + [TransientError("千川繁忙")] * TRIES
    desk.ads.asked.clear()
    ads, shop = desk.run("ads", "shop")
    assert (ads.again, ads.trouble, shop.again) == (True, "千川繁忙", False)
    assert desk.count(t.backfill_done) > 0
    desk.ads.asked.clear()
    desk.run("ads", "shop")
    assert [day.day for day in desk.ads.asked if day] == [25, 26, 27]


def test_a_quota_used_up_in_the_middle_goes_on_tomorrow(desk: Desk) -> None:
    """The platform refuses for today; what was read is not asked again."""
    desk.ads.faults = [None, None, PermanentError("今天的调用额度已用完")]
    assert desk.run("ads") == [Report("ads", 2, "今天的调用额度已用完", again=True)]
    assert len(desk.kept()) == 2
    desk.ads.asked.clear()
    assert desk.run("ads") == [Report("ads", 2)]
    assert [day.day for day in desk.ads.asked if day] == [26, 27]


def test_who_cannot_tell_says_so_and_takes_nobody_along(desk: Desk, tmp_path: Path) -> None:
    """A folder, a stock, an account without the right: a sentence each; the others are done."""
    folder = DropFolder(tmp_path, clock=desk.clock, platform="京东", fresh=timedelta(hours=26))
    desk.ads.faults = [PermanentError("没有报表权限，请在千川开通")]
    book = OrderBook(folder, Reading(timedelta(days=7), timedelta(days=2)), Ledger(desk.db, "files-shop"))
    reports = desk.run(ads={"ads": desk.ads, "files": folder}, shops={"files-shop": book})
    assert {each.connection: each.trouble for each in reports} == {
        "ads": "没有报表权限，请在千川开通",
        "files": "文件夹里只有最近导出的文件，没有往日的数，补不了历史",
        "files-shop": "文件夹里只有最近导出的文件，没有往日的数，补不了历史",
        "erp": "只有现在的库存，没有往日的数",
    }
    assert not any(each.again for each in reports)
    assert desk.kept() == {}


# --- the command ---


@pytest.fixture
def company(sandbox: Any) -> Any:
    """千川 and 抖店 of the environment."""
    sandbox.world.limits_on = False
    return sandbox


def command(sandbox: Any, database: Database, folder: Path, *words: str) -> Result:
    """``chorus metrics backfill …`` on this database."""
    env = {
        "FEISHU_APP_ID": "cli_x", "FEISHU_APP_SECRET": "made-up", "FEISHU_ENCRYPT_KEY": "made-up",
        "FEISHU_BASE_URL": sandbox.url, "DATABASE_URL": database.url, "CHORUS_VAR_DIR": str(folder),
        "CHORUS_ADS_BASE_URL": sandbox.url, "CHORUS_ADS_ACCESS_TOKEN": "sandbox-ads-token",
        "CHORUS_ADS_ADVERTISER_ID": str(ADVERTISER_ID), "CHORUS_SHOP_BASE_URL": sandbox.url,
        "CHORUS_SHOP_APP_KEY": "sandbox-shop-key", "CHORUS_SHOP_APP_SECRET": "sandbox-shop-secret",
        "CHORUS_SHOP_ACCESS_TOKEN": "sandbox-shop-token",
    }  # fmt: skip
    return CliRunner().invoke(app.main, ["metrics", "backfill", *words], env=env)


def test_the_command_brings_yesterday_from_both_platforms(
    company: Any, database: Database, tmp_path: Path
) -> None:
    """What both say of yesterday stands in the days; who asked is in the audit, no secret anywhere."""
    world = company.world
    yesterday = day_of(datetime.now(SHANGHAI)) - DAY
    plan = next(iter(world.ads.plans.values()))
    figures = plan.day(str(yesterday))
    figures.spend, figures.gmv = D(70), D(210)
    shop = world.shop
    first = next(iter(shop.orders.values()))
    placed = shop.place(first.shop_id, first.lines, at=shop.midnight() - 3600)
    done = command(company, database, tmp_path, "--from", str(yesterday))
    assert done.exit_code == 0, done.output
    with database.read() as conn:
        rows = {(row.kind, row.object_id): row for row in conn.execute(sa.select(t.days))}
        noted = [row for row in conn.execute(sa.select(audit)) if row.action == "metrics.backfill"]
    found = rows["plan", str(plan.plan_id)]
    assert (found.day, found.spend, found.gmv) == (yesterday, D(70), D(210))
    assert rows["shop", str(first.shop_id)].gmv >= D(placed.pay) / 100
    assert {kind for kind, _ in rows} == {"plan", "shop"}
    assert len(noted) == 1
    assert noted[0].actor.startswith("cli:")
    assert "sandbox-" not in done.output + str(noted[0].detail)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2026-11-20", "--to", "2999-01-01"), "a day that is over"),
        (("--from", "2001-01-01"), "older days go"),
        (("--from", "soon"), "does not match the format"),
    ],
)
def test_a_span_that_cannot_be_is_refused_in_a_sentence(
    company: Any, database: Database, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Before any platform is asked."""
    done = command(company, database, tmp_path, *words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert company.world.control.recorder.calls(path="/open_api") == []


def test_an_unknown_connection_is_named_with_those_there_are(
    company: Any, database: Database, tmp_path: Path
) -> None:
    """Nothing is asked."""
    yesterday = str(day_of(datetime.now(SHANGHAI)) - DAY)
    done = command(company, database, tmp_path, "--from", yesterday, "--connection", "tmall")
    assert done.exit_code == 2
    assert "known: ads, shop" in " ".join(done.output.split())
