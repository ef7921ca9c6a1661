"""Social insurance and housing fund (docs/PAY.md §6): this month's shares, back-payments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from payslip import months
from payslip.documents import Books, Charged, FundName, Line, Month, Person, Rounding, SocialRule
from payslip.errors import CannotCompute
from payslip.money import ZERO, cents, percent, spell, to_unit
from payslip.once import Same

HOUSING: Final[FundName] = "公积金"
FUNDS: Final[tuple[FundName, ...]] = ("养老", "失业", "工伤", "医疗", "生育", "大病", "公积金")
LOCAL_WAGE: Final = "当地社平月工资"
_UNITS: Final = {Decimal("0.01"): "分", Decimal("0.1"): "角", Decimal(1): "元"}
_MODES: Final = {"half_up": "四舍五入", "up": "进位", "down": "舍去"}

Side = Literal["employee", "employer"]
_SIDES: Final[tuple[Side, Side]] = ("employee", "employer")
_KINDS: Final[Mapping[Side, Literal["social", "employer"]]] = {"employee": "social", "employer": "employer"}


@dataclass(frozen=True, slots=True)
class Share:
    """One side's share of one fund for one month, in yuan."""

    amount: Decimal
    how: str


@dataclass(frozen=True, slots=True)
class Social:
    """What a run charges a person: lines of both sides and what the tax needs of them.

    Attributes:
        lines: kind ``social`` and ``employer``, none of them zero.
        charged: this month's shares, for a later back-payment.
        deductible: employee shares, back-payments included, the housing fund's at most the legal limit.
        excess: the employer's housing fund above the legal limit; it is taxable income.
        warnings: sentences without amounts.
    """

    lines: tuple[Line, ...]
    charged: Charged
    deductible: Decimal
    excess: Decimal
    warnings: tuple[str, ...] = ()

    def total(self, side: Side) -> Decimal:
        """The sum of one side's lines, back-payments included."""
        return _total(self.lines, side)


def _total(lines: Iterable[Line], side: Side) -> Decimal:
    return sum((line.amount for line in lines if line.kind == _KINDS[side]), ZERO)


def contributions(books: Books, person: Person) -> Social:
    """Charge this month, and for months that were charged by other bases or rates, the difference.

    Raises:
        CannotCompute: two rules apply to one fund, or a rule's rounding unit is not positive.
    """
    now = month_shares(books, person, books.month)
    lines = [_line(fund, share, side) for side in _SIDES for fund, share in now[side].items()]
    for earlier in sorted(person.backpay, key=lambda each: each.month):
        lines += _differences(books, person, earlier)
    housing = {side: now[side][HOUSING].amount if HOUSING in now[side] else ZERO for side in _SIDES}
    limit = fund_limit(books, person)
    over = {side: ZERO if limit is None else max(ZERO, housing[side] - limit) for side in _SIDES}
    return Social(
        lines=tuple(lines),
        charged=_charged(books.month, now),
        deductible=_total(lines, "employee") - over["employee"],
        excess=over["employer"],
        warnings=_warn(books, person),
    )


def fund_limit(books: Books, person: Person) -> Decimal | None:
    """The housing fund that is free of tax each month and side, in yuan; None when the city names no wage."""
    wage = books.city_params.get(person.city, {}).get(LOCAL_WAGE)
    return None if wage is None else cents(wage * 3 * Decimal("0.12"))


def month_shares(books: Books, person: Person, month: Month) -> dict[Side, dict[FundName, Share]]:
    """Both sides' shares of every fund for one month; what charges nothing is left out.

    Raises:
        CannotCompute: see `contributions`.
    """
    shares: dict[Side, dict[FundName, Share]] = {"employee": {}, "employer": {}}
    if not employed(person, month):
        return shares
    for fund, rule in _rules(Same(books.social), person.city, month).items():
        if _in_time(rule, person, month):
            for side, share in zip(_SIDES, _shares(rule, person), strict=True):
                if share.amount:
                    shares[side][fund] = share
    return shares


def employed(person: Person, month: Month) -> bool:
    """Whether the person is employed for at least one day of the month; the day of leaving counts."""
    joined = person.join <= months.last_day(month)
    return joined and (person.leave is None or person.leave >= months.first_day(month))


def _in_time(rule: SocialRule, person: Person, month: Month) -> bool:
    if rule.cutoff_day is None:
        return True
    if months.month_of(person.join) == month and person.join.day > rule.cutoff_day:
        return False
    left = person.leave is not None and months.month_of(person.leave) == month
    return not (left and person.leave is not None and person.leave.day < rule.cutoff_day)


@lru_cache(maxsize=16)
def _by_city(rules: Same[tuple[SocialRule, ...]]) -> Mapping[str, tuple[SocialRule, ...]]:
    found: dict[str, list[SocialRule]] = defaultdict(list)
    for rule in sorted(rules.value, key=lambda each: FUNDS.index(each.fund)):
        found[rule.city].append(rule)
    return {city: tuple(each) for city, each in found.items()}


@lru_cache(maxsize=1024)
def _rules(rules: Same[tuple[SocialRule, ...]], city: str, month: Month) -> Mapping[FundName, SocialRule]:
    found: dict[FundName, SocialRule] = {}
    for rule in _by_city(rules).get(city, ()):
        if rule.start <= month and (rule.end is None or month <= rule.end):
            if rule.fund in found:
                raise CannotCompute(
                    _title(rule.fund),
                    f"社保公积金方案里{city}的“{rule.fund}”在 {month} 有两行同时生效，请改正生效起止",
                )
            found[rule.fund] = rule
    return found


def _shares(rule: SocialRule, person: Person) -> tuple[Share, Share]:
    if rule.unit <= 0:
        raise CannotCompute(_title(rule.fund), "舍入单位要大于零，请在社保公积金方案里改正")
    housing = rule.fund == HOUSING
    given = person.fund_base if housing else person.social_base
    base = given if rule.floor is None else max(given, rule.floor)
    base = base if rule.cap is None else min(base, rule.cap)
    bound = "" if base == given else "（按基数下限）" if base > given else "（按基数上限）"
    words = f"{'公积金' if housing else '社保'}基数 {spell(base)}{bound}"
    own = person.fund_rate if housing else None
    return (
        _share(rule, base, rule.employee_rate if own is None else own, rule.employee_fixed, words),
        _share(rule, base, rule.employer_rate if own is None else own, rule.employer_fixed, words),
    )


def _share(rule: SocialRule, base: Decimal, rate: Decimal, fixed: Decimal, words: str) -> Share:
    amount = to_unit(base * rate + fixed, rule.unit, rule.rounding)
    if not amount:
        return Share(amount, "")
    added = f" + {spell(fixed)}" if fixed else ""
    return Share(amount, f"{words} × {percent(rate)}{added}，{_rounded(rule.unit, rule.rounding)}")


@lru_cache(maxsize=64)
def _rounded(unit: Decimal, mode: Rounding) -> str:
    return f"{_MODES[mode]}到{_UNITS.get(unit, f' {spell(unit)} 元的倍数')}"


def _title(fund: FundName) -> str:
    return "住房公积金" if fund == HOUSING else f"{fund}保险"


def _code(fund: FundName, side: Side) -> str:
    return f"{_title(fund)}（{'个人' if side == 'employee' else '单位'}）"


def _line(fund: FundName, share: Share, side: Side) -> Line:
    return Line(code=_code(fund, side), kind=_KINDS[side], amount=share.amount, how=share.how)


def _differences(books: Books, person: Person, earlier: Charged) -> list[Line]:
    lines: list[Line] = []
    anew = month_shares(books, person, earlier.month)
    for side in _SIDES:
        fresh = anew[side]
        before = earlier.employee if side == "employee" else earlier.employer
        for fund in FUNDS:
            should = fresh[fund].amount if fund in fresh else ZERO
            had = cents(before.get(fund, ZERO))
            if should != had:
                how = f"按现行基数和比例重新计算 {earlier.month}：应缴 {spell(should)}，已缴 {spell(had)}"
                share = Share(should - had, how)
                lines.append(
                    _line(fund, share, side).model_copy(
                        update={"code": f"补缴 {earlier.month} {_code(fund, side)}"}
                    )
                )
    return lines


def _charged(month: Month, shares: Mapping[Side, Mapping[FundName, Share]]) -> Charged:
    return Charged(
        month=month,
        employee={fund: share.amount for fund, share in shares["employee"].items()},
        employer={fund: share.amount for fund, share in shares["employer"].items()},
    )


def _warn(books: Books, person: Person) -> tuple[str, ...]:
    if not books.social or not employed(person, books.month):
        return ()
    if not _rules(Same(books.social), person.city, books.month):
        return (f"社保公积金方案里没有{person.city}在 {books.month} 生效的规则，本月没有扣缴",)
    return ()
