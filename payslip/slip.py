"""The payslip: what one person is told about one month, frozen, sealed under a key of its own.

`make_slip` is pure. The sealed text stands in ``pay_slips.sealed_slip``; clearing that column destroys the
payslip for good, for its data key stands nowhere else. The digest is keyed, so that equal payslips are
recognised and nobody can try amounts on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from payslip.documents import (
    Books,
    Document,
    EmployeeNo,
    Line,
    Month,
    Number,
    Pay,
    Person,
    RunId,
    TaxTrail,
    Totals,
    canonical,
)
from runtime.ids import OpenId
from runtime.vault import CannotOpen, Vault

SCHEMA: Final = 1
ACCOUNT_TAIL: Final = 4
NOBODY: Final = "-"
"""The reader of a payslip of somebody without a Feishu account."""

ATTENDANCE: Final[tuple[tuple[str, str], ...]] = (
    ("应出勤天数", "天"),
    ("未在职天数", "天"),
    ("缺勤天数", "天"),
    ("事假天数", "天"),
    ("病假天数", "天"),
    ("迟到次数", "次"),
    ("工作日加班", "小时"),
    ("休息日加班", "小时"),
    ("节假日加班", "小时"),
)
"""What of the month's attendance a person sees: key of ``Person.fields`` and its unit."""


class Counted(Document):
    """One figure of the month's attendance."""

    name: str
    value: Number
    unit: str


class YearToDate(Document):
    """The tax year so far, this payslip included, as it goes to the tax office."""

    year: int
    income: Number
    special: Number
    withheld: Number


class Slip(Document):
    """One payslip version, everything the page and the PDF show."""

    schema_version: Literal[1] = 1
    company: str
    run: RunId
    no: EmployeeNo
    name: str
    department: str
    month: Month
    pay_date: date
    version: int
    replaces: RunId | None
    lines: tuple[Line, ...]
    totals: Totals
    trail: TaxTrail
    attendance: tuple[Counted, ...]
    year: YearToDate
    bank: str
    account_tail: str
    contact: str
    deadline: datetime | None
    reader: str = ""
    """Whose Feishu account may see it; empty in payslips sealed before this was kept."""


@dataclass(frozen=True, slots=True)
class SlipFacts:
    """What a payslip says besides books, person and pay.

    Attributes:
        run: the run it belongs to.
        version: 1, or more after corrections.
        replaces: the run whose payslip this one corrects.
        company: printed on top.
        contact: whom to ask, e.g. ``人事部 李敏``.
        deadline: until when to confirm; None = no date.
        reader: the Feishu account it is for; None = nobody's, it cannot be sent.
    """

    run: RunId
    version: int
    replaces: RunId | None
    company: str
    contact: str
    deadline: datetime | None
    reader: OpenId | None


@dataclass(frozen=True, slots=True)
class SlipKey:
    """Which payslip: run, person and version. Part of what is authenticated."""

    run: RunId
    no: EmployeeNo
    version: int


@dataclass(frozen=True, slots=True)
class SealedSlip:
    """A payslip as it is stored: sealed text and keyed digest."""

    text: str
    digest: str


def make_slip(books: Books, person: Person, pay: Pay, facts: SlipFacts) -> Slip:
    """What a person is told.

    Args:
        books: month and pay date.
        person: name, attendance, account.
        pay: lines, totals and the tax trail.
        facts: run, version, company and contact.

    Raises:
        ValueError: person and pay are not the same employee.
    """
    if person.no != pay.no:
        msg = f"Pay of {pay.no} does not belong on the payslip of {person.no}."
        raise ValueError(msg)
    return Slip(
        company=facts.company,
        run=facts.run,
        no=person.no,
        name=person.name,
        department=person.department,
        month=books.month,
        pay_date=books.pay_date,
        version=facts.version,
        replaces=facts.replaces,
        lines=pay.lines,
        totals=pay.totals,
        trail=pay.trail,
        attendance=_attendance(person),
        year=_year(books, pay),
        bank=person.account.bank if person.account else "",
        account_tail=_tail(person),
        contact=facts.contact,
        deadline=facts.deadline,
        reader=facts.reader or NOBODY,
    )


def seal_slip(vault: Vault, tenant: str, slip: Slip) -> SealedSlip:
    """Seal a payslip under a new random key, bound to tenant, run, person and version."""
    content = canonical(slip)
    key = SlipKey(slip.run, slip.no, slip.version)
    return SealedSlip(vault.seal(content, _place(tenant, key)).to_text(), vault.digest("slip", content))


def open_slip(
    vault: Vault, tenant: str, key: SlipKey, sealed_text: str, *, reader: OpenId | None = None
) -> Slip:
    """Open a payslip.

    Args:
        vault: has the keys.
        tenant: part of the sealed place.
        key: run, person and version.
        sealed_text: from the row.
        reader: who is going to see it: what stands in the row about that is not believed. None = nobody.

    Raises:
        CannotOpen: it is another's, another version's, damaged, or the key is not here.
    """
    slip = Slip.model_validate_json(vault.open_text(sealed_text, _place(tenant, key)))
    if reader is not None and slip.reader not in {"", reader}:
        raise CannotOpen("This payslip was sealed for another person.")
    return slip


def seal_words(vault: Vault, tenant: str, dispute: str, part: Literal["text", "answer"], words: str) -> str:
    """Seal what was written about a dispute: the employee's ``text`` or the ``answer``."""
    return vault.seal_text(words, ("dispute", tenant, dispute, part))


def open_words(vault: Vault, tenant: str, dispute: str, part: Literal["text", "answer"], stored: str) -> str:
    """Open what `seal_words` gave; raises `CannotOpen`."""
    return vault.open_text(stored, ("dispute", tenant, dispute, part))


def _place(tenant: str, key: SlipKey) -> tuple[str, ...]:
    return ("slip", tenant, key.run, key.no, str(key.version), str(SCHEMA))


def _attendance(person: Person) -> tuple[Counted, ...]:
    # A figure that is not there is left out, never shown as zero.
    return tuple(
        Counted(name=name, value=person.fields[name], unit=unit)
        for name, unit in ATTENDANCE
        if name in person.fields
    )


def _year(books: Books, pay: Pay) -> YearToDate:
    trail = pay.trail
    return YearToDate(
        year=books.pay_date.year,
        income=trail.income,
        special=trail.special,
        withheld=trail.withheld_before + pay.paid.withheld,
    )


def _tail(person: Person) -> str:
    number = "".join(person.account.number.split()) if person.account else ""
    number = number.partition("@")[0]  # every address at a provider ends alike
    # A short account's last four would be most of it.
    return number[-ACCOUNT_TAIL:] if len(number) >= 2 * ACCOUNT_TAIL else ""
