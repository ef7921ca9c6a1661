"""OpenAI's GPT image models. Parameters: openai SDK 3.54 and developers.openai.com, 2026-11."""

from __future__ import annotations

from typing import Any

from creative.providers.call import Line
from creative.providers.model import Picture, PictureOrder, Profile
from creative.providers.sizes import Size

ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


class OpenAIImages:
    """Paints with ``images.generate``, or with ``images.edit`` when the order carries references."""

    def __init__(self, profile: Profile, key: str) -> None:
        self.profile = profile
        self._line = Line(profile, key)

    def paint(self, order: PictureOrder) -> Picture:
        """See `model.ImageModel.paint`."""
        fields = openai_fields(self.profile, order, self._line.sizes[order.orientation])
        if order.references:
            return self._line.paint(order, lambda images: images.edit(**fields))
        return self._line.paint(order, lambda images: images.generate(**fields))

    def close(self) -> None:
        """Let go of its connections."""
        self._line.close()


def openai_fields(profile: Profile, order: PictureOrder, size: Size) -> dict[str, Any]:
    """The arguments of ``images.generate`` or ``images.edit``.

    No ``seed``, ``watermark`` or ``response_format``: GPT image models refuse unknown fields and always send
    base64. ``output_format`` is said although png is the default, because a gateway may have another.
    """
    fields: dict[str, Any] = {
        "model": profile.model,
        "prompt": with_negative(order),
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


def with_negative(order: PictureOrder) -> str:
    """The prompt for a model without a field for what is not wanted."""
    return f"{order.prompt}\nAvoid: {order.negative}" if order.negative else order.prompt
