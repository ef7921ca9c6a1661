"""The words on cards and boards: numbers, times, states and reasons as sentences, Chinese and English."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from bot.words import safe
from rules.limits import yuan
from rules.model import Alert, Comparison, Doubt, Finding, Fixed, Metric, Reason, Rule, State, Unit
from runtime.clock import SHANGHAI

STATE_ZH = {
    State.OK: "正常",
    State.PENDING: "观察中",
    State.FIRING: "告警中",
    State.ACKED: "处理中",
    State.UNKNOWN: "无法判断",
    State.RESOLVED: "已恢复",
}
STATE_EN = {
    State.OK: "Normal",
    State.PENDING: "Watching",
    State.FIRING: "Firing",
    State.ACKED: "In hand",
    State.UNKNOWN: "Unknown",
    State.RESOLVED: "Resolved",
}
SEVERITY_EN = {"提醒": "Notice", "警告": "Warning", "严重": "Critical"}

REASON: dict[Reason, tuple[str, str]] = {
    Reason.BREACH_BEGAN: ("刚越过红线，正在观察", "Just over the line; watching"),
    Reason.FIRED: ("越过红线", "Over the red line"),
    Reason.BREACH_ENDED: ("没有持续够时间就回到正常", "Back to normal before the waiting time was over"),
    Reason.RECOVERING: ("刚回到正常，再观察一会儿", "Just back to normal; still watching"),
    Reason.RELAPSED: ("观察期间又越过红线", "Over the line again while it was watched"),
    Reason.RECOVERED: ("指标已恢复", "The number has recovered"),
    Reason.THRESHOLD_MOVED: (
        "阈值被修改，按新阈值继续告警",
        "The threshold was edited; still over the new one",
    ),
    Reason.THRESHOLD_CLEARED: ("阈值被修改，按新阈值不再告警", "The threshold was edited; no longer over it"),
    Reason.SEVERITY_RAISED: ("严重程度调高", "The severity was raised"),
    Reason.SEVERITY_LOWERED: ("严重程度调低", "The severity was lowered"),
    Reason.VALUE_MOVED: ("数值有明显变化", "The number moved visibly"),
    Reason.DATA_UNREADABLE: ("数据读不出来，暂时无法判断", "The data cannot be read, so nothing can be said"),
    Reason.DATA_STALE: ("数据太久没有更新，暂时无法判断", "The data is too old, so nothing can be said"),
    Reason.VANISHED: ("对象已不在数据里", "The object is gone from the data"),
    Reason.DATA_BACK: ("数据恢复可读", "The data is back"),
    Reason.LEFT_SCOPE: ("对象已不在规则范围内", "The object left the scope of the rule"),
    Reason.RULE_DISABLED: ("规则已停用，预警关闭", "The rule was switched off; the alert is closed"),
    Reason.RULE_DELETED: ("规则已删除，预警关闭", "The rule was deleted; the alert is closed"),
    Reason.RULE_RETARGETED: (
        "规则换了数据表，预警关闭",
        "The rule now watches another table; the alert is closed",
    ),
    Reason.ACKNOWLEDGED: ("已有人处理", "Somebody is on it"),
    Reason.ACK_EXPIRED: ("8 小时后仍未恢复，再次提醒", "Not recovered after 8 hours; a reminder"),
    Reason.ESCALATED: ("一直没有人处理，已升级", "Nobody answered; escalated"),
    Reason.HANDED_OVER: ("已转交", "Handed over"),
    Reason.MUTED: ("已静默", "Silenced"),
    Reason.UNMUTED: ("已取消静默", "No longer silenced"),
    Reason.SEEN: ("已结束，有人看过了", "Over, and somebody knows"),
    Reason.ACTED: ("已提交处理", "An action was submitted"),
    Reason.APPROVED: ("审批通过，正在执行", "Approved; it is being done"),
    Reason.TASK_DONE: ("处理已生效", "The action took effect"),
    Reason.TASK_FAILED: ("处理没有成功", "The action did not succeed"),
    Reason.CLOSED_BY_PERSON: ("已确认下线，预警关闭", "Confirmed as gone; the alert is closed"),
}

RECOVERING = ("恢复中", "Recovering")


def state_words(alert: Alert) -> tuple[str, str]:
    """How an alert stands, in both languages."""
    return RECOVERING if alert.recovering else (STATE_ZH[alert.state], STATE_EN[alert.state])


_COMPARISON_EN = {
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at most",
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at least",
}


def metric_text(value: Decimal | None, unit: Unit) -> str:
    """Write a metric's value: ROI with two decimals, money in yuan, shares in percent, counts plainly."""
    if value is None:
        return "—"
    if unit is Unit.MONEY:
        return yuan(value)
    if unit is Unit.PERCENT:
        return f"{_trim(value * 100, 1)}%"
    if unit is Unit.RATIO:
        return f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):f}"
    return _trim(value, 1)


def _trim(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    whole = rounded.to_integral_value()
    return f"{whole:,f}" if rounded == whole else f"{rounded:,f}"


def limit_text(rule: Rule, value: Decimal | None) -> str:
    """Write the threshold as people know it: ``1:3（3.00）``, ``安全库存 120``."""
    limit, number = rule.limit, metric_text(value, rule.metric.unit)
    if isinstance(limit, Fixed):
        return f"{limit.text}（{number}）" if ":" in limit.text.replace("：", ":") else number
    return limit.text if value is None else f"{limit.text} {number}"


_COLUMN_EN = {"安全库存": "safety stock"}


def limit_words(rule: Rule, value: Decimal | None) -> tuple[str, str]:
    """The threshold in both languages, as it must stand in markdown."""
    zh = safe(limit_text(rule, value))
    if isinstance(rule.limit, Fixed):
        return zh, zh.replace("（", " (").replace("）", ")")
    name = rule.limit.text
    return zh, zh.replace(name, _COLUMN_EN[name]) if name in _COLUMN_EN else zh


def told(rule: Rule, alert: Alert | Finding, *, bold: bool = False) -> tuple[str, str]:
    """The number against its threshold, in both languages: ``可用库存 4，低于安全库存 120``."""
    value, (name, name_en) = metric_text(alert.value, rule.metric.unit), metric_name(rule.metric)
    limit, limit_en = limit_words(rule, alert.limit)
    mark = "**" if bold else ""
    return (
        f"{mark}{spaced(name, value)}{mark}，{spaced(rule.comparison.value, limit)}",
        f"{mark}{capital(name_en)} {value}{mark}, {_COMPARISON_EN[rule.comparison]} {limit_en}",
    )


def spaced(before: str, words: str) -> str:
    """Chinese words and what follows them: with a space where Latin letters or numbers begin or end."""
    gap = " " if words[:1].isascii() or before[-1:].isascii() else ""
    return f"{before}{gap}{words}"


def capital(words: str) -> str:
    """English words at the beginning of a line."""
    return words[:1].upper() + words[1:]


def clock_time(at: datetime) -> str:
    """A moment for people: Shanghai time, month-day hour:minute."""
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M")


def day_text(at: datetime) -> str:
    """A day for people: month-day in Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%m-%d")


def hour(at: datetime) -> str:
    """A moment of today for people: hour:minute in Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%H:%M")


def second(at: datetime) -> str:
    """Time of day with seconds, in Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%H:%M:%S")


def vanished_sentence(alert: Alert, table_name: str) -> str:
    """What to say when an object with an open alert is gone from its table."""
    return (
        f"“{alert.title}”已不在“{table_name}”里。如果确实已下线，请点“确认已下线”；否则请检查那一行是否被误删"
    )


def reason_text(alert: Alert) -> tuple[str, str]:
    """Why the alert stands as it does, in both languages.

    A sentence from the data comes first where there is one.
    """
    zh, en = REASON[alert.reason] if alert.reason else ("", "")
    if alert.state is State.UNKNOWN and alert.sentence:
        return alert.sentence, en
    return zh, en


def people_text(names: list[str]) -> str:
    """Names for a sentence; says so when there are none."""
    return "、".join(filter(None, names)) or "（未填写）"


def metric_name(metric: Metric) -> tuple[str, str]:
    """The metric's name in both languages, as it must stand in markdown: it may be somebody's expression."""
    return safe(metric.name), safe(metric.name_en)


DOUBT_HINT = {
    Doubt.EMPTY: "请在多维表格里补上这一格",
    Doubt.NOT_A_NUMBER: "请在多维表格里把这一格改成数字",
    Doubt.SCOPE: "请检查规则范围用到的列",
    Doubt.TWIN: "请在多维表格里只保留一行",
}
