"""Who may see and who may act, decided from our own tables at the moment of the tap. Pure.

The tap's operator is verified by the platform; the card's values carry ids only and prove nothing.
"""

from collections.abc import Sequence

from bitable_sync.cells import Person
from bitable_sync.mirror import Row
from rules.model import Alert, Rule


def _people(row: Row | None, key: str, otherwise: tuple[Person, ...]) -> tuple[Person, ...]:
    value = row.values.get(key) if row is not None else None
    if not isinstance(value, tuple):
        return otherwise if row is None else ()
    return tuple(item for item in value if isinstance(item, Person))


def may_act(
    alert: Alert, rule: Rule | None, row: Row | None, fallback: Sequence[Person], open_id: str
) -> Person | None:
    """The person, if they may act on the alert.

    Responsible persons and supervisors of the row (as it is now; as last known if the row is gone), who was
    brought in by escalation or hand-over, and the rule's cc where the rule says so. When nobody is
    responsible, those who were told instead may act, else nobody could.

    Args:
        alert: the alert.
        rule: the rule in force.
        row: the object's row now, None if it is gone.
        fallback: who is told when there is neither owner nor cc.
        open_id: who tapped.
    """
    owner_key = rule.owner_key if rule else "owner"
    owners = _people(row, owner_key, alert.owners)
    able = [*owners, *_people(row, "supervisor", alert.supervisors), *alert.helpers]
    cc = rule.cc if rule else ()
    if rule is not None and rule.cc_may_act:
        able += cc
    if not owners:
        able += cc or tuple(fallback)
    return next((person for person in able if person.open_id == open_id), None)


def may_see(
    alert: Alert, rule: Rule | None, row: Row | None, fallback: Sequence[Person], open_id: str
) -> Person | None:
    """The person, if the alert concerns them: whoever may act, and the cc."""
    able = may_act(alert, rule, row, fallback, open_id)
    return able or next((who for who in (rule.cc if rule else ()) if who.open_id == open_id), None)


def concerns(row: Row, rule: Rule, open_id: str) -> bool:
    """Whether a person is responsible for a row, or its supervisor."""
    people = (*_people(row, rule.owner_key, ()), *_people(row, "supervisor", ()))
    return any(person.open_id == open_id for person in people)


def responsible_names(alert: Alert, rule: Rule | None, row: Row | None) -> str:
    """Whom to turn to, for the toast to somebody who may not act."""
    owners = _people(row, rule.owner_key if rule else "owner", alert.owners)
    supervisors = _people(row, "supervisor", alert.supervisors)
    return "、".join(person.name or "（未命名）" for person in owners or supervisors)
