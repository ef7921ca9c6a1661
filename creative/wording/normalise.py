"""A text → what it says, whatever it is dressed up as, with the way back to each original character.

Two readings come out. ``plain`` is the text in simplified lower-case letters without marks and invisible
characters, punctuation kept: contexts read it. ``skeleton`` is ``plain`` without anything that is no letter,
number or percent sign and with look-alike digits as one: words are searched in it, so ``最 佳``, ``最*佳``
and ``N0.①`` are found. Compatibility forms are undone by Unicode's NFKD (UAX #15), one character at a time,
so that each result knows where it came from. Everything takes linear time.
"""

from __future__ import annotations

import csv
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Drawn as nothing although Unicode calls them letters, marks or symbols: Hangul fillers, the grapheme joiner,
# Khmer inherent vowels, the Mongolian vowel separator, the empty braille pattern.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u3164\uffa0\u2800")
_NEWLINES = frozenset("\n\r")
_JOINER = "\u200d"
# Strokes of characters that look like a dot or a bar between two others.
_STROKES = frozenset("丶丨丿乀亅乛")
# Negative circled and squared letters have no decomposition in Unicode: (first code point, first letter).
_LETTER_ROWS = ((0x1F150, "a"), (0x1F170, "a"))
_DIGITS = str.maketrans({"0": "o", "l": "1", "i": "1", "|": "1", "一": "1"})


@dataclass(frozen=True, slots=True)
class Hidden:
    """A run of characters that must not become pixels.

    Args:
        start, end: half-open range in the original text.
        kind: Chinese name (``文字方向控制符``, ``不可见字符``, ``无法显示的字符``).
    """

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text in its two readings.

    Args:
        plain: see the module.
        starts, ends: range in the original of each character of ``plain``.
        skeleton: see the module.
        at: index into ``plain`` of each character of ``skeleton``.
        hidden: what must not become pixels.
    """

    plain: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    skeleton: str
    at: tuple[int, ...]
    hidden: tuple[Hidden, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Range in the original of ``skeleton[start:end]`` (``start < end``)."""
        return self.starts[self.at[start]], self.ends[self.at[end - 1]]


@cache
def _simplified() -> dict[str, str]:
    """Character → the one it is read as.

    ``data/traditional.csv``: traditional forms after OpenCC's table TSCharacters, each with its first reading
    (Apache-2.0, see ``data/LICENSE.md``). ``data/lookalikes.csv``: by hand, after the confusables of UTS #39
    and what sellers use.
    """
    data = resources.files("creative.wording").joinpath("data")
    rows = [
        row
        for file in ("traditional.csv", "lookalikes.csv")
        for row in csv.DictReader(data.joinpath(file).read_text("utf-8").splitlines())
    ]
    return {char: row["reads"] for row in rows for char in row["characters"]}


@lru_cache(maxsize=8192)
def _reads(char: str) -> str:
    """What one character says: decomposed, without marks, lower case, simplified; may be empty."""
    for first, letter in _LETTER_ROWS:
        if first <= ord(char) < first + 26:
            return chr(ord(letter) + ord(char) - first)
    digit = unicodedata.digit(char, None)
    if digit is not None:  # also ❶ and ➊, which do not decompose
        return str(digit)
    known = _simplified()
    # A capital look-alike reads as another letter than its small form (Ν is n, ν is v), so it is asked first.
    cased = "".join(known.get(each, each) for each in unicodedata.normalize("NFKD", char))
    return "".join(
        known.get(each, each)
        for each in unicodedata.normalize("NFKD", cased.lower())
        if unicodedata.category(each) not in {"Mn", "Me", "Cf"}
    )


@lru_cache(maxsize=8192)
def _hidden_kind(char: str) -> str:
    if char in _BIDI:
        return "文字方向控制符"
    if char in _BLANK:
        return "不可见字符"
    category = unicodedata.category(char)
    if category in {"Co", "Cn", "Cs"}:
        return "无法显示的字符"
    if category in {"Cf", "Zl", "Zp"} or (category == "Cc" and char not in _NEWLINES and char != "\t"):
        return "不可见字符"
    return ""


def _is_symbol(char: str) -> bool:
    return unicodedata.category(char) in {"So", "Sk"}


def _joins_emoji(text: str, index: int) -> bool:
    """Whether a zero-width joiner holds an emoji together (👨‍👩‍👧), its only honest use in Chinese copy."""
    before = index - 1
    if before >= 0 and text[before] == "\ufe0f":
        before -= 1
    after = index + 1
    return before >= 0 and after < len(text) and _is_symbol(text[before]) and _is_symbol(text[after])


def _counts(char: str) -> bool:
    """Whether a character of ``plain`` belongs into the skeleton."""
    category = unicodedata.category(char)
    return char == "%" or (category[0] in "LN" and category != "Lm" and char not in _STROKES)


def _plain(text: str, newline: str) -> tuple[list[str], list[int], list[int], list[Hidden]]:
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    hidden: list[Hidden] = []
    for index, char in enumerate(text):
        kind = _hidden_kind(char)
        if kind:
            if char == _JOINER and _joins_emoji(text, index):
                continue
            if hidden and hidden[-1].end == index and hidden[-1].kind == kind:
                hidden[-1] = Hidden(hidden[-1].start, index + 1, kind)
            else:
                hidden.append(Hidden(index, index + 1, kind))
            continue
        for each in newline if char in _NEWLINES else _reads(char):
            chars.append(each)
            starts.append(index)
            ends.append(index + 1)
    return chars, starts, ends, hidden


def normalise(text: str, *, soft_breaks: bool = False) -> Normalised:
    """Read a text in the two ways described at the head of this module.

    Args:
        text: anything, lone surrogates and control characters included; never refused.
        soft_breaks: line breaks are layout inside one sentence and read as spaces; else they end a sentence.

    Returns:
        The readings with the way back. An empty text gives empty readings.
    """
    chars, starts, ends, hidden = _plain(text, " " if soft_breaks else "\n")
    at = [index for index, char in enumerate(chars) if _counts(char)]
    skeleton = "".join(chars[index] for index in at).translate(_DIGITS)
    return Normalised("".join(chars), tuple(starts), tuple(ends), skeleton, tuple(at), tuple(hidden))
