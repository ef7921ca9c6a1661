"""The second computation against figures worked out by hand: vectors V1 to V10, each rule of docs/PAY.md."""

import ast
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import payslip.second
from payslip.second import SecondError, recompute
from tests.payslip.plain import ANNUAL, books, component, declared, one_off, person, rule, table


def year(wages: list[str], social: str, additional: str, **more: Any) -> list[str]:
    """Twelve months one after the other, each with what the earlier ones paid and withheld."""
    history: list[dict[str, str]] = []
    taxes = []
    for number, wage in enumerate(wages, start=1):
        month = f"2026-{number:02d}"
        pay = recompute(
            books(month=month, pay_date=f"{month}-15", social=[rule(employee_fixed=social)]),
            person(wage, history=history, additional=[declared(additional)], **more),
        )
        taxes.append(pay["line:个人所得税"])
        paid = {"paid": month, "income": wage, "exempt": "0", "special": social, "withheld": taxes[-1]}
        history = [*history, paid]
    return taxes


def test_v1_ten_thousand_a_month() -> None:
    """The tax office's own example: 75 each month."""
    assert year(["10000"] * 12, "1500", "1000") == ["75.00"] * 12


def test_v2_thirty_thousand_a_month() -> None:
    """The tax office's own example through three brackets: 27,480 a year."""
    taxes = year(["30000"] * 12, "4500", "2000")
    assert taxes == ["555.00", "625.00", *["1850.00"] * 5, "2250.00", *["3700.00"] * 4]
    assert sum(map(Decimal, taxes)) == 27480


def test_v3_v4_fifteen_and_eight_thousand() -> None:
    """V3 crosses one bracket in May; V4 crosses none."""
    assert year(["15000"] * 12, "0", "2000") == [*["240.00"] * 4, "520.00", *["800.00"] * 7]
    assert year(["8000"] * 12, "1000", "1000") == ["30.00"] * 12


def test_v5_the_low_income_rule() -> None:
    """60,000 from January on: nothing until November."""
    assert year(["8000"] * 12, "2000", "0", low_income=True) == [*["0.00"] * 10, "180.00", "180.00"]
    assert year(["8000"] * 12, "2000", "0") == ["30.00"] * 12


def test_v6_nothing_is_refunded_within_the_year() -> None:
    """A high January, then low months."""
    wages = ["10000", *["4000"] * 11]
    assert year(wages, "0", "0") == ["150.00", *["0.00"] * 11]
    assert year(wages, "0", "0", low_income=True) == ["0.00"] * 12


def test_v7_first_job_in_july() -> None:
    """Seven months of basic deduction at once; without the declaration only one."""
    july = books(month="2026-07", pay_date="2026-07-31")
    new = person("36000", join="2026-07-01", first_job=True, additional=[declared("100", when="2026-07")])
    assert recompute(july, new)["line:个人所得税"] == "9.00"  # 36,000 - 35,000 - 7 x 100, at 3 %
    assert recompute(july, new | {"first_job": False})["line:个人所得税"] == "927.00"  # less 5,000 and 100
    assert recompute(july, person("35000", join="2026-07-01", first_job=True))["line:个人所得税"] == "0.00"


def test_v8_a_merged_bonus() -> None:
    """January with a merged bonus, then a high February."""
    social = [rule(employee_fixed="2000")]
    inputs = person("8000", one_off=[one_off("全年一次性奖金", "15000")], additional=[declared("1000")])
    assert recompute(books(social=social), inputs)["line:个人所得税"] == "450.00"
    february = books(month="2026-02", pay_date="2026-02-15", social=social)
    paid = {"paid": "2026-01", "income": "23000", "exempt": "0", "special": "2000", "withheld": "450"}
    inputs = person("28000", additional=[declared("1000")], history=[paid])
    assert recompute(february, inputs)["line:个人所得税"] == "600.00"


@pytest.mark.parametrize(("bonus", "tax"), [("36000", "1080.00"), ("36001", "3390.10"), ("60000", "5790.00")])
def test_v9_a_separate_bonus(bonus: str, tax: str) -> None:
    """The bonus has its own line of tax and leaves the month's tax alone."""
    pay = recompute(books(), person("5000", one_off=[one_off("全年一次性奖金", bonus, separate=True)]))
    assert (pay["line:全年一次性奖金个税"], pay["line:个人所得税"]) == (tax, "0.00")
    assert pay["total:tax"] == tax


def test_v10_severance() -> None:
    """Exempt up to three local yearly wages; above, the annual table without division by years."""
    chengdu = books(city_params={"成都": {"当地社平年工资": "80000"}})
    pay = recompute(chengdu, person("5000", one_off=[one_off("离职补偿", "150000")]))
    assert "line:离职补偿个税" not in pay
    assert (pay["total:tax"], pay["total:net"]) == ("0.00", "155000.00")
    pay = recompute(chengdu, person("5000", one_off=[one_off("离职补偿", "300000")]))
    assert pay["line:离职补偿个税"] == "3480.00"  # 60,000 at 10 % less 2,520
    with pytest.raises(SecondError, match="当地社平年工资"):
        recompute(books(), person(one_off=[one_off("离职补偿", "1")]))


def test_the_month_paid_decides_the_tax_year() -> None:
    """December paid in January starts anew; a joiner of this year counts from the month he joined."""
    december = books(month="2025-12", pay_date="2026-01-10")
    assert recompute(december, person("10000"))["line:个人所得税"] == "150.00"
    march = books(month="2026-03", pay_date="2026-03-31")
    assert recompute(march, person("10000", join="2026-02-10"))["line:个人所得税"] == "0.00"
    assert recompute(march, person("20000", join="2026-02-10"))["line:个人所得税"] == "300.00"


def test_declarations_count_from_when_they_were_declared() -> None:
    """A late declaration reaches back; one for later does nothing; an ended one stops."""
    june = books(month="2026-06", pay_date="2026-06-30")
    late = declared("1000", start="2025-09", when="2026-06")  # January to June
    ended = declared("500", end="2026-02", when="2026-01")
    future = declared("9000", when="2026-07")
    pay = recompute(june, person("40000", additional=[late, ended, future]))
    assert pay["line:个人所得税"] == "90.00"  # 40,000 - 30,000 - 6,000 - 1,000, at 3 %


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*ANNUAL[:1], ("144000", "0.1", "2500"), *ANNUAL[2:]], "速算扣除数与税率不符"),
        ([*ANNUAL[:2], ("300000", "0.21", "16920"), *ANNUAL[3:]], "速算扣除数与税率不符"),
        ([ANNUAL[1], ANNUAL[0], *ANNUAL[2:]], "速算扣除数|从低到高"),
        ([("36000", "0.03", "0"), ("36000", "0.03", "0"), (None, "0.1", "2520")], "从低到高"),
        ([("3000", "0.03", "0")], "没有最高一档"),
        ([], "没有最高一档"),
    ],
)
def test_a_tax_table_that_contradicts_itself(rows: list[Any], words: str) -> None:
    """One wrong figure in 税率表 is found out by the slices."""
    with pytest.raises(SecondError, match=words):
        recompute(books(annual_table=table(rows)), person("10000"))


def test_the_bonus_is_taxed_by_itself_once_a_year() -> None:
    """Used before, or twice in one month."""
    twice = [one_off("全年一次性奖金", "1", separate=True)] * 2
    for inputs in (person(one_off=twice), person(one_off=twice[:1], bonus_used=True)):
        with pytest.raises(SecondError, match="一年只能单独计税一次"):
            recompute(books(), inputs)


@pytest.mark.parametrize("spoilt", ["fields", "history", "join", "social_base", "carry", "city"])
def test_an_incomplete_document_is_refused(spoilt: str) -> None:
    """A key that is missing, or of the wrong kind, is no zero."""
    inputs, run = person(), books(social=[rule()])
    with pytest.raises(SecondError):
        recompute(run, {key: value for key, value in inputs.items() if key != spoilt})
    with pytest.raises(SecondError):
        recompute(run, inputs | {spoilt: 1.5})


@pytest.mark.parametrize("text", ["1/3", "1e3", "NaN", "", "１", "1_000", None, True, 1.0])
def test_only_plain_decimal_text_is_a_number(text: Any) -> None:
    """Whatever Fraction would take besides."""
    with pytest.raises(SecondError):
        recompute(books(), person(fields={"工资基数": text}))


def test_sentences_hold_no_amounts() -> None:
    """A refusal over 98,765.43 does not say so."""
    cases = [
        (books(structure=[component("甲", "0-[工资基数]")]), person("98765.43")),
        (
            books(structure=[component("甲", "1"), component("乙", "[工资基数]", "税前扣减")]),
            person("98765.43"),
        ),
        (books(annual_table=table([("98765.43", "0.03", "0")])), person("998765.43")),
        (books(), person("98765.43x")),
    ]
    for run, inputs in cases:
        with pytest.raises(SecondError) as caught:
            recompute(run, inputs)
        assert "98765" not in str(caught.value)


def test_nothing_but_the_standard_library_and_itself_is_imported() -> None:
    """Independence: not a helper of the product, and no library the first computation leans on."""
    for file in Path(payslip.second.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""] if node.module != "payslip.second" else []
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("payslip.second."), (
                    name
                )
