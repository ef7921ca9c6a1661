"""Feishu Tasks through the official SDK: tokens that expire, members, completing once, refusals."""

from typing import Any

import lark_oapi as lark
import pytest
from lark_oapi.api.task.v2 import (
    CreateTaskRequest,
    GetTaskRequest,
    Href,
    I18nText,
    InputTask,
    Member,
    Origin,
    PatchTaskRequest,
    PatchTaskRequestBody,
)

from sandbox.server import SandboxServer
from tests.contract.kit import APP_ID, SECRET, control, fresh_client, people

TOKEN = "daa2237f-8310-4707-a83b-52c8a81e0fb7"


@pytest.fixture
def client(sandbox: SandboxServer) -> lark.Client:
    """The official typed client."""
    return fresh_client(sandbox)


def member(open_id: str, role: str) -> Member:
    """One member."""
    return Member.builder().id(open_id).type("user").role(role).build()


def make(client: lark.Client, summary: str = "调整预算", **fields: Any) -> Any:
    """Make a task; the SDK's response."""
    task = InputTask.builder().summary(summary).build()
    for name, value in fields.items():
        setattr(task, name, value)
    request = CreateTaskRequest.builder().user_id_type("open_id").request_body(task).build()
    return client.task.v2.task.create(request)


def change(client: lark.Client, guid: str, names: list[str], option: Any = None, **fields: Any) -> Any:
    """Change a task; the SDK's response."""
    task = InputTask()
    for name, value in fields.items():
        setattr(task, name, value)
    body = PatchTaskRequestBody.builder().task(task).update_fields(names).build()
    request = PatchTaskRequest.builder().task_guid(guid).user_id_type("open_id").request_body(body).build()
    return client.task.v2.task.patch(request, option)


def fetch(client: lark.Client, guid: str, option: Any = None) -> Any:
    """Get a task; the SDK's response."""
    request = GetTaskRequest.builder().task_guid(guid).user_id_type("open_id").build()
    return client.task.v2.task.get(request, option)


def as_person(sandbox: SandboxServer, open_id: str) -> lark.RequestOption:
    """Calls in a person's name."""
    token = sandbox.world.auth.user_token(sandbox.world.default_app, open_id).value
    return lark.RequestOption.builder().user_access_token(token).build()


def test_a_task_has_its_members_and_its_source(sandbox: SandboxServer, client: lark.Client) -> None:
    """Assignee and follower come back, the app made it, it is open; the control plane shows it."""
    one, other = people(sandbox)[:2]
    origin = Origin.builder().platform_i18n_name(I18nText.builder().zh_cn("红线预警").build())
    origin = origin.href(Href.builder().url("https://example.feishu.cn/base/a").build()).build()
    members = [member(one.open_id, "assignee"), member(other.open_id, "follower")]
    made = make(client, description="原因", members=members, origin=origin)
    assert made.success(), made.msg
    task = made.data.task
    assert [(m.id, m.role) for m in task.members] == [
        (one.open_id, "assignee"),
        (other.open_id, "follower"),
    ]
    assert (task.creator.type, task.status, task.completed_at) == ("app", "todo", "0")
    assert task.origin.href.url == "https://example.feishu.cn/base/a"
    assert fetch(client, task.guid).data.task.description == "原因"
    (listed,) = control(sandbox, "GET", f"feishu_tasks?open_id={other.open_id}")["data"]["tasks"]
    assert listed["guid"] == task.guid


def test_a_token_stands_for_its_task_for_five_minutes(sandbox: SandboxServer, client: lark.Client) -> None:
    """Within five minutes the same task, afterwards a second one; another token is another task."""
    first = make(client, client_token=TOKEN).data.task.guid
    assert make(client, client_token=TOKEN).data.task.guid == first
    assert make(client, client_token=TOKEN.upper()).data.task.guid != first
    sandbox.world.clock.advance(299)
    assert make(client, client_token=TOKEN).data.task.guid == first
    sandbox.world.clock.advance(2)
    assert make(client, client_token=TOKEN).data.task.guid != first


def test_completing_reopening_and_renaming(client: lark.Client) -> None:
    """Completed at milliseconds as text, not twice; "0" opens it; a named field without value is emptied."""
    guid = make(client, description="原因").data.task.guid
    done = change(client, guid, ["completed_at", "summary"], summary="做完了", completed_at="1675742789470")
    assert (done.data.task.status, done.data.task.completed_at) == ("done", "1675742789470")
    again = change(client, guid, ["completed_at"], completed_at="1675742789999")
    assert (again.code, again.raw.status_code) == (1470400, 400)
    assert change(client, guid, ["summary"], summary="还能改名").data.task.summary == "还能改名"
    assert change(client, guid, ["completed_at"], completed_at="0").data.task.status == "todo"
    assert change(client, guid, ["description"]).data.task.description == ""


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"summary": ""}, "'summary'"),
        ({"summary": "长" * 3001}, "'summary'"),
        ({"description": "长" * 3001}, "'description'"),
        ({"client_token": "short"}, "'client_token'"),
        ({"members": [member("ou_nobody", "assignee")]}, "'members'"),
        ({"completed_at": 1675742789470}, "'completed_at'"),
        (
            {"origin": Origin.builder().href(Href.builder().url("ftp://a").build()).build()},
            "'origin.href.url'",
        ),
    ],
)
def test_wrong_tasks_are_refused_by_name(client: lark.Client, fields: dict[str, Any], says: str) -> None:
    """1470400 names the parameter, and nothing is made."""
    refused = make(client, **fields)
    assert (refused.code, refused.raw.status_code) == (1470400, 400)
    assert says in refused.msg


def test_roles_and_numbers_of_members(sandbox: SandboxServer, client: lark.Client) -> None:
    """Only the two roles; fifty at most."""
    one = people(sandbox)[0].open_id
    assert "'assignee', 'follower'" in make(client, members=[member(one, "owner")]).msg
    twice = [member(one, "assignee"), member(one, "assignee"), member(one, "follower")]
    assert len(make(client, members=twice).data.task.members) == 2
    many = [member(one, "assignee")]
    many += [member(open_id, "follower") for open_id in list(crowd(sandbox, 50))]
    assert "at most 50" in make(client, members=many).msg


def crowd(sandbox: SandboxServer, count: int) -> list[str]:
    """So many more people."""
    world, pattern = sandbox.world, people(sandbox)[0]
    for number in range(count):
        kind = type(pattern)
        made = kind(f"ou_{number:032d}", f"on_{number}", f"u{number}", f"人{number}", "", pattern.department)
        world.people[made.open_id] = made
    return [open_id for open_id in world.people if open_id.startswith("ou_0000")]


def test_what_may_not_be_changed(client: lark.Client) -> None:
    """Members are not changed by a patch, and something must be named."""
    guid = make(client).data.task.guid
    assert change(client, guid, ["members"]).code == 1470400
    assert change(client, guid, []).code == 1470400
    assert change(client, guid, ["summary"]).code == 1470400


def test_who_may_see_and_change(sandbox: SandboxServer, client: lark.Client) -> None:
    """An assignee may both, a follower may look, others nothing; what is deleted is not there."""
    one, other, stranger = people(sandbox)[:3]
    members = [member(one.open_id, "assignee"), member(other.open_id, "follower")]
    guid = make(client, members=members).data.task.guid
    follower, nobody = as_person(sandbox, other.open_id), as_person(sandbox, stranger.open_id)
    theirs = lark.Client.builder().app_id(APP_ID).app_secret(SECRET).domain(sandbox.url)
    theirs = theirs.enable_set_token(True).build()
    assert fetch(theirs, guid, follower).success()
    assert change(theirs, guid, ["summary"], follower, summary="改名").code == 1470403
    assert (fetch(theirs, guid, nobody).code, fetch(theirs, guid, nobody).raw.status_code) == (1470403, 403)
    assert change(theirs, guid, ["summary"], as_person(sandbox, one.open_id), summary="改名").success()
    control(sandbox, "POST", "act/task", open_id=one.open_id, guid=guid, verb="delete")
    gone = fetch(client, guid)
    assert (gone.code, gone.raw.status_code) == (1470404, 404)


def test_without_the_permission_nothing_is_made(sandbox: SandboxServer, client: lark.Client) -> None:
    """99991672 names the scope."""
    control(sandbox, "POST", "scopes", revoke=["task:task:write"])
    refused = make(client)
    assert refused.code == 99991672
    assert "task:task:write" in refused.msg
    assert sandbox.world.task.tasks == {}
