"""The address book, through the official SDK."""

from lark_oapi.api.contact.v3 import (
    BatchGetIdUserRequest,
    BatchGetIdUserRequestBody,
    BatchUserRequest,
    ChildrenDepartmentRequest,
    FindByDepartmentUserRequest,
    GetUserRequest,
    ListScopeRequest,
)

from sandbox.server import SandboxServer
from tests.contract.kit import fresh_client, people


def ids_of(sandbox: SandboxServer, emails: list[str], mobiles: list[str]) -> list:
    """The answer list of batch_get_id."""
    body = BatchGetIdUserRequestBody.builder().emails(emails).mobiles(mobiles).build()
    request = BatchGetIdUserRequest.builder().user_id_type("open_id").request_body(body).build()
    response = fresh_client(sandbox).contact.v3.user.batch_get_id(request)
    assert response.success(), response.msg
    return response.data.user_list


def test_ids_come_by_mobile_and_email_and_are_added_up(sandbox: SandboxServer) -> None:
    """A person asked for by both shows up twice; an unknown mobile has no id and is no error."""
    one, two = people(sandbox)[:2]
    found = ids_of(sandbox, [one.email], [one.mobile, two.mobile, "13000000000"])
    assert [entry.user_id for entry in found] == [one.open_id, one.open_id, two.open_id, None]
    assert found[0].status.is_resigned is False


def test_a_resigned_person_is_not_found(sandbox: SandboxServer) -> None:
    """Without include_resigned somebody who left has no id."""
    gone = people(sandbox)[2]
    gone.resigned = True
    assert ids_of(sandbox, [gone.email], [])[0].user_id is None


def test_one_person_by_each_kind_of_id(sandbox: SandboxServer) -> None:
    """open_id, union_id and user_id lead to the same person; an unknown id is refused."""
    client = fresh_client(sandbox)
    person = people(sandbox)[0]
    for kind in ("open_id", "union_id", "user_id"):
        request = GetUserRequest.builder().user_id(getattr(person, kind)).user_id_type(kind).build()
        response = client.contact.v3.user.get(request)
        assert response.success(), response.msg
        assert response.data.user.name == person.name
    refused = client.contact.v3.user.get(GetUserRequest.builder().user_id("ou_nobody").build())
    assert refused.code == 41012


def test_the_whole_company_is_reached_department_by_department(sandbox: SandboxServer) -> None:
    """All departments below the root, then direct members of each, page by page: everybody once."""
    client = fresh_client(sandbox)
    tree = ChildrenDepartmentRequest.builder().department_id("0").fetch_child(True).page_size(50).build()
    departments = client.contact.v3.department.children(tree)
    assert departments.success(), departments.msg
    names: list[str] = []
    for department in departments.data.items:
        token = ""
        while True:
            request = (
                FindByDepartmentUserRequest.builder()
                .department_id(department.open_department_id)
                .page_size(1)
            )
            response = client.contact.v3.user.find_by_department(request.page_token(token).build())
            assert response.success(), response.msg
            names += [user.name for user in response.data.items or []]
            if not response.data.has_more:
                break
            token = response.data.page_token
    assert sorted(names) == sorted(person.name for person in people(sandbox))


def test_a_batch_leaves_unknown_people_out(sandbox: SandboxServer) -> None:
    """users/batch answers for those it knows."""
    person = people(sandbox)[1]
    request = BatchUserRequest.builder().user_ids([person.open_id, "ou_nobody"]).build()
    response = fresh_client(sandbox).contact.v3.user.batch(request)
    assert response.success(), response.msg
    assert [user.open_id for user in response.data.items] == [person.open_id]
    assert response.data.items[0].leader_user_id == person.leader_open_id


def test_what_the_app_may_see_is_listed_unexpanded(sandbox: SandboxServer) -> None:
    """contact/v3/scopes names top departments, not everybody in them."""
    response = fresh_client(sandbox).contact.v3.scope.list(ListScopeRequest.builder().build())
    assert response.success(), response.msg
    tops = {person.department.split("/")[0] for person in people(sandbox)}
    assert len(response.data.department_ids) == len(tops)
