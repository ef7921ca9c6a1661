"""How a column spec looks on the wire: type numbers, properties, names for people.

Source: Feishu docs, 字段编辑指南.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bitable_sync.spec import FieldSpec, Kind

TYPE: Mapping[Kind, int] = {
    Kind.TEXT: 1,
    Kind.EMAIL: 1,
    Kind.NUMBER: 2,
    Kind.PERCENT: 2,
    Kind.CURRENCY: 2,
    Kind.SELECT: 3,
    Kind.MULTI_SELECT: 4,
    Kind.DATETIME: 5,
    Kind.DATE: 5,
    Kind.CHECKBOX: 7,
    Kind.USER: 11,
    Kind.PHONE: 13,
    Kind.URL: 15,
    Kind.ATTACHMENT: 17,
    Kind.LINK: 18,
    Kind.FORMULA: 20,
    Kind.CREATED_TIME: 1001,
    Kind.MODIFIED_TIME: 1002,
    Kind.AUTO_NUMBER: 1005,
}
TYPE_WORDS: Mapping[int, str] = {
    1: "文本", 2: "数字", 3: "单选", 4: "多选", 5: "日期", 7: "复选框", 11: "人员", 13: "电话", 15: "超链接",
    17: "附件", 18: "单向关联", 19: "查找引用", 20: "公式", 21: "双向关联", 22: "地理位置", 23: "群组",
    1001: "创建时间", 1002: "最后更新时间", 1003: "创建人", 1004: "修改人", 1005: "自动编号",
}  # fmt: skip
INDEX_TYPES = frozenset({1, 2, 5, 13, 15, 20, 22})  # types that may be a table's first column (1254012)
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def words(wire_type: int) -> str:
    """What people call a column type."""
    return TYPE_WORDS.get(wire_type, f"类型 {wire_type}")


def compatible(kind: Kind, wire_type: int) -> bool:
    """Whether a column of this wire type can serve a spec of this kind (both kinds of link can)."""
    return wire_type == TYPE[kind] or (kind is Kind.LINK and wire_type == 21)


def field_body(
    spec: FieldSpec, *, table_ids: Mapping[str, str], table_id: str | None, field_ids: Mapping[str, str]
) -> dict[str, Any]:
    """The body that creates a column.

    Args:
        spec: the column.
        table_ids: table key → table id, for links.
        table_id: the table the column goes into; needed for a formula.
        field_ids: field key → field id of columns that exist, for a formula.
    """
    body: dict[str, Any] = {"field_name": spec.name, "type": TYPE[spec.kind]}
    ui_type = {Kind.CURRENCY: "Currency", Kind.EMAIL: "Email"}.get(spec.kind)
    if ui_type:
        body["ui_type"] = ui_type
    prop = _property(spec, table_ids)
    if spec.kind is Kind.FORMULA:
        prop = {"formula_expression": expression(spec, table_id or "", field_ids)}
        if spec.formatter:
            prop["formatter"] = spec.formatter
    if prop:
        body["property"] = prop
    if spec.description:
        body["description"] = {"text": spec.description, "disable_sync": True}
    return body


def expression(spec: FieldSpec, table_id: str, field_ids: Mapping[str, str]) -> str:
    """The formula with field references by id, so that a renamed column does not break it."""
    return _PLACEHOLDER.sub(
        lambda found: f"bitable::$table[{table_id}].$field[{field_ids[found.group(1)]}]", spec.formula or ""
    )


def needs(spec: FieldSpec) -> tuple[str, ...]:
    """Keys of the columns a formula refers to."""
    return tuple(_PLACEHOLDER.findall(spec.formula or ""))


def merged_options(spec: FieldSpec, live: Mapping[str, Any]) -> dict[str, Any] | None:
    """The update that adds missing options to a select column; None if nothing is missing.

    A field update replaces the property whole, so every live option is sent back with its id: one left out
    would be deleted with its cells (Feishu docs: 更新字段).
    """
    if spec.kind not in {Kind.SELECT, Kind.MULTI_SELECT}:
        return None
    have = list((live.get("property") or {}).get("options") or [])
    names = {option.get("name") for option in have}
    missing = [name for name in spec.options if name not in names]
    if not missing:
        return None
    kept = [{key: option[key] for key in ("id", "name", "color") if key in option} for option in have]
    options = kept + [{"name": name} for name in missing]
    body = {"field_name": live["field_name"], "type": live["type"]}
    return {**body, "property": {**(live.get("property") or {}), "options": options}}


def option_names(live: Mapping[str, Any]) -> list[str]:
    """Names a live select column offers; empty for other columns."""
    prop = live.get("property") or {}
    return (
        [str(option.get("name")) for option in prop.get("options") or []]
        if live.get("type") in {3, 4}
        else []
    )


def _property(spec: FieldSpec, table_ids: Mapping[str, str]) -> dict[str, Any]:
    match spec.kind:
        case Kind.NUMBER:
            return {"formatter": spec.formatter or "0.00"}
        case Kind.PERCENT:
            return {"formatter": spec.formatter or "0.00%"}
        case Kind.CURRENCY:
            return {"formatter": spec.formatter or "0.00", "currency_code": "CNY"}
        case Kind.SELECT | Kind.MULTI_SELECT:
            return {"options": [{"name": name, "color": i % 55} for i, name in enumerate(spec.options)]}
        case Kind.DATETIME | Kind.CREATED_TIME | Kind.MODIFIED_TIME:
            return {"date_formatter": spec.formatter or "yyyy/MM/dd HH:mm"}
        case Kind.DATE:
            return {"date_formatter": spec.formatter or "yyyy/MM/dd"}
        case Kind.USER:
            return {"multiple": spec.multiple}
        case Kind.LINK:
            return {"table_id": table_ids[spec.link_to or ""], "multiple": spec.multiple}
        case Kind.AUTO_NUMBER:
            return {"auto_serial": {"type": "auto_increment_number"}}
        case _:
            return {}
