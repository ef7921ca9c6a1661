"""The wording check: texts in, report out. Pure; the same texts and the same book give the same report.

A place is found (`hits`), judged in its sentence, and reported at its position in the original text. A longer
word of the book explains the shorter ones inside it; words that only overlap are all reported.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from creative.wording.book import NAME_CLAUSE, WordBook
from creative.wording.contexts import CLOSE, CONTEXTS, OPEN, REACH
from creative.wording.hits import Hit, extended, find_hits
from creative.wording.model import Exemption, Finding, Proof, Report, Verdict, Word
from creative.wording.normalise import Normalised, normalise
from creative.wording.proof import missing

EVIDENCE_FIELD = "evidence"
"""Under this key findings in the evidence text itself are reported."""

LIMITS: Mapping[str, int] = {
    "headline": 40,
    "subline": 60,
    "points": 300,
    "price": 40,
    "cta": 20,
    "footnote": 300,
    EVIDENCE_FIELD: 300,
}
"""Most characters a text may have. Ours, not statutory: more does not fit a picture legibly."""

LONGEST = 500
"""The limit of a text under any other key."""

_ONE_SENTENCE = frozenset({"headline", "subline", "cta"})
"""Texts in which a line break is layout; elsewhere each line says something of its own."""
_ENDS = frozenset("。!?;\n…")
_CLAUSE_HIDDEN = "制图要求：看不见的字符会藏字、乱序，不能进入图片"
_CLAUSE_LONG = "制图要求：过长的文字在图上看不清"


@dataclass(frozen=True, slots=True)
class _Case:
    """What is the same for all texts of one check."""

    book: WordBook
    evidence: str
    names: tuple[str, ...]
    channels: frozenset[str]
    sourced: bool


@dataclass(frozen=True, slots=True)
class _Text:
    """One text, read."""

    field: str
    text: str
    read: Normalised
    ends: tuple[int, ...]
    """Indexes into ``read.plain`` right after the end of each sentence."""
    lines: tuple[int, ...]
    """Indexes into ``text`` of the first character of each line."""

    def place(self, start: int) -> tuple[int, int]:
        """Line and column of an index, both from 1."""
        line = bisect_right(self.lines, start)
        return line, start - self.lines[line - 1] + 1

    def sentence(self, hit: Hit) -> str:
        """The sentence around a hit in its plain reading, the hit marked, cut to `REACH` on either side."""
        plain, at = self.read.plain, self.read.at
        start, end = at[hit.start], at[hit.end - 1] + 1
        order = bisect_right(self.ends, start)
        first = max(self.ends[order - 1] if order else 0, start - REACH)
        later = bisect_right(self.ends, end - 1)
        last = min(self.ends[later] if later < len(self.ends) else len(plain), end + REACH)
        before, inside, after = plain[first:start], plain[start:end], plain[end:last]
        return f"{_unmarked(before)}{OPEN}{_unmarked(inside)}{CLOSE}{_unmarked(after)}"


def check(
    texts: Mapping[str, str],
    book: WordBook,
    *,
    evidence: str = "",
    names: Sequence[str] = (),
    channels: Collection[str] = (),
) -> Report:
    """Judge all texts of one picture.

    Args:
        texts: key of a text (``headline``, ``points``, …) → what would be drawn. Give everything that becomes
            pixels; an empty text is fine.
        book: the words, from `book.builtin_book` or `rows.parse_rows`.
        evidence: what the row says as proof of its claims; drawn as a footnote when it is used, and therefore
            checked like any text.
        names: brand, model and product names that may contain words of the book. A name that *is* a word of
            the book (永久) turns a hit into ``EVIDENCE``: the trademark has to be shown.
        channels: 抖音, 千川, 小红书, …; adds the words only their rules forbid.

    Returns:
        The report. Nothing raises on account of a text: any string is judged, however long or broken.
    """
    keys = (normalise(name).skeleton for name in names)
    named = tuple(sorted({key for key in keys if len(key) > 1}))
    sourced = bool(evidence) and not missing(evidence, Proof.SOURCE)
    case = _Case(book, evidence, named, frozenset(channels), sourced)
    every = {**texts, EVIDENCE_FIELD: evidence} if evidence else dict(texts)
    judged = [_judge_text(_read(field, text), case) for field, text in every.items() if text]
    findings = [each for found, _ in judged for each in found]
    findings += _required(texts, book)
    verdict = max(
        (f.verdict for f in findings if not f.satisfied), key=lambda v: v.rank, default=Verdict.PASS
    )
    exemptions = tuple(each for _, passed in judged for each in passed)
    return Report(verdict, tuple(findings), exemptions, _footnote(texts, evidence, findings), book.version)


def _read(field: str, text: str) -> _Text:
    read = normalise(text, soft_breaks=field in _ONE_SENTENCE)
    plain = read.plain
    ends = tuple(index + 1 for index, char in enumerate(plain) if char in _ENDS)
    lines = (0, *(index + 1 for index, char in enumerate(text) if char == "\n"))
    return _Text(field, text, read, ends, lines)


def _unmarked(text: str) -> str:
    return text.replace(OPEN, " ").replace(CLOSE, " ")


def _judge_text(text: _Text, case: _Case) -> tuple[list[Finding], list[Exemption]]:
    hits, covered = find_hits(text.read, case.book, case.names, case.channels)
    judged = [_judge(text, hit, case) for hit in hits]
    found = [each for each in judged if isinstance(each, Finding)]
    passed = [each for each in judged if isinstance(each, Exemption)]
    passed += [_exempt(text, inner, outer.word.suggestion or "是名称", outer.word.clause, shown=outer)
               for outer, inner in covered]  # fmt: skip
    found = [*_uncovered(found), *_hidden(text), *_overlong(text)]
    return sorted(found, key=lambda f: (f.start, f.end)), sorted(passed, key=lambda e: (e.start, e.end))


def _judge(text: _Text, hit: Hit, case: _Case) -> Finding | Exemption:
    word = hit.word
    if hit.key in case.names:
        told = replace(
            word, clause=NAME_CLAUSE, proof=Proof.NUMBER, suggestion="写明商标注册号，或换一个说法"
        )
        return _found(text, hit, told, Verdict.EVIDENCE, case)
    sentence = text.sentence(hit)
    unmarked = sentence.replace(OPEN, "").replace(CLOSE, "")
    for phrase in word.phrases:
        if normalise(phrase).plain in unmarked:
            return _exempt(text, hit, f"同一句里有例外语境“{phrase}”", "自定义词库")
    for rule in map(CONTEXTS.__getitem__, word.contexts):
        if rule.holds(sentence, sourced=case.sourced):
            if rule.outcome is Verdict.PASS:
                return _exempt(text, hit, rule.reason, rule.clause)
            told = replace(word, clause=rule.clause, suggestion=f"{rule.reason}，在“引证来源”写明")
            return _found(text, hit, told, rule.outcome, case)
    if word.verdict is Verdict.PASS:
        return _exempt(text, hit, word.suggestion, word.clause)
    return _found(text, hit, word, word.verdict, case)


def _found(text: _Text, hit: Hit, word: Word, verdict: Verdict, case: _Case) -> Finding:
    last = extended(hit, text.read) if word.extend else hit.end
    start, end = text.read.span(hit.start, last)
    line, column = text.place(start)
    lacks = missing(case.evidence, word.proof) if verdict is Verdict.EVIDENCE else ()
    return Finding(
        text.field, start, end, line, column, text.text[start:end], word.text, word.category, verdict,
        word.clause, word.suggestion, satisfied=verdict is Verdict.EVIDENCE and not lacks, missing=lacks,
    )  # fmt: skip


def _exempt(text: _Text, hit: Hit, reason: str, clause: str, *, shown: Hit | None = None) -> Exemption:
    """``shown``: the longer harmless text to quote instead of the word."""
    around = shown or hit
    start, end = text.read.span(around.start, around.end)
    return Exemption(text.field, start, end, text.text[start:end], hit.word.text, reason, clause)


def _uncovered(found: list[Finding]) -> list[Finding]:
    """Leave out a finding that lies inside the one before it and is not worse."""
    kept: list[Finding] = []
    for each in found:
        last = kept[-1] if kept else None
        if last and each.end <= last.end and each.verdict.rank <= last.verdict.rank:
            continue
        kept.append(each)
    return kept


def _drawing(text: _Text, start: int, end: int, word: str, clause: str, suggestion: str) -> Finding:
    """A finding about what can be drawn, not about the law."""
    line, column = text.place(start)
    quote = text.text[start:end]
    return Finding(
        text.field, start, end, line, column, quote, word, "文字规范", Verdict.BLOCK, clause, suggestion
    )


def _hidden(text: _Text) -> list[Finding]:
    advice = "删去这里的字符，重新输入这几个字"
    return [
        _drawing(text, each.start, each.end, each.kind, _CLAUSE_HIDDEN, advice) for each in text.read.hidden
    ]


def _overlong(text: _Text) -> list[Finding]:
    limit = LIMITS.get(text.field, LONGEST)
    length = len(text.text)
    if length <= limit:
        return []
    return [
        _drawing(text, limit, length, "文案过长", _CLAUSE_LONG, f"现在 {length} 字，请删到 {limit} 字以内")
    ]


def _required(texts: Mapping[str, str], book: WordBook) -> list[Finding]:
    """Statements an industry has to print and that no text contains."""
    every = [normalise(text).skeleton for text in texts.values()]
    return [
        Finding("footnote", 0, 0, 1, 1, "", each.text, "必须标明", Verdict.BLOCK, each.clause,
                f"在脚注加上“{each.text}”")
        for each in book.statements
        if not any(normalise(each.text).skeleton in text for text in every)
    ]  # fmt: skip


def _footnote(texts: Mapping[str, str], evidence: str, findings: Sequence[Finding]) -> str:
    """The evidence, if a claim stands on it and no text shows it already."""
    if not any(each.satisfied for each in findings):
        return ""
    shown = evidence.strip()
    key = normalise(shown).skeleton
    return "" if any(key in normalise(text).skeleton for text in texts.values()) else shown
