"""Cut-outs against known truth: good where it can be told, and the whole photo where it cannot."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from creative.studio.cutout import PRODUCT_SIDE, cut_out, find_matte
from creative.studio.photo import Photo
from tests.creative.products import RED, SIDE, WHITE, Case, busy, flat, mug, overlap, placed, vignette

STUDIO = (254, 254, 254)

GOOD = {
    "plain white": (lambda: placed(flat(STUDIO, 0.6), *mug(RED)), 0.98),
    "soft shadow": (lambda: placed(flat((250, 250, 250)), *mug(RED), shadow=15), 0.97),
    "harder shadow": (lambda: placed(flat((250, 250, 250)), *mug(RED), shadow=9), 0.97),
    "grey vignette": (lambda: placed(vignette(), *mug(RED)), 0.97),
    "black, shadow": (lambda: placed(flat((250, 250, 250)), *mug((30, 30, 34)), shadow=15), 0.98),
    "yellow on blue": (lambda: placed(flat((60, 90, 180), 2), *mug((240, 210, 60)), shadow=15), 0.97),
    "white label": (lambda: placed(flat((252, 252, 252)), *mug(RED, (246, 245, 240))), 0.97),
    "label as white as the ground": (lambda: placed(flat((252, 252, 252)), *mug(RED, (252, 252, 252))), 0.98),
}  # fmt: skip

WHOLE = {
    "white on white": lambda: placed(flat(STUDIO, 0.6), *mug(WHITE, None, 254)),
    "white on white, shadow": lambda: placed(flat(STUDIO, 0.6), *mug(WHITE, None, 250), shadow=15),
    "white with a blue print on white": lambda: placed(flat(STUDIO, 0.6), *mug(WHITE, (40, 60, 160), 253)),
    "shadow like a second mug": lambda: placed(flat((250, 250, 250)), *mug(RED), shadow=3),
    "red on nearly the same red": lambda: placed(flat((190, 60, 60)), *mug(RED)),
    "nothing but background": lambda: Case(flat(STUDIO), Image.new("L", (SIDE, SIDE))),
    "nothing but colours": lambda: Case(busy(), Image.new("L", (SIDE, SIDE))),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_the_product_is_found(name: str) -> None:
    make, least = GOOD[name]
    case = make()
    matte = find_matte(case.image)
    assert matte.method == "hybrid"
    assert matte.alpha is not None
    assert overlap(matte.alpha, case.truth) >= least


def test_on_a_busy_ground_it_is_found_and_the_designer_is_asked_to_look() -> None:
    case = placed(busy(), *mug(RED))
    matte = find_matte(case.image)
    assert matte.method == "grabcut"
    assert matte.alpha is not None
    assert overlap(matte.alpha, case.truth) >= 0.9
    assert "请核对" in matte.note


@pytest.mark.parametrize("name", WHOLE)
def test_what_cannot_be_told_stays_whole(name: str) -> None:
    case = WHOLE[name]()
    product = cut_out(case.photo)
    assert (product.cut, product.method) == (False, "none")
    assert product.image.convert("RGB").tobytes() == case.image.tobytes()
    assert product.note.startswith("没有抠图")
    assert "请上传" in product.note


def test_white_in_shade_on_white_is_cut_well_or_not_at_all() -> None:
    case = placed(flat(STUDIO, 0.6), *mug((252, 252, 252), (40, 60, 160)))
    matte = find_matte(case.image)
    assert matte.alpha is None or overlap(matte.alpha, case.truth) > 0.97


def test_the_old_background_does_not_shine_at_the_edges() -> None:
    """On green, no pixel of the product's edge is brighter than the product and the green allow."""
    product = cut_out(placed(flat(STUDIO, 0.6), *mug(RED, dark=250)).photo)
    assert product.cut
    pixels = np.asarray(product.image, np.int16)
    edge = (pixels[..., 3] > 20) & (pixels[..., 3] < 235)
    assert edge.sum() > 200
    assert np.abs(pixels[edge][:, :3] - RED).max(axis=1).mean() < 12


def test_the_product_is_trimmed_and_as_large_as_the_photo_allows() -> None:
    body, truth = mug(RED)
    case = placed(flat(STUDIO, 0.6), body, truth)
    product = cut_out(case.photo)
    left, top, right, bottom = truth.point(lambda level: 255 * (level > 127)).getbbox() or (0, 0, 0, 0)
    assert product.image.mode == "RGBA"
    assert product.image.width == pytest.approx(right - left, abs=5)
    assert product.image.height == pytest.approx(bottom - top, abs=5)
    inner = product.image.getpixel((product.image.width // 4, product.image.height // 2))
    assert inner == (*case.image.getpixel((left + product.image.width // 4, (top + bottom) // 2)), 255)


def test_large_photos_are_cut_at_a_sensible_size() -> None:
    case = placed(flat(STUDIO, 0.6), *mug(RED))
    image = case.image.resize((2200, 2200))
    product = cut_out(Photo(image, "0" * 64, 2200, 2200, "jpeg"))
    share = case.truth.point(lambda level: 255 * (level > 127)).getbbox()
    assert share is not None
    assert product.image.width == pytest.approx((share[2] - share[0]) / SIDE * PRODUCT_SIDE, rel=0.02)


def test_the_same_photo_gives_the_same_cut() -> None:
    image = placed(vignette(), *mug(RED)).image.resize((300, 300))
    case = Case(image, image)
    assert cut_out(case.photo).image.tobytes() == cut_out(case.photo).image.tobytes()


def test_given_transparency_is_taken_at_its_word() -> None:
    body, truth = mug(RED)
    body.putalpha(truth)
    product = cut_out(Photo(body, "0" * 64, *body.size, "png"))
    assert (product.cut, product.method, product.note) == (True, "alpha", "")
    box = truth.point(lambda level: 255 * (level > 8)).getbbox()
    assert product.image.tobytes() == body.crop(box).tobytes()


def test_rounded_corners_are_no_cut_out() -> None:
    case = placed(flat(STUDIO, 0.6), *mug(RED))
    corners = Image.new("L", case.image.size, 255)
    corners.paste(0, (0, 0, 30, 30))
    case.image.putalpha(corners.filter(ImageFilter.GaussianBlur(2)))
    assert cut_out(case.photo).method == "hybrid"


def test_two_products_are_both_kept() -> None:
    """A pair of shoes is one product."""
    ground = flat(STUDIO, 0.6)
    truth = Image.new("L", ground.size)
    for left in (60, 255):
        truth.paste(255, (left, 150, left + 135, 315))
    case = placed(ground, Image.new("RGB", ground.size, RED), truth)
    matte = find_matte(case.image)
    assert matte.alpha is not None
    assert overlap(matte.alpha, case.truth) > 0.97
