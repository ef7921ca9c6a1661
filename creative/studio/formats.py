"""The files that channels want: pixels, bytes, grounds and where their buttons lie.

Merchant centres do not publish these pages without a login, so most numbers are second-hand and dated in
``note``; whoever has a newer rule changes one line here. "unverified" marks what only one source says.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from creative.studio.model import Format, Ground, Insets, Shape

KB: Final = 1024
MB: Final = 1024 * KB

SHORT_VIDEO: Final = Insets(top=250 / 1920, bottom=340 / 1920)
"""9:16 in a short-video feed: 250 px above and 340 px below of 1920 lie under the player's own texts
(practice, 2026-11; the platforms publish no figure)."""

_TAOBAO: Final = "淘宝/天猫发布规则的第三方整理（wztg.net、djres.cn），2026-11；上限 unverified"
_JD: Final = "京东主图规范的第三方整理（57dt.com），2026-11；1 MB 上限 unverified"
_DOUYIN: Final = "canva.cn 抖音尺寸指南，2026-11；上限另有 5 MB 之说"
_ADS: Final = "巨量引擎接口枚举说明（素材尺寸），2026-11；1.5 MB"
_TENCENT: Final = "腾讯广告 SDK 样例（创意形式 310、450），2026-11"
_RED: Final = "小红书发布页经验值，2026-11；上限 unverified"
_GENERAL: Final = "通用做法，2026-11；上限为自定"

_ALL: Final = (
    Format("tmall_main", "天猫主图 800×800", "天猫", 800, 800, "jpeg", 3 * MB, note=_TAOBAO),
    Format("tmall_main_hd", "天猫高清主图 1440×1440", "天猫", 1440, 1440, "jpeg", 3 * MB, note=_TAOBAO),
    Format("tmall_portrait", "天猫竖版主图 750×1000", "天猫", 750, 1000, "jpeg", 3 * MB, note=_TAOBAO),
    Format(
        "tmall_white",
        "天猫白底图 800×800",
        "天猫",
        800,
        800,
        "jpeg",
        300 * KB,
        least=38 * KB,
        ground=Ground.WHITE,
        note=f"第五张主图：纯白、无字无标无影、主体大于 300×300、38–300 KB。{_TAOBAO}",
    ),
    Format(
        "tmall_clear",
        "天猫透明图 800×800",
        "天猫",
        800,
        800,
        "png",
        500 * KB,
        ground=Ground.CLEAR,
        note=f"500 KB unverified。{_TAOBAO}",
    ),
    Format("tmall_long", "天猫长图 800×1200", "天猫", 800, 1200, "jpeg", 3 * MB, note=_TAOBAO),
    Format("detail_750", "详情页首屏 750×1000", "天猫", 750, 1000, "jpeg", 3 * MB, note=_TAOBAO),
    Format("detail_790", "详情页首屏 790×1200", "通用", 790, 1200, "jpeg", 3 * MB, note=_TAOBAO),
    Format(
        "jd_main",
        "京东主图 800×800",
        "京东",
        800,
        800,
        "jpeg",
        1 * MB,
        ground=Ground.WHITE,
        note=f"首图：纯白、只有商品、无字无标无价、长边距画布边不超过 10 像素。{_JD}",
    ),
    Format("jd_scene", "京东场景图 800×800", "京东", 800, 800, "jpeg", 1 * MB, note=f"第二至五张。{_JD}"),
    Format("douyin_main", "抖音主图 800×800", "抖音", 800, 800, "jpeg", 3 * MB, note=_DOUYIN),
    Format(
        "douyin_white",
        "抖音白底图 800×800",
        "抖音",
        800,
        800,
        "jpeg",
        3 * MB,
        ground=Ground.WHITE,
        note=_DOUYIN,
    ),
    Format("douyin_portrait", "抖音竖版主图 750×1000", "抖音", 750, 1000, "jpeg", 3 * MB, note=_DOUYIN),
    Format("douyin_feed", "抖音推荐素材 600×800", "抖音", 600, 800, "jpeg", 3 * MB, note=_DOUYIN),
    Format(
        "qianchuan_tall",
        "千川竖图 1080×1920",
        "千川",
        1080,
        1920,
        "jpeg",
        1536 * KB,
        safe=SHORT_VIDEO,
        note=_ADS,
    ),
    Format("qianchuan_wide", "千川横图 1280×720", "千川", 1280, 720, "jpeg", 1536 * KB, note=_ADS),
    Format("qianchuan_small", "千川小图 1368×900", "千川", 1368, 900, "jpeg", 1536 * KB, note=_ADS),
    Format(
        "qianchuan_splash",
        "千川开屏 1080×1920",
        "千川",
        1080,
        1920,
        "jpeg",
        1536 * KB,
        safe=Insets(top=180 / 1920, bottom=260 / 1920),
        note=f"跳过按钮与底部栏的留白为经验值 unverified。{_ADS}",
    ),
    Format("moments_single", "朋友圈单图 640×800", "朋友圈", 640, 800, "jpeg", 300_000, note=_TENCENT),
    Format("moments_wide", "朋友圈图文 800×450", "朋友圈", 800, 450, "jpeg", 300_000, note=_TENCENT),
    Format("wechat_shop", "微信小店主图 800×800", "微信小店", 800, 800, "jpeg", 3 * MB, note=_GENERAL),
    Format("red_note", "小红书封面 1080×1440", "小红书", 1080, 1440, "jpeg", 20 * MB, note=_RED),
    Format("red_note_hd", "小红书高清封面 1242×1660", "小红书", 1242, 1660, "jpeg", 20 * MB, note=_RED),
    Format(
        "red_goods",
        "小红书商品主图 1200×1600",
        "小红书",
        1200,
        1600,
        "jpeg",
        5 * MB,
        note=f"不得有二维码、联系方式和站外引流。{_RED}",
    ),
    Format("pdd_main", "拼多多主图 750×750", "拼多多", 750, 750, "jpeg", 1 * MB, note=_GENERAL),
    Format("mp_cover", "公众号封面 900×383", "公众号", 900, 383, "jpeg", 5 * MB, note=_GENERAL),
    Format("mp_thumb", "公众号小封面 383×383", "公众号", 383, 383, "jpeg", 5 * MB, note=_GENERAL),
    Format(
        "poster",
        "竖版海报 1080×1920",
        "通用",
        1080,
        1920,
        "jpeg",
        5 * MB,
        safe=SHORT_VIDEO,
        note=_GENERAL,
    ),
    Format(
        "poster_png",
        "竖版海报 PNG 1080×1920",
        "通用",
        1080,
        1920,
        "png",
        8 * MB,
        safe=SHORT_VIDEO,
        note=f"无损，给还要再加工的人；8 MB 为自定。{_GENERAL}",
    ),
    Format(
        "banner_webp",
        "官网横幅 WebP 1920×720",
        "通用",
        1920,
        720,
        "webp",
        1 * MB,
        note=f"自家网站用，电商平台多不收 WebP；1 MB 为自定。{_GENERAL}",
    ),
    Format("banner", "横幅 1920×600", "通用", 1920, 600, "jpeg", 3 * MB, note=_GENERAL),
    Format("banner_link", "链接图 1200×628", "通用", 1200, 628, "jpeg", 3 * MB, note=_GENERAL),
    Format("banner_app", "站内横幅 750×390", "通用", 750, 390, "jpeg", 1 * MB, note=_GENERAL),
)

FORMATS: Final[Mapping[str, Format]] = MappingProxyType({one.key: one for one in _ALL})
"""Every format by its stable key."""

_BY_NAME: Final = {one.name: one for one in _ALL}

EDGE: Final[Mapping[str, int]] = MappingProxyType({"jd_main": 8})
"""Pixels between the product's long side and the canvas where a channel says how many (京东: at most 10)."""

SUBJECT: Final = 300
"""A product on white must be larger than this, in pixels, in both directions (天猫, second-hand, 2026-11)."""

Orientation = Literal["portrait", "square", "landscape"]


def by_name(name: str) -> Format:
    """The format people picked in the column 尺寸.

    Raises:
        KeyError: nobody knows that name; the message lists what there is, for the row's 说明.
    """
    found = _BY_NAME.get(name.strip())
    if found is None:
        raise KeyError(f"没有尺寸“{name}”。可选：{'、'.join(_BY_NAME)}")
    return found


def orientation(shape: Shape) -> Orientation:
    """Which background a shape is cropped from; formats of one orientation share a generated picture."""
    if shape is Shape.SQUARE:
        return "square"
    return "portrait" if shape in {Shape.PORTRAIT, Shape.TALL} else "landscape"
