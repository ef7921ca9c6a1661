"""Rules × rows → findings. Pure, Decimal, and with three answers: breach, clear, and *cannot be judged*.

Every finding is made here, also in a scan of a large table: there ``scan.py`` only says which objects are
worth looking at. So the event path and the scan cannot disagree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from bitable_sync.cells import EMPTY
from bitable_sync.mirror import Row
from rules.compiled import Judge, Reading, compiled
from rules.freshness import FRESH, Freshness
from rules.lifecycle import Known
from rules.metrics import NotKnown, TableWords
from rules.model import Doubt, Finding, Rule, Verdict

Past = Mapping[str, Mapping[str, Decimal]]
"""Object id → its figures of former days (``history.py``)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the judging of a table rests on besides its rows.

    Attributes:
        words: the table's words, with the names people gave columns since.
        fresh: which rows have numbers too old to judge by; those are unknown.
        past: figures of former days, where rules ask for them.
        known: until when the table is known, for the clocks of alerts.
    """

    words: TableWords
    fresh: Freshness = FRESH
    past: Past = field(default_factory=dict)
    known: Known | None = None


def evaluate(
    rule: Rule, rows: Iterable[Row], words: TableWords, *, fresh: Freshness = FRESH, past: Past | None = None
) -> list[Finding]:
    """Apply one rule to rows; see `evaluate_all`."""
    return evaluate_all([rule], rows, Ground(words, fresh, past or {}))[0]


def evaluate_all(rules: Sequence[Rule], rows: Iterable[Row], ground: Ground) -> list[list[Finding]]:
    """Apply rules to rows, reading each row once.

    Args:
        rules: valid rules of one table.
        rows: its rows; those without a business key (a line being typed in) are passed over.
        ground: words, freshness and history of the table.

    Returns:
        For each rule one finding an object, in the order of the rows. An object that several rows in scope
        name cannot be judged; to see that, bring all rows of an object.
    """
    names = {field.key: name for name, field in ground.words.fields.items()}
    found: list[tuple[Judge, list[Finding]]] = [(compiled(rule), []) for rule in rules]
    objects: dict[str, list[Row]] = {}
    for row in rows:
        if key := object_id(row, ground.words):
            objects.setdefault(key, []).append(row)
    for key, own in objects.items():
        past = ground.past.get(key, {})
        readings = [(row, Reading(row.values, past), ground.fresh.of_row(key, row.values)) for row in own]
        for judge, answers in found:
            first = _finding(judge, key, *readings[0], names)
            if len(own) == 1:
                answers.append(first)
                continue
            more = [_finding(judge, key, *other, names) for other in readings[1:]]
            answers.append(_one([first, *more], ground.words))
    return [answers for _, answers in found]


def object_id(row: Row, words: TableWords) -> str:
    """The business key of a row, "" when it has none yet."""
    value = row.values.get(words.id_key, EMPTY)
    return value.strip() if isinstance(value, str) else ""


def _finding(
    judge: Judge, key: str, row: Row, reading: Reading, stale: str, names: Mapping[str, str]
) -> Finding:
    answer = NotKnown(Doubt.STALE, stale) if stale else judge(reading, names)
    if isinstance(answer, NotKnown):
        return Finding(
            key, row.record_id, Verdict.UNKNOWN, doubt=answer.doubt, sentence=answer.sentence,
            seen_at=row.seen_at,
        )  # fmt: skip
    return Finding(key, row.record_id, *answer, seen_at=row.seen_at)


def _one(found: list[Finding], words: TableWords) -> Finding:
    """Several rows name one object: the one in scope counts; with more than one nobody knows which."""
    inside = [finding for finding in found if finding.verdict is not Verdict.OUT]
    old = [finding for finding in inside if finding.doubt is Doubt.STALE]
    if len(inside) < 2 or old:
        # The times of two rows cannot be compared, so the reading carries none.
        return replace((old or inside or found)[0], seen_at=None)
    column = {field.key: name for name, field in words.fields.items()}[words.id_key]
    return Finding(
        inside[0].object_id,
        None,
        Verdict.UNKNOWN,
        doubt=Doubt.TWIN,
        sentence=f"“{words.spec.name}”里有 {len(inside)} 行的“{column}”都是 {inside[0].object_id}，"
        "不知道以哪一行为准",
    )
