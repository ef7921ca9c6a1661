"""Everything people write wrongly into 预警规则: a sentence in that row, and every other rule goes on."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from rules.model import State
from rules.parse import RuleText
from rules.specs import PLANS, RULES
from tests.rules.kit import ROI_RULE, STOCK_RULE, House, plan, rule_cells

pytestmark = pytest.mark.db

SHOP_RULE = RuleText(
    name="成交跌幅", table="店铺日报", metric="成交跌幅", comparison="高于", threshold="30%", enabled=True
)
EXPERT = replace(ROI_RULE, metric="", comparison="", threshold="")
Case = tuple[RuleText, dict[str, Any], str]

WRONG: list[Case] = [
    (ROI_RULE, {"name": ""}, "【规则名称】请给规则起个名字"),
    (ROI_RULE, {"table": ""}, "【数据表】还没有选数据表，可选：计划日报、商品库存、店铺日报"),
    (ROI_RULE, {"table": "订单"}, "【数据表】没有“订单”这张表"),
    (ROI_RULE, {"metric": ""}, "【指标】还没有写指标，可用的有：日预算"),
    (ROI_RULE, {"metric": "点击率"}, "【指标】“计划日报”没有指标“点击率”"),
    (ROI_RULE, {"metric": "可用库存"}, "【指标】“计划日报”没有指标“可用库存”"),
    (STOCK_RULE, {"metric": "库存环比"}, "【指标】“商品库存”没有指标“库存环比”"),
    (ROI_RULE, {"comparison": ""}, "【比较】请选择：低于、低于或等于、高于、高于或等于"),
    (ROI_RULE, {"comparison": "约等于"}, "【比较】请选择"),
    (ROI_RULE, {"threshold": ""}, "【阈值】是空的，应写数字（3）"),
    (ROI_RULE, {"threshold": "很低"}, "【阈值】看不懂“很低”"),
    (ROI_RULE, {"threshold": "0:3"}, "【阈值】看不懂“0:3”"),
    (ROI_RULE, {"threshold": "3 左右"}, "【阈值】看不懂“3 左右”"),
    (ROI_RULE, {"threshold": "安全库存"}, "这张表的数字列有：日预算、消耗"),
    (STOCK_RULE, {"threshold": "安全库存的 0%"}, "【阈值】看不懂“安全库存的 0%”"),
    (STOCK_RULE, {"threshold": "商品名称"}, "【阈值】看不懂“商品名称”"),
    (STOCK_RULE, {"threshold": "1:3"}, "【阈值】“1:3”是投产比，只能用于 ROI"),
    (SHOP_RULE, {"threshold": "30"}, "【阈值】“成交跌幅”是百分数，请写成“30%”"),
    (ROI_RULE, {"scope": "平台 抖音"}, "【范围】看不懂“平台 抖音”"),
    (ROI_RULE, {"scope": "频道=抖音"}, "【范围】“计划日报”里没有“频道”这一列"),
    (ROI_RULE, {"scope": "平台=快手"}, "【范围】“平台”没有选项“快手”，可选：抖音"),
    (ROI_RULE, {"scope": "平台=抖音 且 状态"}, "【范围】看不懂“状态”"),
    (ROI_RULE, {"scope": "消耗>=很多"}, "【范围】“消耗>=很多”要比较大小"),
    (ROI_RULE, {"scope": "计划名称>3"}, "【范围】“计划名称>3”要比较大小，列和值都应是数字"),
    (ROI_RULE, {"hold_for": "一会儿"}, "【持续时间】看不懂“一会儿”"),
    (ROI_RULE, {"hold_for": "10"}, "【持续时间】看不懂“10”，应写时长，例如：10分钟"),
    (ROI_RULE, {"hold_for": "30天"}, "【持续时间】“30天”太长，最多 7 天"),
    (ROI_RULE, {"recover": "1:2"}, "【恢复阈值】“1:2”应不低于阈值“1:3”"),
    (SHOP_RULE, {"recover": "40%"}, "【恢复阈值】“40%”应不高于阈值“30%”"),
    (ROI_RULE, {"recover": "好"}, "【恢复阈值】看不懂“好”"),
    (ROI_RULE, {"floor": "-1"}, "【消耗下限】看不懂“-1”，应写不小于 0 的数字"),
    (STOCK_RULE, {"floor": "500"}, "【消耗下限】“商品库存”没有“消耗”列，请清空这一格"),
    (ROI_RULE, {"sample": "-3"}, "【最小样本】看不懂“-3”，应写“成交订单数”至少是多少"),
    (STOCK_RULE, {"sample": "-1"}, "应写“近7日销量”至少是多少"),
    (ROI_RULE, {"severity": "要命"}, "【严重程度】请选择：提醒、警告、严重"),
    (ROI_RULE, {"owner_field": "店长"}, "【负责人字段】“计划日报”里没有人员列“店长”，可用的有：负责人、主管"),
    (ROI_RULE, {"owner_field": "计划名称"}, "【负责人字段】“计划日报”里没有人员列“计划名称”"),
    (ROI_RULE, {"actions": ("紧急补货",)}, "【动作】“计划日报”不能“紧急补货”，可选：调整预算"),
    (STOCK_RULE, {"actions": ("调整预算",)}, "【动作】“商品库存”不能“调整预算”"),
    (ROI_RULE, {"actions": ("打电话",)}, "【动作】不认识“打电话”"),
    (ROI_RULE, {"expression": "ROI < 3"}, "【指标】已经写了“表达式”，两种写法只能用一种"),
    (EXPERT, {"expression": "ROI <"}, "【表达式】看不懂，请检查括号、运算符和引号"),
    (EXPERT, {"expression": "ROI"}, "【表达式】“ROI”不是条件，条件要有比较"),
    (EXPERT, {"expression": "转化率 < 3"}, "【表达式】“计划日报”里没有“转化率”，可用的有：日预算"),
    (EXPERT, {"expression": "平台 < 3"}, "【表达式】“平台”不是数字列"),
    (EXPERT, {"expression": '平台 = "快手"'}, "【表达式】“平台”没有选项“快手”"),
    (EXPERT, {"expression": "消耗（元） > 3"}, "请写在方括号里，例如 [近 7 日销量]"),
    (EXPERT, {"expression": "__import__('os').getcwd() = 1"}, "【表达式】不能用“__import__('os').getcwd()”"),
    (EXPERT, {"expression": "均值7日(日预算) > 1"}, "“均值7日”只能用于：消耗、成交金额、成交订单数"),
    (EXPERT, {"expression": "ROI < 3 and 消耗 > 5", "recover": "4"},
     "【恢复阈值】表达式里不止一个大小比较"),
    (EXPERT, {"expression": "ROI < 3", "recover": "2"}, "【恢复阈值】“2”应不低于阈值“3”"),
]  # fmt: skip


def written(text: RuleText, changes: dict[str, Any]) -> dict[str, Any]:
    """The cells of the row."""
    return rule_cells(replace(text, **changes))


def test_each_has_its_sentence_and_the_good_rule_goes_on(house: House) -> None:
    """All stand in one table; none is in force, each row says why, and the one good rule fires."""
    house.put(PLANS, {"rec_1001": plan()})
    house.put(RULES, {f"rec_{n:03}": written(text, changes) for n, (text, changes, _) in enumerate(WRONG)})
    house.put(RULES, {"rec_roi": rule_cells(ROI_RULE)})
    house.reviewer.review()
    assert len(WRONG) > 40
    for number, (_, changes, sentence) in enumerate(WRONG):
        said = house.say(f"rec_{number:03}")
        assert said.startswith("无效：【"), (changes, said)
        assert sentence in said, (changes, said)
        assert said.endswith("。这条规则还没有生效")
    assert house.say() == "有效，当前会触发 1 个对象"
    assert [(alert.rule_id, alert.state) for alert in house.open()] == [("rec_roi", State.FIRING)]


def test_each_spoils_nothing_that_was_good_before(house: House) -> None:
    """Rules in force are edited into every wrong state: the last good version of each still judges."""
    good = {f"rec_{n:03}": rule_cells(replace(ROI_RULE, name=f"规则{n}")) for n in range(len(WRONG))}
    house.put(RULES, good)
    house.reviewer.review()
    house.put(RULES, {f"rec_{n:03}": written(text, changes) for n, (text, changes, _) in enumerate(WRONG)})
    house.reviewer.review()
    for number in range(len(WRONG)):
        assert house.say(f"rec_{number:03}").endswith("。上一个有效版本继续生效")
    house.write_plan(gmv=Decimal(100))
    assert {alert.rule_id for alert in house.open()} == set(good)


@pytest.mark.parametrize("key", ["expression", "sample", "threshold", "scope"])
def test_a_column_of_another_type_is_told(house: House, key: str) -> None:
    """A retyped column gives cells nobody can read; the row says which, the rule stays as it was."""
    house.write_rule()
    house.spoil(RULES, "rec_roi", key, [{"file_token": "box", "name": "x.png"}])
    house.reviewer.review()
    assert "这一格读不出来" in house.say()
    house.write_plan()
    assert house.alert().state is State.FIRING
