"""A request's copy, look and product become one picture in layers. The same arguments give the same pixels.

The order is fixed by what must be known: texts are set before anything is painted, because their boxes say
where panels and veils go; colours are chosen on the painted ground; contrast is measured last, right under
the letters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from creative.studio import contrast, draw, fonts, ground, signs
from creative.studio.canvas import Canvas
from creative.studio.columns import Placed, SetColumn, set_column
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

NAMES: Final[Mapping[Slot, str]] = {
    Slot.HEADLINE: "主标题",
    Slot.SUBLINE: "副标题",
    Slot.POINTS: "卖点",
    Slot.PRICE: "价格",
    Slot.CTA: "按钮",
    Slot.FOOTNOTE: "小字",
}
"""What people call the slots."""

HEAD_GAP: Final = 0.03
"""Room under the logo's line beyond its clear space, share of the short side."""
FOOT_GAP: Final = 0.025
"""Room over the line of small print and label, share of the short side."""
PILL_SHIFT: Final = 0.22
"""How far a button's colour may be darkened so that light letters read on it; beyond, they are dark."""
PILL_APART: Final = 1.3
"""Contrast below which a button sinks into its ground."""


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
            else ground.paint(size, look.palette, seed)
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


def _glyph_faults(texts: Mapping[str, str]) -> list[Fault]:
    """A fault for each character that no font has, so that none is drawn as a box."""
    faults: list[Fault] = []
    for name, text in texts.items():
        for character in fonts.missing(text):
            if fonts.is_emoji(character):
                said = f"{name}里有表情符号“{character}”，图片里画不出来；请删掉或换成文字"
                faults.append(Fault("emoji", said))
            else:
                said = f"{name}里的“{character}”（U+{ord(character):04X}）字库里没有；请换一个字"
                faults.append(Fault("glyph", said))
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
        named = {NAMES[slot]: text for slot, text in self.texts.items()} | {"标识文字": self.mark}
        if self.look.logo is None:
            named["品牌名"] = self.look.brand
        canvas.faults += _glyph_faults(named)
        room = frame(self.fmt, self.look)
        logo_spot, head = self._head(room)
        label = signs.mark_block(self.mark, short) if self.mark else None
        foot, foot_height = self._foot(room, label)
        body = Rect(room.left, room.top + head, room.right, room.bottom - foot_height)
        columns = [
            (column, set_column(column, self.texts, body.inner(column.area), short))
            for column in self.plan.columns
        ]
        for column, made in columns:
            self._panel(column, made, body)
        plain = [self._ground(made) for _, made in columns]
        foot_colour = self._ground(foot)
        covered: list[Box] = []
        if product is not None:
            rect = product_rect(product, self.plan.product, body)
            covered = [put(canvas, product, self.plan.product, rect, sizes)]
        self._logo(logo_spot, room)
        for (column, made), colour in zip(columns, plain, strict=True):
            self._texts(column, made, colour)
        self._texts(None, foot, foot_colour)
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

    def _foot(self, room: Rect, label: Block | None) -> tuple[SetColumn, float]:
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
        return made, tall + FOOT_GAP * short if tall else 0.0

    def _panel(self, column: Column, made: SetColumn, body: Rect) -> None:
        """Paint a column's panel, if it has one and anything stands on it."""
        panel: Panel | None = column.panel
        if panel is None or not made.placed:
            return
        short = self.canvas.short
        texts = around([one.box for one in made.placed])
        rect = ground.panel_rect(panel, body.inner(column.area), texts, self.canvas.size, short)
        colour = ground.panel_colour(self.variant.colour(panel.colour, self.look.palette), self.look.palette)
        image = ground.panel_image(rect, colour, panel.opacity, panel.radius * short)
        self.canvas.lay("背景", "色块", image)

    def _ground(self, made: SetColumn) -> Colour:
        """Choose the letters' plain colour in a column, with a veil where the ground does not carry them."""
        boxes = [one.letters for one in made.placed if one.pill is None]
        if not boxes:
            return self.look.palette.ink
        flat, palette = self.canvas.flat, self.look.palette
        grounds = [contrast.sample(flat, box) for box in boxes]
        reading = ground.read(grounds, palette)
        if reading.opacity > 0 or any(ground.restless(one) for one in grounds):
            soft = ground.Soft(flat)
            reading = ground.read([soft.sample(box) for box in boxes], palette)
            image = soft.veil(around([one.box for one in made.placed]), reading)
            self.canvas.lay("背景", "衬底", draw.Drawn(image, 0, 0))
        return reading.text

    def _texts(self, column: Column | None, made: SetColumn, plain: Colour) -> None:
        """Write a column's texts in their colours."""
        if made.bar and column and column.bar:
            left, top, right, bottom = made.bar
            accent = self.variant.colour(column.bar, self.look.palette)
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
        style, palette = placed.style, self.look.palette
        pixels = contrast.sample(self.canvas.flat, placed.letters)
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
        pill, palette = placed.style.pill, self.look.palette
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
        accent = self.variant.colour("accent", self.look.palette)
        left = placed.left
        side = size * (0.92 if style.bullet == "check" else 0.34)
        sign = (
            draw.check(side, accent, self.look.palette.paper)
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
            said = f"{self.fmt.name}：{NAMES[slot]}与背景对比度只有 {low}；请换背景或模板"
            self.canvas.faults.append(Fault("contrast", said, slot))

    def _overflow(self, placed: Placed) -> None:
        """Report a text that is too long for its place."""
        if not placed.block.overflow:
            return
        style = placed.style
        length = len(self.texts[style.slot])
        said = f"{self.fmt.name}：{NAMES[style.slot]}太长（{length} 字），用最小字号也放不下；请删短"
        self.canvas.faults.append(Fault("overflow", said, style.slot))

    def _logo(self, spot: Rect, room: Rect) -> None:
        """Paint the logo or the wordmark."""
        sign = signs.logo(self.look, spot, self.canvas.flat, room.width * 0.45)
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
