"""Rows of the input tables as the mirror gives them, for one small company."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from bitable_sync.cells import EMPTY, CellValue, Person
from payslip import specs
from payslip.documents import Component
from payslip.specs import TABLES
from tests.payslip import kit

MONTH = kit.MONTH
PAY_DATE = date(2026, 11, 10)
SINCE = date(2026, 1, 1)
AT = datetime(2026, 11, 1, 2, tzinfo=UTC)
SPECS = {spec.key: spec for spec in TABLES}
STRUCTURE: tuple[Component, ...] = kit.STRUCTURE

Row = dict[str, CellValue]
Tables = dict[str, list[Row]]


def row(which: str, /, **cells: Any) -> Row:
    """A row with every column; numbers may be given as text, what is not named is empty."""
    spec = SPECS[which]
    made: Row = {field.key: False if field.kind.value == "checkbox" else EMPTY for field in spec.fields}
    for key, value in cells.items():
        kind = spec.by_key[key].kind.value
        made[key] = (
            Decimal(value) if kind in {"number", "percent"} and isinstance(value, str | int) else value
        )
    return made


def employee(no: str = "E001", name: str = "王芳", **cells: Any) -> Row:
    """An operator in Chengdu since 2024."""
    usual = {
        "person": (Person(f"ou_{no}"),), "supervisor": (Person("ou_boss"),), "department": "运营部",
        "city": kit.CHENGDU, "join": date(2024, 3, 1), "base_wage": "6000", "post_wage": "2000",
        "merit_base": "2000", "social_base": "8000", "fund_base": "8000", "bank": "招商银行",
        "account": f"62148300000000{no[1:]}", "holder": name, "source": "文件 员工.xlsx", "source_at": AT,
    }  # fmt: skip
    return row(specs.EMPLOYEES, no=no, name=name, **{**usual, **cells})


def attendance(no: str = "E001", name: str = "王芳", **cells: Any) -> Row:
    """A month without anything unusual."""
    usual = dict.fromkeys(("off_days", "absent_days", "leave_days", "sick_days", "late"), "0")
    usual |= dict.fromkeys(("overtime_workday", "overtime_restday", "overtime_holiday"), "0")
    more = {"month": MONTH, "due_days": "21", "source": "飞书考勤", "source_at": AT}
    return row(specs.ATTENDANCE, no=no, name=name, **{**usual, **more, **cells})


def score(no: str = "E001", name: str = "王芳", **cells: Any) -> Row:
    """A score typed by hand."""
    return row(specs.SCORES, no=no, name=name, **{"month": MONTH, "score": "95", "factor": "1.1", **cells})


def commission(no: str = "E001", plan: str = "店铺提成", **cells: Any) -> Row:
    """A row of 提成数据."""
    return row(specs.COMMISSION, no=no, plan=plan, **{"month": MONTH, **cells})


def declaration(no: str = "E001", **cells: Any) -> Row:
    """A row of 专项附加扣除 since January."""
    usual = {"row": "D1", "item": "赡养老人", "monthly": "3000", "start": "2026-01", "declared": "2026-01"}
    return row(specs.DEDUCTIONS, no=no, **{**usual, **cells})


def one_off(no: str = "E001", kind: str = "补发", **cells: Any) -> Row:
    """A row of 一次性项目."""
    return row(specs.ONE_OFFS, no=no, kind=kind, **{"row": "X1", "month": MONTH, "amount": "500", **cells})


def opening(no: str = "E001", **cells: Any) -> Row:
    """Nine months paid elsewhere."""
    usual = {"through": "2026-10", "income": "90000", "exempt": "0", "special": "9000", "withheld": "1200"}
    return row(specs.OPENING, no=no, **{**usual, **cells})


def tax(table: str, bracket: dict[str, Any], **cells: Any) -> Row:
    """A row of 税率表 since 2019."""
    upto = EMPTY if bracket["upto"] is None else bracket["upto"]
    figures = {"upto": upto, "rate": bracket["rate"], "quick": bracket["quick"]}
    return row(
        specs.TAX,
        row=f"{table}-{bracket['rate']}",
        table=table,
        start=date(2019, 1, 1),
        **{**figures, **cells},
    )


def param(name: str, value: str, city: str = "", **cells: Any) -> Row:
    """A row of 薪酬参数 since January."""
    where = {"city": city} if city else {}
    return row(
        specs.PARAMS, row=f"{city}{name}", name=name, value=value, **{"start": SINCE, **where, **cells}
    )


def social(fund: str, employee_rate: str, employer_rate: str, **cells: Any) -> Row:
    """A row of 社保公积金方案 of Chengdu since January."""
    usual = {
        "row": f"成都-{fund}", "city": kit.CHENGDU, "start": SINCE, "floor": "4375.8", "cap": "21879",
        "unit": "0.01", "rounding": "四舍五入",
    }  # fmt: skip
    rates = {"employee_rate": employee_rate, "employer_rate": employer_rate}
    return row(specs.SOCIAL, fund=fund, **{**usual, **rates, **cells})


def plan(
    name: str, kind: str, above: str = "0", upto: str | None = None, rate: str = "0.01", **cells: Any
) -> Row:
    """One tier of 提成标准."""
    bound = {} if upto is None else {"upto": upto}
    usual = {"row": f"{name}-{above}", "above": above, "rate": rate, "start": SINCE}
    return row(specs.PLANS, plan=name, kind=kind, **{**usual, **bound, **cells})


def tables(**changes: list[Row]) -> Tables:
    """A whole base: two employees with everything; tables named by key are replaced."""
    base: Tables = {
        specs.EMPLOYEES: [employee(), employee("E002", "李伟")],
        specs.ATTENDANCE: [attendance(), attendance("E002", "李伟", late="2")],
        specs.SCORES: [score(), score("E002", "李伟", factor="1")],
        specs.COMMISSION: [commission(base="100000")],
        specs.PLANS: [
            plan("店铺提成", "固定比例", rate="0.015"),
            plan("分段提成", "分段阶梯", "0", "500000", "0.015"),
            plan("分段提成", "分段阶梯", "500000", None, "0.02"),
            plan("投放分成", "ROI分成", rate="0.1"),
            plan("团队奖金池", "团队池", rate="1"),
        ],
        specs.DEDUCTIONS: [declaration()],
        specs.ONE_OFFS: [],
        specs.SOCIAL: [
            social("养老", "0.08", "0.16"),
            social("医疗", "0.02", "0.065"),
            social("公积金", "0.06", "0.06", floor="2330", cap="31378"),
        ],
        specs.TAX: [
            *(tax("年度", bracket) for bracket in kit.ANNUAL_TABLE),
            *(tax("按月换算", bracket) for bracket in kit.MONTHLY_TABLE),
        ],
        specs.PARAMS: [
            *(param(name, value) for name, value in kit.PARAMS.items()),
            *(param(name, value, kit.CHENGDU) for name, value in kit.CITY_PARAMS[kit.CHENGDU].items()),
        ],
        specs.STRUCTURE: [],
        specs.OPENING: [opening(), opening("E002", withheld="0")],
    }
    return {**base, **changes}
