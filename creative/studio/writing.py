"""Set texts are written on the painted ground: in colours that read there, on buttons, with bullets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from creative.studio import contrast, draw, ground
from creative.studio.canvas import Canvas
from creative.studio.columns import Placed, SetColumn
from creative.studio.layout import Column
from creative.studio.model import Colour, Fault, Palette, Slot
from creative.studio.stage import Variant

NAMES: Final[Mapping[Slot, str]] = {
    Slot.HEADLINE: "主标题",
    Slot.SUBLINE: "副标题",
    Slot.POINTS: "卖点",
    Slot.PRICE: "价格",
    Slot.CTA: "按钮",
    Slot.FOOTNOTE: "小字",
}
"""What people call the slots."""

PILL_SHIFT: Final = 0.22
"""How far a button's colour may be darkened so that light letters read on it; beyond, they are dark."""
PILL_APART: Final = 1.3
"""Contrast below which a button sinks into its ground."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the texts of one picture.

    Args:
        canvas: painted so far: background, panels, veils, product.
        palette: the brand's.
        variant: which colours are exchanged.
        name: of the format, for sentences.
        texts: as set, for sentences.
    """

    canvas: Canvas
    palette: Palette
    variant: Variant
    name: str
    texts: Mapping[Slot, str]

    def column(self, column: Column, made: SetColumn, plain: Colour) -> None:
        """Write a column's texts in their colours."""
        if made.bar and column.bar:
            left, top, right, bottom = made.bar
            accent = self.variant.colour(column.bar, self.palette)
            bar = draw.solid(draw.rounded((right - left, bottom - top), bottom - top), accent)
            self.canvas.lay("文字", "装饰线", draw.Drawn(bar, left, top))
        for placed in made.placed:
            if placed.pill:
                self._pill(placed)
            else:
                self._text(placed, plain)
            self._overflow(placed)

    def _text(self, placed: Placed, plain: Colour) -> None:
        """Write a text on the ground itself."""
        style, palette = placed.style, self.palette
        pixels = contrast.sample(self.canvas.flat, placed.letters)
        plain = ground.pushed(plain, pixels)
        colours = [
            plain if role == "auto" else ground.tint(self.variant.colour(role, palette), pixels, plain)
            for role in (style.colour, style.number.colour)
        ]
        main = colours[0]
        number = colours[1] if style.number.colour != "auto" else main
        self._bullets(placed)
        dark = contrast.ratio(main, (0, 0, 0)) > contrast.ratio(main, (255, 255, 255))
        ink = draw.Ink(
            main,
            number,
            stroke=round(style.stroke * placed.block.size),
            outline=(0, 0, 0) if dark else (255, 255, 255),
            shadow=0.45 if style.shadow and dark else 0.0,
        )
        self._measured(style.slot, min(contrast.worst(pixels, main), contrast.worst(pixels, number)))
        self.canvas.write(NAMES[style.slot], placed, ink)

    def _pill(self, placed: Placed) -> None:
        """Write a text on its button or tag."""
        pill, palette = placed.style.pill, self.palette
        if pill is None or placed.pill is None:
            return
        left, top, right, bottom = placed.pill
        around_it = ground.average(contrast.sample(self.canvas.flat, placed.pill))
        fill = self.variant.colour(pill.colour, palette)
        if contrast.ratio(fill, around_it) < PILL_APART:
            fill = max(
                palette.paper, palette.ink, palette.accent, key=lambda one: contrast.ratio(one, around_it)
            )
        light, shift = contrast.readable(fill, palette.paper, most=PILL_SHIFT, target=4.55)
        letters = palette.paper
        if shift > PILL_SHIFT:
            light, _ = contrast.readable(fill, palette.ink, target=4.55)
            letters = palette.ink
        mask = draw.rounded((right - left, bottom - top), pill.radius * (bottom - top))
        name = NAMES[placed.style.slot]
        self.canvas.lay("文字", f"{name}底", draw.Drawn(draw.solid(mask, light), left, top))
        self._measured(placed.style.slot, contrast.ratio(letters, light))
        self.canvas.write(name, placed, draw.Ink(letters, letters))

    def _bullets(self, placed: Placed) -> None:
        """Draw a dot or a tick before each paragraph."""
        style, size = placed.style, placed.block.size
        if style.bullet == "none":
            return
        accent = self.variant.colour("accent", self.palette)
        left = placed.left
        side = size * (0.92 if style.bullet == "check" else 0.34)
        sign = (
            draw.check(side, accent, self.palette.paper)
            if style.bullet == "check"
            else draw.dot(side, accent)
        )
        for line in placed.block.lines:
            if line.first:
                middle = placed.top + line.baseline - 0.38 * size
                self.canvas.lay("文字", "项目符号", draw.Drawn(sign, round(left), round(middle - side / 2)))

    def _measured(self, slot: Slot, value: float) -> None:
        """Keep a text's contrast; below the target the picture is not delivered."""
        self.canvas.contrasts[slot] = round(value, 2)
        if value < contrast.TARGET:
            low = f"{value:.1f}（至少 {contrast.TARGET}）"
            said = f"{self.name}：{NAMES[slot]}与背景对比度只有 {low}；请换背景或模板"
            self.canvas.faults.append(Fault("contrast", said, slot))

    def _overflow(self, placed: Placed) -> None:
        """Report a text that is too long for its place."""
        if not placed.block.overflow:
            return
        style = placed.style
        length = len(self.texts[style.slot])
        said = f"{self.name}：{NAMES[style.slot]}太长（{length} 字），用最小字号也放不下；请删短"
        self.canvas.faults.append(Fault("overflow", said, style.slot))
