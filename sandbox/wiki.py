"""The wiki (v2): spaces, the tree of pages, and files that move into it.

An app sees a space when it is a member: by itself, or because a group with its bot in it was added. Members
may edit every page; what lies in the wiki opens to who may see its space, whoever made it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox import wiki_control
from sandbox.docx_model import Body
from sandbox.kernel import Rate, Refusals, Request, Routes, World

routes = Routes("wiki")
SPACES = "/open-apis/wiki/v2/spaces"
DOC = "docs wiki-v2"
PACE = Rate(per_minute=100)
READ_SCOPES = ("wiki:wiki", "wiki:wiki:readonly", "wiki:node:read")
SPACE_SCOPES = ("wiki:wiki", "wiki:wiki:readonly", "wiki:space:retrieve")
CREATE_SCOPES = ("wiki:wiki", "wiki:node:create")
MOVE_SCOPES = ("wiki:wiki", "wiki:node:move")
NODES, LEVELS, SIBLINGS = 400_000, 50, 2_000
PAGE = 50
TYPES = ("doc", "sheet", "mindnote", "bitable", "file", "docx", "slides")
MADE_HERE = ("docx",)
"""What the sandbox can make; a file cannot be made as a node on the platform either."""

refuse = Refusals(
    {
        131002: ("param err", 400),
        131003: ("out of limit", 400),
        131005: ("not found", 400),
        131006: ("permission denied: wiki space permission denied", 400),
        131008: ("already exist", 400),
        131009: ("lock contention", 400),
    }
)


@dataclass(slots=True)
class Space:
    """A space; ``members`` holds (kind, id) -> role, kinds: app, openid, openchat."""

    id: str
    name: str
    visibility: str
    members: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(slots=True)
class Node:
    """A page: a place in the tree of a space, and the document or file that lies there."""

    token: str
    space_id: str
    parent: str
    obj_type: str
    obj_token: str
    title: str
    creator: str
    created: float


@dataclass(slots=True)
class Task:
    """A move that takes a while: it is done at ``until``."""

    id: str
    who: str
    until: float
    node: Node


class WikiState:
    """``world.wiki``: spaces, nodes in order of creation, moves; ``move_seconds`` slows moves down."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.spaces: dict[str, Space] = {}
        self.nodes: dict[str, Node] = {}
        self.tasks: dict[str, Task] = {}
        self.move_seconds = 0.0

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget everything."""
        self.spaces.clear()
        self.nodes.clear()
        self.tasks.clear()
        self.move_seconds = 0.0

    def create_space(
        self, name: str, members: Sequence[tuple[str, str]] = (), *, public: bool = True
    ) -> Space:
        """Found a space, as a person does in the client."""
        ids = self.world.ids
        space = Space(ids.text(19, "123456789"), name, "public" if public else "private")
        space.members.update(dict.fromkeys(members, "admin"))
        self.spaces[space.id] = space
        return space

    def open_to(self, req: Request, space_id: str, *, edit: bool) -> bool:
        """Whether a caller may see, or edit, what is in a space."""
        space = self.spaces[space_id]
        if req.identity != "app":
            return self.person_may(space, req.identity, edit=edit)
        chats = (who for kind, who in space.members if kind == "openchat")
        groups = [self.world.im.chats[chat] for chat in chats if chat in self.world.im.chats]
        in_group = any(req.app.app_id in chat.bots and not chat.dissolved for chat in groups)
        return in_group or ("app", req.app.app_id) in space.members

    def person_may(self, space: Space, open_id: str, *, edit: bool) -> bool:
        """Whether a person may see, or edit, a space."""
        return ("openid", open_id) in space.members or (space.visibility == "public" and not edit)

    def space(self, req: Request, *, edit: bool = False) -> Space:
        """The space of a call.

        Raises:
            ApiError: 131005 unknown, 131006 not a member.
        """
        space = self.spaces.get(req.params["space_id"])
        if space is None:
            raise refuse(131005)
        if not self.open_to(req, space.id, edit=edit):
            raise refuse(131006)
        return space

    def node_of(self, obj_type: str, obj_token: str) -> Node | None:
        """The page behind which something lies."""
        found = (n for n in self.nodes.values() if (n.obj_type, n.obj_token) == (obj_type, obj_token))
        return next(found, None)

    def below(self, space_id: str, parent: str) -> list[Node]:
        """The pages right below a page, or of the first level."""
        return [n for n in self.nodes.values() if (n.space_id, n.parent) == (space_id, parent)]

    def add(self, space: Space, parent: str, obj: tuple[str, str], title: str, creator: str) -> Node:
        """Put a page into the tree.

        Raises:
            ApiError: 131005 when the page above is not in the space, 131003 when there is no room.
        """
        above = list(self.above(parent))
        if parent and (not above or above[0].space_id != space.id):
            raise refuse(131005)
        full = len(self.nodes) >= NODES or len(self.below(space.id, parent)) >= SIBLINGS
        if full or len(above) >= LEVELS:
            raise refuse(131003)
        token, now = self.world.ids.node(), self.world.clock.time()
        node = Node(token, space.id, parent, obj[0], obj[1], title, creator, now)
        self.nodes[token] = node
        self.world.im.touch()
        return node

    def above(self, token: str) -> Iterator[Node]:
        """A page and all above it, upwards."""
        while token in self.nodes:
            yield self.nodes[token]
            token = self.nodes[token].parent

    def wire(self, node: Node) -> Body:
        """A page as the API shows it; a document's own title counts."""
        document = self.world.docx.documents.get(node.obj_token)
        at = str(int(node.created))
        return {
            "space_id": node.space_id,
            "node_token": node.token,
            "obj_token": node.obj_token,
            "obj_type": node.obj_type,
            "parent_node_token": node.parent,
            "node_type": "origin",
            "origin_node_token": node.token,
            "origin_space_id": node.space_id,
            "has_child": bool(self.below(node.space_id, node.token)),
            "title": document.title if document else node.title,
            "obj_create_time": at,
            "obj_edit_time": at,
            "node_create_time": at,
            "creator": node.creator,
            "owner": node.creator,
            "node_creator": node.creator,
        }


def page_of(req: Request, items: Sequence[Any], view: Callable[[Any], Body]) -> Body:
    """One page of a listing.

    Raises:
        ApiError: 131002 for a token that is none or a page size out of range.
    """
    token, size = req.query.get("page_token") or "0", req.query.get("page_size") or str(PAGE)
    if not token.isdigit() or not size.isdigit() or not 1 <= int(size) <= PAGE:
        raise refuse(131002)
    start, end = int(token), int(token) + int(size)
    more = end < len(items)
    page: Body = {"items": [view(item) for item in items[start:end]], "has_more": more}
    return page | {"page_token": str(end) if more else ""}


def space_view(space: Space) -> Body:
    """A space as the API shows it."""
    return {
        "space_id": space.id,
        "name": space.name,
        "description": "",
        "space_type": "team",
        "visibility": space.visibility,
        "open_sharing": "closed",
    }


@routes.add(
    "GET", SPACES, rate=PACE, auth="any", scopes=SPACE_SCOPES, claim=f"{DOC}/space/list, 2025"
)  # fmt: skip
def list_spaces(world: World, req: Request) -> Body:
    """The spaces the caller may see."""
    mine = [s for s in world.wiki.spaces.values() if world.wiki.open_to(req, s.id, edit=False)]
    return page_of(req, mine, space_view)


@routes.add(
    "GET",
    f"{SPACES}/get_node",
    rate=PACE,
    auth="any",
    scopes=READ_SCOPES,
    claim=f"{DOC}/space/get_node, 2025",
)
def get_node(world: World, req: Request) -> Body:
    """A page by its token, or with ``obj_type`` by the token of what lies there."""
    token, kind = req.query.get("token") or "", req.query.get("obj_type") or "wiki"
    if not token or kind not in ("wiki", *TYPES):
        raise refuse(131002)
    node = world.wiki.nodes.get(token) if kind == "wiki" else world.wiki.node_of(kind, token)
    if node is None:
        raise refuse(131005)
    if not world.wiki.open_to(req, node.space_id, edit=False):
        raise refuse(131006)
    return {"node": world.wiki.wire(node)}


@routes.add(
    "GET",
    f"{SPACES}/:space_id/nodes",
    rate=PACE,
    auth="any",
    scopes=READ_SCOPES,
    claim=f"{DOC}/space-node/list, 2025",
)
def list_nodes(world: World, req: Request) -> Body:
    """The pages right below a page, or of the first level."""
    space, parent = world.wiki.space(req), req.query.get("parent_node_token") or ""
    if parent and (parent not in world.wiki.nodes or world.wiki.nodes[parent].space_id != space.id):
        raise refuse(131005)
    return page_of(req, world.wiki.below(space.id, parent), world.wiki.wire)


@routes.add(
    "POST",
    f"{SPACES}/:space_id/nodes",
    rate=PACE,
    auth="any",
    scopes=CREATE_SCOPES,
    claim=f"{DOC}/space-node/create, 2025; only documents are made here, others 131002",
)
def create_node(world: World, req: Request) -> Body:
    """Make an empty document below a page. The same title twice makes two pages."""
    body = req.json()
    if body.get("obj_type") not in MADE_HERE or body.get("node_type") != "origin":
        raise refuse(131002)
    space, who, title = (
        world.wiki.space(req, edit=True),
        world.bitable.operator(req),
        str(body.get("title") or ""),
    )
    node = world.wiki.add(space, str(body.get("parent_node_token") or ""), ("docx", ""), title, who)
    node.obj_token = world.docx.create(title, who).id
    return {"node": world.wiki.wire(node)}


@routes.add(
    "POST",
    f"{SPACES}/:space_id/nodes/move_docs_to_wiki",
    rate=PACE,
    auth="any",
    scopes=MOVE_SCOPES,
    claim=f"{DOC}/space-node/move_docs_to_wiki, 2025; a second move of the same: 131008, unconfirmed",
)
def move_docs(world: World, req: Request) -> Body:
    """Move a document or file of the caller's below a page: its token, or a task when it takes a while."""
    body, wiki = req.json(), world.wiki
    kind, token = body.get("obj_type"), str(body.get("obj_token") or "")
    if kind not in TYPES or not token:
        raise refuse(131002)
    space, who = wiki.space(req, edit=True), world.bitable.operator(req)
    if wiki.node_of(str(kind), token):
        raise refuse(131008)
    title, owner = lying(world, str(kind), token)
    if owner != who:
        if body.get("apply"):
            return {"applied": True}
        raise refuse(131006)
    node = wiki.add(space, str(body.get("parent_wiki_token") or ""), (str(kind), token), title, who)
    if not wiki.move_seconds:
        return {"wiki_token": node.token}
    task = Task(f"{world.ids.text(19, '123456789')}-{world.ids.hex(40)}", who, world.clock.time(), node)
    task.until += wiki.move_seconds
    wiki.tasks[task.id] = task
    return {"task_id": task.id}


def lying(world: World, kind: str, token: str) -> tuple[str, str]:
    """Title and owner of a document or file that is not in the wiki.

    Raises:
        ApiError: 131005 when there is none.
    """
    document, file = world.docx.documents.get(token), world.drive.media.get(token)
    if kind == "docx" and document is not None:
        return document.title, document.owner
    if kind == "file" and file is not None and file.kind == "explorer":
        return file.name, file.route
    raise refuse(131005)


@routes.add(
    "GET",
    "/open-apis/wiki/v2/tasks/:task_id",
    rate=PACE,
    auth="any",
    scopes=READ_SCOPES,
    claim=f"{DOC}/task/get, 2025",
)
def get_task(world: World, req: Request) -> Body:
    """How a move is doing: status 1 under way, 0 done. Only who began it may ask."""
    task = world.wiki.tasks.get(req.params["task_id"])
    if task is None or req.query.get("task_type") != "move":
        raise refuse(131005 if task is None else 131002)
    if task.who != world.bitable.operator(req):
        raise refuse(131006)
    done = world.clock.time() >= task.until
    result = {"status": 0 if done else 1, "status_msg": "success" if done else "processing"}
    return {"task": {"task_id": task.id, "move_result": [{**result, "node": world.wiki.wire(task.node)}]}}


routes.include(wiki_control.routes)
