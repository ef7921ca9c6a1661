"""Changes beyond somebody's allowance: nothing happens until Feishu says yes, and then it happens once."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.model import TapAnswer
from rules import tables
from rules.approving import Outcome, judge
from rules.model import Action, Task, TaskState
from rules.tables import alert_tasks
from runtime.db import Database
from runtime.ids import AlertId, TaskId
from runtime.work import Work
from sandbox.approval_flow import OPEN
from tests.rules.kit import START, WANG, texts
from tests.rules.stage import MANIFEST, STOCK_ROW, Scene, open_scene
from tests.support.wait import until

BUDGET, ASKED = "/ad/budget/update/", "/open-apis/approval/v4/instances"


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company; everybody may raise a budget to 2,500 and buy 100 pieces alone."""
    built = open_scene(sandbox, database, tmp_path)
    built.add("allowances", {"说明": "所有人", "日预算上限": 2500, "补货上限": 100})
    yield built
    built.close()


def asked(scene: Scene, amount: str = "9000") -> tuple[Any, TapAnswer]:
    """The owner asks for too much; the approval is started."""
    owner = scene.firing()
    answer = scene.tap(owner, "adjust.submit", amount=amount)
    until(lambda: task(scene).approval, timeout=20, what="the approval is started")
    return owner, answer


def task(scene: Scene) -> Any:
    """The one task."""
    (found,) = scene.stored(alert_tasks)
    return found


def act(scene: Scene, verb: str, comment: str = "") -> None:
    """Whoever was asked decides, and the event arrives."""
    world, code = scene.sandbox.world, task(scene).approval
    instance = world.approval.instances[code]
    signer = next(each.open_id for each in instance.tasks if each.status == OPEN)
    world.approval.act(signer, code, verb, comment)
    scene.happens("approval_instance", {"instance_code": code, "status": verb.upper()})


def ends(scene: Scene, state: TaskState) -> Any:
    """Wait until the task is in a state."""
    until(lambda: task(scene).state is state, timeout=20, what=f"the task is {state}")
    return task(scene)


@pytest.mark.db
def test_a_large_budget_waits_and_is_made_once_when_approved(scene: Scene) -> None:
    """Toast and card say that it waits; nothing changes; approved, the platform has it once, all see it."""
    owner, answer = asked(scene)
    assert answer.toast is not None
    assert "已提交审批" in answer.toast.zh
    assert "等待审批" in texts(answer.card)
    assert (scene.calls(BUDGET), scene.plan().budget) == ([], Decimal(2000))
    until(lambda: scene.row("tasks", 状态="待审批"), timeout=20, what="the board")
    again = scene.tap(owner, "adjust.submit", amount="2400")
    assert again.toast is not None
    assert "等审批" in again.toast.zh
    act(scene, "approve")
    ends(scene, TaskState.DONE)
    scene.happens("approval_instance", {"instance_code": task(scene).approval, "status": "APPROVED"})
    assert (len(scene.calls(BUDGET)), scene.plan().budget) == (1, Decimal(9000))
    until(lambda: "已把日预算 ¥2,000 → ¥9,000" in texts(scene.cards(owner)[0]["content"]), timeout=20)
    assert len([call for call in scene.calls(ASKED) if call["method"] == "POST"]) == 1


@pytest.mark.db
def test_within_the_allowance_or_lower_nobody_is_asked(scene: Scene) -> None:
    """2,500 is made at once."""
    owner = scene.firing()
    scene.tap(owner, "adjust.submit", amount="2500")
    ends(scene, TaskState.DONE)
    assert scene.calls(ASKED) == []


@pytest.mark.db
def test_a_refused_change_is_not_made_and_the_reason_is_told(scene: Scene) -> None:
    """The supervisor's words stand on the card and the board, and another amount may be asked for."""
    owner, _ = asked(scene)
    act(scene, "reject", "先观察一天")
    done = ends(scene, TaskState.FAILED)
    assert "审批没有通过：先观察一天" in done.result
    assert scene.calls(BUDGET) == []
    until(
        lambda: "先观察一天" in texts(scene.cards(owner)[0]["content"]), timeout=20, what="the card says it"
    )
    answer = scene.tap(owner, "adjust.submit", amount="2400")
    assert answer.toast is not None
    assert answer.toast.kind == "success"


@pytest.mark.db
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plan: setattr(plan, "enabled", False), "从“投放中”变为“已暂停”"),
        (lambda plan: setattr(plan, "budget", Decimal(3000)), "预算已从 ¥2,000 改为 ¥3,000"),
        (lambda plan: setattr(plan, "deleted", True), "已经没有这个计划"),
    ],
)
def test_what_moved_while_it_waited_is_not_overridden(scene: Scene, change: Any, said: str) -> None:
    """Somebody paused, changed or deleted the plan meanwhile: approved, but not made, and said."""
    asked(scene)
    change(scene.plan())
    act(scene, "approve")
    assert said in ends(scene, TaskState.FAILED).result
    assert scene.calls(BUDGET) == []


@pytest.mark.db
def test_spend_that_rose_while_it_waited_is_checked_again(scene: Scene) -> None:
    """The platform's own rule is judged with today's spend when it is made, not when it was asked for."""
    asked(scene)
    scene.spend(8800, 9000)
    act(scene, "approve")
    assert "至少 ¥9,300" in ends(scene, TaskState.FAILED).result
    assert scene.calls(BUDGET) == []


@pytest.mark.db
def test_an_event_that_never_came_is_made_up_by_the_schedule(scene: Scene) -> None:
    """The approval is looked at again every few minutes."""
    asked(scene)
    world, code = scene.sandbox.world, task(scene).approval
    signer = next(each.open_id for each in world.approval.instances[code].tasks if each.status == OPEN)
    world.approval.act(signer, code, "approve", "")
    scene.put(Work("rules.look_all", "look_all:test", "", {}))
    ends(scene, TaskState.DONE)
    assert scene.plan().budget == Decimal(9000)


@pytest.mark.db
def test_a_lost_answer_starts_one_approval(scene: Scene) -> None:
    """The start is found again by its uuid."""
    scene.fault("drop_after", ASKED)
    asked(scene)
    assert len(scene.sandbox.world.approval.instances) == 1


@pytest.mark.db
def test_an_approval_that_cannot_be_started_fails_in_words(scene: Scene) -> None:
    """A form without our widgets, or switched off: said on the card, nothing hangs."""
    scene.sandbox.world.approval.definition(scene.worker.policy.approvals[Action.ADJUST]).status = "INACTIVE"
    owner = scene.firing()
    scene.tap(owner, "adjust.submit", amount="9000")
    done = ends(scene, TaskState.FAILED)
    assert "没有启用" in done.result
    assert scene.calls(BUDGET) == []


@pytest.mark.db
def test_changes_made_meanwhile_count_when_it_is_made(scene: Scene) -> None:
    """Twenty changes of the day were made while it waited: said on the card, the platform is not asked."""
    owner, _ = asked(scene)
    waiting = dict(task(scene)._mapping)
    now = scene.floor.clock.now()
    done = {"state": TaskState.DONE, "asked_at": now - timedelta(hours=2), "done_at": now, "approval": None}
    with scene.floor.db.begin() as conn:
        for number in range(20):
            conn.execute(alert_tasks.insert().values(waiting | done | {"id": f"tk_{number}"}))
    one = scene.sandbox.world.approval.instances[waiting["approval"]]
    signer = next(each.open_id for each in one.tasks if each.status == OPEN)
    scene.sandbox.world.approval.act(signer, waiting["approval"], "approve", "")
    scene.happens("approval_instance", {"instance_code": waiting["approval"], "status": "APPROVED"})

    def ended() -> Any:
        return next(each for each in scene.stored(alert_tasks) if each.id == waiting["id"])

    until(lambda: ended().state is TaskState.FAILED, timeout=20, what="it is not made")
    assert "已改 20 次预算，平台每天最多 20 次" in ended().result
    assert scene.calls(BUDGET) == []
    until(
        lambda: "已改 20 次" in texts(scene.cards(owner)[0]["content"]), timeout=20, what="the card says it"
    )


def short_of_stock(scene: Scene) -> tuple[Any, Any]:
    """A SKU below its safety stock, 500 pieces asked for, the approval started: the SKU and who asked."""
    buyer = scene.people[2]
    sku = next(iter(scene.sandbox.world.erp.skus.values()))
    sku.qty = max(1, sku.least // 2)
    scene.sandbox.world.erp.touch(sku)
    scene.pull("stock")
    scene.own(buyer)
    scene.add("rules", STOCK_ROW)
    until(lambda: scene.stored(tables.alert_cards), timeout=20, what="the card is sent")
    scene.tap(buyer, "restock.submit", amount="500")
    until(lambda: task(scene).approval, timeout=20, what="the approval is started")
    assert scene.sandbox.world.erp.purchases == {}
    return sku, buyer


@pytest.mark.db
def test_a_large_restock_waits_as_well(scene: Scene) -> None:
    """More pieces than the allowance: one order after the approval; that less is there is no move."""
    sku, _ = short_of_stock(scene)
    sku.qty -= 1
    act(scene, "approve")
    ends(scene, TaskState.DONE)
    assert len(scene.sandbox.world.erp.purchases) == 1


@pytest.mark.db
def test_a_restock_that_is_no_longer_needed_is_not_made(scene: Scene) -> None:
    """Somebody bought in the ERP while it waited. No pull has seen that yet: the ERP itself is asked."""
    sku, buyer = short_of_stock(scene)
    sku.coming += 500
    act(scene, "approve")
    assert "在途 0 → 500" in ends(scene, TaskState.FAILED).result
    assert scene.sandbox.world.erp.purchases == {}
    until(lambda: "在途 0" in texts(scene.cards(buyer)[0]["content"]), timeout=20, what="the card says it")


@pytest.mark.db
def test_a_restock_whose_alert_is_over_is_not_made(scene: Scene) -> None:
    """The goods came and the alert ended before the approval did."""
    sku, buyer = short_of_stock(scene)
    sku.qty = sku.least * 3
    scene.sandbox.world.erp.touch(sku)
    scene.pull("stock")
    act(scene, "approve")
    assert "预警已经结束" in ends(scene, TaskState.FAILED).result
    assert scene.sandbox.world.erp.purchases == {}
    until(
        lambda: "预警已经结束" in texts(scene.cards(buyer)[0]["content"]), timeout=20, what="the card says it"
    )


@pytest.mark.db
def test_nobody_may_go_beyond_where_no_approval_is_set_up(
    sandbox: Any, database: Database, tmp_path: Path
) -> None:
    """An allowance without an approval code bounds all the same: the form says what to do."""
    scene = open_scene(sandbox, database, tmp_path, manifest=MANIFEST.model_copy(update={"approvals": {}}))
    scene.add("allowances", {"说明": "所有人", "日预算上限": 2500})
    answer = scene.tap(scene.firing(), "adjust.submit", amount="9000")
    assert answer.toast is not None
    assert "还没有设置审批" in answer.toast.zh
    assert scene.stored(alert_tasks) == []
    scene.close()


# --- what an approval means, pure ---

TASK = Task(
    TaskId("tk_1"), AlertId("al_1"), 1, Action.ADJUST, "17", "计划", Decimal("9000.50"), Decimal(2000), None,
    TaskState.WAITING, WANG, START, approval="I1",
)  # fmt: skip
FORM = '[{"id":"w1","value":"计划"},{"id":"w2","value":9000.5},{"id":"w3","value":"tk_1"}]'


@pytest.mark.parametrize(
    ("instance", "outcome"),
    [
        ({"status": "PENDING", "form": FORM}, Outcome.WAITING),
        ({"status": "APPROVED", "form": FORM}, Outcome.APPROVED),
        ({"status": "APPROVED", "reverted": True, "form": FORM}, Outcome.REFUSED),
        ({"status": "REJECTED", "form": FORM}, Outcome.REFUSED),
        ({"status": "CANCELED", "form": FORM}, Outcome.REFUSED),
        ({"status": "DELETED", "form": FORM}, Outcome.REFUSED),
        ({"status": "APPROVED", "form": FORM.replace("9000.5", "900.5")}, Outcome.REFUSED),
        ({"status": "APPROVED", "form": FORM.replace("tk_1", "tk_2")}, Outcome.REFUSED),
        ({"status": "APPROVED", "form": "not json"}, Outcome.REFUSED),
        ({"status": "APPROVED"}, Outcome.REFUSED),
    ],
)
def test_only_an_approval_of_this_very_change_counts(instance: dict[str, Any], outcome: Outcome) -> None:
    """Another amount, another task, a reverted or unreadable one approves nothing."""
    assert judge(instance, TASK).outcome is outcome
