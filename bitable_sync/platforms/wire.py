"""What the gateways share: one HTTP call, its failures told apart by "did it happen?", exact values.

A failed read may simply be repeated. A write whose answer was lost may have happened, and is looked up first.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import requests

from runtime.clock import SHANGHAI
from runtime.errors import ChorusError, PermanentError, TransientError, UnknownOutcome

TIMEOUT = (5.0, 20.0)  # seconds to connect, to answer
T = TypeVar("T")
Paces = tuple[tuple[int, float], ...]


class Wire:
    """One platform's address with a pooled session and, where the platform counts, a pace of our own.

    Args:
        name: what people call the platform, for error sentences.
        base_url: without a slash at the end.
        paces: pairs (calls, seconds): so many calls of this process in any span of that length.
        pause: how to wait; tests give their own.
    """

    def __init__(
        self, name: str, base_url: str, *, paces: Paces = (), pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.paces = paces
        self.pause = pause
        self.session = requests.Session()
        self._lock = threading.Lock()
        self._calls: deque[float] = deque(maxlen=max((calls for calls, _ in paces), default=0))

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
        # Not chained: what requests says holds the address, and with it tokens and secrets.
        except requests.exceptions.ConnectTimeout:
            raise TransientError(f"{self.name} cannot be reached; it is tried again") from None
        except requests.exceptions.RequestException as error:
            if _never_sent(error):
                raise TransientError(f"{self.name} cannot be reached; it is tried again") from None
            raise self._lost(writes, "the connection broke before the answer came") from None
        return self._body(answer, writes=writes)

    def _keep_pace(self) -> None:
        """Take the next moment that all paces allow, and wait for it."""
        with self._lock:
            now, made = time.monotonic(), self._calls
            full = (made[-calls] + seconds for calls, seconds in self.paces if len(made) >= calls)
            at = max((now, *full))
            made.append(at)
        if at > now:
            self.pause(at - now)

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
        if answer.status_code >= 400 and not {"code", "error", "error_response"} & body.keys():
            raise PermanentError(
                f"{self.name} refused with HTTP {answer.status_code}; check address and keys"
            )
        return body

    def _lost(self, writes: bool, what: str) -> UnknownOutcome | TransientError:
        if writes:
            return UnknownOutcome(f"{self.name}: {what}; look up whether the change was made")
        return TransientError(f"{self.name}: {what}; it is tried again")


Row = dict[str, Any]


def pages(ask: Callable[[int], tuple[Sequence[Row] | None, Any]], size: int, first: int = 1) -> Iterator[Row]:
    """The rows of a list that comes in numbered pages.

    Args:
        ask: number of a page → its rows, and how many there are in all (some platforms tell it only once).
        size: rows of a full page.
        first: number of the first page.
    """
    page, every = first, 0
    while True:
        rows, told = ask(page)
        yield from rows or ()
        page, every = page + 1, max(every, whole(told))
        if (page - first) * size >= every or not rows:
            return


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


def whole(value: Any) -> int:
    """A count of the wire; empty is none."""
    return int(number(value or 0))


def cents(value: Any) -> Decimal:
    """分 as 元. PermanentError for anything but a whole number: a hundredfold mistake must not pass."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PermanentError(f"金额应为以分计的整数，收到 {value!r}；这次不更新")
    return Decimal(value) / 100


def moment(text: Any) -> datetime | None:
    """``yyyy-MM-dd HH:mm:ss`` of a platform (always Shanghai); None for empty and for the year 1 (JD)."""
    if not text or str(text).startswith(("0001-", "0000-")):
        return None
    try:
        return datetime.strptime(str(text)[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        raise PermanentError(f"the platform sent {text!r} where a time belongs") from None


def written(at: datetime) -> str:
    """A moment as platforms write it: Shanghai, without an offset."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def found_after(lost: UnknownOutcome, look: Callable[[], T]) -> T:
    """What a look finds after the answer to a change was lost.

    Raises:
        UnknownOutcome: the look failed; that says nothing of the change, so the doubt stays a doubt.
    """
    try:
        return look()
    except ChorusError:
        raise lost from None


def _never_sent(error: requests.exceptions.RequestException) -> bool:
    """Whether the connection was never made (refused, unknown host): then nothing can have happened."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}
