"""Rows of 预警规则: what is understood, and what is said about the rest."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bitable_sync.cells import EMPTY, Unreadable
from rules.metrics import build_catalog
from rules.model import Action, Comparison, Fixed, OfField, Rule, Severity
from rules.parse import RuleText, parse, parse_limit, parse_span, read_row
from rules.specs import TABLES
from runtime.ids import RuleId
from tests.rules.kit import CATALOG, ROI_RULE, STOCK_RULE, rule, rule_cells

PLANS_WORDS = CATALOG.by_key("plans")
STOCK_WORDS = CATALOG.by_key("stock")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", "3"),
        ("1:3", "3"),
        ("1：3", "3"),
        ("2:5", "2.5"),
        ("1:2.5", "2.5"),
        ("15%", "0.15"),
        ("15％", "0.15"),
        ("1,000", "1000"),
        ("¥500", "500"),
        ("500元", "500"),
        ("-5", "-5"),
        ("0", "0"),
    ],
)
def test_a_fixed_threshold_is_read_as_people_write_it(text: str, value: str) -> None:
    """1:3 is one yuan in and three out, so 3; 15% is 0.15; separators and yuan signs are allowed."""
    limit = parse_limit(text, PLANS_WORDS)
    assert isinstance(limit, Fixed)
    assert limit.value == Decimal(value)


@pytest.mark.parametrize(
    ("text", "factor"),
    [("安全库存", "1"), ("安全库存的 80%", "0.8"), ("安全库存*1.5", "1.5"), ("安全库存 × 2", "2")],
)
def test_a_threshold_may_be_another_column_or_a_share_of_it(text: str, factor: str) -> None:
    """A numeric column of the same table can be the threshold, with a factor or a percentage."""
    limit = parse_limit(text, STOCK_WORDS)
    assert isinstance(limit, OfField)
    assert (limit.key, limit.factor) == ("safety", Decimal(factor))


@pytest.mark.parametrize(
    "text", ["", "很多", "0:3", "1:0:3", "商品名称", "NaN", "1e9999", "安全库存的 0%", "--3"]
)
def test_what_is_not_a_threshold_is_not_guessed(text: str) -> None:
    """Words, a zero base, text columns and exotic number forms are refused."""
    assert parse_limit(text, STOCK_WORDS) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("0", 0),
        ("10分钟", 600),
        ("1小时", 3600),
        ("1.5 小时", 5400),
        ("30秒", 30),
        ("2天", 172800),
        ("15m", 900),
    ],
)
def test_durations_are_read_in_chinese_and_short_english(text: str, seconds: int) -> None:
    """An empty duration means at once."""
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["一会儿", "10", "10 分钟后", "-5分钟"])
def test_a_duration_without_a_unit_is_refused(text: str) -> None:
    """10 could be seconds or minutes, so it is asked back instead of guessed."""
    assert parse_span(text) is None


def test_a_full_row_becomes_a_rule() -> None:
    """Every column ends in the rule with its type."""
    parsed = rule(hold_for="10分钟", keep_for="5分钟", floor="500", cc=(("ou_li", "李强"),), cc_may_act=True)
    assert parsed.table == "plans"
    assert parsed.comparison is Comparison.BELOW
    assert parsed.hold_for == timedelta(minutes=10)
    assert parsed.keep_for == timedelta(minutes=5)
    assert parsed.floor == Decimal(500)
    assert parsed.severity is Severity.WARNING
    assert parsed.actions == (Action.ADJUST, Action.ACK)
    assert [condition.name for condition in parsed.scope] == ["平台", "状态"]
    assert parsed.cc[0].open_id == "ou_li"


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"table": ""}, "数据表", "还没有选数据表"),
        ({"table": "订单"}, "数据表", "计划日报"),
        ({"metric": "点击率"}, "指标", "ROI"),
        ({"metric": ""}, "指标", "还没有写指标"),
        ({"comparison": ""}, "比较", "低于"),
        ({"threshold": ""}, "阈值", "1:3"),
        ({"threshold": "很低"}, "阈值", "看不懂“很低”"),
        ({"threshold": "安全库存"}, "阈值", "日预算"),
        ({"scope": "平台 抖音"}, "范围", "平台=抖音"),
        ({"scope": "频道=抖音"}, "范围", "没有“频道”这一列"),
        ({"scope": "状态=投放"}, "范围", "投放中"),
        ({"scope": "消耗>=很多"}, "范围", "消耗>=500"),
        ({"hold_for": "一会儿"}, "持续时间", "10分钟"),
        ({"hold_for": "30天"}, "持续时间", "最多 7 天"),
        ({"keep_for": "一会儿"}, "恢复持续", "10分钟"),
        ({"covers": True}, "合并同店预警", "取消勾选"),
        ({"recover": "1:2"}, "恢复阈值", "不低于阈值"),
        ({"recover": "好"}, "恢复阈值", "看不懂“好”"),
        ({"floor": "-1"}, "消耗下限", "500"),
        ({"severity": "要命"}, "严重程度", "提醒、警告、严重"),
        ({"owner_field": "店长"}, "负责人字段", "负责人、主管"),
        ({"actions": ("紧急补货",)}, "动作", "调整预算"),
        ({"actions": ("打电话",)}, "动作", "不认识"),
        ({"name": ""}, "规则名称", "起个名字"),
    ],
)
def test_each_fault_is_told_with_its_column_and_what_is_expected(
    changes: dict[str, object], column: str, words: str
) -> None:
    """A person reading 校验结果 learns which cell is wrong and what could stand there."""
    problems = parse(RuleId("r"), RuleText(**{**ROI_RULE.to_json(), **changes}), CATALOG)  # type: ignore[arg-type]
    assert isinstance(problems, list)
    assert any(problem.column == column and words in problem.sentence for problem in problems), problems


@pytest.mark.parametrize("digits", ["9" * 12, "9" * 30, "9" * 400])
def test_a_span_beyond_all_time_is_too_long_and_stops_nothing(digits: str) -> None:
    """Seconds that no clock can count are a sentence in the row, as thirty days are."""
    problems = parse(RuleId("r"), replace(ROI_RULE, hold_for=f"{digits}天", keep_for=f"{digits}h"), CATALOG)
    assert isinstance(problems, list)
    assert [problem.sentence.endswith("太长，最多 7 天") for problem in problems] == [True, True]


def test_all_faults_are_told_at_once() -> None:
    """Nobody has to repair a row one fault at a time."""
    problems = parse(RuleId("r"), RuleText(name="x", table="计划日报"), CATALOG)
    assert isinstance(problems, list)
    assert {problem.column for problem in problems} == {"指标", "比较", "阈值"}


def test_a_percentage_metric_wants_a_percentage() -> None:
    """30 for a share would mean 3000 %, so it is asked back."""
    text = RuleText(
        name="跌", table="店铺日报", metric="成交跌幅", comparison="高于", threshold="30", enabled=True
    )
    problems = parse(RuleId("r"), text, CATALOG)
    assert isinstance(problems, list)
    assert "30%" in problems[0].sentence


def test_a_ratio_is_only_for_roi() -> None:
    """1:3 as a stock threshold makes no sense and is refused."""
    text = RuleText(**{**STOCK_RULE.to_json(), "threshold": "1:3"})  # type: ignore[arg-type]
    problems = parse(RuleId("r"), text, CATALOG)
    assert isinstance(problems, list)
    assert "只能用于 ROI" in problems[0].sentence


def test_cells_of_a_row_are_read_and_written_back_the_same() -> None:
    """What a row says survives the way through cells and through JSON."""
    text = RuleText(**{**ROI_RULE.to_json(), "cc": (("ou_li", "李强"),)})  # type: ignore[arg-type]
    assert read_row(rule_cells(text)) == text
    assert RuleText.from_json(text.to_json()) == text


def test_an_unreadable_cell_is_a_fault_of_its_column() -> None:
    """A cell of the wrong type names its column instead of being taken as empty."""
    problems = read_row(rule_cells(ROI_RULE) | {"threshold": Unreadable("列被改成了附件")})
    assert isinstance(problems, list)
    assert problems[0].column == "阈值"
    assert "附件" in problems[0].sentence


def test_a_renamed_column_is_understood_by_both_names() -> None:
    """Somebody renames 安全库存 in Bitable; rules with the old and the new word both stay valid."""
    for word in ("安全库存", "警戒库存", "警戒库存的 80%"):
        text = replace(STOCK_RULE, threshold=word).calling({"警戒库存": "safety", "别的": "qty"})
        assert isinstance(parse(RuleId("r"), text, build_catalog(TABLES)), Rule)
        assert RuleText.from_json(text.to_json()) == text
        assert text.renamed == ((("警戒库存", "safety"),) if "警戒" in word else ())


def test_an_empty_row_reads_as_nothing() -> None:
    """A line just inserted in Bitable holds no text."""
    assert read_row({"name": EMPTY, "enabled": False}) == RuleText()
