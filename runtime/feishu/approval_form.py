"""The form of a Feishu approval: filled for a definition an administrator built, and read back. Pure.

Source: docs approval-v4 (approval/get, instance/create, instance/get): ``form`` is JSON text in a string.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from runtime.errors import PermanentError


class FormUnfit(PermanentError):  # noqa: N818 - a sentence for who may mend it
    """The definition cannot take our values; the sentence says what to change in the approval's console."""


def fill(
    definition: Mapping[str, Any], values: Mapping[str, str | int | Decimal], required: Sequence[str]
) -> list[dict[str, Any]]:
    """The form of a new approval.

    Args:
        definition: as read from Feishu.
        values: by custom widget id; what has no widget is left out.
        required: ids that must have one.

    Raises:
        FormUnfit: the definition is not active or lacks a required widget.
    """
    name = definition.get("approval_name") or "审批"
    if definition.get("status") != "ACTIVE":
        raise FormUnfit(f"审批“{name}”没有启用：请在飞书审批后台启用它")
    widgets = {str(w.get("custom_id") or w.get("id")): w for w in _listed(definition)}
    missing = [key for key in required if key not in widgets]
    if missing:
        raise FormUnfit(
            f"审批“{name}”缺少控件 {'、'.join(missing)}：请在审批后台按文档补上（自定义控件编号）"
        )
    return [_item(widgets[key], value) for key, value in values.items() if key in widgets]


def entries(instance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The items of a fetched approval's form; none when it cannot be read."""
    return _listed(instance)


def number(value: object) -> Decimal | None:
    """An amount as it comes back, a JSON number, exact to the cent; None for what is none."""
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        return None


def _item(widget: Mapping[str, Any], value: str | int | Decimal) -> dict[str, Any]:
    kind = str(widget["type"])
    # The wire wants JSON numbers; two decimals survive, read back as Decimal.
    typed = float(value) if kind in ("number", "amount") else str(value)
    item = {"id": widget["id"], "type": kind, "value": typed}
    return item | ({"currency": "CNY"} if kind == "amount" else {})


def _listed(holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    try:
        items = json.loads(str(holder.get("form") or "[]"))
    except ValueError:
        return []
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
