"""The audit trail: one row a decision, written in the same transaction as the decision itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from runtime import tables


def record(
    conn: Connection,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    reason: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a row to the audit trail.

    Args:
        conn: the caller's transaction; the row exists exactly if the caller's change does.
        at: when it was decided (aware).
        actor: open_id of the person, or `system:<part>` for the product itself.
        action: stable word such as `alert.acknowledge`.
        subject: what it was done to, such as `alert:<id>`.
        reason: the named reason of the decision.
        detail: plain JSON values; no secrets, no amounts of pay.
    """
    conn.execute(
        tables.audit.insert().values(
            at=at, actor=actor, action=action, subject=subject, reason=reason, detail=dict(detail or {})
        )
    )
