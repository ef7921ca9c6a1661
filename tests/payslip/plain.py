"""Plain JSON documents for the second computation, built without the product's own classes."""

from typing import Any

ANNUAL = [
    ("36000", "0.03", "0"), ("144000", "0.1", "2520"), ("300000", "0.2", "16920"),
    ("420000", "0.25", "31920"),
    ("660000", "0.3", "52920"), ("960000", "0.35", "85920"), (None, "0.45", "181920"),
]  # fmt: skip
MONTHLY = [
    ("3000", "0.03", "0"), ("12000", "0.1", "210"), ("25000", "0.2", "1410"), ("35000", "0.25", "2660"),
    ("55000", "0.3", "4410"), ("80000", "0.35", "7160"), (None, "0.45", "15160"),
]  # fmt: skip


def table(rows: list[Any]) -> list[dict[str, Any]]:
    """A tax table as JSON."""
    return [{"upto": upto, "rate": rate, "quick": quick} for upto, rate, quick in rows]


def component(name: str, formula: str, category: str = "应发", **more: Any) -> dict[str, Any]:
    """A row of the structure as JSON."""
    row = {"name": name, "category": category, "formula": formula, "order": 1}
    return row | {"taxable": True, "minimum_wage": True} | more


def rule(fund: str = "养老", **more: Any) -> dict[str, Any]:
    """A row of the social scheme: without rates it charges nothing."""
    row = {
        "city": "成都", "fund": fund, "employee_rate": "0", "employer_rate": "0", "floor": None, "cap": None,
        "employee_fixed": "0", "employer_fixed": "0", "unit": "0.01", "rounding": "half_up",
        "cutoff_day": None,
        "start": "2020-01", "end": None,
    }  # fmt: skip
    return row | more


def books(**more: Any) -> dict[str, Any]:
    """Books with one component, 工资 = [工资基数]; January 2026 paid in January."""
    base = {
        "schema_version": 1, "month": "2026-01", "pay_date": "2026-01-15",
        "params": {"减除费用": "5000", "年度减除费用": "60000"}, "city_params": {"成都": {}},
        "annual_table": table(ANNUAL), "monthly_table": table(MONTHLY), "social": [], "plans": [],
        "structure": [component("工资", "[工资基数]")],
    }  # fmt: skip
    return base | more


def person(wage: str = "10000", **more: Any) -> dict[str, Any]:
    """Somebody hired long ago."""
    base = {
        "schema_version": 1, "no": "E001", "name": "林小满", "department": "运营", "city": "成都",
        "join": "2020-03-01", "leave": None, "first_job": False, "low_income": False,
        "fields": {"工资基数": wage}, "commission": [], "additional": [], "one_off": [],
        "social_base": "10000", "fund_base": "10000", "fund_rate": None, "history": [], "bonus_used": False,
        "backpay": [], "carry": {"receivable": "0", "clawback": "0", "damages": "0"}, "account": None,
        "sources": {},
    }  # fmt: skip
    return base | more


def one_off(kind: str, amount: str, *, separate: bool = False) -> dict[str, Any]:
    """A row of 一次性项目."""
    return {"kind": kind, "amount": amount, "separate": separate, "note": ""}


def declared(
    monthly: str, start: str = "2026-01", end: str | None = None, when: str = "2026-01"
) -> dict[str, Any]:
    """A row of 专项附加扣除."""
    return {"item": "其他", "monthly": monthly, "start": start, "end": end, "declared": when}
