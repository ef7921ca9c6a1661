"""Shares become pixels: the frame inside margins, what a variant changes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from creative.studio.layout import Align, Area, Arrangement, Column, Role, Side, Template
from creative.studio.model import Colour, Format, Look, Palette

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels."""

BARE: Final = 1.6
"""How much larger a headline may be when there is no product."""
FOCI: Final = ((0.5, 0.5), (0.3, 0.5), (0.7, 0.4), (0.5, 0.25))
"""What variants keep when a background is cropped, shares of what hangs over."""


@dataclass(frozen=True, slots=True)
class Rect:
    """Left, top, right, bottom in pixels; fractions are kept until something is painted."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    @property
    def box(self) -> Box:
        """Rounded to whole pixels."""
        return round(self.left), round(self.top), round(self.right), round(self.bottom)

    def inner(self, area: Area) -> Rect:
        """The part an area names."""
        return Rect(
            self.left + area.left * self.width,
            self.top + area.top * self.height,
            self.left + area.right * self.width,
            self.top + area.bottom * self.height,
        )

    def grown(self, by: float) -> Rect:
        """Wider by so many pixels on each side."""
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share a pixel."""
    return min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(one[1], other[1])


def around(boxes: list[Box]) -> Box:
    """The smallest box that holds all (at least one)."""
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def frame(fmt: Format, look: Look) -> Rect:
    """Where texts and logo may stand: inside the channel's own buttons and the brand's margin."""
    margin = look.safe * min(fmt.width, fmt.height)
    return Rect(
        max(margin, fmt.safe.left * fmt.width),
        max(margin, fmt.safe.top * fmt.height),
        fmt.width - max(margin, fmt.safe.right * fmt.width),
        fmt.height - max(margin, fmt.safe.bottom * fmt.height),
    )


@dataclass(frozen=True, slots=True)
class Variant:
    """What ``seed`` chose: left and right exchanged, colours exchanged, what a crop keeps."""

    mirror: bool
    tone: Mapping[Role, Role]
    focus: tuple[float, float]
    seed: int

    def colour(self, role: Role, palette: Palette) -> Colour:
        """The brand colour of a role in this variant; ``auto`` is ink."""
        tone = self.tone.get(role, role)
        colour: Colour = palette.ink if tone == "auto" else getattr(palette, tone)
        return colour


def variant(template: Template, seed: int) -> Variant:
    """Four seeds in a row differ in at least one of side, tone and crop."""
    mirror = template.mirror and seed % 2 == 1
    tone = template.tones[(seed // 2 + seed) % len(template.tones)]
    return Variant(mirror, tone, FOCI[seed % len(FOCI)], seed)


_TURN_SIDE: Final[Mapping[Side, Side]] = {"left": "right", "right": "left", "top": "top", "bottom": "bottom"}
_TURN_ALIGN: Final[Mapping[Align, Align]] = {"left": "right", "right": "left", "center": "center"}
_TURN_CORNER: Final = {"top_left": "top_right", "top_right": "top_left", "top_center": "top_center"}


def mirrored(plan: Arrangement) -> Arrangement:
    """An arrangement with left and right exchanged; Chinese stays flush left where it was."""
    columns = tuple(column.model_copy(update=_column_turn(column)) for column in plan.columns)
    place = plan.product.model_copy(
        update={"area": plan.product.area.mirrored(), "align": _TURN_ALIGN[plan.product.align]}
    )
    mark = "bottom_left" if plan.mark == "bottom_right" else "bottom_right"
    moved = columns[0].area != plan.columns[0].area  # a logo stays over the headline
    corner = _TURN_CORNER[plan.corner] if moved else plan.corner
    return plan.model_copy(update={"columns": columns, "product": place, "mark": mark, "corner": corner})


def _column_turn(column: Column) -> dict[str, object]:
    """What changes when a column goes to the other side. Chinese stays flush left: only ``right`` turns."""
    turned: dict[str, object] = {"area": column.area.mirrored()}
    if column.align == "right":
        turned["align"] = "left"
    if column.panel is not None:
        bleed = tuple(_TURN_SIDE[side] for side in column.panel.bleed)
        turned["panel"] = column.panel.model_copy(update={"bleed": bleed})
    return turned


def without_product(plan: Arrangement) -> Arrangement:
    """An arrangement whose first column takes the product's place too, if no other column is in the way."""
    first, *others = plan.columns
    area = first.area.joined(plan.product.area)
    if any(area.meets(other.area) for other in others):
        return plan
    texts = tuple(
        style.model_copy(update={"largest": min(0.4, style.largest * BARE)}) if not index else style
        for index, style in enumerate(first.texts)
    )
    column = first.model_copy(update={"area": area, "anchor": "middle", "texts": texts})
    return plan.model_copy(update={"columns": (column, *others)})
