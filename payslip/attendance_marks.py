"""Which rows of 考勤汇总 people changed after they were fetched: those are theirs from then on.

Nobody changes 来源 when they mend a figure, so 来源 alone does not say whose a row is. What we wrote is known
by a keyed digest, noted before it is written; a row that is none of what we wrote was changed by a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from bitable_sync.cells import EMPTY, CellValue
from payslip import store
from payslip.attendance import FIGURES, SOURCE
from payslip.collect_cells import Cells
from payslip.documents import EmployeeNo, Month
from payslip.specs import ATTENDANCE_TABLE
from payslip.tables import attendance_marks as marks
from runtime.db import Database
from runtime.vault import Vault

CHANGED = "人工修改"
"""来源 of a row that was fetched and then changed by a person."""

Row = Mapping[str, CellValue]


class Marks:
    """What was written into 考勤汇总.

    Args:
        db: durable database.
        vault: makes the digests.
    """

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    def take(
        self, wanted: Sequence[dict[str, CellValue]], existing: Iterable[Row], month: Month, at: datetime
    ) -> list[dict[str, CellValue]]:
        """What may be written of the rows Feishu gives; noted as ours before it is.

        Args:
            wanted: complete rows that are new or differ from what stands there.
            existing: the rows of 考勤汇总.
            month: the month worked.
            at: now.

        Returns:
            The rows; of one that a person changed only 来源, which then says so.
        """
        there = _by_number(existing, month)
        with self._db.begin() as conn:
            known = self._known(conn, month)
            taken = []
            for row in wanted:
                no = EmployeeNo(str(row["no"]))
                stands = there.get(no)
                if stands is not None and no in known and self._digest(stands) not in known[no]:
                    taken.append({"no": row["no"], "month": row["month"], "source": CHANGED})
                    continue
                values = {"employee_no": no, "month": month, "digest": self._digest(row), "at": at}
                conn.execute(store.insert(conn, marks).values(**values).on_conflict_do_nothing())
                taken.append(row)
        return taken

    def _known(self, conn: sa.Connection, month: Month) -> dict[EmployeeNo, set[str]]:
        found: dict[EmployeeNo, set[str]] = {}
        query = sa.select(marks.c.employee_no, marks.c.digest).where(marks.c.month == month)
        for no, digest in conn.execute(query):
            found.setdefault(EmployeeNo(no), set()).add(digest)
        return found

    def _digest(self, row: Row) -> str:
        figures = (row.get(key, EMPTY) for key in FIGURES)
        # As the doubles the platform keeps; what is no number was never ours.
        text = "/".join(repr(float(each)) if isinstance(each, Decimal) else "?" for each in figures)
        return self._vault.digest("attendance", text.encode())


def _by_number(existing: Iterable[Row], month: Month) -> dict[EmployeeNo, Row]:
    found: dict[EmployeeNo, Row] = {}
    for values in existing:
        cells = Cells(ATTENDANCE_TABLE, values)
        no = cells.no()
        if no is not None and cells.month("month") == month and cells.source().source == SOURCE:
            found[no] = values
    return found
