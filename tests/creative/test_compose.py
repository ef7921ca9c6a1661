"""Pictures are composed as promised: legible, whole, in their order, the same again."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from creative.studio import contrast, draw, gallery_art, signs
from creative.studio.compose import Studio, compose
from creative.studio.formats import FORMATS
from creative.studio.layout import defaults
from creative.studio.model import Composition, Copy, Format, Ground, Insets, Palette, Slot
from creative.studio.stage import FOCI, frame, overlap
from tests.creative.samples import CLOUD, CREAM, LONG, MIXED, SERUM, SERUM_COPY, block, chequered

SHAPES = ("tmall_main", "tmall_portrait", "poster", "qianchuan_wide", "banner")
TEXT, MARK = "文字", "标识"


def made(
    copy=SERUM_COPY, look=SERUM, product=None, scene=None, fmt="tmall_main", template="left_text", **more
) -> Composition:
    small = FORMATS[fmt] if isinstance(fmt, str) else fmt
    return compose(copy, look, product, scene, small, defaults()[template], **more)


def half(fmt: str) -> Format:
    """A format at half its size; the layout is the same and it is painted four times as fast."""
    return replace(FORMATS[fmt], width=FORMATS[fmt].width // 2, height=FORMATS[fmt].height // 2)


@cache
def standard(fmt: str, template: str) -> Composition:
    """Product, full copy and label on a picture that is restless everywhere."""
    scene = gallery_art.leaves((500, 500))
    return made(SERUM_COPY, SERUM, gallery_art.bottle(), scene, half(fmt), template, mark="AI生成")


def reasons(composition: Composition) -> set[str]:
    return {fault.reason for fault in composition.faults}


def texts(composition: Composition):
    return [layer for layer in composition.layers if layer.slot]


def layer(composition: Composition, name: str):
    return next(one for one in composition.layers if one.name == name)


every = pytest.mark.parametrize(("fmt", "template"), [(f, t) for f in SHAPES for t in defaults()])


@every
def test_a_full_copy_is_composed_without_fault_in_every_template_and_shape(fmt: str, template: str) -> None:
    composition = standard(fmt, template)
    assert composition.faults == ()
    wanted = (half(fmt).width, half(fmt).height)
    assert (composition.width, composition.height) == composition.flat.size == wanted
    assert {one.slot for one in texts(composition)} == set(SERUM_COPY.slots())


@every
def test_every_text_reads_on_the_pixels_under_it(fmt: str, template: str) -> None:
    composition = standard(fmt, template)
    assert set(composition.contrasts) == set(SERUM_COPY.slots())
    assert min(composition.contrasts.values()) >= contrast.TARGET
    ground = Image.new("RGB", composition.flat.size)
    for one in composition.layers:
        if one.slot and not one.name.endswith("底") and one.text and one.box:
            reached = contrast.measure(ground, one.box, one.text.colour)
            assert reached >= contrast.TARGET * 0.9, (
                one.name
            )  # the pill's box also holds what is round its corners
        ground.paste(one.image, (one.left, one.top), one.image)


@every
def test_texts_stay_in_the_frame_and_off_the_product(fmt: str, template: str) -> None:
    composition = standard(fmt, template)
    room = frame(half(fmt), SERUM).grown(1).box
    product = layer(composition, "商品").box
    for one in texts(composition):
        assert one.box[0] >= room[0], one.name
        assert one.box[1] >= room[1], one.name
        assert one.box[2] <= room[2], one.name
        assert one.box[3] <= room[3], one.name
        assert not overlap(one.box, product), one.name


@every
def test_the_label_is_large_enough_and_free(fmt: str, template: str) -> None:
    composition = standard(fmt, template)
    mark = layer(composition, "AI标识")
    alpha = np.asarray(mark.image.getchannel("A"))
    core = np.asarray(mark.image.convert("RGB"), dtype=int)
    fill = np.array(mark.text.colour)
    letters = (np.abs(core - fill).sum(axis=2) < 60) & (alpha > 120)
    rows = np.flatnonzero(letters.any(axis=1))
    assert rows[-1] - rows[0] + 1 >= 0.05 * min(composition.flat.size)
    assert alpha.max() >= 0.7 * 255
    others = [one.box for one in composition.layers if one.box and one is not mark]
    assert not any(overlap(mark.box, box) for box in others)


@every
def test_layers_painted_again_give_the_flat_picture(fmt: str, template: str) -> None:
    composition = standard(fmt, template)
    again = Image.new("RGB", composition.flat.size)
    for one in composition.layers:
        again.paste(one.image, (one.left, one.top), one.image)
    assert ImageChops.difference(again, composition.flat).getbbox() is None
    order = [one.group for one in composition.layers]
    assert order[0] == "背景"
    assert order[-1] == MARK
    assert max(i for i, g in enumerate(order) if g == "背景") < min(
        i for i, g in enumerate(order) if g == "商品"
    )
    assert max(i for i, g in enumerate(order) if g == "商品") < min(
        i for i, g in enumerate(order) if g == TEXT
    )


@pytest.mark.parametrize("template", defaults())
@pytest.mark.parametrize("fmt", SHAPES)
def test_even_black_and_white_squares_are_made_readable(fmt: str, template: str) -> None:
    composition = made(MIXED, CLOUD, block(), chequered((400, 400)), half(fmt), template)
    assert "contrast" not in reasons(composition)


def test_the_same_arguments_give_the_same_pixels() -> None:
    studio = Studio()
    arguments = (CREAM, CLOUD, gallery_art.jar(), None, FORMATS["tmall_main"], defaults()["detail"])
    first = studio.compose(*arguments, seed=1)
    studio.compose(CREAM, CLOUD, block(), None, FORMATS["tmall_main"], defaults()["detail"])
    assert studio.compose(*arguments, seed=1).flat.tobytes() == first.flat.tobytes()
    assert compose(*arguments, seed=1).flat.tobytes() == first.flat.tobytes()


def test_four_variants_look_different() -> None:
    small = [made(product=block(), template="big_price", seed=n).flat.resize((32, 32)) for n in range(4)]
    for index, one in enumerate(small):
        for other in small[index + 1 :]:
            assert np.abs(np.asarray(one, int) - np.asarray(other, int)).mean() > 3


@pytest.mark.parametrize("size", [(400, 500), (900, 200), (150, 900), (3000, 3000)])
def test_a_product_keeps_its_proportions_and_its_pixels(size) -> None:
    composition = made(product=block(*size))
    shown = layer(composition, "商品")
    assert shown.image.width / shown.image.height == pytest.approx(size[0] / size[1], rel=0.02)
    middle = shown.left + shown.image.width // 2, shown.top + shown.image.height // 2
    assert composition.flat.getpixel(middle) == (40, 90, 160)


def test_a_small_photo_is_not_blown_up_and_said_so() -> None:
    composition = made(product=block(90, 110))
    assert layer(composition, "商品").image.width == 180
    assert any("90×110 像素" in note for note in composition.notes)


def test_a_photo_that_could_not_be_cut_stands_in_a_rounded_card() -> None:
    composition = made(product=gallery_art.photo((800, 600)), fmt="tmall_portrait", template="top_text")
    card = layer(composition, "商品").image
    assert card.getchannel("A").getpixel((0, 0)) == 0
    assert card.getchannel("A").getpixel((card.width // 2, card.height // 2)) == 255
    assert any("抠" in note for note in composition.notes)


def test_an_empty_text_takes_no_room_and_leaves_no_layer() -> None:
    composition = made(Copy("云朵一样轻"), CLOUD)
    assert [one.slot for one in texts(composition)] == [Slot.HEADLINE]
    assert not any(one.name in {"AI标识", "色块"} for one in composition.layers)


def test_a_long_copy_still_fits_the_templates_made_for_it() -> None:
    assert made(LONG, product=gallery_art.gift(), fmt="poster", template="big_price").faults == ()


def test_too_long_a_text_is_a_fault_that_names_text_and_format() -> None:
    composition = made(Copy("年终好物节" * 30), product=block())
    fault = next(one for one in composition.faults if one.reason == "overflow")
    assert fault.slot is Slot.HEADLINE
    assert fault.sentence == "天猫主图 800×800：主标题太长（150 字），用最小字号也放不下；请删短"


def test_characters_without_a_glyph_are_named() -> None:
    composition = made(Copy("新春😀大吉", subline="\U00030000"))
    assert [(fault.reason, fault.slot) for fault in composition.faults] == [
        ("emoji", Slot.HEADLINE),
        ("glyph", Slot.SUBLINE),
    ]
    assert composition.faults[0].sentence.startswith("主标题里有表情符号“😀”")


def test_white_ground_holds_the_product_alone_in_the_middle() -> None:
    composition = made(product=block(500, 500), fmt="tmall_white", mark="AI生成")
    assert composition.faults == ()
    pixels = np.asarray(composition.flat)
    product = (pixels != 255).any(axis=2)
    rows, columns = np.flatnonzero(product.any(axis=1)), np.flatnonzero(product.any(axis=0))
    assert abs(rows[0] - (799 - rows[-1])) <= 1
    assert abs(columns[0] - (799 - columns[-1])) <= 1
    assert (pixels[product] == (40, 90, 160)).all()  # no shadow, no text, no label


@pytest.mark.parametrize("size", [(500, 400), (300, 700)])
def test_jd_wants_the_long_side_within_ten_pixels_of_the_edge(size) -> None:
    product = (np.asarray(made(product=block(*size), fmt="jd_main").flat) != 255).any(axis=2)
    long = product.any(axis=0) if size[0] > size[1] else product.any(axis=1)
    assert 0 < np.flatnonzero(long)[0] <= 10
    assert 0 < 799 - np.flatnonzero(long)[-1] <= 10


def test_a_thin_subject_is_refused_on_white() -> None:
    composition = made(product=block(60, 700), fmt="tmall_white")
    assert reasons(composition) == {"small_subject"}


def test_clear_ground_is_transparent_around_the_product() -> None:
    flat = made(product=gallery_art.glass(), fmt="tmall_clear").flat
    assert flat.mode == "RGBA"
    assert flat.getpixel((0, 0))[3] == 0
    assert 0 < flat.getpixel((400, 600))[3] < 255  # glass stays half transparent


@pytest.mark.parametrize("fmt", [key for key, fmt in FORMATS.items() if fmt.ground is not Ground.SCENE])
def test_a_ground_without_scene_needs_a_cut_product(fmt: str) -> None:
    assert reasons(made(fmt=fmt)) == {"no_product"}
    assert reasons(made(product=gallery_art.photo((800, 600)), fmt=fmt)) == {"not_cut"}


def test_a_logo_is_drawn_in_the_variant_for_its_ground() -> None:
    light, dark = (Image.new("RGBA", (300, 100), colour) for colour in ((255, 255, 255, 255), (9, 9, 9, 255)))
    look = replace(SERUM, logo=light, logo_dark=dark)
    for ground, wanted in (((250, 250, 250), (9, 9, 9)), ((10, 10, 10), (255, 255, 255))):
        composition = made(look=look, scene=Image.new("RGB", (900, 900), ground))
        shown = layer(composition, "品牌标识")
        assert shown.image.getpixel((5, 5))[:3] == wanted
        assert shown.image.width / shown.image.height == pytest.approx(3, rel=0.05)


def test_nothing_stands_in_the_clear_space_of_a_logo() -> None:
    composition = standard("tmall_main", "left_text")
    left, top, right, bottom = layer(composition, "品牌标识").box
    clear = round((bottom - top) * signs.CLEAR)
    zone = (left, top, right + clear, bottom + clear)
    assert not any(overlap(zone, one.box) for one in texts(composition))


def test_only_the_background_is_cropped() -> None:
    scene = Image.new("RGB", (2000, 500), (200, 200, 200))
    composition = made(Copy("春"), CLOUD, block(), scene)
    back = composition.layers[0]
    assert back.image.size == (800, 800)
    assert back.image.getpixel((400, 790))[:3] == (200, 200, 200)


SIDES = st.integers(1, 700)


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(FOCI))
def test_any_picture_fills_any_canvas(wide, high, width, height, focus) -> None:
    filled = draw.cover(Image.new("RGB", (wide, high), (10, 200, 30)), (width, height), focus)
    assert filled.size == (width, height)
    assert filled.getextrema() == ((10, 10), (200, 200), (30, 30))


@pytest.mark.parametrize("template", defaults())
def test_light_here_and_dark_there_does_not_spoil_one_another(template: str) -> None:
    """Neighbouring columns on opposite grounds: their veils meet."""
    scene = Image.new("RGB", (400, 400), (245, 245, 240))
    scene.paste(chequered((400, 210)), (0, 190))
    scene.paste((20, 20, 26), (0, 300, 400, 400))
    for fmt in ("tmall_main", "poster"):
        composition = made(SERUM_COPY, SERUM, gallery_art.bottle(), scene, half(fmt), template, mark="AI生成")
        assert composition.faults == ()


def test_a_channel_without_room_reports_instead_of_drawing_over() -> None:
    tight = replace(FORMATS["tmall_main"], safe=Insets(top=0.42, bottom=0.42))
    assert {"overflow"} <= reasons(made(LONG, product=block(), fmt=tight, mark="AI生成"))


def test_a_brand_whose_colours_are_all_alike_still_reads() -> None:
    grey = replace(SERUM, palette=Palette(*[(128, 128, 128)] * 5))
    composition = made(look=grey, product=block(), template="big_price")
    assert min(composition.contrasts.values()) >= contrast.TARGET
    assert "contrast" not in reasons(composition)


def test_live_texts_say_what_was_drawn() -> None:
    composition = standard("tmall_main", "left_text")
    headline = layer(composition, "主标题")
    assert "".join(line.text for line in headline.text.lines) == "熬夜也有好状态"
    assert headline.text.weight == 900
    for line in headline.text.lines:
        assert headline.top <= line.baseline <= headline.top + headline.image.height
        assert abs(line.x - headline.left) <= headline.text.size * 0.2
