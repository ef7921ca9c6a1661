"""The oracle can fail: a clean evening passes, and every doctored one is noticed where it was doctored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.chaos.evening import TABLES, Evening, Message, Payslip
from tests.chaos.oracle import judge
from tests.chaos.story import Expected, title

OWNER, BUYER, KEEPER, TALKER = "ou_owner", "ou_buyer", "ou_keeper", "ou_talker"
MONTH = "2026-10"


def expected() -> Expected:
    """A day in miniature: a budget, an order, two articles on the shelf, a payslip, an image, questions."""
    return Expected(
        budgets={"P1": (Decimal(2500), 1), "P2": (Decimal(2000), 0)},
        orders={"SKU-1": 120},
        told={(OWNER, "夏装计划"): 1, (BUYER, "SKU-1"): 1},
        shelf={"HAND-1": 20, "HAND-2": 100},
        crossed={"HAND-1": 1, "HAND-2": 1},
        asked={TALKER: 2},
        requests=["rec1"],
        receivers={"rec1": (OWNER, BUYER)},
        paid={KEEPER},
        confirmed={"YR1"},
    )


def clean() -> Evening:
    """What must be there after it."""
    tables: dict[str, tuple[dict[str, Any], ...]] = dict.fromkeys(TABLES, ())
    tables |= {
        "计划日报": (plan_row("P1", "2500"), plan_row("P2", "2000")),
        "商品库存": (stock_row("SKU-1", "3"), stock_row("HAND-1", "20"), stock_row("HAND-2", "100")),
        "预警看板": ({"规则": "ROI", "对象": "夏装计划"},),
        "处理任务": ({"动作": "调整预算", "状态": "已完成"}, {"动作": "紧急补货", "状态": "已完成"}),
        "薪资核算": ({"工号": "YR1", "月份": MONTH, "实发工资": "8123.45"},),
        "工资条状态": ({"工号": "YR1", "月份": MONTH, "状态": "已确认"},),
        "考勤汇总": ({"工号": "YR1", "月份": MONTH},),
        "素材需求": ({"record_id": "rec1", "状态": "已归档"},),
        "素材库": ({"名称": title(0)},),
    }
    return Evening(
        messages=(
            card(OWNER, "夏装计划 编号 0000000A 编号 0000000A"), card(BUYER, "SKU-1 编号 0000000B"),
            card(KEEPER, "HAND-1 库存 20 编号 0000000C"), card(KEEPER, "HAND-2 库存 100 编号 0000000D"),
            card(TALKER, "帮助"), card(TALKER, "帮助"), card(OWNER, title(0)), card(BUYER, title(0)),
            Message(KEEPER, "2026 年 10 月 工资条", "查看工资条"),
        ),
        deliveries=(delivery("e1"), delivery("e2")),
        plans={"P1": plan("2500", 1), "P2": plan("2000", 0)},
        stock={"SKU-1": 3},
        orders=(("SKU-1", 120),),
        bills=(("hash", "7"),),
        approvals=(form("全公司", "8123.45"), form("客服部", "8123.45")),
        tables=tables,
        files={"rec1": ("f1", "f2", "f3")},
        pages=(f"{title(0)} 第 1 版",),
        month=MONTH,
        inbox={"e1": "handled", "e2": "unhandled"},
        alerts=({"object_id": "HAND-1", "state": "firing"}, {"object_id": "HAND-2", "state": "resolved"}),
        notices={"sent": 4},
        behind=0,
        unfinished=(),
        parked=(),
        runs=({"id": f"{MONTH}.1", "state": "pushed"},),
        slip_states={"YR1": "confirmed"},
        slips=(Payslip("YR1", Decimal("8123.45"), ()),),
        calls=({"version_id": "rec1:1", "state": "stored"},),
        unsent_art=0,
        chain="",
        log='{"event": "work.done"}',
    )  # fmt: skip


def card(receiver: str, text: str) -> Message:
    return Message(receiver, "预警", text)


def plan(budget: str, times: int) -> dict[str, Any]:
    return {"budget": budget, "budget_changes_today": times, "spend": "800", "gmv": "3200"}


def plan_row(number: str, budget: str) -> dict[str, Any]:
    return {"计划ID": number, "日预算": budget, "消耗": "800", "成交金额": "3200"}


def stock_row(sku: str, qty: str) -> dict[str, Any]:
    return {"SKU编码": sku, "库存": qty}


def delivery(event: str, status: int = 200, state: str = "delivered") -> dict[str, Any]:
    tries = [{"status": status, "error": ""}]
    return {"event_id": event, "event_type": "t", "state": state, "attempts": tries}


def form(part: str, total: str, digest: str = "d1") -> dict[str, Any]:
    return {"run": f"{MONTH}.1", "part": part, "total": total, "digest": digest, "status": "APPROVED"}


def more(**parts: Any) -> Callable[[Evening], Evening]:
    """The evening with something added to some of its parts."""
    return lambda evening: replace(evening, **{k: getattr(evening, k) + v for k, v in parts.items()})


def other(**parts: Any) -> Callable[[Evening], Evening]:
    """The evening with some parts put in the place of what was there."""
    return lambda evening: replace(evening, **parts)


def table(name: str, *rows: dict[str, Any]) -> Callable[[Evening], Evening]:
    """The evening with other rows in a table."""
    return lambda evening: replace(evening, tables={**evening.tables, name: rows})


def without(words: str) -> Callable[[Evening], Evening]:
    """The evening without messages that say so."""
    return lambda evening: replace(
        evening, messages=tuple(m for m in evening.messages if words not in m.text)
    )


DOCTORED: dict[str, tuple[str, Callable[[Evening], Evening]]] = {
    "an acknowledged event that is not stored": ("events", other(inbox={"e1": "handled"})),
    "an event nobody handled": ("events", other(inbox={"e1": "new", "e2": "handled"})),
    "an event that never arrived": ("events", more(deliveries=(delivery("e3", 503, "failed"),))),
    "work that waits": ("events", other(unfinished=("notify:1",))),
    "work that was given up": ("events", other(parked=("w1: no",))),
    "the same card twice": ("alerts", more(messages=(card(OWNER, "编号 0000000A"),))),
    "a second card of one cause": ("alerts", more(messages=(card(OWNER, "夏装计划 编号 0000000E"),))),
    "a card that never came": ("alerts", without("SKU-1")),
    "a notice that is not sent": ("alerts", other(notices={"sent": 3, "queued": 1})),
    "a copy that shows what was": ("alerts", other(behind=1)),
    "a row twice on the board": (
        "alerts", table("预警看板", *({"规则": "ROI", "对象": "夏装计划"} for _ in range(2))),
    ),
    "an edit that was lost": (
        "shelf",
        table("商品库存", stock_row("SKU-1", "3"), stock_row("HAND-1", "20"), stock_row("HAND-2", "99")),
    ),
    "an alert that did not fire": ("shelf", other(alerts=({"object_id": "HAND-1", "state": "resolved"},))),
    "a card with an old number": (
        "shelf",
        lambda e: more(messages=(card(KEEPER, "HAND-1 库存 26 编号 0000000C"),))(without("HAND-1")(e)),
    ),
    "more cards than falls": ("shelf", more(messages=(card(KEEPER, "HAND-2 编号 0000000F"),))),
    "a tap that was lost": ("money", other(plans={"P1": plan("2000", 0), "P2": plan("2000", 0)})),
    "a budget changed twice": ("money", other(plans={"P1": plan("2500", 2), "P2": plan("2000", 0)})),
    "a wrong budget": ("money", other(plans={"P1": plan("25000", 1), "P2": plan("2000", 0)})),
    "somebody else's budget": ("money", other(plans={"P1": plan("2500", 1), "P2": plan("2500", 1)})),
    "a purchase order twice": ("money", more(orders=(("SKU-1", 120),))),
    "a wrong quantity": ("money", other(orders=(("SKU-1", 12),))),
    "a task without its end": (
        "money",
        table("处理任务", {"动作": "调整预算", "状态": "执行中"}, {"动作": "紧急补货", "状态": "已完成"}),
    ),
    "a plan twice in the base": ("platform_tables", table("计划日报", *[plan_row("P1", "2500")] * 2)),
    "an old figure in the base": (
        "platform_tables", table("计划日报", plan_row("P1", "2000"), plan_row("P2", "2000")),
    ),
    "an answer that never came": ("talk", without("帮助")),
    "an answer twice": ("talk", more(messages=(card(TALKER, "帮助"),))),
    "a payslip twice": ("pay", more(messages=(Message(KEEPER, "2026 年 10 月 工资条", "查看工资条"),))),
    "somebody without a payslip": ("pay", without("查看工资条")),
    "a payslip computed wrongly": ("pay", other(slips=(Payslip("YR1", Decimal("8123.45"), ("tax",)),))),
    "a payslip that is not what HR sees": ("pay", other(slips=(Payslip("YR1", Decimal("8123.46"), ()),))),
    "an amount nobody signed": (
        "pay", other(approvals=(form("全公司", "8123.44"), form("客服部", "8123.45"))),
    ),
    "two digests signed": (
        "pay", other(approvals=(form("全公司", "8123.45"), form("客服部", "8123.45", "d2"))),
    ),
    "a part signed twice": ("pay", more(approvals=(form("客服部", "8123.45"),))),
    "a row of pay twice": (
        "pay", table("薪资核算", *({"工号": "YR1", "月份": MONTH, "实发工资": "8123.45"} for _ in range(2))),
    ),
    "a second run": ("pay", more(runs=({"id": f"{MONTH}.2", "state": "open"},))),
    "a confirmation that was lost": ("pay", other(slip_states={"YR1": "sent"})),
    "a picture billed twice": ("images", more(bills=(("hash", "7"),))),
    "a bill no call stands for": ("images", more(bills=(("other", "8"),))),
    "a request that hangs": ("images", table("素材需求", {"record_id": "rec1", "状态": "制作中"})),
    "a file twice in a row": ("images", other(files={"rec1": ("f1", "f2", "f2")})),
    "a review card twice": ("images", more(messages=(card(OWNER, title(0)),))),
    "a page twice in the wiki": ("images", more(pages=(title(0),))),
    "nothing in the library": ("images", table("素材库")),
    "a broken audit chain": ("trail", other(chain="entry 4 was changed")),
    "a secret in the log": ("log", other(log="retry with sandbox-erp-token")),
    "an amount in the log": ("log", other(log="net 8,123.45")),
}  # fmt: skip


def test_a_clean_evening_is_clean() -> None:
    """What must be there, and nothing else."""
    assert judge(expected(), clean()) == []


@pytest.mark.parametrize("fault", DOCTORED)
def test_a_doctored_evening_is_noticed(fault: str) -> None:
    """In the part of the model that is about it."""
    part, doctor = DOCTORED[fault]
    assert part in {finding.partition(":")[0] for finding in judge(expected(), doctor(clean()))}
