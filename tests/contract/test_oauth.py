"""Signing in: consent, codes, PKCE, tokens that rotate, and who the person is."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import lark_oapi as lark
import pytest
import requests
from lark_oapi.api.authen.v1 import GetUserInfoRequest
from lark_oapi.core.exception import AccessTokenException

from sandbox.server import SandboxServer
from tests.contract.kit import APP_ID, SECRET, control, people

HOME = "http://127.0.0.1:8460/auth/callback"
TOKEN = "/open-apis/authen/v2/oauth/token"


def consent(sandbox: SandboxServer, choice: dict[str, str], **query: str) -> requests.Response:
    """Choose on the consent page."""
    asked = {"client_id": APP_ID, "redirect_uri": HOME, "response_type": "code", "state": "s1", **query}
    url = f"{sandbox.url}/open-apis/authen/v1/authorize"
    assert requests.get(url, params=asked, timeout=5).status_code == 200
    return requests.post(url, params=asked, data=choice, timeout=5, allow_redirects=False)


def code_of(sandbox: SandboxServer, **query: str) -> str:
    """A code for the first person."""
    answer = consent(sandbox, {"open_id": people(sandbox)[0].open_id}, **query)
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def exchange(sandbox: SandboxServer, path: str = TOKEN, **body: Any) -> requests.Response:
    """One call of a token endpoint."""
    full = {"client_id": APP_ID, "client_secret": SECRET, "grant_type": "authorization_code", **body}
    return requests.post(sandbox.url + path, json=full, timeout=5)


def oauth_client(sandbox: SandboxServer) -> lark.Client:
    """The official client, its token endpoint on the sandbox."""
    return (
        lark.Client.builder()
        .app_id(APP_ID)
        .app_secret(SECRET)
        .domain(sandbox.url)
        .oauth_base_url(sandbox.url)
        .enable_set_token(True)
        .timeout(5)
        .build()
    )


def test_the_consent_page_lists_the_people_and_sends_one_back(sandbox: SandboxServer) -> None:
    """The page offers everybody; consenting redirects with code and the state as it was sent."""
    query = {"client_id": APP_ID, "redirect_uri": HOME, "response_type": "code"}
    page = requests.get(f"{sandbox.url}/open-apis/authen/v1/authorize", params=query, timeout=5).text
    assert all(person.name in page for person in people(sandbox))
    answer = consent(sandbox, {"open_id": people(sandbox)[0].open_id})
    assert answer.status_code == 302
    target = urlsplit(answer.headers["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == HOME
    assert parse_qs(target.query)["state"] == ["s1"]


def test_refusing_says_access_denied(sandbox: SandboxServer) -> None:
    """Without consent there is no code."""
    answer = consent(sandbox, {"decision": "deny"})
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {
        "error": ["access_denied"],
        "state": ["s1"],
    }


def test_the_official_client_signs_a_person_in(sandbox: SandboxServer) -> None:
    """Code → token through the SDK's /oauth/v3/token, then user_info tells who it is."""
    tokens = oauth_client(sandbox).access_token.retrieve_by_authorization_code(code_of(sandbox), HOME)
    option = lark.RequestOption.builder().user_access_token(tokens.access_token).build()
    info = oauth_client(sandbox).authen.v1.user_info.get(GetUserInfoRequest.builder().build(), option)
    assert info.success(), info.msg
    person = people(sandbox)[0]
    assert (info.data.open_id, info.data.name) == (person.open_id, person.name)
    assert tokens.expires_in == 7200
    assert tokens.refresh_token is None


def test_a_refresh_token_works_once(sandbox: SandboxServer) -> None:
    """With offline_access there is a refresh token; using it gives a new pair and kills the old one."""
    client = oauth_client(sandbox)
    code = code_of(sandbox, scope="contact:user.base:readonly offline_access")
    first = client.access_token.retrieve_by_authorization_code(code)
    second = client.access_token.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    with pytest.raises(AccessTokenException) as refused:
        client.access_token.refresh(first.refresh_token)
    assert "20064" in str(vars(refused.value))
    assert client.access_token.refresh(second.refresh_token).access_token


def test_a_code_is_good_once_and_for_five_minutes(sandbox: SandboxServer) -> None:
    """20065 the second time, 20004 after five minutes, 20003 for an invented one."""
    code = code_of(sandbox)
    assert exchange(sandbox, code=code).json()["code"] == 0
    assert exchange(sandbox, code=code).json()["code"] == 20065
    late = code_of(sandbox)
    sandbox.world.clock.advance(301)
    assert exchange(sandbox, code=late).json()["code"] == 20004
    refused = exchange(sandbox, code="invented")
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_grant"
    assert refused.json()["code"] == 20003


def test_pkce_is_checked(sandbox: SandboxServer) -> None:
    """The code of an S256 challenge needs its verifier."""
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    bound = {"code_challenge": challenge, "code_challenge_method": "S256"}
    wrong = exchange(sandbox, code=code_of(sandbox, **bound), code_verifier="w" * 50)
    assert wrong.json()["code"] == 20049
    right = exchange(sandbox, "/oauth/v3/token", code=code_of(sandbox, **bound), code_verifier=verifier)
    assert right.json()["token_type"] == "Bearer"


def test_redirect_and_credentials_must_match(sandbox: SandboxServer) -> None:
    """Another redirect_uri is 20071, a wrong secret 20002, an address off the list is not even asked."""
    code = code_of(sandbox)
    assert exchange(sandbox, code=code, redirect_uri="http://127.0.0.1/other").json()["code"] == 20071
    assert exchange(sandbox, code=code, client_secret="x").json()["code"] == 20002
    control(sandbox, "POST", "redirect_uris", uris=["https://chorus.example/cb"])
    query = {"client_id": APP_ID, "redirect_uri": HOME, "response_type": "code"}
    refused = requests.get(f"{sandbox.url}/open-apis/authen/v1/authorize", params=query, timeout=5)
    assert refused.json()["code"] == 20071


def test_a_form_body_is_understood_too(sandbox: SandboxServer) -> None:
    """Token endpoints take application/x-www-form-urlencoded like JSON."""
    body = {
        "client_id": APP_ID,
        "client_secret": SECRET,
        "grant_type": "authorization_code",
        "code": code_of(sandbox),
    }
    assert requests.post(sandbox.url + TOKEN, data=body, timeout=5).json()["code"] == 0


def test_a_person_who_left_cannot_sign_in(sandbox: SandboxServer) -> None:
    """20008 once the person has resigned."""
    code = code_of(sandbox)
    people(sandbox)[0].resigned = True
    assert exchange(sandbox, code=code).json()["code"] == 20008


def test_user_info_takes_no_app_token(sandbox: SandboxServer) -> None:
    """With the app's own token there is nobody to tell about."""
    token = sandbox.world.auth.tenant_token(sandbox.world.default_app).value
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{sandbox.url}/open-apis/authen/v1/user_info", headers=headers, timeout=5)
    assert answer.json()["code"] == 99991663


def test_a_code_without_the_page(sandbox: SandboxServer) -> None:
    """The control plane consents for a person."""
    code = control(sandbox, "POST", "act/consent", open_id=people(sandbox)[1].open_id)["data"]["code"]
    assert exchange(sandbox, code=code).json()["code"] == 0
