"""Which column of a file is which column of a table: by name, by what people usually call it, or as told."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bitable_sync.spec import FieldSpec, Kind, TableSpec
from payslip.collect_cells import clean
from payslip.sheets import Fault, Sheet
from payslip.specs import (
    ATTENDANCE_TABLE,
    COMMISSION_TABLE,
    DEDUCTIONS_TABLE,
    EMPLOYEES_TABLE,
    ONE_OFFS_TABLE,
    OPENING_TABLE,
    SCORES_TABLE,
)

IMPORTABLE: Mapping[str, TableSpec] = {
    spec.name: spec
    for spec in (
        EMPLOYEES_TABLE, ATTENDANCE_TABLE, SCORES_TABLE, COMMISSION_TABLE, DEDUCTIONS_TABLE, ONE_OFFS_TABLE,
        OPENING_TABLE,
    )
}  # fmt: skip
"""Tables a file can be imported into, by the name people know."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    EMPLOYEES_TABLE.key: ("no", "name"),
    ATTENDANCE_TABLE.key: (
        "no", "due_days", "off_days", "absent_days", "leave_days", "sick_days", "late", "overtime_workday",
        "overtime_restday", "overtime_holiday",
    ),
    SCORES_TABLE.key: ("no", "factor"),
    COMMISSION_TABLE.key: ("no", "plan"),
    DEDUCTIONS_TABLE.key: ("no", "item", "monthly", "start"),
    ONE_OFFS_TABLE.key: ("no", "kind", "amount"),
    OPENING_TABLE.key: ("no", "through", "income", "exempt", "special", "withheld"),
}  # fmt: skip
"""Columns a file must have and fill in every row."""

NEW_EMPLOYEE = ("city", "join", "base_wage", "post_wage", "merit_base", "social_base", "fund_base")
"""What a row of 员工 must have when the number is new."""

KEYS: Mapping[str, tuple[str, ...]] = {
    EMPLOYEES_TABLE.key: ("no",),
    ATTENDANCE_TABLE.key: ("no", "month"),
    SCORES_TABLE.key: ("no", "month"),
    COMMISSION_TABLE.key: ("no", "month", "plan"),
    DEDUCTIONS_TABLE.key: ("no", "item", "start"),
    ONE_OFFS_TABLE.key: ("no", "month", "kind", "note"),
    OPENING_TABLE.key: ("no",),
}
"""What makes two rows of a file, or a row of a file and one of the table, the same."""

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "no": ("员工编号", "员工号", "人员编号", "职工编号", "编码", "工号ID"),
    "name": ("员工姓名", "名字", "人员姓名"),
    "month": ("所属月", "所属月份", "工资月份", "年月", "考勤月份", "计薪月"),
    "department": ("所属部门", "部门名称"),
    "city": ("参保城市", "社保城市", "工作城市", "缴纳城市"),
    "join": ("入职时间", "入职日", "到岗日期"),
    "leave": ("离职时间", "离职日", "最后工作日"),
    "base_wage": ("基本薪资", "底薪"),
    "post_wage": ("岗位薪资", "岗位津贴"),
    "merit_base": ("绩效工资基数", "绩效工资"),
    "social_base": ("社保缴费基数", "社会保险基数"),
    "fund_base": ("公积金缴存基数", "住房公积金基数"),
    "fund_rate": ("公积金缴存比例", "住房公积金比例"),
    "bank": ("开户银行", "银行", "开户行名称"),
    "account": ("银行卡号", "卡号", "银行账号", "收款账户", "工资卡号", "账号"),
    "holder": ("账户名", "收款人", "收款户名", "开户名", "账户姓名"),
    "due_days": ("应出勤", "应勤天数"),
    "off_days": ("不在职天数", "未入职天数"),
    "absent_days": ("旷工天数", "缺勤", "旷工"),
    "leave_days": ("事假",),
    "sick_days": ("病假",),
    "late": ("迟到",),
    "overtime_workday": ("平时加班", "工作日加班时长", "平日加班"),
    "overtime_restday": ("周末加班", "休息日加班时长"),
    "overtime_holiday": ("法定节假日加班", "节假日加班时长", "节日加班"),
    "score": ("绩效得分", "得分", "绩效分"),
    "factor": ("系数", "考核系数"),
    "comment": ("备注", "评价"),
    "plan": ("方案", "提成方案名称"),
    "base": ("提成基数", "销售额", "实收金额"),
    "spend": ("投放花费", "消耗", "广告消耗"),
    "target": ("目标投产比",),
    "pool": ("团队池金额", "奖金池"),
    "coefficient": ("分配系数",),
    "clawback": ("退款", "扣回", "退款金额"),
    "item": ("扣除项目", "专项附加扣除项目"),
    "monthly": ("月扣除额", "每月扣除金额", "月扣除金额", "扣除金额"),
    "start": ("有效期起", "起始月份", "扣除有效期起"),
    "end": ("有效期止", "截止月份", "扣除有效期止"),
    "declared": ("申报月", "采集月份"),
    "kind": ("项目", "项目类型", "项目名称"),
    "amount": ("发放金额", "扣款金额"),
    "note": ("备注", "事由", "原因"),
    "through": ("截至", "截止月份", "累计至"),
    "income": ("累计收入额", "本年累计收入"),
    "exempt": ("本年累计免税收入",),
    "special": ("累计三险一金", "本年累计专项扣除"),
    "withheld": ("累计已预缴税额", "已缴税额", "累计已缴税额"),
}
NOT_IMPORTED = frozenset({"source", "source_at", "sync_issue", "row", "person", "supervisor"})
"""Written by Chorus, or people and numbers that a file cannot name."""

_BRACKETS = re.compile(r"[(\[【（].*?[)\]】）]\s*$")


@dataclass(slots=True)
class Columns:
    """Where each column of the table stands in the file, as index, and what was not used."""

    at: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def find_columns(sheet: Sheet, spec: TableSpec, mapping: Mapping[str, str] | None) -> Columns:
    """Map the file's columns.

    Args:
        sheet: the file.
        spec: the table.
        mapping: by column key, the name the file has for it; comes before what is recognised.
    """
    found = Columns()
    taken: dict[int, str] = {}
    names = [_plain(header) for header in sheet.headers]
    twice = sorted(
        {header for header, name in zip(sheet.headers, names, strict=True) if names.count(name) > 1}
    )
    for header in twice:
        found.faults.append(_fault(sheet, header, "这个列名出现了不止一次，请删掉或改名"))
    for key, header in (mapping or {}).items():
        _told(sheet, spec, key, header, names, found, taken)
    for place, name in enumerate(names):
        if place in taken:
            continue
        fits = [each for each in fields(spec) if name in _names(each) and each.key not in found.at]
        if fits:
            _take(found, taken, fits[0], place, sheet)
    _missing(sheet, spec, found, taken)
    unused = [header for place, header in enumerate(sheet.headers) if place not in taken]
    if unused:
        found.warnings.append(f"没有用到的列：{'、'.join(unused)}")
    return found


def fields(spec: TableSpec) -> list[FieldSpec]:
    """The columns of a table that a file can fill."""
    return [each for each in spec.fields if each.key not in NOT_IMPORTED and each.kind is not Kind.USER]


def _plain(header: str) -> str:
    """A header without blanks and without a unit in brackets at its end."""
    text = clean(header).replace(" ", "")
    return _BRACKETS.sub("", text) or text


def _names(each: FieldSpec) -> list[str]:
    return [_plain(each.name), *map(_plain, SYNONYMS.get(each.key, ()))]


def _take(found: Columns, taken: dict[int, str], each: FieldSpec, place: int, sheet: Sheet) -> None:
    found.at[each.key], found.headers[each.key] = place, sheet.headers[place]
    taken[place] = each.key


def _told(
    sheet: Sheet,
    spec: TableSpec,
    key: str,
    header: str,
    names: list[str],
    found: Columns,
    taken: dict[int, str],
) -> None:
    each = spec.by_key.get(key)
    if each is None or each not in fields(spec):
        found.faults.append(Fault(sheet.title, None, "", f"{spec.name}没有可以导入的列“{key}”"))
    elif _plain(header) not in names:
        found.faults.append(_fault(sheet, header, f"文件里没有这一列，不能用作“{each.name}”"))
    elif names.index(_plain(header)) in taken:
        found.faults.append(_fault(sheet, header, "被指定给了两个不同的列"))
    else:
        _take(found, taken, each, names.index(_plain(header)), sheet)


def _missing(sheet: Sheet, spec: TableSpec, found: Columns, taken: Mapping[int, str]) -> None:
    free = {_plain(header): header for place, header in enumerate(sheet.headers) if place not in taken}
    for key in REQUIRED[spec.key]:
        if key in found.at:
            continue
        each = spec.by_key[key]
        close = [
            free[name] for wanted in _names(each) for name in difflib.get_close_matches(wanted, free, 1, 0.5)
        ]
        guess = f"；是不是改名成了“{close[0]}”？可以改回来，或指定对应列" if close else "，请补上这一列"
        found.faults.append(_fault(sheet, each.name, f"缺少这一列{guess}"))


def _fault(sheet: Sheet, column: str, sentence: str) -> Fault:
    return Fault(sheet.title, sheet.header_row, column, sentence)
