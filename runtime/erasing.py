"""Erasing a person on request: what goes at once, what the law keeps, and until when.

Sources: 个人信息保护法 §47 (erasure, and that what a law orders to be kept is only stored and protected until
then), 工资支付暂行规定 §6 (records of pay, two years at least).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from runtime import audit, tables
from runtime.clock import SHANGHAI
from runtime.keeping import months_before

Whose = Callable[[str], sa.ColumnElement[bool]]
"""Which rows speak of a person, by open_id."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Rows that speak of people.

    Attributes:
        what: they are, for the answer to the person.
        table: where they stand.
        whose: which of them are one person's.
        law: why they are kept; "" = they are erased.
        newest: column that dates them, for what is kept.
        months: that they are kept after it; None = as long as the business they belong to.
    """

    what: str
    table: sa.Table
    whose: Whose
    law: str = ""
    newest: sa.ColumnElement[datetime] | sa.ColumnElement[date] | None = None
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the answer: rows of a kind, and until when they are kept if they are."""

    what: str
    rows: int
    law: str = ""
    until: date | None = None


def erase(
    conn: Connection, person: str, everything: Sequence[Personal], *, actor: str, at: datetime
) -> list[Line]:
    """Erase a person in one transaction and note who asked for it.

    Args:
        conn: a write transaction.
        person: open_id.
        everything: what speaks of people.
        actor: who does it.
        at: the moment.

    Returns:
        What was found, in the order of `everything`; kinds without rows are left out.
    """
    lines = [line for each in everything if (line := _one(conn, each, person)).rows]
    audit.record(
        conn, at=at, actor=actor, action="person.erase", subject=f"person:{person}",
        reason="the person asked", detail={line.what: line.rows for line in lines if not line.law},
    )  # fmt: skip
    return lines


def _one(conn: Connection, each: Personal, person: str) -> Line:
    mine = each.whose(person)
    if not each.law:
        return Line(each.what, conn.execute(each.table.delete().where(mine)).rowcount)
    count = conn.execute(sa.select(sa.func.count()).select_from(each.table).where(mine)).scalar_one()
    until = None
    if each.newest is not None and each.months is not None:
        newest = conn.execute(
            sa.select(sa.func.max(each.newest)).select_from(each.table).where(mine)
        ).scalar()
        until = None if newest is None else _after(newest, each.months)
    return Line(each.what, int(count), each.law, until)


def _after(newest: datetime | date, months: int) -> date:
    if isinstance(newest, datetime):
        return months_before(newest, -months).date()
    noon = datetime(newest.year, newest.month, newest.day, 12, tzinfo=SHANGHAI)
    return months_before(noon, -months).date()


def personal_here(audit_months: int) -> list[Personal]:
    """The audit trail: it says who decided what, and is chained."""
    a = tables.audit
    law = "the trail of decisions; it explains pay and is kept as long as it (工资支付暂行规定 §6)"
    return [Personal("audit trail", a, lambda who: a.c.actor == who, law, a.c.at, audit_months)]
