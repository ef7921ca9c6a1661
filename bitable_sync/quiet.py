"""Sentences about cells of private tables: they name the column and its kind, never what stands there."""

from __future__ import annotations

from bitable_sync.cells import CellValue, Unreadable, UnwritableError
from bitable_sync.spec import FieldSpec
from bitable_sync.wire_fields import TYPE, words


def unquoted(value: CellValue, field: FieldSpec) -> CellValue:
    """A cell as it may be handed on: an unreadable one without its content."""
    if not isinstance(value, Unreadable):
        return value
    return Unreadable(f"「{field.name}」的内容不是{words(TYPE[field.kind])}，请改正这个单元格")


def unfit(field: FieldSpec) -> UnwritableError:
    """The refusal to write a value that does not fit its column."""
    return UnwritableError(f"「{field.name}」（{words(TYPE[field.kind])}）不能写入这个值；请改正写入的值")
