"""Every view of an alert is a card that Feishu takes, in both languages, with what people need."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY
from bot.cards import check
from rules.cards import alert_card
from rules.lifecycle import acknowledge, close, step, told, vanish, withdraw
from rules.model import Action, Alert, Doubt, Finding, Reason, Rule, Severity, State, Task, TaskState, Verdict
from rules.stakes import stake
from rules.store import new_alert
from rules.storms import storms
from rules.summary import Summary, summary_card
from rules.views import View
from runtime.ids import AlertId, RecordId, RuleId, TaskId
from tests.rules.kit import ROI_RULE, START, STOCK_RULE, WANG, plan, row, rule, sku, texts

POINTS = tuple((START + timedelta(minutes=n), Decimal(30 - n) / 10) for n in range(10))


def fired(of: Rule, value: str = "2", limit: str = "3") -> Alert:
    """A firing alert."""
    blank = replace(
        new_alert(RuleId("r"), "1001", of.table, Severity.WARNING), title="夏季新品", owners=(WANG,)
    )
    finding = Finding(
        "1001", RecordId("rec"), Verdict.BREACH, Decimal(value), Decimal(limit), Decimal("3.3"), seen_at=START
    )
    return step(blank, finding, of, START).alert


def view(**changes: Any) -> View:
    """What the card of a firing plan shows."""
    of = rule()
    return replace(View(fired(of), of, row(plan()).values, POINTS, code="AB12CD34"), **changes)


def stock_view(**changes: Any) -> View:
    """What the card of a firing SKU shows."""
    of = rule(STOCK_RULE)
    return replace(View(fired(of, "50", "100"), of, row(sku(), "stock").values, POINTS), **changes)


def task(state: TaskState, kind: Action = Action.ADJUST, result: str = "") -> Task:
    """A task in a state."""
    return Task(
        TaskId("tk"), AlertId("al"), 1, kind, "1001", "夏季新品", Decimal(1400), Decimal(2000),
        Decimal(1400) if state is TaskState.DONE else None, state, WANG, START, result=result,
    )  # fmt: skip


def unknown(doubt: Doubt, sentence: str) -> Alert:
    """A firing alert whose data cannot be judged."""
    finding = Finding("1001", None, Verdict.UNKNOWN, doubt=doubt, sentence=sentence)
    return step(fired(rule()), finding, rule(), START).alert


RESOLVED = replace(fired(rule()), state=State.RESOLVED, reason=Reason.RECOVERED, resolved_at=START)
ACKED = acknowledge(fired(rule()), WANG, START).alert
PAUSABLE = rule(actions=("调整预算", "暂停计划"))
VIEWS: dict[str, tuple[View, list[str], list[str]]] = {
    "firing": (
        view(),
        ["ROI 2.00", "1:3（3.00）", "少 **¥1,000**", "调整预算", "知道了", "王芳", "AB12CD34"],
        ["✓"],
    ),
    "form": (view(form="adjust"), ["建议降到 ¥1,400", "新的日预算", "提交", "取消"], ["知道了"]),
    "form with a fault": (view(form="adjust", fault=("不行<b>", "no"), typed="12"), ["不行"], ["<b>"]),
    "submitted": (
        view(alert=ACKED, task=task(TaskState.QUEUED)),
        ["王芳", "正在执行", "→ ¥1,400"],
        ["调整预算"],
    ),
    "done": (
        view(alert=ACKED, task=task(TaskState.DONE)),
        ["✓", "已把日预算 ¥2,000 → ¥1,400"],
        ["正在执行"],
    ),
    "failed": (
        view(alert=ACKED, task=task(TaskState.FAILED, result="平台拒绝")),
        ["✕", "平台拒绝", "调整预算"],
        [],
    ),
    "acknowledged": (view(alert=ACKED), ["王芳** 知道了", "处理中", "调整预算"], []),
    "recovering": (
        view(alert=replace(fired(rule()), clear_since=START, value=Decimal("3.4"), reason=Reason.RECOVERING)),
        ["恢复中", "刚回到正常", "3.40", "更多"],
        ["ROI 3.40**，低于"],
    ),
    "unseen": (view(alert=replace(RESOLVED, unseen=True)), ["没有人处理就自己恢复了", "知道了"], ["更多"]),
    "unknown": (
        view(alert=unknown(Doubt.EMPTY, "“消耗”是空的")),
        ["无法判断", "“消耗”是空的", "补上这一格", "最后一次 ROI"],
        ["调整预算", "按红线应成交"],
    ),
    "vanished": (
        view(alert=vanish(fired(rule()), "已不在表里", START).alert, values={}),
        ["已不在表里", "确认已下线"],
        [],
    ),
    "resolved": (view(alert=RESOLVED), ["已恢复", "**，指标已恢复"], ["调整预算", "知道了", "最后一次"]),
    "well again": (
        view(alert=replace(fired(rule()), clear_since=START, reason=Reason.RECOVERING)),
        ["ROI 2.00**，刚回到正常", "恢复中"],
        ["按红线应成交"],
    ),
    "closed": (
        view(alert=close(vanish(fired(rule()), "x", START).alert, WANG, START).alert),
        ["已确认下线"],
        ["确认已下线？"],
    ),
    "rule deleted": (
        view(alert=withdraw(fired(rule()), Reason.RULE_DELETED, START).alert),
        ["规则已删除"],
        ["知道了"],
    ),
    "never valid rule": (view(rule=None), ["夏季新品"], ["调整预算"]),
    "no owner": (view(alert=replace(fired(rule()), owners=())), ["负责人为空", "（未填写）"], []),
    "stock": (stock_view(), ["可售只够 **3.0 天**", "紧急补货", "在途"], []),
    "restock form": (stock_view(form="restock"), ["建议补 170 件", "ERP"], []),
    "restocked": (
        stock_view(task=task(TaskState.DONE, Action.RESTOCK, "采购单 PO77")),
        ["已补货 1400 件，采购单 PO77"],
        [],
    ),
    "empty row": (
        view(values=row({"plan_id": "1001", "budget": EMPTY}).values, form="adjust"),
        ["没有日预算"],
        [],
    ),
    "no budget": (view(values=plan(budget=EMPTY)), ["没有日预算", "知道了"], ["调整预算"]),
    "read only": (view(values=plan(can="只能看")), ["不能改这个计划的预算", "知道了"], ["调整预算"]),
    "not told": (view(values=plan(can=EMPTY)), ["调整预算"], ["不能改"]),
    "no pause": (
        view(values=plan(can="改预算"), form="more", rule=PAUSABLE),
        ["不能暂停这个计划"],
        ["立即停止投放"],
    ),
    "pause": (view(form="more", rule=PAUSABLE), ["立即停止投放"], ["不能暂停"]),
    "no history": (view(points=()), ["ROI 2.00"], []),
}


@pytest.mark.parametrize("name", list(VIEWS))
def test_each_view_says_what_people_need(name: str) -> None:
    """The card passes the platform's rules, has the words it must have and not those it must not."""
    shown, wanted, unwanted = VIEWS[name]
    card = alert_card(shown)
    check(card.data)
    words = texts(card.data)
    for part in wanted:
        assert part in words, (part, words)
    for part in unwanted:
        assert part not in words, (part, words)


@pytest.mark.parametrize("name", list(VIEWS))
def test_each_view_has_an_english_variant(name: str) -> None:
    """Every text shown in two languages differs, so nobody forgot to translate."""

    def pairs(node: Any) -> list[tuple[str, str]]:
        if isinstance(node, dict):
            found = (
                [(node["i18n_content"]["zh_cn"], node["i18n_content"]["en_us"])]
                if "i18n_content" in node
                else []
            )
            return found + [pair for value in node.values() for pair in pairs(value)]
        return [pair for item in node for pair in pairs(item)] if isinstance(node, list) else []

    found = pairs(dict(alert_card(VIEWS[name][0]).data))
    assert len(found) >= 4
    assert all(zh and en for zh, en in found)


def test_the_trend_shows_the_threshold() -> None:
    """The line chart holds the points and the red line."""
    assert '"chart"' in repr(alert_card(view()).data).replace("'", '"')
    assert "红线" in texts(alert_card(view()).data)


def test_button_values_carry_ids_and_the_turn_only() -> None:
    """Amounts and rights never travel in a card."""

    def values(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, dict):
            here = [node["value"]] if node.get("type") == "callback" else []
            return here + [value for item in node.values() for value in values(item)]
        return [value for item in node for value in values(item)] if isinstance(node, list) else []

    for shown, _, _ in VIEWS.values():
        for value in values(dict(alert_card(shown).data)):
            assert set(value) == {"a", "id", "v"}


@given(st.text(max_size=60))
def test_a_name_from_the_table_cannot_break_or_abuse_the_card(name: str) -> None:
    """Property: whatever people call a plan, the card is valid and mentions nobody."""
    shown = view(
        alert=replace(fired(rule()), title=f"<at id=all></at>{name}", owners=(replace(WANG, name=name),))
    )
    data = alert_card(shown).data
    check(data)
    bodies = [element for element in data["body"]["elements"] if element["tag"] == "markdown"]
    assert all("<at id=all>" not in element["content"] for element in bodies)


def test_a_summary_lists_the_worst_and_counts_the_rest() -> None:
    """Ten lines a page with a button each, and a doubt about the source when it is a storm.

    A page too far is the last.
    """
    of = rule(STOCK_RULE)
    alerts = [replace(fired(of, "5", "100"), id=AlertId(f"al{n}"), title=f"T恤{n}") for n in range(45)]
    found = storms({"r": 45}, {"stock": 100}, {"r": of})
    summary = Summary(alerts, {RuleId("r"): of}, storms=found, page=9, group="dg_1", code="DG")
    card = summary_card(summary)
    check(card.data)
    words = texts(card.data)
    assert "45 个对象越过红线" in words
    assert "第 5/5 页" in words
    assert "T恤44" in words
    assert "T恤39" not in words
    assert "100 个对象里有 45 个越线" in words
    assert "先核对数据" in words


def test_what_is_at_stake_is_silent_without_numbers() -> None:
    """No guess where the row does not say."""
    assert stake(rule(), fired(rule()), {}) is None
    assert stake(rule(ROI_RULE), fired(rule()), row(plan(gmv=Decimal(9999))).values) is None
    assert told(fired(rule()), Reason.TASK_DONE).reason is Reason.TASK_DONE
