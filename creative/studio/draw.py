"""Pixels of the single things: letters, rounded shapes, shadows, a picture cut to a canvas. Pure.

Letters are drawn as a mask and coloured afterwards: drawing them in colour on a transparent picture mixes
their edges with black.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from creative.studio.fonts import Weight
from creative.studio.layout import Align
from creative.studio.model import Colour
from creative.studio.typeset import Block, Line

THICKEN: Final[dict[Weight, float]] = {400: 0.0, 700: 0.014, 900: 0.026}
"""Outline, ems, that gives WenQuanYi's one weight about the stems of ours (Noto Sans SC, compared by eye)."""

FINE: Final = 4
"""Shadows are painted at this fraction of the size; their blur hides it."""
SHADE: Final[Colour] = (12, 10, 14)
"""Colour of shadows."""


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours of a text: ``number`` of its numbers, ``stroke`` pixels around it, ``shadow`` 0 to 1."""

    text: Colour
    number: Colour
    stroke: int = 0
    outline: Colour = (0, 0, 0)
    shadow: float = 0.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """An RGBA picture and where its top left corner lies, in pixels of the canvas."""

    image: Image.Image
    left: int
    top: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom on the canvas."""
        return self.left, self.top, self.left + self.image.width, self.top + self.image.height


def line_left(line: Line, block: Block, width: float, align: Align) -> float:
    """Pixels from the left edge of a column of ``width`` to where the line's letters begin."""
    room = width - block.indent - line.width
    return block.indent + {"left": 0.0, "center": room / 2, "right": room}[align]


def letters(
    block: Block, left: float, top: float, width: float, align: Align, stroke: int = 0
) -> tuple[Image.Image, Image.Image, int, int]:
    """Masks of a text.

    Args:
        block: the set text.
        left: of the column, pixels of the canvas.
        top: of the block, pixels of the canvas.
        width: of the column, pixels.
        align: of the lines in the column.
        stroke: pixels around each letter.

    Returns:
        Mask of all letters, mask of the numbers, and left and top of both on the canvas.
    """
    pad = ceil(block.size * 0.35) + stroke
    west, north = floor(left) - pad, floor(top) - pad
    size = (ceil(width) + 2 * pad + 1, ceil(block.height) + 2 * pad + 1)
    every, numbers = Image.new("L", size), Image.new("L", size)
    for line in block.lines:
        x = left - west + line_left(line, block, width, align)
        _letters(every, line, x, top - north + line.baseline, block, stroke=stroke, numbers=False)
        if any(run.number for run in line.runs):
            _letters(numbers, line, x, top - north + line.baseline, block, stroke=0, numbers=True)
    return every, numbers, west, north


def _letters(
    mask: Image.Image, line: Line, x: float, baseline: float, block: Block, *, stroke: int, numbers: bool
) -> None:
    pen = ImageDraw.Draw(mask)
    face, weight = block.setting.face, block.setting.weight
    for run in line.runs:
        if run.number or not numbers:
            font = face.font(weight, run.size, fallback=run.fallback)
            shaping = face.features(fallback=run.fallback)
            spot = (x + run.x, baseline)
            wide = stroke + (round(run.size * THICKEN[weight]) if run.fallback else 0)
            pen.text(spot, run.text, fill=255, font=font, anchor="ls", features=shaping, stroke_width=wide)


def text(block: Block, left: float, top: float, width: float, align: Align, ink: Ink) -> Drawn:
    """Draw a set text in its colours, with its outline and shadow, cut to what is drawn."""
    every, numbers, west, north = letters(block, left, top, width, align)
    coloured = Image.new("RGB", every.size, ink.text)
    if ink.number != ink.text:
        box = numbers.getbbox()
        if box:
            coloured.paste(ink.number, box, numbers.crop(box).point(lambda value: 255 if value else 0))
    coloured.putalpha(every)
    if ink.stroke or ink.shadow:
        coloured = _behind(coloured, block, (left, top, width), align, ink)
        pad = ink.stroke
        west, north = west - pad, north - pad
    box = coloured.getbbox() or (0, 0, 1, 1)
    return Drawn(coloured.crop(box), west + box[0], north + box[1])


def _behind(
    front: Image.Image, block: Block, place: tuple[float, float, float], align: Align, ink: Ink
) -> Image.Image:
    """Lay outline and shadow behind drawn letters; the picture grows by the stroke on each side."""
    wide = letters(block, place[0], place[1], place[2], align, ink.stroke)[0]
    whole = Image.new("RGBA", wide.size, (*ink.outline, 0))
    if ink.shadow:
        soft = wide.filter(ImageFilter.GaussianBlur(block.size * 0.12))
        whole.putalpha(soft.point(lambda value: round(value * ink.shadow)))
    if ink.stroke:
        whole.alpha_composite(solid(wide, ink.outline))
    whole.alpha_composite(front, (ink.stroke, ink.stroke))
    return whole


def solid(mask: Image.Image, colour: Colour, opacity: float = 1.0) -> Image.Image:
    """One colour through a mask."""
    picture = Image.new("RGB", mask.size, colour)
    picture.putalpha(mask if opacity >= 1 else mask.point(lambda value: round(value * opacity)))
    return picture


@lru_cache(maxsize=64)
def _quarter(radius: int) -> Image.Image:
    """The smooth top left quarter of a disc, four times oversampled."""
    big = Image.new("L", (radius * 4, radius * 4))
    ImageDraw.Draw(big).ellipse((0, 0, radius * 8 - 1, radius * 8 - 1), fill=255)
    return big.resize((radius, radius), Image.Resampling.BOX)


def rounded(size: tuple[int, int], radius: float) -> Image.Image:
    """Mask of a rectangle with smooth round corners; ``radius`` in pixels, at most half the short side."""
    width, height = size
    bend = min(round(radius), min(size) // 2)
    mask = Image.new("L", size, 255)
    if bend > 0:
        corner = _quarter(bend)
        flip = Image.Transpose.FLIP_LEFT_RIGHT
        for turned, top in (
            (corner, 0),
            (corner.transpose(Image.Transpose.FLIP_TOP_BOTTOM), height - bend),
        ):
            mask.paste(turned, (0, top))
            mask.paste(turned.transpose(flip), (width - bend, top))
    return mask


def dot(diameter: float, colour: Colour) -> Image.Image:
    """A smooth disc, RGBA."""
    side = max(2, round(diameter))
    return solid(rounded((side, side), side / 2), colour)


def check(side: float, colour: Colour, sign: Colour) -> Image.Image:
    """A disc with a tick in it, RGBA, ``side`` pixels wide and high; drawn four times oversampled."""
    wide = max(4, round(side))
    big = Image.new("L", (wide * 4, wide * 4))
    points = [
        (0.27 * wide * 4, 0.52 * wide * 4),
        (0.44 * wide * 4, 0.68 * wide * 4),
        (0.74 * wide * 4, 0.35 * wide * 4),
    ]
    ImageDraw.Draw(big).line(points, fill=255, width=round(wide * 0.44), joint="curve")
    tick = big.resize((wide, wide), Image.Resampling.BOX)
    disc = dot(wide, colour)
    disc.paste(sign, (0, 0), tick)
    return disc


def cover(picture: Image.Image, size: tuple[int, int], focus: tuple[float, float]) -> Image.Image:
    """Fill a canvas with a picture; what hangs over is cut off away from ``focus`` (shares). RGB."""
    scale = max(size[0] / picture.width, size[1] / picture.height)
    # Floats may come out a hair larger than the picture, which Pillow refuses.
    wide, high = min(size[0] / scale, picture.width), min(size[1] / scale, picture.height)
    left = min(max(0.0, (picture.width - wide) * focus[0]), picture.width - wide)
    top = min(max(0.0, (picture.height - high) * focus[1]), picture.height - high)
    box = (left, top, left + wide, top + high)
    source = picture if picture.mode == "RGB" else picture.convert("RGB")
    return source.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)


def shadow_contact(alpha: Image.Image, thickest: float = 40.0) -> Drawn:
    """The dark where a product stands on its ground: narrow at its foot, and a wide soft one around it.

    Args:
        alpha: the product's opacity, mode L.
        thickest: half height of the shadow at most, pixels; it must not reach the line of small print below.

    Returns:
        RGBA, placed relative to the product's top left corner; painted at a quarter of the size.
    """
    width, height = alpha.size
    foot = alpha.crop((0, int(height * 0.9), width, height)).getbbox() or (0, 0, width, 1)
    span = foot[2] - foot[0]
    thick = max(4, round(min(span * 0.055, thickest)))
    pad = max(8, round(span * 0.14))
    size = ((span + 2 * pad) // FINE + 1, (2 * thick + 2 * pad) // FINE + 1)
    wide = _ellipse(size, (span + 0.9 * pad) / FINE, thick * 0.9 / FINE, 75)
    wide = wide.filter(ImageFilter.GaussianBlur(thick * 0.55 / FINE))
    core = _ellipse(size, span * 0.94 / FINE, thick * 0.32 / FINE, 128)
    core = core.filter(ImageFilter.GaussianBlur(max(1.0, thick * 0.22 / FINE)))
    both = Image.composite(Image.new("L", size, 255), wide, core)
    whole = both.resize((size[0] * FINE, size[1] * FINE), Image.Resampling.BILINEAR)
    top = height - round(whole.height / 2) - thick // 5
    return Drawn(solid(whole, SHADE), foot[0] - pad, top)


def _ellipse(size: tuple[int, int], width: float, half: float, value: int) -> Image.Image:
    """Mask with an ellipse in its middle, ``width`` wide and twice ``half`` high."""
    mask = Image.new("L", size)
    x, y = size[0] / 2, size[1] / 2
    ImageDraw.Draw(mask).ellipse((x - width / 2, y - half, x + width / 2, y + half), fill=value)
    return mask


def shadow_soft(alpha: Image.Image, strength: float = 0.32) -> Drawn:
    """A blurred copy of a shape a little below it, as under paper; relative to its top left corner."""
    blur = max(2.0, min(alpha.size) * 0.04)
    pad = round(blur * 2.5)
    small = alpha.resize(
        (max(1, alpha.width // FINE), max(1, alpha.height // FINE)), Image.Resampling.BILINEAR
    )
    canvas = Image.new("L", (small.width + 2 * pad // FINE, small.height + 2 * pad // FINE))
    canvas.paste(small, (pad // FINE, pad // FINE))
    canvas = canvas.filter(ImageFilter.GaussianBlur(blur / FINE)).point(lambda value: round(value * strength))
    whole = canvas.resize((alpha.width + 2 * pad, alpha.height + 2 * pad), Image.Resampling.BILINEAR)
    return Drawn(solid(whole, SHADE), -pad, -pad + round(blur * 0.6))
