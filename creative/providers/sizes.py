"""Which sizes a model accepts, and which of them is asked for.

Channel sizes are never asked for: 1080 and 750 are not multiples of 16, and 800x800 lies below OpenAI's
minimum. A background is painted 2:3, 1:1 or 3:2 and cropped by the composition.
"""

from __future__ import annotations

from dataclasses import dataclass

from creative.providers.model import Kind, Orientation, Profile
from runtime.errors import ConfigError

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """What a model accepts.

    Args:
        multiple: both sides are multiples of it.
        least, most: pixels in all.
        edge: the longest side.
        ratio: long side to short side, at most.
    """

    multiple: int
    least: int
    most: int
    edge: int
    ratio: float

    def complaint(self, size: Size) -> str:
        """What is wrong with (width, height) in pixels; empty if nothing is."""
        width, height = size
        if min(size) <= 0 or width % self.multiple or height % self.multiple:
            return f"{width}x{height}: both sides must be multiples of {self.multiple}"
        if not self.least <= width * height <= self.most:
            return f"{width}x{height}: {width * height} pixels are not within {self.least} and {self.most}"
        if max(size) > self.edge or max(size) > self.ratio * min(size):
            return f"{width}x{height}: longest side {self.edge}, at most {self.ratio:g} times the shorter"
        return ""


# OpenAI 2/2.5/2.6: developers.openai.com 2026-11; pixel limits second-hand. The three sizes are safe
# everywhere.
_OPENAI = SizeLimits(16, 655_360, 8_294_400, 3840, 3)
# Ark: volcenginesdkarkruntime 5.0.54 and volcengine docs, 2026-11. 4.5 and 5.0 refuse less than 3,686,400 px.
_ARK = SizeLimits(1, 3_686_400, 10_400_000, 16_384, 16)
_ARK_4_0 = SizeLimits(1, 921_600, 16_777_216, 16_384, 16)
_ARK_3 = SizeLimits(1, 512 * 512, 2048 * 2048, 2048, 4)
# Qwen-Image: alibabacloud model studio, 2026-10.
_QWEN = SizeLimits(1, 512 * 512, 2048 * 2048, 4096, 8)

_SMALL: dict[Orientation, Size] = {
    Orientation.PORTRAIT: (1024, 1536),
    Orientation.SQUARE: (1024, 1024),
    Orientation.LANDSCAPE: (1536, 1024),
}
_TWO_K: dict[Orientation, Size] = {
    Orientation.PORTRAIT: (1664, 2496),
    Orientation.SQUARE: (2048, 2048),
    Orientation.LANDSCAPE: (2496, 1664),
}
_QWEN_SIZES: dict[Orientation, Size] = {
    Orientation.PORTRAIT: (1536, 2048),
    Orientation.SQUARE: (2048, 2048),
    Orientation.LANDSCAPE: (2048, 1536),
}


def size_limits(kind: Kind, model: str) -> SizeLimits:
    """The limits of a model. An Ark endpoint id (``ep-…``) hides its model and gets the strictest."""
    if kind is Kind.OPENAI:
        return _OPENAI
    if kind is Kind.QWEN:
        return _QWEN
    if "seedream-3-" in model:
        return _ARK_3
    return _ARK_4_0 if "seedream-4-0" in model else _ARK


def legal_size(kind: Kind, model: str, orientation: Orientation) -> Size:
    """The size to ask this model for.

    Returns:
        (width, height) in pixels: 2:3, 1:1 or 3:2 (Qwen 3:4 and 4:3), within `size_limits`.
    """
    if kind is Kind.QWEN:
        return _QWEN_SIZES[orientation]
    small = kind is Kind.OPENAI or size_limits(kind, model) is _ARK_3
    return (_SMALL if small else _TWO_K)[orientation]


def size_of(profile: Profile, orientation: Orientation) -> Size:
    """The size a profile asks for: its own if it names one, else `legal_size`.

    Raises:
        ConfigError: the profile names a size its model refuses; the sentence says why.
    """
    size = profile.sizes.get(orientation)
    if size is None:
        return legal_size(profile.kind, profile.model, orientation)
    if wrong := size_limits(profile.kind, profile.model).complaint(size):
        raise ConfigError(f"Image model {profile.name}, size for {orientation.value}: {wrong}.")
    return size
