"""Tokens, the bot itself and its scopes."""

import json
import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sandbox.kernel import ApiError, App, Rate, Reply, Request, Route, Routes, World

TOKEN_LIFE = 7200.0
REUSE_ABOVE = 1800.0
CONSOLE = "https://open.feishu.cn/app/{app}/auth?q={scopes}&op_from=openapi&token_type=tenant"
ATTACH = "Please make a request with token attached."

routes = Routes("auth")


@dataclass(slots=True)
class Token:
    """An access token; ``identity`` is "app" or the open_id of a person."""

    value: str
    app_id: str
    identity: str
    expires: float


class AuthState:
    """The tokens that are alive. They survive a reset of the world, as clients keep them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tokens: dict[str, Token] = {}

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Tokens of apps that no longer exist die with them; the default app's live on."""
        self.tokens = {
            k: t for k, t in self.tokens.items() if t.app_id in self._world.apps and t.identity == "app"
        }

    def revoke(self, app_id: str | None = None) -> None:
        """Make all tokens (of one app) invalid at once."""
        self.tokens = {k: t for k, t in self.tokens.items() if app_id is not None and t.app_id != app_id}

    def tenant_token(self, app: App) -> Token:
        """The app's token: the old one while 30 min are left, else a new one beside it."""
        now = self._world.clock.time()
        alive = [t for t in self.tokens.values() if t.app_id == app.app_id and t.identity == "app"]
        best = max(alive, key=lambda t: t.expires, default=None)
        if best is not None and REUSE_ABOVE <= best.expires - now <= TOKEN_LIFE:
            return best
        return self.keep(Token(self._world.ids.tenant_token(), app.app_id, "app", now + TOKEN_LIFE))

    def user_token(self, app: App, open_id: str, life: float = TOKEN_LIFE) -> Token:
        """A new token that acts as a person."""
        return self.keep(
            Token(self._world.ids.user_token(), app.app_id, open_id, self._world.clock.time() + life)
        )

    def keep(self, token: Token) -> Token:
        """Remember a token."""
        self.tokens[token.value] = token
        return token

    def admit(self, req: Request, route: Route) -> None:
        """Set app and identity of a call from its token, or refuse it.

        Raises:
            ApiError: 99991661/…663/…668/…671/…677 for the token, 99991662 for a stopped app, 99991672 for
                a missing scope, 99991403 for a used-up month.
        """
        scheme, _, value = req.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise ApiError(99991661, f"Missing access token for authorization. {ATTACH}", status=400)
        token = self._find(value.strip(), route)
        app = self._world.apps.get(token.app_id)
        if app is None or not app.enabled:
            raise ApiError(99991662, "app is not in use", status=400)
        req.app, req.identity = app, token.identity
        if route.scopes and all(scope in app.revoked_scopes for scope in route.scopes):
            raise scope_missing(app, route.scopes)
        self._count_month()

    def _find(self, value: str, route: Route) -> Token:
        if not value.startswith(("t-", "u-", "eyJ")):
            raise ApiError(99991671, f"Invalid access token for authorization, it must start with 't-' or 'u-'. {ATTACH}", 400)  # fmt: skip  # noqa: E501
        personal = not value.startswith("t-")
        token = self.tokens.get(value)
        if token is not None and token.expires <= self._world.clock.time():
            token = None
            if personal:
                raise ApiError(99991677, f"Authentication token expired. {ATTACH}", status=401)
        if token is None or (personal and route.auth == "tenant") or (not personal and route.auth == "user"):
            code = 99991668 if personal else 99991663
            raise ApiError(code, f"Invalid access token for authorization. {ATTACH}", status=400)
        return token

    def _count_month(self) -> None:
        control = self._world.control
        if control.quota_left is None:
            return
        if control.quota_left <= 0:
            raise ApiError(99991403, "This month's API call quota has been exceeded", status=429)
        control.quota_left -= 1


def scope_missing(app: App, scopes: tuple[str, ...]) -> ApiError:
    """99991672 with the scopes, and the console link an admin opens."""
    listed = ", ".join(scopes)
    link = CONSOLE.format(app=app.app_id, scopes=",".join(scopes))
    return ApiError(
        99991672,
        f"Access denied. One of the following scopes is required: [{listed}]."
        f"应用尚未开通所需的应用身份权限：[{listed}]，点击链接申请并开通任一权限即可：{link}",
        status=400,
        error={
            "permission_violations": [
                {"type": "action_scope_required", "subject": scope} for scope in scopes
            ],
            "helps": [{"url": link, "description": "申请权限"}],
        },
    )


def credentials(req: Request) -> tuple[str, str]:
    """app_id and app_secret from a JSON or form body; the Content-Type decides nothing."""
    try:
        body = json.loads(req.raw or b"{}")
    except ValueError:
        body = dict(parse_qsl(req.raw.decode(errors="replace")))
    if not isinstance(body, dict):
        body = {}
    return str(body.get("app_id", "")), str(body.get("app_secret", ""))


def known_app(world: World, req: Request) -> App:
    """The app whose credentials a token call carries.

    Raises:
        ApiError: 10003 nothing sent or unknown app, 10014 wrong secret (which of the two numbers the
            platform uses for a wrong secret is not documented).
    """
    app_id, secret = credentials(req)
    app = world.apps.get(app_id)
    if not app_id or not secret or app is None:
        raise ApiError(10003, "invalid param", status=200)
    if app.secret != secret:
        raise ApiError(10014, "app secret invalid", status=200)
    return app


@routes.add(
    "POST",
    "/open-apis/auth/v3/tenant_access_token/internal",
    auth="none",
    claim="docs auth-v3/auth/tenant_access_token_internal, read 2026-11",
)
def tenant_access_token(world: World, req: Request) -> Reply:
    """Flat answer; the same token while at least 30 minutes are left."""
    token = world.auth.tenant_token(known_app(world, req))
    left = math.ceil(token.expires - world.clock.time())
    return Reply({"code": 0, "msg": "ok", "tenant_access_token": token.value, "expire": left})


@routes.add(
    "POST",
    "/open-apis/auth/v3/app_access_token/internal",
    auth="none",
    claim="docs auth-v3/auth/app_access_token_internal, read 2026-11",
)
def app_access_token(world: World, req: Request) -> Reply:
    """For self-built apps the app token is the tenant token."""
    token = world.auth.tenant_token(known_app(world, req))
    left = math.ceil(token.expires - world.clock.time())
    return Reply(
        {
            "code": 0,
            "msg": "ok",
            "app_access_token": token.value,
            "tenant_access_token": token.value,
            "expire": left,
        }
    )


@routes.add("GET", "/open-apis/bot/v3/info", claim="docs bot-v3/bot/get, read 2026-11", rate=Rate(1000, 50))
def bot_info(_world: World, req: Request) -> Reply:
    """The bot stands at the top level of the answer, not under ``data``."""
    bot = {
        "activate_status": 2,
        "app_name": req.app.name,
        "avatar_url": "",
        "ip_white_list": [],
        "open_id": req.app.open_id,
    }
    return Reply({"code": 0, "msg": "ok", "bot": bot})


@routes.add("GET", "/open-apis/application/v6/scopes", claim="docs application-v6/scope/list, read 2026-11")
def list_scopes(world: World, req: Request) -> dict[str, Any]:
    """Every scope the sandbox's endpoints ask for, and whether this app has it (1) or not (2)."""
    names = sorted({scope for route in world.routes for scope in route.scopes} | req.app.revoked_scopes)
    scopes = [
        {
            "scope_name": name,
            "grant_status": 2 if name in req.app.revoked_scopes else 1,
            "scope_type": "tenant",
        }
        for name in names
    ]
    return {"scopes": scopes}


@routes.add("POST", "/_sandbox/revoke", auth="none", claim="our own control plane, 2026-11")
def revoke(world: World, req: Request) -> dict[str, Any]:
    """Make all tokens (of {app_id}) invalid now."""
    world.auth.revoke(req.json().get("app_id"))
    return {}
