"""Cards of red lines, in every state, from rows such as a real shop has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bitable_sync.cells import CellValue, Person
from rules.cards import alert_card
from rules.lifecycle import acknowledge, close, escalate, hand_over, mute, step, vanish, withdraw
from rules.limits import check_budget
from rules.model import Action, Alert, Doubt, Finding, Reason, Rule, Severity, State, Task, TaskState, Verdict
from rules.outages import Outage, missing_card, outage_card
from rules.parse import RuleText
from rules.preview import Sight, asked_card, preview_card
from rules.previews import HOLD, Preview
from rules.replay import Grain, Replay, dry_lines
from rules.rulebook import Entry
from rules.specs import SHOPS
from rules.store import new_alert
from rules.storms import storms
from rules.summary import Summary, over_card, summary_card
from rules.views import View
from runtime.ids import AlertId, RecordId, TaskId
from tests.cards.shown import Shown
from tests.rules.kit import ROI_RULE, START, STOCK_RULE, plan, row, rule, sku

GROUP = ("经营预警", "Red lines")
CHEN, LIU, ZHAO = (Person("ou_chen", "陈晓雯"), Person("ou_liu", "刘思远"), Person("ou_zhao", "赵海燕"))
TITLE = "连帽卫衣 秋冬新品 千川放量"
PLAN = plan(
    "1786201", name=TITLE, budget=Decimal(3000), spend=Decimal("1264.50"), gmv=Decimal("2655.45"),
    orders=Decimal(19), owner=(CHEN,), supervisor=(ZHAO,),
)  # fmt: skip
SKU = sku(
    "YR-MG-350R", name="红色陶瓷马克杯 350ml", qty=Decimal(86), locked=Decimal(14), on_way=Decimal(0),
    safety=Decimal(120), sales_7d=Decimal(154), lead_days=Decimal(6), pack=Decimal(10),
    owner=(LIU,),
)  # fmt: skip
SHOP_RULE = RuleText(
    name="成交比昨日同时段跌三成", table="店铺日报", metric="成交跌幅", comparison="高于", threshold="30%",
    severity="严重", actions=("知道了",), enabled=True,
)  # fmt: skip
SHOP: dict[str, CellValue] = {
    "name": "悦然家居旗舰店", "platform": "抖音", "gmv": Decimal("18240.00"), "gmv_base": Decimal("31550.00"),
    "orders": Decimal(241), "owner": (ZHAO,),
}  # fmt: skip
ROI = ("3.41", "3.36", "3.22", "3.18", "2.97", "2.74", "2.61", "2.48", "2.33", "2.19", "2.10")
BACK = ("3.18", "2.97", "2.74", "2.61", "2.33", "2.10", "2.24", "2.58", "2.91", "3.17", "3.42")
PIECES = (142, 138, 131, 127, 121, 112, 104, 97, 88, 80, 72)


def fired(of: Rule, object_id: str, title: str, owner: Person, **numbers: str) -> Alert:
    """An alert that has just fired."""
    blank = replace(
        new_alert(of.id, object_id, of.table, Severity.WARNING), title=title, owners=(owner,),
        supervisors=(ZHAO,),
    )  # fmt: skip
    read = {key: Decimal(value) for key, value in numbers.items()}
    finding = Finding(object_id, RecordId("rec1"), Verdict.BREACH, seen_at=START, **read)  # type: ignore[arg-type]
    return step(blank, finding, of, START).alert


def points(values: Any) -> tuple[tuple[datetime, Decimal], ...]:
    """Values ten minutes apart, the last of them now."""
    count = len(values)
    return tuple(
        (START - timedelta(minutes=10 * (count - 1 - n)), Decimal(value)) for n, value in enumerate(values)
    )


PAUSABLE = rule(ROI_RULE, actions=("调整预算", "暂停计划", "知道了"))
ROI_OF, STOCK_OF = rule(ROI_RULE), rule(STOCK_RULE, rule_id="rec_stock")
LOW_ROI = fired(ROI_OF, "1786201", TITLE, CHEN, value="2.10", limit="3", recover_at="3.3")
LOW_STOCK = fired(
    STOCK_OF, "YR-MG-350R", "红色陶瓷马克杯 350ml", LIU, value="72", limit="120", recover_at="132"
)
ACKED = acknowledge(LOW_ROI, CHEN, START + timedelta(minutes=3)).alert
RESOLVED = replace(
    ACKED, state=State.RESOLVED, reason=Reason.RECOVERED, value=Decimal("3.42"),
    resolved_at=START + timedelta(hours=2), data_at=START + timedelta(hours=2),
)  # fmt: skip


def roi(**changes: Any) -> View:
    """The card of a plan with a low ROI."""
    return replace(View(LOW_ROI, ROI_OF, row(PLAN).values, points(ROI), code="K7Q2M9"), **changes)


def stock(**changes: Any) -> View:
    """The card of a SKU under its safety stock."""
    view = View(LOW_STOCK, STOCK_OF, row(SKU, "stock").values, points(PIECES), code="R3T8W1")
    return replace(view, **changes)


def shop() -> View:
    """The card of a shop that sells less than yesterday."""
    of = rule(SHOP_RULE, rule_id="rec_shop")
    alert = fired(
        of, "悦然家居旗舰店", "悦然家居旗舰店", ZHAO, value="0.4219", limit="0.3", recover_at="0.27"
    )
    values = row({**SHOP, "shop_id": "s1"}, SHOPS).values
    shares = points(("0.08", "0.12", "0.17", "0.21", "0.26", "0.31", "0.36", "0.40", "0.4219"))
    return View(alert, of, values, shares, code="B5N4C6")


def task(state: TaskState, kind: Action = Action.ADJUST, result: str = "") -> Task:
    """What somebody asked for."""
    of, amount, who = (LOW_ROI, 2100, CHEN) if kind is not Action.RESTOCK else (LOW_STOCK, 340, LIU)
    before = Decimal(3000) if kind is Action.ADJUST else None
    after = Decimal(amount) if state is TaskState.DONE else None
    return Task(
        TaskId("t1"), of.id, 1, kind, of.object_id, of.title, Decimal(amount), before, after, state, who,
        START + timedelta(minutes=4), result=result,
    )  # fmt: skip


def unknown(doubt: Doubt, sentence: str) -> Alert:
    """An alert whose row can no longer be judged."""
    finding = Finding("1786201", None, Verdict.UNKNOWN, doubt=doubt, sentence=sentence)
    return step(LOW_ROI, finding, ROI_OF, START + timedelta(minutes=20)).alert


def digest(count: int, code: str, *, over: int = 0, storm: bool = False, page: int = 0) -> Summary:
    """Many alerts in one card, the last ``over`` of them over."""
    names = ("红色陶瓷马克杯 350ml", "保温杯 深海蓝", "香薰蜡烛 雪松", "亚麻餐垫 四件套", "玻璃水壶 1.5L")
    alerts = [
        replace(LOW_STOCK, id=AlertId(f"a{n}"), title=name, value=Decimal(n * 9 + 4), limit=Decimal(120))
        for n, name in enumerate(names * 10)
    ][: count - 1]
    alerts = [replace(LOW_ROI, id=AlertId("a-roi")), *alerts]
    back: dict[str, Any] = {
        "state": State.RESOLVED, "reason": Reason.RECOVERED, "resolved_at": START + timedelta(hours=1),
    }  # fmt: skip
    good = {LOW_ROI.limit: Decimal("3.42"), Decimal(120): Decimal(186)}
    shown = [
        replace(each, **back, value=good[each.limit]) if n >= count - over else each
        for n, each in enumerate(alerts)
    ]
    found = storms({STOCK_OF.id: 412}, {"stock": 500}, RULES) if storm else []
    ended = frozenset(each.id for each in shown if each.state is State.RESOLVED)
    return Summary(shown, RULES, ended, found, page, "dg_1" if code else "", code)


RULES = {str(of.id): of for of in (ROI_OF, STOCK_OF)}


def cards() -> Iterator[Shown]:
    """Every card of red lines."""
    gone = vanish(LOW_ROI, f"“{TITLE}”已不在“计划日报”里。如果确实已下线，请点“确认已下线”", START).alert
    refused = check_budget(Decimal(1300), budget=Decimal(3000), spend=Decimal("1264.50"), changes_today=0)
    low = (refused.zh, refused.en) if refused else ("", "")
    spent_nothing = row({key: value for key, value in PLAN.items() if key != "spend"}).values
    views: tuple[tuple[str, str, str, View], ...] = (
        ("firing", "ROI 越线", "ROI over the line", roi()),
        ("form", "调整预算：填写", "Adjust budget: the form", roi(form="adjust")),
        ("fault", "调整预算：填得不对", "Adjust budget: not accepted",
         roi(form="adjust", fault=low, typed="1300")),
        ("waiting", "超过额度，等待审批", "Beyond the allowance, waiting for approval",
         roi(alert=ACKED, task=replace(task(TaskState.WAITING), amount=Decimal(9000)))),
        ("queued", "已提交，正在执行", "Submitted, being done", roi(alert=ACKED, task=task(TaskState.DOING))),
        ("done", "预算已调整", "Budget changed", roi(alert=ACKED, task=task(TaskState.DONE))),
        ("failed", "执行没有成功", "The change failed",
         roi(alert=ACKED, task=task(TaskState.FAILED, result="平台拒绝：计划处于审核中，暂时不能修改预算"))),
        ("acked", "有人在处理", "Somebody is on it", roi(alert=ACKED)),
        ("resolved", "已恢复", "Recovered",
         roi(alert=RESOLVED, task=task(TaskState.DONE), points=points(BACK))),
        ("unknown", "数据读不出来", "Data unreadable",
         roi(alert=unknown(Doubt.EMPTY, "“消耗”是空的"), values=spent_nothing)),
        ("vanished", "对象不见了", "The object is gone", roi(alert=gone, values={})),
        ("closed", "确认已下线", "Confirmed as gone", roi(alert=close(gone, CHEN, START).alert, values={})),
        ("withdrawn", "规则停用", "Rule switched off",
         roi(alert=withdraw(LOW_ROI, Reason.RULE_DISABLED, START).alert)),
        ("nobody", "没有负责人", "Nobody is responsible", roi(alert=replace(LOW_ROI, owners=()))),
        ("stock", "低于安全库存", "Under safety stock", stock()),
        ("stock-form", "紧急补货：填写", "Restock: the form", stock(form="restock")),
        ("stock-done", "采购单已建", "Purchase order made",
         stock(alert=acknowledge(LOW_STOCK, LIU, START).alert,
               task=task(TaskState.DONE, Action.RESTOCK, "采购单 CG20261128003"))),
        ("shop", "店铺成交下跌", "A shop sells less", shop()),
        ("shop-covers", "店铺越线，同店合并", "A shop that covers its alerts", replace(shop(), covered=23)),
        ("more", "更多：静默、转交、暂停", "More: silence, hand over, pause",
         roi(form="more", rule=PAUSABLE, people=(LIU, ZHAO))),
        ("muted", "已静默", "Silenced",
         roi(alert=mute(LOW_ROI, START + timedelta(hours=4), CHEN).alert)),
        ("escalated", "没人处理，已升级", "Nobody answered",
         roi(alert=escalate(LOW_ROI, (ZHAO,), 1, START + timedelta(hours=2)).alert)),
        ("handed", "已转交", "Handed over",
         roi(alert=hand_over(LOW_ROI, LIU, CHEN, START + timedelta(minutes=9)).alert)),
        ("recovering", "恢复中", "Recovering",
         roi(alert=replace(LOW_ROI, clear_since=START, value=Decimal("3.42"), reason=Reason.RECOVERING),
             points=points(BACK))),
        ("unseen", "来过又走了，没有人看过", "Came and went unseen",
         roi(alert=replace(RESOLVED, acked_by=None, acked_at=None, unseen=True), points=points(BACK))),
        ("paused", "计划已暂停", "Plan paused",
         roi(alert=ACKED, task=task(TaskState.DONE, Action.PAUSE, "计划已暂停"))),
    )  # fmt: skip
    for key, zh, en, view in views:
        yield Shown(f"alert-{key}", GROUP, (zh, en), alert_card(view))
    summaries: tuple[tuple[str, str, str, Summary], ...] = (
        ("digest", "多条合并", "Several in one", digest(18, "D2F6G8")),
        ("digest-page", "多条合并：翻页，部分已恢复", "Several: page two, some are over",
         digest(18, "D2F6G8", over=5, page=1)),
        ("digest-over", "多条合并：都结束了", "Several: all over", digest(6, "D2F6G8", over=6)),
        ("storm", "大量越线", "A storm", digest(46, "D9H1J3", storm=True)),
        ("mine", "我的预警", "My alerts", digest(6, "", over=2)),
    )  # fmt: skip
    for key, zh, en, summary in summaries:
        yield Shown(f"alert-{key}", GROUP, (zh, en), summary_card(summary))
    over = digest(18, "D2F6G8", over=18)
    yield Shown("alert-all-over", GROUP, ("全部恢复", "All recovered"), over_card(over, "D2F6G8-END"))
    yield from _others()


def _others() -> Iterator[Shown]:
    """Cards that are about no single alert."""
    said, names = "京东拒绝：access_token 已过期", ["店铺日报", "商品库存"]
    outage = Outage("cn_0123456789", "connection:jd", "ou_zhao", START, said, shown="shops,stock")
    back = replace(outage, over_at=START + timedelta(hours=2))
    yield Shown("connection", GROUP, ("数据中断", "No fresh numbers"), outage_card(outage, names, 37))
    yield Shown("connection-over", GROUP, ("数据恢复", "Numbers are back"), outage_card(back, names, 0))
    lost = Outage("cn_9876543210", "missing:plans/qianchuan", "ou_zhao", START, "", shown="12:0a1b2c")
    there = replace(lost, over_at=START + timedelta(hours=1))
    sure = replace(there, answered_by="ou_zhao", answered_at=START + timedelta(hours=1))
    for key, zh, en, one in (
        ("missing", "计划一次少了很多", "Many plans gone", lost),
        ("missing-sure", "已确认删除", "Confirmed as deleted", sure),
        ("missing-back", "又列出来了", "Listed again", there),
    ):
        yield Shown(f"connection-{key}", GROUP, (zh, en), missing_card(one, "计划日报"))
    hits = [
        Finding(str(n), None, Verdict.BREACH, Decimal(n), Decimal(120), Decimal(132)) for n in range(4, 41)
    ]
    kept = {Grain.DAY: 30, Grain.HOUR: 9, Grain.CHANGE: 2}
    begins = {grain: START - timedelta(days=days) for grain, days in kept.items()}
    past = dry_lines(Replay(START - timedelta(days=30), 12, 7, 4, 3, begins))
    names = {str(n): f"马克杯 {n} 号" for n in range(41)}
    held = [Finding(str(n), None, Verdict.HOLD, Decimal(n), Decimal(120)) for n in range(121, 404)]
    shown = preview_card(replace(STOCK_OF, enabled=False), [*hits, *held], past, names)
    yield Shown("rule-preview", GROUP, ("规则预览", "Preview of a rule"), shown)
    yield from _asked(Sight(hits, names, past))


def _asked(sight: Sight) -> Iterator[Shown]:
    """The card to who switched a rule on."""
    on = Entry(STOCK_OF.id, STOCK_OF, (), 3, name=STOCK_OF.name)
    off = replace(on, rule=replace(STOCK_OF, enabled=False), version=4)
    large = Preview("pv_k2m4q8w1", STOCK_OF.id, 3, START, ("ou_zhao",), 37, 12, START + HOLD)
    few = Sight(sight.findings[:3], sight.names, sight.past[:1])
    small = replace(large, hits=3, people=2, until=None)
    kept = replace(large, answer="ok", until=None)
    stopping = replace(large, answer="stop")
    cards: tuple[tuple[str, str, str, Preview, Entry, Sight | None], ...] = (
        ("large", "启用规则：先不通知", "Switched on: nothing is told yet", large, on, sight),
        ("small", "启用规则：照常通知", "Switched on: told as usual", small, on, few),
        ("kept", "启用规则：已确认", "Switched on: confirmed", kept, on, None),
        ("stopping", "启用规则：正在停用", "Being switched off", stopping, on, None),
        ("stopped", "启用规则：已停用", "Switched off", stopping, off, None),
    )
    for key, zh, en, preview, entry, seen in cards:
        yield Shown(f"rule-on-{key}", GROUP, (zh, en), asked_card(preview, entry, START, seen))
