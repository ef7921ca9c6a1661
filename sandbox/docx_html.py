"""A document as HTML, for people who look at the sandbox."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from sandbox.card_html import esc
from sandbox.docx_model import FILE, IMAGE, SPOKEN, TABLE, VIEW, Block, Document
from sandbox.kernel import World

TAGS = {12: "li", 13: "li", 14: "pre", 15: "blockquote", 17: "p", 2: "p"} | {
    2 + level: f"h{min(level, 6)}" for level in range(1, 10)
}
MARKS = (("bold", "b"), ("italic", "i"), ("underline", "u"), ("strikethrough", "s"), ("inline_code", "code"))
SAFE = ("https://", "http://")


def document_html(world: World, document: Document) -> str:
    """The whole document under its title."""
    inside = "".join(block_html(world, document, child) for child in document.root.children)
    return f'<div class="docx"><h1 class="docx-title">{esc(document.title)}</h1>{inside}</div>'


def block_html(world: World, document: Document, name: str) -> str:
    """One block and what stands in it."""
    block = document.blocks[name]
    below = "".join(block_html(world, document, child) for child in block.children)
    if block.kind in SPOKEN:
        tag = TAGS[block.kind]
        centred = ' class="mid"' if block.content["style"].get("align") == 2 else ""
        return f"<{tag}{centred}>{words(block)}</{tag}>{below}"
    if block.kind == IMAGE:
        return picture(block)
    if block.kind == FILE:
        return download(world, block)
    if block.kind == TABLE:
        return table(world, document, block)
    return "<hr>" if block.kind == 22 else below if block.kind == VIEW else f"<div>{below}</div>"


def words(block: Block) -> str:
    """The text of a block with its looks."""
    return "".join(run_html(element["text_run"]) for element in block.content["elements"])


def run_html(run: Mapping[str, Any]) -> str:
    """Words of one look; only web addresses become links."""
    style = run.get("text_element_style") or {}
    said = esc(run["content"])
    for mark, tag in MARKS:
        if style.get(mark):
            said = f"<{tag}>{said}</{tag}>"
    url = unquote(str((style.get("link") or {}).get("url") or ""))
    if url.startswith(SAFE):
        return f'<a href="{esc(url)}" target="_blank" rel="noreferrer">{said}</a>'
    return said


def picture(block: Block) -> str:
    """A picture, or the place where one is to come."""
    token = str(block.content["token"])
    if not token:
        return '<div class="docx-empty">图片尚未上传</div>'
    return f'<img src="/web/media/{esc(token)}" alt="图片" loading="lazy">'


def download(world: World, block: Block) -> str:
    """A file with its size, or the place where one is to come."""
    found = world.drive.media.get(str(block.content["token"]))
    if found is None:
        return '<div class="docx-empty">文件尚未上传</div>'
    kib = -(-len(found.data) // 1024)
    link = f'<a href="/web/media/{esc(found.token)}" download="{esc(found.name)}">{esc(found.name)}</a>'
    return f'<div class="docx-file">{link}<small>{kib:,} KB</small></div>'


def table(world: World, document: Document, block: Block) -> str:
    """A table; the first row is its head where the table says so."""
    width = int(block.content["property"]["column_size"])
    head = bool(block.content["property"].get("header_row"))
    cells = [block_html(world, document, child) for child in block.children]
    rows = [cells[at : at + width] for at in range(0, len(cells), width)]
    lines = "".join(
        "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in row) + "</tr>"
        for number, row in enumerate(rows)
        for tag in ("th" if head and number == 0 else "td",)
    )
    return f"<table>{lines}</table>"
