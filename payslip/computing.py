"""Freeze inputs, compute twice, compare, and put a run under a digest.

Everything read stands sealed in ``pay_people``; what Bitable gets is HR's own view. Nobody's pay is ever in a
step's result, a log or an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Connection

from bitable_sync.cells import CellValue
from payslip import accounts, history, store
from payslip.agree import differences
from payslip.anomalies import find, veil
from payslip.calculate import calculate
from payslip.collect import CollectedPerson, Gathered, gather
from payslip.deps import Payroll
from payslip.documents import Books, EmployeeNo, Pay, Person, canonical, dumps
from payslip.errors import CannotCompute
from payslip.model import Anomaly, AnomalyKind, Run
from payslip.second import SecondError, recompute
from payslip.specs import INPUT_TABLES
from payslip.structure import components

NOBODY: Mapping[str, str] = {}
Tables = Mapping[str, Sequence[Mapping[str, CellValue]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was computed for one person: pay, or the sentence why not; and where the second one differs."""

    pay: Pay | None
    problem: str = ""
    disagree: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Computed:
    """One person of a run, in memory only."""

    who: CollectedPerson
    outcome: Outcome


def compute(books: Books, plain_books: Mapping[str, Any], person: Person) -> Outcome:
    """Compute one person's pay twice, by two programs that share no code.

    Args:
        books: the run's books.
        plain_books: the same as plain JSON, for the second computation.
        person: frozen inputs.
    """
    try:
        pay = calculate(books, person)
    except CannotCompute as error:
        return Outcome(None, str(error))
    try:
        again = recompute(plain_books, json.loads(canonical(person)))
    except SecondError as error:
        return Outcome(pay, disagree=(f"复核程序拒绝：{veil(str(error))}",))
    return Outcome(pay, disagree=tuple(differences(pay, again)))


class Computing:
    """Everything of a run between the tables and the digest."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps

    # --- reading ---

    def tables(self) -> Tables:
        """The input tables as the mirror has them."""
        mirror = self.deps.sync.mirror
        return {key: [row.values for row in mirror.rows(key)] for key in INPUT_TABLES}

    def gather(self, conn: Connection, run: Run) -> tuple[Gathered, dict[EmployeeNo, history.History]]:
        """Bring books and people together as they stand now."""
        past = history.load(conn, self.deps.vault, self.deps.policy.tenant, run)
        gathered = gather(
            self.tables(),
            month=run.month,
            pay_date=run.pay_date,
            structure=components(conn),
            history=past,
            scope=run.scope,
        )
        return gathered, past

    # --- computing ---

    def refresh(self, run: Run, absent: Mapping[str, str] = NOBODY) -> dict[str, int]:
        """Freeze and compute a run's people; what did not change since last time is kept.

        Safe to repeat. Written in parts, so that a large run does not hold the one writer of SQLite for long.

        Args:
            run: open and unsigned.
            absent: why Feishu has no attendance of somebody, by employee number; told with what is missing.

        Returns:
            Counts only.
        """
        with self.deps.db.read() as conn:
            gathered, past = self.gather(conn, run)
            before = {row.employee_no: row for row in store.people(conn, run.id)}
        books_same = self._keep_books(run, gathered.books)
        plain = gathered.books.model_dump(mode="json")
        done: list[Computed] = []
        rows: list[store.PersonRow] = []
        for each in gathered.people:
            who, old = _why_absent(each, absent), before.get(each.no)
            row, computed = self._one(run, gathered.books, plain, who, old if books_same else None)
            done.append(computed)
            if row is not None:
                rows.append(row)
        for chunk in store.chunks(rows):
            with self.deps.db.begin() as conn:
                store.put_people(conn, chunk)
        gone = set(before) - {who.no for who in gathered.people}
        with self.deps.db.begin() as conn:
            store.drop_people(conn, run.id, gone)
            self._anomalies(conn, run, gathered, done, past)
        return {"people": len(done), "changed": len(rows), "problems": len(gathered.problems)}

    def _one(
        self,
        run: Run,
        books: Books,
        plain: Mapping[str, Any],
        who: CollectedPerson,
        old: store.PersonRow | None,
    ) -> tuple[store.PersonRow | None, Computed]:
        vault, tenant = self.deps.vault, self.deps.policy.tenant
        if who.person is None:
            row = store.PersonRow(
                run.id, who.no, who.open_id, who.name, who.department, who.supervisor,
                None, None, None, None, veil(who.problem),
            )  # fmt: skip
            return row, Computed(who, Outcome(None, who.problem))
        content = canonical(who.person)
        mark = vault.digest("pay-input", content)
        if old is not None and old.input_digest == mark and not old.problem:
            pay = history.open_pay(vault, tenant, old)
            kept = Outcome(pay)
            same = (old.open_id, old.supervisor) == (who.open_id, who.supervisor)
            if pay is not None and same:
                return None, Computed(who, kept)
        outcome = compute(books, plain, who.person)
        places = history.places(tenant, run.id, who.no)
        paid = canonical(outcome.pay) if outcome.pay else None
        row = store.PersonRow(
            run.id, who.no, who.open_id, who.name, who.department, who.supervisor,
            vault.seal_text(content.decode(), places["input"]),
            vault.seal_text(paid.decode(), places["pay"]) if paid else None,
            mark,
            vault.digest("pay-result", paid) if paid else None,
            veil(outcome.problem or "；".join(outcome.disagree)),
        )  # fmt: skip
        return row, Computed(who, outcome)

    def _keep_books(self, run: Run, books: Books) -> bool:
        """Freeze the books; True when they are the same as before."""
        vault, place = self.deps.vault, ("books", self.deps.policy.tenant, run.id)
        content = canonical(books)
        with self.deps.db.begin() as conn:
            stored = store.sealed_books(conn, run.id)
            if stored is not None and vault.open_text(stored, place).encode() == content:
                return True
            store.save_books(conn, run.id, vault.seal_text(content.decode(), place))
        return False

    def books(self, conn: Connection, run: Run) -> Books | None:
        """The frozen books of a run."""
        stored = store.sealed_books(conn, run.id)
        if stored is None:
            return None
        text = self.deps.vault.open_text(stored, ("books", self.deps.policy.tenant, run.id))
        return Books.model_validate_json(text)

    # --- judging ---

    def _anomalies(
        self,
        conn: Connection,
        run: Run,
        gathered: Gathered,
        done: Sequence[Computed],
        past: Mapping[EmployeeNo, history.History],
    ) -> None:
        frozen = [each.who.person for each in done if each.who.person is not None]
        states = accounts.check(conn, self.deps.vault, run.id, frozen, at=self.deps.clock.now())
        shared = accounts.shared(frozen)
        found: list[Anomaly] = []
        for each in done:
            who = each.who
            if who.person is None:
                sentence = veil(who.problem)
                found.append(Anomaly(who.no, who.name, AnomalyKind.NOT_COMPUTED, sentence))
                continue
            previous = past[who.no].previous if who.no in past else None
            found += find(
                gathered.books, who.person, each.outcome.pay or each.outcome.problem, previous,
                change_warn=self.deps.policy.change_warn * 100,
                account_state=states[who.no],
                shared_accounts=shared.get(who.no, ()),
                attendance_present=who.attendance_present,
                has_feishu_account=who.open_id is not None,
                disagree=each.outcome.disagree,
            )  # fmt: skip
        found += [
            Anomaly(EmployeeNo(p.no or "—"), p.name or "数据", AnomalyKind.WARNING, veil(p.sentence))
            for p in gathered.problems
        ]
        store.put_anomalies(conn, run.id, _merged(found))

    # --- the digest ---

    def digest(self, conn: Connection, run: Run) -> str:
        """The keyed digest of everything a signature stands for: books, inputs and results."""
        rows = store.people(conn, run.id)
        books = self.books(conn, run)
        content = {
            "run": run.id,
            "month": run.month,
            "pay_date": run.pay_date.isoformat(),
            "books": None if books is None else json.loads(canonical(books)),
            "people": [[row.employee_no, row.input_digest, row.pay_digest] for row in rows],
        }
        return self.deps.vault.digest("pay-run", dumps(content))

    def pays(self, conn: Connection, run: Run) -> dict[EmployeeNo, Pay]:
        """Everyone's computed pay, opened."""
        found: dict[EmployeeNo, Pay] = {}
        for row in store.people(conn, run.id):
            pay = history.open_pay(self.deps.vault, self.deps.policy.tenant, row)
            if pay is not None:
                found[row.employee_no] = pay
        return found

    def differs_now(self, run: Run) -> list[str]:
        """Whose inputs, or whose pay computed anew, are not what was signed; empty = all as signed.

        Reads the mirror as it is (pull first), computes everything again, compares digests; stores nothing.
        """
        vault = self.deps.vault
        with self.deps.db.read() as conn:
            gathered, _past = self.gather(conn, run)
            stored = {row.employee_no: row for row in store.people(conn, run.id)}
            signed_books = self.books(conn, run)
        if signed_books is None or canonical(signed_books) != canonical(gathered.books):
            return ["薪资结构、税率、社保、提成标准或参数"]

        def mark(pay: Pay) -> str:
            return vault.digest("pay-result", canonical(pay))

        plain, here = gathered.books.model_dump(mode="json"), {who.no for who in gathered.people}
        found = [row.name for no, row in stored.items() if no not in here]
        for who in gathered.people:
            row = stored.get(who.no)
            if row is None or who.person is None:
                found.append(who.name)
                continue
            same_input = row.input_digest == vault.digest("pay-input", canonical(who.person))
            outcome = compute(gathered.books, plain, who.person) if same_input else Outcome(None)
            if outcome.pay is None or outcome.disagree or row.pay_digest != mark(outcome.pay):
                found.append(who.name)
        return found


def _why_absent(who: CollectedPerson, absent: Mapping[str, str]) -> CollectedPerson:
    """Say beside a missing attendance what Feishu said about it."""
    if who.attendance_present or who.no not in absent:
        return who
    return replace(who, problem=f"{who.problem}；飞书考勤：{absent[who.no]}" if who.problem else "")


def _merged(found: Sequence[Anomaly]) -> list[Anomaly]:
    """One anomaly a person and kind: several sentences of one kind are read and settled together."""
    merged: dict[tuple[EmployeeNo, AnomalyKind], Anomaly] = {}
    for each in found:
        key = (each.employee_no, each.kind)
        old = merged.get(key)
        sentence = each.sentence if old is None else f"{old.sentence}；{each.sentence}"
        merged[key] = Anomaly(each.employee_no, each.name, each.kind, sentence)
    return list(merged.values())


def net_total(pays: Mapping[EmployeeNo, Pay]) -> Decimal:
    """Σ net pay, yuan."""
    return sum((pay.totals.net for pay in pays.values()), Decimal(0))
