"""Many alerts on one card: the worst first, a page at a time, each to be opened. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.cards import Card, Element, Text, button, card, columns, header, hr, markdown, note, text
from bot.cards import Severity as Look
from bot.cards import column as cell
from bot.words import counted, safe
from rules.model import Alert, Reason, Rule, State
from rules.storms import Storm
from rules.wording import (
    STATE_EN,
    STATE_ZH,
    capital,
    clock_time,
    limit_text,
    metric_name,
    metric_text,
    spaced,
    state_words,
    told,
)

PAGE = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """What a summary shows.

    Attributes:
        alerts: in order: what is open, the worst first, then what is over.
        over: ids of those that are over.
        rules: by rule id.
        storms: which rules look like bad data.
        page: which page, from 0; one too large is the last.
        group: id of the group whose summary it is; "" for the answer to a question.
        code: by which its message is found again.
    """

    alerts: Sequence[Alert]
    rules: Mapping[str, Rule]
    over: frozenset[str] = field(default_factory=frozenset)
    storms: Sequence[Storm] = ()
    page: int = 0
    group: str = ""
    code: str = ""

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-len(self.alerts) // PAGE))

    @property
    def open(self) -> int:
        """How many are not over."""
        return len(self.alerts) - len(self.over)


def summary_card(summary: Summary) -> Card:
    """The card of many alerts."""
    title = _title(summary)
    look: Look = "critical" if summary.group else "warning"
    if not summary.open:
        look = "resolved" if summary.group else "info"
    lines: list[Element] = [markdown(_storm(storm)) for storm in summary.storms if summary.open]
    kinds = _by_rule(summary)
    if kinds is not None:
        lines.append(note(kinds))
    first = min(summary.page, summary.pages - 1) * PAGE
    lines += [_line(alert, summary) for alert in summary.alerts[first : first + PAGE]]
    lines += _controls(summary, first // PAGE)
    lines += _foot(summary, first // PAGE)
    return card(header(title, severity=look), lines, summary=title)


def over_card(summary: Summary, marker: str) -> Card:
    """The one message that says that all of a group is over. ``marker`` is by what it is found again."""
    count = len(summary.alerts)
    back = sum(alert.reason is Reason.RECOVERED for alert in summary.alerts)
    title = text(f"{count} 个对象都恢复了", f"All {count} objects are back to normal")
    if back < count:
        title = text(f"{count} 条预警都结束了", f"All {count} alerts are over")
    begun = [alert.fired_at for alert in summary.alerts if alert.fired_at]
    ended = [alert.resolved_at for alert in summary.alerts if alert.resolved_at]
    lines = []
    if begun and ended:
        first, last = clock_time(min(begun)), clock_time(max(ended))
        lines.append(markdown(text(f"{first} 开始，{last} 全部结束", f"From {first} to {last}")))
    if back < count:
        zh = f"指标恢复 {back} 条，因规则、范围或对象变化结束 {count - back} 条"
        en = f"{back} recovered, {count - back} ended because rule, scope or object changed"
        lines.append(markdown(text(zh, en)))
    lines.append(note(text(f"编号 {marker}", f"code {marker}")))
    return card(header(title, severity="resolved"), lines, summary=title)


def _title(summary: Summary) -> Text:
    count, open_now = len(summary.alerts), summary.open
    if not summary.group:
        if not open_now:
            return text(f"{count} 条预警来过又恢复了", f"{counted(count, 'alert')} came and went")
        return text(f"你有 {open_now} 条未恢复的预警", f"You have {counted(open_now, 'open alert')}")
    if not open_now:
        return text(f"{count} 个对象都已结束", f"All {count} are over")
    if open_now < count:
        return text(
            f"还有 {open_now} 个对象越过红线（共 {count} 个）", f"{open_now} of {count} still over the line"
        )
    return text(f"{count} 个对象越过红线", f"{counted(count, 'object')} over the red line")


def _storm(storm: Storm) -> Text:
    zh = (
        f"**{safe(storm.rule)}**：{storm.of:,} 个对象里有 {storm.over:,} 个越线。"
        "一次这么多，也可能是数据源有问题，请先核对数据"
    )
    en = (
        f"**{safe(storm.rule)}**: {storm.over:,} of {storm.of:,} objects are over the line. "
        "So many at once may also mean bad data; check the source first"
    )
    return text(zh, en)


def _by_rule(summary: Summary) -> Text | None:
    """How many of which rule, where there are several."""
    count = Counter(alert.rule_id for alert in summary.alerts if alert.id not in summary.over)
    if len(count) < 2:
        return None
    named = [(summary.rules.get(rule_id), number) for rule_id, number in count.most_common(4)]
    each = [(safe(rule.name if rule else "—"), number) for rule, number in named]
    return text(
        " · ".join(f"{name}（{number}）" for name, number in each),
        " · ".join(f"{name} ({number})" for name, number in each),
    )


def _line(alert: Alert, summary: Summary) -> Element:
    rule, over = summary.rules.get(alert.rule_id), alert.id in summary.over
    title = safe(alert.title)
    zh, en = _now(alert, rule, over=over)
    opened = button(text("查看", "Open"), "alert.show", {"id": alert.id, "v": alert.turn})
    if over:
        said = text(
            *(f"<font color='grey'>{title}</font>\n<font color='grey'>{now}</font>" for now in (zh, en))
        )
    else:
        said = text(f"**{title}**\n{zh}", f"**{title}**\n{en}")
    return columns(cell(markdown(said), weight=4), cell(opened, weight=None), flex="none")


def _now(alert: Alert, rule: Rule | None, *, over: bool) -> tuple[str, str]:
    """How an alert of the list stands: its state first where it is not simply over the line."""
    shown: list[tuple[str, str]] = []
    if over or alert.recovering or alert.state is not State.FIRING:
        ended = over and alert.open  # another episode of it is open
        shown.append((STATE_ZH[State.RESOLVED], STATE_EN[State.RESOLVED]) if ended else state_words(alert))
    if rule is not None and rule.condition is not None:
        shown.append((f"条件 {safe(limit_text(rule, None))}", f"condition {safe(limit_text(rule, None))}"))
    elif rule is not None and (over or alert.recovering or alert.state is State.UNKNOWN):
        (name, name_en), value = metric_name(rule.metric), metric_text(alert.value, rule.metric.unit)
        shown.append((spaced(name, value), f"{name_en} {value}"))
    elif rule is not None:
        shown.append(told(rule, alert))
    return " · ".join(zh for zh, _ in shown), capital(" · ".join(en for _, en in shown))


def _controls(summary: Summary, page: int) -> list[Element]:
    """Turning pages, and taking everything at once."""
    built: list[Element] = []
    last = summary.pages - 1
    where = {"id": summary.group}
    if page > 0:
        built.append(button(text("上一页", "Previous"), "group.page", {**where, "p": page - 1}))
    if page < last:
        built.append(button(text("下一页", "Next"), "group.page", {**where, "p": page + 1}))
    fresh = [each for each in summary.alerts if each.unseen or each.state is State.FIRING]
    if fresh and (summary.group or summary.over):
        many = text(f"共 {len(fresh)} 条", counted(len(fresh), "alert"))
        sure = (text("全部知道了？", "Take them all?"), many)
        built.append(button(text("全部知道了", "Got them all"), "group.ack", where, confirm=sure))
    return [hr(), columns(*(cell(item, weight=None) for item in built), flex="flow")] if built else []


def _foot(summary: Summary, page: int) -> list[Element]:
    """Which page this is, and by what the message is found again."""
    said = [(f"编号 {summary.code}", f"code {summary.code}")] if summary.code else []
    if summary.pages > 1:
        of = summary.pages
        said.insert(0, (f"第 {page + 1}/{of} 页，最严重的在前", f"Page {page + 1} of {of}, the worst first"))
    return [note(text(" · ".join(zh for zh, _ in said), " · ".join(en for _, en in said)))] if said else []
