"""Chat with the bot: read a message, call the command of its first word, send the answer as work."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot import sentences
from bot.envelope import Refused, moment
from bot.inbox import Inbox
from bot.model import MESSAGE_TYPE, ChatMessage, Event, FileMessage, Reply
from bot.router import FileHandler, Router
from bot.tables import taps
from runtime.clock import SHANGHAI, Clock
from runtime.db import Database
from runtime.ids import ChatId, MessageId, OpenId
from runtime.tables import parked
from runtime.work import Work, WorkQueue

REPLY_JOB = "bot.reply"
StatusLine = Callable[[Connection], str]


@dataclass(slots=True)
class Chat:
    """Handles chat messages in the worker.

    Attributes:
        router: Where commands are registered.
        db: The durable database.
        queue: Takes the replies as work.
        clock: Dates the status.
        status_lines: Functions that each add a line to 状态; features append theirs.
    """

    router: Router
    db: Database
    queue: WorkQueue
    clock: Clock
    status_lines: list[StatusLine] = field(default_factory=list)

    def receive(self, events: Sequence[Event]) -> None:
        """Answer messages; the id of each is recorded with its effects, so a repeat changes nothing."""
        for event in events:
            message, file = read_message(event), read_file_message(event)
            if message is not None:
                with self.db.begin() as conn:
                    self._answer(conn, message)
            elif file is not None and self.router.file_handler is not None:
                with self.db.begin() as conn:
                    self._take(conn, file, self.router.file_handler)

    def _answer(self, conn: Connection, message: ChatMessage) -> None:
        command = self.router.command(message.words[0]) if message.words else None
        action = f"command.{command.words[0]}" if command else "command"
        if not self._first(conn, message, action):
            return
        reply = command.handler(conn, message) if command else _not_understood(message)
        if reply is not None:
            self.queue.put(conn, reply_work(message, reply))

    def _take(self, conn: Connection, message: FileMessage, handler: FileHandler) -> None:
        if not self._first(conn, message, "file"):
            return
        reply = handler(conn, message)
        if reply is not None:
            self.queue.put(conn, reply_work(message, reply))

    def _first(self, conn: Connection, message: ChatMessage | FileMessage, action: str) -> bool:
        """Note a message together with its effects; False when that was done before."""
        once = self.db.insert(taps).on_conflict_do_nothing().returning(taps.c.id)
        row = {"id": f"message:{message.message_id}", "at": self.clock.now(), "operator": message.sender}
        return conn.execute(once, {**row, "action": action, "answer": {}}).first() is not None

    def help(self, conn: Connection, message: ChatMessage) -> Reply:
        """帮助: list the commands."""
        del conn, message
        lines = [
            f"· {_named(command.words)}：{command.help}" for command in self.router.commands if command.help
        ]
        return Reply("发一个词给我就行：\n" + "\n".join(lines))

    def status(self, conn: Connection, message: ChatMessage) -> Reply:
        """状态: what waits, what was parked, and the lines of the features."""
        del message
        counts = Inbox(self.db).counts(conn)
        given_up = conn.execute(sa.select(sa.func.count()).select_from(parked)).scalar_one()
        now = self.clock.now().astimezone(SHANGHAI)
        lines = [
            f"运行正常 · {now:%Y-%m-%d %H:%M:%S}",
            f"待处理事件 {counts.get('new', 0)}，处理失败 {counts.get('failed', 0)}，搁置任务 {given_up}",
        ]
        lines += [line for line in (status_line(conn) for status_line in self.status_lines) if line]
        return Reply("\n".join(lines))


def register(router: Router, db: Database, queue: WorkQueue, clock: Clock) -> Chat:
    """Wire 帮助 and 状态 and the handling of chat messages; worker side.

    Returns:
        The chat; append to its ``status_lines`` to add to 状态.
    """
    chat = Chat(router, db, queue, clock)
    router.on_event(MESSAGE_TYPE, chat.receive)
    router.on_command(("帮助", "help", "?", "？"), chat.help, help="看看我能做什么")
    router.on_command(("状态", "status"), chat.status, help="系统现在是否正常")
    return chat


def reply_work(message: ChatMessage | FileMessage, reply: Reply) -> Work:
    """Describe the sending of a reply; its id is the message's, so it is sent once."""
    args: dict[str, Any] = {"message_id": message.message_id, "chat_id": message.chat_id, "text": reply.text}
    args |= {"card": reply.card, "asked_at": message.at.isoformat()}
    return Work(REPLY_JOB, f"reply:{message.message_id}", f"receiver:{message.sender}", args)


def read_message(event: Event) -> ChatMessage | None:
    """Read ``im.message.receive_v1``; None for bots, other message kinds and shapes we do not know.

    Wire: Feishu docs "接收消息" (content is JSON text, mentions stand as ``@_user_N``).
    """
    open_id, message = _from_person(event)
    text = _content(message, "text").get("text")
    if not open_id or not isinstance(text, str):
        return None
    mentions = [item for item in message.get("mentions") or () if isinstance(item, Mapping)]
    return ChatMessage(
        message_id=MessageId(str(message.get("message_id"))),
        chat_id=ChatId(str(message.get("chat_id") or "")),
        sender=OpenId(open_id),
        text=re.sub(r"@_(?:user_\d+|all)\b", " ", text).strip(),
        group=message.get("chat_type") != "p2p",
        at=_when(message.get("create_time"), event.created_at),
        mentions=tuple(OpenId(str(item["id"]["open_id"])) for item in mentions if _has_open_id(item)),
        parent=MessageId(str(message["parent_id"])) if message.get("parent_id") else None,
    )


def read_file_message(event: Event) -> FileMessage | None:
    """Read a file from ``im.message.receive_v1``; None for everything else, and outside private chats.

    Wire: Feishu docs "接收消息内容" (``{"file_key": …, "file_name": …}``).
    """
    open_id, message = _from_person(event)
    content = _content(message, "file")
    key, name = content.get("file_key"), content.get("file_name")
    if not open_id or message.get("chat_type") != "p2p" or not isinstance(key, str) or not key:
        return None
    return FileMessage(
        message_id=MessageId(str(message.get("message_id"))),
        chat_id=ChatId(str(message.get("chat_id") or "")),
        sender=OpenId(open_id),
        file_key=key,
        name=name if isinstance(name, str) else "",
        at=_when(message.get("create_time"), event.created_at),
    )


def _from_person(event: Event) -> tuple[str, Mapping[str, Any]]:
    """Who wrote a message ("" for bots and shapes we do not know), and the message."""
    sender, message = event.body.get("sender"), event.body.get("message")
    if not isinstance(sender, Mapping) or not isinstance(message, Mapping):
        return "", {}
    ids = sender.get("sender_id")
    open_id = ids.get("open_id") if isinstance(ids, Mapping) else None
    return ("" if sender.get("sender_type") == "bot" else str(open_id or "")), message


def _content(message: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The content of a message of a kind; empty for other kinds and broken contents."""
    if message.get("message_type") != kind:
        return {}
    try:
        content = json.loads(str(message.get("content")))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _has_open_id(mention: Mapping[str, Any]) -> bool:
    ids = mention.get("id")
    return isinstance(ids, Mapping) and bool(ids.get("open_id"))


def _when(value: object, otherwise: datetime) -> datetime:
    try:
        return moment(value, default=otherwise)
    except Refused:
        return otherwise


def _named(words: Sequence[str]) -> str:
    """A command for the list of commands: its first word, and the English one at the end."""
    spoken = [word for word in words if word.isalnum()]
    return " / ".join(dict.fromkeys((spoken[0], spoken[-1])))


def _not_understood(message: ChatMessage) -> Reply | None:
    """In a group the bot speaks only when it is asked something it knows."""
    if message.group:
        return None
    return Reply(sentences.NOT_UNDERSTOOD.format(text=message.text[:40]))
