"""The wiki: its spaces and the tree of pages.

A page has two names: its node token (in links, `/wiki/<node>`) and the token of the document behind it, which
`runtime.feishu.docx` writes to. Pages inherit the rights of the page above them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.feishu.door import Door
from runtime.feishu.endpoint import PER_MINUTE_100, Endpoint
from runtime.ids import DocumentId, NodeToken, SpaceId

SPACES = Endpoint("GET", "/open-apis/wiki/v2/spaces", PER_MINUTE_100)
NODES = Endpoint("GET", "/open-apis/wiki/v2/spaces/:space_id/nodes", PER_MINUTE_100)
CREATE_NODE = Endpoint("POST", "/open-apis/wiki/v2/spaces/:space_id/nodes", PER_MINUTE_100, writes=True)

PAGE = 50


@dataclass(frozen=True, slots=True)
class Space:
    """A space the app is a member of: its id and name."""

    space_id: SpaceId
    name: str


@dataclass(frozen=True, slots=True)
class Node:
    """A page of the tree.

    Args:
        space_id: the space.
        node_token: the page's place in the tree; stands in links.
        obj_token: what lies there: a document's id, a base's app token, a file's token.
        obj_type: `docx`, `file`, `bitable`, …
        parent: the page above, empty on the first level.
        title: as people see it.
    """

    space_id: SpaceId
    node_token: NodeToken
    obj_token: str
    obj_type: str
    parent: NodeToken
    title: str

    @property
    def document(self) -> DocumentId:
        """The document to write to.

        Raises:
            ValueError: the page is no document.
        """
        if self.obj_type != "docx":
            msg = f"The wiki page {self.title!r} is a {self.obj_type}, not a document; name another page."
            raise ValueError(msg)
        return DocumentId(self.obj_token)


class Wiki:
    """Pages of the spaces the app is a member of (131006 where it is not). One tree is changed serially.

    Source: docs wiki-v2 pages of the same names; needs wiki:wiki.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def list_spaces(self) -> tuple[Space, ...]:
        """Return the spaces the app is a member of; none means that nobody has added it yet."""
        items = self._door.pages(SPACES, query={"page_size": PAGE})
        return tuple(Space(SpaceId(str(item["space_id"])), str(item.get("name") or "")) for item in items)

    def list_children(self, space: SpaceId, parent: NodeToken | None = None) -> tuple[Node, ...]:
        """Return the pages right below a page, or of the first level, in the order people see.

        Pages the app may not see are left out, so a page of the answer may be empty and not the last.
        """
        query = {"page_size": PAGE, "parent_node_token": parent}
        items = self._door.pages(NODES, query=query, paths={"space_id": space})
        return tuple(_node(item) for item in items)

    def find_child(self, space: SpaceId, parent: NodeToken | None, title: str) -> Node | None:
        """Return the first page of a title right below a page: how an `Ambiguous` create is settled."""
        return next((node for node in self.list_children(space, parent) if node.title == title), None)

    def create_page(self, space: SpaceId, parent: NodeToken | None, title: str) -> Node:
        """Make an empty document below a page. There is no idempotency key; see `ensure_page`.

        Args:
            space: the space.
            parent: the page above, None for the first level.
            title: at most 2,000 pages lie below one page, 50 levels deep (131003).

        Raises:
            Ambiguous: no usable answer; look with `find_child` before making it again.
            Busy: somebody else changes this part of the tree (131009).
        """
        body = {"obj_type": "docx", "node_type": "origin", "title": title}
        if parent:
            body["parent_node_token"] = parent
        data = self._door.call(CREATE_NODE, paths={"space_id": space}, body=body, lane=_lane(space))
        return _node(data.get("node"))

    def ensure_page(self, space: SpaceId, parent: NodeToken | None, title: str) -> Node:
        """Return the page of a title below a page and make it if it is not there: safe to repeat.

        Titles must therefore tell pages apart (put a number or a date into them), and the page's token is to
        be kept once it is known, because people rename pages. Only one caller at a time may ask for a title.

        Raises:
            Ambiguous: no usable answer to making it; call again, it is looked up first.
        """
        return self.find_child(space, parent, title) or self.create_page(space, parent, title)


def _lane(space: SpaceId) -> str:
    """Changes of one tree collide (131009), so only one is under way."""
    return f"wiki:{space}"


def _node(item: Mapping[str, Any] | None) -> Node:
    given = item or {}
    return Node(
        space_id=SpaceId(str(given.get("space_id") or "")),
        node_token=NodeToken(str(given.get("node_token") or "")),
        obj_token=str(given.get("obj_token") or ""),
        obj_type=str(given.get("obj_type") or ""),
        parent=NodeToken(str(given.get("parent_node_token") or "")),
        title=str(given.get("title") or ""),
    )
