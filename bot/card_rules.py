"""Check a card before it is sent: what the platform would refuse is said here first, and where.

``check(card)`` walks the card once. A sentence looks like
``body.elements[2].columns[0].elements[1] (button): the text has 130 characters; 100 are allowed.``

Written from the platform's documentation, independently of the sandbox's own check, so that one misreading
cannot hide itself.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from bot import card_schema as schema
from bot.card_faults import CardInvalid, as_list, as_mapping, check_table, count_elements, fail, tagged

__all__ = ["CardInvalid", "check"]

MAX_BYTES: Final = 30 * 1024
MAX_ELEMENTS: Final = 200
MAX_TABLES: Final = 5
MAX_CHARTS: Final = 5
MAX_MARKDOWN_TABLES: Final = 3  # not documented; measured by others in March 2026 (sub-error 11310)
MAX_NESTING: Final = 5
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,19}")
_SPACES: Final = re.compile(r"-?\d{1,2}px( -?\d{1,2}px){0,3}")
_GAP: Final = re.compile(r"small|medium|large|extra_large|\d{1,2}px")
_COLUMN_WIDTH: Final = re.compile(r"auto|weighted|\d{2,3}px")
_TABLE_RULE: Final = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$", re.MULTILINE)


def check(card: Mapping[str, Any]) -> None:
    """Check a whole card (JSON 2.0).

    Args:
        card: The card as it would be sent.

    Raises:
        CardInvalid: The first fault found, with its path.
    """
    _Walk().card(card)


class _Walk:
    """One walk over one card, remembering what must be unique or limited in all of it."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.names: set[str] = set()
        self.tables = 0
        self.charts = 0
        self.markdown_tables = 0

    def card(self, card: Mapping[str, Any]) -> None:
        as_mapping("card", card)
        if card.get("schema") != "2.0":
            fail(
                "card",
                'the property schema must be "2.0"; without it the platform takes the card for version 1',
            )
        self._known("card", card, schema.ROOT)
        self._size(card)
        self._config(card.get("config", {}))
        if "header" in card:
            self._header(card["header"])
        body = as_mapping("body", card.get("body"))
        self._known("body", body, schema.BODY)
        self._layout("body", body)
        self._elements("body.elements", body.get("elements"), in_form=False, depth=0)

    @staticmethod
    def _size(card: Mapping[str, Any]) -> None:
        try:
            size = len(json.dumps(card, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
        except (TypeError, ValueError) as error:
            raise CardInvalid(
                f"card: it is not plain JSON ({error}); write Decimal and datetime as text."
            ) from error
        if size > MAX_BYTES:
            fail("card", f"it has {size} bytes; {MAX_BYTES} are allowed. Shorten it or leave rows out")
        count = count_elements(card)
        if count > MAX_ELEMENTS:
            fail(
                "card",
                f"it has {count} elements (texts count); {MAX_ELEMENTS} are allowed. Put lists into a table",
            )

    def _config(self, config: Any) -> None:
        self._known("config", as_mapping("config", config), schema.CONFIG)
        if config.get("update_multi", True) is not True:
            fail("config.update_multi", "version 2.0 only knows true")
        self._word("config", config, "width_mode", frozenset({"default", "compact", "fill"}))
        summary = as_mapping("config.summary", config.get("summary", {}))
        self._known("config.summary", summary, frozenset({"content", "i18n_content"}))
        self._languages("config.summary", summary)

    def _header(self, header: Any) -> None:
        self._known("header", as_mapping("header", header), schema.HEADER)
        if "title" not in header:
            fail("header", "the title is missing")
        for name in ("title", "subtitle"):
            if name in header:
                self._text(f"header.{name}", header[name])
        self._word("header", header, "template", schema.COLOURS)
        self._layout("header", header)
        tags = as_list("header.text_tag_list", header.get("text_tag_list", []))
        if len(tags) > 3:
            fail("header.text_tag_list", f"there are {len(tags)} tags; 3 are allowed")
        for index, tag in enumerate(tags):
            path = f"header.text_tag_list[{index}]"
            self._known(path, as_mapping(path, tag), frozenset({"tag", "element_id", "text", "color"}))
            if tag.get("tag") != "text_tag":
                fail(path, 'its tag must be "text_tag"')
            self._text(f"{path}.text", tag.get("text"))
            self._word(path, tag, "color", schema.TAG_COLOURS)

    def _elements(self, path: str, elements: Any, *, in_form: bool, depth: int) -> None:
        for index, element in enumerate(as_list(path, elements)):
            self._element(f"{path}[{index}]", element, in_form=in_form, depth=depth)

    def _element(self, path: str, element: Any, *, in_form: bool, depth: int) -> None:
        tag = as_mapping(path, element).get("tag")
        if not isinstance(tag, str):
            fail(path, f"the tag {tag!r} is unknown")
        if tag in schema.REMOVED or tag == "column":
            fail(path, f'version 2.0 does not take the tag "{tag}" here')
        if tag not in schema.COMPONENTS:
            fail(path, f"the tag {tag!r} is unknown")
        path = f"{path} ({tag})"
        self._own(path, tag, element)
        if tag in schema.ROOT_ONLY and depth > 0:
            fail(path, f"a {tag} may only stand at the root of the card")
        if tag in schema.CONTAINERS:
            self._container(path, tag, element, in_form=in_form, depth=depth + 1)
        if tag in schema.INTERACTIVE:
            self._interactive(path, tag, element, in_form=in_form)
        shown = getattr(self, f"_{tag}", None)
        if shown is not None:
            shown(path, element)

    def _own(self, path: str, tag: str, element: Mapping[str, Any]) -> None:
        """Check what every component has: known properties, required ones, fixed words, a proper id."""
        self._known(path, element, schema.COMPONENTS[tag])
        for name in schema.REQUIRED.get(tag, ()):
            if name not in element:
                fail(path, f"the property {name} is missing")
        for (of, name), words in schema.WORDS.items():
            if of == tag:
                self._word(path, element, name, words)
        self._layout(path, element)
        if "element_id" in element:
            identity = element["element_id"]
            if not isinstance(identity, str) or not _ID.fullmatch(identity):
                fail(
                    path,
                    f"element_id {identity!r} must be a letter and up to 19 letters, digits or underscores",
                )
            if identity in self.ids:
                fail(path, f"element_id {identity!r} is used twice")
            self.ids.add(identity)

    def _container(
        self, path: str, tag: str, element: Mapping[str, Any], *, in_form: bool, depth: int
    ) -> None:
        if depth > MAX_NESTING:
            fail(path, f"containers are nested {depth} deep; {MAX_NESTING} are allowed")
        if tag == "column_set":
            for index, column in enumerate(as_list(f"{path}.columns", element.get("columns"))):
                inside = f"{path}.columns[{index}]"
                self._column(inside, column)
                self._elements(f"{inside}.elements", column.get("elements", []), in_form=in_form, depth=depth)
            return
        self._elements(
            f"{path}.elements", element.get("elements"), in_form=in_form or tag == "form", depth=depth
        )
        if tag == "form":
            self._form_is_complete(path, element)

    def _column(self, path: str, column: Any) -> None:
        if as_mapping(path, column).get("tag") != "column":
            fail(path, 'a column_set holds only elements with the tag "column"')
        self._own(path, "column", column)
        width = column.get("width", "auto")
        if not isinstance(width, str) or not _COLUMN_WIDTH.fullmatch(width):
            fail(path, f'width {width!r} is none of auto, weighted, "16px" to "600px"')
        weight = column.get("weight", 1)
        if not isinstance(weight, int) or not 1 <= weight <= 5:
            fail(path, f"weight {weight!r} must be a whole number from 1 to 5")

    def _form_is_complete(self, path: str, form: Mapping[str, Any]) -> None:
        name = form.get("name")
        if not isinstance(name, str) or not name:
            fail(path, "a form needs a name")
        if name in self.names:
            fail(path, f"the name {name!r} is used twice")
        self.names.add(str(name))
        if not any(part.get("form_action_type") == "submit" for part in tagged(form["elements"], "button")):
            fail(path, 'a form needs a button with form_action_type "submit"')

    def _interactive(self, path: str, tag: str, element: Mapping[str, Any], *, in_form: bool) -> None:
        name = element.get("name")
        if in_form:
            if not isinstance(name, str) or not name:
                fail(path, "inside a form every interactive element needs a name")
            if name in self.names:
                fail(path, f"the name {name!r} is used twice")
            self.names.add(str(name))
        elif "form_action_type" in element:
            fail(path, "form_action_type is only for buttons inside a form")
        elif "required" in element and tag != "input":
            fail(path, "required only has a meaning inside a form")
        for index, behavior in enumerate(as_list(f"{path}.behaviors", element.get("behaviors", []))):
            self._behavior(f"{path}.behaviors[{index}]", behavior)
        if "confirm" in element:
            confirm = as_mapping(f"{path}.confirm", element["confirm"])
            self._known(f"{path}.confirm", confirm, frozenset({"title", "text"}))
            for part in ("title", "text"):
                self._text(f"{path}.confirm.{part}", confirm.get(part), only="plain_text")
        if "placeholder" in element:
            self._text(f"{path}.placeholder", element["placeholder"], only="plain_text", limit=100)
        for key, form in schema.INITIAL_FORMATS.items():
            if key in element and not re.fullmatch(form, str(element[key])):
                fail(path, f"{key} {element[key]!r} does not look like {form}")

    def _behavior(self, path: str, behavior: Any) -> None:
        kind = as_mapping(path, behavior).get("type")
        if kind == "callback":
            self._known(path, behavior, frozenset({"type", "value"}))
            if not isinstance(behavior.get("value"), Mapping):
                fail(path, "the value of a callback must be an object")
        elif kind == "open_url":
            self._known(
                path, behavior, frozenset({"type", "default_url", "android_url", "ios_url", "pc_url"})
            )
            if not behavior.get("default_url"):
                fail(path, "default_url is missing")
        else:
            fail(path, f"type {kind!r} is neither callback nor open_url")

    def _button(self, path: str, button: Mapping[str, Any]) -> None:
        self._text(f"{path}.text", button["text"], only="plain_text", limit=100)

    def _input(self, path: str, field: Mapping[str, Any]) -> None:
        limit = field.get("max_length", 1000)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 1000:
            fail(path, f"max_length {limit!r} must be a whole number from 1 to 1000")
        default = field.get("default_value", "")
        if not isinstance(default, str) or len(default) > limit:
            fail(path, f"default_value must be text of at most {limit} characters")
        if "label" in field:
            self._text(f"{path}.label", field["label"], only="plain_text")

    def _select_static(self, path: str, select: Mapping[str, Any]) -> None:
        values = self._options(path, select["options"])
        if "initial_option" in select and select["initial_option"] not in list(values):
            fail(path, f"initial_option {select['initial_option']!r} is not among the options")
        index = select.get("initial_index", 0)
        if not isinstance(index, int) or not 0 <= index <= len(values):
            fail(path, f"initial_index {index!r} must be from 0 (none) to {len(values)}")

    def _multi_select_static(self, path: str, select: Mapping[str, Any]) -> None:
        values = self._options(path, select["options"])
        for value in as_list(f"{path}.selected_values", select.get("selected_values", [])):
            if value not in list(values):
                fail(path, f"selected value {value!r} is not among the options")

    def _overflow(self, path: str, overflow: Mapping[str, Any]) -> None:
        self._options(path, overflow["options"])

    def _options(self, path: str, options: Any) -> set[str]:
        if not as_list(f"{path}.options", options):
            fail(f"{path}.options", "at least one option is needed")
        values: set[str] = set()
        for index, option in enumerate(options):
            place = f"{path}.options[{index}]"
            self._known(place, as_mapping(place, option), schema.OPTION)
            self._text(f"{place}.text", option.get("text"), only="plain_text")
            value = option.get("value")
            if not isinstance(value, str) or not value or value in values:
                fail(place, f"value {value!r} must be text that no other option has")
            values.add(str(value))
        return values

    def _div(self, path: str, div: Mapping[str, Any]) -> None:
        if "text" in div:
            self._text(f"{path}.text", div["text"])
        for index, part in enumerate(as_list(f"{path}.fields", div.get("fields", []))):
            self._text(f"{path}.fields[{index}].text", as_mapping(path, part).get("text"))

    def _markdown(self, path: str, markdown: Mapping[str, Any]) -> None:
        if not isinstance(markdown["content"], str):
            fail(path, "content must be text")
        self._languages(path, markdown)
        self.markdown_tables += len(_TABLE_RULE.findall(markdown["content"]))
        if self.markdown_tables > MAX_MARKDOWN_TABLES:
            fail(path, f"more than {MAX_MARKDOWN_TABLES} tables in markdown; use table elements")

    def _chart(self, path: str, chart: Mapping[str, Any]) -> None:
        self.charts += 1
        if self.charts > MAX_CHARTS:
            fail(path, f"more than {MAX_CHARTS} charts")
        if not isinstance(chart["chart_spec"], Mapping) or not isinstance(
            chart["chart_spec"].get("type"), str
        ):
            fail(f"{path}.chart_spec", "an object with a type such as line or bar is expected")

    def _collapsible_panel(self, path: str, panel: Mapping[str, Any]) -> None:
        header = as_mapping(f"{path}.header", panel.get("header", {}))
        if "title" in header:
            self._text(f"{path}.header.title", header["title"], also="markdown")

    def _img(self, path: str, image: Mapping[str, Any]) -> None:
        if not isinstance(image["img_key"], str) or not image["img_key"]:
            fail(path, "img_key must be the key of an uploaded image")
        self._text(f"{path}.alt", image["alt"], only="plain_text")
        if "title" in image:
            self._text(f"{path}.title", image["title"])

    def _img_combination(self, path: str, images: Mapping[str, Any]) -> None:
        listed = as_list(f"{path}.img_list", images["img_list"])
        most = schema.IMAGES[images["combination_mode"]]
        if not 2 <= len(listed) <= most:
            fail(path, f"it has {len(listed)} pictures; 2 to {most} are allowed")
        for index, one in enumerate(listed):
            place = f"{path}.img_list[{index}]"
            self._known(place, as_mapping(place, one), frozenset({"img_key"}))
            if not isinstance(one.get("img_key"), str) or not one["img_key"]:
                fail(place, "img_key must be the key of an uploaded image")

    def _checker(self, path: str, checker: Mapping[str, Any]) -> None:
        if "text" in checker:
            self._text(f"{path}.text", checker["text"])
        if len(as_list(path, as_mapping(path, checker.get("button_area", {})).get("buttons", []))) > 3:
            fail(path, "a checker has at most 3 buttons")

    def _table(self, path: str, table: Mapping[str, Any]) -> None:
        self.tables += 1
        if self.tables > MAX_TABLES:
            fail(path, f"more than {MAX_TABLES} tables")
        check_table(path, table)

    def _text(
        self,
        path: str,
        text: Any,
        *,
        only: str | None = None,
        also: str | None = None,
        limit: int | None = None,
    ) -> None:
        allowed = [only] if only else ["plain_text", "lark_md", *([also] if also else [])]
        if as_mapping(path, text).get("tag") not in allowed:
            fail(path, f"the tag {text.get('tag')!r} is none of {', '.join(allowed)}")
        self._known(path, text, schema.TEXT)
        if not isinstance(text.get("content"), str):
            fail(path, "content must be text")
        self._languages(path, text)
        for words in (text["content"], *text.get("i18n_content", {}).values()):
            if limit is not None and len(words) > limit:
                fail(path, f"the text has {len(words)} characters; {limit} are allowed")

    def _languages(self, path: str, holder: Mapping[str, Any]) -> None:
        for locale, words in as_mapping(path, holder.get("i18n_content", {})).items():
            if locale not in schema.LOCALES or not isinstance(words, str):
                fail(
                    f"{path}.i18n_content", f"{locale!r} must be a language such as zh_cn or en_us, with text"
                )

    def _layout(self, path: str, element: Mapping[str, Any]) -> None:
        for name, shape in (
            ("margin", _SPACES),
            ("padding", _SPACES),
            ("horizontal_spacing", _GAP),
            ("vertical_spacing", _GAP),
        ):
            if name in element and not shape.fullmatch(str(element[name])):
                fail(path, f"{name} {element[name]!r} is no spacing such as 8px")

    @staticmethod
    def _word(path: str, element: Mapping[str, Any], name: str, words: frozenset[str]) -> None:
        if name in element and (not isinstance(element[name], str) or element[name] not in words):
            fail(path, f"{name} {element[name]!r} is none of {', '.join(sorted(words))}")

    @staticmethod
    def _known(path: str, element: Mapping[str, Any], names: frozenset[str]) -> None:
        for name in element:
            if name not in names:
                fail(path, f"version 2.0 does not know the property {name!r} here")
