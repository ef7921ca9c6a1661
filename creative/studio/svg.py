"""A composition as SVG: a group a folder, pictures inside the file, texts as editable ``<text>``. Pure.

For Figma, 即时设计, MasterGo, Illustrator and browsers. SVG breaks no lines, so each line is a ``<tspan>``
with its own place. Nothing in the file is fetched from elsewhere and nothing in it runs.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from PIL import Image

from creative.studio.model import Colour, Composition, Layer, LiveText

FONTS = "'Noto Sans SC','Source Han Sans SC','思源黑体','PingFang SC','Microsoft YaHei',sans-serif"
"""Families a designer's machine may have, the one we drew with first."""


def write_svg(composition: Composition) -> bytes:
    """The file, UTF-8.

    Args:
        composition: layers bottom first. Layers with a text become live text, all others embedded PNG.

    Returns:
        SVG 1.1 with ``paint-order`` of SVG 2 for outlines; programs that do not know it thicken the letters.
    """
    width, height = composition.width, composition.height
    groups = groupby(composition.layers, key=lambda layer: layer.group)
    body = "\n".join(_group(name, layers) for name, layers in groups)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n{body}\n</svg>\n'
    ).encode()


def _group(name: str, layers: Iterable[Layer]) -> str:
    return f"<g id={_attribute(name)}>\n" + "\n".join(map(_layer, layers)) + "\n</g>"


def _layer(layer: Layer) -> str:
    if layer.text and layer.text.lines:
        return _text(layer.name, layer.text)
    address = "data:image/png;base64," + base64.b64encode(_png(layer.image)).decode()
    # Illustrator and older programs read only xlink:href, newer ones prefer href.
    return (
        f'<image id={_attribute(layer.name)} x="{layer.left}" y="{layer.top}"'
        f' width="{layer.image.width}" height="{layer.image.height}" xlink:href="{address}"/>'
    )


def _png(image: Image.Image) -> bytes:
    """Without loss, and packed fast: a poster's layers take 0.3 s in place of 1.3 s and 30 % more room."""
    opaque = image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == 255
    file = io.BytesIO()
    (image.convert("RGB") if opaque else image).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _text(name: str, text: LiveText) -> str:
    lines = "".join(
        f'<tspan x="{line.x:g}" y="{line.baseline:g}">{escape(_clean(line.text))}</tspan>'
        for line in text.lines
    )
    return (
        f'<text id={_attribute(name)} xml:space="preserve" font-family={_attribute(FONTS)}'
        f' font-size="{text.size:g}" font-weight="{text.weight}" fill="{_hex(text.colour)}"{_stroke(text)}>'
        f"{lines}</text>"
    )


def _stroke(text: LiveText) -> str:
    """The outline below the fill and twice as wide, since half of it lies under the letters."""
    if text.stroke is None:
        return ""
    width, colour = text.stroke
    return (
        f' stroke="{_hex(colour)}" stroke-width="{2 * width}" stroke-linejoin="round" paint-order="stroke"'
    )  # fmt: skip


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _attribute(value: str) -> str:
    return quoteattr(_clean(value))


def _clean(text: str) -> str:
    """Without signs that XML 1.0 forbids; one of them would make the whole file unreadable."""
    valid = text.encode("utf-8", "ignore").decode()
    return "".join(sign for sign in valid if sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff"))
