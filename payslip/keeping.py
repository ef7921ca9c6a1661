"""How long pay is kept: runs with everything that belongs to them, by their pay day."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from payslip import tables as t
from runtime.erasing import Personal
from runtime.keeping import Condition, Kept, months_before

OF_RUNS = (t.slips, t.disputes, t.payouts, t.holds, t.anomalies, t.signatures, t.cards, t.people)
"""What belongs to a run; it goes before the run itself."""


def kept(months: int) -> list[Kept]:
    """What ends with its run.

    Args:
        months: that a run is kept after its pay day.
    """
    return [
        *(Kept(table, _of_old_runs(table, months)) for table in OF_RUNS),
        Kept(t.attendance_marks, lambda now: t.attendance_marks.c.at < months_before(now, months)),
        Kept(t.runs, lambda now: t.runs.c.pay_date < months_before(now, months).date()),
    ]


def personal(months: int) -> list[Personal]:
    """What of pay speaks of a person."""
    law, day = "records of pay are kept (工资支付暂行规定 §6)", t.runs.c.pay_date
    dated = sa.select(day).where(t.runs.c.id == t.slips.c.run_id).scalar_subquery()
    return [
        Personal("sessions on the pay pages", t.sessions, lambda who: t.sessions.c.open_id == who),
        Personal("PIN of the pay pages", t.pins, lambda who: t.pins.c.open_id == who),
        Personal("payslips", t.slips, lambda who: t.slips.c.open_id == who, law, dated, months),
    ]


def _of_old_runs(table: sa.Table, months: int) -> Condition:
    def over(now: datetime) -> sa.ColumnElement[bool]:
        old = sa.select(t.runs.c.id).where(t.runs.c.pay_date < months_before(now, months).date())
        return table.c.run_id.in_(old)

    return over
