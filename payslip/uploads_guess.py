"""Which table and month a file is for, as far as its column names, its month column and its name tell. Pure.

A guess decides nothing: it stands in the card, where it can be changed, and every row is checked against it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from payslip import months
from payslip.documents import Month
from payslip.imports_columns import IMPORTABLE, REQUIRED, find_columns
from payslip.imports_values import read
from payslip.opening import read_month
from payslip.sheets import Sheet
from runtime.clock import day_of

COMMON = frozenset({"no", "name", "month", "department"})
"""Columns that tell nothing: most lists have them."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "员工": ("员工", "花名册", "名册", "入职"),
    "考勤汇总": ("考勤", "出勤"),
    "绩效评分": ("绩效", "评分", "考核"),
    "提成数据": ("提成", "佣金"),
    "专项附加扣除": ("专项", "附加扣除"),
    "一次性项目": ("一次性", "补发", "年终"),
    "期初累计": ("期初", "累计"),
}
"""What people put into the names of such files."""

_YEAR_MONTH = re.compile(r"(20\d\d)\s*[-_./年]?\s*(1[0-2]|0?[1-9])(?!\d)")
_MONTH = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])\s*月")
_SPOKEN = re.compile(r"(十[一二]?|[一二三四五六七八九])月")
_DIGITS = {sign: number for number, sign in enumerate("一二三四五六七八九十", 1)} | {"十一": 11, "十二": 12}


def guess_kind(sheet: Sheet) -> str | None:
    """The table whose columns the file has most of; its name counts as much as two columns.

    Args:
        sheet: the file as read.

    Returns:
        The table's name, or None when neither columns nor name say anything.
    """
    scores: dict[str, int] = {}
    for name, spec in IMPORTABLE.items():
        found = find_columns(sheet, spec, None).at
        named = 2 * any(word in sheet.file for word in WORDS[name])
        own = len(found.keys() - COMMON)
        if own or named:
            scores[name] = own + named + (found.keys() >= set(REQUIRED[spec.key]))
    return max(scores, key=lambda name: scores[name]) if scores else None


def guess_month(sheet: Sheet, kind: str | None, now: datetime) -> Month:
    """The month most rows name, else the one in the file's name, else the last month.

    Args:
        sheet: the file as read.
        kind: the table it is taken for.
        now: tells the last month, and the year of a name that has none.
    """
    return _in_rows(sheet, kind) or _in_name(sheet.file, now) or _last(now)


def _last(now: datetime) -> Month:
    local = months.month_of(day_of(now))
    return months.add(local, -1)


def _in_rows(sheet: Sheet, kind: str | None) -> Month | None:
    spec = IMPORTABLE.get(kind or "")
    if spec is None or "month" not in spec.by_key:
        return None
    place = find_columns(sheet, spec, None).at.get("month")
    if place is None:
        return None
    named = Counter(
        value for row in sheet.rows if isinstance(value := read(row.cells[place], spec.by_key["month"]), str)
    )
    return Month(named.most_common(1)[0][0]) if named else None


def _in_name(name: str, now: datetime) -> Month | None:
    if full := _YEAR_MONTH.search(name):
        return read_month(f"{full[1]}-{full[2]}", now)
    spoken = _SPOKEN.search(name)
    plain = _MONTH.search(name)
    number = int(plain[1]) if plain else _DIGITS[spoken[1]] if spoken else 0
    if not number:
        return None
    # A name without a year means the last time this month was.
    this = months.month_of(day_of(now))
    return months.add(this, -((months.number(this) - number) % 12))
