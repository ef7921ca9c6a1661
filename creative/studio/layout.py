"""Templates: where product, texts, logo and label stand for each class of proportions. Data, no code.

A template is JSON in a cell of a Bitable table that designers edit, so what is wrong with it is said in
Chinese and with its place. Lengths are shares: areas of the room inside margins, logo line and label line;
sizes, gaps and radii of the canvas's short side.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from itertools import combinations
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from creative.studio.model import Shape, Slot
from runtime.errors import ConfigError

Role = Literal["auto", "ink", "paper", "primary", "secondary", "accent"]
"""A colour of the brand; ``auto`` is ink or paper, whichever reads better on what lies beneath."""
Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right"]
Side = Literal["left", "top", "right", "bottom"]
Anchor = Literal["top", "middle", "bottom"]
Align = Literal["left", "center", "right"]
Share = Annotated[float, Field(ge=0, le=1)]


class TemplateError(ConfigError):
    """A template cannot be used. The message is for the row's 校验结果: place and what is expected there."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Area(_Strict):
    """A rectangle in shares of the room; may reach a little out of it (-0.2 to 1.2)."""

    left: Annotated[float, Field(ge=-0.2, le=1.2)]
    top: Annotated[float, Field(ge=-0.2, le=1.2)]
    right: Annotated[float, Field(ge=-0.2, le=1.2)]
    bottom: Annotated[float, Field(ge=-0.2, le=1.2)]

    @model_validator(mode="after")
    def _has_room(self) -> Area:
        if self.right - self.left < 0.05 or self.bottom - self.top < 0.03:
            raise ValueError("区域太小或方向反了：right 应大于 left，bottom 应大于 top")
        return self

    def meets(self, other: Area) -> bool:
        """Whether two areas share more than an edge."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > 1e-6 and down > 1e-6

    def joined(self, other: Area) -> Area:
        """The smallest area that holds both, within the room."""
        return Area(
            left=max(0.0, min(self.left, other.left)),
            top=max(0.0, min(self.top, other.top)),
            right=min(1.0, max(self.right, other.right)),
            bottom=min(1.0, max(self.bottom, other.bottom)),
        )

    def mirrored(self) -> Area:
        """Left and right exchanged."""
        return Area(left=1 - self.right, top=self.top, right=1 - self.left, bottom=self.bottom)


class Number(_Strict):
    """Numbers set apart: ``scale`` times the text's size, in ``colour`` where that reads well."""

    scale: Annotated[float, Field(ge=1, le=3)] = 1.0
    colour: Role = "auto"


class Pill(_Strict):
    """A filled shape behind one line: a button, a price tag. ``radius`` 0.5 makes its ends half circles.

    ``across`` and ``down`` are the room beside and above the letters, ems.
    """

    colour: Role = "accent"
    radius: Annotated[float, Field(ge=0, le=0.5)] = 0.5
    across: Annotated[float, Field(ge=0, le=2)] = 0.8
    down: Annotated[float, Field(ge=0, le=2)] = 0.42


class TextStyle(_Strict):
    """How one slot is set.

    ``smallest`` and ``largest`` are sizes; ``gap`` is kept over it; ``stroke`` is a share of the size;
    ``bullet`` stands before each paragraph; ``join`` puts paragraphs into one line with this between them;
    ``beside`` sets it to the right of the text before it, where there is room.
    """

    slot: Slot
    smallest: Annotated[float, Field(ge=0.018, le=0.4)]
    largest: Annotated[float, Field(ge=0.018, le=0.4)]
    weight: Literal[400, 700, 900] = 400
    lines: Annotated[int, Field(ge=1, le=12)] = 2
    leading: Annotated[float, Field(ge=1, le=2.5)] = 1.3
    gap: Annotated[float, Field(ge=0, le=0.3)] = 0.03
    colour: Role = "auto"
    number: Number = Number()
    stroke: Annotated[float, Field(ge=0, le=0.15)] = 0.0
    shadow: bool = False
    pill: Pill | None = None
    bullet: Literal["none", "dot", "check"] = "none"
    join: Annotated[str, Field(max_length=5)] = ""
    beside: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> TextStyle:
        if self.largest < self.smallest:
            raise ValueError("largest 不能小于 smallest")
        return self


class Panel(_Strict):
    """A coloured ground under a column; ``bleed`` names the sides on which it runs to the canvas's edge."""

    colour: Role = "secondary"
    opacity: Share = 1.0
    radius: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    padding: Annotated[float, Field(ge=0, le=0.2)] = 0.05
    bleed: tuple[Side, ...] = ()
    hug: bool = False


class Column(_Strict):
    """Texts that stand over one another. An empty text takes no room; all shrink together until they fit.

    ``bar`` is a short accent line over the first text. ``panel.hug`` fits the panel to the texts.
    """

    area: Area
    texts: Annotated[tuple[TextStyle, ...], Field(min_length=1)]
    anchor: Anchor = "middle"
    align: Align = "left"
    panel: Panel | None = None
    bar: Role | None = None


class Place(_Strict):
    """Where the product stands. ``upscale`` is how much a small photo may be enlarged."""

    area: Area
    anchor: Anchor = "bottom"
    align: Align = "center"
    shadow: Literal["contact", "soft", "none"] = "contact"
    upscale: Annotated[float, Field(ge=1, le=4)] = 2.0


class Foot(_Strict):
    """The line at the bottom that small print and the visible label share."""

    smallest: Annotated[float, Field(ge=0.018, le=0.1)] = 0.02
    largest: Annotated[float, Field(ge=0.018, le=0.1)] = 0.026


class Arrangement(_Strict):
    """The layout for one class of proportions. ``logo`` is the logo's height."""

    product: Place
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]
    corner: Literal["top_left", "top_right", "top_center"] = "top_left"
    mark: Literal["bottom_left", "bottom_right"] = "bottom_right"
    logo: Annotated[float, Field(ge=0.03, le=0.2)] = 0.055
    foot: Foot = Foot()

    @model_validator(mode="after")
    def _sound(self) -> Arrangement:
        slots = [text.slot for column in self.columns for text in column.texts]
        if len(set(slots)) != len(slots) or Slot.FOOTNOTE in slots:
            raise ValueError("每个文字位只能出现一次，footnote 写在 foot 里")
        lost = [slot.value for slot in Slot if slot not in slots and slot is not Slot.FOOTNOTE]
        if lost:
            raise ValueError(f"缺少文字位 {'、'.join(lost)}")
        areas = [self.product.area, *(column.area for column in self.columns)]
        if any(one.meets(other) for one, other in combinations(areas, 2)):
            raise ValueError("商品区域与文字区域（或两个文字区域）重叠")
        return self


class Template(_Strict):
    """A whole template.

    Args:
        key: stable name.
        name: what people pick (``左文右图``).
        mirror: variants may exchange left and right.
        tones: what colours variants exchange, e.g. ``{"secondary": "primary"}``; the first is the plain one.
        shapes: an arrangement for each of the five classes of proportions.
    """

    key: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    name: Annotated[str, Field(min_length=1, max_length=20)]
    mirror: bool = False
    tones: Annotated[tuple[dict[Role, Role], ...], Field(min_length=1)] = ({},)
    shapes: dict[Shape, Arrangement]

    @model_validator(mode="after")
    def _complete(self) -> Template:
        lost = [shape.value for shape in Shape if shape not in self.shapes]
        if lost:
            raise ValueError(f"缺少版式 {'、'.join(lost)}")
        return self


_SENTENCES: Final = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项，请删掉或检查拼写",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "float_type": "应该是数字",
    "int_type": "应该是整数",
    "bool_type": "应该是 true 或 false",
    "string_type": "应该是文字",
    "tuple_type": "应该是列表",
    "dict_type": "应该是 {{…}} 对象",
    "model_type": "应该是 {{…}} 对象",
    "too_short": "至少要有 {min_length} 项",
    "string_too_short": "不能为空",
    "string_too_long": "最多 {max_length} 个字",
    "greater_than": "应大于 {gt}",
    "literal_error": "只能是 {expected}",
    "enum": "只能是 {expected}",
    "string_pattern_mismatch": "只能用小写字母、数字和下划线，最多 40 个",
    "value_error": "{error}",
    "json_invalid": "不是合法的 JSON：{error}",
}


def _sentence(fault: ErrorDetails) -> str:
    """One fault of pydantic as place and expectation."""
    place = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    form = _SENTENCES.get(fault["type"])
    said = form.format(**fault.get("ctx", {})) if form else fault["msg"]
    return f"{place or '模板'}：{said}"


def read_template(text: str) -> Template:
    """Read a template from JSON.

    Raises:
        TemplateError: what is wrong, at most five places, in Chinese; show it to whoever edited the row.
    """
    try:
        return Template.model_validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        more = f"；另有 {len(faults) - 5} 处" if len(faults) > 5 else ""
        raise TemplateError("；".join(_sentence(fault) for fault in faults[:5]) + more) from error


@cache
def defaults() -> dict[str, Template]:
    """The templates that come with the product, by key, in a stable order."""
    folder = resources.files("creative.studio") / "data" / "templates"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".json")), key=lambda one: one.name)
    read = [read_template(one.read_text("utf-8")) for one in files]
    return {template.key: template for template in read}
