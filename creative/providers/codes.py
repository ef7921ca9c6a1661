"""What a provider's refusal means: the one table from status and code to error.

Sources: OpenAI error guide and public raw bodies, volcengine "错误码" pages, alibabacloud model studio
"错误码", all as of 2026-11. The code decides before the status: gateways change statuses and keep codes.

The rule for money: `Unavailable` only where the provider surely did no work. A 500 or 503 whose body is the
provider's own error object is a failed generation, and all three bill successes only. A page of a gateway, a
502, a 504, a 408, and any error that speaks of a timeout or of an upstream come from somebody in between who
had already passed the order on: `Lost`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from creative.providers.model import Lost, Refused, Unavailable

Failure = Refused | Unavailable | Lost

MODERATION = (
    "moderation_blocked", "content_policy_violation", "InputTextSensitiveContentDetected",
    "InputImageSensitiveContentDetected", "OutputImageSensitiveContentDetected", "SensitiveContentDetected",
    "DataInspectionFailed", "data_inspection_failed",
)  # fmt: skip
QUOTA = (
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_user_quota",
    "SetLimitExceeded", "AccountOverdueError", "QuotaExceeded", "Arrearage", "AllocationQuota",
)  # fmt: skip
RATE = ("rate_limit_exceeded", "Throttling", "ServerOverloaded", "limit_requests")
IN_BETWEEN = ("timeout", "timed out", "upstream", "bad_response")

BLOCKED_INPUT = "图片模型认为描述或参考图不合规，没有出图。请修改文案、风格要求或参考图，再点「重做」。"
BLOCKED_OUTPUT = "图片模型画出的内容没有通过它自己的审核，没有出图。请点「重做」再试一次，或换一种风格。"
INVALID = "图片模型不接受这次请求的参数，没有出图。请把本条说明转给管理员，检查该模型的尺寸和参数配置。"
RATE_SENTENCE = "图片模型要求放慢速度，稍后自动再试。"
QUOTA_SENTENCE = "图片模型账户的额度或余额已用完，请管理员充值或调高额度；在此之前改用其他模型。"
AUTH_SENTENCE = (
    "图片模型不认可密钥、地址或模型名，请管理员检查配置（密钥、base_url、model）；在此之前改用其他模型。"
)
DOWN_SENTENCE = "图片模型暂时出错，没有计费，稍后自动再试。"
LOST_SENTENCE = "图片模型可能已经出图并计费，但没有收到可用的图片，因此不会自动重发；需要的话请点「重做」。"


@dataclass(frozen=True, slots=True)
class Said:
    """An error as the provider words it; empty where it said nothing."""

    code: str = ""
    type: str = ""
    message: str = ""

    @classmethod
    def of(cls, body: object) -> Said:
        """Read an error object; whatever else a body is counts as nothing said."""
        if not isinstance(body, Mapping):
            return cls()
        fields: Mapping[str, Any] = body["error"] if isinstance(body.get("error"), Mapping) else body
        return cls(*(str(fields.get(name) or "") for name in ("code", "type", "message")))

    def is_one_of(self, codes: tuple[str, ...]) -> bool:
        """Whether its code or type is one of these, or one of them with a suffix (``Arrearage.X``)."""
        return any(word.startswith(codes) for word in (self.code, self.type) if word)

    def __str__(self) -> str:
        return " ".join(part for part in (self.code or self.type, self.message) if part)[:500]


def failure(status: int, said: Said, *, wait: float | None = None, request_id: str = "") -> Failure:
    """The error for an answer that brings no picture.

    Args:
        status: HTTP status; 200 when the refusal stands in a good answer.
        said: the provider's error object.
        wait: seconds of its Retry-After, if it sent one.
        request_id: the provider's id of the call.

    Returns:
        What to raise.
    """
    detail = f"HTTP {status} {said}".strip()
    if (by_code := _by_code(status, said, wait, detail, request_id)) is not None:
        return by_code
    if 300 <= status < 500 and status not in (408, 499):
        return _client_side(status, detail, request_id)
    own = bool(said.code or said.type or said.message)
    passed_on = any(word in f"{said.code} {said.type} {said.message}".lower() for word in IN_BETWEEN)
    if status in (500, 503, 529) and own and not passed_on:
        return Unavailable("down", DOWN_SENTENCE, wait=wait, detail=detail, request_id=request_id)
    return Lost(LOST_SENTENCE, detail=detail, request_id=request_id)


def _by_code(status: int, said: Said, wait: float | None, detail: str, request_id: str) -> Failure | None:
    """What the code alone decides; it does so in a 200 as well."""
    if said.is_one_of(MODERATION):
        if "output" in f"{said.code} {said.message}".lower():
            return Refused("moderation_output", BLOCKED_OUTPUT, detail=detail, request_id=request_id)
        return Refused("moderation_input", BLOCKED_INPUT, detail=detail, request_id=request_id)
    if said.is_one_of(QUOTA) or status == 402:
        return Unavailable("quota", QUOTA_SENTENCE, wait=wait, detail=detail, request_id=request_id)
    if said.is_one_of(RATE) or "RateLimitExceeded" in said.code or status == 429:
        return Unavailable("rate", RATE_SENTENCE, wait=wait, detail=detail, request_id=request_id)
    return None


def _client_side(status: int, detail: str, request_id: str) -> Failure:
    """3xx and 4xx: the order was not taken. 409 is a lock that passes."""
    if status < 400 or status in (401, 403, 404, 405, 407, 451):
        return Unavailable("auth", AUTH_SENTENCE, detail=detail, request_id=request_id)
    if status in (409, 425):
        return Unavailable("down", DOWN_SENTENCE, detail=detail, request_id=request_id)
    return Refused("invalid", INVALID, detail=detail, request_id=request_id)
