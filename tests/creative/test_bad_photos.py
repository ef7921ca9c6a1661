"""Whatever is uploaded as a product's photo: a sentence in the row, no bill, and everything else goes on."""

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from creative.studio.photo import MOST_BYTES
from tests.creative.stage import Studio
from tests.creative.stage_kit import bottle, packed

pytestmark = pytest.mark.db

STAGE = {"by_hand": True}
SIZE = ["公众号小封面 383×383"]


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has 30,000 × 30,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def broken() -> bytes:
    """The first half of a good file."""
    whole = packed(bottle(480, "RGB").effect_spread(9), "JPEG", quality=95)
    return whole[: len(whole) // 2]


SVG = b"""<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="800" height="800">
<image href="http://127.0.0.1:9/x.png"/><script>fetch("http://127.0.0.1:9/")</script></svg>"""

REFUSED: dict[str, tuple[str, bytes, str]] = {
    "half a file": ("瓶子.jpg", broken(), "“瓶子.jpg”不完整，只传了一部分"),
    "a bomb": ("大图.png", bomb(), "“大图.png”尺寸过大，没有打开"),
    "nothing": ("空.png", b"", "“空.png”是空文件（0 字节）"),
    "a drawing": ("标志.svg", SVG, "“标志.svg”是 SVG 矢量图"),
    "a drawing in disguise": ("标志.png", SVG, "“标志.png”是 SVG 矢量图"),
    "an address": (
        "商品.jpg",
        b"http://127.0.0.1:9/secret.jpg\n",
        "里面只有一个网址，没有图片。系统不会去访问网址",
    ),
    "a text": ("说明.jpg", "请看附件".encode(), "“说明.jpg”是文字，不是图片"),
    "a dot": ("点.png", packed(Image.new("RGB", (40, 40)), "PNG"), "“点.png”只有 40×40 像素"),
    "a ghost": ("空白.png", packed(Image.new("RGBA", (400, 400)), "PNG"), "整张都是透明的，看不到商品"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_photo_is_told_in_the_row_and_costs_nothing(calm: Studio, name: str) -> None:
    """The row and the card have the sentence; only the drive was asked for the file, and nothing in it."""
    file, data, sentence = REFUSED[name]
    recorder = calm.sandbox.world.control.recorder
    recorder.clear()
    record = calm.ask(photo=(file, data), 尺寸=SIZE, wait="待修改")
    assert sentence in calm.cell(record, "说明")
    assert sentence in str(calm.cards(calm.operator)[-1]["content"])
    assert calm.bills(record) == []
    assert calm.calls(record) == []
    paths = {call["path"] for call in recorder.calls() if not call["path"].startswith("/_sandbox/")}
    assert any("/medias/" in path and path.endswith("/download") for path in paths)
    models = ("/api/v3/", "/v1/")  # the request before this one may still be at its model; ours was not
    assert {path for path in paths if not path.startswith(("/open-apis/", *models))} == set()
    assert calm.reasons(record) == ["accepted", "bad_input"]


def test_a_better_photo_makes_the_request_go_on_and_neighbours_never_stopped(calm: Studio) -> None:
    bad = calm.ask(photo=REFUSED["a bomb"][:2], 尺寸=SIZE, wait=None)
    good = calm.ask(尺寸=SIZE)
    assert calm.cell(bad, "状态") == "待修改"
    assert len(calm.results(good)) == 1
    calm.edit("art_requests", bad, 商品图=[calm.attach("好的.png", packed(bottle(), "PNG"))])
    calm.wait(bad, "待审")
    assert len(calm.results(bad)) == 1


def test_one_bad_photo_among_good_ones_is_named(calm: Studio) -> None:
    files = [("好.png", packed(bottle(), "PNG")), REFUSED["half a file"][:2], REFUSED["nothing"][:2]]
    record = calm.ask(商品图=[calm.attach(*each) for each in files], 尺寸=SIZE, wait="待修改")
    lines = calm.cell(record, "说明").splitlines()
    assert len(lines) == 2
    assert ["“瓶子.jpg”" in lines[0], "“空.png”" in lines[1]] == [True, True]


def rotated() -> bytes:
    """A bottle as a phone stores it: lying on its side, with a note to turn it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = bottle(480, "RGB").rotate(90, expand=True)
    return packed(lying, "JPEG", quality=95, exif=exif)


def animated() -> bytes:
    """A GIF of two pictures."""
    frames = [bottle(480, "RGB"), Image.new("RGB", (480, 480), (255, 255, 255))]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


USABLE: dict[str, tuple[str, bytes, str]] = {
    "turned by a phone": ("手机.jpg", rotated(), ""),
    "for print": ("印刷.jpg", packed(bottle(480, "RGB").convert("CMYK"), "JPEG", quality=95), ""),
    "moving": ("动图.gif", animated(), "这是动图，只用了第一帧"),
    "a wrong ending": ("截图.png", packed(bottle(480, "RGB"), "JPEG", quality=95), "扩展名与内容不符"),
}


@pytest.mark.parametrize("name", USABLE)
def test_what_can_be_used_is_used_upright_and_in_colour(calm: Studio, name: str) -> None:
    """The bottle stands, is blue, and its ground is gone; what was done to it is noted."""
    file, data, note = USABLE[name]
    record = calm.ask(photo=(file, data), 尺寸=SIZE)
    assert note in calm.cell(record, "说明")
    version = calm.stored_version(record)
    (photo,) = version.photos or ()
    with Image.open(io.BytesIO(calm.deps.blobs.get(photo.product))) as product:
        product.load()
        assert photo.cut
        assert product.height > 1.4 * product.width
        red, green, blue, alpha = pixel(product, 0.5, 0.7)
        assert alpha > 250
        assert blue > red + 20
        assert blue > green
    assert len(calm.results(record)) == 1


def pixel(image: Image.Image, x: float, y: float) -> Any:
    """The colour at a place given as shares of width and height."""
    return image.convert("RGBA").getpixel((int(image.width * x), int(image.height * y)))


def test_a_file_that_is_too_large_is_not_even_fetched(calm: Studio) -> None:
    """Its size stands in the cell."""
    calm.sandbox.world.control.recorder.clear()
    record = calm.ask(photo=("扫描.tif", bytes(MOST_BYTES + 1)), 尺寸=SIZE, wait="待修改")
    assert "“扫描.tif”有 50 MB，超过 40 MB；请先缩小再上传" in calm.cell(record, "说明")
    paths = [call["path"] for call in calm.sandbox.world.control.recorder.calls()]
    assert not any(path.endswith("/download") for path in paths)
