"""What people can ask, what the platforms' rows become, and news that is old before it is told."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bitable_sync.cells import EMPTY
from bitable_sync.platforms.facts import DOUYIN, TAOBAO, AdPlan, Can, PlanState, ShopSales, StockRow
from bot.cards import check
from bot.model import ChatMessage
from rules import store, tables, told
from rules.commands import Commands
from rules.effects import Changed, commit
from rules.lifecycle import mute
from rules.model import Reason, State
from rules.sending import Sending
from rules.silence import surroundings, withheld
from rules.sources import changed_rows, lost_plans, named, plan_rows, shop_rows, stock_rows, unlisted_plans
from rules.specs import GONE
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.ids import ChatId, MessageId, OpenId, WorkId
from runtime.jobrun import JobRun, Slots
from runtime.work import status_table
from tests.rules.kit import CATALOG, CHEN, LI, START, WANG, House, plan, row, rule, texts
from tests.rules.stage import ROI_ROW, STOCK_ROW, Scene, open_scene
from tests.support.wait import until


def ask(house: House, who: Any) -> Any:
    """我的预警, asked by a person."""
    message = ChatMessage(MessageId("om_1"), ChatId("oc_1"), OpenId(who.open_id), "我的预警", False, START)
    with house.db.begin() as conn:
        return Commands(house.sources, house.policy).mine(conn, message)


@pytest.mark.db
def test_my_alerts_lists_what_concerns_the_asker(house: House) -> None:
    """The owner sees the plan, a stranger sees that there is nothing, one that somebody took is gone."""
    house.write_rule()
    house.write_plan()
    reply = ask(house, WANG)
    check(reply.card)
    assert "夏季新品1001" in texts(reply.card)
    assert ask(house, CHEN).card is None
    with house.db.begin() as conn:
        house.actions.ack(conn, house.tap(WANG, "alert.ack", house.alert()))
    house.write_plan(gmv=Decimal(9000))
    assert ask(house, WANG).card is None


@pytest.mark.db
def test_missing_data_is_told_after_ten_minutes_once(house: House) -> None:
    """A broken cell wakes the owner only when it stays broken."""
    house.write_rule()
    house.write_plan()
    house.spoil("plans", "rec_1001", "gmv", "两千")
    house.reviewer.tick()
    assert [notice.kind for notice in house.notices()] == ["fired"]
    for _ in range(3):
        house.advance(timedelta(minutes=6))
        house.reviewer.tick()
    assert sorted(notice.kind for notice in house.notices()) == ["fired", "unknown"]


@pytest.mark.db
def test_a_storm_is_one_message_and_old_news_is_none(
    sandbox: Any, database: Database, tmp_path: Path
) -> None:
    """Ten SKUs fall at once: one summary. A breach that is over before the worker starts is never told."""
    scene = open_scene(sandbox, database, tmp_path, launch=False)
    owner = scene.people[1]
    for sku in sandbox.world.erp.skus.values():
        sku.qty = 0
        sandbox.world.erp.touch(sku)
    scene.spend(800, 1600)
    for key in ("plans", "stock"):
        scene.pull_now(key)
    scene.own(owner)
    scene.add("rules", ROI_ROW)
    scene.spend(800, 3200)
    scene.pull_now("plans")
    scene.add("rules", STOCK_ROW)
    scene.engine.launch()
    try:
        done = lambda: not [n for n in scene.stored(tables.alert_notices) if n.state == "queued"]  # noqa: E731
        until(done, timeout=30, what="every notice is settled")
        assert len(scene.cards(owner)) == 1
        assert "10 个对象越过红线" in texts(scene.cards(owner)[0]["content"])
        states = {(n.digest_id is not None, n.state) for n in scene.stored(tables.alert_notices)}
        assert states == {(True, "sent"), (False, "skipped")}
        plans = [alert for alert in scene.stored(tables.alerts) if alert.table == "plans"]
        assert [alert.state for alert in plans] == [State.RESOLVED]
    finally:
        scene.close()


@pytest.mark.db
@pytest.mark.parametrize("out", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_a_card_on_its_way_when_the_worker_died_is_not_forgotten_when_the_alert_recovers(
    sandbox: Any, database: Database, tmp_path: Path, out: bool, known: bool
) -> None:
    """The next life finds the card that is out and refreshes it; what never went out is not told late.

    Only where the chat is not ``known`` yet can nothing be looked up: there one card says that it is over.
    """
    scene = open_scene(sandbox, database, tmp_path, launch=False)
    sending, owner = Sending(scene.worker), scene.people[1]
    scene.spend(800, 1600)
    scene.pull_now("plans")
    scene.own(owner)
    scene.add("rules", ROI_ROW)
    [row] = [n for n in scene.stored(tables.alert_notices) if n.receiver == owner.open_id]
    with database.read() as conn:
        notice = told.load_notice(conn, row.id)
    assert notice is not None
    if known:
        message = scene.feishu.im.send_text(owner.open_id, "你好", uuid="hello")
        with database.begin() as conn:
            other = replace(notice, id="nt_other", alert_id="al_other")
            told.add_copy(
                conn, other, message.message_id, message.chat_id, version=1, turn=1, at=notice.created_at
            )
    if out:
        sending._send(notice)
    scene.spend(800, 3200)
    scene.pull_now("plans")
    life = JobRun(
        WorkId(f"notify:{notice.id}"), record=lambda _name, fn: fn(), slots=Slots(1), clock=SystemClock(),
        resumed=True, first_wait=0.05,
    )  # fmt: skip
    sending.notify(life, {"notice_id": notice.id})
    [row] = [n for n in scene.stored(tables.alert_notices) if n.id == notice.id]
    copies = [copy for copy in scene.stored(tables.alert_cards) if copy.notice_id == notice.id]
    wanted = 1 if out or not known else 0
    assert {copy.shown_version for copy in copies} <= {0}, "what the platform shows is not known to be new"
    assert (row.state, len(copies), len(scene.cards(owner)) - known) == (
        "sent" if wanted else "skipped",
        wanted,
        wanted,
    )
    scene.feishu.close()
    scene.floor.mirror.close()


@pytest.mark.db
@pytest.mark.parametrize("how", ["card", "table", "night"])
def test_what_was_silenced_after_it_was_decided_is_sent_when_that_ends(
    sandbox: Any, database: Database, tmp_path: Path, how: str
) -> None:
    """The notice waits in the queue, somebody silences: no card now, one card when the silence is over."""
    scene = open_scene(sandbox, database, tmp_path, launch=False)
    owner = scene.people[1]
    scene.spend(800, 1600)
    scene.pull_now("plans")
    scene.own(owner)
    scene.add("rules", ROI_ROW)
    mine = lambda: next(n for n in scene.stored(tables.alert_notices) if n.receiver == owner.open_id)  # noqa: E731
    end = quieten(scene, owner, how)
    deliver(scene, mine().id)
    assert (mine().state, mine().holds, scene.cards(owner)) == ("held", 1, [])
    end()
    scene.worker.checker.scan("plans")
    assert (mine().state, work_of(scene, mine().id)) == (
        "queued",
        [f"notify:{mine().id}", f"notify:{mine().id}:1"],
    )
    deliver(scene, mine().id)
    deliver(scene, mine().id)
    assert (mine().state, len(scene.cards(owner))) == ("sent", 1)
    scene.feishu.close()
    scene.floor.mirror.close()


@pytest.mark.db
def test_what_was_handed_over_is_told_in_spite_of_the_cards_silence(house: House) -> None:
    """A colleague gives a silenced alert to somebody: that is no news of the alert, it is a request."""
    house.write_rule()
    house.write_plan()
    with house.db.begin() as conn:
        house.actions.mute(conn, house.tap(WANG, "mute.set", house.alert(), "4h"))
        house.actions.hand_over(conn, house.tap(WANG, "hand.over", house.alert(), LI.open_id))
    with house.db.read() as conn:
        around = surroundings(conn, house.mirror, CATALOG, house.clock.now())
    whom = [
        person.open_id
        for person in (WANG, LI)
        if withheld(house.alert(), rule(), person.open_id, around, house.clock.now()) is None
    ]
    assert whom == [LI.open_id]


def quieten(scene: Scene, owner: Any, how: str) -> Callable[[], object]:
    """Silence the first plan's alert in one of three ways; what ends that."""
    now = datetime.now(UTC)
    if how == "card":
        alert = scene.stored(tables.alerts)[0]

        def set_mute(option: datetime | None) -> None:
            with scene.floor.db.begin() as conn:
                found = store.load_alert(conn, alert.id)
                assert found is not None
                commit(conn, scene.floor.queue, [Changed(mute(found, option, owner).alert, None)], (), now)

        set_mute(now + timedelta(hours=1))
        return lambda: set_mute(None)
    if how == "table":
        until = int((now + timedelta(hours=1)).timestamp()) * 1000
        (record,) = scene.add("silences", {"原因": "改版", "结束": until})
        return lambda: scene.edit("silences", record, 结束=int(now.timestamp() - 60) * 1000)
    (record,) = scene.add("duty", {"说明": "安静", "用途": "免打扰", "从几点": 0, "到几点": 24})
    return lambda: scene.edit("duty", record, 用途="经理")


def deliver(scene: Scene, notice: str) -> None:
    """One life of a notice's sending."""
    life = JobRun(
        WorkId(f"notify:{notice}"), record=lambda _name, fn: fn(), slots=Slots(1), clock=SystemClock(),
        resumed=False, first_wait=0.05,
    )  # fmt: skip
    Sending(scene.worker).notify(life, {"notice_id": notice})


@pytest.mark.db
def test_a_copy_that_is_noted_while_the_alert_changes_is_drawn_anew(
    sandbox: Any, database: Database, tmp_path: Path
) -> None:
    """The change finds no copy to draw anew yet; the note of the copy waits for it and puts that itself."""
    scene = open_scene(sandbox, database, tmp_path, launch=False)
    scene.spend(800, 1600)
    scene.pull_now("plans")
    scene.own(owner := scene.people[1])
    scene.add("rules", ROI_ROW)
    [notice] = [n for n in scene.stored(tables.alert_notices) if n.receiver == owner.open_id]
    before = len(sandbox.world.im.messages)
    noting = threading.Thread(target=deliver, args=(scene, notice.id))
    with database.begin() as conn:
        alert = store.load_alert(conn, notice.alert_id, lock=True)
        assert alert is not None
        moved = replace(alert, version=alert.version + 1)
        commit(conn, scene.floor.queue, [Changed(moved, Reason.VALUE_MOVED)], (), START)
        noting.start()
        until(lambda: len(sandbox.world.im.messages) > before, what="the card is out")
        noting.join(1)  # the note of it may come before the change is committed; then it must wait
    noting.join(30)
    [copy] = scene.stored(tables.alert_cards)
    assert copy.shown_version < moved.version
    status = status_table(database)
    with database.read() as conn:
        works = conn.execute(sa.select(status.c.workflow_uuid)).scalars().all()
    assert [each for each in works if each.startswith(f"refresh:{alert.id}:{moved.version}:{owner.open_id}")]


def work_of(scene: Scene, notice: str) -> list[str]:
    """The works put for a notice."""
    status = status_table(scene.floor.db)
    with scene.floor.db.read() as conn:
        found = conn.execute(sa.select(status.c.workflow_uuid)).scalars()
        return sorted(each for each in found if notice in each)


def ad(plan_id: str, state: PlanState = PlanState.LIVE, *, budget: Decimal | None = Decimal(2000)) -> AdPlan:
    """A plan as a gateway brings it."""
    return AdPlan(
        plan_id, "夏季", DOUYIN, "旗舰店", state, budget, Decimal(10), Decimal(40), 1, date(2026, 3, 2)
    )


def test_a_plan_without_a_limit_has_an_empty_budget_and_not_zero() -> None:
    """Empty is not zero: a plan that may spend without end is not one that may spend nothing."""
    (found,) = plan_rows([ad("1", PlanState.SPENT, budget=None)], START)
    assert (found["budget"], found["status"], found["platform"]) == (EMPTY, "预算耗尽", "抖音")


def test_a_pull_never_names_columns_kept_by_people() -> None:
    """负责人 and 主管 never; 近7日销量, 到货天数 and 箱规 stay as people wrote them where no source tells."""
    stock = StockRow("S", "st", "T恤", 40, 30, 20, 100, 500, 7)
    for item in (*plan_rows([ad("1")], START), *stock_rows([stock], START)):
        assert not {"owner", "supervisor", "sales_7d", "lead_days", "pack"} & set(item)
    told = replace(stock, sales_7d=0, lead_days=9, pack=24)
    (found,) = stock_rows([told], START)
    assert (found["sales_7d"], found["lead_days"], found["pack"]) == (Decimal(0), Decimal(9), Decimal(24))


def test_a_pull_says_what_can_be_changed_of_a_plan() -> None:
    """In the words people pick from; what no gateway claims can only be looked at."""
    found = plan_rows([replace(ad("1"), can=Can.ALL), replace(ad("2"), can=Can.BUDGET), ad("3")], START)
    assert [each["can"] for each in found] == ["改预算、暂停", "改预算", "只能看"]


def test_what_a_shop_platform_does_not_know_is_left_to_people() -> None:
    """Stock of a shop has no safety stock and no goods on the way; a zero would hide what people wrote."""
    (found,) = stock_rows([StockRow("S", "st", "T恤", 40, 30, None, None, None, 0)], START)
    assert not {"on_way", "safety", "most"} & set(found)
    assert (found["qty"], found["locked"]) == (Decimal(40), Decimal(10))


def test_a_plan_the_platform_no_longer_lists_is_lost_once() -> None:
    """Rows already marked are not lost again, nor those of a connection or platform that did not answer."""
    known = [row(plan(key, platform="抖音")) for key in "12"]
    known += [row(plan("3", platform="抖音", status=GONE)), row(plan("4", platform="淘宝"))]
    known += [row(plan("5", platform="抖音", source="qc")), row(plan("6", platform="抖音", source="jd"))]
    known += [row(plan("7", platform="抖音", source="old"))]
    unlisted = unlisted_plans(known, [ad("1")])
    assert list(unlisted) == ["2", "4", "5", "6", "7"]
    assert lost_plans(unlisted, {"qc"}, {"jd"}, set()) == {"5": "qc"}, "one silent account proves nothing"
    assert lost_plans(unlisted, {"qc", "jd"}, set(), {DOUYIN}) == {
        "2": "", "5": "qc", "6": "jd", "7": "old",
    }  # fmt: skip
    assert lost_plans(unlisted, set(), {"qc", "jd"}, {TAOBAO}) == {"4": ""}
    assert lost_plans(unlisted, set(), {"qc", "jd"}, set()) == {}


def test_a_row_names_its_connection_and_a_shop_its_stock() -> None:
    """An ERP knows no shop: what people wrote there stays."""
    rows = stock_rows(
        [StockRow("S", "st", "T恤", 40, 30, shop="旗舰店"), StockRow("E", "", "帽", 1, 1)], START
    )
    assert [(row["source"], row.get("shop")) for row in named(rows, "dd")] == [("dd", "旗舰店"), ("dd", None)]


def test_unchanged_rows_are_not_written() -> None:
    """A new 数据时间 alone costs no call."""
    fresh = plan_rows([ad("1"), ad("2")], START + timedelta(minutes=1))
    known = {"1": row(dict(fresh[0]) | {"synced_at": START})}
    assert [item["plan_id"] for item in changed_rows(fresh, known, "plan_id")] == ["2"]


def test_a_shop_that_sold_nothing_today_is_a_row_with_zero() -> None:
    """The platform lists only shops with orders; silence is what must be seen."""
    before = [ShopSales("7", "旗舰店", TAOBAO, date(2026, 3, 1), 3, Decimal(900))]
    found = shop_rows([], before, START)
    assert (found[0]["gmv"], found[0]["gmv_base"], found[0]["name"]) == (Decimal(0), Decimal(900), "旗舰店")
    assert found[0]["platform"] == "淘宝"
