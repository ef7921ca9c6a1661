"""OpenAI's Images API for GPT image models: generations and edits, strict about every field."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from sandbox.images_state import Wish, error_view, reference_colour, refusal
from sandbox.kernel import ApiError, Part, Reply, Request, Routes, World
from sandbox.wire import read_parts

CLAIM = (
    "openai SDK 3.54 and developers.openai.com, 2026-11; pixel limits second-hand, exact messages unconfirmed"
)
MODELS = ("gpt-image-2", "gpt-image-1.5", "gpt-image-1-mini", "chatgpt-image-latest")
RETIRED = ("gpt-image-1", "dall-e-2", "dall-e-3")
GENERATE = {
    "model", "prompt", "n", "size", "quality", "complexity", "background", "output_format",
    "output_compression", "moderation", "safety_identifier", "user", "stream", "partial_images",
}  # fmt: skip
EDIT = (GENERATE - {"moderation"}) | {"image", "mask", "input_fidelity"}
CHOICES = {
    "quality": ("low", "medium", "high", "xhigh", "max", "auto"),
    "complexity": ("low", "medium", "high"),
    "background": ("transparent", "opaque", "auto"),
    "output_format": ("png", "jpeg", "webp"),
    "moderation": ("auto", "low"),
}
IMAGES, IMAGE_BYTES = 16, 50_000_000
# Output tokens of gpt-image-2 from its prices at US$30 a million: 1024x1024, and a megapixel of 1024x1536.
TOKENS = {"low": 200, "medium": 1767, "high": 7033, "xhigh": 9000, "max": 12000}
TOKENS_OBLONG = {"low": 106, "medium": 869, "high": 3497, "xhigh": 4500, "max": 6000}
REFERENCE_TOKENS = 1100

routes = Routes("images", on_error=error_view)


def bad(message: str, param: str, code: str = "invalid_value", status: int = 400) -> ApiError:
    """A refusal of a parameter."""
    return refusal(status, code, message, kind="invalid_request_error", param=param)


@routes.add("POST", "/v1/images/generations", auth="none", claim=CLAIM, locked=False)
def generate(world: World, req: Request) -> Reply:
    """Create image: JSON in, one or more base64 files out."""
    world.images.admit(req, "insufficient_quota", "rate_limit_exceeded")
    return answer(world, checked(req.json(), GENERATE), [])


@routes.add("POST", "/v1/images/edits", auth="none", claim=CLAIM, locked=False)
def edit(world: World, req: Request) -> Reply:
    """Create image edit: multipart with ``image`` once or ``image[]`` many times."""
    world.images.admit(req, "insufficient_quota", "rate_limit_exceeded")
    parts = read_parts(req.headers.get("content-type", ""), req.raw)
    fields: dict[str, Any] = {
        name: part.data.decode(errors="replace") for name, part in parts if part.filename is None
    }
    if "n" in fields:
        fields["n"] = int(fields["n"]) if fields["n"].isdecimal() else fields["n"]
    references = [part for name, part in parts if name in ("image", "image[]")]
    body = checked({name: value for name, value in fields.items() if name != "image[]"}, EDIT)
    return answer(world, body, readable(references))


def readable(references: list[Part]) -> list[bytes]:
    """The bytes of the references, once their number, type and size are right."""
    if not 1 <= len(references) <= IMAGES:
        raise bad(f"Expected 1 to {IMAGES} images, got {len(references)}.", "image", "invalid_image_count")
    for part in references:
        if (
            part.content_type not in ("image/png", "image/jpeg", "image/webp")
            or len(part.data) >= IMAGE_BYTES
        ):
            raise bad(f"Unsupported mimetype ('{part.content_type}') or size.", "image", "unsupported_file")
    return [part.data for part in references]


def checked(body: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """The parameters, with their defaults, once each is known and right."""
    for name in body:
        if name not in known:
            raise bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    model, prompt, n = str(body.get("model", "")), body.get("prompt"), body.get("n", 1)
    if model in RETIRED or not model.startswith(MODELS):
        raise bad(f"The model '{model}' does not exist.", "model", "model_not_found", 404)
    if not isinstance(prompt, str) or not 1 <= len(prompt) <= 32_000:
        raise bad("Expected a prompt of 1 to 32000 characters.", "prompt", "invalid_prompt")
    if not isinstance(n, int) or not 1 <= n <= 10:
        raise bad("n must be between 1 and 10.", "n")
    for name, choices in CHOICES.items():
        if body.get(name, choices[0]) not in choices:
            raise bad(f"Invalid value: '{body[name]}'. Supported: {', '.join(choices)}.", name)
    if len(str(body.get("safety_identifier", ""))) > 64:
        raise bad("safety_identifier: at most 64 characters.", "safety_identifier", "string_above_max_length")
    if body.get("stream"):
        raise bad("the sandbox does not stream", "stream")
    return body


def dimensions(text: str) -> tuple[int, int]:
    """Width and height of ``WxH``; ``auto`` is a square."""
    if text == "auto":
        return 1024, 1024
    try:
        width, height = (int(part) for part in text.split("x"))
    except ValueError:
        raise bad(f"Invalid size: '{text}'.", "size") from None
    ok = width % 16 == 0 and height % 16 == 0 and 0 < max(width, height) <= 3840
    if not ok or not 655_360 <= width * height <= 8_294_400 or max(width, height) > 3 * min(width, height):
        raise bad(
            f"Invalid size '{text}': sides divisible by 16 and at most 3840, 655360 to 8294400 pixels, "
            "ratio at most 3:1.",
            "size",
        )
    return width, height


def answer(world: World, body: Mapping[str, Any], references: list[bytes]) -> Reply:
    """Judge the prompt, paint, and put everything in the answer."""
    prompt = str(body["prompt"])
    for stage in ("input", "output"):
        if word := world.images.judged(prompt, stage):
            raise refusal(
                400,
                "moderation_blocked",
                f"Your request was rejected by the safety system ({stage}). safety_violations=[{word}].",
                kind="image_generation_user_error",
            )
    width, height = dimensions(str(body.get("size", "auto")))
    try:
        tint = reference_colour(references)
    except ValueError:
        raise bad("Invalid image file.", "image", "invalid_image_file") from None
    quality = {"auto": "medium"}.get(str(body.get("quality", "auto")), str(body.get("quality")))
    request_id = f"req_{world.ids.hex()}"
    data = []
    for number in range(int(body.get("n", 1))):
        wish = Wish(
            dialect="openai",
            model=str(body["model"]),
            prompt=prompt,
            width=width,
            height=height,
            seed=number,
            quality=quality,
            format=str(body.get("output_format", "png")),
            references=len(references),
            tint=tint,
        )
        data.append({"b64_json": base64.b64encode(world.images.make(wish, request_id)).decode()})
    told = {
        "created": int(world.clock.time()),
        "background": "opaque",
        "data": data,
        "output_format": str(body.get("output_format", "png")),
        "quality": quality,
        "size": f"{width}x{height}",
        "usage": usage(prompt, len(references), len(data), output_tokens(quality, width, height)),
    }
    if body.get("safety_identifier"):
        told["safety_identifier"] = body["safety_identifier"]
    headers = {"X-Request-Id": request_id, "Content-Type": "application/json"}
    return Reply(json.dumps(told), headers=headers, bulky=True)


def output_tokens(quality: str, width: int, height: int) -> int:
    """Tokens of one picture; squares cost more than oblong ones, by area."""
    table, pixels = (TOKENS, 1024 * 1024) if width == height else (TOKENS_OBLONG, 1_000_000)
    return table[quality] * width * height // pixels


def usage(prompt: str, references: int, pictures: int, tokens: int) -> dict[str, Any]:
    """Tokens as the API counts them; those of the prompt are a guess from its length."""
    text, images = max(1, len(prompt) * 2 // 3), references * REFERENCE_TOKENS
    return {
        "input_tokens": text + images,
        "input_tokens_details": {"text_tokens": text, "image_tokens": images},
        "output_tokens": tokens * pictures,
        "output_tokens_details": {"image_tokens": tokens * pictures, "text_tokens": 0},
        "total_tokens": text + images + tokens * pictures,
    }
