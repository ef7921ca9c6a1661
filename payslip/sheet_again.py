"""The job that brings 薪资核算 to what a run says, outside of collecting it.

After the payslips went out the rows say so; after a correction was given up they show what stands again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from payslip import store
from payslip.deps import Payroll
from payslip.documents import EmployeeNo
from payslip.jobs import Collecting
from payslip.model import Run, RunState
from payslip.run import PAID
from runtime.jobrun import JobRun


class SheetAgain:
    """The job ``payroll.sheet``."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps
        self.collecting = Collecting(deps)

    def again(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Write a run's rows anew where they differ; of some employees, if they are named."""
        with self.deps.db.read() as conn:
            mine = store.load_run(conn, str(args["run"]))
            nos = [EmployeeNo(no) for no in str(args["nos"]).split()] if args.get("nos") else None
            if mine is None or mine.state not in PAID:
                return
            later = _corrected_again(conn, mine)
            mine_only = [no for no in (nos or store.numbers(conn, mine.id)) if no not in later]
        run.attempt("sheet", partial(self.collecting.sheet, mine, mine_only, str(run.id)))


def _corrected_again(conn: Connection, mine: Run) -> frozenset[EmployeeNo]:
    """Whose row a later run of the month has."""
    found: set[EmployeeNo] = set()
    for other in store.runs_of(conn, mine.month):
        if other.version > mine.version and other.state is not RunState.CANCELLED:
            found |= set(other.scope or ())
    return frozenset(found)
