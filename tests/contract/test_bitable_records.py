"""Writing and reading records: shapes, conversions, limits, atomicity."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from lark_oapi.api.bitable.v1 import (
    AppTableRecord,
    BatchCreateAppTableRecordRequest,
    BatchCreateAppTableRecordRequestBody,
    BatchDeleteAppTableRecordRequest,
    BatchDeleteAppTableRecordRequestBody,
    BatchGetAppTableRecordRequest,
    BatchGetAppTableRecordRequestBody,
    CreateAppTableRecordRequest,
    UpdateAppTableRecordRequest,
)

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import Bench, lost
from tests.contract.kit import fresh_client, parsed, people, raw_call

SMALL: list[dict[str, Any]] = [
    {"field_name": "名称", "type": 1},
    {"field_name": "数字", "type": 2},
    {"field_name": "状态", "type": 3},
    {"field_name": "标签", "type": 4},
]


def everything(bench: Bench) -> dict[str, Any]:
    """One value for every writable field, as writes take them."""
    person = people(bench.sandbox)[0]
    token = bench.world.drive.put(bench.app, "图.png", b"png").token
    return {
        "名称": "一",
        "条码": "FS01",
        "邮箱": "a@b.cn",
        "数字": 1.5,
        "进度": 0.25,
        "金额": 3,
        "评分": 4,
        "状态": "进行中",
        "标签": ["甲", "丙"],
        "日期": 1675440000000,
        "勾选": True,
        "负责人": [{"id": person.open_id}],
        "电话": "+8613800000000",
        "链接": {"text": "飞书", "link": "https://www.feishu.cn"},
        "附件": [{"file_token": token}],
        "位置": "116.397755,39.903179",
        "群": [{"id": "oc_1"}],
    }


def test_writes_echo_and_reads_show_other_shapes(sandbox: SandboxServer) -> None:
    """A write answers what was sent, with id and record_id; a read has segments, people, files, formulas."""
    bench = Bench(sandbox)
    sent = everything(bench)
    echo = bench.call("POST", "records", {"fields": sent})["data"]["record"]
    assert echo["fields"] == sent
    assert echo["id"] == echo["record_id"]
    assert set(echo) == {"fields", "id", "record_id"}
    got = bench.read(echo["record_id"])
    person = people(sandbox)[0]
    assert got["名称"] == [{"type": "text", "text": "一"}]
    assert got["邮箱"] == [{"type": "url", "text": "a@b.cn", "link": "mailto:a@b.cn"}]
    assert (got["数字"], got["进度"], got["金额"], got["日期"]) == (1.5, 0.25, 3, 1675440000000)
    assert (got["状态"], got["标签"], got["勾选"]) == ("进行中", ["甲", "丙"], True)
    assert (got["负责人"][0]["id"], got["负责人"][0]["name"]) == (person.open_id, person.name)
    assert got["链接"] == {"text": "飞书", "link": "https://www.feishu.cn"}
    assert {"file_token", "name", "type", "size", "url", "tmp_url"} == set(got["附件"][0])
    assert got["位置"]["location"] == "116.397755,39.903179"
    assert got["两倍"] == {"type": 2, "ui_type": "Number", "value": [3]}
    assert got["编号"] == "1"
    assert isinstance(got["创建时间"], int)
    assert got["创建人"][0]["id"] == bench.bot


def test_the_sdk_models_lose_only_the_second_id(sandbox: SandboxServer) -> None:
    """Typed create and batch_get keep every member but ``id``, which the model does not know."""
    bench = Bench(sandbox)
    record = AppTableRecord.builder().fields(everything(bench)).build()
    place = CreateAppTableRecordRequest.builder().app_token(bench.app).table_id(bench.table)
    made = bench.client.bitable.v1.app_table_record.create(place.request_body(record).build())
    assert made.success(), made.msg
    assert lost(made) == ["data.record.id"]
    body = BatchGetAppTableRecordRequestBody.builder().record_ids([made.data.record.record_id])
    body = body.user_id_type("union_id").with_shared_url(True).automatic_fields(True).build()
    request = BatchGetAppTableRecordRequest.builder().app_token(bench.app).table_id(bench.table)
    got = bench.client.bitable.v1.app_table_record.batch_get(request.request_body(body).build())
    assert lost(got) == []
    [record] = got.data.records
    assert record.fields["负责人"][0]["id"] == people(sandbox)[0].union_id
    assert record.created_by.id == bench.bot
    assert record.shared_url
    assert record.last_modified_time >= record.created_time > 0


def test_empty_cells_are_left_out_and_null_clears(sandbox: SandboxServer) -> None:
    """An update touches only named cells; null clears; a cleared cell has no key on reading."""
    bench = Bench(sandbox, SMALL)
    [record] = bench.add({"名称": "一", "数字": 1, "状态": "新"})
    assert bench.code("PUT", f"records/{record}", {"fields": {"数字": None, "标签": []}}) == (0, 200)
    assert bench.read(record) == {"名称": [{"type": "text", "text": "一"}], "状态": "新"}


def test_the_typed_update_cannot_clear(sandbox: SandboxServer) -> None:
    """The SDK drops None from model members, so a typed clear changes nothing (its known defect)."""
    bench = Bench(sandbox, SMALL)
    [record] = bench.add({"名称": "一", "数字": 1})
    body = AppTableRecord.builder().fields({"数字": None}).build()
    request = UpdateAppTableRecordRequest.builder().app_token(bench.app).table_id(bench.table)
    bench.client.bitable.v1.app_table_record.update(request.record_id(record).request_body(body).build())
    assert bench.read(record)["数字"] == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("名称", 1, 1254060),
        ("数字", "1", 1254061),
        ("数字", True, 1254061),
        ("状态", ["进行中"], 1254062),
        ("标签", "甲,乙", 1254063),
        ("日期", "2026-10-08", 1254064),
        ("勾选", "true", 1254065),
        ("负责人", [{"id": "ou_stranger"}], 1254066),
        ("负责人", "ou_1", 1254066),
        ("链接", "https://x", 1254068),
        ("附件", "box", 1254069),
        ("附件", [{"file_token": "boxnowhere"}], 1254303),
        ("电话", "12 34", 1254072),
        ("名称", "x" * 100_001, 1254130),
        ("两倍", 4, 1254015),
        ("没有", 4, 1254045),
    ],
)
def test_values_that_do_not_fit(sandbox: SandboxServer, field: str, value: Any, code: int) -> None:
    """A wrong value answers the conversion code of its field type, and nothing of the batch is written."""
    bench = Bench(sandbox)
    rows = [{"fields": {"名称": "好"}}, {"fields": {field: value}}]
    assert bench.code("POST", "records/batch_create", {"records": rows})[0] == code
    assert bench.search()["data"]["total"] == 0


def test_unknown_options_are_created_only_if_all_is_accepted(sandbox: SandboxServer) -> None:
    """A new option name becomes an option, two equal new names two; a refused batch adds none."""
    bench = Bench(sandbox, SMALL)

    def options() -> list[str]:
        fields = bench.call("GET", "fields")["data"]["items"]
        return [option["name"] for option in fields[3]["property"]["options"]]

    bench.call("POST", "records/batch_create", {"records": [{"fields": {"标签": ["甲"], "数字": "x"}}]})
    assert options() == []
    bench.add({"标签": ["甲", "甲"]}, {"标签": ["甲"]})
    assert options() == ["甲", "甲"]


def test_batches_are_all_or_nothing(sandbox: SandboxServer) -> None:
    """One unknown record in a batch refuses the whole batch, for updates and deletions."""
    bench = Bench(sandbox, SMALL)
    [one] = bench.add({"数字": 1})
    rows = [{"record_id": one, "fields": {"数字": 2}}, {"record_id": "recnothere", "fields": {"数字": 2}}]
    assert bench.code("POST", "records/batch_update", {"records": rows}) == (1254043, 200)
    assert bench.code("POST", "records/batch_delete", {"records": [one, "recnothere"]}) == (1254043, 200)
    assert bench.read(one) == {"数字": 1}


def test_sizes_of_batches(sandbox: SandboxServer) -> None:
    """1000 creations, 500 deletions and 100 reads pass; one more is 1254104."""
    bench = Bench(sandbox, SMALL)
    rows = [AppTableRecord.builder().fields({"数字": n}).build() for n in range(1000)]
    body = BatchCreateAppTableRecordRequestBody.builder().records(rows).build()
    request = BatchCreateAppTableRecordRequest.builder().app_token(bench.app).table_id(bench.table)
    made = bench.client.bitable.v1.app_table_record.batch_create(request.request_body(body).build())
    ids = [record.record_id for record in made.data.records]
    assert [record.fields["数字"] for record in made.data.records] == list(range(1000))
    many = [{"fields": {}}] * 1001
    assert bench.code("POST", "records/batch_create", {"records": many}) == (1254104, 200)
    assert bench.code("POST", "records/batch_get", {"record_ids": ids[:101]}) == (1254104, 400)
    assert len(bench.call("POST", "records/batch_get", {"record_ids": ids[:100]})["data"]["records"]) == 100
    assert bench.code("POST", "records/batch_delete", {"records": ids[:501]}) == (1254104, 200)
    gone = BatchDeleteAppTableRecordRequestBody.builder().records(ids[:500]).build()
    drop = BatchDeleteAppTableRecordRequest.builder().app_token(bench.app).table_id(bench.table)
    done = bench.client.bitable.v1.app_table_record.batch_delete(drop.request_body(gone).build())
    assert all(record.deleted for record in done.data.records)
    assert bench.search()["data"]["total"] == 500


def test_batch_get_tells_what_is_absent(sandbox: SandboxServer) -> None:
    """Unknown records are listed as absent, not refused; a malformed id is."""
    bench = Bench(sandbox, SMALL)
    [one] = bench.add({"数字": 1})
    data = bench.call("POST", "records/batch_get", {"record_ids": [one, "recnothere"]})["data"]
    assert [record["record_id"] for record in data["records"]] == [one]
    assert (data["absent_record_ids"], data["forbidden_record_ids"]) == (["recnothere"], [])
    assert bench.code("POST", "records/batch_get", {"record_ids": ["x"]}) == (1254006, 400)


def test_client_tokens_suppress_duplicates(sandbox: SandboxServer) -> None:
    """A token must be a uuid4; used again it is 1255006, or the first answer when so switched."""
    bench = Bench(sandbox, SMALL)
    token = str(uuid.uuid4())
    body = {"records": [{"fields": {"数字": 1}}]}
    assert bench.code("POST", "records/batch_create", body, client_token="abc") == (1254037, 400)
    assert bench.code("POST", "records/batch_create", body, client_token=str(uuid.uuid1()))[0] == 1254037
    first = bench.call("POST", "records/batch_create", body, client_token=token)
    assert bench.code("POST", "records/batch_create", body, client_token=token) == (1255006, 400)
    sandbox.world.bitable.replay_client_tokens = True
    assert bench.call("POST", "records/batch_create", body, client_token=token) == first
    assert bench.search()["data"]["total"] == 1


def test_concurrent_writes_to_one_table_collide(sandbox: SandboxServer) -> None:
    """While a write is at work a second one on the same table gets 1254291; another table does not."""
    bench = Bench(sandbox, SMALL)
    made = bench.call("POST", "tables", {"table": {"name": "另一张", "fields": SMALL}})["data"]
    bench.world.bitable.write_seconds = 0.3
    start = time.monotonic()

    def write(table: str) -> dict[str, Any]:
        path = f"/open-apis/bitable/v1/apps/{bench.app}/tables/{table}/records"
        return parsed(raw_call(bench.client, "POST", path, {"fields": {"数字": 1}}))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(write, [bench.table, bench.table, bench.table, made["table_id"]]))
    assert time.monotonic() - start < 1.2
    assert sorted(answer["code"] for answer in answers[:3]) == [0, 1254291, 1254291]
    assert answers[3]["code"] == 0
    assert {answer["msg"] for answer in answers[:3]} == {"success", "Write conflict"}


def test_a_timeout_may_come_after_the_write(sandbox: SandboxServer) -> None:
    """Switched on, the next write is done although it answers 1255040 with HTTP 504; then all is normal."""
    bench = Bench(sandbox, SMALL)
    bench.world.bitable.timeouts = 1
    assert bench.code("POST", "records", {"fields": {"数字": 1}}) == (1255040, 504)
    assert bench.search()["data"]["total"] == 1
    assert bench.code("POST", "records", {"fields": {"数字": 2}}) == (0, 200)


def test_replicas_may_lag(sandbox: SandboxServer) -> None:
    """With lag switched on a record just created cannot be found by id until the time has passed."""
    bench = Bench(sandbox, SMALL)
    bench.world.bitable.replica_lag = 3.0
    [one] = bench.add({"数字": 1})
    assert bench.code("PUT", f"records/{one}", {"fields": {"数字": 2}})[0] == 1254043
    bench.world.clock.advance(4)
    assert bench.code("PUT", f"records/{one}", {"fields": {"数字": 2}})[0] == 0


def test_a_synced_table_is_read_only(sandbox: SandboxServer) -> None:
    """A table fed from another source refuses creation, change and deletion."""
    bench = Bench(sandbox, SMALL)
    [one] = bench.add({"数字": 1})
    sandbox.world.bitable.bases[bench.app].tables[bench.table].read_only = True
    assert bench.code("POST", "records", {"fields": {}}) == (1254302, 403)
    assert bench.code("PUT", f"records/{one}", {"fields": {"数字": 2}}) == (1254302, 403)
    assert bench.code("DELETE", f"records/{one}") == (1254302, 403)


def test_limits_are_per_endpoint(sandbox: SandboxServer) -> None:
    """The twenty-first search within a second is 429 with the reset header, writes go on."""
    bench = Bench(sandbox, SMALL)
    bench.world.limits_on = True
    bench.client = fresh_client(sandbox)
    answers = [bench.send("POST", "records/search", {}) for _ in range(45)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert parsed(refused[0])["code"] == 99991400
    assert float(refused[0].headers["x-ogw-ratelimit-reset"]) > 0
    assert bench.code("POST", "records", {"fields": {}})[0] == 0
