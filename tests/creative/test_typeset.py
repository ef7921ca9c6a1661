"""Chinese is broken where it may be, as large as it fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

from creative.studio import breaking
from creative.studio.fonts import SANS, Typeface
from creative.studio.typeset import Setting, fit

BASIC = Typeface(ImageFont.Layout.BASIC)
HEADLINE = Setting(weight=900, leading=1.2, most=3)
COPY = st.text(
    st.sampled_from("年货节好物推荐，。！？、：；（）《》「」￥¥%～…—满减包邮 019.ABab\n"), max_size=40
)


def texts(block) -> list[str]:
    return [line.text for line in block.lines]


def set_in(text, width, setting=HEADLINE, smallest=20.0, largest=100.0, height=1000.0):
    return fit(text, setting, width=width, height=height, smallest=smallest, largest=largest)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("限时￥1,999起，", ["限", "时", "￥1,999", "起，"]),
        ("（新品）上市！", ["（新", "品）", "上", "市！"]),
        ("6月1日8:00开抢", ["6月", "1日", "8:00", "开", "抢"]),
        ("买2件打8.5折", ["买", "2件", "打", "8.5折"]),
        ("充电 10 分钟听 5 小时", ["充", "电", " ", "10 分钟", "听", " ", "5 小时"]),
        ("直降50%——真的……", ["直", "降", "50%——", "真", "的……"]),
        ("Apple Watch同款", ["Apple", " ", "Watch", "同", "款"]),
        ("256GB只要¥99", ["256GB", "只", "要", "¥99"]),
    ],
)
def test_units_that_are_never_torn_apart(text: str, units: list[str]) -> None:
    assert breaking.split(text) == units


@given(COPY, st.integers(150, 700))
def test_no_line_begins_or_ends_with_a_forbidden_mark(text: str, width: int) -> None:
    block = set_in(text, width, Setting(weight=700, most=40))
    if block.overflow:
        return
    for above, line in zip(block.lines, block.lines[1:], strict=False):
        if line.first:
            continue  # the operator broke here
        assert line.text[:1] not in breaking.NO_START
        assert above.text[-1:] not in breaking.NO_END


@given(COPY, st.integers(150, 700))
def test_no_character_is_lost(text: str, width: int) -> None:
    block = set_in(text, width, Setting(weight=700, most=60))
    kept = [c for c in text if not c.isspace()]
    assert [c for c in "".join(texts(block)) if not c.isspace()] == kept


@pytest.mark.parametrize("face", [SANS, BASIC], ids=["default", "basic"])
@given(text=COPY, width=st.integers(150, 700), height=st.integers(60, 400))
def test_what_is_said_to_fit_fits(face: Typeface, text: str, width: int, height: int) -> None:
    setting = Setting(weight=900, leading=1.2, most=3, face=face)
    block = fit(text, setting, width=width, height=height, smallest=14, largest=120)
    if not block.overflow:
        assert block.width <= width + 0.5
        assert block.height <= height + 0.5
        assert len(block.lines) <= 3
        assert 14 <= block.size <= 120


def test_a_short_text_takes_its_largest_size_and_a_long_one_less() -> None:
    assert set_in("初雪", 600).size == 100
    assert set_in("年终好物节全场满300减50会员再享95折", 600).size < 100


def test_lines_are_even_and_none_is_a_single_character() -> None:
    assert texts(set_in("夏日焕新限时三天", 500, smallest=90)) == ["夏日焕新", "限时三天"]
    assert min(len(line) for line in texts(set_in("全场好物低至五折起买", 560, smallest=90))) > 1


def test_lines_end_where_a_reader_pauses_when_that_costs_little() -> None:
    assert texts(set_in("一分钟，水就开了", 460, smallest=60)) == ["一分钟，", "水就开了"]
    assert texts(set_in("加绒加厚 冬季新款卫衣", 640, smallest=60)) == ["加绒加厚", "冬季新款卫衣"]


def test_a_word_is_not_torn_when_that_costs_little() -> None:
    assert texts(set_in("年终好物节会员折上再享", 640, smallest=40)) == ["年终好物节", "会员折上再享"]
    assert texts(set_in("年终好物节会员折上再享", 480, smallest=40)) == ["年终好物节", "会员折", "上再享"]
    torn = set_in("会员", 110, smallest=90)
    assert (texts(torn), torn.overflow) == (["会", "员"], False)


def test_a_break_the_operator_typed_is_kept() -> None:
    assert texts(set_in("早\n安", 600)) == ["早", "安"]
    assert [line.first for line in set_in("早安\n晚安", 600).lines] == [True, True]


def test_a_slightly_smaller_text_on_one_line_is_preferred() -> None:
    block = set_in("熬夜也有好状态", 640)
    assert len(block.lines) == 1
    assert block.size > 84


def test_too_long_a_text_is_reported_and_still_shown_whole() -> None:
    block = set_in("很长的文案" * 30, 200, smallest=40)
    assert block.overflow
    assert "".join(texts(block)) == "很长的文案" * 30
    assert block.size == 40


def test_a_word_longer_than_the_line_is_broken_by_letters() -> None:
    block = set_in(
        "Donaudampfschifffahrtsgesellschaft", 200, Setting(weight=700, most=9), smallest=40, largest=40
    )
    assert not block.overflow
    assert all(line.width <= 200.5 for line in block.lines)


def test_numbers_are_larger_and_marked() -> None:
    block = set_in("¥199起", 900, Setting(weight=900, most=1, number=2.0), largest=50)
    sizes = {run.text: (run.size, run.number) for run in block.lines[0].runs}
    assert sizes == {"¥": (50, False), "199": (100, True), "起": (50, False)}
    assert block.lines[0].baseline > 50  # the line makes room for its digits


def test_separators_vanish_at_the_ends_of_lines() -> None:
    block = set_in("双层防烫 ｜ 五档控温 ｜ 静音沸腾", 520, Setting(most=3), smallest=50, largest=50)
    assert texts(block) == ["双层防烫 ｜ 五档控温", "静音沸腾"]


def test_an_empty_text_takes_no_room() -> None:
    assert set_in("", 300).width == 0
