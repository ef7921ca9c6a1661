"""Months as text."""

from datetime import date

import pytest

from payslip import months
from payslip.documents import Month

OCTOBER = Month("2026-10")


def test_what_one_does_with_a_month() -> None:
    """Parts, steps, days, spans."""
    assert (months.year(OCTOBER), months.number(OCTOBER)) == (2026, 10)
    assert months.add(OCTOBER, 3) == "2027-01"
    assert months.add(OCTOBER, -10) == "2025-12"
    assert months.add(OCTOBER, 0) == OCTOBER
    assert months.first_day(OCTOBER) == date(2026, 10, 1)
    assert months.last_day(Month("2028-02")) == date(2028, 2, 29)
    assert months.month_of(date(2026, 3, 31)) == "2026-03"
    assert months.count(Month("2025-11"), Month("2026-02")) == 4
    assert months.count(Month("2026-02"), Month("2025-11")) == 0


def test_a_month_is_read_as_typed() -> None:
    """Blanks around it do not matter; anything else is refused with an example."""
    assert months.parse(" 2026-10 ") == OCTOBER
    for wrong in ("2026-13", "2026-00", "2026-1", "2026/10", "0000-01", "", "2026-10-01", "２０２６-10"):
        with pytest.raises(ValueError, match="2026-10 这样"):
            months.parse(wrong)
