"""How an alert looks. Pure: the same view gives the same card, in Chinese and English.

Every card is checked.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from bot.cards import (
    Card,
    Element,
    Kind,
    Text,
    Words,
    button,
    card,
    columns,
    facts,
    form,
    header,
    hr,
    line_chart,
    markdown,
    note,
    number_input,
    submit,
    text,
)
from bot.cards import Severity as Look
from bot.cards import column as cell
from bot.words import safe
from rules.limits import Proposal, budget_rules, floor_by_spend, yuan
from rules.model import Action, Alert, Doubt, Reason, Rule, State, TaskState
from rules.more import more_form
from rules.offers import hindrance
from rules.proposals import budget_proposal, restock_proposal
from rules.stakes import numbers, stake
from rules.story import story
from rules.views import ADJUST, MORE, RESTOCK, View
from rules.wording import (
    DOUBT_HINT,
    SEVERITY_EN,
    capital,
    clock_time,
    hour,
    limit_text,
    limit_words,
    metric_name,
    metric_text,
    people_text,
    reason_text,
    second,
    spaced,
    state_words,
    told,
)

TREND_HEIGHT = 180
"""Pixels, so that headline, numbers, trend and buttons fit on a phone's screen."""

CLOSED_UNSEEN = frozenset(
    {
        Reason.LEFT_SCOPE, Reason.RULE_DISABLED, Reason.RULE_DELETED, Reason.RULE_RETARGETED,
        Reason.CLOSED_BY_PERSON,
    }
)  # fmt: skip
"""Ends of an alert that say nothing about the number."""

_LOOK: dict[str, Look] = {"严重": "critical", "警告": "warning", "提醒": "info"}


def alert_card(view: View) -> Card:
    """The card of one alert in whatever state it is."""
    alert, rule = view.alert, view.rule
    elements, asking = [_headline(view), *_warning(view)], _asked(view)
    if rule is not None:
        elements.append(_numbers(view, rule))
        if not asking:  # the form is what counts then, and it stays on a phone's screen
            elements.extend(_picture(view, rule))
    elements.extend(markdown(line) for line in story(alert, view.task, covered=view.covered))
    elements.extend(_form(view) if asking else _buttons(view))
    elements.append(_footer(view))
    title = text(f"{alert.title}：{_title(alert)[0]}", f"{alert.title}: {_title(alert)[1]}")
    return card(_header(view), elements, summary=title)


def _title(alert: Alert) -> tuple[str, str]:
    if _ended_otherwise(alert):
        return "已关闭", "Closed"
    return state_words(alert)


def _ended_otherwise(alert: Alert) -> bool:
    """It is over, and not because the number is good again: green would say too much."""
    return alert.state is State.RESOLVED and alert.reason in CLOSED_UNSEEN


def _header(view: View) -> Element:
    alert, rule = view.alert, view.rule
    look: Look = _LOOK[alert.severity.value]
    if alert.state is State.UNKNOWN:
        look = "unknown"
    elif alert.state is State.OK or _ended_otherwise(alert):
        look = "muted"
    elif alert.state is State.RESOLVED:
        look = "resolved"
    state = text(*_title(alert))
    severity = text(alert.severity.value, SEVERITY_EN[alert.severity.value])
    subtitle = rule.name if rule else ""
    return header(alert.title, subtitle=subtitle or None, severity=look, tags=[severity, state])


def _over_the_line(alert: Alert) -> bool:
    shown = alert.state in (State.FIRING, State.ACKED) and not alert.recovering
    return shown and alert.value is not None


def _well_again(alert: Alert) -> bool:
    """The number is good again, for now or for good: then it is what counts."""
    good = alert.recovering or (alert.state is State.RESOLVED and alert.reason is Reason.RECOVERED)
    return good and alert.value is not None


def _headline(view: View) -> Element:
    alert, rule = view.alert, view.rule
    zh, en = reason_text(alert)
    if rule is not None and _over_the_line(alert) and alert.value is not None:
        return markdown(text(*told(rule, alert, bold=True)), size="heading")
    if rule is not None and _well_again(alert):
        value, (name, name_en) = metric_text(alert.value, rule.metric.unit), metric_name(rule.metric)
        now = f"**{spaced(name, value)}**，{zh}", f"**{capital(name_en)} {value}**: {en.lower()}"
        return markdown(text(*now), size="heading")
    hint = DOUBT_HINT.get(alert.doubt, "") if alert.doubt and alert.state is State.UNKNOWN else ""
    return markdown(text(safe("。".join(filter(None, (zh, hint)))), en or zh))


def _warning(view: View) -> list[Element]:
    """What to do before anything else, in a storm."""
    if not view.storm:
        return []
    zh = "这条规则现在有很多对象同时越线，也可能是数据源有问题，**请先核对数据**再处理"
    en = "Many objects are over this line at once. The data may be bad: **check the source first**"
    return [markdown(text(zh, en))]


def _numbers(view: View, rule: Rule) -> Element:
    alert, read = view.alert, numbers(view.values)
    unit = rule.metric.unit
    pairs: list[tuple[Text, Words]] = []
    if rule.condition is not None:
        pairs.append((text("条件", "Condition"), safe(limit_text(rule, None))))
    elif not _over_the_line(alert):  # else the headline has said it
        if not _well_again(alert):
            zh, en = metric_name(rule.metric)
            name = text(spaced("最后一次", zh), f"{capital(en)}, last")
            pairs.append((name, metric_text(alert.value, unit)))
        pairs.append((text("红线", "Red line"), text(*limit_words(rule, alert.limit))))
    shown = {
        "plans": (("spend", "今日消耗", "Spent today"), ("budget", "日预算", "Daily budget")),
        "shops": (("gmv", "今日成交", "Sales today"), ("gmv_base", "昨日同时段", "Yesterday")),
    }
    done = view.task
    if (
        done is not None
        and done.kind is Action.ADJUST
        and done.state is TaskState.DONE
        and done.after is not None
    ):
        read = {**read, "budget": done.after}  # the table follows with the next pull
    for key, zh, en in shown.get(rule.table, ()):
        if key in read:
            pairs.append((text(zh, en), yuan(read[key])))
    if rule.table == "stock":
        words = (("on_way", "在途", "On the way"), ("sales_7d", "近 7 日销量", "Sold in 7 days"))
        pairs += [(text(zh, en), f"{read[key]:,f}") for key, zh, en in words if key in read]
    owners = people_text([safe(person.name or person.open_id) for person in alert.owners])
    pairs.append((text("负责人", "Responsible"), text(owners, owners if alert.owners else "(nobody)")))
    if alert.open and rule.condition is None:
        up = rule.comparison.downwards
        label = text("升到多少恢复", "Recovers at") if up else text("降到多少恢复", "Recovers at")
        pairs.append((label, metric_text(alert.recover_at, unit)))
    return facts(pairs)


def _picture(view: View, rule: Rule) -> list[Element]:
    """What is at stake, and how it came: for as long as it matters."""
    at_stake = stake(rule, view.alert, view.values) if _over_the_line(view.alert) else None
    said = [] if at_stake is None else [markdown(text(*at_stake))]
    return said if _ended_otherwise(view.alert) else [*said, *_trend(view, rule)]


def _trend(view: View, rule: Rule) -> list[Element]:
    if len(view.points) < 2:
        return []
    factor = Decimal(100) if rule.metric.unit.value == "percent" else Decimal(1)
    suffix = "（%）" if factor != 1 else ""
    short = view.points[-1][0] - view.points[0][0] < timedelta(minutes=10)
    # Several values of one minute would fall on one place of the axis, so a short history shows seconds.
    points = [(second(at) if short else hour(at), value * factor) for at, value in view.points]
    limit = None if view.alert.limit is None else view.alert.limit * factor
    return [
        line_chart(
            f"{rule.metric.name}{suffix}",
            {rule.metric.name: points},
            line=limit,
            line_label="红线",
            height=TREND_HEIGHT,
        )
    ]


def _may_act(view: View) -> bool:
    alert = view.alert
    running = view.task is not None and view.task.state.running
    return alert.open and alert.state is not State.UNKNOWN and view.rule is not None and not running


def _asked(view: View) -> bool:
    """Whether a form is open. Who hears of an alert may be decided even while a task is running."""
    return view.alert.open if view.form == MORE else bool(view.form) and _may_act(view)


def _value(alert: Alert) -> dict[str, object]:
    return {"id": alert.id, "v": alert.turn}


def _buttons(view: View) -> list[Element]:
    alert, rule, built = view.alert, view.rule, list[Element]()
    value = _value(alert)
    done = view.task is not None and view.task.state is TaskState.DONE
    kind: Kind = "default" if done else "primary"  # what was done already is no longer the thing to do
    hindered = None
    if _may_act(view) and rule is not None:
        hindered = hindrance(Action.ADJUST, view.values) if Action.ADJUST in rule.actions else None
        if Action.ADJUST in rule.actions and hindered is None:
            built.append(button(text("调整预算", "Adjust budget"), "adjust.open", value, kind=kind))
        if Action.RESTOCK in rule.actions:
            built.append(button(text("紧急补货", "Restock now"), "restock.open", value, kind=kind))
    if alert.open and alert.state is State.UNKNOWN and alert.doubt is Doubt.VANISHED:
        sure = (text("确认已下线？", "Really gone?"), text("预警会被关闭", "The alert will be closed"))
        built.append(
            button(text("确认已下线", "It is gone"), "alert.close", value, kind="danger", confirm=sure)
        )
    acked = State.ACKED in (alert.state, alert.held)
    if (alert.open and not acked) or alert.unseen:
        built.append(button(text("知道了", "Got it"), "alert.ack", value))
    if alert.open:
        built.append(button(text("更多", "More"), "more.open", value))
    said = [] if hindered is None else [note(text(hindered.zh, hindered.en))]
    return [*said, columns(*(cell(item, weight=None) for item in built), flex="flow")] if built else said


def _form(view: View) -> list[Element]:
    forms = {ADJUST: _adjust_form, RESTOCK: _restock_form, MORE: more_form}
    return forms[view.form](view) if view.form in forms else []


def _adjust_form(view: View) -> list[Element]:
    proposal = budget_proposal(view)
    rules = note(_rules_text(view))
    field = number_input(
        "amount", text("新的日预算（元）", "New daily budget (yuan)"), default=_default(view, proposal)
    )
    return _asking(view, "adjust", [markdown(text(proposal.zh, proposal.en))], [field], rules)


def _rules_text(view: View) -> Text:
    spend = numbers(view.values).get("spend", Decimal(0))
    rules = budget_rules(view.values.get("platform"))
    lowest = floor_by_spend(spend, rules)
    if not rules.over_spend:
        least = yuan(rules.least)
        return text(f"平台规则：整数元，不低于 {least}", f"Platform rules: whole yuan, at least {least}")
    return text(
        f"平台规则：不低于 {yuan(rules.least)}；每次至少调 {yuan(rules.step)}；"
        f"不低于今日消耗的 105%，即 {yuan(lowest)}；每天最多改 {rules.a_day} 次，今天已改 {view.changes} 次",
        f"Platform rules: at least {yuan(rules.least)}; change by {yuan(rules.step)} or more; "
        f"at least {yuan(lowest)} (105 % of today's spend); changed {view.changes} of {rules.a_day} times",
    )


def _restock_form(view: View) -> list[Element]:
    proposal = restock_proposal(view)
    field = number_input(
        "amount", text("补货数量（件）", "Quantity (pieces)"), default=_default(view, proposal)
    )
    rules = note(text("提交后会在 ERP 里建采购单", "A purchase order will be made in the ERP"))
    return _asking(view, "restock", [markdown(text(proposal.zh, proposal.en))], [field], rules)


def _default(view: View, proposal: Proposal) -> str:
    if view.typed:
        return view.typed[:20]
    return "" if proposal.amount is None else f"{proposal.amount:f}"


def _asking(
    view: View, action: str, above: Sequence[Element], fields: Sequence[Element], rules: Element
) -> list[Element]:
    value = _value(view.alert)
    send = submit(text("提交", "Submit"), f"{action}.submit", value)
    fault = []
    if view.fault is not None:
        zh, en = (safe(part) for part in view.fault)
        fault = [markdown(text(f"<font color='red'>{zh}</font>", f"<font color='red'>{en}</font>"))]
    cancel = button(text("取消", "Cancel"), f"{action}.cancel", value, kind="text")
    return [hr(), *above, *fault, form(f"{action}_form", *fields, rules, send), cancel]


def _footer(view: View) -> Element:
    alert = view.alert
    seen = f" · 数据时间 {clock_time(alert.data_at)}" if alert.data_at else ""
    seen_en = f" · data of {clock_time(alert.data_at)}" if alert.data_at else ""
    code = f" · 编号 {view.code}" if view.code else ""
    again = alert.episode > 1
    zh = f"第 {alert.episode} 次越线" if again else "首次越线"
    en = f"Alert no. {alert.episode} of this" if again else "First alert"
    return note(text(f"{zh}{seen}{code}", f"{en}{seen_en}{code.replace('编号', 'code')}"))
