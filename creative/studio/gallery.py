"""``python -m creative.studio.gallery OUT_DIR``: samples of every kind as small pictures.

People look at these before a change of templates, fonts or drawing goes in. ``--page`` also writes the page
``docs/gallery.md`` that shows them.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from creative.studio import gallery_art as art
from creative.studio.compose import Studio
from creative.studio.formats import FORMATS
from creative.studio.layout import defaults
from creative.studio.model import Composition, Copy, Ground, Look, Palette, Product

LONGEST: Final = 640
"""Longest side of a written picture, pixels."""
MOST: Final = 60_000
"""Bytes of a written picture at most."""

SERUM: Final = Look(
    "LUMIÈRE 露蜜", Palette((74, 44, 28), (246, 236, 224), (186, 84, 44), (46, 32, 26), (255, 252, 248))
)
CLOUD: Final = Look(
    "CLOUD 云朵", Palette((44, 82, 122), (230, 240, 248), (30, 110, 190), (24, 38, 56), (255, 255, 255))
)
NORD: Final = Look(
    "NORDLYS", Palette((30, 34, 42), (232, 230, 226), (196, 148, 82), (26, 27, 31), (250, 248, 244))
)
ROSE: Final = Look(
    "ROSÉE", Palette((128, 40, 66), (250, 232, 232), (206, 58, 96), (66, 22, 38), (255, 252, 252))
)
FEAST: Final = Look(
    "福满堂", Palette((150, 20, 28), (252, 238, 214), (214, 40, 36), (64, 14, 14), (255, 248, 232))
)
LEAF: Final = Look(
    "青禾", Palette((32, 78, 54), (236, 244, 228), (46, 128, 74), (22, 44, 32), (255, 255, 250))
)

SERUM_COPY: Final = Copy(
    "熬夜也有好状态",
    "玻尿酸修护精华液 30ml",
    ("三重玻尿酸，层层补水", "质地清爽，不黏不腻", "敏感肌可用"),
    "¥199 到手价",
    "立即抢购",
    "活动时间：12月1日–12月12日，以页面为准",
)
SHORT: Final = Copy("初雪", cta="去看看")
LONG: Final = Copy(
    "年终好物节全场满300减50，会员折上再享95折",
    "支持七天无理由退货，顺丰包邮，部分偏远地区除外",
    ("十二款年货一次备齐", "礼盒附赠手提袋与贺卡", "次日达，节前不打烊", "支持企业团购开票"),
    "¥268 起",
    "马上囤年货",
    "赠品数量有限，赠完即止；图片仅供参考，请以实物为准",
)
MIXED: Final = Copy(
    "NORDLYS Pro 2\n40dB 主动降噪",
    "Bluetooth 5.4 双设备连接",
    ("续航 60 小时，快充 10 分钟听 5 小时", "Hi-Res 金标认证", "仅重 248g"),
    "¥1,299",
    "预约购买",
    "续航数据来自实验室，实际以使用为准",
)
KETTLE: Final = Copy(
    "一分钟，水就开了", "316不锈钢电热水壶 1.7L", ("双层防烫", "五档控温", "静音沸腾"), "¥329", "加入购物车"
)
ROSE_COPY: Final = Copy(
    "把春天穿在身上",
    "玫瑰淡香水 50ml",
    ("前调：荔枝与佛手柑", "中调：大马士革玫瑰", "尾调：白麝香"),
    "¥459 限量",
    "立即选购",
)
CREAM: Final = Copy(
    "云朵一样轻", "氨基酸保湿面霜 50g", ("0 酒精 0 香精", "一抹化水", "24小时保湿"), "¥128", "领券购买"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of the gallery and what it shows."""

    key: str
    shows: str
    copy: Copy
    look: Look
    product: Callable[[], Product] | None
    scene: Callable[[art.Size], Image.Image] | None
    format: str
    template: str
    seed: int = 0


SAMPLES: Final = (
    Sample(
        "serum-main",
        "天猫主图，浅色实景",
        SERUM_COPY,
        SERUM,
        art.bottle,
        art.table,
        "tmall_main",
        "left_text",
    ),
    Sample(
        "serum-main-2",
        "同一文案的第二个方案：左右互换",
        SERUM_COPY,
        SERUM,
        art.bottle,
        None,
        "tmall_main",
        "left_text",
        1,
    ),
    Sample(
        "serum-portrait",
        "竖版主图，左文右图",
        SERUM_COPY,
        SERUM,
        art.bottle,
        art.table,
        "tmall_portrait",
        "left_text",
    ),
    Sample("cream-detail", "白色商品，详情页卖点", CREAM, CLOUD, art.jar, None, "detail_750", "detail"),
    Sample("cream-square", "白色商品，方图", CREAM, CLOUD, art.jar, None, "jd_scene", "detail", 1),
    Sample("cream-white", "白底图：只有商品", CREAM, CLOUD, art.jar, None, "tmall_white", "detail"),
    Sample("glass-clear", "透明图：玻璃商品", ROSE_COPY, ROSE, art.glass, None, "tmall_clear", "detail"),
    Sample("rose-note", "小红书封面，布面背景", ROSE_COPY, ROSE, art.glass, art.silk, "red_note", "top_text"),
    Sample("feast-tall", "9:16，很长的文案", LONG, FEAST, art.gift, None, "poster", "big_price"),
    Sample("feast-main", "方图，很长的文案", LONG, FEAST, art.gift, None, "tmall_main", "big_price", 1),
    Sample(
        "nord-tall",
        "9:16，夜景，中英混排",
        MIXED,
        NORD,
        art.headphones,
        art.night,
        "qianchuan_tall",
        "top_text",
    ),
    Sample(
        "nord-wide",
        "横图，夜景，强制换行",
        MIXED,
        NORD,
        art.headphones,
        art.night,
        "qianchuan_wide",
        "left_text",
    ),
    Sample("nord-banner", "横幅，夜景", MIXED, NORD, art.headphones, art.night, "banner", "big_price"),
    Sample("kettle-wide", "链接图，深色商品", KETTLE, NORD, art.kettle, art.table, "banner_link", "top_text"),
    Sample(
        "kettle-square",
        "方图，深色商品，大字价格",
        KETTLE,
        NORD,
        art.kettle,
        None,
        "douyin_main",
        "big_price",
    ),
    Sample(
        "photo-card",
        "抠不出来的大照片",
        CREAM,
        CLOUD,
        lambda: art.photo((4000, 3000)),
        None,
        "tmall_portrait",
        "top_text",
    ),
    Sample("short-none", "没有商品，两个字", SHORT, LEAF, None, art.leaves, "red_note", "top_text"),
    Sample(
        "leaf-moments", "朋友圈图文，杂乱背景", CREAM, LEAF, art.jar, art.leaves, "moments_wide", "left_text"
    ),
    Sample("cover", "公众号封面", SERUM_COPY, SERUM, art.bottle, None, "mp_cover", "left_text"),
)


def compose_sample(sample: Sample, studio: Studio) -> Composition:
    """Compose one sample at the full size of its format."""
    fmt = FORMATS[sample.format]
    size = (round(fmt.width * 1.1), round(fmt.height * 1.1))
    return studio.compose(
        sample.copy,
        sample.look,
        sample.product() if sample.product else None,
        sample.scene(size) if sample.scene else None,
        fmt,
        defaults()[sample.template],
        mark="AI生成" if sample.scene else "",
        seed=sample.seed,
    )


def small(picture: Image.Image) -> bytes:
    """A picture as JPEG of at most ``MOST`` bytes, ``LONGEST`` pixels; what is clear is chequered."""
    shown = picture.copy()
    shown.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    if shown.mode == "RGBA":
        ground = Image.new("RGB", shown.size, (255, 255, 255))
        tile = Image.new("L", (2, 2))
        tile.putdata((255, 225, 225, 255))
        grey = tile.resize((32, 32), Image.Resampling.NEAREST)
        for left in range(0, shown.width, 32):
            for top in range(0, shown.height, 32):
                ground.paste(grey.convert("RGB"), (left, top))
        ground.paste(shown, (0, 0), shown)
        shown = ground
    for quality in range(88, 30, -6):
        out = io.BytesIO()
        shown.convert("RGB").save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() <= MOST:
            break
    return out.getvalue()


def made(folder: Path) -> Iterator[tuple[Sample, Composition]]:
    """Compose and write every sample into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    studio = Studio()
    for sample in SAMPLES:
        composition = compose_sample(sample, studio)
        (folder / f"{sample.key}.jpg").write_bytes(small(composition.flat))
        yield sample, composition


def page(results: list[tuple[Sample, Composition]]) -> str:
    """The page that shows all samples, in Markdown; pictures lie beside it in ``images/gallery``."""
    lines = [
        "# Gallery",
        "",
        "Written by `python -m creative.studio.gallery docs/images/gallery --page docs/gallery.md`. Products",
        "and scenes are painted by `creative/studio/gallery_art.py`; no photo and no image model was used.",
        "",
    ]
    for sample, composition in results:
        fmt = FORMATS[sample.format]
        worst = min(composition.contrasts.values(), default=0.0)
        said = f"最低对比度 {worst:.1f}" if fmt.ground is Ground.SCENE else "无文字"
        template = defaults()[sample.template].name if fmt.ground is Ground.SCENE else "商品居中"
        faults = "；".join(fault.sentence for fault in composition.faults) or "无"
        lines += [
            f"## {sample.shows}",
            "",
            f"{fmt.name} · {template} · {said} · 问题：{faults}",
            "",
            f"![{sample.shows}](images/gallery/{sample.key}.jpg)",
            "",
        ]
    return "\n".join(lines)


def main() -> int:
    """Write the pictures; 1 when one of them has a fault."""
    parser = argparse.ArgumentParser(prog="python -m creative.studio.gallery", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--page", type=Path, help="where the page goes")
    given = parser.parse_args()
    results = list(made(given.folder))
    if given.page:
        given.page.write_text(page(results), "utf-8")
    return int(any(composition.faults for _, composition in results))


if __name__ == "__main__":
    raise SystemExit(main())
