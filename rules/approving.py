"""Large changes wait for a Feishu approval: it is started, looked at afresh, and decides whether to act.

An event only says that it is time to look. Approved, the change is made once; refused, taken back or waited
for too long, it is not made, and every card says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection

from bot.model import Event
from rules import lifecycle, store
from rules.deps import Worker
from rules.effects import Changed, act_work, commit, feishu_works, look_work
from rules.model import Action, Reason, Task, TaskState
from runtime import audit
from runtime.errors import ChorusError, PermanentError
from runtime.feishu.approval_form import entries, fill, number
from runtime.ids import InstanceCode, OpenId
from runtime.jobrun import JobRun

WIDGETS: Mapping[Action, tuple[str, ...]] = {
    Action.ADJUST: ("plan", "after", "reference"),
    Action.RESTOCK: ("sku", "quantity", "reference"),
}
"""Custom ids of the widgets an approval must have; ``before`` and ``reason`` are filled where they exist."""

PATIENCE = timedelta(hours=24)
"""So long a change waits for its approval: what was right yesterday morning is not made tomorrow."""

EVENTS = ("approval_instance", "approval_task")


class Outcome(StrEnum):
    """What a fetched approval says about a task."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an approval means; ``why`` is a sentence when it was not granted."""

    outcome: Outcome
    why: str = ""


def judge(instance: Mapping[str, Any], task: Task) -> Verdict:
    """What a freshly fetched approval means for a task. Pure.

    Its form must still name this task and this amount: an approval of something else approves nothing.
    """
    values = [item.get("value") for item in entries(instance)]
    amounts = {number(each) for each in values}
    if task.id not in values or task.amount.quantize(Decimal("0.01")) not in amounts:
        return Verdict(Outcome.REFUSED, "审批单的内容与提交的不一致")
    status = str(instance.get("status"))
    if instance.get("reverted"):
        # A reverted approval still says APPROVED (facts: approval §1.5).
        return Verdict(Outcome.REFUSED, "审批通过后被撤销")
    words = {"REJECTED": "审批没有通过", "CANCELED": "审批被撤回", "DELETED": "审批被删除"}
    if status in words:
        return Verdict(Outcome.REFUSED, f"{words[status]}{_comment(instance)}")
    return Verdict(Outcome.APPROVED if status == "APPROVED" else Outcome.WAITING)


def _comment(instance: Mapping[str, Any]) -> str:
    said = [str(each["comment"]) for each in instance.get("timeline") or () if each.get("comment")]
    return f"：{said[-1][:100]}" if said else ""


class Approving:
    """The jobs ``rules.ask``, ``rules.look`` and ``rules.look_all``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def ask(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Start the approval of a task, once; found again by its uuid after any doubt."""
        task = self._load(str(args["task_id"]))
        if task is None or task.state is not TaskState.WAITING:
            return
        try:
            run.attempt("subscribe", lambda: self._subscribe(task.kind))
            code = run.attempt("start", lambda: self._start(task), lookup=lambda: self._find(task))
        except ChorusError as error:
            why = str(error)
            run.step("refused", lambda: self._end(task.id, f"审批没有发起：{why}"))
            return
        run.step("started", lambda: self._started(task.id, code))

    def look(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Fetch the approval of a task and do what it says."""
        task = self._load(str(args["task_id"]))
        if task is None or task.state is not TaskState.WAITING or task.approval is None:
            return
        found = run.attempt("fetch", lambda: self._fetch(task))
        verdict = Verdict(Outcome(found["outcome"]), found["why"])
        if verdict.outcome is Outcome.APPROVED:
            run.step("go", lambda: self._go(task.id))
        elif verdict.outcome is Outcome.REFUSED:
            run.step("end", lambda: self._end(task.id, f"{verdict.why}，没有执行"))
        elif self.deps.clock.now() - task.asked_at >= PATIENCE:
            run.attempt("cancel", lambda: self._cancel(task))
            hours = int(PATIENCE.total_seconds() // 3600)
            run.step("late", lambda: self._end(task.id, f"{hours} 小时内没有审批，已撤回，没有执行"))

    def look_all(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """The schedule: look at every approval that waits, in case an event was lost."""
        del args
        with self.deps.db.begin() as conn:
            waiting = store.waiting_tasks(conn)
            self.deps.queue.put(conn, *(look_work(task, str(run.id)) for task in waiting))

    def events(self, events: Sequence[Event]) -> None:
        """Approval events: a look at each task they concern."""
        codes = {str(event.body.get("instance_code") or "") for event in events}
        with self.deps.db.begin() as conn:
            found = store.waiting_tasks(conn, codes - {""})
            name = events[-1].id if events else ""
            self.deps.queue.put(conn, *(look_work(task, f"event:{name}") for task in found))

    # --- inside ---

    def _load(self, task_id: str) -> Task | None:
        with self.deps.db.read() as conn:
            return store.load_task(conn, task_id)

    def _code(self, action: Action) -> str:
        code = self.deps.policy.approvals.get(action)
        if code is None:
            raise PermanentError(f"应用清单 approvals 里没有“{action.value}”的审批编号，请联系管理员")
        return code

    def _subscribe(self, action: Action) -> bool:
        self.deps.approval.subscribe(self._code(action))
        return True

    def _start(self, task: Task) -> str:
        code = self._code(task.kind)
        values: dict[str, str | int | Decimal] = {"reference": task.id, "reason": self._reason(task)}
        if task.kind is Action.ADJUST:
            values |= {"plan": task.title, "after": task.amount, "before": task.before or Decimal(0)}
        else:
            values |= {"sku": task.title, "quantity": task.amount}
        items = fill(self.deps.approval.get_definition(code), values, WIDGETS[task.kind])
        return str(
            self.deps.approval.create_instance(code, OpenId(task.asked_by.open_id), items, uuid=task.id)
        )

    def _reason(self, task: Task) -> str:
        with self.deps.db.read() as conn:
            alert = store.load_alert(conn, task.alert_id)
        return f"红线预警：{alert.title}" if alert is not None else "红线预警"

    def _find(self, task: Task) -> str | None:
        found = self.deps.approval.find(task.id)
        return None if found is None else str(found)

    def _fetch(self, task: Task) -> dict[str, str]:
        verdict = judge(self.deps.approval.get_instance(task.approval or task.id), task)
        return {"outcome": verdict.outcome.value, "why": verdict.why}

    def _cancel(self, task: Task) -> bool:
        """True when it is withdrawn; a definition may forbid that, and then it approves nothing any more."""
        try:
            person = OpenId(task.asked_by.open_id)
            self.deps.approval.cancel_instance(
                self._code(task.kind), InstanceCode(task.approval or ""), person
            )
        except PermanentError:
            return False
        return True

    def _started(self, task_id: str, code: str) -> None:
        with self.deps.db.begin() as conn:
            task = store.load_task(conn, task_id)
            if task is not None and task.state is TaskState.WAITING:
                store.save_task(conn, replace(task, approval=code))
                self._note(task, "approval_started", conn)
                # It may have been decided before we knew its code, and its event found nobody.
                self.deps.queue.put(conn, look_work(replace(task, approval=code), "started"))

    def _go(self, task_id: str) -> None:
        """Approved: the change is made now, by the same work as any other."""
        self._move(task_id, TaskState.QUEUED, "", Reason.APPROVED)

    def _end(self, task_id: str, why: str) -> None:
        self._move(task_id, TaskState.FAILED, why, Reason.TASK_FAILED)

    def _move(self, task_id: str, state: TaskState, result: str, reason: Reason) -> None:
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            seen = store.load_task(conn, task_id)
            alert = store.load_alert(conn, seen.alert_id, lock=True) if seen is not None else None
            task = store.load_task(conn, task_id)
            if alert is None or task is None or task.state is not TaskState.WAITING:
                return
            done_at = None if state.running else now
            moved = replace(task, state=state, result=result, done_at=done_at)
            store.save_task(conn, moved)
            self._note(task, reason.value, conn)
            step = lifecycle.told(alert, reason)
            commit(conn, self.deps.queue, [Changed(step.alert, reason)], (), now)
            if state is TaskState.QUEUED:
                self.deps.queue.put(conn, act_work(moved))
            else:
                self.deps.queue.put(conn, *feishu_works(moved, wanted=self.deps.policy.feishu_tasks))

    def _note(self, task: Task, reason: str, conn: Connection) -> None:
        audit.record(
            conn, at=self.deps.clock.now(), actor="system:rules", action=f"task.{task.kind.name.lower()}",
            subject=f"task:{task.id}", reason=reason, detail={"asked_by": task.asked_by.open_id},
        )  # fmt: skip
