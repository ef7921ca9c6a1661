"""Advanced permissions, roles, forms, and what people can do in a base."""

from typing import Any

import pytest
from lark_oapi.api.base.v2 import CreateAppRoleRequest, ListAppRoleRequest, Role, TableRole
from lark_oapi.api.bitable.v1 import GetAppTableFormRequest, ListAppTableFormFieldRequest

from sandbox.kernel import ApiError
from sandbox.server import SandboxServer
from tests.contract.bitable_kit import Bench, lost
from tests.contract.kit import control, people

FIELDS: list[dict[str, Any]] = [
    {"field_name": "名称", "type": 1},
    {"field_name": "店铺", "type": 3, "property": {"options": [{"name": "甲店"}, {"name": "乙店"}]}},
    {"field_name": "阈值", "type": 2},
    {"field_name": "工资", "type": 2},
]


@pytest.fixture
def bench(sandbox: SandboxServer) -> Bench:
    """Two records and advanced permissions on."""
    made = Bench(sandbox, FIELDS)
    made.add({"名称": "一", "店铺": "甲店", "工资": 1}, {"名称": "二", "店铺": "乙店", "工资": 2})
    assert made.code("PUT", "", {"is_advanced": True})[0] == 0
    return made


def new_role(bench: Bench, *members: str, **table_role: Any) -> str:
    """A role on the table with these members; its id."""
    path = f"/open-apis/base/v2/apps/{bench.app}/roles"
    role = {"table_id": bench.table, "table_perm": 2, **table_role}
    rules = [TableRole(role)]
    body = Role.builder().role_name("运营").table_roles(rules).build()
    made = bench.client.base.v2.app_role.create(
        CreateAppRoleRequest.builder().app_token(bench.app).request_body(body).build()
    )
    assert made.success(), (path, made.msg)
    assert lost(made) == []
    role_id = str(made.data.role.role_id)
    listed = [{"type": "open_id", "id": member} for member in members]
    assert bench.code("POST", f"roles/{role_id}/members/batch_create", {"member_list": listed})[0] == 0
    return role_id


def refused(code: int, call: Any, *arguments: Any) -> None:
    """The call is refused with this code."""
    with pytest.raises(ApiError) as error:
        call(*arguments)
    assert error.value.code == code


def test_without_advanced_permissions_everyone_edits(sandbox: SandboxServer) -> None:
    """An ordinary base is open to the company; role calls answer 1254301."""
    bench = Bench(sandbox, FIELDS)
    person = people(sandbox)[0].open_id
    record = sandbox.world.bitable.add_as(person, bench.app, "主表", {"名称": "一"})
    assert sandbox.world.bitable.view_as(person, bench.app, "主表") == [record]
    assert bench.code("GET", "roles") == (1254301, 200)


def test_a_person_without_a_role_sees_and_changes_nothing(bench: Bench) -> None:
    """With advanced permissions on a stranger to all roles has an empty table and may not write."""
    person = people(bench.sandbox)[0].open_id
    state = bench.world.bitable
    record = state.rows(bench.app, "主表")[0]["record_id"]
    assert state.view_as(person, bench.app, "主表") == []
    refused(1254302, state.edit_as, person, bench.app, "主表", record, {"名称": "x"})
    refused(1254302, state.add_as, person, bench.app, "主表", {})
    refused(1254302, state.delete_as, person, bench.app, "主表", record)
    refused(1254302, state.rename_field, person, bench.app, "主表", "名称", "x")


def test_a_role_limits_records_and_fields(bench: Bench) -> None:
    """rec_rule chooses records by option id, field_perm hides or protects fields, the rest may be edited."""
    person = people(bench.sandbox)[0].open_id
    shop = bench.world.bitable.bases[bench.app].tables[bench.table].field_named("店铺")
    assert shop is not None
    condition = {"field_name": "店铺", "operator": "is", "value": [shop.options[0].id]}
    new_role(
        bench,
        person,
        rec_rule={"conjunction": "and", "conditions": [condition], "other_perm": 0},
        field_perm={"阈值": 3, "工资": 0, "名称": 1},
        allow_add_record=False,
        allow_delete_record=False,
    )
    state = bench.world.bitable
    first, second = (row["record_id"] for row in state.rows(bench.app, "主表"))
    [seen] = state.view_as(person, bench.app, "主表")
    assert seen == {
        "record_id": first, "fields": {"名称": [{"type": "text", "text": "一"}], "店铺": "甲店"},
    }  # fmt: skip
    state.edit_as(person, bench.app, "主表", first, {"阈值": 3})
    refused(1254302, state.edit_as, person, bench.app, "主表", first, {"名称": "x"})
    refused(1254302, state.edit_as, person, bench.app, "主表", second, {"阈值": 3})
    refused(1254302, state.add_as, person, bench.app, "主表", {})
    refused(1254302, state.delete_as, person, bench.app, "主表", first)


def test_roles_are_listed_merged_and_deleted(bench: Bench) -> None:
    """The list shows roles whole; PUT merges; names are unique; deletion is a v1 call."""
    role_id = new_role(bench, people(bench.sandbox)[0].open_id)
    listed = bench.client.base.v2.app_role.list(ListAppRoleRequest.builder().app_token(bench.app).build())
    assert [role.role_name for role in listed.data.items] == ["运营"]
    assert lost(listed) == []
    assert bench.code("POST", "roles", {"role_name": "运营", "table_roles": []}) == (1254033, 400)
    assert bench.code("DELETE", f"roles/{role_id}")[0] == 0
    assert bench.call("GET", "roles")["data"]["items"] == []
    assert bench.code("DELETE", f"roles/{role_id}")[0] == 1254047


def test_members_come_and_go(bench: Bench) -> None:
    """Members are listed with their names; who is removed loses the view; unknown people are refused."""
    person = people(bench.sandbox)[0]
    role_id = new_role(bench, person.open_id, table_perm=1)
    state = bench.world.bitable
    assert len(state.view_as(person.open_id, bench.app, "主表")) == 2
    [member] = bench.call("GET", f"roles/{role_id}/members")["data"]["items"]
    assert (member["open_id"], member["member_name"]) == (person.open_id, person.name)
    assert bench.code("POST", f"roles/{role_id}/members", {"member_id": "ou_nobody"})[0] == 1254048
    assert bench.code("DELETE", f"roles/{role_id}/members/{person.open_id}")[0] == 0
    assert state.view_as(person.open_id, bench.app, "主表") == []


def test_permissions_take_effect_late_when_so_switched(bench: Bench) -> None:
    """Just after enabling, role calls may answer 1254301 for a while."""
    bench.world.bitable.advanced_delay = 60.0
    assert bench.code("GET", "roles")[0] == 1254301
    bench.world.clock.advance(61)
    assert bench.code("GET", "roles")[0] == 0


def test_a_form_is_a_view_with_questions(bench: Bench) -> None:
    """A form view has metadata and one question per writable field; both can be changed."""
    form = bench.call("POST", "views", {"view_name": "申请", "view_type": "form"})["data"]["view"]["view_id"]
    body = {"name": "素材申请", "shared": True, "shared_limit": "tenant_editable"}
    assert bench.call("PATCH", f"forms/{form}", body)["data"]["form"]["shared_url"]
    shop = bench.field_id("店铺")
    changed = bench.call("PATCH", f"forms/{form}/fields/{shop}", {"title": "哪家店", "required": True})
    assert changed["data"]["field"]["title"] == "哪家店"
    place = {"app_token": bench.app, "table_id": bench.table, "form_id": form}
    got = bench.client.bitable.v1.app_table_form.get(_fill(GetAppTableFormRequest.builder(), place))
    assert (got.data.form.name, got.data.form.shared, lost(got)) == ("素材申请", True, [])
    listed = bench.client.bitable.v1.app_table_form_field.list(
        _fill(ListAppTableFormFieldRequest.builder(), place)
    )
    assert [(q.title, q.required) for q in listed.data.items][:2] == [("名称", False), ("哪家店", True)]
    assert lost(listed) == []


def _fill(builder: Any, place: dict[str, str]) -> Any:
    for key, value in place.items():
        getattr(builder, key)(value)
    return builder.build()


def test_submitting_a_form_over_the_control_plane(bench: Bench) -> None:
    """A shared form takes answers from a person without a role; required answers must be there."""
    form = bench.call("POST", "views", {"view_name": "申请", "view_type": "form"})["data"]["view"]["view_id"]
    bench.call("PATCH", f"forms/{form}", {"shared": True})
    bench.call("PATCH", f"forms/{form}/fields/{bench.field_id('店铺')}", {"required": True})
    person = people(bench.sandbox)[2].open_id
    act = {"open_id": person, "app_token": bench.app, "table_id": bench.table, "form_id": form}
    assert control(bench.sandbox, "POST", "act/submit_form", **act, fields={"名称": "三"})["code"] == 1254007
    sent = control(bench.sandbox, "POST", "act/submit_form", **act, fields={"名称": "三", "店铺": "乙店"})
    assert sent["code"] == 0
    found = bench.world.bitable.find_record(bench.app, "主表", 名称="三")
    assert found == sent["data"]["record"]


def test_acting_and_looking_over_the_control_plane(sandbox: SandboxServer) -> None:
    """Edit, add, delete, rename and retype work as plain calls; the grid shows the result."""
    bench = Bench(sandbox, FIELDS)
    person = people(sandbox)[0].open_id
    place = {"open_id": person, "app_token": bench.app, "table_id": bench.table}
    record = control(sandbox, "POST", "act/add", **place, fields={"名称": "12"})["data"]["record"][
        "record_id"
    ]
    assert control(sandbox, "POST", "act/edit", **place, record_id=record, fields={"阈值": 3})["code"] == 0
    bad = control(sandbox, "POST", "act/edit", **place, record_id=record, fields={"阈值": "三"})
    assert bad["code"] == 1254061
    control(sandbox, "POST", "act/rename_field", **place, field="阈值", name="门槛")
    control(sandbox, "POST", "act/retype_field", **place, field="门槛", type=1)
    grid = control(sandbox, "GET", f"bases/{bench.app}/tables/{bench.table}")["data"]
    assert grid["records"][0]["fields"]["门槛"] == [{"type": "text", "text": "3"}]
    control(sandbox, "POST", "act/delete", **place, record_id=record)
    assert sandbox.world.bitable.rows(bench.app, "主表") == []


def test_seeding_a_base(sandbox: SandboxServer) -> None:
    """A seeded table has its rows and form, belongs to the owner and tells nobody."""
    owner = people(sandbox)[0].open_id
    state = sandbox.world.bitable
    base = state.create_base("经营数据", owner)
    rows = [{"名称": "一", "数": 1}, {"名称": "二"}]
    state.seed_table(base.token, "种子", [("名称", 1), ("数", 2)], rows, form="填报")
    record = state.find_record(base.token, "种子", 数=1)
    assert record is not None
    assert record["fields"]["名称"] == [{"type": "text", "text": "一"}]
    assert state.submit_form(owner, base.token, "种子", "填报", {"名称": "三"})["fields"]
    assert state.base_named("经营数据") is base
    assert sandbox.world.events.log() == []
