"""Bitable through our client: structure and records."""

from contextlib import suppress
from typing import Any

import pytest

from runtime.feishu import Feishu
from runtime.feishu.bitable_structure import CreatedTable
from runtime.feishu.errors import Ambiguous, Busy, NotFound, Rejected
from runtime.feishu.keys import client_token
from runtime.ids import AppToken, FieldId, RecordId, TableId, ViewId
from tests.feishu.conftest import Order

FIELDS: list[dict[str, Any]] = [
    {"field_name": "编号", "type": 1},
    {"field_name": "数量", "type": 2, "property": {"formatter": "0"}},
    {"field_name": "状态", "type": 3, "property": {"options": [{"name": "进行中"}, {"name": "完成"}]}},
    {"field_name": "负责人", "type": 11, "property": {"multiple": True}},
]


@pytest.fixture
def app(feishu: Feishu) -> AppToken:
    """A base of the app's own."""
    return AppToken(feishu.bitable.create_app("经营数据", "Asia/Shanghai")["app_token"])


@pytest.fixture
def table(feishu: Feishu, app: AppToken) -> CreatedTable:
    """A table with four columns."""
    return feishu.bitable.create_table(app, "商品", FIELDS, "全部")


def filled(feishu: Feishu, app: AppToken, table: TableId, number: int) -> tuple[RecordId, ...]:
    """Create rows A0, A1 and so on."""
    rows = [{"编号": f"A{index}", "数量": index} for index in range(number)]
    return feishu.bitable.batch_create(app, table, rows, client_token=client_token(f"{table}{number}"))


def test_a_table_is_created_with_its_columns(feishu: Feishu, app: AppToken, table: CreatedTable) -> None:
    """Ids of table, view and columns come back, and the listing shows what was asked for."""
    names = [field["field_name"] for field in feishu.bitable.list_fields(app, table.table_id)]
    assert names == [field["field_name"] for field in FIELDS]
    assert len(table.field_ids) == len(FIELDS)
    assert [view["view_id"] for view in feishu.bitable.list_views(app, table.table_id)] == [
        table.default_view_id
    ]
    assert "商品" in [item["name"] for item in feishu.bitable.list_tables(app)]


def test_listings_are_read_to_the_last_page(feishu: Feishu, app: AppToken) -> None:
    """More columns than one page holds all come back."""
    many = [{"field_name": f"列{index}", "type": 1} for index in range(130)]
    table = feishu.bitable.create_table(app, "宽表", many, "全部")
    assert len(feishu.bitable.list_fields(app, table.table_id)) == 130


def test_none_clears_a_cell_and_a_missing_name_leaves_it(
    feishu: Feishu, app: AppToken, table: CreatedTable
) -> None:
    """The difference between null and absent survives to the table."""
    (row,) = feishu.bitable.batch_create(
        app, table.table_id, [{"编号": "A1", "数量": 3, "状态": "完成"}], client_token=client_token("clear")
    )
    feishu.bitable.batch_update(app, table.table_id, [(row, {"数量": None})])
    (record,) = feishu.bitable.batch_get(app, table.table_id, [row]).records
    assert "数量" not in record["fields"]
    assert record["fields"]["状态"] == "完成"


def test_search_pages_and_totals(feishu: Feishu, app: AppToken, table: CreatedTable) -> None:
    """Pages follow each other by token and end with none."""
    filled(feishu, app, table.table_id, 25)
    seen: list[str] = []
    token = None
    while True:
        page = feishu.bitable.search(
            app,
            table.table_id,
            field_names=["编号"],
            sort=[{"field_name": "数量", "desc": True}],
            page_token=token,
            page_size=10,
        )
        assert page.total == 25
        seen += [item["fields"]["编号"][0]["text"] for item in page.items]
        token = page.page_token
        if not page.has_more:
            break
    assert token is None
    assert seen == [f"A{index}" for index in reversed(range(25))]


def test_find_settles_an_unknown_create(
    feishu: Feishu, app: AppToken, table: CreatedTable, fault: Order
) -> None:
    """The answer to a create got lost: the row is found by its key, and the token suppresses a second one."""
    fault("drop_after", path="*/batch_create")
    rows = [{"编号": "A1"}]
    with pytest.raises(Ambiguous):
        feishu.bitable.batch_create(app, table.table_id, rows, client_token=client_token("once"))
    assert len(feishu.bitable.find(app, table.table_id, {"编号": "A1"})) == 1
    with suppress(Ambiguous):  # a replay may also be answered like the first call
        feishu.bitable.batch_create(app, table.table_id, rows, client_token=client_token("once"))
    assert len(feishu.bitable.find(app, table.table_id, {"编号": "A1"})) == 1


def test_batch_get_takes_any_number_and_tells_the_absent(
    feishu: Feishu, app: AppToken, table: CreatedTable
) -> None:
    """More than the wire's 100 ids are asked for in parts."""
    rows = filled(feishu, app, table.table_id, 130)
    feishu.bitable.batch_delete(app, table.table_id, rows[:2])
    got = feishu.bitable.batch_get(app, table.table_id, rows)
    assert len(got.records) == 128
    assert set(got.absent) == set(rows[:2])
    assert got.forbidden == ()


def test_too_many_or_no_records_are_refused_before_sending(
    feishu: Feishu, app: AppToken, table: CreatedTable
) -> None:
    """The limits of the wire are told in words."""
    with pytest.raises(ValueError, match="1 to 1000"):
        feishu.bitable.batch_create(app, table.table_id, [], client_token=client_token("x"))
    with pytest.raises(ValueError, match="1 to 500"):
        feishu.bitable.batch_delete(app, table.table_id, [RecordId(f"rec{index}") for index in range(501)])


def test_a_column_is_changed_and_no_difference_is_success(
    feishu: Feishu, app: AppToken, table: CreatedTable
) -> None:
    """The second, equal change answers 1254606 and is no error."""
    field_id = table.field_ids[1]
    change = {"field_name": "库存", "type": 2, "property": {"formatter": "0.0"}}
    feishu.bitable.update_field(app, table.table_id, field_id, change)
    feishu.bitable.update_field(app, table.table_id, field_id, change)
    names = [field["field_name"] for field in feishu.bitable.list_fields(app, table.table_id)]
    assert "库存" in names
    assert "数量" not in names


def test_a_renamed_column_is_named_by_class(feishu: Feishu, app: AppToken, table: CreatedTable) -> None:
    """Writing to a column that is gone: NotFound with 1254045, so that the schema is read again."""
    with pytest.raises(NotFound) as refused:
        feishu.bitable.batch_create(app, table.table_id, [{"没有": 1}], client_token=client_token("y"))
    assert refused.value.code == 1254045


def test_a_wrong_value_is_rejected(feishu: Feishu, app: AppToken, table: CreatedTable) -> None:
    """A value of another kind is permanent."""
    with pytest.raises(Rejected):
        feishu.bitable.batch_create(app, table.table_id, [{"数量": "许多"}], client_token=client_token("z"))


def test_forms_are_read_and_changed(feishu: Feishu, app: AppToken, table: CreatedTable) -> None:
    """A form view's id is its form id; questions can be titled and made mandatory."""
    form = ViewId(feishu.bitable.create_view(app, table.table_id, "登记", "form")["view_id"])
    feishu.bitable.patch_form(app, table.table_id, form, {"name": "新品登记", "shared": True})
    assert feishu.bitable.get_form(app, table.table_id, form)["name"] == "新品登记"
    question = feishu.bitable.list_form_fields(app, table.table_id, form)[0]
    feishu.bitable.patch_form_field(
        app, table.table_id, form, FieldId(question["field_id"]), {"title": "商品编号", "required": True}
    )
    changed = feishu.bitable.list_form_fields(app, table.table_id, form)[0]
    assert (changed["title"], changed["required"]) == ("商品编号", True)


def test_roles_need_advanced_permissions(feishu: Feishu, app: AppToken, table: CreatedTable) -> None:
    """Switched on, roles are made and changed; what is not named stays."""
    feishu.bitable.set_advanced(app, True)
    assert feishu.bitable.get_app(app)["is_advanced"] is True
    role = {"role_name": "运营", "table_roles": [{"table_id": table.table_id, "table_perm": 2}]}
    role_id = feishu.bitable.create_role(app, role)["role_id"]
    feishu.bitable.update_role(app, role_id, role | {"role_name": "运营组"})
    assert "运营组" in [item["role_name"] for item in feishu.bitable.list_roles(app)]


def test_a_write_conflict_is_busy(feishu: Feishu, app: AppToken, table: CreatedTable, fault: Order) -> None:
    """1254291: nothing was written; the wait keeps to the platform's advice of half a second to one."""
    fault("code", path="*/batch_create", code=1254291, msg="Write conflict")
    with pytest.raises(Busy) as refused:
        filled(feishu, app, table.table_id, 1)
    assert 0.5 <= (refused.value.wait or 0) <= 1.0
    assert feishu.bitable.search(app, table.table_id).total == 0


def test_views_are_added(feishu: Feishu, app: AppToken, table: CreatedTable) -> None:
    """A new view shows in the next listing."""
    feishu.bitable.create_view(app, table.table_id, "看板", "grid")
    assert "看板" in [item["view_name"] for item in feishu.bitable.list_views(app, table.table_id)]
