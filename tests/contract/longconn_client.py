"""The official websocket client as a process of its own: start() never returns, its loop is a global.

Prints a JSON line for everything a handler got. Usage: longconn_client.py <base url>
"""

import json
import sys
from typing import Any

import lark_oapi as lark
from lark_oapi.event.callback.model.p2_card_action_trigger import (
    P2CardActionTrigger,
    P2CardActionTriggerResponse,
)


def tell(kind: str, **what: Any) -> None:
    """One line for the test."""
    sys.stdout.write(json.dumps({"kind": kind, **what}) + "\n")
    sys.stdout.flush()


def on_message(data: Any) -> None:
    """A message came; a text that says so makes the handler fail."""
    text = data.event.message.content
    tell("message", text=text[:40], length=len(text), event_id=data.header.event_id)
    if text == "fail":
        raise RuntimeError("as the message asked")


def on_card(data: P2CardActionTrigger) -> P2CardActionTriggerResponse:
    """A tap came; answer with a toast."""
    tell("card", value=data.event.action.value)
    if data.event.action.value.get("fail"):
        raise RuntimeError("as the tap asked")
    return P2CardActionTriggerResponse({"toast": {"type": "success", "content": "收到"}})


def on_old(data: Any) -> None:
    """An event in the old envelope came."""
    tell("old", uuid=data.uuid, event=data.event)


handler = (
    lark.EventDispatcherHandler.builder("", "")
    .register_p2_im_message_receive_v1(on_message)
    .register_p2_card_action_trigger(on_card)
    .register_p1_customized_event("approval_instance", on_old)
    .build()
)
lark.ws.Client(
    "cli_sandbox0000001",
    "sandbox-secret",
    event_handler=handler,
    domain=sys.argv[1],
    log_level=lark.LogLevel.ERROR,
).start()
