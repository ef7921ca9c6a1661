"""经营日汇总 and 经营时段: exact sums, gaps are no zeros, only what changed is written, nothing lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY
from rules.cockpit import days, totals
from rules.cockpit import tables as t
from rules.cockpit.days import PLAN, SHOP
from rules.cockpit.model import ShopDay, StockDay, Sums
from rules.cockpit.totals import Sample, day_rows, hour_rows
from rules.dashboards import IDLE, Dashboards, totals_work
from rules.specs import DAY_TOTALS, HOUR_TOTALS, PLANS, SHOPS, STOCK
from rules.store import note_pull
from runtime.clock import SHANGHAI, ManualClock, day_of, midnight
from runtime.db import Database
from runtime.manifest_model import MetricsManifest
from runtime.work import status_table
from sandbox.server import SandboxServer
from tests.rules.cockpit_kit import plan_row, shop_row
from tests.rules.stage import Scene, open_scene
from tests.support.company import shown

D = Decimal
TODAY = date(2026, 11, 28)
NOON = datetime(2026, 11, 28, 12, 10, tzinfo=SHANGHAI)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RUN: Any = SimpleNamespace(id="run", attempt=lambda _name, call, **_more: call())


# --- rows ---


def test_a_day_adds_up_and_leaves_gaps_where_nobody_looked() -> None:
    """ROI from spend and ad sales; a shop without plans has empty ad cells; stock stands by itself."""
    lines = [
        ShopDay(TODAY, "抖音", "旗舰店", Sums(D(500), D(400), 12, D(300), D(100))),
        ShopDay(TODAY, "京东", "旗舰店", Sums(D(0), D(0), 0)),
        ShopDay(TODAY, "", "", Sums(ad_gmv=D(1), spend=D(0))),
    ]
    stock = [StockDay(TODAY, "旗舰店", 40, 7, 2, 1)]
    moments = {("抖音", "旗舰店"): NOON, (totals.STORE, "旗舰店"): NOON - HOUR}
    douyin, jd, nobody, store = day_rows(TODAY, lines, stock, moments)
    assert (douyin["id"], douyin["gmv"], douyin["orders"], douyin["roi"]) == (
        "2026-11-28 抖音 旗舰店", D(500), D(12), D("3.00"),
    )  # fmt: skip
    assert (douyin["low"], douyin["synced_at"]) == (EMPTY, NOON)
    assert (jd["gmv"], jd["orders"], jd["spend"], jd["roi"]) == (D(0), D(0), EMPTY, EMPTY)
    assert (nobody["platform"], nobody["shop"], nobody["spend"], nobody["roi"]) == (
        EMPTY, totals.NO_SHOP, D(0), EMPTY,
    )  # fmt: skip
    assert (store["id"], store["low"], store["gmv"], store["synced_at"]) == (
        "2026-11-28 库存 旗舰店", D(7), EMPTY, NOON - HOUR,
    )  # fmt: skip


def sample(hour: int, gmv: int, *, kind: str = SHOP, key: str = "s1", spend: int = 0) -> Sample:
    """How far a shop or plan of 抖音 had come."""
    at = midnight(TODAY) + timedelta(hours=hour, minutes=50)
    return Sample(kind, "抖音", key, hour, D(gmv), D(spend), gmv // 10, at)


def test_what_an_hour_brought_is_known_only_after_the_hour_before() -> None:
    """Nobody looked at eleven: noon says how far the day came, and not what noon brought."""
    rows = hour_rows(TODAY, [sample(0, 10), sample(9, 100), sample(10, 150), sample(12, 400)])
    assert [(row["id"][11:16], row["gmv"], row["gmv_hour"]) for row in rows] == [  # type: ignore[index]
        ("00:00", D(10), D(10)), ("09:00", D(100), EMPTY), ("10:00", D(150), D(50)), ("12:00", D(400), EMPTY),
    ]  # fmt: skip
    assert [row["spend"] for row in rows] == [EMPTY] * 4
    assert rows[1]["at"] == midnight(TODAY) + 9 * HOUR


def test_an_object_not_seen_in_an_hour_stands_where_it_was() -> None:
    """A plan that is deleted at ten keeps what it spent in the day's sum; shops and plans have own gaps."""
    plans = [
        sample(9, 90, kind=PLAN, key="p1", spend=30), sample(9, 60, kind=PLAN, key="p2", spend=20),
        sample(10, 120, kind=PLAN, key="p1", spend=50), sample(10, 200),
    ]  # fmt: skip
    nine, ten = hour_rows(TODAY, plans)
    assert (nine["spend"], nine["ad_gmv"], nine["gmv"]) == (D(50), D(150), EMPTY)
    assert (ten["spend"], ten["ad_gmv"], ten["spend_hour"]) == (D(70), D(180), D(20))
    assert (ten["roi"], ten["gmv"], ten["gmv_hour"]) == (D("2.57"), D(200), EMPTY)


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=2, max_size=2), min_size=1, max_size=24))
def test_hours_that_were_all_seen_add_up_to_the_day(levels: list[list[int]]) -> None:
    """Whatever comes and is taken back: the hours' shares are the day's end."""
    seen = [
        sample(hour, level, key=str(key))
        for hour, pair in enumerate(levels)
        for key, level in enumerate(pair)
    ]
    rows = hour_rows(TODAY, seen)
    assert sum(row["gmv_hour"] for row in rows) == rows[-1]["gmv"] == sum(levels[-1])  # type: ignore[misc]


# --- facts ---


@pytest.fixture
def scene(sandbox: SandboxServer, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The worker with its platforms, the engine not running."""
    opened = open_scene(sandbox, database, tmp_path, launch=False)
    yield opened
    opened.feishu.close()
    opened.floor.mirror.close()


def dashboards(scene: Scene, at: datetime = NOON, **metrics: int) -> Dashboards:
    """The job at a time of day, with other limits."""
    limits = MetricsManifest(**metrics)
    return Dashboards(replace(scene.worker, clock=ManualClock(at), metrics=limits))


def keep(scene: Scene, table: str, *rows: Any, at: datetime = NOON) -> None:
    """A pull that brought these rows."""
    with scene.floor.db.begin() as conn:
        days.keep(conn, table, rows, day_of(at), at)


def late(scene: Scene, table: str, *rows: Any, day: date = TODAY - DAY, at: datetime = NOON) -> int:
    """Late facts about a day that is over."""
    with scene.floor.db.begin() as conn:
        return days.settle(conn, table, rows, day, at)


def at_noon(back: int) -> datetime:
    """Noon of a day before."""
    return NOON - back * DAY


def cells(scene: Scene, table: str = DAY_TOTALS) -> dict[str, dict[str, Any]]:
    """The rows of a table of totals in the base, by 编号."""
    return {shown(row["fields"]["编号"]): row["fields"] for row in scene.rows(table)}


def writes(scene: Scene) -> list[str]:
    """The writing calls the base received since the last look."""
    recorder = scene.sandbox.world.control.recorder
    paths = [call["path"].rsplit("/", 1)[-1] for call in recorder.calls(path="/records/batch_")]
    recorder.clear()
    return [path for path in paths if path != "batch_get"]


@pytest.mark.db
def test_the_same_pull_twice_and_a_late_worker_change_no_sum(scene: Scene) -> None:
    """Figures are levels and not steps; whoever asked earlier comes too late with older ones."""
    for _ in range(2):
        keep(scene, PLANS, plan_row("1", spend=D(20)), plan_row("2", spend=D(30)))
        keep(scene, SHOPS, shop_row(gmv=D(500)))
    keep(scene, PLANS, plan_row("1", spend=D(7)), at=NOON - 2 * timedelta(minutes=1))
    dashboards(scene).bring_up("a")
    row = cells(scene)["2026-11-28 抖音 旗舰店"]
    assert (row["广告消耗"], row["成交金额"]) == (50, 500)
    (hour,) = cells(scene, HOUR_TOTALS).values()
    assert (hour["当日累计消耗"], hour["当日累计成交"]) == (50, 500)


@pytest.mark.db
def test_workers_that_keep_at_once_leave_the_newest(scene: Scene) -> None:
    """Twenty pulls that ended in any order: what was asked last stands there."""
    pulls = [(D(100 + n), NOON + timedelta(seconds=n)) for n in range(20)]
    shuffled = pulls[::2] + pulls[::-1][::2]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda pull: keep(scene, PLANS, plan_row("1", spend=pull[0]), at=pull[1]), shuffled))
    (day,), (hour,) = scene.stored(t.days), scene.stored(t.hours)
    assert (day.spend, hour.spend) == (D(119), D(119))
    dashboards(scene).bring_up("a")
    assert [row["广告消耗"] for row in cells(scene).values()] == [119]


@pytest.mark.db
def test_late_facts_change_a_day_that_is_over_and_nothing_it_alone_knew(scene: Scene) -> None:
    """A refund of yesterday: the sum is right, the comparison and the budget of that time stay."""
    then = NOON - DAY
    keep(scene, SHOPS, shop_row(gmv=D(500), gmv_base=D(450)), at=then)
    keep(scene, PLANS, plan_row("1", spend=D(100), budget=D(900)), at=then)
    board = dashboards(scene)
    board.bring_up("a")
    assert late(scene, SHOPS, shop_row(gmv=D(480), gmv_base=D(0))) == 1
    assert late(scene, PLANS, plan_row("1", spend=D(100), gmv=D(400), budget=D(5), status="已暂停")) == 1
    assert late(scene, SHOPS, shop_row(gmv=D(480))) == 0
    board.bring_up("b")
    row = cells(scene)["2026-11-27 抖音 旗舰店"]
    assert (row["成交金额"], row["广告成交"], row["ROI"]) == (480, 400, 4)
    shop, plan = sorted(scene.stored(t.days), key=lambda each: each.kind, reverse=True)
    assert (shop.base, plan.budget, plan.status) == (D(450), D(900), "投放中")


@pytest.mark.db
def test_an_order_refunded_a_day_later_reaches_the_day_by_the_usual_pull(scene: Scene) -> None:
    """Orders of yesterday are read on as they change; the pull of today settles yesterday with them."""
    shop = scene.sandbox.world.shop
    first = next(iter(shop.orders.values()))
    yesterday = shop.midnight() - 3600
    _kept, gone = (shop.place(first.shop_id, first.lines, at=yesterday + n) for n in range(2))
    scene.pull_now(SHOPS)
    day = day_of(scene.floor.clock.now()) - DAY
    before = {row.object_id: row for row in scene.stored(t.days) if row.day == day}[str(first.shop_id)]
    gone.status, gone.updated = 4, int(scene.sandbox.world.clock.time())
    scene.pull_now(SHOPS)
    after = {row.object_id: row for row in scene.stored(t.days) if row.day == day}[str(first.shop_id)]
    assert (before.orders - after.orders, before.gmv - after.gmv) == (1, D(gone.pay) / 100)


# --- writing ---


@pytest.mark.db
def test_three_pulls_are_rows_and_a_second_look_writes_nothing(scene: Scene) -> None:
    """What platforms said stands in both tables with its time; then only the cell that moved is sent."""
    scene.spend(120, 480)
    for table in (PLANS, SHOPS, STOCK):
        scene.pull_now(table)
    board = Dashboards(scene.worker)
    board.write(RUN, {})
    today = day_of(scene.floor.clock.now())
    rows = cells(scene)
    assert sum(row.get("广告消耗", 0) for row in rows.values()) == sum(
        float(row.spend) for row in scene.stored(t.days) if row.kind == PLAN and row.day == today
    )
    assert sum(row.get("库存告急数", 0) for key, row in rows.items() if str(today) in key) == sum(
        row.low for row in scene.stored(t.stock_days)
    )
    assert all(row.get("数据时间") for key, row in rows.items() if str(today) in key)
    assert cells(scene, HOUR_TOTALS)
    writes(scene)
    board.write(RUN, {})
    assert writes(scene) == []
    scene.spend(150, 480)
    scene.pull_now(PLANS)
    scene.sandbox.world.control.recorder.clear()
    board.write(RUN, {})
    sent = [call["body"]["records"] for call in scene.calls("/records/batch_update")]
    assert [len(records) for records in sent] == [1, 1]
    assert set(sent[0][0]["fields"]) == {"广告消耗", "ROI", "数据时间"}
    assert set(sent[1][0]["fields"]) == {"当日累计消耗", "当日 ROI", "本时段消耗", "数据时间"} - (
        set() if scene.floor.clock.now().astimezone(SHANGHAI).hour == 0 else {"本时段消耗"}
    )


@pytest.mark.db
def test_what_a_person_wrote_is_put_back_when_the_row_is_due(scene: Scene) -> None:
    """As in the other tables Chorus fills."""
    keep(scene, SHOPS, shop_row(gmv=D(500)))
    dashboards(scene).bring_up("a")
    (row,) = scene.rows(DAY_TOTALS)
    scene.edit(DAY_TOTALS, row["record_id"], 成交金额=1)
    dashboards(scene).bring_up("b")
    assert scene.rows(DAY_TOTALS)[0]["fields"]["成交金额"] == 1
    keep(scene, SHOPS, shop_row(gmv=D(500), orders=D(401)), at=NOON + HOUR)
    dashboards(scene).bring_up("c")
    assert scene.rows(DAY_TOTALS)[0]["fields"]["成交金额"] == 500


@pytest.mark.db
def test_a_new_time_alone_is_written_once_an_hour(scene: Scene) -> None:
    """A quiet night costs a call an hour and still shows that somebody looked."""
    keep(scene, SHOPS, shop_row(gmv=D(500)))
    dashboards(scene).bring_up("a")
    writes(scene)
    for minutes, expected in ((30, []), (61, ["batch_create", "batch_update"])):
        at = NOON + timedelta(minutes=minutes)
        with scene.floor.db.begin() as conn:
            note_pull(conn, SHOPS, at)
            days.now_due(conn, TODAY)
        keep(scene, SHOPS, shop_row(gmv=D(500)), at=at)
        dashboards(scene, at).bring_up(f"b{minutes}")
        assert sorted(writes(scene)) == expected
    assert IDLE == HOUR


@pytest.mark.db
def test_old_rows_go_and_what_people_made_stays(scene: Scene) -> None:
    """With the first row of a new hour or day, rows before the manifest's limits are deleted; once."""
    for back in (9, 8, 1):
        keep(scene, SHOPS, shop_row(gmv=D(500 + back)), at=at_noon(back))
    early = dashboards(scene, NOON - DAY, days=400, hour_days=9)
    early.bring_up("a")
    assert len(scene.rows(DAY_TOTALS)) == len(scene.rows(HOUR_TOTALS)) == 3
    (note,) = scene.add(HOUR_TOTALS, {"编号": "备注", "时段": int(at_noon(9).timestamp() * 1000)})
    keep(scene, SHOPS, shop_row(gmv=D(900)))
    dashboards(scene, days=9, hour_days=2).bring_up("b")
    assert sorted(key[:10] for key in cells(scene)) == ["2026-11-20", "2026-11-27", "2026-11-28"]
    assert sorted(key[:10] for key in cells(scene, HOUR_TOTALS)) == ["2026-11-27", "2026-11-28", "备注"]
    assert note in {row["record_id"] for row in scene.rows(HOUR_TOTALS)}


@pytest.mark.db
def test_a_deletion_whose_answer_was_lost_is_finished_by_the_next(scene: Scene) -> None:
    """Rows that are gone already are no error."""
    for back in (9, 8, 1):
        keep(scene, SHOPS, shop_row(gmv=D(500)), at=at_noon(back))
    dashboards(scene, NOON - DAY, hour_days=9).bring_up("a")
    scene.fault("drop_after", "*/records/batch_delete", times=1)
    keep(scene, SHOPS, shop_row(gmv=D(900)))
    dashboards(scene, hour_days=2).bring_up("b")
    assert sorted(key[:10] for key in cells(scene, HOUR_TOTALS)) == ["2026-11-27", "2026-11-28"]


@pytest.mark.db
def test_a_base_that_does_not_answer_loses_no_day(scene: Scene) -> None:
    """The days stay due, nothing is raised past the job, and the next one writes them."""
    keep(scene, SHOPS, shop_row(gmv=D(500)))
    board = dashboards(scene)
    scene.fault("code", "*/records/batch_create", times=20, code=1254302, msg="no permission")
    board.write(RUN, {})
    assert scene.rows(DAY_TOTALS) == []
    scene.sandbox.world.control.faults.clear()
    board.write(RUN, {})
    assert [row["成交金额"] for row in cells(scene).values()] == [500]


@pytest.mark.db
def test_figures_that_change_while_they_are_written_are_written_again(scene: Scene) -> None:
    """A pull of another worker between reading and noting: its turn is higher than the one noted."""
    keep(scene, SHOPS, shop_row(gmv=D(500)))
    board = dashboards(scene)
    push = board.deps.sync.pusher.upsert

    class Pusher:
        """A base that is slow: meanwhile a pull comes."""

        def upsert(self, table: str, rows: Any, *, cause: str) -> Any:
            """Write, after the other worker's pull."""
            if table == DAY_TOTALS:
                keep(scene, SHOPS, shop_row(gmv=D(700)), at=NOON + timedelta(minutes=1))
            return push(table, rows, cause=cause)

        remove = board.deps.sync.pusher.remove

    slow = Dashboards(replace(board.deps, sync=replace(board.deps.sync, pusher=Pusher())))
    slow.bring_up("a")
    assert cells(scene)["2026-11-28 抖音 旗舰店"]["成交金额"] == 500
    board.bring_up("b")
    assert cells(scene)["2026-11-28 抖音 旗舰店"]["成交金额"] == 700


@pytest.mark.db
def test_a_pull_puts_one_work_a_beat(scene: Scene) -> None:
    """However many pulls: the tables are written at most once in ten minutes, after the last of them."""
    scene.pull_now(SHOPS)
    scene.pull_now(PLANS)
    status = status_table(scene.floor.db)
    with scene.floor.db.read() as conn:
        states = sa.select(status.c.status).where(status.c.workflow_uuid.startswith("totals:"))
        assert set(conn.execute(states).scalars()) == {"DELAYED"}
    one, two = totals_work(NOON), totals_work(NOON + timedelta(minutes=9))
    assert (one.id, one.delay) == (two.id, timedelta(minutes=10))
    assert totals_work(NOON + timedelta(minutes=11)).id != one.id
