"""How a rule is previewed: what it would do now, and what it would have done. Pure.

To who asks (规则预览), and to who switched it on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.cards import Card, Element, Text, button, card, columns, facts, header, markdown, note, text
from bot.cards import Severity as Look
from bot.cards import column as cell
from bot.words import counted, safe
from rules.model import Finding, Rule, Verdict
from rules.previews import Answer, Preview
from rules.rulebook import Entry
from rules.told import code_of
from rules.wording import hour, told

WORST, ASKED_WORST = 5, 3


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reader sees of a rule: what it says of every row now, names they may see, its past in words."""

    findings: Sequence[Finding]
    names: Mapping[str, str]
    past: Sequence[Text]


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
    title = text(f"规则预览：{safe(rule.name)}", f"Preview: {safe(rule.name)}")
    state = text("已启用", "Switched on") if rule.enabled else text("还没有启用", "Not switched on yet")
    elements = [*_would(rule, Sight(findings, names, past)), note(state)]
    return card(header(title, severity="info"), elements, summary=title)


def _would(rule: Rule, sight: Sight, most: int = WORST) -> list[Element]:
    """How many objects, the worst of them, and what the past says."""
    hits = [finding for finding in sight.findings if finding.verdict is Verdict.BREACH]
    doubts = sum(finding.verdict is Verdict.UNKNOWN for finding in sight.findings)
    judged = sum(finding.verdict is not Verdict.OUT for finding in sight.findings)
    shown = [hit for hit in hits if hit.object_id in sight.names]
    worst = sorted(shown, key=lambda hit: _excess(rule, hit))[:most]
    many = counted(len(hits), "object")
    would = text(f"现在会触发 **{len(hits)}** 个对象", f"Would fire on **{many}** now")
    return [
        markdown(would, size="heading"),
        facts([
            (text("范围内的对象", "Objects in scope"), str(judged)),
            (text("无法判断", "Cannot be judged"), str(doubts)),
        ]),
        *_list(rule, worst, sight.names),
        *(markdown(line) if number == 0 else note(line) for number, line in enumerate(sight.past)),
    ]  # fmt: skip


def asked_card(preview: Preview, entry: Entry, now: datetime, sight: Sight | None = None) -> Card:
    """The card to who switched a rule on.

    Args:
        preview: what was counted then, and what was answered.
        entry: the rule as it is now.
        now: aware time.
        sight: what the reader sees of the rule now; without it the counts of then are shown.
    """
    name, rule = safe(entry.name), entry.rule
    title = text(f"规则已启用：{name}", f"Rule switched on: {name}")
    off = rule is None or not rule.enabled or entry.deleted
    open_still = preview.answer is None and not off and entry.version == preview.version
    if off:
        title = text(f"规则已停用：{name}", f"Rule switched off: {name}")
    look: Look = "muted" if off else "warning" if open_still and preview.waits(now) else "info"
    said: list[Element] = []
    if sight is not None and rule is not None and open_still:
        said += _would(rule, sight, ASKED_WORST)
    else:
        count = preview.hits
        would = text(f"启用时会触发 **{count}** 个对象", f"**{count}** objects when it was switched on")
        said.append(markdown(would, size="heading"))
    said += _state(preview, now, off=off, open_still=open_still)
    said.append(note(text(f"编号 {code_of(preview.id)}", f"code {code_of(preview.id)}")))
    return card(header(title, severity=look), said, summary=title)


def _state(preview: Preview, now: datetime, *, off: bool, open_still: bool) -> list[Element]:
    """What becomes of it, and the buttons as long as somebody may decide."""
    if preview.answer == Answer.STOP:
        done = text("已取消勾选“启用”，它的预警都已结束", "启用 is unticked, its alerts are over")
        return [markdown(done if off else text("正在停用…", "Switching it off…"))]
    if not open_still:
        if preview.answer is None:
            return [note(text("这条规则后来又改过", "The rule was edited since"))]
        return [markdown(text("已确认，正常通知", "Confirmed; people are told"))]
    value = {"id": preview.id}
    sure = (text("停用这条规则？", "Switch it off?"), text("会取消勾选“启用”", "启用 is unticked in the row"))
    stop = button(text("停用", "Switch off"), "preview.stop", value, kind="danger", confirm=sure)
    if preview.until is None or not preview.waits(now):
        keep = button(text("就这样", "Fine"), "preview.keep", value)
        return [columns(cell(keep, weight=None), cell(stop, weight=None), flex="flow")]
    until = hour(preview.until)
    of = f"涉及 {preview.people} 人。" if preview.people else ""
    of_en = f"It concerns {preview.people} people. " if preview.people else ""
    waits = text(
        f"{of}现在先不通知，**{until}** 开始发；也可以马上确认",
        f"{of_en}Nobody is told before **{until}**, unless you confirm now",
    )
    keep = button(text("没问题，现在通知", "Fine, tell them"), "preview.keep", value, kind="primary")
    return [markdown(waits), columns(cell(keep, weight=None), cell(stop, weight=None), flex="flow")]


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
