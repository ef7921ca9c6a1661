"""Durable work that waits until a test does it, and a messenger with its own memory and bad days."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from runtime.clock import Clock
from runtime.db import Database
from runtime.errors import UnknownOutcome
from runtime.ids import ChatId, MessageId, WorkId
from runtime.jobrun import JobRun, Slots
from runtime.work import Work, WorkQueue
from tests.rules.kit import texts

Jobs = Mapping[str, Callable[[JobRun, Mapping[str, Any]], None]]


class Killed(BaseException):
    """The worker dies here."""


class Desk(WorkQueue):
    """Work waits here; the test decides what is done next, in the order of each lane."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.known: set[str] = set()
        self.waiting_works: list[Work] = []

    def put(self, conn: Connection, *works: Work) -> None:
        """Take work once."""
        del conn
        for work in works:
            if work.id not in self.known:
                self.known.add(work.id)
                self.waiting_works.append(work)

    def first_of_lanes(self) -> list[Work]:
        """What may be done next."""
        lanes: dict[str, Work] = {}
        for work in self.waiting_works:
            lanes.setdefault(work.lane, work)
        return list(lanes.values())

    def done(self, work: Work) -> None:
        """A work is done. One that waits a beat takes everything up to its begin, so it may be put anew."""
        self.waiting_works.remove(work)
        if work.delay:
            self.known.discard(work.id)


@dataclass
class Message:
    """A message as its receiver sees it."""

    id: str
    uuid: str
    receiver: str
    card: Mapping[str, Any]
    at: datetime

    @property
    def title(self) -> str:
        """Its headline."""
        return str(self.card["header"]["title"]["content"])

    @property
    def tags(self) -> list[str]:
        """The words beside the headline."""
        return [tag["text"]["content"] for tag in self.card["header"].get("text_tag_list", [])]


@dataclass
class Post:
    """The messenger. It knows a uuid for an hour, as Feishu does.

    Attributes:
        clock: its time.
        fate: of the next send: "" goes well; "lost": done, but no answer; "dies after", "dies before": the
            worker is killed there.
    """

    clock: Clock
    fate: str = ""
    messages: list[Message] = field(default_factory=list)

    def send_card(self, receiver: str, card: Mapping[str, Any], *, uuid: str) -> Any:
        """One message a uuid and hour."""
        fate, self.fate = self.fate, ""
        if fate == "dies before":
            raise Killed
        now = self.clock.now()
        known = [one for one in self.messages if one.uuid == uuid and now - one.at < timedelta(hours=1)]
        if not known:
            known = [Message(f"om_post{len(self.messages)}", uuid, receiver, dict(card), now)]
            self.messages += known
        if fate == "dies after":
            raise Killed
        if fate == "lost":
            msg = "没有回答"
            raise UnknownOutcome(msg)
        return _answer(known[0])

    def update_card(self, message: str, card: Mapping[str, Any]) -> None:
        """Draw a message anew."""
        next(one for one in self.messages if one.id == message).card = dict(card)

    def find_sent(self, chat: str, marker: str, **_since: Any) -> Any:
        """A message of a chat that holds a text."""
        found = [one for one in self.messages if f"oc_{one.receiver}" == chat and marker in texts(one.card)]
        return _answer(found[0]) if found else None


def _answer(message: Message) -> Any:
    class Sent:
        message_id, chat_id = MessageId(message.id), ChatId(f"oc_{message.receiver}")

    return Sent


def work_off(desk: Desk, jobs: Jobs, clock: Clock, begun: set[str]) -> bool:
    """Do what waits until nothing does, lane by lane; False when the worker was killed in the middle.

    Args:
        desk: the works.
        jobs: what does them; a work without one is passed over.
        clock: the time.
        begun: ids of works a former life began; kept up to date.
    """
    while ready := desk.first_of_lanes():
        for work in ready:
            run = JobRun(
                WorkId(work.id), record=lambda _name, fn: fn(), slots=Slots(1), clock=clock,
                resumed=work.id in begun, first_wait=0.0,
            )  # fmt: skip
            begun.add(work.id)
            try:
                if work.job in jobs:
                    jobs[work.job](run, work.args)
            except Killed:
                return False
            begun.discard(work.id)
            desk.done(work)
    return True
