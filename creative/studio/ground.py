"""What lies under the texts: the background, coloured panels, and veils that make a text readable. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from creative.studio import contrast, draw
from creative.studio.contrast import Floats
from creative.studio.layout import Panel
from creative.studio.model import Colour, Palette
from creative.studio.stage import Box, Rect

DARK: Final = 0.62
"""How far a brand's primary colour is moved to black for a veil under light text."""
COARSE: Final = 8
"""A veil is painted at this fraction of the size; its edges are blurred anyway."""
MARGIN: Final = 1.06
"""A veil aims this much over the target, for rounding and the soft edges of letters."""


def paint(size: tuple[int, int], palette: Palette, seed: int) -> Image.Image:
    """A plain backdrop in the brand's colours, for a picture without a generated background. RGB."""
    width, height = size
    top = contrast.mix(palette.secondary, palette.paper, 0.55)
    bottom = contrast.mix(palette.secondary, palette.primary, 0.1)
    ramp = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR)
    picture = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)
    disc = Image.new("L", (max(1, width // COARSE), max(1, height // COARSE)))
    radius = min(disc.size) * 0.62
    x, y = disc.width * (0.3 + 0.2 * (seed % 3)), disc.height * (0.35 + 0.15 * (seed % 2))
    ImageDraw.Draw(disc).ellipse((x - radius, y - radius, x + radius, y + radius), fill=110)
    soft = disc.filter(ImageFilter.GaussianBlur(radius * 0.5)).resize(size, Image.Resampling.BILINEAR)
    picture.paste(palette.paper, (0, 0), soft)
    return picture


def panel_rect(panel: Panel, room: Rect, texts: Box, canvas: tuple[int, int], short: float) -> Rect:
    """What a panel covers: its column or, hugging, its texts, with padding; to the edge where it bleeds."""
    core = Rect(*texts) if panel.hug else room
    grown = core.grown(panel.padding * short)
    return Rect(
        0 if "left" in panel.bleed else grown.left,
        0 if "top" in panel.bleed else grown.top,
        canvas[0] if "right" in panel.bleed else grown.right,
        canvas[1] if "bottom" in panel.bleed else grown.bottom,
    )


def panel_colour(colour: Colour, palette: Palette) -> Colour:
    """A panel's colour, moved just so far that the brand's ink or its paper can be read on it."""
    moved = [
        contrast.readable(colour, on, target=contrast.TARGET * 1.02) for on in (palette.ink, palette.paper)
    ]
    return min(moved, key=lambda pair: pair[1])[0]


def panel_image(rect: Rect, colour: Colour, opacity: float, radius: float) -> draw.Drawn:
    """Paint a panel; ``radius`` in pixels."""
    left, top, right, bottom = rect.box
    mask = draw.rounded((max(1, right - left), max(1, bottom - top)), radius)
    return draw.Drawn(draw.solid(mask, colour, opacity), left, top)


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts on one ground become readable.

    Args:
        text: colour of the letters.
        cover: colour of the veil.
        opacity: of the veil, 0 when none is needed.
    """

    text: Colour
    cover: Colour
    opacity: float


def read(grounds: Sequence[Floats], palette: Palette) -> Reading:
    """Choose ink or paper for texts, and the thinnest veil with which all of them reach the target.

    Args:
        grounds: the pixels under each text, each of shape ``(n, 3)``.
        palette: the brand's; black and white take over where neither of its text colours can do it.
    """
    ways = list(_ways(palette))
    needs = [[contrast.veil(ground, text, cover) for ground in grounds] for text, cover in ways]
    best: Reading | None = None
    for (text, cover), need in zip(ways, needs, strict=True):
        if any(one is None for one in need):
            continue
        most = max((one for one in need if one is not None), default=0.0)
        if best is None or most < best.opacity - 0.02:
            best = Reading(text, cover, most)
    return best or Reading((255, 255, 255), (0, 0, 0), 1.0)


def _ways(palette: Palette) -> Iterator[tuple[Colour, Colour]]:
    """Text and veil colours in the order of liking."""
    yield palette.paper, contrast.mix(palette.primary, (0, 0, 0), DARK)
    yield palette.ink, contrast.mix(palette.secondary, (255, 255, 255), 0.6)
    yield (255, 255, 255), (0, 0, 0)
    yield (0, 0, 0), (255, 255, 255)


def veil(size: tuple[int, int], box: Box, cover: Colour, opacity: float) -> Image.Image:
    """A soft veil over an area, running out to the edges it lies near.

    Args:
        size: of the canvas.
        box: what must be covered with the full opacity.
        cover: colour.
        opacity: 0 to 1.

    Returns:
        RGBA, as large as the canvas.
    """
    wide, high = max(1, size[0] // COARSE), max(1, size[1] // COARSE)
    blur = max(1.5, min(wide, high) * 0.055)
    left, top, right, bottom = (value / COARSE for value in box)
    spread = 2.4 * blur
    reach = 0.22
    core = (
        -spread if left < reach * wide else left - spread,
        -spread if top < reach * high else top - spread,
        wide + spread if right > (1 - reach) * wide else right + spread,
        high + spread if bottom > (1 - reach) * high else bottom + spread,
    )
    pad = int(4 * blur)
    mask = Image.new("L", (wide + 2 * pad, high + 2 * pad))
    shifted = tuple(value + pad for value in core)
    radius = 3 * blur
    ImageDraw.Draw(mask).rounded_rectangle(shifted, radius=radius, fill=round(255 * opacity))
    soft = mask.filter(ImageFilter.GaussianBlur(blur)).crop((pad, pad, pad + wide, pad + high))
    return draw.solid(soft.resize(size, Image.Resampling.BICUBIC), cover)


def average(ground: Floats) -> Colour:
    """The mean colour of pixels, shape ``(n, 3)``."""
    red, green, blue = (round(float(value)) for value in np.mean(ground, axis=0))
    return red, green, blue


def tint(colour: Colour, ground: Floats, plain: Colour) -> Colour:
    """A brand colour for letters on this ground, shaded a little if need be; ``plain`` where that is not enough."""
    if contrast.worst(ground, colour) >= contrast.TARGET:
        return colour
    shaded, moved = contrast.readable(colour, average(ground), most=0.35, target=contrast.TARGET * MARGIN)
    return shaded if moved <= 0.35 and contrast.worst(ground, shaded) >= contrast.TARGET else plain
