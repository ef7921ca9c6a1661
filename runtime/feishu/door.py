"""One call from beginning to end: pacing, lane, token, sending, reading the answer.

One call is one request (two when the token had to be renewed). Refusals are raised, not retried here: the
durable engine knows how to wait. What may be repeated without harm says its class (see
`runtime.feishu.errors`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar

from runtime.clock import Clock
from runtime.feishu import answers
from runtime.feishu.endpoint import Endpoint, Wanted
from runtime.feishu.errors import Busy, QuotaExhausted, RateLimited, TokenRefused, Unreachable
from runtime.feishu.limits import EVERYTHING, Limits
from runtime.feishu.quota import next_month
from runtime.feishu.tokens import TENANT_TOKEN, TenantTokens
from runtime.feishu.transport import File, Transport
from runtime.settings import Settings

TOO_MANY_IN_ALL = 99991400
"""The limit of the API itself; other codes of this kind belong to one receiver, group or card."""
AFTER_REFUSALS = 2.0
"""Seconds until the next try when a new token was refused like the one before."""

T = TypeVar("T")
Reader = Callable[[Endpoint, answers.Answer], T]


class Door:
    """Makes calls with the app's own identity.

    Args:
        settings: app id and secret.
        transport: sends.
        limits: waits before a call.
        clock: tells the time.
    """

    def __init__(self, settings: Settings, *, transport: Transport, limits: Limits, clock: Clock) -> None:
        self._settings = settings
        self._transport = transport
        self._limits = limits
        self._clock = clock
        self._tokens = TenantTokens(self._fetch_token, clock)

    @property
    def app_id(self) -> str:
        """Which app calls."""
        return self._settings.feishu_app_id

    def call(
        self,
        endpoint: Endpoint,
        *,
        paths: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        form: Mapping[str, str | File] | None = None,
        lane: str | None = None,
        under: Sequence[Wanted] = (),
    ) -> dict[str, Any]:
        """Make one call and return its `data`.

        Args:
            endpoint: the API.
            paths: path parameters.
            query: query parameters; None is left out.
            body: JSON body, sent as it is.
            form: multipart fields instead of a body.
            lane: only one call of a lane is under way, in all processes.
            under: further limits the call counts against, e.g. the receiver's.

        Raises:
            FeishuError: see `runtime.feishu.errors`.
        """
        payload = self.whole(endpoint, paths=paths, query=query, body=body, form=form, lane=lane, under=under)
        data = payload.get("data")
        return data if isinstance(data, dict) else {}

    def whole(
        self,
        endpoint: Endpoint,
        *,
        lane: str | None = None,
        under: Sequence[Wanted] = (),
        **request: Any,
    ) -> dict[str, Any]:
        """Make one call and return the whole JSON answer, for APIs that do not use `data`; as `call`."""
        return self._checked(endpoint, answers.read, lane, under, request)

    def content(self, endpoint: Endpoint, **request: Any) -> bytes:
        """Make one call that answers with a file and return its bytes.

        Raises:
            FeishuError: the answer is a refusal, or not a file.
        """
        return self._checked(endpoint, answers.read_file, None, (), request)

    def pages(
        self, endpoint: Endpoint, *, query: Mapping[str, Any], **request: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages of a listing; stops on `has_more`, never on the token alone."""
        token: str | None = None
        while True:
            data = self.call(endpoint, query={**query, "page_token": token}, **request)
            yield from data.get("items") or []
            token = data.get("page_token") or None
            if not data.get("has_more") or token is None:
                return

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _checked(
        self,
        endpoint: Endpoint,
        reader: Reader[T],
        lane: str | None,
        under: Sequence[Wanted],
        request: Mapping[str, Any],
    ) -> T:
        """Send under all limits, and tell them what the answer says about later calls.

        The slots come last: nothing that may take long (a lane, a new token) comes between them and the call.
        """
        with self._limits.serial(lane) if lane else nullcontext():
            self._limits.pace((endpoint.name, endpoint.rate), *under)
            if not self._tokens.at_hand():
                self._tokens.get()
                self._limits.pace((endpoint.name, endpoint.rate), *under)
            try:
                return self._with_token(endpoint, reader, request)
            except RateLimited as error:
                self._close_gate(endpoint, under, error)
                raise
            except QuotaExhausted:
                left = next_month(self._clock.now()) - self._clock.now()
                self._limits.gate(EVERYTHING, left.total_seconds())
                raise

    def _with_token(self, endpoint: Endpoint, reader: Reader[T], request: Mapping[str, Any]) -> T:
        token = self._tokens.get()
        try:
            return reader(endpoint, self._transport.send(endpoint, token=token, **request))
        except TokenRefused:
            self._tokens.refuse(token)
        token = self._tokens.get()
        try:
            return reader(endpoint, self._transport.send(endpoint, token=token, **request))
        except TokenRefused as error:
            # The new one may have been withdrawn as well; an app that was switched off outlasts every try.
            self._tokens.refuse(token)
            raise Busy(
                "Feishu refuses a token it has just issued; it is tried again. If it stays so, look at the "
                "app's status in the console.",
                code=error.code,
                endpoint=endpoint.name,
                log_id=error.log_id,
                wait=AFTER_REFUSALS,
            ) from error

    def _close_gate(self, endpoint: Endpoint, under: Sequence[Wanted], error: RateLimited) -> None:
        if error.code is None:
            return  # our own pacing said so
        wait = error.wait or 1.0
        if error.code == TOO_MANY_IN_ALL or not under:
            self._limits.gate(endpoint.name, wait)
            return
        for key, _ in under:
            self._limits.gate(key, wait)

    def _fetch_token(self) -> tuple[str, int]:
        credentials = {
            "app_id": self._settings.feishu_app_id,
            "app_secret": self._settings.feishu_app_secret.get_secret_value(),
        }
        payload = answers.read(TENANT_TOKEN, self._transport.send(TENANT_TOKEN, body=credentials))
        token = payload.get("tenant_access_token")
        if not isinstance(token, str) or not token:
            raise Unreachable(
                "Feishu answered without a token; it is asked again.", endpoint=TENANT_TOKEN.name
            )
        return token, int(payload.get("expire") or 0)


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield ``items`` in parts of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
