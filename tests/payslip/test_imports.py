"""Files of people: a precise list of what is wrong and where, and nothing half-imported."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from payslip import sheets
from payslip.documents import EmployeeNo, Month
from payslip.imports import IMPORTABLE, ImportPlan, plan_import, read_file
from payslip.imports_columns import KEYS, REQUIRED, SYNONYMS
from payslip.imports_values import Doubt, Wrong, read
from payslip.sheets import SheetRefused
from payslip.specs import ATTENDANCE_TABLE, COMMISSION_TABLE, EMPLOYEES_TABLE, TABLES
from tests.payslip.rows_kit import attendance, declaration, employee, one_off

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


# --- what goes well ---


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


# --- must-hold 6: wrong files, each with its place ---


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


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "“空.xlsx”：是空文件，请重新导出"),
        (xlsx([]), "“绩效”：是空表，没有列名也没有数据"),
        (xlsx([SCORES]), "“绩效”：只有列名，没有数据"),
        (xlsx([SCORES, (" ", "　", None, "")]), "“绩效”：只有列名，没有数据"),
        (b"\n\n", "“空.xlsx”：已损坏，或不是 Excel 文件；请用 Excel 或 WPS 打开后另存为 .xlsx"),
    ],
)
def test_empty_files_and_sheets(data: bytes, told: str) -> None:
    """Nothing at all, no rows, only names, only blanks."""
    assert refusals(data, "空.xlsx") == [told]


def test_a_file_of_100_megabytes_is_refused_before_it_is_read() -> None:
    """By its size alone; nothing is parsed."""
    data = b"PK\x03\x04" + bytes(100 * 1024 * 1024)
    assert refusals(data) == ["“绩效.xlsx”：超过 20 MB，请只保留要导入的列和行，或分成几个文件"]


def test_a_bomb_is_refused_by_its_declared_sizes() -> None:
    """Megabytes of blanks in a few kilobytes; many parts; together too much."""
    for parts, size in ((1, 5 * 1024 * 1024), (3000, 1)):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(parts):
                archive.writestr(f"xl/worksheets/sheet{number}.xml", b" " * size)
        assert len(out.getvalue()) < 1024 * 1024
        assert refusals(out.getvalue()) == [
            "“绩效.xlsx”：解开后过大，不像一份名单；请把内容复制到新文件再上传"
        ]


def test_entities_are_not_expanded() -> None:
    """A document type in the sheet is refused, whatever it says."""
    out = io.BytesIO()
    plain = io.BytesIO(xlsx([SCORES, ("E001", "王芳", "2026-10", 1)]))
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(out, "w") as archive:
        for item in source.infolist():
            content = source.read(item)
            if item.filename == "xl/worksheets/sheet1.xml":
                content = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + content
            archive.writestr(item, content)
    assert refusals(out.getvalue()) == ["“绩效.xlsx”：已损坏，打不开；请用 Excel 或 WPS 打开后另存为 .xlsx"]


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


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("旧.xls", sheets.OLE + bytes(600), "是旧版 .xls，或加了密码"),
        ("坏.xlsx", b"PK\x03\x04" + bytes(200), "已损坏，打不开"),
        ("假.xlsx", "工号,绩效系数\nE001,1\n".encode(), "已损坏，或不是 Excel 文件"),
        ("图.csv", b"\x89PNG\r\n\x00\x00", "不是文本文件"),
        ("乱.csv", b"\xff\xff\xff,1\n", "编码认不出来"),
        ("引.csv", '工号,绩效系数\nE001,"1\n'.encode(), "引号没有成对"),
    ],
)
def test_files_of_the_wrong_kind(name: str, data: bytes, told: str) -> None:
    """What it is and what to do."""
    assert any(told in each for each in refusals(data, name))


def test_macros_and_passwords_are_refused() -> None:
    """Before anything is opened."""
    source = xlsx([SCORES, ("E001", "王芳", "2026-10", 1)])
    out = io.BytesIO(source)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macro")
    assert refusals(out.getvalue()) == ["“绩效.xlsx”：含有宏，请另存为不含宏的 .xlsx"]
    spoilt = bytearray(source)
    for at in [place for place in range(len(source) - 4) if source[place : place + 4] == b"PK\x01\x02"]:
        spoilt[at + 8] |= 1
    assert refusals(bytes(spoilt)) == ["“绩效.xlsx”：加了密码，请去掉密码再上传"]


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
