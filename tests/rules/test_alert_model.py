"""The life of an alert against a small reference, in any order of data, gaps, edits, taps, restarts, clocks.

The reference knows nothing of the product's types: it is the page of prose, as code. After every step both
must agree on the state, and on exactly what which person was told.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bitable_sync.cells import EMPTY
from rules.specs import PLANS
from rules.store import load_alerts
from runtime.db import Database
from runtime.ids import RuleId
from tests.rules.kit import LI, ROI_RULE, START, WANG, House

MINUTE = timedelta(minutes=1)
HOLD, KEEP, PATIENCE, LEASE, CLIMB = 10 * MINUTE, 5 * MINUTE, 10 * MINUTE, 480 * MINUTE, 120 * MINUTE
ROIS = ("2", "2", "2", "2.6", "3.1", "4", "4", None, None)
"""Over 1:3; over 1:3 and between for 1:2.5; between for 1:3; clear; unreadable."""


class Reference:
    """What should be, in few words."""

    def __init__(self) -> None:
        self.state, self.episode = "ok", 0
        self.doubt_since: datetime | None = None
        self.pending = self.fired = self.clear = self.taken = self.climbed = START
        self.clearing = False
        self.level = self.acks = self.lapse = 0
        self.muted = START - timedelta(days=9)
        self.last: tuple[Decimal, Decimal] | None = None
        self.judged = START - timedelta(days=1)
        self.told: set[tuple[int, str, str]] = set()

    @property
    def alive(self) -> bool:
        """Over the line, for all that is known."""
        return self.state in ("firing", "acked")

    @property
    def quiet(self) -> bool:
        """Nothing is going on."""
        return self.state in ("ok", "resolved")

    def look(self, now: datetime, seen: datetime, roi: Decimal | None, limit: Decimal) -> None:
        """A check of the row as it stands."""
        if seen >= self.judged:
            before = self._written()
            self._judge(now, roi, limit)
            if self._written() != before:
                self.judged = seen  # what changes nothing is not written down, nor is when it was read
        self._tell(now)

    def _written(self) -> tuple[object, ...]:
        return (self.state, self.episode, self.doubt_since, self.clearing, self.last, self.level, self.lapse)

    def vanish(self, now: datetime) -> None:
        """A check that finds no row."""
        if self.alive:
            self._doubt(now)
        elif self.state == "pending" or self.doubt_since is not None:
            self.state, self.doubt_since = "ok", None
        self._tell(now)

    def _judge(self, now: datetime, roi: Decimal | None, limit: Decimal) -> None:
        if roi is None:
            self._doubt(now)
            return
        changed, quiet = self.doubt_since is not None, self.quiet
        if self.doubt_since is not None:
            self.pending += now - self.doubt_since
            self.doubt_since = None
        if roi < limit:
            changed |= self._over(now)
        elif roi >= limit * Decimal("1.1"):
            changed |= self._well(now, roi, limit)
        else:
            changed |= self._between(now)
        if not (quiet and self.quiet):
            changed |= self.last is not None and self.alive and self.last[1] != limit
            self.last = (roi, limit)
        self._climb(now, changed)

    def _doubt(self, now: datetime) -> None:
        if self.doubt_since is None:
            self.doubt_since, self.clearing = now, False

    def _over(self, now: datetime) -> bool:
        if self.alive:
            return self._still(now)
        fresh = self.state != "pending"
        if fresh:
            self.state, self.pending, self.episode = "pending", now, self.episode + 1
            self.level = self.acks = self.lapse = 0
        if now - self.pending >= HOLD:
            self.state, self.fired, self.climbed = "firing", now, now
            return True
        return fresh

    def _still(self, now: datetime) -> bool:
        relapsed, self.clearing = self.clearing, False
        if self.state == "acked" and now >= self.taken + LEASE:
            self.state, self.lapse, self.climbed = "firing", self.acks, self.taken
            return True
        return relapsed

    def _between(self, now: datetime) -> bool:
        if self.alive:
            return self._still(now)
        self.state = "ok" if self.state == "pending" else self.state
        return True

    def _well(self, now: datetime, roi: Decimal, limit: Decimal) -> bool:
        if not self.alive:
            self.state = "ok" if self.state == "pending" else self.state
            return True
        edited = self.last is not None and self.last[1] != limit and self.last[0] == roi
        if not edited and not self.clearing:
            self.clearing, self.clear = True, now
            return True
        if edited or now - self.clear >= KEEP:
            self.state, self.clearing = "resolved", False
        return True

    def _climb(self, now: datetime, changed: bool) -> None:
        waits = self.state == "firing" and self.level == 0 and not self.clearing and now >= self.muted
        if waits and not changed and now - self.climbed >= CLIMB:
            self.level, self.climbed = 1, now

    def _tell(self, now: datetime) -> None:
        if now < self.muted:
            return
        people = ["ou_wang", "ou_li"] if self.level else ["ou_wang"]
        if self.doubt_since is not None:
            return
        for person in people if self.alive else ():
            known = {key for episode, who, key in self.told if (episode, who) == (self.episode, person)}
            if not known:
                lapsed = self.state == "firing" and self.lapse
                self.told.add((self.episode, person, f"reminder:{self.lapse}" if lapsed else "fired"))
            elif self.state == "firing" and self.lapse:
                self.told.add((self.episode, person, f"reminder:{self.lapse}"))


class Lives(RuleBasedStateMachine):
    """One plan, one rule, one owner and one supervisor."""

    make: Callable[[int], House]
    count = 0

    @initialize()
    def begin(self) -> None:
        """A rule that waits ten minutes to fire and five to end."""
        Lives.count += 1
        self.house = Lives.make(Lives.count)
        self.number = Lives.count
        self.model, self.limit = Reference(), Decimal(3)
        self.row: tuple[datetime, Decimal | None] | None = None
        self.house.write_rule(self._text())

    def _text(self) -> Any:
        return replace(ROI_RULE, scope="", threshold=f"1:{self.limit}", hold_for="10分钟", keep_for="5分钟")

    def _checked(self) -> None:
        if self.row is None:
            self.model.vanish(self.house.clock.now())
        else:
            self.model.look(self.house.clock.now(), *self.row, self.limit)

    @rule(roi=st.sampled_from(ROIS))
    def data(self, roi: str | None) -> None:
        """New numbers, or one that cannot be read. What was read later than now stays."""
        now = self.house.clock.now()
        value = None if roi is None else Decimal(roi)
        if self.row is None or self.row[0] <= now:
            self.row = (now, value)
        self.house.write_plan(gmv=EMPTY if value is None else value * 1000)
        self._checked()

    @rule(roi=st.sampled_from(ROIS), minutes=st.sampled_from([5, 10, 10, 12, 60, 120, 480]))
    def stretch(self, roi: str | None, minutes: int) -> None:
        """Numbers that stay for a while, with checks at its begin and end."""
        self.data(roi)
        self.wait(minutes, 1)

    @rule(rois=st.lists(st.sampled_from(ROIS), min_size=2, max_size=4), minutes=st.sampled_from([5, 10, 12]))
    def day(self, rois: list[str | None], minutes: int) -> None:
        """Several such stretches."""
        for roi in rois:
            self.stretch(roi, minutes)

    @rule()
    def scan(self) -> None:
        """The regular check; again at once it changes nothing."""
        self.house.checker.scan()
        self._checked()

    @rule(minutes=st.sampled_from([1, 5, 10, 10, 30, 120, 480]), looks=st.integers(0, 3))
    def wait(self, minutes: int, looks: int) -> None:
        """Time passes, and the check goes on meanwhile."""
        for _ in range(max(1, looks)):
            self.house.advance(MINUTE * minutes)
            if looks:
                self.scan()

    @rule(minutes=st.sampled_from([0, 0, 1, 7, 30]))
    def clock_steps_back(self, minutes: int) -> None:
        """The machine's clock is put right, backwards."""
        self.house.clock.set(self.house.clock.now() - MINUTE * minutes)

    @rule(limit=st.sampled_from(["3", "2.5"]))
    def edit(self, limit: str) -> None:
        """Somebody edits the threshold; the edit is judged at once."""
        changed, self.limit = Decimal(limit) != self.limit, Decimal(limit)
        self.house.write_rule(self._text())
        if changed:
            self._checked()

    @rule(really=st.sampled_from([True, False, False]))
    def row_is_deleted(self, *, really: bool) -> None:
        """The plan's row goes."""
        if really and self.row is not None:
            self.row = None
            self.house.drop_row(PLANS, "rec_1001")
            self._checked()

    @rule()
    def restart(self) -> None:
        """The worker dies and comes back with nothing but its databases."""
        self.house = Lives.make(-self.number)

    @rule(who=st.sampled_from([WANG, LI]))
    def acknowledge(self, who: Any) -> None:
        """Somebody taps 知道了."""
        found = self._alert()
        if found is None:
            return
        with self.house.db.begin() as conn:
            self.house.actions.ack(conn, self.house.tap(who, "alert.ack", found))
        if self.model.state == "firing":
            self.model.state, self.model.taken = "acked", self.house.clock.now()
            self.model.acks += 1

    @rule()
    def silence(self) -> None:
        """Somebody silences it for an hour."""
        found = self._alert()
        if found is None:
            return
        with self.house.db.begin() as conn:
            self.house.actions.mute(conn, self.house.tap(WANG, "mute.set", found, "1h"))
        if self.model.alive:
            self.model.muted = self.house.clock.now() + 60 * MINUTE

    @invariant()
    def same_state(self) -> None:
        """Never lost, never falsely resolved."""
        found = self._alert() if hasattr(self, "house") else None
        if found is None:
            return
        held = found.held if found.state == "unknown" else found.state
        assert held == self.model.state
        assert (found.state == "unknown") == (self.model.doubt_since is not None)
        assert found.recovering == (self.model.clearing and self.model.doubt_since is None)
        assert found.episode == self.model.episode

    @invariant()
    def same_news(self) -> None:
        """Everything that should be told was decided once, and nothing else."""
        if not hasattr(self, "house"):
            return
        told = [(n.episode, n.receiver, n.key) for n in self.house.notices() if n.kind != "unknown"]
        assert sorted(told) == sorted(self.model.told)

    def _alert(self) -> Any:
        with self.house.db.read() as conn:
            return next(iter(load_alerts(conn, RuleId("rec_roi")).values()), None)

    def teardown(self) -> None:
        """Close what is open."""
        if hasattr(self, "house"):
            self.house.close()
            self.house.db.close()


def test_any_order_agrees_with_the_reference(template: Path | str, tmp_path: Path) -> None:
    """Two hundred lives of up to forty steps."""
    if not isinstance(template, Path):
        pytest.skip("The order of steps is the same on every database; SQLite files are copied in no time.")
    origin: Path = template
    clocks: dict[int, Any] = {}

    def make(number: int) -> House:
        folder = tmp_path / str(abs(number))
        if number > 0:
            folder.mkdir()
            (folder / "chorus.db").write_bytes(origin.read_bytes())
        house = House(Database(f"sqlite:///{folder / 'chorus.db'}"), folder)
        if number < 0:
            house.clock.set(clocks[-number].clock.now())
            house.count_on(clocks[-number])
            clocks[-number].close()
            clocks[-number].db.close()
        clocks[abs(number)] = house
        return house

    Lives.make = staticmethod(make)  # type: ignore[assignment]
    bounds = settings(
        max_examples=100, stateful_step_count=30, deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Lives, settings=bounds)
