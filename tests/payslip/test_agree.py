"""The two computations of pay agree to the cent, and where they do not, the difference is named."""

import json
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payslip import formula
from payslip.agree import differences
from payslip.calculate import CannotCompute, calculate
from payslip.documents import Books, Pay, Person, canonical
from payslip.second import SecondError, reader, recompute
from tests.payslip import companies, kit

CENT = Decimal("0.01")


def compare(run: Books, plain: dict[str, Any], who: Person) -> str:
    """Both compute and agree, or both refuse; anything else fails with names, never with a shrug."""
    first: Pay | CannotCompute
    again: dict[str, str] | SecondError
    try:
        first = calculate(run, who)
    except CannotCompute as error:
        first = error
    try:
        again = recompute(plain, json.loads(canonical(who)))
    except SecondError as error:
        again = error
    if isinstance(first, Pay) and isinstance(again, dict):
        assert differences(first, again) == []
        return "computed"
    assert not isinstance(first, Pay), f"only the second refuses: {again}"
    assert not isinstance(again, dict), f"only the first refuses: {first}"
    return "refused"


def test_many_random_people_are_paid_alike() -> None:
    """Fifteen hundred people of 125 companies; a seed names the company that fails."""
    tally: Counter[str] = Counter()
    for seed in range(125):
        rng = Random(seed)
        run = companies.books(rng)
        plain = run.model_dump(mode="json")
        for nth in range(12):
            who = companies.person(rng, run)
            try:
                tally[compare(run, plain, who)] += 1
            except AssertionError as error:
                error.add_note(f"company of seed {seed}, person {nth}")
                raise
    assert tally["computed"] > 700, tally
    assert tally["refused"] > 150, tally


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_whatever_hypothesis_tries_is_paid_alike(rng: Random) -> None:
    """The same makers under hypothesis, which looks elsewhere every time and shrinks what it finds."""
    run = companies.books(rng)
    compare(run, run.model_dump(mode="json"), companies.person(rng, run))


def test_right_and_wrong_formulas_are_read_alike() -> None:
    """Two grammars, written apart: what one refuses the other refuses, and values are the same."""
    values = {"甲": 3, "乙": 0}

    def column(name: str) -> Fraction:
        if name not in values:
            raise SecondError("没有值")
        return Fraction(values[name])

    tally: Counter[bool] = Counter()
    for seed in range(1500):
        text = companies.mangled(Random(seed))
        try:
            known = {name: Decimal(value) for name, value in values.items()}
            first = Fraction(formula.evaluate(formula.parse(text), known.get))
        except formula.FormulaError:
            with pytest.raises(SecondError):
                reader.evaluate(text, column)
        else:
            assert abs(reader.evaluate(text, column) - first) < Fraction(1, 10**40), text
            tally[True] += 1
    assert 500 < tally[True] < 1250


@settings(max_examples=150, deadline=None)
@given(st.decimals("0", "3000000", places=2), st.integers(1, 12))
def test_tax_by_slices_is_tax_by_quick_deduction(wage: Decimal, month: int) -> None:
    """Every bracket and its edges, in every month of the year."""
    run = kit.flat_books(f"2026-{month:02d}")
    bonus = {"kind": "全年一次性奖金", "amount": str(wage), "separate": True}
    who = kit.flat_person(wage, one_off=[bonus])
    assert compare(run, run.model_dump(mode="json"), who) == "computed"


def rich() -> tuple[Books, Person]:
    """Books and a person with a line of nearly every kind."""
    dormitory = kit.component("宿舍", "120", "税后扣减", order=9)
    items = [
        kit.one_off("全年一次性奖金", "36001", separate=True), kit.one_off("离职补偿", "400000"),
        kit.one_off("补发", "10"), kit.one_off("补发", "20"), kit.one_off("税前扣款", "5"),
        kit.one_off("法院扣划", "300"), kit.one_off("损失赔偿", "999999"),
    ]  # fmt: skip
    charged = {"month": "2026-09", "employee": {"养老": "600"}, "employer": {"养老": "1300"}}
    carry = {"receivable": "33", "clawback": "44000", "damages": "55"}
    entry = {"plan": "分段提成", "base": "600000"}
    who = kit.person(one_off=items, backpay=[charged], carry=carry, commission=[entry])
    return kit.books(structure=(*kit.STRUCTURE, dormitory)), who


def both() -> tuple[Pay, dict[str, str]]:
    """The two computations of that person."""
    run, who = rich()
    return calculate(run, who), recompute(run.model_dump(mode="json"), json.loads(canonical(who)))


def test_the_rich_person_agrees_and_has_everything() -> None:
    """What the next tests spoil is right at first."""
    pay, again = both()
    assert differences(pay, again) == []
    assert {line.kind for line in pay.lines} == {"earning", "pretax", "social", "tax", "aftertax", "employer"}
    assert pay.carry.clawback > 0
    assert pay.carry.damages > 0


@pytest.mark.parametrize("off", [CENT, -CENT, Decimal(1000)])
def test_each_spoilt_figure_of_the_first_is_named_alone(off: Decimal) -> None:
    """Every line, total and carry of `Pay` in turn."""
    pay, again = both()
    for at, line in enumerate(pay.lines):
        spoilt = line.model_copy(update={"amount": line.amount + off})
        lines = (*pay.lines[:at], spoilt, *pay.lines[at + 1 :])
        assert differences(pay.model_copy(update={"lines": lines}), again) == [f"line:{line.code}"]
    for part, prefix in (("totals", "total"), ("carry", "carry")):
        for name, value in getattr(pay, part):
            spoilt_part = getattr(pay, part).model_copy(update={name: value + off})
            assert differences(pay.model_copy(update={part: spoilt_part}), again) == [f"{prefix}:{name}"]


def test_each_spoilt_figure_of_the_second_is_named_alone() -> None:
    """A cent more, nothing at all, or no number."""
    pay, again = both()
    for name, text in again.items():
        for spoilt in (str(Decimal(text) + CENT), "", "NaN", "Infinity", "1,000"):
            assert differences(pay, again | {name: spoilt}) == [name]


def test_less_than_a_cent_is_no_difference() -> None:
    """Both are rounded to cents; a tail of an input's third decimal is none."""
    pay, again = both()
    near = {name: str(Decimal(text) + Decimal("0.009")) for name, text in again.items()}
    assert differences(pay, near) == []


def test_a_missing_figure_is_a_difference_unless_it_is_a_line_of_zero() -> None:
    """On either side; totals and carries are always there."""
    pay, again = both()
    for name, text in again.items():
        rest = {key: value for key, value in again.items() if key != name}
        zero_line = name.startswith("line:") and Decimal(text) == 0
        assert differences(pay, rest) == ([] if zero_line else [name])
    assert differences(pay, again | {"line:多出来": "0.01"}) == ["line:多出来"]
    assert differences(pay, again | {"line:多出来": "-0.00"}) == []
    assert differences(pay, again | {"line:多出来": "NaN"}) == ["line:多出来"]
    assert differences(pay, again | {"total:多出来": "0.00"}) == ["total:多出来"]


def test_a_code_that_stands_twice_is_a_difference() -> None:
    """The comparison goes by code and would see only one of the two."""
    pay, again = both()
    twice = pay.model_copy(update={"lines": (*pay.lines, pay.lines[0])})
    assert differences(twice, again) == [f"line:{pay.lines[0].code}"]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda plain, _: plain["params"].update({"计薪天数": "20.67"}), "line:加班费"),
        (lambda plain, _: plain["params"].update({"减除费用": "4999"}), "line:个人所得税"),
        (lambda plain, _: plain["social"][0].update(employee_rate="0.0801"), "line:养老保险（个人）"),
        (lambda plain, _: plain["plans"][0]["tiers"][0].update(rate="0.0151"), "line:提成"),
        (lambda plain, _: plain.update(pay_date="2026-11-15"), "line:个人所得税"),
        (lambda _, who: who["fields"].update({"绩效系数": "1.101"}), "line:绩效工资"),
        (lambda _, who: who["additional"][0].update(monthly="1001"), "line:个人所得税"),
        (lambda _, who: who["history"][0].update(withheld="0.01"), "line:个人所得税"),
    ],
)
def test_a_run_on_other_figures_does_not_agree(spoil: Any, named: str) -> None:
    """Were one of the two to read something else, however little, the line and the net would say so."""
    run = kit.books()
    entry = {"plan": "店铺提成", "base": "100000"}
    paid = {"paid": "2026-09", "income": "90000", "exempt": "0", "special": "0", "withheld": "0"}
    who = kit.person(
        fields={"工作日加班": "10"}, commission=[entry], additional=[kit.declaration("1000")], history=[paid]
    )
    plain, plain_who = run.model_dump(mode="json"), json.loads(canonical(who))
    assert differences(calculate(run, who), recompute(plain, plain_who)) == []
    spoil(plain, plain_who)
    found = differences(calculate(run, who), recompute(plain, plain_who))
    assert {named, "total:net"} <= set(found)
    assert not any(mark in "".join(found) for mark in "0123456789")


def test_a_wrong_quick_deduction_is_found_by_the_second() -> None:
    """The first looks the figure up; the second derives it, refuses, and the run cannot be signed."""
    wrong = [dict(row) for row in kit.ANNUAL_TABLE]
    wrong[1]["quick"] = "2250"
    run = kit.books(annual_table=wrong)
    calculate(run, kit.person())
    with pytest.raises(SecondError, match="速算扣除数与税率不符"):
        recompute(run.model_dump(mode="json"), json.loads(canonical(kit.person())))
