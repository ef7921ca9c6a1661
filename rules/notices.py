"""Whether somebody should get a message now: what this receiver was last told, against what is. Pure.

A message is sent only for news: the breach, a rise of severity, the end of an acknowledgement's lease, being
brought in, data missing for longer than ``UNKNOWN_PATIENCE``. Everything else, also the recovery, is shown by
refreshing the cards already sent. An alert that was over before it could be told is not told.

Decided from where the alert stands, not from its last change: news that was held back (a silence, the night)
is still news when its time comes. A stale source is no news of its alerts; its owner is told once
(``rules/connection.py``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bitable_sync.cells import Person
from rules.model import Alert, Doubt, Reason, Rule, State

UNKNOWN_PATIENCE = timedelta(minutes=10)
"""Missing data has its own, slower clock: short gaps are shown on the cards but wake nobody."""


class Kind(StrEnum):
    """What a message says. The kind is part of the unique key (alert, receiver, episode, kind)."""

    FIRED = "fired"
    RAISED = "raised"
    REMINDER = "reminder"
    UNKNOWN = "unknown"
    SHOWN = "shown"  # the person asked to see it


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to send: ``key`` is the kind made unique within the episode.

    ``reason`` is the named reason.
    """

    kind: Kind
    key: str
    reason: str


def decide(alert: Alert, told: Collection[str], now: datetime) -> Notice | None:
    """What one receiver should be told now, or None.

    Args:
        alert: the alert as it is.
        told: keys of the notices this receiver already got for this episode.
        now: aware time.
    """
    if alert.state is State.UNKNOWN:
        return _of_unknown(alert, told, now)
    if alert.state not in (State.FIRING, State.ACKED):
        return None
    firing, reminder = alert.state is State.FIRING, f"reminder:{alert.lapse}"
    if firing and alert.raised:
        raised = _fresh(Kind.RAISED, f"raised:{alert.raised}", Reason.SEVERITY_RAISED, told)
        if raised is not None:
            return raised
    if not any(_of_breach(key) for key in told):
        reason = Reason.FIRED if firing and not alert.level else Reason.ESCALATED if firing else "handed_over"
        return _fresh(Kind.FIRED, reminder if firing and alert.lapse else "fired", reason, told)
    if firing and alert.lapse:
        return _fresh(Kind.REMINDER, reminder, Reason.ACK_EXPIRED, told)
    return None


def _of_breach(key: str) -> bool:
    """Whether a notice told of the breach itself: that data was missing before says nothing of it."""
    return not key.startswith("unknown:")


def _of_unknown(alert: Alert, told: Collection[str], now: datetime) -> Notice | None:
    if alert.doubt is Doubt.STALE or alert.unknown_since is None:
        return None
    if now - alert.unknown_since < UNKNOWN_PATIENCE:
        return None
    key = f"unknown:{alert.unknown_since.isoformat()}"
    return _fresh(Kind.UNKNOWN, key, str(alert.reason or "unknown"), told)


def _fresh(kind: Kind, key: str, reason: str, told: Collection[str]) -> Notice | None:
    return None if key in told else Notice(kind, key, str(reason))


def receivers(alert: Alert, rule: Rule, fallback: Collection[Person]) -> tuple[Person, ...]:
    """Who should know: the responsible persons, the rule's cc and who was brought in, each once.

    Without a responsible person the cc alone, and without a cc the ``fallback`` of the configuration, so that
    an alert never goes to nobody.
    """
    chosen: dict[str, Person] = {}
    first = (*alert.owners, *rule.cc) or tuple(fallback)
    for person in (*first, *alert.helpers):
        chosen.setdefault(person.open_id, person)
    return tuple(chosen.values())
