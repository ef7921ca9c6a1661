"""How each provider wants to be asked: the arguments of ``images.generate`` (or ``edit``) of the SDK."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from creative.providers.model import Kind, PictureOrder, Profile
from creative.providers.sizes import Size

ENDINGS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def openai_fields(profile: Profile, order: PictureOrder, size: Size) -> dict[str, Any]:
    """OpenAI's GPT image models: openai SDK 3.54 and developers.openai.com, 2026-11.

    No ``seed``, ``watermark`` or ``response_format``: GPT image models refuse unknown fields and always send
    base64. ``output_format`` is said although png is the default, because a gateway may have another.
    """
    fields: dict[str, Any] = {
        "model": profile.model,
        "prompt": f"{order.prompt}\nAvoid: {order.negative}" if order.negative else order.prompt,
        "n": 1,
        "size": f"{size[0]}x{size[1]}",
        "quality": profile.quality,
        "background": "opaque",
        "output_format": "png",
    }
    if order.requester:
        fields["safety_identifier"] = order.requester
    if order.references:
        # A list, also of one: it goes out as image[], which every gateway takes.
        fields["image"] = [
            (f"reference-{number}.{ENDINGS[mime]}", data, mime)
            for number, (data, mime) in enumerate(order.references, 1)
            if mime in ENDINGS
        ]
    return fields


def ark_fields(profile: Profile, order: PictureOrder, size: Size) -> dict[str, Any]:
    """Volcengine Ark, 豆包 Seedream: volcenginesdkarkruntime 5.0.54 and volcengine docs, 2026-11.

    References go along in the body, there is no edit endpoint. ``watermark`` is on unless told otherwise;
    Chorus draws its own mark. ``n`` and ``sequential_image_generation`` are never sent: the first is no field
    of Ark, 5.0-pro refuses the second with 400. ``output_format`` exists from 5.0 on; 4.x makes JPEG.
    """
    extra: dict[str, Any] = {"watermark": False}
    if profile.png and not any(old in profile.model for old in ("seedream-3-", "seedream-4-")):
        extra["output_format"] = "png"
    if profile.seeds:
        extra["seed"] = order.seed
    if order.references:
        extra["image"] = [data_uri(data, mime) for data, mime in order.references]
    return {
        "model": profile.model,
        "prompt": f"{order.prompt}\n不要出现：{order.negative}" if order.negative else order.prompt,
        "size": f"{size[0]}x{size[1]}",
        "response_format": "b64_json",
        "extra_body": extra,
    }


def qwen_fields(profile: Profile, order: PictureOrder, size: Size) -> dict[str, Any]:
    """Alibaba 百炼 Qwen-Image through its OpenAI-compatible address: alibabacloud help, 2026-10.

    ``prompt_extend`` is off: it is on by default and would let the provider add what our prompt keeps out,
    and the digest of a prompt would no longer say what was painted.
    """
    extra: dict[str, Any] = {"watermark": False, "prompt_extend": False}
    if order.negative:
        extra["negative_prompt"] = order.negative
    if profile.seeds:
        extra["seed"] = order.seed
    if order.references:
        extra["image"] = [data_uri(data, mime) for data, mime in order.references]
    return {
        "model": profile.model,
        "prompt": order.prompt,
        "n": 1,
        "size": f"{size[0]}x{size[1]}",
        "extra_body": extra,
    }


def data_uri(data: bytes, mime: str) -> str:
    """A picture inside the request. Never an address (Ark gives it 5 s) and never bare base64 (refused)."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


DIALECTS: Final[Mapping[Kind, Callable[[Profile, PictureOrder, Size], dict[str, Any]]]] = {
    Kind.OPENAI: openai_fields,
    Kind.ARK: ark_fields,
    Kind.QWEN: qwen_fields,
}
