"""An operator's file as a picture that can be trusted: upright, sRGB, of a sane size, free of metadata. Pure.

The file comes from outside. It is told apart by its bytes, only the one decoder that fits is let near it, its
size is judged before a pixel is decoded, and nothing in it is followed, fetched or run.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from creative.studio.colours import to_srgb
from creative.studio.hashing import sha256
from creative.studio.sniff import DAMAGE, ENDINGS, PICTURES, Kind, sniff

MOST_BYTES = 50 * 1024 * 1024
"""Bytes of a file. Feishu's own limit for one piece is 20 MB; whoever needs more than this sends a scan."""
MOST_PIXELS = 50_000_000
"""Pixels that may be decoded: 200 MB as RGBA. A phone of 50 megapixels gives 8160 × 6120."""
MOST_JPEG_PIXELS = 120_000_000
"""As above for JPEG, which can be decoded at an eighth to a half of its size (108-megapixel phones)."""
LONG_SIDE = 4096
"""Pixels a photo keeps at most on its long side; the largest format is 2560."""
LEAST_SIDE = 300
"""Pixels: with a long side below it a photo is refused, with a short side below it the designer is told.
Taobao asks for a subject of more than 300 × 300 on white ground (second-hand, 2026-11)."""
THINNEST = 32
"""Pixels of the short side below which nothing can be seen."""

_NOT_A_PICTURE = {
    Kind.HEIC: "是苹果 HEIC 格式，暂时打不开。请导出为 JPG 再上传；手机相机格式选“兼容性最佳”可避免。",
    Kind.RAW: "是相机 RAW 原片，不能直接使用。请导出为 JPG 或 PNG 再上传。",
    Kind.PSD: "是 PSD 设计稿。请在设计软件里导出为 PNG（可带透明背景）再上传。",
    Kind.SVG: "是 SVG 矢量图，不能当商品照片。请导出为边长 1000 像素以上的 PNG 再上传。",
    Kind.PDF: "是 PDF 文档，不是图片。请把其中的商品图另存为 JPG 或 PNG 再上传。",
    Kind.VIDEO: "是视频，不是图片。请截取一张清晰的画面，存为 JPG 或 PNG 再上传。",
    Kind.AUDIO: "是音频，不是图片。请上传商品照片（JPG 或 PNG）。",
    Kind.ARCHIVE: "是压缩包或办公文档，不是图片。请把里面的图片取出来单独上传。",
    Kind.HTML: "是网页，不是图片。请打开网页，把图片本身保存下来再上传。",
    Kind.LINK: "里面只有一个网址，没有图片。系统不会去访问网址，请把图片下载下来再上传。",
    Kind.TEXT: "是文字，不是图片。请上传商品照片（JPG 或 PNG）。",
    Kind.UNKNOWN: "不是能识别的图片格式。请上传 JPG、PNG 或 WebP 图片。",
}


class PhotoRefused(Exception):  # noqa: N818 - not an error of the program
    """A file that cannot be used.

    Args:
        reason: stable word for code and statistics (``truncated``, ``too_large``, ``heic`` …).
        sentence: Chinese, for the operator's row: what is wrong and what to do.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo ready for use.

    Args:
        image: RGB, or RGBA if a part of it is transparent; sRGB, upright, long side at most `LONG_SIDE`.
        sha256: of the file's bytes as they came.
        width, height: pixels of `image`.
        format: what the file was (``jpeg``, ``png``, ``webp``, ``gif``, ``bmp``, ``tiff``, ``avif``).
        notes: Chinese sentences for the designer about what was done to it.
    """

    image: Image.Image
    sha256: str
    width: int
    height: int
    format: str
    notes: tuple[str, ...] = ()


def open_photo(data: bytes, name: str) -> Photo:
    """Open a file from outside.

    Args:
        data: the whole file.
        name: what its owner calls it; only for sentences, it decides nothing.

    Raises:
        PhotoRefused: the file is no usable picture; show `sentence` to whoever uploaded it.
    """
    called = _called(name)
    kind = _kind(data, called)
    notes = _name_notes(kind, name)
    try:
        image, more = _decoded(data, kind, called)
    except DAMAGE as error:
        raise _damaged(data, kind, called) from error
    image = _judged(image, called)
    notes += more
    if min(image.size) < LEAST_SIDE:
        notes += (f"{called}较小（{image.width}×{image.height}），放大后会发虚，建议换一张更大的。",)
    return Photo(image, sha256(data), image.width, image.height, kind.value, notes)


def _called(name: str) -> str:
    """The name as it may stand in a sentence: one line, not long, without invisible signs."""
    shown = "".join(sign for sign in name if sign.isprintable()).strip()
    shown = shown if len(shown) <= 40 else f"{shown[:28]}…{shown[-10:]}"
    return f"“{shown}”" if shown else "这个文件"


def _kind(data: bytes, called: str) -> Kind:
    if not data:
        raise PhotoRefused("empty", f"{called}是空文件（0 字节），可能没有传完。请重新上传。")
    if len(data) > MOST_BYTES:
        size = len(data) / 1024 / 1024
        raise PhotoRefused(
            "too_heavy", f"{called}有 {size:.0f} MB，超过 {MOST_BYTES >> 20} MB。请压缩后再上传。"
        )
    kind = sniff(data)
    if kind not in PICTURES:
        raise PhotoRefused(kind.value, called + _NOT_A_PICTURE[kind])
    return kind


def _name_notes(kind: Kind, name: str) -> tuple[str, ...]:
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if not ending or ending in ENDINGS[kind]:
        return ()
    return (f"{_called(name)}的扩展名与内容不符，实际是 {kind.value.upper()}，已按实际格式打开。",)


def _decoded(data: bytes, kind: Kind, called: str) -> tuple[Image.Image, tuple[str, ...]]:
    """Header, judgement, pixels, in this order; the picture and notes."""
    with warnings.catch_warnings():
        # Odd metadata is warned about; the size is judged here, by our own limit.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=[kind.value.upper()])
        except Image.DecompressionBombError as error:
            raise _too_large(called, "") from error
        with image:
            _shrink_early(image, kind, called)
            notes = _frames(image, kind)
            ImageOps.exif_transpose(image, in_place=True)
            srgb, more = to_srgb(image, LONG_SIDE)
    return srgb, notes + more


def _shrink_early(image: Image.Image, kind: Kind, called: str) -> None:
    """Refuse what is too large, and let a large JPEG be decoded at a fraction (370 → 137 ms for 4000²)."""
    pixels = image.width * image.height
    if pixels > (MOST_JPEG_PIXELS if kind is Kind.JPEG else MOST_PIXELS):
        raise _too_large(called, f"有 {image.width}×{image.height} 像素，")
    share = LONG_SIDE / max(image.size)
    if kind is Kind.JPEG and share < 1:
        image.draft(None, (int(image.width * share), int(image.height * share)))
        if image.width * image.height > MOST_PIXELS:
            raise _too_large(called, f"有 {pixels // 1_000_000} 百万像素，")


def _too_large(called: str, measure: str) -> PhotoRefused:
    return PhotoRefused(
        "too_large", f"{called}{measure}尺寸过大，没有打开。请缩小到长边 {LONG_SIDE} 像素以内再上传。"
    )


def _frames(image: Image.Image, kind: Kind) -> tuple[str, ...]:
    """JPEG is left out: phones append depth maps and second views as further "frames"."""
    if kind is Kind.JPEG or not getattr(image, "is_animated", False):
        return ()
    image.seek(0)
    return ("这是多页文件，只用了第一页。" if kind is Kind.TIFF else "这是动图，只用了第一帧。",)


def _damaged(data: bytes, kind: Kind, called: str) -> PhotoRefused:
    ends = {Kind.JPEG: b"\xff\xd9", Kind.PNG: b"IEND", Kind.GIF: b"\x3b"}
    end = ends.get(kind)
    if end is not None and end not in data[-64:]:
        return PhotoRefused("truncated", f"{called}不完整，只传了一部分。请重新上传原图。")
    return PhotoRefused("broken", f"{called}已损坏，打不开。请用看图软件打开后另存为 JPG 或 PNG，再上传。")


def _judged(image: Image.Image, called: str) -> Image.Image:
    """Refuse what shows nothing; drop an alpha channel that hides nothing."""
    size = f"{image.width}×{image.height}"
    if max(image.size) < LEAST_SIDE or min(image.size) < THINNEST:
        raise PhotoRefused(
            "too_small", f"{called}只有 {size} 像素，做出来会模糊。请上传边长 {LEAST_SIDE} 像素以上的原图。"
        )
    if image.mode == "RGBA":
        least, most = image.getchannel("A").getextrema()
        if most == 0:
            raise PhotoRefused("transparent", f"{called}整张都是透明的，看不到商品。请重新导出后上传。")
        return image.convert("RGB") if least == 255 else image
    return image
