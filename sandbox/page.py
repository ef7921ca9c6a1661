"""The web client: choose a person, see their chats with rendered cards, tap, fill forms, write. Live."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sandbox import gallery, page_backoffice, page_bases, page_dev, page_tabs, page_wiki, tapping
from sandbox.card_html import Draw, avatar, esc
from sandbox.consent_html import remember
from sandbox.im_state import Chat, Message
from sandbox.kernel import ApiError, Person, Reply, Request, Routes, World
from sandbox.markdown_html import inline
from sandbox.page_frame import CLAIM, NO_SNIFF, document, shell
from sandbox.pulse import TOPICS

WEB = Path(__file__).parent / "web"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
SHANGHAI = ZoneInfo("Asia/Shanghai")
HEARTBEAT = 10.0
PAUSE = 0.1
SHOWN = 40
MOST_SHOWN = 200

routes = Routes("page")
routes.include(page_tabs.routes)
routes.include(page_wiki.routes)
routes.include(page_bases.routes)
routes.include(page_backoffice.routes)
routes.include(page_dev.routes)
routes.include(gallery.routes)


def name_of(world: World, open_id: str) -> str:
    """The name behind an id; empty when nobody has it."""
    person = world.people.get(open_id)
    if person is not None:
        return person.name
    return next((app.name for app in world.apps.values() if open_id in (app.open_id, app.app_id)), "")


def clock(world: World, ms: int) -> str:
    """Hour and minute of today, else the day, in Shanghai."""
    at = datetime.fromtimestamp(ms / 1000, SHANGHAI)
    today = world.clock.now().astimezone(SHANGHAI).date()
    return at.strftime("%H:%M") if at.date() == today else at.strftime("%m-%d %H:%M")


@routes.add("GET", "/", auth="none", claim=CLAIM)
def home(world: World, _req: Request) -> Reply:
    """Everybody by department, with unread counts."""
    departments: dict[str, list[Person]] = {}
    for person in world.people.values():
        departments.setdefault(person.department or "公司", []).append(person)
    parts = []
    for department, members in departments.items():
        tiles = "".join(tile(world, person) for person in members)
        parts.append(f'<section><h2>{esc(department)}</h2><div class="tiles">{tiles}</div></section>')
    head = (
        "<header><h1>选择一个人，看看 TA 的飞书</h1>"
        f"<p>{esc(world.company)} · {len(world.people)} 人 · 沙箱在 {esc(world.base_url)}</p>"
        '<p class="doors"><a href="/backoffice">店铺 / 投放 / ERP 后台</a><a href="/developer">开发者</a>'
        '<a href="/gallery">卡片图库</a></p>'
        "</header>"
    )
    people = (
        "".join(parts) or '<p class="empty">这家公司还没有人。用 --company demo 启动，或在开发者里重置。</p>'
    )
    return document("沙箱", f"<main>{head}{people}</main>", "home", "home")


def tile(world: World, person: Person) -> str:
    """One person on the first page."""
    unread = world.im.unread(person.open_id)
    badge = f'<b class="badge" aria-label="{unread} 条未读">{unread}</b>' if unread else ""
    return (
        f'<a class="tile" href="/people/{person.open_id}">{avatar(person.name)}{badge}'
        f"<span><b>{esc(person.name)}</b><i>{esc(person.title or person.department)}</i></span></a>"
    )


def reader(world: World, req: Request) -> Person:
    """The person whose page this is."""
    person = world.people.get(req.params["open_id"])
    if person is None:
        raise ApiError(404, "nobody here has this open_id; go back to /", status=404)
    return person


@routes.add("GET", "/people/:open_id", auth="none", claim=CLAIM)
def person_page(world: World, req: Request) -> Reply:
    """The frame; the script fills in chats and messages and keeps them fresh."""
    person = world.people.get(req.params["open_id"])
    if person is None:
        body = (
            "<main><header><h1>这里没有这个人</h1><p>沙箱重启或重置以后，人员可能变了。</p>"
            '<p class="doors"><a href="/">选择一个人</a></p></header></main>'
        )
        return replace(document("没有这个人", body, "home", "home"), status=404)
    language = "en_us" if req.query.get("lang") == "en_us" else "zh_cn"
    page = document(person.name, shell(person, language), "chatting", "app")
    return replace(page, headers={**page.headers, **remember(person)})


@routes.add("GET", "/people/:open_id/live", auth="none", claim=CLAIM)
def live(world: World, req: Request) -> Reply:
    """What the page shows now: ?chat=&lang=, and ?from=&count= for a window other than the newest."""
    person = reader(world, req)
    chats = list(world.im.chats_of(person.open_id))
    current = next((c for c in chats if c.chat_id == req.query.get("chat")), chats[0] if chats else None)
    draw = Draw(lambda open_id: name_of(world, open_id), req.query.get("lang", "zh_cn"))
    said = world.im.by_chat.get(current.chat_id, []) if current else []
    count = min(page_bases.whole(req, "count", SHOWN), MOST_SHOWN)
    start = min(page_bases.whole(req, "from", max(len(said) - count, 0)), len(said))
    return Reply(
        {
            "version": world.im.version,
            "chat": current.chat_id if current else "",
            "title": chat_title(world, current) if current else "还没有消息",
            "chats": "".join(chat_line(world, chat, person, current) for chat in chats),
            "unread": sum(len(unread(world, chat, person)) for chat in chats),
            "total": len(said),
            "from": start,
            "messages": [
                {
                    "id": m.message_id,
                    "v": stamp(m, person),
                    "new": person.open_id not in m.reads and m.sender != person.open_id,
                    "html": message(world, m, person, draw),
                }
                for m in said[start : start + count]
            ],
        }
    )


def stamp(message: Message, person: Person) -> str:
    """Changes when a message looks different."""
    return f"{message.update_ms}/{message.update_count}/{message.deleted}/{person.open_id in message.urgent}"


def chat_title(world: World, chat: Chat) -> str:
    """The name over a chat."""
    count = f"（{len(chat.members) + len(chat.bots)}）" if chat.mode == "group" else ""
    return chat.name + count or ", ".join(name_of(world, member) for member in chat.members)


def unread(world: World, chat: Chat, person: Person) -> list[Message]:
    """What a person has not read in a chat."""
    who = person.open_id
    said = world.im.by_chat.get(chat.chat_id, ())
    return [m for m in said if m.sender != who and who not in m.reads and not m.deleted]


def chat_line(world: World, chat: Chat, person: Person, current: Chat | None) -> str:
    """One chat in the list."""
    said = world.im.by_chat.get(chat.chat_id, [])
    last = said[-1] if said else None
    fresh = len(unread(world, chat, person))
    badge = f'<b class="badge" aria-label="{fresh} 条未读">{min(fresh, 99)}</b>' if fresh else ""
    on, marked = (" on", ' aria-current="true"') if current is chat else ("", "")
    bot = '<span class="bot-tag">机器人</span>' if chat.mode == "p2p" else ""
    return (
        f'<a class="chat{on}" data-chat="{chat.chat_id}" href="?chat={chat.chat_id}"{marked}>'
        f'{avatar(chat.name)}{badge}<span class="about">'
        f"<b>{esc(chat.name)}{bot}<time>{clock(world, last.create_ms) if last else ''}</time></b>"
        f"<i>{esc(preview(last, person) if last else '')}</i></span></a>"
    )


def preview(message: Message, person: Person) -> str:
    """A message in one line."""
    if message.deleted:
        return "消息已撤回"
    content = json.loads(message.content_for(person.open_id))
    if message.msg_type == "text":
        return str(content.get("text", ""))
    if message.msg_type != "interactive":
        return {"image": "[图片]", "file": "[文件]", "post": "[富文本]"}.get(message.msg_type, "[消息]")
    summary = ((content.get("config") or {}).get("summary") or {}).get("content")
    title = ((content.get("header") or {}).get("title") or {}).get("content")
    return str(summary or title or "[卡片]")


def message(world: World, message: Message, person: Person, draw: Draw) -> str:
    """One message with its sender."""
    mine = " mine" if message.sender == person.open_id else ""
    sender = name_of(world, message.sender)
    buzz = '<span class="urgent">加急</span>' if person.open_id in message.urgent else ""
    bot = '<span class="bot-tag">机器人</span>' if message.sender_type == "app" else ""
    edited = '<small class="edited">已更新</small>' if message.updated and not message.deleted else ""
    return (
        f'<article class="msg{mine}" id="{message.message_id}">{avatar(sender)}<div class="said">'
        f'<div class="from">{esc(sender)}{bot}<time>{clock(world, message.create_ms)}</time>{buzz}</div>'
        f"{content_html(world, message, person, draw)}{edited}</div></article>"
    )


def content_html(world: World, message: Message, person: Person, draw: Draw) -> str:
    """The content of a message of any type."""
    if message.deleted:
        return '<div class="bubble gone">消息已撤回</div>'
    content = json.loads(message.content_for(person.open_id))
    if message.msg_type == "interactive":
        return draw.card(content)
    if message.msg_type == "text":
        text = str(content.get("text", ""))
        for mention in message.mentions:
            text = text.replace(mention["key"], f"@{mention['name']}")
        return f'<div class="bubble">{esc(text)}</div>'
    if message.msg_type == "image":
        return f'<img class="pic" src="/web/image/{esc(content.get("image_key"))}" alt="图片">'
    if message.msg_type == "post":
        return f'<div class="bubble">{post_html(world, content)}</div>'
    blob = world.im.blobs.get(str(content.get("file_key", "")))
    return f'<div class="bubble">[文件] {esc(blob.name if blob else message.msg_type)}</div>'


def post_html(world: World, content: dict[str, object]) -> str:
    """A rich text: its title and paragraphs, in the first language it has."""
    language = next(iter(content.values()))
    if not isinstance(language, dict):
        return ""
    lines = [f"<b>{esc(language['title'])}</b>"] if language.get("title") else []
    for paragraph in language.get("content", []):
        pieces = []
        for piece in paragraph:
            said = str(piece.get("text") or name_of(world, str(piece.get("user_id", ""))))
            pieces.append(inline(said, lambda open_id: name_of(world, open_id)))
        lines.append("".join(pieces))
    return "<br>".join(lines)


@routes.add("GET", "/people/:open_id/stream", auth="none", claim=CLAIM, locked=False)
def stream(world: World, req: Request) -> Reply:
    """Server-sent events: one line whenever something changed; ?topics=im,bitable of ``pulse.TOPICS``."""
    reader(world, req)
    return streamed(world, req)


@routes.add("GET", "/_sandbox/stream", auth="none", claim=CLAIM, locked=False)
def stream_of_all(world: World, req: Request) -> Reply:
    """The same for pages that belong to nobody."""
    return streamed(world, req)


def streamed(world: World, req: Request) -> Reply:
    """The stream of the topics a request names, of all when it names none."""
    asked = req.query.get("topics", "").split(",")
    topics = tuple(topic for topic in TOPICS if topic in asked) or TOPICS
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    return Reply(watch(world, topics), headers=headers)


def watch(world: World, topics: tuple[str, ...]) -> Iterator[bytes]:
    """The numbers of the newest changes, at most ten times a second, until the server stops."""
    seen: dict[str, int] | None = None
    while not world.pulse.closed:
        now = world.pulse.wait(topics, seen, HEARTBEAT)
        yield b": still here\n\n" if now == seen else f"data: {json.dumps(now)}\n\n".encode()
        seen = now
        time.sleep(PAUSE)


@routes.add("GET", "/web/image/:key", auth="none", claim=CLAIM)
def image(world: World, req: Request) -> Reply:
    """An uploaded image, for the page."""
    blob = world.im.blobs.get(req.params["key"])
    if blob is None:
        raise ApiError(404, "no such image", status=404)
    return Reply(blob.data, headers={"Content-Type": blob.kind, "Cache-Control": "max-age=3600", **NO_SNIFF})


@routes.add("GET", "/web/:name", auth="none", claim=CLAIM, locked=False)
def static(_world: World, req: Request) -> Reply:
    """The style sheets and scripts, as they lie in ``web``."""
    file = WEB / Path(req.params["name"]).name
    if file.suffix not in TYPES or not file.is_file():
        raise ApiError(404, "no such file", status=404)
    kind = f"{TYPES[file.suffix]}; charset=utf-8"
    return Reply(file.read_bytes(), headers={"Content-Type": kind, "Cache-Control": "no-cache", **NO_SNIFF})


@routes.add("GET", "/people/:open_id/messages/:message_id/buttons", auth="none", claim=CLAIM)
def button_list(world: World, req: Request) -> Reply:
    """What can be touched on a card, for scripts that play a person."""
    person = reader(world, req)
    card = json.loads(world.im.message(req.params["message_id"]).content_for(person.open_id))
    found = [
        {
            "index": n,
            "tag": t.item.get("tag"),
            "text": t.label,
            "name": t.item.get("name"),
            "disabled": bool(t.item.get("disabled")),
        }
        for n, t in enumerate(tapping.touchables(card))
    ]
    return Reply({"buttons": found})
