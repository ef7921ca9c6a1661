"""Product photos whose truth is known, for measuring cut-outs."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from creative.studio.photo import Photo

SIDE = 450
RED, WHITE = (196, 52, 60), (250, 250, 249)


@dataclass(frozen=True)
class Case:
    """A photo, and what of it is the product (grey, 255 is product)."""

    image: Image.Image
    truth: Image.Image

    @property
    def photo(self) -> Photo:
        """As `open_photo` would give it."""
        return Photo(self.image, "0" * 64, *self.image.size, "png")


def mug(
    colour: tuple[int, int, int], label: tuple[int, int, int] | None = None, dark: int = 190
) -> tuple[Image.Image, Image.Image]:
    """A mug with a ring handle, drawn four times as large for smooth edges: RGB pixels and truth.

    Args:
        colour: of the mug where the light falls.
        label: colour of a printed label.
        dark: brightness of the other side, of 255.
    """
    big = 4 * SIDE
    truth = Image.new("L", (big, big))
    draw = ImageDraw.Draw(truth)
    draw.ellipse((1050, 620, 1450, 1180), fill=255)
    draw.ellipse((1140, 710, 1360, 1090), fill=0)
    draw.rounded_rectangle((480, 450, 1180, 1350), 120, fill=255)
    body = Image.new("RGB", (big, big), colour)
    light = (
        Image.linear_gradient("L")
        .rotate(90)
        .resize((big, big))
        .point(lambda level: dark + level * (255 - dark) // 255)
    )
    body = ImageChops.multiply(body, Image.merge("RGB", [light] * 3))
    if label:
        ImageDraw.Draw(body).rounded_rectangle((600, 700, 1000, 1000), 30, fill=label)
        ImageDraw.Draw(body).rectangle((660, 800, 940, 830), fill=(60, 60, 70))
    small = (SIDE, SIDE)
    return body.resize(small, Image.Resampling.BOX), truth.resize(small, Image.Resampling.BOX)


def flat(colour: tuple[int, int, int], noise: float = 1.0) -> Image.Image:
    """A background of one colour with the grain of a sensor."""
    grain = np.random.default_rng(3).normal(0, noise, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.asarray(colour) + grain, 0, 255).astype(np.uint8))


def placed(ground: Image.Image, body: Image.Image, truth: Image.Image, shadow: float = 0) -> Case:
    """The mug on a background, slightly out of focus; `shadow` is the softness of one in pixels."""
    image = ground.copy()
    if shadow:
        soft = ImageChops.offset(truth, 15, 22).filter(ImageFilter.GaussianBlur(shadow))
        image = ImageChops.multiply(
            image, Image.merge("RGB", [soft.point(lambda level: 255 - level * 2 // 5)] * 3)
        )
    image.paste(body, mask=truth)
    return Case(image.filter(ImageFilter.GaussianBlur(0.6)), truth)


def vignette() -> Image.Image:
    """Grey, brighter in the middle, light from the left."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    light = 225 - 90 * (rows**2 + columns**2) - 25 * columns
    grain = np.random.default_rng(5).normal(0, 1.2, (SIDE, SIDE, 1))
    return Image.fromarray(np.clip(light[..., None] + grain + (0, 1, 3), 0, 255).astype(np.uint8))


def busy() -> Image.Image:
    """Coloured patches everywhere; greens and blues, so that a red mug can be told from them."""
    dots = np.random.default_rng(7).integers(40, 200, (24, 24, 3), dtype=np.uint8)
    dots[..., 0] //= 3
    return (
        Image.fromarray(dots)
        .resize((SIDE, SIDE), Image.Resampling.NEAREST)
        .filter(ImageFilter.GaussianBlur(4))
    )


def overlap(alpha: Image.Image, truth: Image.Image) -> float:
    """Intersection over union."""
    one, other = np.asarray(alpha) > 127, np.asarray(truth) > 127
    return float((one & other).sum() / (one | other).sum())
