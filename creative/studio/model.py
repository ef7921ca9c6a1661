"""The words of pictures: copy, look, format, layout, composition. Types only; nothing here draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from PIL import Image

Colour = tuple[int, int, int]
"""Red, green, blue, 0-255, sRGB."""


class Shape(StrEnum):
    """The class of proportions a layout is made for; a design has one layout a shape."""

    SQUARE = "square"
    """0.9 to 1.15 wide as high."""
    PORTRAIT = "portrait"
    """3:4, 4:5, 2:3."""
    TALL = "tall"
    """9:16 and narrower."""
    WIDE = "wide"
    """4:3, 3:2, 16:9."""
    BANNER = "banner"
    """2:1 and wider."""


class Ground(StrEnum):
    """What stands behind the product."""

    SCENE = "scene"
    """A generated picture."""
    WHITE = "white"
    """Pure white, no text, no mark (channels that demand it)."""
    CLEAR = "clear"
    """Transparent, no text, no mark."""


class Slot(StrEnum):
    """What a text is for. Each slot has a style of its own in a template."""

    HEADLINE = "headline"
    SUBLINE = "subline"
    POINTS = "points"
    PRICE = "price"
    CTA = "cta"
    FOOTNOTE = "footnote"


@dataclass(frozen=True, slots=True)
class Insets:
    """Distances from the four edges as shares of width (left, right) and height (top, bottom), 0 to 0.5."""

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0


@dataclass(frozen=True, slots=True)
class Format:
    """One file a channel wants.

    Args:
        key: our name, stable (``tmall_main``).
        name: what people pick in the column 尺寸 (``天猫主图 800×800``).
        channel: 天猫, 京东, 抖音, 千川, 朋友圈, 小红书, 公众号, 通用.
        width, height: pixels, met exactly.
        file: ``jpeg``, ``png`` or ``webp``.
        most, least: bytes the file may and must have.
        ground: see ``Ground``; text and visible mark only on ``SCENE``.
        safe: where the channel lays its own buttons; no text there.
        note: where the numbers come from.
    """

    key: str
    name: str
    channel: str
    width: int
    height: int
    file: str
    most: int
    least: int = 0
    ground: Ground = Ground.SCENE
    safe: Insets = Insets()
    note: str = ""

    @property
    def shape(self) -> Shape:
        """The class of its proportions."""
        ratio = self.width / self.height
        if ratio >= 1.95:
            return Shape.BANNER
        if ratio > 1.15:
            return Shape.WIDE
        if ratio >= 0.9:
            return Shape.SQUARE
        return Shape.PORTRAIT if ratio >= 0.6 else Shape.TALL

    @property
    def extension(self) -> str:
        """The file's ending: jpg, png, webp."""
        return "jpg" if self.file == "jpeg" else self.file


@dataclass(frozen=True, slots=True)
class Copy:
    """Everything that becomes letters in a picture. An empty text takes no room.

    A line break in a text is a break the operator wants. ``points`` are selling points, one a line.
    """

    headline: str
    subline: str = ""
    points: tuple[str, ...] = ()
    price: str = ""
    cta: str = ""
    footnote: str = ""

    def texts(self) -> dict[str, str]:
        """Every text by its field's name; points joined by line breaks."""
        return {**asdict(self), "points": "\n".join(self.points)}

    def slots(self) -> Mapping[Slot, str]:
        """The texts that are not empty, by their slots."""
        return {Slot(name): text for name, text in self.texts().items() if text}


@dataclass(frozen=True, slots=True)
class Palette:
    """A brand's colours. ``ink`` and ``paper`` are its dark and its light text colour."""

    primary: Colour = (32, 42, 68)
    secondary: Colour = (240, 236, 228)
    accent: Colour = (224, 74, 54)
    ink: Colour = (28, 28, 32)
    paper: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Look:
    """What makes pictures of one brand look alike.

    Args:
        brand: its name; stands as a wordmark where there is no logo.
        palette: colours.
        logo: an RGBA picture, or None.
        logo_dark: the variant for light grounds, or None if ``logo`` serves for both.
        family: ``sans`` (the bundled face) for all texts.
        safe: margin kept free of text and logo, share of the short side.
    """

    brand: str
    palette: Palette = Palette()
    logo: Image.Image | None = None
    logo_dark: Image.Image | None = None
    family: str = "sans"
    safe: float = 0.05


@dataclass(frozen=True, slots=True)
class Product:
    """The product to show.

    Args:
        image: RGBA; with ``cut`` only the product is opaque, trimmed to it; else the whole photo.
        cut: the product stands free of its background.
        method: how it was cut (``alpha``, ``hybrid``, ``grabcut``, ``none``).
        note: a sentence for the designer when cutting failed.
    """

    image: Image.Image
    cut: bool
    method: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One drawn line: text, left edge and baseline in pixels of the canvas."""

    text: str
    x: float
    baseline: float


@dataclass(frozen=True, slots=True)
class LiveText:
    """What a drawing program needs to set a text again.

    Args:
        lines: as broken and placed.
        size: pixels.
        weight: 400, 700 or 900.
        colour: fill.
        stroke: width in pixels and colour, or None.
    """

    lines: tuple[TextLine, ...]
    size: float
    weight: int
    colour: Colour
    stroke: tuple[int, Colour] | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, bottom first.

    Args:
        group: 背景, 商品, 文字 or 标识.
        name: what a designer reads (主标题).
        image: RGBA, as large as what is drawn.
        left, top: its place on the canvas in pixels; may lie outside.
        text: the text it was drawn from, for slots.
        slot: the slot, for texts.
        box: the area that is really covered, `(left, top, right, bottom)`, for checks of overlap.
    """

    group: str
    name: str
    image: Image.Image
    left: int
    top: int
    text: LiveText | None = None
    slot: Slot | None = None
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not good about a composition. ``reason`` is stable (``overflow``), ``sentence`` for people."""

    reason: str
    sentence: str
    slot: Slot | None = None


@dataclass(frozen=True, slots=True)
class Composition:
    """A composed picture as layers, before it becomes a file.

    Args:
        width, height: pixels.
        layers: bottom first.
        faults: texts that do not fit, and the like; a picture with faults is not delivered.
        notes: sentences for the designer.
        contrasts: measured contrast ratio (WCAG 2) of each text against what lies under it.
        flat: all layers painted on one another, RGB (RGBA for ``Ground.CLEAR``).
    """

    width: int
    height: int
    layers: tuple[Layer, ...]
    flat: Image.Image
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    contrasts: Mapping[Slot, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AigcLabel:
    """The implicit label of GB 45438-2025; values are printable ASCII without space and backslash.

    Args:
        producer: code of the generation service provider, from the configuration.
        produce_id: our unique number of the content.
        kind: "1" is AI content, "2" possibly, "3" suspected.
        reserved: optional integrity data.
    """

    producer: str
    produce_id: str
    kind: str = "1"
    reserved: str = ""
