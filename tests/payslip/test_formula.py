"""The formula language: what reads, what it is worth, what it says when it is wrong."""

import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payslip.formula import FormulaError, evaluate, explain, in_order, parse, to_bitable
from payslip.money import cents
from tests.payslip.kit import STRUCTURE, component

VALUES = {"甲": Decimal(3), "乙": Decimal("0.015"), "绩效基数": Decimal(2000), "绩效系数": Decimal("1.1")}


def value(text: str) -> Decimal:
    """A formula's value over `VALUES`."""
    return evaluate(parse(text), VALUES.get)


def fault(text: str) -> FormulaError:
    """The error of a formula over `VALUES`."""
    with pytest.raises(FormulaError) as caught:
        value(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1+2*3", "7"),
        ("(1+2)*3", "9"),
        ("10-2-3", "5"),
        ("100/10/2", "5"),
        ("2*-3", "-6"),
        ("--3", "3"),
        ("-[甲]+1", "-2"),
        ("[绩效基数]*[绩效系数]", "2200"),
        ("max(0, [甲] - 5)", "0"),
        ("MIN(4,2,8)", "2"),
        ("Sum(1,2,[甲])", "6"),
        ("ABS(0-2.5)", "2.5"),
        ("ROUND(2.345,2)", "2.35"),
        ("ROUND(0-2.345,2)", "-2.35"),
        ("ROUND(2.5,0)", "3"),
        ("ROUND(1249,-2)", "1200"),
        ("IF([甲]>=3,1,2)", "1"),
        ("IF([甲]<>3,1,2)", "2"),
        ("IF([甲]!=3,1,2)", "2"),
        ("IF(NOT([甲]=3),1,2)", "2"),
        ("IF(AND([甲]>1,[甲]<3),1,2)", "2"),
        ("IF(OR([甲]>9,[甲]<=3),1,2)", "1"),
        ('IF(IF([甲]=3,"早","晚")="早",1,2)', "1"),
        ("ＭＡＸ（1，2）".replace("ＭＡＸ", "MAX"), "2"),
        ("IF(1/3*3=1,10,20)", "10"),
    ],
)
def test_values(text: str, expected: str) -> None:
    """Operators bind as in a spreadsheet; functions in any case."""
    assert value(text) == Decimal(expected)


def test_only_what_is_needed_is_evaluated() -> None:
    """Only what is needed is evaluated."""
    assert value("IF([甲]=3,1,[没有])") == 1
    assert value("IF(OR([甲]=3,1/0=1),1,2)") == 1
    assert value("IF(AND([甲]=4,[没有]=1),1,2)") == 2


def test_a_truncated_third_decides_no_half_cent() -> None:
    """A truncated third decides no half cent."""
    assert cents(value("1/3*[乙]")) == Decimal("0.01")
    assert cents(value("0-1/3*[乙]")) == Decimal("-0.01")
    assert value("ROUND(1/3*0.015,2)") == Decimal("0.01")
    assert fault("1/(1/3*3-1)").args == ("除数为零",)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("MAX(0,[甲]", 9, "缺少右括号"),
        ("(1+2", 4, "缺少右括号"),
        ("1+2)", 4, "多了一个右括号"),
        ("1+", 2, "公式没有写完"),
        ("[甲", 1, "缺少右方括号"),
        ("1+[]", 3, "列名是空的"),
        ('IF("甲=1,1,2)', 4, "缺少右引号"),
        ("IF(“甲”=1,1,2)", 4, "英文的"),
        ("基本工资*2", 5, "列名要写在方括号里"),
        ("2*基本工资", 6, "列名要写在方括号里"),
        ("1+FOO(2)", 3, "没有函数 FOO；可以用 IF"),
        ("5%", 2, "看不懂“%”"),
        (".5", 1, "看不懂“.”"),
        ("1 2", 3, "这里不该有“2”"),
        ("IF(1<2<3,1,2)", 7, "比较不能连着写"),
        ("1<2", 1, "这里需要数字，却是条件"),
        ("IF([甲],1,2)", 4, "这里需要条件，却是数字"),
        ('IF(1<2,1,"晚")', 10, "这里需要数字，却是文字"),
        ('[甲]="早"', 5, "这里需要数字，却是文字"),
        ('IF("早"<"晚",1,2)', 7, "文字只能用 = 或 <> 比较"),
        ("IF((1<2)=(2<3),1,2)", 4, "条件不能再拿来比较"),
        ("IF(1<2,(1<3),4)", 8, "IF 的结果不能是条件"),
        ("SUM(1<2)", 5, "这里需要数字，却是条件"),
        ("AND(1<2)", 1, "这里需要数字，却是条件"),
        ("ROUND(1)", 1, "ROUND 需要 2 个参数，写了 1 个"),
        ("MAX()", 1, "MAX 需要至少 1 个参数，写了 0 个"),
        ("IF(1<2,1)", 1, "IF 需要 3 个参数，写了 2 个"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(text: str, position: int, says: str) -> None:
    """What cannot be read says where and why."""
    error = fault(text)
    assert error.position == position
    assert str(error).startswith(f"第 {position} 个字符附近：")
    assert says in str(error)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "公式是空的"),
        ("  ", "公式是空的"),
        ("1/0", "除数为零"),
        ("[没有]*2", "没有“没有”的值"),
        ("ROUND(1,0.5)", "ROUND 的位数"),
        ("ROUND(1,11)", "ROUND 的位数"),
        ("9" * 40, "数值大得无法计算"),
        ("*".join(["999999999"] * 5), "数值大得无法计算"),
    ],
)
def test_what_has_no_value_says_why(text: str, says: str) -> None:
    """What has no value says why."""
    assert says in str(fault(text))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 51 + "1" + ")" * 51,
        "-" * 51 + "1",
        "ABS(" * 51 + "1" + ")" * 51,
        "1" * 2001,
        "(" * 1999,
        "-" * 1999,
    ],
)
def test_a_malicious_formula_is_refused_quickly(text: str) -> None:
    """A malicious formula is refused quickly."""
    began = time.process_time()
    assert fault(text)
    assert time.process_time() - began < 2


def test_long_and_deep_within_the_limits_is_fine() -> None:
    """Long and deep within the limits is fine."""
    assert value("+".join(["1"] * 1000)) == 1000
    assert value("(" * 50 + "1" + ")" * 50) == 1
    assert value("-" * 50 + "1") == 1


def test_columns_are_named_once_in_order() -> None:
    """Columns are named once in order."""
    assert parse("[乙]+MAX([甲],[乙])").columns == ("乙", "甲")
    assert parse("[补贴（夜班），2]").columns == ("补贴（夜班），2",)


# --- order ---


def test_components_come_after_what_they_use() -> None:
    """Components come after what they use."""
    names = [step.component.name for step in in_order(reversed(STRUCTURE))]
    assert names.index("日薪") < names.index("固定工资") < names.index("病假扣款")
    assert names == [step.component.name for step in in_order(STRUCTURE)]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("甲", "[乙]"), ("乙", "[甲]")], "甲 → 乙 → 甲"),
        ([("甲", "[甲]+1")], "甲 → 甲"),
        ([("丙", "[甲]"), ("甲", "[乙]"), ("乙", "IF(1>2,[丙],0)")], "丙 → 甲 → 乙 → 丙"),
        ([("甲", "1"), ("甲", "2")], "两个“甲”"),
        ([("甲", "1+")], "“甲”的公式有误：第 2 个字符附近"),
    ],
)
def test_a_structure_that_cannot_be_ordered_is_named(rows: list[tuple[str, str]], says: str) -> None:
    """A structure that cannot be ordered is named."""
    with pytest.raises(FormulaError, match=says):
        in_order(component(name, text, order=at) for at, (name, text) in enumerate(rows))


# --- printing ---


@pytest.mark.parametrize(
    ("text", "bitable"),
    [
        ("max(0，[甲]－1)".replace("－", "-"), "MAX(0,$甲-1)"),
        ("([甲]+1)*2", "($甲+1)*2"),
        ("[甲]-([乙]-1)", "$甲-($乙-1)"),
        ("([甲]*2)+1", "$甲*2+1"),
        ("[甲]/([乙]*2)", "$甲/($乙*2)"),
        ("--[甲]", "-(-$甲)"),
        ("-([甲]+1)", "-($甲+1)"),
        ("if([甲]<>1,0.50,2)", "IF($甲!=1,0.50,2)"),
        ('IF(IF([甲]=1,"早","晚")="早",1,2)', 'IF(IF($甲=1,"早","晚")="早",1,2)'),
    ],
)
def test_bitable_spelling(text: str, bitable: str) -> None:
    """Bitable spelling."""
    assert to_bitable(parse(text), lambda column: f"${column}") == bitable


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[绩效基数]*[绩效系数]", "绩效基数 2,000 × 绩效系数 1.1"),
        ("MAX(0,[绩效基数]-500)", "绩效基数 2,000 − 500"),
        ("MAX(0,[甲]-5)", "甲 3 − 5，低于 0 按 0"),
        ("MIN([甲],[绩效基数])", "甲 3 与 绩效基数 2,000 取小"),
        ("IF([甲]=0,200,0)", "不符合条件：0"),
        ("IF([甲]=3,[绩效基数],[没有])", "符合条件：绩效基数 2,000"),
        ("SUM([甲],1)*2", "（甲 3 + 1） × 2"),
        ("ROUND([绩效基数]/3,2)", "绩效基数 2,000 ÷ 3"),
        ("ROUND([绩效基数]/3,0)", "绩效基数 2,000 ÷ 3，四舍五入到元"),
        ("[甲]/([甲]-1)", "甲 3 ÷ （甲 3 − 1）"),
    ],
)
def test_explanations_are_readable(text: str, words: str) -> None:
    """Explanations are readable."""
    assert explain(parse(text), VALUES.get) == words


def test_an_explanation_has_an_end() -> None:
    """An explanation has an end."""
    assert len(explain(parse("+".join(["[绩效基数]"] * 150)), VALUES.get)) == 300


# --- against exact fractions ---

Exact = tuple[str, Callable[[], Fraction]]
_numbers = st.decimals(min_value=0, max_value=10**6, places=3).map(lambda each: format(each, "f"))
_leaves = _numbers.map(lambda text: (text, Fraction(text)))


def _combine(children: st.SearchStrategy[tuple[str, Fraction]]) -> st.SearchStrategy[tuple[str, Fraction]]:
    def join(left: tuple[str, Fraction], operator: str, right: tuple[str, Fraction]) -> tuple[str, Fraction]:
        a, b = left[1], right[1]
        if operator == "/" and b == 0:
            operator = "+"
        made = {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[operator]()
        if abs(made) > 10**12:
            operator, made = "-", a - b
        return f"({left[0]}){operator}({right[0]})", made

    return st.builds(join, children, st.sampled_from("+-*/"), children)


@given(st.recursive(_leaves, _combine, max_leaves=8), st.integers(0, 4))
def test_rounding_agrees_with_exact_fractions(case: tuple[str, Fraction], digits: int) -> None:
    """Rounding agrees with exact fractions."""
    text, exact = case
    scaled = abs(exact) * 10**digits
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    rounded = Fraction(whole, 10**digits) * (1 if exact >= 0 else -1)
    assert Fraction(value(f"ROUND({text},{digits})")) == rounded
    if digits == 2:
        assert Fraction(cents(value(text))) == rounded


@given(st.integers(1, 9999), st.integers(1, 999), st.integers(0, 10**7))
def test_half_cents_behind_divisions_round_away_from_zero(a: int, b: int, count: int) -> None:
    """Half cents behind divisions round away from zero."""
    half = Decimal(2 * count + 1) / 200
    assert cents(value(f"{a}/{b}*{half}*{b}/{a}")) == half + Decimal("0.005")


@given(st.recursive(_leaves, _combine, max_leaves=6))
def test_what_is_printed_for_bitable_means_the_same(case: tuple[str, Fraction]) -> None:
    """What is printed for bitable means the same."""
    printed = to_bitable(parse(case[0]), lambda column: f"[{column}]")
    assert cents(value(printed)) == cents(value(case[0]))
