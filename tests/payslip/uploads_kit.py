"""HR sends files to the bot: through the sandbox's chat, the real event, the engine, and back on the card."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import commands, replies
from bot.model import MESSAGE_TYPE, TapAnswer
from payslip import tables as t
from runtime.db import Database
from tests.contract.kit import APP_ID, control
from tests.payslip.imports_kit import xlsx
from tests.payslip.stage import Payday, open_payday

HEAD = ("工号", "姓名", "月份", "绩效系数")


@dataclass
class Desk:
    """A pay day, and what HR does with files."""

    payday: Payday

    @property
    def hr(self) -> Any:
        """HR."""
        return self.payday.person("人事")

    @property
    def worker(self) -> Any:
        """Somebody who is not HR."""
        return self.payday.person("采购")

    def scores(self, *factors: float, month: str = "2026-10") -> bytes:
        """A list of scores: one factor each for the first people of the company."""
        people = list(self.payday.sandbox.world.people.values())
        rows = [
            (each.employee_no, each.name, month, factor)
            for each, factor in zip(people, factors, strict=False)
        ]
        return xlsx([HEAD, *rows])

    def send(self, name: str, data: bytes, who: Any = None, *, wait: bool = True) -> str:
        """Somebody sends a file; the id of its message."""
        sent = control(
            self.payday.sandbox, "POST", "act/send_file", open_id=(who or self.hr).open_id, name=name,
            data=base64.b64encode(data).decode(),
        )["data"]  # fmt: skip
        self._arrives(sent["message_id"])
        if wait:
            self.payday.idle()
        return str(sent["message_id"])

    def say(self, text: str, *, reply_to: str = "", who: Any = None) -> None:
        """Somebody writes, perhaps as an answer."""
        body = {"open_id": (who or self.hr).open_id, "text": text, "reply_to": reply_to}
        self._arrives(control(self.payday.sandbox, "POST", "act/say", **body)["data"]["message_id"])
        self.payday.idle()

    def _arrives(self, message_id: str) -> None:
        """The event of a message reaches the handlers, twice as events do."""
        said = self.payday.sandbox.world.im.messages[message_id]
        message = {
            "message_id": message_id, "chat_id": said.chat_id, "chat_type": "p2p", "content": said.content,
            "message_type": said.msg_type, "create_time": str(said.create_ms), "parent_id": said.parent_id,
        }  # fmt: skip
        sender = {"sender_id": {"open_id": said.sender}, "sender_type": "user"}
        for _ in range(2):
            self.payday.happens(MESSAGE_TYPE, {"sender": sender, "message": message})

    def upload(self, message_id: str) -> Any:
        """What we keep of a file."""
        return next(row for row in self.payday.stored(t.uploads) if row.id == message_id)

    def card(self, message_id: str) -> str:
        """The card of a file as it stands in the chat, as text."""
        message = self.payday.sandbox.world.im.messages[self.upload(message_id).card_id]
        return json.dumps(json.loads(message.content), ensure_ascii=False)

    def told(self, who: Any) -> list[str]:
        """The texts of the bot in a person's chat."""
        im = self.payday.sandbox.world.im
        return [
            json.loads(each.content)["text"]
            for each in im.messages.values()
            if each.msg_type == "text"
            and each.sender == APP_ID
            and who.open_id in im.chats[each.chat_id].members
        ]

    def tap(
        self, message_id: str, verb: str, who: Any = None, option: str | None = None, **value: Any
    ) -> TapAnswer:
        """A tap on the newest card of a file, handled like the web process does; works are done."""
        row = self.upload(message_id)
        carried = {"id": message_id, "t": row.turn, **value}
        answer = self.payday.tap(
            who or self.hr, f"pay.upload_{verb}", carried, option=option, card=row.card_id
        )
        self.payday.idle()
        return answer

    def factors(self, month: str = "2026-10") -> dict[str, str]:
        """Factor by employee as they stand in 绩效评分."""
        return {
            shown(row["fields"]["工号"]): str(row["fields"]["绩效系数"])
            for row in self.payday.rows("pay_scores")
            if shown(row["fields"]["月份"]) == month
        }


def shown(cell: Any) -> str:
    """The text of a cell in read shape."""
    return "".join(part["text"] for part in cell) if isinstance(cell, list) else str(cell)


@contextmanager
def open_desk(sandbox: Any, database: Database, folder: Path) -> Iterator[Desk]:
    """A small company at the end of its month, with the chat wired as the composition root does."""
    with open_payday(sandbox, database, folder) as payday:
        floor = payday.floor
        commands.register(payday.router, floor.db, floor.queue, floor.clock)
        replies.register(payday.engine, payday.feishu)
        yield Desk(payday)


def toast(answer: TapAnswer) -> str:
    """What the person sees over the card."""
    assert answer.toast is not None
    return answer.toast.zh


def texts(card: Mapping[str, Any] | None) -> str:
    """A card as text."""
    return json.dumps(card, ensure_ascii=False)


def options(card: str, name: str) -> Sequence[str]:
    """The values of a select."""
    found = next(each for each in _elements(json.loads(card)) if each.get("name") == name)
    return [each["value"] for each in found["options"]]


def _elements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _elements(each)
