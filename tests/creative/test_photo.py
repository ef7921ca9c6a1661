"""Files from outside: what is opened is upright, sRGB and small; what is not gets its own sentence."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from creative.studio import photo as module
from creative.studio.photo import LONG_SIDE, PhotoRefused, open_photo
from creative.studio.sniff import Kind, sniff

TEAL = (20, 130, 140)


def picture(size: tuple[int, int] = (400, 320), mode: str = "RGB") -> Image.Image:
    """Teal with a red upper left quarter, so that turning shows."""
    image = Image.new("RGB", size, TEAL)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), (220, 30, 30))
    return image.convert(mode)


def packed(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A file's bytes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def refused(data: bytes, name: str = "商品.jpg") -> PhotoRefused:
    """The refusal of a file; its sentence is Chinese and says what to do."""
    with pytest.raises(PhotoRefused) as caught:
        open_photo(data, name)
    sentence = caught.value.sentence
    assert "请" in sentence
    assert sentence.endswith("。")
    return caught.value


def near(image: Image.Image, at: tuple[int, int], colour: tuple[int, ...], by: int = 6) -> bool:
    """Is a pixel of about this colour?"""
    pixel = image.getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= by for a, b in zip(pixel[:3], colour, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_every_kind_opens_by_its_bytes(kind: str) -> None:
    result = open_photo(packed(picture(), kind), "")
    assert (result.width, result.height, result.format) == (400, 320, kind.lower())
    assert result.image.mode == "RGB"
    assert near(result.image, (300, 200), TEAL)
    assert near(result.image, (100, 80), (220, 30, 30))


def test_a_wrong_ending_is_only_noted() -> None:
    data = packed(picture(), "WEBP")
    assert open_photo(data, "a.webp").notes == ()
    assert open_photo(data, "没有扩展名").notes == ()
    assert "WEBP" in open_photo(data, "a.JPG").notes[0]


def test_the_same_file_has_the_same_hash_whatever_its_name() -> None:
    data = packed(picture())
    assert open_photo(data, "a.png").sha256 == open_photo(data, "b.png").sha256


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_rotation_is_applied(orientation: int) -> None:
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = picture() if orientation == 1 else picture().transpose(turn[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = open_photo(packed(stored, "JPEG", exif=exif, quality=95), "a.jpg").image
    assert result.size == (400, 320)
    assert near(result, (100, 80), (220, 30, 30))
    assert near(result, (300, 240), TEAL)


def test_nothing_of_the_files_metadata_stays() -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    result = open_photo(packed(picture(), "JPEG", exif=exif, comment=b"mine", dpi=(72, 72)), "a.jpg").image
    assert result.info == {}
    assert not result.getexif()


def test_cmyk_becomes_rgb_and_the_designer_is_told() -> None:
    result = open_photo(packed(picture(mode="CMYK"), "JPEG", quality=95), "a.jpg")
    assert result.image.mode == "RGB"
    assert near(result.image, (300, 240), TEAL, 10)
    assert "CMYK" in result.notes[0]


def test_deep_greys_keep_their_brightness() -> None:
    deep = Image.fromarray(np.full((320, 400), 0x8000, np.uint16))
    result = open_photo(packed(deep), "a.png").image
    assert result.mode == "RGB"
    assert near(result, (10, 10), (128, 128, 128), 1)


@pytest.mark.parametrize(("kind", "high"), [("I", 65535), ("F", 1.0)])
def test_wide_numbers_are_fitted_into_eight_bits(kind: str, high: float) -> None:
    ramp = np.linspace(0, high, 400).astype(np.int32 if kind == "I" else np.float32)
    result = open_photo(packed(Image.fromarray(np.tile(ramp, (320, 1))), "TIFF"), "a.tif").image
    assert near(result, (0, 9), (0, 0, 0), 1)
    assert near(result, (200, 9), (128, 128, 128), 2)
    assert near(result, (399, 9), (255, 255, 255), 1)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_few_colours_become_rgb(mode: str) -> None:
    assert open_photo(packed(picture(mode=mode)), "a.png").image.mode == "RGB"


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_transparency_stays(mode: str) -> None:
    image = picture(mode="RGBA")
    image.paste((0, 0, 0, 0), (200, 0, 400, 320))
    options = {} if mode != "P" else {"transparency": 0}
    if mode == "P":
        image = Image.new("P", (400, 320), 0)
        image.putpalette([0, 0, 0, *TEAL])
        image.paste(1, (0, 0, 200, 320))
    result = open_photo(packed(image if mode == "P" else image.convert(mode), **options), "a.png").image
    assert result.mode == "RGBA"
    assert result.getpixel((300, 100))[3] == 0
    assert result.getpixel((10, 10))[3] == 255


def test_an_alpha_channel_that_hides_nothing_goes() -> None:
    assert open_photo(packed(picture(mode="RGBA")), "a.png").image.mode == "RGB"


def exchanged() -> bytes:
    """A profile like sRGB whose red and blue primaries have changed places."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * data[131], 12)}
    red, blue = places[b"rXYZ"] + 4, places[b"bXYZ"] + 4
    data[red : red + 8], data[blue : blue + 8] = data[blue : blue + 8], data[red : red + 8]
    return bytes(data)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_profile_is_applied(mode: str) -> None:
    """In a space whose red and blue are exchanged, the numbers of teal mean its mirror image."""
    image = picture(mode=mode)
    if mode == "RGBA":
        image.putpixel((399, 319), (0, 0, 0, 0))
    result = open_photo(packed(image, icc_profile=exchanged()), "a.png").image
    assert result.mode == mode
    assert near(result, (300, 240), TEAL[::-1], 2)
    assert near(result, (100, 80), (30, 30, 220), 2)


def test_lab_is_converted() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB", 5000)).tobytes()
    image = Image.new("LAB", (400, 320), (137, 128, 128))
    for options in ({}, {"icc_profile": lab}):
        result = open_photo(packed(image, "TIFF", **options), "a.tif").image
        assert near(result, (5, 5), (128, 128, 128), 6)


def test_an_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    result = open_photo(packed(picture(), icc_profile=profile), "a.png")
    assert near(result.image, (300, 240), TEAL, 1)
    assert result.notes == ()


def test_a_profile_for_another_space_is_left_aside_and_said() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"no profile at all"):
        result = open_photo(packed(picture(), icc_profile=profile), "a.png")
        assert near(result.image, (300, 240), TEAL)
        assert "颜色配置" in result.notes[0]


@pytest.mark.parametrize(("kind", "mode"), [("GIF", "P"), ("WEBP", "RGB"), ("PNG", "RGB")])
def test_of_moving_pictures_the_first_frame(kind: str, mode: str) -> None:
    second = Image.new("RGB", (400, 320), (0, 0, 0))
    first = picture().quantize(8) if mode == "P" else picture()
    data = packed(first, kind, save_all=True, append_images=[second.convert(mode)])
    result = open_photo(data, "")
    assert near(result.image, (300, 240), TEAL, 12)
    assert "第一帧" in result.notes[0]


def test_of_pages_the_first() -> None:
    data = packed(picture(), "TIFF", save_all=True, append_images=[Image.new("RGB", (400, 320))])
    assert "第一页" in open_photo(data, "").notes[0]


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA")])
def test_large_photos_shrink(kind: str, mode: str) -> None:
    result = open_photo(packed(picture((5000, 1200), mode), kind), "")
    assert result.image.size == (LONG_SIDE, round(1200 * LONG_SIDE / 5000))
    assert near(result.image, (4000, 900), TEAL, 10)


def chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(width: int, height: int) -> bytes:
    """A PNG of this size whose pixels would all be black, in a few bytes."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(30_000, 30_000), (60_000, 1000), (9000, 9000)])
def test_bombs_are_refused_by_their_header(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object) -> None:
        pytest.fail("the pixels of a bomb were decoded")

    monkeypatch.setattr(Image.core, "zip_decoder", decoded)
    assert refused(png_header(*size)).reason == "too_large"


def test_a_bomb_in_a_text_chunk_is_refused() -> None:
    data = packed(picture())
    text = b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    assert refused(data[:33] + chunk(b"zTXt", text) + data[33:], "a.png").reason == "broken"


def test_a_huge_jpeg_is_refused_by_its_header() -> None:
    data = bytearray(packed(picture(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    assert refused(bytes(data)).reason == "too_large"
    data[at + 5 : at + 9] = struct.pack(">HH", 12_000, 12_000)
    assert "12000×12000" in refused(bytes(data)).sentence


def test_too_heavy_is_said_with_its_weight() -> None:
    assert "51 MB" in refused(bytes(51 << 20)).sentence


def test_empty() -> None:
    assert refused(b"").reason == "empty"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_half_a_file_is_called_so(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (320, 400, 3), dtype=np.uint8)
    data = packed(Image.fromarray(noise), kind)
    assert refused(data[: len(data) // 2]).reason == "truncated"


def test_a_hole_in_a_file_is_damage() -> None:
    data = packed(picture())
    middle = data.index(b"IDAT")
    assert refused(data[: middle + 4] + bytes(40) + data[middle + 44 :]).reason == "broken"


OTHERS = {
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "raw": b"II*\x00\x10\x00\x00\x00CR\x02\x00",
    "psd": b"8BPS\0\x01",
    "svg": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>',
    "pdf": b"%PDF-1.7\n%\xe2\xe3",
    "video": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2mp41",
    "audio": b"ID3\x04\0\0",
    "archive": b"PK\x03\x04\x14\0",
    "html": b"\n<!DOCTYPE html><html><body>404</body></html>",
    "link": b"https://img.example.com/a.jpg\n",
    "text": '{"code":99991663,"msg":"没有权限"}'.encode(),
    "unknown": bytes(range(200, 256)) * 4,
}


@pytest.mark.parametrize("reason", OTHERS)
def test_every_other_kind_has_its_own_sentence(reason: str) -> None:
    assert refused(OTHERS[reason], "商品.jpg").reason == reason


def test_no_two_sentences_are_the_same() -> None:
    sentences = {refused(data).sentence for data in OTHERS.values()}
    assert len(sentences) == len(OTHERS)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF\0\0\0\0AVI LIST", Kind.VIDEO),
        (b"\x1aE\xdf\xa3\x01", Kind.VIDEO),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", Kind.HEIC),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", Kind.AVIF),
        ("\ufeff请看附件".encode(), Kind.TEXT),
        ("请看附件".encode("gb18030"), Kind.TEXT),
        ("请看".encode("utf-16"), Kind.TEXT),
        ("商".encode() * 400, Kind.TEXT),
        (b"[InternetShortcut]\r\nURL=https://x", Kind.LINK),
    ],
)  # fmt: skip
def test_first_bytes_tell(data: bytes, kind: Kind) -> None:
    assert sniff(data) is kind


def test_too_small_is_refused_and_rather_small_is_noted() -> None:
    assert refused(packed(picture((299, 200)))).reason == "too_small"
    assert refused(packed(picture((900, 20)))).reason == "too_small"
    assert "发虚" in open_photo(packed(picture((900, 200))), "瓶子.png").notes[0]


def test_all_transparent_is_refused() -> None:
    assert refused(packed(Image.new("RGBA", (400, 400)))).reason == "transparent"


def test_a_name_cannot_break_the_sentence() -> None:
    name = "a\n\u202eb" + "长" * 100 + ".jpg"
    sentence = refused(b"", name).sentence
    assert "\n" not in sentence
    assert "\u202e" not in sentence
    assert len(sentence) < 90


def test_an_outside_reference_is_never_followed(tmp_path: Path) -> None:
    """A picture that names other files (as MVG and SVG can) is text and nothing more."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(packed(picture()))
    for data in (
        f"push graphic-context\nimage over 0,0 0,0 '{secret}'",
        f"<svg><image href='{secret}'/></svg>",
    ):
        assert refused(data.encode(), "a.png").reason in {"text", "svg"}


FILES = {
    kind: packed(picture((300, 48)), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
}


@given(st.sampled_from(sorted(FILES)), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12))
def test_whatever_is_broken_only_one_kind_of_error_comes_out(
    kind: str, hits: list[tuple[float, int]]
) -> None:
    data = bytearray(FILES[kind])
    for place, value in hits:
        data[min(int(place * len(data)), len(data) - 1)] = value
    try:
        modes = {open_photo(bytes(data), "a").image.mode}
    except PhotoRefused:
        modes = {"RGB"}
    assert modes <= {"RGB", "RGBA"}


def test_every_kind_that_cannot_be_opened_has_a_sentence() -> None:
    assert set(module._NOT_A_PICTURE) == set(Kind) - module.PICTURES
