"""Who is this? Signing a person in with their Feishu account: OAuth code, then token, then user info.

Plain HTTP over pooled connections and no SDK, for it runs in the web process. The token is asked for, used
once and forgotten; nothing of it is kept.

Sources: docs authen/v1/authorize, accounts ``/oauth/v3/token`` (it supersedes authen/v2/oauth/token: same
fields, PKCE checked) and authen/v1/user_info, 2026-11; PKCE is RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

import urllib3
from pydantic import BaseModel, Field, ValidationError
from urllib3.exceptions import HTTPError

from runtime.feishu.errors import FeishuError, Rejected, Unreachable
from runtime.feishu.pool import open_pool
from runtime.ids import OpenId

AUTHORIZE: Final = "/open-apis/authen/v1/authorize"
TOKEN: Final = "/oauth/v3/token"  # noqa: S105 - a path
USER_INFO: Final = "/open-apis/authen/v1/user_info"
CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 5.0
ACCOUNTS_HOSTS: Final = {
    "open.feishu.cn": "accounts.feishu.cn",
    "open.larksuite.com": "accounts.larksuite.com",
}
"""Where people sign in, by the host of the API; elsewhere (a private installation) it is the same host."""

UNAVAILABLE: Final = frozenset({20050, 20072, 2200})
"""Codes of the token endpoint that say "not now": internal error, overloaded."""
WRONG_APP: Final = frozenset({20002, 20009, 20010, 20024, 20048, 20066, 20067, 20068, 20069, 20070, 20071})
"""Codes that an administrator must mend: secret, installation, scopes, redirect address."""


Model = TypeVar("Model", bound=BaseModel)


class _Token(BaseModel):
    access_token: str = Field(min_length=1)


class _User(BaseModel):
    open_id: str = Field(min_length=1)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as the platform vouches for them."""

    open_id: OpenId
    name: str


@dataclass(frozen=True, slots=True)
class Pkce:
    """The two halves of a PKCE proof: the challenge goes through the browser, the verifier stays here."""

    verifier: str
    challenge: str


def new_pkce() -> Pkce:
    """A fresh proof with method S256 (RFC 7636 §4: 43 characters, 256 bit)."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    return Pkce(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


def accounts_url(base_url: str) -> str:
    """The address of the sign-in pages that belongs to an API address."""
    parts = urlsplit(base_url)
    host = ACCOUNTS_HOSTS.get(parts.hostname or "")
    return f"{parts.scheme}://{host}" if host else base_url


class SignIn:
    """Exchanges a code for the person behind it. Safe to share between threads.

    Args:
        base_url: address of the API, e.g. ``https://open.feishu.cn``.
        app_id: the app.
        app_secret: its secret.
        count: called with an endpoint's name before each HTTP attempt (the monthly quota counts them).
    """

    def __init__(
        self,
        base_url: str,
        app_id: str,
        app_secret: str,
        *,
        count: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._app_id = app_id
        self._secret = app_secret
        self._count = count
        self._api, self._accounts = base_url, accounts_url(base_url)
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        self._pools = {url: open_pool(url, timeout) for url in {self._api, self._accounts}}

    def authorize_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Where to send the browser.

        Args:
            redirect_uri: our callback; must stand in the app's list of redirect addresses, to the letter.
            state: comes back with the code.
            challenge: of `new_pkce`.
        """
        query = {
            "client_id": self._app_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._accounts}{AUTHORIZE}?{urlencode(query)}"

    def person(self, code: str, redirect_uri: str, verifier: str) -> Identity:
        """The person who consented.

        Args:
            code: from the callback; good once, five minutes.
            redirect_uri: the same as in `authorize_url`.
            verifier: belongs to the challenge sent there.

        Raises:
            Rejected: the code is used, old, foreign or not proven; let the person sign in again.
            Unreachable: no usable answer; the code may be spent, let the person sign in again.
        """
        body = {
            "grant_type": "authorization_code",
            "client_id": self._app_id,
            "client_secret": self._secret,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        token = _read(_Token, self._send("POST", self._accounts, TOKEN, body=body), TOKEN)
        answer = self._send("GET", self._api, USER_INFO, token=token.access_token)
        user = _read(_User, answer.get("data") or {}, USER_INFO)
        return Identity(OpenId(user.open_id), user.name)

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()

    def _send(
        self, method: str, base: str, path: str, *, body: Mapping[str, str] | None = None, token: str = ""
    ) -> dict[str, Any]:
        name = f"{method} {path}"
        self._count(name)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        content = json.dumps(body).encode() if body is not None else None
        url = urlsplit(base).path.rstrip("/") + path
        try:
            answer = self._pools[base].urlopen(
                method, url, body=content, headers=headers, retries=False, redirect=False
            )
        except (HTTPError, OSError):
            # Without a cause: libraries put the request, and with it the secret, into their messages.
            raise Unreachable("Feishu could not be reached for signing in.", endpoint=name) from None
        return _checked(name, answer.data, answer.headers.get("X-Tt-Logid", ""))


def _checked(name: str, content: bytes, log_id: str) -> dict[str, Any]:
    try:
        payload = json.loads(content)
        code = int(payload.get("code") or 0)
    except (ValueError, TypeError, AttributeError):
        raise Unreachable(
            "Feishu gave no usable answer to a sign-in.", endpoint=name, log_id=log_id
        ) from None
    if code == 0 and not payload.get("error"):
        return dict(payload)
    raise _refusal(code, name, log_id)


def _refusal(code: int, name: str, log_id: str) -> FeishuError:
    facts: dict[str, Any] = {"code": code, "endpoint": name, "log_id": log_id}
    if code in UNAVAILABLE:
        return Unreachable("Feishu cannot sign people in just now; let the person try again.", **facts)
    if code in WRONG_APP:
        return Rejected(
            "Feishu does not accept this app's sign-in; check FEISHU_APP_SECRET, that the app is published, "
            "and that CHORUS_PUBLIC_URL + /pay/callback and /cockpit/callback stand in the console under "
            "redirect addresses.",
            **facts,
        )
    return Rejected("Feishu did not accept this sign-in; let the person sign in again.", **facts)


def _read(kind: type[Model], value: object, name: str) -> Model:
    try:
        return kind.model_validate(value)
    except ValidationError:
        raise Unreachable("Feishu's answer to a sign-in lacks what it must have.", endpoint=name) from None
