"""The words of the conversation: what the platform tells us and what we answer.

An envelope from the platform becomes exactly one of three values: a :class:`Challenge` (the console checks
our address), an :class:`Event` (something happened, a hint) or a :class:`Tap` (a person waits for an answer).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from runtime.ids import ChatId, EventId, MessageId, OpenId

TAP_TYPE = "card.action.trigger"
MESSAGE_TYPE = "im.message.receive_v1"
ROW_TYPE = "drive.file.bitable_record_changed_v1"
SELF_CHECK = "chorus.self_check"
"""The type of an event of our own that only says that events arrive; nothing of the platform is called so."""

ToastKind = Literal["info", "success", "error", "warning"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """The console's check of the address; the answer is ``{"challenge": …}`` within one second."""

    challenge: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened on the platform. A hint: re-read what it names before acting on it.

    Attributes:
        id: ``header.event_id`` (v2) or the outer ``uuid`` (v1).
        type: For example ``drive.file.bitable_record_changed_v1``.
        created_at: When the platform says it happened.
        body: The inner ``event`` object, as it was sent.
        version: Envelope version, 1 or 2.
        dedupe_key: What makes two deliveries the same event (``message_id`` for chat messages).
    """

    id: EventId
    type: str
    created_at: datetime
    body: Mapping[str, Any]
    version: int = 2
    dedupe_key: str = ""


@dataclass(frozen=True, slots=True)
class Tap:
    """A person used a card. ``operator`` is verified by the platform; everything else is only a wish.

    Attributes:
        id: ``header.event_id``; a second tap with it is a replay.
        operator: Who tapped. The only field to decide rights from.
        action: ``value["a"]``, or the value itself where a component carried a bare string.
        value: What the component carried; seen by the client and therefore never trusted.
        form: Name to value of a submitted form; empty outside forms.
        option: The chosen option of a single select, person, date or time picker outside a form.
        message_id: The card's message.
        chat_id: The chat it stands in.
        token: Delayed-update token (30 minutes, two uses).
        at: When the platform says the tap happened.
        options: Chosen options of a multi select outside a form.
        checked: State of a checker outside a form.
        text: What was typed into an input outside a form.
        component: Name of the component (the submit button's name for a form).
    """

    id: EventId
    operator: OpenId
    action: str
    value: Mapping[str, Any]
    form: Mapping[str, Any]
    option: str | None
    message_id: MessageId
    chat_id: ChatId
    token: str
    at: datetime
    options: tuple[str, ...] = ()
    checked: bool | None = None
    text: str | None = None
    component: str = ""


@dataclass(frozen=True, slots=True)
class Toast:
    """A short message over the card, in the reader's language."""

    kind: ToastKind
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class TapAnswer:
    """What a tap is answered with.

    Attributes:
        toast: The message the person sees; None for none.
        card: The full new card JSON (schema 2.0), or None to keep the card as it is.
    """

    toast: Toast | None = None
    card: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A text a person wrote to the bot, mentions taken out.

    Attributes:
        message_id: Where to reply.
        chat_id: The chat it was written in.
        sender: Who wrote it.
        text: The words after removing ``@_user_N`` and outer blanks.
        group: True in a group, False in a private chat with the bot.
        mentions: open_ids of the people mentioned.
        at: When it was written.
        parent: The message it answers, None when it answers none.
    """

    message_id: MessageId
    chat_id: ChatId
    sender: OpenId
    text: str
    group: bool
    at: datetime
    mentions: tuple[OpenId, ...] = ()
    parent: MessageId | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The text split at blanks."""
        return tuple(self.text.split())


@dataclass(frozen=True, slots=True)
class FileMessage:
    """A file a person sent to the bot in their private chat; its content is fetched when it is needed.

    Attributes:
        message_id: Where to reply, and what the content is fetched by.
        chat_id: The chat it was sent in.
        sender: Who sent it.
        file_key: Names the content within the message.
        name: The file's name as the sender has it; theirs to choose, so never a path of ours.
        at: When it was sent.
    """

    message_id: MessageId
    chat_id: ChatId
    sender: OpenId
    file_key: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot answers to a chat message: a text, or a card with its plain summary.

    Attributes:
        text: Sent as a text reply when there is no card.
        card: Card JSON (schema 2.0), sent into the chat of the message.
    """

    text: str = ""
    card: Mapping[str, Any] | None = field(default=None)
