"""The chat command 指挥舱: a card with the way to the cockpit, for those who may look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.engine import Connection

from bot.cards import Card, card, header, link, markdown
from bot.model import ChatMessage, Reply
from bot.words import text
from rules.cockpit.access import Right, Viewers
from runtime.clock import Clock

WORDS: Final = ("指挥舱", "经营指挥舱", "cockpit")
HELP: Final = "打开经营指挥舱：成交、广告、库存、预警一页看全"
REFUSED: Final = (
    "你还不能查看经营指挥舱。需要时请联系管理员添加。\n"
    "You may not open the cockpit yet; ask the administrator."
)
UNSURE: Final = (
    "可以查看的部门名单还没有读到，暂时不能确认你的权限，请稍后再试。\n"
    "The list of departments that may look has not been read yet; please try again later."
)


@dataclass(frozen=True, slots=True)
class Commands:
    """Answers to chat messages.

    Attributes:
        viewers: who may look.
        clock: the time.
        url: address of the cockpit.
    """

    viewers: Viewers
    clock: Clock
    url: str

    def cockpit(self, conn: Connection, message: ChatMessage) -> Reply:
        """指挥舱: the card with the link. It holds no figures, so that a group may read it."""
        right = self.viewers.right(conn, message.sender, self.clock.now())
        if right is not Right.YES:
            return Reply(REFUSED if right is Right.NO else UNSURE)
        return Reply("经营指挥舱", cockpit_card(self.url).data)


def cockpit_card(url: str) -> Card:
    """The card with the way to the cockpit.

    Args:
        url: address of the cockpit.
    """
    said = text(
        "成交、广告、库存和预警都在这一页，数据每 15 秒更新。打开时用飞书账号确认身份。",
        "Sales, ads, stock and alerts on one page, new every 15 seconds. You are asked who you are.",
    )
    title = text("经营指挥舱", "Cockpit")
    open_it = link(text("打开指挥舱", "Open the cockpit"), url, kind="primary_filled")
    return card(header(title), [markdown(said), open_it], summary=title)
