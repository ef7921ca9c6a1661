"""Two people, two copies, an approval, a platform that forgets to answer, a worker that dies: 500 orders.

Two of three are about a plan (its budget, its pause), the third about a SKU (its purchase, in an ERP that
makes an order of every call). Meanwhile somebody may do something at the platform itself, or nobody does.
Everything runs in this thread: each work is the product's own job; each outside call may let something
else happen first, do its work and lose the answer, or be when the worker is killed, as the seed says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, cast

import pytest

from bitable_sync.cells import Person
from bitable_sync.changes import Change
from bitable_sync.platforms.gateways import Gateways
from bot.model import Tap
from rules import tables
from rules.acting import Acting
from rules.approving import Approving
from rules.check import Policy
from rules.deps import Worker
from rules.grouping import WINDOW
from rules.model import Action, State, TaskState
from rules.sending import Sending
from rules.specs import ALLOWANCES, PLANS, STOCK
from runtime.db import Database
from runtime.ids import MessageId, WorkId
from runtime.jobrun import JobRun, Slots
from runtime.work import Work
from tests.rules.desk import Desk, Killed
from tests.rules.kit import LI, ROI_RULE, STOCK_RULE, WANG, House, plan, sku, texts
from tests.rules.outside import CODES, Outside
from tests.support.share import sized

(ORDERS,) = sized(500)
ADJUSTED, BOUGHT = ("rec_roi", "9"), ("rec_stock", "S")
"""Which rule an order is about, and what the ids of its objects begin with."""


class Order:
    """One order of events."""

    def __init__(self, house: House, desk: Desk, seed: int) -> None:
        self.house, self.desk, self.random = house, desk, Random(seed)
        self.rule_id, first = BOUGHT if seed % 3 == 2 else ADJUSTED
        self.object_id = f"{first}{seed:04}"
        self.moved = False
        self.outside = Outside(self.random)
        deps = Worker(
            house.db, desk, house.clock, cast("Any", None), cast("Any", self.outside),
            self.gateways(), house.sources, house.policy, house.checker, house.reviewer,
            cast("Any", self.outside),
        )  # fmt: skip
        sending, acting, approving = Sending(deps), Acting(deps), Approving(deps)
        self.jobs: Mapping[str, Callable[[JobRun, Mapping[str, Any]], None]] = {
            "rules.notify": sending.notify, "rules.refresh": sending.refresh, "rules.act": acting.act,
            "rules.ask": approving.ask, "rules.look": approving.look, "rules.look_all": approving.look_all,
        }  # fmt: skip
        self.journals: dict[str, list[dict[str, Any]]] = {}
        self.waiting: list[Callable[[], None]] = []
        self.said: list[str] = []

    def gateways(self) -> Gateways:
        """One account and one ERP, which also tells the stock."""
        outside = cast("Any", self.outside)
        return Gateways(ads={"ads": outside}, stock={"erp": outside}, purchases=outside)

    # --- the world ---

    def begin(self) -> None:
        """The object falls; its owner has a card, and so has the supervisor, who asked for it."""
        self.fall()
        self.outside.trouble = 0
        with self.house.db.begin() as conn:
            self.house.actions.show(conn, self.house.tap(LI, "alert.show", self.alert()))
        self.work_off()
        self.outside.trouble = 3
        alert = self.alert()
        both = [(WANG, self.copy(WANG)), (LI, self.copy(LI))]
        plan = self.rule_id == ADJUSTED[0]
        wishes = self.random.sample(["small", "large", "pause", "ack"] if plan else ["few", "many", "ack"], 2)
        for (who, message), wish in zip(both, wishes, strict=True):
            self.waiting.append(
                lambda who=who, message=message, wish=wish: self.tap(who, message, wish, alert)
            )  # type: ignore[misc]
        moves = (
            [self.somebody_pauses, self.somebody_changes, self.somebody_sells] if plan else [self.goods_come]
        )
        self.waiting.append(self.random.choice([*moves, self.nothing]))
        self.random.shuffle(self.waiting)
        self.outside.meanwhile = self.one_event

    def copy(self, who: Person) -> str:
        """The message a person holds."""
        rows = self.house.rows(tables.alert_cards, alert_id=self.alert().id, receiver=who.open_id)
        return str(rows[0].message_id)

    def alert(self) -> Any:
        """The alert as it is."""
        return self.house.alert(self.rule_id, self.object_id)

    def fall(self) -> None:
        """A plan with an ROI of 2, or a SKU of which 170 pieces are needed."""
        if self.rule_id == ADJUSTED[0]:
            self.house.write_plan(self.object_id)
            return
        record = f"rec_{self.object_id}"
        self.house.put(STOCK, {record: sku(self.object_id, owner=(WANG,), supervisor=(LI,))})
        found = self.house.mirror.get(STOCK, record)
        self.house.checker.rows_changed(STOCK, [Change(STOCK, None, found)])

    def tap(self, who: Person, message: str, wish: str, alert: Any) -> None:
        """A tap on a copy as it was when both were looking at it."""
        actions = self.house.actions
        action, handler, form = {
            "small": ("adjust.submit", actions.submit, {"amount": "1400"}),
            "large": ("adjust.submit", actions.submit, {"amount": "9000"}),
            "few": ("restock.submit", actions.submit, {"amount": "150"}),
            "many": ("restock.submit", actions.submit, {"amount": "900"}),
            "pause": ("plan.pause", actions.pause, {}),
            "ack": ("alert.ack", actions.ack, {}),
        }[wish]
        tap: Tap = replace(self.house.tap(who, action, alert, **form), message_id=MessageId(message))
        with self.house.db.begin() as conn:
            answer = handler(conn, tap)
        self.outside.messages[message]["card"] = dict(answer.card or {})
        self.said.append(answer.toast.zh if answer.toast else "")

    def somebody_pauses(self) -> None:
        """On the platform itself."""
        self.outside.enabled, self.moved = False, True

    def somebody_sells(self) -> None:
        """So much is spent that neither amount is allowed any more."""
        self.outside.spend, self.moved = Decimal(8800), True

    def goods_come(self) -> None:
        """Somebody bought in the ERP itself."""
        self.outside.on_way += 500
        self.moved = True

    def somebody_changes(self) -> None:
        """On the platform itself."""
        self.outside.budget, self.moved = Decimal(3000), True

    def nothing(self) -> None:
        """Nobody touches it."""

    def decide(self) -> None:
        """Whoever was asked says yes or no, and an event may come or not."""
        for uuid, instance in self.outside.instances.items():
            if instance["status"] == "PENDING":
                instance["status"] = self.random.choice(["APPROVED", "APPROVED", "REJECTED"])
                with self.house.db.begin() as conn:
                    self.desk.put(conn, Work("rules.look_all", f"look_all:{uuid}", f"look:{uuid}", {}))

    def one_event(self) -> None:
        """One thing people do."""
        if self.waiting and self.random.random() < 0.7:
            self.waiting.pop()()
        elif self.random.random() < 0.5:
            self.decide()

    # --- the worker ---

    def run(self) -> None:
        """Everything happens, in this order's order."""
        self.begin()
        while self.waiting:
            self.one_event()
            if self.random.random() < 0.6:
                self.one_work()
        self.work_off()
        self.decide()
        self.work_off()

    def work_off(self) -> None:
        """Do what waits until nothing does."""
        while self.desk.waiting_works:
            self.one_work()

    def one_work(self) -> None:
        """Do one work; a killed one begins anew, with what its journal holds."""
        ready = self.desk.first_of_lanes()
        if not ready:
            return
        work = self.random.choice(ready)
        job = self.jobs.get(work.job)
        resumed = work.id in self.journals
        journal, done = self.journals.setdefault(work.id, []), 0

        def record(_name: str, fn: Callable[[], dict[str, Any]]) -> dict[str, Any]:
            nonlocal done
            if done == len(journal):
                journal.append(fn())
            done += 1
            return journal[done - 1]

        run = JobRun(
            WorkId(work.id),
            record=record,
            slots=Slots(1),
            clock=self.house.clock,
            resumed=resumed,
            first_wait=0.0,
        )
        try:
            if job is not None:
                job(run, work.args)
        except Killed:
            return
        self.desk.waiting_works.remove(work)

    # --- what must hold ---

    def judge(self) -> None:
        """At most one change by us; it is the one that was asked for; every copy says what is true.

        Where nothing moved and nobody said no, exactly one.
        """
        tasks = self.house.rows(tables.alert_tasks, object_id=self.object_id)
        assert len(tasks) <= 1, "of two wishes for one turn one is decided"
        effects = self.outside.effects
        assert len(effects) <= 1, effects
        task = tasks[0] if tasks else None
        if task is not None and not self.moved:
            refused = self.outside.instances.get(task.id, {}).get("status") == "REJECTED"
            wanted = (TaskState.FAILED, 0) if refused else (TaskState.DONE, 1)
            assert (task.state, len(effects)) == wanted, task.result
        if task is None:
            assert effects == []
        elif task.state is TaskState.DONE:
            self._judge_done(task, effects)
        elif effects:  # made, and then changed again by somebody: said, and not undone
            assert task.state is TaskState.FAILED
            assert ("现在显示 ¥3,000" in task.result, self.outside.budget) == (True, Decimal(3000)), (
                task.result
            )
        else:
            assert task.state is TaskState.FAILED
        self._judge_cards(task)

    def _judge_done(self, task: Any, effects: Sequence[str]) -> None:
        if task.kind is Action.PAUSE:
            assert not self.outside.enabled
            assert effects in ([f"{self.object_id} enabled False"], []), "or somebody paused it before us"
        elif task.kind is Action.RESTOCK:
            assert effects == [f"{self.object_id} bought {task.amount}"]
            assert self.outside.bought == {task.id: task.amount}
        else:
            assert effects == [f"{self.object_id} budget {task.amount}"]
            assert task.after == task.amount
        if task.amount in (9000, 900):
            assert self.outside.instances[task.id]["status"] == "APPROVED"

    def _judge_cards(self, task: Any) -> None:
        alert = self.alert()
        said = {None: "知道了", TaskState.DONE: "✓", TaskState.FAILED: "没有成功"}[
            task.state if task else None
        ]
        copies = self.house.rows(tables.alert_cards, alert_id=alert.id)
        assert {copy.receiver for copy in copies} == {WANG.open_id, LI.open_id}
        for copy in copies:
            assert copy.shown_version == alert.version
            assert said in texts(self.outside.messages[copy.message_id]["card"]), said
        assert alert.state is State.ACKED
        receivers = [each["receiver"] for each in self.outside.messages.values()]
        assert sorted(receivers) == sorted([WANG.open_id, LI.open_id]), "nobody has two cards"


@pytest.mark.db
@pytest.mark.timeout(400)
def test_five_hundred_orders_have_one_effect_and_one_truth(database: Database, tmp_path: Any) -> None:
    """Whatever the order, at most one change is made, and everybody reads what it was."""
    policy = Policy(approvals=CODES)
    house = House(database, tmp_path, policy=policy)
    desk = Desk(database)
    house.queue = desk
    house.checker.queue = house.actions.queue = desk
    house.put(ALLOWANCES, {"rec_a": {"name": "所有人", "budget": Decimal(2500), "pieces": Decimal(500)}})
    house.write_rule(replace(ROI_RULE, actions=("调整预算", "暂停计划", "知道了")))
    house.write_rule(STOCK_RULE, "rec_stock")
    # Others, so many that the alerts of all orders together are no storm.
    calm = range(4 * ORDERS)
    house.put(PLANS, {f"calm_{n}": plan(f"calm{n}", gmv=Decimal(9000)) for n in calm})
    house.put(STOCK, {f"calm_{n}": sku(f"calm{n}", qty=Decimal(900)) for n in calm})
    outcomes: dict[str, int] = {}
    for seed in range(ORDERS):
        desk.waiting_works.clear()
        house.advance(2 * WINDOW)
        order = Order(house, desk, seed)
        order.run()
        try:
            order.judge()
        except AssertionError as error:
            raise AssertionError(f"order {seed}: {error}") from error
        for task in house.rows(tables.alert_tasks, object_id=order.object_id):
            key = f"{task.kind.value} {task.amount} {task.state.value}"
            outcomes[key] = outcomes.get(key, 0) + 1
    house.close()
    wanted = (
        "调整预算 1400 已完成", "调整预算 1400 失败", "调整预算 9000 已完成", "调整预算 9000 失败",
        "暂停计划 0 已完成", "紧急补货 150 已完成", "紧急补货 150 失败", "紧急补货 900 已完成",
        "紧急补货 900 失败",
    )  # fmt: skip
    assert min(outcomes.get(key, 0) for key in wanted) >= ORDERS // 100, outcomes
