"""Cells of a file as values of a column: what is clean is taken, what could mean two things is refused.

Every function returns the value or a sentence (`Wrong`); a sentence never repeats what stands in the cell.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.spec import FieldSpec, Kind
from payslip.collect_cells import clean, read_month
from payslip.documents import Month
from payslip.sheets import Bad, Value

MONEY = frozenset(
    (
        "base_wage", "post_wage", "merit_base", "social_base", "fund_base", "base", "spend", "pool",
        "clawback", "monthly", "amount", "income", "exempt", "special", "withheld",
    )
)  # fmt: skip
"""Columns in yuan: two decimals, no more."""
MONTHS = frozenset({"month", "start", "end", "declared", "through", "refers", "base_from"})
IDENTIFIERS = frozenset({"account"})
"""Text that must never have been a number: leading zeros and the last digits would be lost."""
UNITS = {"late": "次", "overtime_workday": "小时", "overtime_restday": "小时", "overtime_holiday": "小时"}
MOST_DECIMALS = 6
EPOCH = date(1899, 12, 30)
"""Day 0 of a spreadsheet's dates, its leap-year mistake of 1900 included."""
FIRST_SERIAL, LAST_SERIAL = 14_611, 73_050  # 1940 to 2099
LONGEST_TEXT = 2000

_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?[eE][+-]?\d+")
_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:\s+0{1,2}:00(?::00)?)?|(\d{4})(\d{2})(\d{2})"
)
_CJK = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_YES = frozenset({"是", "√", "✓", "Y", "YES", "TRUE", "1", "勾选"})
_NO = frozenset({"否", "×", "N", "NO", "FALSE", "0"})


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a cell is not taken."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """A value that is taken, with a sentence for who checks the import."""

    value: CellValue
    sentence: str


def read(value: Value, field: FieldSpec) -> CellValue | Wrong | Doubt:
    """One cell for one column.

    Returns:
        The value, ``EMPTY``, or why it is refused.
    """
    if isinstance(value, Bad):
        return Wrong(value.sentence)
    if value is None or (isinstance(value, str) and not clean(value)):
        return EMPTY
    if field.key in MONTHS and field.kind is Kind.TEXT:
        return month(value)
    if field.kind in {Kind.NUMBER, Kind.PERCENT}:
        return number(value, field)
    if field.kind is Kind.DATE:
        return day(value)
    if field.kind is Kind.CHECKBOX:
        return flag(value)
    found = text(value, field)
    if field.kind is Kind.SELECT and isinstance(found, str) and found not in field.options:
        return Wrong(f"不是可选的值，可选：{'、'.join(field.options)}")
    return found


def text(value: Value, field: FieldSpec) -> str | Wrong | CellValue:
    """Text without hidden signs; names without blanks inside; nothing that looks like a formula."""
    if isinstance(value, Decimal):
        if field.key in IDENTIFIERS:
            return Wrong("存成了数字，开头的 0 和超过 15 位的尾数会丢失，请把这一列设为文本后重新填写")
        if value != value.to_integral_value() or abs(value) >= 10**15:
            return Wrong("存成了小数或过长的数字，请把这一列设为文本后重新填写")
        return format(value, "f").removesuffix(".0")
    if not isinstance(value, str):
        return Wrong("应为文字")
    shown = clean(value)
    if any(unicodedata.category(sign) == "Cc" for sign in value.strip() if sign not in "\t\n\r"):
        return Wrong("含有看不见的控制字符，请重新输入")
    if shown[:1] in {"=", "+", "-", "@"}:
        return Wrong("以 = + - @ 开头，像公式，请改正")
    if field.key in IDENTIFIERS:
        if _SCIENTIFIC.fullmatch(shown):
            return Wrong("是科学计数法，尾数已经丢失，请把这一列设为文本后重新填写")
        shown = shown.replace(" ", "")
    if len(shown) > LONGEST_TEXT:
        return Wrong(f"超过 {LONGEST_TEXT} 字")
    if field.key in {"name", "holder"} and _CJK.search(shown):
        shown = shown.replace(" ", "")
    return shown or EMPTY


def number(value: Value, field: FieldSpec) -> CellValue | Wrong:
    """A number not below zero, in the column's own unit."""
    if isinstance(value, bool):
        return Wrong("是“是/否”，应为数字")
    if isinstance(value, date):
        return Wrong("是日期，应为数字；请检查这一列的格式")
    found = value if isinstance(value, Decimal) else _text_number(str(value), field)
    if isinstance(found, Wrong):
        return found
    if found < 0:
        return Wrong("不能是负数")
    if field.kind is Kind.PERCENT and found > 1:
        return Wrong("超过 100%，请写成 5% 或 0.05")
    decimals = -int(found.normalize().as_tuple().exponent)
    if field.key in MONEY and decimals > 2:
        return Wrong("超过两位小数，请四舍五入到分")
    if decimals > MOST_DECIMALS:
        return Wrong(f"超过 {MOST_DECIMALS} 位小数")
    if found >= 10**12:
        return Wrong("大得不像真的，请检查是不是填错了列")
    return found


def _text_number(typed: str, field: FieldSpec) -> Decimal | Wrong:
    """A number typed as text: full-width digits, thousands in threes, ¥ and the column's unit are clean."""
    shown = clean(typed)
    if field.key in MONEY:
        shown = shown.removeprefix("¥").removesuffix("元").strip()
    unit = UNITS.get(field.key) or ("天" if field.key.endswith("_days") else "")
    if unit:
        shown = shown.removesuffix(unit).strip()
    percent = field.kind is Kind.PERCENT and shown.endswith("%")
    shown = shown.removesuffix("%").strip() if percent else shown
    if _SCIENTIFIC.fullmatch(shown) and not _PLAIN.fullmatch(shown):
        return Wrong("是科学计数法，请写成普通数字")
    if "," in shown and not _THOUSANDS.fullmatch(shown):
        return Wrong("里的逗号看不懂是千分位还是小数点，请去掉")
    plain = shown.replace(",", "")
    if not _PLAIN.fullmatch(plain):
        return Wrong("不是数字，请只写数字")
    return Decimal(plain) / (100 if percent else 1)


def day(value: Value) -> CellValue | Wrong | Doubt:
    """A day: a date cell, a clear text, or a spreadsheet's serial number (with a word of doubt)."""
    if isinstance(value, datetime):
        if value.hour or value.minute or value.second:
            return Wrong("带有时间，请只留日期")
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, Decimal) and not isinstance(value, bool):
        if value == value.to_integral_value() and FIRST_SERIAL <= value <= LAST_SERIAL:
            found = EPOCH + timedelta(days=int(value))
            return Doubt(found, f"是日期序号，按 {found} 理解，请核对")
        value = format(value, "f")
    match = _DATE.fullmatch(clean(value)) if isinstance(value, str) else None
    if match is None:
        return Wrong("不是看得懂的日期，请写成 2026-10-01")
    try:
        year, number_of_month, number_of_day = (int(part) for part in match.groups() if part is not None)
        return date(year, number_of_month, number_of_day)
    except ValueError:
        return Wrong("没有这一天，请改正")


def month(value: Value) -> CellValue | Wrong:
    """A month in any usual spelling; spreadsheets make the first of the month of it."""
    if isinstance(value, date):
        return Month(f"{value:%Y-%m}") if value.day == 1 else Wrong("是某一天，应为月份，如 2026-10")
    typed = format(value, "f") if isinstance(value, Decimal) else str(value)
    found = read_month(typed)
    return Wrong("不是月份，请写成 2026-10 这样") if found is None else found


def flag(value: Value) -> CellValue | Wrong:
    """Yes or no in the usual spellings."""
    if isinstance(value, bool):
        return value
    typed = clean(format(value, "f") if isinstance(value, Decimal) else str(value)).upper()
    if typed in _YES:
        return True
    return False if typed in _NO else Wrong("应为“是”或“否”")
