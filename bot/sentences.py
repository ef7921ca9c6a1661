"""Every sentence the conversation itself says, to people (Chinese and English) and to developers."""

import re
from typing import Final

from bot.model import Toast

SORRY: Final = Toast(
    "error",
    "出了点问题，已通知管理员，请稍后再试",
    "Something went wrong. The administrator has been told; please try again later.",
)
BUSY: Final = Toast(
    "warning",
    "系统繁忙，这次操作没有生效，请稍后再试",
    "The system is busy and nothing was changed. Please try again in a moment.",
)
LATE: Final = Toast(
    "warning",
    "系统繁忙，操作可能已经生效，请稍后查看卡片再决定是否重试",
    "The system is busy. Your action may have been recorded; look at the card again before repeating it.",
)
UNKNOWN_ACTION: Final = Toast(
    "warning",
    "这个按钮已经不能用了，请使用最新的卡片",
    "This button no longer works. Please use the newest card.",
)
NOT_UNDERSTOOD: Final = "没有听懂“{text}”。发送“帮助”查看可以做什么。\nSend “help” to see what I can do."


def _name(of: str) -> str:
    """A Python name for a type or action: ``im.message.receive_v1`` → ``im_message_receive``."""
    return re.sub(r"\W+", "_", re.sub(r"_v\d+$", "", of)).strip("_").lower() or "something"


def no_event_handler(event_type: str) -> str:
    """Suggest the line to write for an event nobody handles."""
    return (
        f"no handler for {event_type}; its events are stored and marked 'unhandled'. Add in app.py: "
        f'router.on_event("{event_type}", handle_{_name(event_type)})'
    )


def no_tap_handler(action: str) -> str:
    """Suggest the line to write for a tap nobody handles."""
    if not action:
        return (
            'a tap without an action; give the component value={"a": "<action>", …} (bot.cards.button does)'
        )
    return f'no handler for taps "{action}"; add in app.py: router.on_tap("{action}", on_{_name(action)})'


def poison(event_type: str, event_id: str, tries: int, why: str) -> str:
    """Say in the inbox row what happened to an event that cannot be handled, and what to do."""
    return (
        f"The handler of {event_type} failed {tries} times; the last time: {why}. The log lines "
        f"'event.failed' with event_id={event_id} show where. Repair the cause, then run the event "
        f"again with: chorus replay {event_id}"
    )
