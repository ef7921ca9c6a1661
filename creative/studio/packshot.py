"""The product alone, on white or on nothing, as channels demand: no text, no label, no shadow. Pure."""

from __future__ import annotations

from typing import Final

from PIL import Image

from creative.studio.formats import EDGE, SUBJECT
from creative.studio.model import Composition, Fault, Format, Ground, Layer, Product

FILL: Final = 0.84
"""Share of the canvas the product's long side takes where the channel does not say."""
UPSCALE: Final = 2.0
"""A photo enlarged more than this looks soft; the designer is told."""

_NO_PRODUCT: Final = Fault("no_product", "这个尺寸只放商品，但没有商品图；请上传商品图或去掉这个尺寸")
_NOT_CUT: Final = Fault("not_cut", "这个尺寸要求商品去掉背景，但没能抠出商品；请上传透明底 PNG 或白底照片")


def packshot(product: Product | None, fmt: Format) -> Composition:
    """Compose a white or transparent format.

    Args:
        product: cut free of its background; trimmed to it.
        fmt: with ``ground`` WHITE or CLEAR.

    Returns:
        The product in the middle. Faults: ``no_product``, ``not_cut``, ``small_subject``.
    """
    clear = fmt.ground is Ground.CLEAR
    canvas = Image.new("RGBA", (fmt.width, fmt.height), (255, 255, 255, 0 if clear else 255))
    layers = () if clear else (Layer("背景", "白底", canvas.copy(), 0, 0),)
    if product is None or not product.cut:
        fault = _NO_PRODUCT if product is None else _NOT_CUT
        return Composition(
            fmt.width, fmt.height, layers, canvas if clear else canvas.convert("RGB"), (fault,), _notes(fmt)
        )
    layer, faults, notes = _subject(product.image, fmt)
    canvas.alpha_composite(layer.image, (layer.left, layer.top))
    flat = canvas if clear else canvas.convert("RGB")
    return Composition(fmt.width, fmt.height, (*layers, layer), flat, faults, (*_notes(fmt), *notes))


def _notes(fmt: Format) -> tuple[str, ...]:
    return (f"{fmt.name}不允许文字和标识，所以只放商品",)


def _subject(image: Image.Image, fmt: Format) -> tuple[Layer, tuple[Fault, ...], tuple[str, ...]]:
    """The product scaled and centred, and what there is to say about it."""
    edge = EDGE.get(fmt.key, round(min(fmt.width, fmt.height) * (1 - FILL) / 2))
    box = image.getchannel("A").point(lambda value: 255 * (value > 8)).getbbox() or (0, 0, *image.size)
    wide, high = box[2] - box[0], box[3] - box[1]
    scale = min((fmt.width - 2 * edge) / wide, (fmt.height - 2 * edge) / high)
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    drawn = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)
    left, top = (fmt.width - size[0]) // 2, (fmt.height - size[1]) // 2
    place = (left, top, left + size[0], top + size[1])
    faults: tuple[Fault, ...] = ()
    if min(size) <= SUBJECT and min(fmt.width, fmt.height) > SUBJECT * 1.5:
        drawn_size = f"{size[0]}×{size[1]} 像素，渠道要求大于 {SUBJECT}×{SUBJECT}"
        sentence = f"商品在{fmt.name}里只有 {drawn_size}；请换一张更饱满的商品图"
        faults = (Fault("small_subject", sentence),)
    notes = (f"商品图放大了 {scale:.1f} 倍，可能发虚；请换更大的照片",) if scale > UPSCALE else ()
    return Layer("商品", "商品", drawn, left, top, box=place), faults, notes
