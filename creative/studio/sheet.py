"""Many pictures on one sheet, for the preview on a card. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import ceil

from PIL import Image, ImageDraw, ImageFont

from creative.studio.fonts import SANS

WIDTH = 1200
"""Pixels; Feishu shows cards at most 600 points wide on screens of double density."""

_GAP, _LABEL, _SIZE = 24, 44, 22
_TALLEST = 1.34
"""Height of a cell as share of its width; 3:4 fills it, 9:16 stands in the middle."""
_GROUND, _CELL, _EDGE, _INK = (244, 245, 247), (255, 255, 255), (222, 224, 227), (31, 35, 41)


def contact_sheet(
    images: Sequence[tuple[str, Image.Image]], columns: int = 3, width: int = WIDTH
) -> Image.Image:
    """Pictures in equal cells, each whole and with its label below.

    Args:
        images: label and picture, in reading order; each has a thin frame, so that white on white ends
            somewhere, and transparent parts show white.
        columns: at most; fewer pictures make fewer columns.
        width: of the sheet in pixels.

    Returns:
        RGB. As JPEG of quality 85 it has some 100 to 500 KB (test: 12 noisy pictures stay under 900 KB).

    Raises:
        ValueError: there is nothing to show, or the columns would be too narrow to see anything.
    """
    if not images:
        raise ValueError("A contact sheet needs at least one picture.")
    columns = max(1, min(columns, len(images)))
    cell = (width - _GAP * (columns + 1)) // columns
    if cell < 80:
        raise ValueError(f"{columns} columns on {width} pixels leave {cell} a picture; use fewer columns.")
    height = _cell_height([image for _, image in images], cell)
    rows = ceil(len(images) / columns)
    sheet = Image.new("RGB", (width, _GAP + rows * (height + _LABEL + _GAP)), _GROUND)
    for index, (label, image) in enumerate(images):
        left = _GAP + index % columns * (cell + _GAP)
        top = _GAP + index // columns * (height + _LABEL + _GAP)
        _show(sheet, image, (left, top, left + cell, top + height))
        _write(sheet, label, (left, top + height), cell)
    return sheet


def _cell_height(images: Sequence[Image.Image], cell: int) -> int:
    """As high as the tallest picture needs, within limits, so that banners do not stand in towers."""
    tallest = max(image.height / image.width for image in images)
    return round(cell * min(max(tallest, 0.3), _TALLEST))


def _show(sheet: Image.Image, image: Image.Image, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    share = min((right - left) / image.width, (bottom - top) / image.height)
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    # A coarse reduction first: several times faster for posters, and not to be told apart at this size.
    small = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    place = (left + (right - left - size[0]) // 2, top + (bottom - top - size[1]) // 2)
    frame = (place[0] - 1, place[1] - 1, place[0] + size[0], place[1] + size[1])
    ImageDraw.Draw(sheet).rectangle(frame, _CELL, _EDGE)
    sheet.paste(small, place, small)


def _write(sheet: Image.Image, label: str, place: tuple[int, int], width: int) -> None:
    shown = _shortened(" ".join(label.split()), width)
    middle = (place[0] + width / 2, place[1] + _LABEL / 2 + 2)
    ImageDraw.Draw(sheet).text(middle, shown, _INK, _font(), anchor="mm")


def _shortened(label: str, width: int) -> str:
    if _font().getlength(label) <= width:
        return label
    while label and _font().getlength(label + "…") > width:
        label = label[:-1]
    return label + "…"


@cache
def _font() -> ImageFont.FreeTypeFont:
    return SANS.font(400, _SIZE)
