"""Messages, through the official SDK."""

import io
import json
from dataclasses import replace

import lark_oapi as lark
import pytest
from lark_oapi.api.im.v1 import (
    CreateImageRequest,
    CreateImageRequestBody,
    CreateMessageRequest,
    CreateMessageRequestBody,
    DeleteMessageRequest,
    GetMessageRequest,
    GetMessageResourceRequest,
    ListMessageRequest,
    PatchMessageRequest,
    PatchMessageRequestBody,
    ReadUsersMessageRequest,
    ReplyMessageRequest,
    ReplyMessageRequestBody,
    UpdateMessageRequest,
    UpdateMessageRequestBody,
    UrgentAppMessageRequest,
    UrgentReceivers,
)

from sandbox.server import SandboxServer
from tests.contract.kit import control, fresh_client, people
from tests.contract.receiver import Receiver
from tests.support.wait import until

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + (64).to_bytes(4) * 2 + b"\x08\x06\x00\x00\x00"


@pytest.fixture
def client(sandbox: SandboxServer) -> lark.Client:
    """The SDK's client."""
    return fresh_client(sandbox)


def send(
    client: lark.Client, to: str, text: str = "hi", kind: str = "open_id", uuid: str | None = None, **more
):
    """Send a text, or with ``msg_type`` and ``content`` something else."""
    body = CreateMessageRequestBody.builder().receive_id(to).msg_type(more.get("msg_type", "text"))
    body = body.content(more.get("content", json.dumps({"text": text})))
    if uuid:
        body = body.uuid(uuid)
    request = CreateMessageRequest.builder().receive_id_type(kind).request_body(body.build()).build()
    return client.im.v1.message.create(request)


def patch(client: lark.Client, message_id: str, card: dict):
    """Replace a card."""
    body = PatchMessageRequestBody.builder().content(json.dumps(card)).build()
    return client.im.v1.message.patch(
        PatchMessageRequest.builder().message_id(message_id).request_body(body).build()
    )


def card(text: str) -> dict:
    """A small 2.0 card."""
    return {"schema": "2.0", "body": {"elements": [{"tag": "markdown", "content": text}]}}


def send_card(client: lark.Client, to: str, content: dict):
    """Send a card."""
    return send(client, to, msg_type="interactive", content=json.dumps(content))


def test_a_text_reaches_the_one_chat_of_person_and_bot(sandbox: SandboxServer, client: lark.Client) -> None:
    """Two messages to one person, by any id, land in the same chat; the person sees the text."""
    person = people(sandbox)[0]
    first = send(client, person.open_id, "one")
    assert first.success(), first.msg
    second = send(client, person.email, "two", kind="email")
    assert second.data.chat_id == first.data.chat_id
    assert first.data.sender.sender_type == "app"
    seen = control(sandbox, "GET", f"messages?open_id={person.open_id}")["data"]["messages"]
    assert [m["content"]["text"] for m in seen] == ["one", "two"]
    assert seen[0]["receiver"] == person.open_id


def test_the_same_uuid_sends_once_within_an_hour(sandbox: SandboxServer, client: lark.Client) -> None:
    """A repeated uuid gives the first message again; after an hour it sends a new one."""
    to = people(sandbox)[0].open_id
    first = send(client, to, "a", uuid="u-1").data.message_id
    assert send(client, to, "a", uuid="u-1").data.message_id == first
    assert len(sandbox.world.im.messages) == 1
    sandbox.world.clock.advance(3601)
    assert send(client, to, "a", uuid="u-1").data.message_id != first


def test_five_a_second_to_one_receiver(sandbox: SandboxServer, client: lark.Client) -> None:
    """The sixth message to one person within a second is refused with 230020; others get theirs."""
    one, two = people(sandbox)[:2]
    codes = [send(client, one.open_id, str(n)).code for n in range(6)]
    assert codes == [0, 0, 0, 0, 0, 230020]
    refused = send(client, one.open_id)
    assert refused.raw.status_code == 400
    assert send(client, two.open_id).code == 0
    sandbox.world.clock.advance(1.1)
    assert send(client, one.open_id).code == 0


def test_unknown_and_resigned_receivers_are_refused(sandbox: SandboxServer, client: lark.Client) -> None:
    """Nobody with this id, somebody who left, a chat without the bot: 230034, 230013, 230034."""
    gone = people(sandbox)[1]
    gone.resigned = True
    assert send(client, "ou_nobody").code == 230034
    assert send(client, gone.open_id).code == 230013
    assert send(client, "oc_nowhere", kind="chat_id").code == 230034


def test_too_long_and_malformed_contents_are_refused(sandbox: SandboxServer, client: lark.Client) -> None:
    """Text over 150 KB and cards over 30 KB are 230025; content that is no JSON text is 230001."""
    to = people(sandbox)[0].open_id
    assert send(client, to, "x" * 151 * 1024).code == 230025
    assert send_card(client, to, card("x" * 31 * 1024)).code == 230025
    assert send(client, to, msg_type="text", content="not json").code == 230001
    assert send(client, to, msg_type="nonsense", content="{}").code == 230054


def test_mentions_come_back_numbered(sandbox: SandboxServer, client: lark.Client) -> None:
    """An at in a text is read back as @_user_1 with who that is."""
    person = people(sandbox)[0]
    sent = send(client, person.open_id, f'<at user_id="{person.open_id}">x</at> look')
    got = client.im.v1.message.get(GetMessageRequest.builder().message_id(sent.data.message_id).build())
    item = got.data.items[0]
    assert json.loads(item.body.content) == {"text": "@_user_1 look"}
    assert (item.mentions[0].id, item.mentions[0].name) == (person.open_id, person.name)


def test_a_reply_hangs_under_its_message(sandbox: SandboxServer, client: lark.Client) -> None:
    """A reply names its parent and root; the same uuid replies once."""
    sent = send(client, people(sandbox)[0].open_id).data.message_id
    body = ReplyMessageRequestBody.builder().msg_type("text").content('{"text": "re"}').uuid("r-1").build()
    request = ReplyMessageRequest.builder().message_id(sent).request_body(body)
    first = client.im.v1.message.reply(request.build())
    assert first.success(), first.msg
    assert (first.data.parent_id, first.data.root_id) == (sent, sent)
    again = ReplyMessageRequest.builder().message_id(sent).request_body(body).build()
    assert client.im.v1.message.reply(again).data.message_id == first.data.message_id


def test_a_patched_card_is_what_people_see(sandbox: SandboxServer, client: lark.Client) -> None:
    """PATCH replaces the card; GET gives the original JSON only when asked for."""
    person = people(sandbox)[0]
    sent = send_card(client, person.open_id, card("old")).data.message_id
    assert patch(client, sent, card("new")).success()
    seen = control(sandbox, "GET", f"messages?open_id={person.open_id}")["data"]["messages"][0]
    assert seen["content"] == card("new")
    assert seen["update_count"] == 1
    plain = client.im.v1.message.get(GetMessageRequest.builder().message_id(sent).build()).data.items[0]
    assert json.loads(plain.body.content) == {
        "title": "",
        "elements": [[{"tag": "text", "text": "new"}]],
    }
    request = GetMessageRequest.builder().message_id(sent).card_msg_content_type("user_card_content").build()
    original = client.im.v1.message.get(request).data.items[0]
    assert json.loads(original.body.content) == card("new")


def test_a_patch_has_its_own_limits(sandbox: SandboxServer, client: lark.Client) -> None:
    """Six patches a second: 230020. After 14 days: 230031. Another schema: 200830. Not a card: 230001."""
    to = people(sandbox)[0].open_id
    sent = send_card(client, to, card("0")).data.message_id
    assert [patch(client, sent, card(str(n))).code for n in range(6)] == [0, 0, 0, 0, 0, 230020]
    sandbox.world.clock.advance(2)
    assert patch(client, sent, {"config": {"update_multi": True}, "elements": []}).code == 200830
    text = send(client, to).data.message_id
    assert patch(client, text, card("x")).code == 230001
    sandbox.world.clock.advance(14 * 86_400 + 1)
    assert patch(fresh_client(sandbox), sent, card("late")).code == 230031


def test_a_text_is_edited_and_recalled(sandbox: SandboxServer, client: lark.Client) -> None:
    """PUT changes a text; DELETE takes it back; afterwards neither works."""
    sent = send(client, people(sandbox)[0].open_id, "first").data.message_id
    body = UpdateMessageRequestBody.builder().msg_type("text").content('{"text": "second"}').build()
    edited = client.im.v1.message.update(
        UpdateMessageRequest.builder().message_id(sent).request_body(body).build()
    )
    assert edited.success(), edited.msg
    assert edited.data.updated is True
    delete = DeleteMessageRequest.builder().message_id(sent).build()
    assert client.im.v1.message.delete(delete).success()
    assert client.im.v1.message.delete(DeleteMessageRequest.builder().message_id(sent).build()).code == 230110
    got = client.im.v1.message.get(GetMessageRequest.builder().message_id(sent).build()).data.items[0]
    assert got.deleted is True


def test_history_is_paged_and_filtered_by_time(sandbox: SandboxServer, client: lark.Client) -> None:
    """List gives every message once over pages, newest first when asked, and only within the times."""
    to = people(sandbox)[0].open_id
    for number in range(5):
        chat = send(client, to, str(number)).data.chat_id
        sandbox.world.clock.advance(10)
    texts: list[str] = []
    token = ""
    while True:
        request = ListMessageRequest.builder().container_id_type("chat").container_id(chat).page_size(2)
        page = client.im.v1.message.list(request.sort_type("ByCreateTimeDesc").page_token(token).build())
        assert page.success(), page.msg
        texts += [json.loads(item.body.content)["text"] for item in page.data.items]
        if not page.data.has_more:
            break
        token = page.data.page_token
    assert texts == ["4", "3", "2", "1", "0"]
    since = str(int(sandbox.world.clock.time()) - 15)
    request = ListMessageRequest.builder().container_id_type("chat").container_id(chat).start_time(since)
    late = client.im.v1.message.list(request.build())
    assert [json.loads(item.body.content)["text"] for item in late.data.items] == ["4"]


def test_who_read_a_message(sandbox: SandboxServer, client: lark.Client) -> None:
    """After a person looked at the chat, read_users names them."""
    person = people(sandbox)[0]
    sent = send(client, person.open_id)
    request = ReadUsersMessageRequest.builder().user_id_type("open_id").message_id(sent.data.message_id)
    assert not client.im.v1.message.read_users(request.build()).data.items
    control(sandbox, "POST", "act/read", open_id=person.open_id, chat_id=sent.data.chat_id)
    request = ReadUsersMessageRequest.builder().user_id_type("open_id").message_id(sent.data.message_id)
    read = client.im.v1.message.read_users(request.build())
    assert [item.user_id for item in read.data.items] == [person.open_id]


def test_urgent_reaches_members_only(sandbox: SandboxServer, client: lark.Client) -> None:
    """urgent_app buzzes people of the chat and names the others as invalid."""
    one, two = people(sandbox)[:2]
    sent = send(client, one.open_id).data.message_id
    body = UrgentReceivers.builder().user_id_list([one.open_id, two.open_id]).build()
    request = UrgentAppMessageRequest.builder().message_id(sent).user_id_type("open_id").request_body(body)
    response = client.im.v1.message.urgent_app(request.build())
    assert response.success(), response.msg
    assert response.data.invalid_user_id_list == [two.open_id]
    assert sandbox.world.im.messages[sent].urgent == {one.open_id: "app"}


def test_an_image_is_uploaded_sent_and_downloaded(sandbox: SandboxServer, client: lark.Client) -> None:
    """A file object without a name is uploaded; its key is sent, its bytes read from the message."""
    body = CreateImageRequestBody.builder().image_type("message").image(io.BytesIO(PNG)).build()
    uploaded = client.im.v1.image.create(CreateImageRequest.builder().request_body(body).build())
    assert uploaded.success(), uploaded.msg
    key = uploaded.data.image_key
    content = json.dumps({"image_key": key})
    sent = send(client, people(sandbox)[0].open_id, msg_type="image", content=content)
    assert sent.success(), sent.msg
    request = GetMessageResourceRequest.builder().message_id(sent.data.message_id).file_key(key).type("image")
    got = client.im.v1.message_resource.get(request.build())
    assert got.file.read() == PNG
    assert (
        send(client, people(sandbox)[0].open_id, msg_type="image", content='{"image_key":"x"}').code == 230001
    )


def resource(client: lark.Client, message_id: str, key: str, kind: str = "file"):
    """Ask for a file of a message."""
    request = GetMessageResourceRequest.builder().message_id(message_id).file_key(key).type(kind).build()
    return client.im.v1.message_resource.get(request)


def test_a_file_somebody_sends_reaches_the_bot(sandbox: SandboxServer, client: lark.Client) -> None:
    """The bot is told key and name in the private chat; the bytes are read by message and key."""
    one, receiver = people(sandbox)[0], Receiver()
    control(sandbox, "POST", "subscription", url=receiver.url)
    wish = {"open_id": one.open_id, "name": "十月.xlsx", "data": "UEsDBA=="}
    sent = control(sandbox, "POST", "act/send_file", **wish)["data"]
    until(lambda: len(receiver.pushed) == 1, what="the event of the file")
    receiver.stop()
    event = receiver.pushed[0].body["event"]
    assert event["sender"]["sender_id"]["open_id"] == one.open_id
    message = event["message"]
    assert (message["message_type"], message["chat_type"]) == ("file", "p2p")
    assert json.loads(message["content"]) == {"file_key": sent["file_key"], "file_name": "十月.xlsx"}
    got = resource(client, message["message_id"], sent["file_key"])
    assert (got.file.read(), got.file_name) == (b"PK\x03\x04", "十月.xlsx")


def test_refusals_of_a_file(sandbox: SandboxServer, client: lark.Client) -> None:
    """Wrong type, key of another message, a recalled message, a chat without the bot, more than 100 MB."""
    one = people(sandbox)[0]
    wish = {"open_id": one.open_id, "name": "a.csv", "data": "YQ=="}
    first = control(sandbox, "POST", "act/send_file", **wish)["data"]
    other = control(sandbox, "POST", "act/send_file", **wish)["data"]
    message, key = first["message_id"], first["file_key"]
    assert resource(client, message, key, "video").code == 234001
    assert resource(client, message, other["file_key"]).code == 234003
    card_id = send_card(client, one.open_id, card("x")).data.message_id
    assert resource(client, card_id, key).code == 234043
    im = sandbox.world.im
    im.chats[first["chat_id"]].bots, bots = [], im.chats[first["chat_id"]].bots
    assert resource(client, message, key).code == 234004
    im.chats[first["chat_id"]].bots = bots
    im.blobs[key] = replace(im.blobs[key], data=bytes(100 * 1024 * 1024 + 1))
    assert resource(client, message, key).code == 234037
    im.messages[other["message_id"]].deleted = True
    assert resource(client, other["message_id"], other["file_key"]).code == 234003
    assert control(sandbox, "POST", "act/send_file", open_id=one.open_id, name="a", data="%")["code"] == 10003


@pytest.mark.parametrize(("data", "code"), [(b"", 234010), (b"not an image", 234011)])
def test_bad_images_are_refused(client: lark.Client, data: bytes, code: int) -> None:
    """An empty image and bytes of no known format have their own codes."""
    body = CreateImageRequestBody.builder().image_type("message").image(("a.png", io.BytesIO(data))).build()
    response = client.im.v1.image.create(CreateImageRequest.builder().request_body(body).build())
    assert response.code == code
