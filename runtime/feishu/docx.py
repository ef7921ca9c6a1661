"""Documents: reading their blocks, and writing a page so that a repeat completes it and doubles nothing."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.feishu import docx_blocks
from runtime.feishu.docx_blocks import Block, Item, Missing, PageChangedError
from runtime.feishu.door import Door
from runtime.feishu.drive import Drive
from runtime.feishu.endpoint import PER_SECOND_3, PER_SECOND_5, Endpoint
from runtime.feishu.errors import Busy, Rejected
from runtime.feishu.keys import client_token
from runtime.ids import BlockId, DocumentId, FileToken

DOCUMENT = "/open-apis/docx/v1/documents/:document_id"
LIST_BLOCKS = Endpoint("GET", f"{DOCUMENT}/blocks", PER_SECOND_5)
CREATE_CHILDREN = Endpoint("POST", f"{DOCUMENT}/blocks/:block_id/children", PER_SECOND_3, writes=True)
CREATE_DESCENDANTS = Endpoint("POST", f"{DOCUMENT}/blocks/:block_id/descendant", PER_SECOND_3, writes=True)
PATCH_BLOCK = Endpoint("PATCH", f"{DOCUMENT}/blocks/:block_id", PER_SECOND_3, writes=True)

PAGE = 500
NEWEST = -1
"""Revision: the document as it is now."""

Load = Callable[[str], bytes]
"""Gives the bytes of a picture or file by the key the page uses."""


class Docx:
    """Blocks of documents. Writes to one document go one after another, in all processes.

    Limits: 3 calls a second of each writing API, and 3 changes a second of one document by all of them.
    Source: docs docx-v1 pages of the same names, and their FAQ for pictures and files. Needs docx:document
    and docs:document.media:upload.
    """

    def __init__(self, door: Door, drive: Drive) -> None:
        self._door = door
        self._drive = drive

    def list_blocks(self, document: DocumentId) -> tuple[Item, ...]:
        """Return all blocks of a document, the page first, depth first.

        Raises:
            NotFound: the document was deleted (1770002).
            NotPermitted: the app may not read it (1770032).
        """
        query = {"page_size": PAGE, "document_revision_id": NEWEST}
        return tuple(self._door.pages(LIST_BLOCKS, query=query, paths={"document_id": document}))

    def create_children(
        self, document: DocumentId, parent: BlockId, children: Sequence[Item], *, client_token: str
    ) -> tuple[Item, ...]:
        """Write blocks at the end of a block and return them as they were made.

        Args:
            document: the document.
            parent: the block; the document's id is its outermost block.
            children: 1 to 50 blocks without anything inside them. A file (23) comes back as a view (33)
                around it.
            client_token: uuid4-shaped key (`keys.client_token`): the same key writes once.

        Raises:
            Ambiguous: no usable answer; repeat it with the same key, or look with `list_blocks`.
            Rejected: the blocks are wrong (1770001), or too many.
        """
        if not 1 <= len(children) <= docx_blocks.CHILDREN_PER_CALL:
            msg = f"Feishu takes 1 to {docx_blocks.CHILDREN_PER_CALL} blocks a call, not {len(children)}."
            raise ValueError(msg)
        body = {"children": [dict(child) for child in children], "index": -1}
        return self._create(CREATE_CHILDREN, document, parent, body, client_token)

    def create_descendants(
        self, document: DocumentId, parent: BlockId, tree: Mapping[str, Any], *, client_token: str
    ) -> tuple[Item, ...]:
        """Write blocks with blocks inside them, e.g. a table (`docx_blocks.tree`); as `create_children`.

        Args:
            document: the document.
            parent: the block they are put into, at its end.
            tree: `{children_id, descendants}`, at most 1,000 blocks.
            client_token: as in `create_children`.
        """
        return self._create(CREATE_DESCENDANTS, document, parent, {**tree, "index": -1}, client_token)

    def replace_image(self, document: DocumentId, block: BlockId, token: FileToken) -> None:
        """Show an uploaded picture in its block; repeating is safe.

        Raises:
            Rejected: the picture was not uploaded for this very block (1770013).
        """
        self._patch(document, block, {"replace_image": {"token": token}})

    def replace_file(self, document: DocumentId, block: BlockId, token: FileToken) -> None:
        """Show an uploaded file in its block (23, not the view around it); as `replace_image`."""
        self._patch(document, block, {"replace_file": {"token": token}})

    def write_page(self, document: DocumentId, page: Sequence[Block], load: Load) -> None:
        """Make a document hold a page: write what is missing, then fill in pictures and files.

        What is there already is looked up first, so after any error it may simply be called again: no block
        and no picture is ever there twice.

        Args:
            document: an empty document, or one an earlier call has begun to fill.
            page: the whole page; the same in every call.
            load: gives the bytes of a picture or file; called only for those that are missing, one at a time.

        Raises:
            Ambiguous: no usable answer somewhere; call again.
            Busy: what was written does not show yet; call again.
            Rejected: the document holds something else, e.g. because somebody edited it.
        """
        lacking = self._missing(document, page)
        if lacking.append:
            self._append(document, lacking)
            lacking = self._missing(document, page)
            _all_there(lacking)
        for place, block in lacking.fill:
            picture = block.kind == docx_blocks.IMAGE
            data = load(block.media)
            token = self._drive.upload_to_block(document, place, block.name, data, image=picture)
            (self.replace_image if picture else self.replace_file)(document, place, token)

    def _missing(self, document: DocumentId, page: Sequence[Block]) -> Missing:
        try:
            return docx_blocks.missing(self.list_blocks(document), page)
        except PageChangedError as error:
            raise Rejected(str(error), endpoint=LIST_BLOCKS.name) from error

    def _append(self, document: DocumentId, lacking: Missing) -> None:
        at, parent = lacking.start, BlockId(document)
        for part in docx_blocks.batches(lacking.append):
            key = _key(document, at, part)
            if part[0].kind == docx_blocks.TABLE:
                self.create_descendants(document, parent, docx_blocks.tree(part[0]), client_token=key)
            else:
                children = [block.data for block in part]
                self.create_children(document, parent, children, client_token=key)
            at += len(part)

    def _create(
        self, endpoint: Endpoint, document: DocumentId, parent: BlockId, body: Item, key: str
    ) -> tuple[Item, ...]:
        data = self._door.call(
            endpoint,
            paths={"document_id": document, "block_id": parent},
            query={"document_revision_id": NEWEST, "client_token": key},
            body=body,
            lane=_lane(document),
            under=((_lane(document), PER_SECOND_3),),
        )
        return tuple(data.get("children") or ())

    def _patch(self, document: DocumentId, block: BlockId, change: Item) -> None:
        self._door.call(
            PATCH_BLOCK,
            paths={"document_id": document, "block_id": block},
            query={"document_revision_id": NEWEST},
            body=change,
            lane=_lane(document),
            under=((_lane(document), PER_SECOND_3),),
        )


def _all_there(lacking: Missing) -> None:
    """The platform answers a known client token without writing, also when somebody deleted the blocks."""
    if lacking.append:
        raise Busy(
            f"Feishu took the page but does not show {len(lacking.append)} of its blocks yet; it is looked "
            "at again. If it stays so, somebody has deleted them: write to a new page.",
            endpoint=CREATE_CHILDREN.name,
            wait=5.0,
        )


def _lane(document: DocumentId) -> str:
    """What changes of one document are counted and queued under."""
    return f"docx:{document}"


def _key(document: DocumentId, at: int, part: Sequence[Block]) -> str:
    """The same blocks at the same place have the same key, whoever asks."""
    said = json.dumps([[block.kind, block.said, block.name] for block in part], ensure_ascii=False)
    return client_token(f"{document}:{at}:{hashlib.sha256(said.encode()).hexdigest()}")
