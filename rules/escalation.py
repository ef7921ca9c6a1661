"""Nobody answered: who is brought in next. Pure.

    responsible → supervisor (outside working hours: who is on duty) → manager

An unanswered alert gets older in working hours only; 严重 always does. An acknowledgement that ran out counts
as unanswered since it was given. What is silenced, covered by a shop that is down, or recovering does not
escalate, and 提醒 never does.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bitable_sync.cells import Person
from rules import lifecycle
from rules.lifecycle import Step
from rules.model import Alert, Reason, Rule, Severity, State
from rules.silence import Around, covered, silenced

PATIENCE: Mapping[Severity, timedelta] = {
    Severity.CRITICAL: timedelta(minutes=30),
    Severity.WARNING: timedelta(hours=2),
}
"""So long an alert may go unanswered before the next person is told."""


def escalated(step: Step, rule: Rule, around: Around, now: datetime) -> Step:
    """A step, with more people brought in if it is time for that. One change at a time."""
    alert = step.alert
    if step.reason not in (None, Reason.VALUE_MOVED) or not overdue(alert, around, now):
        return step
    found = next_people(alert, rule, around, now)
    return step if found is None else lifecycle.escalate(alert, found[1], found[0], now)


def overdue(alert: Alert, around: Around, now: datetime) -> bool:
    """Whether an alert has gone unanswered for too long."""
    patience, since = PATIENCE.get(alert.severity), alert.level_at or alert.fired_at
    if alert.state is not State.FIRING or alert.recovering or patience is None or since is None:
        return False
    if silenced(alert, now) or covered(alert, around) or now - since < patience:
        return False
    return alert.severity is Severity.CRITICAL or around.roster.worked(since, now) >= patience


def next_people(
    alert: Alert, rule: Rule, around: Around, now: datetime
) -> tuple[int, tuple[Person, ...]] | None:
    """(level reached, who is new), or None when everybody there is knows already."""
    roster = around.roster
    on_duty = () if roster.at_work(now) else roster.on_duty(alert.table, now)
    chain = (on_duty or alert.supervisors, roster.managers(alert.table, now))
    known = {person.open_id for person in (*alert.owners, *rule.cc, *alert.helpers)}
    for level in range(alert.level, len(chain)):
        fresh = tuple(person for person in chain[level] if person.open_id not in known)
        if fresh:
            return level + 1, fresh
    return None
