"""What may be spent: a request, a requester's day, the company's day; in words, and never a picture more."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from creative.deps import Budget
from creative.model import CallState
from tests.creative.hands import Hands
from tests.creative.stage import Studio

pytestmark = pytest.mark.db

STAGE = {"by_hand": True, "budget": Budget(Decimal("1.50"), Decimal("1.00"), Decimal("0.75"))}
"""Six pictures a day, four a requester, three a request."""
SIZE = ["公众号小封面 383×383"]


@pytest.fixture
def tomorrow(calm: Studio) -> Studio:
    """A day on which nothing was spent yet."""
    calm.clock.advance(timedelta(days=1))
    return calm


def states(studio: Studio, record: str) -> list[str]:
    """Where the calls of a request stand."""
    return sorted(call.state.value for call in studio.calls(record))


def test_a_request_beyond_its_allowance_is_refused_before_any_money_is_spent(tomorrow: Studio) -> None:
    """The sentence has the numbers; with fewer variants it goes on by itself."""
    record = tomorrow.ask(版数=4, 尺寸=SIZE, wait="待修改")
    said = "要生成 4 张底图，预计 ¥1.00，超过每条需求 ¥0.75 的上限；请减少版数或尺寸"
    assert tomorrow.cell(record, "说明") == said
    assert tomorrow.calls(record) == []
    assert said in str(tomorrow.cards(tomorrow.operator)[-1]["content"])
    tomorrow.edit("art_requests", record, 版数=2)
    tomorrow.wait(record, "待审")
    assert len(tomorrow.bills(record)) == 2


def test_a_redo_beyond_the_allowance_leaves_the_variants_to_choose_from(tomorrow: Studio) -> None:
    record = tomorrow.ask(版数=2, 尺寸=SIZE)
    opened = tomorrow.decide(record, "重做")
    assert opened.card is not None
    answer = tomorrow.press(tomorrow.operator, opened.card, "提交", reason="换背景")
    assert answer.toast is not None
    assert answer.toast.kind == "error"
    assert "预计 ¥0.50，之前已花 ¥0.50，超过每条需求 ¥0.75 的上限" in str(answer.card)
    assert tomorrow.request(record).version == 1
    tomorrow.decide(record, "定稿第 2 版")
    tomorrow.wait(record, "已归档")


def test_a_requesters_day_is_over_in_words_and_tomorrow_begins_anew(tomorrow: Studio) -> None:
    """Three, then one of two: the fifth is painted here; another requester is not concerned."""
    tomorrow.ask(版数=3, 尺寸=SIZE)
    record = tomorrow.ask(版数=2, 尺寸=SIZE)
    assert states(tomorrow, record) == ["refused", "stored"]
    assert "超出需求人今天的生成预算（¥1.00），先用本地绘制的底图（1 张）" in tomorrow.cell(record, "说明")
    assert len(tomorrow.bills(record)) == 1
    assert tomorrow.spent(record) == Decimal("0.25")
    other = tomorrow.ask(who=tomorrow.person(5), 版数=1, 尺寸=SIZE)
    assert states(tomorrow, other) == ["stored"]
    tomorrow.clock.advance(timedelta(days=1))
    assert states(tomorrow, tomorrow.ask(版数=1, 尺寸=SIZE)) == ["stored"]


def test_the_companys_day_is_over_for_everybody(tomorrow: Studio) -> None:
    for place in (3, 4):
        tomorrow.ask(who=tomorrow.person(place), 版数=3, 尺寸=SIZE)
    record = tomorrow.ask(who=tomorrow.person(5), 版数=2, 尺寸=SIZE)
    assert states(tomorrow, record) == ["refused", "refused"]
    assert "超出公司今天的生成预算（¥1.50），先用本地绘制的底图（2 张）" in tomorrow.cell(record, "说明")
    assert tomorrow.bills(record) == []
    assert len(tomorrow.results(record)) == 2


def test_lanes_that_ask_at_once_do_not_share_the_last_picture(tomorrow: Studio) -> None:
    """Three are paid, three ask at the same moment for the one that is left of the requester's day."""
    tomorrow.ask(版数=3, 尺寸=SIZE)
    record = tomorrow.ask(版数=3, 尺寸=SIZE, wait=None)
    hands = tomorrow.engine
    assert isinstance(hands, Hands)
    hands.perform(until="art.generate")
    works = hands.take("art.generate")
    tomorrow.sandbox.world.images.latency = 0.5  # nobody is done before the others ask
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(hands.do, works))
    assert states(tomorrow, record) == ["refused", "refused", "stored"]
    assert len(tomorrow.bills(record)) == 1
    tomorrow.wait(record, "待审")
    assert {call.state for call in tomorrow.calls(record)} == {CallState.REFUSED, CallState.STORED}
