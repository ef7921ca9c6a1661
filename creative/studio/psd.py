"""A composition as a Photoshop file: groups, layers with Chinese names, texts also as live type. Pure.

Each text is there twice: as the pixels that were delivered, and hidden above them as live type to be edited.
Photoshop must set a live text anew, perhaps in another font; the visible pixels show what it looked like.
"""

from __future__ import annotations

import io
from itertools import groupby
from typing import TYPE_CHECKING, cast

from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import Compression, Tag
from psd_tools.psd.tagged_blocks import TaggedBlock

from creative.studio.model import Composition, Layer
from creative.studio.psd_text import type_setting

if TYPE_CHECKING:
    from psd_tools.api.layers import Group, PixelLayer

EDITABLE = "（可编辑）"
"""What a live text's name ends with."""


def write_psd(composition: Composition) -> bytes:
    """The file a designer opens.

    Args:
        composition: layers bottom first; neighbours of one group become one folder. Its `flat` becomes the
            preview that Feishu and file managers show (on white if it is transparent).

    Returns:
        An RGB file of 8 bits, run-length packed; up to 15 MB for 1080 × 1920, in 0.3 s (measured 2026-11).
    """
    # In a document without an alpha band psd-tools would make masks of the layers' transparency.
    document = PSDImage.new("RGBA", (composition.width, composition.height))
    for name, layers in groupby(composition.layers, key=lambda layer: layer.group):
        group = document.create_group(name="group")
        # Names given at creation are written in Mac Roman, which has no Chinese; assigned ones in Unicode.
        group.name = name
        for layer in layers:
            _add(group, layer)
    return _saved(document, composition)


def _add(group: Group, layer: Layer) -> None:
    _pixels(group, layer, layer.name)
    if layer.text is None or not layer.text.lines:
        return
    live = _pixels(group, layer, layer.name + EDITABLE)
    live.visible = False
    tag = Tag.TYPE_TOOL_OBJECT_SETTING
    # The library declares bytes and takes any of its elements.
    live.tagged_blocks[tag] = TaggedBlock(key=tag, data=cast(bytes, type_setting(layer.text)))


def _pixels(group: Group, layer: Layer, name: str) -> PixelLayer:
    made = group.create_pixel_layer(layer.image.convert("RGBA"), name="layer", left=layer.left, top=layer.top)
    made.name = name
    return made


def _saved(document: PSDImage, composition: Composition) -> bytes:
    """Write without `document.save`, which paints the preview itself: 3 to 6 s, and not quite our picture.

    psd-tools has no public way to set the preview (1.26.0); the test of the preview fails if this one goes.
    """
    record = document._record  # noqa: SLF001
    record.header.channels = 3  # of the preview
    record.image_data.compression = Compression.RLE
    bands = _preview(composition.flat).split()
    record.image_data.set_data([band.tobytes() for band in bands], record.header)
    file = io.BytesIO()
    record.write(file)
    return file.getvalue()


def _preview(flat: Image.Image) -> Image.Image:
    if not flat.has_transparency_data:
        return flat.convert("RGB")
    ground = Image.new("RGBA", flat.size, "white")
    ground.alpha_composite(flat.convert("RGBA"))
    return ground.convert("RGB")
