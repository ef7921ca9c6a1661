"""Signing in: the authorize page, both token endpoints, refreshing, and who the person is.

Facts: docs authen-v1 (authorize, user_info), authen-v2/oauth/token and accounts /oauth/v3/token, 2026-11.
The HTTP status of a refused token request is not documented; 400 here, as OAuth has it.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sandbox.consent_html import consent_page
from sandbox.kernel import ApiError, App, Person, Rate, Reply, Request, Routes, World

CODE_LIFE = 300.0
TOKEN_LIFE = 7200
REFRESH_LIFE = 604800
CONTROL = "our own control plane, 2026-11"


@dataclass(slots=True)
class Grant:
    """A code or a refresh token: for whom, for which app, until when, and how it is bound."""

    app_id: str
    open_id: str
    scope: str
    expires: float
    redirect_uri: str = ""
    challenge: str = ""
    method: str = ""
    used: bool = False


class OauthState:
    """Codes and refresh tokens. Found as ``world.oauth``.

    ``redirect_uris`` is the app's allow list; while it is empty every loopback address is accepted.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.codes: dict[str, Grant] = {}
        self.refreshes: dict[str, Grant] = {}
        self.redirect_uris: set[str] = set()

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget every code, refresh token and allowed address."""
        self.codes.clear()
        self.refreshes.clear()
        self.redirect_uris.clear()

    def code(self, app: App, person: Person, query: dict[str, str]) -> str:
        """A code for a person who consented; five minutes, once."""
        code = self.world.ids.text(32)
        self.codes[code] = Grant(
            app.app_id,
            person.open_id,
            query.get("scope", ""),
            self.world.clock.time() + CODE_LIFE,
            query.get("redirect_uri", ""),
            query.get("code_challenge", ""),
            query.get("code_challenge_method", "plain"),
        )
        return code

    def allowed(self, uri: str) -> bool:
        """Whether a redirect address is on the list."""
        if self.redirect_uris:
            return uri in self.redirect_uris
        return urlsplit(uri).hostname in ("127.0.0.1", "localhost", "::1")

    def redeem(self, app: App, body: dict[str, Any]) -> Grant:
        """The grant behind a code, once.

        Raises:
            ApiError: 20003 unknown, 20065 used, 20004 expired, 20024 other app, 20071 other redirect_uri,
                20049 PKCE.
        """
        grant = self.codes.get(str(body.get("code", "")))
        if grant is None:
            raise refuse(20003, "The authorization code is invalid")
        if grant.used:
            raise refuse(20065, "The authorization code has been used")
        if grant.expires <= self.world.clock.time():
            raise refuse(20004, "The authorization code has expired")
        if grant.app_id != app.app_id:
            raise refuse(20024, "The authorization code does not belong to this app")
        if body.get("redirect_uri") not in (None, "", grant.redirect_uri):
            raise refuse(20071, "redirect_uri differs from the one authorized")
        if grant.challenge and not proven(grant, str(body.get("code_verifier") or "")):
            raise refuse(20049, "PKCE code challenge failed")
        grant.used = True
        return grant

    def refresh(self, app: App, body: dict[str, Any]) -> Grant:
        """The grant behind a refresh token, which dies with this.

        Raises:
            ApiError: 20026 unknown, 20064 used before, 20037 expired.
        """
        grant = self.refreshes.get(str(body.get("refresh_token", "")))
        if grant is None or grant.app_id != app.app_id:
            raise refuse(20026, "The refresh token is invalid")
        if grant.used:
            raise refuse(20064, "The refresh token has been used")
        if grant.expires <= self.world.clock.time():
            raise refuse(20037, "The refresh token has expired")
        grant.used = True
        return grant

    def tokens(self, app: App, grant: Grant) -> dict[str, Any]:
        """A fresh pair; the refresh token only with the scope offline_access."""
        token = self.world.auth.user_token(app, grant.open_id, float(TOKEN_LIFE))
        answer: dict[str, Any] = {
            "code": 0,
            "access_token": token.value,
            "expires_in": TOKEN_LIFE,
            "token_type": "Bearer",
            "scope": grant.scope,
        }
        if "offline_access" in grant.scope.split():
            value = "ur-" + self.world.ids.text(40)
            expires = self.world.clock.time() + REFRESH_LIFE
            self.refreshes[value] = Grant(app.app_id, grant.open_id, grant.scope, expires)
            answer |= {"refresh_token": value, "refresh_token_expires_in": REFRESH_LIFE}
        return answer


def proven(grant: Grant, verifier: str) -> bool:
    """Whether the verifier fits the challenge (RFC 7636)."""
    if not 43 <= len(verifier) <= 128:
        return False
    if grant.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return secrets.compare_digest(verifier.encode(), grant.challenge.encode())


def refuse(code: int, why: str, kind: str = "invalid_grant") -> ApiError:
    """A refusal of the token endpoint."""
    return ApiError(code, why, status=400, error={"kind": kind})


def _error(error: ApiError, _log_id: str) -> Reply:
    kind = error.error.get("kind", "invalid_request")
    body = {"code": error.code, "error": kind, "error_description": error.msg}
    return Reply(body, status=error.status)


routes = Routes("oauth")
token_routes = Routes("oauth", on_error=_error)


def _asked(world: World, query: dict[str, str]) -> App:
    """The app an authorize request names, if everything about it is right."""
    app = world.apps.get(query.get("client_id") or query.get("app_id", ""))
    if app is None:
        raise ApiError(20001, "client_id is unknown", status=400)
    if query.get("response_type", "code") != "code":
        raise ApiError(20001, "response_type must be code", status=400)
    if not world.oauth.allowed(query.get("redirect_uri", "")):
        raise ApiError(20071, "redirect_uri 请求不合法，请在开发者后台的安全设置中添加重定向 URL", status=400)
    missing = sorted(set(query.get("scope", "").split()) & app.revoked_scopes)
    if missing:
        raise ApiError(20027, f"应用未开通权限：{', '.join(missing)}", status=400)
    return app


@routes.add(
    "GET", "/open-apis/authen/v1/authorize", auth="none", claim="docs authen-v1/authorize/get, 2026-11"
)
def authorize(world: World, req: Request) -> Reply:
    """The consent page: here one chooses as whom."""
    page = consent_page(world, _asked(world, req.query), req.headers.get("cookie", ""))
    return Reply(page, headers={"Content-Security-Policy": "frame-ancestors 'none'"})


@routes.add(
    "POST", "/open-apis/authen/v1/authorize", auth="none", claim="docs authen-v1/authorize/get, 2026-11"
)
def consent(world: World, req: Request) -> Reply:
    """The choice: back to the app with ?code&state, or with ?error=access_denied&state."""
    app = _asked(world, req.query)
    form = dict(parse_qsl(req.raw.decode()))
    person = world.people.get(form.get("open_id", ""))
    if form.get("decision") == "deny":
        answer = {"error": "access_denied"}
    elif person is None or person.resigned:
        raise ApiError(20008, "user does not exist", status=400)
    else:
        answer = {"code": world.oauth.code(app, person, req.query)}
    if "state" in req.query:
        answer["state"] = req.query["state"]
    uri = req.query["redirect_uri"]
    target = f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode(answer)}"
    return Reply("", status=302, headers={"Location": target})


def _exchange(world: World, req: Request) -> Reply:
    """A token request, as JSON or as a form."""
    try:
        body = json.loads(req.raw)
    except ValueError:
        body = dict(parse_qsl(req.raw.decode(errors="replace")))
    if not isinstance(body, dict):
        raise refuse(20001, "the body must be an object", "invalid_request")
    app = world.apps.get(str(body.get("client_id", "")))
    if app is None or body.get("client_secret") != app.secret:
        raise refuse(20002, "client_id or client_secret is wrong", "invalid_client")
    if not app.enabled:
        raise refuse(20009, "the app is not installed", "invalid_client")
    kind = body.get("grant_type")
    if kind == "authorization_code":
        grant = world.oauth.redeem(app, body)
    elif kind == "refresh_token":
        grant = world.oauth.refresh(app, body)
    else:
        raise refuse(20036, "grant_type is not supported", "unsupported_grant_type")
    person = world.people.get(grant.open_id)
    if person is None or person.resigned:
        raise refuse(20008, "user does not exist")
    return Reply(world.oauth.tokens(app, grant))


token_routes.add(
    "POST", "/open-apis/authen/v2/oauth/token", auth="none", claim="docs authen-v2/oauth/token, 2026-11"
)(_exchange)
token_routes.add(
    "POST", "/oauth/v3/token", auth="none", claim="docs accounts /oauth/v3/token and SDK 1.7.5, 2026-11"
)(_exchange)
routes.include(token_routes)


@routes.add(
    "GET",
    "/open-apis/authen/v1/user_info",
    auth="user",
    claim="docs authen-v1/user_info/get, 2026-11",
    rate=Rate(per_minute=1000, per_second=50),
)
def user_info(world: World, req: Request) -> dict[str, Any]:
    """The person the token acts for."""
    person = world.people.get(req.identity)
    if person is None:
        raise ApiError(20008, "user does not exist", status=400)
    return {
        "name": person.name,
        "en_name": person.en_name,
        "avatar_url": "",
        "avatar_thumb": "",
        "avatar_middle": "",
        "avatar_big": "",
        "open_id": person.open_id,
        "union_id": person.union_id,
        "email": person.email,
        "enterprise_email": person.email,
        "user_id": person.user_id,
        "mobile": person.mobile,
        "tenant_key": world.tenant_key,
        "employee_no": person.employee_no,
    }


@routes.add("POST", "/_sandbox/act/consent", auth="none", claim=CONTROL)
def act_consent(world: World, req: Request) -> dict[str, Any]:
    """A code as if a person had consented: {open_id, redirect_uri?, scope?, code_challenge?}."""
    body = {name: str(value) for name, value in req.json().items()}
    person = world.people.get(body.get("open_id", ""))
    if person is None:
        raise ApiError(20008, "user does not exist", status=400)
    return {"code": world.oauth.code(world.default_app, person, body)}


@routes.add("POST", "/_sandbox/redirect_uris", auth="none", claim=CONTROL)
def allow_redirects(world: World, req: Request) -> dict[str, Any]:
    """Set the app's allow list: {uris: []}; an empty one accepts every loopback address."""
    world.oauth.redirect_uris = set(req.json().get("uris") or [])
    return {"uris": sorted(world.oauth.redirect_uris)}
