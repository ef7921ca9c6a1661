"""The product freed from its background, or an honest "this photo stays whole". Pure, without any model.

The ladder: (1) a file with transparency is taken at its word; (2) on a plain background the colour's distance
from it seeds GrabCut; (3) on any other, GrabCut starts from a rectangle; (4) a result that does not pass the
checks of `cutout_checks` is thrown away. A whole photo in a frame is decent, a mangled product is not.
GrabCut: Rother, Kolmogorov, Blake, SIGGRAPH 2004, as in OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from creative.studio.cutout_checks import agree, fault, has_shadow
from creative.studio.cutout_edges import finished
from creative.studio.cutout_ground import Ground, eroded, filled, find_ground, lab_of
from creative.studio.model import Product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from creative.studio.photo import Photo

WORK_SIDE = 640
"""Pixels of the long side on which GrabCut works; full size takes 7 s for 0.006 IoU (measured 2026-11)."""
RECT_SIDE = 448
"""As above without seeds, where each round takes longer and there are two attempts."""
PRODUCT_SIDE = 2048
"""Pixels a cut product has at most on its long side; the largest format is 2560 and leaves room around it."""

CLEAR_SHARE = 0.02
"""A photo is transparent on purpose if so much of it is clear; rounded corners of a screenshot are less."""
_RECT_MARGINS = (0.03, 0.08)
"""Two rectangles, as shares of the side; a result that depends on which one it was is luck."""
_ROUNDS = 3

_KEPT = "没有抠图：{reason}，已使用整张照片。如需抠图，请上传透明背景 PNG，或背景干净、与商品颜色不同的照片。"
_CHECK = "商品是从杂乱背景中自动抠出的，请核对边缘和镂空处。"
_HOLES = "商品内有与背景同色的区域，已按镂空处理，请核对。"


@dataclass(frozen=True, slots=True)
class Matte:
    """What of a photo is the product.

    Args:
        alpha: grey, as large as the photo it is for, 255 is product; None if it could not be told.
        method: ``alpha``, ``hybrid``, ``grabcut`` or ``none``.
        note: Chinese, for the designer; empty if there is nothing to look at.
    """

    alpha: Image.Image | None
    method: str
    note: str = ""


def cut_out(photo: Photo) -> Product:
    """Free the product of its background.

    Args:
        photo: as `open_photo` gives it.

    Returns:
        RGBA trimmed to the product, edges free of the background's colour; or, with ``cut=False``, the whole
        photo and a sentence why.
    """
    image = _fitted(photo.image)
    matte = find_matte(image)
    if matte.alpha is None:
        return Product(image.convert("RGBA"), cut=False, method="none", note=matte.note)
    if matte.method == "alpha":
        return Product(_trimmed(image), cut=True, method="alpha")
    return Product(_trimmed(finished(image, matte.alpha)), cut=True, method=matte.method, note=matte.note)


def find_matte(image: Image.Image) -> Matte:
    """Tell product from background.

    Args:
        image: RGB or RGBA.

    Returns:
        The matte, with hard steps where GrabCut worked on a smaller picture; `cut_out` makes edges of them.
    """
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        if np.mean(np.asarray(alpha) < 16) >= CLEAR_SHARE:
            return Matte(alpha, "alpha")
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        image = ground
    small = image.convert("RGB")
    small.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BOX)
    mask, method, note = _decided(np.asarray(small))
    if mask is None:
        return Matte(None, "none", _KEPT.format(reason=note))
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    return Matte(grey.resize(image.size, Image.Resampling.BICUBIC), method, note)


def _decided(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.bool_] | None, str, str]:
    """The mask, its method and a note; or None and the reason why there is none."""
    lab = lab_of(pixels)
    ground = find_ground(lab)
    if ground is None:
        return _on_busy_ground(pixels, lab)
    # A rectangle is not tried on plain ground: it knows less than the seeds that have failed.
    reasons = []
    for shadows in (True, False):
        mask, holes = _hybrid(pixels, ground, shadows=shadows)
        reason = fault(mask, lab, ground)
        if reason is None and not shadows and has_shadow(mask, ground):
            reason = "影子太硬，和商品分不开"
        if reason is None:
            return mask, "hybrid", _HOLES if holes else ""
        reasons.append(reason)
    return None, "none", reasons[0]


def _on_busy_ground(
    pixels: NDArray[np.uint8], lab: NDArray[np.float32]
) -> tuple[NDArray[np.bool_] | None, str, str]:
    """Two rectangles must lead to the same product."""
    mask = _by_rectangle(pixels, _RECT_MARGINS[0])
    reason = fault(mask, lab, None)
    if reason is None and not agree(mask, _by_rectangle(pixels, _RECT_MARGINS[1])):
        reason = "背景太杂，分不清商品的边界"
    return (mask, "grabcut", _CHECK) if reason is None else (None, "none", reason)


def _hybrid(pixels: NDArray[np.uint8], ground: Ground, *, shadows: bool) -> tuple[NDArray[np.bool_], bool]:
    """GrabCut seeded by the distance from the background; the mask, and whether it has holes.

    Args:
        pixels: RGB.
        ground: the background's model.
        shadows: take what grows darker softly for background.
    """
    import cv2  # noqa: PLC0415 - 60 MB that only cutting needs

    outside = ground.reached(shadows=shadows)
    product = (ground.distance > ground.sure) & ~outside
    holes = ground.holes(outside, shadows=shadows)
    state = np.where(product, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[eroded(product, 2)] = cv2.GC_FGD
    state[eroded(outside, 1)] = cv2.GC_BGD
    state[holes] = cv2.GC_BGD
    mask = _grabbed(pixels, state)
    whole = filled(mask)
    return whole & ~holes, bool((whole & holes).any())


def _by_rectangle(pixels: NDArray[np.uint8], margin: float) -> NDArray[np.bool_]:
    """GrabCut from a rectangle. Holes are filled: here nobody can tell a handle's from a white label."""
    height, width = pixels.shape[:2]
    share = min(1.0, RECT_SIDE / max(height, width))
    small = Image.fromarray(pixels).resize(
        (round(width * share), round(height * share)), Image.Resampling.BOX
    )
    state = np.zeros((small.height, small.width), np.uint8)
    left, top = round(small.width * margin), round(small.height * margin)
    state[top : small.height - top, left : small.width - left] = 3  # probably product
    mask = Image.fromarray(filled(_grabbed(np.asarray(small), state)))
    return np.asarray(mask.resize((width, height), Image.Resampling.NEAREST))


def _grabbed(pixels: NDArray[np.uint8], state: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """GrabCut's product, without specks. OpenCV starts its clusters at random, so the seed is set.

    Args:
        pixels: RGB.
        state: of each pixel: 0 background (`cv2.GC_BGD`), 1 product, 2 probably background, 3 product.
    """
    import cv2  # noqa: PLC0415

    product = (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    if not product.any() or product.all():
        return np.zeros(state.shape, bool)  # OpenCV raises where one side is empty
    cv2.setRNGSeed(1)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(pixels, state, (0, 0, 0, 0), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    mask = ((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)).astype(np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    return _without_specks(mask)


def _without_specks(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Only parts that have a hundredth of the largest one's area."""
    import cv2  # noqa: PLC0415

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return mask.astype(bool)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray(np.isin(labels, np.flatnonzero(areas * 100 >= areas.max())))


def _fitted(image: Image.Image) -> Image.Image:
    if max(image.size) <= PRODUCT_SIDE:
        return image
    fitted = image.copy()
    fitted.thumbnail((PRODUCT_SIDE, PRODUCT_SIDE), Image.Resampling.LANCZOS)
    return fitted


def _trimmed(image: Image.Image) -> Image.Image:
    """Without the border that is (nearly) clear."""
    box = image.getchannel("A").point(lambda level: 255 * (level > 8)).getbbox()
    return image.crop(box) if box else image
