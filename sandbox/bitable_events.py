"""What subscribers of a base are told: record, field and edit events, in the encoding live payloads have.

Source: drive-v1 events bitable_record_changed and bitable_field_changed (Feishu docs, 2025-11) and payloads
seen live: ``field_value`` is a string in the *internal* encoding (option ids, segments as JSON text,
``attachmentToken``), the snapshot before and after is whole, formula values are absent. Multi-value people
ids inside the value are internal.
"""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox import bitable_model as m
from sandbox.kernel import World

Body = dict[str, Any]
RECORD_CHANGED = "drive.file.bitable_record_changed_v1"
FIELD_CHANGED = "drive.file.bitable_field_changed_v1"
EDITED = "drive.file.edit_v1"
RECORD_SCOPES = frozenset({"base:record:read", "bitable:app", "drive:drive"})


@dataclass(frozen=True, slots=True)
class Change:
    """One record of a change set; ``before``/``after`` are kept cells, None where there was no record."""

    action: str
    record: m.Record
    before: m.Cells | None
    after: m.Cells | None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _internal_person(open_id: str) -> str:
    return str(7_000_000_000_000_000_000 + zlib.crc32(open_id.encode()))


_ENCODE: dict[int, Callable[[Any], str]] = {
    m.TEXT: lambda kept: '[{"type":"text","text":' + _json(kept) + "}]",
    m.NUMBER: str,
    m.SELECT: str,
    m.MULTI: _json,
    m.DATE: str,
    m.CHECKBOX: lambda kept: "true" if kept else "false",
    m.USER: lambda kept: _json([_internal_person(open_id) for open_id in kept]),
    m.CREATED_BY: lambda kept: _json([_internal_person(open_id) for open_id in kept]),
    m.MODIFIED_BY: lambda kept: _json([_internal_person(open_id) for open_id in kept]),
    m.CHAT: _json,
    m.URL: lambda kept: _json([{"type": "url", "text": kept[0], "link": kept[1]}]),
    m.ATTACHMENT: lambda kept: _json(
        [{"attachmentToken": token, "id": f"{zlib.crc32(token.encode()):x}"} for token in kept]
    ),
    m.LINK: _json,
    m.DUPLEX: _json,
}


def _users(world: World, open_ids: Sequence[str]) -> Body:
    users = []
    for open_id in open_ids:
        person = world.people.get(open_id)
        users.append(
            {
                "user_id": world.ids_of(open_id),
                "name": person.name if person else "",
                "en_name": person.en_name if person else "",
                "avatar_url": "",
            }
        )
    return {"users": users}


class Snapshot:
    """Encodes records of one table; built once per change set."""

    def __init__(self, world: World, table: m.Table) -> None:
        self.world = world
        self.plain: list[tuple[str, Callable[[Any], str]]] = []
        self.people: list[m.Field] = []
        for column in table.fields.values():
            if column.type in (m.FORMULA, m.LOOKUP):
                continue
            if column.type in (m.USER, m.CREATED_BY, m.MODIFIED_BY):
                self.people.append(column)
            else:
                self.plain.append((column.id, _ENCODE.get(column.type, str)))
        self.times = {c.id: c.type for c in table.fields.values() if c.type in (m.CREATED_AT, m.MODIFIED_AT)}

    def of(self, cells: m.Cells | None, record: m.Record) -> list[Body]:
        """All fields of the record with these cells; an empty cell is ``""``."""
        if cells is None:
            return []
        entries: list[Body] = []
        for field_id, encode in self.plain:
            kept = cells.get(field_id)
            if field_id in self.times:
                kept = record.created_ms if self.times[field_id] == m.CREATED_AT else record.modified_ms
            entries.append({"field_id": field_id, "field_value": "" if kept is None else encode(kept)})
        return entries + [self._person(column, cells, record) for column in self.people]

    def _person(self, column: m.Field, cells: m.Cells, record: m.Record) -> Body:
        if column.type == m.USER:
            open_ids = cells.get(column.id) or ()
        else:
            open_ids = (record.created_by if column.type == m.CREATED_BY else record.modified_by,)
        return {
            "field_id": column.id,
            "field_value": _ENCODE[m.USER](open_ids) if open_ids else "",
            "field_identity_value": _users(self.world, open_ids),
        }


def _head(world: World, base: m.Base, operator: str) -> Body:
    return {
        "file_type": "bitable",
        "file_token": base.token,
        "operator_id": world.ids_of(operator),
        "subscriber_id_list": [world.ids_of(open_id) for open_id in base.subscribers.values()],
        "update_time": int(world.clock.time()),
    }


def _receivers(world: World, base: m.Base) -> list[str]:
    """Apps that subscribed and may receive; losing every event scope means silence, not an error."""
    apps = (world.apps.get(app_id) for app_id in base.subscribers)
    return [app.app_id for app in apps if app is not None and not app.revoked_scopes >= RECORD_SCOPES]


def _tell(world: World, base: m.Base, event_type: str, body: Mapping[str, Any]) -> None:
    edit = {
        "file_type": "bitable",
        "file_token": base.token,
        "operator_id_list": [body["operator_id"]],
        "subscriber_id_list": body["subscriber_id_list"],
    }
    for app_id in _receivers(world, base):
        world.events.emit(event_type, dict(body), app_id=app_id)
        world.events.emit(EDITED, edit, app_id=app_id)


def tell_records(
    world: World, base: m.Base, table: m.Table, operator: str, changes: Sequence[Change]
) -> None:
    """Tell subscribers of one change set; several records share one event."""
    if not base.subscribers or not changes:
        return
    snapshot = Snapshot(world, table)
    actions: list[Body] = []
    for change in changes:
        action: Body = {"record_id": change.record.id, "action": change.action}
        if change.before is not None:
            action["before_value"] = snapshot.of(change.before, change.record)
        if change.after is not None:
            action["after_value"] = snapshot.of(change.after, change.record)
        actions.append(action)
    body = _head(world, base, operator)
    body |= {"table_id": table.id, "revision": table.revision, "action_list": actions}
    _tell(world, base, RECORD_CHANGED, body)


def tell_field(
    world: World, base: m.Base, table: m.Table, operator: str, *, before: Body | None, after: Body | None
) -> None:
    """Tell subscribers that a field was added, edited or deleted (``event_value`` shapes)."""
    if not base.subscribers:
        return
    verb = "field_added" if before is None else "field_deleted" if after is None else "field_edited"
    shown = after or before or {}
    action: Body = {"action": verb, "field_id": shown["id"]}
    if before is not None:
        action["before_value"] = before
    if after is not None:
        action["after_value"] = after
    body = _head(world, base, operator)
    body |= {"table_id": table.id, "revision": table.revision, "action_list": [action]}
    _tell(world, base, FIELD_CHANGED, body)
