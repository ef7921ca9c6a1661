"""The second computation against each rule of docs/PAY.md but the tax: figures worked out by hand."""

from typing import Any

import pytest

from payslip.second import SecondError, recompute
from tests.payslip.plain import books, component, one_off, person, rule


def sales(of: dict[str, Any], **entry: Any) -> dict[str, str]:
    """The pay of somebody with one commission entry and nothing else."""
    blank = {"base": "0", "spend": "0", "target": "0", "pool": "0", "coefficients": {}, "clawback": "0"}
    with_plan = books(plans=[of], structure=[component("提成", "[提成金额]")])
    return recompute(with_plan, person(commission=[blank | {"plan": "甲"} | entry]))


def plan(kind: str, *tiers: tuple[str, str | None, str]) -> dict[str, Any]:
    """A plan called 甲."""
    rows = [{"start": start, "upto": upto, "rate": rate} for start, upto, rate in tiers]
    return {"name": "甲", "kind": kind, "tiers": rows}


TIERS = (("0", "500000", "0.015"), ("500000", None, "0.02"))


@pytest.mark.parametrize(
    ("kind", "tiers", "entry", "expected"),
    [
        ("固定比例", (("0", None, "0.015"),), {"base": "0.33"}, "0.00"),
        ("固定比例", (("0", None, "0.015"),), {"base": "1.00"}, "0.02"),
        ("分段阶梯", TIERS, {"base": "600000"}, "9500.00"),
        ("全额阶梯", TIERS, {"base": "500000"}, "7500.00"),
        ("全额阶梯", TIERS, {"base": "500000.01"}, "10000.00"),
        ("全额阶梯", TIERS, {"base": "0"}, "0.00"),
        ("ROI分成", (("0", None, "0.1"),), {"base": "500000", "spend": "100000", "target": "4"}, "10000.00"),
        ("ROI分成", (("0", None, "0.1"),), {"base": "300000", "spend": "100000", "target": "4"}, "0.00"),
    ],
)
def test_commission_by_kind(kind: str, tiers: Any, entry: dict[str, str], expected: str) -> None:
    """Slices, whole tiers with the upper limit inclusive, and the share above the target ROI."""
    assert sales(plan(kind, *tiers), **entry)["line:提成"] == expected


def test_a_pool_is_handed_out_to_the_last_cent() -> None:
    """100.00 among three equals: the cent left goes to the lowest employee number."""
    shares = {}
    for no in ("E003", "E001", "E002"):
        entry = {"pool": "100", "coefficients": {"E002": "1", "E003": "1", "E001": "1"}}
        blank = {"base": "0", "spend": "0", "target": "0", "clawback": "0", "plan": "甲"}
        with_plan = books(plans=[plan("团队池")], structure=[component("提成", "[提成金额]")])
        shares[no] = recompute(with_plan, person(no=no, commission=[blank | entry]))["line:提成"]
    assert shares == {"E001": "33.34", "E002": "33.33", "E003": "33.33"}


def test_the_largest_fraction_gets_the_cent_before_the_number() -> None:
    """10.01 as 1 : 2: 333.67 and 667.33 cents; the cent goes to the .67 though its number is higher."""
    share = sales(plan("团队池"), pool="10.01", coefficients={"E000": "2", "E001": "1"})
    assert share["line:提成"] == "3.34"


def test_a_clawback_beyond_the_month_is_carried() -> None:
    """Commission is never below 0; what is left waits for the next month."""
    entry = sales(plan("固定比例", ("0", None, "0.01")), base="1000", clawback="25.5")
    assert (entry["line:提成"], entry["carry:clawback"]) == ("0.00", "15.50")


@pytest.mark.parametrize(
    ("of", "entry", "words"),
    [
        (plan("固定比例", ("0", None, "1")), {"plan": "乙"}, "不在提成标准"),
        (plan("ROI分成", ("0", None, "1")), {"base": "1"}, "广告花费为零"),
        (plan("团队池"), {"pool": "1", "coefficients": {"E001": "0"}}, "不大于零"),
        (plan("团队池"), {"pool": "1", "coefficients": {"E002": "1"}}, "没有本人"),
        (plan("团队池"), {"pool": "1", "coefficients": {"E001": "2", "E002": "-1"}}, "负数"),
        (plan("团队池"), {"pool": "-1", "coefficients": {"E001": "2"}}, "负数"),
        (plan("固定比例", ("0", None, "1")), {"clawback": "-1"}, "负数"),
        (plan("固定比例"), {"base": "1"}, "一档"),
    ],
)
def test_commission_that_cannot_be_computed(of: Any, entry: dict[str, Any], words: str) -> None:
    """Unknown is not zero."""
    with pytest.raises(SecondError, match=words):
        sales(of, **entry)


def structure(*rows: dict[str, Any], **more: Any) -> dict[str, str]:
    """The pay of somebody with the given structure."""
    return recompute(books(structure=list(rows)), person(**more))


def test_components_use_each_other_rounded_and_helpers_exact() -> None:
    """应发 hands on its rounded value, 参考 its exact one, in whatever order of rows."""
    pay = structure(
        component("乘", "[应]*300"),
        component("应", "1/3"),
        component("参", "1/3", "参考"),
        component("三", "[参]*300"),
    )
    assert (pay["line:乘"], pay["line:应"], pay["line:三"]) == ("99.00", "0.33", "100.00")
    assert "line:参" not in pay


def test_names_are_looked_up_in_order() -> None:
    """Component, then field, then city, then company."""
    pay = recompute(
        books(
            params={"减除费用": "5000", "天数": "1", "补": "2", "项": "3"},
            city_params={"成都": {"天数": "10", "补": "20"}},
            structure=[
                component("项", "[基]+0"),
                component("甲", "[项]"),
                component("乙", "[天数]"),
                component("丙", "[补]"),
            ],
        ),
        person(fields={"天数": "100", "项": "70", "基": "7"}),
    )
    assert [pay[f"line:{name}"] for name in "项甲乙丙"] == ["7.00", "7.00", "100.00", "20.00"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [component("甲", "[乙]"), component("乙", "[丙]+1"), component("丙", "[甲]")],
            "乙 → 丙 → 甲|甲 → 乙 → 丙",
        ),
        ([component("甲", "IF(1<2,1,[乙])"), component("乙", "[甲]")], "成环"),
        ([component("工资基数", "[工资基数]")], "成环"),
        ([component("甲", "[没有]")], "组件“甲”.*没有"),
        ([component("甲", "0-0.005")], "组件“甲”为负数"),
        ([component("甲", "1/0")], "组件“甲”：除数为零"),
        ([component("甲", "1 1")], "组件“甲”"),
        ([component("甲", "1"), component("甲", "2")], "同名"),
        ([component("个人所得税", "1")], "两行都叫"),
        ([component("甲", "1"), component("乙", "2", "税前扣减")], "税前扣减超过应发"),
    ],
)
def test_structures_that_are_refused(rows: list[dict[str, Any]], words: str) -> None:
    """Each names the component."""
    with pytest.raises(SecondError, match=words):
        structure(*rows)


def test_gross_and_its_lines() -> None:
    """Pretax lines are positive; a second item of a kind is numbered; exempt pay is not taxed."""
    items = [one_off("补发", "10"), one_off("税前扣款", "4.5"), one_off("补发", "20")]
    pay = structure(
        component("工资", "6000"),
        component("餐补", "300", taxable=False),
        component("缺勤", "100", "税前扣减"),
        component("零", "0"),
        one_off=items,
    )
    assert pay["total:gross"] == "6225.50"
    names = ("缺勤", "零", "补发", "补发 2", "税前扣款")
    assert [pay[f"line:{name}"] for name in names] == ["100.00", "0.00", "10.00", "20.00", "4.50"]
    assert pay["line:个人所得税"] == "27.77"  # (6,225.50 - 300 - 5,000) at 3 % = 27.765


@pytest.mark.parametrize(
    ("more", "employee"),
    [
        ({}, "80.20"), ({"floor": "2000"}, "160.00"), ({"cap": "500"}, "40.00"),
        ({"rounding": "up"}, "80.21"),
        ({"unit": "1"}, "80.00"), ({"unit": "1", "rounding": "up"}, "81.00"),
        ({"employee_fixed": "3"}, "83.20"),
        ({"unit": "0.1", "rounding": "down"}, "80.20"), ({"unit": "0.1", "rounding": "up"}, "80.30"),
        ({"end": "2025-12"}, None), ({"start": "2026-02"}, None), ({"city": "北京"}, None),
    ],
)  # fmt: skip
def test_a_fund_has_its_own_base_rounding_and_dates(more: dict[str, Any], employee: str | None) -> None:
    """1,002.53 at 8 % is 80.2024."""
    social = [rule(employee_rate="0.08", employer_rate="0.16", **more)]
    pay = recompute(books(social=social), person(social_base="1002.53"))
    assert pay.get("line:养老保险（个人）") == employee
    assert pay["total:social"] == (employee or "0.00")


@pytest.mark.parametrize(
    ("join", "leave", "charged"),
    [
        ("2026-01-15", None, True), ("2026-01-16", None, False), ("2020-01-01", "2026-01-14", False),
        ("2020-01-01", "2026-01-15", True), ("2020-01-01", "2025-12-31", False),
        ("2026-01-02", "2026-01-14", False),
    ],
)  # fmt: skip
def test_joiners_and_leavers_around_the_cutoff(join: str, leave: str | None, charged: bool) -> None:
    """Joined up to the day, left from the day on."""
    social = [rule(employee_fixed="1", employer_fixed="2", cutoff_day=15)]
    pay = recompute(books(social=social), person(join=join, leave=leave))
    assert (pay["total:social"], pay["total:employer"]) == (("1.00", "2.00") if charged else ("0.00", "0.00"))


def test_back_payment_charges_the_difference() -> None:
    """A higher base since January: per fund, less what was charged; given back where it was too much."""
    social = [rule(employee_rate="0.08", employer_rate="0.16"), rule("医疗", employee_rate="0.02")]
    charged = {
        "month": "2026-01",
        "employee": {"养老": "700", "医疗": "250", "失业": "5"},
        "employer": {"养老": "1600"},
    }
    february = books(month="2026-02", pay_date="2026-02-28", social=social)
    pay = recompute(february, person(backpay=[charged]))
    assert pay["line:补缴 2026-01 养老保险（个人）"] == "100.00"
    assert pay["line:补缴 2026-01 医疗保险（个人）"] == "-50.00"
    assert pay["line:补缴 2026-01 失业保险（个人）"] == "-5.00"
    assert "line:补缴 2026-01 养老保险（单位）" not in pay
    assert (pay["total:social"], pay["total:employer"]) == ("1045.00", "1600.00")


def test_housing_fund_above_the_limit_is_taxed() -> None:
    """Limit 12 % × 3 × 1,000 = 360: 400 each side; 360 is deducted, the employer's 40 is income."""
    social = [rule("公积金", employee_rate="0.01", employer_rate="0.01")]
    inputs = person("10000", fund_base="5000", fund_rate="0.08")
    limited = books(social=social, city_params={"成都": {"当地社平月工资": "1000"}})
    pay = recompute(limited, inputs)
    assert (pay["line:住房公积金（个人）"], pay["line:住房公积金（单位）"]) == ("400.00", "400.00")
    assert pay["line:个人所得税"] == "140.40"  # (10,000 + 40 - 5,000 - 360) at 3 %
    assert recompute(books(social=social), inputs)["line:个人所得税"] == "138.00"


def test_two_rules_for_one_fund_are_refused() -> None:
    """Overlapping dates of one fund."""
    with pytest.raises(SecondError, match="养老"):
        recompute(books(social=[rule(), rule()]), person())


def test_damages_leave_the_minimum_wage_and_the_rest_waits() -> None:
    """At most a fifth of gross, and at least the minimum wage is left."""
    owed = {"one_off": [one_off("损失赔偿", "900"), one_off("法院扣划", "100")]}
    pay = recompute(books(), person("3000", **owed))
    assert (pay["line:损失赔偿"], pay["carry:damages"], pay["total:net"]) == ("600.00", "300.00", "2300.00")
    minimum = books(city_params={"成都": {"最低工资": "2330"}})
    pay = recompute(minimum, person("3000", **owed))
    assert (pay["line:损失赔偿"], pay["carry:damages"], pay["total:net"]) == ("570.00", "330.00", "2330.00")
    pay = recompute(minimum, person("2000", **owed))
    assert "line:损失赔偿" not in pay
    assert pay["carry:damages"] == "900.00"


def test_what_pay_does_not_cover_is_carried() -> None:
    """Net is never below 0, and nothing is lost."""
    pay = structure(
        component("工资", "100"),
        component("宿舍", "150", "税后扣减"),
        component("无", "0", "税后扣减"),
        carry={"receivable": "30", "clawback": "0", "damages": "0"},
    )
    assert (pay["total:net"], pay["carry:receivable"]) == ("0.00", "80.00")
    assert (pay["line:结转下期（员工应付）"], pay["line:上期结转扣回"]) == ("80.00", "30.00")
    assert "line:无" not in pay


def test_a_carried_clawback_with_a_half_cent_is_settled_at_once() -> None:
    """100 − 75.325 is 24.675: formulas see 24.68, not what stands behind it."""
    with_plan = books(
        plans=[plan("固定比例", ("0", None, "1"))], structure=[component("提成", "[提成金额]-0.005")]
    )
    blank = {"spend": "0", "target": "0", "pool": "0", "coefficients": {}, "clawback": "0"}
    carry = {"receivable": "0", "clawback": "75.325", "damages": "0"}
    pay = recompute(with_plan, person(commission=[blank | {"plan": "甲", "base": "100"}], carry=carry))
    assert pay["line:提成"] == "24.68"
