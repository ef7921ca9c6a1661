"""Who the app is, and what it may do."""

from dataclasses import dataclass
from typing import Literal

from runtime.feishu.door import Door
from runtime.feishu.endpoint import MESSAGES, Endpoint
from runtime.ids import OpenId

BOT_INFO = Endpoint("GET", "/open-apis/bot/v3/info", MESSAGES)
SCOPES = Endpoint("GET", "/open-apis/application/v6/scopes", MESSAGES)

BOT_ENABLED = 2
SCOPE_GRANTED = 1

Identity = Literal["tenant", "user"]


@dataclass(frozen=True, slots=True)
class BotInfo:
    """The app's bot as people see it.

    Args:
        open_id: the bot's own id, which appears as the operator of its writes.
        name: shown in chats.
        enabled: people can talk to it.
    """

    open_id: OpenId
    name: str
    enabled: bool


class Auth:
    """Identity and permissions of the app. Tokens are handled by the door."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def bot_info(self) -> BotInfo:
        """Return the bot; needs no scope, so it is the health probe. Counts against the quota: cache it.

        Source: docs bot/v3/info (`bot` stands at the top level, not in `data`).
        """
        bot = self._door.whole(BOT_INFO).get("bot") or {}
        return BotInfo(
            open_id=OpenId(str(bot.get("open_id") or "")),
            name=str(bot.get("app_name") or ""),
            enabled=bot.get("activate_status") == BOT_ENABLED,
        )

    def scopes(self, identity: Identity = "tenant") -> dict[str, bool]:
        """Return the permissions asked for by the app, and whether an administrator granted each.

        Args:
            identity: "tenant" for what the app does itself. Bitable events stay silent unless their
                permission is granted to "user" as well.

        Source: docs application-v6/scope/list (`grant_status` 1 = granted; `scope_type` may be absent).
        """
        granted: dict[str, bool] = {}
        for item in self._door.call(SCOPES).get("scopes") or []:
            if item.get("scope_type", identity) == identity:
                name = str(item.get("scope_name") or "")
                granted[name] = granted.get(name, False) or item.get("grant_status") == SCOPE_GRANTED
        return granted
