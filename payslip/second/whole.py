"""One person's pay from its parts (docs/PAY.md, rules 5, 8 and 9)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from payslip.second import levy
from payslip.second.components import AFTERTAX, EARNING, PRETAX, Piece, pieces
from payslip.second.exact import Doc, SecondError, flag, number, rounded, rows, spelled, table, word
from payslip.second.funds import Contributions, contributions
from payslip.second.sales import commission

BONUS, SEVERANCE, ARREARS, PRETAX_ITEM = "全年一次性奖金", "离职补偿", "补发", "税前扣款"
COURT, DAMAGES = "法院扣划", "损失赔偿"
_ZERO = Fraction(0)


class _Slip:
    """Lines by code, so that no code can stand for two amounts, and sums by kind."""

    def __init__(self) -> None:
        self.amounts: dict[str, Fraction] = {}
        self._sums: dict[str, Fraction] = {}

    def add(self, kind: str, code: str, amount: Fraction) -> None:
        if code in self.amounts:
            raise SecondError(f"工资条上有两行都叫“{code}”，请给薪资组件改名")
        self.amounts[code] = amount
        self._sums[kind] = self.sum(kind) + amount

    def sum(self, kind: str) -> Fraction:
        return self._sums.get(kind, _ZERO)


def recompute(books: Mapping[str, Any], person: Mapping[str, Any]) -> dict[str, str]:
    """One person's pay, computed a second time from the plain documents.

    Args:
        books: what ``Books.model_dump(mode="json")`` gives.
        person: what ``Person.model_dump(mode="json")`` gives.

    Returns:
        The names of ``Pay.amounts()`` (``line:…``, ``total:…``, ``carry:…``) with decimal text of two places.

    Raises:
        SecondError: what docs/PAY.md calls an error; the person's pay is not computed.
    """
    slip = _Slip()
    earned, clawback = commission(books, person)
    parts = pieces(books, person, earned)
    gross = _gross(slip, parts, person)
    funds = contributions(books, person)
    for side, kind in (("employee", "social"), ("employer", "employer")):
        for code, amount in funds.lines[side].items():
            slip.add(kind, code, amount)
    _tax(slip, books, person, _own_month(parts, gross, person, funds))
    damages = _after_tax(slip, books, person, parts, gross)
    left = gross - slip.sum("social") - slip.sum("tax") - slip.sum("aftertax")
    if left < 0:
        slip.add("carry", "结转下期（员工应付）", -left)
    found = {f"line:{code}": amount for code, amount in slip.amounts.items()}
    found |= {f"total:{kind}": slip.sum(kind) for kind in ("social", "tax", "aftertax", "employer")}
    found |= {"total:gross": gross, "total:net": max(left, _ZERO)}
    found |= {"carry:receivable": max(-left, _ZERO), "carry:clawback": clawback, "carry:damages": damages}
    return {name: spelled(amount) for name, amount in found.items()}


def _one_off(person: Doc, *kinds: str) -> list[tuple[str, Fraction, bool]]:
    """Code (numbered from the second of a kind on), amount in cents, and whether it is taxed by itself."""
    seen: dict[str, int] = {}
    found = []
    for row in rows(person, "one_off"):
        kind = word(row, "kind")
        seen[kind] = seen.get(kind, 0) + 1
        amount = number(row, "amount")
        if amount < 0:
            raise SecondError(f"一次性项目“{kind}”为负数，请填正数")
        if kind in kinds:
            code = kind if seen[kind] == 1 else f"{kind} {seen[kind]}"
            found.append((code, rounded(amount), flag(row, "separate")))
    return found


def _gross(slip: _Slip, parts: list[Piece], person: Doc) -> Fraction:
    for part in parts:
        if part.category == EARNING:
            slip.add("earning", part.name, part.amount)
        if part.category == PRETAX:
            slip.add("pretax", part.name, part.amount)
    for code, amount, _ in _one_off(person, BONUS, SEVERANCE, ARREARS):
        slip.add("earning", code, amount)
    for code, amount, _ in _one_off(person, PRETAX_ITEM):
        slip.add("pretax", code, amount)
    gross = slip.sum("earning") - slip.sum("pretax")
    if gross < 0:
        raise SecondError("税前扣减超过应发")
    return gross


def _separate_bonus(person: Doc) -> list[Fraction]:
    """The amounts of yearly bonuses that are taxed by themselves: none or one.

    Raises:
        SecondError: the year's one use is gone.
    """
    alone = [amount for _, amount, separate in _one_off(person, BONUS) if separate]
    if len(alone) > 1 or (alone and flag(person, "bonus_used")):
        raise SecondError("全年一次性奖金一年只能单独计税一次")
    return alone


def _severance(person: Doc) -> Fraction:
    return sum((amount for _, amount, _ in _one_off(person, SEVERANCE)), _ZERO)


def _own_month(parts: list[Piece], gross: Fraction, person: Doc, funds: Contributions) -> levy.Month:
    income = gross - sum(_separate_bonus(person)) - _severance(person) + funds.excess
    exempt = sum((p.amount for p in parts if p.category == EARNING and not p.taxable), _ZERO)
    return levy.Month(income, exempt, funds.deductible)


def _tax(slip: _Slip, books: Doc, person: Doc, month: levy.Month) -> None:
    slip.add("tax", "个人所得税", levy.withheld_now(books, person, month))
    for bonus in _separate_bonus(person):
        slip.add("tax", "全年一次性奖金个税", levy.bonus_tax(books, bonus))
    if _one_off(person, SEVERANCE):
        tax = levy.severance_tax(books, word(person, "city"), _severance(person))
        if tax is not None:
            slip.add("tax", "离职补偿个税", tax)


def _after_tax(slip: _Slip, books: Doc, person: Doc, parts: list[Piece], gross: Fraction) -> Fraction:
    """Enters what is taken after tax, in the order of rule 8; returns the damages left for later."""
    taken = [(part.name, part.amount) for part in parts if part.category == AFTERTAX]
    taken += [(code, amount) for code, amount, _ in _one_off(person, COURT)]
    for code, amount in taken:
        if amount != 0:
            slip.add("aftertax", code, amount)
    carry = table(person, "carry")
    owed = number(carry, "damages") + sum(amount for _, amount, _ in _one_off(person, DAMAGES))
    most = min(owed, rounded(gross / 5))
    params = table(books, "city_params").get(word(person, "city"), {})
    if "最低工资" in params:
        so_far = gross - slip.sum("social") - slip.sum("tax") - slip.sum("aftertax")
        most = min(most, so_far - number(params, "最低工资"))
    now = max(_ZERO, rounded(most))
    for code, amount in ((DAMAGES, now), ("上期结转扣回", rounded(number(carry, "receivable")))):
        if amount != 0:
            slip.add("aftertax", code, amount)
    return owed - now
