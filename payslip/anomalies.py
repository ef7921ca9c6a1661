"""What somebody must look at before anybody signs. Pure; sentences are Chinese and hold no amount of pay.

A person has at most one anomaly of a kind: several findings of one kind stand in one sentence, so that
settling it settles all of them, and a new finding asks again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import ROUND_UP, Decimal

from payslip.accounts import AccountState, clean, faults
from payslip.collect_cells import plain_name
from payslip.documents import Books, Month, Pay, Person
from payslip.model import Anomaly, AnomalyKind
from payslip.months import add, first_day, last_day, month_of

CAP = "上限:"
"""Parameters of the company called ``上限:子女教育`` cap what a person may declare for that item a month."""

MINIMUM_WAGE = "最低工资"
NAMED_AT_MOST = 5
TOTALS = {
    "total:gross": "应发合计", "total:social": "社保公积金（个人）", "total:tax": "个人所得税合计",
    "total:aftertax": "税后扣款", "total:net": "实发工资", "total:employer": "单位成本",
    "carry:receivable": "结转：员工应付", "carry:clawback": "结转：提成扣回",
    "carry:damages": "结转：损失赔偿",
}  # fmt: skip
ABSENCES = {"缺勤天数": "缺勤", "事假天数": "事假", "病假天数": "病假"}
_AMOUNT = re.compile(
    r"[¥￥]\s*[\d,.]*\d|(?<!\d)(?<!\d,)\d[\d,]*(?:\.\d+)?\s*(?=万?元)|\d{1,3}(?:,\d{3})+(?:\.\d+)?"
    r"|(?<!\d)\d+\.\d{2}"
)
"""It begins at the first digit of a run only: from each digit of a long one, it would take its square."""

Found = Iterator[tuple[AnomalyKind, str]]


def find(  # noqa: PLR0913 - everything known about one person's pay; all but four by name
    books: Books,
    person: Person,
    pay: Pay | str,
    previous: Pay | None,
    *,
    change_warn: Decimal,
    account_state: AccountState,
    shared_accounts: Sequence[str],
    attendance_present: bool,
    has_feishu_account: bool,
    disagree: Sequence[str] = (),
    first_run: bool = False,
    last_name: str = "",
    reader_changed: bool = False,
) -> list[Anomaly]:
    """Everything unusual about one person's pay, at most one anomaly of a kind.

    Args:
        books: of the run.
        person: the frozen inputs.
        pay: what was computed, or the sentence why it could not be.
        previous: the pay of the month before, None if there was none.
        change_warn: percent (30 = 30 %); a change of gross or net by more is told.
        account_state: from `payslip.accounts.check`.
        shared_accounts: names of others with the same account, from `payslip.accounts.shared`.
        attendance_present: the attendance of this month has a row.
        has_feishu_account: a payslip can be pushed.
        disagree: keys of `Pay.amounts` in which the second computation differs.
        first_run: nobody was paid here last month, so a person without last month is not unusual.
        last_name: who had this number in the run that paid it last; empty = nobody.
        reader_changed: the payslip would go to another Feishu account than the last one.
    """
    checks = [
        _person(books, person, attendance=attendance_present, reachable=has_feishu_account),
        _identity(person, last_name, reader_changed=reader_changed),
        _account(person, pay, account_state, shared_accounts),
        _compared(disagree),
    ]
    if isinstance(pay, str):
        checks.append(iter([(AnomalyKind.NOT_COMPUTED, veil(pay) or "没有算出结果，也没有说明原因")]))
    else:
        checks += [
            _changes(books.month, person, pay, previous, change_warn, first_run=first_run),
            _pay(books, person, pay),
            _minimum_wage(books, person, pay),
        ]
    return _joined(person, checks)


def _joined(person: Person, checks: Sequence[Found]) -> list[Anomaly]:
    """One anomaly a kind, with all that was found of it."""
    found: dict[AnomalyKind, list[str]] = {}
    for check in checks:
        for kind, sentence in check:
            found.setdefault(kind, []).append(sentence)
    return [
        Anomaly(person.no, person.name, kind, "；".join(found[kind])) for kind in AnomalyKind if kind in found
    ]


def veil(text: str) -> str:
    """A sentence of another part with every amount of money replaced by 若干.

    The parts write sentences without amounts; this is the second lock, for what stands unsealed.
    """
    return _AMOUNT.sub("若干", text)


def label(key: str) -> str:
    """What a key of `Pay.amounts` is called for people."""
    return TOTALS.get(key, key.removeprefix("line:"))


# --- the checks ---


def _person(books: Books, person: Person, *, attendance: bool, reachable: bool) -> Found:
    first, last = first_day(books.month), last_day(books.month)
    if not attendance and person.join <= last and (person.leave is None or person.leave >= first):
        yield AnomalyKind.NO_ATTENDANCE, f"没有 {books.month} 的考勤汇总"
    if not reachable:
        yield AnomalyKind.NO_PERSON, "员工表没有填飞书账号，工资条推不到本人"
    for item in _over_cap(books, person):
        yield AnomalyKind.WARNING, f"专项附加扣除“{item}”超过每月上限"


def _identity(person: Person, last_name: str, *, reader_changed: bool) -> Found:
    """A number that means somebody else now, and a payslip that somebody else would read."""
    if reader_changed:
        yield (
            AnomalyKind.READER_CHANGED,
            "飞书账号与上次发工资条时不同，工资条会发给新账号；请向本人核实（注意同名同事），填错了请在员工表改正",
        )
    if last_name and plain_name(last_name) != plain_name(person.name):
        yield (
            AnomalyKind.WARNING,
            f"这个工号上次发给“{last_name}”；只是改名可以放行，换了人请改用新工号（累计个税和结转按工号计算）",
        )


def _over_cap(books: Books, person: Person) -> list[str]:
    month = month_of(books.pay_date)
    sums: dict[str, Decimal] = {}
    for each in person.additional:
        if each.start <= month and (each.end is None or month <= each.end):
            sums[each.item] = sums.get(each.item, Decimal(0)) + each.monthly
    caps = books.params
    return sorted(item for item, total in sums.items() if CAP + item in caps and total > caps[CAP + item])


def _account(person: Person, pay: Pay | str, state: AccountState, others: Sequence[str]) -> Found:
    if others:
        yield AnomalyKind.ACCOUNT_SHARED, f"与{_some(others)}的收款账号相同"
    if state is AccountState.CHANGED:
        yield AnomalyKind.ACCOUNT_CHANGED, "收款账号与上次发放时不同，付款前须由另一位财务确认"
    if person.account is None or state is AccountState.MISSING:
        if isinstance(pay, str) or pay.totals.net > 0:
            yield AnomalyKind.NO_ACCOUNT, "员工表没有填收款账号"
        return
    wrong = faults(person.account)
    if wrong:
        yield AnomalyKind.NO_ACCOUNT, f"收款账号不能用于发放：{'，'.join(wrong)}"
    elif (
        clean(person.account).holder
        != clean(person.account.model_copy(update={"holder": person.name})).holder
    ):
        yield AnomalyKind.WARNING, "收款户名与姓名不一致"


def _compared(disagree: Sequence[str]) -> Found:
    if disagree:
        yield AnomalyKind.DISAGREE, f"独立复算结果不同：{_some([label(key) for key in disagree])}"


def _changes(
    month: Month, person: Person, pay: Pay, previous: Pay | None, warn: Decimal, *, first_run: bool
) -> Found:
    if previous is None:
        if person.history and pay.totals.gross > 0 and not first_run:
            yield AnomalyKind.CHANGED, "今年发过工资，但上月没有工资记录"
        return
    pairs = (
        ("应发", previous.totals.gross, pay.totals.gross),
        ("实发", previous.totals.net, pay.totals.net),
    )
    parts = [part for name, old, new in pairs if (part := _change(name, old, new, warn))]
    if parts:
        yield AnomalyKind.CHANGED, "，".join(parts) + _broken_month(month, person)


def _change(name: str, old: Decimal, new: Decimal, warn: Decimal) -> str:
    if old == new:
        return ""
    if old == 0:
        return f"上月{name}为零，本月不为零"
    percent = abs(new - old) / abs(old) * 100
    if percent <= warn:
        return ""
    # Rounded up, so that 30.01 % is never shown as the limit itself.
    shown = percent.quantize(Decimal("0.1"), ROUND_UP)
    return f"{name}较上月{'增加' if new > old else '减少'} {shown}%"


def _broken_month(month: Month, person: Person) -> str:
    before, last = first_day(add(month, -1)), last_day(month)
    if before < person.join <= last:
        return f"（{person.join.isoformat()} 入职）"
    if person.leave is not None and before <= person.leave < last:
        return f"（{person.leave.isoformat()} 离职）"
    return ""


def _pay(books: Books, person: Person, pay: Pay) -> Found:
    first, last = first_day(books.month), last_day(books.month)
    if person.leave is not None and person.leave < first and pay.totals.gross > 0:
        kinds = "、".join(sorted({one.kind for one in person.one_off}))
        about = f"，含{kinds}" if kinds else "，没有一次性项目"
        yield AnomalyKind.LEAVER, f"已于 {person.leave.isoformat()} 离职，本月仍有工资{about}"
    if person.join > last:
        yield AnomalyKind.WARNING, f"{person.join.isoformat()} 才入职，本月却有工资"
    if person.carry.receivable > 0:
        yield AnomalyKind.WARNING, "本月扣回上期多发或未扣完的部分，请先告知本人"
    if person.leave is not None and person.leave <= last and any(value for _, value in pay.carry):
        yield AnomalyKind.LEAVER, "离职后没有下期工资可扣，结转的部分请向本人收回"
    if pay.carry.receivable > 0:
        yield AnomalyKind.NET_ZERO, "应扣的超过应发，实发为零，差额结转下期由员工应付"
    elif pay.totals.net <= 0:
        yield AnomalyKind.NET_ZERO, "实发为零"
    for warning in pay.warnings:
        yield AnomalyKind.WARNING, veil(warning)


def _minimum_wage(books: Books, person: Person, pay: Pay) -> Found:
    first, last = first_day(books.month), last_day(books.month)
    full = person.join <= first and (person.leave is None or person.leave >= last)
    least = books.city_params.get(person.city, {}).get(MINIMUM_WAGE)
    if least is None or not full or person.fields.get("未在职天数", Decimal(0)) > 0:
        return
    if pay.minimum_wage_base >= least:
        return
    why = [word for key, word in ABSENCES.items() if person.fields.get(key, Decimal(0)) > 0]
    about = f"本月有{'、'.join(why)}，依法可以低于标准，请核对" if why else "本月没有缺勤和请假，不得低于标准"
    yield AnomalyKind.MINIMUM_WAGE, f"计入最低工资的部分低于{person.city}最低工资标准；{about}"


def _some(names: Sequence[str]) -> str:
    shown = "、".join(names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown}等 {len(names)} 项"
