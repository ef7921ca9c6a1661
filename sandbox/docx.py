"""Documents (docx v1): making them, reading and writing their blocks.

A document in the wiki opens to whom its page opens; any other belongs to who made it.
"""

from typing import Any

from sandbox import docx_write
from sandbox.docx_model import PAGE, Block, Body, Document, refuse, spoken
from sandbox.kernel import ApiError, Rate, Request, Routes, World

routes = Routes("docx")
DOCUMENTS = "/open-apis/docx/v1/documents"
DOC = "docs docx-v1"
READS = Rate(per_second=5)
WRITES = Rate(per_second=3)
READ_SCOPES = ("docx:document", "docx:document:readonly")
WRITE_SCOPES = ("docx:document", "docx:document:write_only")
MAKE_SCOPES = ("docx:document", "docx:document:create")
AT_ONCE = [(3, 1)]
"""Writes of one document in a second."""


class DocxState:
    """``world.docx``: documents by id, and what was answered to which client token."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.documents: dict[str, Document] = {}
        self.answered: dict[tuple[str, str, str], Body] = {}

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget everything."""
        self.documents.clear()
        self.answered.clear()

    def create(self, title: str, owner: str) -> Document:
        """Make an empty document."""
        document = Document(self.world.ids.document(), owner, self.world.clock.time())
        words = spoken({"elements": [{"text_run": {"content": title}}]})
        document.blocks[document.id] = Block(document.id, "", PAGE, words)
        self.documents[document.id] = document
        return document

    def document(self, req: Request, *, edit: bool) -> Document:
        """The document of a call, if the caller may read or edit it.

        Raises:
            ApiError: 1770002 unknown, 1770032 not allowed, 1770021 another revision is asked for.
        """
        found = self.documents.get(req.params["document_id"])
        if found is None:
            raise refuse(1770002)
        if not self.open_to(req, found, edit=edit):
            raise refuse(1770032)
        if req.query.get("document_revision_id", "-1") not in ("-1", str(found.revision)):
            raise refuse(1770021)
        return found

    def open_to(self, req: Request, document: Document, *, edit: bool) -> bool:
        """Whether a caller may read or edit a document."""
        node = self.world.wiki.node_of("docx", document.id)
        if node is not None:
            return self.world.wiki.open_to(req, node.space_id, edit=edit)
        return document.owner == self.world.bitable.operator(req)

    def writing(self, req: Request) -> Document:
        """The document of a call that changes it; three changes of one document are taken in a second.

        Raises:
            ApiError: as `document`; 99991400 with 429 for the fourth.
        """
        document = self.document(req, edit=True)
        if self.world.limits_on and (over := self.world.control.limiter.take(f"docx {document.id}", AT_ONCE)):
            headers = {"x-ogw-ratelimit-limit": str(over[0]), "x-ogw-ratelimit-reset": str(over[1])}
            raise ApiError(99991400, "request trigger frequency limit", status=429, headers=headers)
        return document


def head(document: Document) -> Body:
    """A document as the API shows it."""
    return {"document_id": document.id, "revision_id": document.revision, "title": document.title}


@routes.add(
    "POST",
    DOCUMENTS,
    rate=WRITES,
    auth="any",
    scopes=MAKE_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document/create, 2025; only in the caller's own root folder here",
)
def create(world: World, req: Request) -> Body:
    """Make an empty document in the caller's root folder."""
    document = world.docx.create(str(req.json().get("title") or ""), world.bitable.operator(req))
    return {"document": head(document)}


@routes.add(
    "GET",
    f"{DOCUMENTS}/:document_id",
    rate=READS,
    auth="any",
    scopes=READ_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document/get, 2025",
)
def get(world: World, req: Request) -> Body:
    """Title and newest revision."""
    return {"document": head(world.docx.document(req, edit=False))}


@routes.add(
    "GET",
    f"{DOCUMENTS}/:document_id/raw_content",
    rate=READS,
    auth="any",
    scopes=READ_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document/raw_content, 2025",
)
def raw_content(world: World, req: Request) -> Body:
    """All words, one block a line, title first."""
    document = world.docx.document(req, edit=False)
    return {"content": "\n".join(block.words for block in document.walk() if block.words) + "\n"}


def page_of(req: Request, items: list[Body]) -> Body:
    """One page of blocks.

    Raises:
        ApiError: 1770022 for a token that is none, 1770001 for a page size out of range.
    """
    token, size = req.query.get("page_token") or "0", req.query.get("page_size") or "500"
    if not token.isdigit() or int(token) > len(items):
        raise refuse(1770022)
    if not size.isdigit() or not 1 <= int(size) <= 500:
        raise refuse(1770001)
    start, end = int(token), int(token) + int(size)
    more = end < len(items)
    return {"items": items[start:end], "has_more": more} | ({"page_token": str(end)} if more else {})


@routes.add(
    "GET",
    f"{DOCUMENTS}/:document_id/blocks",
    rate=READS,
    auth="any",
    scopes=READ_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document-block/list, 2025",
)
def list_blocks(world: World, req: Request) -> Body:
    """All blocks, depth first, up to 500 a page."""
    return page_of(req, [block.wire() for block in world.docx.document(req, edit=False).walk()])


def block_of(document: Document, req: Request) -> Block:
    """The block of a call.

    Raises:
        ApiError: 1770002 when the document has no such block.
    """
    block = document.blocks.get(req.params["block_id"])
    if block is None:
        raise refuse(1770002)
    return block


@routes.add(
    "GET",
    f"{DOCUMENTS}/:document_id/blocks/:block_id",
    rate=READS,
    auth="any",
    scopes=READ_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document-block/get, 2025",
)
def get_block(world: World, req: Request) -> Body:
    """One block."""
    return {"block": block_of(world.docx.document(req, edit=False), req).wire()}


@routes.add(
    "GET",
    f"{DOCUMENTS}/:document_id/blocks/:block_id/children",
    rate=READS,
    auth="any",
    scopes=READ_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document-block-children/get, 2025",
)
def get_children(world: World, req: Request) -> Body:
    """The blocks right inside a block."""
    document = world.docx.document(req, edit=False)
    return page_of(req, [document.blocks[child].wire() for child in block_of(document, req).children])


def once(world: World, req: Request, write: Any) -> Body:
    """Write, unless this client token was answered before: then give the same answer again."""
    document = world.docx.writing(req)
    block = block_of(document, req)
    token = req.query.get("client_token") or ""
    key = (req.app.app_id, document.id, token)
    if token and key in world.docx.answered:
        return world.docx.answered[key]
    answer: Body = write(world, document, block, req.json())
    document.revision += 1
    world.im.touch()
    answer |= {"document_revision_id": document.revision, "client_token": token or world.ids.uuid().lower()}
    if token:
        world.docx.answered[key] = answer
    return answer


@routes.add(
    "POST",
    f"{DOCUMENTS}/:document_id/blocks/:block_id/children",
    rate=WRITES,
    auth="any",
    scopes=WRITE_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document-block-children/create, 2025; the life of a client token is unconfirmed",
)
def create_children(world: World, req: Request) -> Body:
    """Write up to 50 blocks into a block."""
    return once(world, req, docx_write.children)


@routes.add(
    "POST",
    f"{DOCUMENTS}/:document_id/blocks/:block_id/descendant",
    rate=WRITES,
    auth="any",
    scopes=WRITE_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document-block-descendant/create, 2025; largest table made: as users report",
)
def create_descendants(world: World, req: Request) -> Body:
    """Write a tree of up to 1,000 blocks into a block."""
    return once(world, req, docx_write.descendants)


@routes.add(
    "PATCH",
    f"{DOCUMENTS}/:document_id/blocks/:block_id",
    rate=WRITES,
    auth="any",
    scopes=WRITE_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document-block/patch, 2025; words, pictures and files only",
)
def patch_block(world: World, req: Request) -> Body:
    """Change the words of a block, or put an uploaded picture or file into it."""
    return once(world, req, docx_write.patch)


@routes.add(
    "DELETE",
    f"{DOCUMENTS}/:document_id/blocks/:block_id/children/batch_delete",
    rate=WRITES,
    auth="any",
    scopes=WRITE_SCOPES,
    limit_status=400,
    claim=f"{DOC}/document-block-children/batch_delete, 2025",
)
def delete_children(world: World, req: Request) -> Body:
    """Take a range of blocks out of a block."""
    return once(world, req, docx_write.delete)
