"""The wiki through the SDK: who sees a space, the tree, what is refused, files that move in."""

import io
from typing import Any

import lark_oapi as lark
import pytest
import requests
from lark_oapi.api.docx.v1 import GetDocumentRequest
from lark_oapi.api.drive.v1 import UploadAllFileRequest, UploadAllFileRequestBody
from lark_oapi.api.wiki.v2 import (
    CreateSpaceNodeRequest,
    GetNodeSpaceRequest,
    GetTaskRequest,
    ListSpaceNodeRequest,
    ListSpaceRequest,
    MoveDocsToWikiSpaceNodeRequest,
    MoveDocsToWikiSpaceNodeRequestBody,
    Node,
)

from sandbox import wiki
from sandbox.server import SandboxServer
from tests.contract.bitable_kit import lost
from tests.contract.kit import control, fresh_client, parsed, people, raw_call


@pytest.fixture
def client(sandbox: SandboxServer) -> lark.Client:
    """The SDK's client; pages may be made as fast as tests can."""
    sandbox.world.limits_on = False
    return fresh_client(sandbox)


@pytest.fixture
def space(sandbox: SandboxServer) -> str:
    """A space the app is a member of."""
    return str(control(sandbox, "POST", "wiki/spaces", name="素材库")["data"]["space_id"])


def create(client: lark.Client, space: str, title: str, parent: str = "", **change: str) -> Any:
    """The answer of making a page."""
    node = Node.builder().obj_type("docx").node_type("origin").title(title)
    if parent:
        node = node.parent_node_token(parent)
    for key, value in change.items():
        getattr(node, key)(value)
    request = CreateSpaceNodeRequest.builder().space_id(space).request_body(node.build()).build()
    return client.wiki.v2.space_node.create(request)


def listing(client: lark.Client, space: str, parent: str = "", size: int = 50, token: str = "") -> Any:
    """The answer of listing pages."""
    request = ListSpaceNodeRequest.builder().space_id(space).page_size(size)
    if parent:
        request = request.parent_node_token(parent)
    if token:
        request = request.page_token(token)
    return client.wiki.v2.space_node.list(request.build())


def node(client: lark.Client, token: str, obj_type: str = "") -> Any:
    """The answer of asking for a page."""
    request = GetNodeSpaceRequest.builder().token(token)
    if obj_type:
        request = request.obj_type(obj_type)
    return client.wiki.v2.space.get_node(request.build())


def test_pages_below_pages(client: lark.Client, space: str) -> None:
    """A page has a node and a document; it is found by both, and its parent knows that it has a child."""
    top = create(client, space, "归档")
    assert top.success(), top.msg
    assert lost(top) == []
    below = create(client, space, "夏季", top.data.node.node_token).data.node
    assert (below.parent_node_token, below.obj_type, below.node_type) == (
        top.data.node.node_token,
        "docx",
        "origin",
    )
    for found in (node(client, below.node_token), node(client, below.obj_token, "docx")):
        assert (found.data.node.node_token, found.data.node.title) == (below.node_token, "夏季")
    assert node(client, top.data.node.node_token).data.node.has_child is True
    document = GetDocumentRequest.builder().document_id(below.obj_token).build()
    assert client.docx.v1.document.get(document).data.document.title == "夏季"


def test_listing_goes_page_by_page(client: lark.Client, space: str) -> None:
    """Two a page: the token leads on until there is no more; the same title may stand twice."""
    for title in ("甲", "乙", "乙"):
        create(client, space, title)
    first = listing(client, space, size=2)
    assert lost(first) == []
    assert first.data.has_more
    rest = listing(client, space, size=2, token=first.data.page_token)
    assert [item.title for item in (*first.data.items, *rest.data.items)] == ["甲", "乙", "乙"]
    assert rest.data.has_more is False
    assert listing(client, space, size=51).code == 131002
    assert listing(client, space, parent="wikcnnosuch").code == 131005


def test_who_is_no_member_sees_nothing(client: lark.Client, sandbox: SandboxServer) -> None:
    """131006 for pages and lists; a group with the bot in it opens the space, a group without does not."""
    made = control(sandbox, "POST", "wiki/spaces", name="别人的", app=False, pages=["首页"])["data"]
    space, (token,) = made["space_id"], made["node_tokens"]
    request = ListSpaceRequest.builder().page_size(50).build()

    def codes() -> list[int]:
        answers = [create(client, space, "x"), listing(client, space), node(client, token)]
        return [int(answer.code) for answer in answers]

    assert codes() == [131006] * 3
    assert client.wiki.v2.space.list(request).data.items == []
    document = sandbox.world.wiki.nodes[token].obj_token
    asked = GetDocumentRequest.builder().document_id(document).build()
    assert client.docx.v1.document.get(asked).code == 1770032
    who = people(sandbox)[0].open_id
    made = parsed(raw_call(client, "POST", "/open-apis/im/v1/chats", {"name": "管理员", "owner_id": who}))
    sandbox.world.wiki.spaces[space].members[("openchat", made["data"]["chat_id"])] = "admin"
    assert codes() == [0, 0, 0]
    got = client.wiki.v2.space.list(request)
    assert lost(got) == []
    assert [(item.space_id, item.name) for item in got.data.items] == [(space, "别人的")]
    assert client.docx.v1.document.get(asked).code == 0
    sandbox.world.im.chats[made["data"]["chat_id"]].bots.clear()
    assert codes() == [131006] * 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"obj_type": "file"}, 131002),
        ({"node_type": "shortcut"}, 131002),
        ({"parent": "wikcnnosuch"}, 131005),
        ({"space": "7000000000000000000"}, 131005),
    ],
)
def test_pages_that_are_refused(client: lark.Client, space: str, change: dict[str, str], code: int) -> None:
    """A file cannot be made as a page; unknown parents and spaces."""
    given = {"space": space, "title": "x", **change}
    assert create(client, **given).code == code
    assert listing(client, space).data.items == []


def test_a_wiki_has_room_for_so_much(client: lark.Client, sandbox: SandboxServer, space: str) -> None:
    """50 levels, and 2,000 pages below one."""
    parent = ""
    for level in range(50):
        parent = create(client, space, f"{level}", parent).data.node.node_token
    assert create(client, space, "51", parent).code == 131003
    state = sandbox.world.wiki
    top = state.below(space, "")[0].token
    for number in range(1998):
        state.nodes[f"n{number}"] = wiki.Node(
            f"n{number}", space, top, "docx", f"d{number}", "页", "ou_x", 0.0
        )
    assert create(client, space, "第 2000 页", top).code == 0
    assert create(client, space, "第 2001 页", top).code == 131003


def upload(client: lark.Client, sandbox: SandboxServer, folder: str = "", data: bytes = b"8BPS") -> Any:
    """The answer of uploading a file into the app's root folder."""
    raw = raw_call(client, "GET", "/open-apis/drive/explorer/v2/root_folder/meta")
    body = UploadAllFileRequestBody.builder().file_name("源.psd").parent_type("explorer").size(len(data))
    body = body.parent_node(folder or parsed(raw)["data"]["token"]).file(io.BytesIO(data)).build()
    return client.drive.v1.file.upload_all(UploadAllFileRequest.builder().request_body(body).build())


def move(client: lark.Client, space: str, token: str, parent: str = "", **more: Any) -> Any:
    """The answer of moving a file into the wiki."""
    body = MoveDocsToWikiSpaceNodeRequestBody.builder().obj_type("file").obj_token(token)
    if parent:
        body = body.parent_wiki_token(parent)
    for key, value in more.items():
        getattr(body, key)(value)
    request = MoveDocsToWikiSpaceNodeRequest.builder().space_id(space).request_body(body.build())
    return client.wiki.v2.space_node.move_docs_to_wiki(request.build())


def test_a_file_moves_in_at_once_or_as_a_task(
    client: lark.Client, sandbox: SandboxServer, space: str
) -> None:
    """The answer is the page, or a task that is asked until it is done; nobody else may ask."""
    sandbox.world.bitable.write_seconds = 0.0
    token = upload(client, sandbox).data.file_token
    done = move(client, space, token)
    assert node(client, done.data.wiki_token).data.node.obj_token == token
    assert move(client, space, token).code == 131008
    control(sandbox, "POST", "wiki", move_seconds=60)
    slow = move(client, space, upload(client, sandbox).data.file_token, done.data.wiki_token)
    request = GetTaskRequest.builder().task_id(slow.data.task_id).task_type("move").build()
    first = client.wiki.v2.task.get(request)
    assert lost(first) == []
    assert first.data.task.move_result[0].status == 1
    sandbox.world.clock.advance(61)
    assert client.wiki.v2.task.get(request).data.task.move_result[0].status == 0
    sandbox.world.wiki.tasks[slow.data.task_id].who = "ou_somebody"
    assert client.wiki.v2.task.get(request).code == 131006


def test_a_file_of_somebody_else_does_not_move(
    client: lark.Client, sandbox: SandboxServer, space: str
) -> None:
    """Not the caller's: refused, or applied for. Folders of others and empty files are refused on upload."""
    sandbox.world.bitable.write_seconds = 0.0
    document = sandbox.world.docx.create("别人的", people(sandbox)[0].open_id)
    assert move(client, space, document.id, obj_type="docx").code == 131006
    assert move(client, space, document.id, obj_type="docx", apply=True).data.applied is True
    assert move(client, space, "boxnosuch").code == 131005
    assert upload(client, sandbox, "fldrootsomebody").code == 1061004
    assert upload(client, sandbox, "nosuch").code == 1061044
    assert upload(client, sandbox, data=b"").code == 1061002


def test_a_document_that_moves_in_takes_over_the_rights_of_the_space(
    client: lark.Client, sandbox: SandboxServer, space: str
) -> None:
    """Its maker could read it by itself; in the wiki only who is in the space can."""
    document = sandbox.world.docx.create("制度", sandbox.world.default_app.open_id)
    asked = GetDocumentRequest.builder().document_id(document.id).build()
    sandbox.world.wiki.spaces[space].members.clear()
    assert client.docx.v1.document.get(asked).code == 0
    sandbox.world.wiki.spaces[space].members["app", sandbox.world.default_app.app_id] = "admin"
    assert move(client, space, document.id, obj_type="docx").success()
    assert client.docx.v1.document.get(asked).code == 0
    sandbox.world.wiki.spaces[space].members.clear()
    assert client.docx.v1.document.get(asked).code == 1770032


def test_a_hundred_pages_a_minute(client: lark.Client, sandbox: SandboxServer, space: str) -> None:
    """The 101st page of a minute is refused for now."""
    sandbox.world.limits_on = True
    keys = {"app_id": "cli_sandbox0000001", "app_secret": "sandbox-secret"}
    base = f"{sandbox.url}/open-apis"
    token = requests.post(f"{base}/auth/v3/tenant_access_token/internal", json=keys, timeout=5).json()
    head = {"Authorization": f"Bearer {token['tenant_access_token']}"}
    body = {"obj_type": "docx", "node_type": "origin", "title": "x"}
    with requests.Session() as session:
        url = f"{base}/wiki/v2/spaces/{space}/nodes"
        codes = [session.post(url, json=body, headers=head, timeout=5).json()["code"] for _ in range(101)]
    assert codes == [0] * 100 + [99991400]
