"""Contrast is WCAG's, over the pixels where a text reads worst."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from creative.studio import contrast, ground
from creative.studio.model import Palette
from tests.creative.samples import chequered

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ((0, 0, 0), (255, 255, 255), 21.0),
        ((255, 255, 255), (255, 255, 255), 1.0),
        ((119, 119, 119), (255, 255, 255), 4.48),  # the grey known to miss AA by a hair
        ((118, 118, 118), (255, 255, 255), 4.54),
        ((255, 0, 0), (255, 255, 255), 4.0),
    ],
)
def test_the_ratio_is_that_of_wcag(one, other, wanted) -> None:
    assert contrast.ratio(one, other) == pytest.approx(wanted, abs=0.01)


@given(COLOURS, COLOURS)
def test_the_ratio_does_not_depend_on_order(one, other) -> None:
    assert contrast.ratio(one, other) == pytest.approx(contrast.ratio(other, one))
    assert 1.0 <= contrast.ratio(one, other) <= 21.0


def test_a_bright_corner_decides_although_the_mean_is_dark() -> None:
    picture = Image.new("RGB", (200, 100), (10, 10, 10))
    picture.paste((250, 250, 250), (0, 0, 40, 100))
    assert contrast.measure(picture, (0, 0, 200, 100), (255, 255, 255)) < 1.2
    assert contrast.measure(picture, (60, 0, 200, 100), (255, 255, 255)) > 15


def test_a_box_beyond_the_picture_is_cut_to_it() -> None:
    picture = Image.new("RGB", (50, 50), (0, 0, 0))
    assert contrast.measure(picture, (-20, -20, 500, 500), (255, 255, 255)) == pytest.approx(21, abs=0.1)


@given(COLOURS, st.integers(0, 2**32 - 1))
def test_a_veil_is_as_thin_as_it_may_be(text, seed) -> None:
    pixels = np.random.default_rng(seed).uniform(0, 255, (60, 3)).astype(np.float32)
    cover = (0, 0, 0)
    opacity = contrast.veil(pixels, text, cover)
    if opacity is None:
        assert contrast.ratio(text, cover) < contrast.TARGET + 0.1
        return
    over = np.array(cover, np.float32)
    assert contrast.worst(pixels + (over - pixels) * np.float32(opacity), text) >= contrast.TARGET
    if opacity > 0:
        thinner = pixels + (over - pixels) * np.float32(opacity - 1 / 32)
        assert contrast.worst(thinner, text) < contrast.TARGET


@given(COLOURS, COLOURS)
def test_a_colour_is_moved_no_further_than_needed(colour, on) -> None:
    moved, share = contrast.readable(colour, on)
    assert contrast.ratio(moved, on) >= contrast.TARGET
    assert (share == 0) == (contrast.ratio(colour, on) >= contrast.TARGET)


def test_a_colour_that_would_have_to_change_too_much_stays_and_says_so() -> None:
    assert contrast.readable((250, 240, 200), (255, 255, 255), most=0.2) == ((250, 240, 200), float("inf"))


@given(COLOURS, COLOURS, COLOURS, COLOURS, st.integers(0, 2**32 - 1))
def test_any_brand_reads_on_any_ground(primary, secondary, ink, paper, seed) -> None:
    """Whatever the palette, some text colour and veil reach the target."""
    palette = Palette(primary, secondary, (200, 60, 40), ink, paper)
    pixels = np.random.default_rng(seed).uniform(0, 255, (50, 3)).astype(np.float32)
    reading = ground.read([pixels], palette)
    over = np.array(reading.cover, np.float32)
    veiled = pixels + (over - pixels) * np.float32(reading.opacity)
    assert contrast.worst(veiled, reading.text) >= contrast.TARGET


def test_a_pattern_is_restless_and_a_wall_is_not() -> None:
    pattern = contrast.sample(chequered((300, 300)), (0, 0, 300, 300))
    assert ground.restless(pattern)
    assert not ground.restless(np.full((100, 3), 128, np.float32))
