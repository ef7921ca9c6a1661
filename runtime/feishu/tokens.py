"""The tenant access token: one per address and app, fetched once however many threads wait for it.

The SDK's own cache is not used: it is global per app id whatever the address, has no lock, and mixes the
credentials of two apps in one process.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from runtime.clock import Clock
from runtime.errors import TransientError
from runtime.feishu.endpoint import PER_SECOND_50, Endpoint

TENANT_TOKEN = Endpoint("POST", "/open-apis/auth/v3/tenant_access_token/internal", PER_SECOND_50, token=False)
"""Marked as a read: fetching it twice does no harm."""

REFRESH_BEFORE = timedelta(minutes=30)
"""The platform hands out the same token until 30 minutes are left, then a new one while both are valid."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, from when on a new one should be fetched, and until when it is accepted."""

    value: str
    refresh_at: datetime
    expires_at: datetime


class TenantTokens:
    """Keeps one valid token for all threads of this process.

    Args:
        fetch: asks the platform; returns (token, lifetime in seconds).
        clock: tells the time.
    """

    def __init__(self, fetch: Callable[[], tuple[str, int]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None

    def get(self) -> str:
        """Return a valid token.

        While a token is still valid but due for renewal, one thread fetches and the others go on with the old
        one; only when there is none do they wait.

        Raises:
            FeishuError: the platform gave none and the old one has expired.
        """
        token, now = self._token, self._clock.now()
        if token is not None and now < token.refresh_at:
            return token.value
        if token is not None and now < token.expires_at:
            return self._renew(token)
        with self._lock:
            token = self._token
            if token is None or self._clock.now() >= token.expires_at:
                token = self._fetch_new()
            return token.value

    def at_hand(self) -> bool:
        """Whether `get` answers without asking the platform."""
        token = self._token
        return token is not None and self._clock.now() < token.refresh_at

    def refuse(self, value: str) -> None:
        """Forget a token the platform no longer accepts; a newer one fetched meanwhile stays."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def _renew(self, token: Token) -> str:
        if not self._lock.acquire(blocking=False):
            return token.value
        try:
            current = self._token
            if current is not None and current is not token:
                return current.value
            return self._fetch_new().value
        except TransientError as error:
            log.warning("feishu.token_kept", reason=str(error))
            return token.value
        finally:
            self._lock.release()

    def _fetch_new(self) -> Token:
        value, seconds = self._fetch()
        now, life = self._clock.now(), timedelta(seconds=seconds)
        # A short-lived token is renewed at half its life, so that it is not fetched on every call.
        margin = min(life / 10, timedelta(seconds=30))
        self._token = Token(value, now + max(life - REFRESH_BEFORE, life / 2), now + life - margin)
        return self._token
