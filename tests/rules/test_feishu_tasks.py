"""Actions as Feishu tasks: none unless wanted, one each, told how it ended, and in nobody's way."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app import examine_all
from bitable_sync.doctor import Level
from rules import store, tables
from rules.doctor import examine
from rules.feishu_tasks import FeishuTasks, description_of, reason_of, summary_of
from rules.model import Action, Task, TaskState
from rules.tables import alert_feishu_tasks, alert_tasks
from runtime.db import Database
from runtime.feishu.task import NewTask
from runtime.ids import AlertId, OpenId, TaskId, WorkId
from runtime.jobrun import JobRun, Slots
from runtime.manifest import CreativeManifest, Manifest, TasksManifest
from runtime.tables import parked, restores
from runtime.work import Work
from sandbox.approval_flow import OPEN
from tests.rules.kit import ROI_RULE, START, WANG, rule
from tests.rules.stage import MANIFEST, STOCK_ROW, Scene, open_scene
from tests.support.wait import until

PATH, BUDGET = "/open-apis/task/v2/tasks", "/ad/budget/update/"
WANTED = MANIFEST.model_copy(
    update={
        "tasks": TasksManifest(feishu=True),
        "creative": CreativeManifest(site="https://dev.feishu.cn/"),
    }
)


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company with Feishu tasks on; everybody may raise a budget to 2,500 alone."""
    built = open_scene(sandbox, database, tmp_path, manifest=WANTED)
    built.add("allowances", {"说明": "所有人", "日预算上限": 2500, "补货上限": 100})
    yield built
    built.close()


def task(scene: Scene) -> Any:
    """The newest action."""
    return max(scene.stored(alert_tasks), key=lambda row: row.asked_at)


def ends(scene: Scene, state: TaskState) -> Any:
    """Wait until the newest action is in a state."""
    until(lambda: task(scene).state is state, timeout=20, what=f"the action is {state}")
    return task(scene)


def shows(scene: Scene, state: TaskState) -> Any:
    """Wait until the Feishu task of the newest action shows a state, and give it as Feishu has it."""

    def row() -> Any:
        found = [each for each in scene.stored(alert_feishu_tasks) if each.task_id == task(scene).id]
        return found[0] if found and found[0].shown == state.value else None

    until(row, timeout=20, what=f"the Feishu task shows {state}")
    return scene.sandbox.world.task.tasks.get(row().guid)


def made(scene: Scene) -> list[Any]:
    """What stands in Feishu."""
    return list(scene.sandbox.world.task.tasks.values())


def words(one: Any) -> str:
    """Title and description."""
    return f"{one.fields['summary']}\n{one.fields['description']}"


def decide(scene: Scene, verb: str, comment: str = "") -> None:
    """Whoever was asked decides, and the event arrives."""
    world, code = scene.sandbox.world, task(scene).approval
    instance = world.approval.instances[code]
    signer = next(each.open_id for each in instance.tasks if each.status == OPEN)
    world.approval.act(signer, code, verb, comment)
    scene.happens("approval_instance", {"instance_code": code, "status": verb.upper()})


def told_admin(scene: Scene) -> list[str]:
    """What the administrator read about Feishu tasks."""
    said = [str(message["content"]) for message in scene.cards(scene.people[0])]
    return [text for text in said if "飞书任务没有写成" in text]


@pytest.mark.db
def test_without_the_flag_feishu_is_not_asked(sandbox: Any, database: Database, tmp_path: Path) -> None:
    """The action is done, and no call of tasks was ever made."""
    scene = open_scene(sandbox, database, tmp_path)
    scene.tap(scene.firing(), "adjust.submit", amount="2400")
    ends(scene, TaskState.DONE)
    assert (scene.calls("/task/v2/"), scene.stored(alert_feishu_tasks), made(scene)) == ([], [], [])
    assert examine(scene.floor) == []
    scene.close()


@pytest.mark.db
def test_an_action_is_one_task_of_who_asked_and_done_with_it(scene: Scene) -> None:
    """A colleague who acts has the task, who is responsible follows; it says what, why, where, and ends."""
    owner, colleague = scene.firing(), scene.people[2]
    for row in scene.rows("plans"):
        scene.edit("plans", row["record_id"], 主管=[{"id": colleague.open_id}])
    scene.tap(colleague, "adjust.submit", amount="2400")
    ends(scene, TaskState.DONE)
    shown = shows(scene, TaskState.DONE)
    assert made(scene) == [shown]
    assert [(m["id"], m["role"]) for m in shown.members] == [
        (colleague.open_id, "assignee"),
        (owner.open_id, "follower"),
    ]
    said = words(shown)
    assert said.startswith(f"调整预算：{scene.plan().name}，日预算改为 ¥2,400\n")
    assert "日预算 ¥2,000 → ¥2,400" in said
    assert "红线“ROI 低于 1:3”：ROI 2.00，低于 1:3（3.00）" in said
    assert "已完成：日预算 ¥2,000 → ¥2,400" in said
    assert task(scene).id in said
    assert shown.completed == int(task(scene).done_at.timestamp() * 1000)
    bound = scene.sync.bindings.require("tasks")
    link = f"https://dev.feishu.cn/base/{bound.app_token}?table={bound.table_id}"
    assert shown.fields["origin"]["href"]["url"] == link
    assert f"“处理任务” {link} ，编号" in said
    assert examine(scene.floor)[0].level is Level.OK


@pytest.mark.db
def test_a_restock_names_pieces_and_order(scene: Scene) -> None:
    """The purchase order stands in the task of the buyer."""
    buyer = scene.people[2]
    sku = next(iter(scene.sandbox.world.erp.skus.values()))
    sku.qty = max(1, sku.least // 2)
    scene.sandbox.world.erp.touch(sku)
    scene.pull("stock")
    scene.own(buyer)
    scene.add("rules", STOCK_ROW)
    until(lambda: scene.stored(tables.alert_cards), timeout=20, what="the card is sent")
    scene.tap(buyer, "restock.submit", amount="50")
    ends(scene, TaskState.DONE)
    said = words(shows(scene, TaskState.DONE))
    assert f"紧急补货：{task(scene).title}，补 50 件" in said
    assert task(scene).result.startswith("采购单 ")
    assert f"已完成：{task(scene).result}" in said


@pytest.mark.db
def test_a_refused_change_is_said_not_to_be_made(scene: Scene) -> None:
    """Open while it waits; refused, its title says so, and the reason stands in it. The next is another."""
    owner = scene.firing()
    scene.tap(owner, "adjust.submit", amount="9000")
    waiting = shows(scene, TaskState.WAITING)
    assert (waiting.completed, "等待审批" in words(waiting)) == (0, True)
    until(lambda: task(scene).approval, timeout=20, what="the approval is started")
    decide(scene, "reject", "先观察一天")
    ends(scene, TaskState.FAILED)
    refused = shows(scene, TaskState.FAILED)
    assert refused.fields["summary"].startswith("【没有成功】调整预算：")
    assert "没有成功：审批没有通过：先观察一天，没有执行" in words(refused)
    assert refused.completed
    assert (made(scene), scene.calls(BUDGET)) == ([refused], [])
    scene.tap(owner, "adjust.submit", amount="2400")
    ends(scene, TaskState.DONE)
    assert shows(scene, TaskState.DONE) is not refused
    assert len(made(scene)) == 2


@pytest.mark.db
def test_an_approved_change_completes_the_task_that_waited(scene: Scene) -> None:
    """One task from the request to the change, whoever ticked it meanwhile; ticking it does nothing."""
    owner = scene.firing()
    scene.tap(owner, "adjust.submit", amount="9000")
    waiting = shows(scene, TaskState.WAITING)
    until(lambda: task(scene).approval, timeout=20, what="the approval is started")
    waiting.completed = 1
    assert scene.calls(BUDGET) == []
    decide(scene, "approve")
    ends(scene, TaskState.DONE)
    assert shows(scene, TaskState.DONE) is waiting
    assert "已完成：日预算 ¥2,000 → ¥9,000" in words(waiting)
    assert (waiting.completed, len(made(scene))) == (1, 1)


@pytest.mark.db
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after"},
        {"kind": "code", "code": 1470422, "status": 500},
    ],
)
def test_a_lost_answer_makes_no_second_task(scene: Scene, fault: dict[str, Any]) -> None:
    """The creation took effect or is under way: asked again with its token, the same task is named."""
    scene.fault(fault.pop("kind"), PATH, times=2, **fault)
    scene.tap(scene.firing(), "adjust.submit", amount="2400")
    ends(scene, TaskState.DONE)
    shown = shows(scene, TaskState.DONE)
    assert made(scene) == [shown]
    posts = [call for call in scene.calls(PATH) if call["method"] == "POST"]
    assert len(posts) == 3
    assert len({str(call["body"]) for call in posts}) == 1


@pytest.mark.db
def test_a_lost_answer_at_the_end_is_written_again(scene: Scene) -> None:
    """Feishu refuses to complete it twice; that is no trouble."""
    owner = scene.firing()
    scene.tap(owner, "adjust.submit", amount="9000")
    waiting = shows(scene, TaskState.WAITING)
    until(lambda: task(scene).approval, timeout=20, what="the approval is started")
    scene.fault("drop_after", f"{PATH}/*")
    decide(scene, "reject")
    assert shows(scene, TaskState.FAILED) is waiting
    assert (waiting.fields["summary"][:6], told_admin(scene)) == ("【没有成功】", [])


@pytest.mark.db
def test_what_may_have_been_made_long_ago_is_not_made_again(scene: Scene) -> None:
    """A worker died in the creation and stayed away for longer than Feishu remembers: given up, and said."""
    owner = scene.firing()
    with scene.floor.db.begin() as conn:
        alert = store.load_alert(conn, scene.stored(tables.alerts)[0].id)
        assert alert is not None
        wanted, earlier = store.task_id(alert), datetime.now(UTC) - timedelta(minutes=5)
        row = {"task_id": wanted, "reason": "红线", "tried_at": earlier}
        store.insert_new(conn, alert_feishu_tasks, row)
    scene.feishu.task.create(NewTask("调整预算", "", OpenId(owner.open_id)), client_token=wanted)
    scene.sandbox.world.clock.advance(301)
    scene.tap(owner, "adjust.submit", amount="2400")
    ends(scene, TaskState.DONE)
    until(lambda: told_admin(scene), timeout=20, what="the administrator is told")
    assert (task(scene).id, len(made(scene))) == (wanted, 1)
    assert "再建可能重复" in told_admin(scene)[0]


@pytest.mark.db
def test_after_a_restore_what_was_asked_before_is_not_made(scene: Scene) -> None:
    """The machine that was lost may have made it; in a database from a backup there is no trace of that."""
    owner = scene.firing()
    scene.engine.close()
    scene.tap(owner, "adjust.submit", amount="2400")
    now = datetime.now(UTC)
    with scene.floor.db.begin() as conn:
        conn.execute(sa.update(alert_tasks).values(asked_at=now - timedelta(hours=2)))
        conn.execute(restores.insert().values(id="r1", taken_at=now - timedelta(hours=1), at=now))
    life = JobRun(
        WorkId("feishu_task:restored"), record=lambda _name, fn: fn(), slots=Slots(1),
        clock=scene.floor.clock, resumed=True, first_wait=0.01,
    )  # fmt: skip
    FeishuTasks(scene.worker).follow(life, {"task_id": task(scene).id})
    assert (scene.calls(PATH), len(told_admin(scene))) == ([], 1)


@pytest.mark.db
def test_a_missing_permission_disturbs_nothing_and_is_told_once(scene: Scene) -> None:
    """Action and alert go on; the administrator reads it once, doctor until it works again."""
    world = scene.sandbox.world
    world.default_app.revoked_scopes.add("task:task:write")
    owner = scene.firing()
    scene.tap(owner, "adjust.submit", amount="2400")
    ends(scene, TaskState.DONE)
    until(lambda: told_admin(scene), timeout=20, what="the administrator is told")
    assert "task:task:write" in told_admin(scene)[0]
    assert scene.plan().budget == Decimal(2400)
    scene.tap(owner, "adjust.submit", amount="2300")
    until(lambda: len(scene.stored(alert_feishu_tasks)) == 2, timeout=20, what="the second is tried")
    until(lambda: all(row.trouble for row in scene.stored(alert_feishu_tasks)), timeout=20, what="in vain")
    until(lambda: settled(scene), timeout=20, what="nothing is left to do")
    assert len(told_admin(scene)) == 1
    found = {
        (check.name, check.level)
        for check in examine_all(scene.floor, scene.feishu, scene.sync)
        if "task:task:write" in check.sentence
    }
    assert found == {("权限", Level.FAIL), ("飞书任务", Level.WARN)}
    assert scene.stored(parked) == []
    world.default_app.revoked_scopes.clear()
    scene.tap(owner, "adjust.submit", amount="2100")
    shows(scene, TaskState.DONE)
    assert examine(scene.floor)[0].level is Level.OK


def settled(scene: Scene) -> bool:
    """Whether every Feishu task's end was looked at."""
    return all(scene.finished(f"feishu_task:{row.id}:over") for row in scene.stored(alert_tasks))


@pytest.mark.db
def test_a_deleted_task_is_left_alone(scene: Scene) -> None:
    """Somebody deleted it in Feishu: the action goes on, nothing is made anew and nobody is bothered."""
    owner = scene.firing()
    scene.tap(owner, "adjust.submit", amount="9000")
    shows(scene, TaskState.WAITING)
    until(lambda: task(scene).approval, timeout=20, what="the approval is started")
    scene.sandbox.world.task.tasks.clear()
    decide(scene, "approve")
    ends(scene, TaskState.DONE)
    assert shows(scene, TaskState.DONE) is None
    assert (made(scene), told_admin(scene)) == ([], [])


@pytest.mark.db
def test_an_end_that_cannot_be_written_waits_for_a_person(scene: Scene) -> None:
    """Feishu is away for long: the work is parked, and tried again it completes the task."""
    owner = scene.firing()
    scene.tap(owner, "adjust.submit", amount="9000")
    waiting = shows(scene, TaskState.WAITING)
    until(lambda: task(scene).approval, timeout=20, what="the approval is started")
    scene.fault("code", f"{PATH}/*", times=8, code=2200)
    decide(scene, "reject")
    until(lambda: scene.stored(parked), timeout=30, what="the work is parked")
    assert (waiting.completed, scene.stored(parked)[0].job) == (0, "rules.feishu_task")
    scene.put(Work("rules.feishu_task", "feishu_task:again", "feishu_tasks", {"task_id": task(scene).id}))
    assert shows(scene, TaskState.FAILED).completed


# --- words, pure ---

TASK = Task(
    TaskId("tk_1"), AlertId("al_1"), 1, Action.PAUSE, "17", "计划", Decimal(0), None, None, TaskState.QUEUED,
    WANG, START,
)  # fmt: skip


def test_a_pause_has_no_amount() -> None:
    """Title and description of 暂停计划; a very long name is cut."""
    assert summary_of(TASK) == "暂停计划：计划"
    said = description_of(TASK, "红线", "多维表格“处理任务”")
    assert "要做的事：暂停计划，计划，暂停投放" in said
    assert "进展：正在执行" in said
    long = replace(TASK, title="长" * 5000)
    assert len(summary_of(long)) < 250
    assert len(description_of(long, "因" * 5000, "")) == 3000


def test_reasons_without_a_number() -> None:
    """A rule of several conditions, or none that is valid any more, has no number to name."""
    alert = replace(store.new_alert(rule().id, "17", "plans", rule().severity), title="夏季新品")
    assert reason_of(alert, None) == "“夏季新品”越过红线"
    assert reason_of(replace(alert, value=Decimal(2), limit=Decimal(3)), rule(ROI_RULE)) == (
        "红线“ROI 低于 1:3”：ROI 2.00，低于 1:3（3.00）"
    )


def test_the_permission_is_wanted_only_with_the_flag() -> None:
    """Off, the scope is not asked for; on, once, whether or not it stands in the list."""
    off = MANIFEST.model_copy(update={"scopes": ("im:message",)})
    on = off.model_copy(update={"tasks": TasksManifest(feishu=True)})
    assert off.wanted_scopes == ("im:message",)
    assert on.wanted_scopes == ("im:message", "task:task:write")
    twice: Manifest = on.model_copy(update={"scopes": ("task:task:write",)})
    assert twice.wanted_scopes == ("task:task:write",)
