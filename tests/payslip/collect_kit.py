"""Collecting October 2026 from `rows_kit`'s tables, for the tests of collecting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bitable_sync.cells import Unreadable
from payslip.collect import CollectedPerson, Gathered, gather
from payslip.documents import Carry, Charged, Month, PaidMonth
from tests.payslip.rows_kit import MONTH, PAY_DATE, STRUCTURE, Tables, tables

SPOILT = Unreadable("「基本工资」应为数字，现在是文字“12,345.67 元”，请改正这个单元格")


@dataclass
class Past:
    """What earlier runs left."""

    paid: list[PaidMonth] = field(default_factory=list)
    charged: dict[str, Charged] = field(default_factory=dict)
    carry: Carry = field(default_factory=Carry)
    bonus_used: bool = False
    severance: bool = False


def gathered(found: Tables | None = None, **more: Any) -> Gathered:
    """Collect October 2026, paid on 10 November."""
    arguments = {"month": Month(MONTH), "pay_date": PAY_DATE, "structure": STRUCTURE, "history": {}, **more}
    return gather(tables() if found is None else found, **arguments)


def of(result: Gathered, no: str = "E001") -> CollectedPerson:
    """One employee of the result."""
    return next(who for who in result.people if who.no == no)


def sentences(result: Gathered, no: str = "") -> list[str]:
    """What only needs a look."""
    return [problem.sentence for problem in result.problems if problem.no == no]
