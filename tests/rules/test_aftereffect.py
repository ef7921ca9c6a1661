"""The effect of an action some hours later: once, by the numbers of then, unknown where nobody knows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rules import store, tables
from rules.aftereffect import Effects, effect_work, measure
from rules.check import Checker, Policy
from rules.deps import Worker
from rules.model import Action, Task, TaskState
from rules.specs import PLANS
from runtime.clock import SHANGHAI
from runtime.db import Database
from runtime.ids import AlertId, TaskId
from runtime.tables import audit
from runtime.work import status_table
from tests.rules.kit import CATALOG, ROI_RULE, START, WANG, House, rule
from tests.rules.stage import Scene, open_scene
from tests.support.company import shown
from tests.support.wait import until

pytestmark = pytest.mark.db
D = Decimal
HOURS = timedelta(hours=4)


class Looked:
    """A house in which the first plan fell to ROI 2 and its budget was changed; the job that looks later."""

    def __init__(self, house: House, **changes: Any) -> None:
        self.house = house
        house.write_rule(**changes)
        house.write_plan()
        self.alert = house.alert()
        self.task = Task(
            TaskId("tk_1"), self.alert.id, 1, Action.ADJUST, "1001", "夏季新品", D(1500), D(2000), D(1500),
            TaskState.DONE, WANG, START, START, metric_before=D(2),
        )  # fmt: skip
        with house.db.begin() as conn:
            store.save_task(conn, self.task)
            conn.execute(sa.update(tables.alert_tasks).values(board_state="已完成"))
        parts: dict[str, Any] = dict.fromkeys(("sync", "im", "gateways", "approval"))
        self.deps = Worker(
            db=house.db, queue=house.queue, clock=house.clock, sources=house.sources, policy=house.policy,
            checker=house.checker, reviewer=house.reviewer, **parts,
        )  # fmt: skip

    def look(self) -> Any:
        """The job; gives the task's row."""
        Effects(self.deps).record("tk_1")
        return self.house.rows(tables.alert_tasks)[0]


def test_the_metric_then_and_some_hours_later(house: House) -> None:
    """Value at the action → value now; the board is due again; a second look changes nothing."""
    looked = Looked(house)
    house.advance(HOURS)
    house.write_plan(gmv=D(3600))
    told = len(house.notices())
    row = looked.look()
    assert row.effect == "ROI 2.00 → 3.60（4 小时后）"
    assert len(house.notices()) == told, "an effect is told to nobody"
    assert (row.metric_before, row.metric_after, row.board_state) == (D(2), D("3.6"), "")
    house.write_plan(gmv=D(100))
    assert looked.look().effect == "ROI 2.00 → 3.60（4 小时后）"
    noted = [each for each in house.rows(audit) if each.action == "task.effect"]
    assert [(each.subject, each.reason) for each in noted] == [("task:tk_1", "measured")]


def test_a_plan_that_left_the_scope_is_measured_all_the_same(house: House) -> None:
    """The rule no longer watches a paused plan; what became of its ROI can be said."""
    looked = Looked(house)
    house.advance(HOURS)
    house.write_plan(status="已暂停", gmv=D(2500))
    assert looked.look().effect == "ROI 2.00 → 2.50（4 小时后）"


def test_numbers_of_another_day_are_called_so(house: House) -> None:
    """An action at nine in the evening is looked at in figures that began at midnight."""
    looked = Looked(house)
    house.clock.set(datetime(2026, 3, 3, 1, 0, tzinfo=SHANGHAI))
    assert looked.look().effect == "ROI 2.00 → 2.00（4 小时后，已是第二天的数）"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("stale", "ROI 2.00 → 未知（4 小时后）：“计划日报”自 03-02 10:00 起没有新数据，暂不判断"),
        ("gone", "ROI 2.00 → 未知（4 小时后）：平台上已经没有它"),
        ("deleted", "ROI 2.00 → 未知（4 小时后）：“计划日报”里已经没有它"),
        ("empty", "ROI 2.00 → 未知（4 小时后）：“消耗”是空的"),
        ("rule", "规则已经不在，无法比较"),
    ],
)
def test_what_nobody_knows_is_unknown_with_its_reason(house: House, what: str, said: str) -> None:
    """Nothing is taken from another time, and the work ends well."""
    looked = Looked(house)
    with house.db.begin() as conn:
        store.note_pull(conn, PLANS, START)
    house.advance(HOURS)
    if what == "stale":
        policy = Policy(max_age={PLANS: timedelta(minutes=15)})
        checker = Checker(house.db, house.queue, house.clock, house.mirror, CATALOG, policy)
        looked.deps = replace(looked.deps, checker=checker)
    elif what == "gone":
        house.write_plan(status="平台已删除")
    elif what == "deleted":
        house.drop_row(PLANS, "rec_1001")
    elif what == "empty":
        house.spoil(PLANS, "rec_1001", "spend", None)
    else:
        with house.db.begin() as conn:
            conn.execute(sa.delete(tables.rule_rows))
    row = looked.look()
    assert (row.effect, row.metric_after) == (said, None)
    assert [each.reason for each in house.rows(audit) if each.action == "task.effect"] == ["unknown"]


def test_a_rule_that_is_a_condition_says_whether_it_still_holds(house: House) -> None:
    """There is no number to compare."""
    condition = replace(ROI_RULE, metric="", comparison="", threshold="", expression="ROI < 3 and 消耗 > 500")
    looked = Looked(house, text=condition)
    assert looked.look().effect == "仍然符合规则的条件（4 小时后）"
    assert measure(house.checker, rule(condition), "1001").met is True
    house.write_plan(gmv=D(9000))
    assert measure(house.checker, rule(condition), "1001").met is False


# --- the whole way ---


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company with one worker."""
    built = open_scene(sandbox, database, tmp_path)
    yield built
    built.close()


def test_a_changed_budget_gets_its_effect_in_the_table_once(scene: Scene) -> None:
    """The work waits four hours from the task's end; performed twice, it records and shows one effect."""
    scene.tap(scene.firing(), "adjust.submit", amount="1200")
    until(lambda: scene.stored(tables.alert_tasks)[0].state is TaskState.DONE, timeout=20, what="done")
    task = scene.stored(tables.alert_tasks)[0]
    assert (task.metric_before, task.effect) == (D(2), "")
    status = status_table(scene.floor.db)
    with scene.floor.db.read() as conn:
        query = sa.select(status.c.status).where(status.c.workflow_uuid == f"effect:{task.id}")
        assert conn.execute(query).scalar_one() == "DELAYED"
    scene.spend(1000, 3100)
    scene.pull("plans")
    work = effect_work(store_task(scene), 4)
    assert work.delay == HOURS
    for number in range(2):
        scene.put(replace(work, id=f"{work.id}:{number}", delay=timedelta(0)))
        until(lambda number=number: scene.finished(f"{work.id}:{number}"), timeout=20, what="the look")
    said = "ROI 2.00 → 3.10（4 小时后"
    until(
        lambda: any(said in shown(row["fields"].get("效果")) for row in scene.rows("tasks")),
        timeout=20,
        what="the row shows it",
    )
    assert [each.reason for each in scene.stored(audit) if each.action == "task.effect"] == ["measured"]


def store_task(scene: Scene) -> Task:
    """The one task."""
    with scene.floor.db.read() as conn:
        found = store.load_task(conn, scene.stored(tables.alert_tasks)[0].id)
    assert found is not None
    assert found.alert_id == AlertId(scene.stored(tables.alerts)[0].id)
    return found
