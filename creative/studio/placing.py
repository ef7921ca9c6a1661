"""Where the product stands and how: its pixels only scaled, on a shadow, or as a photo in a card. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from creative.studio import draw
from creative.studio.canvas import Canvas
from creative.studio.layout import Place
from creative.studio.model import Product
from creative.studio.stage import Box, Rect

SHADOW: Final = 0.021
"""A contact shadow's half height at most, share of the short side."""
CARD: Final = 0.035
"""Corner radius of a photo that could not be cut out, share of the canvas's short side."""


@dataclass(slots=True)
class Sizes:
    """Products already scaled, so that variants of one design share the work. Results do not depend on it."""

    _made: dict[tuple[int, tuple[int, int]], tuple[Image.Image, Image.Image]] = field(default_factory=dict)
    most: int = 12

    def scaled(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        """The picture at a size in pixels, RGBA. The source is kept, so that its id stays its own."""
        key = (id(image), size)
        if key not in self._made:
            while len(self._made) >= self.most:
                self._made.pop(next(iter(self._made)))
            source = image if image.mode in {"RGB", "RGBA"} else image.convert("RGBA")
            small = source.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
            self._made[key] = (image, small.convert("RGBA"))
        return self._made[key][1]


def product_rect(product: Product, place: Place, body: Rect) -> Rect:
    """Where the product goes: whole, in its proportions, enlarged no more than the template lets."""
    area = body.inner(place.area)
    image = product.image
    scale = min(area.width / image.width, area.height / image.height, place.upscale)
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    across = {"left": 0.0, "center": 0.5, "right": 1.0}[place.align] * (area.width - width)
    anchor = place.anchor if product.cut else "middle"
    down = {"top": 0.0, "middle": 0.5, "bottom": 1.0}[anchor] * (area.height - height)
    left, top = round(area.left + across), round(area.top + down)
    return Rect(left, top, left + width, top + height)


def put(canvas: Canvas, product: Product, place: Place, rect: Rect, sizes: Sizes) -> Box:
    """Paint the product with its shadow; gives what it covers."""
    left, top, right, bottom = rect.box
    image = sizes.scaled(product.image, (right - left, bottom - top))
    if not product.cut:
        mask = draw.rounded(image.size, CARD * canvas.short)
        image = image.copy()
        image.putalpha(mask)
    alpha = image.getchannel("A")
    shades = []
    if not product.cut or place.shadow == "soft":
        shades = [draw.shadow_soft(alpha)]
    elif place.shadow == "contact":
        shades = [draw.shadow_contact(alpha, SHADOW * canvas.short)]
    for shade in shades:
        moved = draw.Drawn(shade.image, shade.left + left, shade.top + top)
        canvas.lay("商品", "商品阴影", moved)
    canvas.lay("商品", "商品", draw.Drawn(image, left, top), box=rect.box)
    _remark(canvas, product, place, rect)
    return rect.box


def _remark(canvas: Canvas, product: Product, place: Place, rect: Rect) -> None:
    """Say what a designer should know about the photo."""
    enlarged = rect.width / product.image.width
    if enlarged >= min(place.upscale, 1.6) - 0.01 and enlarged > 1:
        size = f"{product.image.width}×{product.image.height}"
        canvas.notes.append(f"商品图只有 {size} 像素，放大了 {enlarged:.1f} 倍，可能发虚；请换更大的照片")
    if not product.cut:
        canvas.notes.append(product.note or "商品没有抠出背景，照片放在圆角卡片里；需要设计师抠图")
