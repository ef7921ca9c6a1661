"""Columns: which are accepted, how they come back, what a change does to cells."""

import pytest
from lark_oapi.api.bitable.v1 import (
    AppTableField,
    CreateAppTableFieldRequest,
    DeleteAppTableFieldRequest,
    ListAppTableFieldRequest,
    UpdateAppTableFieldRequest,
)

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import EVERY_TYPE, Bench, lost

NAME = [{"field_name": "名称", "type": 1}]
SELECT = {"field_name": "状态", "type": 3, "property": {"options": [{"name": "甲"}, {"name": "乙"}]}}


def test_every_type_is_listed_as_created(sandbox: SandboxServer) -> None:
    """All creatable types come back with type, ui_type and property; the SDK's models lose nothing."""
    bench = Bench(sandbox)
    listed = bench.client.bitable.v1.app_table_field.list(
        ListAppTableFieldRequest.builder().app_token(bench.app).table_id(bench.table).page_size(100).build()
    )
    assert lost(listed) == []
    got = {item.field_name: item for item in listed.data.items}
    assert list(got) == [field["field_name"] for field in EVERY_TYPE]
    assert [got[name].ui_type for name in ("名称", "条码", "金额", "更新时间", "两倍")] == [
        "Text", "Barcode", "Currency", "ModifiedTime", "Formula",
    ]  # fmt: skip
    assert got["勾选"].property is None
    assert [option.name for option in got["状态"].property.options] == ["进行中", "完成"]
    assert got["两倍"].property.formula_expression == (
        f"bitable::$table[{bench.table}].$field[{bench.field_id('数字')}]*2"
    )


def test_field_pages(sandbox: SandboxServer) -> None:
    """Fields come in pages of up to 100 with a token while there are more; 101 is no page size."""
    bench = Bench(sandbox)
    first = bench.call("GET", "fields", page_size=20)["data"]
    second = bench.call("GET", "fields", page_size=20, page_token=first["page_token"])["data"]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert len(first["items"]) + len(second["items"]) == first["total"] == len(EVERY_TYPE)
    assert bench.code("GET", "fields", page_size=101)[0] == 1254011


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": 15, "property": {}}, 1254087),
        ({"type": 7, "property": {}}, 1254085),
        ({"type": 2, "property": {"formatter": "0,0"}}, 1254081),
        ({"type": 2, "ui_type": "Currency", "property": {"formatter": "0.00"}}, 1254081),
        ({"type": 3, "property": {"options": [{"name": ""}]}}, 1254026),
        ({"type": 3, "property": {"options": [{"name": "a", "color": 55}]}}, 1254082),
        ({"type": 5, "property": {"date_formatter": "d.M.yyyy"}}, 1254084),
        ({"type": 18, "property": {"table_id": "tblnothere"}}, 1254089),
        ({"type": 20, "property": {"formula_expression": "[没有]+1"}}, 1254091),
        ({"type": 20, "property": {"formula_expression": "1+"}}, 1254091),
        ({"type": 1, "ui_type": "Number"}, 1254015),
        ({"type": 19}, 1254001),
        ({"type": 1, "field_name": "名称"}, 1254014),
        ({"type": 1, "field_name": ""}, 1254028),
    ],
)
def test_fields_that_are_not_accepted(sandbox: SandboxServer, body: dict, code: int) -> None:
    """A wrong property, type or name is refused with the code of its kind and adds nothing."""
    bench = Bench(sandbox, NAME)
    assert bench.code("POST", "fields", {"field_name": "新", **body})[0] == code
    assert len(bench.call("GET", "fields")["data"]["items"]) == 1


def test_create_update_and_delete_with_the_typed_client(sandbox: SandboxServer) -> None:
    """A field made, renamed and deleted through the SDK; its description is an object in the answers."""
    bench = Bench(sandbox, NAME)
    api = bench.client.bitable.v1.app_table_field
    field = AppTableField.builder().field_name("数").type(2).build()
    made = api.create(
        CreateAppTableFieldRequest.builder()
        .app_token(bench.app)
        .table_id(bench.table)
        .request_body(field)
        .build()
    )
    assert made.success(), made.msg
    assert lost(made) == []
    field_id = made.data.field.field_id
    renamed = AppTableField.builder().field_name("数量").type(2).build()
    change = UpdateAppTableFieldRequest.builder().app_token(bench.app).table_id(bench.table)
    done = api.update(change.field_id(field_id).request_body(renamed).build())
    assert (done.data.field.field_name, lost(done)) == ("数量", [])
    assert api.update(change.build()).code == 1254606
    gone = DeleteAppTableFieldRequest.builder().app_token(bench.app).table_id(bench.table)
    assert api.delete(gone.field_id(field_id).build()).data.deleted is True
    assert api.delete(gone.field_id(field_id).build()).code == 1254044
    assert api.delete(gone.field_id(bench.field_id("名称")).build()).code == 1254046


def test_the_type_must_be_sent_with_an_update(sandbox: SandboxServer) -> None:
    """PUT without type is refused even for a mere rename."""
    bench = Bench(sandbox, NAME)
    path = f"fields/{bench.field_id('名称')}"
    assert bench.code("PUT", path, {"field_name": "新"})[0] == 1254001


def test_options_left_out_are_deleted_with_their_cells(sandbox: SandboxServer) -> None:
    """An option keeps its cells by its id; sent without one it is a new option and old cells go empty."""
    bench = Bench(sandbox, [*NAME, SELECT])
    kept, dropped = bench.add({"状态": "甲"}, {"状态": "乙"})
    options = bench.call("GET", "fields")["data"]["items"][1]["property"]["options"]
    first = {"id": options[0]["id"], "name": "改名"}
    body = {"field_name": "状态", "type": 3, "property": {"options": [first, {"name": "乙"}]}}
    assert bench.code("PUT", f"fields/{bench.field_id('状态')}", body) == (0, 200)
    assert bench.read(kept) == {"状态": "改名"}
    assert bench.read(dropped) == {}


def test_changing_a_type_carries_over_what_fits(sandbox: SandboxServer) -> None:
    """Text that reads as a number stays when a column becomes a number; other text is cleared."""
    bench = Bench(sandbox, [*NAME, {"field_name": "值", "type": 1}])
    number, word = bench.add({"值": "12.5"}, {"值": "十二"})
    assert bench.code("PUT", f"fields/{bench.field_id('值')}", {"field_name": "值", "type": 2})[0] == 0
    assert bench.read(number) == {"值": 12.5}
    assert bench.read(word) == {}


def test_dates_become_text_and_back(sandbox: SandboxServer) -> None:
    """A date column turned into text shows the day as people read it; turned back it is that day again."""
    bench = Bench(sandbox, [*NAME, {"field_name": "日", "type": 5}])
    [record] = bench.add({"日": 1675440000000})
    bench.call("PUT", f"fields/{bench.field_id('日')}", {"field_name": "日", "type": 1})
    assert bench.read(record) == {"日": [{"type": "text", "text": "2023/02/04"}]}
    bench.call("PUT", f"fields/{bench.field_id('日')}", {"field_name": "日", "type": 5})
    assert bench.read(record) == {"日": 1675440000000}


def test_the_same_formula_again_is_no_change(sandbox: SandboxServer) -> None:
    """Setting a formula to what it is, by name or by id, answers 1254606; another expression is taken."""
    bench = Bench(sandbox, [*NAME, {"field_name": "数", "type": 2}])
    body = {"field_name": "式", "type": 20, "property": {"formula_expression": "[数]*2"}}
    field_id = bench.call("POST", "fields", body)["data"]["field"]["field_id"]
    assert bench.code("PUT", f"fields/{field_id}", body) == (1254606, 200)
    body["property"] = {"formula_expression": "[数]*3"}
    assert bench.code("PUT", f"fields/{field_id}", body) == (0, 200)
    [record] = bench.add({"数": 2})
    assert bench.read(record)["式"]["value"] == [6]


def test_a_renamed_column_refuses_writes_by_the_old_name(sandbox: SandboxServer) -> None:
    """After a rename a write naming the old column is lost whole with 1254045."""
    bench = Bench(sandbox, [*NAME, {"field_name": "值", "type": 2}])
    [record] = bench.add({"名称": "一", "值": 1})
    bench.call("PUT", f"fields/{bench.field_id('值')}", {"field_name": "数值", "type": 2})
    assert bench.code("PUT", f"records/{record}", {"fields": {"名称": "二", "值": 2}}) == (1254045, 200)
    assert bench.read(record) == {"名称": [{"type": "text", "text": "一"}], "数值": 1}


def test_duplex_links_mirror(sandbox: SandboxServer) -> None:
    """A duplex link makes its mirror field and keeps it in step with links and deletions."""
    bench = Bench(sandbox, NAME)
    [order] = bench.add({"名称": "订单"})
    orders = bench.table
    made = bench.call("POST", "tables", {"table": {"name": "明细", "fields": NAME}})["data"]
    bench.table = made["table_id"]
    link = {"table_id": orders, "back_field_name": "明细", "multiple": True}
    assert bench.code("POST", "fields", {"field_name": "订单", "type": 21, "property": link})[0] == 0
    [line] = bench.add({"名称": "行", "订单": [order]})
    assert bench.read(line)["订单"] == {"link_record_ids": [order]}
    assert bench.code("POST", "records", {"fields": {"订单": order}}) == (1254074, 400)
    again = {"field_name": "所属订单", "type": 21, "property": {"table_id": orders, "multiple": True}}
    assert bench.code("PUT", f"fields/{bench.field_id('订单')}", again)[0] == 0
    bench.table = orders
    assert len(bench.call("GET", "fields")["data"]["items"]) == 2
    assert bench.read(order)["明细"] == {"link_record_ids": [line]}
    bench.call("PUT", f"records/{order}", {"fields": {"明细": None}})
    assert "明细" not in bench.read(order)
    bench.table = made["table_id"]
    assert bench.read(line) == {"名称": [{"type": "text", "text": "行"}]}
