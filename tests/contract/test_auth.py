"""Tokens, bot and scopes, through the official SDK."""

import json

import requests
from lark_oapi.api.application.v6 import ListScopeRequest
from lark_oapi.api.im.v1 import GetMessageRequest

from sandbox.server import SandboxServer
from tests.contract.kit import APP_ID, SECRET, calls, control, fresh_client, parsed, people, raw_call

TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"


def ask_token(sandbox: SandboxServer, app_id: str = APP_ID, secret: str = SECRET) -> dict:
    """The answer of the token call, sent the way the SDK does: JSON without Content-Type."""
    body = json.dumps({"app_id": app_id, "app_secret": secret})
    return requests.post(sandbox.url + TOKEN, data=body, timeout=5).json()


def test_bot_info_stands_at_the_top_level(sandbox: SandboxServer) -> None:
    """bot/v3/info answers with ``bot`` beside ``code``, not under ``data``."""
    body = parsed(raw_call(fresh_client(sandbox), "GET", "/open-apis/bot/v3/info"))
    assert body["code"] == 0
    assert body["bot"]["activate_status"] == 2
    assert body["bot"]["open_id"] == sandbox.world.default_app.open_id
    assert "data" not in body


def test_a_token_is_handed_out_again_while_half_an_hour_is_left(sandbox: SandboxServer) -> None:
    """With 30 minutes or more left the same token comes back; below that a new one, and both work."""
    sandbox.world.auth.revoke(None)  # a token of an earlier test may be older than half an hour
    first = ask_token(sandbox)
    again = ask_token(sandbox)
    assert again["tenant_access_token"] == first["tenant_access_token"]
    assert "data" not in first
    sandbox.world.clock.advance(first["expire"] - 1700)
    second = ask_token(sandbox)
    assert second["tenant_access_token"] != first["tenant_access_token"]
    assert second["expire"] > 7000
    for token in (first, second):
        head = {"Authorization": f"Bearer {token['tenant_access_token']}"}
        assert (
            requests.get(sandbox.url + "/open-apis/bot/v3/info", headers=head, timeout=5).json()["code"] == 0
        )


def test_a_wrong_secret_gets_no_token(sandbox: SandboxServer) -> None:
    """A wrong secret is refused with 10014 and no token."""
    body = ask_token(sandbox, secret="wrong")
    assert body["code"] == 10014
    assert "tenant_access_token" not in body


def test_missing_bad_and_foreign_tokens_have_their_own_codes(sandbox: SandboxServer) -> None:
    """No token, a token of no known shape and an unknown token are three different refusals."""
    url = sandbox.url + "/open-apis/bot/v3/info"
    codes = [
        requests.get(url, headers=head, timeout=5).json()["code"]
        for head in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Bearer t-unknown"})
    ]
    assert codes == [99991661, 99991671, 99991663]


def test_revoked_tokens_are_refused_until_a_new_one_is_fetched(sandbox: SandboxServer) -> None:
    """After a revocation the SDK's cached token fails with 99991663; it fetches no new one itself."""
    client = fresh_client(sandbox)
    request = GetMessageRequest.builder().message_id("om_x").build()
    assert client.im.v1.message.get(request).code == 230001
    control(sandbox, "POST", "revoke")
    assert client.im.v1.message.get(request).code == 99991663
    assert fresh_client(sandbox).im.v1.message.get(request).code == 230001


def test_scopes_are_listed_and_a_missing_one_is_named(sandbox: SandboxServer) -> None:
    """A scope taken away shows grant_status 2, and calls that need it say so with 99991672 and a link."""
    client = fresh_client(sandbox)
    control(sandbox, "POST", "scopes", revoke=["contact:user.id:readonly"])
    listed = client.application.v6.scope.list(ListScopeRequest.builder().build())
    assert listed.success()
    status = {scope.scope_name: scope.grant_status for scope in listed.data.scopes}
    assert status["contact:user.id:readonly"] == 2
    assert status["im:message"] == 1
    refused = parsed(
        raw_call(
            client, "POST", "/open-apis/contact/v3/users/batch_get_id", {"emails": [people(sandbox)[0].email]}
        )
    )
    assert refused["code"] == 99991672
    assert "contact:user.id:readonly" in refused["msg"]
    assert refused["error"]["permission_violations"][0]["subject"] == "contact:user.id:readonly"
    assert "https://open.feishu.cn/app/" in refused["msg"]


def test_a_used_up_month_refuses_every_call(sandbox: SandboxServer) -> None:
    """With the monthly quota used up calls are refused with 99991403."""
    client = fresh_client(sandbox)
    control(sandbox, "POST", "limits", quota_left=1)
    assert parsed(raw_call(client, "GET", "/open-apis/bot/v3/info"))["code"] == 0
    assert parsed(raw_call(client, "GET", "/open-apis/bot/v3/info"))["code"] == 99991403


def test_every_answer_carries_a_log_id_and_every_call_is_recorded(sandbox: SandboxServer) -> None:
    """X-Tt-Logid stands on good and bad answers, and the recorder has both."""
    client = fresh_client(sandbox)
    good = raw_call(client, "GET", "/open-apis/bot/v3/info")
    bad = raw_call(client, "GET", "/open-apis/nothing/here")
    assert good.headers["X-Tt-Logid"] != bad.headers["X-Tt-Logid"]
    assert parsed(bad)["code"] == 99991201
    assert bad.status_code == 404
    assert parsed(bad)["error"]["log_id"] == bad.headers["X-Tt-Logid"]
    assert [call["status"] for call in calls(sandbox, "/open-apis/")][-2:] == [200, 404]


def test_a_wrong_method_is_named(sandbox: SandboxServer) -> None:
    """A known path with another method is refused with 99991301."""
    assert parsed(raw_call(fresh_client(sandbox), "POST", "/open-apis/bot/v3/info", {}))["code"] == 99991301
