"""Withholding at its edges: limits, months, declarations, history, the bonus both ways, severance."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from payslip.agree import differences
from payslip.calculate import calculate
from payslip.documents import Books, Pay, Person, canonical
from payslip.errors import CannotCompute
from payslip.second import SecondError, recompute
from tests.payslip import kit


def january(income: str, **about: Any) -> Pay:
    """January's pay with no deduction but the basic one."""
    return calculate(kit.flat_books("2026-01"), kit.flat_person(income, **about))


@pytest.mark.parametrize(
    ("taxable", "rate", "tax"),
    [
        ("0", "0.03", "0.00"),
        ("0.16", "0.03", "0.00"),
        ("0.17", "0.03", "0.01"),
        ("36000", "0.03", "1080.00"),
        ("36000.01", "0.10", "1080.00"),
        ("36000.05", "0.10", "1080.01"),
        ("144000", "0.10", "11880.00"),
        ("144000.05", "0.20", "11880.01"),
        ("300000", "0.20", "43080.00"),
        ("300001", "0.25", "43080.25"),
        ("420000", "0.25", "73080.00"),
        ("420001", "0.30", "73080.30"),
        ("660000", "0.30", "145080.00"),
        ("660001", "0.35", "145080.35"),
        ("960000", "0.35", "250080.00"),
        ("960001", "0.45", "250080.45"),
    ],
)
def test_limits_belong_to_the_lower_row(taxable: str, rate: str, tax: str) -> None:
    """Every limit of the annual table, at it and above it."""
    slip = january(str(Decimal(taxable) + 5000))
    assert slip.trail.taxable == Decimal(taxable)
    assert slip.trail.rate == Decimal(rate)
    assert kit.lines(slip)["个人所得税"] == Decimal(tax)


def test_the_explanation_repeats_the_figures() -> None:
    """An employee can check the line with a pocket calculator."""
    slip = january("41000")
    assert kit.how(slip, "个人所得税") == "累计应纳税所得额 36,000 × 3% − 速算扣除数 0 − 本年已预扣 0"
    lower = january("5000", history=[paid("2026-01", "10000", "900")])
    assert "本月不扣" in kit.how(lower, "个人所得税")


def paid(month: str, income: str, withheld: str, special: str = "0") -> dict[str, str]:
    """An entry of the history."""
    return {"paid": month, "income": income, "exempt": "0", "special": special, "withheld": withheld}


@pytest.mark.parametrize(
    ("about", "months", "basic"),
    [
        ({}, 10, "50000"),
        ({"join": "2026-10-31"}, 1, "5000"),
        ({"join": "2026-07-01"}, 4, "20000"),
        ({"join": "2026-07-01", "first_job": True}, 10, "50000"),
        ({"low_income": True}, 10, "60000"),
        ({"join": "2025-12-31"}, 10, "50000"),
        ({"join": "2026-12-01"}, 0, "0"),
    ],
)
def test_months_of_service_give_the_basic_deduction(about: dict[str, Any], months: int, basic: str) -> None:
    """Counted from January or from joining; a first job counts from January, low income takes the year."""
    slip = calculate(kit.flat_books(), kit.flat_person(8_000, **about))
    assert (slip.trail.months, slip.trail.basic) == (months, Decimal(basic))


def test_the_month_of_payment_counts_not_the_month_of_work() -> None:
    """December's work paid in January opens a new year."""
    person = kit.flat_person(8_000, "1000", join="2026-12-01")
    slip = calculate(kit.flat_books("2026-12", pay_date="2027-01-10"), person)
    assert slip.paid.paid == "2027-01"
    assert slip.charged.month == "2026-12"
    assert slip.trail.months == 1
    assert slip.trail.additional == 1_000


@pytest.mark.parametrize(
    ("more", "total"),
    [
        ({"start": "2026-01", "declared": "2026-01"}, 10_000),
        ({"start": "2026-01", "declared": "2026-10"}, 10_000),
        ({"start": "2026-01", "declared": "2026-11"}, 0),
        ({"start": "2026-06", "declared": "2026-06"}, 5_000),
        ({"start": "2024-09", "declared": "2024-09"}, 10_000),
        ({"start": "2026-01", "declared": "2026-01", "end": "2026-03"}, 3_000),
        ({"start": "2025-01", "declared": "2025-01", "end": "2025-12"}, 0),
        ({"start": "2026-11", "declared": "2026-10"}, 0),
        ({"start": "2026-01", "declared": "2026-01", "end": "2027-12"}, 10_000),
    ],
)
def test_declarations_count_from_when_they_are_valid(more: dict[str, str], total: int) -> None:
    """Late declarations catch up; others wait for their month; none looks beyond the tax month."""
    slip = calculate(kit.flat_books(), kit.flat_person(9_000, additional=[kit.declaration("1000", **more)]))
    assert slip.trail.additional == total


def test_declarations_of_joiners_begin_with_the_job_unless_it_is_the_first() -> None:
    """The months before belong to the former employer; at a first job there was none."""
    joined = {"join": "2026-08-15", "additional": [kit.declaration("1000")]}
    assert calculate(kit.flat_books(), kit.flat_person(9_000, **joined)).trail.additional == 3_000
    first = kit.flat_person(9_000, first_job=True, **joined)
    assert calculate(kit.flat_books(), first).trail.additional == 10_000


def test_what_was_really_withheld_counts() -> None:
    """A month that withheld too little or too much is put right by the next one."""
    history = [paid("2026-01", "15000", "0"), paid("2026-02", "15000", "900")]
    slip = calculate(kit.flat_books("2026-03"), kit.flat_person(15_000, history=history))
    assert slip.trail.due == 900
    assert kit.lines(slip)["个人所得税"] == 0
    none = [paid("2026-01", "15000", "0"), paid("2026-02", "15000", "0")]
    assert (
        kit.lines(calculate(kit.flat_books("2026-03"), kit.flat_person(15_000, history=none)))["个人所得税"]
        == 900
    )


def test_too_much_withheld_is_carried_as_information() -> None:
    """A declaration in June leaves a credit that later months use up."""
    late = kit.declaration("3000", declared="2026-06")
    pays = kit.run_year([10_000] * 12, additional=[late])
    assert [kit.lines(pay)["个人所得税"] for pay in pays] == [150] * 5 + [0] * 7
    assert [int(pay.trail.carried) for pay in pays[5:]] == [-390, -330, -270, -210, -150, -90, -30]


def test_exempt_income_is_gross_but_not_taxed() -> None:
    """A component marked as not taxable."""
    structure = (kit.component("月工资", "[工资]"), kit.component("独生子女费", "1200", taxable=False))
    slip = calculate(kit.flat_books("2026-01", structure=structure), kit.flat_person(10_000))
    assert slip.totals.gross == 11_200
    assert (slip.trail.income, slip.trail.exempt, slip.trail.taxable) == (11_200, 1_200, 5_000)
    assert slip.paid.exempt == 1_200


@pytest.mark.parametrize(
    ("books", "about", "says"),
    [
        ({"params": {}}, {}, "薪酬参数里没有“减除费用”"),
        ({"params": {}}, {"low_income": True}, "薪酬参数里没有“年度减除费用”"),
        ({"annual_table": []}, {}, "税率表没有最高一档"),
        ({}, {"history": [paid("2025-12", "1", "0")]}, "别的年度"),
    ],
)
def test_missing_rules_are_named(books: dict[str, Any], about: dict[str, Any], says: str) -> None:
    """Unknown is no zero."""
    with pytest.raises(CannotCompute, match=says):
        calculate(kit.flat_books(**books), kit.flat_person(9_000, **about))


# --- the yearly bonus ---


def bonus(amount: str, *, separate: bool = True, wage: int = 5_000, **about: Any) -> Pay:
    """January's pay with a yearly bonus."""
    return january(str(wage), one_off=[kit.one_off("全年一次性奖金", amount, separate=separate)], **about)


@pytest.mark.parametrize(
    ("amount", "tax"),
    [
        ("144000", "14190.00"), ("144001", "27390.20"), ("300000", "58590.00"), ("300001", "72340.25"),
        ("420000", "102340.00"), ("420001", "121590.30"), ("660000", "193590.00"), ("660001", "223840.35"),
        ("960000", "328840.00"), ("960001", "416840.45"), ("0", "0"), ("36000.01", "3390.00"),
    ],
)  # fmt: skip
def test_every_cliff_of_the_monthly_table(amount: str, tax: str) -> None:
    """A twelfth picks the row, and one yuan more costs the jump of the quick deduction."""
    assert kit.lines(bonus(amount))["全年一次性奖金个税"] == Decimal(tax)


@pytest.mark.parametrize(
    ("amount", "warned"),
    [
        ("36000", False), ("36000.01", True), ("38566.66", True), ("38566.67", False), ("160499", True),
        ("160500", False), ("318333.30", True), ("318333.34", False), ("447499", True), ("447500", False),
        ("706538.40", True), ("706538.47", False), ("1119999", True), ("1120000", False), ("3000", False),
    ],
)  # fmt: skip
def test_a_bonus_in_a_cliff_zone_is_warned_about(amount: str, warned: bool) -> None:
    """Until the net is back at what the limit would have given."""
    words = [each for each in bonus(amount).warnings if "少发一些" in each]
    assert bool(words) is warned
    assert not any(character.isdigit() for each in words for character in each)


def test_both_ways_are_compared() -> None:
    """A small income is better off merging, a large one apart; the warning names no amount."""
    merge = bonus("36000", wage=0)
    assert any("并入可少缴" in words for words in merge.warnings)
    assert not bonus("36000", wage=30_000).warnings
    apart = bonus("36000", separate=False, wage=60_000)
    assert any("单独计税可少缴" in words for words in apart.warnings)
    assert kit.lines(apart)["个人所得税"] == Decimal(91_000) * Decimal("0.1") - 2_520
    assert not bonus("36000", separate=False, wage=60_000, bonus_used=True).warnings


def test_a_bonus_is_taxed_apart_once_a_year() -> None:
    """Neither twice in a month nor after an earlier one; merging is always possible."""
    twice = [kit.one_off("全年一次性奖金", "1000", separate=True)] * 2
    with pytest.raises(CannotCompute, match="一年只能单独计税一次"):
        january("5000", one_off=twice)
    with pytest.raises(CannotCompute, match="一年只能单独计税一次"):
        bonus("1000", bonus_used=True)
    mixed = [twice[0], kit.one_off("全年一次性奖金", "2000")]
    slip = january("5000", one_off=mixed)
    assert kit.lines(slip)["全年一次性奖金"] == 1_000
    assert kit.lines(slip)["全年一次性奖金 2"] == 2_000
    assert slip.paid.income == 7_000


def test_severance_needs_the_local_wage_and_adds_up() -> None:
    """Two payments count together; without the city's figure nothing is guessed."""
    items = [kit.one_off("离职补偿", "200000"), kit.one_off("离职补偿", "200000")]
    books = kit.flat_books("2026-01", city_params={kit.CHENGDU: {"当地社平年工资": "100000"}})
    slip = calculate(books, kit.flat_person(5_000, one_off=items))
    assert kit.lines(slip)["离职补偿个税"] == 100_000 * Decimal("0.1") - 2_520
    assert slip.totals.tax == kit.lines(slip)["离职补偿个税"]
    with pytest.raises(CannotCompute, match="当地社平年工资"):
        calculate(kit.flat_books(city_params={}), kit.flat_person(5_000, one_off=items))


def test_the_bonus_table_must_have_a_top() -> None:
    """A table that ends too low is named."""
    with pytest.raises(CannotCompute, match="按月换算税率表"):
        calculate(
            kit.flat_books(monthly_table=kit.MONTHLY_TABLE[:1]),
            kit.flat_person(5_000, one_off=[kit.one_off("全年一次性奖金", "90000", separate=True)]),
        )


def test_when_bonuses_are_no_longer_taxed_apart_only_such_a_bonus_fails() -> None:
    """The monthly table has ended: ordinary pay and a merged bonus are computed, both times alike."""
    ended = kit.flat_books("2028-01", monthly_table=())
    who = kit.flat_person(20_000, join=date(2020, 1, 1))
    merged = who.model_copy(update={"one_off": kit.flat_person(0, one_off=[BONUS]).one_off})
    for each, tax in ((who, "450.00"), (merged, "2580.00")):
        slip = calculate(ended, each)
        assert kit.lines(slip)["个人所得税"] == Decimal(tax)
        assert agree(ended, each) == []
    apart = kit.flat_person(20_000, one_off=[{**BONUS, "separate": True}])
    with pytest.raises(CannotCompute, match="不能单独计税，请并入当月"):
        calculate(ended, apart)
    with pytest.raises(SecondError):
        recompute(ended.model_dump(mode="json"), json.loads(canonical(apart)))


BONUS = {"kind": "全年一次性奖金", "amount": "36000"}


@pytest.mark.parametrize(
    ("leave", "month", "counted"),
    [
        (None, "2026-10", 11),
        ("2026-10-20", "2026-10", 11),  # the last pay, paid the month after
        ("2026-12-31", "2026-10", 11),  # leaves later
        ("2026-06-10", "2026-10", 7),  # a one-off four months later: no months of work since
        ("2025-12-31", "2026-03", 1),  # December's pay was paid in January
        ("2025-10-31", "2026-03", 0),
    ],
)
def test_months_after_leaving_do_not_count(leave: str | None, month: str, counted: int) -> None:
    """任职受雇月份 end with the last pay; the additional deductions with them. Both computations agree."""
    year, number = int(month[:4]), int(month[5:])
    books = kit.flat_books(month, pay_date=date(year, number + 1, 10))
    gone = date.fromisoformat(leave) if leave else None
    late = {"kind": "补发", "amount": "90000"}
    who = kit.flat_person(0, "1000", join=date(2024, 3, 1), leave=gone, one_off=[late])
    slip = calculate(books, who)
    assert slip.trail.months == counted
    assert slip.trail.basic == 5_000 * counted
    assert slip.trail.additional == 1_000 * counted
    assert agree(books, who) == []


def agree(books: Books, who: Person) -> list[str]:
    """Where the two computations differ."""
    again = recompute(books.model_dump(mode="json"), json.loads(canonical(who)))
    return list(differences(calculate(books, who), again))
