"""Cards are checked here the way the platform checks them before a message goes out.

Source: Feishu docs feishu-cards/card-json-v2-structure (Jul 2025) and the 230099 sub-errors; where the docs
name no number for a mistake, 200621 (card cannot be parsed) is used, with path and property in the text.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox import card_schema as schema
from sandbox import im_content
from sandbox.kernel import ApiError, World

MOST_COMPONENTS = 200
MOST_TABLES = 5
MOST_NESTING = 5
AT = re.compile(r"<at\s+id\s*=\s*[\"']?([^\"'\s>]+)")
ELEMENT_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,19}")


class CardError(Exception):
    """A card the platform refuses: sub-code, where, what, and the value that is wrong."""

    def __init__(self, code: int, path: str, msg: str, value: str = "") -> None:
        super().__init__(f"ErrCode: {code}; ErrPath: {path}; ErrMsg: {msg}; ErrorValue: {value}; ")
        self.code = code


def is_v2(card: Mapping[str, Any]) -> bool:
    """Whether a card says it is written in schema 2.0."""
    return card.get("schema") == "2.0"


def check_message(world: World, app_id: str, raw: Any) -> dict[str, Any]:
    """The card in the content of a message.

    Raises:
        ApiError: 230099 with ErrCode and ErrPath; 230001 when it is no JSON object.
    """
    card = im_content.parse(raw)
    try:
        if card.get("type") == "template":
            raise CardError(200380, "ROOT", "template is not existed or not published")
        if card.get("type") == "card":
            raise CardError(11310, "ROOT", "cardid is invalid")
        check_card(world, app_id, card)
    except CardError as wrong:
        raise ApiError(230099, f"Failed to create card content, ext={wrong}", status=400) from wrong
    return card


def check_successor(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """A card may only be replaced by one of the same schema; 1.0 needs update_multi in both.

    Raises:
        ApiError: 200830 schema changed, 230001 an exclusive 1.0 card.
    """
    if is_v2(old) != is_v2(new):
        raise ApiError(200830, "card schema can not be changed between 1.0 and 2.0", status=400)
    if not is_v2(new) and not all((c.get("config") or {}).get("update_multi") is True for c in (old, new)):
        raise im_content.bad_content("config.update_multi must be true before and after")


def check_card(world: World, app_id: str, card: Mapping[str, Any]) -> None:
    """Check a whole card; 1.0 is taken loosely.

    Raises:
        CardError: the first mistake found.
    """
    if "schema" in card and card["schema"] not in ("1.0", "2.0"):
        raise CardError(200621, "ROOT", "parse card json err, schema must be 1.0 or 2.0", str(card["schema"]))
    if not is_v2(card):
        if card and not any(
            key in card for key in ("elements", "i18n_elements", "header", "card_link", "config")
        ):
            raise CardError(
                200621, "ROOT", "parse card json err, please check whether the card json is correct"
            )
        return
    Check(world, app_id).card(card)


class Check:
    """One walk over one card."""

    def __init__(self, world: World, app_id: str) -> None:
        self._world = world
        self._app_id = app_id
        self._components = 0
        self._tables = 0
        self._ids: set[str] = set()

    def card(self, card: Mapping[str, Any]) -> None:
        """Root, config, header and body."""
        self._known(card, schema.ROOT, "ROOT")
        config = self._mapping(card.get("config", {}), "ROOT -> config")
        self._known(config, schema.CONFIG, "ROOT -> config")
        self._choices("config", config, "ROOT -> config")
        if config.get("update_multi", True) is not True:
            raise CardError(300302, "ROOT -> config", "update_multi must be true in schema 2.0", "false")
        if "header" in card:
            self._header(self._mapping(card["header"], "ROOT -> header"))
        body = self._mapping(card.get("body", {}), "ROOT -> body")
        self._known(body, schema.BODY, "ROOT -> body")
        self._elements(body.get("elements", []), "ROOT -> body -> elements", depth=0, form=None)

    def _header(self, header: Mapping[str, Any]) -> None:
        path = "ROOT -> header"
        self._known(header, schema.HEADER, path)
        self._choices("header", header, path)
        self._texts(header, path)
        tags = header.get("text_tag_list", [])
        if len(tags) > 3:
            raise CardError(200621, f"{path} -> text_tag_list", "at most 3 text tags", str(len(tags)))
        for number, tag in enumerate(tags):
            self._known(
                tag,
                frozenset({"tag", "element_id", "text", "color"}),
                f"{path} -> text_tag_list -> [{number}]",
            )
            self._count(path)
            self._texts(tag, path)

    def _elements(self, elements: Any, path: str, *, depth: int, form: "set[str] | None") -> None:
        if not isinstance(elements, list):
            raise CardError(200621, path, "parse card json err, elements must be a list", str(elements))
        for number, element in enumerate(elements):
            tag = element.get("tag") if isinstance(element, dict) else None
            self._element(element, f"{path} -> [{number}](tag: {tag})", depth=depth, form=form)

    def _element(self, element: Any, path: str, *, depth: int, form: "set[str] | None") -> None:
        """One component: known, complete, in a place where it may stand; then what is inside."""
        item = self._mapping(element, path)
        tag = str(item.get("tag"))
        if tag not in schema.COMPONENTS:
            why = "cards of schema V2 no longer support this capability"
            raise CardError(200861, path, why, f"unsupported tag {tag}")
        self._count(path)
        self._known(item, schema.COMPONENTS[tag], path)
        self._complete(tag, item, path)
        self._identity(item, path)
        self._choices(tag, item, path)
        self._texts(item, path)
        self._behaviors(item, path)
        if tag in schema.ROOT_ONLY and depth > 0:
            raise CardError(200621, path, f"component {tag} can only be placed at the root of the card", tag)
        if depth > 2 * MOST_NESTING:
            raise CardError(11310, path, "card nesting exceeds the limit", str(MOST_NESTING))
        if form is not None and tag in schema.INTERACTIVE:
            self._form_name(item, form, path)
        self._content(tag, item, path)
        self._inside(tag, item, path, depth=depth, form=form)

    def _inside(
        self, tag: str, item: Mapping[str, Any], path: str, *, depth: int, form: "set[str] | None"
    ) -> None:
        if tag == "column_set":
            for number, column in enumerate(item["columns"]):
                where = f"{path} -> columns -> [{number}](tag: column)"
                if not isinstance(column, dict) or column.get("tag") != "column":
                    raise CardError(200621, where, "parse card json err, columns hold tag column only")
                self._element(column, where, depth=depth + 1, form=form)
        elif tag == "form":
            names: set[str] = set()
            self._elements(item["elements"], f"{path} -> elements", depth=depth + 1, form=names)
            if not any(is_submit(button) for button in buttons(item["elements"])):
                why = "form container must contain a submit button"
                raise CardError(300123, path, why, str(item["name"]))
        elif tag in schema.CONTAINERS:
            self._elements(item.get("elements", []), f"{path} -> elements", depth=depth + 1, form=form)
        if tag == "collapsible_panel":
            self._texts(self._mapping(item["header"], f"{path} -> header"), f"{path} -> header")

    def _content(self, tag: str, item: Mapping[str, Any], path: str) -> None:
        """What only one kind of component has to get right."""
        if tag == "markdown":
            self._people(AT.findall(str(item["content"])), path)
        elif tag == "person":
            self._people([str(item["user_id"])], path)
        elif tag == "person_list":
            self._people([str(p.get("id")) for p in item["persons"]], path)
        elif tag in ("img", "img_combination"):
            for image in [item] if tag == "img" else item.get("img_list", []):
                self._image(str(image.get("img_key")), path)
        else:
            special = {
                "chart": self._chart,
                "table": self._table,
                "input": self._input,
                "button": self._button,
                "select_static": self._options,
                "multi_select_static": self._options,
            }.get(tag)
            if special is not None:
                special(item, path)

    def _chart(self, item: Mapping[str, Any], path: str) -> None:
        spec = item["chart_spec"]
        if not isinstance(spec, dict) or not spec.get("type") or "data" not in spec:
            raise CardError(200550, path, "chart spec is invalid: type and data are needed")

    def _button(self, item: Mapping[str, Any], path: str) -> None:
        text = (item.get("text") or {}).get("content", "")
        if len(text) > 100:
            raise CardError(200621, path, "button text is longer than 100 characters", text[:20])

    def _table(self, table: Mapping[str, Any], path: str) -> None:
        self._tables += 1
        if self._tables > MOST_TABLES:
            raise CardError(11310, path, "card table number over limit", str(self._tables))
        columns = table["columns"]
        if not 1 <= len(columns) <= 50 or not 1 <= int(table.get("page_size", 5)) <= 10:
            raise CardError(200621, path, "a table has 1 to 50 columns and a page_size of 1 to 10")
        for column in columns:
            self._known(column, schema.TABLE_COLUMN, f"{path} -> columns")
            if column.get("data_type", "text") not in schema.TABLE_TYPES:
                raise CardError(
                    200621, f"{path} -> columns", "invalid data_type", str(column.get("data_type"))
                )
        kinds = {c.get("name"): c.get("data_type", "text") for c in columns}
        for number, row in enumerate(table["rows"]):
            where = f"{path} -> rows -> [{number}]"
            for name, value in self._mapping(row, where).items():
                if name not in kinds:
                    raise CardError(200915, where, "row key does not match any column", str(name))
                if kinds[name] in ("number", "date") and not isinstance(value, int | float):
                    raise CardError(200914, where, f"column {name} expects a {kinds[name]}", str(value))
                if kinds[name] in ("text", "lark_md", "markdown") and not isinstance(value, str):
                    raise CardError(200914, where, f"column {name} expects a string", str(value))

    def _input(self, item: Mapping[str, Any], path: str) -> None:
        length = item.get("max_length", 1000)
        if not isinstance(length, int) or not 1 <= length <= 1000:
            raise CardError(200621, path, "max_length must be 1 to 1000", str(length))
        hint = (item.get("placeholder") or {}).get("content", "")
        if len(hint) > 100:
            raise CardError(200621, path, "placeholder is longer than 100 characters", hint[:20])

    def _options(self, item: Mapping[str, Any], path: str) -> None:
        values = [option.get("value") for option in item["options"]]
        if not all(isinstance(value, str) and value for value in values) or len(set(values)) != len(values):
            raise CardError(200621, f"{path} -> options", "option values must be unique non-empty strings")
        for number, option in enumerate(item["options"]):
            self._texts(option, f"{path} -> options -> [{number}]")

    def _people(self, ids: Iterable[str], path: str) -> None:
        bots = {app.open_id for app in self._world.apps.values()}
        for person in ids:
            known = any(self._world.find_person(person, kind) for kind in ("open_id", "union_id", "user_id"))
            if person != "all" and not known and person not in bots:
                raise CardError(
                    100290, path, "there is an invalid user resource(at/person) in your card", person
                )

    def _image(self, key: str, path: str) -> None:
        blob = self._world.im.blobs.get(key)
        if blob is None or blob.app_id != self._app_id:
            raise CardError(200570, path, "card contains invalid image keys", key)

    def _behaviors(self, item: Mapping[str, Any], path: str) -> None:
        for number, behavior in enumerate(item.get("behaviors", [])):
            where = f"{path} -> behaviors -> [{number}]"
            kind = self._mapping(behavior, where).get("type")
            if kind not in schema.BEHAVIORS:
                raise CardError(200621, where, "parse card json err, invalid behavior type", str(kind))
            self._known(behavior, schema.BEHAVIORS[kind], where)

    def _form_name(self, item: Mapping[str, Any], names: set[str], path: str) -> None:
        name = item.get("name")
        if not name:
            raise CardError(
                200530, path, "interactive component in form container has no name", str(item["tag"])
            )
        if name in names:
            raise CardError(
                200530, path, "name of interactive component in form container is not unique", str(name)
            )
        names.add(name)

    def _texts(self, owner: Mapping[str, Any], path: str) -> None:
        """Texts and icons directly below an element."""
        for name in schema.TEXT_PROPS:
            if name not in owner:
                continue
            where = f"{path} -> {name}"
            text = self._mapping(owner[name], where)
            if text.get("tag") not in ("plain_text", "lark_md", "markdown") or not isinstance(
                text.get("content"), str
            ):
                raise CardError(
                    200621, where, "parse card json err, text needs tag and content", str(text.get("tag"))
                )
            self._known(text, schema.TEXT, where)
            self._count(where)
        if "icon" in owner:
            self._known(self._mapping(owner["icon"], f"{path} -> icon"), schema.ICON, f"{path} -> icon")
        confirm = owner.get("confirm")
        if confirm is not None:
            self._known(self._mapping(confirm, path), frozenset({"title", "text"}), f"{path} -> confirm")
            self._texts(confirm, f"{path} -> confirm")

    def _identity(self, item: Mapping[str, Any], path: str) -> None:
        element_id = item.get("element_id")
        if element_id is None:
            return
        if not ELEMENT_ID.fullmatch(str(element_id)):
            raise CardError(
                200621, path, "element_id: a letter, then letters, digits, _; at most 20", str(element_id)
            )
        if element_id in self._ids:
            raise CardError(300301, path, "element_id is duplicated", str(element_id))
        self._ids.add(element_id)

    def _choices(self, tag: str, item: Mapping[str, Any], path: str) -> None:
        for choice in schema.CHOICES:
            if tag in choice.tags and choice.name in item and item[choice.name] not in choice.values:
                raise CardError(200621, path, f"invalid {choice.name}", str(item[choice.name]))

    def _complete(self, tag: str, item: Mapping[str, Any], path: str) -> None:
        for name in schema.REQUIRED.get(tag, ()):
            if name not in item:
                raise CardError(200621, path, f"parse card json err, {name} is required", name)

    def _known(self, item: Mapping[str, Any], allowed: frozenset[str], path: str) -> None:
        for name in self._mapping(item, path):
            if name not in allowed:
                raise CardError(
                    200621, path, "parse card json err, unknown property", f"unknown property {name}"
                )

    def _count(self, path: str) -> None:
        self._components += 1
        if self._components > MOST_COMPONENTS:
            raise CardError(11310, path, "element exceeds the limit", str(self._components))

    @staticmethod
    def _mapping(value: Any, path: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise CardError(200621, path, "parse card json err, an object is expected", str(value)[:40])
        return value


def buttons(elements: Any) -> Iterable[Mapping[str, Any]]:
    """All buttons below ``elements``."""
    for element in walk(elements):
        if element.get("tag") == "button":
            yield element


def walk(value: Any) -> Iterable[dict[str, Any]]:
    """Every component below ``value``, containers opened, in reading order."""
    if isinstance(value, list):
        for item in value:
            yield from walk(item)
    elif isinstance(value, dict):
        if "tag" in value:
            yield value
        for key in ("body", "elements", "columns", "actions", "extra", "button_area", "buttons"):
            yield from walk(value.get(key))


def is_submit(button: Mapping[str, Any]) -> bool:
    """Whether a button sends its form; there are three spellings."""
    spelled = button.get("form_action_type") == "submit" or button.get("action_type") == "form_submit"
    return spelled or any(b.get("behavior") == "submit" for b in button.get("behaviors", []))
