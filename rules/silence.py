"""Whether news is held back, and why.

A silence on the card or in 预警静默, a shop that is down, the night, or a rule just switched on whose preview
waits for an answer. Only messages are held back, never states: the alert goes on, stands on the board, and
what is still news when the silence ends is told then. Pure but for :func:`surroundings`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, CellValue, Person, Unreadable
from bitable_sync.mirror import Mirror
from rules import store
from rules.duty import Roster, roster
from rules.metrics import Catalog
from rules.model import Alert, Rule, Severity
from rules.previews import waiting_rules
from rules.rulebook import load_entry
from rules.specs import SHOPS, SILENCES


class Why(StrEnum):
    """Why news is held back; the value is the named reason."""

    CARD = "muted_on_card"
    TABLE = "muted_in_table"
    COVERED = "covered_by_shop"
    QUIET = "quiet_hours"
    PREVIEW = "preview_unanswered"


@dataclass(frozen=True, slots=True)
class Silence:
    """A row of 预警静默; empty ``rule``, ``objects`` or ``people`` = all.

    A row without an end silences nothing: what was meant for an afternoon must not hold for ever.
    """

    rule: str
    objects: frozenset[str]
    people: frozenset[str]
    start: datetime | None
    until: datetime

    def about(self, alert: Alert, rule: Rule, open_id: str, now: datetime) -> bool:
        """Whether it holds for an alert and a person now."""
        begun = self.start is None or self.start <= now
        return (
            begun
            and now < self.until
            and self.rule in ("", rule.name)
            and (not self.objects or not self.objects.isdisjoint((alert.object_id, alert.title)))
            and (not self.people or open_id in self.people)
        )


@dataclass(frozen=True, slots=True)
class Around:
    """What else decides whether news is told.

    Silences, the roster, shops that are down, and the rules whose preview nobody has answered.
    """

    silences: Sequence[Silence] = ()
    roster: Roster = field(default_factory=Roster)
    down: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()


def muted(alert: Alert, rule: Rule, open_id: str, around: Around, now: datetime) -> Why | None:
    """Why news of an alert is not told to a person now; None when it is.

    Args:
        alert: as it is.
        rule: the rule in force.
        open_id: who would be told.
        around: silences, roster, shops that are down.
        now: aware time.
    """
    if silenced(alert, now):
        return Why.CARD
    if alert.rule_id in around.waiting:
        return Why.PREVIEW
    if any(silence.about(alert, rule, open_id, now) for silence in around.silences):
        return Why.TABLE
    if covered(alert, around):
        return Why.COVERED
    if alert.severity is not Severity.CRITICAL and around.roster.quiet(open_id, now):
        return Why.QUIET
    return None


def withheld(alert: Alert, rule: Rule, open_id: str, around: Around, now: datetime) -> Why | None:
    """As :func:`muted`, at the moment of sending: what was silenced since it was decided is not sent.

    What a colleague handed to this very person is told all the same.
    """
    taker = alert.acked_by.open_id if alert.handed_by and alert.acked_by else None
    return None if open_id == taker else muted(alert, rule, open_id, around, now)


def silenced(alert: Alert, now: datetime) -> bool:
    """Whether a person silenced it on its card."""
    return alert.muted_until is not None and now < alert.muted_until


def covered(alert: Alert, around: Around) -> bool:
    """Whether its shop is down, which says it all."""
    return alert.table != SHOPS and bool(alert.shop) and alert.shop in around.down


def read_silence(values: Mapping[str, CellValue]) -> Silence | None:
    """A row as people filled it; None without an end, or with a cell nobody can read: it could mean less."""
    until, start = values.get("until", EMPTY), values.get("start", EMPTY)
    if not isinstance(until, datetime) or any(isinstance(cell, Unreadable) for cell in values.values()):
        return None
    people, objects = values.get("people", EMPTY), values.get("objects", EMPTY)
    named = re.split("[、，,]", objects) if isinstance(objects, str) else []
    rule = values.get("rule", EMPTY)
    return Silence(
        str(rule).strip() if isinstance(rule, str) else "",
        frozenset(part.strip() for part in named if part.strip()),
        frozenset(one.open_id for one in people if isinstance(one, Person))
        if isinstance(people, tuple)
        else frozenset(),
        start if isinstance(start, datetime) else None,
        until,
    )


def surroundings(conn: Connection, mirror: Mirror, catalog: Catalog, now: datetime) -> Around:
    """Everything that may hold news back, as it is now."""
    read = (read_silence(row.values) for row in mirror.rows(SILENCES))
    down = set()
    for alert in store.alive_in(conn, SHOPS):
        entry = load_entry(conn, alert.rule_id, catalog)
        if entry and entry.rule and entry.rule.covers and entry.rule.enabled:
            down.add(alert.shop or alert.title)
    silences = [each for each in read if each is not None]
    return Around(silences, roster(mirror), frozenset(down), waiting_rules(conn, now))
