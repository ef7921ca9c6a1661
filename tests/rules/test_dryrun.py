"""What a rule would have done in the last month: replayed from what was kept, and honest about how coarse."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from bitable_sync.cells import CellValue
from rules import store, tables
from rules.cockpit.days import forget, keep
from rules.cockpit.tables import hours
from rules.dryrun import DryRuns, load_run, said_of
from rules.model import Doubt, Finding, Rule, Verdict
from rules.past import series
from rules.replay import Grain, Replay, Said, dry_lines, dry_sentence, from_json, replay
from rules.rulebook import load_entries, load_entry, next_mark, save_entry
from rules.specs import PLANS, SHOPS, STOCK
from runtime.clock import SHANGHAI, day_of
from runtime.db import Database
from runtime.ids import RuleId
from tests.rules.kit import CATALOG, ROI_RULE, START, STOCK_RULE, House, plan, rule, sku, worker
from tests.rules.stage import ROI_ROW, Scene, open_scene
from tests.support.company import shown
from tests.support.wait import until

D, MINUTE, HOUR, DAY = Decimal, timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BARE = replace(ROI_RULE, scope="", hold_for="", keep_for="")


def said(of: Rule, values: Sequence[tuple[timedelta, str]], grain: Grain) -> list[Said]:
    """What a rule said at some times after the start; "?" is a doubt."""
    found = []
    for after, value in values:
        verdict = Verdict.UNKNOWN if value == "?" else Verdict.BREACH if D(value) < 3 else Verdict.CLEAR
        number = None if value == "?" else D(value)
        doubt = Doubt.EMPTY if value == "?" else None
        finding = Finding("1001", None, verdict, number, D(3), D("3.3"), doubt)
        found.append(Said(START + after, finding, grain))
    return found


@pytest.mark.parametrize(
    ("hold", "values", "fired", "short"),
    [
        ("", [(0, "2"), (10, "4"), (60, "2"), (120, "4")], 2, 1),
        ("20分钟", [(0, "2"), (10, "4"), (60, "2"), (120, "4")], 1, 0),
        ("", [(0, "2"), (10, "?"), (20, "2"), (25, "4")], 1, 1),
        ("", [(0, "4"), (10, "5")], 0, 0),
    ],
)
def test_the_lifecycle_of_live_counts(
    hold: str, values: list[tuple[int, str]], fired: int, short: int
) -> None:
    """Both clocks count, and a gap neither ends an alert nor begins another."""
    of = rule(BARE, hold_for=hold)
    past = replay(of, [said(of, [(MINUTE * m, v) for m, v in values], Grain.CHANGE)], START + DAY)
    assert past is not None
    assert (past.fired, past.timed, past.short, past.objects) == (fired, fired, short, min(fired, 1))


def test_hours_without_figures_are_unknown_and_not_well() -> None:
    """Low, then six hours nobody looked, then low: one alert; what was in between nobody knows."""
    of = rule(BARE, hold_for="3小时")
    past = replay(
        of, [said(of, [(HOUR * 0, "2"), (HOUR * 6, "2"), (HOUR * 15 / 2, "4")], Grain.HOUR)], START + DAY
    )
    assert past is not None
    assert past.fired == 1, "two hours before the gap and one after it make three"
    kept = replay(of, [said(of, [(HOUR * 0, "2"), (HOUR * 6, "4")], Grain.HOUR)], START + DAY)
    assert kept is not None
    assert kept.fired == 0


def test_no_history_is_no_replay() -> None:
    """Nothing is made up."""
    assert replay(rule(BARE), [], START) is None
    assert dry_sentence(None) == ""
    assert "还没有这个指标的历史" in str(dry_lines(None)[0])


@pytest.mark.parametrize(
    ("begins", "timed", "sentence", "coarse"),
    [
        ({Grain.CHANGE: 0}, 12, "02-28 以来本会触发 12 次，其中 9 次不到 30 分钟", None),
        ({Grain.DAY: 0, Grain.HOUR: 5, Grain.CHANGE: 7}, 4,
         "02-28 以来本会触发 12 次；03-07 以来的 4 次里 9 次不到 30 分钟",
         "按现在的规则估算：03-05 前每天一个数，03-07 前每小时一个数，更短的起落看不到"),
        ({Grain.DAY: 0}, 0, "02-28 以来本会触发 12 次", "按现在的规则估算：每天一个数，更短的起落看不到"),
    ],
)  # fmt: skip
def test_it_says_how_coarse_it_is(
    begins: Mapping[Grain, int], timed: int, sentence: str, coarse: str | None
) -> None:
    """How many were short is said of those whose length is known, and nothing else."""
    first = datetime(2026, 2, 28, 9, tzinfo=SHANGHAI)
    moments = {grain: first + DAY * days for grain, days in begins.items()}
    past = Replay(first, 12, 5, timed, 9, moments)
    assert dry_sentence(past) == sentence
    assert from_json(past.to_json()) == past
    lines = dry_lines(past)
    assert "（5 个对象）" in str(lines[0])
    assert (lines[1].zh if len(lines) > 1 else None) == coarse


def test_what_could_not_be_judged_is_said() -> None:
    """Half of the figures were unreadable: the count is not the whole truth."""
    of = rule(BARE)
    past = replay(of, [said(of, [(HOUR * n, "?" if n % 2 else "2") for n in range(10)], Grain.HOUR)], START)
    assert past is not None
    assert "50% 的数无法判断，没有算" in dry_lines(past)[1].zh


# --- from the tables ---


def pulled(house: House, back: timedelta, table: str = PLANS, **cells: CellValue) -> None:
    """A pull at some time before now."""
    at = house.clock.now() - back
    values: Mapping[str, CellValue] = plan(**cells)
    if table == SHOPS:
        values = {"shop_id": "s1", "name": "旗舰店", "platform": "抖音", "orders": D(9), **cells}
    with house.db.begin() as conn:
        keep(conn, table, [dict(values)], day_of(at), at)


def run(house: House, of: Rule) -> Replay | None:
    """A replay from what stands in the tables."""
    now = house.clock.now()
    ground = house.checker.ground(of.table, [of], ())
    with house.db.read() as conn:
        return replay(of, series(conn, house.sources, of, ground, now), now)


def forget_hours(house: House) -> None:
    """As after nine days."""
    with house.db.begin() as conn:
        conn.execute(hours.delete())


@pytest.mark.db
def test_a_month_of_days_is_judged_with_floor_and_scope(house: House) -> None:
    """Three spells of low days make three alerts; days under the floor, elsewhere or long ago none."""
    low = {2, 3, 9, 20, 40}
    for back in range(45):
        pulled(house, DAY * back, gmv=D(2000 if back in low else 5000))
    pulled(house, DAY * 5, plan_id="1002", gmv=D(20), spend=D(10))
    pulled(house, DAY * 5, plan_id="1003", platform="淘宝", gmv=D(2000))
    forget_hours(house)
    past = run(house, rule(replace(BARE, scope="平台=抖音"), floor="500"))
    assert past is not None
    assert (past.fired, past.objects, past.timed, list(past.begins)) == (3, 1, 0, [Grain.DAY])
    assert day_of(past.since) == day_of(house.clock.now() - 30 * DAY)


@pytest.mark.db
def test_hours_see_what_a_day_hides(house: House) -> None:
    """Low from noon to three and well again by night: its hours show one alert, its last figure none."""
    house.advance(13 * HOUR)  # 23:00 in Shanghai
    for hour in range(24):
        back = DAY + HOUR * (23 - hour)
        pulled(house, back, gmv=D(100) if 12 <= hour <= 15 else D(5000))
    of = rule(replace(BARE, hold_for="2小时"))
    past = run(house, of)
    assert past is not None
    assert (past.fired, list(past.begins)) == (1, [Grain.HOUR])
    forget_hours(house)
    coarse = run(house, of)
    assert coarse is not None
    assert (coarse.fired, list(coarse.begins)) == (0, [Grain.DAY])


@pytest.mark.db
def test_days_hours_and_changes_are_one_history(house: House) -> None:
    """Coarse where nothing finer was kept: the same alert goes on from one grain into the next."""
    for back in (12, 11, 10, 3, 2, 1):
        pulled(house, DAY * back, gmv=D(2000 if back > 9 else 5000))
    with house.db.begin() as conn:
        forget(conn, house.clock.now())
        for minutes, value in ((90, "2"), (80, "4"), (60, "2")):
            at = house.clock.now() - MINUTE * minutes
            store.keep_points(conn, PLANS, "roi", {"1001": D(value)}, at)
    house.put(PLANS, {"rec_1001": plan()})
    past = run(house, rule(BARE))
    assert past is not None
    assert list(past.begins) == [Grain.DAY, Grain.HOUR, Grain.CHANGE]
    assert (past.fired, past.timed, past.short) == (3, 2, 1)
    floored = run(house, rule(BARE, floor="100"))
    assert floored is not None
    assert Grain.CHANGE not in floored.begins, "a change of ROI does not say what was spent"


@pytest.mark.db
def test_comparisons_with_former_days_use_the_days_of_then(house: House) -> None:
    """成交跌幅 by whole days: half of the day before is a fall of 50 %."""
    for back, gmv in ((6, 1000), (5, 1000), (4, 500), (3, 500)):
        pulled(house, DAY * back, SHOPS, gmv=D(gmv), gmv_base=D(1000))
    text = replace(
        ROI_RULE, table="店铺日报", metric="成交金额同比上周", threshold="-30%", scope="", actions=()
    )
    for back, gmv in ((13, 1000), (12, 1000), (11, 1000), (10, 1000)):
        pulled(house, DAY * back, SHOPS, gmv=D(gmv), gmv_base=D(1000))
    forget_hours(house)
    past = run(house, rule(text))
    assert past is not None
    assert past.fired == 1
    drop = replace(text, metric="成交跌幅", comparison="高于", threshold="30%")
    fell = run(house, rule(drop))
    assert fell is not None
    assert fell.fired == 1


@pytest.mark.db
def test_of_stock_only_the_changes_are_known(house: House) -> None:
    """There is no daily figure of a SKU; two days are said to be two days."""
    house.put(STOCK, {"rec_SKU-1": sku()})
    with house.db.begin() as conn:
        for hours, value in ((40, "50"), (39, "300"), (5, "60")):
            store.keep_points(conn, STOCK, "available", {"SKU-1": D(value)}, house.clock.now() - HOUR * hours)
    past = run(house, rule(STOCK_RULE, "rec_stock"))
    assert past is not None
    assert (past.fired, past.timed, past.short, list(past.begins)) == (2, 2, 0, [Grain.CHANGE])


# --- the work ---


@pytest.mark.db
def test_a_dry_run_is_put_once_a_version_and_day(house: House) -> None:
    """A restart or another check puts none; an edit and the next day do."""
    house.write_rule()
    for _ in range(3):
        house.reviewer.tick()
    assert house.works("dryrun:") == ["dryrun:rec_roi:1:2026-03-02"]
    for back in (3, 2, 1):
        pulled(house, DAY * back, gmv=D(2000))
    DryRuns(worker(house)).run(cast("Any", None), {"rule_id": "rec_roi"})
    house.write_rule(replace(ROI_RULE, threshold="1:2"))
    house.advance(DAY)
    house.reviewer.tick()
    assert house.works("dryrun:") == [
        "dryrun:rec_roi:1:2026-03-02", "dryrun:rec_roi:2:2026-03-02", "dryrun:rec_roi:2:2026-03-03",
    ]  # fmt: skip


@pytest.mark.db
def test_what_a_former_version_would_have_done_is_not_said_of_this_one(house: House) -> None:
    """The stored run is of its version; the row says nothing of history until the new one is there."""
    house.write_rule()
    for back in (3, 2, 1):
        pulled(house, DAY * back, gmv=D(2000))
    DryRuns(worker(house)).run(cast("Any", None), {"rule_id": "rec_roi"})
    for version, known in ((1, True), (2, False)):
        with house.db.read() as conn:
            entry = load_entry(conn, "rec_roi", CATALOG)
            assert entry is not None
            assert entry.version == version
            assert load_run(conn, entry)[1] is known
            assert ("本会触发" in said_of(conn, "rec_roi", house.say(), version)) is known
        house.write_rule(replace(ROI_RULE, threshold="1:2"))


@pytest.mark.db
def test_a_sentence_that_is_decided_meanwhile_stays(house: House) -> None:
    """A check decides the row's sentence while a dry run ends; it has nothing to say about that sentence."""
    house.write_rule()
    for back in (3, 2, 1):
        pulled(house, DAY * back, gmv=D(2000))
    run = partial(DryRuns(worker(house)).run, cast("Any", None), {"rule_id": "rec_roi"})
    ending = threading.Thread(target=run)
    with house.db.begin() as conn:
        next_mark(conn, RuleId("rec_roi"), "有效，当前会触发 7 个对象", START)
        ending.start()
        ending.join(1)  # it may end before this is committed; then it must wait
    ending.join(30)
    assert house.say() == "有效，当前会触发 7 个对象"
    assert len(house.rows(tables.rule_dryruns)) == 1


@pytest.mark.db
def test_a_row_read_before_its_sentence_was_decided_leaves_it(house: House) -> None:
    """Two checks take over the same edit: what the slower one read is no reason to forget the sentence."""
    house.write_rule()
    with house.db.read() as conn:
        read, good = load_entries(conn, CATALOG)[RuleId("rec_roi")]
    with house.db.begin() as conn:
        next_mark(conn, RuleId("rec_roi"), "有效，当前会触发 7 个对象", START)
        save_entry(conn, read, good, START, newer=False)
    assert house.say() == "有效，当前会触发 7 个对象"


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company with one worker."""
    built = open_scene(sandbox, database, tmp_path)
    yield built
    built.close()


@pytest.mark.db
def test_the_row_says_what_the_month_would_have_been(scene: Scene) -> None:
    """A rule that is not switched on: its row tells how many it would hit, and how often it would have."""
    scene.spend(800, 1600)
    scene.pull("plans")
    now = scene.floor.clock.now()
    with scene.floor.db.begin() as conn:
        for back in (3, 2, 1):
            at = now - DAY * back
            keep(conn, PLANS, [plan("77", gmv=D(2000 if back == 2 else 9000))], day_of(at), at)
    scene.add("rules", {**ROI_ROW, "启用": False})
    said_there = lambda: shown(scene.rows("rules")[0]["fields"].get("校验结果"))  # noqa: E731
    until(lambda: "以来本会触发 2 次" in said_there(), timeout=20, what="the replay stands in the row")
    assert said_there().startswith("有效，但未启用；启用后会触发 1 个对象；")
    assert scene.stored(tables.alerts) == []
