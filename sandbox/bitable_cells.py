"""From what a caller writes into a cell to the neutral form kept, refusing what the platform refuses.

Source: bitable-v1 "record data structure" and batch_create (Feishu docs, 2025-04 and 2025-07). The
platform's messages do not name the field; neither do these.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_errors import refuse
from sandbox.kernel import World

MAX_TEXT = 100_000
MAX_SAFE_INT = 2**53
_PHONE = re.compile(r"\+?\d{0,64}")
_PLACE = re.compile(r"-?\d+(\.\d+)?,-?\d+(\.\d+)?")


@dataclass(slots=True)
class Writing:
    """One write request: whose ids it speaks, and the options to add if all of it is accepted."""

    world: World
    base: m.Base
    table: m.Table
    id_type: str = "open_id"
    new_options: dict[str, list[m.Option]] = field(default_factory=dict)

    def option(self, column: m.Field, name: str, taken: list[str]) -> str:
        """Id of the option ``name``; an unknown name becomes an option, twice if a cell names it twice."""
        known = column.option_named(name)
        if known is not None:
            return known.id
        fresh = self.new_options.setdefault(column.id, [])
        for option in fresh:
            if option.name == name and option.id not in taken:
                return option.id
        count = len(column.options) + len(fresh)
        if count >= 20_000:
            raise refuse(1254062 if column.type == m.SELECT else 1254063)
        option = m.Option(self.world.ids.option(), name, count % 55)
        fresh.append(option)
        return option.id

    def accept_options(self) -> None:
        """Add the new options to their fields."""
        for field_id, fresh in self.new_options.items():
            self.table.fields[field_id].options.extend(fresh)


def number(value: float) -> float | int:
    """A double as JSON shows it: whole numbers without a fraction, no more than a double can hold."""
    double = float(value)
    if double.is_integer() and abs(double) <= MAX_SAFE_INT:
        return int(double)
    return double


def _text(_: Writing, __: m.Field, value: Any) -> Any:
    if not isinstance(value, str):
        raise refuse(1254060)
    if len(value) > MAX_TEXT:
        raise refuse(1254130)
    return value or None


def _number(_: Writing, __: m.Field, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refuse(1254061)
    return number(value)


def _select(writing: Writing, column: m.Field, value: Any) -> Any:
    if not isinstance(value, str) or not value:
        raise refuse(1254062)
    return writing.option(column, value, [])


def _multi(writing: Writing, column: m.Field, value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value) or len(value) > 1000:
        raise refuse(1254063)
    chosen: list[str] = []
    for name in value:
        option_id = writing.option(column, name, chosen)
        if option_id not in chosen:
            chosen.append(option_id)
    return tuple(chosen) or None


def _date(_: Writing, __: m.Field, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(1254064)
    return value


def _checkbox(_: Writing, __: m.Field, value: Any) -> Any:
    if not isinstance(value, bool):
        raise refuse(1254065)
    return value


def _ids(value: Any, code: int, most: int) -> list[str]:
    """The ids of ``[{"id": …}]``, at most ``most``, each once; ``code`` refuses anything else."""
    if not isinstance(value, list) or len(value) > most:
        raise refuse(code)
    if not all(isinstance(v, dict) and set(v) == {"id"} and isinstance(v["id"], str) for v in value):
        raise refuse(code)
    return list(dict.fromkeys(v["id"] for v in value))


def _user(writing: Writing, column: m.Field, value: Any) -> Any:
    found = []
    for person_id in _ids(value, 1254066, 1000):
        person = writing.world.find_person(person_id, writing.id_type)
        if person is None:
            raise refuse(1254066)
        found.append(person.open_id)
    if len(found) > 1 and not column.multiple:
        raise refuse(1254066)
    return tuple(found) or None


def _chat(_: Writing, __: m.Field, value: Any) -> Any:
    ids = _ids(value, 1254015, 10)
    if not all(chat_id.startswith("oc_") for chat_id in ids):
        raise refuse(1254015)
    return tuple(ids) or None


def _phone(_: Writing, __: m.Field, value: Any) -> Any:
    if not isinstance(value, str) or len(value) > 64 or not _PHONE.fullmatch(value):
        raise refuse(1254072)
    return value or None


def _url(_: Writing, __: m.Field, value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(value.get(k), str) for k in ("text", "link")):
        raise refuse(1254068)
    return (value["text"] or value["link"], value["link"])


def _attachment(writing: Writing, _: m.Field, value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise refuse(1254069)
    if len(value) > 100:
        raise refuse(1254106)
    tokens = [v.get("file_token") for v in value]
    if not all(isinstance(token, str) and token for token in tokens):
        raise refuse(1254069)
    for token in tokens:
        media = writing.world.drive.media.get(token)
        if media is None or media.parent != writing.base.token:
            raise refuse(1254303)
    return tuple(tokens) or None


def _link(writing: Writing, column: m.Field, value: Any) -> Any:
    code = 1254067 if column.type == m.LINK else 1254074
    if isinstance(value, dict):
        value = value.get("link_record_ids")
    if not isinstance(value, list) or len(value) > 500 or not all(isinstance(v, str) for v in value):
        raise refuse(code)
    target = writing.base.tables.get((column.props or {}).get("table_id", ""))
    if target is None or any(record_id not in target.records for record_id in value):
        raise refuse(code)
    if len(value) > 1 and not column.multiple:
        raise refuse(code)
    return tuple(dict.fromkeys(value)) or None


def _location(_: Writing, __: m.Field, value: Any) -> Any:
    if not isinstance(value, str) or (value and not _PLACE.fullmatch(value)):
        raise refuse(1254015)
    return value or None


_WRITERS: dict[int, Callable[[Writing, m.Field, Any], Any]] = {
    m.TEXT: _text, m.NUMBER: _number, m.SELECT: _select, m.MULTI: _multi, m.DATE: _date, m.CHECKBOX:
    _checkbox,
    m.USER: _user, m.CHAT: _chat, m.PHONE: _phone, m.URL: _url, m.ATTACHMENT: _attachment, m.LINK: _link,
    m.DUPLEX: _link, m.LOCATION: _location,
}  # fmt: skip


def cells_of(writing: Writing, fields: Any) -> m.Cells:
    """Convert ``{"field name": value}`` to ``{field id: kept value or None to clear}``.

    Raises:
        BitableError: 1254001 when it is not an object, 1254045 for an unknown name, 1254015 for a computed
        field,
            1254060… for a value that does not fit. Nothing has been changed then.
    """
    if not isinstance(fields, Mapping):
        raise refuse(1254001)
    by_name = {column.name: column for column in writing.table.fields.values()}
    cells: m.Cells = {}
    for name, value in fields.items():
        column = by_name.get(name)
        if column is None:
            raise refuse(1254045)
        writer = _WRITERS.get(column.type)
        if writer is None:
            raise refuse(1254015)
        cells[column.id] = None if value is None else writer(writing, column, value)
    return cells
