"""Freeze inputs, compute twice, compare, and put a run under a digest.

Everything read stands sealed in ``pay_people``; what Bitable gets is HR's own view. Nobody's pay is ever in a
step's result, a log or an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Connection

from bitable_sync.cells import CellValue
from payslip import accounts, history, payout, store
from payslip.agree import differences
from payslip.anomalies import find, veil
from payslip.calculate import calculate
from payslip.collect import CollectedPerson, Gathered, Problem, gather
from payslip.deps import Payroll
from payslip.documents import Books, EmployeeNo, Pay, Person, canonical, dumps
from payslip.errors import CannotCompute
from payslip.model import Anomaly, AnomalyKind, Run
from payslip.months import last_day, month_of
from payslip.second import SecondError, recompute
from payslip.specs import INPUT_TABLES
from payslip.structure import components
from runtime.clock import SHANGHAI
from runtime.ids import OpenId

FILED = (
    "更正按 {0} 的个税所属期重算，这个月可能已经申报：请在扣缴端更正申报，"
    "或取消本批次，把差额填进下次算薪的一次性项目（补发、税前扣款）"
)
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


@dataclass(frozen=True, slots=True)
class Facing:
    """What a person's pay is held against: account states, who shares an account, and earlier runs."""

    accounts: Mapping[EmployeeNo, accounts.AccountState]
    shared: Mapping[EmployeeNo, tuple[str, ...]]
    past: Mapping[EmployeeNo, history.History]
    readers: Mapping[EmployeeNo, OpenId]

    @property
    def first_run(self) -> bool:
        """Nobody was paid here last month, so that somebody was not means nothing."""
        return not any(each.previous for each in self.past.values())

    def reader_changed(self, who: CollectedPerson) -> bool:
        """Whether the payslip would go to another Feishu account than the last one."""
        last = self.readers.get(who.no)
        return last is not None and who.open_id is not None and last != who.open_id


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
        payout.recover(conn, self.deps.vault, self.deps.policy.tenant, past)
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

    def refresh(
        self, run: Run, absent: Mapping[str, str] = NOBODY, touched: set[EmployeeNo] | None = None
    ) -> dict[str, int]:
        """Freeze and compute a run's people; what did not change since last time is kept.

        Safe to repeat. Written in parts, so that a large run does not hold the one writer of SQLite for long.

        Args:
            run: open and unsigned.
            absent: why Feishu has no attendance of somebody, by employee number; told with what is missing.
            touched: takes the numbers of those whose stored row changes.

        Returns:
            Counts only.
        """
        with self.deps.db.read() as conn:
            gathered, past = self.gather(conn, run)
            before = {row.employee_no for row in store.marks(conn, run.id)}
        same = self._same_books(run, gathered.books)
        plain = gathered.books.model_dump(mode="json")
        people = [_why_absent(each, absent) for each in gathered.people]
        facing = self._facing(run, people, past)
        found, changed = [_about(problem, past) for problem in gathered.problems], 0
        if run.replaces is not None and self.deps.clock.now().astimezone(SHANGHAI).date() > _filed(run):
            found.append(_about(Problem("", "", FILED.format(month_of(run.pay_date))), past))
        for part in store.chunks(people, store.WRITTEN_AT_ONCE):
            done, written = self._part(run, gathered.books, plain, part, kept=same, touched=touched)
            changed += written
            for each in done:
                found += self._anomalies(gathered.books, each, facing)
        sealed = None if same else self._sealed_books(run, gathered.books)
        with self.deps.db.begin() as conn:
            store.drop_people(conn, run.id, before - {who.no for who in people})
            store.put_anomalies(conn, run.id, _merged(found))
            if sealed is not None:
                # Last: a run that is resumed in the middle must compute everybody by the new books.
                store.save_books(conn, run.id, sealed)
        return {"people": len(people), "changed": changed, "problems": len(gathered.problems)}

    def _part(
        self,
        run: Run,
        books: Books,
        plain: Mapping[str, Any],
        part: Sequence[CollectedPerson],
        *,
        kept: bool,
        touched: set[EmployeeNo] | None,
    ) -> tuple[list[Computed], int]:
        """Compute some people and store what changed; who they are with their pay, and how many changed."""
        with self.deps.db.read() as conn:
            old = {row.employee_no: row for row in store.people(conn, run.id, [who.no for who in part])}
        done = [self._one(run, books, plain, who, old.get(who.no) if kept else None) for who in part]
        rows = [row for row, _ in done if row is not None and row != old.get(row.employee_no)]
        if touched is not None:
            touched |= {row.employee_no for row in rows}
        with self.deps.db.begin() as conn:
            store.put_people(conn, rows)
        return [computed for _, computed in done], len(rows)

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

    def _same_books(self, run: Run, books: Books) -> bool:
        with self.deps.db.read() as conn:
            stored = store.sealed_books(conn, run.id)
        place = ("books", self.deps.policy.tenant, run.id)
        return stored is not None and self.deps.vault.open_text(stored, place).encode() == canonical(books)

    def _sealed_books(self, run: Run, books: Books) -> str:
        place = ("books", self.deps.policy.tenant, run.id)
        return self.deps.vault.seal_text(canonical(books).decode(), place)

    def books(self, conn: Connection, run: Run) -> Books | None:
        """The frozen books of a run."""
        stored = store.sealed_books(conn, run.id)
        if stored is None:
            return None
        text = self.deps.vault.open_text(stored, ("books", self.deps.policy.tenant, run.id))
        return Books.model_validate_json(text)

    # --- judging ---

    def _facing(
        self, run: Run, people: Sequence[CollectedPerson], past: Mapping[EmployeeNo, history.History]
    ) -> Facing:
        """Look at everybody's account, and hold the changed ones."""
        frozen = [who.person for who in people if who.person is not None]
        present = accounts.fingerprints(self.deps.vault, frozen)
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            states = accounts.check(conn, self.deps.vault, run.id, frozen, at=now, present=present)
            readers = store.readers(conn, run)
        return Facing(states, accounts.shared(frozen), past, readers)

    def _anomalies(self, books: Books, each: Computed, facing: Facing) -> list[Anomaly]:
        who, past = each.who, facing.past.get(each.who.no)
        if who.person is None:
            return [Anomaly(who.no, who.name, AnomalyKind.NOT_COMPUTED, veil(who.problem))]
        return find(
            books, who.person, each.outcome.pay or each.outcome.problem, past.previous if past else None,
            change_warn=self.deps.policy.change_warn * 100,
            account_state=facing.accounts[who.no],
            shared_accounts=facing.shared.get(who.no, ()),
            attendance_present=who.attendance_present,
            has_feishu_account=who.open_id is not None,
            disagree=each.outcome.disagree,
            first_run=facing.first_run,
            last_name=past.name if past else "",
            reader_changed=facing.reader_changed(who),
        )  # fmt: skip

    # --- the digest ---

    def digest(self, conn: Connection, run: Run) -> str:
        """The keyed digest of everything a signature stands for: books, inputs and results."""
        rows = store.marks(conn, run.id)
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

    def nets(self, run: Run) -> dict[EmployeeNo, Decimal]:
        """Everyone's net pay, yuan; opened one after the other, because thousands of whole pays are large."""
        tenant, found = self.deps.policy.tenant, dict[EmployeeNo, Decimal]()
        with self.deps.db.read() as conn:
            for row in store.each_person(conn, run.id):
                pay = history.open_pay(self.deps.vault, tenant, row)
                if pay is not None:
                    found[row.employee_no] = pay.totals.net
        return found

    def differs_now(self, run: Run) -> list[str]:
        """Whose inputs, or whose pay computed anew, are not what was signed; empty = all as signed.

        Reads the mirror as it is (pull first), computes everything again, compares digests; stores nothing.
        """
        vault = self.deps.vault
        with self.deps.db.read() as conn:
            gathered, _past = self.gather(conn, run)
            stored = {row.employee_no: row for row in store.marks(conn, run.id)}
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
            same_input = row.open_id == who.open_id and row.input_digest == vault.digest(
                "pay-input", canonical(who.person)
            )
            outcome = compute(gathered.books, plain, who.person) if same_input else Outcome(None)
            if outcome.pay is None or outcome.disagree or row.pay_digest != mark(outcome.pay):
                found.append(who.name)
        return found


def _why_absent(who: CollectedPerson, absent: Mapping[str, str]) -> CollectedPerson:
    """Say beside a missing attendance what Feishu said about it."""
    if who.attendance_present or who.no not in absent:
        return who
    return replace(who, problem=f"{who.problem}；飞书考勤：{absent[who.no]}" if who.problem else "")


def _filed(run: Run) -> date:
    """The last day on which nothing of a run's tax month can have been filed."""
    return last_day(month_of(run.pay_date))


def _about(problem: Problem, past: Mapping[EmployeeNo, history.History]) -> Anomaly:
    """Something about the data that stops nobody."""
    no, name = EmployeeNo(problem.no or "—"), problem.name or "数据"
    if not problem.name and no in past:
        name = past[no].name
    return Anomaly(no, name, AnomalyKind.WARNING, veil(problem.sentence))


def _merged(found: Sequence[Anomaly]) -> list[Anomaly]:
    """One anomaly a person and kind: several sentences of one kind are read and settled together."""
    merged: dict[tuple[EmployeeNo, AnomalyKind], Anomaly] = {}
    for each in found:
        key = (each.employee_no, each.kind)
        old = merged.get(key)
        sentence = each.sentence if old is None else f"{old.sentence}；{each.sentence}"
        merged[key] = Anomaly(each.employee_no, each.name, each.kind, sentence)
    return list(merged.values())
