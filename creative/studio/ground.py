"""What lies under the texts: the background, coloured panels, and veils that make a text readable. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from creative.studio import contrast, draw
from creative.studio.contrast import Floats
from creative.studio.layout import Panel
from creative.studio.model import Colour, Palette
from creative.studio.stage import Box, Rect

WHITE: Final[Colour] = (255, 255, 255)
DARK: Final = 0.62
"""How far a brand's primary colour is moved to black for a veil under light text."""
COARSE: Final = 8
"""A veil is painted at this fraction of the size; its edges are blurred anyway."""
BLUR: Final = 0.035
"""Blur of the ground under a veil, share of the short side."""
NEAR: Final = 0.24
"""A veil runs to an edge nearer than this share of the side."""
RESTLESS: Final = 17.0
"""Standard deviation of the grey values under a text beyond which it needs calm (by eye, 2026-11)."""
AIM: Final = contrast.TARGET * 1.14
"""What a veil is made for: more than the target, because a shadow or another veil may yet fall on it."""


def panel_rect(panel: Panel, room: Rect, texts: Box, canvas: tuple[int, int], short: float) -> Rect:
    """What a panel covers: its column or, hugging, its texts, with padding; to the edge where it bleeds."""
    core = Rect(*texts) if panel.hug else room
    grown = core.grown(panel.padding * short)
    over = panel.radius * short  # rounded corners lie outside where it bleeds
    return Rect(
        -over if "left" in panel.bleed else grown.left,
        -over if "top" in panel.bleed else grown.top,
        canvas[0] + over if "right" in panel.bleed else grown.right,
        canvas[1] + over if "bottom" in panel.bleed else grown.bottom,
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


def read(grounds: Sequence[Floats], palette: Palette, *, target: float = contrast.TARGET) -> Reading:
    """Choose ink or paper for texts, and the thinnest veil with which all of them reach the target.

    Args:
        grounds: the pixels under each text, each of shape ``(n, 3)``.
        palette: the brand's; black and white take over where neither of its text colours can do it.
        target: contrast ratio.
    """
    dark, light = contrast.mix(palette.primary, (0, 0, 0), DARK), contrast.mix(palette.secondary, WHITE, 0.6)
    found = [
        reading
        for reading in (
            _reading(grounds, palette.paper, dark, target),
            _reading(grounds, palette.ink, light, target),
        )
        if reading is not None
    ]
    if found:
        return min(found, key=lambda reading: reading.opacity)
    return _reading(grounds, WHITE, (0, 0, 0), target) or Reading((0, 0, 0), WHITE, 1.0)


def _reading(grounds: Sequence[Floats], text: Colour, cover: Colour, target: float) -> Reading | None:
    """The thinnest veil of a colour under which a text colour reads on all grounds; None if there is none."""
    most = 0.0
    for pixels in grounds:
        need = contrast.veil(pixels, text, cover, target)
        if need is None:
            return None
        most = max(most, need)
    return Reading(text, cover, most)


def restless(pixels: Floats) -> bool:
    """Whether a ground, shape ``(n, 3)``, is too patterned to read on, whatever its contrast."""
    return float(np.std(pixels.mean(axis=1))) > RESTLESS


class Soft:
    """A picture out of focus, for the veil: texts stand on it as before a lens with little depth.

    Args:
        picture: the ground, RGB; kept at ``COARSE`` scale, blurred.
    """

    def __init__(self, picture: Image.Image) -> None:
        small = picture.reduce(COARSE)
        self.size = picture.size
        self.blurred = small.filter(ImageFilter.GaussianBlur(max(1.0, min(small.size) * BLUR)))

    def sample(self, box: Box) -> Floats:
        """As ``contrast.sample``, ``box`` in pixels of the picture."""
        left, top, right, bottom = (value // COARSE for value in box)
        return contrast.sample(self.blurred, (left, top, right + 1, bottom + 1))

    def veil(self, box: Box, reading: Reading) -> Image.Image:
        """The blurred ground with the veil's colour over it, fading out around an area.

        Args:
            box: what texts cover, pixels of the picture; near an edge the veil runs out to it.
            reading: colour and opacity, from ``read`` over this very ground.

        Returns:
            RGBA, as large as the picture.
        """
        soft = self.blurred
        tinted = Image.blend(soft, Image.new("RGB", soft.size, reading.cover), reading.opacity)
        whole = tinted.resize(self.size, Image.Resampling.BICUBIC)
        whole.putalpha(_fading(soft.size, box).resize(self.size, Image.Resampling.BICUBIC))
        return whole


def _fading(size: tuple[int, int], box: Box) -> Image.Image:
    """Mask at ``COARSE`` scale: white over ``box``, black far from it, white up to an edge it lies near."""
    wide, high = size
    blur = max(1.5, min(size) * 0.06)
    spread, pad = 2.2 * blur, int(5 * blur)
    left, top, right, bottom = (value / COARSE for value in box)
    core = (
        -pad if left < NEAR * wide else left - spread,
        -pad if top < NEAR * high else top - spread,
        wide + pad if right > (1 - NEAR) * wide else right + spread,
        high + pad if bottom > (1 - NEAR) * high else bottom + spread,
    )
    mask = Image.new("L", (wide + 2 * pad, high + 2 * pad))
    ImageDraw.Draw(mask).rounded_rectangle([value + pad for value in core], radius=2 * blur, fill=255)
    return mask.filter(ImageFilter.GaussianBlur(blur)).crop((pad, pad, pad + wide, pad + high))


def average(ground: Floats) -> Colour:
    """The mean colour of pixels, shape ``(n, 3)``."""
    red, green, blue = (round(float(value)) for value in np.mean(ground, axis=0))
    return red, green, blue


def tint(colour: Colour, ground: Floats, plain: Colour) -> Colour:
    """A brand colour for letters on this ground, shaded a little if need be; else ``plain``."""
    if contrast.worst(ground, colour) >= contrast.TARGET:
        return colour
    shaded, moved = contrast.readable(colour, average(ground), most=0.35, target=AIM)
    return shaded if moved <= 0.35 and contrast.worst(ground, shaded) >= contrast.TARGET else plain


def pushed(colour: Colour, ground: Floats) -> Colour:
    """A text colour made darker or lighter, whichever it is, as far as a shadow on its ground asks for."""
    end = WHITE if contrast.ratio(colour, (0, 0, 0)) > contrast.ratio(colour, WHITE) else (0, 0, 0)
    steps = (contrast.mix(colour, end, step / 8) for step in range(9))
    return next((one for one in steps if contrast.worst(ground, one) >= contrast.TARGET), colour)
