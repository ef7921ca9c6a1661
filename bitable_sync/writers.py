"""Writing cells: a typed value becomes what a record write takes, or is refused before anything is sent.

Source: Feishu docs "多维表格记录数据结构" (write shapes, limits per cell).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bitable_sync.cells import EMPTY, Attachment, CellValue, Person, Unreadable, UnwritableError, Url
from bitable_sync.spec import FieldSpec, Kind
from runtime.clock import SHANGHAI

MAX_TEXT = 100_000  # characters in a text cell (Feishu docs: 1254130 TooLargeCell)
EXACT = 2**53  # beyond this a JSON number no longer names one integer
_PHONE = re.compile(r"\+?\d{0,64}")


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
    wire = WRITERS[field.kind](value, field)
    if field.kind in {Kind.SELECT, Kind.MULTI_SELECT} and not field.open_options:
        offered = field.options if options is None else options
        for name in [wire] if isinstance(wire, str) else wire:
            if offered and name not in offered:
                raise UnwritableError(f"「{field.name}」没有选项“{name}”；可选：{'、'.join(offered)}")
    return wire


def to_ms(value: datetime) -> int:
    """Epoch milliseconds of an aware time, as the platform keeps it."""
    return math.floor(value.timestamp() * 1000 + 0.0005)


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


WRITERS: Mapping[Kind, Callable[[Any, FieldSpec], Any]] = {
    Kind.TEXT: _write_text,
    Kind.EMAIL: _write_text,
    Kind.PHONE: _write_phone,
    Kind.NUMBER: _write_number,
    Kind.PERCENT: _write_number,
    Kind.CURRENCY: _write_number,
    Kind.SELECT: _write_text,
    Kind.MULTI_SELECT: _write_multi,
    Kind.DATETIME: _write_time,
    Kind.CREATED_TIME: _write_time,
    Kind.MODIFIED_TIME: _write_time,
    Kind.DATE: _write_date,
    Kind.CHECKBOX: _write_checkbox,
    Kind.USER: _write_user,
    Kind.URL: _write_url,
    Kind.ATTACHMENT: _write_attachment,
    Kind.LINK: _write_multi,
    Kind.AUTO_NUMBER: _write_text,
    Kind.FORMULA: _write_text,
}
