"""One codec per kind of column: the shape read, the shape written, and when two values are the same.

The platform reads and writes different shapes (facts: Feishu docs "多维表格记录数据结构" and "查询记录"): a
text is written as a string and read as segments; a link is written as an array and read as an object; a
formula is read as ``{"type", "value"}`` whose value may be a list or a scalar; an empty cell is simply
absent. Every reader accepts both shapes, so the mirror can keep what was written until the record is read
again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from bitable_sync.cells import (
    EMPTY,
    Attachment,
    CellValue,
    Person,
    Unreadable,
    UnwritableError,
    Url,
)
from bitable_sync.spec import FieldSpec, Kind
from runtime.clock import SHANGHAI

UNREADABLE_MARK = "!"  # a kept cell {"!": reason} is an Unreadable someone put into the mirror
MAX_TEXT = 100_000  # characters in a text cell (Feishu docs: 1254130 TooLargeCell)
EXACT = 2**53  # beyond this a JSON number no longer names one integer
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_PHONE = re.compile(r"\+?\d{0,64}")
_WIRE_KIND = {
    1: Kind.TEXT,
    2: Kind.NUMBER,
    3: Kind.SELECT,
    4: Kind.MULTI_SELECT,
    5: Kind.DATETIME,
    7: Kind.CHECKBOX,
    11: Kind.USER,
    13: Kind.PHONE,
    15: Kind.URL,
    17: Kind.ATTACHMENT,
    18: Kind.LINK,
    21: Kind.LINK,
    1001: Kind.DATETIME,
    1002: Kind.DATETIME,
    1005: Kind.TEXT,
}


class Codec(NamedTuple):
    """How one kind is read from and written to the wire."""

    read: Callable[[Any, FieldSpec], CellValue]
    write: Callable[[Any, FieldSpec], Any]


def read(raw: Any, field: FieldSpec) -> CellValue:
    """Decode what search or batch_get gave for a cell (or what ``keep`` stored).

    Args:
        raw: the value on the wire; None or an absent key is an empty cell (a checkbox: False).
        field: the column the cell stands in.

    Returns:
        The typed value; ``EMPTY``; or ``Unreadable`` with a Chinese sentence naming the column and what was
        found.
    """
    if isinstance(raw, Mapping):
        if UNREADABLE_MARK in raw:
            return Unreadable(str(raw[UNREADABLE_MARK]))
        if "type" in raw and "value" in raw and field.kind is not Kind.FORMULA:
            return _computed(raw, field)  # the column became a formula or a lookup
    if _blank(raw):
        return False if field.kind is Kind.CHECKBOX else EMPTY
    return CODECS[field.kind].read(raw, field)


def write(value: CellValue, field: FieldSpec, *, options: Collection[str] | None = None) -> Any:
    """Encode a value for a record write; ``None`` clears the cell.

    Args:
        value: what the cell should hold; ``EMPTY`` clears it (a checkbox becomes False).
        field: the column.
        options: the names a select column offers right now; None = those of the spec.

    Raises:
        UnwritableError: the value does not fit; correct the caller, sending it again cannot help. An unknown
            option is refused because the platform would silently create it (unless ``field.open_options``).
    """
    if isinstance(value, Unreadable):
        raise _unfit(field, value.reason)
    if not field.kind.writable:
        raise UnwritableError(f"「{field.name}」由飞书自动计算，不能写入；请从写入内容里去掉它")
    if value is EMPTY:
        return False if field.kind is Kind.CHECKBOX else None
    wire = CODECS[field.kind].write(value, field)
    if field.kind in {Kind.SELECT, Kind.MULTI_SELECT} and not field.open_options:
        offered = field.options if options is None else options
        for name in [wire] if isinstance(wire, str) else wire:
            if offered and name not in offered:
                raise UnwritableError(f"「{field.name}」没有选项“{name}”；可选：{'、'.join(offered)}")
    return wire


def keep(value: CellValue, field: FieldSpec) -> Any:
    """The plain form in which the mirror keeps a typed value; ``read`` understands it. Names are kept too."""
    if isinstance(value, Unreadable):
        return {UNREADABLE_MARK: value.reason}
    if value is EMPTY:
        return None
    if field.kind is Kind.USER and isinstance(value, tuple):
        return [{"id": p.open_id, "name": p.name} for p in value if isinstance(p, Person)]
    if field.kind is Kind.ATTACHMENT and isinstance(value, tuple):
        return [
            {"file_token": a.file_token, "name": a.name, "size": a.size, "type": a.mime}
            for a in value
            if isinstance(a, Attachment)
        ]
    if field.kind is Kind.FORMULA:
        return _keep_computed(value)
    return CODECS[field.kind].write(value, field)


def same(a: CellValue, b: CellValue) -> bool:
    """Whether two values of one column are the same to a person: the echo of our own write is not a change.

    Numbers are compared as the doubles the platform keeps, times to the millisecond, people, links and
    options as sets.
    """
    if isinstance(a, tuple) and isinstance(b, tuple):
        return set(a) == set(b)
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return a == b or float(a) == float(b)
    if isinstance(a, datetime) and isinstance(b, datetime):
        return to_ms(a) == to_ms(b)
    return type(a) is type(b) and a == b


def canon(value: CellValue) -> str | None:
    """One text for one value of a business key; None for what cannot identify a row (empty, unreadable)."""
    if value is EMPTY or isinstance(value, Unreadable):
        return None
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return str(to_ms(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        parts = [canon_item(item) for item in value]
        return ",".join(sorted(parts)) or None
    if isinstance(value, Url):
        return value.link
    return str(value).strip() or None


def canon_item(item: Person | Attachment | str) -> str:
    """The identity of one element of a list cell."""
    if isinstance(item, Person):
        return item.open_id
    return item.file_token if isinstance(item, Attachment) else item


def to_ms(value: datetime) -> int:
    """Epoch milliseconds of an aware time, as the platform keeps it."""
    return math.floor(value.timestamp() * 1000 + 0.0005)


# --- reading ---


def _blank(raw: Any) -> bool:
    return raw is None or (isinstance(raw, str | list | Mapping) and not raw)


def _is_number(raw: Any) -> bool:
    return isinstance(raw, int | float | Decimal) and not isinstance(raw, bool)


def _found(raw: Any) -> str:
    """What stands in the cell, in words, short enough for a sentence."""
    text = text_of(raw)
    if text is not None:
        return f"文字“{text[:40]}”"
    if isinstance(raw, bool):
        return "勾选框的值"
    if _is_number(raw):
        return f"数字 {raw}"
    if isinstance(raw, list) and raw and isinstance(raw[0], Mapping):
        return "附件" if "file_token" in raw[0] else "人员" if "id" in raw[0] else "一组内容"
    return f"“{str(raw)[:40]}”"


def _odd(field: FieldSpec, wanted: str, raw: Any) -> Unreadable:
    return Unreadable(f"「{field.name}」应为{wanted}，现在是{_found(raw)}，请改正这个单元格")


def text_of(raw: Any) -> str | None:
    """The text of a string or of a list of text segments (text, mention, url).

    None if it is something else.
    """
    if isinstance(raw, str):
        return raw
    if isinstance(raw, Mapping) and isinstance(raw.get("text"), str):
        return str(raw["text"])
    if isinstance(raw, list):
        parts = [text_of(part) for part in raw]
        return None if any(part is None for part in parts) else "".join(part or "" for part in parts)
    return None


def _read_text(raw: Any, field: FieldSpec) -> CellValue:
    if _is_number(raw):  # the column was made a number column
        whole = Decimal(str(raw))
        return f"{whole:f}".removesuffix(".0") if abs(whole) < EXACT else _odd(field, "文字", raw)
    text = text_of(raw)
    return _odd(field, "文字", raw) if text is None else (text or EMPTY)


def _read_number(raw: Any, field: FieldSpec) -> CellValue:
    if _is_number(raw):
        return Decimal(str(raw)) if math.isfinite(raw) else _odd(field, "数字", raw)
    text = text_of(raw)
    if text is not None and _NUMBER.fullmatch(text.strip()):
        return Decimal(text.strip())
    return EMPTY if text is not None and not text.strip() else _odd(field, "数字", raw)


def _read_select(raw: Any, field: FieldSpec) -> CellValue:
    if isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    text = text_of(raw) if not isinstance(raw, list) else None
    return _odd(field, "单个选项", raw) if text is None else (text or EMPTY)


def _read_multi(raw: Any, field: FieldSpec) -> CellValue:
    items = raw if isinstance(raw, list) else [raw]
    names = [text_of(item) for item in items]
    return _odd(field, "选项", raw) if None in names else tuple(name for name in names if name)


def _read_time(raw: Any, field: FieldSpec) -> CellValue:
    if isinstance(raw, str) and raw.strip().isdigit():
        raw = int(raw)
    if not _is_number(raw):
        return _odd(field, "日期", raw)
    try:
        return datetime.fromtimestamp(int(raw) / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return _odd(field, "日期", raw)


def _read_date(raw: Any, field: FieldSpec) -> CellValue:
    # A date-only cell is midnight in the base's zone; UTC midnight, also seen, is the same calendar day here.
    moment = _read_time(raw, field)
    return moment.astimezone(SHANGHAI).date() if isinstance(moment, datetime) else moment


def _read_checkbox(raw: Any, field: FieldSpec) -> CellValue:
    if isinstance(raw, bool):
        return raw
    return {"true": True, "false": False}.get(str(text_of(raw)).lower(), _odd(field, "勾选框", raw))


def _read_user(raw: Any, field: FieldSpec) -> CellValue:
    items = [raw] if isinstance(raw, Mapping) else raw
    if not isinstance(items, list) or not all(isinstance(item, Mapping) and item.get("id") for item in items):
        return _odd(field, "人员", raw)
    return tuple(Person(str(item["id"]), str(item.get("name") or "")) for item in items)


def _read_url(raw: Any, field: FieldSpec) -> CellValue:
    first = raw[0] if isinstance(raw, list) and raw else raw
    if isinstance(first, Mapping) and first.get("link"):
        return Url(str(first.get("text") or first["link"]), str(first["link"]))
    text = text_of(raw)
    return Url(text, text) if text and "://" in text else _odd(field, "链接", raw)


def _read_attachment(raw: Any, field: FieldSpec) -> CellValue:
    if not isinstance(raw, list) or not all(isinstance(i, Mapping) and i.get("file_token") for i in raw):
        return _odd(field, "附件", raw)
    return tuple(
        Attachment(
            str(i["file_token"]), str(i.get("name") or ""), int(i.get("size") or 0), str(i.get("type") or "")
        )
        for i in raw
    )


def _read_link(raw: Any, field: FieldSpec) -> CellValue:
    found: Any = raw.get("link_record_ids") if isinstance(raw, Mapping) else raw
    if isinstance(found, list) and found and isinstance(found[0], Mapping):  # the legacy shape
        found = [rid for item in found for rid in (item.get("record_ids") or [])]
    if found is None or found == []:
        return EMPTY
    if not isinstance(found, list) or not all(isinstance(rid, str) for rid in found):
        return _odd(field, "关联记录", raw)
    return tuple(found)


def _computed(raw: Any, field: FieldSpec) -> CellValue:
    """A formula or lookup cell: ``value`` is a list in the shape of type n, or (seen live) a scalar."""
    if not (isinstance(raw, Mapping) and "value" in raw):
        return _bare(raw, field)
    value, kind = raw["value"], _WIRE_KIND.get(raw.get("type") or 0)
    if _blank(value):
        return EMPTY
    if kind in {Kind.NUMBER, Kind.SELECT, Kind.DATETIME, Kind.CHECKBOX, Kind.PHONE} and isinstance(
        value, list
    ):
        if len(value) > 1:
            return _odd(field, "单个值", value)
        value = value[0]
    if field.kind is not Kind.FORMULA:
        return read(value, field)
    if kind is None:
        return _bare(value, field)
    return CODECS[kind].read(value, field)


def _bare(raw: Any, field: FieldSpec) -> CellValue:
    if isinstance(raw, list) and len(raw) == 1 and not isinstance(raw[0], Mapping):
        raw = raw[0]
    if isinstance(raw, bool):
        return raw
    return _read_number(raw, field) if _is_number(raw) else _read_text(raw, field)


# --- writing ---


def _unfit(field: FieldSpec, value: Any) -> UnwritableError:
    return UnwritableError(
        f"「{field.name}」（{field.kind.value}）不能写入 {str(value)[:60]!r}；请改正写入的值"
    )


def _write_text(value: Any, field: FieldSpec) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _unfit(field, value)
    return value


def _write_phone(value: Any, field: FieldSpec) -> str:
    if not isinstance(value, str) or not _PHONE.fullmatch(value):
        raise _unfit(field, value)
    return value


def _write_number(value: Any, field: FieldSpec) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not math.isfinite(value):
        raise _unfit(field, value)
    exact = Decimal(value)
    if abs(exact) >= EXACT:
        raise UnwritableError(f"「{field.name}」的数字 {value} 超过 15 位，飞书会丢失精度；请改用文本列")
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _write_multi(value: Any, field: FieldSpec) -> list[str]:
    if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
        raise _unfit(field, value)
    return list(dict.fromkeys(value))


def _write_time(value: Any, field: FieldSpec) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _unfit(field, value)
    return to_ms(value)


def _write_date(value: Any, field: FieldSpec) -> int:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _unfit(field, value)
    return to_ms(datetime(value.year, value.month, value.day, tzinfo=SHANGHAI))


def _write_checkbox(value: Any, field: FieldSpec) -> bool:
    if not isinstance(value, bool):
        raise _unfit(field, value)
    return value


def _write_user(value: Any, field: FieldSpec) -> list[dict[str, str]]:
    if not isinstance(value, tuple) or not all(isinstance(item, Person) for item in value):
        raise _unfit(field, value)
    return [{"id": item.open_id} for item in value]


def _write_url(value: Any, field: FieldSpec) -> dict[str, str]:
    if not isinstance(value, Url):
        raise _unfit(field, value)
    return {"text": value.text, "link": value.link}


def _write_attachment(value: Any, field: FieldSpec) -> list[dict[str, str]]:
    if not isinstance(value, tuple) or not all(isinstance(item, Attachment) for item in value):
        raise _unfit(field, value)
    return [{"file_token": item.file_token} for item in value]


def _keep_computed(value: CellValue) -> Any:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, datetime):
        return {"type": 5, "value": [to_ms(value)]}
    return (
        {"type": 2, "value": [float(value)]}
        if isinstance(value, Decimal)
        else {"type": 1, "value": str(value)}
    )


CODECS: Mapping[Kind, Codec] = {
    Kind.TEXT: Codec(_read_text, _write_text),
    Kind.EMAIL: Codec(_read_text, _write_text),
    Kind.PHONE: Codec(_read_text, _write_phone),
    Kind.AUTO_NUMBER: Codec(_read_text, _write_text),
    Kind.NUMBER: Codec(_read_number, _write_number),
    Kind.PERCENT: Codec(_read_number, _write_number),
    Kind.CURRENCY: Codec(_read_number, _write_number),
    Kind.SELECT: Codec(_read_select, _write_text),
    Kind.MULTI_SELECT: Codec(_read_multi, _write_multi),
    Kind.DATETIME: Codec(_read_time, _write_time),
    Kind.CREATED_TIME: Codec(_read_time, _write_time),
    Kind.MODIFIED_TIME: Codec(_read_time, _write_time),
    Kind.DATE: Codec(_read_date, _write_date),
    Kind.CHECKBOX: Codec(_read_checkbox, _write_checkbox),
    Kind.USER: Codec(_read_user, _write_user),
    Kind.URL: Codec(_read_url, _write_url),
    Kind.ATTACHMENT: Codec(_read_attachment, _write_attachment),
    Kind.LINK: Codec(_read_link, _write_multi),
    Kind.FORMULA: Codec(_computed, _write_text),
}
