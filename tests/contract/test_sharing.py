"""Sharing a base and its roles through the SDK: who was let in, what it opens, what is refused."""

from typing import Any

import pytest
from lark_oapi.api.bitable.v1 import (
    AppRoleMemberId,
    BatchCreateAppRoleMemberRequest,
    BatchCreateAppRoleMemberRequestBody,
    ListAppRoleMemberRequest,
)
from lark_oapi.api.drive.v1 import (
    BaseMember,
    CreatePermissionMemberRequest,
    ListFileRequest,
    ListPermissionMemberRequest,
)

from sandbox.kernel import ApiError
from sandbox.server import SandboxServer
from tests.contract.bitable_kit import Bench, lost
from tests.contract.kit import people


@pytest.fixture
def bench(sandbox: SandboxServer) -> Bench:
    """A base of the app with advanced permissions on."""
    made = Bench(sandbox, [{"field_name": "名称", "type": 1}])
    made.call("PUT", "", {"is_advanced": True})
    return made


def share(bench: Bench, who: str, perm: str = "full_access", token: str = "", **change: str) -> Any:
    """The answer of sharing with a person."""
    body = BaseMember.builder().member_type(change.get("kind", "openid")).member_id(who).perm(perm).build()
    request = CreatePermissionMemberRequest.builder().token(token or bench.app)
    request = request.type(change.get("type", "bitable")).need_notification(True).request_body(body)
    return bench.client.drive.v1.permission_member.create(request.build())


def members(bench: Bench) -> dict[str, str]:
    """Whom the base is shared with: id -> perm."""
    request = ListPermissionMemberRequest.builder().token(bench.app).type("bitable").fields("*").build()
    got = bench.client.drive.v1.permission_member.list(request)
    assert got.success(), got.msg
    assert lost(got) == []
    return {item.member_id: item.perm for item in got.data.items or []}


def test_full_access_opens_an_apps_base_to_a_person(bench: Bench) -> None:
    """A stranger to all roles may not write; with full_access they see and edit everything; twice is once."""
    person = people(bench.sandbox)[0].open_id
    state = bench.world.bitable
    with pytest.raises(ApiError):
        state.add_as(person, bench.app, "主表", {"名称": "一"})
    assert members(bench) == {}
    for _ in range(2):
        answer = share(bench, person)
        assert (answer.code, answer.data.member.perm) == (0, "full_access")
    assert members(bench) == {person: "full_access"}
    made = state.add_as(person, bench.app, "主表", {"名称": "一"})
    assert made in state.view_as(person, bench.app, "主表")


def test_a_lesser_perm_leaves_it_to_the_roles(bench: Bench) -> None:
    """With advanced permissions on, edit does not open what no role opens."""
    person = people(bench.sandbox)[0].open_id
    assert share(bench, person, "edit").code == 0
    assert members(bench) == {person: "edit"}
    assert bench.world.bitable.view_as(person, bench.app, "主表") == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"perm": "owner"}, (1063001, 400)),
        ({"kind": "nickname"}, (1063001, 400)),
        ({"who": "ou_nobody"}, (1063001, 400)),
        ({"type": "sheet"}, (1063001, 400)),
        ({"kind": "opendepartmentid", "who": "od-1"}, (1063003, 400)),
        ({"token": "bascnnosuch"}, (1063005, 404)),
    ],
)
def test_sharing_that_is_refused(bench: Bench, change: dict[str, str], expected: tuple[int, int]) -> None:
    """Wrong parameters, a department by the app, an unknown document: each has its code, nobody gets in."""
    given = {"who": people(bench.sandbox)[0].open_id, **change}
    answer = share(bench, **given)
    assert (answer.code, answer.raw.status_code) == expected
    assert members(bench) == {}


def test_only_a_manager_shares_and_lists(bench: Bench) -> None:
    """An app that does not manage the base is refused with 1063002."""
    base = bench.world.bitable.bases[bench.app]
    base.managers.clear()
    base.owner = "ou_other"
    answer = share(bench, people(bench.sandbox)[0].open_id)
    assert (answer.code, answer.raw.status_code) == (1063002, 403)
    request = ListPermissionMemberRequest.builder().token(bench.app).type("bitable").build()
    assert bench.client.drive.v1.permission_member.list(request).code == 1063002


def test_role_members_are_people_and_departments(bench: Bench) -> None:
    """Members are added by type and id and listed by their ids; a department lets its people in."""
    person, other = people(bench.sandbox)[:2]
    table = {"table_id": bench.table, "table_perm": 2}
    made = bench.call("POST", "roles", {"role_name": "运营", "table_roles": [table]})
    role_id = made["data"]["role"]["role_id"]
    department = next(
        d.open_department_id for d in bench.world.contact.departments().values() if d.path == other.department
    )
    pairs = (("open_id", person.open_id), ("open_department_id", department))
    given = [AppRoleMemberId.builder().type(kind).id(member).build() for kind, member in pairs]
    body = BatchCreateAppRoleMemberRequestBody.builder().member_list(given).build()
    request = BatchCreateAppRoleMemberRequest.builder().app_token(bench.app).role_id(role_id)
    assert bench.client.bitable.v1.app_role_member.batch_create(request.request_body(body).build()).success()
    listing = ListAppRoleMemberRequest.builder().app_token(bench.app).role_id(role_id).build()
    got = bench.client.bitable.v1.app_role_member.list(listing)
    assert [(item.member_type, item.open_id, item.open_department_id) for item in got.data.items] == [
        ("user", person.open_id, None),
        ("department", None, department),
    ]
    assert bench.world.bitable.add_as(other.open_id, bench.app, "主表", {"名称": "二"})


def test_the_apps_root_holds_the_bases_it_made(bench: Bench) -> None:
    """The root folder lists the app's own bases with token, name, type and time; people's are not in it."""
    bench.world.bitable.create_base("别人的", owner=people(bench.sandbox)[0].open_id)
    got = bench.client.drive.v1.file.list(ListFileRequest.builder().build())
    assert got.success(), got.msg
    [entry] = got.data.files
    assert (entry.token, entry.name, entry.type) == (bench.app, "测试库", "bitable")
    assert abs(int(entry.created_time) - bench.world.clock.time()) < 60
    assert got.data.has_more is False
