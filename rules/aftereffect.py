"""The effect of an action: its alert's metric at the action and some hours later. Told to nobody.

The second look is a durable work put with the task's end, so it comes once and survives kills. It proves no
cause; a number that nobody knew then is said to be unknown, never taken from another time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from rules import store
from rules.check import Checker
from rules.compiled import Reading, logic, numeric, program, why
from rules.deps import Worker
from rules.effects import SYSTEM, board_work
from rules.model import Rule, Task
from rules.rulebook import load_entry
from rules.specs import STOCK
from rules.tables import alert_tasks
from rules.wording import metric_text
from runtime import audit
from runtime.clock import day_of
from runtime.jobrun import JobRun
from runtime.work import Work

JOB: Final = "rules.effect"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a rule looks at, on one object.

    Attributes:
        value: the metric; None when nobody knows, or when the rule is a condition without a number.
        met: whether the rule's condition holds; None for a rule that compares a metric.
        why: a sentence when nobody knows.
    """

    value: Decimal | None = None
    met: bool | None = None
    why: str = ""


def effect_work(task: Task, hours: int) -> Work:
    """Look at the effect of a task that is done, some hours later."""
    return Work(JOB, f"effect:{task.id}", f"effect:{task.id}", {"task_id": task.id}, timedelta(hours=hours))


def measure(checker: Checker, rule: Rule, object_id: str) -> Measured:
    """The metric of a rule on an object by the mirror, whether or not the object is in the rule's scope."""
    words, made = checker.catalog.by_key(rule.table), program(rule)
    rows = checker.mirror.by_keys(rule.table, {object_id}).get(object_id, [])
    ground = checker.ground(rule.table, [rule], {object_id})
    if len(rows) != 1:
        many = f"“{words.spec.name}”里有 {len(rows)} 行都是它"
        return Measured(why=many if rows else f"“{words.spec.name}”里已经没有它")
    if stale := ground.fresh.of_row(object_id, rows[0].values):
        return Measured(why=stale)
    reading = Reading(rows[0].values, ground.past.get(object_id, {}))
    if made.may_be_gone and reading.gone:
        return Measured(why="平台上已经没有它")
    value = None if made.condition else numeric(made.breach.left)(reading)
    met = logic(made.condition)(reading) if made.condition else None
    if value is None and met is None:
        names = {field.key: name for name, field in ground.words.fields.items()}
        found = why(made.condition or made.breach.left, reading, names)
        return Measured(why=found.sentence if found else "这一行算不出来")
    return Measured(value, met)


def look_at(deps: Worker, task: Task) -> tuple[Rule | None, Measured]:
    """The rule a task was about, if there still is one, and its metric on the task's object now."""
    with deps.db.read() as conn:
        alert = store.load_alert(conn, task.alert_id)
        entry = load_entry(conn, alert.rule_id, deps.sources.catalog) if alert else None
    if entry is None or entry.rule is None:
        return None, Measured(why="规则已经不在，无法比较")
    return entry.rule, measure(deps.checker, entry.rule, task.object_id)


class Effects:
    """The job ``rules.effect``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def look(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Record what became of the metric; nothing when that was done already."""
        run.attempt("look", lambda: self.record(str(args["task_id"])))

    def record(self, task_id: str) -> bool:
        """The look itself: one transaction, and once; tells whether it was new."""
        with self.deps.db.read() as conn:
            task = store.load_task(conn, task_id)
        if task is None or task.effect:
            return False
        rule, found = look_at(self.deps, task)
        return self._record(task, found, self._sentence(task, rule, found) if rule else found.why)

    def _sentence(self, task: Task, rule: Rule, found: Measured) -> str:
        now, later = self.deps.clock.now(), f"{self.deps.metrics.effect_hours} 小时后"
        if rule.table != STOCK and task.done_at is not None and day_of(task.done_at) != day_of(now):
            later += "，已是第二天的数"
        if found.met is not None:
            return f"{'仍然符合' if found.met else '已不符合'}规则的条件（{later}）"
        before, after = (metric_text(value, rule.metric.unit) for value in (task.metric_before, found.value))
        if found.value is None:
            return f"{rule.metric.name} {before} → 未知（{later}）：{found.why}"
        return f"{rule.metric.name} {before} → {after}（{later}）"

    def _record(self, task: Task, found: Measured, sentence: str) -> bool:
        now, c = self.deps.clock.now(), alert_tasks.c
        first = sa.update(alert_tasks).where(c.id == task.id, c.effect == "").returning(c.id)
        with self.deps.db.begin() as conn:
            # The board shows the task anew.
            done = conn.execute(first.values(effect=sentence, metric_after=found.value, board_state=""))
            if done.first() is None:
                return False
            audit.record(
                conn, at=now, actor=SYSTEM, action="task.effect", subject=f"task:{task.id}",
                reason="measured" if found.why == "" else "unknown", detail={"effect": sentence},
            )  # fmt: skip
            self.deps.queue.put(conn, board_work(now))
        return True
