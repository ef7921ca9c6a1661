"""How a rule is previewed: what it would do now, and what it would have done. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.cards import Card, Element, Text, card, facts, header, markdown, note, text
from bot.words import safe
from rules.model import Finding, Rule, Verdict
from rules.wording import limit_text, metric_text

WORST = 5


def preview_card(
    rule: Rule, findings: Sequence[Finding], past: Sequence[Text], names: Mapping[str, str]
) -> Card:
    """The card of a rule before it is switched on, or of one that is on.

    Args:
        rule: the rule.
        findings: what it says about every row now.
        past: what it would have done, in words.
        names: object id → its name, of those the reader may see.
    """
    hits = [finding for finding in findings if finding.verdict is Verdict.BREACH]
    doubts = sum(finding.verdict is Verdict.UNKNOWN for finding in findings)
    judged = sum(finding.verdict is not Verdict.OUT for finding in findings)
    shown = [hit for hit in hits if hit.object_id in names]
    worst = sorted(shown, key=lambda hit: _excess(rule, hit))[:WORST]
    title = text(f"规则预览：{safe(rule.name)}", f"Preview: {safe(rule.name)}")
    would = text(f"现在会触发 **{len(hits)}** 个对象", f"Would fire on **{len(hits)}** objects now")
    elements: list[Element] = [
        markdown(would, size="heading"),
        facts([
            (text("范围内的对象", "Objects in scope"), str(judged)),
            (text("无法判断", "Cannot be judged"), str(doubts)),
        ]),
        *(markdown(_line(rule, hit, names)) for hit in worst),
        *(markdown(line) if number == 0 else note(line) for number, line in enumerate(past)),
    ]  # fmt: skip
    state = text("已启用", "Switched on") if rule.enabled else text("还没有启用", "Not switched on yet")
    elements.append(note(state))
    return card(header(title, severity="info"), elements, summary=title)


def _excess(rule: Rule, hit: Finding) -> Decimal:
    """Sort key: the further over the line, the earlier."""
    distance = (hit.value or Decimal(0)) - (hit.limit or Decimal(0))
    return distance if rule.comparison.downwards else -distance


def _line(rule: Rule, hit: Finding, names: Mapping[str, str]) -> str:
    name = safe(names[hit.object_id])
    return f"**{name}** {metric_text(hit.value, rule.metric.unit)} / {safe(limit_text(rule, hit.limit))}"
