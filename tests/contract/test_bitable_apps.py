"""Bases and tables, through the official SDK."""

from lark_oapi.api.bitable.v1 import (
    AppTableCreateHeader,
    BatchCreateAppTableRequest,
    BatchCreateAppTableRequestBody,
    GetAppRequest,
    ListAppTableRecordRequest,
    ListAppTableRequest,
    ReqTable,
    UpdateAppRequest,
    UpdateAppRequestBody,
)

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import Bench, create_table_request, lost

NAME = [{"field_name": "名称", "type": 1}]


def test_a_new_base_has_a_default_table_with_blank_rows(sandbox: SandboxServer) -> None:
    """Creating a base gives a url, a zone and a table that already holds empty records."""
    bench = Bench(sandbox, NAME)
    got = bench.client.bitable.v1.app.get(GetAppRequest.builder().app_token(bench.app).build())
    assert (got.data.app.name, got.data.app.time_zone, got.data.app.is_advanced) == (
        "测试库", "Asia/Shanghai", False,
    )  # fmt: skip
    assert lost(got) == []
    default = sandbox.world.bitable.bases[bench.app].default_table_id
    rows = bench.client.bitable.v1.app_table_record.list(
        ListAppTableRecordRequest.builder().app_token(bench.app).table_id(default).build()
    )
    assert rows.data.total > 0
    assert all(not item.fields for item in rows.data.items)


def test_name_and_advanced_permissions_can_be_changed(sandbox: SandboxServer) -> None:
    """PUT renames and switches advanced permissions and answers what now holds."""
    bench = Bench(sandbox, NAME)
    body = UpdateAppRequestBody.builder().name("新名").is_advanced(True).build()
    done = bench.client.bitable.v1.app.update(
        UpdateAppRequest.builder().app_token(bench.app).request_body(body).build()
    )
    assert (done.data.app.name, done.data.app.is_advanced) == ("新名", True)
    assert lost(done) == []


def test_unknown_and_malformed_ids_are_refused(sandbox: SandboxServer) -> None:
    """Base and table ids that do not exist answer 125404x, malformed ones 125400x."""
    bench = Bench(sandbox, NAME)
    own = bench.app
    for token, expected in (("bascnnosuchbase0000", 1254040), ("x", 1254003)):
        got = bench.client.bitable.v1.app.get(GetAppRequest.builder().app_token(token).build())
        assert got.code == expected
    assert bench.app == own
    bench.table = "tblnosuchtable"
    assert bench.code("POST", "records/search", {}) == (1254041, 200)
    bench.table = "nonsense"
    assert bench.code("POST", "records/search", {}) == (1254004, 200)


def test_a_base_of_others_is_forbidden(sandbox: SandboxServer) -> None:
    """An app that is not added to the document gets 91403, not the data."""
    bench = Bench(sandbox, NAME)
    sandbox.world.bitable.bases[bench.app].managers.clear()
    assert bench.code("POST", "records/search", {}) == (91403, 403)


def test_a_missing_scope_is_refused_and_named(sandbox: SandboxServer) -> None:
    """Without any of an endpoint's scopes the gateway answers 99991672 before the base is looked at."""
    bench = Bench(sandbox, NAME)
    revoked = {"bitable:app", "bitable:app:readonly", "base:record:retrieve"}
    sandbox.world.default_app.revoked_scopes |= revoked
    answer = bench.search()
    assert answer["code"] == 99991672
    assert "base:record:retrieve" in str(answer)


def test_tables_are_listed_in_pages_with_a_token_even_on_the_last(sandbox: SandboxServer) -> None:
    """page_token is the id of the page's last table, also when has_more is false."""
    bench = Bench(sandbox, NAME)
    names = [ReqTable.builder().name(f"表{n}").build() for n in range(3)]
    body = BatchCreateAppTableRequestBody.builder().tables(names).build()
    made = bench.client.bitable.v1.app_table.batch_create(
        BatchCreateAppTableRequest.builder().app_token(bench.app).request_body(body).build()
    )
    assert len(made.data.table_ids) == 3
    seen: list[str] = []
    token, more = None, True
    while more:
        request = ListAppTableRequest.builder().app_token(bench.app).page_size(2)
        request = request.page_token(token) if token else request
        page = bench.client.bitable.v1.app_table.list(request.build())
        assert lost(page) == []
        seen += [item.table_id for item in page.data.items]
        token, more = page.data.page_token, page.data.has_more
        assert token == seen[-1]
    assert len(seen) == 5
    assert seen[2:] == made.data.table_ids


def test_a_table_is_created_with_its_fields(sandbox: SandboxServer) -> None:
    """The first field becomes the index field; ids of view and fields come back in order."""
    bench = Bench(sandbox, NAME)
    headers = [
        AppTableCreateHeader.builder().field_name("单号").type(1).build(),
        AppTableCreateHeader.builder().field_name("数量").type(2).build(),
    ]
    table = ReqTable.builder().name("采购").default_view_name("全部").fields(headers).build()
    made = bench.client.bitable.v1.app_table.create(create_table_request(bench.app, table))
    assert made.success(), made.msg
    assert lost(made) == []
    bench.table = made.data.table_id
    listed = bench.call("GET", "fields")["data"]["items"]
    assert [(f["field_name"], f["is_primary"]) for f in listed] == [("单号", True), ("数量", False)]
    assert [f["field_id"] for f in listed] == made.data.field_id_list
    assert bench.call("GET", "views")["data"]["items"][0]["view_name"] == "全部"


def test_bad_tables_are_refused_and_leave_nothing(sandbox: SandboxServer) -> None:
    """Wrong index type 1254012, used name 1254013, forbidden characters 1254001; no half-made table stays."""
    bench = Bench(sandbox, NAME)

    def create(name: str, *types: int) -> int:
        fields = [{"field_name": f"f{at}", "type": kind} for at, kind in enumerate(types)]
        return bench.code("POST", "tables", {"table": {"name": name, "fields": fields}})[0]

    before = len(bench.call("GET", "tables")["data"]["items"])
    assert create("a", 3) == 1254012
    assert create("主表", 1) == 1254013
    assert create("a/b", 1) == 1254001
    assert create("a", 1, 19) == 1254001
    assert len(bench.call("GET", "tables")["data"]["items"]) == before


def test_the_last_table_stays(sandbox: SandboxServer) -> None:
    """Tables can be deleted down to one; the last answers 1254034 with HTTP 403."""
    bench = Bench(sandbox, NAME)
    ids = [item["table_id"] for item in bench.call("GET", "tables")["data"]["items"]]
    assert bench.code("POST", "tables/batch_delete", {"table_ids": ids}) == (1254034, 403)
    assert bench.code("DELETE", f"tables/{ids[0]}") == (0, 200)
    assert bench.code("DELETE", f"tables/{ids[1]}") == (1254034, 403)


def test_renaming_a_table(sandbox: SandboxServer) -> None:
    """A new name is taken over, the same or an empty one changes nothing and succeeds."""
    bench = Bench(sandbox, NAME)
    for name, expected in (("新表", "新表"), ("新表", "新表"), ("", "新表")):
        assert bench.call("PATCH", f"tables/{bench.table}", {"name": name})["data"]["name"] == expected


def test_a_copy_is_not_ready_at_once(sandbox: SandboxServer) -> None:
    """Until a copy is done every call on it answers 1254036; then it holds the records."""
    bench = Bench(sandbox, NAME)
    bench.add({"名称": "一"})
    made = bench.call("POST", "copy", {"name": "副本"})["data"]["app"]
    bench.app = made["app_token"]
    assert bench.code("POST", "records/search", {}) == (1254036, 400)
    sandbox.world.clock.advance(5)
    assert bench.search()["data"]["total"] == 1
