"""A column of texts: each set as large as its style allows, all smaller together until they fit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from creative.studio.draw import line_left
from creative.studio.layout import Align, Column, Pill, TextStyle
from creative.studio.model import Slot
from creative.studio.stage import Box, Rect
from creative.studio.typeset import Block, Setting, fit

BULLET: Final = 1.4
"""Room a bullet takes at the left, ems of its text."""
BAR: Final = (0.09, 0.009, 0.035)
"""Accent line over a column: length, thickness, and the gap below it, shares of the short side."""
BESIDE: Final = 0.045
"""Room between two texts on one line, share of the short side."""
STEPS: Final = 24
"""In how many steps a column's texts shrink from their largest to their smallest sizes."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A set text in its place.

    Args:
        style: from the template.
        block: the text.
        left, width, align: the line it is aligned in, pixels of the canvas.
        top: of the block.
        pill: what its pill covers, or None.
    """

    style: TextStyle
    block: Block
    left: float
    width: float
    align: Align
    top: float
    pill: Box | None = None

    @property
    def letters(self) -> Box:
        """What its lines cover."""
        lefts = [self.left + line_left(line, self.block, self.width, self.align) for line in self.block.lines]
        rights = [left + line.width for left, line in zip(lefts, self.block.lines, strict=True)]
        return round(min(lefts)), round(self.top), round(max(rights)), round(self.top + self.block.height)

    @property
    def box(self) -> Box:
        """What it covers with its pill or its bullets."""
        left, top, right, bottom = self.letters
        return self.pill or (round(left - self.block.indent), top, right, bottom)


@dataclass(frozen=True, slots=True)
class SetColumn:
    """A column's texts in their places, and its accent line if it has one."""

    placed: tuple[Placed, ...]
    bar: Box | None


def _pads(pill: Pill | None, size: float) -> tuple[float, float]:
    """Pixels a pill adds at each side, and above and below."""
    return (pill.across * size, pill.down * size) if pill else (0.0, 0.0)


def _block(style: TextStyle, text: str, room: Rect, short: float, share: float) -> Block:
    """Set one text no larger than ``share`` (0 to 1) of the way from its smallest to its largest size."""
    smallest, largest = style.smallest * short, style.largest * short
    top = smallest + (largest - smallest) * share
    if style.join:
        text = text.replace("\n", style.join)
    setting = Setting(
        weight=style.weight,
        leading=style.leading,
        most=1 if style.pill else style.lines,
        number=style.number.scale,
        indent=0.0 if style.bullet == "none" else BULLET,
    )
    width = max(room.width * 0.3, room.width - 2 * _pads(style.pill, top)[0])
    return fit(text, setting, width=width, height=room.height, smallest=smallest, largest=top)


@dataclass(frozen=True, slots=True)
class _Row:
    """Texts beside one another: their numbers, the gap above, height and width in pixels."""

    members: tuple[int, ...]
    gap: float
    height: float
    width: float


def _rows(
    styles: Sequence[TextStyle], blocks: Sequence[Block], room: Rect, short: float, share: float
) -> list[_Row]:
    """Put texts under one another, or beside where the style asks and there is room.

    Gaps shrink to three fifths as texts shrink (``share`` 1 to 0).
    """
    rows: list[_Row] = []
    for index, (style, block) in enumerate(zip(styles, blocks, strict=True)):
        across, down = _pads(style.pill, block.size)
        wide, high = block.width + 2 * across, block.height + 2 * down
        last = rows[-1] if rows and style.beside else None
        if last and last.width + BESIDE * short + wide <= room.width:
            width = last.width + BESIDE * short + wide
            rows[-1] = _Row((*last.members, index), last.gap, max(last.height, high), width)
        else:
            gap = style.gap * short * (0.6 + 0.4 * share) if rows else 0.0
            rows.append(_Row((index,), gap, high, wide))
    return rows


def set_column(column: Column, texts: Mapping[Slot, str], room: Rect, short: float) -> SetColumn:
    """Set the texts of a column over one another, as large as their style and the room allow.

    Args:
        column: from the template.
        texts: what is not empty.
        room: the column's area in pixels.
        short: the canvas's short side in pixels; sizes are shares of it.

    Returns:
        The texts in their places. When even their smallest sizes are too much together they reach out of the
        room, and ``overflow`` is true of the largest block, whose text is the one to shorten.
    """
    styles = [style for style in column.texts if style.slot in texts]
    if not styles:
        return SetColumn((), None)
    bar = (BAR[1] + BAR[2]) * short if column.bar else 0.0

    def tried(step: int) -> tuple[list[Block], list[_Row]]:
        share = step / STEPS
        blocks = [_block(style, texts[style.slot], room, short, share) for style in styles]
        return blocks, _rows(styles, blocks, room, short, share)

    def fits(step: int) -> bool:
        return bar + sum(row.gap + row.height for row in tried(step)[1]) <= room.height + 0.5

    low, high = 0, STEPS
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    blocks, rows = tried(low)
    if not fits(low) and not any(block.overflow for block in blocks):
        tallest = max(range(len(blocks)), key=lambda index: blocks[index].height)
        blocks[tallest] = replace(blocks[tallest], overflow=True)
    return _stack(column, list(zip(styles, blocks, strict=True)), rows, room, short, bar)


def _stack(
    column: Column,
    texts: Sequence[tuple[TextStyle, Block]],
    rows: Sequence[_Row],
    room: Rect,
    short: float,
    bar: float,
) -> SetColumn:
    """Place set texts in their rows, anchored in their room."""
    spare = room.height - bar - sum(row.gap + row.height for row in rows)
    top = room.top + max(0.0, spare) * {"top": 0.0, "middle": 0.5, "bottom": 1.0}[column.anchor]
    line = _bar(column, room, top, short) if column.bar else None
    top += bar
    placed: list[Placed] = []
    for row in rows:
        top += row.gap
        left = room.left + _slack(room.width - row.width, column.align)
        for index in row.members:
            style, block = texts[index]
            alone = len(row.members) == 1
            width = block.width + 2 * _pads(style.pill, block.size)[0]
            cell = Rect(room.left, top, room.right, top + row.height)
            if not alone:
                cell = Rect(left, top, left + width, top + row.height)
            placed.append(_place(style, block, cell, column.align))
            left += width + BESIDE * short
        top += row.height
    return SetColumn(tuple(placed), line)


def _bar(column: Column, room: Rect, top: float, short: float) -> Box:
    """The accent line at a column's top."""
    long, thick = BAR[0] * short, max(2.0, BAR[1] * short)
    left = room.left + _slack(room.width - long, column.align)
    return round(left), round(top), round(left + long), round(top) + round(thick)


def _slack(spare: float, align: Align) -> float:
    return {"left": 0.0, "center": spare / 2, "right": spare}[align]


def _place(style: TextStyle, block: Block, cell: Rect, align: Align) -> Placed:
    """Place one text in its row. Bulleted lines stay flush left, a pill's text stands in its middle."""
    across, down = _pads(style.pill, block.size)
    top = cell.top + (cell.height - block.height) / 2
    if style.pill:
        wide = block.width + 2 * across
        left = cell.left + _slack(cell.width - wide, align)
        pill = Rect(left, top - down, left + wide, top + block.height + down).box
        return Placed(style, block, left, wide, "center", top, pill)
    if style.bullet != "none":
        left = cell.left + _slack(cell.width - block.width, align)
        return Placed(style, block, left, block.width, "left", top)
    return Placed(style, block, cell.left, cell.width, align, top)
