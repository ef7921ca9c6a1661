"""What backdrops are painted on: soft light at a quarter of the size, crisp shapes at full size. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from creative.studio.model import Colour, Palette

COARSE = 4
"""Soft light is computed on every fourth pixel; between them it is a straight line to the eye."""
_TILE = 256

if TYPE_CHECKING:
    Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Scheme:
    """The colours of one backdrop, each RGB from 0 to 255 as floats, shape (3,)."""

    base: NDArray[np.float32]
    light: NDArray[np.float32]
    mid: NDArray[np.float32]
    deep: NDArray[np.float32]
    accent: NDArray[np.float32]


def scheme(palette: Palette, chance: np.random.Generator) -> Scheme:
    """Shades of one brand colour and a little of the accent: two strong colours mixed would be mud.

    Args:
        palette: the brand's.
        chance: decides which colour leads, and whether the picture is pale, middling or dark.
    """
    white, black = _floats((255, 255, 255)), _floats((0, 0, 0))
    primary, secondary, accent = (_floats(c) for c in (palette.primary, palette.secondary, palette.accent))
    # What leads, what it stands on: secondary as it is, primary in full, a pale tint of primary or of accent.
    lead, base, spot = (
        (primary, secondary, accent),
        (primary, primary, accent),
        (primary, mixed(primary, white, 0.82), accent),
        (accent, mixed(accent, white, 0.82), primary),
    )[int(chance.integers(4))]
    dark = float(base @ (0.2126, 0.7152, 0.0722)) < 110
    shade = mixed(lead, black, 0.55)
    return Scheme(
        base=base,
        light=mixed(base, white, 0.26 if dark else 0.72),
        mid=mixed(base, white, 0.12) if dark else mixed(base, lead, 0.22),
        deep=mixed(base, shade, 0.5 if dark else 0.28),
        accent=mixed(spot, base, 0.25 if dark else 0.35),
    )


def mixed(one: NDArray[np.float32], other: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """One colour with a share of another."""
    return np.asarray(one * (1 - share) + other * share, np.float32)


def step(values: Values, low: float, high: float) -> NDArray[np.float32]:
    """0 below ``low``, 1 above ``high``, a smooth S between them."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def tileable(chance: np.random.Generator, blur: float) -> NDArray[np.float32]:
    """Grain of mean 0 and deviation 1 on 256 × 256 pixels, whose edges fit each other.

    Args:
        chance: its source.
        blur: size of a grain in pixels.
    """
    turns = np.fft.fftfreq(_TILE)
    lens = np.exp(-2 * (np.pi * blur) ** 2 * (turns[:, None] ** 2 + turns[None, :] ** 2))
    grain = np.fft.ifft2(np.fft.fft2(chance.standard_normal((_TILE, _TILE))) * lens).real
    return np.asarray((grain - grain.mean()) / grain.std(), np.float32)


@dataclass(slots=True)
class Canvas:
    """A picture in the making.

    Args:
        size: pixels, width and height.
        x, y: of each coarse pixel, in short sides from the middle; y grows downwards.
        right, bottom: x and y of the edges.
        soft: colours at coarse pixels, shape (rows, columns, 3), 0 to 255.
    """

    size: tuple[int, int]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    right: float
    bottom: float
    soft: NDArray[np.float32]
    _shapes: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | float]] = field(
        default_factory=list
    )
    _grain: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, size: tuple[int, int]) -> Canvas:
        """An empty canvas."""
        width, height = size
        columns, rows = (-(-side // COARSE) for side in size)
        short = min(size)
        # The middle of a coarse pixel lies between the second and the third of its four.
        across = ((np.arange(columns) + 0.5) * COARSE - width / 2) / short
        down = ((np.arange(rows) + 0.5) * COARSE - height / 2) / short
        y, x = np.meshgrid(down.astype(np.float32), across.astype(np.float32), indexing="ij")
        return cls(
            size, x, y, width / short / 2, height / short / 2, np.zeros((rows, columns, 3), np.float32)
        )

    def fill(self, colour: NDArray[np.float32]) -> None:
        """One colour everywhere."""
        self.soft[:] = colour

    def blend(self, colour: NDArray[np.float32], share: Values) -> None:
        """Lay a colour over what is there; ``share`` is how much of it at each coarse pixel, 0 to 1."""
        self.soft += (colour - self.soft) * np.asarray(share, np.float32)[..., None]

    def shape(self, inside: Values, colour: NDArray[np.float32], share: Values | float) -> None:
        """Lay a shape with a crisp edge over everything soft.

        Args:
            inside: distance from the edge at coarse pixels, in short sides, positive inside.
            colour: of the shape.
            share: how much it covers.
        """
        part = share if isinstance(share, float) else np.asarray(share, np.float32)
        self._shapes.append((np.asarray(inside, np.float32), colour, part))

    def grain(self, tile: NDArray[np.float32], strength: float) -> None:
        """Add grain to the finished picture; ``strength`` is its deviation in levels of 255."""
        self._grain = tile * np.float32(strength)

    def image(self, chance: np.random.Generator) -> Image.Image:
        """The picture at full size, in whole levels, each rounded at random so that no bands are seen."""
        full = _wide(self.soft)
        _tiled(full, chance.random((_TILE, _TILE, 3), np.float32))
        image = Image.fromarray(np.clip(full, 0, 255, out=full).astype(np.uint8))
        for inside, colour, share in self._shapes:
            self._paste(image, inside, colour, share)
        if self._grain is not None:
            image = _grained(image, self._grain)
        return image.crop((0, 0, *self.size))

    def _paste(
        self,
        image: Image.Image,
        inside: NDArray[np.float32],
        colour: NDArray[np.float32],
        share: NDArray[np.float32] | float,
    ) -> None:
        """Paint a shape where it is; most of them are small."""
        short = np.float32(min(self.size))
        rows, columns = np.nonzero(inside * short > -2 * COARSE)
        if not rows.size:
            return
        top, left = max(int(rows.min()) - 1, 0), max(int(columns.min()) - 1, 0)
        part = np.s_[top : int(rows.max()) + 2, left : int(columns.max()) + 2]
        edge = _wide(inside[part]) * short + np.float32(0.5)
        np.clip(edge, 0, 1, out=edge)
        edge *= np.float32(255) * (share if isinstance(share, float) else _wide(share[part]))
        red, green, blue = (round(float(level)) for level in colour)
        mask = Image.fromarray(edge.astype(np.uint8))
        image.paste((red, green, blue), (left * COARSE, top * COARSE), mask)


def _wide(coarse: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every coarse pixel as four by four; a cut-out of a picture gives the cut-out of the wide picture."""
    import cv2  # noqa: PLC0415 - 60 MB that only painters need

    size = coarse.shape[1] * COARSE, coarse.shape[0] * COARSE
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _grained(image: Image.Image, grain: NDArray[np.float32]) -> Image.Image:
    import cv2  # noqa: PLC0415

    levels = np.asarray(image).copy()
    tile = np.repeat(np.rint(grain).astype(np.int16)[..., None], 3, axis=2)
    for top in range(0, levels.shape[0], _TILE):
        for left in range(0, levels.shape[1], _TILE):
            part = levels[top : top + _TILE, left : left + _TILE]
            part[:] = cv2.add(part, tile[: part.shape[0], : part.shape[1]], dtype=cv2.CV_8U)
    return Image.fromarray(levels)


def _tiled(levels: NDArray[Any], tile: NDArray[Any]) -> None:
    """Add a tile everywhere, in place."""
    height, width = levels.shape[:2]
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            part = levels[top : top + _TILE, left : left + _TILE]
            part += tile[: part.shape[0], : part.shape[1]]


def _floats(colour: Colour) -> NDArray[np.float32]:
    return np.asarray(colour, np.float32)
