"""Composing a poster of 1080 by 1920 against the same poster drawn with bare Pillow calls.

    python -m benchmarks.creative_compose [--rounds 9]

The peer knows everything beforehand: sizes, positions and colours are read from our composition, so it sets
no text, measures no contrast and keeps no layers. It fills the canvas with the background, scales the product
by the same filter with the same short cut, blurs a shadow around the product and draws the same lines in
the same fonts. CPU time, rounds alternating, one thread, a fresh studio a round, so that nothing but open
fonts and set lines is kept. Target: at most 1.2 x.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from creative.studio import gallery_art as art
from creative.studio.compose import compose
from creative.studio.fonts import SANS, Weight
from creative.studio.formats import FORMATS
from creative.studio.gallery import SERUM, SERUM_COPY
from creative.studio.layout import defaults
from creative.studio.model import Composition, Layer, Product

TARGET = 1.2
POSTER = FORMATS["poster"]


def main() -> int:
    """Measure and print; 0 when ours takes at most ``TARGET`` times the peer's time."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.creative_compose", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    scene = art.table((1200, 2100))
    product = art.bottle().image.resize((1600, 3800), Image.Resampling.BICUBIC)  # as large as a photo is
    subject = Product(product, cut=True, method="alpha")
    template = defaults()["left_text"]

    def ours() -> Composition:
        return compose(SERUM_COPY, SERUM, subject, scene, POSTER, template, mark="AI生成")

    sample = ours()
    assert sample.faults == ()
    bare(sample, scene, product)
    ratios, best = [], [float("inf"), float("inf")]
    for _ in range(rounds):
        took = [cpu(lambda: bare(sample, scene, product)), cpu(ours)]
        ratios.append(took[1] / took[0])
        best = [min(pair) for pair in zip(best, took, strict=True)]
    print(f"{'peer: bare Pillow':<24}{best[0] * 1000:>8.0f} ms")
    print(f"{'compose':<24}{best[1] * 1000:>8.0f} ms, {len(sample.layers)} layers")
    ratio = statistics.median(ratios)
    print(f"ours against the peer: {ratio:.2f} x (target <= {TARGET})")
    return 0 if ratio <= TARGET else 1


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU one call takes."""
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


def bare(sample: Composition, scene: Image.Image, product: Image.Image) -> Image.Image:
    """Draw the poster of a composition with nothing but Pillow."""
    size = (sample.width, sample.height)
    canvas = ImageOps.fit(scene, size, Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(canvas)
    for layer in sample.layers:
        if layer.name == "商品":
            small = product.resize(layer.image.size, Image.Resampling.LANCZOS, reducing_gap=2.0)
            shade = Image.new("L", (small.width + 120, small.height + 120))
            shade.paste(small.getchannel("A"), (60, 60))
            soft = shade.filter(ImageFilter.GaussianBlur(24)).point(lambda value: value // 3)
            canvas.paste((12, 10, 14), (layer.left - 60, layer.top - 40), soft)
            canvas.paste(small, (layer.left, layer.top), small)
        elif layer.name.endswith("底") and layer.group == "文字":
            right, bottom = layer.left + layer.image.width - 1, layer.top + layer.image.height - 1
            pen.rounded_rectangle(
                (layer.left, layer.top, right, bottom), layer.image.height / 2, fill=(186, 84, 44)
            )
        elif layer.text:
            lines(pen, layer)
    return canvas


def lines(pen: ImageDraw.ImageDraw, layer: Layer) -> None:
    """Draw a text's lines where they stand in the composition."""
    text = layer.text
    if text is None:
        return
    weight: Weight = 900 if text.weight == 900 else 700 if text.weight == 700 else 400
    font, (width, edge) = SANS.font(weight, text.size), text.stroke or (0, (0, 0, 0))
    for line in text.lines:
        pen.text(
            (line.x, line.baseline),
            line.text,
            fill=text.colour,
            font=font,
            anchor="ls",
            stroke_width=width,
            stroke_fill=edge,
        )


if __name__ == "__main__":
    sys.exit(main())
