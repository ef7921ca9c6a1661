"""How inputs come together: what is read, what stops whom, and that unknown is never zero."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bitable_sync.cells import EMPTY, Person
from payslip import specs
from payslip.calculate import calculate
from payslip.collect_cells import read_month
from payslip.documents import Charged, EmployeeNo, Month, PaidMonth, canonical
from payslip.errors import CannotCompute
from tests.payslip.collect_kit import SPOILT, Past, gathered, of, sentences
from tests.payslip.kit import CHENGDU
from tests.payslip.rows_kit import (
    attendance,
    commission,
    declaration,
    employee,
    one_off,
    opening,
    param,
    score,
    social,
    tables,
)


def test_a_whole_month_comes_together() -> None:
    """Fields, commission, deductions, account, opening and sources are there; nothing is wrong."""
    result = gathered()
    assert result.problems == ()
    who = of(result)
    assert (who.name, who.department, who.open_id, who.supervisor) == ("王芳", "运营部", "ou_E001", "ou_boss")
    assert who.attendance_present
    assert who.problem == ""
    person = who.person
    assert person is not None
    assert person.fields == {
        "基本工资": 6000, "岗位工资": 2000, "绩效基数": 2000, "绩效系数": Decimal("1.1"), "应出勤天数": 21,
        "未在职天数": 0, "缺勤天数": 0, "事假天数": 0, "病假天数": 0, "迟到次数": 0, "工作日加班": 0,
        "休息日加班": 0, "节假日加班": 0,
    }  # fmt: skip
    assert [(entry.plan, entry.base) for entry in person.commission] == [("店铺提成", 100000)]
    assert person.history == (
        PaidMonth(
            paid=Month("2026-10"), income=Decimal(90000), exempt=Decimal(0), special=Decimal(9000),
            withheld=Decimal(1200),
        ),
    )  # fmt: skip
    assert person.account is not None
    assert person.account.holder == "王芳"
    assert person.sources["应出勤天数"].source == "飞书考勤"
    assert person.sources["应出勤天数"].at == "2026-11-01T10:00:00+08:00"
    assert person.sources["绩效系数"].source == "人工录入"
    assert person.sources["基本工资"].source == "文件 员工.xlsx"
    assert calculate(result.books, person).totals.gross > 0


def test_books_hold_what_is_in_force() -> None:
    """Taxes of the month of payment, the rest of the month worked; other years' rows are left aside."""
    found = tables()
    found[specs.PARAMS] += [param("减除费用", "6000", start=date(2026, 11, 1))]
    found[specs.PARAMS][0]["end"] = date(2026, 10, 31)
    found[specs.PARAMS] += [param("最低工资", "2500", CHENGDU, start=date(2026, 11, 1))]
    city = next(r for r in found[specs.PARAMS] if r["name"] == "最低工资")
    city["end"] = date(2026, 10, 31)
    found[specs.SOCIAL] += [social("养老", "0.09", "0.16", row="next", start=date(2027, 1, 1))]
    found[specs.SOCIAL][0]["end"] = date(2026, 12, 31)
    result = gathered(found)
    assert result.books.params["减除费用"] == 6000
    assert result.books.city_params[CHENGDU]["最低工资"] == 2330
    assert [rule.employee_rate for rule in result.books.social if rule.fund == "养老"] == [Decimal("0.08")]
    assert len(result.books.annual_table) == len(result.books.monthly_table) == 7
    assert of(result).problem == ""


def test_the_order_of_rows_changes_nothing() -> None:
    """The same rows in any order give the same bytes, so that a signature is not voided by sorting."""
    found = tables(
        pay_commission=[
            commission("E001", "团队奖金池", pool="10000", coefficient="1"),
            commission("E002", "团队奖金池", coefficient="0.5"),
            commission(base="100000"),
        ],
        pay_one_offs=[one_off(row="X1"), one_off(row="X2", amount="700"), one_off(kind="损失赔偿", row="X3")],
        pay_deductions=[declaration(), declaration(row="D2", item="住房租金", monthly="1500")],
    )
    first = gathered(found)
    for seed in range(5):
        dice = random.Random(seed)
        again = gathered({key: dice.sample(rows, len(rows)) for key, rows in found.items()})
        assert canonical(again.books) == canonical(first.books)
        assert [canonical(w.person) for w in again.people if w.person] == [
            canonical(w.person) for w in first.people if w.person
        ]


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-10", "2026-10"), ("2026/10", "2026-10"), ("2026.1", "2026-01"), ("2026年10月", "2026-10"),
        ("２０２６年１月", "2026-01"), ("202610", "2026-10"), (" 2026-10 ", "2026-10"), ("2026-13", None),
        ("10月", None), ("20261", None), ("", None), ("2026-10-01", None),
    ],
)  # fmt: skip
def test_months_in_every_spelling(text: str, month: str | None) -> None:
    """Usual spellings are one month; anything doubtful is none."""
    assert read_month(text) == month


def test_a_month_spelled_otherwise_is_found() -> None:
    """2026年10月 in attendance and 2026/10 in scores are this month; 十月 is told."""
    found = tables()
    found[specs.ATTENDANCE][0]["month"] = "2026年10月"
    found[specs.SCORES][0]["month"] = "2026/10"
    found[specs.SCORES][1]["month"] = "十月"
    result = gathered(found)
    assert of(result).person is not None
    assert "绩效评分「月份」不是月份，请写成 2026-10 这样，这一行没有采用" in sentences(result, "E002")


# --- unknown is not zero ---


def test_missing_attendance_is_not_a_month_without_absence() -> None:
    """No row: the columns are left out, the computation refuses, and it says so."""
    result = gathered(tables(pay_attendance=[attendance("E002", "李伟")]))
    who = of(result)
    assert not who.attendance_present
    assert who.person is not None
    assert "缺勤天数" not in who.person.fields
    with pytest.raises(CannotCompute):
        calculate(result.books, who.person)
    assert of(result, "E002").attendance_present


@pytest.mark.parametrize("value", [EMPTY, SPOILT, Decimal(-1), "三天"])
def test_a_cell_that_cannot_be_used_is_left_out_and_told(value: Any) -> None:
    """Empty, unreadable, negative or text: never zero, and the content is not repeated."""
    found = tables()
    found[specs.ATTENDANCE][0]["sick_days"] = value
    result = gathered(found)
    person = of(result).person
    assert person is not None
    assert "病假天数" not in person.fields
    (told,) = sentences(result, "E001")
    assert told.startswith("考勤汇总「病假天数」")
    assert not any(digit in told for digit in "0123456789三")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("city", EMPTY, "员工「城市」是空的"),
        ("join", EMPTY, "员工「入职日期」是空的"),
        ("join", SPOILT, "员工「入职日期」读不出来，应为日期，请改正"),
        ("leave", SPOILT, "员工「离职日期」读不出来，应为日期，请改正"),
        ("social_base", EMPTY, "员工「社保基数」是空的"),
        ("fund_base", SPOILT, "员工「公积金基数」读不出来，应为数字，请改正"),
        ("fund_rate", Decimal(6), "员工「公积金比例」超过 100%，请按百分数填写，如 5%"),
        ("first_job", SPOILT, "员工「本年首次就业」读不出来，应为勾选框，请改正"),
        ("name", EMPTY, "员工「姓名」是空的"),
        ("base_from", "去年", "员工「基数起月」不是月份，请写成 2026-10 这样"),
        ("base_from", "2026-11", "员工「基数起月」晚于 2026-10，本月用哪个基数未知，请改正"),
    ],
)
def test_what_a_document_needs_stops_only_this_person(key: str, value: Any, told: str) -> None:
    """Table, column and what to do; the colleague is collected."""
    found = tables()
    found[specs.EMPLOYEES][0][key] = value
    result = gathered(found)
    assert of(result).person is None
    assert of(result).problem == told
    assert of(result, "E002").person is not None


def test_no_sentence_repeats_what_stands_in_a_cell() -> None:
    """Unreadable cells quote their content; what is stored unsealed does not."""
    found = tables()
    for table in (specs.EMPLOYEES, specs.ATTENDANCE, specs.SCORES, specs.COMMISSION, specs.DEDUCTIONS):
        for key in found[table][0]:
            if key not in {"no", "name", "source", "source_at", "sync_issue"}:
                changed = {**tables(), table: [{**found[table][0], key: SPOILT}, *found[table][1:]]}
                result = gathered(changed)
                told = [*(who.problem for who in result.people), *(p.sentence for p in result.problems)]
                assert not any("12,345" in sentence for sentence in told), (table, key)


# --- people ---


def test_two_rows_of_one_number_stop_this_person() -> None:
    """Nobody can tell which row is right."""
    result = gathered(
        tables(pay_employees=[employee(), employee(base_wage="9000"), employee("E002", "李伟")])
    )
    assert of(result).person is None
    assert of(result).problem == "员工表里这个工号有 2 行，请只留一行"
    assert [who.no for who in result.people] == ["E001", "E002"]


def test_a_shared_feishu_account_stops_both() -> None:
    """One would read the other's payslip. Somebody who left long ago does not count."""
    same = (Person("ou_E001"),)
    result = gathered(tables(pay_employees=[employee(), employee("E002", "李伟", person=same)]))
    assert [who.person for who in result.people] == [None, None]
    assert "与工号 E002 相同" in of(result).problem
    left = employee("E002", "李伟", person=same, leave=date(2025, 6, 30))
    assert of(gathered(tables(pay_employees=[employee(), left]))).person is not None


@pytest.mark.parametrize("table", ["pay_attendance", "pay_scores", "pay_opening"])
def test_two_rows_for_the_month_stop_this_person(table: str) -> None:
    """Attendance, score or opening twice."""
    found = tables()
    found[table].append(dict(found[table][0]))
    result = gathered(found)
    assert of(result).person is None
    assert "本月有 2 行，请只留一行" in of(result).problem
    assert of(result, "E002").person is not None


def test_rows_nobody_can_own_are_told() -> None:
    """An unknown number, and a row without one."""
    found = tables(
        pay_scores=[score(), score("E002", "李伟"), score("E999", "赵六"), score(no=EMPTY, name="钱七")]
    )
    problems = {(p.no, p.name, p.sentence) for p in gathered(found).problems}
    assert ("E999", "赵六", "绩效评分里的工号在员工表中没有，没有采用") in problems
    assert ("", "钱七", "绩效评分有一行没有可用的工号，没有采用") in problems


def test_another_name_is_told_and_blanks_are_not() -> None:
    """王　芳 is 王芳; 王方 is asked about."""
    assert gathered(tables(pay_scores=[score(name="王　芳"), score("E002", "李伟")])).problems == ()
    told = sentences(gathered(tables(pay_scores=[score(name="王方"), score("E002", "李伟")])), "E001")
    assert told == ["绩效评分里这个工号写的是“王方”，与员工表不同，请核对是不是同一个人"]


def test_who_is_employed_for_a_day_is_in() -> None:
    """Joined on the last day, left on the first: in. Joined later, left before: out."""
    people = [
        employee("E001", "甲", join=date(2026, 10, 31)),
        employee("E002", "乙", leave=date(2026, 10, 1)),
        employee("E003", "丙", join=date(2026, 11, 1)),
        employee("E004", "丁", leave=date(2026, 9, 30)),
    ]
    assert [who.no for who in gathered(tables(pay_employees=people)).people] == ["E001", "E002"]


def test_a_leaver_with_a_one_off_gets_only_that() -> None:
    """No wage, no attendance; the computation gives exactly the one-off, and commission is asked about."""
    found = tables(
        pay_employees=[employee(leave=date(2026, 9, 15)), employee("E002", "李伟")],
        pay_one_offs=[one_off(amount="500")],
        pay_attendance=[attendance("E002", "李伟", due_days="18")],
        pay_scores=[score("E002", "李伟")],
    )
    result = gathered(found)
    person = of(result).person
    assert person is not None
    assert of(result).attendance_present
    assert person.fields["应出勤天数"] == person.fields["未在职天数"] == 18
    assert person.commission == ()
    assert calculate(result.books, person).totals.gross == 500
    assert "已离职，本月提成数据没有采用；要补发请填一次性项目" in sentences(result, "E001")


def test_joining_within_the_month_must_show_in_attendance() -> None:
    """15 October with no day off is asked about; 1 November 2026 is a Sunday, so the 2nd is a whole month."""
    found = tables()
    found[specs.EMPLOYEES][0]["join"] = date(2026, 10, 15)
    assert "月中入职或离职，但未在职天数是 0，请核对考勤汇总" in sentences(gathered(found), "E001")
    found[specs.ATTENDANCE][0]["off_days"] = Decimal(8)
    assert sentences(gathered(found), "E001") == []
    november = tables(
        pay_attendance=[attendance(month="2026-11"), attendance("E002", "李伟", month="2026-11")]
    )
    november[specs.EMPLOYEES][0]["join"] = date(2026, 11, 2)
    later = gathered(november, month=Month("2026-11"), pay_date=date(2026, 12, 10))
    assert not any("未在职" in told for told in sentences(later, "E001"))


def test_scope_is_a_correction_of_some() -> None:
    """Only they are collected; a number that is not there is told; the pool still counts everybody."""
    found = tables(
        pay_commission=[
            commission("E001", "团队奖金池", pool="10000", coefficient="1"),
            commission("E002", "团队奖金池", coefficient="0.5"),
        ]
    )
    result = gathered(found, scope=(EmployeeNo("E001"), EmployeeNo("E404")))
    assert [who.no for who in result.people] == ["E001"]
    person = of(result).person
    assert person is not None
    assert person.commission[0].coefficients == {"E001": 1, "E002": Decimal("0.5")}
    assert sentences(result, "E404") == ["要更正的工号本月没有可以核算的人，请核对工号"]


def test_an_account_half_filled_is_no_account() -> None:
    """It is told and the person is collected; the payout asks about it again."""
    found = tables()
    found[specs.EMPLOYEES][0]["holder"] = EMPTY
    result = gathered(found)
    person = of(result).person
    assert person is not None
    assert person.account is None
    assert sentences(result, "E001") == ["开户行、收款账号、户名没有填全，不能发放"]


def test_two_thousand_people_come_together() -> None:
    """Everyone is collected; a whole company passes through in one go."""
    people = [employee(f"E{number:05d}", f"员工{number}") for number in range(2000)]
    rows = {
        "pay_employees": people,
        "pay_attendance": [attendance(str(each["no"]), str(each["name"])) for each in people],
        "pay_scores": [score(str(each["no"]), str(each["name"])) for each in people],
        "pay_commission": [
            commission(str(each["no"]), "团队奖金池", pool="100000", coefficient="1") for each in people[:50]
        ],
        "pay_deductions": [declaration(str(each["no"])) for each in people],
        "pay_opening": [opening(str(each["no"])) for each in people],
    }
    result = gathered(tables(**rows))
    assert len(result.people) == 2000
    assert all(who.person is not None for who in result.people)


# --- who was here last month ---


def september() -> Past:
    """Paid for September."""
    none: dict[Any, Any] = {}
    return Past(charged={"2026-09": Charged(month=Month("2026-09"), employee=none, employer=none)})


def test_somebody_whose_row_is_gone_is_not_left_out_in_silence() -> None:
    """A deleted row, a changed number or a late day of joining: told; who left or was not paid is not."""
    found = tables()
    found[specs.EMPLOYEES] = [
        employee(),
        employee("E003", "赵敏", join=date(2026, 12, 1)),
        employee("E004", "孙丽", leave=date(2026, 9, 30)),
    ]
    nos = [EmployeeNo(no) for no in ("E001", "E002", "E003", "E004")]
    result = gathered(found, history={no: september() for no in nos})
    assert "员工表里已没有这个工号" in " ".join(sentences(result, "E002"))
    assert "入职日期" in " ".join(sentences(result, "E003"))
    assert sentences(result, "E004") == []
    earlier = Past(charged={"2026-08": september().charged["2026-09"]})
    assert sentences(gathered(found, history={EmployeeNo("E002"): earlier}), "E002") == sentences(
        gathered(found), "E002"
    )
    scoped = gathered(found, history={EmployeeNo("E002"): september()}, scope=["E001"])
    assert not any("已没有这个工号" in each.sentence for each in scoped.problems)


def test_a_second_severance_is_told_for_its_exemption_is_used() -> None:
    """Three yearly wages are free once."""
    found = tables(**{specs.ONE_OFFS: [one_off(kind="离职补偿", amount="30000")]})
    again = gathered(found, history={EmployeeNo("E001"): Past(severance=True)})
    assert any("免税限额只有一份" in said for said in sentences(again, "E001"))
    first = gathered(found, history={EmployeeNo("E001"): Past()})
    assert not any("免税限额" in said for said in sentences(first, "E001"))


@pytest.mark.parametrize(
    ("join", "pay_date", "told"),
    [
        (date(2024, 3, 1), date(2026, 11, 10), ""),
        (date(2025, 1, 31), date(2026, 11, 10), ""),
        (date(2025, 2, 1), date(2026, 11, 10), "不符合条件"),
        (date(2024, 3, 1), date(2026, 1, 10), "重新确认"),
    ],
)
def test_the_low_income_rule_is_for_who_was_here_all_last_year(join: date, pay_date: date, told: str) -> None:
    """2020 No. 19; a tick that stayed from last year is asked about each January."""
    found = tables(**{specs.EMPLOYEES: [employee(join=join, low_income=True)]})
    month = Month("2025-12") if pay_date.month == 1 else Month("2026-10")
    said = " ".join(sentences(gathered(found, month=month, pay_date=pay_date), "E001"))
    assert (told in said) if told else ("上年收入不超6万" not in said)


def test_a_gap_between_opening_and_first_pay_is_told() -> None:
    """Paid elsewhere until August, here from November on: who paid September and October?"""
    gap = tables(**{specs.OPENING: [opening(through="2026-08"), opening("E002", withheld="0")]})
    assert any("中间月份" in said for said in sentences(gathered(gap), "E001"))
    assert not any("中间月份" in said for said in sentences(gathered(gap), "E002"))
