"""Whether a text can be read on what lies beneath it, measured over the real pixels.

Relative luminance and contrast ratio after WCAG 2.2 (W3C Recommendation 2023-10-05): 1 to 21, at least 4.5
for text. A mean hides the bright corner that swallows three characters, so the tenth of the pixels where the
text reads worst decides.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from creative.studio.model import Colour

TARGET: Final = 4.5
"""WCAG 2.2, success criterion 1.4.3. Asked for large texts too, although 3 would do for them."""
WORST: Final = 10
"""Percentile of the pixels that decides."""
SAMPLE: Final = 96
"""Longest side to which an area is reduced before it is measured, pixels."""

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]


def _linear() -> Floats:
    share = np.arange(256, dtype=np.float64) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR: Final = _linear()
"""Linear light of each of the 256 values of a channel; looking them up is ten times faster than the power."""


def luminance(pixels: NDArray[np.uint8] | Floats) -> Floats:
    """Relative luminance of sRGB pixels, shape ``(…, 3)``, values 0-255; gives shape ``(…)``, 0 to 1."""
    linear = _LINEAR[np.asarray(pixels + np.float32(0.5)).astype(np.uint8)]
    light: Floats = linear @ np.array((0.2126, 0.7152, 0.0722), dtype=np.float32)
    return light


def ratio(one: Colour, other: Colour) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    first, second = sorted(float(luminance(np.array(c, dtype=np.float32))) for c in (one, other))
    return (second + 0.05) / (first + 0.05)


def sample(picture: Image.Image, box: Box) -> Floats:
    """The pixels of an area of an RGB picture, reduced, shape ``(n, 3)``; the box is cut to the picture."""
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(picture.width, box[2]), min(picture.height, box[3])
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    factor = max(1, max(right - left, bottom - top) // SAMPLE)
    small = picture.crop((left, top, right, bottom)).reduce(factor).convert("RGB")
    return np.asarray(small, dtype=np.float32).reshape(-1, 3)


def worst(pixels: Floats, colour: Colour) -> float:
    """Contrast ratio a text of this colour reaches on nine tenths of the pixels, shape ``(n, 3)``."""
    ground = luminance(pixels)
    text = float(luminance(np.array(colour, dtype=np.float32)))
    ratios = (np.maximum(ground, text) + 0.05) / (np.minimum(ground, text) + 0.05)
    rank = len(ratios) * WORST // 100
    return float(np.partition(ratios, rank)[rank])


def measure(picture: Image.Image, box: Box, colour: Colour) -> float:
    """The same for an area of a picture; ``box`` is left, top, right, bottom in pixels."""
    return worst(sample(picture, box), colour)


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """``share`` (0 to 1) of the other colour over the first, in sRGB."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def veil(pixels: Floats, text: Colour, cover: Colour, target: float = TARGET) -> float | None:
    """How opaque a veil of colour ``cover`` must be for the text to reach ``target``; None if never enough.

    Returns:
        0 (none needed) to 1, the least in steps of 1/32.
    """
    over = np.array(cover, dtype=np.float32)

    def enough(step: int) -> bool:
        return worst(pixels + (over - pixels) * np.float32(step / 32), text) >= target

    if not enough(32):
        return None
    low, high = -1, 32
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high / 32


def readable(
    colour: Colour, on: Colour, *, most: float = 1.0, target: float = TARGET
) -> tuple[Colour, float]:
    """A colour moved towards black or white until it stands out from ``on``.

    Returns:
        The nearest such colour and how far it was moved (0 to 1), looking no further than ``most``; beyond
        that the colour as it is, with infinity.
    """
    for step in range(round(most * 40) + 1):
        for end in ((0, 0, 0), (255, 255, 255)):
            moved = mix(colour, end, step / 40)
            if ratio(moved, on) >= target:
                return moved, step / 40
    return colour, float("inf")
