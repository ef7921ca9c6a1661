"""Access tokens: one refresh at a time among all threads and processes, kept before it is used.

千川 and 抖店 rotate the refresh token: it dies on use, and two refreshers at once lock a shop out until its
owner authorises anew. So whoever finds a token due takes the lane of its authorisation, looks again whether
another has been faster, and writes the new pair down before anybody calls with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import structlog

from bitable_sync.platforms.credentials import Credentials, Held, Pair
from bitable_sync.platforms.refusals import TokenRefused
from runtime.errors import ChorusError, PermanentError, TransientError, UnknownOutcome
from runtime.feishu.serial import lanes_of

LOOK_AGAIN = 0.05
"""Seconds between two looks at a lane that somebody holds."""

Refresh = Callable[[str], Pair]
"""Refresh token → new pair; one call to the platform. May raise as every gateway call."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Access(Protocol):
    """Where a gateway gets its access token."""

    def token(self) -> str:
        """The token to call with."""
        ...

    def after(self, refused: str, why: TokenRefused) -> str:
        """Another token than the one the platform refused; raises when there is none."""
        ...


def with_token(access: Access, call: Callable[[str], T]) -> T:
    """Call with the token; refused, call once more with a fresh one (a refusal means nothing happened)."""
    token = access.token()
    try:
        return call(token)
    except TokenRefused as why:
        return call(access.after(token, why))


class FixedToken:
    """A token from the environment, which nobody can renew but a person.

    Args:
        value: the token.
        variable: where it stands.
    """

    def __init__(self, value: str, variable: str) -> None:
        self._value = value
        self._variable = variable

    def token(self) -> str:
        """The token."""
        return self._value

    def after(self, refused: str, why: TokenRefused) -> str:
        """There is no other."""
        del refused
        raise PermanentError(f"{str(why).partition('；')[0]}：请更新 {self._variable}") from why


class Tokens:
    """The tokens of one authorisation.

    Args:
        store: where they are kept.
        name: of the authorisation.
        refresh: asks the platform for a new pair.
        pause: how to wait for another refresher; tests give their own.
    """

    def __init__(
        self, store: Credentials, name: str, refresh: Refresh, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.store = store
        self.name = name
        self._refresh = refresh
        self._pause = pause
        self._lock = threading.Lock()
        self._lanes = lanes_of(store.db, store.clock)

    def token(self) -> str:
        """The access token, renewed when it is due.

        Raises:
            ConfigError: none was entered. PermanentError: it has ended and cannot be renewed.
            TransientError: it has ended and the platform does not answer.
        """
        held = self.store.held(self.name)
        return held.access if not self._due(held) else self._renew(held.access, forced=False)

    def after(self, refused: str, why: TokenRefused) -> str:
        """A newer token than the refused one."""
        del why
        return self._renew(refused, forced=True)

    def _due(self, held: Held) -> bool:
        return held.refresh_at is not None and self.store.clock.now() >= held.refresh_at

    def _usable(self, held: Held) -> bool:
        return held.expires_at is not None and self.store.clock.now() < held.expires_at

    def _renew(self, old: str, *, forced: bool) -> str:
        with self._alone():
            held = self.store.held(self.name)
            if held.access != old:
                return held.access  # another has been faster
            try:
                return self._fetch(held)
            except ChorusError as error:
                if forced or not self._usable(held):
                    raise
                _log.warning("platform.token_kept", connection=self.name, reason=str(error))
                return held.access

    def _fetch(self, held: Held) -> str:
        if held.problem:
            raise PermanentError(held.problem)
        if not held.refresh:
            raise PermanentError(
                f"{self.name} 的令牌已失效，又没有刷新令牌；运行 chorus shops add {self.name}"
            )
        try:
            pair = self._refresh(held.refresh)
        except UnknownOutcome as error:
            # The old refresh token may be dead by now. Only asking again can tell.
            raise TransientError(f"刷新 {self.name} 的令牌没有回音，稍后再试（{error}）") from error
        except TokenRefused as error:
            said = str(error).partition("；")[0]
            sentence = (
                f"{self.name} 的授权不能再续（{said}）；请店主重新授权，再运行 chorus shops add {self.name}"
            )
            self.store.broken(self.name, sentence)
            raise PermanentError(sentence) from error
        self.store.renewed(self.name, pair)
        return pair.access

    @contextmanager
    def _alone(self) -> Iterator[None]:
        key = f"platform-token:{self.name}"
        with self._lock:
            while not self._lanes.take(key):
                self._pause(LOOK_AGAIN)
            try:
                yield
            finally:
                self._lanes.give(key)
