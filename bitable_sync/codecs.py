"""Cells between the wire, the mirror and Python: read, write, keep, and when two values are the same."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bitable_sync.cells import EMPTY, Attachment, CellValue, Person, Unreadable, Url
from bitable_sync.readers import UNREADABLE_MARK, read
from bitable_sync.spec import FieldSpec, Kind
from bitable_sync.writers import WRITERS, to_ms, write

__all__ = ["canon", "keep", "read", "same", "to_ms", "write"]


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
    return WRITERS[field.kind](value, field)


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
        parts = [_canon_item(item) for item in value]
        return ",".join(sorted(parts)) or None
    if isinstance(value, Url):
        return value.link
    return str(value).strip() or None


def _canon_item(item: Person | Attachment | str) -> str:
    """The identity of one element of a list cell."""
    if isinstance(item, Person):
        return item.open_id
    return item.file_token if isinstance(item, Attachment) else item


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
