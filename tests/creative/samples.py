"""Copies, looks and grounds that tests of the studio share."""

from __future__ import annotations

from PIL import Image

from creative.studio import gallery_art as art
from creative.studio.gallery import CLOUD, CREAM, LONG, MIXED, SERUM, SERUM_COPY
from creative.studio.model import Product

__all__ = ["CLOUD", "CREAM", "LONG", "MIXED", "SERUM", "SERUM_COPY", "block", "chequered"]


def block(width: int = 400, height: int = 500, colour: tuple[int, int, int] = (40, 90, 160)) -> Product:
    """A product that is a plain opaque rectangle: its edges are easy to find again in a picture."""
    return Product(Image.new("RGBA", (width, height), (*colour, 255)), cut=True, method="alpha")


def chequered(size: art.Size, tile: int = 24) -> Image.Image:
    """Black and white squares: the worst ground a text can stand on."""
    small = Image.new("L", (-(-size[0] // tile), -(-size[1] // tile)))
    small.putdata([255 * ((x + y) % 2) for y in range(small.height) for x in range(small.width)])
    return small.resize((small.width * tile, small.height * tile), Image.Resampling.NEAREST).convert("RGB")
