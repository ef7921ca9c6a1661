"""Drive: uploaded files, uploads under way, and the refusals of both."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.kernel import Refusals

Body = dict[str, Any]
BLOCK = 4 * 1024 * 1024
LIMIT = 20 * 1024 * 1024
DAY = 86_400.0

refuse = Refusals(
    {
        1061002: ("params error.", 400),
        1061003: ("not found.", 404),
        1061004: ("forbidden.", 403),
        1061008: ("invalid file name.", 400),
        1061021: ("upload id expire.", 400),
        1061043: ("file size beyond limit.", 400),
        1061044: ("parent node not exist.", 400),
        1061045: ("can retry.", 400),
        1062007: ("upload user not match.", 400),
        1062008: ("checksum param Invalid.", 400),
        1062009: ("the actual size is inconsistent with the parameter declaration size.", 400),
        1062010: ("block missing, please upload all blocks.", 400),
        1062011: ("block num out of bounds.", 400),
        1069602: ("param error", 400),
        1069603: ("forbidden", 403),
        1069604: ("not found", 400),
        1069605: ("not subscribed", 400),
    }
)


@dataclass(frozen=True, slots=True)
class Media:
    """One uploaded file.

    Args:
        token: its name on the wire.
        name, mime, data: what was uploaded.
        parent: the base, block or folder it belongs to.
        kind: point of upload: bitable_image, bitable_file, docx_image, docx_file or explorer.
        route: of a block the document, of a folder whose it is.
    """

    token: str
    name: str
    mime: str
    data: bytes
    parent: str
    kind: str = "bitable_file"
    route: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an upload goes: the point of upload, its token, and its document or owner."""

    kind: str
    parent: str
    route: str = ""


@dataclass(slots=True)
class Upload:
    """An upload in parts."""

    id: str
    name: str
    place: Place
    size: int
    who: str
    until: float
    parts: dict[int, bytes] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        """How many parts there must be."""
        return max(1, -(-self.size // BLOCK))


def root_of(owner: str) -> str:
    """The token of somebody's root folder."""
    return f"fldroot{owner[-20:]}"
