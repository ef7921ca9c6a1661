"""Workbooks as people make them, and reading and planning them, for the tests of imports."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

from payslip.documents import EmployeeNo, Month
from payslip.imports import ImportPlan, plan_import, read_file
from payslip.sheets import SheetRefused

MONTH = Month("2026-10")
KNOWN = {EmployeeNo("E001"): "王芳", EmployeeNo("E002"): "李伟"}
AT = datetime(2026, 11, 2, 3, tzinfo=UTC)
SCORES = ("工号", "姓名", "月份", "绩效系数")
ATTENDANCE = (
    "工号", "姓名", "应出勤天数", "未在职天数", "缺勤天数", "事假天数", "病假天数", "迟到次数", "工作日加班",
    "休息日加班", "节假日加班",
)  # fmt: skip
EMPLOYEES = (
    "工号", "姓名", "部门", "城市", "入职日期", "基本工资", "岗位工资", "绩效基数", "社保基数", "公积金基数",
    "开户行", "收款账号", "户名",
)  # fmt: skip
NEW = (
    "E003", "赵六", "运营部", "成都", date(2026, 10, 8), 6000, 2000, 2000, 8000, 8000, "招商银行",
    "6214830000000000003", "赵六",
)  # fmt: skip


def xlsx(rows: Sequence[Sequence[Any]], change: Callable[[Any, Any], None] | None = None) -> bytes:
    """A workbook of one sheet; `change` gets (workbook, sheet) before it is saved."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "绩效"
    for row in rows:
        sheet.append(list(row))
    if change is not None:
        change(book, sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def refusals(data: bytes, name: str = "绩效.xlsx") -> list[str]:
    """Why a file is not read."""
    with pytest.raises(SheetRefused) as caught:
        read_file(name, data)
    return [str(fault) for fault in caught.value.faults]


def plan(
    kind: str,
    header: Sequence[str],
    *rows: Sequence[Any],
    existing: Any = (),
    mapping: Any = None,
    **more: Any,
) -> ImportPlan:
    """Write a workbook, read it, plan it."""
    sheet = read_file("十月.xlsx", xlsx([header, *rows]))
    return plan_import(sheet, kind, more.get("month", MONTH), more.get("known", KNOWN), existing, mapping)


def errors(found: ImportPlan) -> list[str]:
    """The errors as people read them; there is nothing to apply beside them."""
    if found.errors:
        assert found.rows == ()
        with pytest.raises(SheetRefused):
            found.stamped(AT)
    return [str(fault) for fault in found.errors]
