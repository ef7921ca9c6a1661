"""Photos of three products, drawn: what the demo's operators upload. Same name, same picture."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIDE, FINE = 1400, 2
"""Pixels of a photo, and how much finer it is drawn."""

Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]


def photo(name: str) -> tuple[str, bytes]:
    """File name and content of a product's photo: mug (JPEG on white), serum (clear PNG), thermos (JPEG)."""
    draw, kind = PRODUCTS[name]
    product = draw().resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if kind == "png":
        product.save(out, "PNG")
        return f"{name}.png", out.getvalue()
    ground = Image.new("RGB", product.size, (255, 255, 255) if name == "mug" else (246, 240, 230))
    ground.paste(_shadow(product), mask=_shadow(product).getchannel("A"))
    ground.paste(product, mask=product.getchannel("A"))
    ground.save(out, "JPEG", quality=92)
    return f"{name}.jpg", out.getvalue()


def _mug() -> Image.Image:
    image = _sheet()
    draw = ImageDraw.Draw(image)
    draw.ellipse(_at(0.60, 0.36, 0.86, 0.70), outline=(150, 44, 40, 255), width=_px(0.05))
    _cylinder(image, (0.24, 0.24, 0.68, 0.80), (186, 58, 50), 0.045)
    draw = ImageDraw.Draw(image)
    draw.ellipse(_at(0.24, 0.195, 0.68, 0.285), fill=(214, 170, 120, 255))
    draw.ellipse(_at(0.265, 0.208, 0.655, 0.274), fill=(112, 66, 42, 255))
    for x, y in ((0.35, 0.45), (0.47, 0.56), (0.56, 0.44), (0.40, 0.67)):
        _flake(draw, x, y, 0.035)
    return image


def _serum() -> Image.Image:
    image = _sheet()
    _cylinder(image, (0.36, 0.34, 0.64, 0.86), (94, 128, 112), 0.03)
    _cylinder(image, (0.43, 0.16, 0.57, 0.35), (226, 205, 160), 0.018)
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle(_at(0.39, 0.48, 0.61, 0.74), _px(0.01), fill=(250, 248, 242, 245))
    draw.line(_at(0.43, 0.56, 0.57, 0.56), fill=(94, 128, 112, 255), width=_px(0.006))
    draw.line(_at(0.45, 0.60, 0.55, 0.60), fill=(160, 160, 150, 255), width=_px(0.004))
    draw.ellipse(_at(0.475, 0.64, 0.525, 0.69), outline=(200, 176, 120, 255), width=_px(0.005))
    return image


def _thermos() -> Image.Image:
    image = _sheet()
    _cylinder(image, (0.37, 0.26, 0.63, 0.90), (38, 66, 104), 0.028)
    _cylinder(image, (0.39, 0.11, 0.61, 0.28), (128, 138, 152), 0.022)
    draw = ImageDraw.Draw(image)
    draw.rectangle(_at(0.37, 0.80, 0.63, 0.815), fill=(206, 210, 216, 160))
    draw.ellipse(_at(0.47, 0.50, 0.53, 0.56), outline=(206, 210, 216, 255), width=_px(0.006))
    return image


PRODUCTS: dict[str, tuple[Callable[[], Image.Image], str]] = {
    "mug": (_mug, "jpeg"),
    "serum": (_serum, "png"),
    "thermos": (_thermos, "jpeg"),
}


def _sheet() -> Image.Image:
    return Image.new("RGBA", (SIDE * FINE, SIDE * FINE), (0, 0, 0, 0))


def _px(share: float) -> int:
    return int(share * SIDE * FINE)


def _at(left: float, top: float, right: float, bottom: float) -> Box:
    side = SIDE * FINE
    return (left * side, top * side, right * side, bottom * side)


def _cylinder(image: Image.Image, box: Box, colour: Colour, bend: float) -> None:
    """A round body: light from the left, darker towards the edges, rounded at the bottom."""
    left, top, right, bottom = box
    shape = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(shape)
    draw.rectangle(_at(left, top, right, bottom - bend), fill=255)
    draw.ellipse(_at(left, bottom - 2 * bend, right, bottom), fill=255)
    draw.ellipse(_at(left, top - bend, right, top + bend), fill=255)
    ramp = Image.new("RGBA", (256, 1))
    ramp.putdata([(*_lit(colour, x / 255), 255) for x in range(256)])
    width, height = _px(right - left), image.height
    body = Image.new("RGBA", image.size, (0, 0, 0, 0))
    body.paste(ramp.resize((width, height), Image.Resampling.BICUBIC), (_px(left), 0))
    body.putalpha(ImageChops.multiply(shape, body.getchannel("A")))
    image.alpha_composite(body)


def _lit(colour: Colour, place: float) -> Colour:
    light = 0.55 + 0.75 * max(0.0, 1 - abs(place - 0.3) / 0.45) * 0.8 - 0.35 * max(0.0, place - 0.75)
    gloss = 45 * max(0.0, 1 - abs(place - 0.27) / 0.05)
    red, green, blue = (min(255, int(part * light + gloss)) for part in colour)
    return (red, green, blue)


def _flake(draw: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    white, width = (240, 214, 176, 235), _px(0.006)
    for dx, dy in ((1, 0), (0, 1), (0.7, 0.7), (0.7, -0.7)):
        draw.line(_at(x - size * dx, y - size * dy, x + size * dx, y + size * dy), fill=white, width=width)


def _shadow(product: Image.Image) -> Image.Image:
    """A soft shadow on the ground below."""
    left, _top, right, bottom = product.getbbox() or (0, 0, SIDE, SIDE)
    shade = Image.new("RGBA", product.size, (0, 0, 0, 0))
    flat = (left + 10, bottom - 26, right - 10, bottom + 22)
    ImageDraw.Draw(shade).ellipse(flat, fill=(60, 60, 66, 80))
    return shade.filter(ImageFilter.GaussianBlur(30))
