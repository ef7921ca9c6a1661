"""What a rule would do before anybody switches it on: now, and over the history that is kept. Pure.

The history is replayed through the very lifecycle that runs live, so clocks and both thresholds count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.cards import Card, Element, Text, card, facts, header, markdown, note, text
from bot.words import counted, safe
from rules import lifecycle, store
from rules.model import Alert, Comparison, Finding, Rule, State, Verdict
from rules.wording import clock_time, told

SHORT = timedelta(minutes=30)
WORST = 5

Points = Mapping[str, Sequence[tuple[datetime, Decimal]]]
"""Object id → (time, value) of the rule's metric, oldest first."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule would have done.

    Attributes:
        since: from when on there is history.
        fired: how many alerts it would have made.
        short: how many of them would have ended within ``SHORT``.
        objects: of how many objects.
    """

    since: datetime
    fired: int
    short: int
    objects: int


def replay(rule: Rule, findings: Sequence[Finding], points: Points, now: datetime) -> Replay | None:
    """Run a rule over history.

    Args:
        rule: the rule, switched on or not.
        findings: what it says now: which objects are in scope, and their thresholds, which are taken to have
            been the same.
        points: what its metric was; only changes, so a value holds until the next.
        now: until when the last value of each object holds.

    Returns:
        None when there is no history of the metric.
    """
    judged = {each.object_id: each for each in findings if each.limit is not None}
    series = {key: points[key] for key in judged if points.get(key)}
    if not series:
        return None
    begun = [each[0][0] for each in series.values()]
    spans = {key: _spans(rule, judged[key], each, now) for key, each in series.items()}
    every = [span for found in spans.values() for span in found]
    return Replay(
        min(begun), len(every), sum(span is not None and span < SHORT for span in every),
        sum(bool(found) for found in spans.values()),
    )  # fmt: skip


def _spans(
    rule: Rule, today: Finding, series: Sequence[tuple[datetime, Decimal]], now: datetime
) -> list[timedelta | None]:
    """How long each alert of an object would have lasted; None for one that still would."""
    alert = store.new_alert(rule.id, today.object_id, rule.table, rule.severity)
    found: list[timedelta | None] = []
    ends = [at for at, _ in series[1:]] + [now]
    for (at, value), end in zip(series, ends, strict=True):
        finding = _then(rule, today, value)
        moment: datetime | None = at
        while moment is not None and (moment == at or moment < end):
            after = lifecycle.step(alert, finding, rule, moment).alert
            if alert.open and not after.open and alert.fired_at is not None:
                found.append(moment - alert.fired_at)
            alert, moment = after, _due(after, rule, moment)
    return [*found, None] if alert.open else found


def _due(alert: Alert, rule: Rule, now: datetime) -> datetime | None:
    """When a clock of the rule runs out next."""
    due = None
    if alert.state is State.PENDING and alert.pending_since is not None:
        due = alert.pending_since + rule.hold_for
    elif alert.recovering and alert.clear_since is not None:
        due = alert.clear_since + rule.keep_for
    return due if due is not None and due > now else None


def _then(rule: Rule, today: Finding, value: Decimal) -> Finding:
    """What the rule would have said of a value, by today's thresholds."""
    limit, back = today.limit or Decimal(0), today.recover_at or today.limit or Decimal(0)
    down, equal = rule.comparison.downwards, rule.comparison in (Comparison.AT_MOST, Comparison.AT_LEAST)
    over = value < limit if down else value > limit
    verdict = Verdict.BREACH if over or (equal and value == limit) else Verdict.HOLD
    if verdict is Verdict.HOLD and (value >= back if down else value <= back):
        verdict = Verdict.CLEAR
    return replace(today, verdict=verdict, value=value, seen_at=None, doubt=None, sentence="")


def preview_card(
    rule: Rule, findings: Sequence[Finding], past: Replay | None, names: Mapping[str, str]
) -> Card:
    """The card of a rule before it is switched on, or of one that is on.

    Args:
        rule: the rule.
        findings: what it says about every row now.
        past: what it would have done.
        names: object id → its name, of those the reader may see.
    """
    hits = [finding for finding in findings if finding.verdict is Verdict.BREACH]
    doubts = sum(finding.verdict is Verdict.UNKNOWN for finding in findings)
    judged = sum(finding.verdict is not Verdict.OUT for finding in findings)
    shown = [hit for hit in hits if hit.object_id in names]
    worst = sorted(shown, key=lambda hit: _excess(rule, hit))[:WORST]
    title = text(f"规则预览：{safe(rule.name)}", f"Preview: {safe(rule.name)}")
    many = counted(len(hits), "object")
    would = text(f"现在会触发 **{len(hits)}** 个对象", f"Would fire on **{many}** now")
    elements: list[Element] = [
        markdown(would, size="heading"),
        facts([
            (text("范围内的对象", "Objects in scope"), str(judged)),
            (text("无法判断", "Cannot be judged"), str(doubts)),
        ]),
        *_list(rule, worst, names),
        markdown(_past(past)),
    ]  # fmt: skip
    state = text("已启用", "Switched on") if rule.enabled else text("还没有启用", "Not switched on yet")
    elements.append(note(state))
    return card(header(title, severity="info"), elements, summary=title)


def _excess(rule: Rule, hit: Finding) -> Decimal:
    """Sort key: the further over the line, the earlier."""
    distance = (hit.value or Decimal(0)) - (hit.limit or Decimal(0))
    return distance if rule.comparison.downwards else -distance


def _list(rule: Rule, worst: Sequence[Finding], names: Mapping[str, str]) -> list[Element]:
    """The worst of them, one line each."""
    if not worst:
        return []
    shown = [(safe(names[hit.object_id]), told(rule, hit)) for hit in worst]
    return [markdown(text(*("\n".join(f"- **{name}** {said[at]}" for name, said in shown) for at in (0, 1))))]


def _past(past: Replay | None) -> Text:
    if past is None:
        return text("还没有这个指标的历史，无法回放", "No history of this metric yet, nothing to replay")
    since = clock_time(past.since)
    return text(
        f"{since} 以来本会触发 **{past.fired}** 次（{past.objects} 个对象），"
        f"其中 **{past.short}** 次不到 30 分钟就恢复",
        f"Since {since} it would have fired **{counted(past.fired, 'time')}** "
        f"on {counted(past.objects, 'object')}, "
        f"**{past.short}** of them shorter than 30 minutes",
    )
