"""What the parts of pay need, handed down explicitly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from payslip.banks import Payer, Template, payer_of
from runtime.clock import SHANGHAI, Clock
from runtime.db import Database
from runtime.errors import ConfigError
from runtime.ids import ChatId, InstanceCode, MessageId, OpenId
from runtime.vault import Vault
from runtime.work import WorkQueue

if TYPE_CHECKING:
    from bitable_sync.context import Sync
    from payslip.columns import Structuring
    from payslip.presence import Presence
    from runtime.feishu.endpoint import Wanted
    from runtime.feishu.im import SentMessage
    from runtime.manifest import Manifest
    from runtime.settings import Settings

DEPARTMENT, COMPANY = "payroll_department", "payroll_company"
"""Keys of the two approvals in the manifest."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the manifest decides about pay.

    Attributes:
        company: name on payslips.
        tenant: part of every sealed place.
        hr: who may start and lead runs (the heads included).
        hr_head: signs the whole.
        finance_head: signs the whole after HR, and gets the payout file.
        finance: who may download payout files.
        pay_day: day of the following month on which money goes out.
        change_warn: share of change against last month that must be looked at, 0.3 = 30 %.
        min_group: least headcount whose sum may be shown.
        deadline: how long an employee may look before the slip counts as seen.
        contact: whom to ask about a payslip.
        approvals: code of each approval by key; missing = signing is off and says so.
        reminder_hours: hours after the push at which those who have not confirmed are reminded.
        push_time: hour and minute (Asia/Shanghai) at which slips go out; None = at once.
        attendance_operator: whose saved report decides the columns of Feishu attendance; None = not used.
        payer: the company's side of a payment.
        template: the bank of the paying account.
        public_url: where people open pages, or None.
    """

    company: str
    tenant: str
    hr: tuple[OpenId, ...]
    hr_head: OpenId | None
    finance_head: OpenId | None
    finance: tuple[OpenId, ...]
    pay_day: int = 10
    change_warn: Decimal = Decimal("0.3")
    min_group: int = 3
    deadline: timedelta = timedelta(days=5)
    contact: str = "人事部"
    approvals: Mapping[str, str] = ()  # type: ignore[assignment]  # always given by `make_policy`
    reminder_hours: tuple[int, ...] = ()
    push_time: time | None = None
    attendance_operator: OpenId | None = None
    payer: Payer = field(default_factory=Payer)
    template: Template = Template.CMB
    public_url: str | None = None

    def may_run(self, open_id: str) -> bool:
        """Whether a person may start and lead runs."""
        return open_id in self.hr or open_id == self.hr_head

    def may_pay(self, open_id: str) -> bool:
        """Whether a person may have the payout file."""
        return open_id in self.finance or open_id == self.finance_head

    def link(self, path: str) -> str:
        """Address of a page of ours.

        Raises:
            ConfigError: no public address is set, so nobody could open it.
        """
        if self.public_url is None:
            raise ConfigError(
                "CHORUS_PUBLIC_URL is not set, so payslips cannot be opened; set it and replay."
            )
        return f"{self.public_url}{path}"


def make_policy(manifest: Manifest, settings: Settings) -> Policy:
    """The policy of a configuration."""
    pay = manifest.payroll
    hr = tuple(OpenId(each) for each in pay.hr)
    finance = tuple(OpenId(each) for each in pay.finance)
    return Policy(
        company=pay.company or manifest.name,
        tenant=pay.tenant or settings.feishu_app_id,
        hr=hr,
        hr_head=OpenId(pay.hr_head) if pay.hr_head else None,
        finance_head=OpenId(pay.finance_head) if pay.finance_head else None,
        finance=finance,
        pay_day=pay.pay_day,
        change_warn=Decimal(str(pay.change_warn)),
        min_group=pay.min_group,
        deadline=timedelta(days=pay.slip_deadline_days),
        approvals={
            key: found.code
            for key, found in manifest.approvals.items()
            if key in (DEPARTMENT, COMPANY) and found.code
        },
        reminder_hours=pay.reminder_hours,
        push_time=time.fromisoformat(pay.push_time) if pay.push_time else None,
        attendance_operator=OpenId(pay.attendance_operator) if pay.attendance_operator else None,
        payer=payer_of(settings),
        template=Template(settings.payout_template),
        public_url=settings.public_url,
    )


class Messages(Protocol):
    """The part of messaging that pay uses."""

    def send_card(
        self, receive_id: str, card: Mapping[str, Any], *, uuid: str, under: Sequence[Wanted] = ()
    ) -> SentMessage:
        """Send a card once per uuid; ``under`` further limits it counts against."""
        ...

    def send_text(self, receive_id: str, text: str, *, uuid: str) -> SentMessage:
        """Send a text once per uuid."""
        ...

    def update_card(self, message_id: MessageId, card: Mapping[str, Any]) -> None:
        """Replace a card."""
        ...

    def get_message(self, message_id: MessageId) -> dict[str, Any] | None:
        """One message, with its chat; None when there is none to be seen."""
        ...

    def find_sent(self, chat_id: ChatId, marker: str, *, since: datetime) -> SentMessage | None:
        """A message of a chat that holds a text."""
        ...

    def get_resource(self, message_id: MessageId, file_key: str, *, most: int) -> bytes:
        """A file that somebody sent, of at most so many bytes."""
        ...


class Approvals(Protocol):
    """The part of approvals that pay uses: starting, reading, taking back. Never deciding."""

    def get_definition(self, code: str) -> dict[str, Any]:
        """A definition."""
        ...

    def create_instance(
        self,
        code: str,
        open_id: OpenId,
        form: Sequence[Mapping[str, Any]],
        *,
        uuid: str,
        node_approvers: Mapping[str, Sequence[OpenId]] | None = None,
    ) -> InstanceCode:
        """Start one, once per uuid."""
        ...

    def find(self, uuid: str) -> InstanceCode | None:
        """The one started under a uuid."""
        ...

    def get_instance(self, code_or_uuid: str) -> dict[str, Any]:
        """One as it is now."""
        ...

    def cancel_instance(self, code: str, instance: InstanceCode, open_id: OpenId) -> None:
        """Take one back in the starter's name."""
        ...

    def subscribe(self, code: str) -> None:
        """Ask for a definition's events."""
        ...


@dataclass(frozen=True, slots=True)
class Payroll:
    """The worker's side of pay.

    Attributes:
        db: durable database.
        queue: durable work.
        clock: the time.
        sync: the tables.
        im: messages.
        approval: approvals.
        attendance: Feishu attendance, None where the company does not use it.
        vault: seals and opens.
        policy: what the manifest decides.
        structuring: the pay structure and its columns.
    """

    db: Database
    queue: WorkQueue
    clock: Clock
    sync: Sync
    im: Messages
    approval: Approvals
    attendance: Presence | None
    vault: Vault
    policy: Policy
    structuring: Structuring


def pay_date_of(month: str, pay_day: int) -> date:
    """The day a month is paid: ``pay_day`` of the month after it (28 at most is always there)."""
    year, number = int(month[:4]), int(month[5:7])
    year, number = (year + 1, 1) if number == 12 else (year, number + 1)
    return date(year, number, min(pay_day, 28))


def push_moment(policy: Policy, now: datetime) -> datetime:
    """When payslips sealed now go out: today's push time, or at once when it has passed or none is set."""
    if policy.push_time is None:
        return now
    local = now.astimezone(SHANGHAI)
    return max(now, local.replace(hour=policy.push_time.hour, minute=policy.push_time.minute, second=0))
