"""Alibaba 百炼 Qwen-Image through its OpenAI-compatible address. Parameters: alibabacloud help, 2026-10."""

from __future__ import annotations

from typing import Any

from creative.providers.ark import data_uri
from creative.providers.call import Line
from creative.providers.model import Picture, PictureOrder, Profile
from creative.providers.sizes import Size


class QwenImages:
    """Paints with ``images.generate``; the picture comes as a short-lived address and is fetched at once."""

    def __init__(self, profile: Profile, key: str) -> None:
        self.profile = profile
        self._line = Line(profile, key)

    def paint(self, order: PictureOrder) -> Picture:
        """See `model.ImageModel.paint`."""
        fields = qwen_fields(self.profile, order, self._line.sizes[order.orientation])
        return self._line.paint(order, lambda images: images.generate(**fields))

    def close(self) -> None:
        """Let go of its connections."""
        self._line.close()


def qwen_fields(profile: Profile, order: PictureOrder, size: Size) -> dict[str, Any]:
    """The arguments of ``images.generate``.

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
