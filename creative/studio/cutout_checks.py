"""Is a cut-out fit to be seen? Wrong ones give themselves away by their size, parts and edges. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from creative.studio.cutout_ground import Ground

AREA = (0.03, 0.95)
"""Least and most share of the photo that a product takes."""
PART = 0.08
"""Share of the whole from which a separate part counts as product (a pair of shoes has two)."""
MOST_PARTS = 4
SIDES = 3
"""A cut that reaches so many edges of the photo is background."""
STEP = 5.0
"""Difference of colour (ΔE) between inside and outside that makes a place of the outline an edge."""
EDGE_SHARE = 0.8
"""Share of the outline that must be an edge. White on white has hardly any."""
FOREIGN_SHARE = 0.12
"""Length of fine outlines beside the cut, as share of its own, from which a part of the product is missing: a
white box whose print was cut out. Shadows are soft and have no outlines."""
FINE = 0.1
"""Curvature (of L, at 1.5 pixels' blur) of a fine outline: an edge of 1 has it, a soft shadow has not."""
SHADOW = (0.05, 0.7)
"""Least and most share of a mask that makes its shadow-like part a shadow."""
NEAR = 16
"""Pixels around the cut in which fine outlines do not count."""
AGREEMENT = 0.92
"""Least overlap (intersection over union) of two attempts with different starts."""


def agree(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Do two attempts see the same product?"""
    union = np.count_nonzero(one | other)
    return bool(union) and int(np.count_nonzero(one & other)) >= AGREEMENT * int(union)


def fault(mask: NDArray[np.bool_], lab: NDArray[np.float32], ground: Ground | None) -> str | None:
    """Why a mask cannot be the product, as a Chinese clause, or None if it may be.

    Args:
        mask: the product, shape (height, width).
        lab: the photo in L*a*b*, shape (height, width, 3).
        ground: the background, if it is plain.
    """
    share = float(mask.mean())
    if share < AREA[0]:
        return "找不到与背景颜色明显不同的商品"
    if share > AREA[1] or _sides(mask) >= SIDES:
        return "商品几乎占满画面，分不出背景"
    if not _parts_fit(mask):
        return "抠出的部分零散，不像完整的商品"
    inside, outside, ring = _around(mask, lab)
    if not ring.any() or np.mean(np.linalg.norm(inside - outside, axis=-1) > STEP) < EDGE_SHARE:
        return "商品与背景颜色太接近，边界不清"
    if ground is not None and _foreign(ground, mask) > FOREIGN_SHARE * np.count_nonzero(ring):
        return "商品有一部分与背景同色，抠出来不完整"
    return None


def has_shadow(mask: NDArray[np.bool_], ground: Ground) -> bool:
    """Is a part of the mask, and not nearly all of it, of the background's hue and darker?

    For a mask that was made without looking for shadows: a hard shadow was taken for product. A product that
    is grey all over on white ground is not meant.
    """
    return SHADOW[0] < float(ground.shadow[mask].mean()) < SHADOW[1]


def _sides(mask: NDArray[np.bool_]) -> int:
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return sum(float(edge.mean()) > 0.02 for edge in edges)


def _parts_fit(mask: NDArray[np.bool_]) -> bool:
    import cv2  # noqa: PLC0415

    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    shares = stats[1:, cv2.CC_STAT_AREA] / np.count_nonzero(mask)
    large = shares[shares >= PART]
    return 1 <= len(large) <= MOST_PARTS and float(large.sum()) >= 0.9


def _around(
    mask: NDArray[np.bool_], lab: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Mean colours a few pixels inside and outside of each place of the outline, and the outline's places."""
    import cv2  # noqa: PLC0415

    small = np.ones((3, 3), np.uint8)
    ring = mask & ~np.asarray(cv2.erode(mask.astype(np.uint8), small, borderValue=1)).astype(bool)
    # The outline itself is a mixture of both sides, so a pixel on either side of it is left out.
    near = np.asarray(cv2.dilate(ring.astype(np.uint8), small)).astype(bool)
    colours, weights = [], []
    for side in (mask & ~near, ~mask & ~near):
        weight = side.astype(np.float32)
        total = np.asarray(cv2.boxFilter(weight, -1, (9, 9), normalize=False))
        mean = np.asarray(cv2.boxFilter(lab * weight[..., None], -1, (9, 9), normalize=False))
        colours.append(mean / np.maximum(total, 1e-6)[..., None])
        weights.append(total > 0.5)
    ring &= weights[0] & weights[1]
    return colours[0][ring], colours[1][ring], ring


def _foreign(ground: Ground, mask: NDArray[np.bool_]) -> float:
    """The length in pixels of fine outlines on the background's side.

    Found by the curvature of lightness (Laplacian of Gaussian, Marr and Hildreth 1980): nothing along the
    even slope of a soft shadow, two lines along an edge. Grain stays below 6.7 medians (4.5 deviations).
    """
    import cv2  # noqa: PLC0415

    # The product's hard shadow lies next to it, the outline of what is missing goes farther.
    wide = np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)
    outside = ~np.asarray(cv2.dilate(mask.astype(np.uint8), wide)).astype(bool)
    smooth = cv2.GaussianBlur(np.ascontiguousarray(ground.off[..., 0]), (0, 0), 1.5)
    curved = np.abs(np.asarray(cv2.Laplacian(smooth, cv2.CV_32F)))[outside]
    if not curved.size:
        return 0.0
    lines = np.count_nonzero(curved > max(FINE, 6.7 * float(np.median(curved))))
    return lines / 6  # two lines of about three pixels
