"""Send replies to chat messages: the performing half of ``bot/commands.py``, in the worker."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.commands import REPLY_JOB
from runtime.engine import Engine
from runtime.feishu import Feishu
from runtime.feishu.errors import NotFound, NotPermitted
from runtime.ids import ChatId, MessageId
from runtime.jobrun import JobRun

RECALLED = ""
"""In place of a message's id: the question is gone, so nobody waits for an answer."""


def register(engine: Engine, feishu: Feishu) -> None:
    """Let the engine perform ``bot.reply``: one answer to one message.

    The platform's own ``uuid`` makes it one for an hour; after that, and after any doubt, the chat is asked
    whether the answer stands there.
    """
    im = feishu.im

    def reply(run: JobRun, args: Mapping[str, Any]) -> None:
        uuid = hashlib.sha256(run.id.encode()).hexdigest()[:40]  # the platform takes at most 50 characters
        message, card = MessageId(args["message_id"]), args.get("card")

        def send() -> str:
            try:
                if card is not None:
                    return str(im.reply_card(message, card, uuid=uuid).message_id)
                return str(im.reply_text(message, args["text"], uuid=uuid).message_id)
            except NotFound:
                return RECALLED

        def sent() -> str | None:
            if "asked_at" not in args:  # put by a version that did not keep it
                return None
            since = datetime.fromisoformat(args["asked_at"])
            try:
                found = im.find_reply(message, ChatId(args["chat_id"]), since=since)
            except NotPermitted:  # groups show their messages only to apps with a right of its own
                return None
            return None if found is None else str(found.message_id)

        run.attempt("send", send, lookup=sent)

    engine.register(REPLY_JOB, reply)
