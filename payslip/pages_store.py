"""SQL of the pages: payslips and disputes. Sealed columns pass through unread."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import SlipState
from payslip.slip import SlipKey
from payslip.tables import disputes, slips
from runtime.ids import OpenId

LONGEST_LIST: Final = 36
GONE: Final = frozenset({SlipState.RECALLED, SlipState.REPLACED})
UNREAD: Final = frozenset({SlipState.SENT, SlipState.FAILED})
"""States that a first opening turns into READ. A SEALED one has been sent, but the worker has not put that on
record yet: it does so by the state, so the page leaves the state to it and only keeps the time."""


@dataclass(frozen=True, slots=True)
class SlipRow:
    """A payslip version as stored."""

    run_id: RunId
    employee_no: EmployeeNo
    version: int
    month: Month
    open_id: OpenId | None
    token: str
    sealed_slip: str | None
    slip_digest: str
    state: SlipState
    read_at: datetime | None
    confirmed_at: datetime | None
    deadline: datetime | None

    @property
    def key(self) -> SlipKey:
        """What it is sealed for."""
        return SlipKey(self.run_id, self.employee_no, self.version)

    @property
    def subject(self) -> str:
        """How audit rows call it."""
        return f"slip:{self.run_id}:{self.employee_no}"

    @property
    def lane(self) -> str:
        """Where work about it is done, in order."""
        return f"run:{self.run_id}"


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """A dispute as stored."""

    id: str
    line: str
    state: str
    sealed_text: str
    sealed_answer: str | None
    at: datetime
    answered_at: datetime | None
    run_id: RunId


def by_token(conn: Connection, token: str, *, lock: bool = False) -> SlipRow | None:
    """The payslip a link names; ``lock`` holds it until the transaction ends."""
    query = sa.select(slips).where(slips.c.token == token)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _slip(row)


def of_person(conn: Connection, open_id: OpenId) -> list[SlipRow]:
    """A person's payslips that were sent, newest first; recalled and replaced ones included."""
    query = (
        sa.select(slips)
        .where(slips.c.open_id == open_id, slips.c.state != SlipState.SEALED.value)
        .order_by(slips.c.month.desc(), slips.c.version.desc())
        .limit(LONGEST_LIST)
    )
    return [_slip(row) for row in conn.execute(query)]


def newer(conn: Connection, row: SlipRow) -> SlipRow | None:
    """The version that took the place of this one, once it was sent."""
    hidden = [state.value for state in (*GONE, SlipState.SEALED)]
    query = (
        sa.select(slips)
        .where(slips.c.open_id == row.open_id, slips.c.employee_no == row.employee_no)
        .where(slips.c.month == row.month, slips.c.version > row.version, slips.c.state.not_in(hidden))
        .order_by(slips.c.version.desc())
        .limit(1)
    )
    found = conn.execute(query).first()
    return None if found is None else _slip(found)


def month_before(conn: Connection, row: SlipRow) -> SlipRow | None:
    """The same person's last payslip of an earlier month."""
    hidden = [state.value for state in (*GONE, SlipState.SEALED)]
    query = (
        sa.select(slips)
        .where(slips.c.open_id == row.open_id, slips.c.employee_no == row.employee_no)
        .where(slips.c.month < row.month, slips.c.state.not_in(hidden), slips.c.sealed_slip.is_not(None))
        .order_by(slips.c.month.desc(), slips.c.version.desc())
        .limit(1)
    )
    found = conn.execute(query).first()
    return None if found is None else _slip(found)


def employee_no(conn: Connection, open_id: OpenId) -> str:
    """A person's employee number as their payslips know it; empty before the first."""
    query = sa.select(slips.c.employee_no).where(slips.c.open_id == open_id).limit(1)
    return str(conn.execute(query).scalar_one_or_none() or "")


def mark_read(conn: Connection, row: SlipRow, now: datetime) -> bool:
    """Note the first opening; False when it was opened before."""
    states = [state.value for state in UNREAD]
    first = sa.func.coalesce(slips.c.read_at, sa.bindparam(None, now, type_=slips.c.read_at.type))
    update = slips.update().where(_same(row), slips.c.state.in_(states))
    update = update.values(state=SlipState.READ.value, read_at=first)
    if conn.execute(update.returning(slips.c.run_id)).first() is not None:
        return True
    early = slips.update().where(_same(row), slips.c.state == SlipState.SEALED.value)
    conn.execute(early.where(slips.c.read_at.is_(None)).values(read_at=now))
    return False


def mark_confirmed(conn: Connection, row: SlipRow, evidence: dict[str, Any], now: datetime) -> None:
    """Keep the confirmation with its evidence."""
    values = {"state": SlipState.CONFIRMED.value, "confirmed_at": now, "evidence": evidence}
    conn.execute(slips.update().where(_same(row)).values(**values))


def mark_disputed(conn: Connection, row: SlipRow) -> None:
    """A line of it is disputed."""
    conn.execute(slips.update().where(_same(row)).values(state=SlipState.DISPUTED.value))


def add_dispute(conn: Connection, row: SlipRow, dispute: DisputeRow) -> None:
    """Keep a dispute."""
    conn.execute(
        disputes.insert().values(
            id=dispute.id, run_id=row.run_id, employee_no=row.employee_no, open_id=row.open_id,
            line=dispute.line, sealed_text=dispute.sealed_text, state=dispute.state, at=dispute.at,
        )
    )  # fmt: skip


def disputes_of(conn: Connection, row: SlipRow) -> list[DisputeRow]:
    """The disputes about a payslip and the versions it replaced, oldest first."""
    columns = [disputes.c[field.name] for field in fields(DisputeRow)]
    about = sa.and_(slips.c.run_id == disputes.c.run_id, slips.c.employee_no == disputes.c.employee_no)
    query = (
        sa.select(*columns)
        .join(slips, about)
        .where(disputes.c.employee_no == row.employee_no, disputes.c.open_id == row.open_id)
        .where(slips.c.month == row.month, slips.c.version <= row.version)
        .order_by(disputes.c.at, disputes.c.id)
    )
    return [DisputeRow(*found) for found in conn.execute(query)]


def dispute(conn: Connection, dispute_id: str) -> tuple[DisputeRow, SlipRow] | None:
    """A dispute and the payslip it is about."""
    columns = [disputes.c[field.name] for field in fields(DisputeRow)]
    found = conn.execute(sa.select(*columns).where(disputes.c.id == dispute_id)).first()
    about = sa.and_(slips.c.run_id == disputes.c.run_id, slips.c.employee_no == disputes.c.employee_no)
    query = sa.select(slips).join(disputes, about).where(disputes.c.id == dispute_id)
    row = conn.execute(query).first()
    return None if found is None or row is None else (DisputeRow(*found), _slip(row))


def unknown_subject(token: str) -> str:
    """How audit rows call a link that names nothing: tries with the same one look the same."""
    return f"slip:unknown:{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def _same(row: SlipRow) -> sa.ColumnElement[bool]:
    return sa.and_(slips.c.run_id == row.run_id, slips.c.employee_no == row.employee_no)


def _slip(row: Row[Any]) -> SlipRow:
    read = {field.name: getattr(row, field.name) for field in fields(SlipRow)}
    return SlipRow(**{**read, "state": SlipState(read["state"])})
