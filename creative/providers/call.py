"""One call of an image model: send, understand whatever comes, and say whether money may be gone.

Facts behind it (openai 3.54 and 3.57, read and measured 2026-11): the SDK sends no idempotency key, so a
retried POST is billed twice; it does not retry when Retry-After exceeds 120 s; a 200 that is HTML is handed
over as text and a 200 with an error object as an answer without data. Therefore its retries are off and
bodies are read here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai
from pydantic import BaseModel, ValidationError

from creative.providers.codes import AUTH_SENTENCE, DOWN_SENTENCE, INVALID, LOST_SENTENCE, Said, failure
from creative.providers.dialects import DIALECTS
from creative.providers.files import MIMES, Unusable, download, examine, from_base64
from creative.providers.model import (
    Kind,
    Lost,
    Orientation,
    Picture,
    PictureOrder,
    Profile,
    Refused,
    Unavailable,
)
from creative.providers.prices import cost
from creative.providers.sizes import Size, size_of

LONGEST_WAIT = 86_400.0


class Item(BaseModel):
    """One picture of an answer; a group may carry an error in its place (Ark)."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: Any = None
    error: Any = None


class Answer(BaseModel):
    """The body of a 200, of all dialects.

    Only where the picture is must be right: for the rest, a paid picture is not thrown away. DashScope's own
    errors stand in ``code`` and ``message``.
    """

    data: list[Item] | None = None
    usage: Any = None
    error: Any = None
    code: Any = None
    message: Any = None
    request_id: Any = None

    def refusal(self) -> Said:
        """The error it carries; empty when it carries none."""
        inner = self.data[0].error if self.data else None
        found = self.error or inner or {"code": self.code, "message": self.message}
        return Said(message=found) if isinstance(found, str) else Said.of(found)


class RemoteModel:
    """One model of a provider (`model.ImageModel`). Safe to share between threads.

    Args:
        profile: which model; its sizes are checked here, so that a wrong one is found at the start.
        key: its API key.

    Raises:
        ConfigError: the profile names a size the model refuses.
    """

    def __init__(self, profile: Profile, key: str) -> None:
        self.profile = profile
        self.sizes: dict[Orientation, Size] = {each: size_of(profile, each) for each in Orientation}
        timeout = httpx2.Timeout(profile.timeout, connect=profile.connect_timeout)
        # No kept-alive connections: one the other side has closed looks like a picture lost and billed.
        # No redirects: they would turn the POST into a GET, or carry the key elsewhere.
        http = openai.DefaultHttpx2Client(
            timeout=timeout, limits=httpx2.Limits(max_keepalive_connections=0), follow_redirects=False
        )
        self._client = openai.OpenAI(
            api_key=key, base_url=profile.base_url, max_retries=0, timeout=timeout, http_client=http
        )

    def close(self) -> None:
        """Let go of the client."""
        self._client.close()

    def paint(self, order: PictureOrder) -> Picture:
        """See `model.ImageModel.paint`; the order is sent exactly once."""
        check(self.profile, order)
        size = self.sizes[order.orientation]
        fields, images = DIALECTS[self.profile.kind](self.profile, order, size), self._client.images
        edit = self.profile.kind is Kind.OPENAI and order.references
        ask = images.with_raw_response.edit if edit else images.with_raw_response.generate
        started = time.monotonic()
        try:
            response: httpx2.Response = ask(**fields).http_response
        except openai.APIStatusError as error:
            raise status_error(error) from error
        except openai.APIConnectionError as error:
            raise connection_error(error) from error
        request_id = response.headers.get("x-request-id", "")
        try:
            answer = Answer.model_validate_json(response.content)
        except ValidationError as strange:
            raise lost("the answer is not what the API promises", request_id) from strange
        request_id = str(answer.request_id or request_id)  # a header may be a gateway's own
        data, item = self._bytes(answer, request_id)
        mime, width, height = self._examined(data, size, request_id)
        usage = answer.usage if isinstance(answer.usage, dict) else {}
        return Picture(
            bytes=data,
            mime=mime,
            width=width,
            height=height,
            provider=self.profile.name,
            model=self.profile.model,
            request_id=request_id,
            usage=usage,
            cost=cost(self.profile, usage, size),
            seed=order.seed if self.profile.seeds else None,
            revised_prompt=str(item.revised_prompt or ""),
            seconds=time.monotonic() - started,
        )

    def _bytes(self, answer: Answer, request_id: str) -> tuple[bytes, Item]:
        """The first picture of an answer; one that is there counts, whatever else the answer says."""
        item = next((item for item in answer.data or () if item.b64_json or item.url), None)
        if item is None:
            raise failure(200, answer.refusal(), request_id=request_id)
        try:
            if item.b64_json:
                return from_base64(item.b64_json), item
            return download(item.url or "", self.profile.base_url), item
        except Unusable as reason:
            raise lost(str(reason), request_id) from reason

    def _examined(self, data: bytes, size: Size, request_id: str) -> tuple[str, int, int]:
        """What the bytes are; with less than half the sides ordered they are a placeholder, not our scene."""
        try:
            mime, width, height = examine(data)
        except Unusable as reason:
            raise lost(str(reason), request_id) from reason
        if width * 2 < size[0] or height * 2 < size[1]:
            raise lost(f"{width}x{height} came, {size[0]}x{size[1]} was ordered", request_id)
        return mime, width, height


def check(profile: Profile, order: PictureOrder) -> None:
    """Refuse an order that the model cannot take, before it costs a call.

    Raises:
        Refused: ``invalid``: an empty prompt, too many references, or one that is no PNG, JPEG or WebP.
    """
    strange = [mime for _, mime in order.references if mime not in MIMES.values()]
    if not order.prompt.strip():
        raise Refused("invalid", INVALID, detail="empty prompt")
    if strange:
        raise Refused("invalid", f"参考图必须是 PNG、JPEG 或 WebP，收到的是 {strange[0]}；请换一张参考图。")
    if len(order.references) > profile.max_references:
        raise Refused(
            "invalid",
            f"模型 {profile.name} 最多接受 {profile.max_references} 张参考图，"
            f"这里有 {len(order.references)} 张；请减少参考图或改用其他模型。",
        )


def lost(why: str, request_id: str) -> Lost:
    """A good status, and nothing to use: the provider may well have billed it."""
    return Lost(LOST_SENTENCE, detail=why, request_id=request_id)


def status_error(error: openai.APIStatusError) -> Refused | Unavailable | Lost:
    """The error for an answer with a status of 300 and more."""
    wait = retry_after(error.response.headers)
    return failure(error.status_code, Said.of(error.body), wait=wait, request_id=error.request_id or "")


NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
"""Raised before the first byte of a request is out."""
NEVER_SENT = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)
"""The same, and a person must correct the address or the key."""


def connection_error(error: openai.APIConnectionError) -> Unavailable | Lost:
    """The error for a call without an answer: harmless only if the request never left."""
    cause = error.__cause__
    detail = f"{type(cause).__name__}: {cause}"
    if isinstance(cause, NOT_SENT):
        return Unavailable("down", DOWN_SENTENCE, detail=detail)
    if isinstance(cause, NEVER_SENT):
        return Unavailable("auth", AUTH_SENTENCE, detail=detail)
    return Lost(LOST_SENTENCE, detail=detail)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header (number or date, RFC 9110 §10.2.3), at most a day; None without one."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else None  # noqa: PLR0124 - NaN
