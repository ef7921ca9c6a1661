"""A page of a document as data, and what of it is still missing in a document. Pure functions.

Example::

    page = (
        heading(1, "雪峰山泉 夏季主图"),
        text(bold("文案："), "清泉入夏 ", link("需求行", url)),
        image("hero", "主图.jpg"),
        table((("尺寸", "文件"), ("天猫主图", "tmall_main.jpg"))),
        file("psd", "主图.psd"),
    )

Pictures and files are placeholders with a key; `runtime.feishu.docx.Docx.write_page` fetches their bytes.

Source: docs docx-v1/data-structure/block (types and elements), read 2026-11.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from urllib.parse import quote

from runtime.ids import BlockId

PAGE, TEXT, HEADING, BULLET, CODE, DIVIDER, FILE, IMAGE, TABLE, CELL, VIEW = (
    1, 2, 3, 12, 14, 22, 23, 27, 31, 32, 33,
)  # fmt: skip
"""Block types; headings of level n are `HEADING + n - 1`."""

CHILDREN_PER_CALL = 50
ROWS = COLUMNS = 9
"""Larger tables are refused when they are made, as users report; the number is not in the documentation."""
TABLE_WIDTH = 820
"""Pixels of a page's column at its usual width."""
JSON_LANGUAGE = 28
CENTRED = 2
NAMES = {TEXT: "text", BULLET: "bullet", CODE: "code"} | {
    HEADING + level: f"heading{level + 1}" for level in range(9)
}

Item = Mapping[str, Any]
"""A block on the wire."""


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one look; ``link`` is a whole address."""

    words: str
    bold: bool = False
    code: bool = False
    link: str = ""


Words = str | Span


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page.

    Args:
        kind: block type.
        data: the block as `create_children` takes it; empty for tables.
        said: its words without looks, for finding it again in a document.
        media: key of the picture or file it shows, empty for others.
        name: file name of that picture or file.
        rows: cells of a table.
        widths: of a table's columns, pixels.
    """

    kind: int
    data: Item
    said: str = ""
    media: str = ""
    name: str = ""
    rows: tuple[tuple[tuple[Span, ...], ...], ...] = ()
    widths: tuple[int, ...] = ()


def bold(words: str) -> Span:
    """Return words in bold."""
    return Span(words, bold=True)


def link(words: str, url: str) -> Span:
    """Return words that open an address (`https://…`)."""
    return Span(words, link=url)


def heading(level: int, *words: Words) -> Block:
    """Return a heading of level 1 to 9."""
    if not 1 <= level <= 9:
        msg = f"Headings have levels 1 to 9, not {level}."
        raise ValueError(msg)
    return _spoken(HEADING + level - 1, words)


def text(*words: Words, centred: bool = False) -> Block:
    """Return a paragraph, e.g. a caption under a picture when centred."""
    return _spoken(TEXT, words, {"align": CENTRED} if centred else None)


def bullet(*words: Words) -> Block:
    """Return one line of a list."""
    return _spoken(BULLET, words)


def code(words: str) -> Block:
    """Return preformatted JSON, long lines broken."""
    return _spoken(CODE, (words,), {"language": JSON_LANGUAGE, "wrap": True})


def divider() -> Block:
    """Return a line across the page."""
    return Block(DIVIDER, {"block_type": DIVIDER, "divider": {}})


def image(key: str, name: str) -> Block:
    """Return a place for a picture.

    Args:
        key: under which the writer finds its bytes.
        name: file name with extension.
    """
    return Block(IMAGE, {"block_type": IMAGE, "image": {}}, media=key, name=name)


def file(key: str, name: str) -> Block:
    """Return a place for a file that people can download; arguments as `image`."""
    return Block(FILE, {"block_type": FILE, "file": {}}, media=key, name=name)


def table(rows: Sequence[Sequence[Words | tuple[Words, ...]]], *, widths: Sequence[int] = ()) -> Block:
    """Return a table; the first row is its head.

    Args:
        rows: 1 to 9 rows of 1 to 9 cells each, equally many; a cell is words or several spans.
        widths: of the columns in pixels, together about 820; equal if not given.
    """
    width = len(rows[0]) if rows else 0
    widths = tuple(widths) or (TABLE_WIDTH // (width or 1),) * width
    if (
        not 1 <= len(rows) <= ROWS
        or not 1 <= width <= COLUMNS
        or any(len(row) != width for row in (*rows, widths))
    ):
        msg = f"A table has 1 to {ROWS} rows and 1 to {COLUMNS} columns, every row as long; split it."
        raise ValueError(msg)
    cells = tuple(tuple(_spans(cell if isinstance(cell, tuple) else (cell,)) for cell in row) for row in rows)
    said = "\n".join("\t".join(_said(cell) for cell in row) for row in cells)
    return Block(TABLE, {}, said=said, rows=cells, widths=widths)


def tree(block: Block) -> dict[str, Any]:
    """Return a table as `create_descendants` takes it: ids of our own, only used to tell the blocks apart."""
    parts: list[dict[str, Any]] = []
    cells = []
    for row, cells_of_row in enumerate(block.rows):
        for column, spans in enumerate(cells_of_row):
            cell, inside = f"cell_{row}_{column}", f"text_{row}_{column}"
            cells.append(cell)
            parts.append({"block_id": cell, "block_type": CELL, "table_cell": {}, "children": [inside]})
            parts.append({**_item(TEXT, spans), "block_id": inside, "children": []})
    shape = {
        "row_size": len(block.rows),
        "column_size": len(block.rows[0]),
        "column_width": list(block.widths),
        "header_row": True,
    }
    top = {"block_id": "table", "block_type": TABLE, "table": {"property": shape}, "children": cells}
    return {"children_id": ["table"], "descendants": [top, *parts]}


def batches(blocks: Iterable[Block]) -> Iterator[tuple[Block, ...]]:
    """Yield blocks in the parts they are written in: a table alone, others up to 50 at once."""
    part: list[Block] = []
    for block in blocks:
        if part and (block.kind == TABLE or len(part) == CHILDREN_PER_CALL):
            yield tuple(part)
            part = []
        if block.kind == TABLE:
            yield (block,)
        else:
            part.append(block)
    if part:
        yield tuple(part)


class PageChangedError(ValueError):
    """The document holds something else than the page; the sentence says where they part."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What a document lacks of a page.

    Args:
        append: blocks to write at its end.
        fill: places of pictures and files that are still empty: (block id, the page's block).
        start: how many blocks of the page are there.
    """

    append: tuple[Block, ...]
    fill: tuple[tuple[BlockId, Block], ...]
    start: int


def missing(items: Sequence[Item], page: Sequence[Block]) -> Missing:
    """Compare a document with the page that is being written into it.

    Args:
        items: all blocks of the document (`Docx.list_blocks`); empty paragraphs are overlooked.
        page: the whole page.

    Raises:
        PageChangedError: something else stands in the document; nothing may be written to it.
    """
    by_id = {str(item["block_id"]): item for item in items}
    root = next((item for item in items if item.get("block_type") == PAGE), {})
    there = [by_id[child] for child in root.get("children") or () if child in by_id]
    there = [item for item in there if not _blank(item)]
    fill: list[tuple[BlockId, Block]] = []
    for number, (item, block) in enumerate(zip_longest(there, page)):
        if item is None:
            return Missing(tuple(page[number:]), tuple(fill), number)
        place = _place(item, by_id)
        if block is None or not _same(place, block, by_id):
            raise PageChangedError(
                f"The document's block {number + 1} is not what is being written there; "
                "somebody has edited it. Write to a new page."
            )
        if block.media and not place[_name(block)].get("token"):
            fill.append((BlockId(str(place["block_id"])), block))
    return Missing((), tuple(fill), len(page))


def _place(item: Item, by_id: Mapping[str, Item]) -> Item:
    """A file stands inside a view; the file is what counts."""
    if item.get("block_type") != VIEW:
        return item
    inside = (by_id[child] for child in item.get("children") or () if child in by_id)
    return next(inside, item)


def _same(item: Item, block: Block, by_id: Mapping[str, Item]) -> bool:
    if item.get("block_type") != block.kind:
        return False
    if block.kind == TABLE:
        return _bare(_table_said(item, by_id)) == _bare(block.said)
    return block.kind not in NAMES or _bare(_words(item)) == _bare(block.said)


def _table_said(item: Item, by_id: Mapping[str, Item]) -> str:
    """The words of a table's cells, row by row."""
    columns = int(((item.get("table") or {}).get("property") or {}).get("column_size") or 1)
    cells = [by_id.get(child, {}) for child in item.get("children") or ()]
    words = [
        "".join(_words(by_id[child]) for child in cell.get("children") or () if child in by_id)
        for cell in cells
    ]
    return "\n".join("\t".join(words[at : at + columns]) for at in range(0, len(words), columns))


def _blank(item: Item) -> bool:
    return item.get("block_type") == TEXT and not _words(item)


def _words(item: Item) -> str:
    """The words of a block on the wire."""
    spoken = item.get(NAMES.get(item.get("block_type") or 0, ""), {})
    runs = (element.get("text_run") or {} for element in spoken.get("elements") or ())
    return "".join(str(run.get("content") or "") for run in runs).strip()


def _bare(words: str) -> str:
    """Words without any white space, which editors change without asking."""
    return "".join(words.split())


def _name(block: Block) -> str:
    return "image" if block.kind == IMAGE else "file"


def _spans(words: Sequence[Words]) -> tuple[Span, ...]:
    return tuple(word if isinstance(word, Span) else Span(word) for word in words)


def _said(spans: Sequence[Span]) -> str:
    return "".join(span.words for span in spans).strip()


def _spoken(kind: int, words: Sequence[Words], style: Item | None = None) -> Block:
    spans = _spans(words)
    said = _said(spans)
    if not said:
        msg = "A block without words cannot be told from an empty line; leave it out."
        raise ValueError(msg)
    return Block(kind, _item(kind, spans, style), said=said)


def _item(kind: int, spans: Sequence[Span], style: Item | None = None) -> dict[str, Any]:
    spoken: dict[str, Any] = {"elements": [_run(span) for span in spans if span.words] or [_run(Span(""))]}
    if style:
        spoken["style"] = dict(style)
    return {"block_type": kind, NAMES[kind]: spoken}


def _run(span: Span) -> dict[str, Any]:
    style: dict[str, Any] = {}
    if span.bold:
        style["bold"] = True
    if span.code:
        style["inline_code"] = True
    if span.link:
        # The platform takes addresses percent-encoded as a whole (docs docx-v1 "Link").
        style["link"] = {"url": quote(span.link, safe="")}
    run: dict[str, Any] = {"content": span.words}
    return {"text_run": {**run, "text_element_style": style} if style else run}
