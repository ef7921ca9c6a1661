"""What earlier runs of the year left for this one, opened from their sealed results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from payslip import months, store
from payslip.documents import Carry, Charged, EmployeeNo, PaidMonth, Pay, Person, RunId
from payslip.model import Run
from runtime.vault import Vault


@dataclass(slots=True)
class History:
    """One employee's earlier pay.

    Attributes:
        paid: what was paid and withheld in this tax year, oldest first.
        charged: social insurance as charged in total per month of this year.
        carry: what the last run left over.
        previous: the last month's totals, for comparing; without lines, for it is kept for everybody at once.
        bonus_used: the yearly bonus was taxed by itself already.
        severance: an earlier run paid severance; its exemption is used, wholly or in part.
        last: the run that paid them last.
        name: as that run knew them.
    """

    paid: list[PaidMonth] = field(default_factory=list)
    charged: dict[str, Charged] = field(default_factory=dict)
    carry: Carry = field(default_factory=Carry)
    previous: Pay | None = None
    bonus_used: bool = False
    severance: bool = False
    last: RunId | None = None
    name: str = ""


def places(tenant: str, run_id: RunId, no: str) -> Mapping[str, tuple[str, ...]]:
    """Where the sealed columns of one person of a run belong."""
    return {kind: (kind, tenant, run_id, no) for kind in ("input", "pay")}


def open_pay(vault: Vault, tenant: str, row: store.PersonRow) -> Pay | None:
    """A person's computed pay, None when there is none.

    Raises:
        CannotOpen: the key is not here, or the row was tampered with.
    """
    if row.sealed_pay is None:
        return None
    place = places(tenant, row.run_id, row.employee_no)["pay"]
    return Pay.model_validate_json(vault.open_text(row.sealed_pay, place))


def open_input(vault: Vault, tenant: str, row: store.PersonRow) -> Person | None:
    """A person's frozen inputs, None when they could not be collected. Raises `CannotOpen`."""
    if row.sealed_input is None:
        return None
    place = places(tenant, row.run_id, row.employee_no)["input"]
    return Person.model_validate_json(vault.open_text(row.sealed_input, place))


def load(conn: Connection, vault: Vault, tenant: str, run: Run) -> dict[EmployeeNo, History]:
    """Everyone's history before a run, by employee number.

    Charged months hold what was charged in total: a back-payment made in a later month is added to the month
    it belongs to, so that it is not asked for twice.
    """
    found: dict[EmployeeNo, History] = {}
    for earlier, row in store.earlier(conn, run):
        pay = open_pay(vault, tenant, row)
        if pay is None:
            continue
        mine = found.setdefault(row.employee_no, History())
        if earlier.pay_date.year == run.pay_date.year:
            mine.paid.append(pay.paid)
            mine.bonus_used = mine.bonus_used or any(line.code == "全年一次性奖金个税" for line in pay.lines)
        mine.severance = mine.severance or any(line.code == "离职补偿" for line in pay.lines)
        mine.carry, mine.last, mine.name = pay.carry, earlier.id, row.name
        _charge(mine, vault, tenant, row, pay)
        if earlier.month == months.add(run.month, -1):
            mine.previous = pay.model_copy(update={"lines": (), "warnings": ()})
    return found


def _charge(mine: History, vault: Vault, tenant: str, row: store.PersonRow, pay: Pay) -> None:
    mine.charged[pay.charged.month] = pay.charged
    if not any(line.code.startswith("补缴") for line in pay.lines):
        return
    person = open_input(vault, tenant, row)
    for past in person.backpay if person else ():
        mine.charged[past.month] = _with_backpay(past, pay)


def _with_backpay(past: Charged, pay: Pay) -> Charged:
    employee, employer = dict(past.employee), dict(past.employer)
    for line in pay.lines:
        if not line.code.startswith(f"补缴 {past.month} "):
            continue
        name = line.code.removeprefix(f"补缴 {past.month} ").removesuffix("（个人）").removesuffix("（单位）")
        fund = "公积金" if name == "住房公积金" else name.removesuffix("保险")
        side = employee if line.code.endswith("（个人）") else employer
        side[fund] = side.get(fund, line.amount - line.amount) + line.amount  # type: ignore[index, call-overload]
    return Charged(month=past.month, employee=employee, employer=employer)
