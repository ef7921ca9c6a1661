"""Checks: which rules look at which rows, and the commit of what they find. Never calls outside.

The event path (:meth:`Checker.rows_changed`) and the scan (:meth:`Checker.scan`) end in the same ``evaluate``
and ``apply``; the scan only finds out first, column by column, which objects are worth judging. So they
cannot disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, CellValue, Person
from bitable_sync.mirror import Mirror, Row
from rules import history, lifecycle, store, told
from rules.compiled import program
from rules.effects import Changed, commit, storm_works
from rules.escalation import escalated
from rules.evaluate import Ground, Past, evaluate_all, object_id
from rules.freshness import load_freshness, load_states
from rules.grouping import SINGLE_CARDS, WINDOW, Telling
from rules.lifecycle import Known
from rules.metrics import Catalog, TableWords
from rules.model import Action, Alert, Finding, Rule, State, Verdict
from rules.notices import Kind, decide, receivers
from rules.previews import CONFIRM_ABOVE
from rules.rulebook import Entry, load_entries, load_entry, renamed_columns
from rules.silence import Around, muted, surroundings
from rules.sources import source_of
from rules.specs import SHOPS, SOURCE
from rules.storms import CALM, fuse
from rules.tables import rule_rows
from rules.tree import PAST, columns
from rules.wording import vanished_sentence
from runtime.clock import Clock
from runtime.db import Database
from runtime.ids import RecordId
from runtime.work import WorkQueue

if TYPE_CHECKING:
    from bitable_sync.changes import Change
    from rules.scan import Former
    from rules.sweep import Outcome


LOOK_GAP = timedelta(minutes=5)
"""Looks at a table that people fill may be so far apart, and what was seen last still counts meanwhile."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration decides.

    Attributes:
        fallback: who is told when an object has neither a responsible person nor a cc.
        max_age: a table key → how old its platform numbers may be before its rules stop judging.
        approvals: an action → the approval a change beyond somebody's allowance waits for.
        single_cards: more alerts of one person in a window than this are told in a summary.
        confirm_above: from so many objects on, a rule just switched on waits for an answer before it tells.
        feishu_tasks: whether every action also appears as a Feishu task.
        site: address of the company's Feishu as people see it, for links; "" where nobody said.
    """

    fallback: tuple[Person, ...] = ()
    max_age: Mapping[str, timedelta] = field(default_factory=dict)
    approvals: Mapping[Action, str] = field(default_factory=dict)
    single_cards: int = SINGLE_CARDS
    confirm_above: int = CONFIRM_ABOVE
    feishu_tasks: bool = False
    site: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one rule's findings change."""

    changed: tuple[Changed, ...]
    tellings: tuple[Telling, ...]
    grown: int = 0
    """By how many objects more are over the line than before."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found of some objects: findings, their rows, who is gone, until when all that is known."""

    findings: Sequence[Finding]
    rows: Sequence[Row]
    gone: Collection[str]
    known: Known | None


class Checker:
    """Applies rules to the mirror.

    Args:
        db: durable database.
        queue: work put in the same transaction as a decision.
        clock: the time.
        mirror: the tables as last seen.
        catalog: the words rules may use.
        policy: what the configuration decides.
    """

    def __init__(
        self, db: Database, queue: WorkQueue, clock: Clock, mirror: Mirror, catalog: Catalog, policy: Policy
    ) -> None:
        self.db = db
        self.queue = queue
        self.clock = clock
        self.mirror = mirror
        self.catalog = catalog
        self.policy = policy

    def rows_changed(self, table: str, changes: Sequence[Change]) -> None:
        """Judge only the rows that changed, by the rules that watch this table."""
        rows, gone = self._touched(table, changes)
        rules = self.rules(table)
        objects = {object_id(row, self.catalog.by_key(table)) for row in rows}
        ground = self.ground(table, rules, objects)
        with self.db.read() as conn:
            live = store.live_objects(conn, [rule.id for rule in rules], objects | gone)
        for rule, findings in zip(rules, evaluate_all(rules, rows, ground), strict=True):
            known, opening = live.get(rule.id, set()), {each.object_id for each in findings if each.opens}
            if known or opening:
                sure = not opening <= known
                self.apply(rule, findings, rows, gone=gone, known=ground.known, sure=sure)

    def scan(self, table: str | None = None) -> dict[str, Outcome]:
        """Judge every row by every rule in force (of one table if given) and commit what follows.

        Returns:
            What was found, by rule id.
        """
        return self.look(self.rules(table), whole=True)

    def look(self, rules: Sequence[Rule], *, whole: bool = False) -> dict[str, Outcome]:
        """Judge every row by some rules; what follows is committed for those that are enabled.

        ``whole``: all rules of their tables are among them, so from now on the tables are known to be looked
        at.
        """
        from rules.sweep import sweep  # noqa: PLC0415 - it needs numpy, which the web process never loads

        by_table: dict[str, list[Rule]] = {}
        for rule in rules:
            by_table.setdefault(rule.table, []).append(rule)
        found: dict[str, Outcome] = {}
        for table, own in by_table.items():
            found |= sweep(self, table, own, whole=whole)
        return found

    def rules(self, table: str | None = None) -> list[Rule]:
        """The enabled rules in force."""
        return [
            entry.rule
            for entry in self.entries().values()
            if entry.rule and entry.rule.enabled and table in (None, entry.rule.table)
        ]

    def entries(self) -> dict[str, Entry]:
        """All rules known, by id."""
        with self.db.read() as conn:
            return {rule_id: entry for rule_id, (entry, _) in load_entries(conn, self.catalog).items()}

    def ground(self, table: str, rules: Sequence[Rule], objects: Collection[str]) -> Ground:
        """What judging a table rests on now, with the figures of former days that rules ask for.

        Args:
            table: key of a data table.
            rules: rules of it.
            objects: of which objects figures are needed.
        """
        words, now = self.catalog.by_key(table), self.clock.now()
        with self.db.read() as conn:
            renamed = renamed_columns(conn, self.catalog)[words.spec.name]
            past = history.load(conn, table, _asked(rules), now, objects)
            fresh = load_freshness(conn, table, words.spec.name, self.policy.max_age.get(table), now)
            known = self._known(conn, table, now)
        return Ground(words.also(renamed.items()), fresh, past, known)

    def past(self, table: str, rules: Sequence[Rule], objects: Collection[str]) -> Past:
        """The figures of former days that rules ask for, of some objects."""
        asked = _asked(rules)
        if not any(PAST in key for key in asked):
            return {}
        with self.db.read() as conn:
            return history.load(conn, table, asked, self.clock.now(), objects)

    def former(self, table: str, rules: Sequence[Rule]) -> Former:
        """The same as columns, for a scan."""
        from rules import former  # noqa: PLC0415 - it needs numpy, which the web process never loads

        return former.Former(self.db, table, _asked(rules), self.clock.now())

    def _known(self, conn: Connection, table: str, now: datetime) -> Known:
        """Until when a table is known: what platforms fill, up to the last pull of each."""
        limit = self.policy.max_age.get(table)
        states = load_states(conn, table) if limit else []
        pulled = {each.connection: each.pulled_at for each in states if each.pulled_at}
        reach = limit if limit and pulled else LOOK_GAP
        return Known(max(pulled.values(), default=now), store.last_look(conn, table), reach, pulled)

    def _touched(self, table: str, changes: Sequence[Change]) -> tuple[list[Row], set[str]]:
        """All rows of the objects that changed, and the objects that no row names any more."""
        words = self.catalog.by_key(table)
        sides = [row for change in changes for row in (change.before, change.after) if row is not None]
        objects = {key for row in sides if (key := object_id(row, words))}
        found = self.mirror.by_keys(table, objects)
        return [row for rows in found.values() for row in rows], objects - set(found)

    def apply(
        self,
        rule: Rule,
        findings: Sequence[Finding],
        rows: Sequence[Row],
        *,
        gone: Collection[str],
        known: Known | None = None,
        sure: bool = False,
    ) -> None:
        """Commit what findings change.

        Args:
            rule: an enabled rule.
            findings: what it says about some objects.
            rows: their rows.
            gone: objects that no row names any more.
            known: until when the table is known (`Ground`).
            sure: something does change; else that is found out before anybody is kept from writing.
        """
        seen = Seen(findings, rows, gone, known)
        if not sure:
            with self.db.read() as conn:
                if not self._worth(self._plan(conn, rule, seen, lock=False)):
                    return
        with self.db.begin() as conn:
            # One check of a rule at a time, also across processes.
            conn.execute(
                sa.select(rule_rows.c.rule_id).where(rule_rows.c.rule_id == rule.id).with_for_update()
            )
            entry = load_entry(conn, rule.id, self.catalog)
            if entry is None or entry.deleted or entry.rule != rule:
                return  # deleted or edited since it was judged: whoever did that looks at everything anew
            plan = self._plan(conn, rule, seen, lock=True)
            if self._worth(plan):
                now, most = self.clock.now(), self.policy.single_cards
                self._keep(conn, rule, findings, plan)
                news = bool(plan.grown or plan.tellings)
                fused = fuse(conn, self.mirror, rule, plan.grown) if news else CALM
                commit(conn, self.queue, plan.changed, plan.tellings, now, most, fused)
                if fused.turned:
                    self.queue.put(conn, *storm_works(conn, rule.id, fused, now))

    def _keep(self, conn: Connection, rule: Rule, findings: Sequence[Finding], plan: Plan) -> None:
        """Keep the numbers that changed an alert with it, for the trend on its card."""
        now_at = {changed.alert.object_id: changed.alert.value for changed in plan.changed}
        values = {
            finding.object_id: finding.value
            for finding in findings
            if finding.value is not None and now_at.get(finding.object_id) == finding.value
        }
        store.keep_points(conn, rule.table, rule.metric.key, values, self.clock.now(), only=True)

    @staticmethod
    def _worth(plan: Plan) -> bool:
        return bool(plan.changed or plan.tellings)

    def _plan(self, conn: Connection, rule: Rule, seen: Seen, *, lock: bool) -> Plan:
        now, findings, rows, gone = self.clock.now(), seen.findings, seen.rows, seen.gone
        around = surroundings(conn, self.mirror, self.catalog, now)
        ids = {finding.object_id for finding in findings} | set(gone)
        alerts = store.load_alerts(conn, rule.id, ids, lock=lock)
        words = self.catalog.by_key(rule.table)
        of_record = {row.record_id: row for row in rows}
        of_object = {object_id(row, words): row for row in reversed(rows)}
        results: list[tuple[Alert, lifecycle.Step]] = []
        for finding in findings:
            before = alerts.get(finding.object_id)
            if before is None:
                if finding.verdict not in (Verdict.BREACH, Verdict.UNKNOWN):
                    continue
                before = store.new_alert(rule.id, finding.object_id, rule.table, rule.severity)
            row = of_record.get(finding.record_id or before.record_id or RecordId(""))
            row = row or of_object.get(finding.object_id)
            known = seen.known and seen.known.of(source_of(row.values.get(SOURCE, EMPTY) if row else EMPTY))
            if self._set_back(before, finding, rule.table):
                before = replace(before, data_at=None)
            step = lifecycle.step(_named(before, rule, words, row), finding, rule, now, known)
            results.append((before, escalated(step, rule, around, now)))
        for key in sorted(set(gone) & set(alerts)):
            before = alerts[key]
            results.append(
                (before, lifecycle.vanish(before, vanished_sentence(before, words.spec.name), now))
            )
        changed = tuple(
            Changed(step.alert, step.reason)
            for before, step in results
            if step.reason is not None or (before.version and _differs(before, step.alert))
        )
        alerts_now = [step.alert for _, step in results]
        grown = sum(_over(step.alert) - _over(before) for before, step in results)
        return Plan(changed, self._tellings(conn, rule, alerts_now, around, now), grown)

    def _set_back(self, before: Alert, finding: Finding, table: str) -> bool:
        """Whether a reading that seems older than what is known is the newest there is all the same.

        A clock that was behind for a moment read the row meanwhile: nothing would be heard of the row until
        it is read again.
        """
        at, newest = finding.seen_at, before.data_at
        if at is None or newest is None or at >= newest:
            return False
        rows = self.mirror.by_keys(table, {finding.object_id}).get(finding.object_id, ())
        return any((row.record_id, row.seen_at) == (finding.record_id, at) for row in rows)

    def _tellings(
        self, conn: Connection, rule: Rule, alerts: Sequence[Alert], around: Around, now: datetime
    ) -> tuple[Telling, ...]:
        loud = [alert for alert in alerts if alert.state in (State.FIRING, State.ACKED, State.UNKNOWN)]
        known = told.told_keys(conn, [alert.id for alert in loud])
        tellings = []
        for alert in loud:
            for person in receivers(alert, rule, self.policy.fallback):
                notice = decide(alert, known.get((alert.id, alert.episode, person.open_id), set()), now)
                if notice is None or muted(alert, rule, person.open_id, around, now) is not None:
                    continue
                waited = now - (alert.fired_at or now) > WINDOW
                tellings.append(Telling(alert, person, notice, late=waited and notice.kind is Kind.FIRED))
        return tuple(tellings)


def _asked(rules: Sequence[Rule]) -> list[str]:
    """The columns that rules read, figures of former days among them."""
    return columns(*(tree for rule in rules for tree in (program(rule).breach, program(rule).condition)))


def _over(alert: Alert) -> bool:
    return alert.state in (State.FIRING, State.ACKED)


def _people(value: CellValue | None) -> tuple[Person, ...]:
    if not isinstance(value, tuple):
        return ()
    return tuple(item for item in value if isinstance(item, Person))


def _named(alert: Alert, rule: Rule, words: TableWords, row: Row | None) -> Alert:
    """The alert with the object's name and people as the row says now."""
    if row is None:
        return alert
    name = row.values.get("name")
    title = name.strip() if isinstance(name, str) and name.strip() else alert.object_id
    if words.spec.key == "stock":
        title = f"{title}（{alert.object_id}）" if title != alert.object_id else title
    return replace(
        alert,
        title=title,
        owners=_people(row.values.get(rule.owner_key)),
        supervisors=_people(row.values.get("supervisor")),
        shop=title if words.spec.key == SHOPS else _shop(row),
    )


def _shop(row: Row) -> str:
    value = row.values.get("shop")
    return value.strip() if isinstance(value, str) else ""


def _differs(before: Alert, after: Alert) -> bool:
    """Whether a check changed anything but the time it looked."""
    same = replace(after, data_at=before.data_at, record_id=before.record_id, known_at=before.known_at)
    return same != before
