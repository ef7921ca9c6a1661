"""The page of an archived version: what stands on it, and that it arrives whole in the wiki."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creative.archive_page import ArchivedAsset, ArchivedFile, ArchivedFormat, Origin, page, page_title
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.feishu import Feishu
from runtime.feishu.docx_blocks import FILE, IMAGE, TABLE, Block
from runtime.feishu.errors import Ambiguous
from runtime.ids import NodeToken, SpaceId
from sandbox.server import SandboxServer
from tests.contract.kit import control
from tests.feishu.conftest import settings_for

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x03\x20\x00\x00\x03\x20"
LABEL = '{"Label":"1","ContentProducer":"001191110102MAD55U9H0F10002","ProduceID":"r12-v3-1"}'
ORIGIN = Origin("volcengine", "seedream-5", "ab" * 32, "清爽 3", "2026-11-01", "通过")


def made(key: str, name: str, data: bytes) -> ArchivedFile:
    """A file of these bytes."""
    return ArchivedFile(key, name, len(data), hashlib.sha256(data).hexdigest())


def asset(pictures: int = 2, sources: int = 1) -> ArchivedAsset:
    """A version with so many files; the second picture is a white ground without a label."""
    formats = tuple(
        ArchivedFormat(
            made(f"f{n}", f"主图{n}.png", PNG + bytes([n])), f"尺寸 {n}", n != 1, "" if n == 1 else LABEL
        )
        for n in range(pictures)
    )
    layered = tuple(made(f"s{n}", f"源{n}.psd", b"8BPS" + bytes([n])) for n in range(sources))
    return ArchivedAsset(
        number="R-12",
        version=3,
        title="夏季主图",
        brand="雪峰山泉",
        product="550ml 天然水",
        tags=("夏季", "清凉"),
        requester="王小雨",
        approver="李明",
        approved_on=date(2026, 11, 28),
        alt="一瓶水立在溪石上",
        row_link="https://example.com/base/x?table=t&record=r",
        formats=formats,
        sources=layered,
        origin=ORIGIN,
    )


def said(blocks: tuple[Block, ...]) -> str:
    """All words of a page."""
    return "\n".join(block.said for block in blocks)


def test_the_page_says_who_what_and_from_where() -> None:
    """Every fact of the asset can be read on the page."""
    one = asset()
    words = said(page(one))
    for fact in (
        "夏季主图", "R-12 · 第 3 版", "雪峰山泉 / 550ml 天然水", "夏季、清凉", "王小雨", "李明", "2026-11-28",
        "一瓶水立在溪石上", "volcengine / seedream-5", "ab" * 32, "通过（规则版本 2026-11-01）", LABEL,
        *(each.sha256 for each in one.files()), *(each.file_name for each in one.files()),
    ):  # fmt: skip
        assert fact in words
    assert page_title(one) == "R-12 v3 夏季主图"


def test_pictures_and_files_stand_in_order() -> None:
    """The first picture on top, then every picture under its name, then the sources."""
    blocks = page(asset(pictures=3, sources=2))
    assert [b.media for b in blocks if b.kind == IMAGE] == ["f0", "f0", "f1", "f2"]
    assert [(b.media, b.name) for b in blocks if b.kind == FILE] == [("s0", "源0.psd"), ("s1", "源1.psd")]
    kinds = [block.kind for block in blocks]
    assert kinds[:2] == [3, IMAGE]


def test_captions_tell_generated_pictures_from_others() -> None:
    """A labelled picture, one without any generated content, and one whose label is not wanted."""
    one = asset()
    plain = replace(
        one, formats=(*one.formats, replace(one.formats[0], file=made("f9", "x.png", PNG), label=""))
    )
    captions = [
        block.said for block in page(plain) if " · 24 B · " in block.said or " · 25 B · " in block.said
    ]
    assert [caption.split(" · ")[-1] for caption in captions] == [
        "背景由 AI 生成，文件已写入标识", "不含 AI 生成内容", "背景由 AI 生成",
    ]  # fmt: skip


def test_what_is_not_there_is_a_dash_and_no_empty_section() -> None:
    """No product, tags, link, sources, model or label: the page is still whole and says so."""
    one = asset(1, 0)
    bare = replace(
        one,
        product="",
        tags=(),
        row_link="",
        alt="",
        formats=(replace(one.formats[0], label="", generated=False),),
        origin=Origin("", "", "", "", "", ""),
    )
    words = said(page(bare))
    assert "雪峰山泉 / —" in words
    assert "未使用（背景为本地绘制）" in words
    assert "源文件" not in words
    assert "标识" not in words


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(0, 12))
def test_every_file_has_its_hash_and_no_table_is_too_large(pictures: int, sources: int) -> None:
    """However many files, each stands in exactly one row, and the same asset gives the same page."""
    one = asset(pictures, sources)
    blocks = page(one)
    tables = [block for block in blocks if block.kind == TABLE]
    assert all(len(block.rows) <= 9 for block in tables)
    rows = [row for block in tables for row in block.rows if len(row) == 3]
    listed = [row[0][0].words for row in rows if row[0][0].words != "文件"]
    assert listed == [each.file_name for each in one.files()]
    assert page(one) == blocks


def test_an_asset_without_pictures_or_with_shared_keys_is_none() -> None:
    """Nothing to show, or two files under one key: said at once."""
    with pytest.raises(ValueError, match="no finished picture"):
        asset(pictures=0)
    one = asset()
    with pytest.raises(ValueError, match="share a key"):
        replace(one, sources=(one.formats[0].file,))


@pytest.fixture
def feishu(sandbox: SandboxServer, database: Database) -> Iterator[Feishu]:
    """Our client."""
    client = Feishu(settings_for(sandbox.url), db=database, clock=SystemClock())
    yield client
    client.close()


def test_the_page_arrives_in_the_wiki_with_the_very_bytes(feishu: Feishu, sandbox: SandboxServer) -> None:
    """Answers are lost on the way; in the end one page stands there, every file with its own hash."""
    where = control(sandbox, "POST", "wiki/spaces", name="素材库", pages=["归档"])["data"]
    space, top = SpaceId(where["space_id"]), NodeToken(where["node_tokens"][0])
    one = asset()
    contents = {"f0": PNG + b"\0", "f1": PNG + b"\1", "s0": b"8BPS\0"}
    for path, skip in (("*/nodes", 1), ("*/descendant", 1), ("*/upload_all", 1)):
        wish = {"kind": "drop_after", "match": {"path": path}, "skip": skip}
        sandbox.world.control.faults.order(wish)
    for _ in range(3):
        with pytest.raises(Ambiguous):
            archive(feishu, space, top, one, contents)
    archive(feishu, space, top, one, contents)
    (node,) = feishu.wiki.list_children(space, top)
    blocks = control(sandbox, "GET", f"wiki/pages/{node.node_token}")["data"]["blocks"]
    assert len(blocks) == len(page(one))
    sums = [block["media"]["sha256"] for block in blocks if "media" in block]
    first, second, source = (each.sha256 for each in one.files())
    assert sums == [first, first, second, source]


def archive(
    feishu: Feishu, space: SpaceId, top: NodeToken, one: ArchivedAsset, contents: dict[str, bytes]
) -> None:
    """Make the page if it is not there, and write what it lacks."""
    node = feishu.wiki.ensure_page(space, top, page_title(one))
    feishu.docx.write_page(node.document, page(one), contents.__getitem__)
