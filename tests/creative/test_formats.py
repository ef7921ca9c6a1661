"""The table of formats is complete, and what people pick is found."""

from __future__ import annotations

import pytest

from creative.studio.formats import FORMATS, by_name, orientation
from creative.studio.model import Ground, Shape


def test_every_channel_and_every_shape_is_there() -> None:
    channels = {"天猫", "京东", "抖音", "千川", "朋友圈", "小红书", "公众号", "通用"}
    assert channels <= {fmt.channel for fmt in FORMATS.values()}
    assert {fmt.shape for fmt in FORMATS.values()} == set(Shape)
    assert len(FORMATS) >= 20


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.key)
def test_a_name_says_its_size_and_leads_back_to_the_format(fmt) -> None:
    assert fmt.name.endswith(f" {fmt.width}×{fmt.height}")
    assert by_name(f" {fmt.name} ") is fmt
    assert 0 <= fmt.least < fmt.most
    assert "2026" in fmt.note


def test_names_and_keys_are_unique() -> None:
    assert len({fmt.name for fmt in FORMATS.values()}) == len(FORMATS)
    assert all(key == fmt.key for key, fmt in FORMATS.items())


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"没有尺寸“方图”.*天猫主图 800×800"):
        by_name("方图")


def test_the_white_ground_of_tmall_has_its_window_of_bytes() -> None:
    white = by_name("天猫白底图 800×800")
    assert (white.ground, white.file, white.least, white.most) == (
        Ground.WHITE,
        "jpeg",
        38 * 1024,
        300 * 1024,
    )


def test_transparency_is_never_asked_of_a_jpeg() -> None:
    assert all(fmt.file != "jpeg" for fmt in FORMATS.values() if fmt.ground is Ground.CLEAR)


def test_short_video_keeps_its_buttons_free() -> None:
    safe = by_name("千川竖图 1080×1920").safe
    assert (round(safe.top * 1920), round(safe.bottom * 1920)) == (250, 340)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        (Shape.SQUARE, "square"),
        (Shape.PORTRAIT, "portrait"),
        (Shape.TALL, "portrait"),
        (Shape.WIDE, "landscape"),
        (Shape.BANNER, "landscape"),
    ],
)
def test_formats_of_one_orientation_share_a_background(shape: Shape, wanted: str) -> None:
    assert orientation(shape) == wanted
