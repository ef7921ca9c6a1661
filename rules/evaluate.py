"""One rule × rows → findings. Pure, Decimal, and with three answers: breach, clear, and *cannot be judged*.

The same compiled rule serves the event path (one row) and the scan (all rows), so both say the same.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.mirror import Row
from rules.metrics import NotKnown, TableWords, measure, number
from rules.model import Comparison, Doubt, Finding, Fixed, Limit, Rule, Verdict
from rules.scope import in_scope
from rules.specs import GONE

GONE_SENTENCE = "平台上已经没有这个计划。如果确实已下线，请点“确认已下线”"
DEFAULT_MARGIN = Decimal("0.1")

Judge = Callable[[Row], Finding | None]


_BREACH: Mapping[Comparison, Callable[[Decimal, Decimal], bool]] = {
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
}


def evaluate(rule: Rule, rows: Iterable[Row], words: TableWords, *, stale: str = "") -> list[Finding]:
    """Apply a rule to rows.

    Args:
        rule: a valid rule.
        rows: rows of ``rule.table``; rows without a business key (a line being typed in) are passed over.
        words: the words of that table (for sentences and the business key).
        stale: a sentence when the table's data is too old to judge by; every row is then unknown.

    Returns:
        One finding an object, in the order of the rows. An object that several rows in scope name cannot be
        judged; to see that, bring all rows of an object.
    """
    judge = compile_rule(rule, words, stale=stale)
    by_object: dict[str, list[Finding]] = {}
    for row in rows:
        finding = judge(row)
        if finding is not None:
            by_object.setdefault(finding.object_id, []).append(finding)
    return [found[0] if len(found) == 1 else _one(found, words) for found in by_object.values()]


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


def compile_rule(rule: Rule, words: TableWords, *, stale: str = "") -> Judge:
    """A function that judges one row; None for a row that has no business key yet."""
    id_key = words.id_key
    names = {field.key: name for name, field in words.fields.items()}

    def judge(row: Row) -> Finding | None:
        object_id = row.values.get(id_key, EMPTY)
        if not isinstance(object_id, str) or not object_id.strip():
            return None
        key = object_id.strip()
        answer = NotKnown(Doubt.STALE, stale) if stale else _judge(rule, names, row.values)
        if isinstance(answer, NotKnown):
            return Finding(
                key,
                row.record_id,
                Verdict.UNKNOWN,
                doubt=answer.doubt,
                sentence=answer.sentence,
                seen_at=row.seen_at,
            )
        verdict, value, limit, recover_at = answer
        return Finding(key, row.record_id, verdict, value, limit, recover_at, seen_at=row.seen_at)

    return judge


Answer = tuple[Verdict, Decimal | None, Decimal | None, Decimal | None]


def _judge(rule: Rule, names: Mapping[str, str], values: Mapping[str, CellValue]) -> Answer | NotKnown:
    if values.get("status") == GONE:
        return NotKnown(Doubt.VANISHED, GONE_SENTENCE)
    inside = in_scope(rule.scope, values)
    if inside is False:
        return Verdict.OUT, None, None, None
    if isinstance(inside, NotKnown):
        return inside
    if rule.floor is not None:
        spend = number(values, "spend", names.get("spend", "消耗"))
        if isinstance(spend, NotKnown):
            return spend
        if spend < rule.floor:
            return Verdict.HOLD, None, None, None
    value = measure(rule.metric, names, values)
    if isinstance(value, NotKnown):
        return value
    limit = _bound(rule.limit, values)
    if isinstance(limit, NotKnown):
        return limit
    recover_at = _recover_at(rule, limit, values)
    if isinstance(recover_at, NotKnown):
        return recover_at
    if _BREACH[rule.comparison](value, limit):
        return Verdict.BREACH, value, limit, recover_at
    recovered = value >= recover_at if rule.comparison.downwards else value <= recover_at
    return (Verdict.CLEAR if recovered else Verdict.HOLD), value, limit, recover_at


def _bound(limit: Limit, values: Mapping[str, CellValue]) -> Decimal | NotKnown:
    if isinstance(limit, Fixed):
        return limit.value
    base = number(values, limit.key, limit.name)
    return base if isinstance(base, NotKnown) else base * limit.factor


def _recover_at(rule: Rule, limit: Decimal, values: Mapping[str, CellValue]) -> Decimal | NotKnown:
    """Where the alert counts as over: the written value, else 10 % of the threshold's size beyond it.

    A recovery threshold that (through columns) falls on the wrong side is pulled to the fire threshold, so
    that no value can be a breach and a recovery at once.
    """
    if rule.recover is None:
        margin = abs(limit) * DEFAULT_MARGIN
        return limit + margin if rule.comparison.downwards else limit - margin
    written = _bound(rule.recover, values)
    if isinstance(written, NotKnown):
        return written
    return max(written, limit) if rule.comparison.downwards else min(written, limit)
