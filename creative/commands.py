"""Chat: 找素材 <words> looks in the asset library."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from bot.model import ChatMessage, Reply
from creative import store
from creative.cards import search_card
from creative.search import search

WORDS = ("找素材", "assets")
HELP = "在素材库里找定稿的图，如“找素材 圣诞 横版”"
SHOWN = 8


def find(conn: Connection, message: ChatMessage) -> Reply:
    """Answer with what has every word of the question: one line a request, the newest first."""
    words = " ".join(message.words[1:])
    if not words:
        return Reply("请在后面写要找什么，如：找素材 圣诞 横版")
    found = search(words, store.assets(conn))
    if not found:
        return Reply(f"没有找到“{words[:40]}”；少写一个词试试，或到“素材库”表里看")
    first = {asset.request_id: asset for asset in reversed(found)}
    shown = [asset for asset in found if first[asset.request_id] is asset][:SHOWN]
    return Reply(f"找到 {len(found)} 个素材", search_card(words[:40], shown, len(found)).data)
