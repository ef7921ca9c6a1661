"""What HR of the demo company has typed into Bitable by the end of a month: people, scores, commission.

Invented, and the same for the same seed. Attendance is not here: it comes from the attendance area.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.ads import SHANGHAI
from sandbox.attendance_state import between, is_workday
from sandbox.office import Office

Cells = dict[str, Any]
Someone = Mapping[str, Any]

CITY = "成都"
# Department: basic wage of the others, of the head, post wage, merit base (yuan a month).
WAGES: Mapping[str, tuple[int, int, int, int]] = {
    "总经办": (20000, 20000, 8000, 10000),
    "运营部": (6500, 12000, 1500, 2000),
    "采购部": (6000, 10000, 1200, 1500),
    "设计部": (7000, 11000, 1500, 2000),
    "财务部": (6500, 11000, 1200, 1500),
    "人事部": (6000, 10000, 1200, 1500),
    "仓储部": (4200, 7000, 600, 600),
    "客服部": (4500, 7500, 800, 800),
}
# Bank, first digits of its cards, digits in all.
BANKS = (
    ("招商银行", "621483", 16),
    ("工商银行", "622202", 19),
    ("建设银行", "621700", 19),
    ("农业银行", "622848", 19),
    ("中国银行", "621660", 19),
)
DEDUCTIONS = (
    ("子女教育", 2000),
    ("3岁以下婴幼儿照护", 2000),
    ("赡养老人", 3000),
    ("赡养老人", 1500),
    ("首套房贷款利息", 1000),
    ("住房租金", 1500),
)
POOL = 12000
LAST_DAY = 20
"""Of who leaves within the month."""
# Cumulative withholding (国家税务总局公告 2018 年第 61 号): limit of the bracket, rate, quick deduction.
BRACKETS = ((36000, 0.03, 0), (144000, 0.1, 2520), (300000, 0.2, 16920), (420000, 0.25, 31920),
            (660000, 0.3, 52920), (960000, 0.35, 85920), (float("inf"), 0.45, 181920))  # fmt: skip
OWN_SHARES = 0.08 + 0.004 + 0.02 + 0.05
"""Pension, unemployment, medical, housing fund of an employee in Chengdu, roughly."""


@dataclass(frozen=True, slots=True)
class PayData:
    """Rows by table in the order they are typed, and who is special.

    Attributes:
        month: the month to be paid, ``YYYY-MM``.
        tables: name of the table → rows in write shape.
        joiner: open_id of who joined within the month.
        leaver: open_id of who left within the month.
        couple: employee numbers of a couple who are both paid to his account.
    """

    month: str
    tables: Mapping[str, Sequence[Cells]]
    joiner: str
    leaver: str
    couple: tuple[str, str]


def last_month(office: Office) -> str:
    """The month before the sandbox's present one, as people in Chengdu count."""
    now = datetime.fromisoformat(office.control.get("clock")["now"]).astimezone(SHANGHAI)
    return f"{now.date().replace(day=1) - timedelta(days=1):%Y-%m}"


def pay_data(people: Sequence[Someone], month: str, seed: int = 1) -> PayData:
    """Make up the company's pay data.

    Args:
        people: as the control plane lists them, with ``employee_no``; the last one was hired last.
        month: the month to be paid, ``YYYY-MM``.
        seed: the same seed gives the same data.
    """
    dice = random.Random(f"pay/{seed}/{month}")  # noqa: S311 - a repeatable make-believe company
    first = date.fromisoformat(f"{month}-01")
    joiner = people[-1]
    leaver = next(p for p in people if p["department"] == "仓储部" and p["title"] == "仓管员")
    novice = next(p for p in people if p["department"] == "设计部" and p["title"] == "设计师")
    staff = [_employee(person, first, dice) for person in people]
    by_no = {row["工号"]: row for row in staff}
    by_no[_no(joiner)] |= {"入职日期": _ms(first.replace(day=15))}
    by_no[_no(leaver)] |= {"离职日期": _ms(first.replace(day=LAST_DAY))}
    # December is paid in the next year, which is nobody's year of a first job yet.
    started = first.replace(month=max(1, first.month - 3))
    by_no[_no(novice)] |= {"入职日期": _ms(started), "本年首次就业": first.month < 12}
    husband, wife = (
        by_no[_no([p for p in people if p["title"] == title][2])] for title in ("仓管员", "客服")
    )
    wife |= {key: husband[key] for key in ("开户行", "收款账号", "户名")}
    tables = {
        "员工": staff,
        "绩效评分": [_score(person, month, dice) for person in people],
        "提成数据": list(_commission([p for p in people if p["title"] == "运营"], month, dice)),
        "专项附加扣除": list(_deductions([p for p in people if p is not joiner], first, dice)),
        "一次性项目": [_bonus(next(p for p in people if p["title"] == "设计主管"), month)],
    }
    tables["期初累计"] = list(_opening(staff, tables["专项附加扣除"], first))
    couple = (husband["工号"], wife["工号"])
    return PayData(month, tables, str(joiner["open_id"]), str(leaver["open_id"]), couple)


def enter(office: Office, who: str, data: PayData) -> dict[str, int]:
    """A person of HR types everything in; rows written by table.

    Attendance counts the leaver's due days only up to the last day, as for anybody who leaves a group.
    """
    for table, rows in data.tables.items():
        if rows:
            office.add_many(who, table, rows)
    last = date.fromisoformat(f"{data.month}-{LAST_DAY}")
    due = sum(is_workday(day) for day in between(last.replace(day=1), last))
    values = {"52101": f"{due} 天"}
    office.control.post(f"world/attendance/{data.leaver}/{data.month}", values=values)
    return {table: len(rows) for table, rows in data.tables.items()}


def _no(person: Someone) -> str:
    return str(person["employee_no"])


def _ms(day: date) -> int:
    """A day as a date cell keeps it: midnight in the base's time zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).timestamp() * 1000)


def _user(open_id: str) -> list[dict[str, str]]:
    return [{"id": open_id}]


def _employee(person: Someone, first: date, dice: random.Random) -> Cells:
    others, head, post, merit = WAGES[str(person["department"]).split("/")[0]]
    leads = "主管" in person["title"] or "总" in person["title"]
    base = (head if leads else others) + dice.randrange(0, 9) * 100
    post = post * 2 if leads else post
    joined = date(first.year - dice.randrange(1, 7), dice.randrange(1, 13), dice.randrange(1, 28))
    row: Cells = {
        "工号": _no(person),
        "姓名": person["name"],
        "飞书账号": _user(str(person["open_id"])),
        "部门": person["department"],
        "城市": CITY,
        "入职日期": _ms(joined),
        "基本工资": base,
        "岗位工资": post,
        "绩效基数": merit,
        "社保基数": base + post,
        "公积金基数": base + post,
        "户名": person["name"],
        **_account(person, dice),
    }
    if person["leader_open_id"]:
        row["主管"] = _user(str(person["leader_open_id"]))
    if leads:
        row["公积金比例"] = 0.12
    return row


def _account(person: Someone, dice: random.Random) -> Cells:
    if dice.random() < 0.1:
        return {"开户行": "支付宝", "收款账号": f"{_no(person).lower()}@alipay.example"}
    bank, prefix, length = dice.choice(BANKS)
    digits = prefix + "".join(dice.choice("0123456789") for _ in range(length - len(prefix) - 1))
    return {"开户行": bank, "收款账号": digits + _check_digit(digits)}


def _check_digit(digits: str) -> str:
    """The last digit of a card number (ISO/IEC 7812-1, Luhn)."""
    doubled = (int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(digits)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def _score(person: Someone, month: str, dice: random.Random) -> Cells:
    score = dice.randrange(85, 116)
    row: Cells = {
        "工号": _no(person), "姓名": person["name"], "月份": month,
        "评分": score, "绩效系数": score / 100,
    }  # fmt: skip
    return row | ({"评分人": _user(str(person["leader_open_id"]))} if person["leader_open_id"] else {})


def _commission(operators: Sequence[Someone], month: str, dice: random.Random) -> list[Cells]:
    """Each shop group has its own way; the third one shares a pool on top of it."""
    rows: list[Cells] = []
    for place, person in enumerate(operators):
        sales = dice.randrange(80, 700) * 1000 + dice.randrange(0, 100) / 100
        head = {"工号": _no(person), "姓名": person["name"], "月份": month}
        if person["department"].endswith("抖音组"):
            spend = dice.randrange(20, 60) * 1000
            reached = dice.randrange(38, 56) / 10
            rows.append(
                head
                | {
                    "提成方案": "投放分成",
                    "计提基数": round(spend * reached, 2),
                    "广告花费": spend,
                    "目标ROI": 4,
                }
            )
            pool = {"提成方案": "店铺团队池", "团队池": POOL, "个人系数": dice.choice((0.8, 1, 1.2))}
            rows.append(head | pool)
        elif person["department"].endswith("京东组"):
            rows.append(head | {"提成方案": "规模提成", "计提基数": sales})
        else:
            plan = "固定提成" if place % 2 else "超额提成"
            rows.append(head | {"提成方案": plan, "计提基数": sales})
    before = date.fromisoformat(f"{month}-01") - timedelta(days=1)
    rows[0] |= {"退款扣回": 320.5, "对应月份": f"{before:%Y-%m}"}
    return rows


def _deductions(people: Sequence[Someone], first: date, dice: random.Random) -> list[Cells]:
    """Two in five have declared something; every eighth of them only now, which counts from January."""
    year = (first + timedelta(days=31)).year  # of the pay day, in the month after
    rows: list[Cells] = []
    for person in people:
        if dice.random() > 0.4:
            continue
        item, monthly = dice.choice(DEDUCTIONS)
        late = len(rows) % 8 == 7
        rows.append(
            {
                "编号": f"ZX{len(rows) + 1:03d}",
                "工号": _no(person),
                "姓名": person["name"],
                "项目": item,
                "每月金额": monthly,
                "扣除起月": f"{year}-01",
                "申报月份": f"{first:%Y-%m}" if late and first.year == year else f"{year}-01",
            }
        )
    return rows


def _opening(staff: Sequence[Cells], declared: Sequence[Cells], first: date) -> Iterator[Cells]:
    """What was paid and withheld this year before Chorus: the same wage each month, up to this month.

    The month to be paid is paid in the month after it, so January starts from nothing.
    """
    through = f"{first:%Y-%m}"
    for row in staff:
        joined = datetime.fromtimestamp(row["入职日期"] / 1000, SHANGHAI).date()
        since = joined.month if joined.year == first.year else 1
        paid = first.month - since + (since == 1)  # joined in s: paid from s + 1 on
        if first.month == 12 or paid <= 0:
            continue
        months = first.month if row.get("本年首次就业") else first.month - since + 1
        income = paid * (row["基本工资"] + row["岗位工资"] + row["绩效基数"])
        special = round(paid * row["社保基数"] * OWN_SHARES, 2)
        monthly = sum(
            each["每月金额"] for each in declared
            if each["工号"] == row["工号"] and each["申报月份"] < through
        )  # fmt: skip
        taxable = max(0, income - 5000 * months - special - monthly * months)
        _limit, rate, quick = next(each for each in BRACKETS if taxable <= each[0])
        yield {
            "工号": row["工号"], "姓名": row["姓名"], "截至月份": through, "累计收入": income,
            "累计免税收入": 0, "累计专项扣除": special, "累计已预扣税额": round(taxable * rate - quick, 2),
        }  # fmt: skip


def _bonus(person: Someone, month: str) -> Cells:
    return {
        "编号": "YX001", "工号": _no(person), "姓名": person["name"], "月份": month,
        "类型": "全年一次性奖金", "金额": 24000, "单独计税": True, "说明": "年度设计奖",
    }  # fmt: skip
