"""The wiki and documents through our client, and what is left after answers that got lost."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from runtime.feishu import Feishu
from runtime.feishu.docx_blocks import Block, bold, code, divider, file, heading, image, link, table, text
from runtime.feishu.errors import Ambiguous, Busy, NotFound, NotPermitted, RateLimited, Rejected
from runtime.feishu.keys import client_token
from runtime.feishu.wiki import Node
from runtime.ids import BlockId, NodeToken, SpaceId
from sandbox.server import SandboxServer
from tests.contract.kit import control, fresh_client, new_group
from tests.feishu.conftest import Order
from tests.feishu.test_im import PNG

Calls = Callable[[str], list[dict[str, Any]]]
BYTES = {"hero": PNG + b"-labelled", "psd": b"8BPS" + bytes(range(256)), "small": PNG}
PAGE: tuple[Block, ...] = (
    heading(1, "雪峰山泉 夏季主图"),
    image("hero", "主图.png"),
    text(bold("天猫主图"), " 800×800"),
    table((("文件", "字节"), ("主图.png", "12"))),
    file("psd", "主图.psd"),
    divider(),
    code('{"AIGC": {"Label": "1"}}'),
    text("需求：", link("第 12 行", "https://example.com/base/x?record=1")),
)
LOST = ("drop_after", "html")
"""No usable answer: the work was done before the line was cut, or a gateway answered and nothing was done."""


@pytest.fixture
def space(sandbox: SandboxServer) -> SpaceId:
    """A space the app is a member of."""
    made = control(sandbox, "POST", "wiki/spaces", name="素材库", pages=["归档"])
    return SpaceId(made["data"]["space_id"])


@pytest.fixture
def top(feishu: Feishu, space: SpaceId) -> NodeToken:
    """The page everything is archived below."""
    (node,) = feishu.wiki.list_children(space)
    return node.node_token


@pytest.fixture
def page(feishu: Feishu, space: SpaceId, top: NodeToken) -> Node:
    """An empty page."""
    return feishu.wiki.create_page(space, top, "R-1 v1")


def read(sandbox: SandboxServer, node: Node) -> list[dict[str, Any]]:
    """The page as a person sees it."""
    blocks: list[dict[str, Any]] = control(sandbox, "GET", f"wiki/pages/{node.node_token}")["data"]["blocks"]
    return blocks


def check_whole(sandbox: SandboxServer, node: Node) -> None:
    """Every block of the page stands there once, in order, with the very bytes that were given."""
    shown = read(sandbox, node)
    assert [block["type"] for block in shown] == [3, 27, 2, 31, 23, 22, 14, 2]
    sums = [block["media"]["sha256"] for block in shown if "media" in block]
    assert sums == [hashlib.sha256(BYTES[key]).hexdigest() for key in ("hero", "psd")]
    assert shown[3]["rows"] == [["文件", "字节"], ["主图.png", "12"]]
    assert shown[4]["media"]["name"] == "主图.psd"


def test_a_space_and_its_tree(feishu: Feishu, sandbox: SandboxServer, space: SpaceId, top: NodeToken) -> None:
    """Spaces the app is in, and pages below pages."""
    control(sandbox, "POST", "wiki/spaces", name="别人的", app=False)
    assert [(found.space_id, found.name) for found in feishu.wiki.list_spaces()] == [(space, "素材库")]
    made = feishu.wiki.create_page(space, top, "夏季")
    assert (made.parent, made.title, made.obj_type) == (top, "夏季", "docx")
    assert feishu.wiki.list_children(space, top) == (made,)


def test_more_pages_than_one_answer_holds(
    feishu: Feishu, sandbox: SandboxServer, space: SpaceId, top: NodeToken
) -> None:
    """The listing goes on until the platform says that it has ended."""
    for number in range(120):
        world = sandbox.world
        world.wiki.add(world.wiki.spaces[space], top, ("docx", f"d{number}"), f"页 {number}", "ou_x")
    assert [node.title for node in feishu.wiki.list_children(space, top)] == [f"页 {n}" for n in range(120)]


def test_a_stranger_is_told_how_to_be_let_in(feishu: Feishu, sandbox: SandboxServer, person: str) -> None:
    """131006 says whom to add where; a group with the bot in it lets the app in."""
    made = control(sandbox, "POST", "wiki/spaces", name="别人的", app=False)["data"]
    space = SpaceId(made["space_id"])
    with pytest.raises(NotPermitted, match="administrator of the space") as refused:
        feishu.wiki.ensure_page(space, None, "归档")
    assert refused.value.code == 131006
    chat = new_group(fresh_client(sandbox), "知识库管理员", person).data.chat_id
    sandbox.world.wiki.spaces[space].members[("openchat", chat)] = "admin"
    assert feishu.wiki.ensure_page(space, None, "归档").title == "归档"


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_to_a_new_page_ends_in_one_page(
    feishu: Feishu, space: SpaceId, top: NodeToken, fault: Order, kind: str
) -> None:
    """Whether the page was made or not, nobody was told: asked again, it is there once."""
    fault(kind, path="*/wiki/v2/spaces/*/nodes", skip=1)  # the first call looks for the page
    with pytest.raises(Ambiguous):
        feishu.wiki.ensure_page(space, top, "R-1 v1")
    feishu.wiki.ensure_page(space, top, "R-1 v1")
    assert [node.title for node in feishu.wiki.list_children(space, top)] == ["R-1 v1"]


def test_a_contended_tree_is_only_busy(feishu: Feishu, space: SpaceId, fault: Order) -> None:
    """131009 passes by itself."""
    fault("code", path="*/wiki/v2/spaces/*/nodes", code=131009, status=400)
    with pytest.raises(Busy) as busy:
        feishu.wiki.create_page(space, None, "归档")
    assert busy.value.wait


def test_a_page_is_written_whole(feishu: Feishu, sandbox: SandboxServer, page: Node, calls: Calls) -> None:
    """Words, table, picture and file in order; written again, nothing is sent but one look."""
    feishu.docx.write_page(page.document, PAGE, BYTES.__getitem__)
    check_whole(sandbox, page)
    before = len(calls(""))
    feishu.docx.write_page(page.document, PAGE, BYTES.__getitem__)
    assert [call["method"] for call in calls("")[before:]] == ["GET"]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize(
    ("method", "path", "skip"),
    [
        ("POST", "*/children", 0),
        ("POST", "*/children", 1),
        ("POST", "*/descendant", 0),
        ("POST", "*/medias/upload_all", 0),
        ("POST", "*/medias/upload_all", 1),
        ("PATCH", "*/blocks/*", 0),
        ("PATCH", "*/blocks/*", 1),
    ],
)
def test_a_lost_answer_anywhere_ends_in_one_page(
    feishu: Feishu,
    sandbox: SandboxServer,
    page: Node,
    fault: Order,
    kind: str,
    method: str,
    path: str,
    skip: int,
) -> None:
    """Whatever answer is lost, the next call completes the page and doubles nothing."""
    wish = {"kind": kind, "match": {"method": method, "path": path}, "skip": skip}
    sandbox.world.control.faults.order(wish)
    with pytest.raises(Ambiguous):
        feishu.docx.write_page(page.document, PAGE, BYTES.__getitem__)
    feishu.docx.write_page(page.document, PAGE, BYTES.__getitem__)
    check_whole(sandbox, page)


def test_an_edited_page_is_left_alone(
    feishu: Feishu, sandbox: SandboxServer, page: Node, calls: Calls
) -> None:
    """Somebody wrote between two calls: nothing is overwritten, and a sentence says what to do."""
    root = BlockId(page.document)
    feishu.docx.create_children(page.document, root, [PAGE[2].data], client_token=client_token("x"))
    before = len(calls("/children"))
    with pytest.raises(Rejected, match="new page"):
        feishu.docx.write_page(page.document, PAGE, BYTES.__getitem__)
    assert len(calls("/children")) == before
    assert len(read(sandbox, page)) == 1


def test_blocks_that_were_deleted_meanwhile_are_noticed(
    feishu: Feishu, sandbox: SandboxServer, page: Node
) -> None:
    """The platform knows the tokens and writes nothing: that is said, never taken for a whole page."""
    lines = [text("一"), text("二")]
    feishu.docx.write_page(page.document, lines, BYTES.__getitem__)
    document = sandbox.world.docx.documents[page.document]
    for child in list(document.root.children):
        document.drop(document.blocks[child])
    with pytest.raises(Busy, match="2 of its blocks"):
        feishu.docx.write_page(page.document, lines, BYTES.__getitem__)


def test_the_same_token_writes_once(feishu: Feishu, sandbox: SandboxServer, page: Node) -> None:
    """A repeat with the same key is answered as before and adds nothing."""
    root, key = BlockId(page.document), client_token("once")
    first = feishu.docx.create_children(page.document, root, [divider().data], client_token=key)
    again = feishu.docx.create_children(page.document, root, [divider().data], client_token=key)
    assert [block["block_id"] for block in again] == [block["block_id"] for block in first]
    assert len(read(sandbox, page)) == 1


def test_more_than_fifty_blocks_go_in_parts(
    feishu: Feishu, sandbox: SandboxServer, page: Node, calls: Calls
) -> None:
    """120 lines are three calls; one call of 51 is refused before it is sent."""
    lines = tuple(text(f"第 {number} 行") for number in range(120))
    feishu.docx.write_page(page.document, lines, BYTES.__getitem__)
    assert [len(call["body"]["children"]) for call in calls("/children")] == [50, 50, 20]
    assert [block["text"] for block in read(sandbox, page)] == [block.said for block in lines]
    with pytest.raises(ValueError, match="50"):
        feishu.docx.create_children(
            page.document, BlockId(page.document), [divider().data] * 51, client_token="x"
        )


def test_a_picture_of_another_block_is_refused(feishu: Feishu, page: Node) -> None:
    """A picture belongs to the block it was uploaded for; the document is no such place."""
    root = BlockId(page.document)
    pair = [image("a", "a.png").data] * 2
    one, two = feishu.docx.create_children(page.document, root, pair, client_token=client_token("two"))
    token = feishu.drive.upload_to_block(page.document, BlockId(one["block_id"]), "a.png", PNG, image=True)
    astray = feishu.drive.upload_to_block(page.document, root, "a.png", PNG, image=True)
    for wrong in (token, astray):
        with pytest.raises(Rejected, match="not uploaded for this block"):
            feishu.docx.replace_image(page.document, BlockId(two["block_id"]), wrong)
    feishu.docx.replace_image(page.document, BlockId(one["block_id"]), token)
    with pytest.raises(NotFound):
        feishu.drive.upload_to_block(page.document, BlockId("doxcnnosuch"), "a.png", PNG, image=True)


def test_what_was_uploaded_comes_back_byte_for_byte(feishu: Feishu, page: Node) -> None:
    """The labels inside a picture survive the document."""
    feishu.docx.write_page(page.document, PAGE[:2], BYTES.__getitem__)
    (block,) = [item for item in feishu.docx.list_blocks(page.document) if item["block_type"] == 27]
    assert feishu.drive.download_media(block["image"]["token"]) == BYTES["hero"]


def test_the_pace_of_a_document_is_kept(feishu: Feishu, page: Node, calls: Calls) -> None:
    """Blocks, pictures and files of one document are changed three times a second, not more."""
    lines = [table(((f"{number}",),)) for number in range(5)]
    feishu.docx.write_page(page.document, lines, BYTES.__getitem__)
    assert [call["status"] for call in calls("/docx/")] == [200] * 7
    starts = [call["at"] for call in calls("/descendant")]
    assert starts[4] - starts[0] > 1.0


def test_a_refusal_for_speed_is_waited_out(feishu: Feishu, page: Node, fault: Order) -> None:
    """99991400 of a document is a pause, with the platform's own seconds."""
    headers = {"x-ogw-ratelimit-reset": "2"}
    fault("code", path="*/children", code=99991400, status=400, headers=headers)
    with pytest.raises(RateLimited) as refused:
        feishu.docx.write_page(page.document, PAGE[:1], BYTES.__getitem__)
    assert refused.value.wait == 2.0
