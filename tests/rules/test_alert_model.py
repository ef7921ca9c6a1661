"""The life of alerts against a small reference, in any order of data, gaps, edits, taps, restarts, clocks.

Four plans, one rule, their owner, a supervisor and a manager. After every step both must agree on the state,
and on exactly what was decided to be told to whom; whenever the worker has caught up, on every message in
everybody's chat: which there are, and that each says how things stand.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from bitable_sync.cells import Person
from rules import store
from rules.check import Policy
from rules.model import State
from rules.specs import PLANS, SILENCES
from runtime.db import Database
from runtime.ids import RuleId
from tests.rules.alert_reference import MINUTE, Settings
from tests.rules.alert_world import OLD, PLAN_IDS, World
from tests.rules.kit import CHEN, LI, WANG, ZHAO, House
from tests.rules.news_reference import ALONE
from tests.support.share import sized

(LIVES,) = sized(200)
VALUES = ("2", "2", "2", "2", "2.6", "3.1", "4", "4", "4", "empty", "zero", "out")
"""Over 1:3; over 1:3 and between for 1:2.5; between for 1:3; clear; unreadable; no spend; not in scope."""
FATES = ("", "", "", "lost", "dies after", "dies before")


class Lives(World):
    """What may happen, in any order."""

    # --- data ---

    @rule(plan=st.sampled_from(PLAN_IDS), value=st.sampled_from(VALUES))
    def data(self, plan: str, value: str) -> None:
        """A row is edited, and the event arrives. What was read later than now stays."""
        self._pull()
        self._put([plan], value, by_event=True)
        self._checked([plan])

    @rule(plans=st.sets(st.sampled_from(PLAN_IDS), min_size=2), value=st.sampled_from(VALUES))
    def many(self, plans: set[str], value: str) -> None:
        """A pull brings several numbers, and the table is looked through."""
        self._put(sorted(plans), value, by_event=False)
        self.scan()

    @rule(value=st.sampled_from(VALUES), minutes=st.sampled_from([5, 10, 12, 31, 60, 120, 480]))
    def stretch(self, value: str, minutes: int) -> None:
        """Numbers that stay for a while, with checks at its begin and end."""
        self.many(set(PLAN_IDS[:3]), value)
        self.wait(minutes, 1)

    @rule(
        plan=st.sampled_from(PLAN_IDS), value=st.sampled_from(["2", "2", "4"]),
        doubt=st.sampled_from(["empty", "zero", "out"]), gap=st.sampled_from([3, 12, 31]),
        around=st.sampled_from([3, 4, 6, 8]),
    )  # fmt: skip
    def gap_in_a_clock(self, plan: str, value: str, doubt: str, gap: int, around: int) -> None:
        """Data is missing while one of the rule's clocks runs, and then there again; it runs on, or anew."""
        self.pulls = True
        for what, minutes in ((value, around), (doubt, gap), (value, around), (value, 3)):
            self.data(plan, what)
            self.wait(minutes, 1)

    @rule(
        plans=st.sets(st.sampled_from(PLAN_IDS), min_size=1),
        fate=st.sampled_from(FATES),
        calm=st.sampled_from([False, False, False, True]),
    )
    def fall(self, plans: set[str], fate: str, *, calm: bool) -> None:
        """Some plans fall and stay low until that is told, unless somebody silences everything meanwhile."""
        self.pulls = True
        self.many(plans, "2")
        self.wait(11, 1)
        if calm:
            self.calm(20)
        self.catch_up(fate)

    @rule(
        fate=st.sampled_from(FATES),
        late=st.booleans(),
        value=st.sampled_from(["4", "4", "4", "empty", "zero", "out"]),
    )
    def rise(self, fate: str, value: str, *, late: bool) -> None:
        """What is low is well again, or nobody can tell, and that lasts; the worker may look only later."""
        low = [plan for plan in PLAN_IDS if self.rows[plan] is not None and self.company.lives[plan].alive]
        if not low:
            return
        self.pulls = True
        self.many(set(low), value)
        if not late:
            self.catch_up(fate)
        self.wait(6, 2)
        self.catch_up(fate)

    @rule(
        who=st.sampled_from([WANG, LI, ZHAO]),
        minutes=st.sampled_from([60, 170, 240]),
        fate=st.sampled_from(FATES),
    )
    def taken_and_left(self, who: Person, minutes: int, fate: str) -> None:
        """Somebody takes what is open and does nothing, mostly for longer than the lease."""
        if not any(life.alive for life in self.company.lives.values()):
            self.fall({PLAN_IDS[0]}, fate, calm=False)
        for plan in PLAN_IDS:
            self.acknowledge(who, plan)
        self.wait(minutes, 3)
        self.catch_up(fate)

    @rule(
        plan=st.sampled_from(PLAN_IDS),
        who=st.sampled_from([WANG, LI]),
        minutes=st.sampled_from([20, 61]),
        fate=st.sampled_from(FATES),
    )
    def silenced_on_its_way(self, plan: str, who: Person, minutes: int, fate: str) -> None:
        """News is decided, and silenced before the worker comes to it; later the silence is over."""
        self.pulls = True
        self.data(plan, "2")
        self.wait(11, 1)
        self.silence(who, plan, on=True)
        self.catch_up(fate)
        self.wait(minutes, 1)
        self.catch_up("")

    @rule(
        values=st.lists(st.sampled_from(VALUES), min_size=2, max_size=4), minutes=st.sampled_from([5, 10, 12])
    )
    def day(self, values: list[str], minutes: int) -> None:
        """Several such stretches of one plan."""
        for value in values:
            self.data(PLAN_IDS[0], value)
            self.wait(minutes, 1)

    @rule(plan=st.sampled_from(PLAN_IDS), fate=st.sampled_from(FATES), back=st.booleans())
    def row_is_deleted(self, plan: str, fate: str, *, back: bool) -> None:
        """The row of an open alert goes, for longer than anybody's patience; perhaps it was a mistake."""
        plan = self._open(plan)
        if self.rows[plan] is None or not self.rule.enabled:
            return
        self._pull()
        self.rows[plan] = None
        self.house.drop_row(PLANS, f"rec_{plan}")
        self._checked([plan])
        self.wait(11, 1)
        self.catch_up(fate)
        if back:
            self.data(plan, "2")

    @rule()
    def scan(self) -> None:
        """The regular check; again at once it changes nothing."""
        self._pull()
        self.house.checker.scan()
        self._checked()
        self._looked()

    @rule(
        minutes=st.sampled_from([5, 12, 31, 31, 60]),
        value=st.sampled_from(VALUES),
        fate=st.sampled_from(FATES),
    )
    def outage(self, minutes: int, value: str, fate: str) -> None:
        """The platform does not answer for a while, people edit meanwhile; then it does again."""
        self.pulls = False
        self.wait(minutes, 1)
        self.data(PLAN_IDS[0], value)
        self.wait(minutes, 1)
        self.catch_up(fate)
        self.pulls = True
        self.scan()

    # --- time ---

    @rule(minutes=st.sampled_from([1, 5, 10, 10, 30, 120, 480]), looks=st.integers(0, 3))
    def wait(self, minutes: int, looks: int) -> None:
        """Time passes, and the check goes on meanwhile."""
        for _ in range(max(1, looks)):
            self.house.advance(MINUTE * minutes + timedelta(seconds=1))
            if looks:
                self.scan()

    @rule(minutes=st.sampled_from([0, 0, 1, 7, 30]))
    def clock_steps_back(self, minutes: int) -> None:
        """The machine's clock is put right, backwards."""
        self.house.clock.set(self.house.clock.now() - MINUTE * minutes - timedelta(seconds=7))

    @rule()
    def restart(self) -> None:
        """The worker dies and comes back with nothing but its databases and its works."""
        self.house = World.make(-self.number)
        self._join()

    # --- the rule ---

    @rule(
        limit=st.sampled_from(["3", "3", "2.5"]), rank=st.sampled_from([1, 1, 2]),
        hold=st.sampled_from([10, 10, 0]), keep=st.sampled_from([5, 5, 0]),
        wrong=st.sampled_from([False, False, False, True]),
    )  # fmt: skip
    def edit(self, *, limit: str, rank: int, hold: int, keep: int, wrong: bool) -> None:
        """Somebody edits the rule."""
        self._edit(Settings(Decimal(limit), rank, MINUTE * hold, MINUTE * keep), wrong=wrong)

    @rule(minutes=st.sampled_from([0, 1, 12]), value=st.sampled_from(VALUES), late=st.booleans())
    def switch_off_and_on(self, minutes: int, value: str, *, late: bool) -> None:
        """启用 is unticked and ticked again; what happens between is nobody's business."""
        self._edit(replace(self.rule, enabled=False), wrong=self.wrong)
        if not late:
            self.catch_up("")
        self.many(set(PLAN_IDS[:2]), value)
        self.wait(minutes, 1)
        self._edit(replace(self.rule, enabled=True), wrong=self.wrong)

    @rule(minutes=st.sampled_from([1, 12, 31]), fate=st.sampled_from(FATES))
    def worse_and_back(self, minutes: int, fate: str) -> None:
        """The rule becomes 严重 for a while: that is news for who has it in hand, and ends silences."""
        self._edit(replace(self.rule, rank=2), wrong=False)
        self.catch_up(fate)
        self.wait(minutes, 1)
        self._edit(replace(self.rule, rank=1), wrong=False)

    # --- people ---

    @rule(who=st.sampled_from([WANG, WANG, LI, ZHAO, CHEN]), plan=st.sampled_from(PLAN_IDS))
    def acknowledge(self, who: Person, plan: str) -> None:
        """Somebody taps 知道了."""
        if self._tap(who, "alert.ack", plan):
            self.company.lives[plan].acknowledge(who.open_id, self.house.clock.now())

    @rule(
        who=st.sampled_from([WANG, LI, CHEN]),
        plan=st.sampled_from(PLAN_IDS),
        on=st.sampled_from([True, True, False]),
    )
    def silence(self, who: Person, plan: str, *, on: bool) -> None:
        """Somebody silences it for an hour, or ends that."""
        plan = self._open(plan)
        life = self.company.lives[plan]
        if (
            self._tap(who, "mute.set" if on else "mute.end", plan, "1h")
            and life.alive
            and life.may(who.open_id)
        ):
            life.muted = self.house.clock.now() + 60 * MINUTE if on else None

    @rule(who=st.sampled_from([WANG, LI]), to=st.sampled_from([LI, ZHAO]), plan=st.sampled_from(PLAN_IDS))
    def hand_over(self, who: Person, to: Person, plan: str) -> None:
        """Somebody gives it to somebody else, who is told."""
        plan = self._open(plan)
        if who == to or all(row is None for row in self.rows.values()):
            return  # nobody can be chosen whom no row names
        now, life = self.house.clock.now(), self.company.lives[plan]
        if self._tap(who, "hand.over", plan, to.open_id) and life.hand_over(who.open_id, to.open_id, now):
            self.company.told_of(plan, to.open_id, now)

    @rule(plan=st.sampled_from(PLAN_IDS))
    def confirm_gone(self, plan: str) -> None:
        """Somebody confirms that the object is gone."""
        plan = self._open(plan)
        life = self.company.lives[plan]
        if self._tap(WANG, "alert.close", plan) and life.alive and life.doubt == "vanished":
            life.withdraw()

    @rule(minutes=st.sampled_from([0, 20, 60]))
    def calm(self, minutes: int) -> None:
        """A row of 预警静默 for everything, so long."""
        if not self._newest("silence"):
            return
        until = self.house.clock.now() + MINUTE * minutes
        self.company.calm = until
        self.house.put(SILENCES, {"rec_s": {"reason": "盘点", "until": until}})

    # --- the worker ---

    @rule(fate=st.sampled_from(FATES))
    def catch_up(self, fate: str) -> None:
        """The worker does what waits; it may be killed in the middle of a send, and then goes on."""
        self._work_off(fate)

    # --- what must hold ---

    @invariant()
    def same_state(self) -> None:
        """Never lost, never falsely resolved."""
        if not hasattr(self, "house"):
            return
        with self.house.db.read() as conn:
            alerts = store.load_alerts(conn, RuleId("rec_roi"))
        for plan, life in self.company.lives.items():
            found = alerts.get(plan)
            if found is None:
                assert (life.episode, life.doubt) == (0, ""), plan
                continue
            held = found.held if found.state is State.UNKNOWN else found.state
            stands = (held, found.state is State.UNKNOWN, found.recovering, found.episode, found.unseen)
            wanted = (
                life.state,
                bool(life.doubt),
                bool(life.clearing and life.alive),
                life.episode,
                life.unseen,
            )
            assert stands == wanted, (plan, stands, wanted)
            assert [person.open_id for person in found.helpers] == life.helpers

    @invariant()
    def same_news(self) -> None:
        """Everything that should be told was decided once, and nothing else."""
        if not hasattr(self, "house"):
            return
        objects = {store.alert_id(RuleId("rec_roi"), plan): plan for plan in PLAN_IDS}
        decided = [
            (objects[n.alert_id], n.episode, n.receiver, n.key, n.state, n.digest_id is not None)
            for n in self.house.notices()
        ]
        wanted = [(n.plan, n.episode, n.who, n.key, n.state, n.group is not None) for n in self.company.news]
        assert sorted(decided) == sorted(wanted)


@pytest.mark.timeout(600)
def test_any_order_agrees_with_the_reference(template: Path | str, tmp_path: Path) -> None:
    """Two hundred lives of up to twenty-five steps."""
    if not isinstance(template, Path):
        pytest.skip("The order of steps is the same on every database; SQLite files are copied in no time.")
    origin: Path = template
    clocks: dict[int, Any] = {}

    def make(number: int) -> House:
        folder = tmp_path / str(abs(number))
        if number > 0:
            folder.mkdir()
            (folder / "chorus.db").write_bytes(origin.read_bytes())
        policy = Policy(fallback=(ZHAO,), max_age={PLANS: OLD}, single_cards=ALONE)
        house = House(Database(f"sqlite:///{folder / 'chorus.db'}"), folder, policy=policy)
        if number < 0:
            house.clock.set(clocks[-number].clock.now())
            house.count_on(clocks[-number])
            clocks[-number].close()
            clocks[-number].db.close()
        clocks[abs(number)] = house
        return house

    World.make = staticmethod(make)  # type: ignore[assignment]
    bounds = settings(
        max_examples=LIVES, stateful_step_count=25, deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Lives, settings=bounds)
