"""How large a change a person may make alone; what is larger waits for a Feishu approval. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bitable_sync.cells import EMPTY, CellValue, Person
from rules.model import Action

COLUMN = {Action.ADJUST: "budget", Action.RESTOCK: "pieces"}
"""Which column of 审批额度 bounds which action."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A row of 审批额度.

    Attributes:
        people: whom it is for; empty = everybody without a row of their own.
        most: an action → the largest amount (yuan a day, pieces) without approval; missing = no bound.
    """

    people: frozenset[str]
    most: Mapping[Action, Decimal]


def read_allowance(values: Mapping[str, CellValue]) -> Allowance:
    """A row as people filled it.

    A number that cannot be used (NaN, below zero, unreadable) bounds at zero: then everything is asked for.
    """
    people = values.get("people", EMPTY)
    listed = people if isinstance(people, tuple) else ()
    most = {
        action: _bound(values[key]) for action, key in COLUMN.items() if values.get(key, EMPTY) is not EMPTY
    }
    return Allowance(frozenset(one.open_id for one in listed if isinstance(one, Person)), most)


def _bound(value: CellValue) -> Decimal:
    usable = isinstance(value, Decimal) and value.is_finite() and value >= 0
    return value if usable and isinstance(value, Decimal) else Decimal(0)


def most_alone(allowances: Iterable[Allowance], open_id: str, action: Action) -> Decimal | None:
    """The largest amount a person may change alone; None = any.

    Of several rows for one person the strictest counts; rows for everybody count only without an own one.
    """
    rows: Sequence[Allowance] = list(allowances)
    own = [row for row in rows if open_id in row.people] or [row for row in rows if not row.people]
    bounds = [row.most[action] for row in own if action in row.most]
    return min(bounds, default=None)


def needs_approval(
    allowances: Iterable[Allowance], open_id: str, action: Action, amount: Decimal, before: Decimal | None
) -> bool:
    """Whether a change waits for an approval.

    Args:
        allowances: the table.
        open_id: who asks.
        action: what for.
        amount: new day budget in yuan, or pieces.
        before: the budget now, None for pieces; to lower a budget needs nobody's consent.
    """
    if action is Action.ADJUST and before is not None and amount <= before:
        return False
    most = most_alone(allowances, open_id, action)
    return most is not None and amount > most
