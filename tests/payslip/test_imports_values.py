"""Cells of a file: what is clean is taken, what could mean two things is refused."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from payslip.imports_values import Doubt, Wrong, read
from payslip.specs import ATTENDANCE_TABLE, COMMISSION_TABLE, EMPLOYEES_TABLE
from tests.payslip.imports_kit import (
    EMPLOYEES,
    NEW,
    plan,
)


def field(key: str, table: Any = EMPLOYEES_TABLE) -> Any:
    """A column of a table."""
    return table.by_key[key]


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("1234.5", "1234.5"), ("1,234.50", "1234.50"), ("１２３４", "1234"), ("１，２３４．５", "1234.5"),
        (" 1234 ", "1234"), ("¥1,234", "1234"), ("￥1234元", "1234"), (Decimal("1234.5"), "1234.5"),
    ],
)  # fmt: skip
def test_clean_numbers_typed_as_text_are_taken(typed: Any, value: str) -> None:
    """Thousands in threes, full-width digits, the column's own unit."""
    assert read(typed, field("base_wage")) == Decimal(value)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("1,23", "逗号"), ("12,34,567", "逗号"), ("1.2万", "不是数字"), ("约5000", "不是数字"),
        ("(500)", "不是数字"), ("5000 8000", "不是数字"), ("五千", "不是数字"), ("1e4", "科学计数法"),
        ("-500", "负数"), ("12.345", "两位小数"), ("5000天", "不是数字"), ("-", "不是数字"), (True, "是/否"),
        (date(2026, 3, 1), "是日期"), ("99999999999999", "大得不像真的"),
    ],
)  # fmt: skip
def test_doubtful_numbers_are_refused(typed: Any, told: str) -> None:
    """Nothing is guessed, and the sentence does not repeat the number."""
    found = read(typed, field("base_wage"))
    assert isinstance(found, Wrong)
    assert told in found.sentence
    assert not any(sign.isdigit() for sign in found.sentence)


def test_units_belong_to_their_columns() -> None:
    """天 in days, 小时 in overtime, 次 in times late; elsewhere they are refused."""
    assert read("2天", field("sick_days", ATTENDANCE_TABLE)) == 2
    assert read("1.5 小时", field("overtime_restday", ATTENDANCE_TABLE)) == Decimal("1.5")
    assert read("3次", field("late", ATTENDANCE_TABLE)) == 3
    for typed, key in (("8小时", "sick_days"), ("1天", "overtime_restday"), ("2天", "late")):
        assert isinstance(read(typed, field(key, ATTENDANCE_TABLE)), Wrong)
    assert read("5%", field("fund_rate")) == Decimal("0.05")
    assert read(Decimal("0.12"), field("fund_rate")) == Decimal("0.12")
    assert isinstance(read(Decimal(12), field("fund_rate")), Wrong)
    assert isinstance(read("2000.123", field("base", COMMISSION_TABLE)), Wrong)


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        (datetime(2026, 10, 8), date(2026, 10, 8)),  # noqa: DTZ001 - as openpyxl gives a date cell
        ("2026-10-08", date(2026, 10, 8)), ("2026/10/8", date(2026, 10, 8)),
        ("2026年10月8日", date(2026, 10, 8)), ("20261008", date(2026, 10, 8)),
        ("2026-10-08 00:00:00", date(2026, 10, 8)),
    ],
)  # fmt: skip
def test_clear_dates_are_taken(typed: Any, day: date) -> None:
    """Date cells and unmistakable text."""
    assert read(typed, field("join")) == day


@pytest.mark.parametrize(
    "typed",
    [
        "10/8/2026", "26-10-08", "8.10.2026", "2026-13-01", "2026-02-30", "十月八日", Decimal(5), True,
        datetime(2026, 10, 8, 9),  # noqa: DTZ001 - as openpyxl gives a date cell
    ],
)  # fmt: skip
def test_doubtful_dates_are_refused(typed: Any) -> None:
    """Day and month could be turned round, a year is missing, there is no such day."""
    assert isinstance(read(typed, field("join")), Wrong)


def test_a_serial_number_is_taken_with_a_word() -> None:
    """46303 is 8 October 2026 in a column that lost its format; a person is asked to look."""
    found = read(Decimal(46303), field("join"))
    assert isinstance(found, Doubt)
    assert found.value == date(2026, 10, 8)
    new = list(NEW)
    new[4] = 46303
    done = plan("员工", EMPLOYEES, new)
    assert done.rows[0]["join"] == date(2026, 10, 8)
    assert "“绩效”第 2 行“入职日期”：是日期序号，按 2026-10-08 理解，请核对" in done.warnings


def test_names_lose_their_blanks() -> None:
    """王　芳 is 王芳; a Latin name keeps one blank."""
    assert read("王　 芳", field("name")) == "王芳"
    assert read(" John  Smith ", field("name")) == "John Smith"
    assert isinstance(read("王\x07芳", field("name")), Wrong)
