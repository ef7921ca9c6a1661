"""Whether somebody should get a message now: what this receiver was last told, against what is. Pure.

A message is sent only for news: the breach, a rise of severity, the end of an acknowledgement's lease, data
missing for longer than ``UNKNOWN_PATIENCE``. Everything else, also the recovery, is shown by refreshing the
cards already sent. An alert that was over before it could be told is not told.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bitable_sync.cells import Person
from rules.model import Alert, Reason, Rule, State

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
    if alert.state is State.FIRING and alert.reason is Reason.SEVERITY_RAISED:
        return _fresh(Kind.RAISED, f"raised:{alert.severity.rank}", alert.reason, told)
    if not told:
        reason = Reason.FIRED if alert.state is State.FIRING else "handed_over"
        return _fresh(Kind.FIRED, "fired", reason, told)
    if alert.state is State.FIRING and alert.reason is Reason.ACK_EXPIRED:
        return _fresh(Kind.REMINDER, f"reminder:{alert.ack_count}", alert.reason, told)
    return None


def _of_unknown(alert: Alert, told: Collection[str], now: datetime) -> Notice | None:
    if alert.unknown_since is None or now - alert.unknown_since < UNKNOWN_PATIENCE:
        return None
    key = f"unknown:{alert.unknown_since.isoformat()}"
    return _fresh(Kind.UNKNOWN, key, str(alert.reason or "unknown"), told)


def _fresh(kind: Kind, key: str, reason: str, told: Collection[str]) -> Notice | None:
    return None if key in told else Notice(kind, key, str(reason))


def receivers(alert: Alert, rule: Rule, fallback: Collection[Person]) -> tuple[Person, ...]:
    """Who should know: the responsible persons and the rule's cc, each once.

    Without a responsible person the cc alone, and without a cc the ``fallback`` of the configuration, so that
    an alert never goes to nobody.
    """
    chosen: dict[str, Person] = {}
    for person in (*alert.owners, *rule.cc):
        chosen.setdefault(person.open_id, person)
    if not chosen:
        chosen = {person.open_id: person for person in fallback}
    return tuple(chosen.values())
