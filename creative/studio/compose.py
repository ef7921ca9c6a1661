"""A request's copy, look and product become one picture in layers. The same arguments give the same pixels.

The order is fixed by what must be known: texts are set before anything is painted, because their boxes say
where panels and veils go; colours are chosen on the painted ground; contrast is measured last, right under
the letters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from creative.studio import calming, draw, fonts, ground, signs
from creative.studio.backdrop import paint_backdrop
from creative.studio.canvas import Canvas
from creative.studio.columns import SetColumn, set_column
from creative.studio.layout import Area, Arrangement, Column, Panel, Template, TextStyle
from creative.studio.model import Colour, Composition, Copy, Fault, Format, Ground, Look, Product, Slot
from creative.studio.packshot import packshot
from creative.studio.placing import Sizes, product_rect, put
from creative.studio.stage import (
    Box,
    Rect,
    Variant,
    around,
    frame,
    mirrored,
    overlap,
    variant,
    without_product,
)
from creative.studio.typeset import Block
from creative.studio.writing import NAMES, Writer

HEAD_GAP: Final = 0.03
"""Room under the logo's line beyond its clear space, share of the short side."""
FOOT_GAP: Final = 0.032
"""Room over the line of small print and label, share of the short side."""

CARD_SHADE: Final = 0.14
"""Strength of the shadow under a panel that does not run to an edge."""


@dataclass(slots=True)
class Studio:
    """Composes the pictures of one request; keeps scaled products between them. One thread at a time."""

    sizes: Sizes = field(default_factory=Sizes)

    def compose(
        self,
        copy: Copy,
        look: Look,
        product: Product | None,
        background: Image.Image | None,
        fmt: Format,
        template: Template,
        *,
        mark: str = "",
        seed: int = 0,
    ) -> Composition:
        """As ``compose``."""
        if fmt.ground is not Ground.SCENE:
            return packshot(product, fmt)
        chosen = variant(template, seed)
        plan = template.shapes[fmt.shape]
        if product is None:
            plan = without_product(plan)
        size = (fmt.width, fmt.height)
        base = (
            draw.cover(background, size, chosen.focus)
            if background is not None
            else paint_backdrop(size, look.palette, seed)
        )
        texts = {slot: text for slot, raw in copy.slots().items() if (text := fonts.clean(raw))}
        job = _Job(
            Canvas(base),
            mirrored(plan) if chosen.mirror else plan,
            chosen,
            look,
            fmt,
            texts,
            fonts.clean(mark),
        )
        return job.run(product, self.sizes)


def compose(
    copy: Copy,
    look: Look,
    product: Product | None,
    background: Image.Image | None,
    fmt: Format,
    template: Template,
    *,
    mark: str = "",
    seed: int = 0,
) -> Composition:
    """Compose one picture.

    Args:
        copy: its texts; empty ones take no room.
        look: the brand's colours, logo, margin.
        product: cut out or as a photo; None leaves its place to the background.
        background: a picture without text, any size; filled to the canvas and cropped. None paints one.
        fmt: what the channel wants. White and transparent formats hold the product alone.
        template: from ``layout.read_template`` or ``layout.defaults``.
        mark: the visible label (``AI生成``), or empty where no part was generated.
        seed: number of the variant: side, colours and crop differ between neighbours.

    Returns:
        Layers, bottom first, and the flat picture. ``faults`` say what forbids its delivery: ``overflow``,
        ``glyph``, ``emoji``, ``contrast``, ``covers_product``, ``covers_text``, ``mark_place``, and those of
        ``packshot``. Their sentences name format and text.

    For several pictures of one request use one ``Studio``: it scales the product once a size.
    """
    return Studio().compose(copy, look, product, background, fmt, template, mark=mark, seed=seed)


def _glyph_faults(name: str, text: str, slot: Slot | None = None) -> list[Fault]:
    """A fault for each character that no font has, so that none is drawn as a box."""
    faults: list[Fault] = []
    for character in fonts.missing(text):
        if fonts.is_emoji(character):
            said = f"{name}里有表情符号“{character}”，图片里画不出来；请删掉或换成文字"
            faults.append(Fault("emoji", said, slot))
        else:
            said = f"{name}里的“{character}”（U+{ord(character):04X}）字库里没有；请换一个字"
            faults.append(Fault("glyph", said, slot))
    return faults


@dataclass(slots=True)
class _Job:
    """One composition under way."""

    canvas: Canvas
    plan: Arrangement
    variant: Variant
    look: Look
    fmt: Format
    texts: Mapping[Slot, str]
    mark: str

    def run(self, product: Product | None, sizes: Sizes) -> Composition:
        """Paint everything in order."""
        canvas, short = self.canvas, self.canvas.short
        for slot, text in self.texts.items():
            canvas.faults += _glyph_faults(NAMES[slot], text, slot)
        canvas.faults += _glyph_faults("标识文字", self.mark)
        if self.look.logo is None:
            canvas.faults += _glyph_faults("品牌名", self.look.brand)
        room = frame(self.fmt, self.look)
        logo_spot, head = self._head(room)
        label = signs.mark_block(self.mark, short) if self.mark else None
        foot_column, foot, foot_height = self._foot(room, label)
        body = Rect(room.left, room.top + head, room.right, room.bottom - foot_height)
        columns = [
            (column, set_column(column, self.texts, body.inner(column.area), short))
            for column in self.plan.columns
        ]
        colours = self._grounds([*columns, (foot_column, foot)], body, logo_spot)
        covered: list[Box] = []
        if product is not None:
            rect = product_rect(product, self.plan.product, body)
            covered = [put(canvas, product, self.plan.product, rect, sizes)]
        self._logo(logo_spot, room, colours[-1])
        writer = Writer(canvas, self.look.palette, self.variant, self.fmt.name, self.texts)
        for (column, made), colour in zip([*columns, (foot_column, foot)], colours, strict=False):
            writer.column(column, made, colour)
        self._label(label, room, covered)
        self._check(covered)
        return canvas.finish()

    def _head(self, room: Rect) -> tuple[Rect, float]:
        """Where the logo goes, and how much of the frame's top its line takes, in pixels."""
        short = self.canvas.short
        width, height = signs.logo_size(self.look, self.plan.logo * short, room.width * 0.45)
        left = room.left if self.plan.corner == "top_left" else room.right - width
        if self.plan.corner == "top_center":
            left = (room.left + room.right - width) / 2
        spot = Rect(left, room.top, left + width, room.top + height)
        return spot, height * (1 + signs.CLEAR) + HEAD_GAP * short if width else 0.0

    def _foot(self, room: Rect, label: Block | None) -> tuple[Column, SetColumn, float]:
        """Set the small print beside the label's corner; gives it and the height both take, in pixels."""
        short = self.canvas.short
        taken = (label.width + FOOT_GAP * 2 * short) if label else 0.0
        right = self.plan.mark == "bottom_right"
        style = TextStyle(
            slot=Slot.FOOTNOTE,
            smallest=self.plan.foot.smallest,
            largest=self.plan.foot.largest,
            lines=2,
            leading=1.35,
        )
        high = 2.6 * self.plan.foot.largest * short
        rect = Rect(
            room.left + (0 if right else taken),
            room.bottom - high,
            room.right - (taken if right else 0),
            room.bottom,
        )
        area = Area(left=0, top=0, right=1, bottom=1)
        column = Column(area=area, texts=(style,), anchor="bottom", align="left" if right else "right")
        made = set_column(column, self.texts, rect, short)
        tall = max([label.height if label else 0.0, *(one.block.height for one in made.placed)])
        return column, made, tall + FOOT_GAP * short if tall else 0.0

    def _grounds(
        self, columns: Sequence[tuple[Column, SetColumn]], body: Rect, logo_spot: Rect
    ) -> list[Colour]:
        """Paint veils and panels; gives the colour of each column's letters, and last of the logo's place.

        Veils first: one that ran over a panel would blur its edge.
        """
        zones = [calming.zone(made) for _, made in columns]
        zones.append(calming.Zone((logo_spot.box,), logo_spot.box) if logo_spot.width else None)
        panels = [
            (column.panel, rect)
            for column, made in columns
            if column.panel and (rect := self._panel_rect(column, made, body))
        ]
        colours = [self.look.palette.ink] * len(zones)
        on_panel = [
            each is not None and any(overlap(each.whole, rect.box) for _, rect in panels) for each in zones
        ]
        for later in (False, True):
            chosen = [index for index, each in enumerate(zones) if each and on_panel[index] is later]
            found = calming.calm(self.canvas, [z for i in chosen if (z := zones[i])], self.look.palette)
            for index, colour in zip(chosen, found, strict=True):
                colours[index] = colour
            for panel, rect in () if later else panels:
                self._panel(panel, rect)
        return colours

    def _panel_rect(self, column: Column, made: SetColumn, body: Rect) -> Rect | None:
        """What a column's panel covers; None where nothing would stand on it."""
        if column.panel is None or not made.placed:
            return None
        texts, area = around([one.box for one in made.placed]), body.inner(column.area)
        return ground.panel_rect(column.panel, area, texts, self.canvas.size, self.canvas.short)

    def _panel(self, panel: Panel, rect: Rect) -> None:
        """Paint a panel in a colour on which ink or paper reads."""
        colour = ground.panel_colour(self.variant.colour(panel.colour, self.look.palette), self.look.palette)
        image = ground.panel_image(rect, colour, panel.opacity, panel.radius * self.canvas.short)
        if not panel.bleed:
            shade = draw.shadow_soft(image.image.getchannel("A"), CARD_SHADE)
            moved = draw.Drawn(shade.image, image.left + shade.left, image.top + shade.top)
            self.canvas.lay("背景", "色块阴影", moved)
        self.canvas.lay("背景", "色块", image)

    def _logo(self, spot: Rect, room: Rect, plain: Colour) -> None:
        """Paint the logo or the wordmark."""
        sign = signs.logo(self.look, spot, plain, room.width * 0.45)
        if sign is not None:
            self.canvas.sign("品牌标识", sign)

    def _label(self, label: Block | None, room: Rect, covered: list[Box]) -> None:
        """Paint the visible label in a free corner."""
        if label is None:
            return
        taken = covered + [
            layer.box for layer in self.canvas.layers if layer.box and layer.group in {"文字", "标识"}
        ]
        spot = signs.mark_spot((label.width, label.height), room, self.plan.mark, taken)
        if spot is None:
            said = f"{self.fmt.name}：四个角都被占满，放不下“{self.mark}”标识；请缩短文字或换模板"
            self.canvas.faults.append(Fault("mark_place", said))
            return
        colours = (self.look.palette.paper, self.look.palette.ink)
        self.canvas.sign("AI标识", signs.mark(label, spot, self.canvas.flat, colours))

    def _check(self, covered: list[Box]) -> None:
        """No text over the product, none over another or over the logo."""
        written = [layer for layer in self.canvas.layers if layer.slot and layer.box]
        signs_boxes = [layer.box for layer in self.canvas.layers if layer.group == "标识" and layer.box]
        for index, layer in enumerate(written):
            slot, box = layer.slot, layer.box
            if slot is None or box is None:
                continue
            name = f"{self.fmt.name}：{NAMES[slot]}"
            if any(overlap(box, other) for other in covered):
                said = f"{name}压住了商品；请缩短文字或换模板"
                self.canvas.faults.append(Fault("covers_product", said, slot))
            later = [other.box for other in written[index + 1 :] if other.box]
            if any(overlap(box, other) for other in (*later, *signs_boxes)):
                said = f"{name}和别的文字或标识重叠；请缩短文字"
                self.canvas.faults.append(Fault("covers_text", said, slot))
