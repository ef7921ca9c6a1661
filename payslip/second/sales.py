"""The month's commission (docs/PAY.md, rule 4)."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from payslip.second.exact import CENT, Doc, SecondError, exact, number, optional, rounded, rows, table, word


def commission(books: Doc, person: Doc) -> tuple[Fraction, Fraction]:
    """What a person earned by plans this month, and what is left to claw back later.

    Args:
        books: the run's books as plain JSON.
        person: the person's inputs as plain JSON.

    Returns:
        提成金额 (not below 0) and the clawback carried on (not below 0).

    Raises:
        SecondError: a plan missing or unclear, no advertising spend, a pool without coefficients.
    """
    names = [word(plan, "name") for plan in rows(books, "plans")]
    if len(names) != len(set(names)):
        raise SecondError("提成标准里有同名方案，请改名")
    balance = -number(table(person, "carry"), "clawback")
    for entry in rows(person, "commission"):
        balance += rounded(_earned(_plan(books, word(entry, "plan")), entry, word(person, "no")))
        balance -= rounded(_positive(entry, "clawback", "退款扣回"))
    balance = rounded(balance)
    return max(balance, Fraction(0)), max(-balance, Fraction(0))


def _plan(books: Doc, name: str) -> Doc:
    for plan in rows(books, "plans"):
        if word(plan, "name") == name:
            return plan
    raise SecondError(f"提成方案“{name}”不在提成标准里")


def _positive(entry: Doc, key: str, what: str) -> Fraction:
    value = number(entry, key)
    if value < 0:
        raise SecondError(f"{what}为负数，请填正数")
    return value


def _earned(plan: Doc, entry: Doc, no: str) -> Fraction:
    kind, base = word(plan, "kind"), number(entry, "base")
    if kind == "团队池":
        return _pool_share(entry, no)
    if kind == "分段阶梯":
        return _slices(plan, base)
    if kind == "全额阶梯":
        return _whole(plan, base)
    if kind == "固定比例":
        return base * _only_rate(plan)
    if kind != "ROI分成":
        raise SecondError(f"提成方案“{word(plan, 'name')}”的方式无效")
    spend = number(entry, "spend")
    if spend == 0:
        raise SecondError(f"提成方案“{word(plan, 'name')}”：广告花费为零")
    return max(Fraction(0), base - number(entry, "target") * spend) * _only_rate(plan)


def _only_rate(plan: Doc) -> Fraction:
    tiers = rows(plan, "tiers")
    if len(tiers) != 1:
        raise SecondError(f"提成方案“{word(plan, 'name')}”应当只有一档")
    return number(tiers[0], "rate")


def _slices(plan: Doc, base: Fraction) -> Fraction:
    total = Fraction(0)
    for tier in rows(plan, "tiers"):
        start, upto = number(tier, "start"), optional(tier, "upto")
        if base > start:
            total += ((base if upto is None else min(base, upto)) - start) * number(tier, "rate")
    return total


def _whole(plan: Doc, base: Fraction) -> Fraction:
    rates = []
    for tier in rows(plan, "tiers"):
        upto = optional(tier, "upto")
        if number(tier, "start") < base and (upto is None or base <= upto):
            rates.append(number(tier, "rate"))
    if len(rates) > 1:
        raise SecondError(f"提成方案“{word(plan, 'name')}”的档位重叠，请改正")
    return base * rates[0] if rates else Fraction(0)


def _pool_share(entry: Doc, no: str) -> Fraction:
    """Largest remainder in whole cents; ties by employee number ascending."""
    weights = {who: exact(value, who) for who, value in table(entry, "coefficients").items()}
    everyone = sum(weights.values(), Fraction(0))
    if everyone <= 0 or min(weights.values()) < 0:
        raise SecondError("团队池的个人系数有负数，或合计不大于零")
    if no not in weights:
        raise SecondError("团队池里没有本人的个人系数")
    cents = rounded(_positive(entry, "pool", "团队池")) / CENT
    shares = {who: cents * weight / everyone for who, weight in weights.items()}
    left = int(cents) - sum(floor(share) for share in shares.values())
    ranking = sorted(shares, key=lambda who: (floor(shares[who]) - shares[who], who))
    return (floor(shares[no]) + (1 if no in ranking[:left] else 0)) * CENT
