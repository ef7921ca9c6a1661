"""The dated tables of pay as they are in force for one run: taxes, social insurance, parameters, plans.

A row that cannot be read is not left out in silence: whoever it may concern is blocked, with the reason. A
row is in force in a whole month when any day of it lies between 生效起 and 生效止; two rows that claim the
same month are refused, for nobody can tell which one is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import cast, get_args

from bitable_sync.cells import CellValue
from payslip import months
from payslip.collect_cells import Cells
from payslip.documents import (
    Books,
    CommissionKind,
    CommissionPlan,
    Component,
    FundName,
    Month,
    Rounding,
    SocialRule,
    TaxBracket,
    Tier,
)
from payslip.specs import PARAMS_TABLE, PLANS_TABLE, SOCIAL_TABLE, TAX_TABLE

Rows = Sequence[Mapping[str, CellValue]]
Tables = Mapping[str, Rows]

ROUNDINGS: Mapping[str, Rounding] = {"四舍五入": "half_up", "进位": "up", "舍去": "down"}
TAX_PARAMS = frozenset({"减除费用", "年度减除费用"})
"""Parameters that follow the month of payment; all others follow the month worked."""
ANNUAL, MONTHLY = "年度", "按月换算"
ONE_RATE = frozenset({"固定比例", "ROI分成"})


@dataclass(slots=True)
class Blocks:
    """Sentences that stop people: everyone, or those of a city."""

    everyone: list[str] = field(default_factory=list)
    cities: dict[str, list[str]] = field(default_factory=dict)

    def add(self, city: str, sentence: str) -> None:
        """Block a city's people; everyone when the city is unknown."""
        (self.cities.setdefault(city, []) if city else self.everyone).append(sentence)

    def of(self, city: str) -> list[str]:
        """What stops somebody of a city."""
        return [*self.everyone, *self.cities.get(city, ())]


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a row is in force, in months."""

    start: Month
    end: Month | None

    def covers(self, month: Month) -> bool:
        """Whether the row is in force in a month."""
        return self.start <= month and (self.end is None or month <= self.end)


def books(
    tables: Tables,
    month: Month,
    pay_date: date,
    structure: Sequence[Component],
    blocks: Blocks,
    problems: list[str],
    *,
    social_since: Month,
) -> Books:
    """Resolve the dated tables for a run.

    Args:
        tables: rows by table key.
        month: the month worked.
        pay_date: when money goes out; its month decides the tax table.
        structure: the components in force.
        blocks: grows with what stops people.
        problems: grows with what only needs mending.
        social_since: the oldest month a back-payment may have to be computed for.
    """
    tax_month = months.month_of(pay_date)
    rules = social(tables.get(SOCIAL_TABLE.key, ()), social_since, month, blocks)
    company, cities = params(tables.get(PARAMS_TABLE.key, ()), month, tax_month, blocks)
    return Books(
        month=month,
        pay_date=pay_date,
        params=company,
        city_params=cities,
        annual_table=brackets(tables.get(TAX_TABLE.key, ()), ANNUAL, tax_month, blocks),
        monthly_table=brackets(tables.get(TAX_TABLE.key, ()), MONTHLY, tax_month, blocks),
        social=tuple(rules),
        plans=plans(tables.get(PLANS_TABLE.key, ()), month, problems),
        structure=tuple(structure),
    )


def span(cells: Cells) -> Span | None:
    """When a row is in force; None, with a fault, when that is unknown."""
    before = len(cells.faults)
    start, end = cells.day("start", required=True), cells.day("end")
    if len(cells.faults) > before or start is None:
        return None
    if end is not None and end < start:
        cells.say("end", "早于生效起，请改正")
        return None
    return Span(months.month_of(start), None if end is None else months.month_of(end))


def row_name(cells: Cells) -> str:
    """How to find a row: by its number, else by what stands first in it."""
    return cells.text("row") or "没有编号的一行"


def fault(cells: Cells) -> str:
    """All that is wrong with a row, in one sentence."""
    return f"{cells.spec.name}的“{row_name(cells)}”：{'、'.join(cells.faults)}"


def brackets(rows: Rows, table: str, month: Month, blocks: Blocks) -> tuple[TaxBracket, ...]:
    """One tax table as in force in a month; everything wrong with it blocks everyone.

    The monthly table may have ended (the separate taxing of bonuses is granted until a date).
    """
    found: list[TaxBracket] = []
    for values in rows:
        cells = Cells(TAX_TABLE, values)
        if cells.text("table", required=True) not in {"", table}:
            continue
        when, upto = span(cells), cells.number("upto")
        rate, quick = cells.share("rate", required=True), cells.number("quick", required=True)
        if cells.faults:
            blocks.everyone.append(fault(cells))
        elif when is not None and when.covers(month) and rate is not None and quick is not None:
            found.append(TaxBracket(upto=upto, rate=rate, quick=quick))
    found.sort(key=lambda bracket: (bracket.upto is None, bracket.upto or 0))
    wrong = wrong_brackets(found) if found or table == ANNUAL else ""
    if wrong:
        blocks.everyone.append(f"{TAX_TABLE.name}（{table}，{month}）{wrong}")
    return tuple(found)


def wrong_brackets(found: Sequence[TaxBracket]) -> str:
    """What is wrong with a sorted tax table, empty when it fits together.

    The quick deduction of a row follows from the row below: it makes the tax continuous at the bound.
    """
    if not found:
        return "没有生效的行"
    if [bracket.upto for bracket in found].count(None) != 1:
        return "应恰好有一行的级距上限留空"
    below = TaxBracket(upto=Decimal(0), rate=Decimal(0), quick=Decimal(0))
    for bracket in found:
        if bracket.upto is not None and below.upto is not None and bracket.upto <= below.upto:
            return "有两行的级距上限相同"
        if bracket.rate < below.rate:
            return "税率没有随级距升高"
        if bracket.quick != below.quick + (below.upto or Decimal(0)) * (bracket.rate - below.rate):
            return "速算扣除数与级距、税率对不上"
        below = bracket
    return ""


def social(rows: Rows, since: Month, until: Month, blocks: Blocks) -> list[SocialRule]:
    """The rules in force in any of the months, sorted; a wrong row blocks the people of its city."""
    found: list[SocialRule] = []
    for values in rows:
        cells = Cells(SOCIAL_TABLE, values)
        city, rule = cells.text("city", required=True), social_rule(cells)
        if rule is None or cells.faults:
            blocks.add(city, fault(cells))
        elif rule.start <= until and (rule.end is None or rule.end >= since):
            found.append(rule)
    found.sort(key=lambda rule: (rule.city, rule.fund, rule.start))
    for rule, later in pairwise(found):
        same = (rule.city, rule.fund) == (later.city, later.fund)
        if same and (rule.end is None or rule.end >= later.start):
            both = f"{rule.city}的“{rule.fund}”在 {later.start} 有两行同时生效"
            blocks.add(rule.city, f"{SOCIAL_TABLE.name}：{both}，请改正生效起止")
    return found


def social_rule(cells: Cells) -> SocialRule | None:
    """A row of 社保公积金方案; None when it cannot be read."""
    fund, rounding = cells.text("fund", required=True), cells.text("rounding") or "四舍五入"
    if fund and fund not in get_args(FundName):
        cells.say("fund", "不是认识的险种，请从选项里选")
    if rounding not in ROUNDINGS:
        cells.say("rounding", "请从选项里选：四舍五入、进位、舍去")
    floor, cap, unit = cells.number("floor"), cells.number("cap"), cells.number("unit")
    if floor is not None and cap is not None and floor > cap:
        cells.say("floor", "高于基数上限，请改正")
    if unit is not None and unit <= 0:
        cells.say("unit", "应大于 0，如 0.01")
    cutoff = cells.number("cutoff_day")
    if cutoff is not None and not (cutoff == int(cutoff) and 1 <= cutoff <= 31):
        cells.say("cutoff_day", "应为 1 到 31 的整数")
    when = span(cells)
    employee, employer = (cells.share(key, required=True) for key in ("employee_rate", "employer_rate"))
    extra, employer_extra = cells.number("employee_fixed"), cells.number("employer_fixed")
    if cells.faults or when is None or employee is None or employer is None:
        return None
    return SocialRule(
        city=cells.text("city"),
        fund=cast("FundName", fund),
        employee_rate=employee,
        employer_rate=employer,
        floor=floor,
        cap=cap,
        employee_fixed=extra or Decimal(0),
        employer_fixed=employer_extra or Decimal(0),
        unit=unit or Decimal("0.01"),
        rounding=ROUNDINGS[rounding],
        cutoff_day=None if cutoff is None else int(cutoff),
        start=when.start,
        end=when.end,
    )


CHECKED = frozenset({"最低工资", "当地社平月工资"})
"""Parameters of cities that only bound figures: without them pay is computed and nothing is checked."""


def lapsed(tables: Tables, month: Month) -> list[str]:
    """What was in force last month and is not any more, with nothing in its place: perhaps a row forgotten.

    Nobody's pay fails for it, so nobody would notice: no contribution is charged, no bound is looked at.
    """
    spans: dict[tuple[str, str], list[Span]] = {}
    for spec, name in ((SOCIAL_TABLE, "fund"), (PARAMS_TABLE, "name")):
        for values in tables.get(spec.key, ()):
            cells = Cells(spec, values)
            what, city, when = cells.text(name), cells.text("city"), span(cells)
            if when is not None and city and (spec is SOCIAL_TABLE or what in CHECKED):
                spans.setdefault((f"{spec.name}里{city}的“{what}”", city), []).append(when)
    before = months.add(month, -1)
    return [
        f"{what}上月还有效，{month} 起没有生效的行，本月不扣缴也不检查；换了新标准请补一行"
        for (what, _city), found in sorted(spans.items())
        if any(each.covers(before) for each in found) and not any(each.covers(month) for each in found)
    ]


def params(
    rows: Rows, month: Month, tax_month: Month, blocks: Blocks
) -> tuple[dict[str, Decimal], dict[str, dict[str, Decimal]]]:
    """Parameters of the company and of each city; a wrong or doubled one blocks those it is for."""
    company: dict[str, Decimal] = {}
    cities: dict[str, dict[str, Decimal]] = {}
    for values in rows:
        cells = Cells(PARAMS_TABLE, values)
        name, city, when = cells.text("name", required=True), cells.text("city"), span(cells)
        value = cells.number("value", required=True, signed=True)
        if cells.faults or when is None or value is None:
            blocks.add(city, fault(cells))
            continue
        if not when.covers(tax_month if name in TAX_PARAMS else month):
            continue
        place = cities.setdefault(city, {}) if city else company
        if name in place:
            blocks.add(city, f"{PARAMS_TABLE.name}：“{name}”{city}有两行同时生效，请改正生效起止")
        place[name] = value
    ordered = {city: dict(sorted(own.items())) for city, own in sorted(cities.items())}
    return dict(sorted(company.items())), ordered


def plans(rows: Rows, month: Month, problems: list[str]) -> tuple[CommissionPlan, ...]:
    """Commission plans in force; a wrong plan is left out, so that whoever uses it is not computed."""
    tiers: dict[str, list[Tier]] = {}
    kinds: dict[str, set[str]] = {}
    broken: set[str] = set()
    for values in rows:
        cells = Cells(PLANS_TABLE, values)
        name, kind, when = cells.text("plan", required=True), cells.text("kind", required=True), span(cells)
        above, upto = cells.number("above"), cells.number("upto")
        rate = cells.share("rate", required=kind != "团队池")
        if kind and kind not in get_args(CommissionKind):
            cells.say("kind", "请从选项里选")
        if cells.faults or when is None:
            problems.append(fault(cells))
            broken.add(name)
        elif when.covers(month):
            kinds.setdefault(name, set()).add(kind)
            made = Tier(start=above or Decimal(0), upto=upto, rate=rate or Decimal(0))
            tiers.setdefault(name, []).append(made)
    found = []
    for name in sorted(set(tiers) - broken):
        own = sorted(tiers[name], key=lambda tier: tier.start)
        wrong = "同一方案写了两种方式" if len(kinds[name]) > 1 else wrong_tiers(min(kinds[name]), own)
        if wrong:
            problems.append(f"{PLANS_TABLE.name}的“{name}”：{wrong}，用到它的人无法核算")
            continue
        kind = cast("CommissionKind", min(kinds[name]))
        found.append(CommissionPlan(name=name, kind=kind, tiers=() if kind == "团队池" else tuple(own)))
    return tuple(found)


def wrong_tiers(kind: str, tiers: Iterable[Tier]) -> str:
    """What is wrong with the sorted tiers of a plan, empty when nothing is."""
    own = list(tiers)
    if kind == "团队池":
        return ""
    if kind in ONE_RATE:
        return "" if len(own) == 1 else "只能有一行"
    for tier in own:
        if tier.upto is not None and tier.upto <= tier.start:
            return "有一档的上限不高于下限"
    for tier, higher in pairwise(own):
        if tier.upto is None or tier.upto > higher.start:
            return "档位有重叠"
        if tier.upto < higher.start:
            return "档位之间有空缺"
    return "" if own[-1].upto is None else "最高一档的上限应留空"
