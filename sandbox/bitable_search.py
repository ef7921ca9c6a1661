"""Filter and sort of record searches: which operators a field knows, and what they mean.

Source: record filter guide and records/search (Feishu docs, 2025-11 and 2025-05): at most 50 conditions and
10 values each, children one level deep, formula and lookup fields cannot be filtered, dates are compared by
day in the base's time zone, ``isEmpty``/``isNotEmpty`` must send ``value: []``.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_errors import refuse
from sandbox.bitable_read import evaluate, plain
from sandbox.bitable_state import DAY, midnight, zone
from sandbox.kernel import World

Test = Callable[[m.Record], bool]
EMPTY = frozenset({"isEmpty", "isNotEmpty"})
WORDS = frozenset({"is", "isNot", "contains", "doesNotContain"}) | EMPTY
AMOUNTS = frozenset({"is", "isNot", "isGreater", "isGreaterEqual", "isLess", "isLessEqual"}) | EMPTY
DAYS = frozenset({"is", "isGreater", "isLess"}) | EMPTY
OPERATORS: dict[int, frozenset[str]] = {
    **dict.fromkeys((m.TEXT, m.PHONE, m.URL, m.LOCATION, m.AUTO), WORDS),
    **dict.fromkeys(
        (m.SELECT, m.MULTI, m.USER, m.CREATED_BY, m.MODIFIED_BY, m.CHAT, m.LINK, m.DUPLEX), WORDS
    ),
    m.NUMBER: AMOUNTS,
    **dict.fromkeys((m.DATE, m.CREATED_AT, m.MODIFIED_AT), DAYS),
    m.CHECKBOX: frozenset({"is"}),
    m.ATTACHMENT: EMPTY,
}
SETS = frozenset({m.SELECT, m.MULTI, m.USER, m.CREATED_BY, m.MODIFIED_BY, m.CHAT, m.LINK, m.DUPLEX})
SPANS = ("CurrentWeek", "LastWeek", "CurrentMonth", "LastMonth", "TheLastWeek", "TheNextWeek", "TheLastMonth",
         "TheNextMonth")  # fmt: skip


class Filter:
    """Turns a filter body into one test of a record. ``by_id``: field ids and option ids (views, roles)."""

    def __init__(
        self, world: World, base: m.Base, table: m.Table, *, id_type: str = "open_id", by_id: bool = False
    ) -> None:
        self.world = world
        self.base = base
        self.table = table
        self.id_type = id_type
        self.by_id = by_id
        self.count = 0

    def test(self, body: Any, depth: int = 0) -> Test | None:
        """The test of a whole filter, None when it has no conditions; 1254018 when it is not valid."""
        if not isinstance(body, Mapping):
            raise refuse(1254018)
        conditions, children = body.get("conditions") or [], body.get("children") or []
        if not isinstance(conditions, list) or not isinstance(children, list) or (children and depth):
            raise refuse(1254018)
        if not conditions and not children:
            return None
        if body.get("conjunction") not in ("and", "or"):
            raise refuse(1254018)
        tests = [self.condition(one) for one in conditions]
        tests += [test for child in children if (test := self.test(child, depth + 1)) is not None]
        self.count += len(conditions)
        if self.count > 50:
            raise refuse(1254018)
        if len(tests) == 1:
            return tests[0]
        return _every(tests) if body["conjunction"] == "and" else _some(tests)

    def _column(self, body: Mapping[str, Any]) -> m.Field:
        if self.by_id:
            column = self.table.fields.get(str(body.get("field_id")))
        else:
            column = self.table.field_named(str(body.get("field_name")))
        if column is None:
            raise refuse(1254045 if not self.by_id else 1254044)
        return column

    def condition(self, body: Any) -> Test:
        """The test of one condition."""
        if not isinstance(body, Mapping):
            raise refuse(1254018)
        column = self._column(body)
        operator, value = body.get("operator"), body.get("value")
        if self.by_id and isinstance(value, str):
            value = json.loads(value or "[]")
        if operator not in OPERATORS.get(column.type, frozenset()):
            raise refuse(1254018)
        if not isinstance(value, list) or len(value) > 10 or not all(isinstance(v, str) for v in value):
            raise refuse(1254018)
        if operator in EMPTY:
            if value:
                raise refuse(1254018)
            wanted = operator == "isEmpty"
            read = self._kept(column)
            return lambda record: (read(record) is None) == wanted
        if not value:
            raise refuse(1254018)
        return self._compare(column, str(operator), value)

    def _kept(self, column: m.Field) -> Callable[[m.Record], Any]:
        kind, key = column.type, column.id
        if kind == m.CREATED_AT:
            return lambda record: record.created_ms
        if kind == m.MODIFIED_AT:
            return lambda record: record.modified_ms
        if kind == m.CREATED_BY:
            return lambda record: (record.created_by,)
        if kind == m.MODIFIED_BY:
            return lambda record: (record.modified_by,)
        if kind == m.SELECT:
            return lambda record: (record.cells[key],) if key in record.cells else None
        if kind == m.URL:
            return lambda record: record.cells[key][0] if key in record.cells else None
        return lambda record: record.cells.get(key)

    def _compare(self, column: m.Field, operator: str, value: list[str]) -> Test:
        read = self._kept(column)
        if column.type == m.SELECT:
            return _choice(column.id, operator, frozenset(self._members(column, value)), len(value))
        if column.type in SETS:
            return _sets(read, operator, frozenset(self._members(column, value)), len(value))
        if column.type == m.CHECKBOX:
            if value not in (["true"], ["false"]):
                raise refuse(1254018)
            wanted = value == ["true"]
            return lambda record: bool(read(record)) == wanted
        if column.type in (m.DATE, m.CREATED_AT, m.MODIFIED_AT):
            return self._days(read, operator, value)
        if len(value) != 1:
            raise refuse(1254018)
        if column.type == m.NUMBER:
            return _amounts(read, operator, value[0])
        return _words(read, operator, value[0])

    def _members(self, column: m.Field, value: list[str]) -> list[str]:
        """Kept ids behind the values of a condition; unknown ones match nothing."""
        if column.type in (m.SELECT, m.MULTI) and not self.by_id:
            return [
                option.id
                for name in value
                for option in (column.options if name else [])
                if option.name == name
            ] or ["?"]
        if column.type in (m.USER, m.CREATED_BY, m.MODIFIED_BY) and self.id_type != "open_id":
            people = [self.world.find_person(one, self.id_type) for one in value]
            return [person.open_id if person else "?" for person in people]
        return value

    def _days(self, read: Callable[[m.Record], Any], operator: str, value: list[str]) -> Test:
        start, end = self._span(operator, value)
        if operator == "is":
            return lambda record: (kept := read(record)) is not None and start <= kept < end
        if operator == "isGreater":
            return lambda record: (kept := read(record)) is not None and kept >= end
        return lambda record: (kept := read(record)) is not None and kept < start

    def _span(self, operator: str, value: list[str]) -> tuple[int, int]:
        """Start and end (ms, end excluded) of the days a date condition speaks of."""
        now = self.world.clock.ms()
        word = value[0]
        if word == "ExactDate":
            if len(value) != 2 or not value[1].lstrip("-").isdigit():
                raise refuse(1254018)
            now = int(value[1])
            return midnight(self.base, now), midnight(self.base, now, 1)
        near = {"Today": 0, "Tomorrow": 1, "Yesterday": -1}
        if word in near and len(value) == 1:
            return midnight(self.base, now, near[word]), midnight(self.base, now, near[word] + 1)
        if word not in SPANS or operator != "is" or len(value) != 1:
            raise refuse(1254018)
        today = datetime.fromtimestamp(now / 1000, zone(self.base))
        monday = -today.weekday()
        first = 1 - today.day
        last_month = _days_in(today.year - (today.month == 1), (today.month - 2) % 12 + 1)
        spans = {
            "CurrentWeek": (monday, monday + 7),
            "LastWeek": (monday - 7, monday),
            "CurrentMonth": (first, first + _days_in(today.year, today.month)),
            "LastMonth": (first - last_month, first),
            "TheLastWeek": (-7, 1),
            "TheNextWeek": (0, 8),
            "TheLastMonth": (-30, 1),
            "TheNextMonth": (0, 31),
        }
        start, end = spans[word]
        return midnight(self.base, now, start), midnight(self.base, now, end)


def _every(tests: Sequence[Test]) -> Test:
    """All tests hold; a plain loop, because tables have 200,000 records."""

    def test(record: m.Record) -> bool:
        for one in tests:  # noqa: SIM110 - a generator costs twice as much here
            if not one(record):
                return False
        return True

    return test


def _some(tests: Sequence[Test]) -> Test:
    return lambda record: any(one(record) for one in tests)


def _days_in(year: int, month: int) -> int:
    after = (year + month // 12, month % 12 + 1)
    return (datetime(*after, 1) - datetime(year, month, 1)).days  # noqa: DTZ001 - calendar arithmetic only


def _choice(key: str, operator: str, wanted: frozenset[str], asked: int) -> Test:
    if operator in ("is", "isNot") and asked != 1:
        raise refuse(1254018)
    positive = operator in ("is", "contains")
    return lambda record: (record.cells.get(key) in wanted) == positive


def _sets(read: Callable[[m.Record], Any], operator: str, wanted: frozenset[str], asked: int) -> Test:
    if operator in ("is", "isNot"):
        if asked != 1:
            raise refuse(1254018)
        same = operator == "is"
        return lambda record: (wanted == frozenset(read(record) or ())) == same
    some = operator == "contains"
    return lambda record: bool(wanted.intersection(read(record) or ())) == some


def _amounts(read: Callable[[m.Record], Any], operator: str, value: str) -> Test:
    try:
        wanted = float(value)
    except ValueError as bad:
        raise refuse(1254018) from bad
    if operator in ("is", "isNot"):
        same = operator == "is"
        return lambda record: (read(record) == wanted) == same
    compare: dict[str, Callable[[float], bool]] = {
        "isGreater": lambda kept: kept > wanted,
        "isGreaterEqual": lambda kept: kept >= wanted,
        "isLess": lambda kept: kept < wanted,
        "isLessEqual": lambda kept: kept <= wanted,
    }
    check = compare[operator]
    return lambda record: (kept := read(record)) is not None and check(kept)


def _words(read: Callable[[m.Record], Any], operator: str, value: str) -> Test:
    if operator in ("is", "isNot"):
        same = operator == "is"
        return lambda record: (read(record) == value) == same
    some = operator == "contains"
    return lambda record: (value in (read(record) or "")) == some


def view_test(world: World, base: m.Base, table: m.Table, view: m.View) -> Test | None:
    """The test a view's own filter makes; conditions on fields that are gone are ignored."""
    info = view.filter_info or {}
    live = [one for one in info.get("conditions") or [] if one.get("field_id") in table.fields]
    if not live:
        return None
    body = {"conjunction": info.get("conjunction", "and"), "conditions": live}
    return Filter(world, base, table, by_id=True).test(body)


def sort_records(
    world: World, table: m.Table, records: Sequence[m.Record], keys: Sequence[Mapping[str, Any]]
) -> list[m.Record]:
    """Sort by several fields, empty cells last; 1254016 for a bad sort, 1254045 for an unknown field."""
    if not isinstance(keys, list) or len(keys) > 100:
        raise refuse(1254016)
    ordered = list(records)
    for key in reversed(keys):
        if not isinstance(key, Mapping) or not isinstance(key.get("desc", False), bool):
            raise refuse(1254016)
        column = table.field_named(str(key.get("field_name")))
        if column is None:
            raise refuse(1254045)
        rank = _rank(world, column)
        filled = [(rank(record), record) for record in ordered]
        with_value = [pair for pair in filled if pair[0] is not None]
        with_value.sort(key=lambda pair: pair[0], reverse=key.get("desc", False))
        ordered = [pair[1] for pair in with_value] + [pair[1] for pair in filled if pair[0] is None]
    return ordered


def _rank(world: World, column: m.Field) -> Callable[[m.Record], Any]:
    kind, key = column.type, column.id
    if kind == m.CREATED_AT:
        return lambda record: record.created_ms
    if kind == m.MODIFIED_AT:
        return lambda record: record.modified_ms
    if kind == m.AUTO:
        return lambda record: record.seq
    if kind in (m.NUMBER, m.DATE, m.CHECKBOX, m.TEXT):
        return lambda record: record.cells.get(key)
    if kind == m.SELECT:
        places = {option.id: place for place, option in enumerate(column.options)}
        return lambda record: places.get(record.cells.get(key, ""))
    if kind == m.FORMULA:

        def value(record: m.Record) -> Any:
            found = evaluate(column, record)
            return None if found is None else (isinstance(found, str), found)

        return value
    if kind == m.ATTACHMENT:
        raise refuse(1254016)
    return lambda record: plain(world, column, record) or None


__all__ = ["DAY", "OPERATORS", "Filter", "Test", "sort_records", "view_test"]
