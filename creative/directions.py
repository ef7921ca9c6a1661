"""The words of scene prompts: how a picture is composed, lit and seen, and the frame around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from creative.providers.model import Orientation


@dataclass(frozen=True, slots=True)
class Direction:
    """One way to build a picture: composition, light and camera, in Chinese and English."""

    zh: str
    en: str


DIRECTIONS = (
    Direction(
        "正面平视，左右对称，左侧柔和窗光，浅景深",
        "frontal eye-level view, symmetrical, soft window light from the left, shallow depth of field",
    ),
    Direction(
        "四十五度俯视，对角线构图，清晨斜射暖光，带植物投影",
        "45-degree high angle, diagonal composition, warm slanting morning light with plant shadows",
    ),
    Direction(
        "低机位微仰，由近到远三层纵深，逆光勾边，空气通透",
        "low camera looking slightly up, three layers of depth, backlight with rim, clear air",
    ),
    Direction(
        "平视，不对称构图配大块负空间，单侧硬光，影子清晰",
        "eye-level, asymmetrical with large negative space, hard side light with crisp shadows",
    ),
    Direction(
        "前景虚化成框，中景清晰，漫射天光，低对比",
        "blurred foreground as a frame, sharp middle ground, diffuse skylight, low contrast",
    ),
    Direction(
        "广角远景，引导线汇向中部，黄昏金色侧逆光",
        "wide-angle long view, leading lines towards the middle, golden side backlight at dusk",
    ),
    Direction(
        "平视，层叠几何块面，顶部聚光，四周渐暗",
        "eye-level, stacked geometric planes, spotlight from above, falling off to the edges",
    ),
    Direction(
        "略俯视台面，前实后虚，冷暖双色光交汇",
        "slightly high view over a surface, sharp front and soft back, cool and warm light meeting",
    ),
)


def direction(variant: int, version: int) -> Direction:
    """The direction of a variant: eight differ within a version, and the next version begins elsewhere.

    Args:
        variant: 0, 1, …
        version: 1, 2, …
    """
    return DIRECTIONS[(variant + 3 * (version - 1)) % len(DIRECTIONS)]


@dataclass(frozen=True, slots=True)
class Language:
    """The frame of a prompt; ``…`` stands for what is filled in.

    Args:
        shapes: what an orientation is called.
        room: where text and product will go, so that the model leaves it calm.
        start: the opening; its two places are shape and direction.
        no, no_people: what must never be in the picture.
        ban: the sentence that says so.
        comma, between: between values, and between sentences.
    """

    shapes: Mapping[Orientation, str]
    room: Mapping[Orientation, str]
    start: str
    no: str
    no_people: str
    ban: str
    styles: str
    reasons: str
    wanted: str
    unwanted: str
    product: str
    tone: str
    theme: str
    points: str
    comma: str
    between: str

    def opening(self, orientation: Orientation, turn: Direction) -> str:
        """The first sentence."""
        how = turn.en if self is ENGLISH else turn.zh
        return self.start.format(shape=self.shapes[orientation], how=how)

    def never(self, people: bool) -> str:
        """What must not appear, as a list."""
        return self.no if people else self.no + self.comma + self.no_people

    def forbidden(self, people: bool) -> str:
        """What must not appear, as a sentence."""
        return self.ban.format(what=self.never(people))


CHINESE = Language(
    shapes={
        Orientation.PORTRAIT: "竖幅",
        Orientation.SQUARE: "方形",
        Orientation.LANDSCAPE: "横幅",
    },
    room={
        Orientation.PORTRAIT: "上方三分之一大面积干净留白，下方中央有一处空的平整台面，两处都不放任何物件。",
        Orientation.SQUARE: "上方和左侧干净留白，中部偏右下有一处空的平整台面，两处都不放任何物件。",
        Orientation.LANDSCAPE: "左侧将近一半干净留白，右侧有一处空的平整台面，两处都不放任何物件。",
    },
    start="电商广告的空场景背景，{shape}，真实摄影质感。{how}。",
    no="文字、字母、数字、标志、水印、二维码、边框、商品、包装",
    no_people="人物、人脸、手",
    ban="画面中绝对不出现{what}。",
    styles="风格：…。",
    reasons="上一版被退回，请在场景上改进（与文字和商品有关的忽略）：…。",
    wanted="可以有：…。",
    unwanted="不要有：…。",
    product="场景的用途是陈列…，但不要画出它。",
    tone="品牌气质：…。",
    theme="氛围取意（不写成字）：…。",
    points="意境联想（不写成字）：…。",
    comma="、",
    between="",
)
ENGLISH = Language(
    shapes={
        Orientation.PORTRAIT: "portrait",
        Orientation.SQUARE: "square",
        Orientation.LANDSCAPE: "landscape",
    },
    room={
        Orientation.PORTRAIT: (
            "Keep the upper third calm and empty, and an empty flat surface in the lower middle; "
            "nothing stands on it."
        ),
        Orientation.SQUARE: (
            "Keep the top and the left calm and empty, and an empty flat surface right of the middle, low; "
            "nothing stands on it."
        ),
        Orientation.LANDSCAPE: (
            "Keep almost the left half calm and empty, and an empty flat surface on the right; "
            "nothing stands on it."
        ),
    },
    start="Empty scene for an advertisement, {shape} format, photographic: {how}.",
    no="text, letters, digits, logos, watermarks, QR codes, borders, products, packaging",
    no_people="people, faces, hands",
    ban="The picture must not contain any of: {what}.",
    styles="Style: ….",
    reasons=(
        "An earlier version was sent back; improve the scene accordingly, "
        "ignore what is about text or product: …."
    ),
    wanted="Welcome: ….",
    unwanted="Not wanted: ….",
    product="The place will later present …; do not draw it.",
    tone="Character of the brand: ….",
    theme="Mood, never written out: ….",
    points="Associations, never written out: ….",
    comma=", ",
    between=" ",
)
