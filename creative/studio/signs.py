"""Who made it: the brand's logo or wordmark, and the visible label of generated pictures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from PIL import Image

from creative.studio import contrast, draw
from creative.studio.layout import Align, Corner
from creative.studio.model import Colour, LiveText, Look, TextLine
from creative.studio.stage import Box, Rect, overlap
from creative.studio.typeset import Block, Setting, fit

MARK_SHARE: Final = 0.05
"""Height of the letters of the visible label as a share of the short side (GB 45438-2025, second-hand from
several agreeing sources, 2026-11). Measured on what is drawn of the whole text, not on the font's size."""
MARK_OPACITY: Final = 0.88
"""Our choice; at least 0.7 so that the label stays legible."""
CLEAR: Final = 0.5
"""Room kept free under a logo, shares of its height."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A drawn sign with what it was set from (None for pictures) and its colour."""

    drawn: draw.Drawn
    live: LiveText | None


def logo_size(look: Look, height: float, widest: float) -> tuple[float, float]:
    """Width and height of the brand's logo in pixels, at most ``height`` high and ``widest`` wide.

    A logo nearer to a square is set up to 1.6 times higher, so that brands look equally large.
    """
    if look.logo is None:
        block = _wordmark(look.brand, height, widest)
        return (block.width, block.height) if block else (0.0, 0.0)
    ratio = look.logo.width / look.logo.height
    high = height * min(1.6, max(1.0, (3.0 / ratio) ** 0.5))
    scale = min(high / look.logo.height, widest / look.logo.width)
    return look.logo.width * scale, look.logo.height * scale


def _wordmark(brand: str, height: float, widest: float) -> Block | None:
    if not brand.strip():
        return None
    setting = Setting(weight=900, leading=1.0, most=1)
    largest = max(8.0, height * 0.82)
    return fit(brand, setting, width=widest, height=height * 2, smallest=6.0, largest=largest)


def logo(look: Look, spot: Rect, plain: Colour, widest: float) -> Sign | None:
    """Draw the logo, in the variant that stands out from what lies beneath; a wordmark where there is none.

    Args:
        look: the brand's.
        spot: where it goes, as large as ``logo_size`` says.
        plain: the colour letters have there; a dark one means a light ground.
        widest: as given to ``logo_size``, pixels.
    """
    if spot.width < 1:
        return None
    if look.logo is not None:
        on_light = contrast.ratio(plain, (255, 255, 255)) > contrast.ratio(plain, (0, 0, 0))
        chosen = look.logo_dark if look.logo_dark is not None and on_light else look.logo
        size = (max(1, round(spot.width)), max(1, round(spot.height)))
        image = chosen.convert("RGBA").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        return Sign(draw.Drawn(image, round(spot.left), round(spot.top)), None)
    block = _wordmark(look.brand, spot.height / 0.82, widest)
    if block is None:
        return None
    ink = draw.Ink(plain, plain)
    drawn = draw.text(block, spot.left, spot.top, block.width, "left", ink)
    return Sign(drawn, live(block, spot.left, spot.top, block.width, "left", ink))


def live(block: Block, left: float, top: float, width: float, align: Align, ink: draw.Ink) -> LiveText:
    """What a drawing program needs to set the text again."""
    lines = tuple(
        TextLine(line.text, left + draw.line_left(line, block, width, align), top + line.baseline)
        for line in block.lines
    )
    stroke = (ink.stroke, ink.outline) if ink.stroke else None
    return LiveText(lines, block.size, block.setting.weight, ink.text, stroke)


@lru_cache(maxsize=64)
def mark_block(text: str, short: int) -> Block:
    """Set the label so large that its letters are drawn at least 5 % of the short side high."""
    wanted = MARK_SHARE * short
    size = wanted
    while True:
        setting = Setting(weight=400, leading=1.0, most=1)
        block = fit(text, setting, width=1e6, height=1e6, smallest=size, largest=size)
        if letter_height(block) >= wanted:
            return block
        size += max(0.25, (wanted - letter_height(block)) * 0.5)


def letter_height(block: Block) -> int:
    """Height in pixels of what is drawn of a one-line text, without outline."""
    box = draw.letters(block, 0, 0, block.width, "left")[0].point(lambda value: 255 * (value > 208)).getbbox()
    return box[3] - box[1] if box else 0


def mark(block: Block, spot: Rect, ground: Image.Image, colours: tuple[Colour, Colour]) -> Sign:
    """Draw the label: light or dark (``colours``), whichever reads better, thinly outlined in the other."""
    pixels = contrast.sample(ground, spot.box)
    light, dark = colours
    fill, edge = (
        (light, dark) if contrast.worst(pixels, light) >= contrast.worst(pixels, dark) else (dark, light)
    )
    edge = contrast.mix(edge, fill, 0.3)
    ink = draw.Ink(fill, fill, stroke=max(1, round(block.size / 40)), outline=edge, shadow=0.5)
    drawn = draw.text(block, spot.left, spot.top, block.width, "left", ink)
    faded = drawn.image.copy()
    faded.putalpha(drawn.image.getchannel("A").point(lambda value: round(value * MARK_OPACITY)))
    live_text = live(block, spot.left, spot.top, block.width, "left", ink)
    return Sign(draw.Drawn(faded, drawn.left, drawn.top), live_text)


def mark_spot(size: tuple[float, float], room: Rect, corner: Corner, taken: Sequence[Box]) -> Rect | None:
    """A corner that is free, the wished one first; None when all are taken."""
    corners: tuple[Corner, ...] = (corner, "bottom_right", "bottom_left", "top_right", "top_left")
    for one in corners:
        left = room.left if one.endswith("left") else room.right - size[0]
        top = room.top if one.startswith("top") else room.bottom - size[1]
        spot = Rect(left, top, left + size[0], top + size[1])
        if not any(overlap(spot.grown(2).box, box) for box in taken):
            return spot
    return None
