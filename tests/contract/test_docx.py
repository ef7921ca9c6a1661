"""Documents through the SDK: blocks in and out, pictures in three steps, files in views, tables, limits."""

import io
from typing import Any

import pytest
from lark_oapi.api.docx.v1 import (
    BatchDeleteDocumentBlockChildrenRequest,
    BatchDeleteDocumentBlockChildrenRequestBody,
    Block,
    CreateDocumentBlockChildrenRequest,
    CreateDocumentBlockChildrenRequestBody,
    CreateDocumentBlockDescendantRequest,
    CreateDocumentBlockDescendantRequestBody,
    CreateDocumentRequest,
    CreateDocumentRequestBody,
    Divider,
    File,
    GetDocumentBlockChildrenRequest,
    GetDocumentBlockRequest,
    GetDocumentRequest,
    Image,
    ListDocumentBlockRequest,
    PatchDocumentBlockRequest,
    RawContentDocumentRequest,
    ReplaceFileRequest,
    ReplaceImageRequest,
    Table,
    TableCell,
    TableProperty,
    Text,
    TextElement,
    TextRun,
    UpdateBlockRequest,
    UpdateTextElementsRequest,
)
from lark_oapi.api.drive.v1 import (
    DownloadMediaRequest,
    UploadAllMediaRequest,
    UploadAllMediaRequestBody,
)

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import lost
from tests.contract.kit import fresh_client

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x03\x20\x00\x00\x02\x58" + b"rest"


class Desk:
    """A client with one document of its own."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.world = sandbox.world
        self.world.limits_on = False
        self.world.bitable.write_seconds = 0.0
        self.client = fresh_client(sandbox)
        body = CreateDocumentRequestBody.builder().title("主图").build()
        made = self.client.docx.v1.document.create(CreateDocumentRequest.builder().request_body(body).build())
        assert made.success(), made.msg
        self.id: str = made.data.document.document_id

    def put(self, *blocks: Block, into: str = "", index: int = -1, **query: Any) -> Any:
        """The answer of writing blocks; ``query``: client_token, document_revision_id."""
        body = CreateDocumentBlockChildrenRequestBody.builder().children(list(blocks)).index(index).build()
        builder = CreateDocumentBlockChildrenRequest.builder().document_id(self.id).block_id(into or self.id)
        builder.document_revision_id(query.pop("document_revision_id", -1))
        for key, value in query.items():
            getattr(builder, key)(value)
        return self.client.docx.v1.document_block_children.create(builder.request_body(body).build())

    def patch(self, block: str, change: UpdateBlockRequest) -> Any:
        """The answer of changing a block."""
        request = PatchDocumentBlockRequest.builder().document_id(self.id).block_id(block)
        return self.client.docx.v1.document_block.patch(request.request_body(change).build())

    def blocks(self) -> list[Block]:
        """All blocks of the document."""
        request = ListDocumentBlockRequest.builder().document_id(self.id).page_size(500).build()
        got = self.client.docx.v1.document_block.list(request)
        assert got.success(), got.msg
        assert lost(got) == []
        return list(got.data.items)

    def upload(
        self, parent: str, kind: str = "docx_image", data: bytes = PNG, route: str | None = None
    ) -> Any:
        """The answer of uploading for a block."""
        body = UploadAllMediaRequestBody.builder().file_name("图.png").parent_type(kind).parent_node(parent)
        body = body.size(len(data)).file(io.BytesIO(data))
        place = self.id if route is None else route
        if place:
            body = body.extra(f'{{"drive_route_token":"{place}"}}')  # noqa: S610 - not Django
        request = UploadAllMediaRequest.builder().request_body(body.build()).build()
        return self.client.drive.v1.media.upload_all(request)

    def delete(self, start: int, end: int) -> int:
        """The code of taking blocks out of the page."""
        body = BatchDeleteDocumentBlockChildrenRequestBody.builder().start_index(start).end_index(end).build()
        request = BatchDeleteDocumentBlockChildrenRequest.builder().document_id(self.id).block_id(self.id)
        api = self.client.docx.v1.document_block_children
        return int(api.batch_delete(request.request_body(body).build()).code)


@pytest.fixture
def desk(sandbox: SandboxServer) -> Desk:
    """A document of the app's own."""
    return Desk(sandbox)


def words(kind: int, name: str, said: str) -> Block:
    """A block of text of any kind."""
    element = TextElement.builder().text_run(TextRun.builder().content(said).build()).build()
    block = Block.builder().block_type(kind)
    getattr(block, name)(Text.builder().elements([element]).build())
    return block.build()


def line(said: str) -> Block:
    """A paragraph."""
    return words(2, "text", said)


def picture() -> Block:
    """A place for a picture."""
    return Block.builder().block_type(27).image(Image.builder().build()).build()


def test_text_reads_back_with_everything_the_model_knows(desk: Desk) -> None:
    """Title, headings, bullets and a line come back typed, in order, with a revision that grows."""
    given = [words(3, "heading1", "标题"), words(12, "bullet", "点"), Block.builder().block_type(22).divider(
        Divider.builder().build()).build()]  # fmt: skip
    made = desk.put(*given)
    assert made.success(), made.msg
    assert lost(made) == []
    page, *rest = desk.blocks()
    assert (page.block_id, page.block_type, page.page.elements[0].text_run.content) == (desk.id, 1, "主图")
    assert [b.block_type for b in rest] == [3, 12, 22]
    assert page.children == [b.block_id for b in rest] == [b.block_id for b in made.data.children]
    assert rest[0].heading1.elements[0].text_run.text_element_style.bold is False
    got = desk.client.docx.v1.document.get(GetDocumentRequest.builder().document_id(desk.id).build())
    assert (got.data.document.title, got.data.document.revision_id) == (
        "主图",
        made.data.document_revision_id,
    )
    request = RawContentDocumentRequest.builder().document_id(desk.id).build()
    assert desk.client.docx.v1.document.raw_content(request).data.content == "主图\n标题\n点\n"
    one = GetDocumentBlockRequest.builder().document_id(desk.id).block_id(rest[1].block_id).build()
    assert desk.client.docx.v1.document_block.get(one).data.block.bullet.elements[0].text_run.content == "点"


def test_blocks_go_where_the_index_says(desk: Desk) -> None:
    """In front, in the middle, at the end; beyond the end is refused."""
    desk.put(line("乙"))
    desk.put(line("甲"), index=0)
    desk.put(line("丙"), line("丁"))
    assert [b.text.elements[0].text_run.content for b in desk.blocks()[1:]] == ["甲", "乙", "丙", "丁"]
    assert desk.put(line("x"), index=9).code == 1770001
    request = GetDocumentBlockChildrenRequest.builder().document_id(desk.id).block_id(desk.id).page_size(3)
    got = desk.client.docx.v1.document_block_children.get(request.build())
    assert (len(got.data.items), got.data.has_more) == (3, True)
    assert desk.delete(0, 2) == 0
    assert desk.delete(1, 5) == 1770001
    assert [b.text.elements[0].text_run.content for b in desk.blocks()[1:]] == ["丙", "丁"]


def test_fifty_blocks_a_call(desk: Desk) -> None:
    """50 are taken, 51 and none are refused as a whole."""
    assert desk.put(*[line("x")] * 50).code == 0
    assert desk.put(*[line("x")] * 51).code == 99992402
    assert desk.put().code == 99992402
    assert len(desk.blocks()) == 51


def test_a_client_token_writes_once(desk: Desk) -> None:
    """The same token gives the same answer; another writes again."""
    one = desk.put(line("x"), client_token="fe599b60-450f-46ff-b2ef-9f6675625b97")
    two = desk.put(line("x"), client_token="fe599b60-450f-46ff-b2ef-9f6675625b97")
    assert two.data.children[0].block_id == one.data.children[0].block_id
    assert two.data.client_token == one.data.client_token == "fe599b60-450f-46ff-b2ef-9f6675625b97"
    assert two.data.document_revision_id == one.data.document_revision_id
    desk.put(line("x"), client_token="another")
    assert len(desk.blocks()) == 3


def test_a_picture_comes_in_three_steps(desk: Desk) -> None:
    """Place, upload for that very place, show; size and bytes are the picture's own."""
    place = desk.put(picture()).data.children[0]
    assert place.image.token == ""
    token = desk.upload(place.block_id).data.file_token
    image = ReplaceImageRequest.builder().token(token).build()
    done = desk.patch(place.block_id, UpdateBlockRequest.builder().replace_image(image).build())
    assert done.success(), done.msg
    shown = done.data.block.image
    assert (shown.token, shown.width, shown.height) == (token, 800, 600)
    got = desk.client.drive.v1.media.download(DownloadMediaRequest.builder().file_token(token).build())
    assert got.file.read() == PNG


def test_a_picture_uploaded_elsewhere_is_a_relation_error(desk: Desk) -> None:
    """The document's id as the place, another block, no such block, no document, no extra."""
    one, two = desk.put(picture(), picture()).data.children
    for parent in (desk.id, one.block_id):
        image = ReplaceImageRequest.builder().token(desk.upload(parent).data.file_token).build()
        change = UpdateBlockRequest.builder().replace_image(image).build()
        refused = desk.patch(two.block_id, change)
        assert (refused.code, refused.raw.status_code) == (1770013, 400)
    assert desk.upload("doxcnnosuch").code == 1061044
    assert desk.upload(one.block_id, "docx_file").code == 1061044
    assert desk.upload(one.block_id, route="doxcnnosuch").code == 1061044
    assert desk.upload(one.block_id, route="").code == 1061002


def test_a_file_stands_in_a_view(desk: Desk) -> None:
    """Writing a file answers with a view; its child takes the upload and shows name and token."""
    given = Block.builder().block_type(23).file(File.builder().build()).build()
    view = desk.put(given).data.children[0]
    assert (view.block_type, view.view.view_type) == (33, 1)
    (child,) = view.children
    token = desk.upload(child, "docx_file", b"8BPS").data.file_token
    change = UpdateBlockRequest.builder().replace_file(ReplaceFileRequest.builder().token(token).build())
    done = desk.patch(child, change.build())
    assert (done.data.block.file.name, done.data.block.file.token) == ("图.png", token)
    assert desk.patch(view.block_id, change.build()).code == 1770025


def table_tree(rows: int, columns: int) -> list[Block]:
    """A table with a word in each cell, under ids of our own."""
    shape = TableProperty.builder().row_size(rows).column_size(columns).build()
    cells = [f"c{n}" for n in range(rows * columns)]
    top = Block.builder().block_id("t").block_type(31).table(Table.builder().property(shape).build())
    parts = [top.children(cells).build()]
    for number, cell in enumerate(cells):
        holder = Block.builder().block_id(cell).block_type(32).table_cell(TableCell.builder().build())
        parts.append(holder.children([f"w{number}"]).build())
        inside = line(f"格{number}")
        inside.block_id = f"w{number}"
        parts.append(inside)
    return parts


def grow(desk: Desk, parts: list[Block]) -> Any:
    """The answer of writing a tree."""
    body = CreateDocumentBlockDescendantRequestBody.builder().children_id(["t"]).descendants(parts).index(-1)
    request = CreateDocumentBlockDescendantRequest.builder().document_id(desk.id).block_id(desk.id)
    request = request.document_revision_id(-1).request_body(body.build()).build()
    return desk.client.docx.v1.document_block_descendant.create(request)


def test_a_table_is_written_as_a_tree(desk: Desk) -> None:
    """Every cell keeps its words; our ids are answered with the real ones; one cell missing is refused."""
    done = grow(desk, table_tree(2, 3))
    assert done.success(), done.msg
    names = {r.temporary_block_id: r.block_id for r in done.data.block_id_relations}
    by_id = {b.block_id: b for b in desk.blocks()}
    top = by_id[names["t"]]
    said = [by_id[by_id[c].children[0]].text.elements[0].text_run.content for c in top.children]
    assert said == [f"格{n}" for n in range(6)]
    assert (top.table.property.row_size, top.table.property.column_size) == (2, 3)
    for wrong in (table_tree(2, 3)[:-2], table_tree(10, 1)):
        assert grow(desk, wrong).code == 1770001
    assert len(desk.blocks()) == len(by_id)


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (Block.builder().block_type(1).page(Text.builder().build()).build(), 1770029),
        (Block.builder().block_type(77).build(), 1770029),
        (Block.builder().block_type(2).build(), 1770001),
        (Block.builder().block_type(2).text(Text.builder().elements([]).build()).build(), 1770001),
        (Block.builder().block_type(27).image(Image.builder().token("t").build()).build(), 1770001),
    ],
)
def test_blocks_that_are_refused(desk: Desk, block: Block, code: int) -> None:
    """Wrong blocks are refused, and those beside them are not written either."""
    assert desk.put(line("x"), block).code == code
    assert len(desk.blocks()) == 1


def test_other_refusals(desk: Desk) -> None:
    """Unknown document and block, nothing below a picture, an old revision, words for a picture."""
    place = desk.put(picture()).data.children[0].block_id
    assert desk.put(line("x"), into=place).code == 1770028
    assert desk.put(line("x"), into="doxcnnosuch").code == 1770002
    assert desk.put(line("x"), document_revision_id=1).code == 1770021
    text = UpdateTextElementsRequest.builder().elements(line("x").text.elements).build()
    assert desk.patch(place, UpdateBlockRequest.builder().update_text_elements(text).build()).code == 1770025
    unknown = desk.client.docx.v1.document.get(GetDocumentRequest.builder().document_id("doxcnx").build())
    assert (unknown.code, unknown.raw.status_code) == (1770002, 404)
    desk.world.docx.documents[desk.id].owner = "ou_somebody"
    refused = desk.put(line("x"))
    assert (refused.code, refused.raw.status_code) == (1770032, 403)


def test_three_writes_a_second(desk: Desk) -> None:
    """The fourth write of one API is refused with 400; of one document by several APIs with 429."""
    desk.world.limits_on = True
    codes = [desk.put(line("x")) for _ in range(4)]
    assert [(a.code, a.raw.status_code) for a in codes[2:]] == [(0, 200), (99991400, 400)]
    desk.world.control.limiter.clear()
    place = codes[0].data.children[0].block_id
    text = UpdateTextElementsRequest.builder().elements(line("y").text.elements).build()
    change = UpdateBlockRequest.builder().update_text_elements(text).build()
    mixed = [desk.put(line("x")), desk.patch(place, change), desk.put(line("x")), desk.patch(place, change)]
    assert [(a.code, a.raw.status_code) for a in mixed[2:]] == [(0, 200), (99991400, 429)]
