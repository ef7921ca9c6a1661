"""Paints backgrounds from a prompt and a seed: which scene, which colours, and the way to a finished picture.

The same prompt, seed and size give the same pixels. Scenes are drawn small (``images_scenes``) and enlarged:
light and shade have no fine detail, and grain is laid on at full size.
"""

import hashlib
import re

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sandbox.images_canvas import Array, Canvas, Colours, rgb
from sandbox.images_scenes import SCENES

DRAWN_PIXELS = 620_000
CAST = 0.03
"""By how much the colours of two pictures of a theme may differ."""
GRAIN, GRAIN_TILE = 1.2, 509
"""Grey levels, and the side of the square that is repeated."""

# Words of a prompt, the scene they ask for, and its colours from dark to light, then the accent.
THEMES: tuple[tuple[str, str, str], ...] = (
    ("圣诞 christmas xmas", "bokeh", "#08231b #10493a #2f8a62 #f5d08a"),
    ("春节 新年 年货 喜庆 spring-festival lunar", "bokeh", "#5a0710 #a8141c #d8342c #f6c878"),
    ("双11 双十一 618 大促 狂欢 festive", "bokeh", "#3a0d3f #8d1a5b #e23f57 #ffc06a"),
    ("夏日 夏天 海边 沙滩 summer beach", "shore", "#1f86b8 #6cc7e2 #d8f1f2 #f6e3bd"),
    ("科技 数码 未来 赛博 futuristic", "grid", "#050914 #0e2350 #2f6fe0 #57e0ff"),
    ("森林 户外 露营 绿植 forest woodland", "forest", "#12291d #3d6b45 #a9cf8e #fbf3cf"),
    ("国风 水墨 中式 古风 ink-wash", "ink", "#2b2f36 #8e9698 #efe8da #b23a2e"),
    ("极简 简约 minimal", "studio", "#b9aea1 #d9d0c5 #f4f0ea #cdb08c"),
    ("丝绸 面料 服饰 silk fabric", "silk", "#8a6a5c #d0ab98 #f6e6da #ffffff"),
    ("奢华 黑金 luxury", "silk", "#0e0c0b #3a3028 #a8844e #f3d9a0"),
    ("天空 云海 梦幻 dreamy", "sky", "#5c86c4 #a9c4ea #f6d7d9 #fff3e0"),
    ("秋 丰收 autumn", "bokeh", "#3a1c0c #8a4a1c #d98a3a #ffdf9e"),
    ("冬日 雪 冰爽 winter snow", "bokeh", "#1d3550 #5a8ab4 #bcd9ec #ffffff"),
    ("美妆 护肤 甜美 beauty pink", "studio", "#d9a3a6 #efc9c8 #fcebe8 #e58a94"),
)
PLAIN = (
    ("studio", "#a9b4b0 #cfd8d3 #f3f6f3 #7fa596"),
    ("studio", "#b7a38f #dccab4 #f8f0e4 #c9783f"),
    ("studio", "#93a3b8 #c6d2e0 #f2f6fb #5b7fb0"),
    ("silk", "#7d8aa0 #b9c5d6 #eef2f7 #ffffff"),
)


def paint(
    prompt: str, seed: int, width: int, height: int, tint: tuple[int, int, int] | None = None
) -> Image.Image:
    """Paint a background.

    Args:
        prompt: its words choose the scene.
        seed: chooses among all pictures of that scene.
        width: pixels.
        height: pixels.
        tint: the mean colour of a reference, which the picture leans towards.

    Returns:
        An RGB picture of exactly this size.
    """
    mark = hashlib.sha256(f"{seed}/{prompt}".encode()).digest()
    dice = np.random.default_rng(int.from_bytes(mark[:8], "big"))
    scene, colours = chosen(prompt, dice)
    cast = dice.uniform(1 - CAST, 1 + CAST, 3).astype(np.float32)
    colours = Colours(*(np.clip(part * cast, 0, 1) for part in colours.parts()))
    if tint is not None:
        lean = np.array(tint, np.float32) / 255
        colours = Colours(*(0.62 * part + 0.38 * lean * (0.5 + part.mean()) for part in colours.parts()))
    scale = min(1.0, (DRAWN_PIXELS / (width * height)) ** 0.5)
    canvas = Canvas.of(max(16, round(width * scale)), max(16, round(height * scale)), dice, colours)
    drawn = SCENES[scene](canvas)
    if canvas.wide < 1 and dice.random() < 0.5:
        drawn = drawn[:, ::-1]  # light from the other side; wide scenes keep their room on the left
    return finished(drawn, width, height, dice)


def chosen(prompt: str, dice: np.random.Generator) -> tuple[str, Colours]:
    """The scene and colours with the most words in the prompt; of equals, the one named first."""
    text = prompt.lower()
    scores = []
    for words, scene, colours in THEMES:
        found = [text.find(word) for word in words.split() if word in text]
        if found:
            scores.append((-len(found), min(found), scene, colours))
    scene, text_colours = min(scores)[2:] if scores else PLAIN[int(dice.integers(len(PLAIN)))]
    return scene, Colours(*(rgb(part) for part in re.findall(r"#\w{6}", text_colours)))


def finished(drawn: Array, width: int, height: int, dice: np.random.Generator) -> Image.Image:
    """Darken the corners a little, enlarge, and lay grain over it, which also hides steps in smooth light."""
    rows, columns = drawn.shape[:2]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    corners = 1 - 0.10 * np.clip((x * x + y * y) - 0.55, 0, None)
    dither = dice.random((rows, columns, 1), dtype=np.float32)
    small = (np.clip(drawn * corners[..., None], 0, 1) * 254 + dither).astype(np.uint8)
    large = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    tile = np.rint(dice.normal(0, GRAIN, (GRAIN_TILE, GRAIN_TILE, 1))).astype(np.int16)
    grain = np.tile(tile, (height // GRAIN_TILE + 1, width // GRAIN_TILE + 1, 1))[:height, :width]
    return Image.fromarray(np.clip(np.asarray(large, np.int16) + grain, 0, 255).astype(np.uint8))


def watermark(picture: Image.Image) -> Image.Image:
    """The mark a provider lays into the corner at the bottom right unless told not to (there: AI生成)."""
    marked = picture.convert("RGBA")
    layer = Image.new("RGBA", marked.size, (0, 0, 0, 0))
    size = max(12, min(marked.size) // 28)
    place = (marked.width - size, marked.height - size)
    draw = ImageDraw.Draw(layer)
    draw.text(
        place, "AI GENERATED", (255, 255, 255, 210), ImageFont.load_default(size), anchor="rs",
        stroke_width=max(1, size // 14), stroke_fill=(0, 0, 0, 110),
    )  # fmt: skip
    return Image.alpha_composite(marked, layer).convert("RGB")
