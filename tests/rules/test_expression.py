"""The column 表达式: what is understood, what is refused, and in which words."""

import warnings
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY
from bot.cards import check
from rules import tables
from rules.cards import alert_card
from rules.expression import LONGEST, RefusedError, parse_expression
from rules.model import Comparison, Computed, Fixed, Reason, Rule, State, Unit
from rules.parse import RuleText, parse
from rules.tree import All, Arith, Column, Compare, Const, Either, Is
from rules.views import load_view
from runtime.ids import RuleId
from tests.rules.kit import CATALOG, ROI_RULE, House, rule, sku, texts

PLANS, STOCK, SHOPS = (CATALOG.by_key(key) for key in ("plans", "stock", "shops"))
EXPERT = replace(ROI_RULE, metric="", comparison="", threshold="")
SPEND, BUDGET = Column("spend", "消耗"), Column("budget", "日预算")


def expert(expression: str, table: str = "计划日报", **more: str) -> Rule:
    """A rule with this expression."""
    return rule(
        RuleText(name="x", table=table, expression=expression, enabled=True, **more)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "text",
    [
        "消耗 > 500 and 日预算 >= 300",
        "消耗>500 且 日预算>=300",
        "（消耗＞500） 且 （日预算 ≥ ３００）",
        "(消耗 > 500) 并且 (日预算 >= 300)",
        "not (消耗 <= 500 or 日预算 < 300)",
        "[消耗] > 500 and【日预算】>= 300",
        "500 < 消耗 and 300 <= 日预算",
        "消耗 > 500\n且 日预算 >= 300",
        "消耗 > 5 × 100 且 日预算 >= 900 ÷ 3",
    ],
)
def test_people_may_write_it_as_they_type(text: str) -> None:
    """Wide signs, Chinese words, brackets and line breaks mean the same."""
    truth = parse_expression(text, PLANS).truth
    assert isinstance(truth, All)
    sides = [{str(part.left), str(part.right)} for part in truth.parts if isinstance(part, Compare)]
    assert {str(SPEND)} < sides[0]
    assert {str(BUDGET)} < sides[1]
    numbers = [part.right if isinstance(part.right, Const) else part.left for part in truth.parts]  # type: ignore[union-attr]
    assert numbers == [Const(Decimal(500)), Const(Decimal(300))]


def test_chains_percentages_words_and_alternatives() -> None:
    """1 < ROI < 3, 30%, a select column, or."""
    chain = parse_expression("1 < 消耗 < 3", PLANS).truth
    assert chain == All((Compare("<", Const(Decimal(1)), SPEND), Compare("<", SPEND, Const(Decimal(3)))))
    assert isinstance(parse_expression("not (1 < 消耗 < 3)", PLANS).truth, Either)
    share = parse_expression("消耗 > 日预算 * 30%", PLANS).truth
    assert share == Compare(">", SPEND, Arith("*", BUDGET, Const(Decimal("0.3"))))
    word = parse_expression("平台 = “抖音” or 消耗 < 1", PLANS).truth
    assert isinstance(word, Either)
    assert isinstance(word.parts[0], Is)
    assert word.parts[0].condition.values == ("抖音",)


def test_words_in_quotes_are_left_alone() -> None:
    """Brackets, signs and percent inside quotes are part of the word."""
    truth = parse_expression('店铺 != "旗舰店（一）=50% 且 x"', PLANS).truth
    assert isinstance(truth, Is)
    assert truth.condition.values == ("旗舰店（一）=50% 且 x",)


@pytest.mark.parametrize(
    "text",
    [
        "ROI<3and 消耗>5",
        "消耗>5.or ROI<3",
        "消耗>10or ROI<3",
        "ROI<3%and 消耗>5",
        "消耗>.5or ROI<3",
        "ROI<3 且 消耗>5",
    ],
)
def test_a_number_may_run_into_a_word(text: str) -> None:
    """Python reads it, but warns on the screen; ours is read without a word of the kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parse_expression(text, PLANS)


def test_one_comparison_is_a_rule_with_value_limit_and_hysteresis() -> None:
    """The bare metric keeps its name and unit; a computed side is shown as it was written."""
    roi = expert("ROI < 3", recover="1:4")
    assert (roi.metric.key, roi.comparison, roi.condition) == ("roi", Comparison.BELOW, None)
    assert (roi.limit, roi.recover) == (Fixed(Decimal(3), "3"), Fixed(Decimal(4), "1:4"))
    stock = expert("可用库存 < 安全库存 * 0.8", "商品库存")
    assert isinstance(stock.limit, Computed)
    assert stock.limit.text == "安全库存 * 0.8"
    turned = expert("500 <= 消耗 / 成交订单数")
    assert (turned.comparison, turned.metric.name) == (Comparison.AT_LEAST, "消耗 / 成交订单数")
    assert turned.metric.unit is Unit.RATIO
    assert expert("not 消耗 >= 300").comparison is Comparison.BELOW


def test_several_comparisons_decide_together() -> None:
    """There is a condition and no number of its own."""
    both = expert("ROI < 3 and 消耗 > 500")
    assert isinstance(both.condition, All)
    assert (both.metric.name, both.limit.text) == ("条件", "ROI < 3 and 消耗 > 500")
    assert expert("消耗 != 0").condition == Compare("!=", SPEND, Const(Decimal(0)))


def test_former_days_are_functions_of_a_column() -> None:
    """昨日, 上周 and 均值7日; of shops the platform itself says what yesterday was."""
    mean = parse_expression("成交金额 < 均值7日(成交金额) * 0.7", PLANS).truth
    assert isinstance(mean, Compare)
    assert isinstance(mean.right, Arith)
    assert mean.right.left == Column("gmv@mean7", "近 7 日同时段均值的成交金额")
    shops = parse_expression("今日成交金额 < 昨日(今日成交金额) * 0.7", SHOPS).truth
    assert isinstance(shops, Compare)
    assert isinstance(shops.right, Arith)
    assert shops.right.left == Column("gmv_base", "昨日同时段成交金额")


def test_a_column_with_blanks_is_written_in_brackets() -> None:
    """A renamed column with signs in it is found, and shown as it was written."""
    words = PLANS.also([("消耗（元） 今日", "spend")])
    found = parse_expression("[消耗（元） 今日] / 日预算 > 1", words)
    assert found.single is not None
    assert found.single.left == "[消耗（元） 今日] / 日预算"


HOSTILE = [
    ("__import__('os').system('x') > 1", "不能用"),
    ("().__class__.__bases__ == 1", "不能写"),
    ("消耗.real > 1", "不能写"),
    ("[x for x in 消耗] > 1", "没有“x for x in 消耗”"),
    ("(lambda: 1)() > 1", "不能用"),
    ('eval("1") > 1', "不能用"),
    ("消耗 ** 9 > 1", "不能写"),
    ("消耗 % 3 > 1", "不能写"),
    ("消耗 // 3 > 1", "不能写"),
    ("消耗 << 3 > 1", "不能写"),
    ("~消耗 > 1", "不能写"),
    ("(x := 3) > 1", "看不懂"),
    ('f"{消耗}" > 1', "不能写"),
    ("消耗 if 日预算 else 1 > 0", "不是条件"),
    ("{1: 2} == 1", "不能写"),
    ("消耗 in (1, 2)", "不能用 in"),
    ("消耗 is 1", "不能用 in 或 is"),
    ("min(*消耗) > 1", "不能用"),
    ("max(消耗, **日预算) > 1", "不能用"),
    ("True", "不是条件"),
    ("True > 0", "不是普通的数字"),
    ("None == 消耗", "不是普通的数字"),
    ("1j < 消耗", "不是普通的数字"),
    ("消耗 > 1e999", "不是普通的数字"),
    ("消耗 > 0x10", "不是普通的数字"),
    ("消耗 > 1_000", "不是普通的数字"),
    ("消耗 > " + "9" * 30, "太长"),
    ("消耗 > 1\\\n2", "反斜杠"),
    ("消耗 > b'1'", "不是普通的数字"),
    ("yield 消耗", "看不懂"),
    ("await 消耗 > 1", "不能写"),
    ("import os", "看不懂"),
    ("消耗 > 1; 日预算 > 2", "看不懂"),
    ("消耗 >", "看不懂"),
    ("((((消耗", "看不懂"),
    ("消耗", "不是条件"),
    ("消耗 + 1", "不是条件"),
    ("1 < 2", "没有用到任何列"),
    ("", "看不懂"),
    ("消耗\x00 > 1", "看不懂"),
    ("-" * 400 + "消耗 > 1", "套得太深"),
    ("(" * 220 + "消耗" + ")" * 220 + " > 1", "看不懂"),
    ("not " * 100 + "消耗 > 1", "套得太深"),
    ("消耗 > 1 or " * 40 + "消耗 > 1", "太复杂"),
    ("消" * (LONGEST + 1), "太长"),
    ("+".join(["消耗"] * 30) + " > 1", "套得太深"),
    ("*".join(["消耗"] * 9) + " > 1", "乘除连得太多"),
    ("or".join(["(消耗>1)"] * 40), "太复杂"),
    ("消耗 / 0 > 1", "不能除以 0"),
    ("消耗 / (1 - 1) > 1", "不能除以 0"),
]


@pytest.mark.parametrize(("text", "words"), HOSTILE)
def test_what_is_not_listed_is_refused_in_a_sentence(text: str, words: str) -> None:
    """Calls, attributes, powers, huge numbers and depth: nothing runs, hangs or crashes."""
    with pytest.raises(RefusedError, match=r".") as told:
        parse_expression(text, PLANS)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("点击率 > 1", "没有“点击率”，可用的有：日预算"),
        ("平台 > 1", "“平台”不是数字列"),
        ('平台 = "快手"', "没有选项“快手”，可选：抖音"),
        ('平台 > "抖音"', "只能用 = 或 !="),
        ('消耗 = "多"', "只能和文字列比较"),
        ('"抖音" = "抖音"', "只能和文字列比较"),
        ("昨日(日预算) > 1", "只能用于：消耗、成交金额、成交订单数"),
        ("昨日(3) > 1", "只能用于"),
        ("昨日(消耗, 日预算) > 1", "均值7日(列名)"),
        ("消耗（元） > 1", "写在方括号里"),
        ("负责人 > 1", "不是数字列"),
    ],
)
def test_wrong_words_are_answered_with_the_right_ones(text: str, words: str) -> None:
    """An unknown column, option or function: the sentence lists what there is."""
    with pytest.raises(RefusedError) as told:
        parse_expression(text, PLANS)
    assert words in str(told.value)


def test_stock_has_no_former_days() -> None:
    """Only figures that are kept can be compared with former days."""
    with pytest.raises(RefusedError, match="不能用于“商品库存”"):
        parse_expression("昨日(库存) > 1", STOCK)


@given(st.text(max_size=80))
def test_no_text_at_all_gets_past_the_sentences(text: str) -> None:
    """Whatever is typed becomes a tree or a refusal, never another error."""
    with suppress(RefusedError):
        parse_expression(text, PLANS)


def test_both_ways_at_once_are_refused() -> None:
    """A row says it in cells or in an expression; the sentence stands at each cell that is too much."""
    text = RuleText(
        name="x", table="计划日报", metric="ROI", comparison="低于", threshold="3", expression="ROI<3"
    )
    problems = parse(RuleId("r"), text, CATALOG)
    assert isinstance(problems, list)
    assert [problem.column for problem in problems] == ["指标", "比较", "阈值"]


def card_of(house: House) -> str:
    """Every text on the card of the plan's alert, as Feishu shows it."""
    with house.db.read() as conn:
        card = alert_card(load_view(conn, house.sources, house.alert()))
    check(card.data)
    return unescape(texts(card.data))


@pytest.mark.db
def test_an_alert_of_several_comparisons_shows_its_condition(house: House) -> None:
    """It fires and ends like any other; there is no value, the card has the whole condition instead."""
    house.write_rule(replace(EXPERT, expression="ROI < 3 and 消耗 > 500"))
    house.write_plan()
    assert (house.alert().state, house.alert().value) == (State.FIRING, None)
    card = card_of(house)
    assert "ROI < 3 and 消耗 > 500" in card
    assert "恢复" not in card
    house.advance(timedelta(minutes=1))
    house.write_plan(spend=Decimal(400))
    assert (house.alert().state, house.alert().reason) == (State.RESOLVED, Reason.RECOVERED)
    assert house.say() == "有效，当前会触发 0 个对象"


@pytest.mark.db
def test_an_alert_of_one_comparison_shows_numbers(house: House) -> None:
    """Value, line and recovery are those of the expression; stars and brackets are no markdown."""
    house.write_rule(replace(EXPERT, expression="消耗 * 2 > [日预算] * 0.5"))
    house.write_plan()
    alert = house.alert()
    assert (alert.value, alert.limit, alert.recover_at) == (Decimal(2000), Decimal(1000), Decimal(900))
    assert "消耗 * 2 2,000**，高于 [日预算] * 0.5 1,000" in card_of(house)


@pytest.mark.db
def test_under_the_sample_nothing_is_decided(house: House) -> None:
    """最小样本: three orders are no ROI; an open alert does not end by them either."""
    house.write_rule(replace(ROI_RULE, sample="5"))
    house.write_plan(orders=Decimal(3))
    assert house.rows(tables.alerts) == []
    house.write_plan("1002")
    house.advance(timedelta(minutes=1))
    house.write_plan("1002", orders=Decimal(3), gmv=Decimal(99999))
    assert house.alert(object_id="1002").state is State.FIRING
    house.write_plan("1002", orders=EMPTY)
    assert house.alert(object_id="1002").state is State.UNKNOWN


@pytest.mark.db
def test_days_of_stock_count_goods_on_the_way(house: House) -> None:
    """30 sellable and 20 on the way at ten a day are five days; without sales nothing can be said."""
    text = RuleText(
        name="x", table="商品库存", metric="可售天数", comparison="低于", threshold="7", enabled=True
    )
    house.put(
        "stock", {"a": sku(), "b": sku("SKU-2", on_way=Decimal(60)), "c": sku("SKU-3", sales_7d=Decimal(0))}
    )
    house.write_rule(text)
    assert (house.alert(object_id="SKU-1").value, len(house.open())) == (Decimal(5), 1)
    assert house.say().endswith("触发 1 个对象；1 个无法判断，例如 SKU-3：近7日销量为 0，可售天数无法计算")
