"""The scope of a rule: a small closed language over the columns of the data table.

    平台=抖音 且 状态=投放中 且 消耗>=500
    店铺=旗舰店、专营店          (any of these)
    计划名称 包含 双11

Conditions are joined by 且 (or ``and``, ``;``, a new line); several values by 、 or 或 or |. There is nothing
else, so nothing can run, hang or surprise.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from bitable_sync.cells import EMPTY, CellValue, Person, Unreadable
from rules.metrics import NUMERIC, NotKnown, TableWords
from rules.model import Doubt, Problem
from rules.tree import All, Column, Compare, Condition, Const, Is, Operator, Truth

COLUMN = "范围"
EXAMPLE = "例如：平台=抖音 且 状态=投放中"
_JOINS = re.compile(r"\s*(?:且|；|;|\n|&&|\band\b)\s*", re.IGNORECASE)
_CONDITION = re.compile(r"^(.+?)\s*(!=|<>|≠|不等于|>=|≥|<=|≤|>|<|==|=|＝|等于|不包含|包含)\s*(.+)$")
_VALUES = re.compile(r"\s*(?:、|或|\|)\s*")
_CANON = {
    "!=": "≠",
    "<>": "≠",
    "≠": "≠",
    "不等于": "≠",
    ">=": "≥",
    "≥": "≥",
    "<=": "≤",
    "≤": "≤",
    ">": ">",
    "<": "<",
    "==": "=",
    "=": "=",
    "＝": "=",
    "等于": "=",
    "包含": "包含",
    "不包含": "不包含",
}


def parse_scope(text: str, words: TableWords) -> tuple[Condition, ...] | list[Problem]:
    """Read a scope; every part that is not understood becomes a sentence with an example."""
    conditions: list[Condition] = []
    problems: list[Problem] = []
    for part in filter(None, _JOINS.split(text.strip())):
        read = _parse_condition(part, words)
        (problems if isinstance(read, Problem) else conditions).append(read)  # type: ignore[arg-type]
    return problems or tuple(conditions)


def _parse_condition(part: str, words: TableWords) -> Condition | Problem:
    match = _CONDITION.match(part)
    if match is None:
        return Problem(COLUMN, f"看不懂“{part}”，应写成“列名=值”，{EXAMPLE}")
    name, operator, right = match[1].strip(), _CANON[match[2]], match[3].strip().strip("“”\"'")
    field = words.fields.get(name)
    if field is None:
        known = "、".join(list(words.fields)[:8])
        return Problem(COLUMN, f"“{words.spec.name}”里没有“{name}”这一列，可用的列有：{known}")
    value = None
    if operator in "≥≤><":
        value = _decimal(right)
        if value is None or field.kind not in NUMERIC:
            return Problem(COLUMN, f"“{part}”要比较大小，列和值都应是数字，例如：消耗>=500")
    values = tuple(filter(None, _VALUES.split(right)))
    if field.options and operator in "=≠":
        odd = [item for item in values if item not in field.options]
        if odd:
            return Problem(COLUMN, f"“{name}”没有选项“{odd[0]}”，可选：{'、'.join(field.options)}")
    return Condition(field.key, name, operator, values, value)


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text.replace(",", "").removesuffix("元"))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _text(value: CellValue) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(item.name if isinstance(item, Person) else str(item) for item in value)
    if isinstance(value, Decimal):
        return (format(value.normalize(), "f"),)
    if isinstance(value, bool):
        return ("是" if value else "否",)
    return (str(value),)


_SIZES: Mapping[str, Operator] = {"≥": ">=", "≤": "<=", ">": ">", "<": "<"}


def scope_tree(scope: tuple[Condition, ...]) -> Truth | None:
    """The scope as a condition of the row; None when it is empty. Doubt loses against a certain no."""
    return All(tuple(_tree(condition) for condition in scope)) if scope else None


def _tree(condition: Condition) -> Truth:
    if condition.number is None:
        return Is(condition, strict=False)
    column = Column(condition.key, condition.name)
    return Compare(_SIZES[condition.operator], column, Const(condition.number))


def holds(condition: Is, value: CellValue) -> bool | NotKnown:
    """Whether a cell of words is one of the words (or contains one) that the condition names."""
    of = condition.condition
    if isinstance(value, str) and of.operator in "=≠":  # by far the commonest
        return (value in of.values) == (of.operator == "=")
    if isinstance(value, Unreadable):
        return NotKnown(Doubt.SCOPE, f"“{of.name}”读不出来，{value.reason}")
    if value is EMPTY and condition.strict:
        return NotKnown(Doubt.EMPTY, f"“{of.name}”是空的")
    texts = () if value is EMPTY else _text(value)
    if of.operator in {"包含", "不包含"}:
        found_any = any(wanted in text for wanted in of.values for text in texts)
        return found_any == (of.operator == "包含")
    return any(text in of.values for text in texts) == (of.operator == "=")
