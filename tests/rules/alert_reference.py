"""What one alert should do, as plain prose in code: it knows nothing of the product's types.

`tests/rules/test_alert_model.py` compares it with the product after every step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

MINUTE = timedelta(minutes=1)
LEASE = 480 * MINUTE
AHEAD = 2 * MINUTE
"""A reading that seems to lie further ahead came by a wrong clock."""
CLIMB = {1: 120 * MINUTE, 2: 30 * MINUTE}
OWNER, CHAIN = "ou_wang", ("ou_li", "ou_zhao")


@dataclass
class Settings:
    """The rule as it stands: threshold, rank of the severity (1 警告, 2 严重), both clocks."""

    limit: Decimal = Decimal(3)
    rank: int = 1
    hold: timedelta = 10 * MINUTE
    keep: timedelta = 5 * MINUTE
    enabled: bool = True


@dataclass(frozen=True)
class Seen:
    """What stands in a row: a number, or why there is none; ``out``: not in the rule's scope."""

    at: datetime
    roi: Decimal | None
    doubt: str = ""
    out: bool = False


@dataclass(frozen=True)
class Data:
    """The numbers of the table: of when they are, of when they were at the last look; older ones are stale.

    What lies between two looks counts if they are no further apart than ``reach``.
    """

    at: datetime
    before: datetime | None
    reach: timedelta
    stale: bool


@dataclass
class Life:
    """One object's alert."""

    now: datetime
    state: str = "ok"
    episode: int = 0
    doubt: str = ""
    doubt_since: datetime | None = None
    clearing: datetime | None = None
    pending: datetime | None = None
    fired: datetime | None = None
    taken: datetime | None = None
    climbed: datetime | None = None
    level: int = 0
    acks: int = 0
    lapse: int = 0
    rank: int = 1
    raised: int = 0
    helpers: list[str] = field(default_factory=list)
    handed_to: str = ""
    muted: datetime | None = None
    unseen: bool = False
    closed: bool = False
    last: tuple[Decimal, Decimal] | None = None
    judged: datetime | None = None
    known: datetime | None = None

    @property
    def alive(self) -> bool:
        """Over the line, for all that is known."""
        return self.state in ("firing", "acked")

    @property
    def quiet(self) -> bool:
        """Nothing is going on."""
        return self.state in ("ok", "resolved")

    def word(self) -> str:
        """How every card of it must say that it stands."""
        if self.doubt:
            return "无法判断"
        if self.alive and self.clearing:
            return "恢复中"
        said = {
            "ok": "正常",
            "pending": "观察中",
            "firing": "告警中",
            "acked": "处理中",
            "resolved": "已恢复",
        }
        return "已关闭" if self.state == "resolved" and self.closed else said[self.state]

    def look(self, now: datetime, seen: Seen | None, rule: Settings, data: Data) -> None:
        """A check of the row as it stands, or of no row."""
        if seen is None:
            self._gone(now)
        elif self.judged is None or not seen.at < self.judged <= now + AHEAD:
            before, counting = self._written(), self._counting()
            if counting:
                self._leave_gap_out(now, counting, data)
            self._judge(now, seen, rule, stale=data.stale)
            if self._written() != before:
                self.judged = seen.at  # what changes nothing is not written down, nor is when it was read
                self.known = data.at if counting else self.known

    def _counting(self) -> datetime | None:
        """Since when a clock of the rule runs, if one does."""
        if self.doubt:
            return None
        return self.pending if self.state == "pending" else self.clearing if self.alive else None

    def _leave_gap_out(self, now: datetime, began: datetime, data: Data) -> None:
        """Nobody looked, or what was looked at got old: a clock knows nothing of that time."""
        last = max(moment for moment in (began, data.before, self.known) if moment)
        if data.stale:
            lost = now - max(data.at, began)
        elif data.before is None or data.at - last <= data.reach:
            return
        else:
            lost = now - last
        if lost <= timedelta():
            return
        if self.state == "pending":
            self.pending = began + lost
        else:
            self.clearing = now

    def _written(self) -> tuple[object, ...]:
        return (
            self.state, self.episode, self.doubt, self.doubt_since, self.clearing, self.last, self.level,
            self.lapse, self.rank, self.pending, self.unseen,
        )  # fmt: skip

    def _gone(self, now: datetime) -> None:
        if self.alive:
            self._doubt(now, "vanished")
        elif self.state == "pending" or self.doubt:
            self.state, self.doubt, self.doubt_since, self.pending = "ok", "", None, None

    def _judge(self, now: datetime, seen: Seen, rule: Settings, *, stale: bool) -> None:
        doubt = "stale" if stale else seen.doubt
        if doubt:
            if self.doubt or not self.quiet or doubt == "empty":
                self._doubt(now, doubt)
            return
        changed, quiet = bool(self.doubt), self.quiet
        if self.doubt_since is not None and self.pending is not None:
            self.pending += now - self.doubt_since
        self.doubt, self.doubt_since = "", None
        if seen.out or seen.roi is None:
            self._leave(now)
            return
        if seen.roi < rule.limit:
            changed |= self._over(now, rule)
        elif seen.roi >= rule.limit * Decimal("1.1"):
            changed |= self._well(now, seen.roi, rule)
        else:
            changed |= self._between(now, rule)
        if not (quiet and self.quiet):
            changed |= self.last is not None and self.alive and self.last[1] != rule.limit
            self.last = (seen.roi, rule.limit)
        self._climb(now, changed)

    def _doubt(self, now: datetime, doubt: str) -> None:
        if not self.doubt:
            self.doubt_since, self.clearing = now, None
            self.state = "ok" if self.quiet else self.state
        self.doubt = doubt

    def _leave(self, now: datetime) -> None:
        if self.alive:
            self._end(unseen=self.acks == 0, closed=True)
        elif self.state == "pending":
            self.state, self.pending = "ok", None

    def _end(self, *, unseen: bool, closed: bool = False) -> None:
        self.state, self.clearing, self.unseen, self.closed = "resolved", None, unseen, closed

    def _over(self, now: datetime, rule: Settings) -> bool:
        if self.alive:
            return self._still(now, rule)
        fresh = self.state != "pending"
        if fresh:
            self.state, self.pending, self.episode, self.rank = "pending", now, self.episode + 1, rule.rank
            self.level = self.acks = self.lapse = self.raised = 0
            self.helpers, self.handed_to, self.closed = [], "", False
        if now - (self.pending or now) >= rule.hold:
            self.state, self.fired, self.climbed, self.rank = "firing", now, now, rule.rank
            self.unseen = False
            return True
        return fresh

    def _still(self, now: datetime, rule: Settings) -> bool:
        relapsed, self.clearing = self.clearing is not None, None
        if rule.rank > self.rank:
            self.rank = self.raised = rule.rank
            self.state, self.muted = "firing", None
            return True
        if self.state == "acked" and self.taken is not None and now >= self.taken + LEASE:
            self.state, self.lapse, self.climbed = "firing", self.acks, self.taken
            return True
        lowered, self.rank = rule.rank < self.rank, rule.rank
        return relapsed or lowered

    def _between(self, now: datetime, rule: Settings) -> bool:
        if self.alive:
            return self._still(now, rule)
        self.state = "ok" if self.state == "pending" else self.state
        return True

    def _well(self, now: datetime, roi: Decimal, rule: Settings) -> bool:
        if not self.alive:
            self.state = "ok" if self.state == "pending" else self.state
            return True
        edited = self.last is not None and self.last[1] != rule.limit and self.last[0] == roi
        if not edited and rule.keep and self.clearing is None:
            self.clearing = now
        elif edited or not rule.keep or now - (self.clearing or now) >= rule.keep:
            self._end(unseen=self.acks == 0 and not edited)
        return True

    def _climb(self, now: datetime, changed: bool) -> None:
        if self.state != "firing" or changed or self.clearing or self.silenced(now):
            return
        if now - (self.climbed or now) < CLIMB[self.rank]:
            return
        for level in range(self.level, len(CHAIN)):
            if CHAIN[level] not in self.helpers:
                self.helpers.append(CHAIN[level])
                self.level, self.climbed = level + 1, now
                return

    def silenced(self, now: datetime) -> bool:
        """Whether a person silenced it on its card."""
        return self.muted is not None and now < self.muted

    # --- people ---

    def may(self, who: str) -> bool:
        """Owner, supervisor, and whoever was brought in."""
        return who in (OWNER, CHAIN[0], *self.helpers)

    def acknowledge(self, who: str, now: datetime) -> None:
        """知道了."""
        if not self.may(who):
            return
        if self.unseen and not self.alive:
            self.unseen = False
        elif self.state == "firing":
            self._take(now)

    def _take(self, now: datetime) -> None:
        self.state, self.taken, self.handed_to = "acked", now, ""
        self.acks += 1

    def hand_over(self, who: str, to: str, now: datetime) -> bool:
        """转交."""
        if not (self.alive and self.may(who)) or who == to:
            return False
        self._take(now)
        self.handed_to = to
        self.helpers = list(dict.fromkeys([*self.helpers, to]))
        return True

    def withdraw(self) -> None:
        """The rule is switched off, or a person says that the object is really gone."""
        if self.alive:
            self.state, self.closed = "resolved", True
        elif not self.quiet or self.doubt:
            self.state = "ok"
        self.doubt, self.doubt_since, self.clearing, self.pending = "", None, None, None
