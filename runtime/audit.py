"""The audit trail: one row a decision, written in the same transaction as the decision itself.

Rows are chained: the hash of each covers its content and the hash before it, in the order of the commits. So
a row that was changed, taken out or slipped in is found by `verify`, and a head that somebody noted down (the
morning card shows it) finds a trail that was cut short or written anew. The chain is extended as the last
thing before a commit, so writers wait for each other only while one commits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypedDict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from runtime import tables
from runtime.db import Database, before_commit

GENESIS: Final = "0" * 64
"""What stands for the hash before the first entry."""

CUT: Final = "audit.cut"
LOCK: Final = 4_604_614
"""Key of the PostgreSQL advisory lock under which the chain grows; SQLite has one writer anyway."""

_AT_ONCE: Final = 500
_TRAIL, _CHAIN, _CUTS = tables.audit.c, tables.audit_chain.c, tables.audit_cuts.c


class Entry(TypedDict):
    """One row; see `record`."""

    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of the chain.

    Attributes:
        seq: how many entries there ever were.
        hash: SHA-256 in hex; it stands for everything before it.
    """

    seq: int
    hash: str

    def __str__(self) -> str:
        """As people note it down, e.g. ``1204:3f9a0c…``."""
        return f"{self.seq}:{self.hash[:16]}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found.

    Attributes:
        entries: how many entries of the chain were looked at.
        head: the newest one.
        fault: the first broken place, in a sentence; None when the trail is whole.
    """

    entries: int
    head: Head
    fault: str | None


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
        conn: the caller's transaction (`Database.begin`); the row exists exactly if the caller's change does.
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
    """Add many rows in one statement; see `record` for what they hold."""
    if not entries:
        return
    added = sa.insert(tables.audit).returning(_TRAIL.id, sort_by_parameter_order=True)
    for number in conn.execute(added, list(entries)).scalars():
        before_commit(conn, extend, number)


def extend(conn: Connection, ids: list[int]) -> None:
    """Chain new rows, read back as the database keeps them; `record` has it called before the commit.

    Args:
        conn: a write transaction.
        ids: of rows; those a savepoint took back are no longer there.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    last, entries = head(conn), []
    for at in range(0, len(ids), _AT_ONCE):
        rows = sa.select(tables.audit).where(_TRAIL.id.in_(ids[at : at + _AT_ONCE])).order_by(_TRAIL.id)
        for row in conn.execute(rows):
            last = Head(last.seq + 1, link(last.hash, row))
            entries.append({"seq": last.seq, "audit_id": row.id, "hash": last.hash})
    if entries:
        conn.execute(tables.audit_chain.insert(), entries)


def head(conn: Connection) -> Head:
    """The newest entry of the chain; a cut leaves at least the entry that tells of it."""
    newest = sa.select(_CHAIN.seq, _CHAIN.hash).order_by(_CHAIN.seq.desc()).limit(1)
    row = conn.execute(newest).first()
    return Head(0, GENESIS) if row is None else Head(row.seq, row.hash)


def link(before: str, row: sa.Row[Any]) -> str:
    """The hash of an entry: SHA-256 over the hash before and the row's canonical JSON."""
    content = [
        row.id, row.at.astimezone(UTC).isoformat(timespec="microseconds"), row.actor, row.action, row.subject,
        row.reason, row.detail,
    ]  # fmt: skip
    text = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def verify(db: Database, known: str | None = None) -> Verdict:
    """Look through the whole chain and say where it is broken first.

    Args:
        db: the durable database.
        known: a head somebody noted down earlier (``<seq>:<beginning of the hash>``); it must still stand.
    """
    with db.read() as conn:
        first = conn.execute(sa.select(sa.func.min(_CHAIN.seq))).scalar()
        last, fault = _start(conn, first)
        began = last.seq
        if fault is None:
            last, fault = _walk(conn, last)
        fault = fault or _unchained(conn) or (_missing_head(conn, known, last) if known else None)
    return Verdict(last.seq - began, last, fault)


def _start(conn: Connection, first: int | None) -> tuple[Head, str | None]:
    """Where the chain begins: at the very first entry, or at a cut that stands in the chain itself."""
    if first is None or first == 1:
        return Head(0, GENESIS), None
    query = sa.select(_TRAIL.detail).where(_TRAIL.action == CUT, _TRAIL.subject == f"audit:{first - 1}")
    cut = conn.execute(query).scalar()
    if cut is None:
        return Head(first - 1, GENESIS), (
            f"The chain begins with entry {first}, and no row says that it was cut there: entries 1 to "
            f"{first - 1} were deleted past the product."
        )
    return Head(first - 1, str(cut["hash"])), None


def _walk(conn: Connection, last: Head) -> tuple[Head, str | None]:
    """Follow the chain to its end or to the first entry that does not fit."""
    both = tables.audit_chain.outerjoin(tables.audit, _TRAIL.id == _CHAIN.audit_id)
    query = sa.select(_CHAIN.seq, _CHAIN.audit_id, _CHAIN.hash, tables.audit).select_from(both)
    with conn.execute(query.order_by(_CHAIN.seq).execution_options(yield_per=_AT_ONCE)) as rows:
        for row in rows:
            fault = _misfit(row, last)
            if fault is not None:
                return last, fault
            last = Head(row.seq, row.hash)
    return last, None


def _misfit(row: sa.Row[Any], last: Head) -> str | None:
    """Why an entry, with its row, does not follow the last one."""
    if row.seq != last.seq + 1:
        return f"After entry {last.seq} of the chain comes {row.seq}: what stood between was deleted."
    if row.id is None:
        return (
            f"Entry {row.seq} of the chain has no row any more: row {row.audit_id} of the audit trail was "
            "deleted."
        )
    if link(last.hash, row) != row.hash:
        return (
            f"Entry {row.seq} of the chain does not fit: row {row.id} ({row.action} of {row.subject} by "
            f"{row.actor}, {row.at:%Y-%m-%d %H:%M:%S} UTC), or what stood before it, was changed."
        )
    return None


def _unchained(conn: Connection) -> str | None:
    chained = sa.exists().where(_CHAIN.audit_id == _TRAIL.id)
    row = conn.execute(sa.select(_TRAIL.id, _TRAIL.action).where(~chained).order_by(_TRAIL.id)).first()
    return None if row is None else (
        f"Row {row.id} of the audit trail ({row.action}) is not in the chain: it was put in past the product."
    )  # fmt: skip


def _missing_head(conn: Connection, known: str, last: Head) -> str | None:
    number, _, start = known.partition(":")
    if not number.isdigit() or not start:
        return f"{known} is no head of the chain; expected <number>:<beginning of the hash>."
    found = conn.execute(sa.select(_CHAIN.hash).where(_CHAIN.seq == int(number))).scalar()
    if found is not None and found.startswith(start.rstrip("…")):
        return None
    if found is None and int(number) > last.seq:
        return f"Entry {number} was known, and the chain ends at {last.seq}: newer entries were deleted."
    return f"Entry {number} was known with another hash, or was cut: the chain is not the one it was then."


def cut(db: Database, before: datetime, now: datetime) -> int:
    """End the keeping time of what is older: its rows may be deleted (`delete_cut`), and the trail says so.

    Args:
        db: the durable database.
        before: rows from before this moment; the chain is cut before the first one that is not.
        now: the moment.

    Returns:
        How many entries were cut; 0 when nothing is that old.
    """
    with db.begin() as conn:
        lowest = conn.execute(sa.select(sa.func.min(_CHAIN.seq))).scalar()
        joined = tables.audit_chain.join(tables.audit, _TRAIL.id == _CHAIN.audit_id)
        kept = sa.select(sa.func.min(_CHAIN.seq)).select_from(joined).where(_TRAIL.at >= before)
        first = conn.execute(kept).scalar()
        upto = head(conn).seq if first is None else first - 1
        if lowest is None or upto < lowest:
            return 0
        ends = conn.execute(sa.select(_CHAIN.hash).where(_CHAIN.seq == upto)).scalar_one()
        conn.execute(tables.audit_cuts.insert().values(seq=upto, hash=ends, at=now))
        record(
            conn, at=now, actor="system:retention", action=CUT, subject=f"audit:{upto}",
            reason="keeping_time_over", detail={"hash": ends, "entries": upto - lowest + 1},
        )  # fmt: skip
    return int(upto - lowest + 1)


def delete_cut(db: Database) -> int:
    """Delete the next rows that were cut, with their entries; how many. In one short transaction."""
    with db.begin() as conn:
        upto = conn.execute(sa.select(sa.func.max(_CUTS.seq))).scalar() or 0
        part = sa.select(_CHAIN.seq, _CHAIN.audit_id).where(_CHAIN.seq <= upto).order_by(_CHAIN.seq)
        rows = conn.execute(part.limit(_AT_ONCE)).all()
        if rows:
            conn.execute(tables.audit.delete().where(_TRAIL.id.in_([row.audit_id for row in rows])))
            conn.execute(tables.audit_chain.delete().where(_CHAIN.seq <= rows[-1].seq))
    return len(rows)
