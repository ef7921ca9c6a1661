"""Build cards (JSON 2.0) out of small functions; ``card(…)`` checks the whole before anybody can send it.

Words are either a plain string (data: names, numbers) or ``text("中文", "English")``, which each
reader sees in their own language. Example::

    card(
        header(text("ROI 跌破红线", "ROI below the line"), severity="critical"),
        [
            markdown(text("**夏季新品** 1:2.1", "**Summer** 1:2.1")),
            button(text("调整预算", "Adjust budget"), "alert.budget", {"id": alert_id, "v": 3}),
        ],
        summary=text("ROI 跌破红线", "ROI below the line"),
    )

A button's value is seen by the client: ids and versions only, never amounts or rights.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot import card_rules
from bot.card_rules import CardInvalid, check
from bot.charts import line_chart
from bot.words import Element, Text, Words, plain, spoken, text

__all__ = [
    "Card",
    "CardInvalid",
    "Element",
    "Text",
    "Words",
    "button",
    "card",
    "check",
    "collapsible",
    "column",
    "columns",
    "facts",
    "form",
    "header",
    "hr",
    "image",
    "line_chart",
    "link",
    "markdown",
    "note",
    "number_input",
    "person_select",
    "select",
    "submit",
    "text",
    "text_input",
]

Kind = Literal["default", "primary", "danger", "text", "primary_filled", "danger_filled"]
Severity = Literal["critical", "warning", "info", "resolved", "unknown", "muted"]

SEVERITY_COLOURS: Final[Mapping[str, str]] = {
    "critical": "red",
    "warning": "orange",
    "info": "blue",
    "resolved": "green",
    "unknown": "purple",
    "muted": "grey",
}
"""One colour a severity, everywhere the same."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card that was checked; ``data`` is what is sent."""

    data: Mapping[str, Any]


def card(
    head: Element | None,
    elements: Iterable[Element],
    *,
    summary: Words,
    fill: bool = False,
) -> Card:
    """Put a card together and check it.

    Args:
        head: From :func:`header`, or None.
        elements: What the card shows, from top to bottom.
        summary: The line in the list of chats and in notifications. No amounts of pay.
        fill: Use the whole width of the chat.

    Raises:
        CardInvalid: The platform would refuse it; the message has the path of the fault.
    """
    config: Element = {"update_multi": True, "enable_forward": False, "summary": spoken(summary)}
    if fill:
        config["width_mode"] = "fill"
    data: Element = {"schema": "2.0", "config": config, "body": {"elements": list(elements)}}
    if head is not None:
        data["header"] = head
    card_rules.check(data)
    return Card(data)


def header(
    title: Words, *, subtitle: Words | None = None, severity: Severity = "info", tags: Sequence[Words] = ()
) -> Element:
    """Build the coloured head of a card; at most three tags, in the colour of the severity."""
    colour = SEVERITY_COLOURS[severity]
    built: Element = {"title": plain(title), "template": colour}
    if subtitle is not None:
        built["subtitle"] = plain(subtitle)
    if tags:
        shade = "neutral" if colour == "grey" else colour
        built["text_tag_list"] = [{"tag": "text_tag", "text": plain(tag), "color": shade} for tag in tags]
    return built


def markdown(words: Words, *, size: str = "normal") -> Element:
    """Show markdown: bold, lists, links, ``<at id=ou_…></at>``, ``<font color='red'>``."""
    return {"tag": "markdown", **spoken(words), "text_size": size, "text_align": "left"}


def note(words: Words) -> Element:
    """Show a small grey line, for sources and times."""
    grey = [
        f"<font color='grey'>{part}</font>" for part in ((words,) if isinstance(words, str) else words.both)
    ]
    return markdown(grey[0] if len(grey) == 1 else text(grey[0], grey[1]), size="notation")


def facts(pairs: Sequence[tuple[Words, Words]], *, per_row: int = 2) -> Element:
    """Show labelled values side by side, each a grey label above a bold value."""
    cells = [column(note(label), markdown(_bold(value))) for label, value in pairs]
    return columns(*cells, flex="bisect" if per_row == 2 else "trisect" if per_row == 3 else "flow")


def _bold(words: Words) -> Words:
    return f"**{words}**" if isinstance(words, str) else text(*(f"**{part}**" for part in words.both))


def columns(*cells: Element, flex: str = "none", gap: str = "8px") -> Element:
    """Put columns side by side; on a phone ``flex`` says how they break."""
    return {"tag": "column_set", "flex_mode": flex, "horizontal_spacing": gap, "columns": list(cells)}


def column(*elements: Element, weight: int | None = 1, background: str | None = None) -> Element:
    """One column; ``weight=None`` makes it as wide as its content."""
    built: Element = {"tag": "column", "elements": list(elements), "vertical_align": "top"}
    built |= {"width": "auto"} if weight is None else {"width": "weighted", "weight": weight}
    if background is not None:
        built["background_style"] = background
    return built


def hr() -> Element:
    """A line."""
    return {"tag": "hr"}


def image(key: str, alt: Words) -> Element:
    """Show an uploaded picture as wide as the card; a tap enlarges it.

    Args:
        key: From ``Im.upload_image`` of this app.
        alt: What the picture shows, for who cannot see it.
    """
    built: Element = {"tag": "img", "img_key": key, "alt": plain(alt), "preview": True}
    return built | {"scale_type": "fit_horizontal", "corner_radius": "8px"}


def collapsible(title: Words, *elements: Element) -> Element:
    """Elements behind a title that opens them."""
    head = {"title": {"tag": "markdown", **spoken(title)}}
    return {"tag": "collapsible_panel", "expanded": False, "header": head, "elements": list(elements)}


def button(
    label: Words,
    action: str,
    value: Mapping[str, Any] | None = None,
    *,
    kind: Kind = "default",
    confirm: tuple[Words, Words] | None = None,
) -> Element:
    """A button that calls ``router.on_tap(action, …)``.

    Args:
        label: At most 100 characters.
        action: The name of the handler; travels as ``"a"``.
        value: Ids and the expected version, e.g. ``{"id": alert_id, "v": 3}``.
        kind: Its look.
        confirm: Title and question that must be agreed to first.
    """
    built: Element = {"tag": "button", "type": kind, "text": plain(label)}
    built["behaviors"] = [_callback(action, value or {})]
    if confirm is not None:
        built["confirm"] = {"title": plain(confirm[0]), "text": plain(confirm[1])}
    return built


def link(label: Words, url: str, *, kind: Kind = "default") -> Element:
    """A button that opens an address."""
    return {
        "tag": "button",
        "type": kind,
        "text": plain(label),
        "behaviors": [{"type": "open_url", "default_url": url}],
    }


def form(name: str, *elements: Element) -> Element:
    """A form: nothing is sent until its :func:`submit` is tapped; ``tap.form`` then has all values."""
    return {"tag": "form", "name": name, "elements": list(elements)}


def submit(
    label: Words,
    action: str,
    value: Mapping[str, Any] | None = None,
    *,
    kind: Kind = "primary_filled",
    confirm: tuple[Words, Words] | None = None,
) -> Element:
    """The button that sends a form; its name is made from the action."""
    built = button(label, action, value, kind=kind, confirm=confirm)
    return {**built, "name": f"submit_{action.replace('.', '_')}", "form_action_type": "submit"}


def text_input(
    name: str,
    label: Words,
    *,
    placeholder: Words | None = None,
    default: str = "",
    required: bool = False,
    max_length: int = 200,
    multiline: bool = False,
) -> Element:
    """A field for text; the value arrives as a string (perhaps missing when left empty)."""
    built: Element = {"tag": "input", "name": name, "required": required, "max_length": max_length}
    built |= {"label": plain(label), "label_position": "top", "width": "fill"}
    if multiline:
        built |= {"input_type": "multiline_text", "rows": 3}
    if default:
        built["default_value"] = default
    if placeholder is not None:
        built["placeholder"] = plain(placeholder)
    return built


def number_input(name: str, label: Words, *, default: str = "") -> Element:
    """A field for a number; the platform sends text, so read it with ``Decimal`` and refuse kindly."""
    return text_input(name, label, default=default, required=True, max_length=20)


def select(
    name: str,
    options: Sequence[tuple[str, Words]],
    action: str,
    value: Mapping[str, Any],
    *,
    placeholder: Words,
    initial: str | None = None,
) -> Element:
    """A choice among options (value, label); ``action`` is called at once with ``tap.option``."""
    built: Element = {"tag": "select_static", "name": name, "width": "fill"}
    built["options"] = [{"text": plain(label), "value": key} for key, label in options]
    if initial is not None:
        built["initial_option"] = initial
    return {**built, "placeholder": plain(placeholder), "behaviors": [_callback(action, value)]}


def person_select(
    name: str, people: Sequence[str], action: str, value: Mapping[str, Any], *, placeholder: Words
) -> Element:
    """A choice among people by open_id, as :func:`select`."""
    built: Element = {"tag": "select_person", "name": name, "width": "fill"}
    built["options"] = [{"value": open_id} for open_id in people]
    return {**built, "placeholder": plain(placeholder), "behaviors": [_callback(action, value)]}


def _callback(action: str, value: Mapping[str, Any]) -> Element:
    return {"type": "callback", "value": {"a": action, **value}}
