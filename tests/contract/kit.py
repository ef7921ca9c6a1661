"""What contract tests share: the official SDK's client on the sandbox, and people of the tiny company."""

import json
from collections.abc import Sequence
from typing import Any

import lark_oapi as lark
import requests
from lark_oapi.api.im.v1 import CreateChatRequest, CreateChatRequestBody
from lark_oapi.core.cache import LocalCache
from lark_oapi.core.token.manager import TokenManager

from sandbox.kernel import Person
from sandbox.server import SandboxServer

APP_ID = "cli_sandbox0000001"
SECRET = "sandbox-secret"


def fresh_client(
    sandbox: SandboxServer, app_id: str = APP_ID, secret: str = SECRET, *, timeout: float = 5
) -> lark.Client:
    """A typed client; the SDK's token cache is one for the process, so it is emptied first."""
    TokenManager.cache = LocalCache()
    builder = lark.Client.builder().app_id(app_id).app_secret(secret).domain(sandbox.url)
    return builder.timeout(timeout).build()


def people(sandbox: SandboxServer) -> list[Person]:
    """Everybody in the company, in a fixed order."""
    return list(sandbox.world.people.values())


def control(sandbox: SandboxServer, method: str, path: str, **body: Any) -> dict[str, Any]:
    """One call of the control plane; the whole answer."""
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=10)
    parsed: dict[str, Any] = answer.json()
    return parsed


def calls(sandbox: SandboxServer, path: str) -> list[dict[str, Any]]:
    """Recorded calls whose path contains ``path``."""
    answer = requests.get(f"{sandbox.url}/_sandbox/requests", params={"path": path}, timeout=10)
    found: list[dict[str, Any]] = answer.json()["data"]["requests"]
    return found


def new_group(client: lark.Client, name: str, owner: str, members: Sequence[str] = (), uuid: str = "") -> Any:
    """Make a group with the bot in it; the SDK's response."""
    body = CreateChatRequestBody.builder().name(name).owner_id(owner).user_id_list(list(members)).build()
    request = CreateChatRequest.builder().user_id_type("open_id").request_body(body)
    return client.im.v1.chat.create((request.uuid(uuid) if uuid else request).build())


def raw_call(
    client: lark.Client, method: str, path: str, body: Any = None, query: Any = None
) -> lark.RawResponse:
    """A call the SDK has no typed method for; the raw response."""
    builder = lark.BaseRequest.builder().http_method(lark.HttpMethod[method]).uri(path)
    builder = builder.token_types({lark.AccessTokenType.TENANT})
    if body is not None:
        builder = builder.body(body)
    if query is not None:
        builder = builder.queries(query)
    response = client.request(builder.build())
    assert response.raw is not None
    return response.raw


def parsed(raw: lark.RawResponse) -> dict[str, Any]:
    """The JSON object in a raw response."""
    body: dict[str, Any] = json.loads(raw.content or b"{}")
    return body
