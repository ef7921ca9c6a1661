"""Nothing the sandbox answers is lost in the official SDK's typed models."""

import io
import json
from collections.abc import Callable
from typing import Any

import lark_oapi as lark
import pytest
from lark_oapi.api.application.v6 import ListScopeRequest as ListAppScopeRequest
from lark_oapi.api.contact.v3 import (
    BatchGetIdUserRequest,
    BatchGetIdUserRequestBody,
    BatchUserRequest,
    ChildrenDepartmentRequest,
    FindByDepartmentUserRequest,
    GetDepartmentRequest,
    GetUserRequest,
    ListScopeRequest,
)
from lark_oapi.api.im.v1 import (
    CreateChatMembersRequest,
    CreateChatMembersRequestBody,
    CreateFileRequest,
    CreateFileRequestBody,
    CreateMessageRequest,
    CreateMessageRequestBody,
    GetChatMembersRequest,
    GetChatRequest,
    GetMessageRequest,
    ListChatRequest,
    ListMessageRequest,
    ReplyMessageRequest,
    ReplyMessageRequestBody,
    UrgentAppMessageRequest,
    UrgentReceivers,
)

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import lost
from tests.contract.kit import fresh_client, new_group, people

Ask = Callable[[lark.Client, SandboxServer], Any]


def chat_id(client: lark.Client, sandbox: SandboxServer) -> str:
    """A new group of two."""
    one, two = people(sandbox)[:2]
    return new_group(client, "g", one.open_id, [two.open_id]).data.chat_id


def send(client: lark.Client, sandbox: SandboxServer) -> Any:
    """A text that mentions somebody."""
    person = people(sandbox)[0]
    text = json.dumps({"text": f'<at user_id="{person.open_id}"></at> hi'})
    body = (
        CreateMessageRequestBody.builder().receive_id(person.open_id).msg_type("text").content(text).build()
    )
    return client.im.v1.message.create(
        CreateMessageRequest.builder().receive_id_type("open_id").request_body(body).build()
    )


def reply(client: lark.Client, sandbox: SandboxServer) -> Any:
    """An answer in a topic."""
    body = (
        ReplyMessageRequestBody.builder()
        .msg_type("text")
        .content('{"text": "re"}')
        .reply_in_thread(True)
        .build()
    )
    message = send(client, sandbox).data.message_id
    return client.im.v1.message.reply(
        ReplyMessageRequest.builder().message_id(message).request_body(body).build()
    )


def ids(client: lark.Client, sandbox: SandboxServer) -> Any:
    """People by mail."""
    body = BatchGetIdUserRequestBody.builder().emails([people(sandbox)[0].email]).build()
    return client.contact.v3.user.batch_get_id(BatchGetIdUserRequest.builder().request_body(body).build())


def members_added(client: lark.Client, sandbox: SandboxServer) -> Any:
    """One who exists and one who does not."""
    body = CreateChatMembersRequestBody.builder().id_list([people(sandbox)[2].open_id, "ou_nobody"]).build()
    request = CreateChatMembersRequest.builder().chat_id(chat_id(client, sandbox)).member_id_type("open_id")
    return client.im.v1.chat_members.create(request.succeed_type(1).request_body(body).build())


def urgent(client: lark.Client, sandbox: SandboxServer) -> Any:
    """A buzz."""
    body = UrgentReceivers.builder().user_id_list([people(sandbox)[0].open_id]).build()
    request = UrgentAppMessageRequest.builder().message_id(send(client, sandbox).data.message_id)
    return client.im.v1.message.urgent_app(request.user_id_type("open_id").request_body(body).build())


def upload(client: lark.Client, _sandbox: SandboxServer) -> Any:
    """A file."""
    body = (
        CreateFileRequestBody.builder().file_type("stream").file_name("a.txt").file(io.BytesIO(b"a")).build()
    )
    return client.im.v1.file.create(CreateFileRequest.builder().request_body(body).build())


CALLS: dict[str, Ask] = {
    "app scopes": lambda c, _s: c.application.v6.scope.list(ListAppScopeRequest.builder().build()),
    "user": lambda c, s: c.contact.v3.user.get(
        GetUserRequest.builder().user_id(people(s)[1].open_id).build()
    ),
    "user ids": ids,
    "users": lambda c, s: c.contact.v3.user.batch(
        BatchUserRequest.builder().user_ids([people(s)[0].open_id]).build()
    ),
    "department users": lambda c, s: c.contact.v3.user.find_by_department(
        FindByDepartmentUserRequest.builder()
        .department_id(next(iter(s.world.contact.departments().values())).open_department_id)
        .build()
    ),
    "departments": lambda c, _s: c.contact.v3.department.children(
        ChildrenDepartmentRequest.builder().department_id("0").fetch_child(True).build()
    ),
    "department": lambda c, _s: c.contact.v3.department.get(
        GetDepartmentRequest.builder().department_id("0").build()
    ),
    "contact scopes": lambda c, _s: c.contact.v3.scope.list(ListScopeRequest.builder().build()),
    "send": send,
    "reply": reply,
    "message": lambda c, s: c.im.v1.message.get(
        GetMessageRequest.builder().message_id(send(c, s).data.message_id).build()
    ),
    "history": lambda c, s: c.im.v1.message.list(
        ListMessageRequest.builder().container_id_type("chat").container_id(send(c, s).data.chat_id).build()
    ),
    "urgent": urgent,
    "file": upload,
    "group": lambda c, s: new_group(c, "g", people(s)[0].open_id),
    "chat": lambda c, s: c.im.v1.chat.get(GetChatRequest.builder().chat_id(chat_id(c, s)).build()),
    "chats": lambda c, s: (chat_id(c, s), c.im.v1.chat.list(ListChatRequest.builder().build()))[1],
    "members": lambda c, s: c.im.v1.chat_members.get(
        GetChatMembersRequest.builder().chat_id(chat_id(c, s)).build()
    ),
    "members added": members_added,
}


@pytest.mark.parametrize("name", CALLS)
def test_no_answered_field_is_lost(sandbox: SandboxServer, name: str) -> None:
    """Every value of the raw answer stands in the typed response."""
    response = CALLS[name](fresh_client(sandbox), sandbox)
    assert response.success(), response.msg
    assert json.loads(response.raw.content)["data"]
    assert lost(response) == []
