"""A picture under way: what is painted so far, its layers, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

from creative.studio import draw, signs
from creative.studio.columns import Placed
from creative.studio.model import Composition, Fault, Layer, Slot
from creative.studio.stage import Box, Rect

Group = Literal["背景", "商品", "文字", "标识"]


@dataclass(slots=True)
class Canvas:
    """The picture so far.

    Args:
        flat: all layers painted on one another, RGB; the first is the background as it is given.
    """

    flat: Image.Image
    layers: list[Layer] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    contrasts: dict[Slot, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layers.append(Layer("背景", "背景", self.flat.convert("RGBA"), 0, 0))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.flat.size

    @property
    def short(self) -> int:
        """The short side in pixels."""
        return min(self.flat.size)

    @property
    def whole(self) -> Rect:
        """The canvas as a rectangle."""
        return Rect(0, 0, *self.flat.size)

    def lay(self, group: Group, name: str, drawn: draw.Drawn, box: Box | None = None) -> None:
        """Paint a picture as the next layer up. ``box`` is what it covers, if that matters to texts."""
        self.flat.paste(drawn.image, (drawn.left, drawn.top), drawn.image)
        self.layers.append(Layer(group, name, drawn.image, drawn.left, drawn.top, box=box))

    def write(self, name: str, placed: Placed, ink: draw.Ink) -> None:
        """Paint a set text as the next layer up."""
        place = (placed.left, placed.top, placed.width, placed.align)
        drawn = draw.text(placed.block, *place, ink)
        self.flat.paste(drawn.image, (drawn.left, drawn.top), drawn.image)
        live = signs.live(placed.block, *place, ink)
        slot = placed.style.slot
        self.layers.append(Layer("文字", name, drawn.image, drawn.left, drawn.top, live, slot, placed.box))

    def sign(self, name: str, sign: signs.Sign) -> None:
        """Paint a logo or the label as the next layer up."""
        drawn = sign.drawn
        self.flat.paste(drawn.image, (drawn.left, drawn.top), drawn.image)
        self.layers.append(
            Layer("标识", name, drawn.image, drawn.left, drawn.top, text=sign.live, box=drawn.box)
        )

    def finish(self) -> Composition:
        """The composition as it is handed on."""
        return Composition(
            *self.size,
            layers=tuple(self.layers),
            flat=self.flat,
            faults=tuple(self.faults),
            notes=tuple(self.notes),
            contrasts=dict(self.contrasts),
        )
