"""Acting as a person in a chat, and looking at what was said: the control plane of messages."""

import base64
import binascii
import json
from typing import Any

from sandbox import im_content
from sandbox.im_state import Blob, Chat, Message
from sandbox.kernel import ApiError, App, Person, Request, Routes, World

CLAIM = "our own control plane, 2026-11; events: docs im-v1/message/events, read 2026-11"

routes = Routes("im")


def person(world: World, body: dict[str, Any]) -> Person:
    """The person an act is done as.

    Raises:
        ApiError: 10003 when nobody has this open_id.
    """
    found = world.people.get(str(body.get("open_id", "")))
    if found is None:
        raise ApiError(10003, f"nobody here has the open_id {body.get('open_id')!r}", status=400)
    return found


def control_view(world: World, message: Message, viewer: str = "") -> dict[str, Any]:
    """A message as the control plane shows it, content parsed."""
    return {
        "message_id": message.message_id,
        "chat_id": message.chat_id,
        "chat_mode": world.im.chats[message.chat_id].mode,
        "msg_type": message.msg_type,
        "content": json.loads(message.content_for(viewer)),
        "create_time": message.create_ms,
        "update_time": message.update_ms,
        "update_count": message.update_count,
        "sender": message.sender,
        "receiver": message.receiver,
        "deleted": message.deleted,
        "root_id": message.root_id,
        "parent_id": message.parent_id,
        "mentions": message.mentions,
        "urgent": dict(message.urgent),
        "read_by": sorted(message.reads),
    }


@routes.add("GET", "/_sandbox/messages", auth="none", claim=CLAIM)
def messages(world: World, req: Request) -> dict[str, Any]:
    """Messages of ?chat_id=, of the chats of ?open_id=, or all, oldest first; with ?count=1 only how many."""
    chat_id, open_id = req.query.get("chat_id", ""), req.query.get("open_id", "")
    chosen = [
        m
        for m in world.im.messages.values()
        if (not chat_id or m.chat_id == chat_id)
        and (not open_id or open_id in world.im.chats[m.chat_id].members)
    ]
    if req.query.get("count"):
        return {"count": len(chosen)}
    return {"messages": [control_view(world, m, open_id) for m in chosen]}


@routes.add("POST", "/_sandbox/act/say", auth="none", claim=CLAIM)
def say(world: World, req: Request) -> dict[str, Any]:
    """A person writes {open_id, text, chat_id?, reply_to?}: to the bot, or into a group mentioning it."""
    body = req.json()
    speaker = person(world, body)
    app = world.apps.get(str(body.get("app_id", ""))) or world.default_app
    chat = world.im.chats.get(str(body.get("chat_id", ""))) or world.im.p2p(app, speaker)
    text = str(body.get("text", ""))
    if chat.mode == "group" and body.get("mention", True):
        text = f'<at user_id="{app.open_id}">{app.name}</at> {text}'
    parent = world.im.messages.get(str(body.get("reply_to", "")))
    threading_ids = (
        {"parent_id": parent.message_id, "root_id": parent.root_id or parent.message_id} if parent else {}
    )
    message = world.im.add(
        chat, "text", im_content.dumps({"text": text}), speaker.open_id, "user", **threading_ids
    )
    message.reads[speaker.open_id] = message.create_ms
    for app_id in chat.bots:
        tell_app(world, world.apps[app_id], chat, message, speaker)
    return {"message_id": message.message_id, "chat_id": chat.chat_id}


@routes.add("POST", "/_sandbox/act/send_file", auth="none", claim=CLAIM)
def send_file(world: World, req: Request) -> dict[str, Any]:
    """A person sends a file {open_id, name, data, chat_id?}; ``data`` in base64.

    The bot hears of it in their own chat only: a file in a group mentions nobody.

    Raises:
        ApiError: 10003 nobody has this id, no name, or no content in base64.
    """
    body = req.json()
    sender = person(world, body)
    app = world.apps.get(str(body.get("app_id", ""))) or world.default_app
    chat = world.im.chats.get(str(body.get("chat_id", ""))) or world.im.p2p(app, sender)
    try:
        data = base64.b64decode(str(body.get("data", "")), validate=True)
    except binascii.Error:
        data = b""
    name = str(body.get("name", ""))
    if not name or not data:
        raise ApiError(10003, "a file has a name, and content in base64", status=400)
    key = world.ids.file_key()
    world.im.blobs[key] = Blob("", data, "application/octet-stream", name)  # no app's: nobody may resend it
    content = im_content.dumps({"file_key": key, "file_name": name})
    message = world.im.add(chat, "file", content, sender.open_id, "user")
    message.reads[sender.open_id] = message.create_ms
    if chat.mode == "p2p":
        tell_app(world, world.apps[chat.bots[0]], chat, message, sender)
    return {"message_id": message.message_id, "chat_id": chat.chat_id, "file_key": key}


def tell_app(world: World, app: App, chat: Chat, message: Message, speaker: Person) -> None:
    """Push ``im.message.receive_v1``."""
    mentions = [
        {
            "key": m["key"],
            "id": world.ids_of(m["id"]),
            "mentioned_type": "bot" if m["id"] not in world.people else "user",
            "name": m["name"],
            "tenant_key": world.tenant_key,
        }
        for m in message.mentions
    ]
    event: dict[str, Any] = {
        "sender": {
            "sender_id": world.person_ids(speaker),
            "sender_type": "user",
            "tenant_key": world.tenant_key,
        },
        "message": {
            "message_id": message.message_id,
            "root_id": message.root_id,
            "parent_id": message.parent_id,
            "create_time": str(message.create_ms),
            "update_time": str(message.update_ms),
            "chat_id": chat.chat_id,
            "chat_type": chat.mode,
            "message_type": message.msg_type,
            "content": message.content,
            "mentions": mentions,
            "user_agent": "Mozilla/5.0 Feishu Sandbox",
        },
    }
    event["message"] = {name: value for name, value in event["message"].items() if value not in ("", [])}
    world.events.emit("im.message.receive_v1", event, app_id=app.app_id)


@routes.add("POST", "/_sandbox/act/read", auth="none", claim=CLAIM)
def read(world: World, req: Request) -> dict[str, Any]:
    """A person looks at a chat {open_id, chat_id}: the bot's unread messages become read, the bot is told."""
    body = req.json()
    reader = person(world, body)
    chat = world.im.chats.get(str(body.get("chat_id", "")))
    if chat is None or reader.open_id not in chat.members:
        raise ApiError(10003, "this person is not in such a chat", status=400)
    now = world.clock.ms()
    fresh = [
        m
        for m in world.im.by_chat.get(chat.chat_id, ())
        if reader.open_id not in m.reads and m.sender != reader.open_id
    ]
    for message in fresh:
        message.reads[reader.open_id] = now
    if fresh:
        world.im.touch()
    told = [m.message_id for m in fresh if m.sender_type == "app"]
    if told and chat.mode == "p2p":
        who = {"reader_id": world.person_ids(reader), "read_time": str(now), "tenant_key": world.tenant_key}
        world.events.emit(
            "im.message.message_read_v1", {"reader": who, "message_id_list": told}, app_id=chat.bots[0]
        )
    return {"read": len(fresh)}


@routes.add("GET", "/_sandbox/people", auth="none", claim=CLAIM)
def people(world: World, _req: Request) -> dict[str, Any]:
    """Everybody, with how many messages each has not read."""
    return {
        "people": [
            {
                "open_id": p.open_id,
                "union_id": p.union_id,
                "user_id": p.user_id,
                "name": p.name,
                "en_name": p.en_name,
                "department": p.department,
                "title": p.title,
                "leader_open_id": p.leader_open_id,
                "employee_no": p.employee_no,
                "mobile": p.mobile,
                "email": p.email,
                "unread": world.im.unread(p.open_id),
            }
            for p in world.people.values()
        ]
    }
