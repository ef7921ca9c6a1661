"""Files of people: what an import would do, what is wrong and where; nothing is half-imported."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from payslip import sheets
from payslip.documents import EmployeeNo
from payslip.imports import IMPORTABLE, plan_import, read_file
from payslip.imports_columns import KEYS, REQUIRED, SYNONYMS
from payslip.sheets import SheetRefused
from payslip.specs import TABLES
from tests.payslip.imports_kit import (
    AT,
    ATTENDANCE,
    EMPLOYEES,
    KNOWN,
    MONTH,
    NEW,
    SCORES,
    errors,
    plan,
    refusals,
    xlsx,
)
from tests.payslip.rows_kit import attendance, declaration, employee, one_off


def test_scores_are_imported() -> None:
    """Values, month of the run, names of the table; source and time when applied."""
    found = plan("绩效评分", ("工号", "绩效系数"), ("E001", 1.1), ("E002", "0.95"))
    assert found.ok
    assert found.stamped(AT) == [
        {"no": "E001", "name": "王芳", "month": "2026-10", "factor": Decimal("1.1"),
         "source": "文件 十月.xlsx", "source_at": AT},
        {"no": "E002", "name": "李伟", "month": "2026-10", "factor": Decimal("0.95"),
         "source": "文件 十月.xlsx", "source_at": AT},
    ]  # fmt: skip
    assert [(change.row, change.no, change.new) for change in found.changes] == [
        (2, "E001", True),
        (3, "E002", True),
    ]


def test_a_new_employee_with_everything() -> None:
    """Dates, wages and a 19-digit account as text."""
    found = plan("员工", EMPLOYEES, NEW)
    (row,) = found.rows
    assert (row["no"], row["join"], row["base_wage"]) == ("E003", date(2026, 10, 8), 6000)
    assert row["account"] == "6214830000000000003"
    assert "row" not in row


def test_what_stands_there_already_is_not_pushed_again() -> None:
    """An equal row is left out, a changed one carries its key as it stands; an empty cell wipes nothing."""
    there = [
        attendance(month="2026年10月", source="飞书考勤"),
        attendance("E002", "李伟", late="2"),
    ]
    zeros = [0] * 6
    found = plan(
        "考勤汇总", ATTENDANCE, ("E001", "王　芳", 21, 0, *zeros[:-1], 1, 0),
        ("E002", "李伟", 21, 0, 0, 0, 0, 2, 0, 0, 0), existing=there,
    )  # fmt: skip
    (row,) = found.rows
    assert (row["no"], row["month"]) == ("E001", "2026年10月")
    assert found.unchanged == 1
    (change,) = found.changes
    assert (change.new, change.columns) == (False, ("休息日加班",))
    assert "会改动 1 行来源为“飞书考勤”的数据" in found.warnings


def test_a_changed_account_is_said() -> None:
    """The most common fraud: a person reads it before applying, and again before paying."""
    found = plan(
        "员工", ("工号", "姓名", "收款账号"), ("E001", "王芳", "6222020000000000009"), existing=[employee()]
    )
    assert found.ok
    assert "1 人的收款账号有变化，发放前需要另一位财务确认" in found.warnings
    assert found.changes[0].columns == ("收款账号",)
    assert not any("6222" in str(text) for text in (*found.warnings, found.changes))


def test_declarations_and_one_offs_get_numbers() -> None:
    """The same file again changes nothing; a second item of a kind gets a number of its own."""
    header = ("工号", "项目", "每月金额", "扣除起月", "扣除止月")
    first = plan("专项附加扣除", header, ("E001", "赡养老人", 3000, "2026-01", "2026-12"))
    assert first.rows[0]["row"] == "E001-赡养老人-2026-01"
    assert first.rows[0]["declared"] == "2026-10"
    again = plan(
        "专项附加扣除", header, ("E001", "赡养老人", 3000, "2026/1", "2026-12"),
        existing=[declaration(row="D1", name="王芳", end="2026-12")],
    )  # fmt: skip
    assert (again.rows, again.unchanged) == ((), 1)
    items = plan(
        "一次性项目", ("工号", "类型", "金额", "说明"),
        ("E001", "补发", 500, "七月"), ("E001", "补发", 300, "八月"),
        existing=[one_off(row="2026-10-E001-补发", note="六月")],
    )  # fmt: skip
    assert [row["row"] for row in items.rows] == ["E001-2026-10-补发", "E001-2026-10-补发-2"]


def test_names_people_use_and_names_they_tell() -> None:
    """员工编号 is 工号, a unit in brackets does not matter; an unusual name is told."""
    header = ("员工编号", "员工姓名", "考核系数(倍)")
    assert plan("绩效评分", header, ("E001", "王芳", 1)).ok
    strange = ("E001", "王芳", 1)
    unknown = plan("绩效评分", ("工号", "姓名", "KPI"), strange)
    assert errors(unknown) == ["“绩效”第 1 行“绩效系数”：缺少这一列，请补上这一列"]
    told = plan("绩效评分", ("工号", "姓名", "KPI"), strange, mapping={"factor": "KPI"})
    assert told.ok
    assert told.rows[0]["factor"] == 1
    wrong = plan("绩效评分", ("工号", "姓名", "KPI"), strange, mapping={"factor": "KPJ", "nothing": "姓名"})
    assert len(errors(wrong)) == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_text_files(encoding: str, delimiter: str) -> None:
    """Every usual encoding and delimiter; quotes may hold a line break."""
    lines = [
        ("工号", "姓名", "评语", "绩效系数"),
        ("E001", "王芳", '"好\n很好"', "1.1"),
        ("E002", "李伟", "", "1"),
    ]
    text = "\r\n".join(delimiter.join(line) for line in lines)
    found = plan_import(read_file("十月.csv", text.encode(encoding)), "绩效评分", MONTH, KNOWN, [])
    assert errors(found) == []
    assert [row["factor"] for row in found.rows] == [Decimal("1.1"), 1]
    assert found.rows[0]["comment"] == "好 很好"


def test_a_renamed_column_is_guessed() -> None:
    """The missing name and the one that looks like it."""
    found = plan("绩效评分", ("工号", "姓名", "月份", "绩效系数值"), ("E001", "王芳", "2026-10", 1))
    assert errors(found) == [
        "“绩效”第 1 行“绩效系数”：缺少这一列；是不是改名成了“绩效系数值”？可以改回来，或指定对应列"
    ]


def test_merged_cells_are_named() -> None:
    """Where they are; a merged title line is one."""

    def merge(_book: Any, sheet: Any) -> None:
        sheet.merge_cells("A2:A3")
        sheet.merge_cells("B5:C5")

    data = xlsx([SCORES, ("E001", "王芳", "2026-10", 1), (None, "李伟", "2026-10", 1)], merge)
    assert refusals(data) == [
        "“绩效”：A2:A3 是合并单元格，请取消合并并填满每一格",
        "“绩效”：B5:C5 是合并单元格，请取消合并并填满每一格",
    ]


def test_an_account_that_became_a_number_is_refused() -> None:
    """Nineteen digits as a double have lost the last ones; text in E notation as well."""
    new = list(NEW)
    new[11] = 6214830000000000003
    numeric = plan("员工", EMPLOYEES, new)
    assert errors(numeric) == [
        "“绩效”第 2 行“收款账号”：存成了数字，开头的 0 和超过 15 位的尾数会丢失，请把这一列设为文本后重新填写"
    ]
    new[11] = "6.21483E+18"
    assert "科学计数法" in errors(plan("员工", EMPLOYEES, new))[0]
    new[11] = "6214 8300 0000 0000 003"
    assert plan("员工", EMPLOYEES, new).rows[0]["account"] == "6214830000000000003"


def test_the_same_person_twice_is_refused() -> None:
    """Both rows are named. A plan of its own is not the same row."""
    found = plan("绩效评分", SCORES, ("E001", "王芳", "2026-10", 1), ("E002", "李伟", "2026-10", 1),
                 ("E001", "王芳", "2026/10", 1.2))  # fmt: skip
    assert errors(found) == ["“绩效”第 4 行“工号”：与第 2 行重复，请只留一行"]
    other = plan("提成数据", ("工号", "提成方案", "计提基数"), ("E001", "甲", 1), ("E001", "乙", 1))
    assert other.ok


def test_an_unknown_person_is_refused_with_a_hint() -> None:
    """A number nobody has; a name that belongs to another number."""
    found = plan("绩效评分", SCORES, ("E0O1", "王芳", "2026-10", 1), ("E404", "赵六", "2026-10", 1),
                 ("E002", "王芳", "2026-10", 1))  # fmt: skip
    assert errors(found) == [
        "“绩效”第 2 行“工号”：E0O1 在员工表中没有；王芳的工号是 E001",
        "“绩效”第 3 行“工号”：E404 在员工表中没有",
        "“绩效”第 4 行“姓名”：工号 E002 在员工表中是李伟，不是王芳",
    ]


def test_too_many_rows_are_refused() -> None:
    """The limit is a number of rows, in a text file as well."""
    text = "工号,绩效系数\n" + "E001,1\n" * (sheets.MOST_ROWS + 1)
    assert refusals(text.encode(), "多.csv") == ["“多.csv”：超过 100,000 行，请分成几个文件"]

    def far(_book: Any, sheet: Any) -> None:
        sheet.cell(row=900_000, column=1, value="E001")

    assert "行或列过多" in refusals(xlsx([SCORES, ("E001", "王芳", "2026-10", 1)], far))[0]


def test_formula_cells_are_refused_by_place() -> None:
    """A formula's value is whatever was last computed; text that looks like one is refused as well."""
    found = plan(
        "绩效评分", SCORES, ("E001", "王芳", "2026-10", "=1+0.1"), ("E002", "李伟", "2026-10", "#N/A")
    )
    assert errors(found) == [
        "“绩效”第 2 行“绩效系数”：是公式，请选中后“粘贴为数值”再上传",
        "“绩效”第 3 行“绩效系数”：是错误值（如 #N/A），请改正",
    ]


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+86", "-1", "@SUM(1)", "\t=1", "＝1"])
def test_text_that_a_spreadsheet_would_run_is_refused(text: str) -> None:
    """CSV injection, full-width as well: it would run when somebody opens the export."""
    data = f'工号,姓名,评语,绩效系数\nE001,王芳,"{text}",1\n'.encode()
    found = plan_import(read_file("十月.csv", data), "绩效评分", MONTH, KNOWN, [])
    assert errors(found) == ["“十月.csv”第 2 行“评语”：以 = + - @ 开头，像公式，请改正"]


def test_hidden_sheets_rows_and_columns_are_refused() -> None:
    """What nobody sees must not be imported."""

    def hide(book: Any, sheet: Any) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["C"].hidden = True

    rows = [SCORES, ("E001", "王芳", "2026-10", 1), ("E002", "李伟", "2026-10", 1)]
    assert refusals(xlsx(rows, hide)) == [
        "“绩效”：第 3 行被隐藏或筛选掉，请取消隐藏和筛选",
        "“绩效”：C 列被隐藏，请取消隐藏或删除",
    ]

    def more_sheets(book: Any, _sheet: Any) -> None:
        book.create_sheet("底稿").sheet_state = "veryHidden"
        book.create_sheet("九月")

    assert refusals(xlsx(rows, more_sheets)) == [
        "“绩效.xlsx”：有隐藏的工作表“底稿”，请取消隐藏后删除",
        "“绩效.xlsx”：有 2 张工作表（“绩效”、“九月”），请只保留要导入的一张",
    ]


@pytest.mark.parametrize("month", ["2026-09", "2026/9", "2026年9月", date(2026, 9, 1), 202609, "９月"])
def test_another_month_is_refused(month: Any) -> None:
    """In every spelling, also as the date a spreadsheet makes of it."""
    (told,) = errors(plan("绩效评分", SCORES, ("E001", "王芳", month, 1)))
    assert told.startswith("“绩效”第 2 行“月份”：")
    assert told.endswith(("是 2026-09，这次导入的是 2026-10", "不是月份，请写成 2026-10 这样"))


@pytest.mark.parametrize("month", ["2026-10", "2026.10", "2026年10月", date(2026, 10, 1), 202610])
def test_this_month_in_every_spelling_is_taken(month: Any) -> None:
    """And stands in the row as 2026-10."""
    assert plan("绩效评分", SCORES, ("E001", "王芳", month, 1)).rows[0]["month"] == "2026-10"


def test_one_wrong_row_stops_all() -> None:
    """Ninety-nine good rows and a bad one: nothing is imported, and only the bad one is named."""
    known = {EmployeeNo(f"E{number:03d}"): f"员工{number}" for number in range(100)}
    rows = [(no, name, "2026-10", 1) for no, name in known.items()]
    rows[41] = ("E041", "员工41", "2026-10", "一点一")
    found = plan("绩效评分", SCORES, *rows, known=known)
    assert errors(found) == ["“绩效”第 43 行“绩效系数”：不是数字，请只写数字"]
    assert found.unchanged == 0
    assert plan("绩效评分", SCORES, *rows[:41], known=known).ok


def test_everything_wrong_is_said_at_once() -> None:
    """All faults of all rows; beyond two hundred their number."""
    rows = [(f"X{number}", "谁", "2026-09", "多") for number in range(100)]
    told = errors(plan("绩效评分", SCORES, *rows))
    assert len(told) == 201
    assert told[-1] == "“绩效”：还有 100 处错误没有列出"
    assert told[:3] == [
        "“绩效”第 2 行“绩效系数”：不是数字，请只写数字",
        "“绩效”第 2 行“月份”：是 2026-09，这次导入的是 2026-10",
        "“绩效”第 2 行“工号”：X0 在员工表中没有",
    ]


def test_required_cells_must_be_filled() -> None:
    """A row without a number, without a factor; an employee who is new without a city."""
    assert errors(
        plan("绩效评分", SCORES, (None, "王芳", "2026-10", 1), ("E002", "李伟", "2026-10", None))
    ) == [
        "“绩效”第 2 行“工号”：是空的，请填写",
        "“绩效”第 3 行“绩效系数”：是空的，请填写",
    ]
    new = list(NEW)
    new[3] = None
    assert errors(plan("员工", EMPLOYEES, new)) == ["“绩效”第 2 行“城市”：是空的，E003 是新员工，必须填写"]
    assert plan("员工", ("工号", "姓名", "社保基数"), ("E001", "王芳", 9000), existing=[employee()]).ok
    empty = plan("提成数据", ("工号", "提成方案", "计提基数"), ("E001", "店铺提成", None))
    assert errors(empty) == ["“绩效”第 2 行“提成方案”：这一行没有任何数字，请填写或删除"]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (("工号", "工号", "绩效系数"), "出现了不止一次"),
        (("工号", None, "绩效系数"), "列名是空的或不是文字"),
        (("工号", "绩效系数"), "内容超出了有列名的范围"),
        (("工号", 2026, "绩效系数"), "列名是空的或不是文字"),
    ],
)
def test_headers_must_be_clear(header: Any, told: str) -> None:
    """Twice, empty, too few, a number."""
    data = xlsx([header, ("E001", "王芳", 1)])
    try:
        found = errors(plan_import(read_file("十月.xlsx", data), "绩效评分", MONTH, KNOWN, []))
    except SheetRefused as refusal:
        found = [str(fault) for fault in refusal.faults]
    assert any(told in each for each in found)


def test_no_sentence_repeats_an_amount_or_an_account() -> None:
    """Errors are shown in cards and pages; what stood in the cell is not in them."""
    new = list(NEW)
    new[5], new[8], new[11] = "54321.987", "八千七百", 6214830000000000003
    told = "".join(errors(plan("员工", EMPLOYEES, new)))
    assert len(errors(plan("员工", EMPLOYEES, new))) == 3
    assert not any(secret in told for secret in ("54321", "八千七", "62148"))


def test_what_cannot_be_imported_is_said() -> None:
    """Only input tables of people; every one of them has its required columns and keys."""
    sheet = read_file("十月.xlsx", xlsx([SCORES, ("E001", "王芳", "2026-10", 1)]))
    with pytest.raises(SheetRefused, match="不能导入“税率表”"):
        plan_import(sheet, "税率表", MONTH, KNOWN, [])
    for spec in IMPORTABLE.values():
        assert spec in TABLES
        assert {*REQUIRED[spec.key], *KEYS[spec.key]} <= set(spec.by_key)
    assert set(SYNONYMS) <= {key for spec in IMPORTABLE.values() for key in spec.by_key}
