"""预警看板 and 处理任务 after a storm: one work brings every row that is due, however many there are."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rules import store, tables
from rules.jobs import BOARD_ROWS, Tables
from rules.model import Action, Alert, Reason, Severity, State, Task, TaskState
from runtime.db import Database
from runtime.ids import AlertId, RuleId, TaskId
from tests.rules.stage import Scene, open_scene
from tests.support.company import shown

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
MANY = 2 * BOARD_ROWS + 100


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The company; nothing is performed by itself."""
    built = open_scene(sandbox, database, tmp_path, launch=False)
    yield built
    built.feishu.close()
    built.floor.mirror.close()


class Run:
    """A run of a work as the job sees it; between two parts something may happen."""

    def __init__(self, between: Any = None) -> None:
        self.id = "board"
        self.steps: list[str] = []
        self.between = between

    def attempt(self, name: str, call: Any) -> Any:
        """One part."""
        if self.between is not None and self.steps:
            self.between()
        self.steps.append(name)
        return call()


def fire(scene: Scene, count: int) -> None:
    """So many alerts over the line, none on the board yet."""
    alerts = [_alert(number) for number in range(count)]
    with scene.floor.db.begin() as conn:
        store.save_alerts(conn, alerts)


def _alert(number: int, version: int = 1) -> Alert:
    fresh = store.new_alert(RuleId("rec_r"), f"SKU-{number:04}", "stock", Severity.CRITICAL)
    return replace(
        fresh, state=State.FIRING, episode=1, version=version, fired_at=AT, reason=Reason.FIRED,
        title=f"商品{number:04}", value=Decimal(1), limit=Decimal(9),
    )  # fmt: skip


def test_every_alert_of_a_storm_stands_on_the_board(scene: Scene) -> None:
    """More than two batches are due: all stand there after one work, each once."""
    fire(scene, MANY)
    run: Any = Run()
    Tables(scene.worker).board(run, {})
    titles = Counter(shown(row["fields"]["对象"]) for row in scene.rows("alerts"))
    assert titles == Counter({f"商品{number:04}": 1 for number in range(MANY)})
    assert all(row.board_version == row.version for row in scene.stored(tables.alerts))
    assert run.steps == ["alerts:0", "alerts:1", "alerts:2", "tasks:0"]


def test_alerts_that_go_on_changing_do_not_keep_the_work_from_ending(scene: Scene) -> None:
    """What was written moves again before the next part: that is the next work's, and nothing is left out."""
    fire(scene, MANY)
    turns = iter(range(2, 99))

    def again() -> None:
        version = next(turns)
        with scene.floor.db.begin() as conn:
            store.save_alerts(conn, [_alert(number, version) for number in range(MANY)])

    run: Any = Run(again)
    Tables(scene.worker).board(run, {})
    assert [name for name in run.steps if name.startswith("alerts")] == ["alerts:0", "alerts:1", "alerts:2"]
    assert len(scene.rows("alerts")) == MANY
    assert any(row.board_version < row.version for row in scene.stored(tables.alerts))
    Tables(scene.worker).board(SimpleNamespace(id="b", attempt=lambda _name, call: call()), {})  # type: ignore[arg-type]
    assert all(row.board_version == row.version for row in scene.stored(tables.alerts))


def test_every_task_stands_on_the_board(scene: Scene) -> None:
    """The same for 处理任务."""
    with scene.floor.db.begin() as conn:
        for number in range(MANY):
            store.save_task(
                conn,
                Task(
                    TaskId(f"tk_{number:04}"), AlertId("al_1"), 1, Action.RESTOCK, f"SKU-{number:04}",
                    f"商品{number:04}", Decimal(10), None, None, TaskState.DONE,
                    scene.people[1], AT,
                ),
            )  # fmt: skip
    run: Any = Run()
    Tables(scene.worker).board(run, {})
    titles = Counter(shown(row["fields"]["对象"]) for row in scene.rows("tasks"))
    assert titles == Counter({f"商品{number:04}": 1 for number in range(MANY)})
    assert {row.board_state for row in scene.stored(tables.alert_tasks)} == {TaskState.DONE.value}
    assert run.steps == ["alerts:0", "tasks:0", "tasks:1", "tasks:2"]
