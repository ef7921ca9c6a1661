"""Where pay goes: accounts made comparable, recognised without being stored, and held when they changed.

A changed account is the most common fraud of a payday (facts: payroll §5), so it waits for a second person.
Our database knows accounts only as keyed digests; the numbers stand in the sealed inputs of a run.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from payslip import store
from payslip import tables as t
from payslip.documents import Account, EmployeeNo, Person, RunId, canonical
from payslip.model import RunState
from payslip.run import Refusal
from runtime import audit
from runtime.ids import OpenId

if TYPE_CHECKING:
    from runtime.vault import Vault

ALIPAY = "支付宝"
NUMBER = re.compile(r"[0-9]{8,30}")
ALIPAY_LOGIN = re.compile(r"1[0-9]{10}|[A-Za-z0-9][\w.+-]*@[\w-]+(\.[\w-]+)+", re.ASCII)
DANGEROUS = "=+-@"
"""What a spreadsheet takes for the beginning of a formula."""

_DOTS = str.maketrans(dict.fromkeys("•・･‧․∙⋅．", "·"))
"""Before NFKC, which makes a plain full stop of some of them."""

_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


class AccountState(StrEnum):
    """An account against the one the employee was last paid to."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    MISSING = "missing"


class ReleaseReason(StrEnum):
    """Why a held payout was released, or not; stands in the audit row."""

    RELEASED = "second_person_confirmed"
    NO_RUN = "no_such_run_or_cancelled"
    NOT_FINANCE = "not_finance"
    STARTER = "started_the_run"
    OWN = "own_account"
    NOT_HELD = "nothing_held"
    ALREADY = "released_before"


SENTENCES = {
    ReleaseReason.NO_RUN: "没有这个批次，或它已取消",
    ReleaseReason.NOT_FINANCE: "只有财务可以确认变更的收款账号",
    ReleaseReason.STARTER: "本批次由你发起，变更的收款账号须由另一位财务确认",
    ReleaseReason.OWN: "不能确认自己的收款账号，请另一位财务确认",
    ReleaseReason.NOT_HELD: "这名员工没有待确认的收款账号",
    ReleaseReason.ALREADY: "这个收款账号已有人确认",
}


# --- pure: what an account is ---


def clean(account: Account) -> Account:
    """The account as a bank wants it: half-width, without invisible characters and stray blanks.

    A blank inside a name stays only in names without Chinese characters (``John Smith``); the dot of a
    minority name becomes ``·``.
    """
    number = re.sub(r"[\s-]", "", _plain(account.number))
    if is_alipay(account):
        number = re.sub(r"\s", "", _plain(account.number)).lower()
    return Account(bank=_words(account.bank), number=number, holder=_words(account.holder.translate(_DOTS)))


def is_alipay(account: Account) -> bool:
    """Whether the money goes to Alipay instead of a bank."""
    return re.sub(r"\s", "", _plain(account.bank)) == ALIPAY


def faults(account: Account) -> tuple[str, ...]:
    """Why no bank would take this account: phrases in Chinese, without the number; empty = usable.

    A 16 to 30 digit number whose digits after the fifteenth are all zero and which fails the check digit of
    payment cards (Luhn, ISO/IEC 7812-1) went through a spreadsheet as a number and is lost.
    """
    tidy, found = clean(account), []
    if is_alipay(account):
        if not ALIPAY_LOGIN.fullmatch(tidy.number):
            found.append("支付宝账号应为手机号或邮箱")
        if not _in_gbk(tidy.holder):
            found.append("户名有支付宝文件写不下的生僻字")
    elif not NUMBER.fullmatch(tidy.number):
        found.append("账号应为 8–30 位数字")
    elif len(tidy.number) > 15 and not tidy.number[15:].strip("0") and not _luhn(tidy.number):
        found.append("账号第 15 位以后全为零，疑似被表格软件当成数字丢了精度")
    if not tidy.bank:
        found.append("开户行为空")
    if not tidy.holder:
        found.append("户名为空")
    elif tidy.holder[0] in DANGEROUS or any(ch.isdigit() for ch in tidy.holder):
        found.append("户名有不该有的字符")
    return tuple(found)


def fingerprint(vault: Vault, account: Account) -> str:
    """A keyed digest that is the same for the same account however it was typed.

    Bank, number and holder all count: a change of any of them is a change.
    """
    return vault.digest("account", canonical(clean(account)))


def shared(people: Iterable[Person]) -> dict[EmployeeNo, tuple[str, ...]]:
    """Who has an account number in common, in memory: employee → names of the others."""
    groups: dict[tuple[bool, str], list[Person]] = {}
    for person in people:
        if person.account is not None and person.account.number.strip():
            key = (is_alipay(person.account), clean(person.account).number)
            groups.setdefault(key, []).append(person)
    return {
        person.no: tuple(other.name for other in group if other.no != person.no)
        for group in groups.values()
        if len(group) > 1
        for person in group
    }


def _plain(text: str) -> str:
    # NFKC makes full-width forms half-width; format characters (zero width, direction) are invisible.
    folded = unicodedata.normalize("NFKC", text)
    return "".join(ch for ch in folded if unicodedata.category(ch) != "Cf")


def _words(text: str) -> str:
    words = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", _plain(text)).split())
    return words.replace(" ", "") if _CJK.search(words) else words


def _in_gbk(text: str) -> bool:
    try:
        text.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def _luhn(number: str) -> bool:
    digits = [int(ch) for ch in reversed(number)]
    doubled = (sum(divmod(digit * 2, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def state_of(known: str | None, present: str | None) -> AccountState:
    """Compare fingerprints: the one last paid to, and the present one."""
    if present is None:
        return AccountState.MISSING
    if known is None:
        return AccountState.NEW
    return AccountState.SAME if known == present else AccountState.CHANGED


# --- stored: holds ---


def check(
    conn: Connection,
    vault: Vault,
    run_id: RunId,
    people: Sequence[Person],
    *,
    at: datetime,
    present: Mapping[EmployeeNo, str | None] | None = None,
) -> dict[EmployeeNo, AccountState]:
    """Compare everyone's account with the one last paid to, and hold the changed ones.

    May be called again whenever a run is collected: a hold of the same account stays (and stays released), an
    account that changed once more is held anew, one that changed back is held no longer.

    Args:
        conn: a write transaction.
        vault: makes the fingerprints.
        run_id: the run.
        people: frozen inputs; only these people's holds are touched.
        at: now, for the audit row.
        present: `fingerprints` of these people, made before the transaction was begun.
    """
    present = fingerprints(vault, people) if present is None else present
    known = _known(conn, list(present))
    states = {no: state_of(known.get(no), mark) for no, mark in present.items()}
    before = {row.employee_no: row for row in _holds(conn, run_id)}
    for no, state in states.items():
        mark, hold = present[no], before.get(no)
        if state is not AccountState.CHANGED or mark is None:
            if hold is not None and hold.released_by is None:
                conn.execute(t.holds.delete().where(*_one(run_id, no)))
        elif hold is None or hold.fingerprint != mark:
            _hold(conn, run_id, no, mark, at)
    return states


def unreleased(
    conn: Connection, vault: Vault, run_id: RunId, people: Sequence[Person]
) -> frozenset[EmployeeNo]:
    """Whose payout must wait now: the account changed and no second person confirmed this very account.

    Computed from the accounts themselves, so that a hold row that is missing or was made for another account
    lets nothing through.
    """
    present = fingerprints(vault, people)
    known = _known(conn, list(present))
    released = {row.employee_no: row.fingerprint for row in _holds(conn, run_id) if row.released_by}
    return frozenset(
        no
        for no, mark in present.items()
        if state_of(known.get(no), mark) is AccountState.CHANGED and released.get(no) != mark
    )


def decide_release(*, finance: bool, starter: bool, own: bool, held: bool, released: bool) -> ReleaseReason:
    """Whether somebody may release a hold. Pure.

    Args:
        finance: they have the role.
        starter: they started the run.
        own: it is their own account.
        held: there is a hold.
        released: somebody released it already.
    """
    if not finance:
        return ReleaseReason.NOT_FINANCE
    if starter:
        return ReleaseReason.STARTER
    if own:
        return ReleaseReason.OWN
    if not held:
        return ReleaseReason.NOT_HELD
    return ReleaseReason.ALREADY if released else ReleaseReason.RELEASED


def release(
    conn: Connection,
    run_id: RunId,
    no: EmployeeNo,
    by: OpenId,
    *,
    is_finance: Callable[[OpenId], bool],
    at: datetime,
) -> Refusal | None:
    """A second person confirms a changed account. Every try leaves an audit row.

    Args:
        conn: a write transaction.
        run_id: the run.
        no: whose account.
        by: who confirms, as verified by the platform.
        is_finance: whether a person has the finance role.
        at: now.

    Returns:
        None when it is released, else the sentence to show.
    """
    run, person = store.load_run(conn, run_id, lock=True), store.person(conn, run_id, no)
    hold = conn.execute(sa.select(t.holds).where(*_one(run_id, no))).first()
    if run is None or run.state is RunState.CANCELLED:
        reason = ReleaseReason.NO_RUN
    else:
        reason = decide_release(
            finance=is_finance(by),
            starter=run.starter == by,
            own=person is not None and person.open_id == by,
            held=hold is not None,
            released=hold is not None and hold.released_by is not None,
        )
    if reason is ReleaseReason.RELEASED:
        conn.execute(t.holds.update().where(*_one(run_id, no)).values(released_by=by, released_at=at))
    audit.record(
        conn, at=at, actor=by, action="payroll.account.release", subject=f"run:{run_id}", reason=reason.value,
        detail={"employee_no": no},
    )  # fmt: skip
    return None if reason is ReleaseReason.RELEASED else Refusal(SENTENCES[reason])


def record_paid(
    conn: Connection, run_id: RunId, fingerprints: Mapping[EmployeeNo, str], *, at: datetime
) -> None:
    """Remember the accounts of a payout as those last paid to; never overwrites a later payout.

    Args:
        conn: a write transaction.
        run_id: the run paid, whose released holds name who confirmed.
        fingerprints: by employee.
        at: when the payout file was made.
    """
    confirmed = {row.employee_no: row.released_by for row in _holds(conn, run_id) if row.released_by}
    rows = [
        {"employee_no": no, "fingerprint": mark, "confirmed_by": confirmed.get(no), "at": at}
        for no, mark in sorted(fingerprints.items())
    ]
    for chunk in store.chunks(rows):
        statement = store.insert(conn, t.accounts)
        fresh = statement.excluded
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["employee_no"],
                set_={name: fresh[name] for name in ("fingerprint", "confirmed_by", "at")},
                where=t.accounts.c.at <= fresh["at"],
            ),
            chunk,
        )


def fingerprints(vault: Vault, people: Sequence[Person]) -> dict[EmployeeNo, str | None]:
    """Everyone's fingerprint by employee; None without an account."""
    return {
        person.no: fingerprint(vault, person.account)
        if person.account is not None and person.account.number.strip()
        else None
        for person in people
    }


def _known(conn: Connection, nos: Sequence[EmployeeNo]) -> dict[str, str]:
    found: dict[str, str] = {}
    for chunk in store.chunks(nos):
        query = sa.select(t.accounts.c.employee_no, t.accounts.c.fingerprint)
        for row in conn.execute(query.where(t.accounts.c.employee_no.in_(chunk))):
            found[row.employee_no] = row.fingerprint
    return found


def _holds(conn: Connection, run_id: RunId) -> Sequence[sa.Row[tuple[str, str, str, str | None, datetime]]]:
    return conn.execute(sa.select(t.holds).where(t.holds.c.run_id == run_id)).all()


def _one(run_id: RunId, no: EmployeeNo) -> tuple[sa.ColumnElement[bool], ...]:
    return t.holds.c.run_id == run_id, t.holds.c.employee_no == no


def _hold(conn: Connection, run_id: RunId, no: EmployeeNo, mark: str, at: datetime) -> None:
    row = {"run_id": run_id, "employee_no": no, "fingerprint": mark, "released_by": None, "released_at": None}
    store.upsert(conn, t.holds, [row])
    audit.record(
        conn, at=at, actor="system:payroll", action="payroll.account.hold", subject=f"run:{run_id}",
        reason="account_changed_since_last_paid", detail={"employee_no": no},
    )  # fmt: skip
