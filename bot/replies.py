"""Send replies to chat messages: the performing half of ``bot/commands.py``, in the worker."""

import hashlib
from collections.abc import Mapping
from typing import Any

from bot.commands import REPLY_JOB
from runtime.engine import Engine
from runtime.feishu import Feishu
from runtime.ids import MessageId
from runtime.jobrun import JobRun


def register(engine: Engine, feishu: Feishu) -> None:
    """Let the engine perform ``bot.reply``: one call, made once by the platform's own ``uuid`` (one hour)."""

    def reply(run: JobRun, args: Mapping[str, Any]) -> None:
        uuid = hashlib.sha256(run.id.encode()).hexdigest()[:40]  # the platform takes at most 50 characters
        card = args.get("card")

        def send() -> str:
            if card is not None:
                return str(
                    feishu.im.send_card(
                        args["chat_id"], card, uuid=uuid, receive_id_type="chat_id"
                    ).message_id
                )
            feishu.im.reply_text(MessageId(args["message_id"]), args["text"], uuid=uuid)
            return str(args["message_id"])

        run.attempt("send", send)

    engine.register(REPLY_JOB, reply)
