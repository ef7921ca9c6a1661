"""Any kind of pixels as 8-bit sRGB. Pure."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

_SRGB = ImageCms.createProfile("sRGB")
_DEEP = ("I", "I;16", "I;16B", "I;16L", "F")


def to_srgb(image: Image.Image, most: int) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert to 8-bit sRGB and scale down.

    Args:
        image: as opened, any mode, with its colour profile in `info`; it is decoded here.
        most: pixels the long side may have at most.

    Returns:
        RGB or RGBA without metadata, and Chinese notes where colours may have changed.

    Raises:
        OSError, ValueError and others of Pillow's decoders: the file is broken.
    """
    profile = image.info.get("icc_profile")
    colour, alpha = _parts(image)
    if max(image.size) > most:
        share = most / max(image.size)
        size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        colour, alpha = _resized(colour, alpha, size)
    rgb, notes = _converted(colour, profile)
    if alpha is not None:
        rgb.putalpha(alpha)
    rgb.info.clear()
    return rgb, notes


def _parts(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colour as L, RGB, CMYK or LAB, and alpha. The colour space stays, for its profile's sake."""
    image.load()
    if image.mode in _DEEP:
        return _eight_bit(image), None
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        grey = image.mode in ("L", "LA")
        return rgba.convert("L" if grey else "RGB"), rgba.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _eight_bit(image: Image.Image) -> Image.Image:
    """Deep greys: 16 bits lose their lower half; wider integers and floats are stretched to what is there."""
    deep = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((deep >> 8).astype(np.uint8))
    deep = np.nan_to_num(deep.astype(np.float64), posinf=0, neginf=0)
    low, high = float(deep.min()), float(deep.max())
    # Whole numbers up to 65535 are 16 bits that a decoder handed over in a wider box.
    low, high = (0.0, 65535.0) if image.mode == "I" and 255 < high <= 65535 else (low, high)
    scaled = (deep - low) / max(high - low, 1e-9) * 255
    return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8))


def _resized(
    colour: Image.Image, alpha: Image.Image | None, size: tuple[int, int]
) -> tuple[Image.Image, Image.Image | None]:
    """Scale both. Colours under transparency must not bleed in, so Pillow gets them as one RGBA."""
    if alpha is None or colour.mode not in ("L", "RGB"):
        shrunk = alpha.resize(size, Image.Resampling.LANCZOS) if alpha else None
        return colour.resize(size, Image.Resampling.LANCZOS), shrunk
    whole = colour.convert("RGB")
    whole.putalpha(alpha)
    whole = whole.resize(size, Image.Resampling.LANCZOS)
    return whole.convert(colour.mode), whole.getchannel("A")


def _converted(colour: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if colour.mode == "CMYK":
        notes = ("照片是印刷用的 CMYK 颜色，已转换为屏幕颜色，请核对商品颜色。",)
    if profile:
        try:
            return _by_profile(colour, profile), notes
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes += ("照片自带的颜色配置无法使用，已按普通颜色处理，请核对商品颜色。",)
    if colour.mode == "LAB":
        lab = ImageCms.buildTransform(ImageCms.createProfile("LAB"), _SRGB, "LAB", "RGB")
        return _transformed(colour, lab), notes
    return colour.convert("RGB"), notes


def _by_profile(colour: Image.Image, profile: bytes) -> Image.Image:
    """Relative colorimetric with black point compensation: whites stay white, as browsers do it."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(
        source, _SRGB, colour.mode, "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip
    return _transformed(colour, transform)


def _transformed(colour: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    result = ImageCms.applyTransform(colour, transform)
    if result is None:  # pragma: no cover - only with inPlace=True
        raise ValueError("The colour transform gave no picture; call it without inPlace.")
    return result
