"""Painted backgrounds: always the same, of the brand's colours, calm in the middle, without bands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from creative.studio.backdrop import Family, paint_backdrop
from creative.studio.model import Palette

BRAND = Palette(primary=(20, 90, 60), secondary=(243, 239, 226), accent=(214, 160, 60))
SIZE = (270, 480)


@pytest.mark.parametrize("family", Family)
def test_the_same_seed_is_the_same_picture(family: Family) -> None:
    one, again = (paint_backdrop(SIZE, BRAND, 5, family) for _ in range(2))
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != paint_backdrop(SIZE, BRAND, 6, family).tobytes()


def test_seeds_show_all_families() -> None:
    """Painted without a family, a picture is one of those painted with one."""
    known = {
        family: {paint_backdrop((24, 32), BRAND, seed, family).tobytes() for seed in range(24)}
        for family in Family
    }
    seen = {
        family for seed in range(24) for family in Family
        if paint_backdrop((24, 32), BRAND, seed).tobytes() in known[family]
    }  # fmt: skip
    assert seen == set(Family)


@given(st.integers(1, 200), st.integers(1, 200), st.integers(-(2**70), 2**70))
@settings(max_examples=40)
def test_any_size_and_seed(width: int, height: int, seed: int) -> None:
    image = paint_backdrop((width, height), BRAND, seed)
    assert (image.mode, image.size) == ("RGB", (width, height))


@pytest.mark.parametrize("family", Family)
def test_the_middle_is_calm(family: Family) -> None:
    """Steps between neighbours are small in the middle two fifths, where the product stands."""
    for seed in range(6):
        image = paint_backdrop((540, 720), BRAND, seed, family).resize((135, 180), Image.Resampling.BOX)
        middle = np.asarray(image.convert("L"), np.float32)[54:126, 40:95]
        steps = np.abs(np.diff(middle, axis=0)).mean() + np.abs(np.diff(middle, axis=1)).mean()
        assert steps < 3
        assert middle.std() < 22


@pytest.mark.parametrize("family", Family)
def test_it_is_no_flat_colour(family: Family) -> None:
    pixels = np.asarray(paint_backdrop(SIZE, BRAND, 3, family), np.float32)
    assert pixels.std(axis=(0, 1)).max() > 2


def test_bands_are_dithered_away() -> None:
    """Means of small blocks lie between whole levels; in a picture with bands nearly all would be whole."""
    image = np.asarray(paint_backdrop((512, 1024), BRAND, 2, Family.STUDIO), np.float32)[..., 1]
    means = image.reshape(64, 16, 32, 16).mean(axis=(1, 3))
    between = np.abs(means - np.rint(means)) > 0.05
    assert between.mean() > 0.8


def test_the_brands_colours_are_in_it() -> None:
    """Over some seeds the mean colours cluster at the brand's: green, cream, or tints of green and gold."""
    for seed in range(12):
        red, green, blue = np.asarray(paint_backdrop(SIZE, BRAND, seed), np.float32).mean(axis=(0, 1))
        assert red > blue or green > blue  # nothing of a green and gold brand is blue


def test_nothing_can_be_painted_on_nothing() -> None:
    with pytest.raises(ValueError, match="1×1"):
        paint_backdrop((0, 10), BRAND, 1)
