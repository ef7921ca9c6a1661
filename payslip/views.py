"""What a run's card shows, read in one transaction. No amounts: they never leave the vault for a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from payslip import store
from payslip import tables as t
from payslip.model import Run, SlipState

SHOWN = 4
"""Anomalies on one card; the next follow when these are settled."""


@dataclass(frozen=True, slots=True)
class PartView:
    """One approval of a run as people see it."""

    name: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run for its card.

    Attributes:
        run: the run.
        people: how many are part of it.
        computed: how many have pay.
        unsettled: the first anomalies nobody has settled.
        left: how many are unsettled in all.
        blocking: how many of them no reason can settle.
        settled: how many were settled.
        parts: approvals of the present digest.
        slips: payslips by state.
        held: payouts that wait for a second person.
    """

    run: Run
    people: int = 0
    computed: int = 0
    unsettled: tuple[store.OpenAnomaly, ...] = ()
    left: int = 0
    blocking: int = 0
    settled: int = 0
    parts: tuple[PartView, ...] = ()
    slips: Mapping[str, int] | None = None
    held: int = 0

    def slip_count(self, *states: SlipState) -> int:
        """Payslips in any of these states."""
        return sum((self.slips or {}).get(state.value, 0) for state in states)


def load_view(conn: Connection, run: Run) -> RunView:
    """Read what a run's card shows."""
    every = store.anomalies(conn, run.id)
    left = [each for each in every if each.settled_by is None]
    p = t.people.c
    people, computed = conn.execute(
        sa.select(sa.func.count(), sa.func.count(p.pay_digest)).where(p.run_id == run.id)
    ).one()
    return RunView(
        run, people, computed, tuple(left[:SHOWN]), len(left),
        sum(each.anomaly.kind.blocks for each in left), len(every) - len(left),
        _parts(conn, run), _slips(conn, run), _held(conn, run),
    )  # fmt: skip


def _parts(conn: Connection, run: Run) -> tuple[PartView, ...]:
    s = t.signatures.c
    query = sa.select(s.part, s.state, s.reason).where(s.run_id == run.id, s.digest == (run.digest or ""))
    return tuple(PartView(*row) for row in conn.execute(query.order_by(s.part)))


def _slips(conn: Connection, run: Run) -> dict[str, int]:
    s = t.slips.c
    query = sa.select(s.state, sa.func.count()).where(s.run_id == run.id).group_by(s.state)
    return {str(row[0]): int(row[1]) for row in conn.execute(query)}


def _held(conn: Connection, run: Run) -> int:
    h = t.holds.c
    query = sa.select(sa.func.count()).where(h.run_id == run.id, h.released_by.is_(None))
    return int(conn.execute(query).scalar_one())
