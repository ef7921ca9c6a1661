"""Random companies and people, right and wrong ones, for comparing the two computations of pay.

Everything is drawn from a `random.Random`, so that the same makers serve a seeded sweep and hypothesis (whose
random source shrinks).
"""

from datetime import date
from random import Random
from typing import Any

from payslip.documents import Books, FundName, Person
from tests.payslip.kit import ANNUAL_TABLE, MONTHLY_TABLE

CITIES = ("成都", "北京")
FUNDS: tuple[FundName, ...] = ("养老", "失业", "工伤", "医疗", "生育", "大病", "公积金")
FIELDS = ("基本工资", "绩效系数", "补贴（餐）", "迟到次数", "未在职天数")
COLUMNS = (*FIELDS, "提成金额", "计薪天数", "最低工资")
KINDS = ("固定比例", "分段阶梯", "全额阶梯", "ROI分成", "团队池")
MEMBERS = ("E001", "E002", "E010", "E9")
MONTHS = ("2025-11", "2025-12", "2026-01", "2026-03", "2026-07", "2026-12")


def often(rng: Random, of: float) -> bool:
    """True with the given chance."""
    return rng.randrange(1000) < of * 1000


def money(rng: Random, most: int = 30_000) -> str:
    """Yuan: whole, in cents, or with a half cent."""
    places = rng.choice((0, 2, 2, 2, 3))
    return f"{rng.randrange(most)}" + (f".{rng.randrange(10**places):0{places}d}" if places else "")


def maybe(rng: Random, text: str, chance: float = 0.5) -> str | None:
    """The text, or None."""
    return text if often(rng, chance) else None


# --- formulas ---

SCRAPS = (
    "", "", "1", "0.5", "[甲]", '"x"', "+", "-", "*", "/", "(", ")", "，", "=", "<>", "<", ">=", "IF", "AND",
    "not", "ROUND", " ", "\n", ".", "%", "[", '"', "甲",
)  # fmt: skip


def number(rng: Random, depth: int, names: tuple[str, ...]) -> str:
    """A part that is a number, now and then one that only looks like it."""
    if depth <= 0 or often(rng, 0.15):
        return leaf(rng, names)
    first, second = number(rng, depth - 1, names), number(rng, depth - 1, names)
    made = rng.randrange(12)
    if made < 5:
        return f"({first}{rng.choice('+-*/')}{second})" if made < 3 else f"{first}{rng.choice('+-*')}{second}"
    if made < 8:
        return f"{rng.choice(('IF', 'if'))}({condition(rng, depth - 1, names)},{first},{second})"
    if made == 8:
        return f"ROUND({first},{rng.choice(('0', '1', '2', '-2', '3'))})"
    if made == 9:
        return f"{rng.choice(('MIN', 'MAX', 'SUM'))}（{first}，{second}）"
    return f"ABS({first})" if made == 10 else f"-{first}"


def leaf(rng: Random, names: tuple[str, ...]) -> str:
    """A column or a number; seldom a column nobody has, a text, or a condition."""
    if often(rng, 0.01):
        return rng.choice(("[没有]", '"甲"', "(1<2)", "1.", "0", "[基本工资"))
    if often(rng, 0.6):
        return f"[{rng.choice((*COLUMNS, *names))}]"
    return rng.choice(("0", "1", "3", "7", "0.015", "21.75", "0.005", "100", "8"))


def condition(rng: Random, depth: int, names: tuple[str, ...]) -> str:
    """A part that is a condition."""
    made = rng.randrange(8) if depth > 0 else 0
    if made in {5, 6}:
        word = "AND" if made == 5 else "OR"
        return f"{word}({condition(rng, depth - 1, names)},{condition(rng, depth - 1, names)})"
    if made == 7:
        return f"NOT({condition(rng, depth - 1, names)})"
    if made == 4:
        return f'IF({number(rng, 0, names)}>3,"甲","乙"){rng.choice(("=", "<>", "!="))}"甲"'
    sign = rng.choice(("=", "<>", "!=", "<", "<=", ">", ">="))
    return f"{number(rng, depth - 1, names)}{sign}{number(rng, depth - 1, names)}"


def mangled(rng: Random) -> str:
    """A formula over 甲 = 3, 乙 = 0 and the unknown 丙, often with parts missing, added or doubled."""
    text = number(rng, rng.randrange(1, 5), ("甲", "乙"))
    for name in COLUMNS:
        text = text.replace(f"[{name}]", rng.choice(("[甲]", "[甲]", "[乙]", "[丙]", "7")))
    for _ in range(max(0, rng.randrange(5) - 2)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(SCRAPS) + text[at + rng.randrange(2) :]
    return text


def structure(rng: Random) -> list[dict[str, Any]]:
    """Some components that may use each other; most are kept from being negative."""
    names = tuple(
        rng.sample(("工资", "日薪", "绩效", "餐补", "缺勤", "宿舍（费）", "奖励"), rng.randrange(1, 6))
    )
    rows = []
    for at, name in enumerate(names):
        formula = number(rng, rng.randrange(4), names if often(rng, 0.05) else names[:at])
        category = rng.choice(("应发", "应发", "参考", "税前扣减", "税后扣减"))
        if category == "税前扣减":
            formula = f"MIN(100,MAX(0,{formula}))"
        elif category != "参考" and often(rng, 0.95):
            formula = f"MIN(90000,MAX(0,{formula}))"
        rows.append({
            "name": name, "category": category, "formula": formula, "order": rng.randrange(9),
            "taxable": often(rng, 0.8), "minimum_wage": often(rng, 0.8),
        })  # fmt: skip
    base = {"name": "底薪", "category": "应发", "formula": "[基本工资]+[提成金额]/3", "order": 0}
    rows += [base] if often(rng, 0.9) else []
    rng.shuffle(rows)
    return rows


# --- books ---


def rule(rng: Random, city: str, fund: str) -> dict[str, Any]:
    """A rule of one fund, with its own bounds, rounding and dates."""
    return {
        "city": city, "fund": fund, "employee_rate": rng.choice(("0", "0.08", "0.004", "0.0333")),
        "employer_rate": rng.choice(("0", "0.16", "0.00652")), "floor": maybe(rng, "4375.80"),
        "cap": maybe(rng, "21879"), "employee_fixed": rng.choice(("0", "3")), "employer_fixed": "0",
        "unit": rng.choice(("0.01", "0.01", "0.1", "1")), "rounding": rng.choice(("half_up", "up", "down")),
        "cutoff_day": 15 if often(rng, 0.4) else None, "start": rng.choice(("2025-01", "2025-12", "2026-01")),
        "end": maybe(rng, "2026-06", 0.2),
    }  # fmt: skip


def plans(rng: Random) -> list[dict[str, Any]]:
    """One plan of each kind; seldom one that does not fit its kind, or a name used twice."""
    limits = sorted(rng.sample(range(0, 100_000, 500), 3))
    bounds = list(zip(limits, [*map(str, limits[1:]), None], strict=True))
    tiers = [{"start": str(low), "upto": high, "rate": rng.choice(("0.01", "0.015", "0.0333"))}
             for low, high in bounds]  # fmt: skip
    one = tiers[:1] if often(rng, 0.99) else tiers[:2]
    found = [{"name": kind, "kind": kind, "tiers": tiers if "阶梯" in kind else one} for kind in KINDS]
    return found + (found[:1] if often(rng, 0.01) else [])


def books(rng: Random) -> Books:
    """A company's books of some month."""
    month = rng.choice(MONTHS)
    year, nth = int(month[:4]), int(month[5:])
    late = date(year + nth // 12, nth % 12 + 1, 10)
    social = [rule(rng, city, fund) for city in CITIES for fund in FUNDS if often(rng, 0.6)]
    social += [rule(rng, CITIES[0], "养老")] if often(rng, 0.03) else []
    params = {"减除费用": "5000", "年度减除费用": "60000", "计薪天数": "21.75"}
    if often(rng, 0.03):
        del params[rng.choice(list(params))]
    city = {"最低工资": "2330", "当地社平月工资": "10459.33", "当地社平年工资": "40000"}
    beijing = {"基本工资": "1", "最低工资": money(rng), "当地社平年工资": money(rng, 60_000)}
    return Books.model_validate({
        "month": month, "pay_date": late if often(rng, 0.5) else date(year, nth, 28), "params": params,
        "city_params": {"成都": city, "北京": beijing if often(rng, 0.9) else {}},
        "annual_table": ANNUAL_TABLE if often(rng, 0.99) else ANNUAL_TABLE[:2],
        "monthly_table": MONTHLY_TABLE if often(rng, 0.98) else rng.choice((MONTHLY_TABLE[:2], ())),
        "social": social, "plans": plans(rng), "structure": structure(rng),
    })  # fmt: skip


# --- people ---


def entry(rng: Random) -> dict[str, Any]:
    """A commission entry of any kind; ties and thirds in the pools."""
    members = rng.sample(MEMBERS, rng.randrange(1, 5))
    weights = {no: rng.choice(("1", "1", "1", "0.5", "0", "1.25")) for no in ("E001", *members)}
    if often(rng, 0.02):
        weights[rng.choice(members)] = "-1"
    if often(rng, 0.02):
        del weights["E001"]
    return {
        "plan": rng.choice((*KINDS, "团队池")) if often(rng, 0.99) else "无",
        "base": rng.choice((money(rng, 200_000), "500", "-20.5", "0")),
        "target": rng.choice(("3", "4.5", "0")),
        "spend": rng.choice((money(rng, 9000), "1000", "0" if often(rng, 0.1) else "1")),
        "pool": money(rng, 1000), "coefficients": weights,
        "clawback": money(rng, 800) if often(rng, 0.3) else "0",
    }  # fmt: skip


def one_off(rng: Random) -> dict[str, Any]:
    """A one-off item; the bonuses lie around the cliffs."""
    kind = rng.choice(("全年一次性奖金", "离职补偿", "补发", "税前扣款", "法院扣划", "损失赔偿"))
    amount = money(rng, 2500)
    if kind == "全年一次性奖金":
        amount = rng.choice(("36000", "36000.01", "144001", "0", money(rng, 999_999)))
    if kind == "离职补偿":
        amount = rng.choice(("120000", "120000.01", "40000", money(rng, 900_000)))
    amount = f"-{amount}" if often(rng, 0.01) else amount
    return {"kind": kind, "amount": amount, "separate": often(rng, 0.5)}


def history(rng: Random, run: Books) -> list[dict[str, str]]:
    """Months of this tax year that were paid already; seldom one of another year."""
    year = run.pay_date.year - (1 if often(rng, 0.02) else 0)
    return [
        {
            "paid": f"{year}-{nth:02d}", "income": money(rng, 60_000), "exempt": money(rng, 500),
            "special": money(rng, 4000), "withheld": money(rng, 3000),
        }
        for nth in range(1, run.pay_date.month) if often(rng, 0.7)
    ]  # fmt: skip


def charged(rng: Random, month: str) -> dict[str, Any]:
    """What was charged for a past month."""
    sides = [{fund: money(rng, 900) for fund in rng.sample(FUNDS, rng.randrange(4))} for _ in range(2)]
    return {"month": month, "employee": sides[0], "employer": sides[1]}


def declaration(rng: Random) -> dict[str, Any]:
    """A declaration with any start, end and month of declaring."""
    return {
        "item": "其他", "monthly": money(rng, 3000), "start": rng.choice(MONTHS),
        "end": maybe(rng, rng.choice(MONTHS)), "declared": rng.choice(MONTHS),
    }  # fmt: skip


def person(rng: Random, run: Books) -> Person:
    """Somebody who joined long ago or this year, may have left, and has some of everything."""
    day = rng.choice((1, 14, 15, 16, 28))
    leave = date(rng.choice((2025, 2026)), rng.choice((10, 11, 12, 1, 3, 7)), rng.choice((1, 14, 15, 28)))
    fields = {name: money(rng, 9000 if name == "基本工资" else 12) for name in FIELDS if often(rng, 0.99)}
    carry = {
        key: money(rng, 900) if often(rng, 0.3) else "0" for key in ("receivable", "clawback", "damages")
    }
    past = rng.sample(MONTHS, rng.randrange(3)) if often(rng, 0.4) else []
    past += past[:1] if often(rng, 0.02) else []
    return Person.model_validate({
        "no": "E001", "name": "林小满", "department": "运营",
        "city": "无" if often(rng, 0.05) else rng.choice((*CITIES, "成都")),
        "join": date(*((2023, 5) if often(rng, 0.6) else map(int, run.month.split("-"))), day),
        "leave": leave if often(rng, 0.3) else None, "first_job": often(rng, 0.2),
        "low_income": often(rng, 0.2),
        "fields": fields,
        "commission": [entry(rng) for _ in range(rng.randrange(4) if often(rng, 0.7) else 0)],
        "additional": [declaration(rng) for _ in range(rng.randrange(3))],
        "one_off": [one_off(rng) for _ in range(rng.randrange(4) if often(rng, 0.6) else 0)],
        "social_base": money(rng), "fund_base": money(rng), "fund_rate": maybe(rng, "0.12"),
        "history": history(rng, run), "bonus_used": often(rng, 0.1),
        "backpay": [charged(rng, month) for month in past], "carry": carry,
    })  # fmt: skip
