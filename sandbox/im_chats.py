"""Groups: make, read, change, dissolve, and who is in them."""

from collections.abc import Iterable
from typing import Any

from sandbox.contact import paged, user_id_type
from sandbox.im_state import Chat
from sandbox.kernel import ApiError, Person, Rate, Request, Routes, World

TIER = Rate(per_minute=1000, per_second=50)
UUID_LIFE = 36_000.0
SCOPES = ("im:chat", "im:chat:create", "im:chat:readonly")
LISTED = (
    "chat_id", "avatar", "name", "description", "owner_id", "owner_id_type", "external", "tenant_key",
    "chat_status",
)  # fmt: skip

COUNTED = ("user_count", "bot_count", "chat_status")
"""A new group's answer does not say these (docs im-v1/chat/create)."""

routes = Routes("im")


def bad(why: str) -> ApiError:
    """232001 with what is wrong."""
    return ApiError(232001, f"Your request contains an invalid request parameter, ext={why}", status=400)


def people_of(world: World, values: Iterable[Any], id_type: str) -> tuple[list[Person], list[str]]:
    """The people of these ids, and the ids nobody has."""
    found = [(str(value), world.find_person(str(value), id_type)) for value in values]
    return [p for _, p in found if p and not p.resigned], [v for v, p in found if p is None or p.resigned]


def view(world: World, chat: Chat, req: Request) -> dict[str, Any]:
    """A group as the API shows it."""
    owner = world.people.get(chat.owner)
    return {
        "chat_id": chat.chat_id,
        "avatar": "",
        "name": chat.name,
        "description": chat.description,
        "owner_id": getattr(owner, user_id_type(req)) if owner else "",
        "owner_id_type": user_id_type(req),
        "chat_mode": chat.mode,
        "chat_type": chat.chat_type,
        "chat_tag": "inner",
        "external": False,
        "tenant_key": world.tenant_key,
        "user_count": str(len(chat.members)),
        "bot_count": str(len(chat.bots)),
        "chat_status": "dissolved" if chat.dissolved else "normal",
    }


def group(world: World, req: Request) -> Chat:
    """The group of a call; the bot must be in it.

    Raises:
        ApiError: 232006 unknown, 232009 dissolved, 232011 bot not in it.
    """
    chat: Chat | None = world.im.chats.get(req.params["chat_id"])
    if chat is None:
        raise ApiError(232006, "Your request specifies a chat_id which is invalid", status=400)
    if chat.dissolved:
        raise ApiError(232009, "Your request specifies a chat which has already been dissolved", status=400)
    if req.app.app_id not in chat.bots:
        raise ApiError(232011, "Operator can NOT be out of the chat", status=400)
    return chat


@routes.add(
    "POST",
    "/open-apis/im/v1/chats",
    rate=TIER,
    scopes=("im:chat", "im:chat:create"),
    claim="docs im-v1/chat/create, read 2026-11",
)
def create(world: World, req: Request) -> dict[str, Any]:
    """Make a group with the bot in it; the same uuid and owner within 10 hours give the first group again."""
    body = req.json()
    kind = user_id_type(req)
    uuid = req.query.get("uuid", "")
    asked = body.get("user_id_list") or []
    if len(asked) > 50 or len(body.get("bot_id_list") or []) > 5:
        raise bad("at most 50 users and 5 bots at creation")
    key = f"{req.app.app_id} chat {body.get('owner_id', '')} {uuid}" if uuid else ""
    known = world.im.seen_uuid(key, UUID_LIFE) if key else None
    if known:
        return _created(world, world.im.chats[known], req)
    owner = world.find_person(str(body["owner_id"]), kind) if body.get("owner_id") else None
    if body.get("owner_id") and owner is None:
        raise bad("owner_id is invalid")
    people, unknown = people_of(world, asked, kind)
    if unknown:
        raise bad(f"user_id_list holds invalid ids: {', '.join(unknown)}")
    members = dict.fromkeys([p.open_id for p in ([owner] if owner else []) + people])
    chat = Chat(
        world.ids.chat(),
        "group",
        name=str(body.get("name") or ""),
        description=str(body.get("description") or ""),
        owner=owner.open_id if owner else "",
        members=list(members),
        bots=[req.app.app_id],
        chat_type=str(body.get("chat_type") or "private"),
    )
    world.im.chats[chat.chat_id] = chat
    if key:
        world.im.keep_uuid(key, chat.chat_id)
    world.im.touch()
    return _created(world, chat, req)


def _created(world: World, chat: Chat, req: Request) -> dict[str, Any]:
    return {key: value for key, value in view(world, chat, req).items() if key not in COUNTED}


@routes.add(
    "GET", "/open-apis/im/v1/chats", rate=TIER, scopes=SCOPES, claim="docs im-v1/chat/list, read 2026-11"
)
def list_chats(world: World, req: Request) -> dict[str, Any]:
    """The groups the bot is in."""
    mine = [
        c
        for c in world.im.chats.values()
        if c.mode == "group" and req.app.app_id in c.bots and not c.dissolved
    ]
    shown = [{k: v for k, v in view(world, chat, req).items() if k in LISTED} for chat in mine]
    return paged(req, shown, largest=100, usual=20)


@routes.add(
    "GET",
    "/open-apis/im/v1/chats/:chat_id",
    rate=TIER,
    scopes=SCOPES,
    claim="docs im-v1/chat/get, read 2026-11",
)
def get(world: World, req: Request) -> dict[str, Any]:
    """One group; the answer does not repeat its id."""
    shown = view(world, group(world, req), req)
    del shown["chat_id"]
    return shown


@routes.add(
    "PUT",
    "/open-apis/im/v1/chats/:chat_id",
    rate=TIER,
    scopes=("im:chat", "im:chat:update"),
    claim="docs im-v1/chat/update, read 2026-11",
)
def update(world: World, req: Request) -> dict[str, Any]:
    """Change name or description."""
    chat, body = group(world, req), req.json()
    chat.name = str(body.get("name") or chat.name)
    chat.description = str(body.get("description") or chat.description)
    world.im.touch()
    return {}


@routes.add(
    "DELETE",
    "/open-apis/im/v1/chats/:chat_id",
    rate=TIER,
    scopes=("im:chat", "im:chat:delete"),
    claim="docs im-v1/chat/delete, read 2026-11",
)
def dissolve(world: World, req: Request) -> dict[str, Any]:
    """Dissolve a group."""
    group(world, req).dissolved = True
    world.im.touch()
    return {}


@routes.add(
    "POST",
    "/open-apis/im/v1/chats/:chat_id/members",
    rate=TIER,
    scopes=("im:chat", "im:chat.members:write_only"),
    claim="docs im-v1/chat-members/create, read 2026-11",
)
def add_members(world: World, req: Request) -> dict[str, Any]:
    """Bring people in. succeed_type 1 takes whom it can; 0 and 2 refuse when an id does not exist."""
    chat = group(world, req)
    asked = req.json().get("id_list") or []
    if not 1 <= len(asked) <= 50:
        raise bad("id_list must hold 1 to 50 ids")
    people, unknown = people_of(world, asked, req.query.get("member_id_type", "open_id"))
    if unknown and req.query.get("succeed_type", "0") != "1":
        raise bad(f"id_list holds ids that do not exist: {', '.join(unknown)}")
    chat.members = list(dict.fromkeys([*chat.members, *(p.open_id for p in people)]))
    world.im.touch()
    return {"invalid_id_list": [], "not_existed_id_list": unknown, "pending_approval_id_list": []}


@routes.add(
    "DELETE",
    "/open-apis/im/v1/chats/:chat_id/members",
    rate=TIER,
    scopes=("im:chat", "im:chat.members:write_only"),
    claim="docs im-v1/chat-members/delete, read 2026-11",
)
def remove_members(world: World, req: Request) -> dict[str, Any]:
    """Take people out."""
    chat = group(world, req)
    asked = req.json().get("id_list") or []
    people, unknown = people_of(world, asked, req.query.get("member_id_type", "open_id"))
    gone = {p.open_id for p in people}
    chat.members = [m for m in chat.members if m not in gone]
    world.im.touch()
    return {"invalid_id_list": unknown}


@routes.add(
    "GET",
    "/open-apis/im/v1/chats/:chat_id/members",
    rate=TIER,
    scopes=("im:chat", "im:chat:readonly", "im:chat.members:read"),
    claim="docs im-v1/chat-members/get, read 2026-11",
)
def list_members(world: World, req: Request) -> dict[str, Any]:
    """Who is in a group; bots are not shown."""
    chat = group(world, req)
    kind = req.query.get("member_id_type", "open_id")
    people = [world.people[m] for m in chat.members if m in world.people]
    items = [
        {
            "member_id_type": kind,
            "member_id": getattr(p, kind),
            "name": p.name,
            "tenant_key": world.tenant_key,
        }
        for p in people
    ]
    return paged(req, items, largest=100, usual=20) | {"member_total": len(items)}
