"""Commission of one month (docs/PAY.md §4): entries by kind of plan, less refunds, the rest carried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, localcontext

from payslip.documents import (
    CommissionEntry,
    CommissionKind,
    CommissionPlan,
    EmployeeNo,
    Person,
    Tier,
)
from payslip.errors import CannotCompute
from payslip.money import CENT, EXACT, ZERO, cents, percent, spell

COMMISSION = "提成金额"
"""The column by which formulas use the month's commission."""


@dataclass(frozen=True, slots=True)
class Commission:
    """The month's commission in yuan, what of the claw-back is left for later, and how it came about."""

    amount: Decimal
    carry: Decimal
    how: str


@dataclass(frozen=True, slots=True)
class _Earned:
    amount: Decimal
    how: str


def commission(person: Person, plans: Sequence[CommissionPlan]) -> Commission:
    """Add up a person's commission entries, less what was refunded.

    Raises:
        CannotCompute: an entry's plan is missing or does not fit its kind, no ad spend, no place in the pool.
    """
    by_name = {plan.name: plan for plan in plans}
    if len(by_name) < len(plans):
        raise CannotCompute(COMMISSION, "提成标准里有同名的提成方案，请改名后重新核算")
    earned = [_earn(entry, by_name, person.no) for entry in person.commission]
    clawed = sum((_not_negative(entry.clawback, "退款扣回") for entry in person.commission), ZERO)
    total = sum((each.amount for each in earned), ZERO) - clawed - person.carry.clawback
    told = [each.how for each in earned]
    if clawed:
        told.append(f"退款扣回 −{spell(clawed)}")
    if person.carry.clawback:
        told.append(f"上期未扣完的退款 −{spell(person.carry.clawback)}")
    if total < 0:
        told.append(f"不足扣回的 {spell(-total)} 转下期")
    return Commission(cents(max(ZERO, total)), cents(max(ZERO, -total)), "；".join(told))


def _not_negative(amount: Decimal, what: str) -> Decimal:
    if amount < 0:
        raise CannotCompute(COMMISSION, f"{what}为负数，请填正数")
    return cents(amount)


def _earn(entry: CommissionEntry, plans: Mapping[str, CommissionPlan], no: EmployeeNo) -> _Earned:
    plan = plans.get(entry.plan)
    if plan is None:
        raise CannotCompute(COMMISSION, f"提成标准里没有“{entry.plan}”，请补上方案或改正提成数据")
    if plan.kind == "团队池":
        return _pool(entry, no)
    amount, how = _KINDS[plan.kind](entry, plan)
    rounded = cents(amount)
    return _Earned(rounded, f"{plan.name}：{how} = {spell(rounded)}")


def _one_tier(plan: CommissionPlan) -> Tier:
    if len(plan.tiers) != 1:
        raise CannotCompute(COMMISSION, f"提成方案“{plan.name}”应当只有一档，请在提成标准里改正")
    return plan.tiers[0]


def _fixed(entry: CommissionEntry, plan: CommissionPlan) -> tuple[Decimal, str]:
    rate = _one_tier(plan).rate
    return entry.base * rate, f"{spell(entry.base)} × {percent(rate)}"


def _by_slice(entry: CommissionEntry, plan: CommissionPlan) -> tuple[Decimal, str]:
    slices = [
        (_top(entry.base, tier) - tier.start, tier.rate) for tier in plan.tiers if entry.base > tier.start
    ]
    how = " + ".join(f"{spell(part)} × {percent(rate)}" for part, rate in slices)
    return sum((part * rate for part, rate in slices), ZERO), how or "未达到起提线"


def _top(base: Decimal, tier: Tier) -> Decimal:
    return base if tier.upto is None else min(base, tier.upto)


def _by_whole(entry: CommissionEntry, plan: CommissionPlan) -> tuple[Decimal, str]:
    for tier in plan.tiers:
        if tier.start < entry.base and (tier.upto is None or entry.base <= tier.upto):
            return entry.base * tier.rate, f"{spell(entry.base)} × {percent(tier.rate)}"
    return ZERO, "未达到起提线"


def _by_roi(entry: CommissionEntry, plan: CommissionPlan) -> tuple[Decimal, str]:
    rate = _one_tier(plan).rate
    if entry.spend == 0:
        raise CannotCompute(COMMISSION, f"“{plan.name}”的广告花费为零，请补齐提成数据")
    over = max(ZERO, entry.base - entry.target * entry.spend)
    how = f"（{spell(entry.base)} − 目标 {spell(entry.target)} × 花费 {spell(entry.spend)}）"
    return over * rate, f"{how} × {percent(rate)}" if over else f"{how}未超过目标"


_KINDS: Mapping[CommissionKind, Callable[[CommissionEntry, CommissionPlan], tuple[Decimal, str]]] = {
    "固定比例": _fixed,
    "分段阶梯": _by_slice,
    "全额阶梯": _by_whole,
    "ROI分成": _by_roi,
}


def _pool(entry: CommissionEntry, no: EmployeeNo) -> _Earned:
    pool = _not_negative(entry.pool, "团队池")
    if no not in entry.coefficients:
        raise CannotCompute(COMMISSION, f"“{entry.plan}”里没有此人的个人系数，请补齐提成数据")
    share = share_out(pool, entry.coefficients)[no]
    own, everyone = entry.coefficients[no], sum(entry.coefficients.values(), ZERO)
    how = f"{spell(pool)} × {spell(own)} ÷ {spell(everyone)}"
    return _Earned(share, f"{entry.plan}：{how} = {spell(share)}")


def share_out(pool: Decimal, coefficients: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Divide a pool in whole cents so that nothing is lost: largest remainder.

    Args:
        pool: yuan, two decimals.
        coefficients: every member's, by employee number.

    Returns:
        Every member's share in yuan; they add up to the pool.

    Raises:
        CannotCompute: a coefficient is negative or all are zero.
    """
    whole = sum(coefficients.values(), ZERO)
    if whole <= 0 or min(coefficients.values()) < 0:
        raise CannotCompute(COMMISSION, "团队池的个人系数合计要大于零，且不能有负数")
    money = int(pool / CENT)
    # Quotient and remainder keep every digit; truncated fractions could pick the wrong member.
    with localcontext(EXACT):
        parts = {no: divmod(money * factor, whole) for no, factor in coefficients.items()}
    got = {no: int(quotient.to_integral_value(ROUND_DOWN)) for no, (quotient, _) in parts.items()}
    left = money - sum(got.values())
    for no in sorted(parts, key=lambda each: (-parts[each][1], each))[:left]:
        got[no] += 1
    return {no: count * CENT for no, count in got.items()}
