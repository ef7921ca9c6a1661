"""The proposal follows what the rule is about: less for a plan that earns little, more if money runs out."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bitable_sync.cells import EMPTY
from rules.model import State
from rules.parse import RuleText
from rules.proposals import budget_proposal, kept_standing, read_standing, standing_of, wish_of
from rules.store import new_alert
from rules.views import View
from tests.rules.kit import ROI_RULE, plan, rule, sku

Cells = dict[str, Any]


def written(metric: str, comparison: str, threshold: str) -> RuleText:
    """A rule in single cells."""
    return replace(ROI_RULE, metric=metric, comparison=comparison, threshold=threshold)


def expert(expression: str) -> RuleText:
    """A rule as an expression."""
    return replace(ROI_RULE, metric="", comparison="", threshold="", expression=expression)


@pytest.mark.parametrize(
    ("text", "amount", "words"),
    [
        (written("ROI", "低于", "3"), 1400, "ROI 低于红线，当前 ¥2,000 降约三成"),
        (written("ROI", "高于", "6"), 2600, "可以放量，当前 ¥2,000 加约三成"),
        (written("预算消耗率", "高于", "95%"), 2600, "预算快用完了"),
        (written("预算消耗率", "低于", "20%"), 1400, "预算用不完"),
        (written("消耗", "高于", "900"), 1400, "消耗高于红线"),
        (written("消耗", "高于", "日预算的 95%"), 2600, "预算快用完了"),
        (written("消耗环比", "高于", "50%"), 1400, "消耗高于红线"),
        (written("成交订单数", "低于", "5"), None, "没有说明预算该加还是该减"),
        (expert("ROI < 3"), 1400, "ROI 低于红线"),
        (expert("3 > ROI and 消耗 > 500"), 1400, "ROI 低于红线"),
        (expert("预算消耗率 > 0.95 and 消耗 > 500"), 2600, "预算快用完了"),
        (expert("消耗 > 日预算 * 0.95 and ROI > 3"), 2600, "预算快用完了"),
        (expert("消耗 > 500 and 成交订单数 < 3"), 1400, "消耗高于红线"),
        (expert("预算消耗率 > 0.95 and ROI < 3"), None, "没有说明预算该加还是该减"),
        (expert('平台 = "抖音" and 成交订单数 < 3'), None, "没有说明预算该加还是该减"),
    ],
)
def test_the_proposal_follows_the_rule(text: RuleText, amount: int | None, words: str) -> None:
    """The direction, its reason in words, and no guess where the rule says nothing."""
    of = rule(text)
    alert = replace(new_alert(of.id, "1001", "plans", of.severity), state=State.FIRING)
    proposal = budget_proposal(View(alert, of, plan()))
    assert (proposal.amount, words in proposal.zh) == (amount, True), proposal.zh
    assert proposal.en


@pytest.mark.parametrize(
    ("cells", "changes", "words"),
    [
        ({"budget": EMPTY}, 0, "没有日预算"),
        ({"can": "只能看"}, 0, "不能改"),
        ({"spend": EMPTY}, 0, "无法给出建议"),
        ({}, 20, "已改 20 次预算"),
    ],
)
def test_nothing_is_proposed_that_cannot_be_sent(cells: Cells, changes: int, words: str) -> None:
    """Each with its reason."""
    of = rule()
    alert = replace(new_alert(of.id, "1001", "plans", of.severity), state=State.FIRING)
    proposal = budget_proposal(View(alert, of, plan(**cells), changes=changes))
    assert (proposal.amount, words in proposal.zh) == (None, True), proposal.zh
    assert wish_of(of) is not None


@pytest.mark.parametrize("cells", [{}, {"pack": Decimal(24), "most": Decimal(500)}, {"sales_7d": EMPTY}])
def test_how_a_sku_stood_comes_back_as_it_was_kept(cells: Cells) -> None:
    """Through the text that is kept with a decision."""
    standing = standing_of(sku(**cells))
    assert standing is not None
    assert read_standing(kept_standing(standing)) == standing
    assert standing_of(sku(qty=EMPTY)) is None
