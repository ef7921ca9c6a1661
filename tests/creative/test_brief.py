"""Reading a row: every sentence about it, what counts as input, and which changes cost money."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bitable_sync.cells import EMPTY, Attachment, CellValue, Unreadable
from creative.brief import INPUTS, Missing, Shelf, Wrong, input_digest, read_brief
from creative.intake import costs_money, orientations
from creative.model import Brief, PhotoRef
from creative.providers.model import Orientation
from creative.specs import FORMAT_NAMES
from creative.studio.model import Copy
from tests.creative.intake_kit import BRAND, NOW, ROW, SHELF, row


def wrong(**cells: Any) -> list[str]:
    """The sentences about a row."""
    found = read_brief(row(**cells), SHELF)
    assert isinstance(found, Wrong)
    return list(found.sentences)


def read(**cells: Any) -> Brief:
    """The brief of a row."""
    found = read_brief(row(**cells), SHELF)
    assert isinstance(found, Brief)
    return found


def test_a_row_as_a_brief() -> None:
    brief = read(
        title="海报", subline="副", points="· 一\n\n• 二 ", price="¥59", cta="抢", footnote="小字",
        styles=("极简",), remark="木桌", evidence="检测报告", template="上文下图",
    )  # fmt: skip
    assert brief == Brief(
        "海报", Copy("一杯热水\n陪你到下班", "副", ("一", "二"), "¥59", "抢", "小字"),
        "检测报告", "保温杯", BRAND, ("极简",), "木桌", (PhotoRef("box1", "杯.jpg", 1000),),
        ("tmall_main", "qianchuan_wide"), ("上文下图", {"layouts": {}}), 2,
    )  # fmt: skip


def test_what_may_be_left_out() -> None:
    brief = read(variants=EMPTY, photos=EMPTY, product=EMPTY)
    assert (brief.variants, brief.photos, brief.product, brief.template) == (4, (), "", None)
    assert brief.title == "一杯热水 陪你到下班"


@pytest.mark.parametrize(
    ("cells", "sentences"),
    [
        ({"variants": Decimal("2.5")}, ["“版数”要在 1 到 6 之间，现在是 2.5"]),
        ({"variants": Decimal(0)}, ["“版数”要在 1 到 6 之间，现在是 0"]),
        ({"formats": ("天猫主图 800×800", "海报 A4")}, ["不认识的尺寸：海报 A4；请从选项里选"]),
        ({"template": "没有的"}, ["没有叫“没有的”的可用模板；现有：上文下图"]),
        ({"points": "1\n2\n3\n4\n5"}, ["卖点最多 4 条，现在是 5 条；请留下最重要的"]),
        (
            {"photos": tuple(Attachment(f"box{n}", "a.jpg") for n in range(7))},
            ["商品图最多 6 张，现在是 7 张；请删掉多余的"],
        ),
        ({"variants": Unreadable("要写数字")}, ["“版数”读不懂：要写数字"]),
        (
            {"brand": "别家", "template": "没有的", "variants": Decimal(7)},
            [
                "“品牌规范”表里没有“别家”；现有：悦然",
                "没有叫“没有的”的可用模板；现有：上文下图",
                "“版数”要在 1 到 6 之间，现在是 7",
            ],
        ),
    ],
)  # fmt: skip
def test_every_fault_has_its_sentence_and_all_are_told_at_once(
    cells: dict[str, CellValue], sentences: list[str]
) -> None:
    assert wrong(**cells) == sentences


def test_too_many_sizes_and_no_brand_at_all() -> None:
    assert wrong(formats=FORMAT_NAMES[:13]) == ["一次最多 12 个尺寸，现在是 13 个；请分成两行"]
    found = read_brief(ROW, Shelf({}, {}))
    assert isinstance(found, Wrong)
    assert found.sentences == ("“品牌规范”表里没有“悦然”；现有：还没有可用的品牌",)


def test_missing_cells_are_named_in_the_order_of_importance() -> None:
    assert read_brief({"remark": "x"}, SHELF) == Missing(("主标题", "品牌", "尺寸", "需求人"), begun=True)
    assert read_brief({}, SHELF) == Missing(("主标题", "品牌", "尺寸", "需求人"), begun=False)


@pytest.mark.parametrize("key", INPUTS)
def test_every_input_counts_for_the_digest(key: str) -> None:
    assert input_digest(row(**{key: "别的"})) != input_digest(ROW)


def test_what_chorus_fills_in_does_not_count() -> None:
    filled = row(
        status="待审", note="x", results=(Attachment("r"),), cost=Decimal(1), version=Decimal(1), wiki="w",
        final=(Attachment("f"),), deadline=NOW,
    )  # fmt: skip
    assert input_digest(filled) == input_digest(ROW)


# --- what costs money ---


@pytest.mark.parametrize(
    ("change", "costs"),
    [
        ({"headline": "新"}, False),
        ({"price": "¥1"}, False),
        ({"template": "上文下图"}, False),
        ({"photos": EMPTY}, False),
        ({"variants": Decimal(1)}, False),
        ({"formats": ("京东场景图 800×800",)}, False),
        ({"formats": ("天猫主图 800×800", "千川横图 1280×720", "天猫白底图 800×800")}, False),
        ({"variants": Decimal(3)}, True),
        ({"formats": ("天猫主图 800×800", "竖版海报 1080×1920")}, True),
        ({"product": "马克杯"}, True),
        ({"styles": ("极简",)}, True),
        ({"remark": "木桌"}, True),
    ],
)
def test_only_what_changes_backgrounds_costs_money(change: dict[str, CellValue], costs: bool) -> None:
    assert costs_money(read(), read(**change)) is costs


def test_another_tone_of_the_brand_costs_money_and_another_colour_does_not() -> None:
    brief = read()
    assert costs_money(brief, replace(brief, brand=replace(BRAND, tone="冷静")))
    assert not costs_money(brief, replace(brief, brand=replace(BRAND, colours={"primary": "#000000"})))


def test_formats_of_one_orientation_share_a_background_and_white_needs_none() -> None:
    assert orientations(read()) == (Orientation.SQUARE, Orientation.LANDSCAPE)
    assert orientations(read(formats=("天猫白底图 800×800", "天猫透明图 800×800"))) == ()
    tall = ("竖版海报 1080×1920", "天猫竖版主图 750×1000", "详情页首屏 790×1200")
    assert orientations(read(formats=tall)) == (Orientation.PORTRAIT,)
