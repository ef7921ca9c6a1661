"""Chats, messages and uploaded keys of the tenant."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox import im_content
from sandbox.kernel import ApiError, App, Person, World

UUID_LIFE = 3600.0
PER_RECEIVER = [(5, 1)]


@dataclass(slots=True)
class Chat:
    """A conversation of one person with one bot, or a group."""

    chat_id: str
    mode: str
    name: str = ""
    description: str = ""
    owner: str = ""
    members: list[str] = field(default_factory=list)
    bots: list[str] = field(default_factory=list)
    chat_type: str = "private"
    dissolved: bool = False


@dataclass(slots=True)
class Message:
    """A message as sent; times in milliseconds. ``sender`` is an app_id or an open_id."""

    message_id: str
    chat_id: str
    msg_type: str
    content: str
    sender: str
    sender_type: str
    create_ms: int
    update_ms: int
    receiver: str = ""
    root_id: str = ""
    parent_id: str = ""
    thread_id: str = ""
    mentions: list[dict[str, Any]] = field(default_factory=list)
    updated: bool = False
    update_count: int = 0
    deleted: bool = False
    reads: dict[str, int] = field(default_factory=dict)
    urgent: dict[str, str] = field(default_factory=dict)
    own_cards: dict[str, str] = field(default_factory=dict)

    def content_for(self, open_id: str) -> str:
        """What this person sees; a 1.0 card may have been changed for some people only."""
        return self.own_cards.get(open_id, self.content)


@dataclass(frozen=True, slots=True)
class Blob:
    """Uploaded bytes; a key works only for the app that uploaded it."""

    app_id: str
    data: bytes
    kind: str
    name: str


class ImState:
    """Everything said in the tenant. ``version`` grows with every change."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.chats: dict[str, Chat] = {}
        self.messages: dict[str, Message] = {}
        self.by_chat: dict[str, list[Message]] = {}
        self.blobs: dict[str, Blob] = {}
        self._uuids: dict[str, tuple[float, str]] = {}
        self._p2p: dict[tuple[str, str], Chat] = {}
        self.version = 0

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget every chat, message and key."""
        for store in (self.chats, self.messages, self.by_chat, self.blobs, self._uuids, self._p2p):
            store.clear()
        self.touch()

    def touch(self) -> None:
        """Tell watchers that something changed."""
        self.version += 1
        self._world.pulse.touch("im")

    def p2p(self, app: App, person: Person) -> Chat:
        """The one conversation of a person with a bot; made at first use."""
        key = (app.app_id, person.open_id)
        if key not in self._p2p:
            self._p2p[key] = Chat(
                self._world.ids.chat(), "p2p", app.name, members=[person.open_id], bots=[app.app_id]
            )
            self.chats[self._p2p[key].chat_id] = self._p2p[key]
        return self._p2p[key]

    def chat_of(self, app: App, receive_id: str, id_type: str) -> tuple[Chat, str]:
        """Where a message to ``receive_id`` goes, and the person it is for ("" in a group).

        Raises:
            ApiError: 230034 unknown receiver, 230013 not available, 230002 bot not in the group, 232009 gone.
        """
        if id_type == "chat_id":
            chat = self.chats.get(receive_id)
            if chat is None:
                raise ApiError(230034, "The receive_id is invalid", status=400)
            if chat.dissolved:
                raise ApiError(
                    232009, "Your request specifies a chat which has already been dissolved", status=400
                )
            if app.app_id not in chat.bots:
                raise ApiError(230002, "Bot can NOT be out of the chat", status=400)
            return chat, chat.members[0] if chat.mode == "p2p" else ""
        person = self._world.find_person(receive_id, id_type)
        if person is None:
            raise ApiError(230034, f"The receive_id is invalid: no such {id_type}", status=400)
        if person.resigned:
            raise ApiError(230013, "Bot has NO availability to this user", status=400)
        return self.p2p(app, person), person.open_id

    def pace(self, key: str) -> None:
        """5 a second per receiver, group and patched message, else 230020 with HTTP 400."""
        if self._world.limits_on and self._world.control.limiter.take(key, PER_RECEIVER) is not None:
            raise ApiError(230020, "This operation triggers the frequency limit", status=400)

    def seen_uuid(self, key: str, life: float = UUID_LIFE) -> str | None:
        """The id an earlier call with this key got, while that call is young enough."""
        at, value = self._uuids.get(key, (0.0, ""))
        return value if value and self._world.clock.time() - at < life else None

    def keep_uuid(self, key: str, value: str) -> None:
        """Remember what a call with this key got."""
        self._uuids[key] = (self._world.clock.time(), value)

    def add(
        self, chat: Chat, msg_type: str, content: str, sender: str, sender_type: str, **more: Any
    ) -> Message:
        """Put a message into a chat."""
        now = self._world.clock.ms()
        mentions: list[dict[str, Any]] = []
        if msg_type == "text":
            parsed = im_content.parse(content)
            parsed["text"], mentions = im_content.numbered_mentions(self._world, parsed["text"])
            content = im_content.dumps(parsed)
        message = Message(
            self._world.ids.message(), chat.chat_id, msg_type, content, sender, sender_type, now, now, **more
        )
        message.mentions = mentions
        self.messages[message.message_id] = message
        self.by_chat.setdefault(chat.chat_id, []).append(message)
        self.touch()
        return message

    def replace(self, message: Message, content: str) -> None:
        """Give a message new content for everybody."""
        message.content = content
        message.own_cards.clear()
        message.updated = True
        message.update_count += 1
        message.update_ms = self._world.clock.ms()
        self.touch()

    def message(self, message_id: str) -> Message:
        """The message with this id.

        Raises:
            ApiError: 230001 when there is none.
        """
        found = self.messages.get(message_id)
        if found is None:
            raise im_content.bad_content("invalid message_id")
        return found

    def blob(self, app_id: str, key: str) -> Blob:
        """An uploaded image or file.

        Raises:
            ApiError: 230001 unknown key, 230017 another app's key.
        """
        found = self.blobs.get(key)
        if found is None:
            raise im_content.bad_content(f"key {key!r} does not exist")
        if found.app_id != app_id:
            raise ApiError(230017, "Bot is NOT the owner of the resource", status=400)
        return found

    def chats_of(self, open_id: str) -> Iterator[Chat]:
        """The chats a person is in, the most recently used first."""
        mine = [c for c in self.chats.values() if open_id in c.members and not c.dissolved]

        def last(chat: Chat) -> int:
            said = self.by_chat.get(chat.chat_id)
            return said[-1].create_ms if said else 0

        yield from sorted(mine, key=last, reverse=True)

    def unread(self, open_id: str) -> int:
        """How many messages a person has not read."""
        return sum(
            1
            for chat in self.chats_of(open_id)
            for message in self.by_chat.get(chat.chat_id, ())
            if message.sender != open_id and open_id not in message.reads and not message.deleted
        )
