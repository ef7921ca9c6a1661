"""Columns: which types exist, what their ``property`` may say, and how they look on the wire and in events.

Source: bitable-v1 field guide, list, create and update (Feishu docs, 2025-06 to 2025-07); property of Url
and Checkbox must be left out, even ``{}`` (openclaw-lark skill notes, live).
"""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_errors import refuse

Body = dict[str, Any]

UI_TYPES: dict[int, tuple[str, ...]] = {
    m.TEXT: ("Text", "Barcode", "Email"),
    m.NUMBER: ("Number", "Progress", "Currency", "Rating"),
    m.SELECT: ("SingleSelect",),
    m.MULTI: ("MultiSelect",),
    m.DATE: ("DateTime",),
    m.CHECKBOX: ("Checkbox",),
    m.USER: ("User",),
    m.PHONE: ("Phone",),
    m.URL: ("Url",),
    m.ATTACHMENT: ("Attachment",),
    m.LINK: ("SingleLink",),
    m.LOOKUP: ("Lookup",),
    m.FORMULA: ("Formula",),
    m.DUPLEX: ("DuplexLink",),
    m.LOCATION: ("Location",),
    m.CHAT: ("GroupChat",),
    m.STAGE: ("Stage",),
    m.CREATED_AT: ("CreatedTime",),
    m.MODIFIED_AT: ("ModifiedTime",),
    m.CREATED_BY: ("CreatedUser",),
    m.MODIFIED_BY: ("ModifiedUser",),
    m.AUTO: ("AutoNumber",),
}
NOT_CREATABLE = frozenset({m.LOOKUP, m.STAGE})
PROPERTY_CODE = {
    m.TEXT: 1254080, m.NUMBER: 1254081, m.SELECT: 1254082, m.MULTI: 1254083, m.DATE: 1254084, m.CHECKBOX:
    1254085,
    m.USER: 1254086, m.URL: 1254087, m.ATTACHMENT: 1254088, m.LINK: 1254089, m.LOOKUP: 1254090, m.FORMULA:
    1254091,
    m.DUPLEX: 1254092, m.CREATED_AT: 1254093, m.MODIFIED_AT: 1254094, m.CREATED_BY: 1254095, m.MODIFIED_BY:
    1254096,
}  # fmt: skip
NUMBER_FORMATS = frozenset(
    {"0", "0.0", "0.00", "0.000", "0.0000", "1,000", "1,000.00", "%", "0%", "0.0%", "0.00%",
     "¥", "¥0.00", "$", "$0.00"}
)  # fmt: skip
PROGRESS_FORMATS = frozenset({"0", "0.0", "0.00", "0%", "0.0%", "0.00%"})
DATE_FORMATS = frozenset(
    {"yyyy/MM/dd", "yyyy/MM/dd HH:mm", "yyyy-MM-dd", "yyyy-MM-dd HH:mm", "MM-dd", "MM/dd/yyyy", "dd/MM/yyyy"}
)
CURRENCIES = frozenset(
    [
        "CNY",
        "USD",
        "EUR",
        "GBP",
        "AED",
        "AUD",
        "BRL",
        "CAD",
        "CHF",
        "HKD",
        "INR",
        "IDR",
        "JPY",
        "KRW",
        "MOP",
        "MXN",
        "MYR",
        "PHP",
        "PLN",
        "RUB",
        "SGD",
        "THB",
        "TRY",
        "TWD",
        "VND",
    ]
)
SYMBOLS = frozenset(["star", "heart", "thumbsup", "fire", "smile", "lightning", "flower", "number"])


def ui_type_of(kind: int, asked: Any) -> str:
    """The ui_type of a type, checking the one asked for; 1254015 when they do not belong together."""
    names = UI_TYPES.get(kind)
    if names is None or (asked is not None and asked not in names):
        raise refuse(1254015)
    return str(asked or names[0])


def _only(property_: Body, *keys: str) -> bool:
    return set(property_) <= set(keys)


def _number(ui_type: str, p: Body) -> Body | None:
    if ui_type == "Number":
        ok = _only(p, "formatter") and p.get("formatter", "0.0") in NUMBER_FORMATS
        return {"formatter": p.get("formatter", "0.0")} if ok else None
    if ui_type == "Currency":
        ok = _only(p, "formatter", "currency_code") and p.get("currency_code") in CURRENCIES
        return dict(p) if ok and isinstance(p.get("formatter"), str) else None
    keys = ("formatter", "range_customize", "min", "max")
    if ui_type == "Progress":
        return dict(p) if _only(p, *keys) and p.get("formatter") in PROGRESS_FORMATS else None
    ok = _only(p, "formatter", "min", "max", "rating") and p.get("formatter", "0") == "0"
    ok = ok and p.get("min", 1) in (0, 1) and p.get("max", 5) in range(1, 11)
    symbol = (p.get("rating") or {}).get("symbol", "star")
    if not ok or symbol not in SYMBOLS:
        return None
    return {"formatter": "0", "min": p.get("min", 1), "max": p.get("max", 5), "rating": {"symbol": symbol}}


def _text(ui_type: str, p: Body) -> Body | None:
    if ui_type == "Barcode":
        return dict(p) if _only(p, "allowed_edit_modes") else None
    return {} if not p else None


def _date(_: str, p: Body) -> Body | None:
    shape = p.get("date_formatter", "yyyy/MM/dd")
    if not _only(p, "date_formatter", "auto_fill") or shape not in DATE_FORMATS:
        return None
    return {"date_formatter": shape, "auto_fill": bool(p.get("auto_fill", False))}


def _system_date(_: str, p: Body) -> Body | None:
    shape = p.get("date_formatter", "yyyy/MM/dd")
    return {"date_formatter": shape} if _only(p, "date_formatter") and shape in DATE_FORMATS else None


def _multiple(_: str, p: Body) -> Body | None:
    multiple = p.get("multiple", True)
    return {"multiple": multiple} if _only(p, "multiple") and isinstance(multiple, bool) else None


def _link(_: str, p: Body) -> Body | None:
    known = ("table_id", "multiple", "back_field_name", "back_field_id", "table_name")
    if not _only(p, *known) or not isinstance(p.get("table_id"), str):
        return None
    return {"multiple": True, **p}


def _location(_: str, p: Body) -> Body | None:
    given = (p.get("location") or {}).get("input_type", "not_limit")
    if not _only(p, "location") or given not in ("only_mobile", "not_limit"):
        return None
    return {"location": {"input_type": given}}


def _auto(_: str, p: Body) -> Body | None:
    serial = p.get("auto_serial") or {"type": "auto_increment_number"}
    if not _only(p, "auto_serial") or serial.get("type") not in ("custom", "auto_increment_number"):
        return None
    for option in serial.get("options") or []:
        if option.get("type") not in ("system_number", "fixed_text", "created_time"):
            return None
    return {"auto_serial": dict(serial)}


def _formula(_: str, p: Body) -> Body | None:
    ok = _only(p, "formula_expression", "formatter", "type") and isinstance(
        p.get("formula_expression", ""), str
    )
    return {"formatter": "", "formula_expression": "", **p} if ok else None


def _nothing(_: str, p: Body) -> Body | None:
    return {} if not p else None


_RULES: dict[int, Callable[[str, Body], Body | None]] = {
    m.TEXT: _text, m.NUMBER: _number, m.DATE: _date, m.CREATED_AT: _system_date, m.MODIFIED_AT: _system_date,
    m.USER: _multiple, m.CHAT: _multiple, m.LINK: _link, m.DUPLEX: _link, m.LOCATION: _location, m.AUTO:
    _auto,
    m.FORMULA: _formula,
}  # fmt: skip


def property_of(kind: int, ui_type: str, given: Any) -> Body | None:
    """Check and complete a ``property`` (options apart, see ``options_of``).

    Raises:
        BitableError: the property error of the type (1254080…1254096), 1254001 for types without one.
    """
    code = PROPERTY_CODE.get(kind, 1254001)
    if kind in (m.CHECKBOX, m.URL):
        if given is not None:
            raise refuse(code)
        return None
    if given is not None and not isinstance(given, Mapping):
        raise refuse(code)
    wanted = {key: value for key, value in (given or {}).items() if value is not None}
    if kind in (m.SELECT, m.MULTI):
        if not _only(wanted, "options"):
            raise refuse(code)
        return {}
    checked = _RULES.get(kind, _nothing)(ui_type, wanted)
    if checked is None:
        raise refuse(code)
    return checked or None


def options_of(kind: int, given: Any, old: list[m.Option], new_id: Callable[[], str]) -> list[m.Option]:
    """The options a select field is to have. An ``id`` keeps an old option; without one it is new."""
    code = PROPERTY_CODE[kind]
    wanted = (given or {}).get("options") or []
    if not isinstance(wanted, list) or len(wanted) > 20_000:
        raise refuse(code)
    known = {option.id: option for option in old}
    options: list[m.Option] = []
    for at, body in enumerate(wanted):
        if not isinstance(body, dict):
            raise refuse(code)
        if not body.get("name") or not isinstance(body["name"], str):
            raise refuse(1254026)
        color = body.get("color", at % 55)
        if not isinstance(color, int) or not 0 <= color <= 54:
            raise refuse(code)
        kept = known.get(body.get("id", ""))
        if body.get("id") and kept is None:
            raise refuse(code)
        options.append(m.Option(kept.id if kept else new_id(), body["name"], color))
    if len({option.name for option in options}) != len(options):
        raise refuse(code)
    return options


def _wire_property(column: m.Field, base: m.Base) -> Body | None:
    if column.type in (m.SELECT, m.MULTI):
        return {"options": [{"id": o.id, "name": o.name, "color": o.color} for o in column.options]}
    if column.props is None:
        return None
    shown = dict(column.props)
    if column.type in (m.LINK, m.DUPLEX):
        target = base.tables.get(shown["table_id"])
        shown["table_name"] = target.name if target else ""
    return shown


def wire(column: m.Field, base: m.Base, *, listing: bool = False, segments: bool = False) -> Body:
    """A field as create, update and list answers show it.

    In a listing ``description`` is text (or segments); in the others it is an object, as the SDK's models
    expect.
    """
    description: Any = {"text": column.description, "disable_sync": True}
    if listing:
        description = column.description
        if segments:
            description = [{"type": "text", "text": column.description}] if column.description else []
    body: Body = {
        "field_id": column.id,
        "field_name": column.name,
        "type": column.type,
        "ui_type": column.ui_type,
        "property": _wire_property(column, base),
        "is_primary": column.primary,
        "description": description,
    }
    if listing:
        body["is_hidden"] = False
    return body


def event_value(column: m.Field, base: m.Base) -> Body:
    """A field as field events show it: keys ``id`` and ``name``, no ``ui_type``."""
    shown = dict(_wire_property(column, base) or {})
    if "location" in shown:
        shown["input_type"] = shown.pop("location")["input_type"]
    return {
        "id": column.id,
        "name": column.name,
        "type": column.type,
        "description": column.description,
        "property": shown,
    }
