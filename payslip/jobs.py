"""Jobs of a run before it is signed: collect, compute, compare with Bitable, list anomalies, show the card.

Works of one run share a lane, so that no two of them see half of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.changes import Change
from bitable_sync.diff import differing
from payslip import history, store
from payslip import run as moves
from payslip.approving import void
from payslip.cards import run_card
from payslip.collect_cells import read_month
from payslip.commission import commission
from payslip.computing import Computing
from payslip.deps import Payroll
from payslip.documents import Books, EmployeeNo, Pay, Person
from payslip.model import Anomaly, AnomalyKind, Run, RunState
from payslip.opening import collect_work, lane, refresh_work, run_work
from payslip.specs import (
    ANOMALIES,
    ATTENDANCE,
    COMMISSION,
    FIELD_COLUMNS,
    INPUT_TABLES,
    ONE_OFFS,
    PAYROLL,
    SCORES,
)
from payslip.structure import compare, parameter_values
from payslip.views import load_view
from runtime.errors import PermanentError
from runtime.ids import MessageId
from runtime.jobrun import JobRun

MONTHLY = frozenset({ATTENDANCE, SCORES, COMMISSION, ONE_OFFS})
"""Tables with a month in each row: rows of other months concern no run of this one."""

OURS = frozenset({"sync_issue", "check_result", "source", "source_at"})
"""Columns we or an importer write beside the inputs; a change of these alone changes nothing."""

FEW = 500
"""So many people an edit may touch before the rows of everybody are looked at again."""

SETTLE_SECONDS = (1.0, 2.0, 4.0)
"""Bitable recomputes its formulas behind the write (docs, 1254607: data not ready)."""

DIFFERS = "这些列与表格公式差一分以上："

ROW_STATE = {
    RunState.CALCULATED: "已核算",
    RunState.REVIEWED: "已核算",
    RunState.APPROVED: "已签批",
    RunState.SEALED: "已签批",
    RunState.PUSHED: "已发放",
}


class Collecting:
    """The jobs ``payroll.collect``, ``payroll.refresh``, ``payroll.card`` and ``payroll.anomalies``."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps
        self.computing = Computing(deps)

    # --- collecting ---

    def collect(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Bring a run's inputs together, compute, compare, and list what must be looked at."""
        mine = self._load(str(args["run"]))
        if mine is None or mine.state not in moves.OPEN or mine.state in moves.SIGNED:
            return
        absent: Mapping[str, str] = {}
        if args.get("fetch"):
            run.attempt("pull", self._pull)
            run.attempt("structure", self._structure)
            absent = run.attempt("attendance", partial(self._attendance, mine, str(run.id)))
        touched: set[EmployeeNo] | None = set()
        if args.get("fetch") or run.resumed or mine.state is RunState.DRAFT:
            touched = None  # everybody: what was written before, and for whom, is not known
        done = run.attempt("compute", lambda: self._compute(mine, absent, touched))
        run.attempt("sheet", partial(self.sheet, mine, done.get("nos"), str(run.id)))
        self._compare(run, mine, done.get("nos"))
        run.step("finish", lambda: self._finish(mine))

    def _load(self, run_id: str) -> Run | None:
        with self.deps.db.read() as conn:
            return store.load_run(conn, run_id)

    def _pull(self) -> int:
        for table in (*INPUT_TABLES, PAYROLL):
            self.deps.sync.puller.pull(table)
        return len(INPUT_TABLES)

    def _structure(self) -> dict[str, int]:
        """What stands in 薪资结构 is in force, answered in its rows, and has its columns."""
        structuring = self.deps.structuring
        structuring.review()
        structuring.answer()
        return structuring.install()

    def _attendance(self, mine: Run, cause: str) -> dict[str, str]:
        """Attendance from Feishu into 考勤汇总; what people typed or imported stays.

        Returns:
            Why somebody has none, by employee number.
        """
        if self.deps.attendance is None:
            return {}
        found = self.deps.attendance.fetch(self.computing.tables(), mine.month, self.deps.clock.now())
        if found.rows:
            self.deps.sync.pusher.upsert(ATTENDANCE, found.rows, cause=cause)
        return found.missing

    def _compute(
        self, mine: Run, absent: Mapping[str, str], touched: set[EmployeeNo] | None
    ) -> dict[str, Any]:
        """Compute a run; with ``touched``, also name the few whose rows must be looked at.

        It grows over tries: what an interrupted one stored is not seen as changed by the next.
        """
        if touched is not None:
            with self.deps.db.read() as conn:
                differed = [each.anomaly for each in store.anomalies(conn, mine.id)]
            touched |= {each.employee_no for each in differed if each.kind is AnomalyKind.BITABLE}
        done: dict[str, Any] = dict(self.computing.refresh(mine, absent, touched))
        if touched is not None and len(touched) <= FEW:
            done["nos"] = sorted(touched)
        return done

    # --- the sheet HR sees ---

    def sheet(self, mine: Run, nos: Sequence[EmployeeNo] | None, cause: str) -> int:
        """Write 薪资核算: the inputs its formulas need and what we computed, where anything differs."""
        with self.deps.db.read() as conn:
            books = self.computing.books(conn, mine)
            everybody = store.numbers(conn, mine.id) if nos is None else nos
        if books is None:
            return 0
        return sum(self._sheet_part(mine, books, part, cause) for part in store.chunks(everybody))

    def _sheet_part(self, mine: Run, books: Books, nos: Sequence[EmployeeNo], cause: str) -> int:
        wanted = {
            row.employee_no: self._sheet_row(mine, books, row, person, pay)
            for row, person, pay in self._opened(mine, nos)
        }
        there = self.deps.sync.mirror.by_keys(PAYROLL, [f"{no}\x1f{mine.month}" for no in wanted])
        known = {str(row.values["no"]): row.values for found in there.values() for row in found}
        rows = [
            values | {"computed_at": self.deps.clock.now()}
            for no, values in wanted.items()
            if no not in known or differing(known[no], values)
        ]
        if rows:
            self.deps.sync.pusher.upsert(PAYROLL, rows, cause=cause)
        return len(rows)

    def _opened(
        self, mine: Run, nos: Sequence[EmployeeNo]
    ) -> list[tuple[store.PersonRow, Person | None, Pay | None]]:
        vault, tenant = self.deps.vault, self.deps.policy.tenant
        with self.deps.db.read() as conn:
            rows = store.people(conn, mine.id, nos)
        return [
            (row, history.open_input(vault, tenant, row), history.open_pay(vault, tenant, row))
            for row in rows
        ]

    def _sheet_row(
        self, mine: Run, books: Books, row: store.PersonRow, person: Person | None, pay: Pay | None
    ) -> dict[str, CellValue]:
        values: dict[str, CellValue] = {
            "no": row.employee_no, "name": row.name, "month": mine.month,
            "department": row.department or EMPTY,
        }  # fmt: skip
        if person is not None:
            values |= {key: person.fields.get(name, EMPTY) for key, name in FIELD_COLUMNS}
            values |= parameter_values(books, person)
        if person is None or pay is None:
            return values | {"state": "缺数据", "verdict": row.problem or "没有核算结果"}
        totals = pay.totals
        one_off = sum((each.amount for each in person.one_off), Decimal(0))
        return values | {
            "commission": commission(person, books.plans).amount, "one_off": one_off,
            "gross": totals.gross, "social": totals.social, "tax": totals.tax,
            "aftertax": totals.aftertax, "net": totals.net, "employer": totals.employer,
            "state": "不一致" if row.problem else ROW_STATE.get(mine.state, "已核算"),
            "verdict": row.problem or "两次核算一致",
        }  # fmt: skip

    # --- Bitable's own figures ---

    def _compare(self, run: JobRun, mine: Run, nos: Sequence[EmployeeNo] | None) -> None:
        """Where Bitable's float result differs from ours by a cent or more, the run cannot be signed."""
        for number, seconds in enumerate((*SETTLE_SECONDS, 0.0)):
            found = run.attempt(f"compare:{number}", lambda: self._differing(mine, nos))
            if not found:
                return
            if seconds:
                run.sleep(seconds)
        run.step("differing", lambda: self._note_differing(mine, found))

    def _differing(self, mine: Run, nos: Sequence[EmployeeNo] | None) -> dict[str, list[str]]:
        """Names of the columns that differ, by employee number; read back from Bitable."""
        with self.deps.db.read() as conn:
            everybody = store.numbers(conn, mine.id) if nos is None else nos
        found: dict[str, list[str]] = {}
        for part in store.chunks(everybody):
            found |= self._differing_part(mine, part)
        return found

    def _differing_part(self, mine: Run, nos: Sequence[EmployeeNo]) -> dict[str, list[str]]:
        pays = {row.employee_no: pay for row, _person, pay in self._opened(mine, nos)}
        keys = [f"{no}\x1f{mine.month}" for no in pays]
        rows = {key: found for key, found in self.deps.sync.mirror.by_keys(PAYROLL, keys).items() if found}
        ids = [row.record_id for found in rows.values() for row in found]
        self.deps.sync.changes.recheck(PAYROLL, ids)
        found: dict[str, list[str]] = {}
        for row in self.deps.sync.mirror.many(PAYROLL, ids).values():
            pay = pays.get(EmployeeNo(str(row.values["no"])))
            names = compare(row.values, pay) if pay is not None else []
            if names:
                found[str(row.values["no"])] = names
        return found

    def _note_differing(self, mine: Run, found: Mapping[str, Sequence[str]]) -> None:
        with self.deps.db.begin() as conn:
            names = {row.employee_no: row.name for row in store.marks(conn, mine.id)}
            more = [
                Anomaly(no, names[no], AnomalyKind.BITABLE, DIFFERS + "、".join(columns))
                for no, columns in sorted((EmployeeNo(no), each) for no, each in found.items())
            ]
            kept = [each.anomaly for each in store.anomalies(conn, mine.id)]
            store.put_anomalies(conn, mine.id, [*kept, *more])

    # --- the end ---

    def _finish(self, seen: Run) -> None:
        """Put the run under its digest; with nothing to settle it is ready to be signed at once."""
        now = self.deps.clock.now()
        with self.deps.db.read() as conn:
            digest = self.computing.digest(conn, seen)  # of rows that change in this lane only
        with self.deps.db.begin() as conn:
            mine = store.load_run(conn, seen.id, lock=True)
            if mine is None or mine.state not in moves.OPEN:
                return
            if self.deps.queue.any_waiting(conn, lane(mine.id), f"payroll.collect:{mine.id}:"):
                return  # the next one knows more, and says when all is done
            if mine.state in moves.SIGNED:  # submitted while this was computed
                if digest != mine.digest:
                    void(conn, self.deps, mine, moves.Reason.INPUT_CHANGED, "提交签批时数据正在变化")
                return
            view = load_view(conn, mine)
            same = digest == mine.digest and mine.state in (RunState.CALCULATED, RunState.REVIEWED)
            if not same:
                mine = self._recalculated(conn, mine, digest, view.people, now)
            decided = moves.may_review(mine, view.left - view.blocking, view.blocking)
            if isinstance(decided, moves.Step):
                mine = store.save_step(conn, decided, actor="system:payroll", at=now)
            anomalies = run_work("payroll.anomalies", mine.id, str(mine.turn))
            self.deps.queue.put(conn, refresh_work(mine), anomalies)

    def _recalculated(self, conn: Any, mine: Run, digest: str, people: int, now: datetime) -> Run:
        if mine.state is not RunState.DRAFT:
            back = moves.start_over(mine, moves.Reason.INPUT_CHANGED, mine.note)
            assert isinstance(back, moves.Step)  # noqa: S101 - open and unsigned, asked before
            mine = store.save_step(conn, back, actor="system:payroll", at=now)
        known = {"digest": digest, "headcount": people}
        for state, changes in ((RunState.COLLECTED, {}), (RunState.CALCULATED, known)):
            step = moves.advance(mine, state, **changes)
            assert isinstance(step, moves.Step)  # noqa: S101 - one state after the other
            mine = store.save_step(conn, step, actor="system:payroll", at=now)
        return mine

    # --- edits ---

    def imported(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """The job ``payroll.imported``: another process wrote rows of a file; runs take them over."""
        table, at = str(args["table"]), datetime.fromisoformat(str(args["at"]))
        run.step("tell", lambda: self.taken(table, at))

    def taken(self, table: str, at: datetime) -> int:
        """Tell runs of rows written at a moment: our own writes make no change events."""
        rows = [row for row in self.deps.sync.mirror.rows(table) if row.values.get("source_at") == at]
        if rows:
            self.changed(table, [Change(table, None, row) for row in rows])
        return len(rows)

    def changed(self, table: str, changes: Sequence[Change]) -> None:
        """Input rows were edited: open runs take the change over, signed ones lose their signatures."""
        with self.deps.db.begin() as conn:
            for seen in store.open_runs(conn):
                if not any(_concerns(change, table, seen) for change in changes):
                    continue
                mine = store.load_run(conn, seen.id, lock=True)
                if mine is None:
                    continue
                if mine.state in moves.SIGNED:
                    why = f"“{self._title(table)}”在提交签批后有改动"
                    void(conn, self.deps, mine, moves.Reason.INPUT_CHANGED, why)
                    continue
                if self.deps.queue.any_waiting(conn, lane(mine.id), "payroll.collect:"):
                    continue  # it has not begun: it will see this change too
                cause = f"edit:{changes[0].record_id}:{self.deps.clock.now().timestamp()}"
                self.deps.queue.put(conn, collect_work(mine, fetch=False, cause=cause))

    def _title(self, table: str) -> str:
        return self.deps.sync.specs.table(table).name

    # --- showing ---

    def refresh(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Bring every card of a run to its newest turn; one that cannot be updated any more is left."""
        mine = self._load(str(args["run"]))
        if mine is None:
            return
        with self.deps.db.read() as conn:
            stale = store.stale_cards(conn, mine.id, mine.turn + 1)
        for message_id in stale:
            run.attempt(f"update:{message_id}", partial(self._update, mine.id, message_id))

    def _update(self, run_id: str, message_id: str) -> bool:
        with self.deps.db.read() as conn:
            mine = store.load_run(conn, run_id)
            view = load_view(conn, mine) if mine else None
        if mine is None or view is None:
            return False
        try:
            self.deps.im.update_card(MessageId(message_id), run_card(view).data)
        except PermanentError:  # recalled, or older than 14 days
            return False
        with self.deps.db.begin() as conn:
            store.shown(conn, message_id, mine.turn)
        return True

    def card(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Send a run's card to a person who leads it."""
        receiver, run_id = str(args["receiver"]), str(args["run"])
        mine = self._load(run_id)
        if mine is None:
            return
        sent = run.attempt("send", lambda: self._send(mine, receiver, str(run.id)))
        run.step("record", lambda: self._sent(mine, receiver, sent))

    def _send(self, mine: Run, receiver: str, uuid: str) -> str:
        with self.deps.db.read() as conn:
            view = load_view(conn, mine)
        return str(self.deps.im.send_card(receiver, run_card(view).data, uuid=uuid).message_id)

    def _sent(self, mine: Run, receiver: str, message_id: str) -> None:
        with self.deps.db.begin() as conn:
            store.add_card(conn, message_id, mine.id, receiver, mine.turn)
            now = store.load_run(conn, mine.id)
            if now is not None and now.turn > mine.turn:
                self.deps.queue.put(conn, refresh_work(now))

    def anomalies(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Bring 薪酬异常 to what we know, settled ones included."""
        run_id = str(args["run"])
        run.attempt("rows", lambda: self._anomaly_rows(run_id, str(run.id)))

    def _anomaly_rows(self, run_id: str, cause: str) -> int:
        with self.deps.db.read() as conn:
            every = store.anomalies(conn, run_id)  # type: ignore[arg-type]
            people = {row.open_id: row.name for row in store.marks(conn, run_id)}  # type: ignore[arg-type]
        rows: list[dict[str, CellValue]] = []
        for each in every:
            found = each.anomaly
            by = people.get(each.settled_by, each.settled_by) if each.settled_by else None
            rows.append(
                {
                    "row": f"{run_id}/{found.employee_no}/{found.kind.name}", "run": run_id,
                    "no": found.employee_no, "name": found.name, "kind": found.kind.value,
                    "sentence": found.sentence, "settled_by": by or EMPTY,
                    "settled_at": each.settled_at or EMPTY, "reason": each.reason or EMPTY,
                }
            )  # fmt: skip
        if rows:
            self.deps.sync.pusher.upsert(ANOMALIES, rows, cause=cause)
        return len(rows)


def _concerns(change: Change, table: str, run: Run) -> bool:
    """Whether an edited row can change a run: its month, and a column that is an input."""
    if change.before is not None and change.after is not None and set(change.fields()) <= OURS:
        return False
    if table not in MONTHLY:
        return True
    months = {str(row.values.get("month")) for row in (change.before, change.after) if row is not None}
    # One that cannot be read may well be meant.
    return any(read_month(month) in (None, run.month) for month in months)
