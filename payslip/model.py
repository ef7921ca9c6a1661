"""The words of a pay run: its states, what a payslip can be, what an anomaly is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from payslip.documents import EmployeeNo, Month, RunId
from runtime.ids import OpenId

EVERYONE = "*"
"""The part of a run that HR head and finance sign; every other part is a department."""


class RunState(StrEnum):
    """Where a run is. The picture stands in docs/PAY.md, the moves in `payslip.run`."""

    DRAFT = "draft"
    COLLECTED = "collected"
    CALCULATED = "calculated"
    REVIEWED = "reviewed"
    SIGNING = "signing"
    APPROVED = "approved"
    SEALED = "sealed"
    PUSHED = "pushed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class SlipState(StrEnum):
    """Where a payslip version is."""

    SEALED = "sealed"
    SENT = "sent"
    READ = "read"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    RECALLED = "recalled"
    REPLACED = "replaced"
    FAILED = "failed"


class AnomalyKind(StrEnum):
    """Why somebody must look before anybody signs."""

    CHANGED = "较上月变化大"
    NO_ATTENDANCE = "缺考勤"
    LEAVER = "离职人员有工资"
    ACCOUNT_SHARED = "收款账号重复"
    ACCOUNT_CHANGED = "收款账号变更"
    NO_ACCOUNT = "缺收款账号"
    NO_PERSON = "缺飞书账号"
    READER_CHANGED = "飞书账号变更"
    NET_ZERO = "实发不足"
    MINIMUM_WAGE = "低于最低工资"
    NOT_COMPUTED = "无法核算"
    DISAGREE = "两次核算不一致"
    BITABLE = "与表格公式不一致"
    WARNING = "提示"

    @property
    def blocks(self) -> bool:
        """True when no reason can settle it: the cause must be mended and the run collected again."""
        return self in {AnomalyKind.NOT_COMPUTED, AnomalyKind.DISAGREE, AnomalyKind.BITABLE}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something unusual about one person's pay; ``sentence`` holds no amount."""

    employee_no: EmployeeNo
    name: str
    kind: AnomalyKind
    sentence: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A settled anomaly: who took it on themselves, when, and why."""

    by: OpenId
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """One pay run.

    Attributes:
        id: month and version.
        month: the month the work was done in.
        pay_date: when money goes out; decides the tax month.
        replaces: the run whose payslips this one corrects.
        scope: the employees of a correction; None = everyone.
        turn: grows with every decision; an old card decides nothing.
        starter: who started it; may not sign.
        digest: keyed digest over books, inputs and pay; None before calculation.
        note: a sentence for people: why it stands where it stands.
    """

    id: RunId
    month: Month
    version: int
    pay_date: date
    state: RunState
    starter: OpenId
    opened_at: datetime
    turn: int = 0
    replaces: RunId | None = None
    scope: tuple[EmployeeNo, ...] | None = None
    digest: str | None = None
    headcount: int = 0
    note: str = ""
    push_at: datetime | None = None
