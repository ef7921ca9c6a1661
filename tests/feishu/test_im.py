"""Messages, cards and images through our client."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot import cards
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.errors import PermanentError
from runtime.feishu import Feishu
from runtime.feishu.errors import NotFound, NotPermitted, Rejected, TooLarge
from runtime.feishu.im import LARGEST_IMAGE
from runtime.feishu.keys import client_token, message_uuid
from runtime.ids import ChatId, MessageId
from sandbox.server import SandboxServer
from tests.contract.kit import control, fresh_client, new_group
from tests.feishu.conftest import settings_for

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001"
    "0005fe02fea7b5e2c30000000049454e44ae426082"
)
Calls = Callable[[str], list[dict[str, Any]]]


def card(text: str, object_id: str = "a1") -> dict[str, Any]:
    """A small card with a button."""
    button = {
        "tag": "button",
        "text": {"tag": "plain_text", "content": "好"},
        "behaviors": [{"type": "callback", "value": {"a": "ok", "id": object_id}}],
    }
    return {"schema": "2.0", "body": {"elements": [{"tag": "markdown", "content": text}, button]}}


def test_a_card_is_sent_updated_and_read_back_as_it_was_sent(feishu: Feishu, person: str) -> None:
    """What stands in the chat is what was sent last."""
    sent = feishu.im.send_card(person, card("一"), uuid="c1")
    feishu.im.update_card(sent.message_id, card("二"))
    message = feishu.im.get_message(sent.message_id)
    assert message is not None
    shown = json.loads(message["body"]["content"])
    assert shown["body"]["elements"][0]["content"] == "二"


def test_the_same_uuid_sends_one_message(feishu: Feishu, person: str) -> None:
    """A repeated job is not a repeated message."""
    first = feishu.im.send_card(person, card("一"), uuid="same")
    again = feishu.im.send_card(person, card("一"), uuid="same")
    assert first.message_id == again.message_id
    assert len(feishu.im.list_messages(first.chat_id, since=LONG_AGO)) == 1


def test_a_sent_card_is_found_by_its_marker(feishu: Feishu, person: str) -> None:
    """After the uuid's hour an unknown send is settled by looking for the object's id in the chat."""
    sent = feishu.im.send_card(person, card("一", "alert-17"), uuid="c1")
    feishu.im.send_card(person, card("二", "alert-18"), uuid="c2")
    assert feishu.im.find_sent(sent.chat_id, "alert-17", since=LONG_AGO) == sent
    assert feishu.im.find_sent(sent.chat_id, "alert-99", since=LONG_AGO) is None


def test_text_and_replies(feishu: Feishu, person: str, calls: Calls) -> None:
    """An answer names the message it answers."""
    sent = feishu.im.send_text(person, '你好 "引号"\n第二行', uuid="t1")
    reply = feishu.im.reply_text(sent.message_id, "收到", uuid="t2")
    assert reply.chat_id == sent.chat_id
    assert len(calls("/reply")) == 1
    message = feishu.im.get_message(sent.message_id)
    assert message is not None
    assert json.loads(message["body"]["content"])["text"] == '你好 "引号"\n第二行'


def test_a_file_of_a_message_is_read(feishu: Feishu, sandbox: SandboxServer, person: str) -> None:
    """Its bytes; a wrong key and a recalled message say that there is no such file."""
    sent = control(sandbox, "POST", "act/send_file", open_id=person, name="十月.xlsx", data="UEsDBA==")[
        "data"
    ]
    message, key = MessageId(sent["message_id"]), sent["file_key"]
    assert feishu.im.get_resource(message, key) == b"PK\x03\x04"
    with pytest.raises(NotFound):
        feishu.im.get_resource(message, "file_other")
    sandbox.world.im.messages[message].deleted = True
    with pytest.raises(NotFound):
        feishu.im.get_resource(message, key)


def test_a_file_that_is_too_large_is_refused(feishu: Feishu, sandbox: SandboxServer, person: str) -> None:
    """By our limit, to the byte, and by the platform's 100 MB; the connection goes on being of use."""
    sent = control(sandbox, "POST", "act/send_file", open_id=person, name="十月.xlsx", data="UEsDBA==")[
        "data"
    ]
    message, key = MessageId(sent["message_id"]), sent["file_key"]
    assert len(feishu.im.get_resource(message, key, most=4)) == 4
    with pytest.raises(TooLarge, match="larger than 3 bytes"):
        feishu.im.get_resource(message, key, most=3)
    blobs = sandbox.world.im.blobs
    blobs[key] = replace(blobs[key], data=bytes(100 * 1024 * 1024 + 1))
    with pytest.raises(TooLarge, match="100 MB") as refused:
        feishu.im.get_resource(message, key)
    assert refused.value.code == 234037
    assert feishu.im.get_message(message) is not None


def test_listing_reads_all_pages_oldest_first(sandbox: SandboxServer, database: Database) -> None:
    """A chat longer than a page comes back whole and in order."""
    sandbox.world.limits_on = False
    # On this clock the five messages a second of a group are not waited for.
    client = Feishu(settings_for(sandbox.url), db=database, clock=ManualClock(sandbox.world.clock.now()))
    one, *others = list(sandbox.world.people)[:3]
    chat = ChatId(new_group(fresh_client(sandbox), "值班群", one, others).data.chat_id)
    wanted = [str(number) for number in range(55)]
    for number in wanted:
        client.im.send_text(chat, number, uuid=f"m{number}", receive_id_type="chat_id")
    listed = client.im.list_messages(chat, since=LONG_AGO)
    texts = [json.loads(item["body"]["content"])["text"] for item in listed if item["msg_type"] == "text"]
    assert texts == wanted
    client.close()


def test_an_image_is_uploaded_for_messages(feishu: Feishu, calls: Calls) -> None:
    """The key comes back and the file arrived with its name."""
    assert feishu.im.upload_image("图.png", PNG).startswith("img_")
    assert calls("/im/v1/images")[0]["body"]["image"]["filename"] == "图.png"


def test_an_uploaded_picture_stands_in_a_card(feishu: Feishu, person: str) -> None:
    """A card of our builders with a picture is taken; a key nobody uploaded is refused."""
    key = feishu.im.upload_image("图.png", PNG)
    built = cards.card(None, [cards.image(key, "主图")], summary="待审")
    sent = feishu.im.send_card(person, built.data, uuid="pictures")
    shown = feishu.im.get_message(sent.message_id)
    assert shown is not None
    assert key in shown["body"]["content"]
    strange = cards.card(None, [cards.image("img_v3_nobody", "主图")], summary="待审")
    with pytest.raises(Rejected) as refused:
        feishu.im.send_card(person, strange.data, uuid="strange")
    assert refused.value.sub_code == 200570


@pytest.mark.parametrize("size", [0, LARGEST_IMAGE + 1])
def test_a_picture_of_no_use_is_not_sent(feishu: Feishu, calls: Calls, size: int) -> None:
    """Empty or over 10 MB: said before anything is uploaded."""
    with pytest.raises(ValueError, match="shrink it"):
        feishu.im.upload_image("图.png", bytes(size))
    assert calls("/im/v1/images") == []


def test_unreachable_people_and_recalled_messages_are_permanent(
    feishu: Feishu, sandbox: SandboxServer
) -> None:
    """Nobody by that id, nothing by that id: repeating cannot help."""
    with pytest.raises((NotFound, NotPermitted)):
        feishu.im.send_text("ou_nobody", "?", uuid="x")
    with pytest.raises(PermanentError):
        feishu.im.update_card(MessageId("om_nothing"), card("x"))


def test_keys_are_stable_and_fit_the_wire() -> None:
    """The same seed gives the same key; long seeds are digested; Bitable's are uuid4-shaped."""
    assert client_token("push:1") == client_token("push:1") != client_token("push:2")
    assert client_token("x")[14] == "4"
    assert message_uuid("notice:1") == "notice:1"
    assert len(message_uuid("notice:" + "x" * 60)) == 50
    assert len(message_uuid("通知")) == 50
