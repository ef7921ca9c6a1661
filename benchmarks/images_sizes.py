"""Composing each size against bare Pillow calls: ``benchmarks.creative_compose`` for more than the poster."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from functools import partial

from PIL import Image

from benchmarks.creative_compose import TARGET, bare, cpu
from creative.studio import gallery_art as art
from creative.studio.compose import compose
from creative.studio.encode import encode
from creative.studio.formats import FORMATS
from creative.studio.gallery import SERUM, SERUM_COPY
from creative.studio.layout import defaults
from creative.studio.model import Composition, Format, Product
from creative.studio.psd import write_psd
from creative.studio.svg import write_svg

KEYS = ("poster", "red_note", "jd_scene", "qianchuan_wide", "banner")
ROUNDS = 7


def sizes() -> bool:
    """Print milliseconds a size, ours and the peer's, and what its files take; True when none is too slow."""
    scene = art.table((2000, 2100))
    product = art.bottle().image.resize((1600, 3800), Image.Resampling.BICUBIC)  # as large as a photo is
    subject = Product(product, cut=True, method="alpha")
    print(f"{'CPU ms':<34}{'compose':>8}{'peer':>8}{'ratio':>7}{'encode':>8}{'PSD':>7}{'SVG':>7}")
    ratios = []
    for key in KEYS:
        fmt = FORMATS[key]
        name, ours = fitting(fmt, subject, scene)
        sample = ours()
        pairs = [(cpu(ours), cpu(partial(bare, sample, scene, product))) for _ in range(ROUNDS)]
        ratios.append(statistics.median(mine / peer for mine, peer in pairs))
        best = [min(each) * 1000 for each in zip(*pairs, strict=True)]
        files = [cpu(each) * 1000 for each in writers(sample, fmt)]
        label = f"{fmt.name} ({name})"
        print(
            f"{label:<28}{best[0]:>8.0f}{best[1]:>8.0f}{ratios[-1]:>7.2f}"
            + "".join(f"{each:>7.0f}" for each in files)
        )
    worst = max(ratios)
    print(f"worst ratio {worst:.2f} (target <= {TARGET}): {'met' if worst <= TARGET else 'MISSED'}")
    return worst <= TARGET


def fitting(fmt: Format, subject: Product, scene: Image.Image) -> tuple[str, partial[Composition]]:
    """The first layout in which a size has no faults.

    Raises:
        LookupError: no layout of the product has room for the sample's texts.
    """
    for name, template in defaults().items():
        ours = partial(compose, SERUM_COPY, SERUM, subject, scene, fmt, template, mark="AI生成")
        if not ours().faults:
            return name, ours
    raise LookupError(f"{fmt.name}: no layout fits the sample; give it shorter texts")


def writers(sample: Composition, fmt: Format) -> Iterator[Callable[[], object]]:
    """What makes files of a composition: as the channel wants it, PSD, SVG."""
    yield partial(encode, sample.flat, fmt, None)
    yield partial(write_psd, sample)
    yield partial(write_svg, sample)
