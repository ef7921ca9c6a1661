"""What banks and Alipay take for paying many people at once. Pure: rows in, bytes out, nothing kept.

Sources (read 2026-11; the institutions change templates, so compare the headings with the one the bank's page
offers before the first payday):

- CMB: the bank's guide to payroll by file (market.cmbchina.com, 代发/代扣经办): account as text, amount with
  two decimals and no thousands comma, no total row; accounts of other banks with bank and place of deposit.
- ICBC: template notes of 企业财务室批量支付: bank, account and name of payer and payee, amount with at most
  two real decimals, purpose, note, telephone.
- Alipay: template notes of 批量付款到支付宝账户: batch number 11–32 letters or digits and never used before,
  date YYYYMMDD, at most 3,000 rows, serial ≤ 22, reason ≤ 100 characters and required from 50,000 yuan on,
  file name never used before. The file is GBK text with commas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from payslip.accounts import DANGEROUS
from payslip.documents import Account, EmployeeNo, Month, RunId
from payslip.workbook import make

if TYPE_CHECKING:
    from runtime.settings import Settings

ALIPAY_ROWS = 3000
PURPOSE = "工资"
CMB_HEADS = ("账号", "户名", "金额", "开户行", "开户地", "注释")
ICBC_HEADS = (
    "付款账号开户行", "付款账号", "付款账号名称", "收款账号开户行", "收款账号省份", "收款账号城市",
    "收款账号", "收款账号名称", "金额", "汇款用途", "备注信息", "短信通知手机号码",
)  # fmt: skip
ALIPAY_HEADS = ("批次号", "付款日期", "付款人email", "账户名称", "总金额（元）", "总笔数")
ALIPAY_ROW_HEADS = ("商户流水号", "收款人email", "收款人姓名", "付款金额（元）", "付款理由")


class Template(StrEnum):
    """For whom a file is made."""

    CMB = "cmb"
    ICBC = "icbc"
    ALIPAY = "alipay"


NAMES = {Template.CMB: "招商银行", Template.ICBC: "工商银行", Template.ALIPAY: "支付宝"}
OWN = {Template.CMB: ("招商银行", "招行"), Template.ICBC: ("工商银行", "工行")}
"""How an account of the paying bank itself is recognised in 开户行."""


@dataclass(frozen=True, slots=True)
class Payer:
    """The company's side of a payment, from the environment; empty = not set.

    Attributes:
        bank: bank of deposit of the paying account.
        account: the paying account.
        name: the company as the bank or Alipay knows it.
        alipay: login e-mail of the paying Alipay account.
    """

    bank: str = ""
    account: str = ""
    name: str = ""
    alipay: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One payment: a clean account (`payslip.accounts.clean`) and yuan with at most two decimals.

    ``place`` is the city of deposit; only files for accounts of other banks show it.
    """

    no: EmployeeNo
    account: Account
    amount: Decimal
    place: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What all payments of a file have in common.

    Attributes:
        run: the run paid.
        month: the month worked, for the reason people read.
        pay_date: the day of payment.
        payer: who pays.
        number: 1 for the run's first files, 2 for what was held then, …; never used twice.
    """

    run: RunId
    month: Month
    pay_date: date
    payer: Payer
    number: int

    @property
    def reason(self) -> str:
        """What the receiver reads."""
        return f"{self.month[:4]}年{int(self.month[5:])}月{PURPOSE}"


def payer_of(settings: Settings) -> Payer:
    """The company's side from the environment (``CHORUS_PAYER_*``)."""
    return Payer(settings.payer_bank, settings.payer_account, settings.payer_name, settings.payer_alipay)


def missing(template: Template, payer: Payer) -> list[str]:
    """Which variables of the environment a template needs and does not have."""
    needed = {
        Template.CMB: {},
        Template.ICBC: {
            "CHORUS_PAYER_BANK": payer.bank,
            "CHORUS_PAYER_ACCOUNT": payer.account,
            "CHORUS_PAYER_NAME": payer.name,
        },
        Template.ALIPAY: {"CHORUS_PAYER_ALIPAY": payer.alipay, "CHORUS_PAYER_NAME": payer.name},
    }[template]
    return [name for name, value in needed.items() if not value.strip()]


def cmb(orders: Sequence[Order], batch: Batch) -> bytes:
    """A workbook for CMB; bank and place of deposit only for accounts of other banks."""
    rows: list[tuple[str | Decimal | None, ...]] = [CMB_HEADS]
    for order in orders:
        away = not _own(Template.CMB, order.account)
        bank, place = (neutral(order.account.bank), neutral(order.place)) if away else ("", "")
        rows.append(
            (order.account.number, order.account.holder, order.amount, bank or None, place or None, PURPOSE)
        )
    return make(rows, sheet=PURPOSE, made=batch.pay_date)


def icbc(orders: Sequence[Order], batch: Batch) -> bytes:
    """A workbook for ICBC in the wide form; the city is the employee's, the province stays for the bank."""
    payer = batch.payer
    head = (neutral(payer.bank), payer.account.strip(), neutral(payer.name))
    rows: list[tuple[str | Decimal | None, ...]] = [ICBC_HEADS]
    for order in orders:
        own = _own(Template.ICBC, order.account)
        bank = "工行" if own else neutral(order.account.bank)
        rows.append(
            (
                *head, bank, None, neutral(order.place) or None, order.account.number, order.account.holder,
                order.amount, PURPOSE, batch.reason, None,
            )
        )  # fmt: skip
    return make(rows, sheet=PURPOSE, made=batch.pay_date)


def alipay(orders: Sequence[Order], batch: Batch, part: int) -> bytes:
    """A text file for Alipay.

    Args:
        orders: at most `ALIPAY_ROWS`.
        batch: as given.
        part: number of the file in the batch, from 1.
    """
    out = io.StringIO(newline="")
    write = csv.writer(out, lineterminator="\r\n").writerow
    total = sum((order.amount for order in orders), Decimal(0))
    serial = _digits(batch) + f"{part:02d}"
    write(ALIPAY_HEADS)
    write(
        (
            f"PAY{batch.pay_date:%Y%m%d}{serial}", f"{batch.pay_date:%Y%m%d}", batch.payer.alipay.strip(),
            neutral(batch.payer.name), f"{total:.2f}", len(orders),
        )
    )  # fmt: skip
    write(ALIPAY_ROW_HEADS)
    for number, order in enumerate(orders, 1):
        account = order.account
        # A letter in front: a spreadsheet would round a number of so many digits.
        write((f"P{serial}{number:04d}", account.number, account.holder, f"{order.amount:.2f}", batch.reason))
    return out.getvalue().encode("gbk")


def neutral(text: str) -> str:
    """Free text that no spreadsheet takes for a formula: an apostrophe in front, blanks for controls."""
    plain = "".join(ch if ch.isprintable() else " " for ch in text).strip()
    return f"'{plain}" if plain[:1] and plain[0] in DANGEROUS else plain


def _own(template: Template, account: Account) -> bool:
    return any(name in account.bank for name in OWN[template])


def _digits(batch: Batch) -> str:
    """Month, version and batch number, e.g. ``2026100102`` for the second batch of 2026-10.1."""
    month, version = batch.run.rsplit(".", 1)
    return f"{month.replace('-', '')}{int(version):02d}{batch.number:02d}"
