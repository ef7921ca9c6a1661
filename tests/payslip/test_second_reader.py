"""The second computation's reader of formulas: docs/PAY.md, rule 2."""

from decimal import Decimal

import pytest

from payslip.second import SecondError
from payslip.second.exact import exact
from payslip.second.reader import evaluate


def value(formula: str, **columns: str) -> Decimal:
    """A formula's value as Decimal of its exact fraction."""
    found = evaluate(formula, lambda name: exact(columns[name], name))
    return Decimal(found.numerator) / Decimal(found.denominator)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("1+2*3-4/2", "5"), ("-2*-3", "6"), ("(1+2)*3", "9"), ("10-3-2", "5"), ("12/2/3", "2"), ("2--3", "5"),
        ("ROUND(2.5,0)", "3"), ("ROUND(-2.5,0)", "-3"), ("round(1/3*0.015,2)", "0.01"),
        ("ROUND(1234,-2)", "1200"), ("IF（1<2，3，4）", "3"), ("IF(NOT(1<2),3,4)", "4"),
        ("IF(1>2,1/0,5)", "5"), ("IF(OR(1=1,1/0=1),1,2)", "1"), ("IF(AND(1=2,1/0=1),1,2)", "2"),
        ("MIN(3,1,2)+MAX(3,1,2)+SUM(1,2)+ABS(-4)", "11"),
        ('IF("甲"="甲",1,2)', "1"), ('IF("甲"<>"乙",1,2)', "1"),
        ("[x]*[y（小）]", "6"), ("1/3*3", "1"), ("+".join(["1"] * 999), "999"),
        ("IF(1<=1,IF(2!=2,1,7),9)", "7"),
    ],
)  # fmt: skip
def test_formulas(formula: str, expected: str) -> None:
    """Precedence, laziness, exactness, full-width signs outside names."""
    assert value(formula, **{"x": "2", "y（小）": "3"}) == Decimal(expected)


@pytest.mark.parametrize(
    "formula",
    [
        "", "1+", "(1", "1)", "1 2", "1<2<3", "1<2", "IF(1,2,3)", "1/0", "1+(1<2)", '"甲"',
        '1+"甲"', '"甲"<"乙"',
        "FOO(1)", "IF(1<2,3)", "NOT(1)", "ABS(1,2)", "ROUND(1)", "ROUND(1,0.5)", "ROUND(1,99)", "MIN()",
        "[x", '"x',
        "1.", ".5", "1e5", "$", "a", "TRUE", "+1", "1%", "__import__(1)", "=1", "[x][x]", "AND(1<2,3)", "1;2",
        "(" * 51 + "1" + ")" * 51, "-" * 51 + "1", "ABS(" * 51 + "1" + ")" * 51, "1" * 2001,
        "*".join(["9" * 90] * 21),
        "IF(1<2,1<2,1<3)", 'IF(1<2,1,"a")', "IF(1<2,3,1+(1<2))", "IF(1<2,3,-(1<2))", "IF(1<2,3,IF(1,2,3))",
        "IF(OR(1<2,1),3,4)", 'IF(AND(1>2,"a"),3,4)', "IF(1<2,3,NOT(1))", "ROUND(1,11)", "[]", "[a[x]",
        '"a\n"', "1" + "0" * 30 + "*10", "IF(1<2,3,FOO(1))", "IF(1<2,3,(1<2<3))",
    ],
)  # fmt: skip
def test_formulas_that_are_refused(formula: str) -> None:
    """Wrong grammar anywhere, wrong kinds where it is evaluated, hostile sizes."""
    with pytest.raises(SecondError):
        value(formula, x="2")


def test_the_deepest_formula_still_reads() -> None:
    """Fifty levels are allowed, whatever they are made of."""
    assert value("IF(1<2," * 50 + "1" + ",2)" * 50) == 1
    assert value("(" * 25 + "-" * 25 + "1" + ")" * 25) == -1
