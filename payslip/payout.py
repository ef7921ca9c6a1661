"""Payout files of a run: planned from sealed pay, kept sealed, opened with an audit row.

What was paid before is read from the sealed files themselves, so a second file pays only the rest: a released
hold, or what a correction adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from payslip import accounts, history, store
from payslip import tables as t
from payslip.banks import Payer, Template
from payslip.documents import Account, EmployeeNo, Month, Pay, Person, RunId, canonical
from payslip.model import EVERYONE, AnomalyKind, Run
from payslip.payfile import HELD_MISSING, CannotPay, Facts, Payee, PayoutFile, make_payout
from payslip.run import PAID, STATE_ZH
from payslip.signing import SignatureState, gate
from runtime import audit
from runtime.ids import OpenId

if TYPE_CHECKING:
    from runtime.vault import Vault

__all__ = [
    "CannotPay", "Facts", "Payee", "Payer", "PayoutFile", "Stored", "Template", "make_payout", "may_share",
    "next_batch", "open_payout", "paid_before", "payouts", "plan", "store_payout", "total", "unsigned",
    "withdraw_payout",
]  # fmt: skip

HELD_CHANGED = "收款账号变更，等待另一位财务确认"


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored payout file as the table shows it; ``void`` ones were withdrawn and cannot be opened."""

    id: str
    template: str
    file_name: str
    rows: int
    at: datetime
    void: bool


def plan(conn: Connection, vault: Vault, tenant: str, run: Run) -> list[Payee]:
    """Open a run's pay and say who gets how much now, and who must wait and why.

    Args:
        conn: any transaction.
        vault: opens inputs and pay.
        tenant: part of every sealed place.
        run: sealed or later.

    Raises:
        CannotPay: the run is not approved, or somebody in it has no pay.
        CannotOpen: the key is not here, or a row was tampered with.
    """
    if run.state not in PAID:
        raise CannotPay(f"批次 {run.id} 现在是“{STATE_ZH[run.state]}”，签批通过并封存以后才能生成付款文件")
    before = paid_before(conn, vault, tenant, run.month)
    people, nets, missing = list[Person](), dict[EmployeeNo, Decimal](), 0
    for row in store.each_person(conn, run.id):
        person, pay = history.open_input(vault, tenant, row), history.open_pay(vault, tenant, row)
        if person is None or pay is None:
            missing += 1
            continue
        _check_unchanged(vault, row, person, pay)
        # Only what a payment needs is kept: thousands of whole pays are large.
        people.append(person.model_copy(update={"fields": {}, "sources": {}, "history": ()}))
        nets[person.no] = pay.totals.net
    if missing:
        raise CannotPay(f"批次 {run.id} 有 {missing} 人没有核算结果，请先处理")
    waiting = accounts.unreleased(conn, vault, run.id, people)
    return [
        Payee(
            no=person.no, name=person.name, net=nets[person.no], account=person.account,
            before=before.get(person.no, Decimal(0)), place=person.city,
            held=HELD_CHANGED if person.no in waiting else _unusable(person.account),
            fingerprint=accounts.fingerprint(vault, person.account) if person.account else "",
        )
        for person in people
    ]  # fmt: skip


def _check_unchanged(vault: Vault, row: store.PersonRow, person: Person, pay: Pay) -> None:
    """Inputs and pay are still those whose digests stand under the run's digest."""
    marks = vault.digest("pay-input", canonical(person)), vault.digest("pay-result", canonical(pay))
    if marks != (row.input_digest, row.pay_digest):
        raise CannotPay(f"{row.name} 的数据与签批时不一致，没有生成付款文件；请重新核算并签批")


def _unusable(account: Account | None) -> str:
    return "；".join(accounts.faults(account)) if account else HELD_MISSING


def unsigned(conn: Connection, run: Run) -> str | None:
    """Why a run is not signed by what was fetched last: None when every approval of its digest stands.

    For where nothing can be fetched now; the worker asks Feishu again before it makes files.
    """
    s = t.signatures.c
    found = conn.execute(
        sa.select(t.signatures).where(s.run_id == run.id, s.digest == (run.digest or ""))
    ).all()
    for row in found:
        if row.state != SignatureState.APPROVED.value:
            return (
                f"“{'全公司' if row.part == EVERYONE else row.part}”的签批无效：{row.reason or '还没有签批'}"
            )
    return gate({row.part: [OpenId(each) for each in row.signed] for row in found}, run.starter)


def total(payees: Iterable[Payee]) -> Decimal:
    """Σ net of the run, yuan: what was approved, for `plan` checks every figure's digest."""
    return sum((payee.net for payee in payees), Decimal(0))


def may_share(conn: Connection, run_id: RunId) -> frozenset[EmployeeNo]:
    """Employees whose shared account a named person settled with a reason."""
    return frozenset(
        each.anomaly.employee_no
        for each in store.anomalies(conn, run_id)
        if each.anomaly.kind is AnomalyKind.ACCOUNT_SHARED and each.settled_by is not None
    )


def next_batch(conn: Connection, run_id: RunId) -> int:
    """The number of a run's next files; withdrawn ones keep theirs, banks refuse a repeated one."""
    ids = conn.execute(sa.select(t.payouts.c.id).where(t.payouts.c.run_id == run_id)).scalars()
    return max((int(each.removeprefix(f"{run_id}-")[:2]) for each in ids), default=0) + 1


def paid_before(conn: Connection, vault: Vault, tenant: str, month: Month) -> dict[EmployeeNo, Decimal]:
    """What the month's files paid so far, of all its runs; withdrawn files do not count.

    Raises:
        CannotOpen: the key is not here, or a row was tampered with.
    """
    paid: dict[EmployeeNo, Decimal] = {}
    query = (
        sa.select(t.payouts)
        .join(t.runs, t.runs.c.id == t.payouts.c.run_id)
        .where(t.runs.c.month == month, t.payouts.c.sealed_file != "")
    )
    for row in conn.execute(query):
        for member in _open(vault, tenant, row).members:
            paid[member.no] = paid.get(member.no, Decimal(0)) + member.amount
    return paid


def payouts(conn: Connection, run_id: RunId) -> list[Stored]:
    """A run's payout files, oldest first."""
    query = sa.select(t.payouts).where(t.payouts.c.run_id == run_id).order_by(t.payouts.c.id)
    return [
        Stored(row.id, row.template, row.file_name, row.rows, row.at, not row.sealed_file)
        for row in conn.execute(query)
    ]


def store_payout(
    conn: Connection, vault: Vault, tenant: str, files: Sequence[PayoutFile], *, by: str, at: datetime
) -> list[str]:
    """Keep the files sealed; gives their ids.

    Args:
        conn: a write transaction.
        vault: seals.
        tenant: part of the sealed place.
        files: of one `make_payout`.
        by: who made them: an open_id, or ``cli:<user>``.
        at: now.

    Raises:
        CannotPay: since the files were made somebody else made some: these people would be paid twice.
    """
    for month in sorted({file.month for file in files}):
        # Every run of the month is locked: a correction pays what its forerunner did not.
        conn.execute(sa.select(t.runs.c.id).where(t.runs.c.month == month).with_for_update()).all()
        before = paid_before(conn, vault, tenant, month)
        members = [member for file in files if file.month == month for member in file.members]
        if any(before.get(member.no, Decimal(0)) != member.before for member in members):
            raise CannotPay("刚刚有人生成了这个月的付款文件；请刷新后再试，避免重复付款")
    for file in files:
        sealed = vault.seal_text(canonical(file).decode(), _place(tenant, file.run, file.id))
        conn.execute(
            t.payouts.insert().values(
                id=file.id, run_id=file.run, template=file.template.value, file_name=file.name,
                rows=len(file.members), sealed_file=sealed, at=at,
            )
        )  # fmt: skip
        _audit(
            conn,
            file.run,
            "payroll.payout.make",
            "made_from_approved_run",
            by,
            at,
            file.id,
            len(file.members),
        )
    return [file.id for file in files]


def open_payout(
    conn: Connection, vault: Vault, tenant: str, payout_id: str, *, by: str | None, at: datetime
) -> PayoutFile:
    """Open a stored file for somebody who may pay (the caller has checked it), with an audit row.

    The accounts in it become the ones last paid to.

    Args:
        conn: a write transaction.
        vault: opens.
        tenant: part of the sealed place.
        payout_id: from `payouts`.
        by: who downloads it: an open_id, or ``cli:<user>``; None when the caller writes the audit row.
        at: now.

    Raises:
        CannotPay: there is no such file, or it was withdrawn.
        CannotOpen: the key is not here, or the row was tampered with.
    """
    row = _row(conn, payout_id)
    file = _open(vault, tenant, row)
    marks = {member.no: member.fingerprint for member in file.members if member.fingerprint}
    accounts.record_paid(conn, file.run, marks, at=row.at)
    if by is not None:
        _audit(conn, file.run, "payroll.payout.open", "downloaded", by, at, file.id, row.rows)
    return file


def withdraw_payout(conn: Connection, payout_id: str, *, by: str, reason: str, at: datetime) -> None:
    """Destroy a file that was never given to the bank, so that its people can be paid by another one.

    Args:
        conn: a write transaction.
        payout_id: from `payouts`.
        by: who takes it on themselves.
        reason: why, in words.
        at: now.

    Raises:
        CannotPay: there is no such file, or it was withdrawn before.
    """
    row = _row(conn, payout_id)
    conn.execute(t.payouts.update().where(t.payouts.c.id == payout_id).values(sealed_file=""))
    _audit(conn, RunId(row.run_id), "payroll.payout.withdraw", reason, by, at, payout_id, row.rows)


def _row(conn: Connection, payout_id: str) -> sa.Row[tuple[str, ...]]:
    row = conn.execute(sa.select(t.payouts).where(t.payouts.c.id == payout_id).with_for_update()).first()
    if row is None:
        raise CannotPay(f"没有付款文件 {payout_id}")
    if not row.sealed_file:
        raise CannotPay(f"付款文件 {payout_id} 已作废，请重新生成")
    return row


def _open(vault: Vault, tenant: str, row: sa.Row[tuple[str, ...]]) -> PayoutFile:
    return PayoutFile.model_validate_json(
        vault.open_text(row.sealed_file, _place(tenant, RunId(row.run_id), row.id))
    )


def _place(tenant: str, run_id: RunId, payout_id: str) -> tuple[str, ...]:
    return ("payout", tenant, run_id, payout_id)


def _audit(
    conn: Connection, run_id: RunId, action: str, reason: str, by: str, at: datetime, file: str, rows: int
) -> None:
    audit.record(
        conn, at=at, actor=by, action=action, subject=f"run:{run_id}", reason=reason,
        detail={"file": file, "rows": rows},
    )  # fmt: skip
