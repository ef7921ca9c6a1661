"""What the bot says besides cards: replies to words, and toasts after taps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from bot import commands, sentences
from bot.router import Router
from creative.commands import HELP as ART_HELP
from creative.commands import WORDS as ART_WORDS
from payslip.commands import RESET_HELP, RESET_WORDS, RUN_HELP, RUN_WORDS, SLIP_HELP, SLIP_WORDS
from payslip.uploads import HELP as FILE_HELP
from payslip.uploads import WORDS as FILE_WORDS
from rules.cockpit.commands import HELP as COCKPIT_HELP
from rules.cockpit.commands import WORDS as COCKPIT_WORDS
from rules.cockpit.commands import cockpit_card
from rules.commands import HELP as ALERT_HELP
from rules.commands import WORDS as ALERT_WORDS
from runtime.clock import ManualClock
from tests.cards.shown import Shown
from tests.rules.kit import START

GROUP, TOASTS = ("对话", "Conversation"), ("点按后的提示", "Toasts")


def help_text() -> str:
    """帮助, with the commands in the order the worker registers them."""
    router, nowhere = Router(), cast("Any", None)  # 帮助 asks neither the database nor the queue
    chat = commands.register(router, nowhere, nowhere, ManualClock(START))
    for words, said in (
        (ALERT_WORDS, ALERT_HELP), (COCKPIT_WORDS, COCKPIT_HELP), (RUN_WORDS, RUN_HELP),
        (SLIP_WORDS, SLIP_HELP), (RESET_WORDS, RESET_HELP), (FILE_WORDS, FILE_HELP), (ART_WORDS, ART_HELP),
    ):  # fmt: skip
        router.on_command(words, chat.help, help=said)
    return chat.help(nowhere, nowhere).text


def cards() -> Iterator[Shown]:
    """Replies and toasts."""
    yield Shown(
        "talk-cockpit", GROUP, ("指挥舱", "Cockpit"), cockpit_card("https://chorus.example.com/cockpit")
    )
    yield Shown("talk-help", GROUP, ("帮助", "Help"), text=help_text())
    lost = sentences.NOT_UNDERSTOOD.format(text="明天天气怎么样")
    yield Shown("talk-lost", GROUP, ("没有听懂", "Not understood"), text=lost)
    for key, zh, en, toast in (
        ("sorry", "出了问题", "Something went wrong", sentences.SORRY),
        ("busy", "系统繁忙", "Busy", sentences.BUSY),
        ("late", "可能已经生效", "Perhaps done", sentences.LATE),
        ("old", "旧卡片的按钮", "A button of an old card", sentences.UNKNOWN_ACTION),
    ):
        yield Shown(f"toast-{key}", TOASTS, (zh, en), toast=toast)
