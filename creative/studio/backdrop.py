"""Backgrounds painted here from the brand's colours: no model, no money, the same for the same seed. Pure.

They stand in where a generated background is missing (a call of unknown outcome, no budget, no network) and
must look meant: light and few shapes, with a calm middle where the product stands.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from creative.studio.backdrop_canvas import Canvas, Scheme, scheme, step, tileable

if TYPE_CHECKING:
    from PIL import Image

    from creative.studio.model import Palette


class Family(StrEnum):
    """What a backdrop shows."""

    STUDIO = "studio"
    """A wall with a pool of light, and a floor."""
    HALO = "halo"
    """A large disc behind the product, with a fine ring."""
    ARCS = "arcs"
    """Broad bows of light from a corner."""
    WAVES = "waves"
    """Hills of paper at the lower edge."""
    AURORA = "aurora"
    """Clouds of colour that run into one another."""
    WINDOW = "window"
    """Sunlight that falls through a window's bars."""
    PAPER = "paper"
    """Grained paper, with a second sheet across a corner."""


def paint_backdrop(
    size: tuple[int, int], palette: Palette, seed: int, family: Family | None = None
) -> Image.Image:
    """Paint a background.

    Args:
        size: pixels, width and height.
        palette: the brand's colours; the seed chooses which of them leads and whether it is light or dark.
        seed: any number; the same gives the same picture on every machine.
        family: what it shows; None lets the seed choose.

    Returns:
        RGB. Steps of brightness are dithered, so that no bands are seen.
        1080 × 1920 takes 40 to 150 ms of CPU on a busy machine (measured 2026-11).

    Raises:
        ValueError: a side is less than one pixel.
    """
    if min(size) < 1:
        raise ValueError(f"A backdrop of {size[0]}×{size[1]} pixels cannot be painted; give it at least 1×1.")
    chance = np.random.default_rng(seed % 2**63)
    drawn = list(Family)[int(chance.integers(len(Family)))]
    canvas = Canvas.of(size)
    colours = scheme(palette, chance)
    _PAINTERS[family or drawn](canvas, colours, chance)
    return canvas.image(chance)


def _studio(canvas: Canvas, colours: Scheme, chance: np.random.Generator) -> None:
    """The floor begins at two thirds, in a curve as of hung paper: no hard line behind the product."""
    x, y = canvas.x, canvas.y
    side = float(chance.choice([-1, 1]))
    horizon = canvas.bottom * 0.62
    canvas.fill(colours.base)
    canvas.blend(colours.deep, 0.55 * step(np.hypot(x * 0.9, y + 0.1), 0.35, 1.25))
    canvas.blend(colours.light, 0.9 * np.exp(-(((x - 0.18 * side) / 0.62) ** 2) - ((y + 0.16) / 0.66) ** 2))
    floor = step(y, horizon - 0.05, horizon + 0.05)
    canvas.blend(colours.light, 0.5 * floor * np.exp(-((x / 0.75) ** 2)))
    canvas.blend(colours.deep, 0.20 * np.exp(-(((y - horizon) / 0.055) ** 2)))
    canvas.blend(colours.deep, 0.35 * step(y, horizon + 0.1, canvas.bottom + 0.25))
    canvas.blend(colours.accent, 0.10 * np.exp(-(((x + 0.6 * side) / 0.4) ** 2) - ((y + 0.5) / 0.6) ** 2))


def _halo(canvas: Canvas, colours: Scheme, chance: np.random.Generator) -> None:
    x, y = canvas.x, canvas.y
    side = float(chance.choice([-1, 1]))
    canvas.fill(colours.base)
    canvas.blend(colours.light, 0.55 * step(-y - 0.3 * side * x, -canvas.bottom, canvas.bottom))
    canvas.blend(colours.deep, 0.25 * step(y + 0.3 * side * x, -0.1, canvas.bottom * 1.4))
    from_middle = np.hypot(x, y + 0.02)
    canvas.blend(colours.deep, 0.22 * np.exp(-(((np.hypot(x, y - 0.03) - 0.43) / 0.07) ** 2)))
    disc = 0.75 * (0.72 + 0.28 * step(-y, -0.45, 0.45))
    canvas.shape(0.43 - from_middle, colours.light, disc)
    ring = 0.0022 - np.abs(np.hypot(x - 0.05 * side, y + 0.07) - 0.475)
    canvas.shape(ring, colours.accent, 0.55)
    for _ in range(2):
        angle, far = float(chance.uniform(-0.9, 0.9)), float(chance.uniform(0.5, 0.56))
        spot = np.hypot(x - side * far * np.cos(angle), y - far * np.sin(angle))
        canvas.shape(float(chance.uniform(0.018, 0.04)) - spot, colours.accent, 0.8)


def _arcs(canvas: Canvas, colours: Scheme, chance: np.random.Generator) -> None:
    x, y = canvas.x, canvas.y
    side, up = float(chance.choice([-1, 1])), float(chance.choice([-1, 1]))
    corner = np.hypot(x - side * canvas.right, y - up * canvas.bottom)
    reach = float(np.hypot(canvas.right, canvas.bottom))
    canvas.fill(colours.base)
    canvas.blend(colours.light, 0.7 * step(corner, 0.3 * reach, 1.5 * reach))
    canvas.blend(colours.deep, 0.25 * step(-corner, -0.55 * reach, 0.0))
    for share, strength in ((0.78, 0.16), (0.60, 0.24), (0.40, 0.34), (0.20, 0.48)):
        radius = reach * share * float(chance.uniform(0.96, 1.04))
        canvas.blend(colours.deep, 0.16 * strength * np.exp(-(((corner - radius) / 0.05) ** 2)))
        canvas.shape(radius - corner, colours.light if share != 0.20 else colours.accent, strength)


def _waves(canvas: Canvas, colours: Scheme, chance: np.random.Generator) -> None:
    x, y = canvas.x, canvas.y
    canvas.fill(colours.base)
    canvas.blend(colours.light, 0.85 * np.exp(-((x / 0.8) ** 2) - ((y + 0.15) / 0.85) ** 2))
    tones = (colours.mid, colours.deep, colours.accent)
    for number, colour in enumerate(tones):
        level = canvas.bottom * (0.52 + 0.17 * number)
        phase, pitch = float(chance.uniform(0, 6.28)), float(chance.uniform(2.2, 3.6))
        crest = level + 0.055 * np.sin(pitch * x + phase) + 0.025 * np.sin(2.3 * pitch * x + 2 * phase)
        canvas.blend(colours.deep, 0.25 * np.exp(-np.maximum(crest - y, 0) / 0.045) * (y < crest + 0.02))
        canvas.shape((y - crest) * 0.98, colour, 0.55 + 0.12 * number)


def _aurora(canvas: Canvas, colours: Scheme, chance: np.random.Generator) -> None:
    """Colours stay near the edges; the middle is one soft light."""
    x, y = canvas.x, canvas.y
    canvas.fill(colours.base)
    tones = (colours.deep, colours.accent, colours.mid, colours.light, colours.deep, colours.mid)
    start = float(chance.uniform(0, 6.28))
    for number, colour in enumerate(tones):
        angle = start + number * 6.28 / len(tones) + float(chance.uniform(-0.3, 0.3))
        at = canvas.right * 0.95 * np.cos(angle), canvas.bottom * 0.95 * np.sin(angle)
        wide = float(chance.uniform(0.38, 0.62))
        near = np.exp(-(((x - at[0]) / wide) ** 2) - ((y - at[1]) / (wide * 1.15)) ** 2)
        canvas.blend(colour, (0.5 if number == 1 else 0.75) * near)
    canvas.blend(colours.light, 0.5 * np.exp(-((x / 0.45) ** 2) - (y / 0.6) ** 2))


def _window(canvas: Canvas, colours: Scheme, chance: np.random.Generator) -> None:
    """Slanted panes of light; the bars are soft, as the sun is no point."""
    side = float(chance.choice([-1, 1]))
    slant = float(chance.uniform(0.35, 0.6))
    x, y = canvas.x * side, canvas.y
    canvas.fill(colours.base)
    canvas.blend(colours.deep, 0.45 * step(x * 0.6 + y, -0.6, 1.3))
    across, along = x + slant * y + 0.05, y - 0.25 * x
    glow = np.zeros_like(x)
    for pane in (-1, 0, 1):
        middle = 0.36 * pane
        glow += step(0.155 - np.abs(across - middle), -0.012, 0.022) * (1 - 0.12 * abs(pane))
    bars = step(np.abs((along * 1.7 + 0.5) % 1 - 0.5), 0.018, 0.05)
    fade = step(-np.abs(y) + canvas.bottom * 1.05, 0.0, canvas.bottom * 0.9)
    canvas.blend(colours.light, 0.5 * glow * bars * fade)
    canvas.blend(colours.light, 0.3 * np.exp(-((x / 0.6) ** 2) - (y / 0.7) ** 2))
    canvas.grain(tileable(chance, 1.0), 1.2)


def _paper(canvas: Canvas, colours: Scheme, chance: np.random.Generator) -> None:
    x, y = canvas.x, canvas.y
    side = float(chance.choice([-1, 1]))
    canvas.fill(colours.base)
    canvas.blend(colours.light, 0.6 * np.exp(-((x / 0.7) ** 2) - ((y + 0.1) / 0.8) ** 2))
    canvas.blend(colours.deep, 0.18 * step(np.hypot(x, y), 0.45, 1.3))
    for number, colour in enumerate((colours.mid, colours.accent)):
        angle = float(chance.uniform(0.55, 0.85))
        edge = side * x * np.cos(angle) + y * np.sin(angle)
        corner = canvas.right * np.cos(angle) + canvas.bottom * np.sin(angle)
        edge = edge - (corner - (0.42, 0.17)[number])
        canvas.blend(colours.deep, 0.4 * np.exp(np.minimum(edge, 0) / 0.03) * (edge < 0.01))
        canvas.shape(edge, colour, 0.9)
    canvas.grain(tileable(chance, 2.2) + 0.6 * tileable(chance, 0.7), 1.6)


_PAINTERS: dict[Family, Callable[[Canvas, Scheme, np.random.Generator], None]] = {
    Family.STUDIO: _studio, Family.HALO: _halo, Family.ARCS: _arcs, Family.WAVES: _waves,
    Family.AURORA: _aurora, Family.WINDOW: _window, Family.PAPER: _paper,
}  # fmt: skip
