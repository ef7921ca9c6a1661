"""The whole of red lines against the sandbox.

Numbers in, card out, tap, platform changed, everything shown.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rules import tables
from rules.model import State, TaskState
from runtime.db import Database
from runtime.work import Work, status_table
from tests.rules.kit import texts
from tests.rules.stage import ROI_ROW, STOCK_ROW, Scene, open_scene
from tests.support.company import shown
from tests.support.wait import until

pytestmark = pytest.mark.db


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company with one worker."""
    built = open_scene(sandbox, database, tmp_path)
    yield built
    built.close()


def test_a_morning_from_numbers_to_a_changed_budget(scene: Scene) -> None:
    """Pull → breach → one card → tap → budget changed once → task row.

    Board row and card say so → recovery.
    """
    owner = scene.firing()
    assert len(scene.cards(owner)) == 1
    assert "ROI 2.00" in texts(scene.cards(owner)[0]["content"])
    until(
        lambda: "会触发" in shown(scene.rows("rules")[0]["fields"].get("校验结果")),
        timeout=20,
        what="校验结果",
    )
    answer = scene.tap(owner, "adjust.submit", amount="1200")
    assert answer.toast is not None
    assert answer.toast.zh == "已提交，正在执行"
    until(
        lambda: scene.stored(tables.alert_tasks)[0].state is TaskState.DONE,
        timeout=20,
        what="the task is done",
    )
    assert scene.plan().budget == Decimal(1200)
    assert len(scene.calls("/ad/budget/update/")) == 1
    until(
        lambda: "已把日预算 ¥2,000 → ¥1,200" in texts(scene.cards(owner)[0]["content"]),
        timeout=20,
        what="refresh",
    )
    until(
        lambda: scene.rows("tasks") and shown(scene.rows("tasks")[0]["fields"]["状态"]) == "已完成",
        timeout=20,
    )
    scene.spend(800, 3200)
    scene.pull("plans")
    assert scene.stored(tables.alerts)[0].state is State.RESOLVED
    until(
        lambda: "已恢复" in texts(scene.cards(owner)[0]["content"]), timeout=20, what="the card shows the end"
    )
    until(
        lambda: shown(scene.rows("alerts")[0]["fields"]["状态"]) == "已恢复",
        timeout=20,
        what="the board shows it",
    )
    assert len(scene.cards(owner)) == 1


def test_an_edited_threshold_works_at_once_and_the_row_answers(scene: Scene) -> None:
    """A threshold edited in Bitable makes the card; a bad one is answered in the row and changes nothing."""
    owner = scene.people[1]
    scene.pull("plans")
    scene.own(owner)
    (record,) = scene.add("rules", ROI_ROW)
    assert scene.cards(owner) == []
    scene.edit("rules", record, 阈值="很低")
    until(
        lambda: "看不懂“很低”" in shown(scene.rows("rules")[0]["fields"].get("校验结果")),
        timeout=20,
        what="the row",
    )
    scene.edit("rules", record, 阈值="1:5")
    until(lambda: len(scene.cards(owner)) == 3, timeout=20, what="three plans at ROI 4 are under 1:5")
    until(
        lambda: "有效，当前会触发 3 个对象" in shown(scene.rows("rules")[0]["fields"]["校验结果"]), timeout=20
    )


def test_a_lost_answer_sends_one_card_and_makes_one_change(scene: Scene) -> None:
    """The platform did the work and the answer was lost: looked up, never done twice."""
    scene.fault("drop_after", "*/im/v1/messages")
    owner = scene.firing()
    assert len(scene.cards(owner)) == 1
    scene.fault("drop_after", "*/ad/budget/update/")
    scene.tap(owner, "adjust.submit", amount="1200")
    until(
        lambda: scene.stored(tables.alert_tasks)[0].state is TaskState.DONE,
        timeout=20,
        what="the task is done",
    )
    assert (len(scene.calls("/ad/budget/update/")), scene.plan().budget) == (1, Decimal(1200))


def test_what_somebody_changed_after_a_lost_answer_is_left_alone(scene: Scene) -> None:
    """Our change never arrived; before we could look, a person set another budget at the platform."""
    owner, faults = scene.firing(), scene.sandbox.world.control.faults
    scene.fault("drop_before", "*/ad/budget/update/")
    scene.fault("status", "*/qianchuan/ad/get/", times=10_000, skip=2)  # the looks before go through
    scene.tap(owner, "adjust.submit", amount="1200")
    until(lambda: faults.listing()[-1]["hits"] > 0, timeout=20, what="the look after the lost answer")
    assert len(scene.calls("/ad/budget/update/")) == 1
    scene.plan().budget = Decimal(1700)
    faults.clear()
    until(lambda: not scene.stored(tables.alert_tasks)[0].state.running, timeout=20, what="the task is over")
    task = scene.stored(tables.alert_tasks)[0]
    assert (task.state, scene.plan().budget) == (TaskState.FAILED, Decimal(1700))
    assert "可能有人改过" in task.result
    assert len(scene.calls("/ad/budget/update/")) == 1


def test_a_tap_whose_answer_is_lost_is_drawn_on_the_tapped_card(scene: Scene) -> None:
    """Nobody can tell whether the answer's card arrived: it does not count as shown, the refresh draws it."""
    owner = scene.firing()
    scene.tap(owner, "alert.ack")  # handled and committed; the answer reaches nobody
    until(
        lambda: "知道了，正在处理" in texts(scene.cards(owner)[0]["content"]),
        timeout=20,
        what="the tapped card shows what was decided",
    )
    copy, alert = scene.stored(tables.alert_cards)[0], scene.stored(tables.alerts)[0]
    until(lambda: scene.stored(tables.alert_cards)[0].shown_version == alert.version, timeout=20)
    assert len(scene.cards(owner)) == 1
    assert copy.form is None


def test_a_card_with_an_open_form_is_drawn_when_nobody_types_any_more(scene: Scene) -> None:
    """Mere numbers leave the form alone; a refresh is planned for later, so that they are not forgotten."""
    owner = scene.firing()
    scene.tap(owner, "adjust.open")
    scene.spend(800, 400)
    scene.pull("plans")
    later = until(lambda: planned(scene, ":form:"), timeout=20, what="a refresh for later")
    copy, alert = scene.stored(tables.alert_cards)[0], scene.stored(tables.alerts)[0]
    assert copy.shown_version < alert.version
    assert copy.form == "adjust"
    assert later == [f"refresh:{alert.id}:{alert.version}:{owner.open_id}:form:{copy.form_at:%H%M%S%f}"]


def planned(scene: Scene, words: str) -> list[str]:
    """Ids of works for later that contain these words."""
    status = status_table(scene.floor.db)
    query = sa.select(status.c.workflow_uuid).where(
        status.c.status == "DELAYED", status.c.workflow_uuid.contains(words)
    )
    with scene.floor.db.read() as conn:
        return list(conn.execute(query).scalars())


def test_a_refusal_of_the_platform_is_shown_on_the_card(scene: Scene) -> None:
    """Spend went on between the tap and the change.

    The task fails with the platform's rule, nothing changes.
    """
    owner = scene.firing()
    scene.spend(1900, 3800)
    scene.tap(owner, "adjust.submit", amount="1200")
    until(lambda: not scene.stored(tables.alert_tasks)[0].state.running, timeout=20, what="the task ended")
    task = scene.stored(tables.alert_tasks)[0]
    assert task.state is TaskState.FAILED
    assert "至少 ¥2,000" in task.result
    assert scene.plan().budget == Decimal(2000)
    assert scene.calls("/ad/budget/update/") == []
    until(lambda: "没有成功" in texts(scene.cards(owner)[0]["content"]), timeout=20, what="the card says so")


def test_a_restock_is_one_purchase_order(scene: Scene) -> None:
    """紧急补货 makes an order in the ERP; goods on the way then end the alert."""
    buyer = scene.people[2]
    sku = next(iter(scene.sandbox.world.erp.skus.values()))
    sku.qty = max(1, sku.least // 2)
    scene.sandbox.world.erp.touch(sku)
    scene.pull("stock")
    scene.own(buyer)
    scene.add("rules", STOCK_ROW)
    until(lambda: scene.stored(tables.alert_cards), timeout=20, what="the card is sent")
    scene.fault("drop_after", "*/purchase/upload")
    answer = scene.tap(buyer, "restock.submit", amount=str(sku.least * 2))
    assert answer.toast is not None
    assert answer.toast.kind == "success"
    until(
        lambda: scene.stored(tables.alert_tasks)[0].state is TaskState.DONE,
        timeout=20,
        what="the order exists",
    )
    assert len(scene.sandbox.world.erp.purchases) == 1
    until(
        lambda: scene.stored(tables.alerts)[0].state is State.RESOLVED,
        timeout=20,
        what="goods on the way count",
    )
    until(lambda: "已补货" in texts(scene.cards(buyer)[0]["content"]), timeout=20, what="the card says it")


def test_a_plan_deleted_on_the_platform_asks_a_person(scene: Scene) -> None:
    """The row is marked, the alert becomes unknown with a sentence, and 确认已下线 closes it."""
    owner = scene.firing()
    scene.plan().deleted = True
    scene.pull("plans")
    assert scene.stored(tables.alerts)[0].state is State.UNKNOWN
    assert any(shown(row["fields"].get("状态")) == "平台已删除" for row in scene.rows("plans"))
    until(
        lambda: "平台上已经没有这个计划" in texts(scene.cards(owner)[0]["content"]),
        timeout=20,
        what="the card asks",
    )
    scene.tap(owner, "alert.close")
    assert scene.stored(tables.alerts)[0].state is State.RESOLVED


def test_pulls_do_not_pile_up_behind_one_that_takes_long(scene: Scene) -> None:
    """Five fires while a pull is under way: one more pull waits, and sees what all of them would have."""
    scene.fault("delay", "*/qianchuan/ad/get/", seconds=4)
    ticks = [Work("rules.tick", f"tick:{n}", "ticks", {"table": "plans"}) for n in range(6)]
    scene.put(ticks[0])
    until(lambda: pulls(scene) == ["PENDING"], timeout=20, what="the first pull is under way")
    scene.put(*ticks[1:])
    until(lambda: all(scene.finished(f"tick:{n}") for n in range(6)), timeout=20, what="all fires done")
    until(lambda: pulls(scene) == ["SUCCESS", "SUCCESS"], timeout=20, what="two pulls in all")


def pulls(scene: Scene) -> list[str]:
    """How the pulls of 计划日报 stand."""
    status = status_table(scene.floor.db)
    query = sa.select(status.c.status).where(status.c.workflow_uuid.startswith("pull:plans:"))
    with scene.floor.db.read() as conn:
        return list(conn.execute(query).scalars())


def test_a_platform_that_is_down_stops_nothing_else(scene: Scene) -> None:
    """A failing source is recorded with its sentence; the other tables go on."""
    scene.fault("code", "*/ad/get/", times=20, code=40105, msg="access_token invalid")
    scene.pull("plans")
    scene.pull("stock")
    sources = {row.table: row for row in scene.stored(tables.data_sources)}
    assert "CHORUS_ADS_ACCESS_TOKEN" in sources["plans"].error
    assert sources["stock"].error == ""
    assert len(scene.rows("stock")) == len(scene.sandbox.world.erp.skus)


def test_a_rule_deleted_while_its_event_was_lost_is_noticed(scene: Scene) -> None:
    """The regular check reads 预警规则 as a whole once, reconcile again: a deleted rule closes its alerts."""
    owner = scene.firing()
    assert scene.cards(owner)
    scene.put(Work("rules.check", "check:first", "", {}))
    now = scene.floor.clock.now
    until(lambda: scene.sync.mirror.age("rules", now()) is not None, timeout=20, what="the rules are read")
    rule_id = scene.rows("rules")[0]["record_id"]
    manager = scene.people[0].open_id
    scene.sandbox.world.bitable.delete_as(manager, scene.app, scene.table("rules"), rule_id)
    scene.put(Work("rules.reconcile", "reconcile:soon", "", {}))
    until(lambda: scene.finished("reread:rules:reconcile:soon"), timeout=20, what="it is looked at")
    assert scene.stored(tables.alerts)[0].state is State.FIRING  # read a moment ago: not read again
    scene.sync.mirror.end_pull("rules", started=now() - timedelta(hours=6))
    scene.put(Work("rules.reconcile", "reconcile:later", "", {}))
    until(
        lambda: scene.stored(tables.alerts)[0].state is State.RESOLVED, timeout=20, what="the alert is closed"
    )
    assert scene.stored(tables.alerts)[0].reason == "rule_deleted"
