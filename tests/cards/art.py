"""Cards of images: a request in every state, its forms, a search. Pictures: docs/images/gallery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bitable_sync.cells import Person
from creative.cards import request_card, search_card
from creative.model import BrandRules, Brief, Cause, Request, State, Variant, Version
from creative.search import Asset
from creative.studio.model import Copy
from creative.views import COPY, REDO, ArtView
from runtime.ids import OpenId
from tests.cards.shown import Shown

GROUP = ("素材", "Images")
NOW = datetime(2026, 11, 28, 6, 20, tzinfo=UTC)
ASKER, DESIGNER = Person(OpenId("ou_chen"), "陈晓雯"), Person(OpenId("ou_xu"), "徐然")
COPY_TEXT = Copy("一滴清透", "植物精华液 30ml", ("质地轻盈", "无香精"), "到手价 ¥129", "立即抢购")
BRIEF = Brief(
    "植物精华主图", COPY_TEXT, "", "植物精华液", BrandRules("悦然"), ("森林",), "晨光、水珠", (),
    ("jd_scene", "poster_tall", "wide"), None, 2,
)  # fmt: skip
REQUEST = Request(
    "rec1", State.REVIEW, 1, 3, "", "植物精华主图", ASKER, DESIGNER, (),
    "第 1 次：2 版，请在卡片上定稿或重做\n精华.png：边缘有一点原来的背景，已自动清理\n"
    "竖版海报：标题自动缩小了一号",
    None, None, "", NOW,
)  # fmt: skip
VERSION = Version("rec1:1", "rec1", 1, Cause.NEW, BRIEF, "", "rec1:1", "ou_chen", NOW, (), {})
WIKI = "https://yueran.example.cn/wiki/wik1"


def variant(number: int, template: str, picture: str) -> Variant:
    """A finished variant."""
    return Variant("rec1:1", number, template, "blob", image_key=picture)


VARIANTS = (variant(1, "左文右图", "serum-main"), variant(2, "上文下图", "serum-main-2"))


def view(**changes: Any) -> ArtView:
    """A request whose variants stand in the row."""
    shown = ArtView(REQUEST, VERSION, VARIANTS, {1: 3, 2: 3}, Decimal("0.50"), ("doubao-seedream-4-5",))
    return replace(shown, **changes)


def at(state: State, note: str, **changes: Any) -> Request:
    """The request in another state."""
    return replace(REQUEST, state=state, note=note, **changes)


def asset(number: int, title: str, form: str, picture: str) -> Asset:
    """An archived picture."""
    return Asset(
        f"a{number}", f"r{number}", title, "", form, "竖图", "悦然", "", "", "", WIKI,
        NOW - timedelta(days=number), image_key=picture,
    )  # fmt: skip


def cards() -> Iterator[Shown]:
    """Every card of images."""
    refused = (
        "主标题：“全网最低价”不能用（《广告法》第九条：绝对化用语），可以改成“到手价 ¥129”\n"
        "卖点：“无香精”需要依据，请填“依据”"
    )
    four = (*VARIANTS, variant(3, "满版大图", "serum-portrait"), variant(4, "居中", "serum-main"))
    final = at(State.FINAL, "已定稿第 2 版，正在归档到知识库", chosen=2)
    archived = at(State.ARCHIVED, "第 2 版已归档", chosen=2, wiki=WIKI)
    fault = ("请写明哪里不满意，图像模型要照着改", "Please say what should be different")
    views = (
        ("draft", "草稿", "Draft", view(request=at(State.DRAFT, "还是草稿；在表格里清空“状态”就会开始"))),
        ("revise", "文案待修改", "Copy to be changed", view(request=at(State.REVISE, refused))),
        ("making", "生成中", "Being made", view(request=at(State.MAKING, "正在生成，通常几分钟"))),
        ("review", "待审：两版", "Review: two variants", view()),
        ("review-four", "待审：四版", "Review: four variants",
         view(variants=four, files={1: 3, 2: 3, 3: 3, 4: 2}, cost=Decimal("1.00"))),
        ("redo", "重做：填写", "Redo: the form", view(form=REDO)),
        ("redo-fault", "重做：没有写原因", "Redo: no reason",
         view(form=REDO, fault=fault, typed={"reason": ""})),
        ("copy", "改文案：填写", "Change copy: the form", view(form=COPY)),
        ("replaced", "旧的一次", "An older round", view(request=at(State.REVIEW, REQUEST.note, version=2))),
        ("final", "已定稿", "Chosen", view(request=final)),
        ("archived", "已归档", "Archived", view(request=archived)),
        ("failed", "失败", "Failed",
         view(request=at(State.FAILED, "三家图像模型都没有回应，没有产生费用；稍后会再试一次"))),
        ("cancelled", "已取消", "Cancelled", view(request=at(State.CANCELLED, "这一行被删除了"))),
    )  # fmt: skip
    for key, zh, en, shown in views:
        yield Shown(f"art-{key}", GROUP, (zh, en), request_card(shown))
    found = (
        asset(1, "圣诞马克杯海报", "竖版海报 1080×1920", "rose-note"),
        asset(12, "植物精华主图", "京东场景图 800×800", "serum-main"),
        asset(30, "北欧客厅横幅", "横幅 1920×600", "nord-banner"),
    )
    yield Shown("art-search", GROUP, ("找素材", "Search"), search_card("圣诞 竖版", found, 11))
