"""What the gateways share: one HTTP call, its failures told apart by "did it happen?", exact numbers.

A failed read may simply be repeated. A write whose answer was lost may have happened, and is looked up first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import requests

from runtime.errors import ConfigError, PermanentError, TransientError, UnknownOutcome

TIMEOUT = (5.0, 20.0)  # seconds to connect, to answer


class Wire:
    """One platform's address with a pooled session and, where the platform counts, a pace of our own.

    Args:
        name: what people call the platform, for error sentences.
        base_url: without a slash at the end.
        interval: least seconds between two calls of this process.
        pause: how to wait; tests give their own.
    """

    def __init__(
        self, name: str, base_url: str, *, interval: float = 0.0, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.interval = interval
        self.pause = pause
        self.session = requests.Session()
        self._last = 0.0

    def call(self, method: str, path: str, *, writes: bool = False, **request: Any) -> dict[str, Any]:
        """Send one request and give back the JSON object of the answer, numbers with a point as ``Decimal``.

        Args:
            method: GET or POST.
            path: with its leading slash.
            writes: the call changes something there, so a lost answer is an unknown outcome.
            request: passed to ``requests`` (params, data, headers …).

        Raises:
            TransientError: refused or unreachable before anything happened.
            UnknownOutcome: a write whose answer was lost, cut or unusable.
            PermanentError: the platform refused for good (HTTP 4xx).
        """
        self._keep_pace()
        try:
            answer = self.session.request(
                method, self.base_url + path, timeout=TIMEOUT, allow_redirects=False, **request
            )
        except requests.exceptions.ConnectTimeout as error:
            raise TransientError(f"{self.name} cannot be reached; it is tried again") from error
        except requests.exceptions.RequestException as error:
            if _never_sent(error):
                raise TransientError(f"{self.name} cannot be reached; it is tried again") from error
            raise self._lost(writes, "the connection broke before the answer came") from error
        return self._body(answer, writes=writes)

    def _keep_pace(self) -> None:
        wait = self._last + self.interval - time.monotonic()
        if wait > 0:
            self.pause(wait)
        self._last = time.monotonic()

    def _body(self, answer: requests.Response, *, writes: bool) -> dict[str, Any]:
        if answer.status_code == 429:
            after = answer.headers.get("Retry-After", "")
            raise TransientError(
                f"{self.name} asks us to slow down", wait=float(after) if after.isdigit() else None
            )
        if answer.status_code >= 500:
            raise self._lost(writes, f"it answered HTTP {answer.status_code}")
        try:
            body = json.loads(answer.content, parse_float=Decimal)
        except ValueError as error:
            raise self._lost(writes, "its answer is not JSON") from error
        if not isinstance(body, dict):
            raise self._lost(writes, "its answer is not a JSON object")
        if answer.status_code >= 400 and "code" not in body:
            raise PermanentError(
                f"{self.name} refused with HTTP {answer.status_code}; check address and keys"
            )
        return body

    def _lost(self, writes: bool, what: str) -> UnknownOutcome | TransientError:
        if writes:
            return UnknownOutcome(f"{self.name}: {what}; look up whether the change was made")
        return TransientError(f"{self.name}: {what}; it is tried again")


def number(value: Any) -> Decimal:
    """A number of the wire (string or number) as ``Decimal``; PermanentError if it is none."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise PermanentError(
            f"the platform sent {value!r} where a number belongs; the row is left out of this run"
        )
    return found


def need(values: Mapping[str, object | None]) -> None:
    """ConfigError naming the settings that are not set."""
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise ConfigError(f"set {', '.join(missing)} to use this platform; see the README on credentials")


def _never_sent(error: requests.exceptions.RequestException) -> bool:
    """Whether the connection was never made (refused, unknown host): then nothing can have happened."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}
