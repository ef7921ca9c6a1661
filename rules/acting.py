"""The job that changes the world: ``rules.act``, one at a time for each object of a platform."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.facts import PlanState, PurchaseItem, Purchases
from bitable_sync.platforms.gateways import Gateways
from rules import lifecycle, store
from rules.aftereffect import effect_work, look_at
from rules.deps import Worker
from rules.effects import Changed, commit, feishu_works, pull_work
from rules.limits import Refusal, budget_rules, check_budget, moved_stock, yuan
from rules.model import Action, Reason, State, Task, TaskState
from rules.proposals import read_standing, standing_of
from rules.sources import stock_rows
from rules.specs import PLANS, STOCK
from rules.views import find_row
from runtime import audit
from runtime.errors import ChorusError, PermanentError, TransientError, UnknownOutcome
from runtime.jobrun import JobRun

STOPPED = ("已暂停", "已结束")
"""A plan that was stopped while its new budget waited for approval: somebody has thought better of it."""


class Acting:
    """Carries tasks out: look at the world, change it once, look again, record before and after."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def act(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Carry one task out. Whatever happens, the task ends as 已完成 or 失败 with a sentence."""
        with self.deps.db.read() as conn:
            task = store.load_task(conn, str(args["task_id"]))
        if task is None or not task.state.running:
            return
        run.step("begin", lambda: self._begin(task))
        try:
            outcome = self._perform(run, task)
        except ChorusError as error:
            outcome = {"failed": _sentence(error)}
        run.step("record", lambda: self._record(task, outcome))

    def _begin(self, task: Task) -> None:
        with self.deps.db.begin() as conn:
            store.save_task(conn, replace(task, state=TaskState.DOING))

    def _perform(self, run: JobRun, task: Task) -> dict[str, Any]:
        if task.kind is Action.ADJUST and self.deps.gateways.ads:
            return self._adjust(run, task, self.deps.gateways)
        if task.kind is Action.PAUSE and self.deps.gateways.ads:
            return self._pause(run, task, self.deps.gateways)
        if task.kind is Action.RESTOCK and self.deps.gateways.purchases is not None:
            return self._restock(run, task, self.deps.gateways.purchases)
        return {"failed": f"“{task.kind.value}”的平台还没有接入，请联系管理员运行 chorus doctor"}

    def _adjust(self, run: JobRun, task: Task, ads: Gateways) -> dict[str, Any]:
        def look() -> dict[str, str] | None:
            plan = ads.plan(task.object_id)
            if plan is None:
                return None
            budget = "" if plan.budget is None else str(plan.budget)
            return {
                "budget": budget, "spend": str(plan.spend), "status": plan.state.value,
                "platform": plan.platform,
            }  # fmt: skip

        before = run.attempt("before", look)
        if before is None:
            return {"failed": "平台上已经没有这个计划"}
        if not before["budget"]:
            return {"failed": "平台没有给出这个计划的日预算（不限或不可改），请到平台后台调整"}
        budget = Decimal(before["budget"])
        moved = _moved_meanwhile(task, budget, before["status"])
        if moved is not None:
            return {"failed": moved, "before": str(budget)}
        if budget != task.amount:
            # Spend and changes have gone on since the tap, so the platform's rules are checked again.
            with self.deps.db.read() as conn:
                count = store.changes_today(conn, task.object_id, self.deps.clock.now())
            refusal = check_budget(
                task.amount, budget=budget, spend=Decimal(before["spend"]), changes_today=count,
                rules=budget_rules(before.get("platform")),
            )  # fmt: skip
            if isinstance(refusal, Refusal):
                return {"failed": refusal.zh, "before": str(budget)}
            run.attempt("set", _set(ads, task), lookup=lambda: _is_set(ads, task, budget))
        after = run.attempt("after", look)
        now = None if after is None else after["budget"] or None
        if now is None or Decimal(now) != task.amount:
            said = (
                f"平台现在显示 {yuan(Decimal(now))}，不是提交的值，请到平台核对"
                if now
                else "改完后平台上查不到这个计划"
            )
            return {"failed": said, "before": str(budget), "after": now}
        return {"before": str(budget), "after": now, "result": f"日预算 {yuan(budget)} → {yuan(task.amount)}"}

    def _pause(self, run: JobRun, task: Task, ads: Gateways) -> dict[str, Any]:
        def look() -> dict[str, bool] | None:
            plan = ads.plan(task.object_id)
            return None if plan is None else {"on": plan.state is not PlanState.PAUSED}

        def stop() -> bool:
            ads.set_enabled(task.object_id, enabled=False)
            return True

        def stopped() -> bool | None:
            found = look()
            return True if found is not None and not found["on"] else None

        before = run.attempt("before", look)
        if before is None:
            return {"failed": "平台上已经没有这个计划"}
        if not before["on"]:
            return {"result": "计划本来就是暂停的"}
        run.attempt("pause", stop, lookup=stopped)
        after = run.attempt("after", look)
        if after is None or after["on"]:
            return {"failed": "平台上计划还在投放，请到平台核对"}
        return {"result": "计划已暂停"}

    def _restock(self, run: JobRun, task: Task, erp: Purchases) -> dict[str, Any]:
        def find() -> dict[str, str] | None:
            order = erp.find_purchase(task.id)
            return None if order is None else {"po_id": order.po_id}

        def buy() -> dict[str, str]:
            # Also a fresh start looks first: the order of an earlier run must not be made twice.
            found = find()
            if found is not None:
                return found
            order = erp.purchase(task.id, [PurchaseItem(task.object_id, int(task.amount))])
            return {"po_id": order.po_id}

        made = run.attempt("found", find)
        if made is None:
            # Looked at once: after a death in between, a purchase of our own must not count as a move.
            moved = run.attempt("moved", lambda: {"why": self._stock_moved(task)})
            if moved["why"]:
                return {"failed": moved["why"]}
            made = run.attempt("purchase", buy, lookup=find)
        return {"after": str(task.amount), "result": f"采购单 {made['po_id']}"}

    def _stock_moved(self, task: Task) -> str:
        """Why a purchase is not made although it was decided, in Chinese; empty when it is."""
        with self.deps.db.read() as conn:
            alert = store.load_alert(conn, task.alert_id)
        if alert is None or not alert.open:
            return "预警已经结束，没有采购；如仍需要请重新提交"
        if not task.detail:
            return ""  # how it stood was not readable when somebody decided all the same
        fresh = self.deps.gateways.sku(task.object_id)
        row = find_row(self.deps.sources, alert)
        values = dict(row.values) if row is not None else {}
        if fresh is not None:
            values |= stock_rows([fresh], self.deps.clock.now())[0]
        now = standing_of(values)
        if now is None or (fresh is None and alert.state is State.UNKNOWN):
            return "现在读不到这个 SKU 的库存，不知道还要不要补，没有采购；数据恢复后请重新提交"
        return moved_stock(read_standing(task.detail), now, task.amount) or ""

    def _record(self, task: Task, outcome: Mapping[str, Any]) -> None:
        now = self.deps.clock.now()
        failed = outcome.get("failed")
        before, after = (_decimal(outcome.get(key)) for key in ("before", "after"))
        metric = None if failed else look_at(self.deps, task)[1].value
        done = replace(
            task,
            metric_before=metric,
            state=TaskState.FAILED if failed else TaskState.DONE,
            before=task.before if before is None else before,
            after=after,
            done_at=now,
            result=str(failed or outcome.get("result", "")),
        )
        with self.deps.db.begin() as conn:
            alert = store.load_alert(conn, task.alert_id, lock=True)
            stored = store.load_task(conn, task.id)
            if alert is None or stored is None or not stored.state.running:
                return
            store.save_task(conn, done)
            audit.record(
                conn,
                at=now,
                actor="system:rules",
                action=f"task.{task.kind.name.lower()}",
                subject=f"task:{task.id}",
                reason="failed" if failed else "done",
                detail={
                    "asked_by": task.asked_by.open_id,
                    "before": str(done.before),
                    "after": str(after),
                    "result": done.result,
                },
            )
            reason = Reason.TASK_FAILED if failed else Reason.TASK_DONE
            step = lifecycle.told(alert, reason)
            commit(conn, self.deps.queue, [Changed(step.alert, reason)], (), now)
            self.deps.queue.put(conn, *feishu_works(done, wanted=self.deps.policy.feishu_tasks))
            if not failed:
                self.deps.queue.put(conn, effect_work(task, self.deps.metrics.effect_hours))
                table = STOCK if task.kind is Action.RESTOCK else PLANS
                self.deps.queue.put(conn, pull_work(table, f"after:{task.id}"))


def _moved_meanwhile(task: Task, budget: Decimal, status: str) -> str | None:
    """Why a change that was approved no longer fits the plan; None when it does, or needed no approval."""
    if task.approval is None or budget == task.amount:
        return None
    if task.before is not None and budget != task.before:
        return f"等审批时预算已从 {yuan(task.before)} 改为 {yuan(budget)}，没有执行；如仍需要请重新提交"
    was = (task.detail or {}).get("status", status)
    if status in STOPPED and was not in STOPPED:
        return f"等审批时计划从“{was}”变为“{status}”，没有执行；如仍需要请重新提交"
    return None


def _set(ads: Gateways, task: Task) -> Callable[[], bool]:
    def change() -> bool:
        ads.set_budget(task.object_id, task.amount)
        return True

    return change


def _is_set(ads: Gateways, task: Task, before: Decimal) -> bool | None:
    """After a doubt: whether it is set. A third value is somebody's later change, not ours to undo."""
    plan = ads.plan(task.object_id)
    if plan is None or plan.budget == before:
        return None
    if plan.budget != task.amount:
        now = "不限" if plan.budget is None else yuan(plan.budget)
        raise PermanentError(f"平台没有及时回答，现在显示 {now}，可能有人改过，请到平台核对后再提交")
    return True


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _sentence(error: ChorusError) -> str:
    if isinstance(error, UnknownOutcome):
        return f"平台没有回答，不知道有没有生效，请到平台核对后再决定是否重做（{error}）"
    if isinstance(error, TransientError):
        return f"试了多次都没有成功，没有生效，请稍后重做（{error}）"
    return str(error)
