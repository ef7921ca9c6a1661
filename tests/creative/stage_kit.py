"""A clock, small photos for requests, and how tests look at cards."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from PIL import Image, ImageDraw

from runtime.clock import SHANGHAI
from sandbox.office import walk


class Noonday:
    """The machine's clock, moved to noon in Shanghai so that no test runs into midnight; may jump forward."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        noon = now.astimezone(SHANGHAI).replace(hour=12, minute=0, second=0, microsecond=0)
        self._shift = noon.astimezone(UTC) - now

    def now(self) -> datetime:
        """The present moment of the stage."""
        return datetime.now(UTC) + self._shift

    def advance(self, step: timedelta) -> None:
        """Jump forward."""
        self._shift += step


# --- looking at cards ---


def texts(card: Any) -> str:
    """Everything written on a card, Chinese and English."""
    return str(card)


def buttons(card: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The buttons of a card by their Chinese text, with what they send; links send nothing."""
    return {
        str(node["text"]["content"]): next(
            (each["value"] for each in node.get("behaviors", ()) if each["type"] == "callback"), {}
        )
        for node in walk(card)
        if node.get("tag") == "button" and not node.get("disabled")
    }


# --- photos, small so that the whole file is quick ---


@lru_cache
def bottle(side: int = 480, mode: str = "RGBA") -> Image.Image:
    """A blue bottle, alone (RGBA) or on white (RGB)."""
    alone = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(alone)
    draw.rounded_rectangle(
        (side * 0.25, side * 0.3, side * 0.75, side * 0.95), side // 16, (38, 66, 104, 255)
    )
    draw.rectangle((side * 0.43, side * 0.08, side * 0.57, side * 0.3), (206, 210, 216, 255))
    if mode == "RGBA":
        return alone
    white = Image.new("RGB", alone.size, (255, 255, 255))
    white.paste(alone, mask=alone.getchannel("A"))
    return white


def packed(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file of a picture."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


CLEAR = ("bottle.png", packed(bottle(), "PNG"))
