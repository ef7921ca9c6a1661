"""What a rule would have said of every object in the last thirty days, from the figures that were kept.

Plans and shops: a figure a day (``cockpit_days``, 400 days), one an hour (``cockpit_hours``, nine days). Of
every watched metric, also of SKUs, each change for two days (``metric_points``) and for a month what is worth
it (``metric_turns``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, CellValue
from rules.cockpit import tables as t
from rules.compiled import Reading, compiled, program
from rules.evaluate import Ground, evaluate
from rules.history import KINDS, Point, load, over
from rules.metrics import SPANS, NotKnown, Span, TableWords
from rules.model import Comparison, Finding, Rule, Verdict
from rules.replay import SPAN, Grain, Real, Said
from rules.specs import PLANS, SHOPS
from rules.tables import alert_episodes, alerts, metric_points, metric_turns, rule_versions
from rules.tree import PAST, columns
from rules.views import Sources
from runtime.clock import SHANGHAI, day_of

DAY: Final = timedelta(days=1)
OBJECTS: Final = 100
"""Objects whose history is held at once."""
_FIGURES = ("gmv", "spend", "orders")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Kept:
    """The figures of one object: its days, and its hours by day, oldest first."""

    days: Mapping[date, Mapping[str, Any]]
    hours: Mapping[date, Sequence[Mapping[str, Any]]]


def series(
    conn: Connection, sources: Sources, rule: Rule, ground: Ground, now: datetime
) -> Iterator[list[Said]]:
    """Of each object what the rule would have said, oldest first.

    Args:
        conn: a read transaction.
        sources: the mirror, for what an object's row says today.
        rule: the rule; its scope and thresholds are today's.
        ground: what judging its table rests on today.
        now: where history ends.
    """
    kind = KINDS.get(rule.table)
    ids = set(_changed(conn, rule)) if _by_changes(rule) else set[str]()
    if kind is not None:
        ids |= set(_known(conn, kind, day_of(now) - SPAN))
    ordered = sorted(ids)
    for start in range(0, len(ordered), OBJECTS):
        chunk = ordered[start : start + OBJECTS]
        kept = _load(conn, kind, chunk, day_of(now) - 2 * SPAN) if kind else {}
        fine = _changes(conn, sources, rule, ground, chunk, now) if _by_changes(rule) else {}
        for key in chunk:
            changes = fine.get(key, [])
            begins = changes[0].at if changes else now
            coarse = _judged(rule, ground.words, key, kept[key], now) if key in kept else []
            said = [each for each in coarse if each.at < begins] + changes
            if said:
                yield said


def really(conn: Connection, rule: Rule, version: int, now: datetime) -> Real | None:
    """What a rule did itself since its present version is in force, at most `SPAN` back.

    Whatever the rule asks for: its alerts are kept with their beginnings and ends. None for one that is off,
    or that began today.
    """
    v, a, e = rule_versions.c, alerts.c, alert_episodes.c
    begun = conn.execute(sa.select(v.at).where(v.rule_id == rule.id, v.version == version)).scalar()
    if not rule.enabled or begun is None or now - begun < DAY:
        return None
    since = max(begun, now - SPAN)
    query = (
        sa.select(a.object_id, e.fired_at, e.resolved_at)
        .join(alerts, a.id == e.alert_id)
        .where(a.rule_id == rule.id, e.fired_at >= since)
        .order_by(e.fired_at)
    )
    spans: dict[str, list[tuple[datetime, timedelta | None]]] = {}
    for object_id, fired, ended in conn.execute(query):
        spans.setdefault(object_id, []).append((fired, None if ended is None else ended - fired))
    return Real(since, spans)


def _by_changes(rule: Rule) -> bool:
    """Whether the metric alone decides: what else a rule asks for is not among the changes kept."""
    return rule.condition is None and rule.floor is None and rule.sample is None


# --- changes of the metric ---


def _changed(conn: Connection, rule: Rule) -> list[str]:
    found = set[str]()
    for kept in (metric_points.c, metric_turns.c):
        query = sa.select(kept.object_id).where(kept.table == rule.table, kept.metric == rule.metric.key)
        found |= set(conn.execute(query.distinct()).scalars())
    return sorted(found)


def _changes(
    conn: Connection, sources: Sources, rule: Rule, ground: Ground, chunk: Sequence[str], now: datetime
) -> dict[str, list[Said]]:
    rows = [row for found in sources.mirror.by_keys(rule.table, chunk).values() for row in found]
    made = program(rule)
    past = load(conn, rule.table, columns(made.breach, made.condition), now, chunk)
    judged = evaluate(rule, rows, ground.words, past=past)
    limits = {each.object_id: each for each in judged if each.limit is not None}
    found: dict[str, list[Said]] = {}
    for kept, grain in ((metric_turns.c, Grain.STEP), (metric_points.c, Grain.CHANGE)):
        query = sa.select(kept.object_id, kept.at, kept.value).where(
            kept.table == rule.table, kept.metric == rule.metric.key, kept.object_id.in_(sorted(limits))
        )
        for object_id, at, value in conn.execute(query.order_by(kept.object_id, kept.at)):
            finding = then(rule, limits[object_id], value)
            found.setdefault(object_id, []).append(Said(at, finding, grain))
    return found


def then(rule: Rule, now_said: Finding, value: Decimal) -> Finding:
    """What the rule would have said of a value, by today's thresholds."""
    limit, back = now_said.limit or Decimal(0), now_said.recover_at or now_said.limit or Decimal(0)
    down, equal = rule.comparison.downwards, rule.comparison in (Comparison.AT_MOST, Comparison.AT_LEAST)
    past_it = value < limit if down else value > limit
    verdict = Verdict.BREACH if past_it or (equal and value == limit) else Verdict.HOLD
    if verdict is Verdict.HOLD and (value >= back if down else value <= back):
        verdict = Verdict.CLEAR
    return replace(now_said, verdict=verdict, value=value, seen_at=None, doubt=None, sentence="")


# --- days and hours ---


def _known(conn: Connection, kind: str, since: date) -> list[str]:
    d = t.days.c
    return list(
        conn.execute(sa.select(d.object_id).where(d.kind == kind, d.day >= since).distinct()).scalars()
    )


def _load(conn: Connection, kind: str, chunk: Sequence[str], since: date) -> dict[str, Kept]:
    d, h = t.days.c, t.hours.c
    days: dict[str, dict[date, Mapping[str, Any]]] = {}
    query = sa.select(t.days).where(d.kind == kind, d.object_id.in_(chunk), d.day >= since)
    for row in conn.execute(query).mappings():
        days.setdefault(row["object_id"], {})[row["day"]] = dict(row)
    hours: dict[str, dict[date, list[Mapping[str, Any]]]] = {}
    some = sa.select(t.hours).where(h.kind == kind, h.object_id.in_(chunk))
    for row in conn.execute(some.order_by(h.day, h.hour)).mappings():
        hours.setdefault(row["object_id"], {}).setdefault(row["day"], []).append(dict(row))
    return {key: Kept(found, hours.get(key, {})) for key, found in days.items()}


def _judged(rule: Rule, words: TableWords, key: str, kept: Kept, now: datetime) -> list[Said]:
    """Each day by its hours where they were kept, else by its last figure."""
    judge, names = compiled(rule), {field.key: name for name, field in words.fields.items()}
    made = program(rule)
    asked = [each for each in columns(made.breach, made.condition, made.recover) if PAST in each]
    found = []
    for day in sorted(each for each in kept.days if each >= day_of(now) - SPAN):
        for moment, grain, cells in _moments(rule.table, words, day, kept, now):
            before = {each: _past(kept, each, day, moment, grain) for each in asked}
            reading = Reading(cells, {each: value for each, value in before.items() if value is not None})
            answer = judge(reading, names)
            if isinstance(answer, NotKnown):
                finding = Finding(key, None, Verdict.UNKNOWN, doubt=answer.doubt)
            else:
                finding = Finding(key, None, *answer)
            found.append(Said(moment, finding, grain))
    return found


def _moments(
    table: str, words: TableWords, day: date, kept: Kept, now: datetime
) -> Iterator[tuple[datetime, Grain, Mapping[str, CellValue]]]:
    """The moments of a day at which its figures are known, with the row as it was."""
    whole = kept.days[day]
    base = {field.key: EMPTY for field in words.spec.fields} | _cells(table, whole)
    for hour in kept.hours.get(day, ()):
        cells = base | _figures(hour)
        if table == SHOPS:
            before = over(SPANS[0], _by_back(kept, "gmv", day, SPANS[0]), hour["seen_at"])
            cells["gmv_base"] = EMPTY if before is None else before
        yield hour["seen_at"], Grain.HOUR, cells
    if day not in kept.hours:
        end = datetime.combine(day, time(23, 59), SHANGHAI)
        yield min(end, now), Grain.DAY, base


def _cells(table: str, day: Mapping[str, Any]) -> dict[str, CellValue]:
    found: dict[str, CellValue] = {
        "name": day["name"], "platform": day["platform"] or EMPTY, "shop": day["shop"], **_figures(day),
    }  # fmt: skip
    if table == PLANS:
        return found | {
            "plan_id": day["object_id"], "status": day["status"] or EMPTY,
            "budget": EMPTY if day["budget"] is None else day["budget"],
        }  # fmt: skip
    return found | {
        "shop_id": day["object_id"], "gmv_base": EMPTY if day["base"] is None else day["base"],
    }  # fmt: skip


def _figures(row: Mapping[str, Any]) -> dict[str, CellValue]:
    return {key: Decimal(row[key]) for key in _FIGURES if row[key] is not None}


def _past(kept: Kept, asked: str, day: date, moment: datetime, grain: Grain) -> Decimal | None:
    """A figure of former days as it was known then: at that time of day, or of whole days."""
    field, _, name = asked.partition(PAST)
    span = next(each for each in SPANS if each.key == name)
    if grain is Grain.HOUR:
        return over(span, _by_back(kept, field, day, span), moment)
    days = [kept.days.get(day - timedelta(days=back)) for back in span.backs]
    known = [Decimal(each[field]) for each in days if each is not None and each[field] is not None]
    if len(known) < span.least:
        return None
    return (sum(known, Decimal(0)) / len(known)).quantize(_CENT, ROUND_HALF_EVEN)


def _by_back(kept: Kept, field: str, day: date, span: Span) -> dict[int, list[Point]]:
    return {
        back: [
            Point(row["seen_at"], Decimal(row[field]))
            for row in kept.hours.get(day - timedelta(days=back), ())
            if row[field] is not None
        ]
        for back in span.backs
    }
