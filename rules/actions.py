"""What a tap does: decide from our own data and commit, inside the request.

Everything outside happens afterwards.

Every handler runs in the transaction that records the tap, so of several simultaneous taps one decides and
the others see what it decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy.engine import Connection

from bitable_sync.cells import CellValue, Person
from bitable_sync.mirror import Row
from bot.model import Tap, TapAnswer, Toast
from rules import lifecycle, store, told
from rules.access import may_act, may_see, responsible_names
from rules.allowance import needs_approval, read_allowance
from rules.cards import alert_card
from rules.check import Policy
from rules.effects import Changed, commit, first_works
from rules.grouping import notify_work
from rules.limits import Refusal, budget_rules, check_budget, check_changes, check_pieces, read_amount
from rules.model import Action, Alert, Doubt, Reason, Rule, State, Task, TaskState
from rules.notices import Kind, Notice
from rules.offers import hindrance
from rules.proposals import kept_standing, standing_of
from rules.specs import ALLOWANCES
from rules.stakes import numbers
from rules.views import ADJUST, FORM_ACTION, Sources, View, find_row, load_view
from rules.wording import hour, reason_text
from runtime import audit
from runtime.clock import Clock
from runtime.work import WorkQueue


@dataclass(frozen=True, slots=True)
class Ready:
    """A tap that may go on: the alert (locked), what its card shows, and who taps."""

    alert: Alert
    rule: Rule | None
    row: Row | None
    view: View
    person: Person


class Actions:
    """The tap handlers.

    Args:
        queue: work is put in the tap's transaction.
        clock: the time.
        sources: the mirror and the words rules use.
        policy: who is told when nobody is responsible.
    """

    def __init__(self, queue: WorkQueue, clock: Clock, sources: Sources, policy: Policy) -> None:
        self.queue = queue
        self.clock = clock
        self.sources = sources
        self.policy = policy

    # --- 知道了, 确认已下线 ---

    def ack(self, conn: Connection, tap: Tap) -> TapAnswer:
        """知道了: the alert is in this person's hands for the length of the lease.

        Of one that came and went unseen it says that somebody knows.
        """
        ready = self._ready(conn, tap, unseen=True)
        if isinstance(ready, TapAnswer):
            return ready
        alert = ready.alert
        if alert.unseen:
            step = lifecycle.seen(alert, ready.person, self.clock.now())
            return self._done(conn, tap, step, Toast("success", "好的，不再列出", "No longer listed"))
        if State.ACKED in (alert.state, alert.held):
            return self._already(conn, tap, ready)
        step = lifecycle.acknowledge(alert, ready.person, self.clock.now())
        return self._done(conn, tap, step, Toast("success", "好的，交给你了", "It is yours now"))

    def close(self, conn: Connection, tap: Tap) -> TapAnswer:
        """确认已下线: only for an object that is gone from the data."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        alert = ready.alert
        if alert.state is not State.UNKNOWN or alert.doubt is not Doubt.VANISHED:
            toast = Toast(
                "info", "对象又出现在数据里了，预警继续", "The object is in the data again; the alert goes on"
            )
            return self._fresh(conn, tap, ready.view, toast)
        step = lifecycle.close(alert, ready.person, self.clock.now())
        return self._done(conn, tap, step, Toast("success", "预警已关闭", "The alert is closed"))

    # --- forms ---

    def open_form(self, conn: Connection, tap: Tap) -> TapAnswer:
        """调整预算 / 紧急补货: show the form inside this copy of the card; nothing is decided yet."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        form = tap.action.split(".")[0]
        busy = store.running_task(conn, ready.alert.object_id)
        if busy is not None:
            return self._fresh(conn, tap, ready.view, busy_toast(busy))
        view = self._counted(conn, ready.view)
        hindered = self._hindrance(view, form)
        if hindered is not None:
            return self._hindered(conn, tap, ready, hindered)
        self._note_form(conn, tap, ready.alert, form)
        return TapAnswer(None, alert_card(replace(view, form=form)).data)

    def cancel_form(self, conn: Connection, tap: Tap) -> TapAnswer:
        """取消: close the form, nothing is decided."""
        view = self._seen(conn, tap)
        return view if isinstance(view, TapAnswer) else self._fresh(conn, tap, view, None)

    def submit(self, conn: Connection, tap: Tap) -> TapAnswer:
        """提交: check the amount against the platform's rules and decide exactly one change."""
        ready = self._claimed(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        form = tap.action.split(".")[0]
        amount = self._within(ready, FORM_ACTION[form], self._checked(conn, ready, form, tap.form))
        if isinstance(amount, Refusal):
            self._refused(conn, tap, ready.alert, "amount")
            self._note_form(conn, tap, ready.alert, form)
            typed = str(tap.form.get("amount") or "")
            again = replace(
                self._counted(conn, ready.view), form=form, fault=(amount.zh, amount.en), typed=typed
            )
            return TapAnswer(Toast("error", amount.zh, amount.en), alert_card(again).data)
        return self._decide(conn, tap, ready, FORM_ACTION[form], amount)

    def _checked(
        self, conn: Connection, ready: Ready, form: str, typed: Mapping[str, object]
    ) -> Decimal | Refusal:
        action = FORM_ACTION[form]
        if ready.rule is None or action not in ready.rule.actions:
            said = f"这条规则的“动作”里没有“{action.value}”"
            return Refusal(said, f"The rule does not offer {action.value}")
        amount = read_amount(typed.get("amount"))
        if isinstance(amount, Refusal):
            return amount
        if form != ADJUST:
            return check_pieces(amount) or amount
        view = self._counted(conn, ready.view)
        read, hindered = numbers(view.values), self._hindrance(view, form)
        if hindered is not None:
            return hindered
        refusal = check_budget(
            amount, budget=read["budget"], spend=read["spend"], changes_today=view.changes,
            rules=budget_rules(view.values.get("platform")),
        )  # fmt: skip
        return refusal or amount

    def _counted(self, conn: Connection, view: View) -> View:
        """The view with today's changes of the plan's budget."""
        count = store.changes_today(conn, view.alert.object_id, self.clock.now())
        return replace(view, changes=count)

    def _hindrance(self, view: View, form: str) -> Refusal | None:
        """Why no amount at all can be accepted now; None when one may be asked for."""
        hindered = hindrance(FORM_ACTION[form], view.values)
        if form != ADJUST or hindered is not None:
            return hindered
        read = numbers(view.values)
        if "budget" not in read or "spend" not in read:
            return Refusal(
                "“日预算”或“消耗”读不出来，下一次取数（约一分钟）后再试；一直这样请核对计划日报这一行",
                "Budget or spend cannot be read; try again after the next pull, or look at the plan's row",
            )
        return check_changes(view.changes, budget_rules(view.values.get("platform")))

    def _hindered(self, conn: Connection, tap: Tap, ready: Ready, why: Refusal) -> TapAnswer:
        self._refused(conn, tap, ready.alert, "cannot")
        return self._fresh(conn, tap, ready.view, Toast("warning", why.zh, why.en))

    def _asks(self, person: Person, kind: Action, amount: Decimal, before: Decimal | None) -> bool:
        """Whether a change is more than this person may make alone (审批额度)."""
        rows = [read_allowance(row.values) for row in self.sources.mirror.rows(ALLOWANCES)]
        return needs_approval(rows, person.open_id, kind, amount, before)

    def _within(self, ready: Ready, kind: Action, amount: Decimal | Refusal) -> Decimal | Refusal:
        """The amount, unless nobody can tell whether it needs an approval, or it needs one nobody set up."""
        if isinstance(amount, Refusal):
            return amount
        if self.sources.mirror.age(ALLOWANCES, self.clock.now()) is None:
            return Refusal(
                "审批额度还没有读到，请一分钟后再提交；一直这样请联系管理员运行 chorus setup",
                "The allowances are not read yet; submit again in a minute, or ask for `chorus setup`",
            )
        if kind in self.policy.approvals:
            return amount
        before = numbers(ready.view.values).get("budget") if kind is Action.ADJUST else None
        if not self._asks(ready.person, kind, amount, before):
            return amount
        return Refusal(
            f"超过你的审批额度，但“{kind.value}”还没有设置审批：请填小一些，或联系管理员",
            "Beyond your allowance, and no approval is set up; enter less, or ask your administrator",
        )

    def _decide(self, conn: Connection, tap: Tap, ready: Ready, kind: Action, amount: Decimal) -> TapAnswer:
        now, alert = self.clock.now(), ready.alert
        read = numbers(ready.view.values)
        before = read.get("budget") if kind is Action.ADJUST else None
        asks = self._asks(ready.person, kind, amount, before)
        task = Task(
            store.task_id(alert),
            alert.id,
            alert.episode,
            kind,
            alert.object_id,
            alert.title,
            amount,
            before,
            None,
            TaskState.WAITING if asks else TaskState.QUEUED,
            ready.person,
            now,
            detail=_as_decided(kind, ready.view.values),
        )
        store.save_task(conn, task)
        audit.record(
            conn, at=now, actor=tap.operator, action=f"task.{kind.name.lower()}", subject=f"task:{task.id}",
            reason="approval_asked" if asks else "decided",
            detail={"alert": alert.id, "amount": str(amount), "before": str(before or "")},
        )  # fmt: skip
        self.queue.put(conn, *first_works(task, feishu=self.policy.feishu_tasks))
        step = lifecycle.acknowledge(alert, ready.person, now, reason=Reason.ACTED)
        toast = Toast("success", "已提交，正在执行", "Submitted; it is being done")
        if asks:
            zh, en = "超过你的额度，已提交审批，通过后自动执行", "Beyond your allowance; sent for approval"
            toast = Toast("success", zh, en)
        return self._done(conn, tap, step, toast)

    # --- 查看 ---

    def show(self, conn: Connection, tap: Tap) -> TapAnswer:
        """查看: send the alert as a card of its own to whoever it concerns."""
        view = self._seen(conn, tap)
        if isinstance(view, TapAnswer):
            return view
        notice = Notice(Kind.SHOWN, f"shown:{tap.id}", "asked")
        for new in told.add_notices(conn, [(view.alert, notice)], tap.operator, self.clock.now()):
            self.queue.put(conn, notify_work(tap.operator, new))
        return TapAnswer(Toast("success", "已发给你", "Sent to you"))

    # --- inside ---

    def _load(self, conn: Connection, tap: Tap) -> Alert | None:
        wanted = tap.value.get("id")
        return store.load_alert(conn, wanted, lock=True) if isinstance(wanted, str) else None

    def _view(self, conn: Connection, tap: Tap, alert: Alert) -> View:
        copy = told.load_copy(conn, tap.message_id)
        return load_view(conn, self.sources, alert, told.code_of(copy.notice_id) if copy else "")

    def _seen(self, conn: Connection, tap: Tap) -> View | TapAnswer:
        """What the card of a tap's alert shows, if the alert concerns this person."""
        alert = self._load(conn, tap)
        if alert is None:
            return TapAnswer(_GONE)
        view, row = self._view(conn, tap, alert), find_row(self.sources, alert)
        if may_see(alert, view.rule, row, self.policy.fallback, tap.operator) is None:
            return self._not_yours(conn, tap, alert, view.rule, row)
        return view

    def _claimed(self, conn: Connection, tap: Tap) -> Ready | TapAnswer:
        """As `_ready`, for a change: the object is locked, nothing runs on it, the card is the newest."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        store.lock_object(conn, ready.alert.table, ready.alert.object_id)
        busy = store.running_task(conn, ready.alert.object_id)
        if busy is not None:
            self._refused(conn, tap, ready.alert, "busy")
            return self._fresh(conn, tap, ready.view, busy_toast(busy))
        if tap.value.get("v") != ready.alert.turn:
            return self._already(conn, tap, ready)
        return ready

    def _ready(self, conn: Connection, tap: Tap, *, unseen: bool = False) -> Ready | TapAnswer:
        alert = self._load(conn, tap)
        if alert is None:
            return TapAnswer(_GONE)
        view, row = self._view(conn, tap, alert), find_row(self.sources, alert)
        person = may_act(alert, view.rule, row, self.policy.fallback, tap.operator)
        if person is None:
            return self._not_yours(conn, tap, alert, view.rule, row)
        if not alert.open and not (unseen and alert.unseen):
            zh, en = reason_text(alert)
            toast = Toast("info", f"这条预警已经结束：{zh}", f"This alert is over: {en}")
            return self._fresh(conn, tap, view, toast)
        return Ready(alert, view.rule, row, view, person)

    def _not_yours(
        self, conn: Connection, tap: Tap, alert: Alert, rule: Rule | None, row: Row | None
    ) -> TapAnswer:
        self._refused(conn, tap, alert, "not_responsible")
        names = responsible_names(alert, rule, row)
        zh = f"这条预警由 {names} 负责，你不能处理" if names else "你不能处理这条预警：表格里还没有填负责人"
        en = (
            f"{names} is responsible; you cannot act on this"
            if names
            else "Nobody is responsible yet; you cannot act"
        )
        return TapAnswer(Toast("warning", zh, en))

    def _refused(self, conn: Connection, tap: Tap, alert: Alert, reason: str) -> None:
        audit.record(
            conn,
            at=self.clock.now(),
            actor=tap.operator,
            action=f"tap.{tap.action}",
            subject=f"alert:{alert.id}",
            reason=reason,
            detail={"refused": True, "turn": alert.turn},
        )

    def _already(self, conn: Connection, tap: Tap, ready: Ready) -> TapAnswer:
        """Somebody was faster, or the card was old: say who did what, and show how it is now."""
        self._refused(conn, tap, ready.alert, "already_done")
        task, alert = ready.view.task, ready.alert
        if task is not None:
            who, at = task.asked_by.name, hour(task.asked_at)
            toast = Toast(
                "warning",
                f"{who} 已在 {at} 处理过，请看最新卡片",
                f"{who} already acted at {at}; see the card",
            )
        elif alert.acked_by is not None and alert.acked_at is not None:
            who, at = alert.acked_by.name, hour(alert.acked_at)
            toast = Toast("info", f"{who} 已在 {at} 接手", f"{who} took it at {at}")
        else:
            toast = Toast(
                "warning", "卡片不是最新的，已刷新，请再看一眼", "The card was old; it is refreshed now"
            )
        return self._fresh(conn, tap, ready.view, toast)

    def _fresh(self, conn: Connection, tap: Tap, view: View, toast: Toast | None) -> TapAnswer:
        told.opened(conn, tap.message_id, None, self.clock.now())
        return TapAnswer(toast, alert_card(view).data)

    def _done(self, conn: Connection, tap: Tap, step: lifecycle.Step, toast: Toast) -> TapAnswer:
        changed = Changed(step.alert, step.reason, actor=tap.operator)
        commit(conn, self.queue, [changed], (), self.clock.now())
        return self._fresh(conn, tap, self._view(conn, tap, step.alert), toast)

    def _note_form(self, conn: Connection, tap: Tap, alert: Alert, form: str) -> None:
        told.opened(conn, tap.message_id, form, self.clock.now(), turn=alert.turn)


_GONE = Toast(
    "error", "找不到这条预警，请打开最新的卡片", "This alert is unknown; please use the newest card"
)


def _as_decided(kind: Action, values: Mapping[str, CellValue]) -> Mapping[str, str] | None:
    """How the object stood when somebody decided, to be held against how it stands when it is done."""
    if kind is Action.RESTOCK:
        standing = standing_of(values)
        return None if standing is None else kept_standing(standing)
    status = values.get("status")
    return {"status": status} if isinstance(status, str) else None


def busy_toast(task: Task) -> Toast:
    """Why nothing can be decided about an object now: another task is on its way."""
    who, at = task.asked_by.name, hour(task.asked_at)
    if task.state is TaskState.WAITING:
        return Toast(
            "warning", f"{who} 在 {at} 提交的处理正在等审批", f"{who}'s action of {at} waits for an approval"
        )
    return Toast(
        "warning", f"{who} 在 {at} 提交的处理正在执行", f"{who}'s action of {at} is being carried out"
    )
