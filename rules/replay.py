"""What a rule would have done over the history that is kept. Pure.

The history is replayed through the very judgement and lifecycle that run live, so scope, floors, clocks and
both thresholds count. It is as coarse as it was kept (`Grain`), and what is said of it says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.cards import Text, text
from rules import lifecycle, store
from rules.history import GAP
from rules.model import Alert, Doubt, Finding, Rule, State, Verdict
from rules.wording import day_text

SPAN = timedelta(days=30)
"""So far back history is replayed."""
SHORT = timedelta(minutes=30)
_BLIND = 5
"""One finding in so many that could not be judged is worth saying."""


class Grain(StrEnum):
    """How close together the figures were kept; the coarsest first. REAL: what the rule itself did."""

    DAY = "day"
    HOUR = "hour"
    STEP = "step"
    CHANGE = "change"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class Said:
    """What the rule would have said at a moment; it holds until the next, or as long as its grain reaches."""

    at: datetime
    finding: Finding
    grain: Grain


FINE = (Grain.STEP, Grain.CHANGE, Grain.REAL)
"""With these it is known how long something lasted."""

REACH: Mapping[Grain, timedelta | None] = {
    Grain.DAY: timedelta(days=1, hours=1), Grain.HOUR: GAP, Grain.STEP: None, Grain.CHANGE: None,
}  # fmt: skip
"""After so long without figures nobody knows; changes hold until the next."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule would have done.

    Attributes:
        since: from when on there is history.
        fired: how many alerts it would have made.
        objects: of how many objects.
        timed: how many of them began where changes were kept, or really were, so that their length is known.
        short: how many of those would have ended within ``SHORT``.
        begins: each grain there was → its first moment.
        blind: how many percent of the figures could not be judged.
    """

    since: datetime
    fired: int
    objects: int
    timed: int
    short: int
    begins: Mapping[Grain, datetime]
    blind: int = 0

    def to_json(self) -> dict[str, object]:
        """As stored."""
        begins = {grain.value: at.isoformat() for grain, at in self.begins.items()}
        return {
            "since": self.since.isoformat(), "fired": self.fired, "objects": self.objects,
            "timed": self.timed, "short": self.short, "begins": begins, "blind": self.blind,
        }  # fmt: skip


def from_json(body: Mapping[str, object]) -> Replay:
    """What :meth:`Replay.to_json` wrote."""
    counts = {key: int(str(body[key])) for key in ("fired", "objects", "timed", "short", "blind")}
    begins = body["begins"]
    assert isinstance(begins, Mapping)  # noqa: S101 - our own column
    moments = {Grain(grain): datetime.fromisoformat(str(at)) for grain, at in begins.items()}
    return Replay(datetime.fromisoformat(str(body["since"])), begins=moments, **counts)


@dataclass(frozen=True, slots=True)
class Real:
    """What a rule really did since its present version is in force.

    Attributes:
        since: since then.
        spans: object id → when each of its alerts fired, and how long it lasted; None for one still open.
    """

    since: datetime
    spans: Mapping[str, Sequence[tuple[datetime, timedelta | None]]]


def replay(
    rule: Rule, series: Iterable[Sequence[Said]], now: datetime, real: Real | None = None
) -> Replay | None:
    """Run a rule over history.

    Args:
        rule: the rule, switched on or not.
        series: of each object what the rule would have said, oldest first.
        now: until when the last of it holds.
        real: what it did itself; from then on nothing is replayed.

    Returns:
        None when there is no history.
    """
    begins: dict[Grain, datetime] = {}
    found = _real_spans(real)
    if real is not None:
        begins[Grain.REAL] = now = real.since
    count = blind = 0
    for whole in series:
        said = [each for each in whole if real is None or each.at < real.since]
        for each in said:
            begins[each.grain] = min(each.at, begins.get(each.grain, each.at))
            blind += each.finding.verdict is Verdict.UNKNOWN and each.finding.doubt is not Doubt.ZERO_BASE
        count += len(said)
        if not any(each.finding.verdict is Verdict.BREACH for each in said):
            continue
        key, spans = said[0].finding.object_id, _spans(rule, said, now)
        really = found.get(key, [])
        if real is not None and spans and spans[-1][1] is None and _goes_on(rule, real, key):
            really = really[1:]  # one alert: it would have begun before
        found[key] = [*spans, *really]
    if not begins:
        return None
    spans = [span for each in found.values() for span in each]
    lengths = [length for grain, length in spans if grain in FINE]
    short = sum(length is not None and length < SHORT for length in lengths)
    objects = sum(bool(each) for each in found.values())
    seen = round(100 * blind / count) if count else 0
    return Replay(min(begins.values()), len(spans), objects, len(lengths), short, begins, seen)


def _real_spans(real: Real | None) -> dict[str, list[tuple[Grain, timedelta | None]]]:
    spans = {} if real is None else real.spans
    return {key: [(Grain.REAL, length) for _, length in each] for key, each in spans.items()}


def _goes_on(rule: Rule, real: Real, key: str) -> bool:
    """Whether the first real alert of an object is one that would have been open already."""
    first = next((at for at, _ in real.spans.get(key, ())), None)
    return first is not None and first - real.since <= rule.hold_for + GAP


def _spans(rule: Rule, said: Sequence[Said], now: datetime) -> list[tuple[Grain, timedelta | None]]:
    """Each alert of an object: in which grain it began, and how long it lasted; None for one still open."""
    alert = store.new_alert(rule.id, said[0].finding.object_id, rule.table, rule.severity)
    found: list[tuple[Grain, timedelta | None]] = []
    began = said[0].grain
    for each, end in zip(said, [*(later.at for later in said[1:]), now], strict=True):
        for moment, until, finding in _moments(each, end):
            at: datetime | None = moment
            while at is not None and (at == moment or at < until):
                after = lifecycle.step(alert, finding, rule, at).alert
                if after.open and not alert.open:
                    began = each.grain
                elif alert.open and not after.open and alert.fired_at is not None:
                    found.append((began, at - alert.fired_at))
                alert, at = after, _due(after, rule, at)
    return [*found, (began, None)] if alert.open else found


def _moments(each: Said, end: datetime) -> list[tuple[datetime, datetime, Finding]]:
    """What holds from when until when: first what was said, then perhaps that nobody knows."""
    reach = REACH[each.grain]
    if reach is None or end - each.at <= reach:
        return [(each.at, end, each.finding)]
    lost = Finding(each.finding.object_id, None, Verdict.UNKNOWN, doubt=Doubt.NO_SAMPLE)
    return [(each.at, each.at + reach, each.finding), (each.at + reach, end, lost)]


def _due(alert: Alert, rule: Rule, now: datetime) -> datetime | None:
    """When a clock of the rule runs out next."""
    due = None
    if alert.state is State.PENDING and alert.pending_since is not None:
        due = alert.pending_since + rule.hold_for
    elif alert.recovering and alert.clear_since is not None:
        due = alert.clear_since + rule.keep_for
    return due if due is not None and due > now else None


# --- in words ---


def dry_sentence(past: Replay | None) -> str:
    """What a replay found, for 校验结果; "" when there is no history."""
    if past is None:
        return ""
    verb = "实际触发" if _only_real(past) else "本会触发"
    return f"{day_text(past.since)} 以来{verb} {past.fired} 次" + _about_length(past)[0]


def _only_real(past: Replay) -> bool:
    return set(past.begins) == {Grain.REAL}


def dry_lines(past: Replay | None) -> list[Text]:
    """What a replay found, for a card: the count, and how coarse it is."""
    if past is None:
        return [text("还没有这个指标的历史，无法回放", "No history of this metric yet, nothing to replay")]
    length, length_en = _about_length(past)
    of, of_en = (f"（{past.objects} 个对象）", f" on {past.objects} objects") if past.fired else ("", "")
    since = day_text(past.since)
    verb, verb_en = ("实际", "fired") if _only_real(past) else ("本会", "would have fired")
    said = text(
        f"{since} 以来{verb}触发 **{past.fired}** 次{of}{length}",
        f"Since {since} it {verb_en} **{past.fired}** times{of_en}{length_en}",
    )
    coarse = _coarse(past)
    return [said, coarse] if coarse is not None else [said]


def _about_length(past: Replay) -> tuple[str, str]:
    if not past.timed:
        return "", ""
    if past.timed == past.fired:
        return f"，其中 {past.short} 次不到 30 分钟", f", {past.short} of them shorter than 30 minutes"
    since = day_text(min(past.begins[grain] for grain in FINE if grain in past.begins))
    return (
        f"；{since} 以来的 {past.timed} 次里 {past.short} 次不到 30 分钟",
        f"; of the {past.timed} since {since}, {past.short} were shorter than 30 minutes",
    )


def _coarse(past: Replay) -> Text | None:
    """How close together the figures were kept, where that hides something, and what could not be judged."""
    zh, en = list[str](), list[str]()
    words = (
        (Grain.DAY, "每天一个数", "one figure a day"),
        (Grain.HOUR, "每小时一个数", "one an hour"),
        (Grain.STEP, "只留 5% 以上的变化", "only changes of 5 % or more"),
    )
    for grain, said, said_en in words:
        if grain not in past.begins:
            continue
        until = _after(past, grain)
        zh.append(f"{day_text(until)} 前{said}" if until else said)
        en.append(f"{said_en} before {day_text(until)}" if until else said_en)
    if zh:
        zh, en = ["，".join(zh) + "，更短的起落看不到"], [", ".join(en) + "; what was shorter is not seen"]
    if Grain.REAL in past.begins and not _only_real(past):
        zh.append(f"{day_text(past.begins[Grain.REAL])} 起按实际发生的算")
        en.append(f"from {day_text(past.begins[Grain.REAL])} on what really happened")
    if past.blind * _BLIND >= 100:
        zh.append(f"{past.blind}% 的数无法判断，没有算")
        en.append(f"{past.blind} % of the figures could not be judged")
    return (
        text("按现在的规则估算：" + "；".join(zh), "Estimated by today's rule: " + "; ".join(en))
        if zh
        else None
    )


def _after(past: Replay, grain: Grain) -> datetime | None:
    """When the next finer grain begins."""
    order = list(Grain)
    later = [past.begins[each] for each in order[order.index(grain) + 1 :] if each in past.begins]
    return min(later, default=None)
