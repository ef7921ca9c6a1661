"""A table as one person sees it, as data for the page: columns, and the rows of a window with their cells."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_errors import refuse
from sandbox.bitable_formula import Moment
from sandbox.bitable_read import evaluate, formula_text, plain
from sandbox.bitable_rights import Rights
from sandbox.bitable_search import Filter, Test, sort_records, view_test
from sandbox.kernel import World

Body = dict[str, Any]
SEARCHED = frozenset({m.TEXT, m.SELECT, m.MULTI, m.USER, m.PHONE, m.URL, m.AUTO})
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "isGreater": lambda kept, wanted: kept > wanted,
    "isGreaterEqual": lambda kept, wanted: kept >= wanted,
    "isLess": lambda kept, wanted: kept < wanted,
    "isLessEqual": lambda kept, wanted: kept <= wanted,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows are wanted: a view, conditions that all hold, sort keys, and words to look for."""

    view: m.View | None = None
    conditions: tuple[Body, ...] = ()
    sort: tuple[Body, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table in the eyes of one person."""

    world: World
    base: m.Base
    table: m.Table
    rights: Rights

    def columns(self, view: m.View | None = None) -> list[m.Field]:
        """The columns this person may see, without those a view hides."""
        hidden = view.hidden_fields if view else ()
        return [column for column in self.rights.columns() if column.id not in hidden]

    def chosen(self, wish: Wish, who: str) -> list[m.Record]:
        """Every record that ``who`` sees and that fits, in order; remembered while the table stays as it is.

        Raises:
            BitableError: 1254018 for a condition that makes no sense, 1254045 for a column that is not
                there or not for this person, 1254016 for a sort that cannot be.
        """
        # As with searches: an hour at most, because "Today" moves on.
        stamp = (self.table.revision, self.world.clock.ms() // 3_600_000)
        key = f"page {who} {wish}"
        kept = self.table.answers.get(key)
        if kept is None or kept[0] != stamp:
            if len(self.table.answers) >= 4:
                self.table.answers.clear()
            kept = self.table.answers[key] = (stamp, self._find(wish))
        return kept[1]

    def _find(self, wish: Wish) -> list[m.Record]:
        tests = [self._test(one) for one in wish.conditions]
        if wish.view is not None and (narrowed := view_test(self.world, self.base, self.table, wish.view)):
            tests.append(narrowed)
        if wish.words:
            tests.append(self._says(wish.words.lower()))
        see = self.rights.may_see
        found = [r for r in self.table.live() if see(r) and all(test(r) for test in tests)]
        if not wish.sort:
            return found
        keys = [{"field_name": self._column(k).name, "desc": k.get("desc") is True} for k in wish.sort]
        return sort_records(self.world, self.table, found, keys)

    def rows(self, records: Sequence[m.Record], columns: Sequence[m.Field]) -> list[Body]:
        """The records as the page draws them: id, cells by column id, and the cells that are locked."""
        readers = [(column.id, self._reader(column)) for column in columns]
        return [
            {
                "id": record.id,
                "cells": {key: value for key, read in readers if (value := read(record)) is not None},
                "locked": self.rights.locked(record),
            }
            for record in records
        ]

    def _column(self, body: Mapping[str, Any]) -> m.Field:
        column = self.table.fields.get(str(body.get("field_id")))
        if column is None or column not in self.rights.columns():
            raise refuse(1254045)
        return column

    def _test(self, body: Any) -> Test:
        if not isinstance(body, Mapping):
            raise refuse(1254018)
        column = self._column(body)
        if column.type in (m.FORMULA, m.LOOKUP):
            return _formula_test(column, str(body.get("operator")), body.get("value"))
        if column.type == m.CHECKBOX and body.get("value") not in (["true"], ["false"]):
            raise refuse(1254018)
        return Filter(self.world, self.base, self.table, by_id=True).condition(body)

    def _says(self, words: str) -> Test:
        columns = [column for column in self.rights.columns() if column.type in SEARCHED]

        def test(record: m.Record) -> bool:
            return any(words in plain(self.world, column, record).lower() for column in columns)

        return test

    def _reader(self, column: m.Field) -> Callable[[m.Record], Any]:
        key, kind = column.id, column.type
        computed: dict[int, Callable[[m.Record], Any]] = {
            m.FORMULA: lambda record: formula_value(column, record),
            m.CREATED_AT: lambda record: record.created_ms,
            m.MODIFIED_AT: lambda record: record.modified_ms,
            m.CREATED_BY: lambda record: self._people((record.created_by,)),
            m.MODIFIED_BY: lambda record: self._people((record.modified_by,)),
        }
        if kind in computed:
            return computed[kind]
        draw = self._shape(column)

        def read(record: m.Record) -> Any:
            kept = record.cells.get(key)
            return None if kept is None else draw(kept)

        return read

    def _shape(self, column: m.Field) -> Callable[[Any], Any]:
        names = column.option_names()
        shapes: dict[int, Callable[[Any], Any]] = {
            m.SELECT: names.get,
            m.MULTI: lambda kept: [names[option] for option in kept if option in names],
            m.USER: self._people,
            m.URL: lambda kept: {"text": kept[0], "link": kept[1]},
            m.ATTACHMENT: lambda kept: [self._file(token) for token in kept],
            m.LINK: lambda kept: self._linked(column, kept),
            m.DUPLEX: lambda kept: self._linked(column, kept),
            m.CHAT: lambda kept: [getattr(self.world.im.chats.get(chat), "name", "") for chat in kept],
        }
        return shapes.get(column.type, lambda kept: kept)

    def _people(self, open_ids: Sequence[str]) -> list[Body]:
        apps = {app.open_id: app.name for app in self.world.apps.values()}
        return [
            {"id": i, "name": self.world.people[i].name if i in self.world.people else apps.get(i, "")}
            for i in open_ids
        ]

    def _file(self, token: str) -> Body:
        media = self.world.drive.media.get(token)
        if media is None:
            return {"token": token, "name": "", "mime": "", "size": 0}
        return {"token": token, "name": media.name, "mime": media.mime, "size": len(media.data)}

    def _linked(self, column: m.Field, ids: Sequence[str]) -> list[Body]:
        target = self.base.tables.get((column.props or {}).get("table_id", ""))
        records = target.records if target else {}
        return [
            {"id": i, "text": plain(self.world, target.primary, records[i])}
            for i in ids
            if target is not None and i in records
        ]


def formula_value(column: m.Field, record: m.Record) -> Body | None:
    """A formula's value with what it is: number, text, date (ms), bool or error; None when empty."""
    value = evaluate(column, record)
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return {"is": "bool", "value": value}
    if isinstance(value, Moment):
        return {"is": "date", "value": value.ms()}
    if isinstance(value, str):
        return {
            "is": "error" if value.startswith("#") and value.endswith(("!", "?")) else "text",
            "value": value,
        }
    return {"is": "number", "value": value}


def _formula_test(column: m.Field, operator: str, value: Any) -> Test:
    """A condition on a formula: the platform's API refuses these, its client compares what is shown."""
    if operator in ("isEmpty", "isNotEmpty"):
        return lambda record: (formula_text(column, record) == "") == (operator == "isEmpty")
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], str):
        raise refuse(1254018)
    wanted = value[0]
    if operator in ("contains", "doesNotContain"):
        return lambda record: (wanted in formula_text(column, record)) == (operator == "contains")
    if operator in ("is", "isNot"):
        return lambda record: (formula_text(column, record) == wanted) == (operator == "is")
    try:
        compare, bound = COMPARED[operator], float(wanted)
    except (KeyError, ValueError) as bad:
        raise refuse(1254018) from bad

    def test(record: m.Record) -> bool:
        kept = evaluate(column, record)
        return isinstance(kept, int | float) and compare(float(kept), bound)

    return test


def listed(text: str) -> tuple[Body, ...]:
    """A query parameter that carries a JSON array of objects; empty when left out.

    Raises:
        BitableError: 1254018 when it is something else.
    """
    try:
        items = json.loads(text or "[]")
    except ValueError as broken:
        raise refuse(1254018) from broken
    if not isinstance(items, list) or len(items) > 20 or not all(isinstance(item, dict) for item in items):
        raise refuse(1254018)
    return tuple(items)
