"""A small company in Chengdu for the tests of pay: books, people, months.

Tax tables of 2018, Chengdu's bases of social insurance of 2024, housing fund and minimum wage of 2025; rates
that no public notice confirms are plausible values.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from payslip.calculate import calculate
from payslip.documents import Books, Component, PaidMonth, Pay, Person, SocialRule

CHENGDU = "成都"
MONTH = "2026-10"
ANNUAL_TABLE: tuple[dict[str, Any], ...] = (
    {"upto": "36000", "rate": "0.03", "quick": "0"},
    {"upto": "144000", "rate": "0.10", "quick": "2520"},
    {"upto": "300000", "rate": "0.20", "quick": "16920"},
    {"upto": "420000", "rate": "0.25", "quick": "31920"},
    {"upto": "660000", "rate": "0.30", "quick": "52920"},
    {"upto": "960000", "rate": "0.35", "quick": "85920"},
    {"upto": None, "rate": "0.45", "quick": "181920"},
)
MONTHLY_TABLE: tuple[dict[str, Any], ...] = (
    {"upto": "3000", "rate": "0.03", "quick": "0"},
    {"upto": "12000", "rate": "0.10", "quick": "210"},
    {"upto": "25000", "rate": "0.20", "quick": "1410"},
    {"upto": "35000", "rate": "0.25", "quick": "2660"},
    {"upto": "55000", "rate": "0.30", "quick": "4410"},
    {"upto": "80000", "rate": "0.35", "quick": "7160"},
    {"upto": None, "rate": "0.45", "quick": "15160"},
)
PARAMS = {"减除费用": "5000", "年度减除费用": "60000", "计薪天数": "21.75"}
CITY_PARAMS = {
    CHENGDU: {
        "最低工资": "2330",
        "小时最低工资": "23",
        "当地社平月工资": "10459.33",  # three times this is the housing fund's cap of 2025
        "当地社平年工资": "125512",
    }
}
FIELDS = {
    "基本工资": "6000",
    "岗位工资": "2000",
    "绩效基数": "2000",
    "绩效系数": "1.1",
    "应出勤天数": "21",
    "未在职天数": "0",
    "缺勤天数": "0",
    "事假天数": "0",
    "病假天数": "0",
    "迟到次数": "0",
    "工作日加班": "0",
    "休息日加班": "0",
    "节假日加班": "0",
}
"""The attendance, score and contract columns of 薪资核算, of an ordinary month."""

PLANS: tuple[dict[str, Any], ...] = (
    {"name": "店铺提成", "kind": "固定比例", "tiers": [{"start": "0", "upto": None, "rate": "0.015"}]},
    {
        "name": "分段提成",
        "kind": "分段阶梯",
        "tiers": [
            {"start": "0", "upto": "500000", "rate": "0.015"},
            {"start": "500000", "upto": None, "rate": "0.02"},
        ],
    },
    {
        "name": "全额提成",
        "kind": "全额阶梯",
        "tiers": [
            {"start": "100000", "upto": "500000", "rate": "0.01"},
            {"start": "500000", "upto": None, "rate": "0.02"},
        ],
    },
    {"name": "投放分成", "kind": "ROI分成", "tiers": [{"start": "0", "upto": None, "rate": "0.1"}]},
    {"name": "团队奖金池", "kind": "团队池", "tiers": []},
)


def component(name: str, formula: str, category: str = "应发", **more: Any) -> Component:
    """One row of 薪资结构."""
    return Component.model_validate(
        {"name": name, "category": category, "formula": formula, "order": 0, **more}
    )


STRUCTURE: tuple[Component, ...] = (
    component("日薪", "([基本工资]+[岗位工资])/[计薪天数]", "参考", order=1),
    component(
        "固定工资",
        "MAX(0,[基本工资]+[岗位工资]-[日薪]*([未在职天数]+[缺勤天数]+[事假天数]))",
        order=2,
    ),
    component("绩效工资", "[绩效基数]*[绩效系数]", order=3),
    component("提成", "[提成金额]", order=4),
    component(
        "加班费",
        "[日薪]/8*([工作日加班]*1.5+[休息日加班]*2+[节假日加班]*3)",
        order=5,
        minimum_wage=False,
    ),
    component(
        "病假扣款",
        "MIN([日薪]*[病假天数]*0.4,MAX(0,[固定工资]-[最低工资]*0.8))",
        "税前扣减",
        order=6,
    ),
)


def social(fund: str, employee: str = "0", employer: str = "0", **more: Any) -> SocialRule:
    """One row of 社保公积金方案 of Chengdu, in force since January 2026."""
    return SocialRule.model_validate(
        {
            "city": CHENGDU,
            "fund": fund,
            "employee_rate": employee,
            "employer_rate": employer,
            "start": "2026-01",
            **more,
        }
    )


_BASES = {"floor": "4375.80", "cap": "21879"}
SOCIAL: tuple[SocialRule, ...] = (
    social("养老", "0.08", "0.16", **_BASES),
    social("失业", "0.004", "0.006", **_BASES),
    social("工伤", "0", "0.001", **_BASES),
    social("医疗", "0.02", "0.065", **_BASES),
    social("生育", "0", "0.008", **_BASES),
    social("大病", "0", "0.01", **_BASES),
    social("公积金", "0.06", "0.06", floor="2330", cap="31378"),
)


def books(**overrides: Any) -> Books:
    """The company's books of October 2026; `overrides` replace whole fields (`structure=`, `params=`, …)."""
    return Books.model_validate(
        {
            "month": MONTH,
            "pay_date": date(2026, 10, 31),
            "params": PARAMS,
            "city_params": CITY_PARAMS,
            "annual_table": ANNUAL_TABLE,
            "monthly_table": MONTHLY_TABLE,
            "social": SOCIAL,
            "plans": PLANS,
            "structure": STRUCTURE,
            **overrides,
        }
    )


def person(**overrides: Any) -> Person:
    """An operator hired in 2024 on 8,000 + performance; `fields` is merged, every other override replaces."""
    fields = {**FIELDS, **overrides.pop("fields", {})}
    return Person.model_validate(
        {
            "no": "E001",
            "name": "王芳",
            "department": "运营部",
            "city": CHENGDU,
            "join": date(2024, 3, 1),
            "fields": fields,
            "social_base": "8000",
            "fund_base": "8000",
            "account": {"bank": "招商银行", "number": "6214830000000000001", "holder": "王芳"},
            **overrides,
        }
    )


# --- a plain company: wage W, social share S, nothing else; the shape of published examples ---


def flat_books(month: str = MONTH, share: str = "0", pay_date: date | None = None, **overrides: Any) -> Books:
    """Books whose pay is the field 工资 and whose social share is exactly `share` yuan a month."""
    rules = (social("养老", employee_fixed=share),) if Decimal(share) else ()
    year, number = int(month[:4]), int(month[5:])
    return books(
        **{
            "month": month,
            "pay_date": pay_date or date(year, number, 28),
            "structure": (component("月工资", "[工资]"),),
            "social": rules,
            **overrides,
        }
    )


def flat_person(wage: str | int | Decimal, monthly: str = "0", **overrides: Any) -> Person:
    """A person with the one field 工资 and an additional deduction of `monthly` yuan since January 2026."""
    declared = (declaration(monthly),) if Decimal(monthly) else ()
    made = person(**{"additional": declared, **overrides})
    return made.model_copy(update={"fields": {"工资": Decimal(wage)}})


def declaration(monthly: str, start: str = "2026-01", **more: Any) -> dict[str, Any]:
    """A row of 专项附加扣除, declared in its first month unless said otherwise."""
    return {"item": "赡养老人", "monthly": monthly, "start": start, "declared": start, **more}


def one_off(kind: str, amount: str, **more: Any) -> dict[str, Any]:
    """A row of 一次性项目."""
    return {"kind": kind, "amount": amount, **more}


def run_year(
    wages: Sequence[str | int | Decimal],
    share: str = "0",
    monthly: str = "0",
    *,
    first: int = 1,
    items: Mapping[int, Sequence[dict[str, Any]]] = MappingProxyType({}),
    **about: Any,
) -> list[Pay]:
    """Pay the plain company's person month by month of 2026 from `first` on; history grows by `Pay.paid`."""
    history: list[PaidMonth] = []
    pays: list[Pay] = []
    for number, wage in enumerate(wages, start=first):
        who = flat_person(wage, monthly, history=tuple(history), one_off=items.get(number, ()), **about)
        pays.append(calculate(flat_books(f"2026-{number:02d}", share), who))
        history.append(pays[-1].paid)
    return pays


def lines(pay: Pay) -> dict[str, Decimal]:
    """The amounts of a payslip by code."""
    return {line.code: line.amount for line in pay.lines}


def how(pay: Pay, code: str) -> str:
    """The explanation of one line."""
    return next(line.how for line in pay.lines if line.code == code)


def months(year: int = 2026, first: int = 1, last: int = 12) -> Sequence[str]:
    """Months of a year as text."""
    return [f"{year}-{number:02d}" for number in range(first, last + 1)]


def amounts(found: Mapping[str, Decimal], prefix: str) -> dict[str, Decimal]:
    """The part of `Pay.amounts()` whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
