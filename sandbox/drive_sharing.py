"""Drive: whom a document is shared with, and what lies in the caller's root folder.

Source: drive-v1 permission-member/create, list and file/list pages (Feishu docs): refusals 1063001-1063006.
Only bases can be shared here.
"""

from typing import Any

from sandbox.bitable_model import Base
from sandbox.drive_model import Media, root_of
from sandbox.kernel import Rate, Refusals, Request, Routes, World

routes = Routes("drive")
MEMBERS = "/open-apis/drive/v1/permissions/:token/members"
DOC = "docs drive-v1"
PACE = Rate(per_minute=100)
SHARE_SCOPES = (
    "docs:doc", "docs:permission.member:create", "drive:drive", "drive:file", "sheets:spreadsheet",
    "wiki:wiki",
)  # fmt: skip
LIST_SCOPES = ("docs:doc", "docs:permission.member:retrieve", "drive:drive", "drive:file", "wiki:wiki")
FILE_SCOPES = ("drive:drive", "drive:drive:readonly", "space:document:retrieve")
FILE_TYPES = ("doc", "sheet", "file", "wiki", "bitable", "docx", "folder", "mindnote", "minutes", "slides")
PEOPLE = {"openid": "open_id", "unionid": "union_id", "userid": "user_id", "email": "email"}
MEMBER_TYPES = (*PEOPLE, "openchat", "opendepartmentid", "groupid", "wikispaceid")
PERMS = ("view", "edit", "full_access")
Body = dict[str, Any]

refuse = Refusals(
    {
        1061003: ("not found.", 404),
        1063001: ("Invalid parameter", 400),
        1063002: ("Permission denied", 403),
        1063003: ("Invalid operation", 400),
        1063005: ("Resource is deleted", 404),
    }
)


def _document(world: World, req: Request) -> Base:
    """The base a call speaks of, if the caller manages it."""
    if req.query.get("type") not in FILE_TYPES:
        raise refuse(1063001)
    base: Base | None = world.bitable.bases.get(req.params["token"])
    if base is None:
        raise refuse(1063005)
    if req.query["type"] != "bitable":
        raise refuse(1063001)
    who = req.app.app_id if req.identity == "app" else req.identity
    if who not in base.managers and world.bitable.operator(req) != base.owner:
        raise refuse(1063002)
    return base


@routes.add(
    "POST",
    MEMBERS,
    rate=PACE,
    auth="any",
    scopes=SHARE_SCOPES,
    claim=f"{DOC}/permission-member/create, 2025; limit, unknown id 1063001, sharing again: unconfirmed",
)
def share(world: World, req: Request) -> Body:
    """Share a base. full_access lets a person see and edit everything in it, whatever the roles say."""
    base, body = _document(world, req), req.json()
    kind, member, perm = body.get("member_type"), str(body.get("member_id") or ""), body.get("perm")
    if kind not in MEMBER_TYPES or not member or perm not in PERMS:
        raise refuse(1063001)
    if kind == "opendepartmentid" and req.identity == "app":
        raise refuse(1063003)  # departments take a user's token
    if kind in PEOPLE:
        person = world.find_person(member, PEOPLE[kind])
        if person is None:
            raise refuse(1063001)
        change = base.managers.add if perm == "full_access" else base.managers.discard
        change(person.open_id)
        base.shared[("openid", person.open_id)] = perm
    else:
        base.shared[(kind, member)] = perm
    for table in base.tables.values():
        table.answers.clear()  # who sees what has changed
    told = {"member_type": kind, "member_id": member, "perm": perm, "perm_type": "container"}
    return {"member": told | ({"type": "user"} if kind in PEOPLE else {})}


@routes.add(
    "GET",
    MEMBERS,
    rate=PACE,
    auth="any",
    scopes=LIST_SCOPES,
    claim=f"{DOC}/permission-member/list, 2025; limit and whether an owning app is listed: unconfirmed",
)
def list_members(world: World, req: Request) -> Body:
    """The people and groups a base is shared with; names only when ``fields`` asks for them."""
    base = _document(world, req)
    people = {("openid", who): "full_access" for who in sorted(base.managers) if who in world.people}
    fields = (req.query.get("fields") or "").split(",")
    items = []
    for (kind, member), perm in {**base.shared, **people}.items():
        item = {"member_type": kind, "member_id": member, "perm": perm, "perm_type": "container"}
        if kind == "openid":
            item["type"] = "user"
            if "name" in fields or "*" in fields:
                item["name"] = world.people[member].name
        items.append(item)
    return {"items": items}


@routes.add(
    "GET",
    "/open-apis/drive/v1/files",
    rate=PACE,
    auth="any",
    scopes=FILE_SCOPES,
    claim=f"{DOC}/file/list, 2025; the root is not paged; limit unconfirmed",
)
def list_files(world: World, req: Request) -> Body:
    """What the caller's root folder holds: the bases it made and the files it uploaded."""
    if req.query.get("folder_token"):
        raise refuse(1061003)
    owner = world.bitable.operator(req)
    mine = [b for b in world.bitable.bases.values() if b.owner == owner and not b.folder_token]
    loose = [_loose(world, media) for media in world.drive.media.values() if _lies_here(world, media, owner)]
    return {"files": [*(_file(world, base) for base in mine), *loose], "has_more": False}


def _lies_here(world: World, media: Media, owner: str) -> bool:
    """Whether an uploaded file still lies in somebody's root folder; what moved into the wiki does not."""
    return media.parent == root_of(owner) and world.wiki.node_of("file", media.token) is None


def _loose(world: World, media: Media) -> Body:
    return {
        "token": media.token,
        "name": media.name,
        "type": "file",
        "parent_token": media.parent,
        "url": f"{world.base_url}/file/{media.token}",
        "owner_id": media.route,
    }


def _file(world: World, base: Base) -> Body:
    return {
        "token": base.token,
        "name": base.name,
        "type": "bitable",
        "parent_token": root_of(base.owner),
        "url": f"{world.base_url}/base/{base.token}",
        "created_time": str(int(base.created)),
        "modified_time": str(int(base.created)),
        "owner_id": base.owner,
    }
