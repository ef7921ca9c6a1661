"""What is wrong with the rows people configure red lines by: 预警静默, 值班与时段, 审批额度. Pure.

Each wrong cell gives a sentence that says what it does meanwhile and what to write instead. A row that is
wrong never silences anybody and never widens what somebody may do.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from bitable_sync.cells import EMPTY, CellValue, Person, Unreadable
from bitable_sync.mirror import Row
from bitable_sync.spec import TableSpec
from rules.duty import Role, names_in
from rules.specs import ALLOWANCES, ALLOWANCES_TABLE, DUTIES, DUTY_TABLE, SILENCES, SILENCES_TABLE, TABLE_KEYS
from runtime.ids import RecordId

CHECKED = "check_result"
Values = Mapping[str, CellValue]
Known = Callable[[str], bool]
"""Whether some row of the data tables has this id or name."""

_ALL_DAY = (Role.ON_DUTY, Role.MANAGER, Role.SOURCE)
_SHOWN = 5


def unreadable(values: Values, spec: TableSpec) -> list[str]:
    """A sentence for every cell nobody can read: the column was retyped, or holds what it should not."""
    return [
        f"“{field.name}”读不出来：{cell.reason}"
        for field in spec.fields
        if field.key != CHECKED and isinstance(cell := values.get(field.key, EMPTY), Unreadable)
    ]


def blank(values: Values) -> bool:
    """Whether nobody has written anything into a row yet."""
    return all(value is EMPTY or value in ("", (), False) for key, value in values.items() if key != CHECKED)


def silence_fault(values: Values, rules: Collection[str], known: Known) -> str:
    """What is wrong with a row of 预警静默; "" when nothing is.

    Args:
        values: its cells.
        rules: the names of the rules there are.
        known: see `Known`.
    """
    found = unreadable(values, SILENCES_TABLE)
    if found:
        return f"{'；'.join(found)}。这一行暂不生效"
    until, start = values.get("until", EMPTY), values.get("start", EMPTY)
    if not isinstance(until, datetime):
        return "还没有填“结束”：没有结束时间的静默不生效"
    if isinstance(start, datetime) and until <= start:
        return "“结束”不晚于“开始”，这一行不会生效"
    rule = _text(values, "rule")
    if rule and rule not in rules:
        return f"没有叫“{rule[:30]}”的规则，这一行不会生效。现有：{_some(sorted(rules))}"
    missing = [part for part in parts_of(_text(values, "objects")) if not known(part)]
    if missing:
        return f"“对象”里的“{'、'.join(missing[:_SHOWN])}”在数据表里找不到，请写编号或完整的名称"
    return ""


def parts_of(text: str) -> list[str]:
    """The objects somebody listed."""
    for mark in "，,":
        text = text.replace(mark, "、")
    return [part.strip() for part in text.split("、") if part.strip()]


def duty_fault(values: Values, connections: Collection[str] = ()) -> str:
    """What is wrong with a row of 值班与时段; "" when nothing is.

    Args:
        values: its cells.
        connections: the names of the connections there are.
    """
    role = values.get("role", EMPTY)
    if role not in DUTIES:
        return f"请选择“用途”：{'、'.join(DUTIES)}。这一行暂不生效"
    of, found = Role(str(role)), unreadable(values, DUTY_TABLE)
    hours = _hours_fault(values)
    if found or hours:
        said = "；".join([*found, *([hours] if hours else [])])
        return f"{said}。{'先按全天算' if of in _ALL_DAY else '这一行暂不生效'}"
    people = values.get("people", EMPTY)
    named = isinstance(people, tuple) and any(isinstance(one, Person) for one in people)
    if of in _ALL_DAY and not named:
        return f"“{of.value}”要填“人员”，现在没有人会收到"
    if of is Role.HOURS and named:
        return "“工作时间”对所有人一样，“人员”没有作用，请清空"
    table = _text(values, "table")
    if table and table not in TABLE_KEYS:
        return f"没有“{table[:20]}”这张表，先按全部数据表算。可选：{'、'.join(TABLE_KEYS)}"
    return _connections_fault(values, of, connections)


def _connections_fault(values: Values, of: Role, connections: Collection[str]) -> str:
    named = sorted(names_in(values.get("connection", EMPTY)))
    if named and of is not Role.SOURCE:
        return f"“连接”只用于“{Role.SOURCE.value}”，这一行里没有作用，请清空"
    unknown = [name for name in named if name not in connections]
    if unknown:
        listed = _some(sorted(connections)) if connections else "（还没有）"
        return f"没有叫“{'、'.join(unknown[:_SHOWN])[:40]}”的平台连接，断了不会通知这一行的人。现有：{listed}"
    return ""


def _hours_fault(values: Values) -> str:
    start, end = values.get("start", EMPTY), values.get("end", EMPTY)
    if start is EMPTY and end is EMPTY:
        return ""
    if start is EMPTY or end is EMPTY:
        return f"“{'从几点' if start is EMPTY else '到几点'}”还空着：两格都填，或都留空表示全天"
    for name, value in (("从几点", start), ("到几点", end)):
        if isinstance(value, Decimal) and not (value.is_finite() and 0 <= value <= 24):
            return f"“{name}”应在 0 到 24 之间，现在是 {value:f}"
    return "“从几点”和“到几点”一样，全天请把两格都清空" if start == end else ""


def allowance_faults(rows: Sequence[Row]) -> dict[RecordId, str]:
    """What is wrong with the rows of 审批额度, each by itself and with one another."""
    found: dict[RecordId, str] = {}
    owners: dict[str, str] = {}
    for row in sorted(rows, key=lambda each: each.record_id):
        said = _bounds_fault(row.values)
        if not said:
            said = _twice(row.values, owners)
        found[row.record_id] = said
    return found


def _bounds_fault(values: Values) -> str:
    zero = "在改正之前按 0 算：每一次都要审批"
    for key in ("budget", "pieces"):
        name, value = ALLOWANCES_TABLE.field(key).name, values.get(key, EMPTY)
        if isinstance(value, Unreadable):
            return f"“{name}”读不出来：{value.reason}。{zero}"
        if isinstance(value, Decimal) and not (value.is_finite() and value >= 0):
            return f"“{name}”不能小于 0，现在是 {value:f}。{zero}"
        if key == "pieces" and isinstance(value, Decimal) and value != value.to_integral_value():
            return f"“{name}”应是整数件，现在是 {value:f}"
    found = unreadable(values, ALLOWANCES_TABLE)
    if found:
        return f"{'；'.join(found)}。这一行先对没有单独写一行的所有人生效"
    if values.get("budget", EMPTY) is EMPTY and values.get("pieces", EMPTY) is EMPTY:
        return "两个上限都空着，这一行不限制任何事；要全部审批请填 0"
    return ""


def _twice(values: Values, owners: dict[str, str]) -> str:
    people = values.get("people", EMPTY)
    listed = [one for one in people if isinstance(one, Person)] if isinstance(people, tuple) else []
    names = {one.open_id: one.name or one.open_id for one in listed} or {"": "“人员”留空（其他所有人）"}
    again = [name for open_id, name in names.items() if open_id in owners]
    owners |= names
    return f"{'、'.join(again[:_SHOWN])} 在另一行已经有额度，两行里更严的算数，请合并" if again else ""


def faults(
    table: str, rows: Sequence[Row], *, rules: Collection[str] = (), known: Known = bool,
    connections: Collection[str] = (),
) -> dict[RecordId, str]:  # fmt: skip
    """Record id → what 校验结果 should say; "" where nothing is wrong or nothing is written yet.

    Args:
        table: key of one of the three tables.
        rows: all of its rows.
        rules: the names of the rules there are.
        known: see `Known`.
        connections: the names of the connections there are.
    """
    used = [row for row in rows if not blank(row.values)]
    found: dict[RecordId, str] = {row.record_id: "" for row in rows}
    if table == ALLOWANCES:
        return found | allowance_faults(used)
    for row in used:
        one = (
            silence_fault(row.values, rules, known)
            if table == SILENCES
            else duty_fault(row.values, connections)
        )
        found[row.record_id] = one
    return found


def _text(values: Values, key: str) -> str:
    value = values.get(key, EMPTY)
    return value.strip() if isinstance(value, str) else ""


def _some(names: Sequence[str]) -> str:
    return "、".join(names[:_SHOWN]) + ("等" if len(names) > _SHOWN else "") if names else "（还没有规则）"
