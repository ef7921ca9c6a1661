"""From a rough mask to clean edges: bent to the photo, a pixel inside, free of the old background. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMOOTH = 1e-3
"""The guided filter's epsilon for values from 0 to 1: weaker contrast than about 0.03 is no edge."""


def finished(image: Image.Image, matte: Image.Image) -> Image.Image:
    """The product with clean edges.

    Args:
        image: RGB or RGBA, the photo.
        matte: grey, as large; from a smaller picture, so its edge may lie some pixels beside the true one.

    Returns:
        RGBA, as large, not trimmed.
    """
    rgb = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
    rough = np.asarray(matte, np.float32) / np.float32(255)
    scale = max(1, round(max(image.size) / 640))
    alpha = _inset(_guided(rgb, rough, 2 * scale + 1))
    colour = _decontaminated(rgb, alpha, scale + 1)
    whole = np.dstack([colour, alpha])
    return Image.fromarray((np.clip(whole, 0, 1) * 255 + 0.5).astype(np.uint8))


def _guided(rgb: NDArray[np.float32], rough: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The mask bent to the photo's edges: He, Sun, Tang, "Guided Image Filtering", PAMI 2013, grey guide.

    The guide is the difference that counts most at the edge: the photo projected on the line between the mean
    colours of product and background.
    """
    inside, outside = rgb[rough > 0.5].mean(axis=0), rgb[rough <= 0.5].mean(axis=0)
    line = inside - outside
    guide = (rgb @ (line / max(float(np.linalg.norm(line)), 1e-6))).astype(np.float32)
    mean_guide, mean_rough = _box(guide, radius), _box(rough, radius)
    slope = (_box(guide * rough, radius) - mean_guide * mean_rough) / (
        _box(guide * guide, radius) - mean_guide**2 + _SMOOTH
    )
    offset = mean_rough - slope * mean_guide
    alpha = _box(slope, radius) * guide + _box(offset, radius)
    # Only near the edge: far inside and outside the rough mask is right whatever the photo shows there.
    sure = _box(rough, radius)
    alpha = np.where(sure > 0.999, 1.0, np.where(sure < 0.001, 0.0, alpha))
    return np.clip(alpha, 0, 1).astype(np.float32)


def _inset(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Steeper, about a pixel smaller, softened by a pixel: no rim of background and no staircase."""
    import cv2  # noqa: PLC0415

    steep = np.clip((alpha - 0.35) / 0.5, 0, 1)
    small = np.asarray(cv2.erode(steep, np.ones((3, 3), np.uint8), borderValue=1))
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.8), np.float32)


def _decontaminated(rgb: NDArray[np.float32], alpha: NDArray[np.float32], inset: int) -> NDArray[np.float32]:
    """Colours near the edge replaced by those of the solid product next to them.

    A pixel of the edge is a mixture with the old background, which would shine on a new one. As the matte may
    lie some pixels outside of the true edge, only what is ``inset`` pixels inside counts as solid.
    """
    import cv2  # noqa: PLC0415

    kernel = np.ones((2 * inset + 1, 2 * inset + 1), np.uint8)
    solid = np.asarray(cv2.erode((alpha > 0.98).astype(np.float32), kernel, borderValue=1))
    radius = 3 * inset + 2  # wide enough to reach the outermost pixels of the edge
    weight = _box(solid.astype(np.float32), radius)
    spread = _box(rgb * solid[..., None], radius) / np.maximum(weight, 1e-6)[..., None]
    mixed = np.where(weight[..., None] > 1e-4, spread, rgb)
    return np.where(solid[..., None] > 0, rgb, mixed).astype(np.float32)


def _box(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    import cv2  # noqa: PLC0415

    side = 2 * radius + 1
    return np.asarray(cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)
