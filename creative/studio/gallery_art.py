"""Products and scenes painted from arithmetic, for gallery, tests and benchmarks: no photo, no licence."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from creative.studio import contrast, draw
from creative.studio.fonts import SANS, Weight
from creative.studio.model import Colour, Product

Size = tuple[int, int]
LIGHT: Final = ((0.0, 0.62), (0.1, 0.86), (0.24, 1.28), (0.36, 1.06), (0.68, 0.92), (0.88, 0.7), (1.0, 0.52))
"""Brightness around a cylinder from its left edge to its right: a window at the left, shade at the right."""

LAMPS: Final = ((255, 190, 110), (255, 120, 110), (120, 180, 255), (255, 240, 210))
GREENS: Final = ((54, 96, 60), (96, 150, 84), (150, 190, 120), (214, 232, 180))


def _cylinder(size: Size, colour: Colour, radius: float, opacity: int = 255) -> Image.Image:
    """An upright cylinder of one colour, its corners rounded by ``radius`` pixels. RGBA."""
    at, level = zip(*LIGHT, strict=True)
    profile = np.interp(np.linspace(0, 1, size[0]), at, level)
    row = np.array(colour, dtype=np.float64)[None, :] * profile[:, None]
    row += np.maximum(0, profile - 1)[:, None] * 120
    pixels = np.broadcast_to(np.clip(row, 0, 255).astype(np.uint8)[None], (size[1], size[0], 3))
    body = Image.fromarray(np.ascontiguousarray(pixels))
    body.putalpha(draw.rounded(size, radius).point(lambda value: value * opacity // 255))
    return body


def _word(
    canvas: Image.Image, text: str, middle: tuple[float, float], size: float, weight: Weight, fill: Colour
) -> None:
    font = SANS.font(weight, size)
    ImageDraw.Draw(canvas).text(middle, text, font=font, fill=fill, anchor="mm")


def _trimmed(canvas: Image.Image) -> Product:
    return Product(canvas.crop(canvas.getbbox()), cut=True, method="alpha")


@cache
def bottle(
    body: Colour = (150, 78, 28), cap: Colour = (34, 32, 34), label: Colour = (246, 240, 230)
) -> Product:
    """A serum bottle with a dropper, 640 by 1500 pixels."""
    canvas = Image.new("RGBA", (640, 1500))
    for part, left, top in (
        (_cylinder((150, 260), cap, 70), 245, 20),
        (_cylinder((250, 200), cap, 22), 195, 230),
        (_cylinder((560, 1060), body, 90), 40, 420),
    ):
        canvas.alpha_composite(part, (left, top))
    shade = _cylinder((560, 470), label, 0)
    canvas.alpha_composite(shade, (40, 760))
    ink = (58, 48, 40)
    _word(canvas, "LUMIÈRE", (320, 870), 74, 700, ink)
    _word(canvas, "玻尿酸修护精华", (320, 970), 48, 400, ink)
    _word(canvas, "30 ml", (320, 1150), 40, 400, ink)
    ImageDraw.Draw(canvas).line((230, 1050, 410, 1050), fill=ink, width=3)
    return _trimmed(canvas)


@cache
def jar() -> Product:
    """A white cream jar: the hard case on a white ground, 1100 by 820 pixels."""
    canvas = Image.new("RGBA", (1100, 820))
    canvas.alpha_composite(_cylinder((1040, 280), (236, 234, 232), 46), (30, 20))
    canvas.alpha_composite(_cylinder((980, 520), (244, 243, 242), 110), (60, 290))
    _word(canvas, "CLOUD", (550, 510), 110, 900, (120, 128, 140))
    _word(canvas, "氨基酸保湿面霜 50 g", (550, 620), 50, 400, (130, 136, 146))
    return _trimmed(canvas)


@cache
def kettle() -> Product:
    """A dark electric kettle with a handle one sees through, 1300 by 1200 pixels."""
    canvas = Image.new("RGBA", (1300, 1200))
    pen = ImageDraw.Draw(canvas)
    pen.arc((700, 240, 1240, 1000), -85, 85, fill=(30, 31, 36), width=78)
    pen.polygon([(250, 330), (60, 240), (40, 330), (250, 560)], fill=(64, 66, 74))
    body = _cylinder((740, 900), (62, 65, 74), 150)
    canvas.alpha_composite(body, (220, 220))
    canvas.alpha_composite(_cylinder((820, 90), (30, 31, 36), 40), (180, 1090))
    canvas.alpha_composite(_cylinder((560, 80), (36, 37, 42), 40), (310, 160))
    canvas.alpha_composite(_cylinder((130, 90), (190, 150, 96), 40), (525, 80))
    _word(canvas, "NORDLYS", (590, 700), 72, 700, (214, 190, 150))
    return _trimmed(canvas)


@cache
def glass() -> Product:
    """A perfume flacon of clear glass: half transparent, 700 by 1000 pixels."""
    canvas = Image.new("RGBA", (700, 1000))
    canvas.alpha_composite(_cylinder((240, 250), (198, 164, 108), 26), (230, 10))
    canvas.alpha_composite(_cylinder((140, 60), (224, 214, 196), 6), (280, 255))
    canvas.alpha_composite(_cylinder((640, 680), (214, 150, 160), 70, 168), (30, 310))
    canvas.alpha_composite(_cylinder((540, 420), (226, 120, 140), 40, 190), (80, 520))
    _word(canvas, "ROSÉE", (350, 640), 96, 700, (255, 250, 248))
    _word(canvas, "EAU DE PARFUM", (350, 730), 36, 400, (255, 250, 248))
    return _trimmed(canvas)


@cache
def headphones() -> Product:
    """Dark headphones, wider than high, 1500 by 1400 pixels."""
    canvas = Image.new("RGBA", (1500, 1400))
    pen = ImageDraw.Draw(canvas)
    pen.arc((230, 60, 1270, 1240), 172, 368, fill=(42, 44, 50), width=96)
    pen.arc((262, 92, 1238, 1210), 200, 300, fill=(96, 100, 110), width=16)
    for left, inner in ((130, 330), (1010, 970)):
        canvas.alpha_composite(_cylinder((200, 470), (28, 29, 33), 90), (inner, 700))
        canvas.alpha_composite(
            _cylinder((270, 580), (58, 61, 69), 120), (left + (40 if left < 500 else 60), 640)
        )
    for x in (305, 1205):
        pen.ellipse((x - 56, 870, x + 56, 982), outline=(200, 168, 110), width=10)
    return _trimmed(canvas)


@cache
def gift() -> Product:
    """A wide gift box in the shop's red, 1600 by 900 pixels."""
    canvas = Image.new("RGBA", (1600, 900))
    canvas.alpha_composite(_cylinder((1480, 640), (196, 38, 40), 18), (60, 240))
    canvas.alpha_composite(_cylinder((1560, 170), (214, 52, 50), 18), (20, 150))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((740, 150, 860, 880), fill=(240, 205, 130))
    for turn in (-1, 1):
        bow = [(800, 150), (800 + turn * 230, 20), (800 + turn * 300, 120), (800 + turn * 180, 165)]
        pen.polygon(bow, fill=(228, 186, 104))
    pen.ellipse((755, 105, 845, 185), fill=(244, 214, 148))
    _word(canvas, "年货礼盒", (410, 560), 120, 900, (246, 214, 150))
    return _trimmed(canvas)


@cache
def photo(size: Size = (1600, 1200)) -> Product:
    """A jar photographed on a table that could not be cut out."""
    scene = table(size, (188, 160, 130)).convert("RGBA")
    subject = jar().image.resize((int(size[0] * 0.5), int(size[0] * 0.5 * 0.745)), Image.Resampling.LANCZOS)
    at = ((size[0] - subject.width) // 2, int(size[1] * 0.84) - subject.height)
    shade = draw.shadow_contact(subject.getchannel("A"))
    scene.alpha_composite(shade.image, (at[0] + shade.left, at[1] + shade.top))
    scene.alpha_composite(subject, at)
    return Product(
        scene, cut=False, method="none", note="商品没有抠出背景，照片放在圆角卡片里；需要设计师抠图"
    )


def _ramp(size: Size, top: Colour, bottom: Colour) -> Image.Image:
    mask = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), mask)


@cache
def table(size: Size, wood: Colour = (206, 176, 142)) -> Image.Image:
    """A wall with window light over a table. RGB."""
    wall = _ramp(size, (238, 230, 218), (222, 208, 190))
    edge = int(size[1] * 0.7)
    light = Image.new("L", size)
    pen = ImageDraw.Draw(light)
    step = size[0] * 0.16
    for index in range(4):
        x = size[0] * 0.35 + index * step
        pen.polygon([(x, 0), (x + step * 0.72, 0), (x + step * 0.1, edge), (x - step * 0.62, edge)], fill=120)
    wall.paste((255, 250, 238), (0, 0), light.filter(ImageFilter.GaussianBlur(size[0] / 90)))
    wall.paste(_ramp((size[0], size[1] - edge), wood, contrast.mix(wood, (0, 0, 0), 0.28)), (0, edge))
    return wall


@cache
def night(size: Size, seed: int = 3) -> Image.Image:
    """A dark street out of focus: bright discs where a text may stand. RGB."""
    chance = np.random.default_rng(seed)
    scene = _ramp(size, (14, 16, 34), (44, 26, 54))
    glow = Image.new("RGB", size)
    pen = ImageDraw.Draw(glow)
    for _ in range(46):
        radius = min(size) * chance.uniform(0.02, 0.075)
        x, y = chance.uniform(0, size[0]), chance.uniform(0, size[1] * 0.8)
        colour = LAMPS[int(chance.integers(len(LAMPS)))]
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    soft = glow.filter(ImageFilter.GaussianBlur(min(size) / 150))
    scene.paste(soft, (0, 0), soft.convert("L").point(lambda value: value * 3 // 4))
    return scene


@cache
def silk(size: Size, first: Colour = (246, 214, 214), second: Colour = (214, 150, 160)) -> Image.Image:
    """Folds of cloth between two colours. RGB."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32) / np.float32(min(size))
    wave = np.sin(6 * x + 3.4 * np.sin(2.2 * y + 1.4 * x)) + 0.5 * np.sin(11 * y - 5 * x + math.pi / 3)
    share = ((wave + 1.5) / 3.0).clip(0, 1)[..., None]
    pixels = np.array(first, np.float32) * (1 - share) + np.array(second, np.float32) * share
    return Image.fromarray(pixels.astype(np.uint8))


@cache
def leaves(size: Size, seed: int = 5) -> Image.Image:
    """Foliage, light and dark side by side. RGB."""
    chance = np.random.default_rng(seed)
    scene = _ramp(size, (190, 214, 170), (86, 128, 84))
    pen = ImageDraw.Draw(scene)
    for _ in range(150):
        x, y = chance.uniform(-0.1, 1.1) * size[0], chance.uniform(-0.1, 1.1) * size[1]
        long, turn = min(size) * chance.uniform(0.06, 0.16), chance.uniform(0, math.tau)
        tip = (x + long * math.cos(turn), y + long * math.sin(turn))
        side = (0.3 * long * math.cos(turn + 1.57), 0.3 * long * math.sin(turn + 1.57))
        middle = ((x + tip[0]) / 2, (y + tip[1]) / 2)
        green = GREENS[int(chance.integers(len(GREENS)))]
        pen.polygon(
            [
                (x, y),
                (middle[0] + side[0], middle[1] + side[1]),
                tip,
                (middle[0] - side[0], middle[1] - side[1]),
            ],
            fill=green,
        )
    return scene.filter(ImageFilter.GaussianBlur(min(size) / 220))
