"""What a photo's background would look like without the product, guessed from the border. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BORDER = 0.025
"""Width of the strip that is taken for background, as share of the short side."""
PLAIN_SHARE = 0.75
"""Share of the border that must fit one smooth surface; the product may touch the rest."""
PLAIN = 6.0
"""Distance (CIE 1976 ΔE) from the surface within which a pixel of the border fits it."""

HOLES_MOST = 0.3
"""Share of the product and its holes that holes may have."""
SOFT = 2.0
"""Step (ΔE a pixel at 640 pixels) up to which darkness grows as a shadow's does."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A plain background: one colour that may change smoothly across the photo (vignette, one-sided light).

    Args:
        off: each pixel less the background expected at its place, L*a*b*, shape (height, width, 3).
        distance: the length of `off`, ΔE, shape (height, width).
        shadow: pixels of the background's hue that are a little darker, as soft shadows are.
        noise: the median distance of background pixels from the surface.
        faint: distance up to which a pixel may be background.
        sure: distance from which it is none.
    """

    off: NDArray[np.float32]
    distance: NDArray[np.float32]
    shadow: NDArray[np.bool_]
    noise: float
    faint: float
    sure: float

    def reached(self, *, shadows: bool) -> NDArray[np.bool_]:
        """Background that is connected with the border.

        Args:
            shadows: also go where it grows darker softly; a product begins with a step.
        """
        import cv2  # noqa: PLC0415

        open_to = self.distance < self.faint
        if shadows:
            open_to |= self.shadow
        even = cv2.blur(np.where(open_to, self.distance, 0).astype(np.float32), (3, 3))
        level = np.pad(even, 1)
        closed = np.pad(~open_to, 2).astype(np.uint8)
        cv2.floodFill(level, closed, (0, 0), (0,), (SOFT,), (SOFT,), 4 | cv2.FLOODFILL_MASK_ONLY | 2 << 8)
        return np.asarray(closed[2:-2, 2:-2] == 2)

    def holes(self, outside: NDArray[np.bool_], *, shadows: bool) -> NDArray[np.bool_]:
        """Enclosed places that look like the background: inside of a handle, not a white label.

        A label has print on it or one shade of its own all over. A hole shows the background as it is, or a
        shadow that changes across it. What has none of these marks cannot be told from a hole, but holes
        are not most of a product.
        """
        import cv2  # noqa: PLC0415

        like = (self.distance < self.faint) | self.shadow if shadows else self.distance < self.faint
        inner = (like & ~outside).astype(np.uint8)
        inner = np.asarray(cv2.morphologyEx(inner, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(inner, connectivity=4)
        found = np.zeros(inner.shape, bool)
        for label in range(1, count):
            if stats[label, cv2.CC_STAT_AREA] >= inner.size / 1000:
                part = labels == label
                found |= part & self._is_hole(part)
        few = np.count_nonzero(found) < HOLES_MOST * np.count_nonzero(~outside)
        return found if few else np.zeros_like(found)

    def _is_hole(self, part: NDArray[np.bool_]) -> bool:
        printed = np.count_nonzero(filled(part) & ~part) > 0.005 * np.count_nonzero(part)
        core = self.distance[eroded(part, 2)]
        if printed or not core.size:
            return False
        plain = max(1.0, 1.5 * self.noise)
        least, middle, most = np.percentile(core, (5, 50, 95))
        return bool(middle < plain or (least < self.sure and most - least > 3 * self.noise + 2))


def filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without holes."""
    import cv2  # noqa: PLC0415

    around = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    cv2.floodFill(around, None, (0, 0), (2,))
    return np.asarray(around[1:-1, 1:-1] != 2)


def eroded(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """The mask, smaller by some pixels; the photo's edge takes nothing away."""
    import cv2  # noqa: PLC0415

    kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return np.asarray(cv2.erode(mask.astype(np.uint8), kernel, borderValue=1)).astype(bool)


def lab_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIE L*a*b* of RGB pixels: L from 0 to 100; distances are ΔE (1976), of which people see about 2."""
    import cv2  # noqa: PLC0415

    return np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def find_ground(lab: NDArray[np.float32]) -> Ground | None:
    """Fit a surface of second degree to the border.

    Args:
        lab: the photo, shape (height, width, 3).

    Returns:
        The background, or None if the border is not plain.
    """
    height, width = lab.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = columns / width - 0.5, rows / height - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    strip = max(4, round(min(height, width) * BORDER))
    border = (np.minimum(rows, height - 1 - rows) < strip) | (
        np.minimum(columns, width - 1 - columns) < strip
    )
    factors, share = _fit(terms[border], lab[border])
    if share < PLAIN_SHARE:
        return None
    off = (lab - terms @ factors).astype(np.float32)
    distance = np.linalg.norm(off, axis=-1)
    at_border = distance[border]
    inliers = at_border[at_border < PLAIN]
    faint = max(3.0, 1.5 * float(np.percentile(inliers, 95)))
    return Ground(
        off, distance, _shadow(lab, terms @ factors), float(np.median(inliers)), faint, max(7.0, 2 * faint)
    )  # fmt: skip


def _shadow(lab: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Less light on the same surface: lightness and colour fall in the same measure."""
    share = lab[..., :1] / np.maximum(expected[..., :1], 1)
    hue = np.linalg.norm(lab[..., 1:] - expected[..., 1:] * share, axis=-1)
    most = 4 + 0.15 * np.linalg.norm(expected[..., 1:], axis=-1)  # light in a shadow has its own tint
    return np.asarray((hue < most) & (share[..., 0] < 1) & (share[..., 0] > 0.55))


def _fit(terms: NDArray[np.float32], lab: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Least squares without what does not fit; the factors, and the share that fits."""
    off = np.linalg.norm(lab - np.median(lab, axis=0), axis=-1)
    fits = off <= max(12.0, float(np.percentile(off, 60)))
    factors = np.zeros((terms.shape[1], 3), np.float32)
    for _ in range(4):
        factors = np.linalg.lstsq(terms[fits], lab[fits], rcond=None)[0].astype(np.float32)
        off = np.linalg.norm(lab - terms @ factors, axis=-1)
        fits = off < PLAIN
        if fits.mean() < 0.3:
            break
    return factors, float(fits.mean())
