"""After a restore: who was told of a payslip since the backup was taken, as 工资条状态 in the base says.

Our own rows know nothing of what was sent after the backup; HR's table was written all the while and does
not lie on the machine that was lost. It follows the sending within `ROWS_SECONDS`; what was sent in the last
of them is protected by its uuid for an hour, as after any crash.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from bitable_sync.cells import EMPTY, CellValue
from payslip import tables as t
from payslip.deps import Payroll
from payslip.model import SlipState
from payslip.specs import SLIPS
from runtime import audit
from runtime.backup import restored_after

TOLD: Final = frozenset({"已推送", "已查看", "已确认", "有异议"})
"""States in HR's table that only a payslip has whose card is out."""


def settle(deps: Payroll, run_id: str) -> int:
    """Mark what HR's table says was sent, if the installation was restored after the run was sealed.

    Returns:
        How many payslips need no card any more.

    Raises:
        ChorusError: the table cannot be read; nothing may be sent until it was.
    """
    sealed_before = sa.select(t.runs.c.id).where(t.runs.c.id == run_id, restored_after(t.runs.c.changed_at))
    with deps.db.read() as conn:
        if conn.execute(sealed_before).first() is None:
            return 0
    told, now, found = _told(deps), deps.clock.now(), 0
    s = t.slips.c
    waiting = sa.select(s.employee_no, s.month, s.version, s.token).where(
        s.run_id == run_id, s.state == SlipState.SEALED.value
    )
    with deps.db.begin() as conn:
        for slip in conn.execute(waiting).all():
            sent_at = told.get((slip.employee_no, slip.month, Decimal(slip.version)), EMPTY)
            if sent_at is EMPTY:
                continue
            sent = t.slips.update().where(s.token == slip.token)
            conn.execute(sent.values(state=SlipState.SENT.value, sent_at=sent_at))
            audit.record(
                conn, at=now, actor="system:payroll", action="payroll.push", subject=f"run:{run_id}",
                reason="sent_before_the_restore", detail={"no": slip.employee_no, "version": slip.version},
            )  # fmt: skip
            found += 1
    return found


def _told(deps: Payroll) -> dict[tuple[CellValue, ...], CellValue]:
    """When each payslip was sent, by number, month and version."""
    deps.sync.puller.pull(SLIPS)
    rows = [row.values for row in deps.sync.mirror.rows(SLIPS)]
    return {(row["no"], row["month"], row["version"]): row["sent_at"] for row in rows if row["state"] in TOLD}
