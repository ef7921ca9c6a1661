"""Text becomes lines: the largest size at which it fits its area, broken well, with numbers set apart.

Vertical sizes are those of the ideographs (0.88 em above, 0.12 em below the baseline), not of the font's own
line box (1160/288 per 1000 in Noto), so that a block's top and bottom are what the eye aligns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from creative.studio import breaking
from creative.studio.fonts import SANS, Piece, Typeface, Weight, clean, pieces

ASCENT: Final = 0.88
"""Top of an ideograph over the baseline, ems (Noto Sans SC: its ideographic box)."""
DESCENT: Final = 0.12
"""Bottom of an ideograph under the baseline, ems."""
DIGIT: Final = 0.74
"""Height of a digit over the baseline, ems (Noto Sans SC Bold: 733 to 745 per 1000)."""
STEP: Final = 0.5
"""Pixels between two sizes that are tried."""
NICER: Final = 0.84
"""A text is set in one line less, broken only between clauses or without tearing a word, when it keeps this
share of its size."""

_NUMBER: Final = re.compile(r"\d[\d,.:]*\d|\d")


@dataclass(frozen=True, slots=True)
class Setting:
    """How a text is set.

    Args:
        weight: 400, 700 or 900.
        leading: from baseline to baseline, ems.
        most: lines at most; line breaks in the text count.
        number: size of numbers as a multiple of the text's size, for ``¥`` **199** ``起``.
        indent: room at the left of each line for a bullet, ems.
        face: the family and how it is shaped.
    """

    weight: Weight = 400
    leading: float = 1.3
    most: int = 2
    number: float = 1.0
    indent: float = 0.0
    face: Typeface = SANS


@dataclass(frozen=True, slots=True)
class Run:
    """Characters drawn at once. ``x`` from the line's left edge, ``width`` and ``size`` are pixels."""

    text: str
    x: float
    width: float
    size: float
    fallback: bool
    number: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line: runs, width, baseline in pixels from the block's top; ``first`` of its paragraph."""

    text: str
    runs: tuple[Run, ...]
    width: float
    baseline: float
    first: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A set text.

    Args:
        lines: top to bottom.
        size: pixels per em.
        width, height: of the whole, pixels; ``width`` includes the indent.
        setting: what it was set with.
        overflow: it does not fit at its smallest size; do not deliver.
    """

    lines: tuple[Line, ...]
    size: float
    width: float
    height: float
    setting: Setting
    overflow: bool = False

    @property
    def indent(self) -> float:
        """Pixels kept free at the left of each line."""
        return self.setting.indent * self.size


def _chunks(text: str, setting: Setting) -> list[tuple[Piece, bool]]:
    """The text cut where font or size changes; the flag says number."""
    if setting.number == 1.0:
        return [(piece, False) for piece in pieces(text)]
    cut: list[tuple[Piece, bool]] = []
    at = 0
    for found in _NUMBER.finditer(text):
        cut += [(piece, False) for piece in pieces(text[at : found.start()])]
        cut += [(piece, True) for piece in pieces(found.group())]
        at = found.end()
    return cut + [(piece, False) for piece in pieces(text[at:])]


def _em(setting: Setting) -> breaking.Measure:
    """A measure in ems of the text's own size."""

    def width(text: str) -> float:
        return sum(
            setting.face.em(piece.text, setting.weight, fallback=piece.fallback)
            * (setting.number if number else 1.0)
            for piece, number in _chunks(text, setting)
        )

    return width


def _line(text: str, size: float, setting: Setting, *, first: bool) -> Line:
    """Measure one line exactly; its baseline is set later."""
    runs: list[Run] = []
    x = 0.0
    for piece, number in _chunks(text, setting):
        drawn = size * setting.number if number else size
        width = setting.face.length(piece.text, setting.weight, drawn, fallback=piece.fallback)
        runs.append(Run(piece.text, x, width, drawn, piece.fallback, number))
        x += width
    return Line(text, tuple(runs), x, 0.0, first)


def _ascent(line: Line, size: float) -> float:
    """Height over the baseline in pixels; a large number is what may be higher than the text."""
    return max([ASCENT * size, *(DIGIT * run.size for run in line.runs if run.number)])


def _stack(lines: list[Line], size: float, setting: Setting, *, overflow: bool = False) -> Block:
    """Give the lines their baselines."""
    placed: list[Line] = []
    baseline = bottom = 0.0
    for line in lines:
        ascent = _ascent(line, size)
        gap = (setting.leading - 1.0) * size
        baseline = ascent if not placed else max(baseline + setting.leading * size, bottom + gap + ascent)
        bottom = baseline + DESCENT * size
        placed.append(Line(line.text, line.runs, line.width, baseline, line.first))
    width = max((line.width for line in placed), default=0.0) + setting.indent * size
    return Block(tuple(placed), size, width, bottom, setting, overflow)


@dataclass(frozen=True, slots=True)
class _Paragraphs:
    """A text cut into tokens once, to be broken at many sizes."""

    made: tuple[tuple[breaking.Token, ...], ...]
    setting: Setting

    def at(self, size: float, width: float, most: int) -> list[tuple[str, bool]] | None:
        """Lines at a size in pixels, each with whether it begins a paragraph; None when they are too many."""
        found: list[tuple[str, bool]] = []
        for paragraph in self.made:
            ems = width / size - self.setting.indent
            broken = breaking.wrap(paragraph, ems, most - len(found)) if ems > 0 else None
            if broken is None:
                return None
            found += [(line, not index) for index, line in enumerate(broken)]
        return found

    def block(self, size: float, width: float, height: float, most: int) -> Block | None:
        """The block at a size if it fits, measured exactly."""
        broken = self.at(size, width, most)
        if broken is None:
            return None
        block = _set(broken, size, self.setting)
        return block if block.width <= width + 0.5 and block.height <= height + 0.5 else None


def _set(broken: list[tuple[str, bool]], size: float, setting: Setting, *, overflow: bool = False) -> Block:
    lines = [_line(text, size, setting, first=first) for text, first in broken]
    return _stack(lines, size, setting, overflow=overflow)


def _largest(smallest: float, largest: float, fits: Callable[[float], Block | None]) -> Block | None:
    """Binary search for the largest size that fits; None when not even the smallest does."""
    best = fits(largest)
    if best is not None:
        return best
    low, high = 0, max(0, int((largest - smallest) / STEP))
    best = fits(smallest)
    while best is not None and low < high:
        middle = (low + high + 1) // 2
        block = fits(smallest + middle * STEP)
        if block is None:
            high = middle - 1
        else:
            low, best = middle, block
    return best


@lru_cache(maxsize=2048)
def fit(
    text: str, setting: Setting, *, width: float, height: float, smallest: float, largest: float
) -> Block:
    """Set a text as large as it fits.

    Args:
        text: line breaks in it are kept.
        setting: weight, leading, lines.
        width: of the room, pixels.
        height: of the room, pixels.
        smallest: pixels per em.
        largest: pixels per em.

    Returns:
        The block. When the text does not fit at ``smallest`` its ``overflow`` is true and it is set at that
        size in as many lines as it takes, so that a person sees what is too long.
    """
    measure = _em(setting)
    widest = max(1.0, width / smallest - setting.indent)
    made = tuple(tuple(breaking.tokens(part, measure, widest)) for part in clean(text).split("\n"))
    paragraphs = _Paragraphs(made, setting)

    def best(way: _Paragraphs, most: int) -> Block | None:
        return _largest(smallest, largest, lambda size: way.block(size, width, height, most))

    block = best(paragraphs, setting.most)
    if block is None:
        every = [(line, True) for part in made for line in breaking.wrap(part, widest, len(part) + 1) or [""]]
        return _set(every, smallest, setting, overflow=True)
    if len(block.lines) == len(made):
        return block
    whole = _Paragraphs(tuple(tuple(breaking.clauses(part)) for part in made), setting)
    untorn = _Paragraphs(tuple(tuple(breaking.words(part)) for part in made), setting)
    nicer = (
        best(paragraphs, len(block.lines) - 1), best(whole, setting.most), best(untorn, setting.most)
    )  # fmt: skip
    return next((n for n in nicer if n is not None and n.size >= block.size * NICER), block)
