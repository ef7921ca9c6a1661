"""Published examples of cumulative withholding, bonus and severance, through the public entry, to the cent.

V1, V2: the STA's own guide; the others: teaching pages, recomputed from the tables.
"""

from decimal import Decimal

import pytest

from payslip.calculate import calculate
from payslip.documents import Pay
from tests.payslip import kit


def withheld(pays: list[Pay]) -> list[Decimal]:
    """Tax withheld on wages, month by month."""
    return [kit.lines(pay)["个人所得税"] for pay in pays]


def money(*amounts: str | int) -> list[Decimal]:
    """Amounts."""
    return [Decimal(amount) for amount in amounts]


def test_v1_guide_ten_thousand() -> None:
    """V1: ten thousand a month, seventy-five of tax."""
    pays = kit.run_year([10_000] * 12, "1500", "1000")
    assert withheld(pays) == money(*["75"] * 12)
    assert pays[0].totals.net == Decimal(10_000 - 1_500 - 75)


def test_v2_guide_thirty_thousand_climbs_the_table() -> None:
    """V2: thirty thousand a month climbs through three rows."""
    pays = kit.run_year([30_000] * 12, "4500", "2000")
    expected = money(555, 625, 1850, 1850, 1850, 1850, 1850, 2250, 3700, 3700, 3700, 3700)
    assert withheld(pays) == expected
    assert sum(withheld(pays)) == 27_480


def test_v3_no_social_insurance() -> None:
    """V3: fifteen thousand without social insurance."""
    pays = kit.run_year([15_000] * 12, "0", "2000")
    assert withheld(pays) == money(240, 240, 240, 240, 520, *[800] * 7)
    assert sum(withheld(pays)) == 7_080


def test_v4_even_months() -> None:
    """V4: eight thousand, the same every month."""
    pays = kit.run_year([8_000] * 12, "1000", "1000")
    assert withheld(pays) == money(*[30] * 12)
    assert sum(withheld(pays)) == 360


def test_v5_low_income_of_last_year_takes_sixty_thousand_from_january() -> None:
    """V5: after a year of low income, 60,000 count from January."""
    pays = kit.run_year([8_000] * 12, "2000", low_income=True)
    assert withheld(pays) == money(*[0] * 10, 180, 180)
    assert withheld(kit.run_year([8_000] * 12, "2000")) == money(*[30] * 12)


def test_v6_a_good_january_is_not_refunded_by_the_employer() -> None:
    """V6: a good January is not refunded by the employer."""
    pays = kit.run_year([10_000, *[4_000] * 11])
    assert withheld(pays) == money(150, *[0] * 11)
    assert [pay.trail.carried for pay in pays[:4]] == money(0, -30, -60, -90)
    assert pays[-1].trail.due == 0
    assert pays[-1].trail.withheld_before == 150
    assert withheld(kit.run_year([10_000, *[4_000] * 11], low_income=True)) == money(*[0] * 12)


def test_v7_first_job_in_july_counts_from_january() -> None:
    """V7: a first job in July counts from January."""
    joined = {"join": "2026-07-01", "first_job": True}
    (july,) = kit.run_year([12_000], "1000", first=7, **joined)
    assert july.trail.months == 7
    assert july.trail.basic == 35_000
    assert withheld([july]) == money(0)
    (ordinary,) = kit.run_year([12_000], "1000", first=7, join="2026-07-01")
    assert ordinary.trail.basic == 5_000
    assert withheld([ordinary]) == money(180)


def test_v8_bonus_merged_into_january() -> None:
    """V8: a bonus as part of January's income."""
    items = {1: [kit.one_off("全年一次性奖金", "15000")]}
    pays = kit.run_year([8_000, 28_000], "2000", "1000", items=items)
    assert pays[0].totals.gross == 23_000
    assert withheld(pays) == money(450, 600)


@pytest.mark.parametrize(("bonus", "tax"), [("36000", "1080.00"), ("36001", "3390.10"), ("60000", "5790.00")])
def test_v9_bonus_by_itself(bonus: str, tax: str) -> None:
    """V9: a bonus taxed by itself; one yuan costs 2,310."""
    (pay,) = kit.run_year([5_000], items={1: [kit.one_off("全年一次性奖金", bonus, separate=True)]})
    assert kit.lines(pay)["全年一次性奖金个税"] == Decimal(tax)
    assert kit.lines(pay)["个人所得税"] == 0
    assert pay.paid.income == 5_000
    assert pay.totals.net == Decimal(bonus) + 5_000 - Decimal(tax)


@pytest.mark.parametrize(
    ("severance", "tax"),
    [("150000", None), ("240000", None), ("240001", "0.03"), ("276000.01", "1080.00"), ("340000", "7480.00")],
)
def test_v10_severance_up_to_three_local_years_is_free(severance: str, tax: str | None) -> None:
    """V10: severance up to three local years is free of tax."""
    books = kit.flat_books(city_params={kit.CHENGDU: {"当地社平年工资": "80000"}})
    pay = calculate(books, kit.flat_person(5_000, one_off=[kit.one_off("离职补偿", severance)]))
    found = kit.lines(pay).get("离职补偿个税")
    assert found == (None if tax is None else Decimal(tax))
    assert pay.paid.income == 5_000
