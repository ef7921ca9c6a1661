"""An answer of the bot to a message: one, however late the worker comes back, and none where none is due."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from bot.commands import reply_work
from bot.model import ChatMessage, Reply
from bot.replies import register
from runtime.clock import SystemClock
from runtime.engine import Engine
from runtime.feishu import Feishu
from runtime.ids import ChatId, MessageId, OpenId, WorkId
from runtime.jobrun import JobRun, Slots
from runtime.work import Work
from sandbox.server import SandboxServer
from tests.contract.kit import control
from tests.feishu.conftest import Order
from tests.feishu.test_im import card

TWO_HOURS = timedelta(hours=2).total_seconds()
ANSWERS = [Reply("帮助"), Reply("看板", card("看板"))]


class Desk:
    """Takes the job in place of the engine, and does works as the engine does after a death."""

    def register(self, name: str, job: Callable[[JobRun, Mapping[str, Any]], None]) -> None:
        """Remember the job."""
        assert name == "bot.reply"
        self.job = job

    def work(self, work: Work, *, resumed: bool = False) -> None:
        """Do it."""
        run = JobRun(
            WorkId(work.id), record=lambda _name, fn: fn(), slots=Slots(1), clock=SystemClock(),
            resumed=resumed, first_wait=0.0,
        )  # fmt: skip
        self.job(run, work.args)


@pytest.fixture
def desk(feishu: Feishu) -> Desk:
    """The worker's half, on the sandbox."""
    desk = Desk()
    register(cast("Engine", desk), feishu)
    return desk


@pytest.fixture
def asked(sandbox: SandboxServer, person: str) -> ChatMessage:
    """What somebody wrote to the bot."""
    told = control(sandbox, "POST", "act/say", open_id=person, text="帮助")["data"]
    message = sandbox.world.im.messages[told["message_id"]]
    at = datetime.fromtimestamp(message.create_ms / 1000, UTC)
    return ChatMessage(
        MessageId(told["message_id"]), ChatId(told["chat_id"]), OpenId(person), "帮助", group=False, at=at
    )


def answers(sandbox: SandboxServer, asked: ChatMessage) -> int:
    """Messages that answer it."""
    return sum(each.parent_id == asked.message_id for each in sandbox.world.im.messages.values())


@pytest.mark.parametrize("reply", ANSWERS, ids=["text", "card"])
def test_a_worker_that_comes_back_late_says_it_once(
    sandbox: SandboxServer, desk: Desk, asked: ChatMessage, reply: Reply
) -> None:
    """It died after the answer left; two hours later the platform has forgotten the uuid."""
    work = reply_work(asked, reply)
    desk.work(work)
    sandbox.world.clock.advance(TWO_HOURS)
    desk.work(work, resumed=True)
    assert answers(sandbox, asked) == 1


@pytest.mark.parametrize("reply", ANSWERS, ids=["text", "card"])
def test_a_worker_that_died_before_says_it_then(
    sandbox: SandboxServer, desk: Desk, asked: ChatMessage, reply: Reply
) -> None:
    """Nothing left before it died; what others wrote in the chat is no answer."""
    control(sandbox, "POST", "act/say", open_id=asked.sender, text="在吗", reply_to=asked.message_id)
    before = answers(sandbox, asked)
    desk.work(reply_work(asked, reply), resumed=True)
    assert answers(sandbox, asked) == before + 1


def test_an_answer_older_than_its_question_is_seen(
    sandbox: SandboxServer, desk: Desk, asked: ChatMessage
) -> None:
    """The platform's clock was ahead while somebody wrote, and right again when the bot answered."""
    work = reply_work(asked, Reply("帮助"))
    sandbox.world.clock.advance(-TWO_HOURS)
    desk.work(work)
    sandbox.world.clock.advance(2 * TWO_HOURS)
    desk.work(work, resumed=True)
    assert answers(sandbox, asked) == 1


def test_a_lost_answer_is_looked_for_before_it_is_said_again(
    sandbox: SandboxServer, desk: Desk, asked: ChatMessage, fault: Order
) -> None:
    """The platform did it and did not say so."""
    fault("drop_after", path="*/reply")
    desk.work(reply_work(asked, Reply("帮助")))
    assert answers(sandbox, asked) == 1
    assert len(sandbox.world.control.recorder.calls(path="/reply")) == 1


def test_a_recalled_question_needs_no_answer(sandbox: SandboxServer, desk: Desk, asked: ChatMessage) -> None:
    """Nothing is said, and the work ends."""
    sandbox.world.im.messages[asked.message_id].deleted = True
    desk.work(reply_work(asked, Reply("帮助")))
    assert answers(sandbox, asked) == 0


def test_a_chat_that_may_not_be_read_is_answered_all_the_same(
    sandbox: SandboxServer, desk: Desk, asked: ChatMessage, fault: Order
) -> None:
    """Groups show their messages only to apps with a right of its own; the uuid makes it one there."""
    work = reply_work(asked, Reply("帮助"))
    desk.work(work)
    fault("code", path="*/im/v1/messages", code=230027)
    desk.work(work, resumed=True)
    assert answers(sandbox, asked) == 1


def test_work_of_a_version_without_the_time_is_done(
    sandbox: SandboxServer, desk: Desk, asked: ChatMessage
) -> None:
    """What waits while a new version is deployed."""
    work = reply_work(asked, Reply("帮助"))
    old = Work(work.job, work.id, work.lane, {k: v for k, v in work.args.items() if k != "asked_at"})
    desk.work(old, resumed=True)
    assert answers(sandbox, asked) == 1
