"""The frozen documents of a pay run: what the run read (books, people) and what it computed (pay).

They are the contract between collecting, computing, the second computation and sealing. Every number is text
("8000.00"), so that a document's canonical bytes are its content and a digest over them means something.
The second computation (`payslip.second`) reads the plain JSON on its own and imports nothing from here.
The rules that belong to the fields stand in docs/PAY.md.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

EmployeeNo = NewType("EmployeeNo", str)
RunId = NewType("RunId", str)
"""Month and version, e.g. ``2026-10.1``; a correction is ``2026-10.2`` and names the run it replaces."""
Month = NewType("Month", str)
"""A calendar month as ``YYYY-MM``; sorts like time. See `payslip.months`."""


def _exact(value: object) -> object:
    if isinstance(value, float | bool):
        msg = "a number of pay is text or Decimal, never a binary float"
        raise ValueError(msg)
    return value


Number = Annotated[
    Decimal, BeforeValidator(_exact), PlainSerializer(lambda value: format(value, "f"), return_type=str)
]

FundName = Literal["养老", "失业", "工伤", "医疗", "生育", "大病", "公积金"]
Rounding = Literal["half_up", "up", "down"]
Category = Literal["应发", "税前扣减", "税后扣减", "参考"]
CommissionKind = Literal["固定比例", "分段阶梯", "全额阶梯", "ROI分成", "团队池"]
OneOffKind = Literal["全年一次性奖金", "离职补偿", "补发", "税前扣款", "法院扣划", "损失赔偿"]
LineKind = Literal["earning", "pretax", "social", "tax", "aftertax", "carry", "employer", "info"]


class Document(BaseModel):
    """Frozen, strict about unknown keys; `canonical` gives its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- books: the company's dated data, as effective for one run ---


class TaxBracket(Document):
    """A row of 税率表: up to and including ``upto`` (None = above all)."""

    upto: Number | None
    rate: Number
    quick: Number


class SocialRule(Document):
    """A row of 社保公积金方案; effective in months ``start`` ≤ m ≤ ``end`` (None = open)."""

    city: str
    fund: FundName
    employee_rate: Number
    employer_rate: Number
    floor: Number | None = None
    cap: Number | None = None
    employee_fixed: Number = Decimal(0)
    employer_fixed: Number = Decimal(0)
    unit: Number = Decimal("0.01")
    rounding: Rounding = "half_up"
    cutoff_day: int | None = None
    start: Month
    end: Month | None = None


class Tier(Document):
    """One tier of a commission plan: from above ``start`` up to and including ``upto``."""

    start: Number
    upto: Number | None
    rate: Number


class CommissionPlan(Document):
    """A plan of 提成标准; ``tiers`` has one row where the kind knows only one rate."""

    name: str
    kind: CommissionKind
    tiers: tuple[Tier, ...]


class Component(Document):
    """A row of 薪资结构: a formula in the language of docs/PAY.md."""

    name: str
    category: Category
    formula: str
    order: int
    taxable: bool = True
    minimum_wage: bool = True


class Books(Document):
    """Everything of a run that is not about one person."""

    schema_version: Literal[1] = 1
    month: Month
    pay_date: date
    params: dict[str, Number]
    city_params: dict[str, dict[str, Number]]
    annual_table: tuple[TaxBracket, ...]
    monthly_table: tuple[TaxBracket, ...]
    social: tuple[SocialRule, ...]
    plans: tuple[CommissionPlan, ...]
    structure: tuple[Component, ...]


# --- person: one employee's frozen inputs ---


class CommissionEntry(Document):
    """A row of 提成数据. ``coefficients``: for a team pool, every member's, by employee number."""

    plan: str
    base: Number = Decimal(0)
    spend: Number = Decimal(0)
    target: Number = Decimal(0)
    pool: Number = Decimal(0)
    coefficients: dict[str, Number] = {}
    clawback: Number = Decimal(0)


class Declaration(Document):
    """A row of 专项附加扣除: a monthly amount from ``start`` to ``end``, declared in month ``declared``."""

    item: str
    monthly: Number
    start: Month
    end: Month | None = None
    declared: Month


class OneOff(Document):
    """A row of 一次性项目. ``separate``: for the yearly bonus, taxed by itself."""

    kind: OneOffKind
    amount: Number
    separate: bool = False
    note: str = ""


class PaidMonth(Document):
    """What was actually paid and withheld earlier in this tax year, one per run that paid."""

    paid: Month
    income: Number
    exempt: Number
    special: Number
    withheld: Number


class Charged(Document):
    """Social insurance as it was charged for a past month, per fund: employee and employer share."""

    month: Month
    employee: dict[FundName, Number]
    employer: dict[FundName, Number]


class Carry(Document):
    """What an earlier run left over: owed by the employee, commission to claw back, damages to deduct."""

    receivable: Number = Decimal(0)
    clawback: Number = Decimal(0)
    damages: Number = Decimal(0)


class Account(Document):
    """Where the money goes; text as typed, never a number."""

    bank: str
    number: str
    holder: str


class Source(Document):
    """Where an input came from and when."""

    source: str
    at: str


class Person(Document):
    """One employee's inputs of one run."""

    schema_version: Literal[1] = 1
    no: EmployeeNo
    name: str
    department: str
    city: str
    join: date
    leave: date | None = None
    first_job: bool = False
    low_income: bool = False
    fields: dict[str, Number]
    commission: tuple[CommissionEntry, ...] = ()
    additional: tuple[Declaration, ...] = ()
    one_off: tuple[OneOff, ...] = ()
    social_base: Number
    fund_base: Number
    fund_rate: Number | None = None
    history: tuple[PaidMonth, ...] = ()
    bonus_used: bool = False
    backpay: tuple[Charged, ...] = ()
    carry: Carry = Carry()
    account: Account | None = None
    sources: dict[str, Source] = {}


# --- pay: what was computed for one person ---


class Line(Document):
    """One line of a payslip. ``how`` explains it in words and figures for the employee."""

    code: str
    kind: LineKind
    amount: Number
    how: str = ""


class Totals(Document):
    """``gross = net + Σ deductions`` holds to the cent (see docs/PAY.md, "Net")."""

    gross: Number
    social: Number
    tax: Number
    aftertax: Number
    net: Number
    employer: Number


class TaxTrail(Document):
    """The cumulative figures behind this month's tax, as the employee may check them."""

    months: int
    income: Number
    exempt: Number
    basic: Number
    special: Number
    additional: Number
    taxable: Number
    rate: Number
    quick: Number
    due: Number
    withheld_before: Number
    carried: Number


class Pay(Document):
    """One person's pay. ``charged`` and ``carry`` are what later runs need."""

    schema_version: Literal[1] = 1
    no: EmployeeNo
    lines: tuple[Line, ...]
    totals: Totals
    trail: TaxTrail
    paid: PaidMonth
    charged: Charged
    carry: Carry
    minimum_wage_base: Number
    warnings: tuple[str, ...] = ()

    def amounts(self) -> dict[str, Decimal]:
        """Every line and total by name: what the second computation must agree with."""
        found = {f"line:{line.code}": line.amount for line in self.lines if line.kind != "info"}
        for name, value in self.totals:
            found[f"total:{name}"] = value
        for name, value in self.carry:
            found[f"carry:{name}"] = value
        return found


def canonical(document: Document) -> bytes:
    """The document's one spelling in bytes, for digests and sealing: sorted keys, no blanks, UTF-8."""
    return dumps(document.model_dump(mode="json"))


def dumps(value: Any) -> bytes:
    """Canonical JSON of plain values."""
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()
