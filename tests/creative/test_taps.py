"""Who may decide, with which card, and how often."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from creative.model import State
from runtime.tables import audit
from tests.creative.stage import Studio
from tests.creative.stage_kit import buttons

pytestmark = pytest.mark.db

STAGE = {"by_hand": True, "admin": 0}
ACTIONS = ("choose", "redo", "copy", "redo_submit", "copy_submit")


def refusals(studio: Studio, record: str) -> list[tuple[str, str, str]]:
    """Who was refused what, and why."""
    rows = sorted(studio.stored(audit, subject=f"art:{record}"), key=lambda row: row.id)
    return [(row.actor, row.action, row.reason) for row in rows if row.action.startswith("tap.")]


def now_on(studio: Studio, record: str, **more: Any) -> dict[str, Any]:
    """What a button of the newest card carries."""
    return {"id": record, "v": studio.request(record).turn, **more}


def test_only_those_the_row_and_the_brand_name_may_decide(calm: Studio) -> None:
    """The right is read from our rows; a card in the wrong hands, or a forged id, decides nothing."""
    designer, owner, stranger = calm.person(4), calm.person(5), calm.person(2)
    calm.add("art_brands", 品牌="有主的牌", 负责人=[{"id": owner.open_id}])
    record = calm.ask(品牌="有主的牌", 设计师=[{"id": designer.open_id}])
    assert len(calm.cards(calm.operator, record)) == len(calm.cards(designer, record)) == 1
    before = calm.request(record)
    for action in ACTIONS:
        form = {"reason": "换背景", "headline": "别的"}
        answer = calm.tap(stranger, f"art.{action}", now_on(calm, record, n=1), **form)
        assert answer.toast is not None
        assert (answer.toast.kind, answer.card) == ("warning", None)
        assert answer.toast.zh.startswith("由 ")
        assert calm.operator.name in answer.toast.zh
        assert "decide about this" in answer.toast.en
    assert calm.request(record) == before
    assert refusals(calm, record) == [
        (stranger.open_id, f"tap.art.{action}", "not_entitled") for action in ACTIONS
    ]
    closed = calm.tap(stranger, "art.cancel_form", now_on(calm, record))
    assert closed.card is None
    for who in (calm.operator, designer, owner, calm.person(0)):
        opened = calm.tap(who, "art.redo", now_on(calm, record))
        assert opened.card is not None
        assert "哪里不满意" in str(opened.card)
        assert calm.tap(who, "art.cancel_form", now_on(calm, record)).card is not None
    for forged in ({"id": "recNobody", "v": 1, "n": 1}, {"v": 1}, {"id": 7}):
        answer = calm.tap(calm.operator, "art.choose", forged)
        assert answer.toast is not None
        assert answer.toast.kind == "error"


def test_an_old_card_decides_nothing_and_is_refreshed(calm: Studio) -> None:
    record = calm.ask()
    old = calm.cards(calm.operator, record)[-1]["content"]
    opened = calm.press(calm.operator, old, "改文案")
    assert opened.card is not None
    calm.press(calm.operator, opened.card, "提交", headline="新的一句")
    calm.wait(record, "待审", version=2)
    before = calm.request(record)
    answer = calm.press(calm.operator, old, "定稿第 1 版")
    assert answer.toast is not None
    assert answer.toast.zh == "卡片不是最新的，已刷新，请再看一眼"
    assert answer.card is not None
    fresh = buttons(answer.card)["定稿第 1 版"]
    assert fresh["v"] == before.turn
    assert calm.request(record) == before
    assert refusals(calm, record)[-1][2] == "stale"
    missing = calm.tap(calm.operator, "art.choose", now_on(calm, record, n=9))
    assert missing.toast is not None
    assert missing.toast.zh == "没有这一版，请打开最新的卡片"
    assert calm.request(record) == before


def test_a_second_tap_is_told_what_was_decided(calm: Studio) -> None:
    record = calm.ask()
    card = calm.cards(calm.operator, record)[-1]["content"]
    first = calm.press(calm.operator, card, "定稿第 1 版")
    second = calm.press(calm.operator, card, "定稿第 1 版")
    assert first.toast is not None
    assert second.toast is not None
    assert (first.toast.kind, second.toast.zh) == ("success", "现在是“已定稿”，已刷新卡片")
    calm.wait(record, "已归档")
    assert calm.reasons(record) == ["accepted", "delivered", "chosen", "not_waiting", "archived"]
    third = calm.press(calm.operator, card, "重做")
    assert third.toast is not None
    assert third.toast.zh == "现在是“已归档”，已刷新卡片"


def test_simultaneous_taps_are_one_decision(calm: Studio) -> None:
    """Requester and designer press different buttons at the same moment, several times each."""
    designer = calm.person(4)
    record = calm.ask(版数=2, 设计师=[{"id": designer.open_id}])
    value = now_on(calm, record)
    taps = [
        (calm.operator, "art.choose", {"n": 1}),
        (designer, "art.choose", {"n": 2}),
        (designer, "art.redo_submit", {}),
        (calm.operator, "art.copy_submit", {}),
    ] * 2

    def press(tap: tuple[Any, str, dict[str, Any]]) -> str:
        who, action, more = tap
        answer = calm.tap(who, action, {**value, **more}, reason="换背景", headline="别的话")
        assert answer.toast is not None
        return answer.toast.kind

    with ThreadPoolExecutor(8) as threads:
        kinds = list(threads.map(press, taps))
    assert sorted(kinds) == ["info"] * 7 + ["success"]
    decided = [reason for reason in calm.reasons(record) if reason in ("chosen", "redo", "copy")]
    assert len(decided) == 1
    assert len([each for each in refusals(calm, record) if each[2] == "not_waiting"]) == 7
    calm.idle()
    assert calm.request(record).state in (State.ARCHIVED, State.REVIEW)
    assert len(calm.bills(record)) == (4 if decided == ["redo"] else 2)
