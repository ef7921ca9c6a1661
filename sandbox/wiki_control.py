"""Control of the wiki: found a space, look at its tree, read a page as plain data."""

import hashlib
from typing import Any

from sandbox.docx_model import FILE, IMAGE, TABLE, Body, Document
from sandbox.kernel import ApiError, Request, Routes, World

routes = Routes("wiki")
CLAIM = "our own control plane, 2026-11"


@routes.add("POST", "/_sandbox/wiki/spaces", auth="none", claim=CLAIM)
def found(world: World, req: Request) -> Body:
    """Found a space: {name, app: true, chat_id?, people?, public: true, pages?: [title]}.

    ``app`` makes the default app a member itself, ``chat_id`` adds a group as administrator, which lets in
    the bots of the group. ``pages`` are made on the first level.
    """
    body = req.json()
    members = [("openid", str(person)) for person in body.get("people") or ()]
    if body.get("app", True):
        members.append(("app", world.default_app.app_id))
    if body.get("chat_id"):
        members.append(("openchat", str(body["chat_id"])))
    space = world.wiki.create_space(
        str(body.get("name") or "知识库"), members, public=body.get("public", True)
    )
    tokens = []
    for title in body.get("pages") or ():
        document = world.docx.create(str(title), world.default_app.open_id)
        node = world.wiki.add(space, "", ("docx", document.id), str(title), world.default_app.open_id)
        tokens.append(node.token)
    return {"space_id": space.id, "node_tokens": tokens}


@routes.add("GET", "/_sandbox/wiki/spaces", auth="none", claim=CLAIM)
def tree(world: World, _req: Request) -> Body:
    """All spaces with their pages, each page with the pages below it."""

    def below(space_id: str, parent: str) -> list[Body]:
        nodes = world.wiki.below(space_id, parent)
        return [world.wiki.wire(node) | {"children": below(space_id, node.token)} for node in nodes]

    spaces = world.wiki.spaces.values()
    return {"spaces": [{"space_id": s.id, "name": s.name, "pages": below(s.id, "")} for s in spaces]}


@routes.add("POST", "/_sandbox/wiki", auth="none", claim=CLAIM)
def switches(world: World, req: Request) -> Body:
    """Let moves into the wiki take a while: {move_seconds: 2}."""
    world.wiki.move_seconds = float(req.json().get("move_seconds", world.wiki.move_seconds))
    return {"move_seconds": world.wiki.move_seconds}


@routes.add("GET", "/_sandbox/wiki/pages/:token", auth="none", claim=CLAIM)
def read_page(world: World, req: Request) -> Body:
    """A page as plain data: {title, revision, blocks: [{type, text?, rows?, media?}]}."""
    node = world.wiki.nodes.get(req.params["token"])
    document = world.docx.documents.get(node.obj_token) if node else None
    if document is None:
        raise ApiError(404, "no page of the wiki has this token, or it is no document", status=404)
    return {"title": document.title, "revision": document.revision, "blocks": plain(world, document)}


def plain(world: World, document: Document) -> list[Body]:
    """The blocks of a document from top to bottom, what lies in tables and views drawn together."""
    shown: list[Body] = []
    for name in document.root.children:
        block = next((b for b in document.walk(name) if b.kind == FILE), document.blocks[name])
        told: Body = {"type": block.kind}
        if block.kind in (IMAGE, FILE):
            told["media"] = media(world, str(block.content.get("token") or ""))
        elif block.kind == TABLE:
            told["rows"] = rows(document, name)
        elif block.words:
            told["text"] = block.words
        shown.append(told)
    return shown


def rows(document: Document, table: str) -> list[list[str]]:
    """The words of a table, row by row."""
    block = document.blocks[table]
    width = int(block.content["property"]["column_size"])
    words = ["".join(b.words for b in document.walk(cell)) for cell in block.children]
    return [words[at : at + width] for at in range(0, len(words), width)]


def media(world: World, token: str) -> dict[str, Any] | None:
    """What is known of a picture or file; None for an empty place."""
    found = world.drive.media.get(token)
    if found is None:
        return None
    return {
        "token": token,
        "name": found.name,
        "size": len(found.data),
        "sha256": hashlib.sha256(found.data).hexdigest(),
        "url": f"{world.base_url}/web/media/{token}",
    }
