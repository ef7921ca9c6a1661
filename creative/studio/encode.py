"""A picture as the file a channel takes: exact size, within its bytes, sRGB, labelled. Pure.

Files carry no colour profile: channels and browsers read a picture without one as sRGB, and the time of day
in a profile would make two files of one picture. PNG says sRGB in its own chunk of one byte.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from creative.studio.containers import pad
from creative.studio.hashing import sha256
from creative.studio.label import Source, write_label
from creative.studio.model import AigcLabel, Format

BEST = 92
"""JPEG and WebP quality to begin with; above it files grow and nobody sees a difference."""
WORST = 60
"""Quality below which edges of text fray; a picture that needs less is refused."""
FULL_COLOUR = 80
"""JPEG quality to which colours keep full resolution (4:4:4); then 4:2:0 of higher quality looks better."""
COLOURS = (256, 128, 64)
"""Sizes of palette for a PNG that is too large without loss; only the first is dithered, it costs bytes."""

Write = Callable[[int], bytes]
"""From a quality to a file."""


class EncodeError(ValueError):
    """A picture that cannot become the file a channel asks for.

    Args:
        reason: ``size`` (a fault of the caller) or ``too_large``.
        sentence: Chinese, what to do.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished file.

    Args:
        bytes: the file with its label.
        quality: 1 to 100 for JPEG and WebP; 100 for PNG, less if colours had to go (share of 256).
        sha256: of the bytes.
        width, height: pixels.
        how: for the record, ``jpeg 4:4:4``, ``png``, ``png 128 colours``, ``… padded``.
    """

    bytes: bytes
    quality: int
    sha256: str
    width: int
    height: int
    how: str


@dataclass(frozen=True, slots=True)
class _Try:
    """One way to write the file, with the qualities it may use."""

    how: str
    write: Write
    qualities: range


def encode(
    image: Image.Image, fmt: Format, label: AigcLabel | None, source: Source = Source.COMPOSITE
) -> Encoded:
    """The best file of the format that is neither too large nor too small.

    Args:
        image: sRGB, of exactly the format's pixels; transparency is kept where the file type has it, else it
            lies on white.
        fmt: what the channel wants.
        label: the implicit label, whose bytes count; None for pictures without generated content.
        source: for IPTC, with a label.

    Raises:
        EncodeError: the picture has another size, or does not fit ``fmt.most`` even at the worst quality; the
            sentence says what to do.
        LabelError: the label's values are not allowed.
    """
    if image.size != (fmt.width, fmt.height):
        raise EncodeError(
            "size",
            f"图片是 {image.width}×{image.height}，“{fmt.name}”要 {fmt.width}×{fmt.height}，请重新排版。",
        )
    plain = _plain(image, fmt.file)

    def labelled(data: bytes) -> bytes:
        return write_label(data, label, source) if label else data

    found = _search(_tries(plain, fmt.file), labelled, fmt.most)
    if found is None:
        raise EncodeError(
            "too_large",
            f"“{fmt.name}”压到最低画质仍超过 {_size(fmt.most)}，请换一张细节少些的背景，或减少文字后重做。",
        )
    data, quality, how = found
    if len(data) < fmt.least:
        data, quality, how = _grown(plain, fmt, labelled, found)
    return Encoded(data, quality, sha256(data), fmt.width, fmt.height, how)


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB" if count >= 1 << 20 else f"{count // 1024} KB"


def _plain(image: Image.Image, file: str) -> Image.Image:
    """RGB or RGBA without metadata: Pillow would copy profiles and comments into the file."""
    clear = image.has_transparency_data
    plain = image.convert("RGBA" if clear else "RGB")
    if clear and file == "jpeg":
        ground = Image.new("RGBA", plain.size, "white")
        ground.alpha_composite(plain)
        plain = ground.convert("RGB")
    plain = plain.copy() if plain is image else plain
    plain.info.clear()
    return plain


def _tries(image: Image.Image, file: str) -> Iterator[_Try]:
    """Ways to write, the best first."""
    if file == "jpeg":
        yield _Try("jpeg 4:4:4", partial(_jpeg, image, 0), range(FULL_COLOUR, BEST + 1))
        yield _Try("jpeg 4:2:0", partial(_jpeg, image, 2), range(WORST, BEST + 1))
    elif file == "webp":
        yield _Try("webp", partial(_webp, image), range(WORST, BEST + 1))
    else:
        for level in (6, 9):
            yield _Try("png", partial(_png, image, level), range(100, 101))
        for colours in COLOURS:
            share = colours * 99 // 256
            yield _Try(f"png {colours} colours", partial(_palette, image, colours), range(share, share + 1))


def _search(
    tries: Iterator[_Try], labelled: Callable[[bytes], bytes], most: int
) -> tuple[bytes, int, str] | None:
    """The first way that fits, at its highest quality that does (halving: size grows with quality)."""
    for one in tries:
        fitting: tuple[bytes, int, str] | None = None
        low, high, quality = one.qualities.start, one.qualities.stop - 1, one.qualities.stop - 1
        while low <= high:
            data = labelled(one.write(quality))
            if len(data) <= most:
                fitting, low = (data, quality, one.how), quality + 1
            else:
                high = quality - 1
            quality = (low + high + 1) // 2
        if fitting:
            return fitting
    return None


def _grown(
    image: Image.Image, fmt: Format, labelled: Callable[[bytes], bytes], found: tuple[bytes, int, str]
) -> tuple[bytes, int, str]:
    """A file that was too small: better quality first, then less effort in packing, then a comment of spaces.

    A picture of one colour stays small at any quality; the comment is what channels' own tools do to it too.
    """
    largest = found
    for quality, how, write in _growing(image, fmt.file):
        data = labelled(write(quality))
        if len(data) > fmt.most:
            break
        if len(data) >= fmt.least:
            return data, quality, how
        largest = (data, quality, how) if len(data) > len(largest[0]) else largest
    data, quality, how = largest
    return pad(data, fmt.least - len(data)), quality, f"{how} padded"


def _growing(image: Image.Image, file: str) -> Iterator[tuple[int, str, Write]]:
    if file == "jpeg":
        yield 96, "jpeg 4:4:4", partial(_jpeg, image, 0)
        yield 100, "jpeg 4:4:4", partial(_jpeg, image, 0)
        yield (
            100,
            "jpeg 4:4:4 baseline",
            lambda quality: _saved(image, "JPEG", quality=quality, subsampling=0),
        )
    elif file == "webp":
        yield 100, "webp", partial(_webp, image)
    else:
        yield 100, "png fast", partial(_png, image, 1)


def _jpeg(image: Image.Image, subsampling: int, quality: int) -> bytes:
    options = {"quality": quality, "subsampling": subsampling}
    return _saved(image, "JPEG", optimize=True, progressive=True, **options)


def _webp(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "WEBP", quality=quality, method=4)


def _png(image: Image.Image, level: int, _: int) -> bytes:
    """Its quality is not asked: PNG has none."""
    info = PngInfo()
    info.add(b"sRGB", b"\x00")  # perceptual, W3C PNG 11.3.2.5
    return _saved(image, "PNG", pnginfo=info, compress_level=level)


def _palette(image: Image.Image, colours: int, quality: int) -> bytes:
    """Fewer colours. For opaque pictures median cut; only the octree keeps transparency."""
    if image.mode == "RGBA":
        return _png(image.quantize(colours, Image.Quantize.FASTOCTREE), 9, quality)
    reduced = image.quantize(colours, Image.Quantize.MEDIANCUT)
    if colours == COLOURS[0]:
        reduced = image.quantize(palette=reduced, dither=Image.Dither.FLOYDSTEINBERG)
    return _png(reduced, 9, quality)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
