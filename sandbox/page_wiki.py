"""The tab 知识库 of the web client: spaces, their pages as a tree, and the chosen page with its pictures."""

from sandbox.card_html import esc
from sandbox.docx_html import document_html
from sandbox.kernel import ApiError, Reply, Request, Routes, World
from sandbox.wiki import Node, Space

CLAIM = "our own web client, 2026-11"

routes = Routes("page")


@routes.add("GET", "/people/:open_id/wiki", auth="none", claim=CLAIM)
def wiki_tab(world: World, req: Request) -> Reply:
    """What a person may see of the wiki: ?node=<token of the chosen page>."""
    who = req.params["open_id"]
    spaces = [s for s in world.wiki.spaces.values() if world.wiki.person_may(s, who, edit=False)]
    seen = [node for space in spaces for node in world.wiki.nodes.values() if node.space_id == space.id]
    chosen = next((node for node in seen if node.token == req.query.get("node")), seen[0] if seen else None)
    lines = "".join(f'<p class="base">{esc(s.name)}</p>{branch(world, s, "", chosen, 0)}' for s in spaces)
    if spaces and not seen:
        lines += '<p class="empty">还没有页面。定稿的图片会归档到这里。</p>'
    return Reply(
        {
            "list": lines,
            "html": shown(world, chosen) if chosen else "",
            "title": world.wiki.wire(chosen)["title"] if chosen else "",
            "node": chosen.token if chosen else "",
        }
    )


def branch(world: World, space: Space, parent: str, chosen: Node | None, depth: int) -> str:
    """The pages below a page, and those below them."""
    lines = []
    for node in world.wiki.below(space.id, parent):
        on = " on" if node is chosen else ""
        title = esc(world.wiki.wire(node)["title"])
        lines.append(
            f'<a class="chat{on}" data-node="{node.token}" style="padding-left:{16 + depth * 14}px">'
            f'<span class="about"><b>{title}</b></span></a>'
            + branch(world, space, node.token, chosen, depth + 1)
        )
    return "".join(lines)


def shown(world: World, node: Node) -> str:
    """A page: a document drawn, a file to download."""
    document = world.docx.documents.get(node.obj_token)
    if document is not None:
        return document_html(world, document)
    return f'<div class="docx-file"><a href="/web/media/{esc(node.obj_token)}">{esc(node.title)}</a></div>'


@routes.add("GET", "/web/media/:token", auth="none", claim=CLAIM)
def media(world: World, req: Request) -> Reply:
    """An uploaded picture or file, for the page."""
    found = world.drive.media.get(req.params["token"])
    if found is None:
        raise ApiError(404, "no such file", status=404)
    headers = {"Content-Type": found.mime, "Cache-Control": "max-age=3600"}
    if not found.mime.startswith("image/") or found.mime == "image/svg+xml":
        headers |= {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return Reply(found.data, headers=headers)
