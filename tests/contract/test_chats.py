"""Groups, through the official SDK."""

import json

import lark_oapi as lark
import pytest
from lark_oapi.api.im.v1 import (
    CreateChatMembersRequest,
    CreateChatMembersRequestBody,
    DeleteChatRequest,
    GetChatMembersRequest,
    ListChatRequest,
    UpdateChatRequest,
    UpdateChatRequestBody,
)

from sandbox.server import SandboxServer
from tests.contract.kit import control, fresh_client, new_group, people
from tests.contract.test_im import send


@pytest.fixture
def client(sandbox: SandboxServer) -> lark.Client:
    """The SDK's client."""
    return fresh_client(sandbox)


def add(client: lark.Client, chat: str, ids: list[str], succeed: int):
    """Bring people in."""
    body = CreateChatMembersRequestBody.builder().id_list(ids).build()
    request = CreateChatMembersRequest.builder().chat_id(chat).member_id_type("open_id").succeed_type(succeed)
    return client.im.v1.chat_members.create(request.request_body(body).build())


def test_a_group_is_made_once_per_uuid_and_hears_the_bot(sandbox: SandboxServer, client: lark.Client) -> None:
    """The same uuid gives the first group; what the bot sends there every member sees."""
    one, two = people(sandbox)[:2]
    first = new_group(client, "值班", one.open_id, [two.open_id], "g-1").data.chat_id
    assert new_group(client, "值班", one.open_id, [two.open_id], "g-1").data.chat_id == first
    assert send(client, first, "早", kind="chat_id").success()
    for person in (one, two):
        seen = control(sandbox, "GET", f"messages?open_id={person.open_id}")["data"]["messages"]
        assert [m["content"]["text"] for m in seen] == ["早"]
    listed = client.im.v1.chat.list(ListChatRequest.builder().build())
    assert [chat.chat_id for chat in listed.data.items] == [first]


def test_members_are_added_as_the_caller_wants_it(sandbox: SandboxServer, client: lark.Client) -> None:
    """Type 0 refuses an unknown id, 1 takes whom it can and names the others; bots are not listed."""
    one, two, three = people(sandbox)[:3]
    chat = new_group(client, "值班", one.open_id, [two.open_id]).data.chat_id
    assert add(client, chat, [three.open_id, "ou_nobody"], 0).code == 232001
    taken = add(client, chat, [three.open_id, "ou_nobody"], 1)
    assert taken.data.not_existed_id_list == ["ou_nobody"]
    request = GetChatMembersRequest.builder().chat_id(chat).member_id_type("open_id").build()
    names = {item.name for item in client.im.v1.chat_members.get(request).data.items}
    assert names == {one.name, two.name, three.name}


def test_a_dissolved_group_takes_nothing(sandbox: SandboxServer, client: lark.Client) -> None:
    """A renamed group keeps its id; after it is dissolved messages are refused with 232009."""
    one, two = people(sandbox)[:2]
    chat = new_group(client, "值班", one.open_id, [two.open_id]).data.chat_id
    body = UpdateChatRequestBody.builder().name("新名").build()
    renamed = UpdateChatRequest.builder().chat_id(chat).request_body(body).build()
    assert client.im.v1.chat.update(renamed).success()
    assert sandbox.world.im.chats[chat].name == "新名"
    assert client.im.v1.chat.delete(DeleteChatRequest.builder().chat_id(chat).build()).success()
    assert send(client, chat, "x", kind="chat_id").code == 232009


def test_a_person_speaking_in_a_group_mentions_the_bot(sandbox: SandboxServer, client: lark.Client) -> None:
    """The event carries the numbered mention with the bot's own id, and the chat type."""
    one, two = people(sandbox)[:2]
    chat = new_group(client, "值班", one.open_id, [two.open_id]).data.chat_id
    control(sandbox, "POST", "act/say", open_id=one.open_id, chat_id=chat, text="状态")
    event = sandbox.world.events.log()[-1]["event"]
    assert json.loads(event["message"]["content"]) == {"text": "@_user_1 状态"}
    assert event["message"]["mentions"][0]["id"]["open_id"] == sandbox.world.default_app.open_id
    assert event["message"]["chat_type"] == "group"
    assert event["sender"]["sender_id"]["open_id"] == one.open_id
