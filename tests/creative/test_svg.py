"""The SVG: well-formed, self-contained, with live text where the layers say."""

import base64
import io
import re
from xml.etree.ElementTree import Element

import defusedxml.ElementTree as SafeTree
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from creative.studio.model import Composition, Layer, LiveText, TextLine
from creative.studio.svg import write_svg
from tests.creative.compositions import SIZE, small

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


def parsed(composition: Composition) -> Element:
    """The root, read with a parser that refuses entities and outside references."""
    root: Element = SafeTree.fromstring(write_svg(composition), forbid_dtd=True)
    return root


def test_groups_and_layers_keep_order_and_names() -> None:
    root = parsed(small())
    assert root.attrib["viewBox"] == f"0 0 {SIZE[0]} {SIZE[1]}"
    assert [(group.attrib["id"], [layer.attrib["id"] for layer in group]) for group in root] == [
        ("背景", ["生成背景"]), ("商品", ["投影", "商品"]), ("文字", ["主标题", "卖点"]),
        ("标识", ["品牌标志"]),
    ]  # fmt: skip


def test_pictures_are_inside_and_unchanged() -> None:
    shown = [layer for layer in small().layers if layer.text is None]
    images = list(parsed(small()).iter(f"{SVG}image"))
    for layer, image in zip(shown, images, strict=True):
        assert (image.attrib["x"], image.attrib["y"]) == (str(layer.left), str(layer.top))
        head, _, body = image.attrib[LINK].partition(",")
        assert head == "data:image/png;base64"
        inside = Image.open(io.BytesIO(base64.b64decode(body, validate=True)))
        assert inside.size == (int(image.attrib["width"]), int(image.attrib["height"]))
        assert inside.convert("RGBA").tobytes() == layer.image.convert("RGBA").tobytes()


def test_texts_are_live_line_by_line() -> None:
    head, point = parsed(small()).iter(f"{SVG}text")
    spans = [(span.text, span.attrib["x"], span.attrib["y"]) for span in head]
    assert spans == [("夏日焕新 <5 折>", "14.5", "60"), ('A&B "限时" (2)', "14.5", "96")]
    assert head.attrib["fill"] == "#ffffff"
    assert (head.attrib["stroke"], head.attrib["stroke-width"], head.attrib["paint-order"]) == (
        "#141e28", "4", "stroke",
    )  # fmt: skip
    assert (head.attrib["font-size"], head.attrib["font-weight"]) == ("30", "900")
    assert "Noto Sans SC" in head.attrib["font-family"]
    assert "stroke" not in point.attrib


def test_nothing_runs_and_nothing_is_fetched() -> None:
    text = write_svg(small()).decode()
    assert not re.search(r"<(script|foreignObject|use|style|a)\b|\son\w+=|javascript:|@import|url\(", text)
    assert all(address.startswith("data:image/png") for address in re.findall(r'href="([^"]*)', text))


@given(st.text(st.characters(), max_size=30), st.text(max_size=10))
def test_any_text_makes_a_readable_file(text: str, name: str) -> None:
    lines = (TextLine(text, 1.0, 2.0),)
    layer = Layer("文字", name, Image.new("RGBA", (1, 1)), 0, 0, text=LiveText(lines, 9.0, 400, (0, 0, 0)))
    root = parsed(Composition(1, 1, (layer,), layer.image))
    kept = "".join(
        sign for sign in text if (sign >= " " and not "\ud800" <= sign <= "\udfff") or sign in "\t\n\r"
    ).replace("\r\n", "\n")
    [span] = root.iter(f"{SVG}tspan")
    assert (span.text or "") == kept.replace("\r", "\n").replace("\ufffe", "").replace("\uffff", "")
