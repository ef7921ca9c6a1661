"""Volcengine Ark (豆包 Seedream) and Qwen-Image in their OpenAI-like dialects."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.images_state import Wish, error_view, reference_colour, refusal
from sandbox.kernel import ApiError, Reply, Request, Routes, World

ARK = "volcenginesdkarkruntime 5.0.54 and volcengine docs, 2026-11; refusal of unknown fields unconfirmed"
QWEN = "alibabacloud help, qwen-image on compatible-mode, 2026-10; unknown fields and field names unconfirmed"
ARK_FIELDS = {
    "model", "prompt", "image", "size", "response_format", "output_format", "watermark", "seed", "stream",
    "sequential_image_generation", "sequential_image_generation_options", "optimize_prompt_options",
}  # fmt: skip
QWEN_FIELDS = {
    "model",
    "prompt",
    "image",
    "size",
    "n",
    "negative_prompt",
    "prompt_extend",
    "watermark",
    "seed",
}
TIERS = {"1K": 1024, "1.5K": 1536, "2K": 2048, "3K": 3072, "4K": 4096}
DATA_URI = re.compile(r"data:image/(png|jpeg|webp|bmp|tiff|gif);base64,")

routes = Routes("images", on_error=error_view)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one provider accepts: pixels in all, references, and what it calls its refusals."""

    fields: set[str]
    least: int
    most: int
    references: int
    quota: str
    rate: str
    blocked: Mapping[str, str]


ARK_BLOCKED = {"input": "InputTextSensitiveContentDetected", "output": "OutputImageSensitiveContentDetected"}
ARK_RULES = Rules(
    ARK_FIELDS, 3_686_400, 10_400_000, 14, "SetLimitExceeded", "ModelAccountIpmRateLimitExceeded", ARK_BLOCKED
)
ARK_4_0 = Rules(
    ARK_FIELDS, 921_600, 16_777_216, 14, "SetLimitExceeded", "ModelAccountIpmRateLimitExceeded", ARK_BLOCKED
)
QWEN_BLOCKED = {"input": "DataInspectionFailed", "output": "DataInspectionFailed"}
QWEN_RULES = Rules(QWEN_FIELDS, 512 * 512, 2048 * 2048, 3, "Arrearage", "Throttling.RateQuota", QWEN_BLOCKED)


def bad(message: str, param: str) -> ApiError:
    """A refusal of a parameter."""
    return refusal(400, "InvalidParameter", message, kind="BadRequest", param=param)


@routes.add("POST", "/api/v3/images/generations", auth="none", claim=ARK, locked=False)
def ark(world: World, req: Request) -> Reply:
    """图片生成 API: url (default) or b64_json; paints its mark unless ``watermark`` is false."""
    world.images.admit(req, ARK_RULES.quota, ARK_RULES.rate)
    body = req.json()
    model = str(body.get("model", ""))
    if not model.startswith(("doubao-seedream-", "ep-")):
        raise refusal(404, "ModelNotOpen", f"The model {model} does not exist.", kind="NotFound")
    if "sequential_image_generation" in body and "-5-0-pro" in model:
        raise bad(
            "sequential_image_generation is not supported by this model.", "sequential_image_generation"
        )
    if "output_format" in body and "-4-" in model:
        raise bad("output_format is not supported by this model.", "output_format")
    rules = ARK_4_0 if "-4-0-" in model else ARK_RULES
    file_format = str(body.get("output_format", "jpeg"))
    if file_format not in ("png", "jpeg"):
        raise bad("output_format: png or jpeg.", "output_format")
    wish = wished("ark", body, rules, file_format, mark=body.get("watermark", True) is not False)
    judge(world, wish.prompt, rules)
    request_id = f"021{world.ids.hex(40)}"
    data = world.images.make(wish, request_id)
    item: dict[str, Any] = {"size": f"{wish.width}x{wish.height}"}
    if body.get("response_format", "url") == "b64_json":
        item["b64_json"] = base64.b64encode(data).decode()
    else:
        item["url"] = world.images.shelve(data, file_format)
    tokens = wish.width * wish.height // 256
    usage = {"generated_images": 1, "output_tokens": tokens, "total_tokens": tokens}
    if wish.references:
        usage["input_images"] = wish.references
    told = {"model": model, "created": int(world.clock.time()), "data": [item], "usage": usage}
    return reply(told, request_id)


@routes.add("POST", "/compatible-mode/v1/images/generations", auth="none", claim=QWEN, locked=False)
def qwen(world: World, req: Request) -> Reply:
    """OpenAI-compatible image generation: always addresses, which live for a day."""
    world.images.admit(req, QWEN_RULES.quota, QWEN_RULES.rate)
    body = req.json()
    if not str(body.get("model", "")).startswith("qwen-image"):
        raise refusal(404, "model_not_found", "The model does not exist.", kind="invalid_request_error")
    n = body.get("n", 1)
    if not isinstance(n, int) or not 1 <= n <= 6:
        raise bad("n must be between 1 and 6.", "n")
    wish = wished("qwen", body, QWEN_RULES, "png", mark=body.get("watermark") is True)
    judge(world, wish.prompt, QWEN_RULES)
    request_id = world.ids.uuid().lower()
    data = [{"url": world.images.shelve(world.images.make(wish, request_id), "png")} for _ in range(n)]
    return reply({"created": int(world.clock.time()), "data": data, "request_id": request_id}, "")


def reply(told: Mapping[str, Any], request_id: str) -> Reply:
    """An answer the recorder keeps without its body."""
    headers = {"X-Request-Id": request_id} if request_id else {}
    return Reply(json.dumps(told), headers={"Content-Type": "application/json", **headers}, bulky=True)


def wished(dialect: str, body: Mapping[str, Any], rules: Rules, file_format: str, *, mark: bool) -> Wish:
    """The picture a body asks for, once each of its fields is known and right."""
    for name in body:
        if name not in rules.fields:
            raise bad(f"The parameter `{name}` specified in the request is not valid.", name)
    prompt, seed = body.get("prompt"), body.get("seed", 0)
    if not isinstance(prompt, str) or not prompt.strip():
        raise bad("prompt is required.", "prompt")
    if not isinstance(seed, int) or not -1 <= seed < 2**31:
        raise bad("seed must be between -1 and 2147483647.", "seed")
    width, height = dimensions(str(body.get("size", "2K")), rules)
    references = pictures(body.get("image", []), rules)
    try:
        tint = reference_colour(references)
    except ValueError:
        raise bad("image: cannot be decoded.", "image") from None
    return Wish(
        dialect=dialect,
        model=str(body["model"]),
        prompt=prompt,
        width=width,
        height=height,
        seed=seed,
        format=file_format,
        watermark=mark,
        references=len(references),
        tint=tint,
    )


def dimensions(text: str, rules: Rules) -> tuple[int, int]:
    """Width and height of a tier or of ``WxH``."""
    if text in TIERS:
        return TIERS[text], TIERS[text]
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if found is None:
        raise bad(f"size: {text} is neither a tier nor WxH.", "size")
    width, height = int(found[1]), int(found[2])
    if not rules.least <= width * height <= rules.most or max(width, height) > 16 * min(width, height):
        raise bad(f"size: must have {rules.least} to {rules.most} pixels and a ratio of at most 16.", "size")
    return width, height


def pictures(given: object, rules: Rules) -> list[bytes]:
    """The references; each must be a data URI, because the sandbox fetches nothing."""
    wanted = [given] if isinstance(given, str) else given
    if not isinstance(wanted, list) or len(wanted) > rules.references:
        raise bad(f"image: a string or at most {rules.references} strings.", "image")
    if not all(isinstance(text, str) and DATA_URI.match(text) for text in wanted):
        raise bad("image: expected data:image/<format>;base64,… in lower case.", "image")
    try:
        return [base64.b64decode(text.split(",", 1)[1], validate=True) for text in wanted]
    except binascii.Error:
        raise bad("image: broken base64.", "image") from None


def judge(world: World, prompt: str, rules: Rules) -> None:
    """Refuse a blocked prompt."""
    for stage, code in rules.blocked.items():
        if world.images.judged(prompt, stage):
            message = f"{stage.capitalize()} data may contain inappropriate content."
            raise refusal(400, code, message, kind="BadRequest")
