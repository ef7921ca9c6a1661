"""A page as data: its blocks on the wire, the parts it is written in, and what a document lacks of it."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.feishu.docx_blocks import (
    CHILDREN_PER_CALL,
    Block,
    PageChangedError,
    Span,
    batches,
    bold,
    bullet,
    code,
    divider,
    file,
    heading,
    image,
    link,
    missing,
    table,
    text,
    tree,
)

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip)
BLOCKS = st.one_of(
    WORDS.map(text),
    WORDS.map(bullet),
    WORDS.map(lambda words: heading(2, words)),
    st.just(divider()),
    st.just(image("a", "a.png")),
    st.just(file("b", "b.psd")),
    st.just(table((("甲", "乙"), ("1", "2")))),
)


def stored(page: list[Block], tokens: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """A document that holds these blocks, as the platform lists it."""
    items: list[dict[str, Any]] = []
    names = []
    for number, block in enumerate(page):
        name = f"b{number}"
        names.append(name)
        token = (tokens or {}).get(block.media, "")
        if block.rows:
            grown = tree(block)["descendants"]
            for item in grown:
                renamed = {**item, "block_id": f"{name}{item['block_id']}"}
                renamed["children"] = [f"{name}{child}" for child in item["children"]]
                items.append(renamed)
            names[-1] = f"{name}table"
        elif block.name.endswith("psd"):
            items.append({"block_id": name, "block_type": 33, "view": {}, "children": [f"{name}file"]})
            items.append({"block_id": f"{name}file", "block_type": 23, "file": {"token": token}})
        elif block.media:
            items.append({"block_id": name, "block_type": 27, "image": {"token": token}})
        else:
            items.append({"block_id": name, **block.data})
    root = {"block_id": "doc", "block_type": 1, "page": {}, "children": names}
    return [root, *items]


@settings(max_examples=40)
@given(st.lists(BLOCKS, max_size=8), st.data())
def test_a_page_written_up_to_anywhere_lacks_exactly_the_rest(page: list[Block], data: st.DataObject) -> None:
    """What stands there is not written again, the rest is written in order, empty places are filled."""
    there = data.draw(st.integers(0, len(page)))
    lacking = missing(stored(page[:there]), page)
    assert list(lacking.append) == page[there:]
    assert lacking.start == there
    assert [block.media for _, block in lacking.fill] == [b.media for b in page[:there] if b.media]
    filled = missing(stored(page, {"a": "t1", "b": "t2"}), page)
    assert (filled.append, filled.fill) == ((), ())


@given(st.lists(st.integers(0, 90), max_size=4))
def test_parts_hold_everything_in_order_and_are_never_too_large(runs: list[int]) -> None:
    """At most 50 blocks a call, a table alone, nothing lost or moved."""
    page = [b for run in runs for b in [*[divider()] * run, table((("甲",),))]] + [divider()]
    parts = list(batches(page))
    assert [block for part in parts for block in part] == page
    assert all(1 <= len(part) <= CHILDREN_PER_CALL for part in parts)
    assert all(len(part) == 1 for part in parts if any(block.rows for block in part))


def test_somebody_elses_words_stop_the_writing() -> None:
    """Other words, another kind, or more than the page: nothing may be written, and it says where."""
    page = [heading(1, "标题"), text("一"), table((("甲",),))]
    for other in ([heading(1, "标题"), text("二")], [bullet("标题")], [*page, text("多")]):
        with pytest.raises(PageChangedError, match="edited"):
            missing(stored(other), page)
    changed = [*page[:2], table((("乙",),))]
    with pytest.raises(PageChangedError, match="block 3"):
        missing(stored(changed), page)


def test_an_empty_line_is_overlooked() -> None:
    """The client leaves empty paragraphs; they neither count nor stop the writing."""
    page = [heading(1, "标题"), text("一")]
    items = stored(page[:1])
    items[0]["children"].insert(0, "blank")
    items.append({"block_id": "blank", "block_type": 2, "text": {"elements": []}})
    assert missing(items, page).append == (page[1],)


def test_a_place_that_is_still_empty_is_named_by_the_block_to_upload_into() -> None:
    """A picture by its own block, a file by the block inside its view."""
    page = [image("a", "a.png"), file("b", "b.psd")]
    assert [place for place, _ in missing(stored(page), page).fill] == ["b0", "b1file"]


def test_words_carry_their_looks() -> None:
    """Bold, code and links; an address is percent-encoded as a whole and comes back the same."""
    url = "https://x.cn/base/a?table=b&view=c#d e"
    block = text("甲", bold("乙"), link("丙", url), Span("丁", code=True))
    runs = [element["text_run"] for element in block.data["text"]["elements"]]
    assert [run["content"] for run in runs] == ["甲", "乙", "丙", "丁"]
    assert "text_element_style" not in runs[0]
    assert runs[1]["text_element_style"] == {"bold": True}
    encoded = runs[2]["text_element_style"]["link"]["url"]
    assert unquote(encoded) == url
    assert not set(encoded) & set(":/?&# ")
    assert runs[3]["text_element_style"] == {"inline_code": True}


def test_a_table_grows_cell_by_cell() -> None:
    """Every cell holds one paragraph, row by row; empty cells too."""
    grown = tree(table((("尺寸", "文件"), ("天猫", ""))))
    top, *parts = grown["descendants"]
    assert grown["children_id"] == [top["block_id"]]
    assert (top["table"]["property"]["row_size"], top["table"]["property"]["column_size"]) == (2, 2)
    assert top["children"] == [part["block_id"] for part in parts if part["block_type"] == 32]
    words = [p["text"]["elements"][0]["text_run"]["content"] for p in parts if p["block_type"] == 2]
    assert words == ["尺寸", "文件", "天猫", ""]
    assert top["table"]["property"]["column_width"] == [410, 410]
    narrow = tree(table((("甲", "乙"),), widths=(160, 660)))["descendants"][0]
    assert narrow["table"]["property"]["column_width"] == [160, 660]
    with pytest.raises(ValueError, match="split it"):
        table((("甲", "乙"),), widths=(820,))


@pytest.mark.parametrize("rows", [(), ((),), (("a", "b"), ("c",)), (("a",),) * 10, (("a",) * 10,)])
def test_tables_the_platform_refuses_are_refused_here(rows: Any) -> None:
    """No cells, uneven rows, more than nine rows or columns."""
    with pytest.raises(ValueError, match="split it"):
        table(rows)


def test_blocks_that_could_not_be_found_again_are_not_built() -> None:
    """Words must be there; headings have nine levels."""
    for build in (lambda: text(" "), lambda: code(""), lambda: heading(10, "x")):
        with pytest.raises(ValueError, match=r"leave it out|levels"):
            build()
