"""From kept cells to what REST reads show: search and batch_get shapes, the older shapes, plain text.

Source: bitable-v1 "record data structure", search and batch_get (Feishu docs, 2025-04 to 2025-07); older
shapes: app-table-record/list (2024-09). Empty cells are left out, never null.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sandbox import bitable_model as m
from sandbox.bitable_formula import Fault, Moment
from sandbox.kernel import Person, World

Reader = Callable[[m.Record], Any]
Answer = dict[str, Any]
SHANGHAI = ZoneInfo("Asia/Shanghai")
AVATAR = "https://internal-api-lark-file.feishu.cn/static-resource/v1/avatar/"


class Reading:
    """Draws the records of one table for one caller; build one per request."""

    def __init__(self, world: World, base: m.Base, table: m.Table, id_type: str = "open_id") -> None:
        self.world = world
        self.base = base
        self.table = table
        self.id_type = id_type
        self._people: dict[str, Answer] = {}

    def person(self, open_id: str) -> Answer:
        """A person (or the app) as cells show them."""
        if open_id not in self._people:
            self._people[open_id] = self._draw_person(open_id)
        return self._people[open_id]

    def _draw_person(self, open_id: str) -> Answer:
        person: Person | None = self.world.people.get(open_id)
        if person is not None:
            return {
                "id": getattr(person, self.id_type),
                "name": person.name,
                "en_name": person.en_name,
                "email": person.email,
                "avatar_url": AVATAR + person.user_id,
            }
        name = next((app.name for app in self.world.apps.values() if app.open_id == open_id), "")
        return {"id": open_id, "name": name, "en_name": name, "email": "", "avatar_url": AVATAR + "app"}

    def _attachment(self, token: str) -> Answer:
        media = self.world.drive.media.get(token)
        extra = quote(json.dumps({"bitablePerm": {"tableId": self.table.id, "rev": self.table.revision}}))
        root = f"{self.world.base_url}/open-apis/drive/v1/medias"
        return {
            "file_token": token,
            "name": media.name if media else "",
            "type": media.mime if media else "",
            "size": len(media.data) if media else 0,
            "url": f"{root}/{token}/download?extra={extra}",
            "tmp_url": f"{root}/batch_get_tmp_download_url?file_tokens={token}&extra={extra}",
        }

    def reader(self, column: m.Field) -> Reader:
        """The function that draws this field of a record; it gives None for an empty cell."""
        key, kind = column.id, column.type
        if kind == m.FORMULA:
            return lambda record: _formula(column, record)
        if kind == m.CREATED_AT:
            return lambda record: record.created_ms
        if kind == m.MODIFIED_AT:
            return lambda record: record.modified_ms
        if kind == m.CREATED_BY:
            return lambda record: [self.person(record.created_by)]
        if kind == m.MODIFIED_BY:
            return lambda record: [self.person(record.modified_by)]
        draw = self._shape(column)
        if draw is None:
            return lambda record: record.cells.get(key)

        def read(record: m.Record) -> Any:
            kept = record.cells.get(key)
            return None if kept is None else draw(kept)

        return read

    def _shape(self, column: m.Field) -> Callable[[Any], Any] | None:
        kind = column.type
        if kind == m.TEXT and column.ui_type == "Email":
            return lambda kept: [{"type": "url", "text": kept, "link": f"mailto:{kept}"}]
        if kind in (m.SELECT, m.MULTI):
            names = column.option_names()
            if kind == m.SELECT:
                return names.get
            return lambda kept: [names[option] for option in kept if option in names] or None
        shapes: dict[int, Callable[[Any], Any]] = {
            m.TEXT: lambda kept: [{"type": "text", "text": kept}],
            m.USER: lambda kept: [self.person(open_id) for open_id in kept],
            m.CHAT: lambda kept: [{"id": chat, "name": "", "avatar_url": AVATAR + chat} for chat in kept],
            m.URL: lambda kept: {"text": kept[0], "link": kept[1]},
            m.ATTACHMENT: lambda kept: [self._attachment(token) for token in kept],
            m.LINK: lambda kept: {"link_record_ids": list(kept)},
            m.DUPLEX: lambda kept: {"link_record_ids": list(kept)},
            m.LOCATION: _place,
        }
        return shapes.get(kind)

    def fields(self, records: Sequence[m.Record], columns: Sequence[m.Field]) -> list[Answer]:
        """The ``fields`` object of every record, in order; empty cells left out."""
        readers = [(column.name, self.reader(column)) for column in columns]
        drawn = []
        for record in records:
            row = {}
            for name, read in readers:
                value = read(record)
                if value is not None:
                    row[name] = value
            drawn.append(row)
        return drawn

    def automatic(self, record: m.Record) -> Answer:
        """Who and when, at record level (``automatic_fields=true``)."""
        return {
            "created_by": self.person(record.created_by),
            "created_time": record.created_ms,
            "last_modified_by": self.person(record.modified_by),
            "last_modified_time": record.modified_ms,
        }

    def legacy(self, column: m.Field, *, text_as_array: bool = False) -> Reader:
        """The reader of the older list and get endpoints: text plain, numbers as text, links spelled out."""
        modern = self.reader(column)
        kind = column.type
        if kind == m.TEXT and not text_as_array:
            return lambda record: record.cells.get(column.id)
        if kind == m.NUMBER:
            return lambda record: _as_text(record.cells.get(column.id))
        if kind in (m.LINK, m.DUPLEX):
            return lambda record: self._legacy_link(column, record)
        if kind in (m.CREATED_BY, m.MODIFIED_BY):
            return lambda record: modern(record)[0]
        if kind == m.FORMULA:
            return lambda record: formula_text(column, record) or None
        return modern

    def _legacy_link(self, column: m.Field, record: m.Record) -> Any:
        ids = record.cells.get(column.id)
        if not ids:
            return None
        target = self.base.tables[(column.props or {})["table_id"]]
        texts = [plain(self.world, target.primary, target.records[i]) for i in ids if i in target.records]
        return [
            {
                "record_ids": list(ids),
                "table_id": target.id,
                "text": ",".join(texts),
                "text_arr": texts,
                "type": "text",
            }
        ]


def _place(kept: str) -> Answer:
    spot = f"坐标 {kept}"
    return {
        "location": kept,
        "pname": "",
        "cityname": "",
        "adname": "",
        "address": spot,
        "name": spot,
        "full_address": spot,
    }


def _as_text(kept: Any) -> str | None:
    return None if kept is None else str(kept)


def evaluate(column: m.Field, record: m.Record) -> Any:
    """The value of a formula field now; a fault is given back as its text, e.g. ``#DIV/0!``."""
    if column.compiled is None:
        return None
    try:
        return column.compiled(record)
    except Fault as fault:
        return fault.text
    except RecursionError:
        return "#CIRCULAR!"


def _formula(column: m.Field, record: m.Record) -> Any:
    value = evaluate(column, record)
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return {"type": m.CHECKBOX, "ui_type": "Checkbox", "value": [value]}
    if isinstance(value, Moment):
        return {"type": m.DATE, "ui_type": "DateTime", "value": [value.ms()]}
    if isinstance(value, str):
        return {"type": m.TEXT, "ui_type": "Text", "value": [{"type": "text", "text": value}]}
    whole = int(value) if float(value).is_integer() and abs(value) < 2**53 else value
    return {"type": m.NUMBER, "ui_type": "Number", "value": [whole]}


def formula_text(column: m.Field, record: m.Record) -> str:
    """A formula's value as text."""
    value = evaluate(column, record)
    if value is None:
        return ""
    if isinstance(value, float) and not isinstance(value, Moment):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value.ms()) if isinstance(value, Moment) else str(value)


def plain(world: World, column: m.Field, record: m.Record) -> str:
    """A cell as a person would read it in one line; used for links, type changes and text functions."""
    kind = column.type
    if kind == m.FORMULA:
        return formula_text(column, record)
    kept = record.cells.get(column.id)
    if kept is None:
        return ""
    if kind in (m.SELECT, m.MULTI):
        names = column.option_names()
        return ",".join(names.get(i, "") for i in ([kept] if kind == m.SELECT else kept))
    if kind == m.DATE:
        hours = " %H:%M" if "HH" in (column.props or {}).get("date_formatter", "") else ""
        return datetime.fromtimestamp(kept / 1000, SHANGHAI).strftime(f"%Y/%m/%d{hours}")
    if kind == m.USER:
        return ",".join(world.people[i].name for i in kept if i in world.people)
    if kind == m.URL:
        return str(kept[0])
    if isinstance(kept, tuple):
        return ",".join(kept)
    return str(kept)
