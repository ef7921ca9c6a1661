"""A report in sentences: for the cell 说明 of the row and for the card. The worst first, within a limit."""

from __future__ import annotations

from collections.abc import Mapping

from creative.wording.model import Finding, Report, Verdict

LIMIT = 500
"""Most characters of an explanation; more is not read on a card."""

FIELD_NAMES: Mapping[str, str] = {
    "headline": "主标题",
    "subline": "副标题",
    "points": "卖点",
    "price": "价格",
    "cta": "按钮",
    "footnote": "脚注",
    "evidence": "引证来源",
}
"""Field key → column title people read; an unknown key is shown as it is."""

_LONGEST_QUOTE = 20
_PASSED = "文案检查通过"


def sentence(finding: Finding) -> str:
    """One finding as a sentence: where, what, which clause, what to do.

    For example ``主标题第 3–4 字“最佳”：绝对化用语（《广告法》第九条第三项），可改为“优选”``.
    """
    name = FIELD_NAMES.get(finding.field, finding.field)
    advice = _advice(finding)
    if not finding.quote:
        return f"{name}缺少“{finding.word}”：{finding.category}（{finding.clause}），{advice}"
    shown = finding.word if finding.category == "文字规范" else f"“{_short(finding.quote)}”"
    return f"{name}{_place(finding)}{shown}：{finding.category}（{finding.clause}），{advice}"


def explain(report: Report, *, limit: int = LIMIT) -> str:
    """The report as Chinese lines, what must be changed first, then what must be proven.

    Args:
        report: what `check.check` gave.
        limit: most characters; at least 40. Sentences that do not fit are counted in a last line.

    Returns:
        At most ``limit`` characters. For a report that passed, a line saying so (and that a footnote is
        added, where one is).

    Raises:
        ValueError: ``limit`` is below 40.
    """
    if limit < 40:
        raise ValueError(f"An explanation needs at least 40 characters, got limit={limit}.")
    open_findings = [each for each in report.findings if not each.satisfied]
    if not open_findings:
        note = "；引证来源会作为脚注写在图上" if report.footnote else ""
        return f"{_PASSED}{note}"
    worst_first = sorted(open_findings, key=lambda each: -each.verdict.rank)
    return _fitted(list(dict.fromkeys(sentence(each) for each in worst_first)), limit)


def _fitted(lines: list[str], limit: int) -> str:
    """As many whole lines as fit; the first is cut when even it does not."""
    kept: list[str] = []
    room = limit
    for index, line in enumerate(lines):
        rest = len(lines) - index - 1
        tail = len(_more(rest)) + 1 if rest else 0
        if len(line) + 1 + tail > room:
            break
        kept.append(line)
        room -= len(line) + 1
    left = len(lines) - len(kept)
    if not left:
        return "\n".join(kept)
    if not kept:
        tail_text = f"\n{_more(left - 1)}" if left > 1 else ""
        return f"{lines[0][: limit - len(tail_text) - 1]}…{tail_text}"
    return "\n".join([*kept, _more(left)])


def _more(count: int) -> str:
    return f"另有 {count} 处，改好这些后再看"


def _place(finding: Finding) -> str:
    """Where in the field; the line too where it is not the first one."""
    line = f"第 {finding.line} 行" if finding.line > 1 else ""
    length = finding.end - finding.start
    last = f"–{finding.column + length - 1}" if length > 1 else ""
    return f"{line}第 {finding.column}{last} 字"


def _advice(finding: Finding) -> str:
    if finding.verdict is Verdict.EVIDENCE and finding.missing:
        return f"{finding.suggestion}；引证来源还缺：{'、'.join(finding.missing)}"
    return finding.suggestion


def _short(quote: str) -> str:
    one_line = " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in quote).split())
    return one_line if len(one_line) <= _LONGEST_QUOTE else f"{one_line[:_LONGEST_QUOTE]}…"
