"""What must be done to the installation itself now and then, and when it last was: a row of the audit trail.

A backup, the nightly deleting of what is too old, and a look through the audit chain. The doctor and the
morning card say when one of them is overdue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from runtime import audit
from runtime.tables import audit as trail


class Chore(StrEnum):
    """What there is to do; the subject of its audit rows."""

    BACKUP = "upkeep:backup"
    KEEPING = "upkeep:keeping"
    CHAIN = "upkeep:chain"


WHOLE, BROKEN = "whole", "broken"
"""Reasons of `Chore.CHAIN`: what was found."""


@dataclass(frozen=True, slots=True)
class Done:
    """When something was last done, what came of it, and details without secrets."""

    at: datetime
    reason: str
    detail: Mapping[str, Any]


def note(
    conn: Connection, chore: Chore, *, at: datetime, actor: str, reason: str, detail: Mapping[str, Any]
) -> None:
    """Put on record that something was done; arguments as for `audit.record`."""
    action = f"upkeep.{chore.name.lower()}"
    audit.record(conn, at=at, actor=actor, action=action, subject=chore, reason=reason, detail=detail)


def note_chain(conn: Connection, found: audit.Verdict, *, at: datetime, actor: str) -> None:
    """Put on record what a look through the audit chain found."""
    reason = WHOLE if found.fault is None else BROKEN
    detail = {"entries": found.entries, "head": str(found.head), "fault": found.fault or ""}
    note(conn, Chore.CHAIN, at=at, actor=actor, reason=reason, detail=detail)


def last(conn: Connection, chore: Chore) -> Done | None:
    """When it was last done; None = never, or longer ago than the trail is kept."""
    newest = sa.select(trail.c.at, trail.c.reason, trail.c.detail).where(trail.c.subject == chore)
    row = conn.execute(newest.order_by(trail.c.at.desc(), trail.c.id.desc()).limit(1)).first()
    return None if row is None else Done(row.at, row.reason, row.detail)
