"""The job that seals: signatures and data are looked at once more, then every payslip is sealed.

What was signed must be what is there now: tables are read anew, everything is computed again, and a single
difference voids the signatures.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from payslip import history, store
from payslip import run as moves
from payslip import tables as t
from payslip.approving import Approving, void
from payslip.computing import Computing
from payslip.deps import Payroll, push_moment
from payslip.documents import Books, EmployeeNo, Month
from payslip.model import Run, RunState, SlipState
from payslip.opening import refresh_work, run_work
from payslip.sending import push_works, recall_work, slips_of
from payslip.slip import SlipFacts, make_slip, seal_slip
from payslip.specs import INPUT_TABLES
from runtime.jobrun import JobRun
from runtime.work import Work


class Sealing:
    """The job ``payroll.seal``."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps
        self.computing = Computing(deps)
        self.approving = Approving(deps)

    def seal(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Look at the signatures and the data once more, seal every payslip, set the pushes to work."""
        run_id = str(args["run"])
        mine = self._load(run_id)
        if mine is None or mine.state is not RunState.APPROVED:
            return
        why = run.attempt("signatures", lambda: self.approving.standing(mine))
        if why is None:
            run.attempt("pull", self._pull)
            why = run.attempt("again", lambda: self._differs(mine))
        if why is not None:
            said = str(why)
            run.step("void", lambda: self._void(mine, said))
            return
        for number, chunk in enumerate(store.chunks(self._nos(mine), store.WRITTEN_AT_ONCE)):
            run.attempt(f"seal:{number}", partial(self._seal, mine, chunk))
        run.step("sealed", lambda: self._sealed(mine))

    def _load(self, run_id: str) -> Run | None:
        with self.deps.db.read() as conn:
            return store.load_run(conn, run_id)

    def _pull(self) -> int:
        for table in INPUT_TABLES:
            self.deps.sync.puller.pull(table)
        return len(INPUT_TABLES)

    def _differs(self, mine: Run) -> str | None:
        changed = self.computing.differs_now(mine)
        with self.deps.db.read() as conn:
            if not changed and self.computing.digest(conn, mine) == mine.digest:
                return None
        names = "、".join(changed[:5]) + ("等" if len(changed) > 5 else "")
        return f"签批后数据有变化（{names or '冻结的数据被改动'}）"

    def _void(self, seen: Run, why: str) -> None:
        with self.deps.db.begin() as conn:
            mine = store.load_run(conn, seen.id, lock=True)
            if mine is not None and mine.state is RunState.APPROVED:
                void(conn, self.deps, mine, moves.Reason.INPUT_CHANGED, why)

    def _nos(self, mine: Run) -> list[EmployeeNo]:
        with self.deps.db.read() as conn:
            return store.numbers(conn, mine.id, with_pay=True)

    def _seal(self, mine: Run, nos: Sequence[EmployeeNo]) -> int:
        """Seal some payslips; those sealed before are left alone. The writer is held only to store them."""
        now = self.deps.clock.now()
        deadline = push_moment(self.deps.policy, now) + self.deps.policy.deadline
        with self.deps.db.read() as conn:
            books, rows = self.computing.books(conn, mine), store.people(conn, mine.id, nos)
            versions = _versions(conn, mine.month, nos)
        assert books is not None  # noqa: S101 - a run with a digest has books
        new = [self._slip(mine, books, row, versions.get(row.employee_no, 0) + 1, deadline) for row in rows]
        slips = [each for each in new if each is not None]
        with self.deps.db.begin() as conn:
            # Voided meanwhile: what was computed for the old signatures must not wait for the next ones.
            found = store.load_run(conn, mine.id, lock=True)
            if slips and found is not None and (found.state, found.turn) == (mine.state, mine.turn):
                conn.execute(store.insert(conn, t.slips).on_conflict_do_nothing(), slips)
        return len(nos)

    def _slip(
        self, mine: Run, books: Books, row: store.PersonRow, version: int, deadline: datetime
    ) -> dict[str, Any] | None:
        vault, policy = self.deps.vault, self.deps.policy
        person = history.open_input(vault, policy.tenant, row)
        pay = history.open_pay(vault, policy.tenant, row)
        if person is None or pay is None:
            return None
        facts = SlipFacts(
            mine.id, version, mine.replaces, policy.company, policy.contact, deadline, row.open_id
        )  # fmt: skip
        sealed = seal_slip(vault, policy.tenant, make_slip(books, person, pay, facts))
        return {
            "run_id": mine.id, "employee_no": row.employee_no, "version": version,
            "month": mine.month, "open_id": row.open_id, "token": secrets.token_urlsafe(24),
            "sealed_slip": sealed.text, "slip_digest": sealed.digest,
            "state": (SlipState.SEALED if row.open_id else SlipState.FAILED).value,
            "deadline": deadline,
        }  # fmt: skip

    def _sealed(self, seen: Run) -> None:
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            mine = store.load_run(conn, seen.id, lock=True)
            at = push_moment(self.deps.policy, now)
            step = moves.advance(mine, RunState.SEALED, push_at=at) if mine is not None else None
            if not isinstance(step, moves.Step):
                return
            moved = store.save_step(conn, step, actor="system:payroll", at=now)
            if moved.replaces is not None:
                self._replace(conn, moved)
            rows = run_work("payroll.slip_rows", moved.id, f"sealed:{moved.turn}")
            finance = run_work("payroll.finance", moved.id, f"sealed:{moved.turn}")
            wait = max(timedelta(0), at - now)
            self.deps.queue.put(conn, *self._pushes(conn, moved, wait), refresh_work(moved), rows, finance)

    def _pushes(self, conn: Connection, mine: Run, wait: timedelta) -> list[Work]:
        s = t.slips.c
        any_one = sa.select(s.employee_no).where(s.run_id == mine.id, s.state == SlipState.SEALED.value)
        if conn.execute(any_one.limit(1)).first() is None:  # nobody can be told
            return [run_work("payroll.pushed", mine.id, str(mine.turn))]
        return push_works(mine, wait)

    def _replace(self, conn: Connection, mine: Run) -> None:
        """The corrected versions are no longer valid; their cards say so, the page leads to the new one."""
        s = t.slips.c
        old = [slip for slip in slips_of(conn, mine.replaces or "") if slip.employee_no in (mine.scope or ())]
        for slip in old:
            conn.execute(
                t.slips.update()
                .where(s.run_id == slip.run_id, s.employee_no == slip.employee_no)
                .values(state=SlipState.REPLACED.value)
            )
            self.deps.queue.put(conn, recall_work(slip))


def _versions(conn: Connection, month: Month, nos: Sequence[str]) -> dict[str, int]:
    """The newest version of each person's payslip of a month."""
    s = t.slips.c
    query = sa.select(s.employee_no, sa.func.max(s.version)).where(s.month == month, s.employee_no.in_(nos))
    return {str(row[0]): int(row[1]) for row in conn.execute(query.group_by(s.employee_no))}
