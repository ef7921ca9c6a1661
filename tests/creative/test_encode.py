"""Files for channels: exact pixels, within the bytes, as good as they may be, labelled."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFilter

from creative.studio.encode import BEST, WORST, Encoded, EncodeError, encode
from creative.studio.hashing import sha256
from creative.studio.label import read_label, write_label
from creative.studio.model import AigcLabel, Format

LABEL = AigcLabel("001191110102MAD55U9H0F10002", "CHORUS-1")
SQUARE = Format("tmall_main", "天猫主图 800×800", "天猫", 240, 240, "jpeg", 3 << 20)


def picture(size: tuple[int, int] = (240, 240), blur: float = 1.2) -> Image.Image:
    """Coloured noise, softened: as hard to compress as a busy photo."""
    noise = np.random.default_rng(4).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(blur))


def opened(result: Encoded) -> Image.Image:
    """The file, decoded."""
    image = Image.open(io.BytesIO(result.bytes))
    image.load()
    return image


def sampling(result: Encoded) -> tuple[int, ...]:
    """The sampling factors of the luma component in a JPEG."""
    return tuple(Image.open(io.BytesIO(result.bytes)).layer[0][1:3])


@pytest.mark.parametrize(("file", "kind"), [("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
@pytest.mark.parametrize("label", [LABEL, None])
def test_a_file_that_fits_has_the_best_quality(file: str, kind: str, label: AigcLabel | None) -> None:
    result = encode(picture(), dataclasses.replace(SQUARE, file=file), label)
    image = opened(result)
    assert image.format == kind
    assert image.size == (result.width, result.height) == (240, 240)
    assert result.quality == (100 if file == "png" else BEST)
    assert result.sha256 == sha256(result.bytes)
    assert read_label(result.bytes) == label
    difference = ImageChops.difference(image.convert("RGB"), picture())
    assert np.asarray(difference).mean() < (0.01 if file == "png" else 6)


def test_jpeg_is_progressive_with_full_colour() -> None:
    result = encode(picture(), SQUARE, None)
    assert opened(result).info.get("progressive")
    assert sampling(result) == (1, 1)


@pytest.mark.parametrize("share", [0.95, 0.7, 0.5, 0.4])
def test_the_highest_quality_under_the_limit_is_found(share: float) -> None:
    most = int(len(encode(picture(), SQUARE, LABEL).bytes) * share)
    result = encode(picture(), dataclasses.replace(SQUARE, most=most), LABEL)
    assert len(result.bytes) <= most
    assert WORST <= result.quality < BEST
    better = io.BytesIO()
    picture().save(
        better,
        "JPEG",
        quality=result.quality + 1,
        subsampling=result.how[5:],
        optimize=True,
        progressive=True,
    )
    assert len(write_label(better.getvalue(), LABEL)) > most


def test_colour_resolution_goes_before_quality_goes_far() -> None:
    full = len(encode(picture(), SQUARE, None).bytes)
    assert encode(picture(), dataclasses.replace(SQUARE, most=int(full * 0.8)), None).how == "jpeg 4:4:4"
    result = encode(picture(), dataclasses.replace(SQUARE, most=int(full * 0.45)), None)
    assert result.how == "jpeg 4:2:0"
    assert sampling(result) == (2, 2)


@pytest.mark.parametrize("file", ["jpeg", "png", "webp"])
def test_the_labels_bytes_count(file: str) -> None:
    fmt = dataclasses.replace(SQUARE, file=file)
    fmt = dataclasses.replace(fmt, most=len(encode(picture(), fmt, None).bytes))
    without, labelled = encode(picture(), fmt, None), encode(picture(), fmt, LABEL)
    assert max(len(without.bytes), len(labelled.bytes)) <= fmt.most
    assert labelled.quality < without.quality


@pytest.mark.parametrize("file", ["jpeg", "png", "webp"])
def test_the_impossible_is_a_sentence(file: str) -> None:
    with pytest.raises(EncodeError, match="请换一张") as caught:
        encode(picture(), dataclasses.replace(SQUARE, file=file, most=4000), LABEL)
    assert "3 KB" in caught.value.sentence
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("clear", [True, False])
def test_png_gives_up_colours_at_last(clear: bool) -> None:
    image = picture(blur=8)
    if clear:
        image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda level: 255 * (level > 99)))
    fmt = dataclasses.replace(SQUARE, file="png")
    lossless = encode(image, fmt, LABEL)
    reduced = encode(image, dataclasses.replace(fmt, most=int(len(lossless.bytes) * 0.7)), LABEL)
    assert reduced.how.endswith("colours")
    assert reduced.quality < 100
    assert read_label(reduced.bytes) == LABEL
    again = opened(reduced).convert(image.mode)
    assert np.abs(np.asarray(again, np.int16) - np.asarray(image, np.int16)).mean() < 10
    if clear:
        assert again.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize("file", ["png", "webp"])
def test_transparency_stays_where_it_can(file: str) -> None:
    image = picture()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    result = opened(encode(image, dataclasses.replace(SQUARE, file=file), LABEL))
    assert result.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_on_jpeg_transparency_lies_on_white() -> None:
    result = opened(encode(Image.new("RGBA", (240, 240)), SQUARE, None))
    assert result.getpixel((200, 200)) == (255, 255, 255)


@pytest.mark.parametrize("file", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("blank", [True, False])
def test_a_least_size_is_reached(file: str, blank: bool) -> None:
    """Taobao's white ground picture must have 38 KB: by quality if it can, by padding if it is blank."""
    image = Image.new("RGB", (240, 240), "white")
    if not blank:
        image.paste(picture((100, 100), 2), (70, 70))
    fmt = dataclasses.replace(SQUARE, file=file, least=38 << 10, most=300 << 10)
    result = encode(image, fmt, LABEL)
    assert fmt.least <= len(result.bytes) <= fmt.most
    assert read_label(result.bytes) == LABEL
    assert result.how.endswith("padded") or not blank
    assert opened(result).getpixel((5, 5)) == (255, 255, 255)


def test_a_better_quality_is_taken_before_padding() -> None:
    normal = encode(picture(), SQUARE, None)
    fmt = dataclasses.replace(SQUARE, least=len(normal.bytes) + 1000)
    result = encode(picture(), fmt, None)
    assert result.quality > BEST
    assert not result.how.endswith("padded")


def test_another_size_is_a_fault_of_the_caller() -> None:
    with pytest.raises(EncodeError, match="240×240") as caught:
        encode(picture((401, 240)), SQUARE, None)
    assert caught.value.reason == "size"


def test_nothing_of_the_pictures_metadata_gets_into_the_file() -> None:
    image = picture()
    image.info = {"icc_profile": b"secret profile", "comment": b"secret comment", "exif": b"Exif\0\0secret"}
    for file in ("jpeg", "png", "webp"):
        assert b"secret" not in encode(image, dataclasses.replace(SQUARE, file=file), None).bytes
    assert image.info


def test_equal_pictures_are_equal_files() -> None:
    for file in ("jpeg", "png", "webp"):
        fmt = dataclasses.replace(SQUARE, file=file)
        assert encode(picture(), fmt, LABEL) == encode(picture(), fmt, LABEL)


def test_png_says_srgb() -> None:
    assert opened(encode(picture(), dataclasses.replace(SQUARE, file="png"), None)).info["srgb"] == 0
