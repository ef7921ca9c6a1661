"""Edits of 预警规则: read the rows, keep the last good versions, close what is switched off.

The answer stands in the row itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from bitable_sync.mirror import Row
from rules import lifecycle, store, turns
from rules.check import Checker
from rules.dryrun import due_works
from rules.effects import Changed, commit, mark_work
from rules.metrics import Catalog
from rules.model import Reason, Verdict
from rules.parse import RuleText
from rules.previews import (
    AT_ONCE,
    Hits,
    Preview,
    begins,
    changes,
    close_former,
    first_asked,
    open_preview,
    preview_of,
)
from rules.rulebook import (
    Entry,
    Renamed,
    blank,
    in_words,
    load_entries,
    next_mark,
    read_entry,
    renamed_columns,
    save_entry,
    verdicts,
)
from rules.specs import RULES
from runtime import audit
from runtime.ids import RuleId

if TYPE_CHECKING:
    from rules.sweep import Outcome

COUNT_BEAT = timedelta(minutes=10)
"""How often a mere change of "N 个对象" is written into the row.

Every write costs a call of the monthly quota.
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """One row of the rule table that differs from what Chorus knew."""

    before: Entry | None
    after: Entry
    good: RuleText | None


def edits(
    rows: Sequence[Row],
    known: dict[RuleId, tuple[Entry, RuleText | None]],
    catalog: Catalog,
    *,
    complete: bool,
    renamed: Renamed | None = None,
) -> list[Edit]:
    """Compare the rule table with what is known (pure). Blank lines are passed over.

    Args:
        rows: rows of 预警规则.
        known: entries with their good text.
        catalog: the words rules may use.
        complete: the rows are the whole table, so a rule without a row was deleted.
        renamed: what people call columns now.
    """
    found = []
    for row in rows:
        before, good = known.get(RuleId(row.record_id), (None, None))
        if before is None and blank(row):
            continue
        after, good_now = read_entry(row, before, good, catalog, renamed)
        if after != before or good_now != good:
            found.append(Edit(before, after, good_now))
    if complete:
        there = {RuleId(row.record_id) for row in rows}
        for rule_id, (before, good) in known.items():
            if rule_id not in there:
                found.append(Edit(before, replace(before, deleted=True), good))
    return found


def closing(edit: Edit) -> Reason | None:
    """Why an edit closes the rule's alerts, if it does."""
    before = edit.before.rule if edit.before else None
    after = edit.after.rule
    if edit.after.deleted:
        return Reason.RULE_DELETED
    if before and before.enabled and after and not after.enabled:
        return Reason.RULE_DISABLED
    if before and after and before.table != after.table:
        return Reason.RULE_RETARGETED
    return None


def verdict_sentence(entry: Entry, found: Outcome | None) -> str:
    """The sentence for 校验结果: what is wrong, or what the rule would do now."""
    if entry.problems:
        return in_words(entry.problems, kept=entry.rule is not None and entry.rule.enabled)
    rule = entry.rule
    if rule is None or found is None:
        return ""
    hits, doubts = found.counts[Verdict.BREACH], found.counts[Verdict.UNKNOWN]
    said = (
        f"有效，当前会触发 {hits} 个对象" if rule.enabled else f"有效，但未启用；启用后会触发 {hits} 个对象"
    )
    if found.example is not None:
        said += f"；{doubts} 个无法判断，例如 {found.example.object_id}：{found.example.sentence}"
    if found.counts.total() and found.counts[Verdict.OUT] == found.counts.total():
        said += "；范围里没有任何对象，请检查“范围”"
    return said


class Reviewer:
    """Brings the rulebook in line with the mirror's copy of 预警规则. Never calls outside."""

    def __init__(self, checker: Checker) -> None:
        self.checker = checker

    def review(self, editors: Mapping[str, str] | None = None) -> list[RuleId]:
        """Take over every edit of the rule table, judge the edited rules at once, decide their 校验结果.

        ``editors``: id of a rule → who edited its row, where that is known: they are shown the preview.
        """
        check = self.checker
        rows = check.mirror.rows(RULES)
        complete = check.mirror.age(RULES, check.clock.now()) is not None
        with check.db.read() as conn:
            known, renamed = load_entries(conn, check.catalog), renamed_columns(conn, check.catalog)
        found = edits(rows, known, check.catalog, complete=complete, renamed=renamed)
        asked = self._previews(found, editors or {})
        for edit in found:
            with check.db.begin() as conn:
                self._take_over(conn, edit, asked.get(edit.after.rule_id))
        standing = [edit.after for edit in found if not edit.after.deleted]
        outcomes = self._look(standing)
        for entry in standing:
            self._answer(entry, outcomes.get(entry.rule_id), now_if_new=True)
        self._run_dry(standing)
        return [edit.after.rule_id for edit in found]

    def tick(self) -> None:
        """The regular check: rule edits first, then every row of every rule, then the counts in the rows."""
        self.review()
        entries = self.checker.entries()
        metrics = {str(key): entry.rule.metric.key for key, entry in entries.items() if entry.rule}
        more = True
        while more:
            with self.checker.db.begin() as conn:
                more = turns.thin(conn, self.checker.clock.now(), metrics) >= turns.AT_ONCE
        outcomes = self._look(list(entries.values()), whole=True)
        for rule_id, entry in entries.items():
            self._answer(entry, outcomes.get(rule_id), now_if_new=False)
        self._run_dry(list(entries.values()))

    def _run_dry(self, entries: Sequence[Entry]) -> None:
        """Put the replays over history that are due."""
        check = self.checker
        with check.db.read() as conn:
            works = due_works(conn, entries, check.clock.now())
        if works:
            with check.db.begin() as conn:
                check.queue.put(conn, *works)

    def _previews(self, found: Sequence[Edit], editors: Mapping[str, str]) -> dict[RuleId, Preview]:
        """What must be previewed of the rules that are switched on, or changed while they are on."""
        check, now = self.checker, self.checker.clock.now()
        on = {edit.after.rule_id: edit.after for edit in found if begins(edit.before, edit.after)}
        moved = {edit.after.rule_id: edit.after for edit in found if changes(edit.before, edit.after)}
        rules = [replace(entry.rule, enabled=False) for entry in {**on, **moved}.values() if entry.rule]
        outcomes = check.look(rules)  # as if they were off: counted, and nothing follows
        with check.db.read() as conn:
            standing = store.open_counts(conn, list(moved))
        asked: dict[RuleId, Preview] = {}
        for rule in rules:
            entry, outcome = {**on, **moved}[rule.id], outcomes[rule.id]
            others = [person.open_id for person in (*rule.cc, *check.policy.fallback)]
            preview = preview_of(
                entry, Hits(outcome.counts[Verdict.BREACH], len(outcome.people)),
                standing=standing.get(rule.id, 0) if rule.id in moved else None,
                receivers=first_asked(editors.get(rule.id), others), limit=check.policy.confirm_above,
                now=now, many=len(on) > AT_ONCE,
            )  # fmt: skip
            if preview is not None:
                asked[rule.id] = preview
        return asked

    def _take_over(self, conn: Connection, edit: Edit, preview: Preview | None) -> None:
        check, now = self.checker, self.checker.clock.now()
        newer = edit.before is None or edit.after.version != edit.before.version
        save_entry(conn, edit.after, edit.good, now, newer=newer)
        audit.record(
            conn, at=now, actor="system:rules", action="rule.read", subject=f"rule:{edit.after.rule_id}",
            reason="deleted" if edit.after.deleted else "invalid" if edit.after.problems else "valid",
            detail={"version": edit.after.version, "problems": [p.sentence for p in edit.after.problems]},
        )  # fmt: skip
        if newer:
            check.queue.put(conn, *close_former(conn, edit.after))
        if preview is not None:
            check.queue.put(conn, *open_preview(conn, preview))
        reason = closing(edit)
        if reason is not None:
            alerts = store.load_alerts(conn, edit.after.rule_id, lock=True)
            steps = [lifecycle.withdraw(alert, reason, now) for alert in alerts.values()]
            changed = [Changed(step.alert, step.reason) for step in steps if step.reason is not None]
            commit(conn, check.queue, changed, (), now)

    def _look(self, entries: Sequence[Entry], *, whole: bool = False) -> Mapping[str, Outcome]:
        rules = [entry.rule for entry in entries if entry.rule is not None]
        return self.checker.look(rules, whole=whole)

    def _answer(self, entry: Entry, found: Outcome | None, *, now_if_new: bool) -> None:
        """Decide the sentence for 校验结果 and put the writing of it, if it says something new."""
        check, now = self.checker, self.checker.clock.now()
        sentence = verdict_sentence(entry, found)
        with check.db.read() as conn:
            said, at = verdicts(conn, [entry.rule_id]).get(entry.rule_id, ("", None))
        if sentence == said and not now_if_new:
            return
        if not now_if_new and not _due(at, now):
            return
        with check.db.begin() as conn:
            number = next_mark(conn, entry.rule_id, sentence, now)
            check.queue.put(conn, mark_work(entry.rule_id, number))


def _due(at: datetime | None, now: datetime) -> bool:
    return at is None or now - at >= COUNT_BEAT
