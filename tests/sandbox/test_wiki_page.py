"""The wiki as people see it in the web client, as scripts read it, and after a restart."""

from typing import Any

import pytest
import requests

from sandbox.client import Control
from sandbox.keep import dump, restore
from sandbox.kernel import World
from sandbox.server import SandboxServer

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x02"
LINK = "https%3A%2F%2Fexample.com%2Frow%3Fa%3D1"


@pytest.fixture
def page(sandbox: SandboxServer) -> str:
    """A page with words, a picture that was uploaded and one that was not, and a file; its node token."""
    world, control = sandbox.world, Control(sandbox.url)
    world.limits_on = False
    made = control.post("wiki/spaces", name="素材<库>", pages=["归档"])
    document = world.wiki.nodes[made["node_tokens"][0]].obj_token
    path = f"docx/v1/documents/{document}/blocks"
    runs = [
        {"text_run": {"content": "<b>甲</b>", "text_element_style": {"bold": True}}},
        {"text_run": {"content": "链接", "text_element_style": {"link": {"url": LINK}}}},
        {"text_run": {"content": "坏", "text_element_style": {"link": {"url": "javascript%3Aalert(1)"}}}},
    ]
    blocks: list[dict[str, Any]] = [
        {"block_type": 3, "heading1": {"elements": [{"text_run": {"content": "标题"}}]}},
        {"block_type": 2, "text": {"elements": runs}},
        {"block_type": 27, "image": {}},
        {"block_type": 27, "image": {}},
        {"block_type": 23, "file": {}},
    ]
    answer = control.api("POST", f"{path}/{document}/children", {"children": blocks})["children"]
    places = [answer[2]["block_id"], answer[4]["children"][0]]
    for place, kind, data in zip(places, ("image", "file"), (PNG, b"8BPS"), strict=True):
        token = upload(control, document, place, kind, data)
        control.api("PATCH", f"{path}/{place}", {f"replace_{kind}": {"token": token}})
    return str(made["node_tokens"][0])


def upload(control: Control, document: str, place: str, kind: str, data: bytes) -> str:
    """Upload for a block; the file's token."""
    form = {
        "file_name": "图.png" if kind == "image" else "源.psd",
        "parent_type": f"docx_{kind}",
        "parent_node": place,
        "size": str(len(data)),
        "extra": f'{{"drive_route_token":"{document}"}}',
    }
    answer = requests.post(
        f"{control.url}/open-apis/drive/v1/medias/upload_all",
        data=form,
        files={"file": ("x", data)},
        headers={"Authorization": f"Bearer {control._token}"},
        timeout=5,
    ).json()
    assert answer["code"] == 0, answer
    return str(answer["data"]["file_token"])


def tab(sandbox: SandboxServer, node: str = "") -> dict[str, Any]:
    """What the tab shows to the first person."""
    who = next(iter(sandbox.world.people))
    shown: dict[str, Any] = requests.get(f"{sandbox.url}/people/{who}/wiki?node={node}", timeout=5).json()
    return shown


def test_the_tab_shows_pages_with_their_pictures(sandbox: SandboxServer, page: str) -> None:
    """Tree and page; data never becomes markup; a picture is fetched as it was uploaded."""
    who = next(iter(sandbox.world.people))
    assert 'data-tab="wiki"' in requests.get(f"{sandbox.url}/people/{who}", timeout=5).text
    shown = tab(sandbox)
    assert (shown["node"], shown["title"]) == (page, "归档")
    assert "素材&lt;库&gt;" in shown["list"]
    assert f'data-node="{page}"' in shown["list"]
    html = shown["html"]
    assert "<h1>标题</h1>" in html
    assert "<b>&lt;b&gt;甲&lt;/b&gt;</b>" in html
    assert 'href="https://example.com/row?a=1"' in html
    assert "javascript" not in html
    assert html.count("图片尚未上传") == 1
    assert "源.psd" in html
    source = html.split('<img src="')[1].split('"')[0]
    got = requests.get(f"{sandbox.url}{source}", timeout=5)
    assert (got.content, got.headers["Content-Type"]) == (PNG, "image/png")


def test_a_private_space_is_only_its_members(sandbox: SandboxServer, page: str) -> None:
    """Who is no member sees nothing of it; a member does."""
    who = next(iter(sandbox.world.people))
    (space,) = sandbox.world.wiki.spaces.values()
    space.visibility = "private"
    assert tab(sandbox, page) == {"list": "", "html": "", "title": "", "node": ""}
    space.members["openid", who] = "member"
    assert tab(sandbox, page)["node"] == page


def test_a_script_reads_the_page_as_plain_data(sandbox: SandboxServer, page: str) -> None:
    """Types, words and pictures with their hashes; None where a picture is still to come."""
    control = Control(sandbox.url)
    blocks = control.get(f"wiki/pages/{page}")["blocks"]
    assert [block["type"] for block in blocks] == [3, 2, 27, 27, 23]
    assert blocks[2]["media"]["size"] == len(PNG)
    assert requests.get(blocks[2]["media"]["url"], timeout=5).content == PNG
    assert blocks[3]["media"] is None
    assert blocks[4]["media"]["name"] == "源.psd"
    (space,) = control.get("wiki/spaces")["spaces"]
    assert [node["node_token"] for node in space["pages"]] == [page]
    with pytest.raises(RuntimeError, match="no page"):
        control.get("wiki/pages/wikcnnosuch")


def test_the_wiki_outlives_a_restart(sandbox: SandboxServer, page: str) -> None:
    """Spaces, pages, blocks and uploaded bytes are in the kept state."""
    world = World()
    world.reset("empty")
    restore(world, dump(sandbox.world))
    document = world.docx.documents[world.wiki.nodes[page].obj_token]
    assert [block.kind for block in document.walk()] == [1, 3, 2, 27, 27, 33, 23]
    token = next(block for block in document.walk() if block.kind == 27).content["token"]
    assert world.drive.media[token].data == PNG
    world.close()
