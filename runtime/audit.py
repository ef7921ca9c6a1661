"""The audit trail: one row a decision, written in the same transaction as the decision itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy.engine import Connection

from runtime import tables


class Entry(TypedDict):
    """One row; see :func:`record`."""

    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    detail: Mapping[str, Any]


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
    entry: Entry = {
        "at": at, "actor": actor, "action": action, "subject": subject, "reason": reason,
        "detail": dict(detail or {}),
    }  # fmt: skip
    record_all(conn, [entry])


def record_all(conn: Connection, entries: Sequence[Entry]) -> None:
    """Add many rows in one statement; see :func:`record` for what they hold."""
    if entries:
        conn.execute(tables.audit.insert(), list(entries))
