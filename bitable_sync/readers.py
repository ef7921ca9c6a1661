"""Reading cells: every shape a kind has been seen in becomes a typed value, EMPTY, or a sentence.

The platform reads and writes different shapes (facts: Feishu docs "多维表格记录数据结构" and "查询记录"): a
text is written as a string and read as segments; a link is written as an array and read as an object; a
formula is read as ``{"type", "value"}`` whose value may be a list or a scalar; an empty cell is simply
absent. Every reader accepts both shapes, so the mirror can keep what was written until the record is read
again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bitable_sync.cells import EMPTY, Attachment, CellValue, Person, Unreadable, Url
from bitable_sync.spec import FieldSpec, Kind
from bitable_sync.writers import EXACT
from runtime.clock import day_of

UNREADABLE_MARK = "!"  # a kept cell {"!": reason} is an Unreadable someone put into the mirror
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
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
    return READERS[field.kind](raw, field)


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
    """The text of a string or of a list of text segments (text, mention, url), as `storable` text.

    None if it is something else.
    """
    if isinstance(raw, str):
        return storable(raw)
    if isinstance(raw, Mapping) and isinstance(raw.get("text"), str):
        return storable(str(raw["text"]))
    if isinstance(raw, list):
        if len(raw) == 1 and isinstance(raw[0], dict) and isinstance(raw[0].get("text"), str):
            return storable(str(raw[0]["text"]))  # by far the commonest shape
        parts = [text_of(part) for part in raw]
        return None if any(part is None for part in parts) else "".join(part or "" for part in parts)
    return None


def storable(text: str) -> str:
    """Text without what no database takes: a zero character, or half of a character (a cut emoji)."""
    return _UNSTORABLE.sub("\ufffd", text)


def _read_text(raw: Any, field: FieldSpec) -> CellValue:
    if _is_number(raw):  # the column was made a number column
        whole = Decimal(str(raw))
        exact = whole.is_finite() and abs(whole) < EXACT
        return f"{whole:f}".removesuffix(".0") if exact else _odd(field, "文字", raw)
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
    return day_of(moment) if isinstance(moment, datetime) else moment


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
    return tuple(_attachment(item) for item in raw)


def _attachment(item: Mapping[str, Any]) -> Attachment:
    size = item.get("size")
    return Attachment(
        str(item["file_token"]),
        str(item.get("name") or ""),
        size if isinstance(size, int) else 0,
        str(item.get("type") or ""),
    )


def _read_link(raw: Any, field: FieldSpec) -> CellValue:
    found: Any = raw.get("link_record_ids") if isinstance(raw, Mapping) else raw
    if isinstance(found, list) and found and all(isinstance(item, Mapping) for item in found):
        parts = [item.get("record_ids") or [] for item in found]  # the legacy shape
        found = [rid for part in parts for rid in (part if isinstance(part, list) else [part])]
    if found is None or found == []:
        return EMPTY
    if not isinstance(found, list) or not all(isinstance(rid, str) for rid in found):
        return _odd(field, "关联记录", raw)
    return tuple(found)


def _computed(raw: Any, field: FieldSpec) -> CellValue:
    """A formula or lookup cell: ``value`` is a list in the shape of type n, or (seen live) a scalar."""
    if not (isinstance(raw, Mapping) and "value" in raw):
        return _bare(raw, field)
    wire_type = raw.get("type")
    value, kind = raw["value"], _WIRE_KIND.get(wire_type) if isinstance(wire_type, int) else None
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
    return READERS[kind](value, field)


def _bare(raw: Any, field: FieldSpec) -> CellValue:
    if isinstance(raw, list) and len(raw) == 1 and not isinstance(raw[0], Mapping):
        raw = raw[0]
    if isinstance(raw, bool):
        return raw
    return _read_number(raw, field) if _is_number(raw) else _read_text(raw, field)


READERS: Mapping[Kind, Callable[[Any, FieldSpec], CellValue]] = {
    Kind.TEXT: _read_text,
    Kind.EMAIL: _read_text,
    Kind.PHONE: _read_text,
    Kind.AUTO_NUMBER: _read_text,
    Kind.NUMBER: _read_number,
    Kind.PERCENT: _read_number,
    Kind.CURRENCY: _read_number,
    Kind.SELECT: _read_select,
    Kind.MULTI_SELECT: _read_multi,
    Kind.DATETIME: _read_time,
    Kind.CREATED_TIME: _read_time,
    Kind.MODIFIED_TIME: _read_time,
    Kind.DATE: _read_date,
    Kind.CHECKBOX: _read_checkbox,
    Kind.USER: _read_user,
    Kind.URL: _read_url,
    Kind.ATTACHMENT: _read_attachment,
    Kind.LINK: _read_link,
    Kind.FORMULA: _computed,
}
