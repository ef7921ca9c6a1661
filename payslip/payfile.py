"""The files of a payout, made in memory from who still gets how much. Pure.

The sum is watched: what the files pay, what is held, and what earlier files of the month paid must be the
approved total, or nothing is made.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from payslip import accounts, banks
from payslip.banks import Batch, Order, Payer, Template
from payslip.documents import Account, Document, EmployeeNo, Month, Number, RunId
from runtime.errors import PermanentError

CENT = Decimal("0.01")
NAMED_AT_MOST = 10
HELD_MISSING = "没有收款账号"
HELD_CHANGED = "收款账号变更，等待另一位财务确认"
HELD_CORRECTED = "由更正批次 {} 发放"


class CannotPay(PermanentError):  # noqa: N818 - the sentence a person needs
    """No payout file is made; the sentence says why and what to do, without amounts or account numbers."""


@dataclass(frozen=True, slots=True)
class Payee:
    """One employee to be paid.

    Attributes:
        no: employee number.
        name: for sentences; the file shows the account's holder.
        net: what the run says, yuan.
        account: where to; None only when held.
        before: what earlier files of the month paid.
        held: why nothing is paid now; empty = is paid.
        place: city of deposit for accounts of other banks.
        fingerprint: of the account, remembered once the file is opened.
        superseded: a later run corrected this pay and pays it; implies ``held``.
    """

    no: EmployeeNo
    name: str
    net: Decimal
    account: Account | None
    before: Decimal = Decimal(0)
    held: str = ""
    place: str = ""
    fingerprint: str = ""
    superseded: bool = False

    @property
    def lacking(self) -> bool:
        """Held because no bank could take the account, so that nobody but HR can help."""
        return self.held not in {"", HELD_CHANGED} and not self.superseded

    @property
    def due(self) -> Decimal:
        """What is still to be paid; negative when a correction found that too much was paid."""
        return self.net - self.before


@dataclass(frozen=True, slots=True)
class Facts:
    """What a payout needs to know of its run.

    Attributes:
        run: the run.
        month: the month worked.
        pay_date: the day of payment.
        approved: the total that was signed, yuan.
        payer: the company's side.
        batch: 1 for the run's first files.
        may_share: employees whose shared account somebody settled.
    """

    run: RunId
    month: Month
    pay_date: date
    approved: Decimal
    payer: Payer
    batch: int = 1
    may_share: frozenset[EmployeeNo] = frozenset()


class Member(Document):
    """Who a file pays, sealed beside it."""

    no: EmployeeNo
    amount: Number
    before: Number
    fingerprint: str


class PayoutFile(Document):
    """A file for a bank and what is in it; stored only sealed.

    ``id`` is the file name without its ending and is never used twice. ``content`` is base64.
    """

    schema_version: Literal[1] = 1
    id: str
    run: RunId
    month: Month
    template: Template
    name: str
    content: str
    members: tuple[Member, ...]

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return base64.b64decode(self.content)

    @property
    def total(self) -> Decimal:
        """Sum of the payments, yuan."""
        return sum((member.amount for member in self.members), Decimal(0))


def make_payout(payees: Sequence[Payee], template: Template, facts: Facts) -> list[PayoutFile]:
    """Make the files of a payout. Pure: the same input gives the same bytes.

    Alipay accounts go into Alipay files, all others into the file of the chosen bank.

    Args:
        payees: everyone of the run, held ones included.
        template: the bank of the paying account; `Template.ALIPAY` only when every account is Alipay's.
        facts: of the run.

    Returns:
        The files; none when nothing is due.

    Raises:
        CannotPay: an account that no bank takes, an account two people share, a missing setting, or a sum
            that is not the approved total.
    """
    rows = [payee for payee in payees if payee.due > 0 and not payee.held]
    _check_payees(payees, rows, facts)
    orders = [
        Order(payee.no, accounts.clean(payee.account), payee.due, payee.place)
        for payee in sorted(rows, key=lambda payee: payee.no)
        if payee.account is not None
    ]
    groups: dict[Template, list[Order]] = {}
    for order in orders:
        target = Template.ALIPAY if accounts.is_alipay(order.account) else template
        groups.setdefault(target, []).append(order)
    _check_groups(groups, facts)
    batch = Batch(facts.run, facts.month, facts.pay_date, facts.payer, facts.batch)
    by_no = {payee.no: payee for payee in rows}
    files = [
        _file(target, part, name, batch, by_no)
        for target in sorted(groups)
        for name, part in _parts(target, groups[target])
    ]
    _check_sum(files, payees, facts.approved)
    return files


def _parts(template: Template, orders: Sequence[Order]) -> list[tuple[int, Sequence[Order]]]:
    size = banks.ALIPAY_ROWS if template is Template.ALIPAY else len(orders)
    return [(start // size + 1, orders[start : start + size]) for start in range(0, len(orders), size)]


def _file(
    template: Template, orders: Sequence[Order], part: int, batch: Batch, payees: Mapping[EmployeeNo, Payee]
) -> PayoutFile:
    stem, ending = f"{batch.run}-{batch.number:02d}-{template}", "xlsx"
    if template is Template.ALIPAY:
        stem, ending = f"{stem}-{part:02d}", "csv"
        content = banks.alipay(orders, batch, part)
    else:
        content = {Template.CMB: banks.cmb, Template.ICBC: banks.icbc}[template](orders, batch)
    members = tuple(
        Member(
            no=order.no, amount=order.amount, before=payees[order.no].before,
            fingerprint=payees[order.no].fingerprint,
        )
        for order in orders
    )  # fmt: skip
    return PayoutFile(
        id=stem, run=batch.run, month=batch.month, template=template, name=f"{stem}.{ending}",
        content=base64.b64encode(content).decode(), members=members,
    )  # fmt: skip


def _check_payees(payees: Sequence[Payee], rows: Sequence[Payee], facts: Facts) -> None:
    twice = [no for no, count in Counter(payee.no for payee in payees).items() if count > 1]
    if twice:
        raise CannotPay(f"员工出现了两次：{_some(twice)}；请重新核算")
    odd = [payee.name for payee in payees if payee.net < 0 or payee.due != payee.due.quantize(CENT)]
    if odd:
        raise CannotPay(f"实发不是两位小数的正数：{_some(odd)}；请重新核算")
    wrong = [
        f"{payee.name}（{'，'.join(faults)}）"
        for payee in rows
        if (faults := accounts.faults(payee.account) if payee.account else (HELD_MISSING,))
    ]
    if wrong:
        raise CannotPay(f"收款账号不能用于发放：{_some(wrong)}；请在员工表更正，或先暂缓发放")
    _check_shared(rows, facts.may_share)


def _check_shared(rows: Sequence[Payee], may_share: frozenset[EmployeeNo]) -> None:
    groups: dict[str, list[Payee]] = {}
    for payee in rows:
        if payee.account is not None:
            groups.setdefault(accounts.clean(payee.account).number, []).append(payee)
    for group in groups.values():
        holders = {accounts.clean(payee.account).holder for payee in group if payee.account}
        names = _some([payee.name for payee in group])
        if len(holders) > 1:
            raise CannotPay(f"同一收款账号有不同的户名：{names}；请在员工表核对")
        if len(group) > 1 and any(payee.no not in may_share for payee in group):
            raise CannotPay(f"收款账号重复：{names}；请在员工表核对，或由人事在异常清单中说明理由")


def _check_groups(groups: Mapping[Template, Sequence[Order]], facts: Facts) -> None:
    if any(not accounts.is_alipay(order.account) for order in groups.get(Template.ALIPAY, ())):
        raise CannotPay("有员工的收款账号在银行：请选择招商银行或工商银行模板，支付宝账户会自动另成文件")
    for template in groups:
        lacking = banks.missing(template, facts.payer)
        if lacking:
            raise CannotPay(
                f"{banks.NAMES[template]}的文件需要付款方信息：请在服务器环境变量中设置 {'、'.join(lacking)}"
            )


def _check_sum(files: Sequence[PayoutFile], payees: Sequence[Payee], approved: Decimal) -> None:
    paid = sum((file.total for file in files), Decimal(0))
    held = sum((payee.due for payee in payees if payee.held and payee.due > 0), Decimal(0))
    before = sum((min(payee.before, payee.net) for payee in payees), Decimal(0))
    if paid + held + before != approved:
        raise CannotPay("文件合计加暂缓金额不等于批准的合计，没有生成文件；请重新核算并签批")


def _some(names: Sequence[str]) -> str:
    shown = "、".join(names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown}等 {len(names)} 人"
