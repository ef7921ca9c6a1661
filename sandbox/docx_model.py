"""Documents as trees of blocks: what they are made of, which blocks may be written, and how they read back.

Source: docx-v1 data-structure/block, document-block/*, document-block-children/*, document-block-descendant
pages and FAQ (Feishu docs, read 2026-11).
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.ids import Ids
from sandbox.kernel import Refusals

Body = dict[str, Any]

PAGE, FILE, IMAGE, TABLE, CELL, VIEW = 1, 23, 27, 31, 32, 33
SPOKEN = {2: "text", 12: "bullet", 13: "ordered", 14: "code", 15: "quote", 17: "todo"} | {
    2 + level: f"heading{level}" for level in range(1, 10)
}
OTHERS = {
    19: "callout", 22: "divider", FILE: "file", IMAGE: "image", TABLE: "table", CELL: "table_cell",
    34: "quote_container",
}  # fmt: skip
NAMES = {PAGE: "page", VIEW: "view", **SPOKEN, **OTHERS}
PARENTS = {PAGE, CELL, 19, 34, *SPOKEN} - {14}
"""Blocks that may have others inside them; of code none."""
CHILDREN = 50
DESCENDANTS = 1000
TABLE_SIDE = 9
LOOKS = ("bold", "inline_code", "italic", "strikethrough", "underline")

refuse = Refusals(
    {
        1770001: ("invalid param", 400),
        1770002: ("not found", 404),
        1770007: ("too many children in block", 400),
        1770013: ("relation mismatch", 400),
        1770021: ("too old document", 400),
        1770022: ("invalid page token", 400),
        1770025: ("operation and block not match", 400),
        1770028: ("block not support to add children", 400),
        1770029: ("block not support to create", 400),
        1770032: ("forBidden", 403),
    }
)


@dataclass(slots=True)
class Block:
    """One block; ``content`` is what stands under the name of its type."""

    id: str
    parent: str
    kind: int
    content: Body
    children: list[str] = field(default_factory=list)

    def wire(self) -> Body:
        """The block as the API shows it."""
        shown: Body = {
            "block_id": self.id,
            "parent_id": self.parent,
            "block_type": self.kind,
            NAMES[self.kind]: copy.deepcopy(self.content),
        }
        return shown | ({"children": list(self.children)} if self.children else {})

    @property
    def words(self) -> str:
        """Its text."""
        runs = (element.get("text_run") or {} for element in self.content.get("elements") or ())
        return "".join(str(run.get("content", "")) for run in runs)


@dataclass(slots=True)
class Document:
    """A document; its outermost block has the document's id."""

    id: str
    owner: str
    created: float
    revision: int = 1
    blocks: dict[str, Block] = field(default_factory=dict)

    @property
    def root(self) -> Block:
        """The outermost block."""
        return self.blocks[self.id]

    @property
    def title(self) -> str:
        """Its title, the words of the outermost block."""
        return self.root.words

    def walk(self, start: str = "") -> Iterator[Block]:
        """A block and all inside it, depth first."""
        block = self.blocks[start or self.id]
        yield block
        for child in block.children:
            yield from self.walk(child)

    def add(self, ids: Ids, parent: Block, index: int, given: Body) -> Block:
        """Make a block inside another; files stand in a view, tables come with their cells."""
        kind = int(given["block_type"])
        if kind == FILE:
            view = Block(ids.block(), parent.id, VIEW, {"view_type": 1})
            self._put(parent, index, view)
            self._put(view, -1, Block(ids.block(), view.id, FILE, {"name": "", "token": ""}))
            return view
        block = Block(ids.block(), parent.id, kind, content_of(kind, given))
        self._put(parent, index, block)
        return block

    def fill_table(self, ids: Ids, table: Block) -> None:
        """Give a table its cells, an empty line in each."""
        shape = table.content["property"]
        for _ in range(shape["row_size"] * shape["column_size"]):
            cell = Block(ids.block(), table.id, CELL, {})
            self._put(table, -1, cell)
            self._put(cell, -1, Block(ids.block(), cell.id, 2, spoken({"elements": []})))

    def _put(self, parent: Block, index: int, block: Block) -> None:
        at = len(parent.children) if index < 0 else index
        parent.children.insert(at, block.id)
        self.blocks[block.id] = block

    def drop(self, block: Block) -> None:
        """Take a block out with all inside it."""
        for gone in list(self.walk(block.id)):
            del self.blocks[gone.id]
        parent = self.blocks.get(block.parent)
        if parent is not None and block.id in parent.children:
            parent.children.remove(block.id)


def spoken(given: Mapping[str, Any]) -> Body:
    """Text with every look written out, as it reads back.

    Raises:
        ApiError: 1770001 for elements that are none.
    """
    elements = []
    for element in given.get("elements") or [{"text_run": {"content": ""}}]:
        run = element.get("text_run") if isinstance(element, Mapping) else None
        if not isinstance(run, Mapping) or not isinstance(run.get("content"), str):
            raise refuse(1770001)
        style = dict.fromkeys(LOOKS, False) | dict(run.get("text_element_style") or {})
        elements.append({"text_run": {"content": run["content"], "text_element_style": style}})
    return {"elements": elements, "style": {"align": 1, "folded": False, **(given.get("style") or {})}}


def content_of(kind: int, given: Body) -> Body:
    """What a new block holds.

    Raises:
        ApiError: 1770029 for a kind nobody may create, 1770001 for content that does not fit it.
    """
    if kind not in SPOKEN and kind not in OTHERS:
        raise refuse(1770029)
    content = given.get(NAMES[kind])
    if not isinstance(content, Mapping):
        raise refuse(1770001)
    if kind in SPOKEN:
        if not content.get("elements"):
            raise refuse(1770001)
        return spoken(content)
    if kind == IMAGE:
        if "token" in content:
            raise refuse(1770001)  # a picture comes in three steps
        return {"align": 2, "height": 100, "token": "", "width": 100, **content}
    if kind == TABLE:
        return {"property": table_shape(content.get("property") or {})}
    return dict(content)


def table_shape(given: Mapping[str, Any]) -> Body:
    """The property of a table: rows, columns, widths.

    Raises:
        ApiError: 1770001 for no or too many rows or columns.
    """
    rows, columns = given.get("row_size"), given.get("column_size")
    for size in (rows, columns):
        if not isinstance(size, int) or not 1 <= size <= TABLE_SIDE:
            raise refuse(1770001)
    merged = [{"col_span": 1, "row_span": 1} for _ in range(int(rows or 0) * int(columns or 0))]
    return {"column_width": [100] * int(columns or 0), "merge_info": merged, **given}
