"""A text as Photoshop's own live type: the ``TySh`` block of a layer. Pure.

The block holds a descriptor and, inside it, "engine data": a tree in a notation of its own. Keys, their order
and defaults follow ag-psd 31.0.2 (MIT), whose text layers Photoshop opens. The font is only named, by its
PostScript name; the designer's machine must have it, and Photoshop offers another if it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psd_tools.psd import descriptor, engine_data
from psd_tools.psd.tagged_blocks import TypeToolObjectSetting

from creative.studio.model import Colour, LiveText

FONTS: Mapping[int, str] = {400: "NotoSansSC-Regular", 700: "NotoSansSC-Bold", 900: "NotoSansSC-Black"}
"""PostScript names of the weights; 思源黑体 of the same weights looks the same."""

_LEADING = 1.2
"""Share of the size; Photoshop's own automatic leading."""
_NO_MOVE = {"Axis": [1.0, 0.0, 1.0], "XY": [0.0, 0.0]}


def type_setting(text: LiveText) -> TypeToolObjectSetting:
    """The block that makes a pixel layer a type layer.

    Args:
        text: its first line's left edge and baseline place the block, the pitch of its lines is its leading.

    Returns:
        A new block, to be stored under ``Tag.TYPE_TOOL_OBJECT_SETTING`` of the layer that shows its pixels.
    """
    first = text.lines[0]
    return TypeToolObjectSetting(
        transform=(1.0, 0.0, 0.0, 1.0, float(first.x), float(first.baseline)),
        text_version=50,
        text_data=_text_data(text),
        warp=_warp(),
    )


def _text_data(text: LiveText) -> descriptor.DescriptorBlock:
    data = descriptor.DescriptorBlock(classID=b"TxLr")
    data[b"Txt "] = descriptor.String(_joined(text))
    data[b"textGridding"] = descriptor.Enumerated(b"textGridding", b"None")
    data[b"Ornt"] = descriptor.Enumerated(b"Ornt", b"Hrzn")
    data[b"AntA"] = descriptor.Enumerated(b"Annt", b"antiAliasSharp")
    data[b"TextIndex"] = descriptor.Integer(0)
    data[b"EngineData"] = descriptor.RawData(_tree(_engine(text)))
    return data


def _warp() -> descriptor.DescriptorBlock:
    warp = descriptor.DescriptorBlock(classID=b"warp")
    warp[b"warpStyle"] = descriptor.Enumerated(b"warpStyle", b"warpNone")
    for key in (b"warpValue", b"warpPerspective", b"warpPerspectiveOther"):
        warp[key] = descriptor.Double(0.0)
    warp[b"warpRotate"] = descriptor.Enumerated(b"Ornt", b"Hrzn")
    return warp


def _joined(text: LiveText) -> str:
    """Lines as Photoshop divides them, by carriage returns."""
    return "\r".join(line.text for line in text.lines)


def _engine(text: LiveText) -> Mapping[str, Any]:
    whole = _joined(text) + "\r"
    # Photoshop counts UTF-16 units: an emoji is two.
    length = len(whole.encode("utf-16-be")) // 2
    style, resources = _style(text), _resources(text)
    sheet = {"DefaultStyleSheet": 0, "Properties": _paragraph()}
    return {
        "EngineDict": {
            "Editor": {"Text": whole},
            "ParagraphRun": {
                "DefaultRunData": {
                    "ParagraphSheet": {"DefaultStyleSheet": 0, "Properties": {}}, "Adjustments": _NO_MOVE,
                },
                "RunArray": [{"ParagraphSheet": sheet, "Adjustments": _NO_MOVE}],
                "RunLengthArray": [length],
                "IsJoinable": 1,
            },
            "StyleRun": {
                "DefaultRunData": {"StyleSheet": {"StyleSheetData": {}}},
                "RunArray": [{"StyleSheet": {"StyleSheetData": style}}],
                "RunLengthArray": [length],
                "IsJoinable": 2,
            },
            "GridInfo": {
                "GridIsOn": False, "ShowGrid": False, "GridSize": 18.0, "GridLeading": 22.0,
                "GridColor": _colour((0, 0, 255)), "GridLeadingFillColor": _colour((0, 0, 255)),
                "AlignLineHeightToGridFlags": False,
            },
            "AntiAlias": 4,
            "UseFractionalGlyphWidths": True,
            "Rendered": {"Version": 1, "Shapes": _point_shape()},
        },
        "ResourceDict": resources,
        "DocumentResources": resources,
    }  # fmt: skip


def _point_shape() -> Mapping[str, Any]:
    """Text that starts at a point and has no frame."""
    base = {
        "ShapeType": 0, "TransformPoint0": [1.0, 0.0], "TransformPoint1": [0.0, 1.0],
        "TransformPoint2": [0.0, 0.0],
    }  # fmt: skip
    cookie = {"Photoshop": {"ShapeType": 0, "PointBase": [0.0, 0.0], "Base": base}}
    lines: Mapping[str, Any] = {"WritingDirection": 0, "Children": []}
    child = {"ShapeType": 0, "Procession": 0, "Lines": lines, "Cookie": cookie}
    return {"WritingDirection": 0, "Children": [child]}


def _style(text: LiveText) -> Mapping[str, Any]:
    width, colour = text.stroke or (0, (0, 0, 0))
    return {
        "Font": 1, "FontSize": float(text.size), "AutoLeading": False, "Leading": _pitch(text),
        "HorizontalScale": 1.0, "VerticalScale": 1.0, "Tracking": 0, "AutoKerning": True, "Kerning": 0,
        "BaselineShift": 0.0, "Ligatures": True, "Language": 0, "NoBreak": False,
        "FillColor": _colour(text.colour), "StrokeColor": _colour(colour), "FillFlag": True,
        # Pillow strokes outside only, so half of a centred outline of twice the width is what was drawn.
        "StrokeFlag": width > 0, "FillFirst": False, "OutlineWidth": float(max(1, 2 * width)),
    }  # fmt: skip


def _pitch(text: LiveText) -> float:
    if len(text.lines) < 2:
        return float(text.size) * _LEADING
    return float(text.lines[-1].baseline - text.lines[0].baseline) / (len(text.lines) - 1)


def _paragraph() -> Mapping[str, Any]:
    return {
        "Justification": 0, "FirstLineIndent": 0.0, "StartIndent": 0.0, "EndIndent": 0.0, "SpaceBefore": 0.0,
        "SpaceAfter": 0.0, "AutoHyphenate": False, "HyphenatedWordSize": 6, "PreHyphen": 2, "PostHyphen": 2,
        "ConsecutiveHyphens": 8, "Zone": 36.0, "WordSpacing": [0.8, 1.0, 1.33],
        "LetterSpacing": [0.0, 0.0, 0.0], "GlyphSpacing": [1.0, 1.0, 1.0], "AutoLeading": _LEADING,
        "LeadingType": 0, "Hanging": False, "Burasagari": False, "KinsokuOrder": 0,
        "EveryLineComposer": False,
    }  # fmt: skip


def _resources(text: LiveText) -> Mapping[str, Any]:
    # Photoshop's first font is always its invisible one.
    fonts = ("AdobeInvisFont", FONTS.get(text.weight, FONTS[400]))
    return {
        "KinsokuSet": [], "MojiKumiSet": [], "TheNormalStyleSheet": 0, "TheNormalParagraphSheet": 0,
        "ParagraphSheetSet": [{"Name": "Normal RGB", "DefaultStyleSheet": 0, "Properties": _paragraph()}],
        "StyleSheetSet": [{"Name": "Normal RGB", "StyleSheetData": _style(text)}],
        "FontSet": [{"Name": name, "Script": 0, "FontType": 0, "Synthetic": 0} for name in fonts],
        "SuperscriptSize": 0.583, "SuperscriptPosition": 0.333, "SubscriptSize": 0.583,
        "SubscriptPosition": 0.333, "SmallCapSize": 0.7,
    }  # fmt: skip


def _colour(colour: Colour) -> Mapping[str, Any]:
    """Type 1 is RGB; values are alpha, red, green, blue from 0 to 1."""
    return {"Type": 1, "Values": [1.0, *(round(part / 255, 5) for part in colour)]}


def _tree(value: Mapping[str, Any]) -> bytes:
    """The notation of engine data, written by psd-tools from its elements."""
    tree = engine_data.EngineData()
    for key, inner in value.items():
        tree[key] = _element(inner)
    return tree.tobytes()


def _element(value: Any) -> Any:
    if isinstance(value, Mapping):
        inner = engine_data.Dict()
        for key, item in value.items():
            inner[key] = _element(item)
        return inner
    if isinstance(value, bool):
        return engine_data.Bool(value)
    if isinstance(value, int):
        return engine_data.Integer(value)
    if isinstance(value, float):
        return engine_data.Float(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return engine_data.List([_element(item) for item in value])
    return engine_data.String(value)
