"""A card as HTML that looks and behaves like the client's. What can be touched carries ``data-index``."""

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox import card_schema as schema
from sandbox import cards, tapping
from sandbox.chart_svg import chart
from sandbox.markdown_html import NameOf, inline, markdown

FLEX = ("none", "stretch", "flow", "bisect", "trisect")
SIZES = {"large": "160px", "medium": "100px", "small": "60px", "tiny": "40px"}
ALIGNED = {"center": " al-center", "right": " al-right"}
SHANGHAI = ZoneInfo("Asia/Shanghai")
DRAWN = {*schema.COMPONENTS, "note", "action", "plain_text"}
GAPS = {"small": "4px", "medium": "8px", "large": "12px", "extra_large": "16px", "default": "8px"}


def esc(value: Any) -> str:
    """Text for HTML."""
    return html.escape(str(value), quote=True)


def image_of_chat(key: str) -> str:
    """Where the page finds an image that an app uploaded."""
    return f"/web/image/{key}"


@dataclass(slots=True)
class Draw:
    """Draws one card for one reader.

    Attributes:
        name_of: the name behind an open_id.
        language: of the reader: zh_cn or en_us.
        image: the address of an image key.
        indexes: what can be touched, by identity of the component: its place in ``tapping.touchables``.
    """

    name_of: NameOf
    language: str
    image: Callable[[str], str] = image_of_chat
    indexes: dict[int, int] = field(default_factory=dict)

    def card(self, card: Mapping[str, Any]) -> str:
        """The whole card."""
        self.indexes = {id(t.item): n for n, t in enumerate(tapping.touchables(card))}
        config = card.get("config") or {}
        width = {"fill": " fill", "compact": " compact"}.get(str(config.get("width_mode")), "")
        elements = (
            (card.get("body") or {}).get("elements", []) if cards.is_v2(card) else card.get("elements", [])
        )
        body = "".join(self.element(element) for element in elements)
        head = self.header(card["header"]) if card.get("header") else ""
        return f'<div class="card{width}">{head}<div class="card-body">{body}</div></div>'

    def words(self, text: Any) -> str:
        """The text of a text object in the reader's language, not yet escaped."""
        if not isinstance(text, dict):
            return str(text or "")
        spoken = (text.get("i18n_content") or {}).get(self.language)
        return str(spoken or text.get("content") or "")

    def pick(self, chinese: str, english: str) -> str:
        """A word of the client itself in the reader's language."""
        return english if self.language == "en_us" else chinese

    def text(self, text: Any) -> str:
        """A text object as HTML."""
        if not isinstance(text, dict):
            return esc(text or "")
        said = self.words(text)
        return inline(said, self.name_of) if text.get("tag") in ("lark_md", "markdown") else esc(said)

    def header(self, header: Mapping[str, Any]) -> str:
        """The coloured head."""
        tags = "".join(
            f'<span class="tag tag-{esc(t.get("color", "blue"))}">{self.text(t.get("text"))}</span>'
            for t in header.get("text_tag_list", [])
        )
        below = (
            f'<div class="subtitle">{self.text(header["subtitle"])}</div>' if header.get("subtitle") else ""
        )
        return (
            f'<div class="card-head head-{esc(header.get("template", "default"))}">'
            f'<div class="title">{self.text(header.get("title"))}{tags}</div>{below}</div>'
        )

    def element(self, item: Any) -> str:
        """Any component."""
        if not isinstance(item, dict):
            return ""
        tag = str(item.get("tag"))
        drawn = getattr(self, f"_{tag}", None) if tag in DRAWN else None
        if drawn is None:
            return f'<div class="unknown">{esc(tag)}</div>'
        style = f' style="margin:{esc(item["margin"])}"' if item.get("margin") else ""
        return f'<div class="el el-{tag}"{style}>{drawn(item)}</div>'

    def elements(self, items: Any) -> str:
        """Components one under the other."""
        return "".join(self.element(item) for item in items or [])

    def _markdown(self, item: Mapping[str, Any]) -> str:
        align = esc(item.get("text_align", "left"))
        size = esc(item.get("text_size", "normal"))
        said = markdown(self.words(item), self.name_of)
        return f'<div class="md size-{size}" style="text-align:{align}">{said}</div>'

    def _div(self, item: Mapping[str, Any]) -> str:
        fields = "".join(
            f'<div class="{"short" if f.get("is_short") else "long"}">{self._block(f.get("text"))}</div>'
            for f in item.get("fields", [])
        )
        extra = self.element(item["extra"]) if item.get("extra") else ""
        return f'{self._block(item.get("text"))}<div class="fields">{fields}</div>{extra}'

    def _block(self, text: Any) -> str:
        if isinstance(text, dict) and text.get("tag") in ("lark_md", "markdown"):
            return markdown(self.words(text), self.name_of)
        return f"<p>{self.text(text)}</p>" if text else ""

    def _hr(self, _item: Mapping[str, Any]) -> str:
        return "<hr>"

    def _chart(self, item: dict[str, Any]) -> str:
        return chart(item)

    def _img(self, item: Mapping[str, Any]) -> str:
        above = f'<p class="img-title">{self.text(item["title"])}</p>' if item.get("title") else ""
        size = str(item.get("size", ""))
        wide = SIZES.get(size) or (size.split(maxsplit=1)[0] if re.fullmatch(r"\d+px \d+px", size) else "")
        round_ = str(item.get("corner_radius", ""))
        style = f"width:{wide};" if wide else ""
        style += f"border-radius:{round_}" if re.fullmatch(r"\d{1,3}(px|%)", round_) else ""
        kind = f"{item.get('scale_type', '')}{' fixed' if wide else ''}"
        source, alt = esc(self.image(str(item.get("img_key")))), esc(self.words(item.get("alt")))
        return f'{above}<img class="{esc(kind)}" src="{source}" alt="{alt}" style="{style}">'

    def _img_combination(self, item: Mapping[str, Any]) -> str:
        mode = str(item.get("combination_mode"))
        wide = {"trisect": " combo-3", "triple": " combo-triple"}.get(mode, "")
        return f'<div class="combo{wide}">{"".join(self._img(i) for i in item.get("img_list", []))}</div>'

    def _person(self, item: Mapping[str, Any]) -> str:
        return chip(self.name_of(str(item.get("user_id"))))

    def _person_list(self, item: Mapping[str, Any]) -> str:
        return "".join(chip(self.name_of(str(p.get("id")))) for p in item.get("persons", []))

    def _note(self, item: Mapping[str, Any]) -> str:
        return "".join(self.text(e) for e in item.get("elements", []))

    def _plain_text(self, item: Mapping[str, Any]) -> str:
        return self.text(item)

    def _column_set(self, item: Mapping[str, Any]) -> str:
        columns = [c for c in item.get("columns", []) if isinstance(c, dict)]
        mode = str(item.get("flex_mode", "none"))
        flex = mode if mode in FLEX else "none"
        gap = str(item.get("horizontal_spacing", "8px"))
        place = {"center": "center", "right": "end"}.get(str(item.get("horizontal_align")), "start")
        style = f"--tracks:{' '.join(track(c) for c in columns)};gap:{esc(GAPS.get(gap, gap))}"
        style += f";justify-content:{place}" if flex in ("none", "flow") else ""
        back = esc(item.get("background_style", "default"))
        cells = "".join(self._column(c) for c in columns)
        return f'<div class="cols flex-{flex} back-{back}" style="{style}">{cells}</div>'

    def _column(self, item: Mapping[str, Any]) -> str:
        back = esc(item.get("background_style", "default"))
        place = {"center": "center", "bottom": "end"}.get(str(item.get("vertical_align")), "start")
        style = f"align-self:{place}" + (f";padding:{esc(item['padding'])}" if item.get("padding") else "")
        gap = str(item.get("vertical_spacing", ""))
        style += f";gap:{esc(GAPS.get(gap, gap))}" if gap else ""
        kind = " weighted" if item.get("width") == "weighted" else ""
        return (
            f'<div class="col{kind} back-{back}" style="{style}">{self.elements(item.get("elements"))}</div>'
        )

    def _action(self, item: Mapping[str, Any]) -> str:
        return f'<div class="row">{self.elements(item.get("actions"))}</div>'

    def _form(self, item: Mapping[str, Any]) -> str:
        inside = self.elements(item.get("elements"))
        return f'<form class="card-form" data-form="{esc(item.get("name"))}">{inside}</form>'

    def _interactive_container(self, item: Mapping[str, Any]) -> str:
        border = " bordered" if item.get("has_border") else ""
        return f'<div class="touch{border}" {self._touch(item)}>{self.elements(item.get("elements"))}</div>'

    def _collapsible_panel(self, item: Mapping[str, Any]) -> str:
        title = self.text((item.get("header") or {}).get("title"))
        opened = " open" if item.get("expanded") else ""
        inside = self.elements(item.get("elements"))
        return f'<details{opened}><summary>{title}</summary><div class="inside">{inside}</div></details>'

    def _table(self, item: Mapping[str, Any]) -> str:
        columns = item.get("columns", [])
        style = item.get("header_style") or {}
        plain = " plain" if style.get("background_style") == "none" else ""
        plain += " bold" if style.get("bold", True) and style else ""
        head = "".join(
            f'<th class="{aligned(c)}{plain}">{esc(c.get("display_name") or c.get("name"))}</th>'
            for c in columns
        )
        size = int(item.get("page_size", 5))
        rows = [
            f'<tr data-page="{n // size}"{"" if n < size else " hidden"}>'
            + "".join(
                f'<td class="{aligned(c)}">{self._cell(c, row.get(c.get("name")))}</td>' for c in columns
            )
            + "</tr>"
            for n, row in enumerate(item.get("rows", []))
        ]
        pages = -(-len(rows) // size)
        turn = (
            f'<div class="pager" data-pages="{pages}"><button type="button" data-turn="-1">‹</button>'
            f'<span>1 / {pages}</span><button type="button" data-turn="1">›</button></div>'
            if pages > 1
            else ""
        )
        return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>{turn}'

    def _cell(self, column: Mapping[str, Any], value: Any) -> str:
        kind = column.get("data_type", "text")
        if value is None:
            return ""
        if kind in ("lark_md", "markdown"):
            return inline(str(value), self.name_of)
        if kind == "options":
            options = value if isinstance(value, list) else [{"text": value}]
            return "".join(
                f'<span class="tag tag-{esc(o.get("color", "blue"))}">{esc(o.get("text"))}</span>'
                for o in options
            )
        if kind == "persons":
            people = value if isinstance(value, list) else [value]
            return "".join(chip(self.name_of(str(p))) for p in people)
        if kind == "number":
            form = column.get("format") or {}
            digits = int(form.get("precision", 0 if float(value).is_integer() else 2))
            comma = "," if form.get("separator", True) else ""
            return f"{esc(form.get('symbol', ''))}{format(float(value), f'{comma}.{digits}f')}"
        if kind == "date":
            return esc(datetime.fromtimestamp(float(value) / 1000, SHANGHAI).strftime("%Y-%m-%d"))
        return esc(value)

    def _touch(self, item: Mapping[str, Any]) -> str:
        """Attributes of what can be touched."""
        parts = [f'data-index="{self.indexes.get(id(item), -1)}"']
        link = tapping.link_of(item)
        if link:
            parts.append(f'data-link="{esc(link)}"')
        if item.get("confirm"):
            asked = [self.words(item["confirm"].get(k)) for k in ("title", "text")]
            parts.append(f'data-confirm="{esc(json.dumps(asked, ensure_ascii=False))}"')
        if item.get("name"):
            parts.append(f'name="{esc(item["name"])}"')
        hint = item.get("disabled_tips") if item.get("disabled") else item.get("hover_tips")
        parts += [f'title="{esc(self.words(hint))}"'] if hint else []
        parts += ["disabled"] if item.get("disabled") else []
        parts += ["required"] if item.get("required") else []
        return " ".join(parts)

    def _button(self, item: Mapping[str, Any]) -> str:
        kind, size = esc(item.get("type", "default")), esc(item.get("size", "medium"))
        role = (
            "reset"
            if item.get("form_action_type") == "reset"
            else "submit"
            if cards.is_submit(item)
            else "tap"
        )
        wide = " wide" if item.get("width") == "fill" else ""
        label = self.text(item.get("text"))
        return (
            f'<button type="button" class="btn btn-{kind} btn-{size}{wide}" data-role="{role}" '
            f"{self._touch(item)}>{label}</button>"
        )

    def _label(self, item: Mapping[str, Any]) -> str:
        star = '<span class="star">*</span>' if item.get("required") else ""
        return f'<label class="label">{self.text(item["label"])}{star}</label>' if item.get("label") else ""

    def _input(self, item: Mapping[str, Any]) -> str:
        hint = esc(self.words(item.get("placeholder")) or self.pick("请输入", "Please enter"))
        value = esc(item.get("default_value", ""))
        limit = int(item.get("max_length", 1000))
        if item.get("input_type") == "multiline_text":
            box = (
                f'<textarea rows="{int(item.get("rows", 3))}" maxlength="{limit}" placeholder="{hint}" '
                f"{self._touch(item)}>{value}</textarea>"
            )
        else:
            kind = "password" if item.get("input_type") == "password" else "text"
            box = (
                f'<input type="{kind}" maxlength="{limit}" placeholder="{hint}" value="{value}" '
                f"{self._touch(item)}>"
            )
        left = item.get("label_position") == "left" and item.get("label")
        inside = self._label(item) + box
        return f'<div class="label-left">{inside}</div>' if left else inside

    def _select_static(self, item: Mapping[str, Any]) -> str:
        many = str(item["tag"]).startswith("multi")
        chosen = item.get("selected_values") or [item.get("initial_option")]
        hint = esc(self.words(item.get("placeholder")) or self.pick("请选择", "Please select"))
        options = "".join(
            f'<option value="{esc(o.get("value"))}"{" selected" if o.get("value") in chosen else ""}>'
            f"{self.text(o.get('text')) or esc(self.name_of(str(o.get('value'))))}</option>"
            for o in item.get("options", [])
        )
        first = "" if many else f'<option value="">{hint}</option>'
        multiple = " multiple" if many else ""
        return f"{self._label(item)}<select{multiple} {self._touch(item)}>{first}{options}</select>"

    _multi_select_static = _select_person = _multi_select_person = _overflow = _select_static

    def _date_picker(self, item: Mapping[str, Any]) -> str:
        kind, first = {
            "date_picker": ("date", "initial_date"),
            "picker_time": ("time", "initial_time"),
            "picker_datetime": ("datetime-local", "initial_datetime"),
        }[str(item["tag"])]
        value = esc(str(item.get(first, "")).replace(" ", "T"))
        return f'{self._label(item)}<input type="{kind}" value="{value}" {self._touch(item)}>'

    _picker_time = _picker_datetime = _date_picker

    def _checker(self, item: Mapping[str, Any]) -> str:
        checked = " checked" if item.get("checked") else ""
        box = f'<input type="checkbox"{checked} {self._touch(item)}>'
        struck = ' class="struck"' if (item.get("checked_style") or {}).get("show_strikethrough") else ""
        return f'<label class="check">{box}<span{struck}>{self.text(item.get("text"))}</span></label>'


def track(column: Mapping[str, Any]) -> str:
    """The width of a column as a grid track."""
    width = column.get("width", "auto")
    if width == "weighted":
        return f"minmax(0,{int(column.get('weight', 1))}fr)"
    return "auto" if width == "auto" else esc(width)


def aligned(column: Mapping[str, Any]) -> str:
    """The class of a cell: where its content stands; numbers stand right unless the column says otherwise."""
    number = column.get("data_type") == "number"
    wanted = ALIGNED.get(str(column.get("horizontal_align")), "")
    return ("num" if number and "horizontal_align" not in column else "") + wanted


def chip(name: str) -> str:
    """A person with a small picture."""
    return f'<span class="person">{avatar(name, "tiny")}{esc(name)}</span>'


def avatar(name: str, size: str = "") -> str:
    """A round picture with the last two letters of a name, in a colour of its own."""
    hue = sum(ord(letter) * 37 for letter in name) % 8
    short = name[-2:] if name and ord(name[-1]) > 0x2E80 else name[:1]
    return f'<span class="avatar hue-{hue} {size}">{esc(short)}</span>'
