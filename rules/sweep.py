"""A check of a whole table: the quick look of ``scan.py``, then each object that matters judged exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bitable_sync.cells import Person
from bitable_sync.mirror import chunks
from bitable_sync.pieces import pieces
from rules import store
from rules.compiled import program
from rules.evaluate import Ground, evaluate
from rules.model import Finding, Rule, Verdict
from rules.scan import PIECE, Scanned, needs_of, scan
from runtime.ids import RuleId

if TYPE_CHECKING:
    from bitable_sync.mirror import Row
    from rules.check import Checker

AT_ONCE: Final = 2000
"""Objects judged exactly at once: as many rows are held, and committed together."""

LEISURE: Final = 0.2
"""Share of a processor that the regular check of a large table takes: nobody waits for it, but for edits."""

HURRIED: Final = 1_000_000
"""Rows from which it takes all of one, since it should end within a minute."""

TREND_ROWS: Final = 20_000
"""Of larger tables the trend is kept only for objects that are judged exactly, and the check gives way."""

Points = dict[str, dict[str, Decimal]]
"""Key of a metric → object id → its value."""


@dataclass
class Outcome:
    """What a rule says of its whole table.

    Attributes:
        counts: how many objects stand how; between the two thresholds counts as clear.
        people: who is responsible for those over the line (open_id).
        example: one of those that cannot be judged.
    """

    counts: Counter[Verdict] = field(default_factory=Counter)
    example: Finding | None = None
    people: set[str] = field(default_factory=set)

    def add(self, rule: Rule, findings: Sequence[Finding], rows: Sequence[Row]) -> None:
        """Count exact findings of a rule about some rows."""
        of_record = {row.record_id: row for row in rows}
        for finding in findings:
            self.counts[finding.verdict] += 1
            row = of_record.get(finding.record_id) if finding.record_id else None
            if finding.verdict is Verdict.BREACH and row is not None:
                owners = row.values.get(rule.owner_key)
                listed = owners if isinstance(owners, tuple) else ()
                self.people |= {one.open_id for one in (*listed, *rule.cc) if isinstance(one, Person)}
            if finding.verdict is Verdict.UNKNOWN and self.example is None:
                self.example = finding


def sweep(check: Checker, table: str, rules: Sequence[Rule], *, whole: bool = False) -> dict[str, Outcome]:
    """Judge a table by its rules and commit what follows for those that are enabled.

    Args:
        check: where the table is found and findings are committed.
        table: its key.
        rules: rules of this table; of one that is not enabled only the outcome is given.
        whole: all rules in force of this table are among them.

    Returns:
        The outcome by rule id.
    """
    ground = check.ground(table, rules, ())
    count = check.mirror.count(table)
    # A mirror being rebuilt: an empty table proves nothing, so nothing is called gone.
    proven = bool(count) or check.mirror.age(table, check.clock.now()) is not None
    acting = [rule.id for rule in rules if rule.enabled and proven]
    with check.db.read() as conn:
        live = store.live_objects(conn, acting)
    share = min(1.0, max(LEISURE, count / HURRIED)) if whole and count > TREND_ROWS else 1.0
    looked = _look(check, ground, rules, live, count, share)
    outcomes = {rule.id: Outcome(looked[rule.id].rest) for rule in rules}
    _remember(check, table, _plain(rules, acting, looked), only=False)
    for rule, findings, rows, gone in _judged(check, ground, rules, looked):
        outcomes[rule.id].add(rule, findings, rows)
        if rule.id in acting:
            known = {item.object_id: item.value for item in findings if item.value is not None}
            _remember(check, table, {rule.metric.key: known}, only=True)
            check.apply(rule, findings, rows, gone=gone, known=ground.known)
    if whole and ground.known:
        with check.db.begin() as conn:
            store.note_look(conn, table, ground.known.upto)
    return {str(rule_id): outcome for rule_id, outcome in outcomes.items()}


def _look(
    check: Checker, ground: Ground, rules: Sequence[Rule], live: Mapping[str, set[str]], count: int,
    share: float,
) -> dict[RuleId, Scanned]:  # fmt: skip
    """Which objects are worth judging, by rule."""
    spec, programs = ground.words.spec, [program(rule) for rule in rules]
    twins = set(check.mirror.duplicates(spec.key))
    always = [live.get(rule.id, set()) | twins for rule in rules]
    cells = needs_of(programs, ground.fresh).cells(spec)
    found = scan(
        pieces(check.mirror, spec.key, PIECE, cells, share=share), spec, programs, always,
        check.former(spec.key, rules), fresh=ground.fresh, keep_values=count <= TREND_ROWS,
    )  # fmt: skip
    for answer, keys in zip(found, always, strict=True):
        answer.worth |= keys
    return {rule.id: answer for rule, answer in zip(rules, found, strict=True)}


def _judged(
    check: Checker, ground: Ground, rules: Sequence[Rule], looked: Mapping[RuleId, Scanned]
) -> Iterator[tuple[Rule, list[Finding], list[Row], set[str]]]:
    """Exact findings, piece by piece: the rule, what it says, the rows, and the objects no row names."""
    words = ground.words
    everything = sorted(set[str]().union(*(answer.worth for answer in looked.values())))
    for piece in chunks(everything, AT_ONCE):
        rows = check.mirror.by_keys(words.spec.key, piece)
        past = check.past(words.spec.key, rules, piece)
        for rule in rules:
            keys = looked[rule.id].worth.intersection(piece)
            own = [row for key in sorted(keys) for row in rows.get(key, ())]
            if keys:
                findings = evaluate(rule, own, words, fresh=ground.fresh, past=past)
                yield rule, findings, own, keys - rows.keys()


def _plain(rules: Sequence[Rule], acting: Sequence[RuleId], looked: Mapping[RuleId, Scanned]) -> Points:
    """The numbers of objects that nobody judges exactly."""
    points: Points = {}
    for rule in rules:
        if rule.id in acting:
            answer = looked[rule.id]
            fine = {key: value for key, value in answer.values.items() if key not in answer.worth}
            points.setdefault(rule.metric.key, {}).update(fine)
    return points


def _remember(check: Checker, table: str, points: Points, *, only: bool) -> None:
    """Keep the numbers for the trend on the cards; ``only``: they are some of the table's objects."""
    for metric, values in points.items():
        if values:
            with check.db.begin() as conn:
                store.keep_points(conn, table, metric, values, check.clock.now(), only=only)
