"""The company of the alerts' model, what people and platforms can do there; the order is hypothesis's."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from hypothesis.stateful import RuleBasedStateMachine, initialize

from bitable_sync.cells import EMPTY, Person
from bitable_sync.platforms.gateways import Gateways
from rules import store, told
from rules.deps import Worker
from rules.group_sending import GroupSending
from rules.sending import Sending
from rules.specs import DUTY, PLANS
from rules.told import Told
from runtime.ids import RuleId
from tests.rules.alert_reference import AHEAD, MINUTE, Data, Life, Seen, Settings
from tests.rules.desk import Desk, Post, work_off
from tests.rules.kit import CHEN, LI, ROI_RULE, START, WANG, ZHAO, House
from tests.rules.kit import plan as row_of
from tests.rules.news_reference import Company

PLAN_IDS = ("1001", "1002", "1003", "1004")
OLD = 30 * MINUTE
"""Numbers older than this say nothing."""
PEOPLE = {person.open_id: person for person in (WANG, LI, ZHAO, CHEN)}
SEVERITY = {1: "警告", 2: "严重"}


class World(RuleBasedStateMachine):
    """Four plans, one rule, their owner, a supervisor and a manager; beside it what should be."""

    make: Callable[[int], House]
    count = 0

    @initialize()
    def begin(self) -> None:
        """A rule that waits ten minutes to fire and five to end; everybody has written to the bot before."""
        World.count += 1
        self.number, self.begun = World.count, set[str]()
        self.house = World.make(self.number)
        self.desk, self.post = Desk(self.house.db), Post(self.house.clock)
        self.rule, self.rows = Settings(), dict.fromkeys(PLAN_IDS, cast("Seen | None", None))
        self.company = Company({plan: Life(START) for plan in PLAN_IDS})
        self.pulls, self.pulled, self.wrong = True, START, False
        self.looked: datetime | None = None
        self.written: dict[str, datetime] = {}
        self.house.put(DUTY, {"rec_m": {"name": "经理", "role": "经理", "people": (ZHAO,)}})
        with self.house.db.begin() as conn:
            for who in PEOPLE:
                notice = Told(f"nt_{who}", "al_other", who, 1, "fired", "sent", None, START, None)
                told.add_copy(conn, notice, f"om_{who}", f"oc_{who}", version=1, turn=1, at=START)
        self._join()
        self._pull()
        self.house.write_rule(self._text())

    def _join(self) -> None:
        """The worker's side of the house as it is now."""
        house = self.house
        house.queue = house.checker.queue = house.actions.queue = self.desk
        self.post.clock = house.clock
        deps = Worker(
            house.db, self.desk, house.clock, cast("Any", None), cast("Any", self.post), Gateways(),
            house.sources, house.policy, house.checker, house.reviewer, cast("Any", None),
        )  # fmt: skip
        alone, together = Sending(deps), GroupSending(deps)
        self.jobs = {
            "rules.notify": alone.notify, "rules.refresh": alone.refresh,
            "rules.notify_digest": together.send, "rules.refresh_digest": together.refresh,
        }  # fmt: skip

    def _text(self) -> Any:
        said = self.rule
        return replace(
            ROI_RULE, scope="平台=抖音", threshold="很低" if self.wrong else f"1:{said.limit}",
            severity=SEVERITY[said.rank], hold_for="10分钟" if said.hold else "",
            keep_for="5分钟" if said.keep else "", enabled=said.enabled,
        )  # fmt: skip

    def _pull(self) -> None:
        """The platform answers, unless it does not."""
        if self.pulls:
            self.pulled = self.house.clock.now()
            with self.house.db.begin() as conn:
                store.note_pull(conn, PLANS, self.pulled)

    def _checked(self, plans: Sequence[str] = PLAN_IDS) -> None:
        if not self.rule.enabled:
            return
        now = self.house.clock.now()
        data = Data(self.pulled, self.looked, OLD, now - self.pulled > OLD)
        for plan in plans:
            self.company.lives[plan].look(now, self.rows[plan], self.rule, data)
        self.company.tell(now, list(plans))

    def _looked(self) -> None:
        """The whole table was looked at."""
        if self.rule.enabled and self.house.clock.now() - self.pulled <= OLD:
            at, before = self.pulled, self.looked
            self.looked = at if before is None or not at < before <= at + AHEAD else before

    def _put(self, plans: Sequence[str], value: str, *, by_event: bool) -> None:
        now = self.house.clock.now()
        numbers = value[0].isdigit()
        cells: dict[str, Any] = {"gmv": Decimal(value) * 1000 if numbers else EMPTY}
        if value == "zero":
            cells = {"gmv": Decimal(0), "spend": Decimal(0)}
        if value == "out":
            cells = {"platform": "淘宝"}
        for plan in plans:
            known = self.rows[plan]
            if known is None or not now < known.at <= now + AHEAD:
                doubt = value if value in ("empty", "zero") else ""
                self.rows[plan] = Seen(now, Decimal(value) if numbers else None, doubt, value == "out")
            if by_event:
                self.house.write_plan(plan, **cells)
            else:
                self.house.put(PLANS, {f"rec_{plan}": row_of(plan, **cells)})

    def _newest(self, what: str) -> bool:
        """Whether a row written now is newer than what the mirror holds of it."""
        now = self.house.clock.now()
        written = self.written.get(what, START)
        newest = not now < written <= now + AHEAD
        self.written[what] = now if newest else written
        return newest

    def _edit(self, after: Settings, *, wrong: bool) -> None:
        """Somebody edits the rule; the edit is judged at once. A wrong threshold leaves what was good."""
        if not self._newest("rule"):
            return
        before, self.wrong, self.rule = (self.rule, self.wrong), wrong, after
        text = self._text()
        if wrong:  # nothing of it is in force but the box 启用
            self.rule = replace(before[0], enabled=after.enabled)
        self._pull()
        self.house.write_rule(text)
        if before[0].enabled and not after.enabled:
            for life in self.company.lives.values():
                life.withdraw()
        if (self.rule, wrong) != before:
            self._checked()

    def _open(self, plan: str) -> str:
        """An open alert, if there is one: people tap what they see."""
        lives = self.company.lives
        return plan if lives[plan].alive else next((one for one in PLAN_IDS if lives[one].alive), plan)

    def _work_off(self, fate: str) -> None:
        """The worker does what waits; killed in the middle of a send, it goes on in its next life."""
        self.post.fate = fate
        while not work_off(self.desk, self.jobs, self.house.clock, self.begun):
            pass
        self.post.fate = ""
        self.company.deliver(self.house.clock.now())
        self._same_chats()

    def _tap(self, who: Person, action: str, plan: str, option: str | None = None) -> bool:
        with self.house.db.read() as conn:
            found = store.load_alerts(conn, RuleId("rec_roi")).get(plan)
        if found is None:
            return False
        actions = self.house.actions
        handler = {
            "alert.ack": actions.ack, "alert.close": actions.close, "mute.set": actions.mute,
            "mute.end": actions.unmute, "hand.over": actions.hand_over,
        }[action]  # fmt: skip
        with self.house.db.begin() as conn:
            handler(conn, self.house.tap(who, action, found, option))
        return True

    def _same_chats(self) -> None:
        """Every message that should be there is there once, and says how things stand now."""
        company = self.company
        alone = [one for one in self.post.messages if one.title.startswith("夏季新品")]
        assert Counter((one.receiver, one.title[-4:]) for one in alone) == Counter(company.cards)
        for one in alone:
            assert one.tags[-1] == company.lives[one.title[-4:]].word(), one.title
        others = [one for one in self.post.messages if one not in alone]
        ends = [one for one in others if one.title.endswith(("都恢复了", "都结束了"))]
        assert Counter(one.receiver for one in ends) == Counter(g.who for g in company.groups if g.ended)
        shown = Counter((one.receiver, one.title) for one in others if one not in ends)
        assert shown == Counter(self._summaries())

    def _summaries(self) -> list[tuple[str, str]]:
        """Receiver and headline of every summary that should be there."""
        found = []
        for number, group in enumerate(self.company.groups):
            over = self.company.frozen.get(number) or self.company.members(number)
            count, left = len(over), sum(not each for each in over.values())
            title = (
                f"{count} 个对象越过红线" if left == count else f"还有 {left} 个对象越过红线（共 {count} 个）"
            )
            if group.out:
                found.append((group.who, title if left else f"{count} 个对象都已结束"))
        return found

    def teardown(self) -> None:
        """The worker catches up, then everything is closed."""
        if hasattr(self, "house"):
            try:
                self._work_off("")
            finally:
                self.house.close()
                self.house.db.close()
