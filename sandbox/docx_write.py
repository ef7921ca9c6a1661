"""What a call does to the blocks of a document; each function changes all or nothing."""

from collections.abc import Mapping
from typing import Any

from sandbox.docx_model import (
    CELL,
    CHILDREN,
    DESCENDANTS,
    FILE,
    IMAGE,
    NAMES,
    PAGE,
    PARENTS,
    SPOKEN,
    TABLE,
    VIEW,
    Block,
    Body,
    Document,
    content_of,
    refuse,
    spoken,
)
from sandbox.im_files import MAGIC, image_size
from sandbox.kernel import ApiError, World


def too_long(field: str, most: int) -> ApiError:
    """99992402: a list is empty or too long."""
    told = [{"field": field, "description": f"the len must be between 1 and {most}"}]
    return ApiError(99992402, "field validation failed", status=400, error={"field_violations": told})


def kind_of(given: Any) -> int:
    """The type of a block to be made.

    Raises:
        ApiError: 1770001 for no block, 1770029 for one nobody may make.
    """
    if not isinstance(given, Mapping) or not isinstance(given.get("block_type"), int):
        raise refuse(1770001)
    if given["block_type"] in (PAGE, VIEW) or given["block_type"] not in NAMES:
        raise refuse(1770029)
    return int(given["block_type"])


def place(parent: Block, body: Mapping[str, Any]) -> int:
    """Where new blocks go: -1 for the end.

    Raises:
        ApiError: 1770028 when nothing may stand in the parent, 1770001 for an index out of range.
    """
    if parent.kind not in PARENTS:
        raise refuse(1770028)
    index = body.get("index", -1)
    if not isinstance(index, int) or not -1 <= index <= len(parent.children):
        raise refuse(1770001)
    return index


def children(world: World, document: Document, parent: Block, body: Body) -> Body:
    """Put up to 50 blocks into a block."""
    given = body.get("children")
    if not isinstance(given, list) or not 1 <= len(given) <= CHILDREN:
        raise too_long("children", CHILDREN)
    index = place(parent, body)
    for one in given:
        kind = kind_of(one)
        if kind == CELL:
            raise refuse(1770029)
        content_of(kind, one)
    made = []
    for number, one in enumerate(given):
        block = document.add(world.ids, parent, index if index < 0 else index + number, one)
        if block.kind == TABLE:
            document.fill_table(world.ids, block)
        made.append(block)
    return {"children": [block.wire() for block in made]}


def descendants(world: World, document: Document, parent: Block, body: Body) -> Body:
    """Put a tree of blocks into a block; its ids are the caller's own and are answered with the real ones."""
    tops, given = body.get("children_id"), body.get("descendants")
    if not isinstance(given, list) or not 1 <= len(given) <= DESCENDANTS:
        raise too_long("descendants", DESCENDANTS)
    index = place(parent, body)
    by_id: dict[str, Body] = {str(one.get("block_id")): one for one in given if isinstance(one, dict)}
    check_tree(by_id, tops, len(given))
    relations: list[Body] = []
    made = []

    def grow(into: Block, at: int, name: str) -> Block:
        block = document.add(world.ids, into, at, by_id[name])
        relations.append({"temporary_block_id": name, "block_id": block.id})
        for child in by_id[name].get("children") or ():
            grow(block, -1, child)
        return block

    for number, name in enumerate(tops or ()):
        made.append(grow(parent, index if index < 0 else index + number, str(name)))
    tree = [block.wire() for top in made for block in document.walk(top.id)]
    return {"children": tree, "block_id_relations": relations}


def check_tree(by_id: Mapping[str, Any], tops: Any, count: int) -> None:
    """Every block once, inside one other, of a kind that fits; a table has all its cells.

    Raises:
        ApiError: 1770001 for anything else.
    """
    names = [str(name) for name in tops] if isinstance(tops, list) else []
    inside = [str(child) for one in by_id.values() for child in one.get("children") or ()]
    if not names or len(by_id) != count or sorted(names + inside) != sorted(by_id):
        raise refuse(1770001)
    for one in by_id.values():
        kind, below = kind_of(one), one.get("children") or ()
        content_of(kind, one)
        kinds = {kind_of(by_id[child]) for child in below}
        if kind == TABLE:
            shape = one["table"]["property"]
            fits = kinds == {CELL} and len(below) == shape["row_size"] * shape["column_size"]
        else:
            fits = not below or (kind in PARENTS and CELL not in kinds)
        if not fits:
            raise refuse(1770001)


def patch(world: World, document: Document, block: Block, body: Body) -> Body:
    """Change one thing about a block."""
    if len(body) != 1:
        raise refuse(1770001)
    ((change, value),) = body.items()
    wanted = {"replace_image": {IMAGE}, "replace_file": {FILE}, "update_text_elements": {PAGE, *SPOKEN}}
    if change not in wanted or not isinstance(value, Mapping):
        raise refuse(1770001)
    if block.kind not in wanted[change]:
        raise refuse(1770025)
    if change == "update_text_elements":
        block.content["elements"] = spoken(value)["elements"]
    else:
        show(world, document, block, value)
    return {"block": block.wire()}


def show(world: World, document: Document, block: Block, value: Mapping[str, Any]) -> None:
    """Put an uploaded picture or file into the block it was uploaded for.

    Raises:
        ApiError: 1770013 when it was uploaded for another place.
    """
    media = world.drive.media.get(str(value.get("token") or ""))
    kind = "docx_image" if block.kind == IMAGE else "docx_file"
    if media is None or (media.kind, media.parent, media.route) != (kind, block.id, document.id):
        raise refuse(1770013)
    block.content["token"] = media.token
    if block.kind == FILE:
        block.content["name"] = media.name
        return
    picture = next((name for magic, name in MAGIC.items() if media.data.startswith(magic)), "")
    width, height = image_size(media.data, picture)
    shown = {"width": width or 100, "height": height or 100}
    given = {key: value[key] for key in ("width", "height", "align", "caption", "scale") if key in value}
    block.content |= shown | given


def delete(_world: World, document: Document, parent: Block, body: Body) -> Body:
    """Take blocks from start to before end out of a block."""
    start, end = body.get("start_index"), body.get("end_index")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(parent.children):
        raise refuse(1770001)
    for child in parent.children[start:end]:
        document.drop(document.blocks[child])
    return {}
