"""The whole computation: months and attendance, gross, after tax, net and carries, errors in words."""

from decimal import Decimal
from typing import Any

import pytest

from payslip.calculate import calculate
from payslip.documents import Books, Pay, canonical
from payslip.errors import CannotCompute
from runtime.errors import PermanentError
from tests.payslip import kit

DEDUCT = "MAX(0,[基本工资]-[基本工资]/[计薪天数]*([未在职天数]+[缺勤天数]))"
ATTENDED = "MIN([基本工资],[基本工资]/[计薪天数]*([应出勤天数]-[未在职天数]-[缺勤天数]))"


def by_rule(formula: str, **fields: str) -> Decimal:
    """Pay of one component under one absence rule."""
    books = kit.books(structure=(kit.component("月薪", formula),), social=())
    return kit.lines(calculate(books, kit.person(fields={"基本工资": "8700", **fields})))["月薪"]


@pytest.mark.parametrize(
    ("weekdays", "absent", "deducted", "attended"),
    [
        ("20", "0", "8700.00", "8000.00"),
        ("21", "0", "8700.00", "8400.00"),
        ("22", "0", "8700.00", "8700.00"),
        ("23", "0", "8700.00", "8700.00"),
        ("20", "1", "8300.00", "7600.00"),
        ("23", "1", "8300.00", "8700.00"),
        ("20", "19", "1100.00", "400.00"),
        ("21", "20", "700.00", "400.00"),
        ("22", "21", "300.00", "400.00"),
        ("23", "22", "0.00", "400.00"),
    ],
)
def test_both_absence_rules_in_months_of_every_length(
    weekdays: str, absent: str, deducted: str, attended: str
) -> None:
    """Deducting and paying for attended days disagree where weekdays are not 21.75; none goes below 0."""
    days = {"应出勤天数": weekdays, "缺勤天数": absent}
    assert by_rule(DEDUCT, **days) == Decimal(deducted)
    assert by_rule(ATTENDED, **days) == Decimal(attended)


def test_without_the_floor_a_23_weekday_month_would_be_negative() -> None:
    """And is refused in words that say how to write it."""
    with pytest.raises(CannotCompute, match=r"“月薪”无法核算：结果为负数.*MAX\(0"):
        by_rule("[基本工资]-[基本工资]/[计薪天数]*[缺勤天数]", 缺勤天数="22")


def test_a_joiner_in_the_month_is_paid_for_days_employed() -> None:
    """Eleven of 22 weekdays not employed."""
    assert by_rule(DEDUCT, 应出勤天数="22", 未在职天数="11") == 4_300


def test_overtime_and_sick_pay_of_the_usual_structure() -> None:
    """Workday 150 %, rest day 200 %, holiday 300 %; sick pay is at least 80 % of the minimum wage."""
    hours = {"工作日加班": "2", "休息日加班": "8", "节假日加班": "1"}
    found = kit.lines(calculate(kit.books(), kit.person(fields={**hours, "病假天数": "5"})))
    assert found["加班费"] == Decimal("1011.49")  # 8,000 / 21.75 / 8 × 22 hours' worth
    assert found["病假扣款"] == Decimal("735.63")
    low = {"基本工资": "2330", "岗位工资": "0", "病假天数": "21.75"}
    slip = calculate(kit.books(), kit.person(fields=low))
    assert kit.lines(slip)["固定工资"] - kit.lines(slip)["病假扣款"] == Decimal("1864.00")  # 80 % of 2,330


def test_components_use_each_others_rounded_values_and_exact_helpers() -> None:
    """A 参考 keeps its thirds, a line does not."""
    structure = (
        kit.component("行三倍", "[行]*3", order=3),
        kit.component("行", "100/3", order=2),
        kit.component("辅", "100/3", "参考", order=1),
        kit.component("辅三倍", "[辅]*3", order=4),
    )
    found = kit.lines(calculate(kit.books(structure=structure, social=()), kit.person()))
    assert found["行三倍"] == Decimal("99.99")
    assert found["辅三倍"] == Decimal("100.00")
    assert "辅" not in found


def test_a_name_means_component_then_field_then_city_then_company() -> None:
    """The nearest meaning wins."""

    def of(*, component: bool, field: bool, city: bool) -> Decimal:
        structure = (kit.component("月薪", "[标准]"),)
        if component:
            structure = (*structure, kit.component("标准", "1", "参考"))
        books = kit.books(
            structure=structure,
            social=(),
            params={**kit.PARAMS, "标准": "4"},
            city_params={kit.CHENGDU: {"标准": "3"} if city else {}},
        )
        return kit.lines(calculate(books, kit.person(fields={"标准": "2"} if field else {})))["月薪"]

    assert of(component=True, field=True, city=True) == 1
    assert of(component=False, field=True, city=True) == 2
    assert of(component=False, field=False, city=True) == 3
    assert of(component=False, field=False, city=False) == 4


def flat(wage: int = 10_000, *structure: Any, books: dict[str, Any] | None = None, **about: Any) -> Pay:
    """A plain pay of January with further components."""
    rows = (kit.component("月工资", "[工资]"), *structure)
    return calculate(
        kit.flat_books("2026-01", structure=rows, **(books or {})), kit.flat_person(wage, **about)
    )


def test_gross_is_earnings_less_deductions_and_items() -> None:
    """Zero lines stay visible; pretax lines carry positive amounts; items are numbered."""
    items = [
        kit.one_off("补发", "100.005", note="九月加班"),
        kit.one_off("补发", "0"),
        kit.one_off("税前扣款", "50"),
        kit.one_off("补发", "20"),
    ]
    slip = flat(
        10_000,
        kit.component("罚没", "0", "税前扣减"),
        kit.component("旷工", "300", "税前扣减"),
        one_off=items,
    )
    assert slip.totals.gross == Decimal("9770.01")
    assert [
        (line.code, line.kind, line.amount) for line in slip.lines if line.kind in {"earning", "pretax"}
    ] == [
        ("月工资", "earning", 10_000),
        ("补发", "earning", Decimal("100.01")),
        ("补发 2", "earning", 0),
        ("补发 3", "earning", 20),
        ("旷工", "pretax", 300),
        ("罚没", "pretax", 0),
        ("税前扣款", "pretax", 50),
    ]
    assert kit.how(slip, "补发") == "九月加班"
    assert slip.paid.income == slip.totals.gross


def test_the_minimum_wage_counts_only_what_the_law_counts() -> None:
    """Overtime and one-off items stay out, deductions come off, it is never negative."""
    slip = flat(
        3_000,
        kit.component("加班费", "500", minimum_wage=False),
        kit.component("旷工", "900", "税前扣减"),
        one_off=[kit.one_off("补发", "1000"), kit.one_off("税前扣款", "10")],
    )
    assert slip.minimum_wage_base == 2_100
    overtime, absent = (
        kit.component("加班费", "500", minimum_wage=False),
        kit.component("旷工", "300", "税前扣减"),
    )
    assert flat(100, overtime, absent).minimum_wage_base == 0


# --- after tax, net, carries ---


def test_after_tax_in_the_order_of_the_law() -> None:
    """Components, court, damages within both caps, then what was owed; zero lines are left out."""
    slip = flat(
        5_000,
        kit.component("宿舍", "200", "税后扣减"),
        kit.component("餐费", "0", "税后扣减"),
        one_off=[
            kit.one_off("法院扣划", "300"),
            kit.one_off("损失赔偿", "5000"),
            kit.one_off("法院扣划", "1"),
        ],
        carry={"receivable": "50", "damages": "70"},
    )
    after = [(line.code, line.amount) for line in slip.lines if line.kind == "aftertax"]
    assert after == [
        ("宿舍", 200),
        ("法院扣划", 300),
        ("法院扣划 2", 1),
        ("损失赔偿", 1_000),
        ("上期结转扣回", 50),
    ]
    assert slip.carry.damages == 4_070
    assert slip.carry.receivable == 0
    assert slip.totals.net == 5_000 - 1_551
    assert "未扣完的转下期" in kit.how(slip, "损失赔偿")


@pytest.mark.parametrize(
    ("wage", "court", "taken"),
    [(5_000, 0, 1_000), (2_900, 0, 570), (2_900, 500, 70), (2_900, 600, 0), (2_330, 0, 0), (2_000, 0, 0)],
)
def test_damages_leave_the_minimum_wage(wage: int, court: int, taken: int) -> None:
    """A fifth of the month at most, and what is left is at least the minimum wage."""
    items = [kit.one_off("损失赔偿", "9000"), kit.one_off("法院扣划", str(court))]
    slip = flat(wage, one_off=items)
    assert kit.lines(slip).get("损失赔偿", Decimal(0)) == taken
    assert slip.carry.damages == 9_000 - taken


def test_damages_without_a_minimum_wage_are_capped_by_the_fifth_alone() -> None:
    """Two items are one line, paid off over the months."""
    items = [kit.one_off("损失赔偿", "300"), kit.one_off("损失赔偿", "200.01")]
    first = flat(2_000, one_off=items, books={"city_params": {}})
    assert kit.lines(first)["损失赔偿"] == 400
    second = flat(2_000, books={"city_params": {}}, carry=first.carry.model_dump())
    assert kit.lines(second)["损失赔偿"] == Decimal("100.01")
    assert second.carry.damages == 0
    assert "未扣完" not in kit.how(second, "损失赔偿")


def test_what_pay_cannot_cover_is_owed_and_taken_back() -> None:
    """A month of unpaid leave: the own share is due in full, next month takes it back, twice if it must."""
    rules = {"social": (kit.social("养老", employee_fixed="500"),)}
    first = flat(0, books=rules)
    assert first.totals.net == 0
    assert kit.lines(first)["结转下期（员工应付）"] == 500
    second = flat(700, books=rules, carry=first.carry.model_dump())
    assert kit.lines(second)["上期结转扣回"] == 500
    assert second.totals.net == 0
    assert second.carry.receivable == 300
    third = flat(4_000, books=rules, carry=second.carry.model_dump())
    assert third.totals.net == 3_200
    assert third.carry.receivable == 0
    for slip in (first, second, third):
        owed = kit.lines(slip).get("结转下期（员工应付）", Decimal(0))
        totals = slip.totals
        assert totals.gross + owed == totals.net + totals.social + totals.tax + totals.aftertax


def test_lines_stand_in_the_order_people_read_them() -> None:
    """Earnings, pretax, social, tax, aftertax, carry, employer."""
    about = {"carry": {"receivable": "99999"}, "fields": {"病假天数": "1"}}
    slip = calculate(kit.books(), kit.person(**about))
    kinds = [line.kind for line in slip.lines]
    order = ["earning", "pretax", "social", "tax", "aftertax", "carry", "employer"]
    assert list(dict.fromkeys(kinds)) == order
    assert kinds == sorted(kinds, key=order.index)


def test_every_line_is_explained() -> None:
    """No payslip has a bare figure."""
    about: dict[str, Any] = {
        "carry": {"receivable": "10", "damages": "20", "clawback": "5"},
        "commission": [{"plan": "店铺提成", "base": "9999"}],
        "backpay": [{"month": "2026-09", "employee": {}, "employer": {}}],
        "one_off": [
            kit.one_off(kind, "9", separate=kind == "全年一次性奖金")
            for kind in ("全年一次性奖金", "离职补偿", "补发", "税前扣款", "法院扣划", "损失赔偿")
        ],
    }
    slip = calculate(kit.books(), kit.person(**about))
    assert not [line.code for line in slip.lines if not line.how]
    assert kit.how(slip, "绩效工资") == "绩效基数 2,000 × 绩效系数 1.1"


def test_a_leaver_with_one_off_items_only() -> None:
    """Gone last month: no social insurance, the severance is paid."""
    gone = {"未在职天数": "21.75", "绩效系数": "0"}
    slip = calculate(
        kit.books(),
        kit.person(leave="2026-09-20", fields=gone, one_off=[kit.one_off("离职补偿", "20000")]),
    )
    assert slip.totals.social == 0
    assert slip.totals.net == 20_000
    assert slip.charged.employee == {}


# --- errors in words ---


@pytest.mark.parametrize(
    ("structure", "component", "says"),
    [
        ([("月薪", "[没有]")], "月薪", "没有“没有”的值，请检查列名或补齐数据"),
        ([("月薪", "1/([应出勤天数]-21)")], "月薪", "除数为零"),
        ([("月薪", "0-1")], "月薪", "结果为负数"),
        ([("月薪", "[基本工资")], "薪资结构", "“月薪”的公式有误：第 1 个字符附近：列名要写成"),
        ([("甲", "[乙]"), ("乙", "[甲]")], "薪资结构", "甲 → 乙 → 甲"),
        ([("甲", "1"), ("甲", "2")], "薪资结构", "两个“甲”"),
        ([("补发", "1")], "补发", "两行同名"),
        ([("月薪", "999999999*999999999*999999999*999999999")], "月薪", "大得无法计算"),
    ],
)
def test_formulas_that_fail_name_their_component(
    structure: list[tuple[str, str]], component: str, says: str
) -> None:
    """The error is a sentence for HR; repeating cannot help."""
    rows = [kit.component(name, text, order=at) for at, (name, text) in enumerate(structure)]
    with pytest.raises(CannotCompute, match="无法核算") as caught:
        calculate(kit.books(structure=rows), kit.person(one_off=[kit.one_off("补发", "7")]))
    assert isinstance(caught.value, PermanentError)
    assert caught.value.component == component
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"one_off": [kit.one_off("税前扣款", "99999")]}, "“应发合计”无法核算：税前扣减超过应发"),
        ({"one_off": [kit.one_off("补发", "-1")]}, "“补发”无法核算：金额为负数"),
        ({"social_base": "9" * 40}, "数值大得无法计算"),
    ],
)
def test_inputs_that_fail_say_so(about: dict[str, Any], says: str) -> None:
    """In words, without the amounts."""
    with pytest.raises(CannotCompute) as caught:
        calculate(kit.books(social=(kit.social("养老", "0.08"),)), kit.person(**about))
    assert says in str(caught.value)
    assert "99999" not in str(caught.value)


def test_missing_attendance_is_no_zero() -> None:
    """A person without an attendance row is not computed."""
    person = kit.person()
    fields = {name: value for name, value in person.fields.items() if name != "缺勤天数"}
    with pytest.raises(CannotCompute, match="没有“缺勤天数”的值"):
        calculate(kit.books(), person.model_copy(update={"fields": fields}))


def test_documents_survive_their_bytes() -> None:
    """What is sealed and read again computes the same."""
    books = Books.model_validate_json(canonical(kit.books()))
    person = type(kit.person()).model_validate_json(canonical(kit.person()))
    pay = calculate(books, person)
    assert canonical(pay) == canonical(calculate(kit.books(), kit.person()))
    assert Pay.model_validate_json(canonical(pay)) == pay
