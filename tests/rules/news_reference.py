"""What people should be told, as plain prose in code: what was decided, what is out, alone or in a summary.

It knows nothing of the product's types; see `alert_reference.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.rules.alert_reference import MINUTE, OWNER, Life

PATIENCE, WINDOW = 10 * MINUTE, 5 * MINUTE
ALONE = 2
"""So many cards a person gets one by one in a window."""


@dataclass
class News:
    """One thing decided to tell one person, alone or in a summary (the ``group``'s number)."""

    plan: str
    episode: int
    who: str
    key: str
    at: datetime
    state: str = "queued"
    group: int | None = None


@dataclass
class Group:
    """A summary of one person. ``out``: it is in the chat; ``ended``: and that all of it is over was said."""

    who: str
    opened: datetime
    out: bool = False
    over: bool = False
    ended: bool = False


@dataclass
class Company:
    """All alerts, and what people know of them."""

    lives: dict[str, Life]
    news: list[News] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    calm: datetime | None = None
    cards: list[tuple[str, str]] = field(default_factory=list)
    frozen: dict[int, dict[str, bool]] = field(default_factory=dict)

    def tell(self, now: datetime, plans: list[str]) -> None:
        """After a check of some objects: decide what each person should be told now."""
        found: dict[str, list[tuple[News, bool]]] = {}
        for plan in plans:
            life = self.lives[plan]
            for who in dict.fromkeys([OWNER, *life.helpers]):
                key = self._due(plan, life, who, now)
                if key and not self.hushed(life, now):
                    late = key == "fired" or (key.startswith("reminder") and not self._knows(plan, life, who))
                    late = late and now - (life.fired or now) > WINDOW
                    found.setdefault(who, []).append((News(plan, life.episode, who, key, now), late))
        for who, some in found.items():
            self.decide(who, some, now)

    def told_of(self, plan: str, who: str, now: datetime) -> None:
        """Somebody was given an alert: they are told, whatever is silenced."""
        life = self.lives[plan]
        key = self._due(plan, life, who, now)
        if key:
            self.decide(who, [(News(plan, life.episode, who, key, now), False)], now)

    def hushed(self, life: Life, now: datetime) -> bool:
        """Whether news is held back: on the card, or in the table of silences."""
        return life.silenced(now) or (self.calm is not None and now < self.calm)

    def _told(self, plan: str, life: Life, who: str) -> set[str]:
        return {
            each.key for each in self.news
            if (each.plan, each.episode, each.who) == (plan, life.episode, who) and each.state != "held"
        }  # fmt: skip

    def _knows(self, plan: str, life: Life, who: str) -> bool:
        return any(not key.startswith("unknown") for key in self._told(plan, life, who))

    def _due(self, plan: str, life: Life, who: str, now: datetime) -> str:
        known, reminder = self._told(plan, life, who), f"reminder:{life.lapse}"
        if life.doubt:
            waited = life.doubt_since is not None and now - life.doubt_since >= PATIENCE
            key = f"unknown:{life.doubt_since.isoformat()}" if life.doubt_since else ""
            return key if waited and life.doubt != "stale" and key not in known else ""
        if not life.alive:
            return ""
        firing = life.state == "firing"
        if firing and life.raised and f"raised:{life.raised}" not in known:
            return f"raised:{life.raised}"
        if not self._knows(plan, life, who):
            return reminder if firing and life.lapse else "fired"
        return reminder if firing and life.lapse and reminder not in known else ""

    def decide(self, who: str, some: list[tuple[News, bool]], now: datetime) -> None:
        """One by one, or together."""
        lately = sum(
            each.who == who and each.group is None and each.state != "held" and each.at > now - WINDOW
            for each in self.news
        )
        open_now = [
            (group.opened, n) for n, group in enumerate(self.groups) if self._joinable(group, who, now)
        ]
        apart = [one for one, _ in some if one.key.startswith("raised") or self._second(one)]
        if len(apart) > ALONE:
            apart = []
        for one in apart:
            self._record(one, None)
        rest = [(one, late) for one, late in some if one not in apart]
        if not rest:
            return
        number: int | None = max(open_now)[1] if open_now else None
        late_ones = sum(late for _, late in rest)
        if number is None and (len(rest) + lately > ALONE or late_ones > 1):
            self.groups.append(Group(who, now))
            number = len(self.groups) - 1
        for one, _ in rest:
            self._record(one, number)

    @staticmethod
    def _joinable(group: Group, who: str, now: datetime) -> bool:
        return group.who == who and now < group.opened + WINDOW and not group.over

    def _second(self, one: News) -> bool:
        """A reminder to somebody who knew of the breach."""
        life = self.lives[one.plan]
        return one.key.startswith("reminder") and self._knows(one.plan, life, one.who)

    def _record(self, one: News, group: int | None) -> None:
        same = (one.plan, one.episode, one.who, one.key)
        before = [each for each in self.news if (each.plan, each.episode, each.who, each.key) == same]
        if before and before[0].state != "held":
            return
        one.group = group
        self.news = [each for each in self.news if each not in before] + [one]

    # --- the worker catches up ---

    def stale_news(self, one: News) -> bool:
        """Whether it is no news any more."""
        life = self.lives[one.plan]
        if one.key.startswith("unknown"):
            return not life.doubt
        return not life.alive or life.episode != one.episode

    def deliver(self, now: datetime) -> None:
        """What is decided goes out, unless it is over or silenced meanwhile."""
        for one in self.news:
            if one.group is None and one.state == "queued":
                self._deliver_one(one, now)
        for number, group in enumerate(self.groups):
            if not group.over:
                self._deliver_group(number, group, now)

    def _deliver_one(self, one: News, now: datetime) -> None:
        life = self.lives[one.plan]
        if self.stale_news(one):
            one.state = "skipped"
        elif self.hushed(life, now) and not (life.handed_to == one.who and life.handed_to):
            one.state = "held"
        else:
            one.state = "sent"
            self.cards.append((one.who, one.plan))

    def members(self, number: int) -> dict[str, bool]:
        """Object of a summary → whether it is over there."""
        found: dict[str, int] = {}
        for one in self.news:
            if one.group == number:
                found[one.plan] = max(one.episode, found.get(one.plan, 0))
        lives = self.lives
        return {
            plan: (not lives[plan].alive and not lives[plan].doubt) or lives[plan].episode != episode
            for plan, episode in found.items()
        }

    def _deliver_group(self, number: int, group: Group, now: datetime) -> None:
        own = [one for one in self.news if one.group == number and one.state == "queued"]
        if not group.out:
            over = self.members(number)
            for one in own:
                life = self.lives[one.plan]
                taken = life.handed_to == one.who and life.handed_to
                if not over[one.plan] and self.hushed(life, now) and not taken:
                    one.state, one.group = "held", None
            own = [one for one in own if one.state == "queued"]
            if all(self.members(number).values()):
                group.over = True
                for one in own:
                    one.state = "skipped"
                return
            group.out = True
        for one in own:
            one.state = "sent"
        if all(self.members(number).values()):
            group.over = group.ended = True
            self.frozen[number] = self.members(number)
