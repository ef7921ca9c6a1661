"""Change events of a subscribed base: who is told, in which encoding, by whose hand."""

import json
from typing import Any

import pytest
from lark_oapi.api.drive.v1 import (
    P2DriveFileBitableFieldChangedV1,
    P2DriveFileBitableRecordChangedV1,
    SubscribeFileRequest,
)
from lark_oapi.core.json import JSON

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import Bench
from tests.contract.kit import people

FIELD_CHANGED = "drive.file.bitable_field_changed_v1"
FIELDS: list[dict[str, Any]] = [
    {"field_name": "名称", "type": 1},
    {"field_name": "数字", "type": 2},
    {"field_name": "状态", "type": 3, "property": {"options": [{"name": "甲"}, {"name": "乙"}]}},
    {"field_name": "标签", "type": 4},
    {"field_name": "勾选", "type": 7},
    {"field_name": "日期", "type": 5},
    {"field_name": "负责人", "type": 11},
    {"field_name": "链接", "type": 15},
    {"field_name": "附件", "type": 17},
    {"field_name": "两倍", "type": 20, "property": {"formula_expression": "[数字]*2"}},
]


@pytest.fixture
def bench(sandbox: SandboxServer) -> Bench:
    """A base the app has subscribed to."""
    made = Bench(sandbox, FIELDS)
    request = SubscribeFileRequest.builder().file_token(made.app).file_type("bitable").build()
    assert made.client.drive.v1.file.subscribe(request).success()
    return made


def values(bench: Bench, entries: list[dict[str, Any]]) -> dict[str, str]:
    """Field name to field_value of a snapshot."""
    table = bench.world.bitable.bases[bench.app].tables[bench.table]
    return {table.fields[entry["field_id"]].name: entry["field_value"] for entry in entries}


def test_nothing_is_told_before_the_subscription(sandbox: SandboxServer) -> None:
    """Without the subscribe call writes make no event at all."""
    bench = Bench(sandbox, FIELDS)
    bench.add({"名称": "一"})
    assert bench.events() == []


def test_own_writes_are_told_in_the_internal_encoding(bench: Bench) -> None:
    """An API write is told too: segments as JSON text, bare option ids, numbers as text, no formula."""
    person = people(bench.sandbox)[0]
    token = bench.world.drive.put(bench.app, "图.png", b"png").token
    [record] = bench.add(
        {
            "名称": "一",
            "数字": 1.5,
            "状态": "甲",
            "标签": ["红"],
            "勾选": True,
            "日期": 1770048000000,
            "负责人": [{"id": person.open_id}],
            "链接": {"text": "官网", "link": "https://x.cn"},
            "附件": [{"file_token": token}],
        }
    )
    [event] = bench.events()
    assert (event["file_token"], event["table_id"]) == (bench.app, bench.table)
    assert event["operator_id"]["open_id"] == bench.bot
    assert 1_600_000_000 < event["update_time"] < 5_000_000_000
    [action] = event["action_list"]
    assert (action["action"], action["record_id"]) == ("record_added", record)
    assert "before_value" not in action
    got = values(bench, action["after_value"])
    table = bench.world.bitable.bases[bench.app].tables[bench.table]
    status, tags = table.field_named("状态"), table.field_named("标签")
    assert status is not None
    assert tags is not None
    assert json.loads(got["名称"]) == [{"type": "text", "text": "一"}]
    assert (got["数字"], got["日期"], got["勾选"]) == ("1.5", "1770048000000", "true")
    assert got["状态"] == status.options[0].id
    assert json.loads(got["标签"]) == [tags.options[0].id]
    assert json.loads(got["链接"])[0]["link"] == "https://x.cn"
    assert json.loads(got["附件"])[0]["attachmentToken"] == token
    assert "两倍" not in got
    [identity] = [e for e in action["after_value"] if e["field_id"] == bench.field_id("负责人")]
    assert identity["field_identity_value"]["users"][0]["user_id"]["open_id"] == person.open_id
    assert person.open_id not in identity["field_value"]


def test_an_edit_carries_the_whole_record_twice(bench: Bench) -> None:
    """Before and after are full snapshots; empty cells are the empty string; the revision grows."""
    [record] = bench.add({"名称": "一", "数字": 1})
    bench.call("PUT", f"records/{record}", {"fields": {"数字": None, "状态": "乙"}})
    first, second = bench.events()
    assert second["revision"] == first["revision"] + 1
    [action] = second["action_list"]
    before, after = values(bench, action["before_value"]), values(bench, action["after_value"])
    assert set(before) == set(after) == {f["field_name"] for f in FIELDS} - {"两倍"}
    assert {name for name in before if before[name] != after[name]} == {"数字", "状态"}
    assert (before["数字"], after["数字"]) == ("1", "")


def test_a_batch_is_one_event_and_a_deletion_has_only_before(bench: Bench) -> None:
    """Several records share an action_list; record_deleted shows what was there."""
    ids = bench.add({"名称": "一"}, {"名称": "二"}, {"名称": "三"})
    bench.call("POST", "records/batch_delete", {"records": ids[:2]})
    added, deleted = bench.events()
    assert len(added["action_list"]) == 3
    assert [action["record_id"] for action in deleted["action_list"]] == ids[:2]
    assert all(set(a) == {"record_id", "action", "before_value"} for a in deleted["action_list"])


def test_a_refused_write_tells_nothing(bench: Bench) -> None:
    """A batch that is refused leaves no event."""
    bench.call("POST", "records/batch_create", {"records": [{"fields": {}}, {"fields": {"数字": "x"}}]})
    assert bench.events() == []


def test_people_are_the_operators_of_their_edits(bench: Bench) -> None:
    """What a person types is told with that person; typing the same value again is no edit."""
    person = people(bench.sandbox)[1]
    state = bench.world.bitable
    record = state.add_as(person.open_id, bench.app, bench.table, {"名称": "手填"})["record_id"]
    state.edit_as(person.open_id, bench.app, "主表", record, {"数字": 2})
    state.edit_as(person.open_id, bench.app, "主表", record, {"数字": 2})
    state.delete_as(person.open_id, bench.app, "主表", record)
    kinds = [event["action_list"][0]["action"] for event in bench.events()]
    assert kinds == ["record_added", "record_edited", "record_deleted"]
    assert {event["operator_id"]["open_id"] for event in bench.events()} == {person.open_id}
    assert bench.events()[0]["operator_id"] == bench.world.person_ids(person)


def test_field_changes_are_told_as_objects(bench: Bench) -> None:
    """Adding, renaming and deleting a column are told with id, name, type and property, without ui_type."""
    body = {"field_name": "新", "type": 3, "property": {"options": [{"name": "甲"}]}}
    field_id = bench.call("POST", "fields", body)["data"]["field"]["field_id"]
    person = people(bench.sandbox)[0]
    bench.world.bitable.rename_field(person.open_id, bench.app, "主表", "新", "更新")
    bench.call("DELETE", f"fields/{field_id}")
    added, edited, deleted = [event["action_list"][0] for event in bench.events(FIELD_CHANGED)]
    assert (added["action"], added["field_id"]) == ("field_added", field_id)
    assert added["after_value"]["property"]["options"][0]["name"] == "甲"
    assert "before_value" not in added
    assert (edited["before_value"]["name"], edited["after_value"]["name"]) == ("新", "更新")
    assert "ui_type" not in edited["after_value"]
    assert (deleted["action"], deleted["before_value"]["id"]) == ("field_deleted", field_id)
    assert bench.events(FIELD_CHANGED)[1]["operator_id"]["open_id"] == person.open_id


def test_every_change_comes_with_an_edit_event(bench: Bench) -> None:
    """drive.file.edit_v1 accompanies each change."""
    bench.add({"名称": "一"})
    [edit] = bench.events("drive.file.edit_v1")
    assert edit["file_token"] == bench.app
    assert edit["operator_id_list"][0]["open_id"] == bench.bot


def test_a_mirror_link_is_told_for_the_other_table(bench: Bench) -> None:
    """Linking a record through a duplex field edits, and tells of, the record at the other end."""
    [target] = bench.add({"名称": "被指"})
    main = bench.table
    link = {"field_name": "关联", "type": 21, "property": {"table_id": main, "back_field_name": "来自"}}
    made = bench.call("POST", "tables", {"table": {"name": "子表", "fields": [FIELDS[0], link]}})["data"]
    bench.table = made["table_id"]
    [child] = bench.add({"关联": [target]})
    told = [e for e in bench.events() if e["table_id"] == main][-1]
    bench.table = main
    assert json.loads(values(bench, told["action_list"][0]["after_value"])["来自"]) == [child]


def test_no_event_once_unsubscribed_or_without_scopes(bench: Bench) -> None:
    """Losing every scope that opens the event means silence; so does ending the subscription."""
    bench.add({"名称": "一"})
    app = bench.world.default_app
    bench.world.default_app.revoked_scopes |= {"base:record:read", "bitable:app", "drive:drive"}
    bench.add({"名称": "二"})
    app.revoked_scopes.clear()
    bench.world.bitable.bases[bench.app].subscribers.clear()
    bench.add({"名称": "三"})
    assert len(bench.events()) == 1


def test_the_sdk_models_read_the_events(bench: Bench) -> None:
    """The typed event classes take the bodies without losing an action."""
    bench.add({"名称": "一"})
    bench.call("POST", "fields", {"field_name": "新", "type": 2})
    record = P2DriveFileBitableRecordChangedV1({"event": bench.events()[0]})
    field = P2DriveFileBitableFieldChangedV1({"event": bench.events(FIELD_CHANGED)[0]})
    assert record.event.action_list[0].after_value[0].field_value
    assert json.loads(JSON.marshal(field.event.action_list[0].after_value))["name"] == "新"
