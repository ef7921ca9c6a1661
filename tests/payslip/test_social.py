"""Social insurance and housing fund: bases, rounding, joiners and leavers, back-payment, the tax limit."""

from decimal import Decimal
from typing import Any

import pytest

from payslip.calculate import calculate
from payslip.documents import Pay, SocialRule
from payslip.errors import CannotCompute
from tests.payslip import kit


def pay(*rules: SocialRule, month: str = kit.MONTH, **about: Any) -> Pay:
    """The pay of a person with 10,000 of wage under the given rules."""
    person = kit.person(**about).model_copy(update={"fields": {"工资": Decimal(10_000)}})
    return calculate(kit.flat_books(month, social=rules), person)


def test_chengdu_charges_every_fund_by_itself() -> None:
    """Both sides of each fund, rounded one by one."""
    slip = calculate(kit.books(), kit.person(social_base="7777.77", fund_base="9999.99", fund_rate="0.07"))
    found = kit.lines(slip)
    assert found["养老保险（个人）"] == Decimal("622.22")
    assert found["失业保险（个人）"] == Decimal("31.11")
    assert found["医疗保险（个人）"] == Decimal("155.56")
    assert found["住房公积金（个人）"] == Decimal("700.00")
    assert found["住房公积金（单位）"] == Decimal("700.00")
    assert found["工伤保险（单位）"] == Decimal("7.78")
    assert "工伤保险（个人）" not in found
    assert slip.totals.social == Decimal("1508.89")
    assert slip.charged.employee == {
        "养老": Decimal("622.22"),
        "失业": Decimal("31.11"),
        "医疗": Decimal("155.56"),
        "公积金": Decimal("700.00"),
    }
    assert slip.charged.month == kit.MONTH
    assert kit.how(slip, "养老保险（个人）") == "社保基数 7,777.77 × 8%，四舍五入到分"


@pytest.mark.parametrize(
    ("base", "expected", "bound"),
    [
        ("4375.79", "350.06", "（按基数下限）"),
        ("4375.80", "350.06", ""),
        ("21879", "1750.32", ""),
        ("30000", "1750.32", "（按基数上限）"),
    ],
)
def test_the_base_stays_between_floor_and_cap(base: str, expected: str, bound: str) -> None:
    """Floor and cap count, and the slip says so."""
    slip = pay(kit.social("养老", "0.08", floor="4375.80", cap="21879"), social_base=base)
    assert kit.lines(slip)["养老保险（个人）"] == Decimal(expected)
    assert (bound or "）") in kit.how(slip, "养老保险（个人）") or not bound


@pytest.mark.parametrize(
    ("unit", "rounding", "expected"),
    [
        ("0.01", "half_up", "123.46"),
        ("0.01", "down", "123.45"),
        ("0.01", "up", "123.46"),
        ("0.1", "half_up", "123.50"),
        ("0.1", "up", "123.50"),
        ("0.1", "down", "123.40"),
        ("1", "half_up", "123.00"),
        ("1", "up", "124.00"),
        ("1", "down", "123.00"),
        ("0.5", "up", "123.50"),
        ("5", "half_up", "125.00"),
    ],
)
def test_every_city_rounds_its_own_way(unit: str, rounding: str, expected: str) -> None:
    """123.455 to fen, jiao and yuan, three ways."""
    slip = pay(kit.social("医疗", "0.0123455", unit=unit, rounding=rounding), social_base="10000")
    assert kit.lines(slip)["医疗保险（个人）"] == Decimal(expected)


def test_an_exact_amount_is_not_rounded_up() -> None:
    """Rounding up adds nothing to what is whole already."""
    slip = pay(kit.social("养老", "0.08", unit="1", rounding="up"), social_base="10000")
    assert kit.lines(slip)["养老保险（个人）"] == 800


def test_fixed_additions_are_inside_the_rounding() -> None:
    """Two percent and three yuan, as Beijing's medical insurance once."""
    slip = pay(kit.social("医疗", "0.02", employee_fixed="3", unit="1", rounding="down"), social_base="7777")
    assert kit.lines(slip)["医疗保险（个人）"] == 158
    assert kit.how(slip, "医疗保险（个人）") == "社保基数 7,777 × 2% + 3，舍去到元"


@pytest.mark.parametrize(
    ("about", "charged"),
    [
        ({"join": "2026-10-15"}, True),
        ({"join": "2026-10-16"}, False),
        ({"join": "2026-09-30"}, True),
        ({"join": "2026-11-01"}, False),
        ({"leave": "2026-10-15"}, True),
        ({"leave": "2026-10-14"}, False),
        ({"leave": "2026-11-01"}, True),
        ({"leave": "2026-09-30"}, False),
        ({"join": "2026-10-10", "leave": "2026-10-20"}, True),
        ({"join": "2026-10-10", "leave": "2026-10-12"}, False),
        ({"join": "2026-10-16", "leave": "2026-10-20"}, False),
    ],
)
def test_a_cutoff_day_decides_about_joiners_and_leavers(about: dict[str, str], charged: bool) -> None:
    """A month is charged whole or not at all; without a cutoff one day of employment is enough."""
    assert (
        "养老保险（个人）" in kit.lines(pay(kit.social("养老", "0.08", cutoff_day=15), **about))
    ) is charged
    employed = about not in ({"join": "2026-11-01"}, {"leave": "2026-09-30"})
    assert ("养老保险（个人）" in kit.lines(pay(kit.social("养老", "0.08"), **about))) is employed


def test_dated_rules_apply_in_their_months() -> None:
    """A rule that ended or has not begun charges nothing; two at a time are refused."""
    old = kit.social("养老", "0.08", start="2025-01", end="2026-06")
    new = kit.social("养老", "0.07", start="2026-07")
    assert kit.lines(pay(old, new, month="2026-06"))["养老保险（个人）"] == 640
    assert kit.lines(pay(old, new, month="2026-07"))["养老保险（个人）"] == 560
    with pytest.raises(CannotCompute, match="两行同时生效"):
        pay(old, kit.social("养老", "0.07", start="2026-06"), month="2026-06")
    with pytest.raises(CannotCompute, match="舍入单位"):
        pay(kit.social("养老", "0.08", unit="0"))


def test_a_city_without_rules_is_warned_about() -> None:
    """Nothing is charged, and somebody must look."""
    slip = pay(kit.social("养老", "0.08"), city="重庆")
    assert slip.totals.social == 0
    assert any("重庆" in words for words in slip.warnings)
    assert not pay(kit.social("养老", "0.08")).warnings


def test_a_retroactive_base_pays_the_difference_of_every_month() -> None:
    """New floor from January, published in July: the months before are computed anew, per fund and side."""
    rules = (kit.social("养老", "0.08", "0.16", floor="5000"), kit.social("失业", "0.004", "0.006"))
    before = [
        {
            "month": month,
            "employee": {"养老": "350.06", "失业": "32"},
            "employer": {"养老": "700.13", "失业": "48"},
        }
        for month in ("2026-02", "2026-01")
    ]
    slip = pay(*rules, social_base="4000", month="2026-07", backpay=before)
    found = kit.lines(slip)
    assert found["养老保险（个人）"] == 400
    assert found["补缴 2026-01 养老保险（个人）"] == Decimal("49.94")
    assert found["补缴 2026-02 养老保险（单位）"] == Decimal("99.87")
    assert found["补缴 2026-01 失业保险（个人）"] == -16
    assert slip.totals.social == 400 + 16 + 2 * (Decimal("49.94") - 16)
    assert slip.totals.employer == 800 + 24 + 2 * (Decimal("99.87") - 24)
    assert slip.paid.special == slip.totals.social
    assert slip.charged.employee == {"养老": 400, "失业": 16}
    assert "应缴 400，已缴 350.06" in kit.how(slip, "补缴 2026-01 养老保险（个人）")


def test_back_payment_gives_back_what_was_charged_in_error() -> None:
    """A month the person was not employed in, a fund that has no rule any more: all of it comes back."""
    wrong = {"month": "2026-03", "employee": {"养老": "640"}, "employer": {"大病": "80"}}
    slip = pay(kit.social("养老", "0.08"), join="2026-04-01", backpay=[wrong])
    assert kit.lines(slip)["补缴 2026-03 养老保险（个人）"] == -640
    assert kit.lines(slip)["补缴 2026-03 大病保险（单位）"] == -80
    same = {"month": "2026-05", "employee": {"养老": "640.00"}, "employer": {}}
    again = kit.lines(pay(kit.social("养老", "0.08"), backpay=[same]))
    assert not [code for code in again if code.startswith("补缴")]


@pytest.mark.parametrize(
    ("rate", "special", "excess"),
    [("0.12", "3600.00", "0"), ("0.05", "1500.00", "0"), ("0.125", "3600.00", "150.00")],
)
def test_the_housing_fund_is_free_of_tax_up_to_twelve_percent(rate: str, special: str, excess: str) -> None:
    """12 % of three local wages: above it the own share is not deducted and the employer's is income."""
    books = kit.flat_books(
        social=(kit.social("公积金", "0.05", "0.05"),),
        city_params={kit.CHENGDU: {"当地社平月工资": "10000"}},
    )
    slip = calculate(books, kit.flat_person(40_000, fund_base="30000", fund_rate=rate))
    assert slip.paid.special == Decimal(special)
    assert slip.paid.income == 40_000 + Decimal(excess)
    assert slip.totals.social == Decimal(30_000) * Decimal(rate)


def test_without_a_local_wage_there_is_no_limit() -> None:
    """Unknown is left to the doctor of the parameters, not guessed."""
    books = kit.flat_books(social=(kit.social("公积金", "0.12", "0.12"),), city_params={})
    slip = calculate(books, kit.flat_person(90_000, fund_base="90000"))
    assert slip.paid.special == 10_800
    assert slip.paid.income == 90_000


def test_back_payments_of_the_housing_fund_are_not_limited() -> None:
    """Only the month's own share is measured against the month's limit."""
    books = kit.flat_books(
        social=(kit.social("公积金", "0.12", "0.12"),),
        city_params={kit.CHENGDU: {"当地社平月工资": "10000"}},
    )
    late = {"month": "2026-09", "employee": {}, "employer": {}}
    slip = calculate(books, kit.flat_person(40_000, fund_base="30000", backpay=[late]))
    assert slip.paid.special == 7_200
    assert kit.lines(slip)["补缴 2026-09 住房公积金（个人）"] == 3_600
