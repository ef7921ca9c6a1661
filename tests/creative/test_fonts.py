"""The bundled faces draw what a shop writes, and name what they cannot."""

from __future__ import annotations

import pytest
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont, features

from creative.studio import fonts

GB2312_HANZI = [
    bytes((high, low)).decode("gb2312")
    for high in range(0xB0, 0xF8)
    for low in range(0xA1, 0xFF)
    if not (high == 0xD7 and low > 0xF9)
]


@pytest.mark.parametrize("weight", fonts.FILES)
def test_each_weight_has_every_hanzi_of_gb2312(weight: fonts.Weight) -> None:
    with TTFont(fonts.FILES[weight], lazy=True) as font:
        covered = font.getBestCmap()
    assert len(GB2312_HANZI) == 6763
    assert [c for c in GB2312_HANZI if ord(c) not in covered] == []


@pytest.mark.parametrize("weight", fonts.FILES)
def test_a_weight_stays_small_and_keeps_its_features(weight: fonts.Weight) -> None:
    path = fonts.FILES[weight]
    with TTFont(path, lazy=True) as font:
        positions = {record.FeatureTag for record in font["GPOS"].table.FeatureList.FeatureRecord}
        assert {"kern", "palt", "halt"} <= positions
        assert "vert" in {record.FeatureTag for record in font["GSUB"].table.FeatureList.FeatureRecord}
        assert "Source" not in str(font["name"].getDebugName(1))  # the Reserved Font Name of its licence
    assert path.stat().st_size < 3_000_000


def test_the_licence_lies_beside_the_fonts() -> None:
    text = (fonts.FILES[400].parent / "LICENSE.md").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text


def test_what_shops_write_is_drawn_by_the_family_itself() -> None:
    signs = "¥￥™®©℃№★✓①⑳…—·％‰→↑●◆～「」《》【】αβのカàéü²³½×÷≥㎡"
    assert [c for c in signs if not fonts.has(c)] == []
    assert fonts.missing("年货节 ¥199 起！" + signs) == ()


def test_a_rare_hanzi_comes_from_the_second_font() -> None:
    assert fonts.pieces("丽乗霞") == (
        fonts.Piece("丽", fallback=False),
        fonts.Piece("乗", fallback=True),
        fonts.Piece("霞", fallback=False),
    )
    assert fonts.missing("丽乗霞") == ()


def test_what_no_font_has_is_named_once() -> None:
    assert fonts.missing("新春😀大吉😀\U00030000") == ("😀", "\U00030000")
    assert fonts.is_emoji("😀")
    assert not fonts.is_emoji("\U00030000")


def test_invisible_characters_do_not_count_as_missing() -> None:
    assert fonts.clean("春\u200b节\ufe0f\r\n快　乐\u00a0！\n") == "春节\n快 乐 ！"
    assert fonts.missing("春\u200b节\ufe0f") == ()


@pytest.mark.skipif(not features.check("raqm"), reason="needs the system's libfribidi")
def test_punctuation_is_half_as_wide_with_raqm_and_whole_without() -> None:
    text = "「限时」，抢购！"
    assert fonts.SANS.length(text, 700, 100) == pytest.approx(600)
    assert fonts.Typeface(ImageFont.Layout.BASIC).length(text, 700, 100) == pytest.approx(800)


def test_heavier_weights_put_down_more_ink() -> None:
    def ink(weight: fonts.Weight) -> int:
        mask = Image.new("L", (420, 130))
        ImageDraw.Draw(mask).text(
            (5, 110), "国泰民安", fill=255, font=fonts.SANS.font(weight, 100), anchor="ls"
        )
        return sum(value * count for value, count in enumerate(mask.histogram()))

    assert ink(400) < ink(700) < ink(900)
