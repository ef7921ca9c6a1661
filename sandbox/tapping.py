"""What a person can touch on a card, and what the client then says about it. Pure.

Source: Feishu docs feishu-cards/card-callback-communication (May 2026) and card-json-v2-components.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import card_schema as schema
from sandbox import cards

ZONE = "Asia/Shanghai"
CHOSEN_ONE = ("select_static", "select_person", "overflow", "date_picker", "picker_time", "picker_datetime")
CHOSEN_MANY = ("multi_select_static", "multi_select_person")
DEFAULTS = {
    "input": "default_value",
    "select_static": "initial_option",
    "select_person": "initial_option",
    "multi_select_static": "selected_values",
    "multi_select_person": "selected_values",
    "date_picker": "initial_date",
    "picker_time": "initial_time",
    "picker_datetime": "initial_datetime",
    "checker": "checked",
}
TIMED = ("date_picker", "picker_time", "picker_datetime")


class CannotTouchError(Exception):
    """The person cannot do this on that card; the text says why."""


@dataclass(frozen=True, slots=True)
class Touchable:
    """An interactive component and the form around it, if any."""

    item: Mapping[str, Any]
    form: Mapping[str, Any] | None

    @property
    def label(self) -> str:
        """The text on it."""
        return str((self.item.get("text") or self.item.get("placeholder") or {}).get("content", ""))

    @property
    def labels(self) -> set[str]:
        """The text on it in every language."""
        text = self.item.get("text") or self.item.get("placeholder") or {}
        return {self.label, *(str(v) for v in (text.get("i18n_content") or {}).values())}


def touchables(card: Mapping[str, Any], form: Mapping[str, Any] | None = None) -> Iterator[Touchable]:
    """Every interactive component of a card in reading order."""
    root = card.get("body", card) if form is None else card
    yield from below(root.get("elements", []), form)


def below(value: Any, form: Mapping[str, Any] | None) -> Iterator[Touchable]:
    """Interactive components below ``value``."""
    if isinstance(value, list):
        for item in value:
            yield from below(item, form)
        return
    if not isinstance(value, dict):
        return
    tag = value.get("tag")
    if tag in schema.INTERACTIVE or (tag == "interactive_container" and value.get("behaviors")):
        yield Touchable(value, form)
    inner = value if tag == "form" else form
    for key in ("elements", "columns", "actions", "extra"):
        yield from below(value.get(key), inner)


def touch(card: Mapping[str, Any], wish: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The ``action`` that the client sends (None when it sends nothing) and the page it opens.

    ``forge`` in the wish is an action made up by whoever holds the client: it stands on no card.

    Raises:
        CannotTouchError: as ``find`` and ``action``.
    """
    if isinstance(wish.get("forge"), Mapping):
        return {"tag": "button", "timezone": ZONE, **wish["forge"]}, ""
    touchable = find(card, wish)
    told = action(touchable, wish) if calls_back(touchable) else None
    return told, link_of(touchable.item)


def find(card: Mapping[str, Any], wish: Mapping[str, Any]) -> Touchable:
    """The component a person means by {text | name | value | index}.

    Raises:
        CannotTouchError: none or several fit, or it is greyed out.
    """
    able = list(touchables(card))
    by_index = "index" in wish
    fitting = able[int(wish["index"]) :][:1] if by_index else [t for t in able if fits(t, wish)]
    if len(fitting) != 1:
        there = [t.label or t.item.get("name") or t.item.get("tag") for t in able]
        raise CannotTouchError(f"{len(fitting)} components fit {dict(wish)}; on the card are: {there}")
    if fitting[0].item.get("disabled"):
        raise CannotTouchError(f"{fitting[0].label!r} is disabled")
    return fitting[0]


def fits(touchable: Touchable, wish: Mapping[str, Any]) -> bool:
    """Whether a component is the one wished for."""
    item = touchable.item
    if "name" in wish and item.get("name") != wish["name"]:
        return False
    if "text" in wish and wish["text"] not in touchable.labels:
        return False
    if "value" in wish:
        wanted, own = wish["value"], value_of(item)
        if isinstance(wanted, dict) and isinstance(own, dict):
            return all(own.get(key) == value for key, value in wanted.items())
        return bool(wanted == own)
    return "name" in wish or "text" in wish


def value_of(item: Mapping[str, Any]) -> Any:
    """The value a component carries back; None when it carries none."""
    for behavior in item.get("behaviors", []):
        if behavior.get("type") == "callback":
            return behavior.get("value")
    return item.get("value")


def link_of(item: Mapping[str, Any]) -> str:
    """The page a component opens; empty when it opens none."""
    for behavior in item.get("behaviors", []):
        if behavior.get("type") == "open_url":
            return str(behavior.get("default_url") or behavior.get("pc_url") or "")
    return str(item.get("url") or (item.get("multi_url") or {}).get("url") or "")


def calls_back(touchable: Touchable) -> bool:
    """Whether touching a component sends a callback."""
    item = touchable.item
    if touchable.form is not None and item.get("tag") == "button" and cards.is_submit(item):
        return True
    if item.get("behaviors"):
        return any(b.get("type") == "callback" for b in item["behaviors"])
    return item.get("value") is not None or item.get("tag") in (*CHOSEN_ONE, *CHOSEN_MANY)


def action(touchable: Touchable, wish: Mapping[str, Any]) -> dict[str, Any]:
    """The ``action`` object of the callback.

    Raises:
        CannotTouchError: a form field is missing or wrong, or an option does not exist.
    """
    item = touchable.item
    tag = str(item["tag"])
    told: dict[str, Any] = {"tag": tag, "timezone": ZONE}
    value = value_of(item)
    if value is not None:
        told["value"] = value
    if item.get("name"):
        told["name"] = item["name"]
    if touchable.form is not None and tag == "button":
        told["form_value"] = form_value(touchable.form, wish.get("form") or {})
    elif touchable.form is not None:
        raise CannotTouchError("a field of a form says nothing by itself; tap the form's button")
    elif tag in CHOSEN_ONE:
        told["option"] = entered(item, wish.get("option"))
    elif tag in CHOSEN_MANY:
        told["options"] = entered(item, wish.get("option"))
    elif tag == "input":
        told["input_value"] = entered(item, wish.get("option"))
    elif tag == "checker":
        told["checked"] = bool(wish.get("option", not item.get("checked")))
    return told


def form_value(form: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """What a form sends: what the person filled in, else the defaults; empty optional fields are left out.

    Raises:
        CannotTouchError: a field that is not there, or a required one left empty.
    """
    fields = {
        str(t.item["name"]): t.item for t in below(form["elements"], form) if t.item.get("tag") != "button"
    }
    strange = set(filled) - set(fields)
    if strange:
        raise CannotTouchError(f"the form has no field {sorted(strange)}; it has {sorted(fields)}")
    values: dict[str, Any] = {}
    for name, item in fields.items():
        value = filled.get(name, item.get(DEFAULTS.get(str(item["tag"]), "")))
        if value in (None, "", []):
            if item.get("required"):
                raise CannotTouchError(f"the field {name} is required")
            continue
        values[name] = entered(item, value)
    return values


def entered(item: Mapping[str, Any], value: Any) -> Any:
    """A value as the client writes it: dates with their offset, texts as strings.

    Raises:
        CannotTouchError: too long, or not among the options.
    """
    tag = str(item["tag"])
    if tag == "checker":
        return bool(value)
    if tag in CHOSEN_MANY:
        chosen = [str(v) for v in value or []]
        for each in chosen:
            check_option(item, each)
        return chosen
    text = str(value if value is not None else "")
    if tag == "input" and len(text) > int(item.get("max_length", 1000)):
        raise CannotTouchError(f"the field takes at most {item.get('max_length', 1000)} characters")
    if tag in ("select_static", "select_person", "overflow"):
        check_option(item, text)
    return f"{text} +0800" if tag in TIMED and "+" not in text else text


def check_option(item: Mapping[str, Any], value: str) -> None:
    """Refuse what is not among the options; a person selector without options offers everybody."""
    offered = [option.get("value") for option in item.get("options") or []]
    if value not in offered and (offered or not str(item["tag"]).endswith("person")):
        raise CannotTouchError(f"{value!r} is not among the options {offered}")
