"""What a push has to do: a pure comparison of wanted rows with the mirror."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bitable_sync.bindings import BoundTable
from bitable_sync.cells import EMPTY, CellValue, UnwritableError
from bitable_sync.codecs import canon, same, write
from bitable_sync.mirror import Row, business_key
from bitable_sync.quiet import unfit
from bitable_sync.spec import TableSpec
from runtime.ids import RecordId


@dataclass(frozen=True, slots=True)
class Conflict:
    """More than one row carries the same business key; people must say which one counts."""

    key: str
    record_ids: tuple[RecordId, ...]
    sentence: str


@dataclass(slots=True)
class Plan:
    """Rows to create (by key) and to change (by record id, only the cells that differ)."""

    creates: dict[str, dict[str, CellValue]] = field(default_factory=dict)
    updates: dict[RecordId, dict[str, CellValue]] = field(default_factory=dict)
    unchanged: int = 0
    conflicts: list[Conflict] = field(default_factory=list)


def keyed(spec: TableSpec, rows: Sequence[Mapping[str, CellValue]]) -> dict[str, dict[str, CellValue]]:
    """Rows by business key; a later row of the same key is laid over an earlier one.

    Raises:
        UnwritableError: a row has no complete business key, or a key the table does not have. Nothing was
        sent.
    """
    found: dict[str, dict[str, CellValue]] = {}
    for row in rows:
        for key in row:
            if not spec.grows:  # what is named may be a column that people have just given up
                spec.field(key)
        key_text = business_key(spec, row)
        if key_text is None:
            missing = [k for k in spec.business_key if canon(row.get(k, EMPTY)) is None] or ["(无业务主键)"]
            raise UnwritableError(f"写入表「{spec.name}」的一行缺少业务主键 {'、'.join(missing)}，整批未发送")
        found.setdefault(key_text, {}).update(row)
    return found


def plan(
    spec: TableSpec, wanted: Mapping[str, Mapping[str, CellValue]], have: Mapping[str, Sequence[Row]]
) -> Plan:
    """Decide what to send.

    Args:
        spec: the table.
        wanted: rows by key; a row need not name every column.
        have: the mirror's rows by key.
    """
    result = Plan()
    for key, values in wanted.items():
        rows = have.get(key, ())
        if len(rows) > 1:
            result.conflicts.append(conflict(spec, key, [row.record_id for row in rows]))
        elif not rows:
            result.creates[key] = {k: v for k, v in values.items() if v is not EMPTY}
        else:
            changed = differing(rows[0].values, values)
            if changed:
                result.updates[rows[0].record_id] = changed
            else:
                result.unchanged += 1
    return result


def differing(old: Mapping[str, CellValue], new: Mapping[str, CellValue]) -> dict[str, CellValue]:
    """The cells of ``new`` that are not already so."""
    return {key: value for key, value in new.items() if not same(old.get(key, EMPTY), _plain(value))}


def conflict(spec: TableSpec, key: str, record_ids: Sequence[RecordId]) -> Conflict:
    """The sentence for rows that share a business key."""
    shown = "、".join(key.split("\x1f"))
    named = "+".join(spec.field(k).name for k in spec.business_key)
    sentence = f"「{named}」为“{shown}”的记录有 {len(record_ids)} 行，系统不猜哪一行有效：请只保留一行"
    return Conflict(key, tuple(record_ids), sentence)


def encode(spec: TableSpec, bound: BoundTable, values: Mapping[str, CellValue]) -> dict[str, Any]:
    """The cells as a record write wants them, under the names the columns have right now.

    A column that is missing or retyped is left out: it is told as drift, the others go on.
    """
    fields: dict[str, Any] = {}
    for key, value in values.items():
        column = bound.fields.get(key)
        if column is not None and column.state == "ok":
            field_spec = spec.field(key)
            try:
                fields[column.name] = write(value, field_spec, options=column.options or None)
            except UnwritableError:
                if spec.private:
                    raise unfit(field_spec) from None
                raise
    return fields


def token(*parts: Any) -> str:
    """A client_token in uuid4 form (else 1254037), always the same for the same content and cause."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=repr)
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def _plain(value: CellValue) -> CellValue:
    return EMPTY if value in ("", ()) else value
