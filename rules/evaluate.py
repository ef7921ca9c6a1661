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
from rules.metrics import NotKnown, TableWords
from rules.model import Doubt, Finding, Rule, Verdict

Past = Mapping[str, Mapping[str, Decimal]]
"""Object id → its figures of former days (``history.py``)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the judging of a table rests on besides its rows.

    Attributes:
        words: the table's words, with the names people gave columns since.
        stale: a sentence when the table's data is too old to judge by; every row is then unknown.
        past: figures of former days, where rules ask for them.
    """

    words: TableWords
    stale: str = ""
    past: Past = field(default_factory=dict)


def evaluate(
    rule: Rule, rows: Iterable[Row], words: TableWords, *, stale: str = "", past: Past | None = None
) -> list[Finding]:
    """Apply one rule to rows; see `evaluate_all`."""
    return evaluate_all([rule], rows, Ground(words, stale, past or {}))[0]


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
    judges = [compiled(rule) for rule in rules]
    names = {field.key: name for name, field in ground.words.fields.items()}
    found: list[dict[str, list[Finding]]] = [{} for _ in rules]
    for row in rows:
        key = object_id(row, ground.words)
        if not key:
            continue
        reading = Reading(row.values, ground.past.get(key, {}))
        for judge, of_rule in zip(judges, found, strict=True):
            finding = _finding(judge, key, row, reading, names, ground.stale)
            of_rule.setdefault(key, []).append(finding)
    return [
        [each[0] if len(each) == 1 else _one(each, ground.words) for each in of_rule.values()]
        for of_rule in found
    ]


def object_id(row: Row, words: TableWords) -> str:
    """The business key of a row, "" when it has none yet."""
    value = row.values.get(words.id_key, EMPTY)
    return value.strip() if isinstance(value, str) else ""


def _finding(
    judge: Judge, key: str, row: Row, reading: Reading, names: Mapping[str, str], stale: str
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
    if len(inside) < 2 or inside[0].doubt is Doubt.STALE:
        # The times of two rows cannot be compared, so the reading carries none.
        return replace((inside or found)[0], seen_at=None)
    column = {field.key: name for name, field in words.fields.items()}[words.id_key]
    return Finding(
        inside[0].object_id,
        None,
        Verdict.UNKNOWN,
        doubt=Doubt.TWIN,
        sentence=f"“{words.spec.name}”里有 {len(inside)} 行的“{column}”都是 {inside[0].object_id}，"
        "不知道以哪一行为准",
    )
