"""Find rows on the platform by business key: before a create is sent a second time, and after a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bitable_sync.bindings import BoundTable
from bitable_sync.cells import CellValue
from bitable_sync.codecs import canon, write
from bitable_sync.mirror import Cells, business_key, chunks
from bitable_sync.pull import PAGE, by_key
from bitable_sync.spec import FieldSpec, Kind, TableSpec

if TYPE_CHECKING:
    from runtime.feishu import Feishu

CONDITIONS = 50  # conditions one search accepts
_PLAIN = {Kind.TEXT, Kind.EMAIL, Kind.PHONE, Kind.SELECT, Kind.NUMBER, Kind.CURRENCY, Kind.PERCENT}

Found = dict[str, dict[str, dict[str, Any]]]
"""Business key → record id → cells in read shape by field key."""


def find_by_key(
    feishu: Feishu, spec: TableSpec, bound: BoundTable, wanted: Mapping[str, Mapping[str, CellValue]]
) -> Found:
    """Search the platform for rows with these business keys.

    Args:
        feishu: the client.
        spec: the table.
        bound: its binding.
        wanted: rows by business key; only the key columns are looked at.

    Returns:
        What exists, matched again locally: the filter may give more (dates are rounded to days, for
        instance).
    """
    found: Found = {}
    per_row = max(1, len(spec.business_key))
    for part in chunks(list(wanted), CONDITIONS // per_row):
        for item in _search(feishu, bound, filter_for(spec, bound, [wanted[key] for key in part])):
            raw = by_key(item, bound.names())
            key = business_key(spec, Cells(raw, spec))
            if key in part and key is not None:
                found.setdefault(key, {})[str(item["record_id"])] = raw
    return found


def filter_for(spec: TableSpec, bound: BoundTable, rows: Sequence[Mapping[str, CellValue]]) -> dict[str, Any]:
    """The search filter "any of these keys" (Feishu docs: 记录筛选参数填写说明); one level of children."""
    groups = []
    for row in rows:
        conditions = [_condition(spec.field(k), bound.fields[k].name, row[k]) for k in spec.business_key]
        groups.append([c for c in conditions if c is not None])
    if all(len(group) == 1 for group in groups):
        return {"conjunction": "or", "conditions": [group[0] for group in groups]}
    return {
        "conjunction": "or",
        "children": [{"conjunction": "and", "conditions": group} for group in groups if group],
    }


def _condition(field: FieldSpec, name: str, value: CellValue) -> dict[str, Any] | None:
    if field.kind in _PLAIN:
        wanted = [str(canon(value))]
    elif field.kind in {Kind.DATE, Kind.DATETIME}:
        wanted = ["ExactDate", str(write(value, field))]
    elif field.kind is Kind.USER and isinstance(value, tuple):
        wanted = [str(canon(value))]
    else:
        return None  # not filterable: the other parts narrow the search, the rest is matched locally
    return {"field_name": name, "operator": "is", "value": wanted}


def _search(feishu: Feishu, bound: BoundTable, condition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items: list[Mapping[str, Any]] = []
    token: str | None = None
    while True:
        page = feishu.bitable.search(
            bound.app_token,
            bound.table_id,
            field_names=list(bound.names()),
            filter=dict(condition),
            page_token=token,
            page_size=PAGE,
        )
        items.extend(page.items)
        if not page.has_more:
            return items
        token = page.page_token
