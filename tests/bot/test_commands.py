"""Chat commands: the right command, its effects once, the answer as work."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.commands import REPLY_JOB, Chat, read_file_message, read_message, register
from bot.drain import Drain
from bot.envelope import open_trusted
from bot.inbox import Inbox
from bot.model import ChatMessage, Event, FileMessage, Reply
from bot.router import Router
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.floor import Floor
from runtime.work import Work, WorkQueue
from tests.bot.platform import APP_ID, Sender

pytestmark = pytest.mark.db


class Queue(WorkQueue):
    """The real queue, remembering what was put (the engine's own tables are not ours to read)."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.works: list[Work] = []

    def put(self, conn: Connection, *works: Work) -> None:
        """Put and remember."""
        super().put(conn, *works)
        self.works.extend(works)


@pytest.fixture
def queue(database: Database) -> Queue:
    """A queue on the test's database."""
    return Queue(database)


@pytest.fixture
def chat(floor: Floor, queue: Queue) -> Chat:
    """The chat with its two built-in commands."""
    return register(Router(), floor.db, queue, floor.clock)


def event_of(envelope: dict[str, Any]) -> Event:
    """The event of an envelope."""
    opened = open_trusted(envelope, APP_ID)
    assert isinstance(opened, Event)
    return opened


def test_help_lists_commands_and_is_sent_as_work(chat: Chat, queue: Queue, sender: Sender):
    """帮助 answers with every command that has a help line, as work in the sender's lane."""
    chat.router.on_command(["预警"], lambda _conn, _message: None, help="看看我的预警")
    chat.router.on_command(["secret"], lambda _conn, _message: None)
    chat.receive([event_of(sender.message("帮助"))])
    (work,) = queue.works
    assert (work.job, work.id, work.lane) == (REPLY_JOB, "reply:om_1", "receiver:ou_ann")
    assert "预警：看看我的预警" in work.args["text"]
    assert "状态 / status" in work.args["text"]
    assert "secret" not in work.args["text"]
    assert work.args["message_id"] == "om_1"
    assert queue.backlog() == 1


@pytest.mark.parametrize("text", ["状态", "STATUS", "@_user_1 状态", "  状态 please "])
def test_status_tells_what_waits(chat: Chat, queue: Queue, sender: Sender, text: str):
    """状态 counts waiting and failed events and adds the features' lines; mentions and case do not matter."""
    with chat.db.begin() as conn:
        Inbox(chat.db).store(conn, event_of(sender.event()), sender.now)
    chat.status_lines.append(lambda _conn: "预警：3 条进行中")
    chat.receive([event_of(sender.message(text))])
    (work,) = queue.works
    assert "待处理事件 1，处理失败 0" in work.args["text"]
    assert "预警：3 条进行中" in work.args["text"]
    assert "17:00:00" in work.args["text"]  # people read Shanghai time


def test_the_same_message_is_answered_once(chat: Chat, queue: Queue, sender: Sender):
    """A message handled again after a crash changes nothing: the command ran once, one answer."""
    calls: list[str] = []

    def count(_conn: Connection, message: ChatMessage) -> Reply:
        calls.append(message.text)
        return Reply("好")

    chat.router.on_command(["数"], count)
    event = event_of(sender.message("数 一"))
    chat.receive([event, event])
    chat.receive([event])
    assert calls == ["数 一"]
    assert len(queue.works) == 1


def test_a_command_and_its_answer_stand_or_fall_together(chat: Chat, queue: Queue, sender: Sender):
    """When a command fails, neither its effects nor an answer remain, and the event can be tried again."""
    fail = [True]

    def once(conn: Connection, _message: ChatMessage) -> Reply:
        conn.execute(sa.text("SELECT 1"))
        if fail[0]:
            raise ValueError
        return Reply("好")

    chat.router.on_command(["试"], once)
    event = event_of(sender.message("试"))
    with pytest.raises(ValueError):  # noqa: PT011 - any failure of a feature
        chat.receive([event])
    assert queue.works == []
    fail[0] = False
    chat.receive([event])
    assert [work.args["text"] for work in queue.works] == ["好"]


def test_what_is_not_understood_is_answered_in_private_only(chat: Chat, queue: Queue, sender: Sender):
    """A private message gets a hint to 帮助; in a group the bot stays silent."""
    chat.receive([event_of(sender.message("你好", message_id="om_1"))])
    chat.receive([event_of(sender.message("你好", message_id="om_2", chat_type="group"))])
    assert [work.id for work in queue.works] == ["reply:om_1"]
    assert "帮助" in queue.works[0].args["text"]


def test_a_card_can_be_the_answer(chat: Chat, queue: Queue, sender: Sender):
    """A command may answer with a card; it goes into the chat of the message."""
    chat.router.on_command(["卡"], lambda _conn, _message: Reply(card={"schema": "2.0"}))
    chat.receive([event_of(sender.message("卡"))])
    assert queue.works[0].args["card"] == {"schema": "2.0"}
    assert queue.works[0].args["chat_id"] == "oc_1"


def test_messages_of_bots_and_other_kinds_are_left_alone(chat: Chat, queue: Queue, sender: Sender):
    """Bots (our own too), pictures and broken contents are read as nothing."""
    bot = sender.message("帮助")
    bot["event"]["sender"]["sender_type"] = "bot"
    picture = sender.message("x", message_type="image", content='{"image_key":"i"}')
    broken = sender.message("x", content="{")
    shapeless = sender.event("im.message.receive_v1", {"message": {"message_id": "om_9"}})
    chat.receive([event_of(envelope) for envelope in (bot, picture, broken, shapeless)])
    assert queue.works == []


FILE = {"message_type": "file", "content": '{"file_key":"file_1","file_name":"十月.xlsx"}'}


def test_a_file_reaches_its_handler_once(chat: Chat, queue: Queue, sender: Sender):
    """Who, where, which and when; a repeated event changes nothing; the answer goes to the sender."""
    taken: list[FileMessage] = []

    def take(_conn: Connection, message: FileMessage) -> Reply:
        taken.append(message)
        return Reply("收到")

    chat.router.on_file(take)
    event = event_of(sender.message("", **FILE))
    chat.receive([event, event])
    chat.receive([event])
    (file,) = taken
    assert (file.sender, file.chat_id, file.message_id) == ("ou_ann", "oc_1", "om_1")
    assert (file.file_key, file.name, file.at) == ("file_1", "十月.xlsx", sender.now.replace(microsecond=0))
    assert [(work.id, work.args["text"]) for work in queue.works] == [("reply:om_1", "收到")]


def test_a_file_and_its_effects_stand_or_fall_together(chat: Chat, queue: Queue, sender: Sender):
    """A handler that fails is called again with the same file."""
    fail = [True]

    def take(_conn: Connection, _message: FileMessage) -> None:
        if fail[0]:
            raise ValueError

    chat.router.on_file(take)
    event = event_of(sender.message("", **FILE))
    with pytest.raises(ValueError):  # noqa: PT011 - any failure of a feature
        chat.receive([event])
    fail[0] = False
    chat.receive([event])
    assert queue.works == []


@pytest.mark.parametrize(
    "fields",
    [
        {"chat_type": "group"},
        {"message_type": "image", "content": '{"image_key":"img_1"}'},
        {"content": '{"file_name":"十月.xlsx"}'},
        {"content": "{"},
    ],
)
def test_other_files_are_left_alone(chat: Chat, queue: Queue, sender: Sender, fields: dict[str, Any]):
    """Files of groups, pictures, and shapes we do not know reach nobody."""
    chat.router.on_file(lambda _conn, _message: Reply("收到"))
    chat.receive([event_of(sender.message("", **(FILE | fields)))])
    assert queue.works == []


def test_a_file_nobody_handles_is_left_alone(chat: Chat, queue: Queue, sender: Sender):
    """Without a handler the bot stays silent; there is one handler at most."""
    event = event_of(sender.message("", **FILE))
    chat.receive([event])
    assert queue.works == []
    assert read_file_message(event_of(sender.message("帮助"))) is None
    chat.router.on_file(lambda _conn, _message: None)
    with pytest.raises(ValueError, match="already have a handler"):
        chat.router.on_file(lambda _conn, _message: None)


def test_an_answer_names_what_it_answers(sender: Sender):
    """The message a reply belongs to; None for a message of its own."""
    answer = read_message(event_of(sender.message("导入", parent_id="om_0")))
    assert answer is not None
    assert answer.parent == "om_0"
    plain = read_message(event_of(sender.message("导入")))
    assert plain is not None
    assert plain.parent is None


def test_mentions_are_taken_out_and_kept_as_people(sender: Sender):
    """The text has no placeholders; the people mentioned are known by open_id."""
    mention = {"key": "@_user_1", "id": {"open_id": "ou_bob"}, "name": "Bob"}
    envelope = sender.message("交给 @_user_1 处理", mentions=[mention, {"key": "@_all"}])
    message = read_message(event_of(envelope))
    assert message is not None
    assert message.words == ("交给", "处理")
    assert message.mentions == ("ou_bob",)


def test_a_command_word_has_one_handler(chat: Chat):
    """Registering a word or a tap action twice is a mistake that says so at the start."""
    with pytest.raises(ValueError, match="状态"):
        chat.router.on_command(["状态"], lambda _conn, _message: None)
    chat.router.on_tap("x", lambda _conn, _tap: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match="already has a tap handler"):
        chat.router.on_tap("x", lambda _conn, _tap: None)  # type: ignore[arg-type,return-value]


def test_a_message_travels_from_the_webhook_to_the_answer(
    floor: Floor, chat: Chat, queue: Queue, sender: Sender, clock: ManualClock
):
    """Stored by the web process, drained by the worker, answered as work."""
    with floor.db.begin() as conn:
        Inbox(floor.db).store(conn, event_of(sender.message("帮助")), clock.now())
    assert Drain(floor.db, chat.router, clock, "w1").once() == 1
    assert json.loads(json.dumps(dict(queue.works[0].args)))["message_id"] == "om_1"
