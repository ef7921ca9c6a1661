"""What a person is collected against, and a person while being put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

from payslip import months
from payslip.collect_books import Blocks
from payslip.collect_cells import Cells
from payslip.collect_commission import Pool
from payslip.documents import Books, Carry, Charged, Month, PaidMonth, Source


class Past(Protocol):
    """What earlier runs left for a person; see `payslip.history.History`, which it is in production."""

    @property
    def paid(self) -> list[PaidMonth]:
        """What was paid and withheld in this tax year."""
        ...

    @property
    def charged(self) -> dict[str, Charged]:
        """Social insurance per month as charged in total, later back-payments included."""
        ...

    @property
    def carry(self) -> Carry:
        """What the last run left over."""
        ...

    @property
    def bonus_used(self) -> bool:
        """The yearly bonus was taxed by itself already."""
        ...

    @property
    def severance(self) -> bool:
        """Severance was paid already."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """What a person is collected against: the run's books, what blocks whom, pools, and an ordinary month."""

    books: Books
    blocks: Blocks
    pools: Mapping[str, Pool]
    workdays: Decimal

    @property
    def month(self) -> Month:
        """The month worked."""
        return self.books.month

    @property
    def first(self) -> date:
        """Its first day."""
        return months.first_day(self.month)

    @property
    def last(self) -> date:
        """Its last day."""
        return months.last_day(self.month)

    @property
    def tax_month(self) -> Month:
        """The month of payment."""
        return months.month_of(self.books.pay_date)


@dataclass(slots=True)
class Draft:
    """A person while being put together: what stops them, what only needs a look, where figures came from."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    attendance: bool = True


def only(rows: list[Cells], missing: str, draft: Draft) -> Cells | None:
    """The one row there should be; two are a fault, for nobody can tell which is right."""
    if len(rows) > 1:
        draft.faults.append(f"{rows[0].spec.name}里本月有 {len(rows)} 行，请只留一行")
        return None
    if not rows and missing:
        draft.notes.append(missing)
    return Cells(rows[0].spec, rows[0].values) if rows else None
