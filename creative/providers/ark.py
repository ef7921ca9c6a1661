"""Volcengine Ark, 豆包 Seedream. Parameters: volcenginesdkarkruntime 5.0.54 and volcengine docs, 2026-11."""

from __future__ import annotations

import base64
from typing import Any

from creative.providers.call import Line
from creative.providers.model import Picture, PictureOrder, Profile
from creative.providers.sizes import Size


class ArkImages:
    """Paints with ``images.generate``; references go along in the body, there is no edit endpoint."""

    def __init__(self, profile: Profile, key: str) -> None:
        self.profile = profile
        self._line = Line(profile, key)

    def paint(self, order: PictureOrder) -> Picture:
        """See `model.ImageModel.paint`."""
        fields = ark_fields(self.profile, order, self._line.sizes[order.orientation])
        return self._line.paint(order, lambda images: images.generate(**fields))

    def close(self) -> None:
        """Let go of its connections."""
        self._line.close()


def ark_fields(profile: Profile, order: PictureOrder, size: Size) -> dict[str, Any]:
    """The arguments of ``images.generate``.

    ``watermark`` is on unless told otherwise; Chorus draws its own mark. ``n`` and
    ``sequential_image_generation`` are never sent: the first is no field of Ark, 5.0-pro refuses the second
    with 400. ``output_format`` exists from 5.0 on; 4.x makes JPEG.
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


def data_uri(data: bytes, mime: str) -> str:
    """A picture inside the request. Never an address (Ark gives it 5 s) and never bare base64 (refused)."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
