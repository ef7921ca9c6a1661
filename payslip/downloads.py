"""Opening a payout file on the page: only while every signature stands, and never without an audit row."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from payslip import payout, store
from payslip import tables as t
from payslip.deps import Policy
from payslip.pages_desk import PayoutFile
from runtime.clock import Clock
from runtime.ids import OpenId
from runtime.vault import Vault

Opener = Callable[[Connection, str, OpenId], PayoutFile | None]


def open_file(vault: Vault, policy: Policy, clock: Clock) -> Opener:
    """Make what opens a payout file for a person who may have it.

    Args:
        vault: opens the file.
        policy: part of the sealed place.
        clock: dates the audit row.
    """

    def opened(conn: Connection, file_id: str, by: OpenId) -> PayoutFile | None:
        owner = conn.execute(sa.select(t.payouts.c.run_id).where(t.payouts.c.id == file_id)).scalar()
        run = store.load_run(conn, owner) if owner else None
        if run is None or not store.all_signed(conn, run):
            return None
        try:
            file = payout.open_payout(conn, vault, policy.tenant, file_id, by=by, at=clock.now())
        except payout.CannotPay:
            return None
        return PayoutFile(file.name, file.data, f"run:{run.id}")

    return opened
