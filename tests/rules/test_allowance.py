"""What a person may change alone."""

from decimal import Decimal
from typing import Any

import pytest

from bitable_sync.cells import EMPTY, Person, Unreadable
from rules.allowance import most_alone, needs_approval, read_allowance
from rules.model import Action

WANG, LI = Person("ou_wang", "王"), Person("ou_li", "李")


def row(*people: Person, budget: Any = EMPTY, pieces: Any = EMPTY) -> Any:
    """A row of 审批额度."""
    return read_allowance({"people": people or EMPTY, "budget": budget, "pieces": pieces})


def test_without_a_row_nothing_is_asked() -> None:
    """A company that fills no allowance works as before."""
    assert not needs_approval([], WANG.open_id, Action.ADJUST, Decimal(10**6), Decimal(100))


@pytest.mark.parametrize(
    ("amount", "asked"), [(Decimal(5000), False), (Decimal("5000.01"), True), (Decimal(9000), True)]
)
def test_only_what_is_above_the_bound_is_asked(amount: Decimal, asked: bool) -> None:
    """The bound itself is allowed."""
    rows = [row(budget=Decimal(5000))]
    assert needs_approval(rows, WANG.open_id, Action.ADJUST, amount, Decimal(2000)) is asked


def test_to_lower_a_budget_needs_nobodys_consent() -> None:
    """Whoever spends less asks nobody, however large the number still is."""
    rows = [row(budget=Decimal(5000))]
    assert not needs_approval(rows, WANG.open_id, Action.ADJUST, Decimal(9000), Decimal(12000))


def test_an_own_row_counts_before_everybodys_and_the_strictest_of_several() -> None:
    """A leader with more, a trainee with less; two rows for one person are no loophole."""
    rows = [row(budget=Decimal(3000)), row(WANG, budget=Decimal(8000)), row(WANG, LI, budget=Decimal(7000))]
    assert most_alone(rows, WANG.open_id, Action.ADJUST) == 7000
    assert most_alone(rows, LI.open_id, Action.ADJUST) == 7000
    assert most_alone(rows, "ou_other", Action.ADJUST) == 3000
    assert most_alone(rows, WANG.open_id, Action.RESTOCK) is None


@pytest.mark.parametrize("wrong", [Decimal("NaN"), Decimal(-1), Unreadable("x"), "五千"])
def test_a_bound_that_cannot_be_read_bounds_at_nothing(wrong: Any) -> None:
    """Nonsense in the cell asks for everything rather than for nothing."""
    assert most_alone([row(budget=wrong)], WANG.open_id, Action.ADJUST) == 0


def test_pieces_are_asked_by_their_own_column() -> None:
    """A restock looks at 补货上限."""
    rows = [row(pieces=Decimal(500), budget=Decimal(1))]
    assert needs_approval(rows, WANG.open_id, Action.RESTOCK, Decimal(501), None)
    assert not needs_approval(rows, WANG.open_id, Action.RESTOCK, Decimal(500), None)
