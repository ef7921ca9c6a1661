"""What every painted scene stands on: a field of coordinates, colours, noise, soft edges, light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Colours:
    """Three tones from dark to light and an accent; each three numbers from 0 to 1."""

    dark: Array
    mid: Array
    light: Array
    accent: Array

    def parts(self) -> tuple[Array, Array, Array, Array]:
        """The four in their order."""
        return self.dark, self.mid, self.light, self.accent

    def ramp(self, t: Array) -> Array:
        """A colour for each number: 0 dark, 0.5 mid, 1 light. Shape (…, 3)."""
        low = mix(self.dark, self.mid, np.clip(t * 2, 0, 1))
        return mix(low, self.light, np.clip(t * 2 - 1, 0, 1))


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where a scene is drawn. ``x`` and ``y`` run from 0 at the left and top; both in heights of the picture.

    ``wide`` is its width in heights, ``dice`` the randomness of this picture.
    """

    x: Array
    y: Array
    wide: float
    dice: np.random.Generator
    colours: Colours

    @classmethod
    def of(cls, width: int, height: int, dice: np.random.Generator, colours: Colours) -> Canvas:
        """A canvas of so many pixels."""
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(height)
        return cls(x, y, width / height, dice, colours)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.x.shape[0], self.x.shape[1]

    @property
    def pixel(self) -> float:
        """The side of a pixel in heights."""
        return 1 / self.shape[0]

    def between(self, low: float, high: float) -> float:
        """A random number."""
        return float(self.dice.uniform(low, high))

    def plain(self, colour: Array) -> Array:
        """The whole field in one colour."""
        return np.broadcast_to(colour, (*self.shape, 3)).astype(np.float32)

    def glow(self, x: float, y: float, radius: float) -> Array:
        """A round light: 1 in the middle, fading out to the radius and beyond."""
        return np.exp(-((self.x - x) ** 2 + (self.y - y) ** 2) / np.float32(radius * radius))


def rgb(text: str) -> Array:
    """``#rrggbb`` as numbers."""
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255


def mix(a: Array, b: Array, t: Array | float) -> Array:
    """Between two colours or pictures; ``t`` one number a pixel."""
    weight = np.asarray(t, np.float32)[..., None]
    return np.asarray(a + (b - a) * weight, np.float32)


def step(low: float, high: float, value: Array) -> Array:
    """0 below ``low``, 1 above ``high``, soft between them; falling when ``low`` is the larger."""
    t = np.clip((value - low) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def noise(dice: np.random.Generator, shape: tuple[int, int], cells: float, octaves: int = 4) -> Array:
    """Cloudy noise from 0 to 1; ``cells`` lumps from top to bottom in the coarsest of the octaves."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    weight, sum_of_weights = 1.0, 0.0
    for _ in range(octaves):
        rows, columns = max(2, round(cells)), max(2, round(cells * width / height))
        lumps = Image.fromarray(dice.random((rows + 1, columns + 1), dtype=np.float32))
        total += weight * np.asarray(lumps.resize((width, height), Image.Resampling.BICUBIC))
        sum_of_weights += weight
        weight, cells = weight / 2, cells * 2
    return np.asarray(np.clip(total / np.float32(sum_of_weights), 0, 1), np.float32)


def ridge(c: Canvas, waves: float, octaves: int = 5) -> Array:
    """A wavy line from 0 to 1, one number a column; ``waves`` large ones in the width of a height."""
    columns = c.shape[1]
    at = np.linspace(0, 1, columns, dtype=np.float32)
    total = np.zeros(columns, np.float32)
    for octave in range(octaves):
        count = max(2, round(waves * c.wide * 2**octave))
        heights = c.dice.random(count + 2, dtype=np.float32)
        place = at * count
        low = place.astype(int)
        part = place - low
        part = part * part * (3 - 2 * part)
        total += (heights[low] * (1 - part) + heights[low + 1] * part) / np.float32(2 ** (octave + 1))
    return np.asarray(np.clip(total, 0, 1), np.float32)[None, :]


def soften(field: Array, times: int) -> Array:
    """A blurred field: made so many times smaller and large again."""
    height, width = field.shape[:2]
    small = (max(2, width // times), max(2, height // times))
    bands = field[..., None] if field.ndim == 2 else field
    blurred = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(bands[..., band], np.float32))
            .resize(small, Image.Resampling.BOX)
            .resize((width, height), Image.Resampling.BICUBIC)
        )
        for band in range(bands.shape[2])
    ]
    return blurred[0] if field.ndim == 2 else np.stack(blurred, axis=-1)


def screen(below: Array, light: Array) -> Array:
    """Lay light over a picture, as two projectors do."""
    return np.asarray(1 - (1 - np.clip(below, 0, 1)) * (1 - np.clip(light, 0, 1)), np.float32)
