"""Messages: send, reply, edit, patch, read back, recall, read status, urgent."""

from typing import Any

from sandbox import cards, im_act, im_chats, im_content, im_files
from sandbox.contact import user_id_type
from sandbox.im_state import Chat, ImState, Message
from sandbox.kernel import ApiError, Rate, Reply, Request, Routes, World

__all__ = ["ImState", "routes"]

TIER = Rate(per_minute=1000, per_second=50)
SEND = ("im:message", "im:message:send_as_bot", "im:message:send")
CHANGE = ("im:message", "im:message:send_as_bot", "im:message:update")
READ = ("im:message", "im:message:readonly", "im:message.history:readonly")
DAY = 86_400_000
RECEIVER_TYPES = ("open_id", "union_id", "user_id", "email", "chat_id")

routes = Routes("im")
routes.include(im_chats.routes)
routes.include(im_files.routes)
routes.include(im_act.routes)


def view(world: World, message: Message, *, original_card: bool = False) -> dict[str, Any]:
    """A message as GET, list and send answer it."""
    by_app = message.sender_type == "app"
    content = "This message was recalled" if message.deleted else message.content
    if not message.deleted:
        content = im_content.read_back(message.msg_type, content, original_card=original_card)
    shown = {
        "message_id": message.message_id,
        "root_id": message.root_id,
        "parent_id": message.parent_id,
        "thread_id": message.thread_id,
        "msg_type": message.msg_type,
        "create_time": str(message.create_ms),
        "update_time": str(message.update_ms),
        "deleted": message.deleted,
        "updated": message.updated,
        "chat_id": message.chat_id,
        "sender": {
            "id": message.sender,
            "id_type": "app_id" if by_app else "open_id",
            "sender_type": message.sender_type,
            "tenant_key": world.tenant_key,
        },
        "body": {"content": content},
        "mentions": message.mentions,
    }
    return {name: value for name, value in shown.items() if value not in ("", [])}


def checked(world: World, req: Request, body: dict[str, Any]) -> tuple[str, str]:
    """Type and text of the content of a call, checked as the platform does."""
    msg_type, raw = str(body["msg_type"]), body["content"]
    if msg_type == "interactive":
        im_content.check_size(msg_type, raw if isinstance(raw, str) else "")
        cards.check_message(world, req.app.app_id, raw)
    else:
        im_content.check(world, req.app.app_id, msg_type, raw)
    return msg_type, str(raw)


def once(world: World, req: Request, body: dict[str, Any], where: str) -> tuple[str, Message | None]:
    """The key of a call's uuid, and the message an earlier call with it made."""
    uuid = str(body.get("uuid") or "")
    if len(uuid) > 50:
        raise im_content.bad_content("uuid is longer than 50 characters")
    key = f"{req.app.app_id} {where} {uuid}" if uuid else ""
    known = world.im.seen_uuid(key) if key else None
    return key, world.im.messages.get(known) if known else None


def sender_of(req: Request) -> tuple[str, str]:
    """Who a call speaks for: the app, or the person whose token it carries."""
    return (req.app.app_id, "app") if req.identity == "app" else (req.identity, "user")


def post(world: World, req: Request, chat: Chat, body: dict[str, Any], key: str, **more: Any) -> Message:
    """Check the content, put the message into the chat, remember its uuid."""
    msg_type, raw = checked(world, req, body)
    world.im.pace(f"receiver {chat.chat_id}")
    message: Message = world.im.add(chat, msg_type, raw, *sender_of(req), **more)
    if key:
        world.im.keep_uuid(key, message.message_id)
    return message


@routes.add(
    "POST",
    "/open-apis/im/v1/messages",
    auth="any",
    rate=TIER,
    scopes=SEND,
    claim="docs im-v1/message/create, Apr 2026",
)
def create(world: World, req: Request) -> dict[str, Any]:
    """Send to a person or a group. The same uuid within an hour gives the first message again."""
    id_type = req.query.get("receive_id_type", "")
    if id_type not in RECEIVER_TYPES:
        raise ApiError(
            99992402,
            "field validation failed",
            status=400,
            error={"field_violations": [{"field": "receive_id_type", "description": "is required"}]},
        )
    body = req.json()
    req.need(body, "receive_id", "msg_type", "content")
    chat, person = world.im.chat_of(req.app, str(body["receive_id"]), id_type)
    key, known = once(world, req, body, "create")
    message = known or post(world, req, chat, body, key, receiver=person)
    return view(world, message)


@routes.add(
    "POST",
    "/open-apis/im/v1/messages/:message_id/reply",
    auth="any",
    rate=TIER,
    scopes=SEND,
    claim="docs im-v1/message/reply, read 2026-11",
)
def reply(world: World, req: Request) -> dict[str, Any]:
    """Answer a message in its chat, or in a topic of its own."""
    parent = world.im.message(req.params["message_id"])
    body = req.json()
    req.need(body, "msg_type", "content")
    if parent.deleted:
        raise ApiError(230011, "The message was recalled", status=400)
    chat, person = world.im.chat_of(req.app, parent.chat_id, "chat_id")
    key, known = once(world, req, body, "reply")
    thread = parent.thread_id or ("omt_" + world.ids.hex() if body.get("reply_in_thread") else "")
    message = known or post(
        world,
        req,
        chat,
        body,
        key,
        receiver=person,
        root_id=parent.root_id or parent.message_id,
        parent_id=parent.message_id,
        thread_id=thread,
    )
    return view(world, message)


def own(world: World, req: Request) -> Message:
    """The message of a call, which the caller itself must have sent.

    Raises:
        ApiError: 230011 recalled, 230012 somebody else's.
    """
    message: Message = world.im.message(req.params["message_id"])
    if message.deleted:
        raise ApiError(230011, "The message was recalled", status=400)
    if message.sender != sender_of(req)[0]:
        raise ApiError(230012, "Bot is NOT the sender of the message", status=400)
    return message


@routes.add(
    "PATCH",
    "/open-apis/im/v1/messages/:message_id",
    auth="any",
    rate=TIER,
    scopes=CHANGE,
    claim="docs im-v1/message-card/patch, read 2026-11",
)
def patch(world: World, req: Request) -> Reply:
    """Replace the card of a message; 14 days, 5 a second per message, the last one wins."""
    body = req.json()
    req.need(body, "content")
    message = own(world, req)
    if message.msg_type != "interactive":
        raise im_content.bad_content("only cards can be patched")
    if world.clock.ms() - message.create_ms > 14 * DAY:
        raise ApiError(230031, "The message has expired, cards can be updated for 14 days", status=400)
    world.im.pace(f"patch {message.message_id}")
    world.callbacks.refuse_busy(message.message_id)
    im_content.check_size("interactive", str(body["content"]))
    card = cards.check_message(world, req.app.app_id, body["content"])
    cards.check_successor(im_content.parse(message.content), card)
    world.im.replace(message, str(body["content"]))
    return Reply({"code": 0, "data": {}, "msg": "ok"})


@routes.add(
    "PUT",
    "/open-apis/im/v1/messages/:message_id",
    auth="any",
    rate=TIER,
    scopes=CHANGE,
    claim="docs im-v1/message/update, read 2026-11",
)
def edit(world: World, req: Request) -> dict[str, Any]:
    """Edit a text or post, at most 20 times."""
    body = req.json()
    req.need(body, "msg_type", "content")
    message = world.im.message(req.params["message_id"])
    if message.sender != sender_of(req)[0]:
        raise ApiError(230071, "The operator is NOT the sender of the message", status=400)
    if body["msg_type"] not in ("text", "post") or body["msg_type"] != message.msg_type:
        raise ApiError(230054, "This message type is not supported", status=400)
    if message.update_count >= 20:
        raise ApiError(230072, "The message has been edited 20 times", status=400)
    world.im.pace(f"patch {message.message_id}")
    _, raw = checked(world, req, body)
    world.im.replace(message, raw)
    return view(world, message)


@routes.add(
    "DELETE",
    "/open-apis/im/v1/messages/:message_id",
    auth="any",
    rate=TIER,
    scopes=("im:message", "im:message:send_as_bot", "im:message:recall"),
    claim="docs im-v1/message/delete, read 2026-11",
)
def recall(world: World, req: Request) -> dict[str, Any]:
    """Recall an own message."""
    message = world.im.message(req.params["message_id"])
    if message.deleted:
        raise ApiError(230110, "The message has been deleted", status=400)
    if message.sender != sender_of(req)[0]:
        raise ApiError(230026, "No permission to recall this message", status=400)
    message.deleted = True
    message.update_ms = world.clock.ms()
    world.im.touch()
    return {}


def wants_original(req: Request) -> bool:
    """Whether the caller asked for cards as they were sent."""
    return req.query.get("card_msg_content_type") in ("user_card_content", "raw_card_content")


@routes.add(
    "GET",
    "/open-apis/im/v1/messages/:message_id",
    auth="any",
    rate=TIER,
    scopes=READ,
    claim="docs im-v1/message/get, read 2026-11",
)
def get(world: World, req: Request) -> dict[str, Any]:
    """One message; the bot must be in its chat."""
    message = world.im.message(req.params["message_id"])
    world.im.chat_of(req.app, message.chat_id, "chat_id")
    return {"items": [view(world, message, original_card=wants_original(req))]}


@routes.add(
    "GET",
    "/open-apis/im/v1/messages",
    auth="any",
    rate=TIER,
    scopes=READ,
    claim="docs im-v1/message/list, read 2026-11",
)
def history(world: World, req: Request) -> dict[str, Any]:
    """The messages of a chat between two times (seconds), pages of at most 50."""
    chat_id = req.query.get("container_id", "")
    if req.query.get("container_id_type") == "thread":
        found = [m for m in world.im.messages.values() if m.thread_id == chat_id]
    else:
        chat, _ = world.im.chat_of(req.app, chat_id, "chat_id")
        found = list(world.im.by_chat.get(chat.chat_id, ()))
    start = int(req.query.get("start_time") or 0) * 1000
    end = int(req.query.get("end_time") or 0) * 1000 or 2**62
    found = [m for m in found if start <= m.create_ms <= end + 999]
    if req.query.get("sort_type") == "ByCreateTimeDesc":
        found.reverse()
    size = int(req.query.get("page_size") or 20)
    first = int(req.query.get("page_token") or 0)
    if not 1 <= size <= 50:
        raise im_content.bad_content("page_size must be 1 to 50")
    more = first + size < len(found)
    original = wants_original(req)
    return {
        "has_more": more,
        "page_token": str(first + size) if more else "",
        "items": [view(world, m, original_card=original) for m in found[first : first + size]],
    }


@routes.add(
    "GET",
    "/open-apis/im/v1/messages/:message_id/read_users",
    rate=TIER,
    scopes=READ,
    claim="docs im-v1/message/read_users, read 2026-11",
)
def read_users(world: World, req: Request) -> dict[str, Any]:
    """Who has read an own message, for 7 days."""
    message = own(world, req)
    if world.clock.ms() - message.create_ms > 7 * DAY:
        raise ApiError(230033, "The read status can be queried for 7 days", status=400)
    kind = user_id_type(req)
    items = [
        {
            "user_id_type": kind,
            "user_id": getattr(world.people[open_id], kind),
            "timestamp": str(at),
            "tenant_key": world.tenant_key,
        }
        for open_id, at in message.reads.items()
        if open_id in world.people
    ]
    return {"items": items, "has_more": False, "page_token": ""}


def urgent(kind: str) -> None:
    """Register one of the three ways to be urgent."""
    scope = "im:message.urgent" if kind == "app" else f"im:message.urgent:{kind}"

    @routes.add(
        "PATCH",
        f"/open-apis/im/v1/messages/:message_id/urgent_{kind}",
        rate=TIER,
        scopes=(scope,),
        claim=f"docs im-v1/message/urgent_{kind}, read 2026-11",
    )
    def buzz(world: World, req: Request) -> dict[str, Any]:
        if "user_id_type" not in req.query:
            raise im_content.bad_content("user_id_type is required")
        message = own(world, req)
        asked = [str(value) for value in req.json().get("user_id_list") or []]
        if not 1 <= len(asked) <= 200:
            raise im_content.bad_content("user_id_list must hold 1 to 200 ids")
        members = world.im.chats[message.chat_id].members
        people = {value: world.find_person(value, user_id_type(req)) for value in asked}
        reached = {v: p for v, p in people.items() if p is not None and p.open_id in members}
        for person in reached.values():
            message.urgent[person.open_id] = kind
        world.im.touch()
        return {"invalid_user_id_list": [value for value in asked if value not in reached]}


for _kind in ("app", "sms", "phone"):
    urgent(_kind)
