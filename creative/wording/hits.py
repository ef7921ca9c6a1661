"""Where words of the book stand in a text, before anybody judges them.

The skeleton joins what punctuation and spaces separate, so a find may be an accident of two neighbours:
``舒适之极，品质保证`` holds no ``极品``. This module keeps the finds that a reader sees as one word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from creative.wording.book import NAME_CLAUSE, WordBook
from creative.wording.model import Origin, Verdict, Word
from creative.wording.normalise import Normalised

_CLAUSE_ENDS = frozenset(",。;!?:、\n…")
# No clause ends with these, so punctuation after them only hides the word it was put into.
_BOUND = frozenset("最第蕞")
_WIDEST = 8
"""Characters between two letters of a word; more and nobody reads it as one word."""
_NUMERALS = frozenset("0123456789一二三四五六七八九十百千万两几半")
_STOPS = frozenset("的了是呢吗吧得地着过和与")


@dataclass(frozen=True, slots=True)
class Hit:
    """A word at a range of the skeleton (``start < end``)."""

    start: int
    end: int
    key: str
    word: Word


def find_hits(
    read: Normalised, book: WordBook, names: Sequence[str], channels: frozenset[str]
) -> tuple[list[Hit], list[tuple[Hit, Hit]]]:
    """Find the words that count.

    Args:
        read: the text.
        book: the words.
        names: skeletons of allowed names.
        channels: where the text will be published.

    Returns:
        Hits to judge, by start, with those people let pass (they are logged); and pairs of a harmless longer
        text and a suspicious word inside it.
    """
    found = []
    for start, end, key in book.automaton.find(read.skeleton):
        word = _for_channels(book.by_key[key], channels)
        hit = _fitted(Hit(start, end, key, word), read) if word else None
        if hit:
            found.append(hit)
    return _outermost([*found, *_name_hits(read, names)])


def _for_channels(words: Sequence[Word], channels: frozenset[str]) -> Word | None:
    return next((each for each in words if not each.channels or not channels.isdisjoint(each.channels)), None)


def _name_hits(read: Normalised, names: Sequence[str]) -> Iterable[Hit]:
    for name in names:
        word = Word(name, name, Verdict.PASS, "名称", NAME_CLAUSE, "", origin=Origin.NAME)
        start = read.skeleton.find(name)
        while start >= 0:
            hit = _fitted(Hit(start, start + len(name), name, word), read)
            if hit:
                yield hit
            start = read.skeleton.find(name, start + len(name))


def _outermost(found: list[Hit]) -> tuple[list[Hit], list[tuple[Hit, Hit]]]:
    """Leave out hits inside longer ones; of two with the same range the book's own stays."""
    hits: list[Hit] = []
    covered: list[tuple[Hit, Hit]] = []
    outer: Hit | None = None
    for hit in sorted(found, key=lambda h: (h.start, -h.end, h.word.origin is Origin.NAME)):
        if outer is not None and hit.end <= outer.end:
            harmless = outer.word.verdict is Verdict.PASS and outer.word.origin is not Origin.PEOPLE
            suspicious = harmless and hit.word.verdict is not Verdict.PASS
            if suspicious and not (covered and covered[-1][0] is outer):
                covered.append((outer, hit))
            continue
        outer = hit
        if hit.word.verdict is not Verdict.PASS or hit.word.origin is Origin.PEOPLE:
            hits.append(hit)
    return hits, covered


def _fitted(hit: Hit, read: Normalised) -> Hit | None:
    """The hit as a reader sees it, with the number next to it if the word wants one; None if it is none."""
    if _splits_latin(hit, read) or not _reads_as_one(hit, read):
        return None
    start = _digits_before(hit, read) if hit.word.digits_before else hit.start
    end = _digits_after(hit, read) if hit.word.digits_after else hit.end
    if (hit.word.digits_before and start == hit.start) or (hit.word.digits_after and end == hit.end):
        return None
    return Hit(start, end, hit.key, hit.word)


def _gap(read: Normalised, index: int) -> str:
    """What the skeleton left out before its character at ``index``."""
    return read.plain[read.at[index - 1] + 1 : read.at[index]]


def _splits_latin(hit: Hit, read: Normalised) -> bool:
    """Whether the hit is a part of a longer Latin word or number (NO.1 in NO.10, 100% in 1100%)."""
    return any(
        0 < edge < len(read.at)
        and not _gap(read, edge)
        and all(_is_ascii_word(read.plain[read.at[index]]) for index in (edge - 1, edge))
        for edge in (hit.start, hit.end)
    )


def _is_ascii_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _reads_as_one(hit: Hit, read: Normalised) -> bool:
    inner = range(hit.start + 1, hit.end)
    gaps = [_gap(read, index) for index in inner]
    if not any(gaps):
        return True
    if hit.word.verdict is Verdict.PASS:  # a harmless text may be letter-spaced, nothing else
        return set(gaps) == {" "}
    for index, gap in zip(inner, gaps, strict=True):
        if len(gap) > _WIDEST:
            return False
        if _CLAUSE_ENDS.intersection(gap) and read.plain[read.at[index - 1]] not in _BOUND:
            return False
    return not (hit.word.tight and _goes_on(hit, read))


def _goes_on(hit: Hit, read: Normalised) -> bool:
    """Whether letters follow without a gap on both sides, so that the gap inside separates two words."""
    left = hit.start > 0 and not _gap(read, hit.start)
    right = hit.end < len(read.at) and not _gap(read, hit.end)
    return left and right


def _digits_before(hit: Hit, read: Normalised) -> int:
    start = hit.start
    while start > max(0, hit.start - _WIDEST) and read.plain[read.at[start - 1]] in _NUMERALS:
        start -= 1
    return start


def _digits_after(hit: Hit, read: Normalised) -> int:
    end = hit.end
    while end < min(len(read.at), hit.end + _WIDEST) and read.plain[read.at[end]] in _NUMERALS:
        end += 1
    return end


def extended(hit: Hit, read: Normalised) -> int:
    """End of the quote of a word that takes the next one or two characters with it (最 → 最舒服)."""
    end = hit.end
    while end < min(len(read.at), hit.end + 2):
        char = read.plain[read.at[end]]
        if _gap(read, end) or char in _STOPS or not "一" <= char <= "鿿":
            break
        end += 1
    return end
